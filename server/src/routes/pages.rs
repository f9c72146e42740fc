//! Pages: what Leptos renders, and the one list of what it may take from context.
//!
//! Decision: the nonce is the one Leptos makes for each page and puts on its own scripts; the policy that names it is
//! made here, where that nonce is known, and not in the layer that adds the other headers.

use crate::{
    middleware::headers::{Policy, without_script},
    state::AppState,
};
use app::ui::App;
use axum::{
    http::{Extensions, HeaderMap, StatusCode, Version, header},
    response::{Html, IntoResponse, Response},
};
use leptos::{
    IntoView,
    nonce::use_nonce,
    prelude::{provide_context, use_context},
};
use leptos_axum::{AxumRouteListing, ResponseOptions, generate_route_list_with_exclusions_and_ssg_and_context};
use std::sync::Arc;

/// What every page and server function finds in context.
pub fn context(state: &AppState) -> impl Fn() + Clone + Send + Sync + 'static {
    let backend = Arc::clone(&state.backend);
    let policy = Policy::new(&backend.config);
    move || {
        provide_context(Arc::clone(&backend));
        if let (Some(response), Some(nonce)) = (use_context::<ResponseOptions>(), use_nonce()) {
            response.insert_header(header::CONTENT_SECURITY_POLICY, policy.of_page(&nonce));
        }
    }
}

/// The pages' routes, as the page itself names them.
pub fn routes(context: &(impl Fn() + Clone + Send + 'static)) -> Vec<AxumRouteListing> {
    generate_route_list_with_exclusions_and_ssg_and_context(App, None, context.clone()).0
}

/// A page that no script wakes; its forms lead to ourselves and to `form_action`.
pub fn plain<V: IntoView>(
    state: &AppState,
    headers: &HeaderMap,
    title: &'static str,
    form_action: &str,
    page: impl FnOnce() -> V,
) -> Response {
    let html = app::ui::plain(state.leptos.clone(), theme(headers), title, page);
    ([(header::CONTENT_SECURITY_POLICY, without_script(form_action))], Html(html)).into_response()
}

/// What the person chose in the settings: where script runs, it reads the same cookie.
fn theme(headers: &HeaderMap) -> Option<&'static str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let chosen = cookies.flat_map(|line| line.split(';')).find_map(|pair| pair.trim().strip_prefix("theme="))?;
    ["light", "dark"].into_iter().find(|theme| *theme == chosen)
}

/// Whether a response is a page: only pages are compressed as they are made. Files have been before; answers to
/// functions are small, and never hold a secret beside text of another's choice.
pub fn is_html(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}
