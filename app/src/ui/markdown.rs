//! Markdown to HTML: `CommonMark` with tables, strikethrough, task lists and bare links.
//!
//! Invariant: nobody's text becomes markup. Raw HTML comes out as text, a link has one of three schemes or is text
//! alone, an image is a link to it, and the only tags and attributes written are those of `write`; nesting is bounded
//! and time is linear in the text. The same bytes come out natively and in the browser. [`Stream`] does it piecemeal.

mod code;
mod link;
mod stream;
#[cfg(test)]
mod tests;
mod write;

pub use link::is_web_address;
pub use stream::{Open, Stream};

/// What closes a block of code; nowhere else in one.
pub const CODE_END: &str = "</code></pre></div>";

use pulldown_cmark::{Options, Parser, TextMergeStream};

/// Renders a whole text.
pub fn render(source: &str) -> String {
    let mut text = String::with_capacity(source.len());
    normalise(source, false, &mut text);
    render_normal(&text)
}

fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS
}

fn render_normal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    write::write(TextMergeStream::new(Parser::new_ext(text, options())), &mut out);
    out
}

/// Appends `source` with one kind of line end (`\n`) and without NUL. `after_cr` says that the text before it ended in a
/// carriage return; the answer says whether this one does.
fn normalise(source: &str, after_cr: bool, out: &mut String) -> bool {
    let mut after_cr = after_cr;
    for c in source.chars() {
        match c {
            '\r' => out.push('\n'),
            '\n' if after_cr => {}
            '\0' => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
        after_cr = c == '\r';
    }
    after_cr
}

/// Appends `text` with everything escaped that could be markup, in an element or in a quoted attribute.
pub fn escape(text: &str, out: &mut String) {
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let entity = match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\'' => "&#39;",
            _ => continue,
        };
        out.push_str(&text[from..at]);
        out.push_str(entity);
        from = at + 1;
    }
    out.push_str(&text[from..]);
}
