//! [`Renewal`]: one renewal of a person's tokens, by one process of those that work on the database.
//!
//! Invariant: a refresh token is shown once: whoever renews says so first, in what is kept, for [`CLAIM`]; all others, in
//! this process and in others, wait for what comes of it, or go on with a token that is good yet. What is kept is read
//! before anything is asked for, and once more if the refresh token turns out to be used up: somebody else may have
//! renewed it.

use super::{
    Trouble,
    dpop::Token,
    grant::{Denied, Grant},
    kept::{Hold, Place},
};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long others wait for whoever renews: longer than two requests, of which the first may only bring a nonce.
const CLAIM: Duration = Duration::from_secs(25);
/// How often they look meanwhile.
const LOOK: Duration = Duration::from_millis(100);

/// A renewal.
pub(super) struct Renewal {
    pub(super) place: Place,
    /// The tokens, held until it is over.
    pub(super) held: Hold,
    /// The token that was refused; `None`: it ends soon, or has ended.
    pub(super) refused: Option<Token>,
}

/// Whose turn it is.
enum Turn {
    /// Ours: nobody else renews it.
    Ours(Grant),
    /// Nobody's: these are good, or there are none any more.
    Over(Option<Grant>),
    /// Somebody else's, who is at it.
    Others,
}

impl Renewal {
    /// The tokens that come of it; `None`: the sign-in has ended.
    pub(super) async fn outcome(mut self) -> Result<Option<Grant>, Trouble> {
        let began = Instant::now();
        loop {
            // A process that said it renews and is heard of no more has ended, whatever the clocks say.
            match self.turn(began.elapsed() < CLAIM).await {
                Ok(Turn::Ours(grant)) => return self.renew(grant).await,
                Ok(Turn::Over(grant)) => return Ok(grant),
                Ok(Turn::Others) => sleep(LOOK).await,
                Err(trouble) => return self.as_it_is(trouble),
            }
        }
    }

    /// `waits`: whether somebody else who is at it is waited for.
    async fn turn(&mut self, waits: bool) -> Result<Turn, Trouble> {
        self.place.look(&mut self.held).await?;
        let Some(grant) = self.held.grant.clone() else { return Ok(Turn::Over(None)) };
        let now = self.place.keep.clock.now();
        let is_refused = self.refused.is_some() && grant.shown().is(self.refused.as_ref());
        if !is_refused && !grant.is_due(now) {
            return Ok(Turn::Over(Some(grant)));
        }
        if waits && grant.is_being_renewed(now) {
            let good = !is_refused && grant.may_be_good(now);
            return Ok(if good { Turn::Over(Some(grant)) } else { Turn::Others });
        }
        let until = now.0.saturating_add(i64::try_from(CLAIM.as_millis()).unwrap_or(i64::MAX));
        let claimed = grant.being_renewed(Some(until));
        if !self.place.replace(&mut self.held, Some(claimed)).await? {
            // Somebody was faster.
            return Ok(Turn::Others);
        }
        let grant = grant.being_renewed(None);
        self.held.grant = Some(grant.clone());
        Ok(Turn::Ours(grant))
    }

    async fn renew(&mut self, grant: Grant) -> Result<Option<Grant>, Trouble> {
        let renewed = grant.renewed(self.place.asker(), &self.place.keep.clock).await;
        match renewed {
            Ok(renewed) => match self.place.replace(&mut self.held, Some(renewed.clone())).await {
                Ok(true) => Ok(Some(renewed)),
                Ok(false) => self.overtaken(renewed).await,
                Err(error) => {
                    tracing::warn!(%error, "renewed tokens are good until a restart only");
                    self.held.grant = Some(renewed.clone());
                    Ok(Some(renewed))
                }
            },
            Err(Denied::Trouble(trouble)) => {
                // The next one need not wait for this.
                if let Err(error) = self.place.replace(&mut self.held, Some(grant)).await {
                    tracing::warn!(%error, "that nobody renews tokens any more cannot be kept");
                }
                self.as_it_is(trouble)
            }
            Err(Denied::Over | Denied::Unknown) => {
                if !self.place.replace(&mut self.held, None).await? {
                    self.place.look(&mut self.held).await?;
                }
                Ok(self.held.grant.clone())
            }
        }
    }

    /// Somebody signed in or out while new tokens came: what they did counts.
    async fn overtaken(&mut self, renewed: Grant) -> Result<Option<Grant>, Trouble> {
        self.place.look(&mut self.held).await?;
        if self.held.grant.is_none()
            && let Err(error) = renewed.revoke(self.place.asker()).await
        {
            tracing::info!(%error, "tokens that nobody wants any more could not be given back");
        }
        Ok(self.held.grant.clone())
    }

    /// Goes on with what there is, if that may be good yet.
    fn as_it_is(&self, trouble: Trouble) -> Result<Option<Grant>, Trouble> {
        let now = self.place.keep.clock.now();
        let grant = self.held.grant.as_ref().filter(|_| self.refused.is_none());
        match grant.filter(|grant| grant.may_be_good(now)) {
            Some(grant) => {
                tracing::info!(%trouble, "tokens cannot be renewed yet");
                Ok(Some(grant.clone()))
            }
            None => Err(trouble),
        }
    }
}
