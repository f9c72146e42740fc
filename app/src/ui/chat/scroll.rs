//! Where the transcript stands: at its end, whatever grows there, until the reader scrolls up; then where the reader left
//! it, also when older messages are put above, until they come within 100 px of the end again.
//!
//! A scroll event tells of where one is, not of who scrolled, and comes when more may have grown. Only the reader ever
//! moves it up: what the page itself does leads down.

use crate::{
    ui::kit::{Watched, effect},
    wire::id::MessageId,
};
use leptos::{
    html,
    prelude::*,
    wasm_bindgen::{JsCast, closure::Closure},
    web_sys::ResizeObserver,
};

/// Pixels from the end within which whoever scrolls down is at the end.
const NEAR: i32 = 100;
/// Pixels that may be missing at the end because they are whole ones.
const ROUNDED: i32 = 2;
/// Pixels from the beginning within which older messages are asked for.
const NEAR_TOP: i32 = 400;

/// The scroll rule of one transcript. A handle, free to copy.
#[derive(Clone, Copy, Debug)]
pub struct Scroll {
    /// The element that scrolls.
    pub node: NodeRef<html::Div>,
    /// Whether the end is in sight.
    pub at_end: RwSignal<bool>,
    /// What arrived at the end while it was out of sight.
    pub unseen: Watched<u32>,
    from_end: StoredValue<i32>,
    top: StoredValue<i32>,
}

impl Default for Scroll {
    fn default() -> Self {
        Self::new()
    }
}

impl Scroll {
    /// At the end.
    pub fn new() -> Self {
        Self {
            node: NodeRef::new(),
            at_end: RwSignal::new(true),
            unseen: Watched::new(0),
            from_end: StoredValue::new(0),
            top: StoredValue::new(0),
        }
    }

    /// Stays at the end also when less of it fits by now: above a keyboard, or above a message that grows as it is
    /// written. From an effect.
    pub fn watch(self) {
        let Some(node) = self.node.get() else { return };
        let resized = Closure::<dyn FnMut()>::new(move || self.follow()).into_js_value();
        if let Ok(observer) = ResizeObserver::new(resized.unchecked_ref()) {
            observer.observe(&node);
        }
    }

    /// Follows what is being drawn in a transcript after everything else that was: its code had to be downloaded.
    pub fn follow_late() {
        if let Some(scroll) = use_context::<Self>() {
            effect(move || scroll.follow());
        }
    }

    /// It was scrolled; whether the beginning is near.
    pub fn moved(self) -> bool {
        let Some(node) = self.node.get_untracked() else { return false };
        let top = node.scroll_top();
        let from_end = node.scroll_height() - top;
        self.from_end.set_value(from_end);
        let up = top < self.top.get_value();
        self.top.set_value(top);
        let rest = from_end - node.client_height();
        // What became shorter moves up by itself, to its very end.
        let at_end = if up { rest <= ROUNDED } else { rest <= NEAR || self.at_end.get_untracked() };
        if at_end != self.at_end.get_untracked() {
            self.at_end.set(at_end);
        }
        if at_end {
            self.unseen.set(0);
        }
        top < NEAR_TOP
    }

    /// To the end, with the next frame, unless the reader scrolls up before that.
    pub fn to_end(self) {
        self.at_end.set(true);
        self.unseen.set(0);
        request_animation_frame(move || {
            if self.at_end.try_get_untracked() == Some(true)
                && let Some(node) = self.node.try_get_untracked().flatten()
            {
                node.set_scroll_top(node.scroll_height());
            }
        });
    }

    /// To a message that was looked for, marked so that it is found.
    pub fn to_message(self, message: MessageId) {
        self.at_end.try_set(false);
        // One frame for the rows to be drawn, and one after the scroll to the end that opening asks for.
        request_animation_frame(move || {
            request_animation_frame(move || {
                if let Some(found) = document().get_element_by_id(&format!("m-{message}")) {
                    found.scroll_into_view();
                    _ = found.set_attribute("data-found", "");
                }
            });
        });
    }

    /// Something grew at the end.
    pub fn follow(self) {
        // An element is also told of its end, when this is gone.
        if self.at_end.try_get_untracked() == Some(true) {
            self.to_end();
        }
    }

    /// Something arrived at the end.
    pub fn arrived(self) {
        if self.at_end.get_untracked() {
            self.to_end();
        } else {
            self.unseen.update(|n| *n += 1);
        }
    }

    /// Something was put above: what was in sight stays there.
    pub fn hold(self) {
        let from_end = self.from_end.get_value();
        request_animation_frame(move || {
            if let Some(node) = self.node.try_get_untracked().flatten() {
                node.set_scroll_top(node.scroll_height() - from_end);
            }
        });
    }
}
