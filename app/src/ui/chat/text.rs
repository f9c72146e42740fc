//! The text of a part as signals: blocks that are finished are rendered once, the open end again with each piece, but for
//! a block of code, whose lines are appended.
//!
//! The server draws what there is when the page is made, as one block, and the browser wakes that without reading it:
//! so a visit that only reads downloads no Markdown. It comes with the first text that has to be drawn here, and a page
//! that expects one asks for it before ([`MARKDOWN`]). Invariant: a text that is here is shown; until Markdown is here
//! as well, as it was written.

mod growing;

use crate::ui::{
    kit::lazy::{First, lazy},
    markdown::{Stream, escape, render},
};
use growing::Growing;
use leptos::{prelude::*, task::spawn_local};
use std::{
    mem,
    sync::{Arc, Mutex},
};

lazy! {
    /// Draws a text as it is now, so many bytes of which are drawn already; says also whether nothing more comes.
    pub static MARKDOWN: fn(&TextCell, &str, usize, bool) = markdown(draw);
}

/// Waits for Markdown where a conversation is about to be drawn by this page, and not just woken.
pub async fn ready() {
    if First::now() == First::Page {
        // Whether it came, each text says for itself.
        _ = MARKDOWN.load().await;
    }
}

/// A block of the text.
#[derive(Clone, Debug)]
pub enum Block {
    /// HTML of one that is finished; none for what the server drew.
    Done(Arc<str>),
    /// The open end, or a block of code that was the open end.
    Open(Growing),
}

/// Markdown that grows. A handle, cheap to clone.
#[derive(Clone, Debug)]
pub struct TextCell {
    /// Finished blocks and the open end, each with a number of its own.
    pub blocks: ArcRwSignal<Vec<(usize, Block)>>,
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
    /// The open end of that.
    open: Option<(usize, Growing)>,
    /// How many blocks were made.
    made: usize,
    /// What is to be drawn once Markdown is here.
    wanted: Option<(String, bool)>,
    /// Whether Markdown is being fetched.
    fetching: bool,
}

impl Writer {
    /// Gives a block its number.
    fn number<B>(&mut self, block: B) -> (usize, B) {
        self.made += 1;
        (self.made, block)
    }
}

impl TextCell {
    /// The cell of a text; `whole` if nothing more comes.
    pub fn new(text: &str, whole: bool) -> Self {
        let cell =
            Self { blocks: ArcRwSignal::new(Vec::new()), plain: ArcRwSignal::new(false), writer: Arc::default() };
        match (First::now(), MARKDOWN.get()) {
            _ if text.is_empty() => {}
            (First::Server, Some(draw)) => draw(&cell, text, 0, true),
            (First::Woken, _) => {
                // Its place; what is in it the browser has already.
                cell.blocks.set(vec![(0, Block::Done(Arc::from("")))]);
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
        let Ok(writer) = self.writer.lock() else { return };
        let drawn = if text.starts_with(&writer.seen) { writer.seen.len() } else { 0 };
        let same = writer.whole == whole && drawn == text.len();
        drop(writer);
        if !same {
            self.show(text, drawn, whole);
        }
    }

    /// The same for a text that only grew since it was last taken, which is not looked through again. It may have been
    /// taken since then, and be whole: what has not grown is left alone.
    pub fn grow(&self, text: &str) {
        let Ok(writer) = self.writer.lock() else { return };
        let drawn = writer.seen.len();
        drop(writer);
        if text.len() > drawn {
            self.show(text, drawn, false);
        }
    }

    fn show(&self, text: &str, drawn: usize, whole: bool) {
        if let Some(draw) = MARKDOWN.get() {
            draw(self, text, drawn, whole);
        } else {
            self.draw_plain(text);
            self.want(text, whole);
        }
    }

    /// Whether only the place is known of what the server drew.
    fn is_place(&self) -> bool {
        self.blocks.with_untracked(|blocks| matches!(blocks.first(), Some((0, _))))
    }

    /// To be called where a view of it begins. What the server drew is there only once: a view that this page makes (the
    /// message's editor was left) draws it itself.
    pub fn begin_view(&self) {
        if First::now() != First::Page || !self.is_place() {
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
                (Some((text, whole)), Ok(draw)) => draw(&cell, &text, 0, whole),
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
        if self.is_place() {
            return;
        }
        let mut html = "<p class=\"whitespace-pre-wrap\">".to_owned();
        escape(text, &mut html);
        html.push_str("</p>");
        let Ok(mut writer) = self.writer.lock() else { return };
        let block = writer.number(Block::Done(Arc::from(html)));
        drop(writer);
        self.blocks.set(vec![block]);
    }
}

/// See [`MARKDOWN`]: what was drawn of a text that grew here stays, everything else is drawn anew.
fn draw(cell: &TextCell, text: &str, drawn: usize, whole: bool) {
    let Ok(mut writer) = cell.writer.lock() else { return };
    let before = writer.stream.take().zip(text.get(drawn..)).filter(|_| drawn > 0);
    let mut open = writer.open.take().filter(|_| before.is_some());
    if before.is_none() {
        writer.seen.clear();
    }
    let mut kept = 0;
    let mut fresh = Vec::new();
    if let (None, true) = (&before, whole) {
        writer.seen.push_str(text);
        fresh.push(writer.number(Block::Done(Arc::from(render(text)))));
    } else {
        let (mut stream, new) = before.unwrap_or((Stream::new(), text));
        writer.seen.push_str(new);
        kept = stream.blocks().len();
        stream.push(new);
        if whole && stream.finish() {
            (kept, open) = (0, None);
        }
        if let (Some((_, code)), Some(end)) = (&open, stream.blocks().get(kept))
            && code.is_code()
        {
            kept += usize::from(code.end(end));
            open = None;
        }
        for html in stream.blocks().iter().skip(kept) {
            fresh.push(writer.number(Block::Done(Arc::from(&**html))));
        }
        if let Some(now) = stream.open() {
            let (number, open) =
                open.filter(|(_, open)| open.grow(&now)).unwrap_or_else(|| writer.number(Growing::new(&now)));
            fresh.push((number, Block::Open(open.clone())));
            writer.open = Some((number, open));
        }
        writer.stream = Some(stream).filter(|_| !whole);
    }
    writer.whole = whole;
    writer.wanted = None;
    drop(writer);
    if cell.plain.get_untracked() {
        cell.plain.set(false);
    }
    let numbers = |blocks: &[(usize, Block)]| blocks.iter().map(|(number, _)| *number).collect::<Vec<_>>();
    if cell.blocks.with_untracked(|blocks| blocks.get(kept..).map(numbers)) != Some(numbers(&fresh)) {
        cell.blocks.update(|blocks| {
            blocks.truncate(kept);
            blocks.extend(fresh);
        });
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn shown(cell: &TextCell) -> Vec<String> {
        let html = |(_, block): &(usize, Block)| match block {
            Block::Done(html) => html.to_string(),
            Block::Open(open) => open.html(),
        };
        cell.blocks.get_untracked().iter().map(html).collect()
    }

    fn numbers(cell: &TextCell) -> Vec<usize> {
        cell.blocks.get_untracked().iter().map(|(number, _)| *number).collect()
    }

    #[test]
    fn growing_text_ends_as_the_whole_does() {
        for text in [
            "# One\n\ntwo *three*\n\n```rust\nfn f() {}\n```\n\nfour [five]\n\n[five]: https://example.org\n",
            "```rust\nfn f() {}\n```\n```\nx < y\n~~~\n```\n- four\n",
            "```rust\nlet five = 5; // not closed\n``",
            "```\n```\t\nx\n```\n[five]: https://example.org\n",
        ] {
            for step in [1, 3, 7, text.len()] {
                let cell = TextCell::new("", false);
                for end in (0..=text.len()).step_by(step).chain([text.len()]) {
                    cell.grow(&text[..end]);
                }
                cell.take(text, true);
                assert_eq!(shown(&cell).concat(), render(text), "{text} in pieces of {step}");
            }
        }
    }

    #[test]
    fn a_block_of_code_is_the_same_from_its_first_line_to_its_end_and_after_it() {
        let text = "one\n\n```rust\nfn f() {}\nfn g() {}\n```\ntwo\n\n```\nx\ny";
        let at = |part| text.find(part).unwrap();
        let cell = TextCell::new("", false);
        cell.grow(&text[..at("fn f")]);
        let first = numbers(&cell);
        assert_eq!(first.len(), 2);
        for end in at("fn f")..=at("```\nx") {
            cell.grow(&text[..end]);
            assert_eq!(numbers(&cell)[..2], first, "{}", &text[..end]);
        }
        cell.grow(text);
        let before = numbers(&cell);
        assert_eq!((&before[..2], before.len()), (&first[..], 4));
        cell.take(text, true);
        assert_eq!(numbers(&cell), before);
        assert_eq!(shown(&cell).concat(), render(text));
    }

    #[test]
    fn what_grew_is_not_drawn_again_when_it_was_taken_as_a_whole_meanwhile() {
        let cell = TextCell::new("one\n\n```\ntw", false);
        let text = "one\n\n```\ntwo\n```\n\nthree";
        cell.take(text, true);
        let (before, drawn) = (numbers(&cell), shown(&cell));
        // The frame in which its last piece was to be painted.
        cell.grow(text);
        assert_eq!((numbers(&cell), shown(&cell)), (before, drawn));
    }

    #[test]
    fn a_block_of_code_that_became_another_is_another() {
        let cell = TextCell::new("```\none\n", false);
        let before = numbers(&cell);
        cell.take("```\ntwo\n", false);
        assert_ne!(numbers(&cell), before);
        cell.take("```\ntwo\nthree\n", false);
        assert!(shown(&cell).concat().ends_with("two\nthree\n"), "{:?}", shown(&cell));
    }

    #[test]
    fn finished_blocks_are_kept_and_the_open_end_goes_on_after_them() {
        let cell = TextCell::new("one\n\ntw\n", false);
        assert_eq!(shown(&cell), ["<p>one</p>", "<p>tw</p>"]);
        let before = numbers(&cell);
        cell.grow("one\n\ntw\n\nthree\n");
        assert_eq!(shown(&cell), ["<p>one</p>", "<p>tw</p>", "<p>three</p>"]);
        let after = numbers(&cell);
        assert_eq!((after[0], after[2]), (before[0], before[1]));
        assert!(!before.contains(&after[1]));
    }

    #[test]
    fn a_text_that_became_another_is_drawn_anew_and_goes_on_growing() {
        let cell = TextCell::new("one\n\ntwo\n\nthree", false);
        let before = numbers(&cell);
        cell.take("two\n\nword", false);
        assert!(numbers(&cell).iter().all(|number| !before.contains(number)));
        cell.take("two\n\nwords\n", false);
        assert_eq!(shown(&cell), ["<p>two</p>", "<p>words</p>"]);
    }
}
