//! [`Machine`]: Parley's own standing with a server of the operator's, where no person signs in: tokens by what the
//! operator's file says to show (client credentials, a platform's assertion, an identity provider's).
//!
//! Invariant: one token for everybody here, in memory alone: whoever waits for it takes the outcome of whoever asks, and a
//! refusal is believed for [`AGAIN`] before anything is shown again. What the file says to show goes to the authorization
//! server that the server names, or to the one that the file names if it names one, over https (or on this machine) and
//! no other way; another grant than the file's is never tried.

use super::{
    Keep, Trouble,
    ask::Asker,
    assertion,
    begin::words,
    challenge::Challenge,
    client::{Client, Method},
    discover::{self, Metadata, Resource},
    dpop::{self, Prover, Token},
    endpoint::{Shows, TokenRequest},
    grant::{self, Denied},
};
use crate::{
    backend::{
        config::servers::{OperatorAuth, OperatorClient, OperatorGrant, OperatorProof},
        tools::remote::{lock, words::quote},
    },
    wire::id::Millis,
};
use secrecy::{ExposeSecret, SecretString};
use std::{
    fmt,
    sync::{Arc, Mutex},
};
use tokio::sync::Mutex as AsyncMutex;
use url::Url;

/// Milliseconds for which a refusal is believed.
const AGAIN: i64 = 5_000;
/// Seconds before its end from which on a token is replaced; half its life, if that is shorter.
const EARLY: i64 = 30;

/// Parley's own standing with a server.
pub(in super::super) struct Machine {
    keep: Arc<Keep>,
    server: String,
    url: Url,
    auth: Arc<OperatorAuth>,
    /// Written by whoever holds it while asking for a token.
    held: AsyncMutex<Held>,
    /// What the server said when it last refused. Written then.
    seen: Mutex<Challenge>,
}

#[derive(Default)]
struct Held {
    got: Option<Got>,
    /// Why there is none, and since when.
    failed: Option<(Millis, Trouble)>,
    /// Its key, once one is wanted.
    prover: Option<Arc<Prover>>,
}

/// A token, and when it is replaced.
struct Got {
    token: Token,
    due: Option<i64>,
    asked: Vec<String>,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Machine {
    pub(super) fn new(keep: Arc<Keep>, server: &str, url: Url, auth: Arc<OperatorAuth>) -> Self {
        Self { keep, server: server.to_owned(), url, auth, held: AsyncMutex::default(), seen: Mutex::default() }
    }

    pub(in super::super) fn now(&self) -> Millis {
        self.keep.clock.now()
    }

    /// The token for the next request; none before the server asked for one.
    pub(in super::super) async fn token(&self) -> Result<Option<Token>, Trouble> {
        let mut held = self.held.lock().await;
        let Some(got) = &held.got else { return Ok(None) };
        if got.due.is_none_or(|due| due > self.keep.clock.now().0) {
            return Ok(Some(got.token.clone()));
        }
        let asked = got.asked.clone();
        self.get(&mut held, asked).await.map(Some)
    }

    /// What to try after the server refused `used`.
    pub(in super::super) async fn refused(&self, used: Option<&Token>, challenge: Challenge) -> Result<Token, Trouble> {
        *lock(&self.seen) = challenge;
        let mut held = self.held.lock().await;
        if let Some(got) = held.got.as_ref().filter(|got| !got.token.is(used)) {
            // Somebody else got it in the meantime.
            return Ok(got.token.clone());
        }
        let asked = held.got.as_ref().map(|got| got.asked.clone()).unwrap_or_default();
        self.get(&mut held, asked).await
    }

    /// What to try after the server wanted more than `used` allows.
    pub(in super::super) async fn raised(&self, used: Option<&Token>, challenge: Challenge) -> Result<Token, Trouble> {
        let wanted = challenge.scope.as_deref().map(words).unwrap_or_default();
        *lock(&self.seen) = challenge;
        let mut held = self.held.lock().await;
        let asked = held.got.as_ref().map(|got| got.asked.clone()).unwrap_or_default();
        if let Some(got) = held.got.as_ref().filter(|got| !got.token.is(used)) {
            return Ok(got.token.clone());
        }
        if self.auth.scope.is_some() || wanted.iter().all(|scope| asked.contains(scope)) {
            let wanted = if wanted.is_empty() { String::new() } else { format!(" («{}»)", quote(&wanted.join(" "))) };
            return Err(Trouble::Denied(format!("It wants more than Parley may there{wanted}.")));
        }
        self.get(&mut held, asked).await
    }

    /// Notes that a new token was refused as well.
    pub(in super::super) async fn given_up(&self, used: Option<&Token>) -> Trouble {
        let told = "It does not accept the token that its own authorization server gave to Parley.";
        let trouble = Trouble::Denied(told.to_owned());
        let mut held = self.held.lock().await;
        if held.got.as_ref().is_some_and(|got| got.token.is(used)) {
            (held.got, held.failed) = (None, Some((self.now(), trouble.clone())));
        }
        trouble
    }

    /// Gets a token, unless that was refused just now; `asked`: scopes to keep.
    async fn get(&self, held: &mut Held, asked: Vec<String>) -> Result<Token, Trouble> {
        let now = self.keep.clock.now();
        if let Some((at, trouble)) = &held.failed
            && (0..AGAIN).contains(&(now.0 - at.0))
        {
            return Err(trouble.clone());
        }
        let got = self.ask(&mut held.prover, asked, now).await.map_err(|trouble| match trouble {
            Trouble::Refused(told) => Trouble::Denied(told),
            other => other,
        });
        match got {
            Ok(got) => {
                let token = got.token.clone();
                (held.got, held.failed) = (Some(got), None);
                Ok(token)
            }
            Err(trouble) => {
                tracing::warn!(server = %self.server, %trouble, "no token is to be had");
                (held.got, held.failed) = (None, Some((now, trouble.clone())));
                Err(trouble)
            }
        }
    }

    async fn ask(&self, kept: &mut Option<Arc<Prover>>, had: Vec<String>, now: Millis) -> Result<Got, Trouble> {
        let asker = self.keep.own_asker();
        let challenge = lock(&self.seen).clone();
        let resource = discover::resource(asker, &self.url, challenge.metadata.as_deref()).await?;
        let issuer = self.issuer(&resource)?;
        let metadata = discover::server(asker, issuer).await?;
        self.offers(&metadata)?;
        if !dpop::is_wanted(&metadata, &resource)? {
            *kept = None;
        } else if kept.is_none() {
            *kept = Some(Prover::make()?);
        }
        let scopes = self.scopes(&challenge, &resource, had);
        let scope = scopes.join(" ");
        let client = Shown::of(&self.auth.client, &metadata);
        let assertion = self.assertion(asker, &metadata, &resource.name, &scope, now).await?;
        let mut form = match &assertion {
            None => vec![("grant_type", "client_credentials")],
            Some(assertion) => vec![("grant_type", assertion::GRANT), ("assertion", assertion.expose_secret())],
        };
        form.push(("resource", &resource.name));
        if !scope.is_empty() {
            form.push(("scope", &scope));
        }
        let prover = kept.as_deref();
        let request = TokenRequest { url: &metadata.token, form, shows: client.shows(issuer), prover, now };
        let answered = request.send(asker).await?;
        let refusal = grant::refusal(&answered);
        let tokens = grant::read(answered, prover.is_some(), resource.bound).map_err(|denied| match denied {
            Denied::Trouble(trouble) => trouble,
            Denied::Over | Denied::Unknown => refusal,
        })?;
        let due = tokens.last().map(|last| now.0.saturating_add((last - EARLY).max(last / 2) * 1000));
        let prover = kept.clone().filter(|_| tokens.are_bound());
        Ok(Got { token: Token { access: tokens.access_token, prover }, due, asked: scopes })
    }

    /// The authorization server that may be shown something.
    fn issuer<'a>(&'a self, resource: &'a Resource) -> Result<&'a str, Trouble> {
        match &self.auth.issuer {
            None => resource.issuers.first().map(String::as_str),
            Some(issuer) => resource.issuers.iter().find(|named| *named == issuer).map(String::as_str),
        }
        .ok_or_else(|| {
            Trouble::refused(
                "It names another authorization server than the one that Parley is to show its credentials to. Nothing \
                 was shown.",
            )
        })
    }

    /// Whether that authorization server gives tokens so, as far as it says.
    fn offers(&self, metadata: &Metadata) -> Result<(), Trouble> {
        let grant = match self.auth.grant {
            OperatorGrant::ClientCredentials => "client_credentials",
            OperatorGrant::Assertion(_) | OperatorGrant::Identity { .. } => assertion::GRANT,
        };
        let lacks = |told: &[String], name: &str| !told.is_empty() && !told.iter().any(|one| one == name);
        if lacks(&metadata.grants, grant) {
            let told = format!("Its authorization server gives no tokens by «{grant}», as Parley is to get them.");
            return Err(Trouble::Refused(told));
        }
        let OperatorProof::Key(key) = &self.auth.client.proof else { return Ok(()) };
        if lacks(&metadata.methods, "private_key_jwt") || lacks(&metadata.signing, key.algorithm().name()) {
            let told = format!(
                "Its authorization server takes no clients that sign with {} («private_key_jwt»).",
                key.algorithm().name()
            );
            return Err(Trouble::Refused(told));
        }
        Ok(())
    }

    /// The file's scopes; else those that were asked for already, with what the server wants.
    fn scopes(&self, challenge: &Challenge, resource: &Resource, had: Vec<String>) -> Vec<String> {
        if let Some(scope) = &self.auth.scope {
            return words(scope);
        }
        let wanted = challenge.scope.as_deref().map_or_else(|| resource.scopes.clone(), words);
        let mut scopes: Vec<String> = Vec::new();
        for scope in had.into_iter().chain(wanted) {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        scopes
    }

    /// What others say of Parley or of its people to that authorization server, if tokens are got by it.
    async fn assertion(
        &self,
        asker: Asker<'_>,
        metadata: &Metadata,
        resource: &str,
        scope: &str,
        now: Millis,
    ) -> Result<Option<SecretString>, Trouble> {
        match &self.auth.grant {
            OperatorGrant::ClientCredentials => Ok(None),
            OperatorGrant::Assertion(told) => {
                let assertion = assertion::read(told).await?;
                assertion::checked(&assertion, &[&metadata.issuer, &metadata.token], now)?;
                Ok(Some(assertion))
            }
            OperatorGrant::Identity { provider, client, token } => {
                let subject = assertion::read(token).await?;
                let exchange = assertion::Exchange {
                    provider,
                    client,
                    subject: &subject,
                    audience: &metadata.issuer,
                    resource,
                    scope,
                };
                exchange.send(asker, now).await.map(Some)
            }
        }
    }
}

/// What the operator's file says that Parley is at an authorization server.
pub(super) enum Shown<'a> {
    Nothing,
    Client(Client),
    Key(&'a str, &'a crate::backend::jwt::Key),
}

impl<'a> Shown<'a> {
    pub(super) fn of(client: &'a OperatorClient, metadata: &Metadata) -> Self {
        let Some(id) = &client.id else { return Self::Nothing };
        let (secret, method) = match &client.proof {
            OperatorProof::Key(key) => return Self::Key(id, key),
            OperatorProof::Nothing => (None, Method::None),
            OperatorProof::Secret { secret, posted } => {
                let method = match posted {
                    None => Method::best(metadata, true),
                    Some(true) => Method::ClientSecretPost,
                    Some(false) => Method::ClientSecretBasic,
                };
                (Some(secret.expose_secret().to_owned()), method)
            }
        };
        Self::Client(Client { id: id.clone(), secret, method, callback: String::new(), given: true })
    }

    pub(super) fn shows<'b>(&'b self, audience: &'b str) -> Shows<'b> {
        match self {
            Self::Nothing => Shows::Nothing,
            Self::Client(client) => Shows::Client(client),
            Self::Key(id, key) => Shows::Signed { id, key, audience },
        }
    }
}
