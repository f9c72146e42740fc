//! Where words begin and end, in text of any language, and what they are compared as.
//!
//! Letters and digits that touch are a word. Scripts written without blanks (Chinese, Japanese, Thai, …) and emoji
//! give one word for each character, so that any part of a sentence is found as a phrase. Accents count.

use std::ops::RangeInclusive;

/// Bytes of a word that are compared: PostgreSQL takes no lexeme over 2,046.
const WORD_MAX: usize = 512;

/// A word and where in the text it stands, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) folded: String,
    pub(super) start: usize,
    pub(super) end: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Between,
    Within,
    Alone,
}

/// The words of `text`, in order.
pub(super) fn words(text: &str) -> impl Iterator<Item = Word> + '_ {
    let mut rest = text.char_indices().peekable();
    std::iter::from_fn(move || {
        let (start, first) = rest.find(|(_, c)| kind(*c) != Kind::Between)?;
        let mut end = start + first.len_utf8();
        if kind(first) == Kind::Within {
            while let Some((at, c)) = rest.next_if(|(_, c)| kind(*c) == Kind::Within) {
                end = at + c.len_utf8();
            }
        }
        Some(Word { folded: fold(&text[start..end]), start, end })
    })
}

/// Lower case by Unicode's rules, cut to [`WORD_MAX`].
fn fold(word: &str) -> String {
    let mut folded = word.to_lowercase();
    if folded.len() > WORD_MAX {
        folded.truncate(folded.floor_char_boundary(WORD_MAX));
    }
    folded
}

/// Code points that are a word each, because their scripts put no blanks between words.
const ALONE: [RangeInclusive<u32>; 13] = [
    // Thai and Lao, Myanmar, Khmer
    0x0E00..=0x0EFF,
    0x1000..=0x109F,
    0x1780..=0x17FF,
    // Kana, CJK ideographs and their supplements
    0x3040..=0x30FF,
    0x3400..=0x4DBF,
    0x4E00..=0x9FFF,
    0xF900..=0xFAFF,
    0x20000..=0x3FFFF,
    // Symbols and pictographs
    0x2190..=0x21FF,
    0x2300..=0x23FF,
    0x2600..=0x27BF,
    0x2B00..=0x2BFF,
    0x1F000..=0x1FAFF,
];

fn kind(c: char) -> Kind {
    match u32::from(c) {
        code if ALONE.iter().any(|range| range.contains(&code)) => Kind::Alone,
        // Combining marks belong to the letter before them, as do the joiners of Indic scripts and Persian
        0x0300..=0x036F | 0x0900..=0x0DFF | 0x200C | 0x200D if !is_danda(c) => Kind::Within,
        _ if c.is_alphanumeric() => Kind::Within,
        _ => Kind::Between,
    }
}

/// The full stops of the Indic scripts.
fn is_danda(c: char) -> bool {
    matches!(c, '\u{0964}' | '\u{0965}')
}
