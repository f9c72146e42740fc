//! Session tokens: 256 random bits that mean nothing; the store keeps only their SHA-256.
//!
//! A fast hash is enough here: there is nothing to guess in 256 bits. It is looked up by its hash, so no comparison of
//! secrets takes a time that tells something.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Characters of a token's text.
const LENGTH: usize = 43;

/// A session token; never printed.
#[derive(Clone, Debug)]
pub struct Token(SecretString);

impl Token {
    /// A new one from the system's random source, which fails only where no program could run.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes).into()))
    }

    /// The token of a cookie, if it has the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        let well_formed = text.len() == LENGTH && URL_SAFE_NO_PAD.decode(text).is_ok();
        well_formed.then(|| Self(text.into()))
    }

    /// What the store keeps: its SHA-256 in hexadecimal.
    pub fn hash(&self) -> String {
        format!("{:x}", Sha256::digest(self.0.expose_secret()))
    }

    /// The secret itself, for the cookie.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_token_survives_its_cookie_and_is_never_printed() {
        let token = Token::generate().unwrap();
        let back = Token::parse(token.expose()).unwrap();
        assert_eq!(token.hash(), back.hash());
        assert_eq!(token.hash().len(), 64);
        assert!(!format!("{token:?}").contains(token.expose()));
        assert_ne!(Token::generate().unwrap().hash(), token.hash());
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for bad in ["", "short", &"a".repeat(44), &"é".repeat(21), "…………………………………………"]
        {
            assert!(Token::parse(bad).is_none(), "{bad}");
        }
    }
}
