//! Accounts: sign up, in and out, one's own sessions, password, usage.

use super::call::Call;
use crate::wire::{
    account::{SessionRow, Viewer},
    error::ApiError,
    id::SessionId,
    message::Usage,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// Who is signed in; `None` for a visitor.
#[server(name = GetViewer, protocol = Call)]
pub async fn viewer() -> Result<Option<Viewer>, ApiError> {
    use super::context::visitor;
    let Some(caller) = visitor() else { return Ok(None) };
    let name = crate::wire::account::Username::parse(&caller.name).map_err(|_| ApiError::SignIn)?;
    Ok(Some(Viewer { id: caller.user, name, admin: caller.admin }))
}

/// Whether a visitor may make an account.
#[server(protocol = Call)]
pub async fn signup_open() -> Result<bool, ApiError> {
    Ok(super::context::backend()?.auth.sign_up_open())
}

/// Makes an account and signs it in; then goes to `next`, a path of this site.
#[server(protocol = Call)]
pub async fn sign_up(name: String, password: String, #[server(default)] next: String) -> Result<(), ApiError> {
    use super::context::{back_to_form, backend, form, go_to, serve, set_cookie};
    use leptos::server_fn::ServerFn;
    serve(async {
        let backend = backend()?;
        let signed_in = backend.auth.sign_up(form(name.clone(), password)).await?;
        set_cookie(&backend.auth.cookie(&signed_in.token));
        go_to(&next);
        Ok(())
    })
    .await
    .inspect_err(|error| back_to_form("/sign-up", SignUp::PATH, error, &[("name", &name), ("next", &next)]))
}

/// Signs in; then goes to `next`, a path of this site.
#[server(protocol = Call)]
pub async fn sign_in(name: String, password: String, #[server(default)] next: String) -> Result<(), ApiError> {
    use super::context::{back_to_form, backend, form, go_to, serve, set_cookie};
    use leptos::server_fn::ServerFn;
    serve(async {
        let backend = backend()?;
        let signed_in = backend.auth.sign_in(form(name.clone(), password)).await?;
        set_cookie(&backend.auth.cookie(&signed_in.token));
        go_to(&next);
        Ok(())
    })
    .await
    .inspect_err(|error| back_to_form("/sign-in", SignIn::PATH, error, &[("name", &name), ("next", &next)]))
}

/// Ends this browser's session and closes its sockets.
#[server(protocol = Call)]
pub async fn sign_out() -> Result<(), ApiError> {
    use super::context::{backend, go_to, serve, set_cookie, visitor};
    serve(async {
        let backend = backend()?;
        if let Some(caller) = visitor() {
            backend.auth.sign_out(&caller).await?;
        }
        set_cookie(&backend.auth.clear_cookie());
        go_to("/sign-in");
        Ok(())
    })
    .await
}

/// One's signed-in browsers, newest first.
#[server(protocol = Call)]
pub async fn sessions() -> Result<Vec<SessionRow>, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        Ok(backend.auth.sessions(&caller).await?)
    })
    .await
}

/// Ends one of one's sessions and closes its sockets.
#[server(protocol = Call)]
pub async fn revoke_session(id: SessionId) -> Result<(), ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        Ok(backend.auth.revoke_session(&caller, id).await?)
    })
    .await
}

/// Sets a new password and ends every other session. Without JavaScript the page is told in its query (`changed`).
#[server(protocol = Call)]
pub async fn change_password(current: String, new: String) -> Result<(), ApiError> {
    use super::context::{back_to_form, on_to_page, serve, signed_in};
    use leptos::server_fn::ServerFn;
    serve(async {
        let (backend, caller) = signed_in()?;
        backend.auth.change_password(&caller, current.into(), new.into()).await?;
        on_to_page("/settings?changed=password#password");
        Ok(())
    })
    .await
    .inspect_err(|error| back_to_form("/settings", ChangePassword::PATH, error, &[]))
}

/// What one's turns cost in the last 30 days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageReport {
    /// Tokens.
    pub usage: Usage,
    /// Replies.
    pub turns: u64,
}

/// One's own usage.
#[server(protocol = Call)]
pub async fn usage_summary() -> Result<UsageReport, ApiError> {
    use super::context::{serve, signed_in};
    const MONTH_MS: i64 = 30 * 24 * 3600 * 1000;
    serve(async {
        let (backend, caller) = signed_in()?;
        let since = crate::wire::id::Millis(backend.clock.now().0 - MONTH_MS);
        let (usage, turns) = backend.store.usage(caller.user, since).await?;
        Ok(UsageReport { usage, turns })
    })
    .await
}
