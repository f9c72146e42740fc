//! Connected MCP servers: what one's page shows and does. Every change sends a form without script back to that page.

use super::call::Call;
use crate::wire::{
    connection::{ConnectionRow, ToolChoice},
    error::ApiError,
    id::ConnectionId,
};
use leptos::prelude::*;
use std::collections::BTreeMap;

/// The page of one's servers.
pub const PAGE: &str = "/settings/connections";
/// Where a form begins to sign one in to a server: no function, because the browser goes elsewhere.
pub const SIGN_IN: &str = "/connections/sign-in";
/// Where a form signs one out of a server.
pub const SIGN_OUT: &str = "/connections/sign-out";

/// One's servers as they are now; those that are not connected begin to be.
#[server(name = ListConnections, protocol = Call)]
pub async fn connections() -> Result<Vec<ConnectionRow>, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        Ok(backend.connections.rows(&caller).await)
    })
    .await
}

/// Connects a server, with up to two headers; their values are secrets and are never sent back.
#[server(protocol = Call)]
pub async fn add_connection(
    name: String,
    url: String,
    #[server(default)] header: String,
    #[server(default)] value: String,
    #[server(default)] header_2: String,
    #[server(default)] value_2: String,
) -> Result<(), ApiError> {
    use super::context::{back_to_form, on_to_page, serve, signed_in};
    use crate::backend::tools::remote::NewConnection;
    use leptos::server_fn::ServerFn;
    let typed = [("name", name.clone()), ("header", header.clone()), ("header_2", header_2.clone())];
    serve(async {
        let (backend, caller) = signed_in()?;
        let headers = vec![(header, value.into()), (header_2, value_2.into())];
        backend.connections.add(&caller, NewConnection { name, url, headers }).await?;
        on_to_page(PAGE);
        Ok(())
    })
    .await
    .inspect_err(|error| {
        // Not the address: it may hold a key, and an address bar is read by others.
        let typed: Vec<(&str, &str)> = typed.iter().map(|(name, value)| (*name, value.as_str())).collect();
        back_to_form(PAGE, AddConnection::PATH, error, &typed);
    })
}

/// Calls one of one's own servers otherwise.
#[server(protocol = Call)]
pub async fn rename_connection(id: ConnectionId, name: String) -> Result<(), ApiError> {
    use super::context::{back_to_form, on_to_page, serve, signed_in};
    use leptos::server_fn::ServerFn;
    serve(async {
        let (backend, caller) = signed_in()?;
        backend.connections.rename(&caller, id, &name).await?;
        on_to_page(PAGE);
        Ok(())
    })
    .await
    .inspect_err(|error| back_to_form(PAGE, RenameConnection::PATH, error, &[]))
}

/// Ends one of one's own servers' connection and forgets it.
#[server(protocol = Call)]
pub async fn remove_connection(id: ConnectionId) -> Result<(), ApiError> {
    use super::context::{back_to_form, on_to_page, serve, signed_in};
    use leptos::server_fn::ServerFn;
    serve(async {
        let (backend, caller) = signed_in()?;
        backend.connections.remove(&caller, id).await?;
        on_to_page(PAGE);
        Ok(())
    })
    .await
    .inspect_err(|error| back_to_form(PAGE, RemoveConnection::PATH, error, &[]))
}

/// What one does to a server as it is: `reconnect`, `on` or `off`.
#[server(protocol = Call)]
pub async fn turn_connection(id: String, to: String) -> Result<(), ApiError> {
    use super::context::{back_to_form, on_to_page, serve, signed_in};
    use leptos::server_fn::ServerFn;
    serve(async {
        let (backend, caller) = signed_in()?;
        match to.as_str() {
            "reconnect" => backend.connections.reconnect(&caller, &id).await?,
            "on" | "off" => backend.connections.switch(&caller, &id, to == "on").await?,
            _ => return Err(ApiError::invalid("to", "A server can be reconnected, or turned on or off.")),
        }
        on_to_page(PAGE);
        Ok(())
    })
    .await
    .inspect_err(|error| back_to_form(PAGE, TurnConnection::PATH, error, &[]))
}

/// Decides about a tool of a server: `on`, `off` or `pinned`.
#[server(protocol = Call)]
pub async fn choose_tool(server: String, tool: String, choice: ToolChoice) -> Result<(), ApiError> {
    use super::context::{back_to_form, on_to_page, serve, signed_in};
    use leptos::server_fn::ServerFn;
    serve(async {
        let (backend, caller) = signed_in()?;
        backend.connections.choose(&caller, &server, &tool, choice).await?;
        on_to_page(PAGE);
        Ok(())
    })
    .await
    .inspect_err(|error| back_to_form(PAGE, ChooseTool::PATH, error, &[]))
}

/// Fills in what a server of the operator's asks for, by the input's id (`values[api-key]=…`), and connects it with that. A
/// secret that is left empty stays as it is; what else is left empty is forgotten.
#[server(protocol = Call)]
pub async fn fill_connection(id: String, #[server(default)] values: BTreeMap<String, String>) -> Result<(), ApiError> {
    use super::context::{back_to_form, on_to_page, serve, signed_in};
    use leptos::server_fn::ServerFn;
    serve(async {
        let (backend, caller) = signed_in()?;
        let values = values.into_iter().map(|(input, value)| (input, value.into())).collect();
        backend.connections.fill(&caller, &id, values).await?;
        on_to_page(PAGE);
        Ok(())
    })
    .await
    // Nothing of what was typed: it may be a key, and an address bar is read by others.
    .inspect_err(|error| back_to_form(PAGE, FillConnection::PATH, error, &[]))
}

/// Forgets everything one filled in for a server, and ends the connection that was made with it.
#[server(protocol = Call)]
pub async fn empty_connection(id: String) -> Result<(), ApiError> {
    use super::context::{back_to_form, on_to_page, serve, signed_in};
    use leptos::server_fn::ServerFn;
    serve(async {
        let (backend, caller) = signed_in()?;
        backend.connections.empty(&caller, &id).await?;
        on_to_page(PAGE);
        Ok(())
    })
    .await
    .inspect_err(|error| back_to_form(PAGE, EmptyConnection::PATH, error, &[]))
}
