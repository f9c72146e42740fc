//! API tokens as a browser sees them: what a person gives to a program that acts for them.

use super::{
    id::{Millis, TokenId},
    limits::TOKEN_NAME_MAX,
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// One kind of thing a program may do (RFC 6749 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// See what its person sees, and use tools that change nothing and stay within Parley.
    Read,
    /// Change what is the person's own in Parley.
    Write,
    /// Let Parley act towards the outside: tools that reach other machines, replies of models.
    Run,
}

impl Scope {
    /// Every scope, from harmless to not.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Run];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Run => "run",
        }
    }
}

/// A set of scopes. Its text is their names, separated by spaces (RFC 6749 3.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scopes {
    read: bool,
    write: bool,
    run: bool,
}

impl Scopes {
    /// All of them.
    pub const ALL: Self = Self { read: true, write: true, run: true };

    /// With `scope` besides.
    #[must_use]
    pub fn with(mut self, scope: Scope) -> Self {
        match scope {
            Scope::Read => self.read = true,
            Scope::Write => self.write = true,
            Scope::Run => self.run = true,
        }
        self
    }

    /// Whether `scope` is among them.
    pub fn contains(self, scope: Scope) -> bool {
        match scope {
            Scope::Read => self.read,
            Scope::Write => self.write,
            Scope::Run => self.run,
        }
    }

    /// Those that are in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { read: self.read && other.read, write: self.write && other.write, run: self.run && other.run }
    }

    /// Those that are in either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { read: self.read || other.read, write: self.write || other.write, run: self.run || other.run }
    }

    /// Whether all of them are in `other`.
    pub fn within(self, other: Self) -> bool {
        self.and(other) == self
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Scope::ALL.into_iter().filter(|scope| self.contains(*scope)).map(Scope::name).collect();
        f.write_str(&names.join(" "))
    }
}

impl FromStr for Scopes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split_ascii_whitespace().try_fold(Self::default(), |scopes, name| {
            match Scope::ALL.into_iter().find(|scope| scope.name() == name) {
                Some(scope) => Ok(scopes.with(scope)),
                None => Err(format!("«{name}» is not a scope: there are read, write and run.")),
            }
        })
    }
}

impl TryFrom<String> for Scopes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Scopes> for String {
    fn from(scopes: Scopes) -> Self {
        scopes.to_string()
    }
}

/// One of one's own tokens, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiTokenRow {
    /// The token.
    pub id: TokenId,
    /// What its person calls it.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: Millis,
    /// From when on it opens nothing; `None`: it stays until it is revoked.
    pub expires_at: Option<Millis>,
    /// When it was last used, to the minute.
    pub seen_at: Option<Millis>,
}

/// A token's name, trimmed: 1 to [`TOKEN_NAME_MAX`] characters.
///
/// # Errors
/// A sentence that says which rule is broken.
pub fn parse_name(text: &str) -> Result<String, String> {
    let name: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    match name.chars().count() {
        0 => Err("Give the token a name, so that you know it again.".to_owned()),
        length if length > TOKEN_NAME_MAX => {
            Err(format!("A token's name has at most {TOKEN_NAME_MAX} characters; this one has {length}."))
        }
        _ => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn scopes_are_read_as_they_are_written() {
        for text in ["", "read", "read run", "read write run"] {
            assert_eq!(text.parse::<Scopes>().unwrap().to_string(), text);
        }
        let scopes: Scopes = " run  read run ".parse().unwrap();
        assert!(scopes.contains(Scope::Read) && scopes.contains(Scope::Run) && !scopes.contains(Scope::Write));
        assert_eq!(scopes.to_string(), "read run");
        assert!("read admin".parse::<Scopes>().unwrap_err().contains("«admin»"));
        assert!(Scopes::default().is_empty() && !scopes.is_empty());
        assert!(scopes.within(Scopes::ALL) && !Scopes::ALL.within(scopes) && scopes.and(Scopes::ALL) == scopes);
        assert_eq!(serde_json::to_string(&Scopes::ALL).unwrap(), "\"read write run\"");
    }

    #[test]
    fn a_name_is_trimmed_and_bounded() {
        assert_eq!(parse_name("  Claude\u{7} ").unwrap(), "Claude");
        assert!(parse_name(" \n").unwrap_err().contains("Give the token a name"));
        assert!(parse_name(&"x".repeat(TOKEN_NAME_MAX)).is_ok());
        assert!(parse_name(&"x".repeat(TOKEN_NAME_MAX + 1)).unwrap_err().contains("at most"));
    }
}
