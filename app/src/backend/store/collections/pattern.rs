//! Regular expressions that mean the same on both databases and are safe on both.
//!
//! A pattern is read by the `regex` crate's own parser and written out again in what its language and PostgreSQL's have
//! in common: literals, classes of explicit ranges, groups, alternatives, repetition, the two ends of the text. SQLite
//! matches with that crate, in linear time; PostgreSQL without back references or captures needs no backtracking either.
//! Decision: not PostgreSQL's own syntax, which differs in classes, case and line ends, and none that only one knows.

use regex_syntax::{
    ParserBuilder,
    hir::{Class, Hir, HirKind, Look, Repetition},
};
use std::fmt::Write;

/// Characters of a pattern.
const LENGTH: usize = 200;
/// Places a pattern has when its repetitions are written out.
const PLACES: usize = 1_000;
/// Ranges of characters in all of its classes; `\w` has about 800.
const RANGES: usize = 4_000;
/// The most PostgreSQL repeats.
const REPEATS: u32 = 255;
/// Groups within groups.
const DEPTH: u32 = 30;

/// A pattern in the language that both databases read alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(pub(super) String);

/// A pattern that somebody wrote, and `i` (ignore case) or `s` (`.` is any character) as options.
///
/// # Errors
/// What is wrong with it, as the end of a sentence.
pub(super) fn compile(pattern: &str, options: &str) -> Result<Pattern, String> {
    if pattern.chars().count() > LENGTH {
        return Err(format!("it has more than {LENGTH} characters"));
    }
    if let Some(other) = options.chars().find(|c| !matches!(c, 'i' | 's')) {
        return Err(format!(
            "there is no option «{other}»; there are «i» (ignore case) and «s» (`.` is any character)"
        ));
    }
    let parsed = ParserBuilder::new()
        .nest_limit(DEPTH)
        .case_insensitive(options.contains('i'))
        .dot_matches_new_line(options.contains('s'))
        .build()
        .parse(pattern)
        .map_err(|error| format!("it cannot be read: {}", last_line(&error.to_string())))?;
    write_out(&parsed)
}

/// `text` itself, whatever its case, `start` and `end` of the text around it or anywhere.
pub(super) fn literal(text: &str, (start, end): (bool, bool)) -> Result<Pattern, String> {
    let edge = |there: bool, sign: &'static str| if there { sign } else { "" };
    let pattern = format!("{}{}{}", edge(start, "^"), regex_syntax::escape(text), edge(end, "$"));
    let parsed = ParserBuilder::new().case_insensitive(true).build().parse(&pattern);
    write_out(&parsed.map_err(|error| last_line(&error.to_string()))?)
}

fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

fn write_out(parsed: &Hir) -> Result<Pattern, String> {
    if places(parsed) > PLACES {
        return Err("its repetitions make it too long".to_owned());
    }
    let mut out = Writer { text: String::new(), ranges: 0 };
    out.hir(parsed)?;
    // Both would accept it; this is what bounds the memory it takes.
    regex::RegexBuilder::new(&out.text).build().map_err(|_| "it is too large".to_owned())?;
    Ok(Pattern(out.text))
}

/// How many places it has, repetitions written out.
fn places(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty => 0,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(_) | HirKind::Look(_) => 1,
        HirKind::Capture(capture) => places(&capture.sub),
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min + 1).max(1);
            places(&repetition.sub).saturating_mul(usize::try_from(times).unwrap_or(usize::MAX))
        }
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().map(places).fold(0, usize::saturating_add),
    }
}

struct Writer {
    text: String,
    ranges: usize,
}

impl Writer {
    fn hir(&mut self, hir: &Hir) -> Result<(), String> {
        match hir.kind() {
            HirKind::Empty => {}
            HirKind::Literal(literal) => {
                let text = std::str::from_utf8(&literal.0).map_err(|_| bytes())?;
                text.chars().try_for_each(|c| self.char(c))?;
            }
            HirKind::Class(class) => self.class(class)?,
            HirKind::Look(Look::Start) => self.text.push('^'),
            HirKind::Look(Look::End) => self.text.push('$'),
            HirKind::Look(_) => {
                return Err(
                    "it may look at the two ends of the text, «^» and «$», but not at lines or word boundaries \
                            such as «\\b»: name the characters around instead"
                        .to_owned(),
                );
            }
            HirKind::Capture(capture) => self.group(&capture.sub)?,
            HirKind::Repetition(repetition) => self.repetition(repetition)?,
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| match part.kind() {
                HirKind::Alternation(_) => self.group(part),
                _ => self.hir(part),
            })?,
            HirKind::Alternation(parts) => {
                for (at, part) in parts.iter().enumerate() {
                    if at > 0 {
                        self.text.push('|');
                    }
                    self.hir(part)?;
                }
            }
        }
        Ok(())
    }

    fn repetition(&mut self, repetition: &Repetition) -> Result<(), String> {
        if repetition.sub.properties().minimum_len() == Some(0) {
            return Err("it repeats what may be empty".to_owned());
        }
        self.group(&repetition.sub)?;
        let (least, most) = (repetition.min, repetition.max);
        if most.unwrap_or(least) > REPEATS {
            return Err(format!("it repeats something more than {REPEATS} times"));
        }
        match (least, most) {
            (0, None) => self.text.push('*'),
            (1, None) => self.text.push('+'),
            (0, Some(1)) => self.text.push('?'),
            (_, None) => self.write(format_args!("{{{least},}}")),
            (_, Some(most)) => self.write(format_args!("{{{least},{most}}}")),
        }
        Ok(())
    }

    fn group(&mut self, hir: &Hir) -> Result<(), String> {
        self.text.push_str("(?:");
        self.hir(hir)?;
        self.text.push(')');
        Ok(())
    }

    fn class(&mut self, class: &Class) -> Result<(), String> {
        let Class::Unicode(class) = class else { return Err(bytes()) };
        self.ranges += class.ranges().len();
        if self.ranges > RANGES {
            return Err("its classes of characters are too large together".to_owned());
        }
        // No text holds U+0000, and PostgreSQL's patterns cannot.
        let ranges = class.ranges().iter().filter(|range| range.end() > '\0');
        let ranges: Vec<(char, char)> = ranges.map(|range| (range.start().max('\u{1}'), range.end())).collect();
        if ranges.is_empty() {
            return Err("a part of it can match nothing".to_owned());
        }
        self.text.push('[');
        for (first, last) in ranges {
            self.escaped(first)?;
            if first < last {
                self.text.push('-');
                self.escaped(last)?;
            }
        }
        self.text.push(']');
        Ok(())
    }

    fn char(&mut self, c: char) -> Result<(), String> {
        if c.is_ascii_alphanumeric() || c == ' ' {
            self.text.push(c);
            return Ok(());
        }
        self.escaped(c)
    }

    /// A character as both languages escape it.
    fn escaped(&mut self, c: char) -> Result<(), String> {
        match u32::from(c) {
            0 => return Err("no text holds U+0000".to_owned()),
            code if code <= 0xFFFF => self.write(format_args!("\\u{code:04X}")),
            code => self.write(format_args!("\\U{code:08X}")),
        }
        Ok(())
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        let _writing_into_a_string_does_not_fail = self.text.write_fmt(text);
    }
}

fn bytes() -> String {
    "it must match characters, not bytes".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_both_languages_read_alike() {
        for (pattern, options, text) in [
            ("abc", "", "abc"),
            ("^a.c$", "", "^a[\\u0001-\\u0009\\u000B-\\U0010FFFF]c$"),
            ("a.c", "s", "a[\\u0001-\\U0010FFFF]c"),
            ("k", "i", "[\\u004B\\u006B\\u212A]"),
            ("(a|b)+x{2,3}", "", "(?:(?:[\\u0061-\\u0062]))+(?:x){2,3}"),
            ("(ab|cd)?e", "", "(?:(?:ab|cd))?e"),
            ("100%_", "", "100\\u0025\\u005F"),
            ("é😀", "", "\\u00E9\\U0001F600"),
        ] {
            assert_eq!(compile(pattern, options).map(|p| p.0), Ok(text.to_owned()), "{pattern}");
        }
        let word = literal("a.b", (true, false)).map(|p| p.0);
        assert_eq!(word, Ok("^[\\u0041\\u0061]\\u002E[\\u0042\\u0062]".to_owned()));
    }

    #[test]
    fn refuses_what_is_unsafe_or_means_different_things() {
        for (pattern, options, words) in [
            ("(", "", "cannot be read"),
            ("(a)\\1", "", "cannot be read"),
            ("(?=a)", "", "cannot be read"),
            ("a\\b", "", "word boundaries"),
            ("(?m)^a", "", "not at lines"),
            ("(a*)*", "", "may be empty"),
            ("a{256}", "", "more than 255"),
            ("((a{100}){100}){100}", "", "too long"),
            ("\\w\\w\\w\\w\\w\\w\\w", "", "too large together"),
            ("\\x00", "", "U+0000"),
            ("(?-u:\\xFF)", "", "cannot be read"),
            ("a", "x", "no option «x»"),
            (&"a".repeat(201), "", "more than 200"),
        ] {
            let told = compile(pattern, options).err().unwrap_or_default();
            assert!(told.contains(words), "{pattern}: {told}");
        }
    }
}
