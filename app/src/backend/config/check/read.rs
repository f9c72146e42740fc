//! Reading single values: what was said, and what is wrong with it.

use crate::backend::config::Rate;
use secrecy::{ExposeSecret, SecretString};
use std::{fmt, str::FromStr, time::Duration};
use url::Url;

/// One bad setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The environment variable.
    pub name: &'static str,
    /// What is wrong with its value; the value itself only where it cannot be a secret.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}.", self.name, self.reason)
    }
}

/// What was said, trimmed; nothing if it is empty.
pub(super) fn said(value: Option<&String>) -> Option<&str> {
    value.map(|text| text.trim()).filter(|text| !text.is_empty())
}

pub(super) fn secret(value: Option<&SecretString>) -> Option<SecretString> {
    value.map(|text| text.expose_secret().trim()).filter(|text| !text.is_empty()).map(SecretString::from)
}

pub(super) fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// Collects faults while the rest is read on.
#[derive(Default)]
pub(super) struct Faults(pub(super) Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, name: &'static str, reason: impl Into<String>) {
        self.0.push(Fault { name, reason: reason.into() });
    }

    /// The value that `read` makes of it, or the default, after noting why not.
    pub(super) fn read<T>(
        &mut self,
        name: &'static str,
        value: Option<&String>,
        default: T,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        match said(value).map(read) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(reason)) => {
                self.add(name, reason);
                default
            }
        }
    }

    pub(super) fn number(&mut self, name: &'static str, value: Option<&String>, default: u64, max: u64) -> u64 {
        self.read(name, value, default, |text| match text.parse::<u64>() {
            Ok(number) if number <= max => Ok(number),
            _ => Err(format!("«{text}» is not a whole number from 0 to {max}")),
        })
    }

    pub(super) fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        value: Option<&String>,
        of: &[(&str, T)],
        default: T,
    ) -> T {
        self.read(name, value, default, |text| {
            of.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
                let words: Vec<_> = of.iter().map(|(word, _)| *word).collect();
                format!("«{text}» is neither {}", words.join(" nor "))
            })
        })
    }

    pub(super) fn rate(&mut self, name: &'static str, value: Option<&String>, times: u32, seconds: u64) -> Rate {
        self.read(name, value, Rate::new(times, Duration::from_secs(seconds)), Rate::from_str)
    }

    pub(super) fn base_url(&mut self, name: &'static str, value: Option<&String>, default: &str) -> String {
        self.read(name, value, default.to_owned(), base_url)
    }
}

/// An `http` or `https` address without a slash at its end.
pub(super) fn base_url(text: &str) -> Result<String, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err(format!("«{text}» is not an http:// or https:// address")),
    }
}

/// An address without a path: an origin.
pub(super) fn origin(text: &str) -> Result<Url, String> {
    let url = Url::parse(&base_url(text)?).map_err(|e| format!("«{text}»: {e}"))?;
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err(format!("«{text}» has more than scheme, host and port; Parley is served at the root of a host"));
    }
    Ok(url)
}
