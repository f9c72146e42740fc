//! Files that an app hands over: read where they are at its server, asked about, and saved as they are.
//!
//! Invariant: nothing is saved without its person's press, and nothing is opened: the browser is given bytes of no kind
//! that it knows, under a name that was cleaned.

use super::{
    ask::{Asked, What},
    bridge::{Held, Offered, content},
    frame::call,
    talk::Talk,
};
use crate::{
    api::apps::read_for_app,
    wire::{file, limits::APP_FILES_SIZE_MAX},
};
use leptos::{
    prelude::*,
    task::spawn_local,
    wasm_bindgen::{JsCast, JsValue},
    web_sys::js_sys::{Array, Function, Object, Reflect, Uint8Array},
};
use serde_json::Value;
use std::time::Duration;

/// How long the browser may take to begin with a file.
const BEGINS: Duration = Duration::from_mins(1);

/// A file at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    /// What it is called.
    pub(super) name: String,
    bytes: Vec<u8>,
}

impl File {
    /// Its size in words.
    pub(super) fn size(&self) -> String {
        file::size(u64::try_from(self.bytes.len()).unwrap_or(u64::MAX))
    }
}

impl Talk {
    /// Has everything at hand, and asks whether it is to be saved.
    pub(super) fn save(self, id: Value, files: Vec<Offered>) {
        spawn_local(async move {
            match self.fetched(files).await {
                Ok(files) => self.ask(Asked { id, what: What::Save { files: files.into() } }),
                Err(told) => self.done(&id, Err(told)),
            }
        });
    }

    async fn fetched(self, offered: Vec<Offered>) -> Result<Vec<File>, String> {
        let (mut files, mut whole) = (Vec::new(), 0);
        for Offered { name, held } in offered {
            let bytes = match held {
                Held::At(uri) => {
                    let (message, call) = self.of_call().ok_or("The app is gone.")?;
                    let found = read_for_app(message, call, uri).await.map_err(|error| error.to_string())?;
                    let first = content(&found["contents"][0]).ok_or("There is nothing in it.")?;
                    bytes(first.held)?
                }
                held => bytes(held)?,
            };
            whole += bytes.len();
            if whole > APP_FILES_SIZE_MAX {
                return Err(format!("At most {APP_FILES_SIZE_MAX} bytes can be saved at once."));
            }
            files.push(File { name, bytes });
        }
        Ok(files)
    }
}

fn bytes(held: Held) -> Result<Vec<u8>, String> {
    match held {
        Held::Text(text) => Ok(text.into_bytes()),
        Held::Encoded(text) => decoded(&text).ok_or_else(|| "A file's data is not base64.".to_owned()),
        Held::At(_) => Err("A file is a link to a link.".to_owned()),
    }
}

/// The bytes of base64, by the browser's own decoder, which gives a character for each.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let text = window().atob(text.trim()).ok()?;
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

/// Hands files to the browser to be saved. From the press of a button.
pub(super) fn save_all(files: &[File]) -> bool {
    files.iter().all(|file| save(file).is_some())
}

fn save(file: &File) -> Option<()> {
    let parts = Array::of1(&Uint8Array::from(file.bytes.as_slice()));
    let options = Object::new();
    Reflect::set(&options, &"type".into(), &"application/octet-stream".into()).ok()?;
    let blob = Reflect::construct(&class("Blob")?, &Array::of2(&parts, &options)).ok()?;
    let urls: JsValue = class("URL")?.into();
    let url = call(&urls, "createObjectURL", &Array::of1(&blob))?;
    let link = document().create_element("a").ok()?;
    link.set_attribute("href", &url.as_string()?).ok()?;
    link.set_attribute("download", &file.name).ok()?;
    call(&link, "click", &Array::new())?;
    set_timeout(move || _ = call(&urls, "revokeObjectURL", &Array::of1(&url)), BEGINS);
    Some(())
}

fn class(name: &str) -> Option<Function> {
    Reflect::get(&window(), &name.into()).ok()?.dyn_into().ok()
}
