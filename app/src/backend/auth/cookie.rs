//! The session cookie (RFC 6265bis): `__Host-parley` on HTTPS, so that no other host or path can set it; `parley` where
//! there is no HTTPS.
//!
//! Invariant: `HttpOnly`, `SameSite=Lax`, `Path=/`, and `Secure` on HTTPS, always.

use super::token::Token;
use crate::wire::limits::SESSION_MS;

/// How the session cookie looks here.
#[derive(Clone, Copy, Debug)]
pub struct Cookie {
    secure: bool,
}

impl Cookie {
    /// For a site reached by HTTPS or not.
    pub fn new(secure: bool) -> Self {
        Self { secure }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        if self.secure { "__Host-parley" } else { "parley" }
    }

    /// A `Set-Cookie` value that gives the browser `token`.
    pub fn set(self, token: &Token) -> String {
        self.line(token.expose(), SESSION_MS / 1000)
    }

    /// A `Set-Cookie` value that takes it away.
    pub fn clear(self) -> String {
        self.line("", 0)
    }

    fn line(self, value: &str, max_age: i64) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}", self.name())
    }

    /// What `Cookie` header values hold of it: the first of its name, well-formed or not.
    pub fn find<'a>(self, headers: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        headers
            .flat_map(|header| header.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(name, value)| (name == self.name()).then_some(value))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn it_is_locked_down() {
        let token = Token::generate().unwrap();
        let line = Cookie::new(true).set(&token).replace(token.expose(), "TOKEN");
        assert_eq!(line, "__Host-parley=TOKEN; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(Cookie::new(false).clear(), "parley=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn it_is_found_among_others() {
        let cookie = Cookie::new(false);
        assert_eq!(cookie.find(["a=b; parley=x; parley=y", "c=d"].into_iter()), Some("x"));
        assert_eq!(cookie.find(["xparley=1; __Host-parley=2; parley"].into_iter()), None);
    }
}
