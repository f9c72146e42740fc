//! The one function that speaks to a vendor: posts a request, tells failures apart, reads the reply as deltas.

use super::{
    Category, DeltaStream, ProviderError,
    sse::{IDLE_MAX, Mapper, chain, deltas},
};
use crate::backend::clock::Clock;
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::{RequestBuilder, Response, header};
use std::time::{Duration, UNIX_EPOCH};

/// How long connecting and waiting for the response's head may take: some servers load the model first.
const HEAD_MAX: Duration = Duration::from_mins(2);
/// Bytes of an error's body that are read.
const ERROR_BODY_MAX: usize = 64 * 1024;

/// Patience with a vendor; tests have less.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Until the response's head.
    pub(super) head: Duration,
    /// Between two chunks.
    pub(super) idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { head: HEAD_MAX, idle: IDLE_MAX }
    }
}

/// The reply to `request`. Nothing is sent before the stream is polled; dropping it closes the connection.
pub(super) fn reply<M: Mapper>(request: RequestBuilder, mapper: M, patience: Patience) -> DeltaStream {
    let connecting = async move {
        let response = connect(request, patience).await?;
        Ok(deltas(response.bytes_stream(), mapper, patience.idle))
    };
    stream::once(connecting).try_flatten().boxed()
}

async fn connect(request: RequestBuilder, patience: Patience) -> Result<Response, ProviderError> {
    let sent = tokio::time::timeout(patience.head, request.header(header::ACCEPT, "text/event-stream").send()).await;
    let response = match sent {
        Err(_) => {
            let message = format!("no answer within {} s", patience.head.as_secs());
            return Err(ProviderError::new(Category::Unreachable, message));
        }
        // The address may hold a key in its query, so it stays out of the log.
        Ok(Err(error)) => return Err(unsent(error.without_url())),
        Ok(Ok(response)) => response,
    };
    if !response.status().is_success() {
        return Err(refused(response, patience.idle).await);
    }
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if kind.starts_with("text/html") || kind.starts_with("application/json") {
        let error = refused(response, patience.idle).await;
        // An error told with 200 keeps the kind its words give it; anything else is not this API.
        let told = error.code.is_some() && error.category != Category::Unreachable;
        let category = if told { error.category } else { Category::Protocol };
        return Err(ProviderError { category, ..error });
    }
    Ok(response)
}

fn unsent(error: reqwest::Error) -> ProviderError {
    let category = if error.is_builder() { Category::Rejected } else { Category::Unreachable };
    ProviderError::new(category, chain(&error))
}

async fn refused(response: Response, idle: Duration) -> ProviderError {
    let status = response.status().as_u16();
    let after = retry_after(response.headers());
    let body = tokio::time::timeout(idle, beginning(response)).await.unwrap_or_default();
    ProviderError::from_response(status, &body, after)
}

/// As much of the body as tells what is wrong.
async fn beginning(response: Response) -> String {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(Ok(chunk)) = chunks.next().await {
        body.extend_from_slice(&chunk[..chunk.len().min(ERROR_BODY_MAX - body.len())]);
        if body.len() == ERROR_BODY_MAX {
            break;
        }
    }
    String::from_utf8_lossy(&body).into_owned()
}

/// `retry-after-ms` of OpenAI and Azure, or RFC 9110 10.2.3: seconds or a date.
fn retry_after(headers: &header::HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let positive = |seconds: f64| Duration::try_from_secs_f64(seconds).ok();
    if let Some(ms) = text("retry-after-ms").and_then(|t| t.parse::<f64>().ok()) {
        return positive(ms / 1000.0);
    }
    let after = text("retry-after")?;
    if let Ok(seconds) = after.parse::<f64>() {
        return positive(seconds);
    }
    let then = httpdate::parse_http_date(after).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let now = Duration::from_millis(u64::try_from(Clock::System.now().0).unwrap_or_default());
    Some(then.saturating_sub(now))
}

#[cfg(test)]
pub(super) mod tests;
