//! Places in lists, as programs carry them from page to page: opaque text that says which list it is of.
//!
//! Invariant: a cursor is no right. Whoever shows one gets the page after that place of what is their own.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Characters of the longest cursor; what is longer was not made here.
const MAX: usize = 512;

/// The place as a cursor of the list called `list`.
pub fn seal(list: &str, place: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{list}\n{place}"))
}

/// The place of a cursor, if it is one of that list.
pub fn open(list: &str, cursor: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(Some(cursor).filter(|text| text.len() <= MAX)?).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.split_once('\n').filter(|(of, _)| *of == list).map(|(_, place)| place.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_its_own_list_and_no_other() {
        let cursor = seal("messages", "41\n7");
        assert!(cursor.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)));
        assert_eq!(open("messages", &cursor).as_deref(), Some("41\n7"));
        for (list, text) in [("hits", cursor.as_str()), ("messages", "41"), ("messages", "é"), ("messages", "")] {
            assert_eq!(open(list, text), None, "{text}");
        }
        assert_eq!(open("messages", &seal("messages", &"x".repeat(MAX))), None);
    }
}
