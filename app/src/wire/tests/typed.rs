//! What people type into forms: names, passwords, titles.

use crate::wire::{
    account::{Password, Username},
    conversation::parse_title,
    limits::{PASSWORD_MAX, PASSWORD_MIN, TITLE_MAX, USERNAME_MAX},
};

#[test]
fn names_that_are_taken() {
    for (typed, name, folded) in [
        ("Ada", "Ada", "ada"),
        ("  ada  ", "ada", "ada"),
        ("a1", "a1", "a1"),
        ("J.R._R-T", "J.R._R-T", "j.r._r-t"),
        ("Ömer", "Ömer", "ömer"),
        ("ΣΊΣΥΦΟΣ", "ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("李白", "李白", "李白"),
    ] {
        let parsed = Username::parse(typed).unwrap();
        assert_eq!((parsed.as_str(), parsed.folded().as_str()), (name, folded), "{typed}");
    }
    let longest = "ы".repeat(USERNAME_MAX);
    assert_eq!(Username::parse(&longest).unwrap().to_string(), longest, "characters count, not bytes");
}

#[test]
fn names_that_are_refused_say_why() {
    let long = "a".repeat(USERNAME_MAX + 1);
    for (typed, why) in [
        ("", "A name has at least 2 characters."),
        (" a ", "A name has at least 2 characters."),
        (long.as_str(), "A name has at most 32 characters; this one has 33."),
        ("ada lovelace", "A name has letters, digits, «.», «_» and «-»; not « »."),
        ("<ada>", "A name has letters, digits, «.», «_» and «-»; not «<»."),
        ("ada@example", "A name has letters, digits, «.», «_» and «-»; not «@»."),
        ("ada\0b", "A name has letters, digits, «.», «_» and «-»; not «\\u{0}»."),
        ("a\u{202e}da", "A name has letters, digits, «.», «_» and «-»; not «\\u{202e}»."),
        ("ada🦀", "A name has letters, digits, «.», «_» and «-»; not «\\u{1f980}»."),
    ] {
        assert_eq!(Username::parse(typed).unwrap_err(), why, "{typed:?}");
    }
}

#[test]
fn a_name_is_checked_when_it_is_read_from_the_network_too() {
    assert_eq!(serde_json::from_str::<Username>("\"Ada\"").unwrap().as_str(), "Ada");
    let refused = serde_json::from_str::<Username>("\"<b>\"").unwrap_err().to_string();
    assert!(refused.starts_with("A name has letters"), "{refused}");
}

#[test]
fn passwords_are_measured_and_never_changed() {
    for taken in ["0123456789", " with blanks ", "пароль пароль", &"x".repeat(PASSWORD_MAX)] {
        assert_eq!(Password::parse(taken).unwrap().expose(), taken);
    }
    let (short, long) = ("ö".repeat(PASSWORD_MIN - 1), "ö".repeat(PASSWORD_MAX + 1));
    assert_eq!(Password::parse("").unwrap_err(), "A password has at least 10 characters.");
    assert_eq!(Password::parse(&short).unwrap_err(), "A password has at least 10 characters.");
    assert_eq!(Password::parse(&long).unwrap_err(), "A password has at most 256 characters; this one has 257.");
}

#[test]
fn a_password_is_not_printed() {
    assert_eq!(format!("{:?}", Password::parse("correct horse").unwrap()), "Password(…)");
}

#[test]
fn titles_become_one_line() {
    for (typed, title) in [
        ("Groceries", "Groceries"),
        ("  two   words ", "two words"),
        ("line\r\nbreak\ttab", "line break tab"),
        ("nul\0bell\u{7}", "nul bell"),
        ("<b>not markup</b>", "<b>not markup</b>"),
        ("日本語\u{3000}題", "日本語 題"),
    ] {
        assert_eq!(parse_title(typed).as_deref(), Ok(title), "{typed:?}");
    }
    let longest = "ü".repeat(TITLE_MAX);
    assert_eq!(parse_title(&longest), Ok(longest));
}

#[test]
fn titles_that_are_refused_say_why() {
    let long = "ü".repeat(TITLE_MAX + 1);
    for (typed, why) in [
        ("", "A title has at least one character."),
        (" \n\t\0 ", "A title has at least one character."),
        (long.as_str(), "A title has at most 120 characters; this one has 121."),
    ] {
        assert_eq!(parse_title(typed).unwrap_err(), why, "{typed:?}");
    }
}
