//! Light, dark or as the system says. The choice lives in a cookie of a year; [`BEFORE_PAINT`] applies it before the
//! first pixel, and CSS alone follows the system when there is none, so nothing flashes and nothing needs script.

use super::kit::{Watched, effect};
use leptos::{
    prelude::*,
    web_sys::{js_sys::Reflect, wasm_bindgen::JsValue},
};

/// Runs in the head, under the page's nonce: copies the cookie to `<html data-theme>`.
pub const BEFORE_PAINT: &str = "(m=>{if(m)document.documentElement.dataset.theme=m[1]})\
    (/(?:^|; )theme=(light|dark)(?:;|$)/.exec(document.cookie))";

/// What one can choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// As the system says.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Choice {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }

    fn attribute(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }
}

/// The theme of this tab, as context.
#[derive(Clone, Copy, Debug)]
pub struct Theme(Watched<Choice>);

impl Theme {
    /// Makes it and provides it. It says [`Choice::System`] until the page is awake, on both sides alike.
    pub fn provide() {
        let theme = Self(Watched::new(Choice::System));
        provide_context(theme);
        effect(move || theme.0.set(applied()));
    }

    /// The choice; tracked.
    pub fn get(self) -> Choice {
        self.0.get()
    }

    /// Chooses, applies and remembers.
    pub fn set(self, choice: Choice) {
        self.0.set(choice);
        let Some(root) = document().document_element() else { return };
        let name = choice.attribute();
        _ = match name {
            Some(name) => root.set_attribute("data-theme", name),
            None => root.remove_attribute("data-theme"),
        };
        let (value, age) = name.map_or(("", 0), |name| (name, 365 * 24 * 3600));
        let cookie = format!("theme={value}; Path=/; Max-Age={age}; SameSite=Lax");
        _ = Reflect::set(document().as_ref(), &JsValue::from_str("cookie"), &JsValue::from_str(&cookie));
    }
}

fn applied() -> Choice {
    match document().document_element().and_then(|root| root.get_attribute("data-theme")).as_deref() {
        Some("light") => Choice::Light,
        Some("dark") => Choice::Dark,
        _ => Choice::System,
    }
}
