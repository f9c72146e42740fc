//! A block of code: its language's name, a button that copies it, and its lines, coloured. The button does nothing by
//! itself; `ui::app` listens for presses on `[data-copy]`.

use super::{CODE_END, escape};
use crate::ui::highlight::{Lang, Lexer};

/// A label longer than this is no language.
const LABEL_MAX: usize = 24;

/// Writes one block, line by line.
#[derive(Clone, Debug)]
pub(super) struct Code {
    lexer: Option<Lexer>,
}

impl Code {
    /// Writes what comes before the first line. `info` is what stands after the fence.
    pub(super) fn open(info: &str, out: &mut String) -> Self {
        let name = label(info);
        out.push_str("<div class=\"code\"><div class=\"code-head\"><span>");
        escape(if name.is_empty() { "text" } else { name }, out);
        out.push_str("</span><button type=\"button\" data-copy>Copy</button></div><pre tabindex=\"0\"><code>");
        Self { lexer: Lang::named(name).map(Lexer::new) }
    }

    /// Writes one line, with its line end if it has one.
    pub(super) fn line(&mut self, line: &str, out: &mut String) {
        match &mut self.lexer {
            Some(lexer) => lexer.line(line, out),
            None => escape(line, out),
        }
    }

    /// Writes all lines of `text`.
    pub(super) fn lines(&mut self, text: &str, out: &mut String) {
        for line in text.split_inclusive('\n') {
            self.line(line, out);
        }
    }

    /// Writes what comes after the last line.
    pub(super) fn close(out: &mut String) {
        out.push_str(CODE_END);
    }
}

/// The first word after the fence, if it can be a language's name.
pub(super) fn label(info: &str) -> &str {
    let word = info.split([' ', '\t', ',', '{']).next().unwrap_or_default();
    if word.chars().count() <= LABEL_MAX { word } else { "" }
}
