//! The built page's files. Under `/pkg` a name carries its content's hash, so a browser may keep it for ever; the rest
//! of the site folder (icons, manifest) it asks for again after an hour. What is neither is a page of status 404.
//!
//! Files are compressed when they are built, never here.

use crate::{middleware::refusal::refuse, state::AppState};
use app::{ui::shell, wire::error::ApiError};
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::map_response,
    response::{IntoResponse, Response},
};
use futures::future::BoxFuture;
use leptos_axum::render_app_async_with_context;
use std::path::Path;
use tower::ServiceExt;
use tower_http::services::ServeDir;

const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

fn folder(path: impl AsRef<Path>) -> ServeDir {
    ServeDir::new(path).append_index_html_on_directories(false).precompressed_br().precompressed_gzip()
}

/// `/pkg`: script, style and WebAssembly.
pub fn assets(state: &AppState) -> Router<AppState> {
    let keep = if state.leptos.hash_files { FOR_EVER } else { ASK_AGAIN };
    let files = folder(Path::new(&*state.leptos.site_root).join("pkg"));
    Router::new().nest_service("/pkg", files).layer(map_response(move |response: Response| {
        let keep = keep.clone();
        async move { kept(response, keep) }
    }))
}

/// Only what was found may be kept.
fn kept(mut response: Response, keep: HeaderValue) -> Response {
    // Nobody asks again for what is for ever, nor for parts of it; every file of a first visit would say so.
    if keep == FOR_EVER {
        response.headers_mut().remove(header::LAST_MODIFIED);
        response.headers_mut().remove(header::ACCEPT_RANGES);
    }
    let found = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
    let keep = if found { keep } else { HeaderValue::from_static("no-store") };
    response.headers_mut().insert(header::CACHE_CONTROL, keep);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}

/// A file of the site folder, or else the page that says there is nothing.
pub fn file_or_page(
    state: &AppState,
    context: impl Fn() + Clone + Send + Sync + 'static,
) -> impl Fn(Request) -> BoxFuture<'static, Response> + Clone + Send + Sync + 'static {
    let files = folder(&*state.leptos.site_root);
    let options = state.leptos.clone();
    let page = render_app_async_with_context(context, move || shell(options.clone()));
    move |request: Request| {
        let (files, page) = (files.clone(), page.clone());
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let Ok(file) = files.oneshot(Request::from_parts(head.clone(), Body::empty())).await;
            if !matches!(file.status(), StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) {
                return kept(file.into_response(), AN_HOUR);
            }
            if head.uri.path().starts_with("/api/") {
                return refuse(&outdated(), head.uri.path());
            }
            let mut response = page(Request::from_parts(head, body)).await;
            if response.status() == StatusCode::OK {
                *response.status_mut() = StatusCode::NOT_FOUND;
            }
            response
        })
    }
}

/// Pages call functions by names that the server has: an unknown one comes from a page that was loaded before an update.
fn outdated() -> ApiError {
    ApiError::Conflict { reason: "This page is older than the server. Load it again.".to_owned() }
}
