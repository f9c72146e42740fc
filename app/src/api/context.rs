//! What a server function may take from its request, and how it answers beside its value.
//!
//! Invariant: the only reader of Leptos' context. [`Caller`] and [`Peer`] are put into the request's extensions by the
//! server's session middleware; whoever is not there is a visitor.

use super::error::report;
use crate::{
    backend::{
        Backend,
        auth::SignIn,
        caller::{Caller, Peer},
        limiter::{Action, Key},
    },
    wire::error::ApiError,
};
use http::{HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use server_fn::error::ServerFnUrlError;
use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

/// The backend, which the router provides to every page and function.
pub(super) fn backend() -> Result<Arc<Backend>, ApiError> {
    use_context::<Arc<Backend>>().ok_or(ApiError::Unavailable)
}

/// Who is signed in, if anybody.
pub(super) fn visitor() -> Option<Caller> {
    use_context::<Parts>()?.extensions.get::<Caller>().cloned()
}

/// The backend and the one who is signed in.
///
/// # Errors
/// [`ApiError::SignIn`] for a visitor.
pub(super) fn signed_in() -> Result<(Arc<Backend>, Caller), ApiError> {
    Ok((backend()?, visitor().ok_or(ApiError::SignIn)?))
}

/// Counts what an app asks for: what reaches its server together with what its person's programs call, what it tells
/// the model by itself.
///
/// # Errors
/// [`ApiError::TooMany`].
pub(super) fn counted(backend: &Backend, action: Action, caller: &Caller) -> Result<(), ApiError> {
    backend.limiter.check(action, &Key::User(caller.user)).map_err(ApiError::too_many)
}

/// The backend and the one who is signed in, an administrator.
///
/// # Errors
/// [`ApiError::SignIn`] for a visitor, [`ApiError::Forbidden`] for everybody else.
pub(super) fn administrator() -> Result<(Arc<Backend>, Caller), ApiError> {
    let (backend, caller) = signed_in()?;
    if caller.admin {
        Ok((backend, caller))
    } else {
        Err(ApiError::Forbidden { reason: "Only an administrator can do that.".to_owned() })
    }
}

/// Where the request comes from; unknown outside a real connection.
fn peer() -> Peer {
    use_context::<Parts>()
        .and_then(|parts| parts.extensions.get::<Peer>().cloned())
        .unwrap_or(Peer { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), agent: String::new() })
}

/// What a sign-in or sign-up form says, with where it comes from.
pub(super) fn form(name: String, password: String) -> SignIn {
    let Peer { address, agent } = peer();
    SignIn { name, password: password.into(), address, agent, previous: visitor() }
}

/// Runs a function's body: its failure is reported once and gives the response its status.
pub(super) async fn serve<T>(body: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    body.await.inspect_err(|error| {
        report(error);
        refuse(error);
    })
}

/// Gives the response the status of `error`, and `Retry-After` where it has one. A form posted without JavaScript is
/// redirected back to its page, which shows the error: that response keeps its 302.
fn refuse(error: &ApiError) {
    let (Some(parts), Some(response)) = (use_context::<Parts>(), use_context::<ResponseOptions>()) else { return };
    if is_form_post(&parts) {
        return;
    }
    if let Ok(status) = StatusCode::from_u16(error.status()) {
        response.set_status(status);
    }
    if let ApiError::TooMany { retry_after_s } = error {
        response.insert_header(header::RETRY_AFTER, HeaderValue::from(*retry_after_s));
    }
}

/// Whether a browser posted a form by itself: it wants a page for an answer.
fn is_form_post(parts: &Parts) -> bool {
    let accepts = parts.headers.get(header::ACCEPT).map(HeaderValue::as_bytes);
    parts.method == Method::POST && accepts.is_some_and(|accept| accept.starts_with(b"text/html"))
}

/// Refuses a form that was posted without JavaScript where only a script can take the answer.
///
/// # Errors
/// [`ApiError::Conflict`].
pub(super) fn needs_script() -> Result<(), ApiError> {
    match use_context::<Parts>() {
        Some(parts) if is_form_post(&parts) => {
            let reason = "This needs JavaScript: what comes of it is shown once, and an address must not hold it.";
            Err(ApiError::Conflict { reason: reason.to_owned() })
        }
        _ => Ok(()),
    }
}

/// Sends a form that was posted without JavaScript back to its page with the error and what was typed, secrets left
/// out. Leptos would send it back with the error alone, and with every earlier error still in the address.
pub(super) fn back_to_form(page: &str, function: &str, error: &ApiError, typed: &[(&str, &str)]) {
    let (Some(parts), Some(response)) = (use_context::<Parts>(), use_context::<ResponseOptions>()) else { return };
    if !is_form_post(&parts) {
        return;
    }
    let Ok(base) = url::Url::parse_with_params(&format!("http://form.invalid{page}"), typed) else { return };
    let Ok(full) = ServerFnUrlError::new(function, error.clone()).to_url(base.as_str()) else { return };
    let path = format!("{}?{}", full.path(), full.query().unwrap_or_default());
    if let Ok(location) = HeaderValue::from_str(&path) {
        response.insert_header(header::LOCATION, location);
    }
}

/// Sends a form that was posted without JavaScript on to a page that says what came of it; a script has the function's
/// answer and stays where it is.
pub(super) fn on_to_page(path: &str) {
    let (Some(parts), Some(response)) = (use_context::<Parts>(), use_context::<ResponseOptions>()) else { return };
    if is_form_post(&parts)
        && let Ok(location) = HeaderValue::from_str(local_path(path))
    {
        response.set_status(StatusCode::FOUND);
        response.insert_header(header::LOCATION, location);
    }
}

/// Sets a cookie, given as a whole `Set-Cookie` value.
pub(super) fn set_cookie(cookie: &str) {
    if let (Some(response), Ok(value)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(cookie)) {
        response.append_header(HeaderName::from_static("set-cookie"), value);
    }
}

/// Sends the browser to a path of this site. Anything else (another host, a scheme, a protocol-relative path) becomes
/// the home page: a link to us must not lead away from us.
pub(super) fn go_to(path: &str) {
    leptos_axum::redirect(local_path(path));
}

fn local_path(path: &str) -> &str {
    let local = path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains(['\\', '\r', '\n', '\t'])
        && path.is_ascii()
        && !path.contains(char::is_whitespace);
    if local { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::local_path;

    #[test]
    fn only_paths_of_this_site_are_followed() {
        for local in ["/", "/c/0190", "/join/abc?x=1", "/settings#sessions"] {
            assert_eq!(local_path(local), local);
        }
        for foreign in
            ["", "https://evil.example", "//evil.example", "/\\evil.example", "evil", "/a\r\nSet-Cookie: x", "/a b"]
        {
            assert_eq!(local_path(foreign), "/", "{foreign:?}");
        }
    }
}
