//! Who may read what is counted: whoever shows the operator's own secret, and nobody else.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The fewest characters of the secret: it is no password that a person types, and 64 random bits are not guessed over a
/// network.
const SHORTEST: usize = 16;

/// What opens `/metrics`; never printed.
#[derive(Clone, Debug)]
pub struct MetricsToken(SecretString);

impl MetricsToken {
    /// A secret that can be shown in a header and is too long to be guessed.
    ///
    /// # Errors
    /// Why it is not, without it.
    pub fn parse(secret: SecretString) -> Result<Self, String> {
        let text = secret.expose_secret();
        let length = text.chars().count();
        if length < SHORTEST {
            return Err(format!("it has {length} characters; at least {SHORTEST} are needed (openssl rand -hex 32)"));
        }
        if !text.chars().all(|c| c.is_ascii_graphic()) {
            return Err("it has blanks or letters that a header cannot carry; take ASCII letters and digits".to_owned());
        }
        Ok(Self(secret))
    }

    /// Whether that is it. How long this takes tells nothing of it, not even its length: digests are compared.
    pub fn is(&self, shown: &str) -> bool {
        let (own, shown) = (Sha256::digest(self.0.expose_secret()), Sha256::digest(shown));
        own.as_slice().ct_eq(shown.as_slice()).into()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn it_is_itself_alone_and_not_printed() {
        let token = MetricsToken::parse("0123456789abcdef".into()).unwrap();
        assert!(token.is("0123456789abcdef"));
        for other in ["", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF"] {
            assert!(!token.is(other), "{other}");
        }
        assert!(!format!("{token:?}").contains("0123"));
    }

    #[test]
    fn a_short_one_and_one_no_header_carries_are_refused_without_it() {
        for (secret, words) in [
            ("0123456789abcde", "it has 15 characters; at least 16 are needed"),
            ("0123456789 abcdef", "it has blanks"),
            ("0123456789abcdéf", "it has blanks or letters that a header cannot carry"),
        ] {
            let told = MetricsToken::parse(secret.into()).unwrap_err();
            assert!(told.contains(words) && !told.contains(secret), "{told}");
        }
    }
}
