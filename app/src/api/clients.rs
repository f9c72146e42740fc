//! Programs that one let in by OAuth.

use super::call::Call;
use crate::wire::{error::ApiError, oauth::ConnectedClient};
use leptos::prelude::*;

/// The programs one is signed in with, the latest first.
#[server(name = ListClients, protocol = Call)]
pub async fn clients() -> Result<Vec<ConnectedClient>, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        Ok(backend.auth.oauth().connected(&caller).await?)
    })
    .await
}

/// Ends all that one allowed a program, and the streams it has open.
#[server(protocol = Call)]
pub async fn revoke_client(id: String) -> Result<(), ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        Ok(backend.auth.oauth().disconnect(&caller, &id).await?)
    })
    .await
}
