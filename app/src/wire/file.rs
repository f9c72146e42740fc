//! What files are called and how large they are, in words that both sides use.

/// Characters of a file's name.
const NAME_MAX: usize = 80;

/// A name for a file, from its address or what it is called: the last piece of that, in letters that no header or disk
/// minds. It leads nowhere else, is not hidden and does not read backwards. `None` if nothing is left of it.
pub fn name_of(address: &str) -> Option<String> {
    let letters = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' };
    let name: String = last_piece(address).trim_start_matches('.').chars().map(letters).take(NAME_MAX).collect();
    Some(name).filter(|name| !name.is_empty())
}

/// The last piece of an address, without what follows its path; may be empty.
pub fn last_piece(address: &str) -> &str {
    let path = address.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    path.rsplit(['/', '\\', ':']).next().unwrap_or_default()
}

/// A size in words, of so many bytes.
pub fn size(bytes: u64) -> String {
    match bytes {
        1 => "1 byte".to_owned(),
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for (address, name) in [
            ("file:///home/ada/notes.txt?x=1", Some("notes.txt")),
            ("demo://resource/static/document/instructions.md", Some("instructions.md")),
            ("file:///a/../..", None),
            ("x:\"a\r\nb\".exe", Some("_a__b_.exe")),
            ("C:\\x\\y.bat", Some("y.bat")),
            ("Row\u{202e}gpj.exe", Some("Row_gpj.exe")),
            (".bashrc", Some("bashrc")),
            ("", None),
        ] {
            assert_eq!(name_of(address).as_deref(), name, "{address}");
        }
        assert_eq!(name_of(&"x".repeat(200)).map(|name| name.len()), Some(NAME_MAX));
    }

    #[test]
    fn sizes_are_short() {
        for (bytes, words) in
            [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1_001, "2 kB"), (2_560_000, "2.5 MB")]
        {
            assert_eq!(size(bytes), words);
        }
    }
}
