//! Accounts as a browser sees them, and parsing newtypes that the form and the server share.

use super::{
    id::{Millis, SessionId, UserId},
    limits,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who looks at the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewer {
    /// The account.
    pub id: UserId,
    /// Its display name.
    pub name: Username,
    /// Whether it is an administrator.
    pub admin: bool,
}

/// One of one's own signed-in browsers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// The session.
    pub id: SessionId,
    /// What the browser called itself, shortened.
    pub agent: String,
    /// The address it signed in from.
    pub address: String,
    /// When it signed in.
    pub created_at: Millis,
    /// When it was last seen, to the minute.
    pub seen_at: Millis,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// A user name: 2 to 32 letters, digits, `.`, `_`, `-`; compared without regard to case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Username(String);

impl Username {
    /// Parses a name; surrounding blanks are dropped.
    ///
    /// # Errors
    /// A sentence that says which rule it breaks.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let length = text.chars().count();
        if length < limits::USERNAME_MIN {
            return Err(format!("A name has at least {} characters.", limits::USERNAME_MIN));
        }
        if length > limits::USERNAME_MAX {
            return Err(format!("A name has at most {} characters; this one has {length}.", limits::USERNAME_MAX));
        }
        if let Some(bad) = text.chars().find(|c| !(c.is_alphanumeric() || matches!(c, '.' | '_' | '-'))) {
            return Err(format!("A name has letters, digits, «.», «_» and «-»; not «{}».", bad.escape_default()));
        }
        Ok(Self(text.to_owned()))
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For comparison: lower case by Unicode's rules.
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Username {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<Username> for String {
    fn from(name: Username) -> Self {
        name.0
    }
}

/// A new password, checked for length only (NIST SP 800-63B 3.1.1); never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Parses a new password.
    ///
    /// # Errors
    /// A sentence that says which rule it breaks.
    pub fn parse(text: &str) -> Result<Self, String> {
        let length = text.chars().count();
        if length < limits::PASSWORD_MIN {
            return Err(format!("A password has at least {} characters.", limits::PASSWORD_MIN));
        }
        if length > limits::PASSWORD_MAX {
            return Err(format!("A password has at most {} characters; this one has {length}.", limits::PASSWORD_MAX));
        }
        Ok(Self(text.to_owned()))
    }

    /// The secret itself, for hashing.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}
