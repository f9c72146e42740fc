//! How a layer says no: the same facts as a server function's refusal, as JSON where a script asks and as a sentence
//! where a person does.

use app::wire::error::ApiError;
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// The response for `error` to a request of `path`.
pub fn refuse(error: &ApiError, path: &str) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = if path.starts_with("/api/") {
        (status, Json(error)).into_response()
    } else {
        (status, format!("{error}\n")).into_response()
    };
    if let ApiError::TooMany { retry_after_s } = error {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*retry_after_s));
    }
    response
}

/// The response after a panic, whose words stay here: they may quote a message. The hook has logged its place.
pub(super) fn panicked() -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side.\n").into_response()
}
