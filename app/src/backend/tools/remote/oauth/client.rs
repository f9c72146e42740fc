//! As what an authorization server knows Parley: given by a person, by our own document, or registered.
//!
//! Invariant: what one authorization server gave is never shown to another: it is kept by its name.

use super::{
    Home, Keep, Trouble,
    ask::{Answered, Asker},
    discover::Metadata,
};
use crate::{backend::tools::remote::words::quote, wire::id::UserId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// Parley at one authorization server.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Client {
    pub(super) id: String,
    pub(super) secret: Option<String>,
    pub(super) method: Method,
    /// Where it was said that people come back to.
    pub(super) callback: String,
    /// Whether a person entered it.
    pub(super) given: bool,
}

/// How a client proves itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Method {
    None,
    ClientSecretBasic,
    ClientSecretPost,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
        }
    }

    fn of(name: &str) -> Option<Self> {
        [Self::None, Self::ClientSecretBasic, Self::ClientSecretPost].into_iter().find(|method| method.name() == name)
    }

    /// The best one that an authorization server takes, with a secret or without; RFC 8414 says what holds unsaid.
    pub(super) fn best(metadata: &Metadata, secret: bool) -> Self {
        let takes = |method: Self| metadata.methods.iter().any(|name| name == method.name());
        match secret {
            false => Self::None,
            true if metadata.methods.is_empty() || takes(Self::ClientSecretBasic) => Self::ClientSecretBasic,
            true if takes(Self::ClientSecretPost) => Self::ClientSecretPost,
            true => Self::ClientSecretBasic,
        }
    }
}

impl Client {
    /// Adds its proof to a form, or gives name and password for a header.
    pub(super) fn prove<'a>(
        &'a self,
        form: &mut Vec<(&'a str, &'a str)>,
        secret: Option<&'a SecretString>,
    ) -> Option<(&'a str, &'a SecretString)> {
        match (self.method, secret) {
            (Method::ClientSecretBasic, Some(secret)) => return Some((&self.id, secret)),
            (Method::ClientSecretPost, Some(secret)) => form.push(("client_secret", secret.expose_secret())),
            _ => {}
        }
        form.push(("client_id", &self.id));
        None
    }

    pub(super) fn secret(&self) -> Option<SecretString> {
        self.secret.as_deref().map(SecretString::from)
    }
}

/// What a client's registration is sealed for.
pub(in super::super) fn purpose(user: UserId, server: &str, issuer: &str) -> String {
    format!("remote-client:{user}:{server}:{issuer}")
}

impl Keep {
    /// What is kept for that authorization server.
    pub(super) async fn known_client(
        &self,
        user: UserId,
        server: &str,
        issuer: &str,
    ) -> Result<Option<Client>, Trouble> {
        let Some(sealed) = self.store.remote_client(user, server, issuer).await? else { return Ok(None) };
        // What opens no more is made anew.
        let text = self.secrets.open(&purpose(user, server, issuer), &sealed).ok();
        Ok(text.and_then(|text| serde_json::from_str(text.expose_secret()).ok()))
    }

    pub(super) async fn keep_client(
        &self,
        user: UserId,
        server: &str,
        issuer: &str,
        client: &Client,
    ) -> Result<(), Trouble> {
        let unkept = || Trouble::Away("What it knows Parley as cannot be kept.".to_owned());
        let json = serde_json::to_string(client).map_err(|_| unkept())?;
        let sealed = self.secrets.seal(&purpose(user, server, issuer), &json.into()).map_err(|error| {
            tracing::warn!(%error, "a client's registration cannot be sealed");
            unkept()
        })?;
        Ok(self.store.put_remote_client(user, server, issuer, Some(&sealed)).await?)
    }
}

/// A client by our own document, if that authorization server reads such.
pub(super) fn by_document(home: &Home, metadata: &Metadata) -> Option<Client> {
    let id = home.document().filter(|_| metadata.documents)?;
    Some(Client { id, secret: None, method: Method::None, callback: home.callback(), given: false })
}

/// Registers Parley (RFC 7591).
pub(super) async fn register(asker: Asker<'_>, home: &Home, metadata: &Metadata) -> Result<Client, Trouble> {
    let Some(endpoint) = &metadata.registration else {
        return Err(Trouble::refused(
            "Its authorization server must know Parley beforehand. Register Parley there, and enter the client id you \
             get under «Client id».",
        ));
    };
    let secret = metadata.methods.is_empty() || !metadata.methods.iter().any(|name| name == "none");
    let method = Method::best(metadata, secret);
    let mut form = home.metadata();
    form["token_endpoint_auth_method"] = method.name().into();
    let Answered { status, body, .. } = asker.json(endpoint, &form).await?;
    let told = body.unwrap_or_default();
    let Some(id) = told["client_id"].as_str().filter(|id| status.is_success() && !id.is_empty()) else {
        let why = told["error_description"].as_str().or(told["error"].as_str()).map(quote);
        let why = why.unwrap_or_else(|| format!("HTTP {}", status.as_u16()));
        let told = format!("Its authorization server does not register Parley («{why}»).");
        return Err(if status.is_server_error() { Trouble::Away(told) } else { Trouble::Refused(told) });
    };
    let secret = told["client_secret"].as_str().map(str::to_owned);
    let method = match (&secret, told["token_endpoint_auth_method"].as_str().and_then(Method::of)) {
        (None, _) => Method::None,
        (Some(_), Some(method)) => method,
        (Some(_), None) => Method::best(metadata, true),
    };
    Ok(Client { id: id.to_owned(), secret, method, callback: home.callback(), given: false })
}
