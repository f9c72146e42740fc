//! The open end of a text. It is drawn again with each piece, unless it is a block of code: then its lines are appended
//! to those on the page, and only the unfinished one is replaced. So what is selected, focused or scrolled to in it stays,
//! and a long one costs no more per piece than a short one.
//!
//! Invariant: a block of code has the same elements before and after its end, and then they are those that the server
//! would write.

use crate::ui::{
    kit::effect,
    markdown::{CODE_END, Open},
};
use leptos::{html, prelude::*};
use wasm_bindgen::JsValue;
use web_sys::Element;

/// See the module. A handle, cheap to clone.
#[derive(Clone, Debug)]
pub struct Growing {
    /// Draws it: a function that comes with Markdown, so that a page which only reads does not download it.
    pub view: fn(&Self) -> AnyView,
    /// Of a block of code what is before its lines, its whole lines, and after its end what closes it; grows only at its
    /// end. Empty if it is none.
    code: ArcRwSignal<String>,
    /// What is after that.
    rest: ArcRwSignal<String>,
}

impl Growing {
    /// One that has just been opened.
    pub(super) fn new(open: &Open<'_>) -> Self {
        Self { view, code: ArcRwSignal::new(open.code.to_owned()), rest: ArcRwSignal::new(open.rest.clone()) }
    }

    /// Whether it is a block of code.
    pub(super) fn is_code(&self) -> bool {
        self.code.with_untracked(|code| !code.is_empty())
    }

    /// Takes what there is of it by now; whether it can be this one.
    pub(super) fn grow(&self, open: &Open<'_>) -> bool {
        let new = open.code.get(self.code.with_untracked(String::len)..);
        let alike = self.is_code() != open.code.is_empty();
        new.filter(|_| alike).is_some_and(|new| self.take(new, &open.rest))
    }

    /// Takes the whole block of code, which is finished. Whether it is this one: its end may show that the parser sees
    /// another.
    pub(super) fn end(&self, whole: &str) -> bool {
        let new = self.code.with_untracked(|code| whole.strip_prefix(code.as_str()));
        // What closes it stands nowhere but at its end.
        new.filter(|new| new.find(CODE_END).is_some_and(|at| at + CODE_END.len() == new.len()))
            .is_some_and(|new| self.take(new, ""))
    }

    fn take(&self, new: &str, rest: &str) -> bool {
        if !new.is_empty() {
            self.code.update(|code| code.push_str(new));
        }
        if self.rest.with_untracked(|old| old != rest) {
            self.rest.set(rest.to_owned());
        }
        true
    }

    /// All of it.
    #[cfg(test)]
    pub(super) fn html(&self) -> String {
        self.code.get_untracked() + &self.rest.get_untracked()
    }
}

fn view(open: &Growing) -> AnyView {
    let node = NodeRef::<html::Div>::new();
    let Growing { code, rest, .. } = open.clone();
    let first = code.get_untracked();
    let (mut drawn, mut end) = (Drawn(first.len()), None);
    effect(move || {
        if let Some(place) = node.get() {
            // What a browser does not let be drawn now is drawn with the next piece.
            _ = draw(&place, &code.read(), &rest.read(), &mut drawn, &mut end);
        }
    });
    // What is open in it, the browser closes.
    view! { <div node_ref=node inner_html=first></div> }.into_any()
}

/// How many bytes of a block of code the page shows: what is to be appended follows from that, however much was skipped.
#[derive(Debug)]
struct Drawn(usize);

impl Drawn {
    /// The lines that are still to be appended, and whether it is whole.
    fn missing<'a>(&self, code: &'a str) -> (&'a str, bool) {
        let (lines, whole) = code.strip_suffix(CODE_END).map_or((code, false), |lines| (lines, true));
        (lines.get(self.0..).unwrap_or_default(), whole)
    }
}

/// Draws the rest in `place`; what is missing of a block of code it puts before the `end` of that, where the rest stands
/// for as long as there may be one.
fn draw(place: &Element, code: &str, rest: &str, drawn: &mut Drawn, end: &mut Option<Element>) -> Result<(), JsValue> {
    if code.is_empty() {
        place.set_inner_html(rest);
        return Ok(());
    }
    let Some(lines) = place.query_selector("code")? else { return Ok(()) };
    let (missing, whole) = drawn.missing(code);
    if end.is_none() {
        let made = document().create_element("span")?;
        lines.append_child(&made)?;
        *end = Some(made);
    }
    let Some(end) = end else { return Ok(()) };
    if !missing.is_empty() {
        end.set_inner_html(missing);
        while let Some(node) = end.first_child() {
            lines.insert_before(&node, Some(end))?;
        }
        drawn.0 += missing.len();
    }
    if whole {
        end.remove();
    } else {
        end.set_inner_html(rest);
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::ui::markdown::{Stream, render};

    /// What a page has that drew at some of the states only.
    fn page(states: &[(String, String)], every: usize) -> String {
        let mut drawn = Drawn(states[0].0.len());
        let (mut page, mut end) = (states[0].0.clone(), "");
        let last = states.len() - 1;
        for (code, rest) in states.iter().enumerate().filter(|(at, _)| at % every == 0 || *at == last).map(|(_, s)| s) {
            let (missing, whole) = drawn.missing(code);
            drawn.0 += missing.len();
            page.push_str(missing);
            end = if whole { "" } else { rest };
        }
        page + end
    }

    #[test]
    fn what_is_appended_makes_the_whole_whatever_was_skipped() {
        let text = "```rust\nfn f() {\n    \"<b>\"\n}\n\n// é\n```\n";
        let mut stream = Stream::with("```rust\n");
        let code = Growing::new(&stream.open().unwrap());
        let state = |code: &Growing| (code.code.get_untracked(), code.rest.get_untracked());
        let mut states = vec![state(&code)];
        for c in text.chars().skip("```rust\n".len()) {
            stream.push(&c.to_string());
            assert!(match stream.open() {
                Some(open) => code.grow(&open),
                None => code.end(&stream.blocks()[0]),
            });
            states.push(state(&code));
        }
        assert!(states.windows(2).all(|pair| pair[1].0.starts_with(&pair[0].0)));
        for every in [1, 2, 5, states.len()] {
            assert_eq!(page(&states, every) + CODE_END, render(text), "every {every}");
        }
        // Before its end the unfinished line is there too, once.
        let open = &states[..=states.iter().position(|(_, rest)| rest.contains("hl-f")).unwrap()];
        assert!(page(open, 3).ends_with(&open.last().unwrap().1));
    }

    #[test]
    fn another_block_is_not_taken_for_it() {
        let stream = Stream::with("```\none\n");
        let code = Growing::new(&stream.open().unwrap());
        let text = Stream::with("one");
        assert!(!code.grow(&text.open().unwrap()));
        assert!(!Growing::new(&text.open().unwrap()).grow(&stream.open().unwrap()));
        assert!(!code.end(&render("```\ntwo\n```")));
        assert!(!code.end(&render("```\none\n```\n\n```\ntwo\n```")));
        assert!(code.end(&render("```\none\ntwo\n```")));
    }
}
