//! [`Grant`]: the tokens of one sign-in, and how they are got, renewed and given back.
//!
//! Invariant: it knows whose, for which server and from which authorization server it is; it goes nowhere else. It is
//! never printed.

use super::{
    Trouble,
    ask::{Answered, Asker},
    client::Client,
    discover::Metadata,
    dpop::{Prover, Token},
    endpoint::{Shows, TokenRequest},
};
use crate::{
    backend::{clock::Clock, tools::remote::words::quote},
    wire::id::Millis,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Milliseconds before its end from which on a token is renewed.
const EARLY_MS: i64 = 30_000;

/// The tokens of a sign-in.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Grant {
    /// The authorization server.
    pub(super) issuer: String,
    /// The server they were got for: an operator may move one.
    pub(super) server: String,
    /// What they open.
    pub(super) resource: String,
    /// Where they are renewed.
    token: String,
    /// Where they are given back.
    revocation: Option<String>,
    pub(super) client: Client,
    pub(super) access: String,
    pub(super) refresh: Option<String>,
    expires_at: Option<i64>,
    /// The scopes that were asked for.
    pub(super) asked: Vec<String>,
    /// Who holds the key that the tokens are bound to, if they are.
    #[serde(default)]
    prover: Option<Arc<Prover>>,
    /// Until when a process renews it that said so, in milliseconds since the epoch: others wait for what comes of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    renewing: Option<i64>,
}

/// What a sign-in was begun with.
pub(super) struct For<'a> {
    pub(super) metadata: &'a Metadata,
    pub(super) client: &'a Client,
    pub(super) server: &'a str,
    pub(super) resource: &'a str,
    pub(super) scopes: &'a [String],
    /// Who holds the key that the tokens are to be bound to.
    pub(super) prover: Option<&'a Arc<Prover>>,
    /// Whether the server takes only such tokens.
    pub(super) bound: bool,
}

/// Why there are no tokens.
pub(super) enum Denied {
    /// What was shown is good no more.
    Over,
    /// The client is not known there any more.
    Unknown,
    /// Something else.
    Trouble(Trouble),
}

impl From<Trouble> for Denied {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// What a token endpoint gives.
#[derive(Deserialize)]
pub(super) struct Tokens {
    pub(super) access_token: String,
    token_type: String,
    expires_in: Option<serde_json::Number>,
    refresh_token: Option<String>,
}

impl Tokens {
    /// Whether they are bound to the key they were got with.
    pub(super) fn are_bound(&self) -> bool {
        self.token_type.eq_ignore_ascii_case("dpop")
    }

    /// In how many seconds they end, if that is said.
    pub(super) fn last(&self) -> Option<i64> {
        let seconds = self.expires_in.as_ref().and_then(serde_json::Number::as_i64)?;
        Some(seconds.clamp(0, 10 * 365 * 24 * 3600))
    }
}

impl Grant {
    /// Redeems a code.
    pub(super) async fn redeem(
        asker: Asker<'_>,
        clock: &Clock,
        what: &For<'_>,
        code: &str,
        verifier: &str,
    ) -> Result<Self, Denied> {
        let form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", what.client.callback.as_str()),
            ("code_verifier", verifier),
            ("resource", what.resource),
        ];
        let (prover, now) = (what.prover.map(Arc::as_ref), clock.now());
        let shows = Shows::Client(what.client);
        let request = TokenRequest { url: &what.metadata.token, form, shows, prover, clock };
        let tokens = read(request.send(asker).await?, prover.is_some(), what.bound)?;
        Ok(Self {
            issuer: what.metadata.issuer.clone(),
            server: what.server.to_owned(),
            resource: what.resource.to_owned(),
            token: what.metadata.token.clone(),
            revocation: what.metadata.revocation.clone(),
            client: what.client.clone(),
            expires_at: ends(&tokens, now),
            prover: what.prover.filter(|_| tokens.are_bound()).cloned(),
            access: tokens.access_token,
            refresh: tokens.refresh_token,
            asked: what.scopes.to_vec(),
            renewing: None,
        })
    }

    /// Renews it; a refresh token that is not replaced stays.
    pub(super) async fn renewed(&self, asker: Asker<'_>, clock: &Clock) -> Result<Self, Denied> {
        let refresh = self.refresh.as_deref().ok_or(Denied::Over)?;
        let form = vec![("grant_type", "refresh_token"), ("refresh_token", refresh), ("resource", &*self.resource)];
        let (prover, now) = (self.prover.as_deref(), clock.now());
        let request = TokenRequest { url: &self.token, form, shows: Shows::Client(&self.client), prover, clock };
        let tokens = read(request.send(asker).await?, prover.is_some(), prover.is_some())?;
        Ok(Self {
            expires_at: ends(&tokens, now),
            access: tokens.access_token,
            refresh: tokens.refresh_token.or_else(|| self.refresh.clone()),
            renewing: None,
            ..self.clone()
        })
    }

    /// The same, renewed by somebody until then, or by nobody.
    pub(super) fn being_renewed(&self, until: Option<i64>) -> Self {
        Self { renewing: until, ..self.clone() }
    }

    /// Whether somebody renews it now.
    pub(super) fn is_being_renewed(&self, now: Millis) -> bool {
        self.renewing.is_some_and(|until| until > now.0)
    }

    /// The token that requests show.
    pub(super) fn shown(&self) -> Token {
        Token { access: self.access.clone(), prover: self.prover.clone() }
    }

    /// Gives it back (RFC 7009), if that can be done.
    pub(super) async fn revoke(&self, asker: Asker<'_>) -> Result<(), Trouble> {
        let Some(endpoint) = &self.revocation else { return Ok(()) };
        let (token, kind) = match &self.refresh {
            Some(refresh) => (refresh, "refresh_token"),
            None => (&self.access, "access_token"),
        };
        let secret = self.client.secret();
        let mut form = vec![("token", token.as_str()), ("token_type_hint", kind)];
        let basic = self.client.prove(&mut form, secret.as_ref());
        asker.form(endpoint, &form, basic, None).await.map(drop)
    }

    /// Whether it is to be renewed before it is used.
    pub(super) fn is_due(&self, now: Millis) -> bool {
        self.refresh.is_some() && self.expires_at.is_some_and(|at| at - EARLY_MS <= now.0)
    }

    /// Whether its access token may still be good.
    pub(super) fn may_be_good(&self, now: Millis) -> bool {
        self.expires_at.is_none_or(|at| at > now.0)
    }
}

fn ends(tokens: &Tokens, now: Millis) -> Option<i64> {
    Some(now.0.saturating_add(tokens.last()? * 1000))
}

/// Why a token endpoint gives nothing, in its own words as far as it has any.
pub(super) fn refusal(answered: &Answered) -> Trouble {
    if answered.status.is_server_error() {
        let told = format!("Its authorization server has trouble of its own (HTTP {}).", answered.status.as_u16());
        return Trouble::Away(told);
    }
    let body = answered.body.as_ref();
    let said = |name: &str| body.and_then(|body| body[name].as_str()).map(quote);
    let said = said("error_description").or_else(|| said("error"));
    let said = said.unwrap_or_else(|| format!("HTTP {}", answered.status.as_u16()));
    Trouble::Refused(format!("Its authorization server gives no token («{said}»)."))
}

/// Reads a token endpoint's answer to a request that had a proof of possession (`proven`) or none; whether its tokens must
/// be bound to that key.
pub(super) fn read(answered: Answered, proven: bool, bound: bool) -> Result<Tokens, Denied> {
    let error = answered.body.as_ref().and_then(|body| body["error"].as_str());
    if !answered.status.is_success() {
        return Err(match error {
            _ if answered.status.is_server_error() => refusal(&answered).into(),
            Some("invalid_grant") => Denied::Over,
            Some("invalid_client" | "unauthorized_client") => Denied::Unknown,
            _ => refusal(&answered).into(),
        });
    }
    let unusable = || Trouble::refused("Its authorization server gives something that is not a token Parley can use.");
    let tokens: Tokens = serde_json::from_value(answered.body.unwrap_or_default()).map_err(|_| unusable())?;
    let good = |token: &str| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    let known = tokens.token_type.eq_ignore_ascii_case("bearer") || (proven && tokens.are_bound());
    if !known || !good(&tokens.access_token) {
        return Err(unusable().into());
    }
    if bound && !tokens.are_bound() {
        let told = "Its authorization server gives a token that anybody could use who finds it; it wants another kind.";
        return Err(Trouble::refused(told).into());
    }
    Ok(tokens)
}
