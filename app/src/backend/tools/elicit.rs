//! What a person filled into a server's form, as the server is told it.
//!
//! Invariant: only what the form asks for is sent, and only in the shape it asks for; what does not fit is answered with
//! a sentence that names the field. Values are nowhere in it: they may be anybody's.

use crate::wire::elicitation::{Choice, Field, FieldKind, TextFormat};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use url::Url;

/// What a form's fields hold: by the field's place in the form (`f0`), then by the place of what stands in it (`v0`).
pub type Typed = BTreeMap<String, BTreeMap<String, String>>;

/// What the fields hold as they are shown at first.
pub fn untouched(fields: &[Field]) -> Typed {
    let one = |text: String| BTreeMap::from([("v0".to_owned(), text)]);
    let held = |field: &Field| match &field.kind {
        FieldKind::Text { default, .. } | FieldKind::One { default, .. } => default.clone().map(one),
        FieldKind::Number { default, .. } => default.map(|number| one(number.to_string())),
        FieldKind::Switch { default } => default.then(|| one("true".to_owned())),
        FieldKind::Many { default, .. } => {
            Some(default.iter().enumerate().map(|(at, value)| (format!("v{at}"), value.clone())).collect())
        }
    };
    fields.iter().enumerate().filter_map(|(at, field)| Some((format!("f{at}"), held(field)?))).collect()
}

/// What the server is told: an object of the fields that were filled in.
///
/// # Errors
/// A sentence about the first field that does not fit.
pub fn filled(fields: &[Field], typed: &Typed) -> Result<Value, String> {
    let none = BTreeMap::new();
    let mut out = Map::new();
    for (at, field) in fields.iter().enumerate() {
        let held = typed.get(&format!("f{at}")).unwrap_or(&none);
        match value(field, held).map_err(|why| format!("«{}» {why}", field.title))? {
            Some(value) => _ = out.insert(field.name.clone(), value),
            None if field.required => return Err(format!("«{}» must be filled in.", field.title)),
            None => {}
        }
    }
    Ok(Value::Object(out))
}

/// What a field holds; `None`: nothing.
fn value(field: &Field, held: &BTreeMap<String, String>) -> Result<Option<Value>, String> {
    let text = held.get("v0").map(String::as_str).filter(|text| !text.is_empty());
    match &field.kind {
        FieldKind::Text { format, min, max, .. } => {
            text.map(|text| fits(text, *format, *min, *max).map(|()| text.into())).transpose()
        }
        FieldKind::Number { whole, min, max, .. } => {
            text.map(|text| number(text.trim(), *whole, *min, *max)).transpose()
        }
        FieldKind::Switch { .. } => Ok(Some(text.is_some().into())),
        FieldKind::One { choices, .. } => text.map(|text| known(choices, text).map(Value::from)).transpose(),
        FieldKind::Many { choices, min, max, .. } => {
            let mut chosen = Vec::new();
            for value in held.values() {
                known(choices, value)?;
            }
            chosen
                .extend(choices.iter().map(|choice| &choice.value).filter(|known| held.values().any(|v| v == *known)));
            if chosen.is_empty() && !field.required {
                return Ok(None);
            }
            let count = u32::try_from(chosen.len()).unwrap_or(u32::MAX);
            if count < *min {
                return Err(format!("needs at least {min} chosen."));
            }
            match max {
                Some(max) if count > *max => Err(format!("takes at most {max} chosen.")),
                _ if chosen.is_empty() => Ok(None),
                _ => Ok(Some(chosen.into_iter().cloned().collect())),
            }
        }
    }
}

fn known<'a>(choices: &[Choice], value: &'a str) -> Result<&'a str, String> {
    let there = choices.iter().any(|choice| choice.value == value);
    if there { Ok(value) } else { Err("has no such choice.".to_owned()) }
}

fn fits(text: &str, format: Option<TextFormat>, min: u32, max: u32) -> Result<(), String> {
    let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    if length < min {
        return Err(format!("needs at least {min} characters."));
    }
    if length > max {
        return Err(format!("takes at most {max} characters."));
    }
    let (fits, example) = match format {
        None => return Ok(()),
        Some(TextFormat::Email) => (is_email(text), "an address such as ada@example.org"),
        Some(TextFormat::Uri) => (Url::parse(text).is_ok(), "an address such as https://example.org/"),
        Some(TextFormat::Date) => {
            (text.parse::<jiff::civil::Date>().is_ok() && length == 10, "a day such as 2026-11-25")
        }
        Some(TextFormat::DateTime) => (text.parse::<jiff::Timestamp>().is_ok(), "a time such as 2026-11-25T09:30:00Z"),
    };
    if fits { Ok(()) } else { Err(format!("must be {example}.")) }
}

fn is_email(text: &str) -> bool {
    let parts = text.rsplit_once('@').filter(|(name, _)| !name.is_empty() && !name.contains('@'));
    parts.is_some_and(|(_, host)| !host.is_empty() && !host.starts_with('.') && !host.ends_with('.'))
        && !text.contains(char::is_whitespace)
}

fn number(text: &str, whole: bool, min: Option<f64>, max: Option<f64>) -> Result<Value, String> {
    let number: f64 = text.parse().ok().filter(|number: &f64| number.is_finite()).ok_or("must be a number.")?;
    if let Some(min) = min.filter(|min| number < *min) {
        return Err(format!("must be at least {min}."));
    }
    if let Some(max) = max.filter(|max| number > *max) {
        return Err(format!("must be at most {max}."));
    }
    if whole {
        // Numbers of JSON beyond this are rounded by many readers.
        let whole: i64 = text.parse().or(Err("must be a whole number."))?;
        return Ok(whole.into());
    }
    Ok(number.into())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    fn field(kind: FieldKind, required: bool) -> Field {
        Field { name: "f".to_owned(), title: "F".to_owned(), description: String::new(), required, kind }
    }

    fn one(field: &Field, held: &[&str]) -> Result<Value, String> {
        let held = held.iter().enumerate().map(|(at, text)| (format!("v{at}"), (*text).to_owned())).collect();
        filled(std::slice::from_ref(field), &BTreeMap::from([("f0".to_owned(), held)]))
            .map(|object| object["f"].clone())
    }

    fn text(format: Option<TextFormat>) -> FieldKind {
        FieldKind::Text { format, min: 2, max: 30, default: None }
    }

    fn choices() -> Vec<Choice> {
        ["a", "b", "c"].map(|value| Choice { value: value.to_owned(), title: value.to_uppercase() }).to_vec()
    }

    #[test]
    fn texts_have_the_length_and_the_look_that_was_asked_for() {
        let plain = field(text(None), true);
        assert_eq!(one(&plain, &["Ada"]), Ok(json!("Ada")));
        assert_eq!(one(&plain, &["A"]).unwrap_err(), "«F» needs at least 2 characters.");
        assert_eq!(one(&plain, &["x".repeat(31).as_str()]).unwrap_err(), "«F» takes at most 30 characters.");
        assert_eq!(one(&plain, &[""]).unwrap_err(), "«F» must be filled in.");
        assert_eq!(one(&field(text(None), false), &[""]), Ok(Value::Null));
        for (format, good, bad) in [
            (TextFormat::Email, "ada@example.org", ["ada", "@example.org", "a da@example.org", "ada@"]),
            (TextFormat::Uri, "https://example.org/x", ["example", "//x", "/x/y", "ht tp://x"]),
            (TextFormat::Date, "2026-11-25", ["2026-13-01", "25.11.2026", "2026-11-25T00:00", "yesterday"]),
            (TextFormat::DateTime, "2026-11-25T09:30:00Z", ["2026-11-25", "09:30", "2026-11-25T09:30:00", "noon"]),
        ] {
            let field = field(text(Some(format)), true);
            assert_eq!(one(&field, &[good]), Ok(json!(good)));
            for bad in bad {
                assert!(one(&field, &[bad]).unwrap_err().starts_with("«F» must be a"), "{bad}");
            }
        }
    }

    #[test]
    fn numbers_are_within_their_bounds_and_whole_where_that_was_asked_for() {
        let kind = |whole| FieldKind::Number { whole, min: Some(0.0), max: Some(10.0), default: None };
        assert_eq!(one(&field(kind(false), true), &["9.5"]), Ok(json!(9.5)));
        assert_eq!(one(&field(kind(true), true), &["9"]), Ok(json!(9)));
        for (whole, typed) in [(true, "9.5"), (true, "-1"), (false, "11"), (false, "NaN"), (false, "inf"), (true, "x")]
        {
            assert!(one(&field(kind(whole), true), &[typed]).is_err(), "{typed}");
        }
    }

    #[test]
    fn choices_are_those_that_were_offered() {
        let single = field(FieldKind::One { choices: choices(), default: None }, true);
        assert_eq!(one(&single, &["b"]), Ok(json!("b")));
        assert!(one(&single, &["d"]).is_err() && one(&single, &[]).is_err());
        let many =
            |required| field(FieldKind::Many { choices: choices(), min: 2, max: Some(2), default: vec![] }, required);
        assert_eq!(one(&many(true), &["c", "a"]), Ok(json!(["a", "c"])));
        assert_eq!(one(&many(true), &["a"]).unwrap_err(), "«F» needs at least 2 chosen.");
        assert_eq!(one(&many(true), &["a", "b", "c"]).unwrap_err(), "«F» takes at most 2 chosen.");
        assert!(one(&many(true), &["a", "x"]).is_err() && one(&many(true), &[]).is_err());
        assert_eq!(one(&many(false), &[]), Ok(Value::Null));
        let switch = field(FieldKind::Switch { default: true }, true);
        assert_eq!((one(&switch, &["true"]), one(&switch, &[])), (Ok(json!(true)), Ok(json!(false))));
    }

    #[test]
    fn what_is_not_touched_is_sent_as_it_was_given() {
        let named = |name: &str, kind| Field { name: name.to_owned(), ..field(kind, false) };
        let fields = [
            named("name", FieldKind::Text { format: None, min: 0, max: 10, default: Some("Ada".to_owned()) }),
            named("age", FieldKind::Number { whole: true, min: None, max: None, default: Some(30.0) }),
            named("score", FieldKind::Number { whole: false, min: None, max: None, default: Some(95.5) }),
            named("on", FieldKind::Switch { default: true }),
            named("one", FieldKind::One { choices: choices(), default: Some("b".to_owned()) }),
            named("many", FieldKind::Many { choices: choices(), min: 0, max: None, default: vec!["c".to_owned()] }),
            named("empty", FieldKind::Text { format: None, min: 0, max: 10, default: None }),
        ];
        let sent = filled(&fields, &untouched(&fields)).unwrap();
        let given = json!({"name": "Ada", "age": 30, "score": 95.5, "on": true, "one": "b", "many": ["c"]});
        assert_eq!(sent, given);
    }
}
