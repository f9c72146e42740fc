//! Why a server cannot be used, in words for its person; and as one word, for logs and metrics.
//!
//! Invariant: a word of a log names neither an address nor anything a server said. What its person reads may quote the
//! server, shortened and cleaned: it is their server.

use super::oauth::Trouble;
use crate::backend::http::{self, HttpError, address::Refused};
use rmcp::{
    service::{ClientInitializeError, ServiceError},
    transport::{
        DynamicTransportError,
        streamable_http_client::{AuthRequiredError, InsufficientScopeError, StreamableHttpError},
    },
};
use std::{error::Error, fmt, io, time::Duration};

/// Characters of a server's own words that are repeated.
const QUOTE_MAX: usize = 300;

/// Why a server cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Of what kind.
    pub(super) kind: Kind,
    /// A sentence for its person.
    pub(super) told: String,
}

/// The kinds of fault; their names are labels of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Its address may not be visited.
    Refused,
    /// It does not accept what is shown to it, or what is shown cannot be read.
    Credentials,
    /// Nobody answers there.
    Unreachable,
    /// It took too long.
    Late,
    /// It answers something else than the protocol has.
    Protocol,
    /// Its program cannot be started, or ended.
    Program,
    /// There are too many programs already.
    Full,
}

impl Kind {
    /// Its name in logs and metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Credentials => "credentials",
            Self::Unreachable => "unreachable",
            Self::Late => "late",
            Self::Protocol => "protocol",
            Self::Program => "program",
            Self::Full => "full",
        }
    }
}

impl Fault {
    pub(super) fn new(kind: Kind, told: impl Into<String>) -> Self {
        Self { kind, told: told.into() }
    }

    /// It did not answer within that time.
    pub(super) fn late(within: Duration) -> Self {
        Self::new(Kind::Late, format!("It did not answer within {} seconds.", within.as_secs_f32()))
    }

    /// The connection is over.
    pub(super) fn closed() -> Self {
        Self::new(Kind::Unreachable, "The connection broke.")
    }

    /// It knows the newest way of beginning, but no revision that begins so.
    pub(super) fn incompatible() -> Self {
        Self::new(Kind::Protocol, "It speaks no revision of the protocol that Parley speaks.")
    }

    /// What it answered first is none of the protocol's answers.
    pub(super) fn garbled() -> Self {
        Self::new(Kind::Protocol, "Its first answer is not one of the Model Context Protocol.")
    }

    /// Why connecting failed.
    pub(super) fn of_beginning(error: &ClientInitializeError) -> Self {
        match error {
            ClientInitializeError::TransportError { error, .. } => Self::of_transport(error),
            ClientInitializeError::LegacyFallbackFailed { fallback, .. } => Self::of_beginning(fallback),
            ClientInitializeError::JsonRpcError(error) => Self::new(
                Kind::Protocol,
                format!("It refused to connect: «{}».", quote(&error.message).trim_end_matches('.')),
            ),
            ClientInitializeError::NoCompatibleProtocolVersion { .. } => Self::incompatible(),
            ClientInitializeError::ConnectionClosed(_) | ClientInitializeError::Cancelled => Self::closed(),
            _ => Self::garbled(),
        }
    }

    /// Why a request failed.
    pub(super) fn of_request(error: &ServiceError) -> Self {
        match error {
            ServiceError::McpError(error) => Self::new(
                Kind::Protocol,
                format!("It answered with an error: «{}».", quote(&error.message).trim_end_matches('.')),
            ),
            ServiceError::TransportSend(error) => Self::of_transport(error),
            ServiceError::Timeout { timeout } => Self::late(*timeout),
            ServiceError::TransportClosed | ServiceError::Cancelled { .. } => Self::closed(),
            _ => Self::new(Kind::Protocol, "Its answer is not one of the Model Context Protocol."),
        }
    }

    /// It ended the stream of an answer too early, and the rest cannot be had.
    pub(super) fn broken_off(why: &StreamableHttpError<reqwest::Error>) -> Self {
        const ENDED: &str = "It ended the stream of its answer before the answer came";
        let status = match why {
            StreamableHttpError::ServerDoesNotSupportSse => Some(405),
            StreamableHttpError::Client(error) => error.status().map(|status| status.as_u16()),
            _ => None,
        };
        if let Some(status) = status {
            return Self::new(Kind::Protocol, format!("{ENDED}, and does not give the rest of it (HTTP {status})."));
        }
        let Self { kind, told } = of_chain(why).unwrap_or_else(Self::closed);
        Self::new(kind, format!("{ENDED}, and the rest of it cannot be had. {told}"))
    }

    fn of_transport(error: &DynamicTransportError) -> Self {
        of_chain(error.error.as_ref()).unwrap_or_else(Self::closed)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told)
    }
}

fn credentials() -> Fault {
    let told = "It does not accept the headers it is sent, or wants other ones.";
    Fault::new(Kind::Credentials, told)
}

/// The outermost cause that says something: what is inside of it says less, or names addresses.
fn of_chain(error: &(dyn Error + 'static)) -> Option<Fault> {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if let Some(found) = of_one(current) {
            return Some(found);
        }
        cause = current.source();
    }
    None
}

fn of_one(error: &(dyn Error + 'static)) -> Option<Fault> {
    if error.is::<AuthRequiredError>() || error.is::<InsufficientScopeError>() {
        return Some(credentials());
    }
    if let Some(trouble) = error.downcast_ref::<Trouble>() {
        let kind = match trouble {
            Trouble::Away(_) => Kind::Unreachable,
            Trouble::Refused(_) => Kind::Refused,
            Trouble::Denied(_) => Kind::Credentials,
        };
        return Some(Fault::new(kind, trouble.to_string()));
    }
    if let Some(refused) = error.downcast_ref::<Refused>() {
        return Some(refused_by(refused));
    }
    if let Some(error) = error.downcast_ref::<reqwest::Error>() {
        return Some(of_client(error));
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        // An error inside an error of input and output is not its source.
        return match error.get_ref() {
            Some(inner) => of_chain(inner),
            None => Some(Fault::new(Kind::Unreachable, "The connection broke.")),
        };
    }
    of_http(error.downcast_ref::<StreamableHttpError<reqwest::Error>>()?)
}

fn of_http(error: &StreamableHttpError<reqwest::Error>) -> Option<Fault> {
    Some(match error {
        StreamableHttpError::Client(error) => of_client(error),
        StreamableHttpError::HttpStatus(status) => of_status(status.status),
        StreamableHttpError::UnexpectedServerResponse(text) => match status(text) {
            Some(status) => of_status(status),
            None => Fault::new(Kind::Protocol, "Its answer is not one of the Model Context Protocol."),
        },
        StreamableHttpError::ResponseBodyTooLarge { max_size } => too_large(*max_size),
        StreamableHttpError::UnexpectedContentType(found) => Fault::new(
            Kind::Protocol,
            match found {
                Some(found) => format!("It answers with «{}», not with JSON or events.", quote(found)),
                None => "It does not say what it answers with.".to_owned(),
            },
        ),
        StreamableHttpError::Sse(_) => {
            Fault::new(Kind::Protocol, "Its stream of events broke, or an event was too large.")
        }
        StreamableHttpError::Deserialize(_) => {
            Fault::new(Kind::Protocol, "Its answer is not one of the Model Context Protocol.")
        }
        _ => return None,
    })
}

fn of_client(error: &reqwest::Error) -> Fault {
    match http::sorted(error) {
        HttpError::Refused(refused) => refused_by(&refused),
        HttpError::Late => Fault::new(Kind::Late, "It did not answer in time."),
        other => Fault::new(Kind::Unreachable, sentence(&other.to_string())),
    }
}

/// What a message beyond the limit is told as.
pub(super) fn too_large(most: usize) -> Fault {
    let most = match most / 1024 {
        kibi @ 0..1024 => format!("{kibi} KiB"),
        kibi => format!("{} MiB", kibi / 1024),
    };
    Fault::new(Kind::Protocol, format!("Its answer is larger than {most}, which is too much to take in."))
}

fn refused_by(refused: &Refused) -> Fault {
    Fault::new(Kind::Refused, sentence(&refused.to_string()))
}

/// How a server refuses what it is shown, with its challenge.
pub(super) enum Refusal<'a> {
    /// It wants a token, or another one.
    Token(&'a str),
    /// The token is good, but not for this.
    Scope(&'a str),
}

/// Whether a request was refused for what it showed.
pub(super) fn refusal(error: &StreamableHttpError<reqwest::Error>) -> Option<Refusal<'_>> {
    match error {
        StreamableHttpError::AuthRequired(error) => Some(Refusal::Token(&error.www_authenticate_header)),
        StreamableHttpError::InsufficientScope(error) => Some(Refusal::Scope(&error.www_authenticate_header)),
        // Without a challenge.
        StreamableHttpError::HttpStatus(answer) if answer.status == 401 => Some(Refusal::Token("")),
        StreamableHttpError::UnexpectedServerResponse(text) if status(text) == Some(401) => Some(Refusal::Token("")),
        _ => None,
    }
}

/// The status in rmcp's words about an answer: `HTTP 404 Not Found: …`.
fn status(text: &str) -> Option<u16> {
    text.strip_prefix("HTTP ")?.split(' ').next()?.parse().ok()
}

fn of_status(status: u16) -> Fault {
    match status {
        401 | 403 => credentials(),
        300..=399 => Fault::new(
            Kind::Protocol,
            format!("It redirects elsewhere (HTTP {status}). Enter the address it redirects to, if you trust it."),
        ),
        404 | 405 => Fault::new(Kind::Protocol, format!("There is no MCP server at this address (HTTP {status}).")),
        429 => Fault::new(Kind::Unreachable, "It says that it is asked too often (HTTP 429)."),
        500..=599 => Fault::new(Kind::Unreachable, format!("It has trouble of its own (HTTP {status}).")),
        _ => Fault::new(Kind::Protocol, format!("It answers with HTTP {status}.")),
    }
}

/// A reason as a sentence.
pub(super) fn sentence(reason: &str) -> String {
    let mut chars = reason.chars();
    let first = chars.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}

/// A server's own words, shortened, on one line.
pub(super) fn quote(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut out: String = plain.take(QUOTE_MAX).collect();
    if text.chars().nth(QUOTE_MAX).is_some() {
        out.push('…');
    }
    out.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_sentences_and_quotes_are_short() {
        assert_eq!(sentence("it is gone"), "It is gone.");
        assert_eq!(quote("a\nb\0c "), "a b c");
        assert_eq!(quote(&"é".repeat(400)).chars().count(), QUOTE_MAX + 1);
        assert_eq!(status("HTTP 404 Not Found: x"), Some(404));
        assert_eq!(status("could not parse"), None);
        assert_eq!(of_status(403).kind, Kind::Credentials);
    }

    #[test]
    fn what_is_wrapped_is_told() {
        let refused = Refused::Credentials;
        let wrapped = StreamableHttpError::<reqwest::Error>::Io(io::Error::other(refused));
        let fault = of_chain(&wrapped);
        assert_eq!(fault.map(|fault| fault.kind), Some(Kind::Refused));
    }
}
