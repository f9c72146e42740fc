//! [`Machine`]: Parley's own standing with a server of the operator's, where no person signs in: tokens by what the
//! operator's file says to show (client credentials, a platform's assertion, an identity provider's).
//!
//! Invariant: one token for everybody here, in memory alone: whoever waits for it takes the outcome of whoever asks, and a
//! refusal is believed for [`AGAIN`] before anything is shown again. A token that is good yet stays when another one is not
//! to be had: neither what one person may not, nor an authorization server that is away for a moment, is everybody's
//! trouble. What the file says to show goes to the authorization server that the server names, or to the one that the
//! file names if it names one, over https (or on this machine) and no other way; another grant than the file's is never
//! tried.

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
        tools::remote::words::quote,
    },
    wire::id::Millis,
};
use secrecy::{ExposeSecret, SecretString};
use std::{fmt, sync::Arc};
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
    /// The authorization server that the file names.
    issuer: Option<Url>,
    /// Written by whoever holds it while asking for a token.
    held: AsyncMutex<Held>,
}

#[derive(Default)]
struct Held {
    got: Option<Got>,
    /// Why there is no newer one.
    failed: Option<Failed>,
    /// The scopes that were asked for in vain by whoever needed more, and why.
    not_raised: Option<(Vec<String>, Failed)>,
    /// Its key, once one is wanted.
    prover: Option<Arc<Prover>>,
    /// Where the server says that it describes itself.
    hint: Option<String>,
    /// Who gives tokens, as long as they do.
    giver: Option<Giver>,
}

/// A token, when it is replaced, and when it ends, in milliseconds since the epoch.
struct Got {
    token: Token,
    due: Option<i64>,
    ends: Option<i64>,
    asked: Vec<String>,
}

/// Why a request failed, and when.
struct Failed {
    at: Millis,
    trouble: Trouble,
}

/// What was found out about who gives tokens, and for what.
struct Giver {
    hint: Option<String>,
    resource: Resource,
    metadata: Metadata,
}

/// What a token is asked for.
struct Wanted {
    /// The scopes that were asked for already.
    had: Vec<String>,
    /// The scopes that the server wants besides, if it says so.
    scope: Option<String>,
    /// Whether only what was had is to be had again.
    same: bool,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Machine {
    pub(super) fn new(keep: Arc<Keep>, server: &str, url: Url, auth: Arc<OperatorAuth>) -> Self {
        let issuer = auth.issuer.as_deref().and_then(|issuer| Url::parse(issuer).ok());
        Self { keep, server: server.to_owned(), url, auth, issuer, held: AsyncMutex::default() }
    }

    pub(in super::super) fn now(&self) -> Millis {
        self.keep.clock.now()
    }

    /// The token for the next request; none before the server asked for one.
    pub(in super::super) async fn token(&self) -> Result<Option<Token>, Trouble> {
        let mut held = self.held.lock().await;
        let Some(got) = &held.got else { return Ok(None) };
        if got.due.is_none_or(|due| due > self.now().0) {
            return Ok(Some(got.token.clone()));
        }
        let wanted = Wanted { had: got.asked.clone(), scope: None, same: true };
        let trouble = match self.get(&mut held, &wanted).await {
            Ok(token) => return Ok(Some(token)),
            Err(trouble) => trouble,
        };
        match held.got.take_if(|got| got.ends.is_some_and(|ends| ends <= self.now().0)) {
            Some(_over) => Err(trouble),
            None => Ok(held.got.as_ref().map(|got| got.token.clone())),
        }
    }

    /// What to try after the server refused `used`.
    pub(in super::super) async fn refused(&self, used: Option<&Token>, challenge: Challenge) -> Result<Token, Trouble> {
        let mut held = self.held.lock().await;
        if let Some(got) = held.got.as_ref().filter(|got| !got.token.is(used)) {
            // Somebody else got it in the meantime.
            return Ok(got.token.clone());
        }
        if let Some(trouble) = self.believed(held.failed.as_ref()) {
            return Err(trouble);
        }
        let had = held.got.take().map(|got| got.asked).unwrap_or_default();
        held.hint = challenge.metadata.or(held.hint.take());
        // It may listen to another authorization server by now.
        held.giver = None;
        self.get(&mut held, &Wanted { had, scope: challenge.scope, same: false }).await
    }

    /// What to try after the server wanted more than `used` allows.
    pub(in super::super) async fn raised(&self, used: Option<&Token>, challenge: Challenge) -> Result<Token, Trouble> {
        let more = challenge.scope.as_deref().map(words).unwrap_or_default();
        let mut held = self.held.lock().await;
        let had = held.got.as_ref().map(|got| got.asked.clone()).unwrap_or_default();
        if let Some(got) = held.got.as_ref().filter(|got| !got.token.is(used)) {
            return Ok(got.token.clone());
        }
        if self.auth.scope.is_some() || more.iter().all(|scope| had.contains(scope)) {
            let more = if more.is_empty() { String::new() } else { format!(" («{}»)", quote(&more.join(" "))) };
            return Err(Trouble::Denied(format!("It wants more than Parley may there{more}.")));
        }
        let before = held.not_raised.as_ref().filter(|(wanted, _)| *wanted == more);
        if let Some(trouble) = self.believed(before.map(|(_, failed)| failed)) {
            return Err(trouble);
        }
        held.hint = challenge.metadata.or(held.hint.take());
        let got = self.ask(&mut held, &Wanted { had, scope: challenge.scope, same: false }).await;
        let token = self.take(&mut held, got);
        if let Err(trouble) = &token {
            held.not_raised = Some((more, self.failed(trouble)));
        }
        token
    }

    /// Notes that a new token was refused as well.
    pub(in super::super) async fn given_up(&self, used: Option<&Token>) -> Trouble {
        let told = "It does not accept the token that its own authorization server gave to Parley.";
        let trouble = Trouble::Denied(told.to_owned());
        let mut held = self.held.lock().await;
        if held.got.take_if(|got| got.token.is(used)).is_some() {
            held.failed = Some(self.failed(&trouble));
            held.giver = None;
        }
        trouble
    }

    /// What failed, as long as it is believed.
    fn believed(&self, failed: Option<&Failed>) -> Option<Trouble> {
        let failed = failed.filter(|failed| (0..AGAIN).contains(&(self.now().0 - failed.at.0)))?;
        Some(failed.trouble.clone())
    }

    /// Gets a token, unless that was refused just now.
    async fn get(&self, held: &mut Held, wanted: &Wanted) -> Result<Token, Trouble> {
        if let Some(trouble) = self.believed(held.failed.as_ref()) {
            return Err(trouble);
        }
        let got = self.ask(held, wanted).await;
        let token = self.take(held, got);
        held.failed = token.as_ref().err().map(|trouble| self.failed(trouble));
        token
    }

    fn failed(&self, trouble: &Trouble) -> Failed {
        Failed { at: self.now(), trouble: trouble.clone() }
    }

    /// Takes what was got.
    fn take(&self, held: &mut Held, got: Result<Got, Trouble>) -> Result<Token, Trouble> {
        match got {
            Ok(got) => {
                let token = got.token.clone();
                (held.got, held.failed, held.not_raised) = (Some(got), None, None);
                Ok(token)
            }
            Err(trouble) => {
                tracing::warn!(server = %self.server, %trouble, "no token is to be had");
                // What was found out about who gives them may be why.
                held.giver = None;
                Err(match trouble {
                    Trouble::Refused(told) => Trouble::Denied(told),
                    other => other,
                })
            }
        }
    }

    async fn ask(&self, held: &mut Held, wanted: &Wanted) -> Result<Got, Trouble> {
        let asker = self.keep.own_asker(&self.url, self.issuer.as_ref());
        let giver = match held.giver.take().filter(|giver| giver.hint == held.hint) {
            Some(giver) => giver,
            None => self.giver(asker, held.hint.clone()).await?,
        };
        let Giver { resource, metadata, .. } = &*held.giver.insert(giver);
        if !dpop::is_wanted(metadata, resource)? {
            held.prover = None;
        } else if held.prover.is_none() {
            held.prover = Some(Prover::make()?);
        }
        let scopes = self.scopes(wanted, resource);
        let scope = scopes.join(" ");
        let client = Shown::of(&self.auth.client, metadata);
        let assertion = self.assertion(metadata, &resource.name, &scope).await?;
        let mut form = match &assertion {
            None => vec![("grant_type", "client_credentials")],
            Some(assertion) => vec![("grant_type", assertion::GRANT), ("assertion", assertion.expose_secret())],
        };
        form.push(("resource", &resource.name));
        if !scope.is_empty() {
            form.push(("scope", &scope));
        }
        let (prover, clock, now) = (held.prover.as_deref(), &self.keep.clock, self.now());
        let request = TokenRequest { url: &metadata.token, form, shows: client.shows(&metadata.issuer), prover, clock };
        let answered = request.send(asker).await?;
        let refusal = grant::refusal(&answered);
        let tokens = grant::read(answered, prover.is_some(), resource.bound).map_err(|denied| match denied {
            Denied::Trouble(trouble) => trouble,
            Denied::Over | Denied::Unknown => refusal,
        })?;
        let last = tokens.last();
        let at = |seconds: i64| now.0.saturating_add(seconds * 1000);
        let (due, ends) = (last.map(|last| at((last - EARLY).max(last / 2))), last.map(at));
        let prover = held.prover.clone().filter(|_| tokens.are_bound());
        Ok(Got { token: Token { access: tokens.access_token, prover }, due, ends, asked: scopes })
    }

    /// Finds out who gives tokens; `hint`: where the server says that it describes itself.
    async fn giver(&self, asker: Asker<'_>, hint: Option<String>) -> Result<Giver, Trouble> {
        let resource = discover::resource(asker, &self.url, hint.as_deref()).await?;
        let metadata = discover::server(asker, self.issuer(&resource)?).await?;
        self.offers(&metadata)?;
        Ok(Giver { hint, resource, metadata })
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
    fn scopes(&self, wanted: &Wanted, resource: &Resource) -> Vec<String> {
        if let Some(scope) = &self.auth.scope {
            return words(scope);
        }
        if wanted.same {
            return wanted.had.clone();
        }
        let more = wanted.scope.as_deref().map_or_else(|| resource.scopes.clone(), words);
        let mut scopes: Vec<String> = Vec::new();
        for scope in wanted.had.iter().cloned().chain(more) {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        scopes
    }

    /// What others say of Parley or of its people to that authorization server, if tokens are got by it.
    async fn assertion(
        &self,
        metadata: &Metadata,
        resource: &str,
        scope: &str,
    ) -> Result<Option<SecretString>, Trouble> {
        match &self.auth.grant {
            OperatorGrant::ClientCredentials => Ok(None),
            OperatorGrant::Assertion(told) => {
                let assertion = assertion::read(told).await?;
                assertion::checked(&assertion, &[&metadata.issuer, &metadata.token], self.now())?;
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
                let named = Url::parse(provider).ok();
                let asker = self.keep.own_asker(named.as_ref().unwrap_or(&self.url), None);
                exchange.send(asker, &self.keep.clock).await.map(Some)
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
