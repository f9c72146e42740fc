//! Fetching a small JSON document that somebody names, whole or not at all.
//!
//! Invariant: what is guarded of a visit is guarded here, and no redirect is followed: the document must be where its
//! name says.

use super::{Guarded, HttpError, media_type, sorted};
use reqwest::{Response, StatusCode, header};
use std::time::Duration;

/// How long the whole fetch may take: a person waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// A document.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its bytes.
    pub body: Vec<u8>,
    /// How long it may be kept, if its server says so (RFC 9111 5.2.2.1); zero if it may not be.
    pub max_age: Option<Duration>,
}

/// Why a document could not be fetched, in words for the reader.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It cannot be reached, or may not be.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Its server has something else to say.
    #[error("its server answers with status {}", .0.as_u16())]
    Status(StatusCode),
    /// It is something else.
    #[error("it is not JSON, says its server")]
    NotJson,
    /// It is too large.
    #[error("it has more than {0} bytes")]
    TooLarge(usize),
}

impl Guarded {
    /// Fetches the JSON document at `url`, of at most `most` bytes.
    ///
    /// # Errors
    /// Refused, unreachable, late, broken, too large, not JSON, or any status but 200.
    pub async fn document(&self, url: &str, most: usize) -> Result<Document, DocumentError> {
        let fetched = tokio::time::timeout(PATIENCE, self.whole(url, most)).await;
        fetched.unwrap_or(Err(DocumentError::Http(HttpError::Late)))
    }

    async fn whole(&self, url: &str, most: usize) -> Result<Document, DocumentError> {
        let url = self.reach.target(url).map_err(HttpError::from)?;
        let request = self.client.get(url).header(header::ACCEPT, "application/json");
        let mut answer = request.send().await.map_err(|error| sorted(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(DocumentError::Status(answer.status()));
        }
        let json = media_type(&answer).is_some_and(|kind| kind == "application/json" || kind.ends_with("+json"));
        if !json {
            return Err(DocumentError::NotJson);
        }
        let max_age = max_age(&answer);
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| sorted(&error))? {
            if body.len() + chunk.len() > most {
                return Err(DocumentError::TooLarge(most));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Document { body, max_age })
    }
}

fn max_age(answer: &Response) -> Option<Duration> {
    let says = answer.headers().get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let says: Vec<String> =
        says.flat_map(|line| line.split(',')).map(|word| word.trim().to_ascii_lowercase()).collect();
    if says.iter().any(|word| word == "no-store" || word == "no-cache") {
        return Some(Duration::ZERO);
    }
    says.iter().find_map(|word| word.strip_prefix("max-age=")?.parse().ok()).map(Duration::from_secs)
}
