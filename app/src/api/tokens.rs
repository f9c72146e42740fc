//! API tokens: what one gives to programs that act for one.

use super::call::Call;
use crate::wire::{api_token::ApiTokenRow, error::ApiError, id::TokenId};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// One's tokens, and where programs take them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiTokens {
    /// The address of the MCP server.
    pub endpoint: String,
    /// The tokens, newest first.
    pub rows: Vec<ApiTokenRow>,
}

/// One's tokens.
#[server(name = ListApiTokens, protocol = Call)]
pub async fn api_tokens() -> Result<ApiTokens, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        let endpoint = format!("{}/mcp", backend.config.origin());
        Ok(ApiTokens { endpoint, rows: backend.auth.api_tokens(&caller).await? })
    })
    .await
}

/// Makes a token that reads, and writes and runs as far as is said; it lives `days` days, or with 0 until it is ended.
/// The answer is the token's text, for this one time: a form without script cannot take it, because its answer would
/// have to be an address.
#[server(protocol = Call)]
pub async fn create_api_token(
    name: String,
    #[server(default)] write: bool,
    #[server(default)] run: bool,
    days: u32,
) -> Result<String, ApiError> {
    use super::context::{back_to_form, needs_script, serve, signed_in};
    use crate::wire::api_token::{Scope, Scopes};
    use leptos::server_fn::ServerFn;
    use secrecy::ExposeSecret;
    serve(async {
        let (backend, caller) = signed_in()?;
        needs_script()?;
        let chosen = [(Scope::Read, true), (Scope::Write, write), (Scope::Run, run)];
        let scopes = chosen.into_iter().filter(|(_, wanted)| *wanted);
        let scopes = scopes.fold(Scopes::default(), |scopes, (scope, _)| scopes.with(scope));
        let token = backend.auth.create_api_token(&caller, &name, scopes, (days > 0).then_some(days)).await?;
        Ok(token.expose_secret().to_owned())
    })
    .await
    .inspect_err(|error| back_to_form("/settings/programs", CreateApiToken::PATH, error, &[]))
}

/// Ends one of one's tokens and the streams it opened.
#[server(protocol = Call)]
pub async fn revoke_api_token(id: TokenId) -> Result<(), ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        Ok(backend.auth.revoke_api_token(&caller, id).await?)
    })
    .await
}
