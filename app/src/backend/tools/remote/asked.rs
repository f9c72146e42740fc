//! A server's question as a person is shown it, and their answer as the server is told it.
//!
//! Invariant: what a server says is bounded and cleaned here, or its question is declined. An address is of http or
//! https, names nobody's password, and is shown with its host as it is looked up; nothing here visits it.

use super::words::quote;
use crate::{
    backend::tools::ask::Answer,
    wire::elicitation::{Choice, Field, FieldKind, ServerQuestion, TextFormat, Wants},
};
use rmcp::model::{ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationSchema};
use serde_json::Value;
use url::Url;

/// Characters of a message.
const MESSAGE_MAX: usize = 2_000;
/// Fields of a form.
const FIELDS_MAX: usize = 40;
/// Choices of a field.
const CHOICES_MAX: usize = 200;
/// Characters of a name, a title or a choice.
const NAME_MAX: usize = 200;
/// Characters of a field's description.
const DESCRIPTION_MAX: usize = 500;
/// Characters of a text, where its server names no smaller number.
const TEXT_MAX: u32 = 4_000;
/// Characters of an address.
const ADDRESS_MAX: usize = 2_000;

/// The question as a person is shown it.
///
/// # Errors
/// Why it cannot be shown: the end of a sentence.
pub(super) fn shown(server: &str, number: u32, asked: &ElicitRequestParams) -> Result<ServerQuestion, &'static str> {
    let wants = match asked {
        ElicitRequestParams::FormElicitationParams { requested_schema, .. } => {
            Wants::Form { fields: fields(requested_schema)? }
        }
        ElicitRequestParams::UrlElicitationParams { url, .. } => address(url)?,
        _ => return Err("it asks in a way that Parley does not know"),
    };
    let message = lines(message(asked));
    Ok(ServerQuestion { number, server: server.to_owned(), message, wants })
}

/// What a server asks, in its own words.
pub(super) fn message(asked: &ElicitRequestParams) -> &str {
    match asked {
        ElicitRequestParams::FormElicitationParams { message, .. }
        | ElicitRequestParams::UrlElicitationParams { message, .. } => message,
        _ => "",
    }
}

/// By which name a server tells that what it sent a person to is done.
pub(super) fn completion(asked: &ElicitRequestParams) -> Option<&str> {
    match asked {
        ElicitRequestParams::UrlElicitationParams { elicitation_id, .. } if !elicitation_id.is_empty() => {
            Some(elicitation_id)
        }
        _ => None,
    }
}

/// The answer as the server is told it.
pub(super) fn told(answer: &Answer) -> ElicitResult {
    match answer {
        Answer::Accepted(Value::Null) => ElicitResult::new(ElicitationAction::Accept),
        Answer::Accepted(content) => ElicitResult::new(ElicitationAction::Accept).with_content(content.clone()),
        Answer::Cancelled => ElicitResult::new(ElicitationAction::Cancel),
        Answer::Declined | Answer::Unavailable => ElicitResult::new(ElicitationAction::Decline),
    }
}

/// What the transcript and the model are told of a question: never the answer's values.
pub(super) fn line(server: &str, asked: &ElicitRequestParams, answer: &Answer) -> String {
    let what = match answer {
        Answer::Accepted(_) => "they answered",
        Answer::Declined => "they declined",
        Answer::Cancelled => "they did not answer",
        Answer::Unavailable => "which Parley declined, because nobody can be asked here",
    };
    format!("[«{server}» asked the user something, {what}: «{}»]", quote(message(asked)))
}

fn address(text: &str) -> Result<Wants, &'static str> {
    if text.len() > ADDRESS_MAX || text.contains(char::is_control) {
        return Err("its address cannot be read");
    }
    let url = Url::parse(text).map_err(|_| "its address cannot be read")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("its address is neither of https nor of http");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("its address has a user name or a password in it");
    }
    let host = url.host_str().ok_or("its address has no host")?;
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    Ok(Wants::Visit { url: url.into(), host })
}

fn fields(schema: &ElicitationSchema) -> Result<Vec<Field>, &'static str> {
    if schema.properties.len() > FIELDS_MAX {
        return Err("its form has too many fields");
    }
    let order = schema.property_order.clone().unwrap_or_else(|| schema.properties.keys().cloned().collect());
    let required = schema.required.clone().unwrap_or_default();
    let mut out = Vec::new();
    for name in order {
        let Some(property) = schema.properties.get(&name) else { continue };
        let property = serde_json::to_value(property).map_err(|_| "its form cannot be read")?;
        if name.chars().count() > NAME_MAX {
            return Err("a field of its form has too long a name");
        }
        let title = property["title"].as_str().filter(|title| !title.trim().is_empty()).unwrap_or(&name);
        out.push(Field {
            title: short(title, NAME_MAX),
            description: short(property["description"].as_str().unwrap_or_default(), DESCRIPTION_MAX),
            required: required.contains(&name),
            kind: kind(&property)?,
            name,
        });
    }
    Ok(out)
}

fn kind(property: &Value) -> Result<FieldKind, &'static str> {
    let default = &property["default"];
    let text = || default.as_str().map(str::to_owned);
    let count = |name: &str| property[name].as_u64().map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    if property["type"] == "array" {
        let choices = choices(&property["items"])?.ok_or("its form cannot be read")?;
        let default = default.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        let default = default.filter(|value| choices.iter().any(|choice| choice.value == *value)).collect();
        return Ok(FieldKind::Many { min: count("minItems").unwrap_or(0), max: count("maxItems"), default, choices });
    }
    if let Some(choices) = choices(property)? {
        let default = text().filter(|value| choices.iter().any(|choice| choice.value == *value));
        return Ok(FieldKind::One { choices, default });
    }
    Ok(match property["type"].as_str() {
        Some("boolean") => FieldKind::Switch { default: default.as_bool().unwrap_or(false) },
        Some(kind @ ("number" | "integer")) => FieldKind::Number {
            whole: kind == "integer",
            min: property["minimum"].as_f64(),
            max: property["maximum"].as_f64(),
            default: default.as_f64(),
        },
        Some("string") => FieldKind::Text {
            format: match property["format"].as_str() {
                Some("email") => Some(TextFormat::Email),
                Some("uri") => Some(TextFormat::Uri),
                Some("date") => Some(TextFormat::Date),
                Some("date-time") => Some(TextFormat::DateTime),
                _ => None,
            },
            min: count("minLength").unwrap_or(0),
            max: count("maxLength").unwrap_or(TEXT_MAX).min(TEXT_MAX),
            default: text(),
        },
        _ => return Err("its form cannot be read"),
    })
}

/// The choices that a schema has, if it has any, in each of the ways there are to write them.
fn choices(schema: &Value) -> Result<Option<Vec<Choice>>, &'static str> {
    let titled = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
    let pairs: Vec<(&Value, &Value)> = match (titled, schema["enum"].as_array()) {
        (Some(titled), _) => titled.iter().map(|choice| (&choice["const"], &choice["title"])).collect(),
        (None, Some(plain)) => plain.iter().enumerate().map(|(at, value)| (value, &schema["enumNames"][at])).collect(),
        (None, None) => return Ok(None),
    };
    if pairs.len() > CHOICES_MAX {
        return Err("a field of its form has too many choices");
    }
    let choice = |(value, title): (&Value, &Value)| {
        let value = value.as_str().filter(|value| !value.is_empty() && value.chars().count() <= NAME_MAX)?;
        Some(Choice { value: value.to_owned(), title: short(title.as_str().unwrap_or(value), NAME_MAX) })
    };
    let choices: Option<Vec<_>> = pairs.into_iter().map(choice).collect();
    choices.map(Some).ok_or("a field of its form has a choice that cannot be shown")
}

/// Text without what moves a reader's eye elsewhere: controls, and marks that turn its direction.
fn plain(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn short(text: &str, most: usize) -> String {
    text.chars().map(|c| if plain(c) { c } else { ' ' }).take(most).collect::<String>().trim().to_owned()
}

/// The same of a text that may have several lines.
fn lines(text: &str) -> String {
    let kept = text.chars().map(|c| if plain(c) || c == '\n' { c } else { ' ' });
    kept.take(MESSAGE_MAX).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    fn form(properties: Value, required: Value) -> Result<ServerQuestion, &'static str> {
        let schema = json!({"type": "object", "properties": properties, "required": required});
        let asked = json!({"mode": "form", "message": "What\u{202e} is\nit?", "requestedSchema": schema});
        shown("Peer", 3, &serde_json::from_value(asked).unwrap())
    }

    fn visit(url: &str) -> Result<ServerQuestion, &'static str> {
        let asked = json!({"mode": "url", "message": "Go", "url": url, "elicitationId": "e"});
        shown("Peer", 0, &serde_json::from_value(asked).unwrap())
    }

    #[test]
    fn every_kind_of_field_is_shown() {
        let asked = form(
            json!({
                "zip": {"type": "string", "minLength": 2, "maxLength": 5, "title": "Postal code", "description": "Yours"},
                "mail": {"type": "string", "format": "email", "default": "a@b.c"},
                "age": {"type": "integer", "minimum": 0, "default": 30},
                "share": {"type": "number", "maximum": 1.5},
                "on": {"type": "boolean", "default": true},
                "plain": {"type": "string", "enum": ["a", "b"], "default": "b"},
                "titled": {"type": "string", "oneOf": [{"const": "a", "title": "The first"}]},
                "named": {"type": "string", "enum": ["a", "b"], "enumNames": ["A", "B"]},
                "some": {"type": "array", "minItems": 1, "items": {"type": "string", "enum": ["a", "b"]}, "default": ["a", "x"]},
                "any": {"type": "array", "maxItems": 1, "items": {"anyOf": [{"const": "a", "title": "The first"}]}},
            }),
            json!(["zip"]),
        );
        insta::assert_json_snapshot!(asked.unwrap());
    }

    #[test]
    fn an_address_is_one_of_the_web_and_its_host_is_seen_as_it_is() {
        let host = |url: &str| match visit(url).unwrap().wants {
            Wants::Visit { host, .. } => host,
            Wants::Form { .. } => unreachable!(),
        };
        assert_eq!(host("https://example.org/a?b=c"), "example.org");
        assert_eq!(host("http://127.0.0.1:8080/"), "127.0.0.1:8080");
        assert_eq!(host("https://exämple.org/"), "xn--exmple-cua.org");
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "https://user:pass@example.org/",
            "https://example.org@evil.example/",
            "not an address",
            "/relative",
            "https://exa\nmple.org/",
        ] {
            assert!(visit(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let many: serde_json::Map<_, _> =
            (0..=FIELDS_MAX).map(|n| (n.to_string(), json!({"type": "string"}))).collect();
        assert_eq!(form(Value::Object(many), json!([])).unwrap_err(), "its form has too many fields");
        let choices: Vec<_> = (0..=CHOICES_MAX).map(|n| n.to_string()).collect();
        let field = json!({"type": "string", "enum": choices});
        assert_eq!(form(json!({ "f": field }), json!([])).unwrap_err(), "a field of its form has too many choices");
    }
}
