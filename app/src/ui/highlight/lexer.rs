//! The lexer for everything but markup: comments, texts, numbers, words.

use super::{
    State, put,
    rules::{Rules, Text},
};

/// Writes one line and leaves in `state` what the next one starts in.
pub(super) fn line(rules: &'static Rules, state: &mut State, line: &str, out: &mut String) {
    let mut rest = line;
    while !rest.is_empty() {
        let (class, length, next) = match *state {
            State::Comment(depth) => comment(rules, rest, depth),
            State::Text(which) => {
                rules.texts.get(which).map_or((None, rest.len(), State::Plain), |text| inside(text, which, rest))
            }
            State::Raw(hashes) => raw(rest, hashes),
            State::Plain | State::Tag | State::Value(_) => token(rules, rest, line),
        };
        let (head, tail) = rest.split_at(length);
        put(class, head, out);
        rest = tail;
        *state = next;
    }
    // What may not go on over the line end ends there.
    if let State::Text(which) = *state
        && !rules.texts.get(which).is_some_and(|text| text.lines)
    {
        *state = State::Plain;
    }
}

type Token = (Option<&'static str>, usize, State);

/// The next token of plain code; at least one character long.
fn token(rules: &'static Rules, rest: &str, line: &str) -> Token {
    let before = line[..line.len() - rest.len()].chars().next_back();
    let first = rest.chars().next().unwrap_or('\n');
    if starts_comment(rules, rest, before) {
        return (Some("c"), rest.len(), State::Plain);
    }
    if let Some((open, _)) = rules.block.filter(|(open, _)| rest.starts_with(open)) {
        return (Some("c"), open.len(), State::Comment(1));
    }
    if rules.rust
        && let Some(token) = rust(rest, first)
    {
        return token;
    }
    if let Some((which, text)) = rules.texts.iter().enumerate().find(|(_, text)| rest.starts_with(text.mark)) {
        return whole_text(rules, text, which, rest);
    }
    if first.is_ascii_digit() {
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '%'))).unwrap_or(rest.len());
        // `0..10` is two numbers and a range.
        let end = rest[..end].find("..").unwrap_or(end);
        return (Some("n"), end, State::Plain);
    }
    if is_word(first) || matches!(first, '$' | '@') {
        return word(rules, rest, first, before);
    }
    let end = rest.find(|c: char| is_word(c) || !c.is_whitespace()).unwrap_or(rest.len());
    (None, end.max(first.len_utf8()), State::Plain)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// `#` starts a comment only at a word's beginning: `$#` and `a#b` do not.
fn starts_comment(rules: &Rules, rest: &str, before: Option<char>) -> bool {
    rules
        .comments
        .iter()
        .any(|mark| rest.starts_with(mark) && (*mark != "#" && *mark != ";" || before.is_none_or(char::is_whitespace)))
}

fn word(rules: &Rules, rest: &str, first: char, before: Option<char>) -> Token {
    let sigil = if is_word(first) { 0 } else { first.len_utf8() };
    let dash = rules.key == Some(':');
    let inner = &rest[sigil..];
    let length = sigil + inner.find(|c: char| !(is_word(c) || dash && c == '-')).unwrap_or(inner.len());
    let (word, after) = rest.split_at(length);
    let class = if sigil > 0 {
        Some("t")
    } else if rules.key.is_some_and(|mark| is_key(mark, after)) {
        Some("f")
    } else if before == Some('.') {
        after.starts_with('(').then_some("f")
    } else if listed(rules.keywords, word, rules.any_case) {
        Some("k")
    } else if listed(rules.types, word, rules.any_case) {
        Some("t")
    } else if after.starts_with('(') || after.starts_with("!(") {
        Some("f")
    } else if rules.capitals && first.is_uppercase() {
        Some("t")
    } else {
        None
    };
    (class, length, State::Plain)
}

fn listed(words: &[&str], word: &str, any_case: bool) -> bool {
    words.iter().any(|known| if any_case { known.eq_ignore_ascii_case(word) } else { *known == word })
}

fn is_key(mark: char, after: &str) -> bool {
    after.trim_start_matches([' ', '\t']).starts_with(mark)
}

/// A text from its opening mark on, as far as it goes on this line.
fn whole_text(rules: &Rules, text: &'static Text, which: usize, rest: &str) -> Token {
    let (_, length, state) = inside(text, which, &rest[text.mark.len()..]);
    let length = text.mark.len() + length;
    let key = state == State::Plain && rules.key.is_some_and(|mark| is_key(mark, &rest[length..]));
    (Some(if key { "f" } else { "s" }), length, state)
}

/// A text from within, up to and with its closing mark.
fn inside(text: &Text, which: usize, rest: &str) -> Token {
    let mut at = 0;
    while let Some(found) = rest[at..].find(|c: char| c == '\\' || text.mark.starts_with(c)) {
        at += found;
        let here = &rest[at..];
        if text.escapes && here.starts_with('\\') {
            at += 1 + here[1..].chars().next().map_or(0, char::len_utf8);
        } else if here.starts_with(text.mark) {
            return (Some("s"), at + text.mark.len(), State::Plain);
        } else {
            at += 1;
        }
    }
    (Some("s"), rest.len(), State::Text(which))
}

/// A block comment from within; Rust's may hold others. It stops at the first mark, so that no mark is looked at twice.
fn comment(rules: &Rules, rest: &str, depth: u32) -> Token {
    let Some((open, close)) = rules.block else { return (Some("c"), rest.len(), State::Plain) };
    for (at, _) in rest.match_indices(['*', '/']) {
        let here = &rest[at..];
        if here.starts_with(close) {
            return (Some("c"), at + close.len(), if depth > 1 { State::Comment(depth - 1) } else { State::Plain });
        }
        if rules.rust && here.starts_with(open) {
            return (Some("c"), at + open.len(), State::Comment(depth.saturating_add(1)));
        }
    }
    (Some("c"), rest.len(), State::Comment(depth))
}

/// Lifetimes, characters and raw texts.
fn rust(rest: &str, first: char) -> Option<Token> {
    if first == '\'' {
        let mut chars = rest.chars().skip(1);
        let (one, two) = (chars.next()?, chars.next());
        if one == '\\' || two == Some('\'') {
            let from = if one == '\\' { 3.min(rest.len()) } else { 1 + one.len_utf8() };
            let end = rest.get(from..)?.find('\'').map_or(rest.len(), |end| from + end + 1);
            return Some((Some("s"), end, State::Plain));
        }
        let end = rest[1..].find(|c: char| !is_word(c)).map_or(rest.len(), |end| end + 1);
        return Some((Some("t"), end, State::Plain));
    }
    let marks = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = marks.bytes().take_while(|&byte| byte == b'#').count();
    marks[hashes..].starts_with('"').then(|| {
        let opening = rest.len() - marks.len() + hashes + 1;
        let (_, length, state) = raw(&rest[opening..], hashes);
        (Some("s"), opening + length, state)
    })
}

fn raw(rest: &str, hashes: usize) -> Token {
    for (at, _) in rest.match_indices('"') {
        if rest[at + 1..].bytes().take(hashes).take_while(|&byte| byte == b'#').count() == hashes {
            return (Some("s"), at + 1 + hashes, State::Plain);
        }
    }
    (Some("s"), rest.len(), State::Raw(hashes))
}
