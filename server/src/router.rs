//! Every route and every layer, in order, on one screen.

use crate::{
    middleware::{around, forms, limit, origin, session},
    routes::{apps, attachments, check, files, guide, health, mcp, metrics, oauth, pages, sign_ins},
    state::AppState,
    telemetry::meter::Meter,
};
use app::{backend::Backend, ui::shell};
use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
};
use leptos_axum::LeptosRoutes;
use std::sync::Arc;
use tower_http::{CompressionLevel, compression::CompressionLayer};

/// The whole server for `backend`, counted by `meter`.
pub fn router(backend: Arc<Backend>, meter: Option<Meter>) -> Router {
    let state = AppState::new(backend);
    let context = pages::context(&state);
    let document = {
        let options = state.leptos.clone();
        move || shell(options.clone())
    };
    let people = Router::new()
        .merge(guide::router())
        .merge(oauth::consent::router())
        .merge(check::router())
        .merge(sign_ins::router())
        .merge(apps::router())
        .merge(attachments::router())
        .leptos_routes_with_context(&state, pages::routes(&context), context.clone(), document)
        .fallback(files::file_or_page(&state, context))
        // From here outwards; a request meets the last one first.
        // One level above the default: a page is a twentieth smaller for a fraction of a millisecond.
        .layer(CompressionLayer::new().quality(CompressionLevel::Precise(5)).compress_when(pages::is_html))
        .layer(from_fn(forms::forms))
        .layer(from_fn_with_state(state.clone(), session::session))
        .layer(from_fn_with_state(origin::Gate::new(&state.backend.config), origin::origin))
        .layer(from_fn_with_state(state.clone(), limit::limit));
    let all = Router::new()
        .merge(people)
        .merge(mcp::router(&state))
        .merge(oauth::router(&state))
        .merge(files::assets(&state))
        .merge(health::router())
        .merge(metrics::router(&state, meter));
    let apart = match &state.backend.config.apps.origin {
        Some(origin) => all.layer(from_fn_with_state(apps::host(origin), apps::only_apps)),
        None => all,
    };
    apart.layer(from_fn_with_state(state.clone(), around::around)).with_state(state)
}
