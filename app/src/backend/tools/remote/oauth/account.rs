//! [`Account`]: a person's standing with one server: the token its requests carry, and what the server said of it.
//!
//! Invariant: one refresh at a time, in this process and in others ([`renew`](super::renew)), and everybody who waits takes
//! its outcome. A refresh that began ends and is kept, even if whoever wanted it is gone: its refresh token is used up. A
//! refused token is renewed once for each request, and not before the server says again that it listens to the
//! authorization server which gave it. What another process did to the sign-in is seen when a token is refused or due.

use super::{
    super::{
        lock,
        words::{Fault, Kind, quote},
    },
    Keep, Trouble,
    challenge::Challenge,
    discover,
    dpop::Token,
    grant::Grant,
    kept::{Held, Hold, Place},
    renew::Renewal,
};
use crate::wire::{
    connection::SignIn,
    id::{Millis, UserId},
};
use std::{
    fmt,
    ops::Deref,
    sync::{Arc, Mutex},
};
use tokio::sync::{Mutex as AsyncMutex, oneshot};
use url::Url;

/// How often a person may sign in anew for scopes they signed in for already.
const RAISES: u32 = 2;

/// A person's standing with one server.
pub(in super::super) struct Account {
    place: Place,
    /// Written by whoever holds it while asking for tokens.
    tokens: Arc<AsyncMutex<Held>>,
    /// What is told without waiting. Written at every refusal and sign-in.
    seen: Mutex<Seen>,
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

impl Deref for Account {
    type Target = Place;
    fn deref(&self) -> &Place {
        &self.place
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Account {
    pub(super) fn new(keep: Arc<Keep>, user: UserId, server: &str, url: Url, guarded: bool) -> Self {
        let place = Place { keep, user, server: server.to_owned(), url, guarded };
        Self { place, tokens: Arc::default(), seen: Mutex::default() }
    }

    /// The tokens, read from the store if they were not yet.
    pub(super) async fn hold(&self) -> Result<Hold, Trouble> {
        let mut held = Arc::clone(&self.tokens).lock_owned().await;
        self.read(&mut held).await?;
        self.note(held.grant.as_ref());
        Ok(held)
    }

    /// Notes whether one is signed in, and where.
    fn note(&self, grant: Option<&Grant>) {
        let mut seen = lock(&self.seen);
        let before = seen.issuer.take();
        seen.issuer = grant.map(|grant| grant.issuer.clone());
        match (&before, &seen.issuer) {
            (Some(_), None) => seen.ended = Some("Your sign-in has ended.".to_owned()),
            (_, Some(_)) => seen.ended = None,
            (None, None) => {}
        }
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
        self.renew(held, None).await
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
        if held.grant.as_ref().is_none_or(|grant| grant.shown().is(used)) && self.look(&mut held).await? {
            self.note(held.grant.as_ref());
        }
        let Some(grant) = &held.grant else { return Ok(None) };
        if !grant.shown().is(used) {
            // Somebody else renewed it in the meantime, or signed in.
            return Ok(Some(grant.shown()));
        }
        // Where it cannot be told, the authorization server itself says what is good.
        let changed = discover::resource(self.asker(), &self.url, hint.as_deref())
            .await
            .is_ok_and(|resource| !resource.issuers.contains(&grant.issuer));
        if changed {
            return self.lapse(&mut held, "It has another authorization server now.").await;
        }
        if grant.refresh.is_none() {
            return self.lapse(&mut held, "Your sign-in has ended.").await;
        }
        self.renew(held, used).await
    }

    /// Notes that the server wants more scopes than the token has.
    pub(in super::super) fn wants_more(&self, mut challenge: Challenge) {
        challenge.wants_more = true;
        lock(&self.seen).challenge = Some(challenge);
    }

    /// Renews the tokens, in a task of its own; `refused`: the token that was.
    async fn renew(&self, held: Hold, refused: Option<&Token>) -> Result<Option<Token>, Trouble> {
        let (told, hears) = oneshot::channel();
        let renewal = Renewal { place: self.place.clone(), held, refused: refused.cloned() };
        self.keep.tasks.spawn("refresh", async move {
            // Whoever asked may be gone.
            let _gone = told.send(renewal.outcome().await);
        });
        let away = || Trouble::Away("Its sign-in could not be renewed just now.".to_owned());
        let grant = hears.await.unwrap_or_else(|_| Err(away()))?;
        self.note(grant.as_ref());
        Ok(grant.map(|grant| grant.shown()))
    }

    /// Forgets the tokens, unless others are kept by now: then what is to be shown instead.
    async fn lapse(&self, held: &mut Hold, told: &str) -> Result<Option<Token>, Trouble> {
        if !self.replace(held, None).await? {
            self.look(held).await?;
            self.note(held.grant.as_ref());
            return Ok(held.grant.as_ref().map(Grant::shown));
        }
        self.ended(told);
        Ok(None)
    }

    /// Forgets the tokens, whatever they are.
    pub(super) async fn end(&self, held: &mut Hold, told: &str) -> Result<(), Trouble> {
        self.put(held, None).await?;
        self.ended(told);
        Ok(())
    }

    fn ended(&self, told: &str) {
        let mut seen = lock(&self.seen);
        seen.issuer = None;
        seen.ended = Some(told.to_owned());
    }

    /// Takes new tokens.
    pub(super) async fn signed_in(&self, grant: Grant) -> Result<(), Trouble> {
        let mut held = self.hold().await?;
        let issuer = grant.issuer.clone();
        self.put(&mut held, Some(grant)).await?;
        let mut seen = lock(&self.seen);
        seen.issuer = Some(issuer);
        (seen.challenge, seen.ended) = (None, None);
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
