//! `WWW-Authenticate` of a server that wants a token, or a better one (RFC 6750 3, RFC 9449 9, RFC 9728 5.1).

use super::dpop;

/// What a refusal says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Challenge {
    /// Where the resource describes itself.
    pub(super) metadata: Option<String>,
    /// The scopes that would do.
    pub(super) scope: Option<String>,
    /// Whether the token is good, but not for this.
    pub(super) wants_more: bool,
    /// Whether the proof of possession is to have a nonce of the server's, or a newer one.
    pub(in super::super) wants_nonce: bool,
    /// Whether it is the proof of possession that is no good, whatever the token is.
    pub(in super::super) bad_proof: bool,
}

impl Challenge {
    /// Reads a header; what cannot be read says nothing.
    pub(in super::super) fn read(header: &str) -> Self {
        let mut out = Self::default();
        for (name, value) in params(header) {
            match name.as_str() {
                "resource_metadata" => out.metadata = out.metadata.or(Some(value)),
                "scope" if !value.trim().is_empty() => out.scope = out.scope.or(Some(value)),
                "error" if value == "insufficient_scope" => out.wants_more = true,
                "error" if value == dpop::WANTS_NONCE => out.wants_nonce = true,
                "error" if value == dpop::BAD_PROOF => out.bad_proof = true,
                _ => {}
            }
        }
        out
    }
}

/// The `name=value` pairs of a header, quoted or not, of whatever scheme.
fn params(header: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut chars = header.chars().peekable();
    let mut name = String::new();
    while let Some(c) = chars.next() {
        match c {
            '=' if !name.is_empty() => {
                let mut value = String::new();
                if chars.next_if_eq(&'"').is_some() {
                    while let Some(c) = chars.next() {
                        match c {
                            '"' => break,
                            '\\' => value.extend(chars.next()),
                            c => value.push(c),
                        }
                    }
                } else {
                    while let Some(c) = chars.next_if(|c| !matches!(c, ',' | ' ' | '\t')) {
                        value.push(c);
                    }
                }
                out.push((std::mem::take(&mut name).to_ascii_lowercase(), value));
            }
            c if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') => name.push(c),
            _ => name.clear(),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_read_however_it_is_written() {
        let read = Challenge::read(
            "Basic realm=\"a, scope=\\\"no\\\"\", Bearer error=insufficient_scope,scope=\"a b\", \
             resource_metadata=\"https://x.example/m?a=b\"",
        );
        assert_eq!(read.metadata.as_deref(), Some("https://x.example/m?a=b"));
        assert_eq!(read.scope.as_deref(), Some("a b"));
        assert!(read.wants_more);
        for nothing in ["", "Bearer", "Bearer scope=\"\"", "=\"", "scope", "é=\"x", "Bearer xscope=a"] {
            assert_eq!(Challenge::read(nothing), Challenge::default(), "{nothing}");
        }
        assert_eq!(Challenge::read("Bearer scope=\"open").scope.as_deref(), Some("open"));
        let nonce = Challenge::read("DPoP algs=\"ES256\", error=\"use_dpop_nonce\"");
        assert!(nonce.wants_nonce && !nonce.wants_more && !nonce.bad_proof);
        assert!(Challenge::read("DPoP error=\"invalid_dpop_proof\", algs=\"ES256\"").bad_proof);
    }
}
