//! API tokens: a person makes one, gives it to a program, and ends it. It becomes a [`Caller`] like any credential.
//!
//! Its text is `parley_` and a [`Token`]: whoever scans files for secrets knows it by its beginning. It is shown once.
//! A new password does not end tokens, as it ends sessions: programs do not know the password.

use super::{Auth, AuthError, TOUCH_MS, oauth::ACCESS, token::Token};
use crate::{
    backend::{
        caller::{Caller, Via},
        hub::Topic,
        store::StoreError,
    },
    wire::{
        api_token::{ApiTokenRow, Scopes, parse_name},
        event::{ByeReason, ChatEvent},
        id::{Millis, TokenId},
        limits::{TOKEN_DAYS_MAX, TOKENS_MAX},
    },
};
use secrecy::SecretString;

/// What a token's text begins with.
const PREFIX: &str = "parley_";
const DAY_MS: i64 = 24 * 3600 * 1000;

/// Who shows a token, and until when it opens anything.
#[derive(Clone, Debug)]
pub struct Bearer {
    /// Who.
    pub caller: Caller,
    /// Which token.
    pub token: TokenId,
    /// Until when; `None`: until it is revoked.
    pub expires_at: Option<Millis>,
}

impl Auth {
    /// Makes a token of the caller's: its text, for this one time. `days`: how long it lives; `None`: until revoked.
    ///
    /// # Errors
    /// A bad name, no scope, too long a life, too many tokens; a caller who is a program itself.
    pub async fn create_api_token(
        &self,
        caller: &Caller,
        name: &str,
        scopes: Scopes,
        days: Option<u32>,
    ) -> Result<SecretString, AuthError> {
        // A token must not be a way to a stronger or longer one.
        caller.session().ok_or(AuthError::NoSession)?;
        let invalid = |field, reason| AuthError::Invalid { field, reason };
        let name = parse_name(name).map_err(|reason| invalid("name", reason))?;
        if scopes.is_empty() {
            return Err(invalid("scopes", "Choose what the token may do.".to_owned()));
        }
        if days.is_some_and(|days| days == 0 || days > TOKEN_DAYS_MAX) {
            return Err(invalid("days", format!("A token lives 1 to {TOKEN_DAYS_MAX} days, or until you end it.")));
        }
        let expires_at = days.map(|days| Millis(self.clock.now().0 + i64::from(days) * DAY_MS));
        let token = Token::generate().map_err(|e| AuthError::Internal(e.to_string()))?;
        let kept = self.store.create_api_token(caller.user, &name, &token.hash(), scopes, expires_at).await;
        kept.map_err(|error| match error {
            StoreError::Conflict("tokens_max") => invalid(
                "name",
                format!("You have {TOKENS_MAX} tokens, and more cannot be. End one that is not in use."),
            ),
            error => error.into(),
        })?;
        Ok(format!("{PREFIX}{}", token.expose()).into())
    }

    /// Who shows that text in `Authorization: Bearer …` (RFC 6750 2.1) at the endpoint `path`: a personal token, which
    /// opens them all, or one that a program got by OAuth for this one; nobody if it is unknown, revoked or lapsed.
    pub async fn bearer(&self, text: &str, path: &str) -> Result<Option<Bearer>, AuthError> {
        if let Some(token) = text.strip_prefix(ACCESS).and_then(Token::parse) {
            return self.oauth.bearer(&token, path).await;
        }
        let Some(token) = text.strip_prefix(PREFIX).and_then(Token::parse) else { return Ok(None) };
        let Some(found) = self.store.api_token_by_hash(&token.hash()).await? else { return Ok(None) };
        if found.seen_at.is_none_or(|seen| self.clock.now().0 - seen.0 >= TOUCH_MS) {
            match self.store.touch_api_token(found.id).await {
                Ok(()) => {}
                // Revoked since it was looked up.
                Err(StoreError::NotFound) => return Ok(None),
                // A disk that cannot be written must not keep programs from reading.
                Err(error) => tracing::warn!(%error, "when a token was last used cannot be kept"),
            }
        }
        let via = Via::Token(found.id, found.scopes);
        let caller = Caller { user: found.user, name: found.name, admin: found.admin, via };
        Ok(Some(Bearer { caller, token: found.id, expires_at: found.expires_at }))
    }

    /// The caller's tokens, newest first.
    pub async fn api_tokens(&self, caller: &Caller) -> Result<Vec<ApiTokenRow>, AuthError> {
        Ok(self.store.api_tokens(caller.user).await?)
    }

    /// Ends one of the caller's tokens, and every stream it opened.
    pub async fn revoke_api_token(&self, caller: &Caller, id: TokenId) -> Result<(), AuthError> {
        caller.session().ok_or(AuthError::NoSession)?;
        self.store.revoke_api_token(caller.user, id).await.map_err(|error| match error {
            StoreError::NotFound => AuthError::NotFound,
            error => error.into(),
        })?;
        self.hub.publish(Topic::Token(id), ChatEvent::Bye { reason: ByeReason::SignedOut });
        Ok(())
    }
}
