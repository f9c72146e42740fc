//! From the backend's errors to [`ApiError`]: facts for the browser, the cause for the log.
//!
//! Invariant: a failure is logged once, where it becomes an [`ApiError`]; the store's rules have one set of sentences,
//! the chat's ([`ChatError::told`]).

use crate::{
    backend::{
        auth::AuthError,
        chat::ChatError,
        clock::Clock,
        store::StoreError,
        tools::{picker::PickError, remote::ConnectError},
    },
    wire::error::ApiError,
};

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        ChatError::from(error).told(&Clock::System)
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Wrong => Self::invalid("password", error.to_string()),
            AuthError::WrongCurrent => Self::invalid("current", error.to_string()),
            AuthError::Invalid { field, reason } => Self::invalid(field, reason),
            AuthError::Taken => Self::invalid("name", error.to_string()),
            AuthError::Closed => Self::Forbidden { reason: error.to_string() },
            AuthError::TooMany(wait) => Self::too_many(wait),
            AuthError::Busy => Self::Unavailable,
            AuthError::NotFound => Self::NotFound,
            AuthError::NoSession => Self::SignIn,
            AuthError::Store(error) => error.into(),
            AuthError::Internal(_) => internal(&error),
        }
    }
}

impl From<PickError> for ApiError {
    fn from(error: PickError) -> Self {
        match error {
            PickError::Refused(error) => error,
            PickError::Store(error) => error.into(),
        }
    }
}

impl From<ConnectError> for ApiError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Invalid { field, reason } => Self::invalid(field, reason),
            ConnectError::Full => Self::Conflict { reason: error.to_string() },
            ConnectError::NotFound => Self::NotFound,
            ConnectError::Store(error) => error.into(),
            ConnectError::Secrets(_) => internal(&error),
        }
    }
}

/// Logs a fault of ours under a trace id that the reader can tell us.
pub(super) fn internal(cause: &dyn std::error::Error) -> ApiError {
    let trace = Clock::System.id::<uuid::Uuid>().simple().to_string();
    tracing::error!(%trace, %cause, "internal error");
    ApiError::Internal { trace }
}

/// Notes a refused request; faults of ours were logged with their cause when they were made.
pub(super) fn report(error: &ApiError) {
    tracing::debug!(status = error.status(), %error, "refused");
}
