//! Forms of server functions hold text, and a form that cannot be read is refused with the status that this means.
//!
//! Leptos reads percent-encoded bytes that are no UTF-8 as other characters, so that a password would not be the one that
//! was sent, and answers any form that it cannot read as if the fault were ours.

use super::refusal::refuse;
use app::wire::{error::ApiError, limits::BODY_MAX};
use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// Refuses forms that are no text, and gives the others' refusals their status.
pub async fn forms(request: Request, next: Next) -> Response {
    if !is_form(&request) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(form) = to_bytes(body, BODY_MAX).await else {
        let sentence = format!("A form may have {BODY_MAX} bytes, and must be sent to its end.\n");
        return (StatusCode::PAYLOAD_TOO_LARGE, sentence).into_response();
    };
    if !is_text(&form) {
        let error = ApiError::invalid("form", "A form holds text: UTF-8, without the character NUL.");
        let read = parts.headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/html"));
        return refuse(&error, if read { "" } else { parts.uri.path() });
    }
    own_status(next.run(Request::from_parts(parts, Body::from(form))).await).await
}

fn is_form(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    request.method() == Method::POST
        && request.uri().path().starts_with("/api/")
        && kind.starts_with(b"application/x-www-form-urlencoded")
}

/// Whether what stands in a form, decoded, is text that every database keeps as it is.
fn is_text(form: &[u8]) -> bool {
    let mut text = Vec::with_capacity(form.len());
    let mut rest = form;
    while let Some((byte, after)) = rest.split_first() {
        let coded = if *byte == b'%' { after.get(..2).and_then(hexadecimal) } else { None };
        text.push(coded.unwrap_or(*byte));
        rest = if coded.is_some() { &after[2..] } else { after };
    }
    !text.contains(&0) && std::str::from_utf8(&text).is_ok()
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok()?;
    u8::from_str_radix(digits, 16).ok()
}

/// The response with the status that its error means, where Leptos gave it 500.
async fn own_status(response: Response) -> Response {
    if response.status() != StatusCode::INTERNAL_SERVER_ERROR {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, BODY_MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let status = serde_json::from_slice::<ApiError>(&body).ok().map(|error| error.status());
    if let Some(status) = status.and_then(|status| StatusCode::from_u16(status).ok()) {
        parts.status = status;
    }
    Response::from_parts(parts, Body::from(body))
}

#[cfg(test)]
mod tests {
    use super::is_text;

    #[test]
    fn text_is_what_is_utf_8_and_has_no_nul_once_decoded() {
        for text in ["", "name=ada+l%C3%A9&x=%F0%9F%A6%80", "100%", "%zz=%", "%C3%A9", "é", "%2500"] {
            assert!(is_text(text.as_bytes()), "{text}");
        }
        for other in [&b"name=%FF"[..], b"%00", b"a\0", b"\xff", b"%C3", b"%ED%A0%80", b"name=%C3&x=%A9"] {
            assert!(!is_text(other), "{}", other.escape_ascii());
        }
    }
}
