//! What a server wrote, as people and models may see it: without characters that nobody sees.
//!
//! Invariant: nothing that can be hidden in a text (tags, changes of direction, joints of no width) gets through here,
//! so what a person reads before they send it is what a model reads.

/// Whether a character is there and cannot be seen. The joiners of scripts and emoji (U+200C, U+200D) and their
/// variation selectors stay in texts: words would fall apart.
fn hidden(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// One line of at most that many characters.
pub(in super::super) fn line(text: &str, most: usize) -> String {
    let plain = text.chars().map(|c| if c.is_whitespace() || c.is_control() { ' ' } else { c });
    let plain: String = plain.filter(|c| !hidden(*c) && !matches!(c, '\u{200c}' | '\u{200d}')).collect();
    let mut out = String::new();
    for word in plain.split(' ').filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        if out.len() > 4 * most {
            break;
        }
    }
    if let Some((end, _)) = out.char_indices().nth(most) {
        out.truncate(end);
        out.push('…');
    }
    out
}

/// A text as it is, without what is hidden in it; lines end as ours do.
pub(in super::super) fn text(text: &str) -> String {
    let plain = text.replace("\r\n", "\n");
    plain.chars().filter(|c| !hidden(*c) && (!c.is_control() || matches!(c, '\n' | '\t'))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_that_can_be_seen() {
        assert_eq!(line(" a\n\u{202e}b\t \0c\u{e0041} ", 20), "a b c");
        assert_eq!(line(&"é".repeat(30), 5), "ééééé…");
        assert_eq!(line("\u{200b}\u{feff}", 5), "");
    }

    #[test]
    fn a_text_keeps_its_lines_and_its_scripts() {
        assert_eq!(text("a\r\n\tb\u{0}\u{e0020}\u{2066}c\u{7}"), "a\n\tbc");
        assert_eq!(text("می\u{200c}خواهم 👩\u{200d}🚀 ✔\u{fe0f}"), "می\u{200c}خواهم 👩\u{200d}🚀 ✔\u{fe0f}");
    }
}
