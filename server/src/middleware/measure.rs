//! Counts each request, and times it to the head of its answer: a socket or a stream goes on for hours after that, and is
//! timed no longer than any other.
//!
//! Invariant: few labels, whatever is asked for. A route is its pattern; what no route knows is one, as are the built
//! files, and so is any method that is none of HTTP's usual ones.

use app::backend::metrics;
use axum::{
    extract::{MatchedPath, Request},
    http::{Method, StatusCode},
    middleware::Next,
    response::Response,
};
use std::time::Instant;

/// Counts the request.
pub async fn measure(request: Request, next: Next) -> Response {
    let (route, method, begun) = (route(&request).to_owned(), method(request.method()), Instant::now());
    let response = next.run(request).await;
    metrics::http_request(route, method, class(response.status()), begun.elapsed());
    response
}

/// The pattern of the request's route, for whoever writes it down.
pub fn route(request: &Request) -> &str {
    let matched = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    // A folder of files is no route of its own: axum names none.
    matched.unwrap_or_else(|| if request.uri().path().starts_with("/pkg/") { "/pkg" } else { "(none)" })
}

fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}
