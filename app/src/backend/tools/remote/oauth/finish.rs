//! The second half of a sign-in: the browser is back with an answer; and its end, when somebody signs out.
//!
//! Invariant: an answer counts once, for the person and in the browser session that began it, and only if it comes from
//! the authorization server that was asked: what it says of itself is compared letter by letter before a code is shown to
//! anybody (RFC 9207), for refusals as well.

use super::{
    super::{Connections, edit::ConnectError, words::quote},
    Trouble,
    begin::Pending,
    grant::{Denied, For, Grant},
};
use crate::{
    backend::{caller::Caller, store::StoreError},
    wire::{connection::ConnectionState, id::UserId},
};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

/// What an authorization server sends back by the browser.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// What the sign-in is known by.
    pub state: String,
    /// What tokens are got for.
    pub code: Option<String>,
    /// Who says so.
    pub iss: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// The same in words.
    pub description: Option<String>,
}

impl From<Trouble> for ConnectError {
    fn from(trouble: Trouble) -> Self {
        Self::Invalid { field: "server", reason: trouble.to_string() }
    }
}

fn refused(reason: impl Into<String>) -> ConnectError {
    ConnectError::Invalid { field: "server", reason: reason.into() }
}

impl Connections {
    /// Ends a sign-in by what the browser brought; the server's name.
    ///
    /// # Errors
    /// Why nobody is signed in.
    pub async fn finish_sign_in(&self, caller: &Caller, answer: &Answer) -> Result<String, ConnectError> {
        let state_hash = hash(&answer.state);
        let taken = self.0.store.take_remote_sign_in(caller.user, &session(caller), &state_hash).await;
        let taken = taken.map_err(|error| match error {
            StoreError::NotFound => refused(
                "This sign-in is not known here: it was ended already, is too old, or was begun in another browser. Begin \
                 again.",
            ),
            error => error.into(),
        })?;
        let opened = self.0.secrets.open(&pending_purpose(caller.user, &taken.server, &state_hash), &taken.pending)?;
        let pending: Pending = serde_json::from_str(opened.expose_secret())
            .map_err(|_| refused("This sign-in cannot be read any more. Begin again."))?;
        let (name, account) = self.account(caller, &taken.server).await?;
        let Pending { metadata, client, verifier, server, resource, scopes, prover, bound } = pending;
        match &answer.iss {
            Some(iss) if *iss != metadata.issuer => {
                return Err(refused("The answer came from another authorization server than the one that was asked."));
            }
            None if metadata.names_itself => {
                return Err(refused("The answer does not say which authorization server it comes from."));
            }
            _ => {}
        }
        if server != account.url.as_str() {
            return Err(refused("The server is at another address now. Begin again."));
        }
        if let Some(error) = &answer.error {
            let said = quote(answer.description.as_deref().unwrap_or(error));
            return Err(refused(format!("You were not signed in: «{}».", said.trim_end_matches('.'))));
        }
        let code = answer.code.as_deref().filter(|code| !code.is_empty());
        let code = code.ok_or_else(|| refused("The answer has no code. Begin again."))?;
        let what = For {
            metadata: &metadata,
            client: &client,
            server: &server,
            resource: &resource,
            scopes: &scopes,
            prover: prover.as_ref(),
            bound,
        };
        let asker = account.asker();
        let grant = match Grant::redeem(asker, &account.keep.clock, &what, code, &verifier).await {
            Ok(grant) => grant,
            Err(Denied::Trouble(trouble)) => return Err(trouble.into()),
            Err(Denied::Over) => {
                return Err(refused("Its authorization server does not accept the code. Begin again."));
            }
            Err(Denied::Unknown) => {
                let (store, issuer) = (&account.keep.store, &metadata.issuer);
                store.put_remote_client(caller.user, &taken.server, issuer, None).await?;
                return Err(refused("Its authorization server does not know Parley by that client id. Begin again."));
            }
        };
        account.signed_in(grant).await?;
        // What it looked like without the token is over.
        let link = self.of(caller).await?.link(&taken.server).filter(|link| link.state() == ConnectionState::SignIn);
        if let Some(link) = link {
            link.connecting();
        }
        self.reconnect(caller, &taken.server).await?;
        Ok(name)
    }

    /// What Parley says of itself to authorization servers, if it has a public https address.
    pub fn client_document(&self) -> Option<serde_json::Value> {
        self.0.keep.home.client_document()
    }

    /// Signs the caller out of a server: gives the tokens back, and forgets them even if that fails.
    ///
    /// # Errors
    /// Not theirs; the store.
    pub async fn sign_out(&self, caller: &Caller, server: &str) -> Result<(), ConnectError> {
        let (_, account) = self.account(caller, server).await?;
        let mut held = account.hold().await?;
        // Another process may have renewed it: what is given back is what there is now.
        account.look(&mut held).await?;
        if let Some(grant) = held.grant.take() {
            if let Err(error) = grant.revoke(account.asker()).await {
                tracing::info!(%error, server, "tokens could not be given back");
            }
            account.end(&mut held, "You signed out.").await?;
        }
        drop(held);
        self.reconnect(caller, server).await
    }
}

/// The browser session that is to come back.
pub(super) fn session(caller: &Caller) -> String {
    caller.session().map(|session| session.to_string()).unwrap_or_default()
}

/// What the store knows a `state` by.
pub(super) fn hash(state: &str) -> String {
    hex::encode(Sha256::digest(state))
}

/// What a sign-in under way is sealed for.
pub(in super::super) fn pending_purpose(user: UserId, server: &str, state_hash: &str) -> String {
    format!("remote-sign-in:{user}:{server}:{state_hash}")
}
