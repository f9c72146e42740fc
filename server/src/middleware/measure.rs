//! Counts each request, and times it to the head of its answer: a socket or a stream goes on for hours after that, and is
//! timed no longer than any other.
//!
//! Invariant: few labels, whatever is asked for. A route is its pattern; what no route knows is one, as are the built
//! files, and so is any method that is none of HTTP's usual ones.

use app::backend::metrics;
use axum::{
    extract::{MatchedPath, Request},
    http::{Method, StatusCode},
    response::Response,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// A request that is being answered.
#[derive(Debug)]
pub struct Measured {
    route: Arc<str>,
    method: &'static str,
    begun: Instant,
}

impl Measured {
    /// It begins now.
    pub fn begin(request: &Request) -> Self {
        Self { route: route(request).into(), method: method(request.method()), begun: Instant::now() }
    }

    /// Counts it; its route's pattern, and how long it took.
    pub fn end(self, response: &Response) -> (Arc<str>, Duration) {
        let elapsed = self.begun.elapsed();
        metrics::http_request(Arc::clone(&self.route), self.method, class(response.status()), elapsed);
        (self.route, elapsed)
    }
}

/// The pattern of the request's route.
fn route(request: &Request) -> &str {
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
