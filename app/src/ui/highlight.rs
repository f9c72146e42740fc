//! Colours for code: a small lexer for the languages people ask about, line by line.
//!
//! Invariant: total and linear; every character of the source comes out exactly once, escaped, in order; each line's
//! tags are closed in that line, so a block of code can grow by lines. It colours words, it does not parse: a wrong
//! guess is a wrong colour and nothing more.

mod lexer;
mod markup;
mod rules;
#[cfg(test)]
mod tests;

use crate::ui::markdown::escape;
use rules::Rules;

/// Beyond this many bytes of one block the rest stays plain: each word is an element of the page.
const COLOURED_MAX: usize = 64 * 1024;

/// A language we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lang(&'static Rules);

impl Lang {
    /// By the name after a code fence, in any case.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        rules::ALL.iter().find(|rules| rules.names.contains(&name.as_str())).map(Self)
    }
}

/// Colours one block, line by line.
#[derive(Clone, Debug)]
pub struct Lexer {
    rules: &'static Rules,
    state: State,
    seen: usize,
}

/// What a line starts in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Plain,
    /// A block comment, and how deep.
    Comment(u32),
    /// A text that ends with this rule's closing mark.
    Text(usize),
    /// A raw text of Rust that ends with a quote and this many `#`.
    Raw(usize),
    /// Between `<` and `>`.
    Tag,
    /// An attribute's value within a tag, ended by this quote.
    Value(char),
}

impl Lexer {
    /// At the start of a block.
    pub fn new(Lang(rules): Lang) -> Self {
        Self { rules, state: State::Plain, seen: 0 }
    }

    /// Appends one line, with its line end if it has one.
    pub fn line(&mut self, line: &str, out: &mut String) {
        self.seen += line.len();
        if self.seen > COLOURED_MAX {
            escape(line, out);
        } else if self.rules.markup {
            markup::line(&mut self.state, line, out);
        } else {
            lexer::line(self.rules, &mut self.state, line, out);
        }
    }
}

/// Writes `text` in a span of class `hl-…`, or bare.
fn put(class: Option<&str>, text: &str, out: &mut String) {
    let Some(class) = class.filter(|_| !text.is_empty()) else { return escape(text, out) };
    // A span that ended after the line end would draw an empty line more.
    let (inner, end) = text.strip_suffix('\n').map_or((text, ""), |inner| (inner, "\n"));
    if !inner.is_empty() {
        out.push_str("<span class=\"hl-");
        out.push_str(class);
        out.push_str("\">");
        escape(inner, out);
        out.push_str("</span>");
    }
    out.push_str(end);
}
