//! The first half of a sign-in: from a person's wish to the address their browser goes to.
//!
//! Invariant: nobody is sent to an authorization server that does not bind a code to whoever asked for it.

use super::{
    super::{Connections, edit::ConnectError},
    Trouble,
    account::Account,
    client::{self, Client, Method},
    discover::{self, Metadata},
    dpop::{self, Prover},
    finish::{hash, pending_purpose, session},
};
use crate::{
    backend::{caller::Caller, secrets::SecretsError, store::remote_sign_ins::StoredSignIn},
    wire::limits::CLIENT_ID_MAX,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use url::Url;

/// What is remembered until the browser comes back.
#[derive(Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) metadata: Metadata,
    pub(super) client: Client,
    pub(super) verifier: String,
    pub(super) server: String,
    pub(super) resource: String,
    pub(super) scopes: Vec<String>,
    /// Who holds the key that the tokens are to be bound to.
    #[serde(default)]
    pub(super) prover: Option<Arc<Prover>>,
    /// Whether the server takes only such tokens.
    #[serde(default)]
    pub(super) bound: bool,
}

/// Where a person signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// What they call the server.
    pub name: String,
    /// The authorization server's host, for them to look at.
    pub host: String,
    /// Where their browser goes.
    pub url: String,
    /// The scopes that are asked for.
    pub scopes: Vec<String>,
}

/// A client id that a person got themselves.
#[derive(Debug)]
pub struct OwnClient {
    /// The id.
    pub id: String,
    /// Its secret; empty if it has none.
    pub secret: SecretString,
}

impl Connections {
    /// Begins to sign the caller in to a server.
    ///
    /// # Errors
    /// Not theirs; no server to sign in to; why its authorization server is not followed.
    pub async fn begin_sign_in(
        &self,
        caller: &Caller,
        server: &str,
        own: Option<OwnClient>,
    ) -> Result<Begun, ConnectError> {
        let (name, account) = self.account(caller, server).await?;
        let pending = account.prepare(own).await?;
        let state = random()?;
        let (url, host) = authorize(&pending, &state)?;
        let json = serde_json::to_string(&pending).map_err(|_| Trouble::refused("This sign-in cannot be kept."))?;
        let state_hash = hash(&state);
        let sealed = self.0.secrets.seal(&pending_purpose(caller.user, server, &state_hash), &json.into())?;
        let stored = StoredSignIn { state_hash, session: session(caller), server: server.to_owned(), pending: sealed };
        self.0.store.begin_remote_sign_in(caller.user, &stored).await?;
        Ok(Begun { name, host, url, scopes: pending.scopes })
    }

    /// A server's name and the caller's standing with it.
    pub(super) async fn account(&self, caller: &Caller, server: &str) -> Result<(String, Arc<Account>), ConnectError> {
        let person = self.of(caller).await?;
        let link = person.link(server).ok_or(ConnectError::NotFound)?;
        let Some(account) = link.account() else {
            let reason = "Nobody signs in to this server: it is a program, has a header «Authorization» already, or is \
                          one that Parley gets tokens for itself.";
            return Err(ConnectError::Invalid { field: "server", reason: reason.to_owned() });
        };
        Ok((link.owner.server.name.clone(), Arc::clone(account)))
    }
}

impl Account {
    /// Everything that can be known before the person decides.
    async fn prepare(&self, own: Option<OwnClient>) -> Result<Pending, Trouble> {
        let asker = self.asker();
        let challenge = self.challenge();
        let held = self.hold().await?;
        let (known, earlier) = match &held.grant {
            Some(grant) => (Some(grant.issuer.clone()), grant.asked.clone()),
            None => (None, Vec::new()),
        };
        drop(held);
        let resource = discover::resource(asker, &self.url, challenge.metadata.as_deref()).await?;
        let issuer = known.as_ref().filter(|known| resource.issuers.contains(known)).or(resource.issuers.first());
        let issuer = issuer.ok_or_else(|| Trouble::refused("It names no authorization server to sign in at."))?;
        let metadata = discover::server(asker, issuer).await?;
        if !metadata.s256 {
            return Err(Trouble::refused(
                "Its authorization server does not offer PKCE with S256, without which others could use your sign-in.",
            ));
        }
        let wanted: Option<Vec<String>> = challenge.scope.as_deref().map(words);
        let mut asked_anew = wanted.clone().unwrap_or_else(|| resource.scopes.clone());
        if challenge.wants_more && known.as_ref() == Some(issuer) {
            self.raise(&asked_anew, &earlier)?;
            asked_anew = earlier.into_iter().chain(asked_anew).collect();
        }
        if !asked_anew.is_empty() && metadata.scopes.iter().any(|scope| scope == OFFLINE) {
            asked_anew.push(OFFLINE.to_owned());
        }
        let mut scopes: Vec<String> = Vec::new();
        for scope in asked_anew {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        let client = self.client(&metadata, own).await?;
        let prover = if dpop::is_wanted(&metadata, &resource)? { Some(Prover::make()?) } else { None };
        Ok(Pending {
            metadata,
            client,
            verifier: random_word()?,
            server: self.url.to_string(),
            resource: resource.name,
            scopes,
            prover,
            bound: resource.bound,
        })
    }

    /// As what Parley is known there: as the person says; as it was before; by its document; registered now.
    async fn client(&self, metadata: &Metadata, own: Option<OwnClient>) -> Result<Client, Trouble> {
        let (keep, issuer) = (&self.keep, metadata.issuer.as_str());
        let callback = keep.home.callback();
        if let Some(OwnClient { id, secret }) = own {
            let id = id.trim().to_owned();
            if id.len() > CLIENT_ID_MAX || secret.expose_secret().len() > CLIENT_ID_MAX {
                return Err(Trouble::Refused(format!(
                    "A client's id and secret have at most {CLIENT_ID_MAX} characters."
                )));
            }
            let secret = Some(secret.expose_secret().trim().to_owned()).filter(|secret| !secret.is_empty());
            let method = Method::best(metadata, secret.is_some());
            let client = Client { id, secret, method, callback, given: true };
            keep.keep_client(self.user, &self.server, issuer, &client).await?;
            return Ok(client);
        }
        let known = keep.known_client(self.user, &self.server, issuer).await?;
        if let Some(known) = known.filter(|known| known.given || known.callback == callback) {
            return Ok(Client { callback, ..known });
        }
        if let Some(client) = client::by_document(&keep.home, metadata) {
            return Ok(client);
        }
        let client = client::register(self.asker(), &keep.home, metadata).await?;
        keep.keep_client(self.user, &self.server, issuer, &client).await?;
        Ok(client)
    }
}

/// The scope that lets a sign-in outlast its first token, where it must be asked for.
const OFFLINE: &str = "offline_access";

pub(super) fn words(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

/// Where the browser goes, and that host.
fn authorize(pending: &Pending, state: &str) -> Result<(String, String), Trouble> {
    let endpoint = pending.metadata.authorization.as_deref().and_then(|url| Url::parse(url).ok());
    let mut url =
        endpoint.ok_or_else(|| Trouble::refused("Its authorization server does not say where people sign in."))?;
    url.set_fragment(None);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&pending.verifier));
    {
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &pending.client.id)
            .append_pair("redirect_uri", &pending.client.callback)
            .append_pair("state", state)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .append_pair("resource", &pending.resource);
        if !pending.scopes.is_empty() {
            query.append_pair("scope", &pending.scopes.join(" "));
        }
        if let Some(prover) = &pending.prover {
            // RFC 9449 10: a code that is of use with this key alone.
            query.append_pair("dpop_jkt", &prover.thumbprint()?);
        }
        if pending.scopes.iter().any(|scope| scope == OFFLINE) {
            // OpenID Connect Core 11: nothing lasting without asking the person.
            query.append_pair("prompt", "consent");
        }
    }
    let host = url.host_str().unwrap_or_default().to_owned();
    Ok((url.into(), host))
}

/// A word that nobody can guess.
pub(super) fn random_word() -> Result<String, Trouble> {
    random().map_err(|_| Trouble::Away("The system gives no random numbers.".to_owned()))
}

fn random() -> Result<String, SecretsError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|_| SecretsError::Random)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
