//! What an app's requests ask for, read from their params.
//!
//! Invariant: what is malformed, too long or of a kind that is not supported is refused here, with a number of
//! JSON-RPC's and a sentence; what gets through is bounded.

use super::{Act, INVALID_PARAMS, REFUSED};
use crate::wire::{
    file::{last_piece, name_of},
    limits::{APP_FILES_MAX, MESSAGE_MAX},
};
use serde_json::{Value, json};

/// Characters of an address that may be opened or read.
const ADDRESS_MAX: usize = 2_000;

/// What is to be done, or why not.
pub(super) type Wanted = Result<Act, (i32, String)>;

/// A file that an app hands over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Offered {
    /// What it is called, in letters that no disk minds.
    pub(in super::super) name: String,
    /// What is in it.
    pub(in super::super) held: Held,
}

/// The contents of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Held {
    /// Text.
    Text(String),
    /// Bytes in base64.
    Encoded(String),
    /// A resource of the app's server: this address.
    At(String),
}

fn invalid(told: &str) -> (i32, String) {
    (INVALID_PARAMS, told.to_owned())
}

/// `tools/call`.
pub(super) fn call(id: &Value, params: &Value) -> Wanted {
    let arguments = match &params["arguments"] {
        Value::Null => json!({}),
        arguments => arguments.clone(),
    };
    match params["name"].as_str() {
        Some(tool) if arguments.is_object() => Ok(Act::Call { id: id.clone(), tool: tool.to_owned(), arguments }),
        _ => Err(invalid("A call has a name and an object of arguments.")),
    }
}

/// `resources/read`.
pub(super) fn read(id: &Value, params: &Value) -> Wanted {
    let uri = address(&params["uri"]).ok_or_else(|| invalid("A resource has an address."))?;
    Ok(Act::Read { id: id.clone(), uri })
}

/// `ui/open-link`.
pub(super) fn link(id: &Value, params: &Value) -> Wanted {
    match params["url"].as_str().filter(|url| is_link(url)) {
        Some(url) => Ok(Act::Link { id: id.clone(), url: url.to_owned() }),
        None => Err((REFUSED, "Only http:// and https:// addresses can be opened.".to_owned())),
    }
}

/// `ui/message`.
pub(super) fn message(id: &Value, params: &Value) -> Wanted {
    if params["role"] != "user" {
        return Err(invalid("Only a person's messages can be proposed."));
    }
    match text_of(&params["content"]) {
        Some(text) if text.chars().count() <= MESSAGE_MAX && !text.trim().is_empty() => {
            Ok(Act::Write { id: id.clone(), text })
        }
        Some(_) => Err(invalid(&format!("A message has 1 to {MESSAGE_MAX} characters."))),
        None => Err(invalid("Only text can be proposed as a message.")),
    }
}

/// `ui/download-file`.
pub(super) fn download(id: &Value, params: &Value) -> Wanted {
    let none = || invalid("Files are handed over as a list of resources, or links to them.");
    let contents = params["contents"].as_array().filter(|contents| !contents.is_empty()).ok_or_else(none)?;
    if contents.len() > APP_FILES_MAX {
        return Err((REFUSED, format!("At most {APP_FILES_MAX} files can be saved at once.")));
    }
    let files = contents.iter().map(|file| match file["type"].as_str() {
        Some("resource") => content(&file["resource"]),
        Some("resource_link") => {
            let uri = address(&file["uri"])?;
            let called = file["name"].as_str().unwrap_or_default();
            // An address says what kind of file it is; a name for people often does not.
            let name = if last_piece(&uri).contains('.') { file_name(&uri) } else { file_name(called) };
            Some(Offered { name, held: Held::At(uri) })
        }
        _ => None,
    });
    let files = files.collect::<Option<Vec<_>>>().ok_or_else(none)?;
    Ok(Act::Save { id: id.clone(), files })
}

/// The contents of a resource (MCP `TextResourceContents`, `BlobResourceContents`) as a file.
pub(in super::super) fn content(resource: &Value) -> Option<Offered> {
    let name = file_name(resource["uri"].as_str().unwrap_or_default());
    let held = match (&resource["text"], &resource["blob"]) {
        (Value::String(text), _) => Held::Text(text.clone()),
        (_, Value::String(blob)) => Held::Encoded(blob.clone()),
        _ => return None,
    };
    Some(Offered { name, held })
}

fn address(uri: &Value) -> Option<String> {
    uri.as_str().filter(|uri| (1..=ADDRESS_MAX).contains(&uri.len())).map(str::to_owned)
}

/// A name for a file, from its address or what it is called.
fn file_name(of: &str) -> String {
    name_of(of).unwrap_or_else(|| "file".to_owned())
}

/// Whether it is an address of the web, as far as its text tells; the browser reads it before anybody is asked.
fn is_link(url: &str) -> bool {
    let begins = |scheme: &str| url.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme));
    let odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '\\' | '"' | '<' | '>');
    url.len() <= ADDRESS_MAX && (begins("https://") || begins("http://")) && !url.contains(odd)
}

/// The text of content blocks, or of one; `None` if there is anything else among them.
fn text_of(content: &Value) -> Option<String> {
    let block = |block: &Value| (block["type"] == "text").then(|| block["text"].as_str().map(str::to_owned)).flatten();
    match content {
        Value::Array(blocks) => blocks.iter().map(block).collect::<Option<Vec<_>>>().map(|texts| texts.join("\n\n")),
        one => block(one),
    }
}
