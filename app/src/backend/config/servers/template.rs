//! Texts of the operator's file in which each person's own values stand open (`${input:ID}`).
//!
//! Invariant: a person's value is data. It is put where the file says and never read for variables itself; in an address
//! it is percent-encoded (RFC 3986, 2.1), stands behind the host, and leaves the path's other segments where they are.

use super::OperatorInput;
use secrecy::{ExposeSecret, SecretString};
use std::{collections::BTreeMap, fmt::Write as _};
use url::{Position, Url};

/// What a person filled in, or the operator for them, by the input's id.
pub type Values = BTreeMap<String, SecretString>;

/// A text, complete but for what people fill in.
#[derive(Clone, Debug)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    /// The operator's; may be a secret.
    Text(SecretString),
    /// Where the value of that input goes.
    Input(String),
}

impl Template {
    /// Fills in `${NAME}` and `${NAME:-otherwise}`, and leaves `${input:ID}` open for those of `known`.
    pub(super) fn read(
        text: &str,
        environment: &dyn Fn(&str) -> Option<String>,
        known: &[OperatorInput],
    ) -> Result<Self, String> {
        let (mut pieces, mut own, mut rest) = (Vec::new(), String::new(), text);
        while let Some((before, after)) = rest.split_once("${") {
            let (inside, behind) = after.split_once('}').ok_or("a «${» has no «}»")?;
            own.push_str(before);
            rest = behind;
            if let Some(id) = inside.strip_prefix("input:") {
                if !known.iter().any(|input| input.id == id) {
                    return Err(format!("there is no input «{id}» among its «inputs»"));
                }
                pieces.push(Piece::Text(std::mem::take(&mut own).into()));
                pieces.push(Piece::Input(id.to_owned()));
                continue;
            }
            let (name, otherwise) = match inside.split_once(":-") {
                Some((name, otherwise)) => (name, Some(otherwise.to_owned())),
                None => (inside, None),
            };
            let value = environment(name).or(otherwise).ok_or_else(|| format!("the variable {name} is not set"))?;
            own.push_str(&value);
        }
        pieces.push(Piece::Text((own + rest).into()));
        Ok(Self(pieces))
    }

    /// The inputs in it, in their order.
    pub(super) fn inputs(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Input(id) => Some(id.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// Whether that input is in it.
    pub(super) fn has(&self, id: &str) -> bool {
        self.inputs().any(|input| input == id)
    }

    /// Whether what it begins with is that input's value.
    pub(super) fn begins_with(&self, id: &str) -> bool {
        let first = self.0.iter().find(|piece| !matches!(piece, Piece::Text(text) if text.expose_secret().is_empty()));
        matches!(first, Some(Piece::Input(input)) if input == id)
    }

    /// The text, if nothing is open in it.
    pub(super) fn closed(&self) -> Option<SecretString> {
        self.fill(&Values::new())
    }

    /// The text with these values; `None` if one is missing.
    pub fn fill(&self, values: &Values) -> Option<SecretString> {
        self.with(|id| values.get(id).map(ExposeSecret::expose_secret))
    }

    /// The text with what `value` says in the place of each input.
    pub(super) fn with<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> Option<SecretString> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text.expose_secret()),
                Piece::Input(id) => out.push_str(value(id)?),
            }
        }
        Some(out.into())
    }
}

impl From<String> for Template {
    fn from(text: String) -> Self {
        Self(vec![Piece::Text(text.into())])
    }
}

/// What stands for a person's values while an address is read.
const MARK: &str = "parleyinput";

/// Where a server is, complete but for what people fill in.
#[derive(Clone, Debug)]
pub struct Address {
    /// Scheme, host and port, which are the operator's.
    origin: String,
    /// As `Url` writes it; values go into it percent-encoded.
    whole: Template,
}

impl Address {
    /// Reads an address, and tells why it is none.
    pub(super) fn read(text: &Template) -> Result<Self, &'static str> {
        const NONE: &str = "«url» is not an http:// or https:// address";
        const OPEN: &str = "an input may stand in the path or the query of «url»: its host is yours to say";
        let ids: Vec<&str> = text.inputs().collect();
        let own = text.with(|_| Some("")).unwrap_or_default();
        let mut mark = MARK.to_owned();
        while own.expose_secret().to_lowercase().contains(&mark) {
            mark.push('x');
        }
        let marked = text.with(|_| Some(&mark)).unwrap_or_default();
        let url = Url::parse(marked.expose_secret()).map_err(|_| if ids.is_empty() { NONE } else { OPEN })?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(NONE);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("«url» has a user name or password in it: send it as a header");
        }
        let open = url[Position::BeforePath..Position::AfterQuery].matches(&mark).count();
        let all = url.as_str().matches(&mark).count();
        if open != ids.len() || all != ids.len() {
            return Err(OPEN);
        }
        let mut pieces = Vec::new();
        for (at, own) in url.as_str().split(&mark).enumerate() {
            pieces.push(Piece::Text(own.into()));
            pieces.extend(ids.get(at).map(|id| Piece::Input((*id).to_owned())));
        }
        Ok(Self { origin: url.origin().ascii_serialization(), whole: Template(pieces) })
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether that input is in it.
    pub(super) fn has(&self, id: &str) -> bool {
        self.whole.has(id)
    }

    /// Whether anything is open in it.
    pub(super) fn is_open(&self) -> bool {
        self.whole.inputs().next().is_some()
    }

    /// The address with these values; `None` if one is missing, or they would lead elsewhere by `.` and `..`.
    pub fn fill(&self, values: &Values) -> Option<Url> {
        let encoded = values.iter().map(|(id, value)| (id.clone(), encoded(value.expose_secret()).into())).collect();
        let text = self.whole.fill(&encoded)?;
        Url::parse(text.expose_secret()).ok().filter(|url| url.as_str() == text.expose_secret())
    }
}

impl From<Url> for Address {
    fn from(url: Url) -> Self {
        Self { origin: url.origin().ascii_serialization(), whole: String::from(url).into() }
    }
}

/// A value as it stands in an address: all but what RFC 3986 (2.3) calls unreserved is encoded.
pub fn encoded(value: &str) -> String {
    value.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}
