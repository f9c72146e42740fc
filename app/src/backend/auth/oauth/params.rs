//! The parameters of a request: each once (RFC 6749 3.1), and an empty one is not given.

use super::refusal::{Code, Refusal};

/// The parameters, in order.
#[derive(Clone, Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Those of a query or of a form's body.
    pub fn read(text: &str) -> Self {
        let pairs = url::form_urlencoded::parse(text.as_bytes()).into_owned();
        Self(pairs.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// Every value of a parameter.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// A parameter that may be there once.
    ///
    /// # Errors
    /// It is there more than once.
    pub fn one<'a>(&'a self, name: &'a str) -> Result<Option<&'a str>, Refusal> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(Refusal::new(Code::InvalidRequest, format!("The parameter «{name}» is there more than once."))),
        }
    }

    /// A parameter that must be there once.
    ///
    /// # Errors
    /// It is missing, or there more than once.
    pub fn need<'a>(&'a self, name: &'a str) -> Result<&'a str, Refusal> {
        let missing = || Refusal::new(Code::InvalidRequest, format!("The parameter «{name}» is missing."));
        self.one(name)?.ok_or_else(missing)
    }

    /// Those with one of these names, as they were sent.
    pub fn only(&self, names: &[&str]) -> Vec<(String, String)> {
        self.0.iter().filter(|(name, _)| names.contains(&&**name)).cloned().collect()
    }
}
