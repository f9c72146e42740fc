//! [`ApiError`]: the only error a browser sees. Facts it can act on; the cause stays in the server's log.

use serde::{Deserialize, Serialize};

/// Why a request or frame was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum ApiError {
    /// Nobody is signed in, or the session ended (HTTP 401).
    #[error("Please sign in.")]
    SignIn,
    /// Signed in, but not allowed (HTTP 403).
    #[error("{reason}")]
    Forbidden {
        /// A sentence for the reader.
        reason: String,
    },
    /// Not there, or not yours: the same answer (HTTP 404).
    #[error("There is no such thing here, or it is not yours.")]
    NotFound,
    /// Something of the input is wrong (HTTP 422).
    #[error("{reason}")]
    Invalid {
        /// Which input: a form's field name, or `frame`.
        field: String,
        /// A sentence that says what is wrong with it.
        reason: String,
    },
    /// Too often (HTTP 429).
    #[error("Too many attempts. Try again in {}.", seconds(*retry_after_s))]
    TooMany {
        /// Seconds until it may work, at least 1.
        retry_after_s: u64,
    },
    /// The state of things forbids it just now (HTTP 409).
    #[error("{reason}")]
    Conflict {
        /// A sentence for the reader.
        reason: String,
    },
    /// The server is starting, stopping or cannot reach its database (HTTP 503).
    #[error("Parley is not available just now. Nothing was lost; try again in a moment.")]
    Unavailable,
    /// A fault of ours (HTTP 500).
    #[error("Something went wrong on our side (trace {trace}).")]
    Internal {
        /// What to look for in the server's log.
        trace: String,
    },
    /// The request did not reach the server or its answer could not be read: made in the browser.
    #[error("The server could not be reached.")]
    Network,
}

impl ApiError {
    /// An [`ApiError::Invalid`].
    pub fn invalid(field: &str, reason: impl Into<String>) -> Self {
        Self::Invalid { field: field.to_owned(), reason: reason.into() }
    }

    /// An [`ApiError::TooMany`] after which one may try again in `wait`, rounded up to whole seconds, at least 1.
    pub fn too_many(wait: std::time::Duration) -> Self {
        Self::TooMany { retry_after_s: wait.as_secs() + u64::from(wait.subsec_nanos() > 0 || wait.is_zero()) }
    }

    /// The HTTP status that says the same (RFC 9110; 422 of RFC 9110 15.5.21; 429 of RFC 6585).
    pub fn status(&self) -> u16 {
        match self {
            Self::SignIn => 401,
            Self::Forbidden { .. } => 403,
            Self::NotFound => 404,
            Self::Conflict { .. } => 409,
            Self::Invalid { .. } => 422,
            Self::TooMany { .. } => 429,
            Self::Internal { .. } => 500,
            Self::Unavailable | Self::Network => 503,
        }
    }
}

fn seconds(n: u64) -> String {
    match n {
        1 => "1 second".to_owned(),
        2..120 => format!("{n} seconds"),
        _ => format!("{} minutes", n.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::ApiError;
    use std::time::Duration;

    #[test]
    fn seconds_are_rounded_up() {
        for (wait, retry_after_s) in
            [(Duration::ZERO, 1), (Duration::from_millis(1001), 2), (Duration::from_secs(2), 2)]
        {
            assert_eq!(ApiError::too_many(wait), ApiError::TooMany { retry_after_s });
        }
    }
}
