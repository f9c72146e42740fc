//! What an app's frame needs of the browser.
//!
//! Invariant: to be called from event handlers and effects only, which never run on the server. A message counts only
//! if it came from that frame's own window, and from the origin that is nobody's.

use super::look;
use crate::ui::chat::browser;
use leptos::{
    prelude::{document, window},
    wasm_bindgen::{JsCast, JsValue, closure::Closure},
    web_sys::{
        Element, Event, HtmlElement, HtmlIFrameElement, HtmlTextAreaElement, MediaQueryList, MessageEvent,
        js_sys::{Array, Function, Intl, JSON, Object, Reflect},
    },
};
use serde_json::{Value, json};

/// What documents without an origin of their own are said to come from.
const NOBODY: &str = "null";
/// The box that one writes in.
const COMPOSER: &str = "message";

/// The text of a message, if it is that frame's.
pub(super) fn heard(event: &MessageEvent, frame: &HtmlIFrameElement) -> Option<String> {
    let source = Reflect::get(event, &"source".into()).ok()?;
    let own = frame.content_window().is_some_and(|window| JsValue::from(window) == source);
    if !own || event.origin() != NOBODY {
        return None;
    }
    JSON::stringify(&event.data()).ok()?.as_string()
}

/// Says something to a frame. It goes to whatever is in it, since nobody's origin cannot be named; the page's policy
/// keeps everything else out of it.
pub(super) fn say(frame: &HtmlIFrameElement, message: &Value) {
    let (Some(window), Ok(message)) = (frame.content_window(), JSON::parse(&message.to_string())) else { return };
    if window.post_message(&message, "*").is_err() {
        leptos::logging::warn!("an app could not be told something");
    }
}

/// Makes it that high.
pub(super) fn grow(frame: &HtmlIFrameElement, pixels: u32) {
    let style = HtmlElement::style(frame);
    _ = style.set_property("height", &format!("{pixels}px"));
}

/// Calls `seen` once, when the element comes into sight; at once where the browser cannot tell.
pub(super) fn once_seen(element: &Element, seen: impl Fn() + 'static) {
    let observer = Reflect::get(&window(), &"IntersectionObserver".into())
        .ok()
        .and_then(|class| class.dyn_into::<Function>().ok());
    let Some(class) = observer else { return seen() };
    let on_sight = Closure::<dyn FnMut(Array, Object)>::new(move |entries: Array, observer: Object| {
        let in_sight = |entry: JsValue| Reflect::get(&entry, &"isIntersecting".into()).is_ok_and(|is| is.is_truthy());
        if entries.iter().any(in_sight) {
            _ = call(&observer, "disconnect", &Array::new());
            seen();
        }
    });
    let Ok(observer) = Reflect::construct(&class, &Array::of1(&on_sight.into_js_value())) else { return };
    _ = call(&observer, "observe", &Array::of1(element));
}

/// Whether what is drawn is dark.
pub(super) fn theme() -> &'static str {
    let chosen = document().document_element().and_then(|root| root.get_attribute("data-theme"));
    match chosen.as_deref() {
        Some("dark") => "dark",
        Some("light") => "light",
        _ if browser::media("(prefers-color-scheme: dark)") => "dark",
        _ => "light",
    }
}

/// Hears when the system's choice between light and dark changes, until it is told otherwise.
pub(super) fn on_system_theme(changed: impl Fn() + 'static) -> Option<MediaQueryList> {
    let list = window().match_media("(prefers-color-scheme: dark)").ok().flatten()?;
    let changed = Closure::<dyn FnMut()>::new(changed).into_js_value();
    list.set_onchange(changed.dyn_ref::<Function>());
    Some(list)
}

/// How much room there is for a frame: in its place it is as high as it wants, within limits.
pub(super) fn room(frame: &HtmlIFrameElement, full: bool) -> Value {
    let width = frame.client_width();
    if full {
        json!({ "width": width, "height": frame.client_height() })
    } else {
        json!({ "width": width, "maxHeight": crate::wire::limits::APP_HEIGHT_MAX })
    }
}

/// An app's surroundings (MCP Apps `HostContext`).
pub(super) fn context(frame: &HtmlIFrameElement) -> Value {
    let options = Intl::DateTimeFormat::new(&Array::new(), &Object::new()).resolved_options();
    let zone = Reflect::get(&options, &"timeZone".into()).ok().and_then(|zone| zone.as_string());
    let mut context = json!({
        "theme": theme(),
        "styles": { "variables": look::variables() },
        "displayMode": "inline",
        "availableDisplayModes": ["inline", "fullscreen"],
        "containerDimensions": room(frame, false),
        "userAgent": concat!("parley/", env!("CARGO_PKG_VERSION")),
        "platform": "web",
        "deviceCapabilities": {
            "touch": browser::media("(any-pointer: coarse)"),
            "hover": browser::media("(hover: hover)"),
        },
    });
    // What the browser does not tell is left out.
    for (name, told) in [("locale", window().navigator().language()), ("timeZone", zone)] {
        if let Some(told) = told {
            context[name] = json!(told);
        }
    }
    context
}

/// Gives something the focus.
pub(super) fn focus(element: Option<Element>) {
    if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        _ = element.focus();
    }
}

/// Brings a question below an app into sight, if its app is: whoever reads elsewhere is left there.
pub(super) fn show(question: &Element) {
    let height = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or_default();
    let app = question.closest("[role=group]").ok().flatten().map(|app| app.get_bounding_client_rect());
    if app.is_some_and(|app| app.top() < height && app.bottom() > 0.0)
        && let Ok(least) = JSON::parse(r#"{"block":"nearest"}"#)
    {
        _ = call(question, "scrollIntoView", &Array::of1(&least));
    }
}

/// Whether the person did something in that frame just now: the page's word is for all of it and its frames, so the
/// focus has to be in this one. Not where the browser cannot tell.
pub(super) fn is_pressed(frame: &HtmlIFrameElement) -> bool {
    let focused = document().active_element().is_some_and(|active| active == *AsRef::<Element>::as_ref(frame));
    let navigator: JsValue = window().navigator().into();
    let activation = Reflect::get(&navigator, &"userActivation".into()).unwrap_or(JsValue::UNDEFINED);
    focused && Reflect::get(&activation, &"isActive".into()).ok().and_then(|active| active.as_bool()) == Some(true)
}

/// The host that an address leads to, as the browser reads it; `None` if it leads to none.
pub(super) fn host_of(url: &str) -> Option<String> {
    let class: Function = Reflect::get(&window(), &"URL".into()).ok()?.dyn_into().ok()?;
    let url = Reflect::construct(&class, &Array::of1(&url.into())).ok()?;
    Reflect::get(&url, &"host".into()).ok()?.as_string().filter(|host| !host.is_empty())
}

/// Puts a text into the box that one writes in, behind what is there, as if it had been typed; nothing is sent.
pub(super) fn write(text: &str) -> bool {
    let area = document().get_element_by_id(COMPOSER).and_then(|found| found.dyn_into::<HtmlTextAreaElement>().ok());
    let Some(area) = area else { return false };
    let typed = area.value();
    area.set_value(&if typed.trim().is_empty() { text.to_owned() } else { format!("{typed}\n\n{text}") });
    Event::new("input").and_then(|event| area.dispatch_event(&event)).is_ok()
}

/// Calls a method by its name.
pub(super) fn call(target: &JsValue, method: &str, arguments: &Array) -> Option<JsValue> {
    let function: Function = Reflect::get(target, &method.into()).ok()?.dyn_into().ok()?;
    function.apply(target, arguments).ok()
}
