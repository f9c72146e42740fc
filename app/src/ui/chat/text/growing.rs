//! A block of code that is being written. Its lines are appended to those on the page, and only the unfinished one is
//! replaced: what is selected, focused or scrolled to in it stays, and a long one costs no more per piece than a short one.
//!
//! Invariant: its elements are the same before and after its end, and then they are those that the server would write.

use crate::ui::{
    kit::effect,
    markdown::{CODE_END, OpenCode, Stream},
};
use leptos::{html, prelude::*};
use wasm_bindgen::JsValue;
use web_sys::Element;

/// See the module. A handle, cheap to clone.
#[derive(Clone, Debug)]
pub struct GrowingCode {
    /// Tells it from the others of its text.
    pub key: usize,
    /// Draws it: a function that comes with Markdown, so that a page which only reads does not download it.
    pub view: fn(&Self) -> AnyView,
    /// Its whole lines and what is before them, and after its end also what closes it; grows only at its end.
    pub html: ArcRwSignal<String>,
    line: ArcRwSignal<String>,
}

impl GrowingCode {
    /// One that has just been opened.
    pub(super) fn new(key: usize, open: OpenCode<'_>) -> Self {
        let html = ArcRwSignal::new(open.html.to_owned());
        Self { key, view, html, line: ArcRwSignal::new(open.line) }
    }

    /// Takes what `stream` has of it by now, where it is block number `at`. Whether it still is this block of code: its
    /// end may show that the parser sees another.
    pub(super) fn take(&self, stream: &Stream, at: usize) -> bool {
        let drawn = self.html.with_untracked(String::len);
        let (new, line) = if let Some(whole) = stream.blocks().get(at) {
            let rest = self.html.with_untracked(|html| whole.strip_prefix(html.as_str()));
            let ends = rest.and_then(|rest| rest.split_once(CODE_END)).is_some_and(|(_, after)| after.is_empty());
            (rest.filter(|_| ends), String::new())
        } else if let Some(open) = stream.open_code() {
            (open.html.get(drawn..), open.line)
        } else {
            (None, String::new())
        };
        let Some(new) = new else { return false };
        if !new.is_empty() {
            self.html.update(|html| html.push_str(new));
        }
        if self.line.with_untracked(|old| *old != line) {
            self.line.set(line);
        }
        true
    }
}

fn view(code: &GrowingCode) -> AnyView {
    let node = NodeRef::<html::Div>::new();
    let GrowingCode { html, line, .. } = code.clone();
    let first = html.get_untracked();
    let (mut drawn, mut end) = (first.len(), None);
    effect(move || {
        if let Some(place) = node.get() {
            // What a browser does not let be drawn now is drawn with the next piece.
            _ = draw(&place, &html.read(), &line.read(), &mut drawn, &mut end);
        }
    });
    // What is open in it, the browser closes.
    view! { <div node_ref=node inner_html=first></div> }.into_any()
}

/// Appends to the block in `place` what `html` has beyond the first `drawn` bytes, before the `end`, where the unfinished
/// `line` stands for as long as there may be one.
fn draw(place: &Element, html: &str, line: &str, drawn: &mut usize, end: &mut Option<Element>) -> Result<(), JsValue> {
    if end.is_none() {
        let Some(code) = place.query_selector("code")? else { return Ok(()) };
        let made = document().create_element("span")?;
        code.append_child(&made)?;
        *end = Some(made);
    }
    let (Some(end), Some(new)) = (&*end, html.get(*drawn..)) else { return Ok(()) };
    let (lines, over) = new.strip_suffix(CODE_END).map_or((new, html.ends_with(CODE_END)), |lines| (lines, true));
    if !lines.is_empty() {
        end.insert_adjacent_html("beforebegin", lines)?;
    }
    *drawn = html.len();
    if over {
        end.remove();
    } else {
        end.set_inner_html(line);
    }
    Ok(())
}
