//! The lexer for HTML and XML: tags, attributes, values, comments.

use super::{State, put};

/// Writes one line and leaves in `state` what the next one starts in.
pub(super) fn line(state: &mut State, line: &str, out: &mut String) {
    let mut rest = line;
    while !rest.is_empty() {
        let (class, length, next) = match *state {
            State::Comment(_) => match rest.find("-->") {
                Some(end) => (Some("c"), end + 3, State::Plain),
                None => (Some("c"), rest.len(), State::Comment(1)),
            },
            State::Value(quote) => match rest.find(quote) {
                Some(end) => (Some("s"), end + 1, State::Tag),
                None => (Some("s"), rest.len(), State::Value(quote)),
            },
            State::Tag => in_tag(rest),
            State::Plain | State::Text(_) | State::Raw(_) => plain(rest),
        };
        let (head, tail) = rest.split_at(length);
        put(class, head, out);
        rest = tail;
        *state = next;
    }
}

type Token = (Option<&'static str>, usize, State);

fn plain(rest: &str) -> Token {
    if rest.starts_with("<!--") {
        return (Some("c"), 4, State::Comment(1));
    }
    if let Some(inner) = rest.strip_prefix('<') {
        let name = inner.trim_start_matches(['/', '!', '?']);
        if name.starts_with(char::is_alphabetic) {
            let end = name.find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | ':'))).unwrap_or(name.len());
            return (Some("k"), rest.len() - name.len() + end, State::Tag);
        }
        return (None, 1, State::Plain);
    }
    (None, rest.find('<').unwrap_or(rest.len()), State::Plain)
}

fn in_tag(rest: &str) -> Token {
    let first = rest.chars().next().unwrap_or('>');
    match first {
        '"' | '\'' => (Some("s"), 1, State::Value(first)),
        '>' => (Some("k"), 1, State::Plain),
        c if c.is_alphanumeric() || matches!(c, '-' | ':' | '_' | '@') => {
            let end = rest
                .find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | ':' | '_' | '@' | '.')))
                .unwrap_or(rest.len());
            (Some("f"), end, State::Tag)
        }
        c => (None, c.len_utf8(), State::Tag),
    }
}
