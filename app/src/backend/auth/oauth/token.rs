//! The token endpoint (RFC 6749 3.2): codes and refresh tokens become tokens.
//!
//! Invariant: what is shown a second time ends all that was made of it, whoever shows it: of two one is a thief
//! (RFC 9700 2.2.2, 4.14).

use super::{
    ACCESS, CODE, OAuth, OAuthError, Params, REFRESH,
    authorize::asked_scopes,
    hash_of,
    refusal::{Code, Refusal},
    secret,
};
use crate::{
    backend::store::{
        StoreError,
        oauth::{Code as AuthorizationCode, Fresh, OAuthClient, Refresh},
    },
    wire::{api_token::Scopes, id::TokenId, limits::OAUTH_ACCESS_MS},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Characters of a code verifier (RFC 7636 4.1).
const VERIFIER: std::ops::RangeInclusive<usize> = 43..=128;

/// What is told of a code that is shown again.
const CODE_TWICE: &str = "The code was used before; what it gave is revoked.";
/// What is told of a refresh token that is shown again.
const REFRESH_TWICE: &str = "The refresh token was used before; the program must sign in again.";

/// Tokens as the client gets them, this one time.
struct Pair {
    access: String,
    refresh: String,
    hashes: Fresh,
}

impl Pair {
    fn new() -> Result<Self, OAuthError> {
        let (access, access_hash) = secret(ACCESS)?;
        let (refresh, refresh_hash) = secret(REFRESH)?;
        Ok(Self { access, refresh, hashes: Fresh { access: access_hash, refresh: refresh_hash } })
    }

    fn told(self, scopes: Scopes) -> Value {
        json!({
            "access_token": self.access,
            "token_type": "Bearer",
            "expires_in": OAUTH_ACCESS_MS / 1000,
            "refresh_token": self.refresh,
            "scope": scopes.to_string(),
        })
    }
}

impl OAuth {
    /// Tokens for what the form shows; `authorization` is the header of that name.
    pub async fn token(&self, params: &Params, authorization: Option<&str>) -> Result<Value, OAuthError> {
        let kind = params.need("grant_type")?;
        if !["authorization_code", "refresh_token"].contains(&kind) {
            let reason = "The grant_type is authorization_code or refresh_token here.";
            return Err(Refusal::new(Code::UnsupportedGrantType, reason).into());
        }
        let client = self.proven_client(params, authorization).await?;
        if kind == "authorization_code" {
            self.redeem(params, &client).await
        } else {
            self.renew(params, &client).await
        }
    }

    async fn redeem(&self, params: &Params, client: &OAuthClient) -> Result<Value, OAuthError> {
        let given = hash_of(CODE, params.need("code")?);
        let found = match &given {
            Some(hash) => self.store.oauth_code(hash).await?,
            None => None,
        };
        let (Some(hash), Some(code)) = (given, found.filter(|code| code.client == client.id)) else {
            return Err(invalid("The code is unknown, or another client's.").into());
        };
        let told = self.redeem_found(params, &hash, &code).await;
        if let Err(OAuthError::Refused(refusal)) = &told {
            self.remember(code.user, &client.name, "came with its code for tokens", refusal);
        }
        told
    }

    async fn redeem_found(&self, params: &Params, hash: &str, code: &AuthorizationCode) -> Result<Value, OAuthError> {
        let verifier = params.need("code_verifier")?;
        if let Some(grant) = code.grant {
            return Err(self.twice(grant, CODE_TWICE).await?.into());
        }
        if code.expires_at <= self.clock.now() {
            return Err(invalid("The code has lapsed.").into());
        }
        // OAuth 2.1 asks for it no more; a client that sends it means it.
        if params.one("redirect_uri")?.is_some_and(|asked| asked != code.redirect_uri) {
            return Err(invalid("The redirect_uri is not the one that was asked for.").into());
        }
        if !VERIFIER.contains(&verifier.len()) || challenge(verifier) != code.challenge {
            return Err(invalid("The code_verifier does not fit the code_challenge.").into());
        }
        self.still_for(params, &code.resource)?;
        let pair = Pair::new()?;
        if let Some(scopes) = self.store.redeem_oauth_code(hash, &pair.hashes).await? {
            return Ok(pair.told(scopes));
        }
        // Somebody was quicker with the same code.
        match self.store.oauth_code(hash).await?.and_then(|code| code.grant) {
            Some(grant) => Err(self.twice(grant, CODE_TWICE).await?.into()),
            None => Err(invalid("The code has lapsed.").into()),
        }
    }

    async fn renew(&self, params: &Params, client: &OAuthClient) -> Result<Value, OAuthError> {
        let hash = hash_of(REFRESH, params.need("refresh_token")?).ok_or_else(ended)?;
        let found = self.store.oauth_refresh(&hash).await?.filter(|found| found.client == client.id);
        let found = found.ok_or_else(ended)?;
        let told = self.renew_found(params, &hash, &found).await;
        if let Err(OAuthError::Refused(refusal)) = &told {
            self.remember(found.user, &client.name, "came with its refresh token for new tokens", refusal);
        }
        told
    }

    async fn renew_found(&self, params: &Params, hash: &str, found: &Refresh) -> Result<Value, OAuthError> {
        if found.used {
            return Err(self.twice(found.grant, REFRESH_TWICE).await?.into());
        }
        self.still_for(params, &found.resource)?;
        let scopes = match params.one("scope")? {
            None => found.scopes,
            Some(asked) => narrower(asked, found.scopes)?,
        };
        let pair = Pair::new()?;
        match self.store.rotate_oauth_refresh(hash, found.grant, &pair.hashes, scopes).await {
            Ok(true) => Ok(pair.told(scopes)),
            Ok(false) => Err(self.twice(found.grant, REFRESH_TWICE).await?.into()),
            Err(StoreError::NotFound) => Err(ended().into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Refuses tokens for anything but what was allowed, which must still be here.
    fn still_for(&self, params: &Params, resource: &str) -> Result<(), Refusal> {
        if self.site.named(resource).is_none() {
            let reason = "What was allowed is not at this address any more; sign in again.";
            return Err(Refusal::new(Code::InvalidTarget, reason));
        }
        match self.named_resource(params)? {
            Some(asked) if asked != resource => Err(Refusal::new(
                Code::InvalidTarget,
                format!("It was allowed for «{resource}», and is for nothing else."),
            )),
            _ => Ok(()),
        }
    }

    /// Ends what was made of something that is shown again.
    async fn twice(&self, grant: TokenId, reason: &str) -> Result<Refusal, StoreError> {
        tracing::warn!(%grant, "a code or refresh token was shown twice: its grant ends");
        self.end(grant).await?;
        Ok(invalid(reason))
    }
}

fn ended() -> Refusal {
    invalid("The refresh token is unknown, has ended, or is another client's.")
}

fn invalid(reason: &str) -> Refusal {
    Refusal::new(Code::InvalidGrant, reason)
}

/// `BASE64URL(SHA256(verifier))` (RFC 7636 4.6).
pub(super) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// Scopes that are asked for, if they are not more than was allowed.
fn narrower(asked: &str, allowed: Scopes) -> Result<Scopes, Refusal> {
    let more = || Refusal::new(Code::InvalidScope, format!("Only «{allowed}» was allowed; sign in again for more."));
    Some(asked_scopes(Some(asked))?).filter(|scopes| scopes.within(allowed)).ok_or_else(more)
}
