//! Refusals in the protocol's words.

use super::super::AuthError;
use crate::backend::store::StoreError;
use std::time::Duration;

/// The protocol's name of what is wrong (RFC 6749 4.1.2.1 and 5.2, RFC 7591 3.2.2, RFC 8707 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// A parameter is missing, twice there or malformed.
    InvalidRequest,
    /// The client is unknown or not proven.
    InvalidClient,
    /// The code or token opens nothing, or is another's.
    InvalidGrant,
    /// Only codes and refresh tokens become tokens here.
    UnsupportedGrantType,
    /// Only codes are given out here.
    UnsupportedResponseType,
    /// No such scope, or more than was allowed.
    InvalidScope,
    /// Tokens for something that is not here.
    InvalidTarget,
    /// The person said no.
    AccessDenied,
    /// An address that answers cannot go to.
    InvalidRedirectUri,
    /// Something else that a client says of itself.
    InvalidClientMetadata,
}

impl Code {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::AccessDenied => "access_denied",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata => "invalid_client_metadata",
        }
    }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// What is wrong.
    pub code: Code,
    /// A sentence that says more.
    pub reason: String,
}

impl Refusal {
    /// A refusal with a sentence.
    pub fn new(code: Code, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// The sentence in the few characters that `error_description` may have (RFC 6749 4.1.2.1).
    pub fn description(&self) -> String {
        let allowed = |c: char| matches!(c, ' '..='!' | '#'..='[' | ']'..='~');
        let plain = |c| match c {
            '«' | '»' => '\'',
            c if allowed(c) => c,
            _ => '?',
        };
        self.reason.chars().map(plain).collect()
    }
}

/// Why the authorization server does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum OAuthError {
    /// The request is at fault.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too often.
    #[error("too many attempts")]
    TooMany(Duration),
    /// We are.
    #[error(transparent)]
    Failed(#[from] AuthError),
}

impl From<StoreError> for OAuthError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_has_the_protocols_characters_only() {
        let refusal = Refusal::new(Code::InvalidScope, "«a\\b» \"é\"\r\nx");
        assert_eq!(refusal.description(), "'a?b' ?????x");
    }
}
