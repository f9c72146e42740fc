//! The text of a part as signals: blocks that are finished are rendered once, the open end again with each piece.
//!
//! The server draws what there is when the page is made, as one block, and the browser wakes that without reading it:
//! so a visit that only reads downloads no Markdown. It comes with the first text that has to be drawn here, and a page
//! that expects one asks for it before ([`MARKDOWN`]). Invariant: a text that is here is shown; until Markdown is here
//! as well, as it was written.

use crate::ui::{
    kit::lazy::{First, lazy},
    markdown::{Stream, escape, render},
};
use leptos::{prelude::*, task::spawn_local};
use std::{
    mem,
    sync::{Arc, Mutex},
};

lazy! {
    /// Draws a text as it is now; says also whether nothing more comes.
    pub static MARKDOWN: fn(&TextCell, &str, bool) = markdown(draw);
}

/// Waits for Markdown where a conversation is about to be drawn by this page, and not just woken.
pub async fn ready() {
    if First::now() == First::Page {
        // Whether it came, each text says for itself.
        _ = MARKDOWN.load().await;
    }
}

/// Markdown that grows. A handle, cheap to clone.
#[derive(Clone, Debug)]
pub struct TextCell {
    /// HTML of finished blocks.
    pub blocks: ArcRwSignal<Vec<Arc<str>>>,
    /// HTML of the open end.
    pub tail: ArcRwSignal<String>,
    /// Whether Markdown could not be had for it.
    pub plain: ArcRwSignal<bool>,
    writer: Arc<Mutex<Writer>>,
}

#[derive(Debug, Default)]
struct Writer {
    /// What is drawn.
    seen: String,
    /// Whether nothing more comes after it.
    whole: bool,
    /// Goes on after `seen`, if that grew here.
    stream: Option<Stream>,
    /// What is to be drawn once Markdown is here.
    wanted: Option<(String, bool)>,
    /// Whether Markdown is being fetched.
    fetching: bool,
}

impl TextCell {
    /// The cell of a text; `whole` if nothing more comes.
    pub fn new(text: &str, whole: bool) -> Self {
        let cell = Self {
            blocks: ArcRwSignal::new(Vec::new()),
            tail: ArcRwSignal::new(String::new()),
            plain: ArcRwSignal::new(false),
            writer: Arc::default(),
        };
        match (First::now(), MARKDOWN.get()) {
            _ if text.is_empty() => {}
            (First::Server, Some(draw)) => draw(&cell, text, true),
            (First::Woken, _) => {
                // Its place; what is in it the browser has already.
                cell.blocks.set(vec![Arc::from("")]);
                if let (true, Ok(mut writer)) = (whole, cell.writer.lock()) {
                    text.clone_into(&mut writer.seen);
                    writer.whole = true;
                } else {
                    cell.want(text, whole);
                }
            }
            _ => cell.take(text, whole),
        }
        cell
    }

    /// Takes the text as it is now; `whole` once nothing more comes.
    pub fn take(&self, text: &str, whole: bool) {
        if self.writer.lock().is_ok_and(|writer| writer.whole == whole && writer.seen == text) {
            return;
        }
        if let Some(draw) = MARKDOWN.get() {
            draw(self, text, whole);
        } else {
            self.draw_plain(text);
            self.want(text, whole);
        }
    }

    /// To be called where a view of it begins. What the server drew is there only once: a view that this page makes (the
    /// message's editor was left) draws it itself.
    pub fn begin_view(&self) {
        let only_its_place = self.blocks.with_untracked(|blocks| blocks.first().is_some_and(|html| html.is_empty()));
        if First::now() != First::Page || !only_its_place {
            return;
        }
        let Ok(mut writer) = self.writer.lock() else { return };
        let (seen, whole) = (mem::take(&mut writer.seen), mem::take(&mut writer.whole));
        let (text, whole) = writer.wanted.clone().unwrap_or((seen, whole));
        drop(writer);
        self.blocks.set(Vec::new());
        self.take(&text, whole);
    }

    /// Tries again to get Markdown for a text that is shown as it was written.
    pub fn again(&self) {
        let wanted = self.writer.lock().ok().and_then(|writer| writer.wanted.clone());
        if let Some((text, whole)) = wanted {
            self.want(&text, whole);
        }
    }

    /// Has the text drawn as soon as Markdown is here.
    fn want(&self, text: &str, whole: bool) {
        let Ok(mut writer) = self.writer.lock() else { return };
        writer.wanted = Some((text.to_owned(), whole));
        if mem::replace(&mut writer.fetching, true) {
            return;
        }
        drop(writer);
        let cell = self.clone();
        spawn_local(async move {
            let loaded = MARKDOWN.load().await;
            let Ok(mut writer) = cell.writer.lock() else { return };
            writer.fetching = false;
            let wanted = writer.wanted.clone();
            drop(writer);
            match (wanted, loaded) {
                (Some((text, whole)), Ok(draw)) => draw(&cell, &text, whole),
                (Some((text, _)), Err(_)) => {
                    cell.draw_plain(&text);
                    cell.plain.set(true);
                }
                (None, _) => {}
            }
        });
    }

    /// Shows the text as it was written, unless what the server made of its beginning is shown.
    fn draw_plain(&self, text: &str) {
        if self.blocks.with_untracked(|blocks| blocks.first().is_some_and(|html| html.is_empty())) {
            return;
        }
        let mut html = "<p class=\"whitespace-pre-wrap\">".to_owned();
        escape(text, &mut html);
        html.push_str("</p>");
        self.blocks.set(vec![Arc::from(html)]);
        self.tail.set(String::new());
    }
}

/// See [`MARKDOWN`]: what was drawn of a text that grew here stays, everything else is drawn anew.
fn draw(cell: &TextCell, text: &str, whole: bool) {
    let Ok(mut writer) = cell.writer.lock() else { return };
    let before = writer.stream.take().filter(|_| text.starts_with(&writer.seen));
    let mut kept = 0;
    let (fresh, tail) = if let (None, true) = (&before, whole) {
        (vec![Arc::from(render(text))], String::new())
    } else {
        let from = before.as_ref().map_or(0, |_| writer.seen.len());
        let mut stream = before.unwrap_or_default();
        kept = stream.blocks().len();
        let last = stream.blocks().last().cloned();
        stream.push(&text[from..]);
        if whole {
            stream.finish();
            // What stood after its use may have changed a block: then there is only one.
            if kept > 0 && stream.blocks().get(kept - 1) != last.as_ref() {
                kept = 0;
            }
        }
        let fresh = stream.blocks().iter().skip(kept).map(|html| Arc::from(&**html)).collect();
        let tail = if whole { String::new() } else { stream.tail() };
        writer.stream = Some(stream).filter(|_| !whole);
        (fresh, tail)
    };
    text.clone_into(&mut writer.seen);
    writer.whole = whole;
    writer.wanted = None;
    drop(writer);
    if cell.plain.get_untracked() {
        cell.plain.set(false);
    }
    if kept == 0 {
        cell.blocks.set(fresh);
    } else if !fresh.is_empty() {
        cell.blocks.update(|blocks| blocks.extend(fresh));
    }
    if cell.tail.with_untracked(|old| *old != tail) {
        cell.tail.set(tail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(cell: &TextCell) -> (Vec<String>, String) {
        let blocks = cell.blocks.get_untracked().iter().map(ToString::to_string).collect();
        (blocks, cell.tail.get_untracked())
    }

    #[test]
    fn growing_text_ends_as_the_whole_does() {
        let text = "# One\n\ntwo *three*\n\n```rust\nfn f() {}\n```\n\nfour [five]\n\n[five]: https://example.org\n";
        for step in [1, 3, 7, text.len()] {
            let cell = TextCell::new("", false);
            for end in (0..=text.len()).step_by(step).chain([text.len()]) {
                cell.take(&text[..end], false);
            }
            cell.take(text, true);
            let (blocks, tail) = shown(&cell);
            assert_eq!((blocks.concat(), tail.as_str()), (render(text), ""), "in pieces of {step}");
        }
    }

    #[test]
    fn finished_blocks_are_kept_and_the_open_end_is_not() {
        let cell = TextCell::new("one\n\ntw\n", false);
        let (before, tail) = shown(&cell);
        assert_eq!((before.as_slice(), tail.as_str()), (&["<p>one</p>".to_owned()][..], "<p>tw</p>"));
        let first = cell.blocks.get_untracked()[0].clone();
        cell.take("one\n\ntw\n\nthree\n", false);
        assert!(Arc::ptr_eq(&first, &cell.blocks.get_untracked()[0]));
        assert_eq!(shown(&cell).1, "<p>three</p>");
    }

    #[test]
    fn a_text_that_became_another_is_drawn_anew_and_goes_on_growing() {
        let cell = TextCell::new("one\n\ntwo", false);
        cell.take("other\n\nword", false);
        cell.take("other\n\nwords\n", false);
        let (blocks, tail) = shown(&cell);
        assert_eq!((blocks.concat(), tail.as_str()), ("<p>other</p>".to_owned(), "<p>words</p>"));
    }
}
