//! Dynamic registration (RFC 7591), for programs that have no metadata document. Anybody may; what one says of oneself
//! proves nothing, and the consent page says so.

use super::{
    OAuth, OAuthError,
    clients::{checked_redirects, name},
    refusal::{Code, Refusal},
    secret,
};
use crate::{
    backend::{
        limiter::{Action, Key},
        store::oauth::OAuthClient,
    },
    wire::api_token::Scopes,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::IpAddr;
use uuid::Uuid;

/// What we read of a registration; the rest may be there and means nothing here (RFC 7591 2).
#[derive(Debug, Deserialize)]
struct Metadata {
    #[serde(default)]
    redirect_uris: Vec<String>,
    client_name: Option<String>,
    token_endpoint_auth_method: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
}

impl OAuth {
    /// Makes a program known that describes itself by the JSON of `body`: what it is to be told.
    pub async fn register(&self, body: &[u8], from: IpAddr) -> Result<Value, OAuthError> {
        self.limiter.check(Action::Register, &Key::address(from)).map_err(OAuthError::TooMany)?;
        let wrong = |reason: &str| Refusal::new(Code::InvalidClientMetadata, reason);
        let metadata: Metadata = serde_json::from_slice(body)
            .map_err(|_| wrong("The registration is not a JSON object with the members of RFC 7591."))?;
        let redirect_uris = checked_redirects(metadata.redirect_uris)
            .map_err(|reason| Refusal::new(Code::InvalidRedirectUri, reason))?;
        let method = metadata.token_endpoint_auth_method.as_deref().unwrap_or("client_secret_basic");
        if !["none", "client_secret_basic", "client_secret_post"].contains(&method) {
            let reason = "The token_endpoint_auth_method is none, client_secret_basic or client_secret_post here.";
            return Err(wrong(reason).into());
        }
        let lacks = |list: &Option<Vec<String>>, word: &str| {
            list.as_ref().is_some_and(|list| !list.is_empty() && !list.iter().any(|known| known == word))
        };
        if lacks(&metadata.grant_types, "authorization_code") {
            return Err(wrong("A program gets its first tokens by an authorization_code here.").into());
        }
        if lacks(&metadata.response_types, "code") {
            return Err(wrong("The response type is «code» here.").into());
        }
        let secret = if method == "none" { None } else { Some(secret(super::SECRET)?) };
        let id = self.clock.id::<Uuid>().to_string();
        let name =
            metadata.client_name.as_deref().and_then(name).unwrap_or_else(|| "A program without a name".to_owned());
        let (shown, secret_hash) = secret.unzip();
        let client = OAuthClient { id, name, redirect_uris, secret_hash, fresh_until: None };
        self.store.put_oauth_client(&client).await?;
        let mut told = json!({
            "client_id": client.id,
            "client_id_issued_at": self.clock.now().0 / 1000,
            "client_name": client.name,
            "redirect_uris": client.redirect_uris,
            "token_endpoint_auth_method": method,
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "scope": Scopes::ALL.to_string(),
        });
        if let Some(secret) = shown {
            told["client_secret"] = json!(secret);
            told["client_secret_expires_at"] = json!(0);
        }
        Ok(told)
    }
}
