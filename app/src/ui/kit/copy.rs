//! The copy buttons of code blocks. They come as HTML from [`crate::ui::markdown`], so one listener on the page serves
//! them all, those of blocks not yet written included. Until it listens they are not shown (see `style/tailwind.css`).

use super::{Toaster, effect};
use leptos::{prelude::*, task::spawn_local};
use std::time::Duration;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::Element;

/// How long a button says that it did its work.
const SAID: Duration = Duration::from_millis(1600);

/// Listens for presses on `[data-copy]` for as long as the page lives.
pub fn listen() {
    let toaster = Toaster::expect();
    effect(move || {
        tell_awake();
        let handle = window_event_listener(leptos::ev::click, move |ev| {
            let button = ev.target().and_then(|target| target.dyn_into::<Element>().ok());
            let button = button.and_then(|element| element.closest("[data-copy]").ok().flatten());
            let code = button.as_ref().and_then(|button| button.closest(".code").ok().flatten());
            let code =
                code.and_then(|block| block.query_selector("pre").ok().flatten()).and_then(|pre| pre.text_content());
            if let (Some(button), Some(code)) = (button, code) {
                copy(code, toaster, move || say(&button));
            }
        });
        on_cleanup(move || handle.remove());
    });
}

/// Lets the style sheet show what needs script.
pub fn tell_awake() {
    if let Some(root) = document().document_element() {
        _ = root.set_attribute("data-awake", "");
    }
}

/// Puts `text` on the clipboard, then calls `done`; says so if the browser refuses.
pub fn copy(text: String, toaster: Toaster, done: impl FnOnce() + 'static) {
    let clipboard = window().navigator().clipboard();
    // A page that came over plain HTTP from another machine has no clipboard at all.
    let written = (!AsRef::<JsValue>::as_ref(&clipboard).is_undefined()).then(|| clipboard.write_text(&text));
    spawn_local(async move {
        let copied = match written {
            Some(promise) => JsFuture::from(promise).await.is_ok(),
            None => false,
        };
        if copied {
            done();
        } else {
            toaster.fail("The browser did not allow copying. Select the text and copy it by hand.");
        }
    });
}

fn say(button: &Element) {
    button.set_text_content(Some("Copied"));
    let button = button.clone();
    set_timeout(move || button.set_text_content(Some("Copy")), SAID);
}
