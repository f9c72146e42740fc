//! [`Account`]: a person's standing with one server: the token its requests carry, and what the server said of it.
//!
//! Invariant: one refresh at a time, and everybody who waits takes its outcome. A refresh that began ends and is kept, even
//! if whoever wanted it is gone: its refresh token is used up. A refused token is renewed once for each request, and not
//! before the server says again that it listens to the authorization server which gave it.

use super::{
    super::{
        lock,
        words::{Fault, Kind, quote},
    },
    Keep, Trouble,
    challenge::Challenge,
    discover,
    dpop::Token,
    grant::{Denied, Grant},
};
use crate::wire::{
    connection::SignIn,
    id::{Millis, UserId},
};
use std::{
    fmt,
    sync::{Arc, Mutex},
};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, oneshot};
use url::Url;

/// How often a person may sign in anew for scopes they signed in for already.
const RAISES: u32 = 2;

/// A person's standing with one server.
pub(in super::super) struct Account {
    pub(super) keep: Arc<Keep>,
    pub(super) user: UserId,
    pub(super) server: String,
    pub(super) url: Url,
    pub(super) guarded: bool,
    /// Written by whoever holds it while asking for tokens.
    tokens: Arc<AsyncMutex<Held>>,
    /// What is told without waiting. Written at every refusal and sign-in.
    seen: Mutex<Seen>,
}

/// The tokens, once they were read.
#[derive(Default)]
pub(super) struct Held {
    read: bool,
    pub(super) grant: Option<Grant>,
}

#[derive(Default)]
struct Seen {
    /// What the server said when it last refused.
    challenge: Option<Challenge>,
    /// The authorization server one is signed in at.
    issuer: Option<String>,
    /// Why a sign-in ended, as a sentence.
    ended: Option<String>,
    /// How often the same scopes were asked for.
    raised: (Vec<String>, u32),
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("server", &self.server).finish_non_exhaustive()
    }
}

type Hold = OwnedMutexGuard<Held>;

impl Account {
    pub(super) fn new(keep: Arc<Keep>, user: UserId, server: &str, url: Url, guarded: bool) -> Self {
        Self { keep, user, server: server.to_owned(), url, guarded, tokens: Arc::default(), seen: Mutex::default() }
    }

    /// The tokens, read from the store if they were not yet.
    pub(super) async fn hold(&self) -> Result<Hold, Trouble> {
        let mut held = Arc::clone(&self.tokens).lock_owned().await;
        if !held.read {
            held.grant = self.keep.grant(self.user, &self.server, &self.url).await?;
            held.read = true;
            lock(&self.seen).issuer = held.grant.as_ref().map(|grant| grant.issuer.clone());
        }
        Ok(held)
    }

    pub(in super::super) fn now(&self) -> Millis {
        self.keep.clock.now()
    }

    /// The token for the next request, if there is one.
    pub(in super::super) async fn token(&self) -> Result<Option<Token>, Trouble> {
        let held = self.hold().await?;
        let Some(grant) = &held.grant else { return Ok(None) };
        if !grant.is_due(self.keep.clock.now()) {
            return Ok(Some(grant.shown()));
        }
        self.renew(held).await
    }

    /// What to try after the server refused `used`; `None` if there is nothing.
    pub(in super::super) async fn refused(
        &self,
        used: Option<&Token>,
        challenge: Challenge,
    ) -> Result<Option<Token>, Trouble> {
        let hint = challenge.metadata.clone();
        lock(&self.seen).challenge = Some(challenge);
        let mut held = self.hold().await?;
        let Some(grant) = &held.grant else { return Ok(None) };
        if !grant.shown().is(used) {
            // Somebody else renewed it in the meantime.
            return Ok(Some(grant.shown()));
        }
        let asker = self.keep.asker(self.guarded);
        // Where it cannot be told, the authorization server itself says what is good.
        let changed = discover::resource(asker, &self.url, hint.as_deref())
            .await
            .is_ok_and(|resource| !resource.issuers.contains(&grant.issuer));
        if changed {
            let told = "It has another authorization server now.";
            self.end(&mut held, told).await?;
            return Ok(None);
        }
        if grant.refresh.is_none() {
            self.end(&mut held, "Your sign-in has ended.").await?;
            return Ok(None);
        }
        self.renew(held).await
    }

    /// Notes that the server wants more scopes than the token has.
    pub(in super::super) fn wants_more(&self, mut challenge: Challenge) {
        challenge.wants_more = true;
        lock(&self.seen).challenge = Some(challenge);
    }

    /// Renews the tokens, in a task of its own.
    async fn renew(&self, mut held: Hold) -> Result<Option<Token>, Trouble> {
        let Some(grant) = held.grant.clone() else { return Ok(None) };
        let (told, hears) = oneshot::channel();
        let (keep, user, server, guarded) = (Arc::clone(&self.keep), self.user, self.server.clone(), self.guarded);
        self.keep.tasks.spawn("refresh", async move {
            let now = keep.clock.now();
            let renewed = grant.renewed(keep.asker(guarded), now).await;
            let outcome = match renewed {
                Ok(renewed) => {
                    if let Err(error) = keep.keep_grant(user, &server, Some(&renewed)).await {
                        tracing::warn!(%error, "renewed tokens are good until a restart only");
                    }
                    let token = renewed.shown();
                    held.grant = Some(renewed);
                    Ok(Some(token))
                }
                Err(Denied::Trouble(trouble)) if grant.may_be_good(now) => {
                    tracing::info!(%trouble, "tokens cannot be renewed yet");
                    Ok(Some(grant.shown()))
                }
                Err(Denied::Trouble(trouble)) => Err(trouble),
                Err(Denied::Over | Denied::Unknown) => {
                    held.grant = None;
                    keep.keep_grant(user, &server, None).await.map(|()| None)
                }
            };
            drop(held);
            // Whoever asked may be gone.
            let _gone = told.send(outcome);
        });
        let away = || Trouble::Away("Its sign-in could not be renewed just now.".to_owned());
        let outcome = hears.await.unwrap_or_else(|_| Err(away()))?;
        if outcome.is_none() {
            let mut seen = lock(&self.seen);
            seen.issuer = None;
            seen.ended = Some("Your sign-in has ended.".to_owned());
        }
        Ok(outcome)
    }

    /// Forgets the tokens.
    pub(super) async fn end(&self, held: &mut Hold, told: &str) -> Result<(), Trouble> {
        held.grant = None;
        self.keep.keep_grant(self.user, &self.server, None).await?;
        let mut seen = lock(&self.seen);
        seen.issuer = None;
        seen.ended = Some(told.to_owned());
        Ok(())
    }

    /// Takes new tokens.
    pub(super) async fn signed_in(&self, grant: Grant) -> Result<(), Trouble> {
        let mut held = self.hold().await?;
        self.keep.keep_grant(self.user, &self.server, Some(&grant)).await?;
        let mut seen = lock(&self.seen);
        seen.issuer = Some(grant.issuer.clone());
        (seen.challenge, seen.ended) = (None, None);
        held.grant = Some(grant);
        Ok(())
    }

    /// What the server said when it last refused.
    pub(super) fn challenge(&self) -> Challenge {
        lock(&self.seen).challenge.clone().unwrap_or_default()
    }

    /// Counts sign-ins for the same scopes: a server that wants them again and again is never content.
    pub(super) fn raise(&self, wanted: &[String], asked: &[String]) -> Result<(), Trouble> {
        let mut seen = lock(&self.seen);
        if !wanted.iter().all(|scope| asked.contains(scope)) {
            seen.raised = (wanted.to_vec(), 0);
            return Ok(());
        }
        let tries = if seen.raised.0 == wanted { seen.raised.1 + 1 } else { 1 };
        seen.raised = (wanted.to_vec(), tries);
        if tries > RAISES {
            let told = format!(
                "It keeps asking for «{}» although you signed in for that. Ask whoever runs it.",
                quote(&wanted.join(" "))
            );
            return Err(Trouble::Refused(told));
        }
        Ok(())
    }

    /// How one stands with it, for its page.
    pub(in super::super) fn standing(&self, let_in: bool) -> SignIn {
        let seen = lock(&self.seen);
        match (&seen.issuer, &seen.challenge) {
            (Some(_), Some(challenge)) if challenge.wants_more => SignIn::More,
            (Some(_), _) => SignIn::In,
            (None, None) if let_in => SignIn::None,
            (None, _) => SignIn::Out,
        }
    }

    /// Whether the server ever asked for a sign-in. One that only forbids (HTTP 403) may mean its address or headers.
    pub(in super::super) fn is_asked_for(&self) -> bool {
        let seen = lock(&self.seen);
        seen.challenge.is_some() || seen.issuer.is_some() || seen.ended.is_some()
    }

    /// Why the server does not let its person in.
    pub(in super::super) fn fault(&self) -> Fault {
        let seen = lock(&self.seen);
        let wants_more = seen.challenge.as_ref().is_some_and(|challenge| challenge.wants_more);
        let told = match (&seen.ended, &seen.issuer) {
            (Some(ended), _) => format!("{ended} Sign in again."),
            (None, Some(_)) if wants_more => {
                let scope = seen.challenge.as_ref().and_then(|challenge| challenge.scope.as_deref());
                let scope = scope.map(|scope| format!(" («{}»)", quote(scope))).unwrap_or_default();
                format!("It wants you to allow more{scope}. Sign in again.")
            }
            (None, Some(_)) => "It does not accept your sign-in. Sign in again.".to_owned(),
            (None, None) => "It wants you to sign in.".to_owned(),
        };
        Fault::new(Kind::Credentials, told)
    }
}
