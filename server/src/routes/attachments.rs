//! `/attachments/{id}`: what tools answered besides text, to members of its conversation.
//!
//! Invariant: whatever a tool sent cannot run here. What the bytes begin as decides: the images and sounds that are known
//! are shown as what they are, anything else (SVG and HTML too) is a download of unknown kind; no browser may guess
//! otherwise, and what is opened by itself is in a sandbox that loads nothing. Each use asks again whether one may.

use crate::{middleware::refusal::refuse, state::AppState};
use app::{
    backend::{caller::Caller, store::StoreError, tools::attachments::sniffed},
    ui::app::sign_in_path,
    wire::{error::ApiError, id::AttachmentId},
};
use axum::{
    Extension, Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use bytes::Bytes;
use std::ops::Range;

/// Nothing runs, nothing loads; a browser's own page around an image has styles of its own.
const SANDBOX: HeaderValue = HeaderValue::from_static("sandbox; default-src 'none'; style-src 'unsafe-inline'");
/// Kept by the browser of one person, who asks each time whether it is still theirs to see.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("private, no-cache");

/// The route.
pub fn router() -> Router<AppState> {
    Router::new().route("/attachments/{id}", get(attachment))
}

async fn attachment(
    State(state): State<AppState>,
    Path(id): Path<String>,
    caller: Option<Extension<Caller>>,
    asked: HeaderMap,
) -> Response {
    let path = format!("/attachments/{id}");
    let Ok(id) = id.parse::<AttachmentId>() else { return refuse(&ApiError::NotFound, &path) };
    let Some(Extension(caller)) = caller else { return Redirect::to(&sign_in_path(&path)).into_response() };
    served(&state, &caller, id, &asked).await.unwrap_or_else(|error| refuse(&ApiError::from(error), &path))
}

async fn served(
    state: &AppState,
    caller: &Caller,
    id: AttachmentId,
    asked: &HeaderMap,
) -> Result<Response, StoreError> {
    let store = &state.backend.store;
    let row = store.attachment(caller.user, id).await?;
    let tag = format!("\"{}\"", row.digest);
    let mut response = if names(asked.get(header::IF_NONE_MATCH), &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let bytes = Bytes::from(store.attachment_bytes(caller.user, id).await?);
        let whole = asked.get(header::IF_RANGE).is_some_and(|range| range.as_bytes() != tag.as_bytes());
        let range = asked.get(header::RANGE).filter(|_| !whole).and_then(|range| range.to_str().ok());
        let (kind, how) = match sniffed(&bytes) {
            Some(kind) => (kind, "inline"),
            None => ("application/octet-stream", "attachment"),
        };
        let mut response = body(bytes, range);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        // The name has letters that need no quoting (`tools::attachments::keep`).
        let how = HeaderValue::from_str(&format!("{how}; filename=\"{}\"", row.name));
        headers.insert(header::CONTENT_DISPOSITION, how.unwrap_or(HeaderValue::from_static("attachment")));
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, SANDBOX);
    headers.insert(header::CACHE_CONTROL, ASK_AGAIN);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    Ok(response)
}

/// Whether a list of tags (RFC 9110 13.1.2) names this one.
fn names(tags: Option<&HeaderValue>, tag: &str) -> bool {
    let tags = tags.and_then(|tags| tags.to_str().ok()).unwrap_or_default();
    tags.split(',').map(str::trim).any(|named| named == "*" || named.strip_prefix("W/").unwrap_or(named) == tag)
}

/// What a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// Nothing that is to be heeded: several ranges are not, either.
    Whole,
    /// What is not there.
    Beyond,
    /// These bytes.
    Of(Range<usize>),
}

/// All bytes, or the part that is asked for.
fn body(bytes: Bytes, range: Option<&str>) -> Response {
    let all = bytes.len();
    match range.map_or(Part::Whole, |range| part(range, all)) {
        Part::Whole => Body::from(bytes).into_response(),
        Part::Beyond => {
            (StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, format!("bytes */{all}"))]).into_response()
        }
        Part::Of(part) => {
            let place = format!("bytes {}-{}/{all}", part.start, part.end - 1);
            (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_RANGE, place)], Body::from(bytes.slice(part)))
                .into_response()
        }
    }
}

fn part(header: &str, all: usize) -> Part {
    match asked_range(header, all) {
        None => Part::Whole,
        Some(range) if range.is_empty() => Part::Beyond,
        Some(range) => Part::Of(range),
    }
}

/// One range of bytes (RFC 9110 14.1.2), as far as there are any; `None` for a header that is to be ignored.
fn asked_range(header: &str, all: usize) -> Option<Range<usize>> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    match (first.trim(), last.trim()) {
        ("", last) => Some(all.saturating_sub(last.parse().ok()?)..all),
        (first, "") => Some(first.parse().ok()?..all),
        (first, last) => {
            let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
            (first <= last).then(|| first..last.saturating_add(1).min(all))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_a_part_and_anything_else_is_ignored() {
        for (header, wanted) in [
            ("bytes=0-0", Part::Of(0..1)),
            ("bytes=2-", Part::Of(2..10)),
            ("bytes=-3", Part::Of(7..10)),
            ("bytes=-30", Part::Of(0..10)),
            ("bytes=5-99999999999999", Part::Of(5..10)),
            ("bytes=10-", Part::Beyond),
            ("bytes=-0", Part::Beyond),
            ("bytes=20-30", Part::Beyond),
            ("bytes=3-2", Part::Whole),
            ("bytes=0-1,4-5", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=99999999999999999999999-", Part::Whole),
            ("lines=0-1", Part::Whole),
        ] {
            assert_eq!(part(header, 10), wanted, "{header}");
        }
        assert_eq!(part("bytes=0-", 0), Part::Beyond);
    }

    #[test]
    fn tags_are_found_in_lists() {
        let list = |text: &'static str| HeaderValue::from_static(text);
        for (tags, found) in [("\"a\"", true), ("\"b\", W/\"a\"", true), ("*", true), ("\"b\"", false), ("a", false)] {
            assert_eq!(names(Some(&list(tags)), "\"a\""), found, "{tags}");
        }
        assert!(!names(None, "\"a\""));
    }
}
