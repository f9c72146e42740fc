//! Parley as the OAuth 2.1 authorization server of its own `/mcp`: RFC 6749 as OAuth 2.1 narrows it, with PKCE
//! (RFC 7636), metadata (RFC 8414), registration (RFC 7591), Client ID Metadata Documents, resource indicators
//! (RFC 8707), `iss` in answers (RFC 9207) and revocation (RFC 7009).
//!
//! Invariants: nobody is sent to an address that is not proven to be the client's, nor before they are signed in
//! (RFC 9700 4.11); a code and a refresh token work once, and using one again ends all that was made of it; tokens mean
//! nothing in themselves and are kept as hashes; they open the one endpoint that they are for and nothing else.
//! What an access token opens it opens as a personal token does: it becomes a [`Caller`], whose `Via::Token` is the
//! grant, so ending a grant ends its streams.
//!
//! Decision: a new password ends no grant, as it ends no personal token: both are listed in the settings, and whoever
//! changes a password to be rid of somebody ends them there. Decision: no grace for a refresh token that is used twice;
//! a client that lost an answer signs in again, which is better than not telling it from a thief.

pub mod authorize;
pub mod check;
mod clients;
mod document;
mod lately;
mod params;
pub mod redirect;
mod refusal;
mod register;
mod revoke;
pub mod site;
#[cfg(test)]
mod tests;
mod token;

pub use document::Documents;
pub use params::Params;
pub use refusal::{Code, OAuthError, Refusal};
pub use site::Site;

use self::lately::Lately;
use super::{AuthError, TOUCH_MS, api_tokens::Bearer, token::Token};
use crate::{
    backend::{
        caller::{Caller, Via},
        clock::Clock,
        hub::{Hub, Topic},
        limiter::Limiter,
        store::{Store, StoreError},
    },
    wire::{
        event::{ByeReason, ChatEvent},
        id::{TokenId, UserId},
        oauth::{ConnectedClient, Trouble},
    },
};

/// What an access token's text begins with.
pub(super) const ACCESS: &str = "parley_access_";
/// What a refresh token's text begins with.
const REFRESH: &str = "parley_refresh_";
/// What a code begins with.
const CODE: &str = "parley_code_";
/// What a client's secret begins with.
const SECRET: &str = "parley_secret_";

/// The authorization server; cloning it is cheap.
#[derive(Clone, Debug)]
pub struct OAuth {
    store: Store,
    clock: Clock,
    hub: Hub,
    limiter: Limiter,
    documents: Documents,
    site: Site,
    lately: Lately,
    /// For asking ourselves, in the self-test.
    own: reqwest::Client,
}

impl OAuth {
    /// The authorization server of `site`.
    pub fn new(
        store: Store,
        clock: Clock,
        hub: Hub,
        limiter: Limiter,
        documents: Documents,
        site: Site,
        own: reqwest::Client,
    ) -> Self {
        Self { store, clock, hub, limiter, documents, site, lately: Lately::default(), own }
    }

    /// Where it is and what it says of itself.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Who shows that access token at `path`; nobody if it is unknown, revoked, lapsed or for something else.
    pub(super) async fn bearer(&self, token: &Token, path: &str) -> Result<Option<Bearer>, AuthError> {
        let found = self.store.oauth_access(&token.hash(), &self.site.at(path)).await?;
        let Some(found) = found else { return Ok(None) };
        if found.seen_at.is_none_or(|seen| self.clock.now().0 - seen.0 >= TOUCH_MS) {
            match self.store.touch_oauth_grant(found.grant).await {
                Ok(()) => {}
                // Ended since it was looked up.
                Err(StoreError::NotFound) => return Ok(None),
                // A disk that cannot be written must not keep programs from reading.
                Err(error) => tracing::warn!(%error, "when a program was last used cannot be kept"),
            }
        }
        let via = Via::Token(found.grant, found.scopes);
        let caller = Caller { user: found.user, name: found.name, admin: found.admin, via };
        Ok(Some(Bearer { caller, token: found.grant, expires_at: Some(found.expires_at) }))
    }

    /// The programs that the caller is signed in with, the latest first.
    pub async fn connected(&self, caller: &Caller) -> Result<Vec<ConnectedClient>, AuthError> {
        let mut clients: Vec<ConnectedClient> = Vec::new();
        for grant in self.store.oauth_grants(caller.user).await? {
            let Some(known) = clients.iter_mut().find(|client| client.id == grant.client) else {
                clients.push(ConnectedClient {
                    place: clients::place(&grant.client, &grant.redirect_uri),
                    id: grant.client,
                    name: grant.name,
                    scopes: grant.scopes,
                    first_at: grant.created_at,
                    seen_at: grant.seen_at,
                    sign_ins: 1,
                });
                continue;
            };
            known.scopes = known.scopes.or(grant.scopes);
            known.first_at = known.first_at.min(grant.created_at);
            known.seen_at = known.seen_at.max(grant.seen_at);
            known.sign_ins += 1;
        }
        Ok(clients)
    }

    /// Ends all that the caller allowed a program; its streams end with it.
    pub async fn disconnect(&self, caller: &Caller, client: &str) -> Result<(), AuthError> {
        caller.session().ok_or(AuthError::NoSession)?;
        let ended = self.store.end_oauth_grants(caller.user, client).await.map_err(|error| match error {
            StoreError::NotFound => AuthError::NotFound,
            error => error.into(),
        })?;
        for grant in ended {
            self.bye(grant);
        }
        Ok(())
    }

    /// What was refused lately to programs that wanted in for the caller.
    pub fn troubles(&self, caller: &Caller) -> Vec<Trouble> {
        self.lately.of(caller.user)
    }

    fn remember(&self, user: UserId, program: &str, what: &'static str, refusal: &Refusal) {
        self.lately.add(user, self.clock.now(), program, what, refusal);
    }

    /// Ends one grant; its streams end with it.
    async fn end(&self, grant: TokenId) -> Result<(), StoreError> {
        self.store.end_oauth_grant(grant).await?;
        self.bye(grant);
        Ok(())
    }

    fn bye(&self, grant: TokenId) {
        self.hub.publish(Topic::Token(grant), ChatEvent::Bye { reason: ByeReason::SignedOut });
    }
}

/// A new secret: its text, and what is kept of it.
fn secret(prefix: &str) -> Result<(String, String), AuthError> {
    let token = Token::generate().map_err(|error| AuthError::Internal(error.to_string()))?;
    Ok((format!("{prefix}{}", token.expose()), token.hash()))
}

/// What is kept of a secret that somebody shows, if it has the form of one.
fn hash_of(prefix: &str, text: &str) -> Option<String> {
    text.strip_prefix(prefix).and_then(Token::parse).map(|token| token.hash())
}
