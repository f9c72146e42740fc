//! What the operator's file has each person fill in: `inputs`, as VS Code's `mcp.json` has them (of its kinds
//! `promptString`), beside the servers or in the server they are for.

use super::{OperatorAccess, Reader, template::Values};
use crate::wire::limits::{CONNECTION_INPUT_MAX, CONNECTION_INPUTS_MAX};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

/// What each person fills in for a server.
#[derive(Clone, Debug)]
pub struct OperatorInput {
    /// Its name in the file.
    pub id: String,
    /// What people are told it is.
    pub description: String,
    /// Whether it is a secret: never shown again.
    pub password: bool,
    /// What holds for who fills in nothing.
    pub default: Option<SecretString>,
}

/// The keys an input may have.
const INPUT: [&str; 5] = ["type", "id", "description", "password", "default"];
/// Characters of an input's name.
const ID_MAX: usize = 64;
/// Characters of an input's description.
const DESCRIPTION_MAX: usize = 200;

impl OperatorAccess {
    /// What keeps a value from being that input's, as the end of a sentence that begins with it.
    pub fn unfit(&self, id: &str, value: &str) -> Option<String> {
        let told = match self {
            _ if value.chars().count() > CONNECTION_INPUT_MAX => {
                return Some(format!("has at most {CONNECTION_INPUT_MAX} characters"));
            }
            _ if value.chars().any(char::is_control) => "has a line break or another control character in it",
            Self::Program { args, .. } if value.starts_with('-') && args.iter().any(|arg| arg.begins_with(id)) => {
                "may not begin with «-»: the program would take it for one of its options"
            }
            Self::Http { headers, .. } if !value.is_ascii() && headers.iter().any(|(_, value)| value.has(id)) => {
                "may have ASCII characters only: it is sent in a header"
            }
            Self::Http { url, .. } if [".", ".."].contains(&value) && url.has(id) => {
                "is part of an address, where «.» and «..» lead elsewhere"
            }
            _ => return None,
        };
        Some(told.to_owned())
    }

    /// Whether all these values together lead where the operator meant.
    pub fn fits(&self, values: &Values) -> bool {
        match self {
            Self::Program { .. } => true,
            Self::Http { url, .. } => url.fill(values).is_some(),
        }
    }
}

impl Reader<'_> {
    /// Reads `inputs`; what is wrong with one is a fault, and it is left out.
    pub(super) fn inputs(&mut self, fields: &Map<String, Value>) -> Vec<OperatorInput> {
        let list = match fields.get("inputs") {
            None => return Vec::new(),
            Some(Value::Array(list)) => list,
            Some(_) => {
                self.fault("«inputs» is not a list");
                return Vec::new();
            }
        };
        if list.len() > CONNECTION_INPUTS_MAX {
            self.fault(format!("it has more than {CONNECTION_INPUTS_MAX} «inputs»"));
        }
        let mut out: Vec<OperatorInput> = Vec::new();
        for (at, value) in list.iter().enumerate() {
            let at = format!("inputs[{at}]");
            match value.as_object() {
                Some(fields) => {
                    let Some(input) = self.input(&at, fields) else { continue };
                    if out.iter().any(|other| other.id == input.id) {
                        self.fault(format!("there are two inputs «{}»", input.id));
                    }
                    out.push(input);
                }
                None => self.fault(format!("«{at}» is not an object")),
            }
        }
        out
    }

    fn input(&mut self, at: &str, fields: &Map<String, Value>) -> Option<OperatorInput> {
        for key in fields.keys().filter(|key| !INPUT.contains(&key.as_str())) {
            self.fault(format!("there is no setting «{at}.{key}»; there are {}", INPUT.join(", ")));
        }
        if fields.get("type").is_some_and(|kind| kind != "promptString") {
            self.fault(format!("«{at}.type» is not promptString, the one kind that Parley asks for"));
        }
        let password = match fields.get("password") {
            None => false,
            Some(Value::Bool(password)) => *password,
            Some(_) => {
                self.fault(format!("«{at}.password» is neither true nor false"));
                false
            }
        };
        let description = self.said(at, fields, "description");
        let default = self.said(at, fields, "default");
        let id = fields.get("id").and_then(Value::as_str).filter(|id| is_id(id));
        if id.is_none() {
            self.fault(format!("«{at}.id» is not a name: letters, digits, «-», «_» and «.», at most {ID_MAX} of them"));
        }
        let id = id?.to_owned();
        let description = description.map_or_else(|| id.clone(), |text| text.expose_secret().to_owned());
        if description.chars().count() > DESCRIPTION_MAX || description.chars().any(char::is_control) {
            self.fault(format!("«{at}.description» is no line of at most {DESCRIPTION_MAX} characters"));
        }
        Some(OperatorInput { id, description, password, default })
    }

    /// A text with its variables filled in; `None` if it is not there, or empty.
    fn said(&mut self, at: &str, fields: &Map<String, Value>, key: &str) -> Option<SecretString> {
        let text = self.expanded(fields.get(key)?, &format!("{at}.{key}"))?;
        let text = text.expose_secret().trim();
        (!text.is_empty()).then(|| text.into())
    }
}

fn is_id(id: &str) -> bool {
    (1..=ID_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests;
