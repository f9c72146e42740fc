//! The browser's facilities that the chat needs beyond elements and events.
//!
//! Invariant: to be called from event handlers and effects only, which never run on the server. By name through
//! `Reflect`, because web-sys' features for them would have to be compiled into the server too.

use crate::wire::id::{ClientId, Millis};
use leptos::{
    prelude::{document, request_animation_frame, window},
    wasm_bindgen::{JsCast, JsValue},
    web_sys::{
        HtmlElement,
        js_sys::{Array, Date, Function, Math, Object, Reflect},
    },
};

thread_local! {
    /// What the storage did not take, by its keys.
    static UNKEPT: Object = Object::new();
}

fn get(target: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(target, &name.into()).ok().filter(|value| !value.is_undefined() && !value.is_null())
}

fn call(target: &JsValue, method: &str, arguments: &[&str]) -> Option<JsValue> {
    let function: Function = get(target, method)?.dyn_into().ok()?;
    let list = Array::new();
    for argument in arguments {
        list.push(&JsValue::from_str(argument));
    }
    function.apply(target, &list).ok()
}

fn storage() -> Option<JsValue> {
    get(&window(), "localStorage")
}

/// What is kept under `key`.
pub fn kept(key: &str) -> Option<String> {
    let here = UNKEPT.with(|here| get(here, key));
    here.or_else(|| call(&storage()?, "getItem", &[key]))?.as_string()
}

/// The keys of everything that is kept.
pub fn kept_keys() -> Vec<String> {
    let places = [UNKEPT.with(|here| Some(here.clone().into())), storage()].into_iter().flatten();
    let keys = places.map(|place: JsValue| Object::keys(place.unchecked_ref::<Object>()));
    keys.reduce(|all, more| all.concat(&more))
        .iter()
        .flat_map(|keys| keys.iter())
        .filter_map(|key| key.as_string())
        .collect()
}

/// Keeps `value`, or forgets it when there is none. What a full or forbidden storage does not take, this tab keeps as
/// long as it lives.
pub fn keep(key: &str, value: Option<&str>) {
    let storage = storage();
    let ask = |method, arguments: &[&str]| storage.as_ref().and_then(|storage| call(storage, method, arguments));
    UNKEPT.with(|here| {
        _ = Reflect::delete_property(here, &key.into());
        if value.is_none_or(|value| ask("setItem", &[key, value]).is_none()) {
            // What stood there before is not to be taken for this.
            ask("removeItem", &[key]);
            if let Some(value) = value {
                _ = Reflect::set(here, &key.into(), &value.into());
            }
        }
    });
}

/// Whether the browser believes it has a network.
pub fn has_network() -> bool {
    get(&window(), "navigator").and_then(|navigator| get(&navigator, "onLine")).and_then(|on| on.as_bool())
        != Some(false)
}

/// Whether the tab can be seen.
pub fn is_visible() -> bool {
    get(&window().document().into(), "visibilityState").and_then(|state| state.as_string()).as_deref() != Some("hidden")
}

/// Whether a media query holds.
pub fn media(query: &str) -> bool {
    call(&window(), "matchMedia", &[query]).and_then(|list| get(&list, "matches")).and_then(|on| on.as_bool())
        == Some(true)
}

/// This site's own origin, for links to give away.
pub fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// Leaves for another page with a fresh document, so that nothing of this session stays in memory.
pub fn leave_for(path: &str) {
    if window().location().set_href(path).is_err() {
        leptos::logging::warn!("this browser does not let the page go to {path}");
    }
}

/// Puts the focus on an element by its id, once what is being drawn is drawn.
pub fn focus(id: &'static str) {
    request_animation_frame(move || {
        if let Some(element) = document().get_element_by_id(id).and_then(|found| found.dyn_into::<HtmlElement>().ok()) {
            _ = element.focus();
        }
    });
}

/// The browser's clock.
pub fn now() -> Millis {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit 53 bits")]
    Millis(Date::now() as i64)
}

/// At least 0, below 1.
pub fn random() -> f64 {
    Math::random()
}

/// A key for a new message.
#[expect(clippy::disallowed_methods, reason = "made in the browser, by the browser's clock")]
pub fn new_client_id() -> ClientId {
    ClientId(uuid::Uuid::now_v7())
}
