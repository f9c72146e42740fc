//! [`Grant`]: the tokens of one sign-in, and how they are got, renewed and given back.
//!
//! Invariant: it knows whose, for which server and from which authorization server it is; it goes nowhere else. It is
//! never printed.

use super::{
    Keep, Trouble,
    ask::{Answered, Asker},
    client::Client,
    discover::Metadata,
};
use crate::{
    backend::tools::remote::words::quote,
    wire::id::{Millis, UserId},
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use url::Url;

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
}

/// What a sign-in was begun with.
pub(super) struct For<'a> {
    pub(super) metadata: &'a Metadata,
    pub(super) client: &'a Client,
    pub(super) server: &'a str,
    pub(super) resource: &'a str,
    pub(super) scopes: &'a [String],
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

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    token_type: String,
    expires_in: Option<serde_json::Number>,
    refresh_token: Option<String>,
}

impl Grant {
    /// Redeems a code.
    pub(super) async fn redeem(
        asker: Asker<'_>,
        now: Millis,
        what: &For<'_>,
        code: &str,
        verifier: &str,
    ) -> Result<Self, Denied> {
        let secret = what.client.secret();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", what.client.callback.as_str()),
            ("code_verifier", verifier),
            ("resource", what.resource),
        ];
        let basic = what.client.prove(&mut form, secret.as_ref());
        let tokens = read(asker.form(&what.metadata.token, &form, basic).await?)?;
        Ok(Self {
            issuer: what.metadata.issuer.clone(),
            server: what.server.to_owned(),
            resource: what.resource.to_owned(),
            token: what.metadata.token.clone(),
            revocation: what.metadata.revocation.clone(),
            client: what.client.clone(),
            expires_at: ends(&tokens, now),
            access: tokens.access_token,
            refresh: tokens.refresh_token,
            asked: what.scopes.to_vec(),
        })
    }

    /// Renews it; a refresh token that is not replaced stays.
    pub(super) async fn renewed(&self, asker: Asker<'_>, now: Millis) -> Result<Self, Denied> {
        let refresh = self.refresh.as_deref().ok_or(Denied::Over)?;
        let secret = self.client.secret();
        let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", refresh), ("resource", &self.resource)];
        let basic = self.client.prove(&mut form, secret.as_ref());
        let tokens = read(asker.form(&self.token, &form, basic).await?)?;
        Ok(Self {
            expires_at: ends(&tokens, now),
            access: tokens.access_token,
            refresh: tokens.refresh_token.or_else(|| self.refresh.clone()),
            ..self.clone()
        })
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
        asker.form(endpoint, &form, basic).await.map(drop)
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
    let seconds = tokens.expires_in.as_ref().and_then(serde_json::Number::as_i64)?;
    Some(now.0.saturating_add(seconds.clamp(0, 10 * 365 * 24 * 3600) * 1000))
}

/// Reads a token endpoint's answer.
fn read((status, body): Answered) -> Result<Tokens, Denied> {
    let body = body.unwrap_or_default();
    if !status.is_success() {
        return Err(match body["error"].as_str() {
            _ if status.is_server_error() => {
                let told = format!("Its authorization server has trouble of its own (HTTP {}).", status.as_u16());
                Trouble::Away(told).into()
            }
            Some("invalid_grant") => Denied::Over,
            Some("invalid_client" | "unauthorized_client") => Denied::Unknown,
            code => {
                let said = body["error_description"].as_str().or(code).map(quote);
                let said = said.unwrap_or_else(|| format!("HTTP {}", status.as_u16()));
                Trouble::Refused(format!("Its authorization server gives no token («{said}»).")).into()
            }
        });
    }
    let unusable = || Trouble::refused("Its authorization server gives something that is not a token Parley can use.");
    let tokens: Tokens = serde_json::from_value(body).map_err(|_| unusable())?;
    let good = |token: &str| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    let usable = tokens.token_type.eq_ignore_ascii_case("bearer") && good(&tokens.access_token);
    if usable { Ok(tokens) } else { Err(unusable().into()) }
}

fn purpose(user: UserId, server: &str) -> String {
    format!("remote-grant:{user}:{server}")
}

impl Keep {
    /// A person's tokens for the server of that name at `url`; those for another address are none.
    pub(super) async fn grant(&self, user: UserId, server: &str, url: &Url) -> Result<Option<Grant>, Trouble> {
        let Some(sealed) = self.store.remote_grant(user, server).await? else { return Ok(None) };
        let opened = self.secrets.open(&purpose(user, server), &sealed);
        let text = match opened {
            Ok(text) => text,
            Err(error) => {
                tracing::warn!(%error, server, "a sign-in's tokens stay shut");
                return Ok(None);
            }
        };
        let grant: Option<Grant> = serde_json::from_str(text.expose_secret()).ok();
        Ok(grant.filter(|grant| grant.server == url.as_str()))
    }

    /// Keeps them, or forgets them.
    pub(super) async fn keep_grant(&self, user: UserId, server: &str, grant: Option<&Grant>) -> Result<(), Trouble> {
        let unkept = || Trouble::Away("Its sign-in cannot be kept.".to_owned());
        let sealed = match grant {
            None => None,
            Some(grant) => {
                let json = serde_json::to_string(grant).map_err(|_| unkept())?;
                Some(self.secrets.seal(&purpose(user, server), &json.into()).map_err(|error| {
                    tracing::warn!(%error, "a sign-in's tokens cannot be sealed");
                    unkept()
                })?)
            }
        };
        Ok(self.store.put_remote_grant(user, server, sealed.as_deref()).await?)
    }
}
