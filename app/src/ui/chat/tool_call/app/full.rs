//! An app over the whole page: its card is laid over everything else, which takes no part meanwhile, and put back.
//!
//! Invariant: the frame is never moved in the document, for that would load it anew. What was made inert is made so by
//! [`lay_over`] alone, and [`Laid::lift`] undoes exactly that. To be called from event handlers and effects only.

use super::frame::call;
use leptos::{
    prelude::document,
    wasm_bindgen::{JsCast, JsValue},
    web_sys::{
        Element, HtmlElement,
        js_sys::{Array, Reflect},
    },
};

/// A card that lies over the page.
#[derive(Debug)]
pub(super) struct Laid {
    card: HtmlElement,
    /// What keeps its place in the page.
    place: Option<HtmlElement>,
    /// What takes no part meanwhile.
    inert: Vec<Element>,
    /// What had the focus.
    before: Option<HtmlElement>,
}

/// Lays a card over the page.
pub(super) fn lay_over(card: &HtmlElement) -> Laid {
    let before = document().active_element().and_then(|element| element.dyn_into().ok());
    let place = card.parent_element().and_then(|place| place.dyn_into::<HtmlElement>().ok());
    if let Some(place) = &place {
        _ = HtmlElement::style(place).set_property("min-height", &format!("{}px", place.offset_height()));
    }
    let mut inert = Vec::new();
    let mut within: Element = card.clone().into();
    while let Some(around) = within.parent_element() {
        for other in children(&around).into_iter().filter(|other| *other != within && !other.has_attribute("inert")) {
            if other.set_attribute("inert", "").is_ok() {
                inert.push(other);
            }
        }
        if around.tag_name().eq_ignore_ascii_case("body") {
            break;
        }
        within = around;
    }
    // The top layer, where nothing around the card clips or moves it. A browser without it does with the card's classes.
    _ = card.set_attribute("popover", "manual");
    _ = call(card, "showPopover", &Array::new());
    Laid { card: card.clone(), place, inert, before }
}

impl Laid {
    /// Puts it back.
    pub(super) fn lift(self) {
        for element in self.inert {
            _ = element.remove_attribute("inert");
        }
        _ = call(&self.card, "hidePopover", &Array::new());
        _ = self.card.remove_attribute("popover");
        if let Some(place) = self.place {
            _ = HtmlElement::style(&place).remove_property("min-height");
        }
        if let Some(before) = self.before {
            _ = before.focus();
        }
    }
}

fn children(of: &Element) -> Vec<Element> {
    let children = Reflect::get(of, &"children".into()).unwrap_or(JsValue::UNDEFINED);
    Array::from(&children).iter().filter_map(|child| child.dyn_into().ok()).collect()
}
