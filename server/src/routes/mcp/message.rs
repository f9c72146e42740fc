//! [`Message`]: what the gate knows of a client's message.
//!
//! Invariant: what is served is what was judged. Of a name that is there twice nobody can say which one counts, so such a
//! message is refused, and so is one that the gate cannot read: none is let past as one about nothing. What is served
//! are the client's own bytes, for writing each message anew would be as much work as all the rest of the gate.

use app::backend::tools::serve::watched::client_shown;
use axum::{
    body::Bytes,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Value, json};
use std::{borrow::Cow, fmt};

/// JSON-RPC's codes for what is no JSON, and for what is no message.
const PARSE_ERROR: i64 = -32_700;
const INVALID_REQUEST: i64 = -32_600;

/// What the gate wants to know of a message; the rest is rmcp's to read.
#[derive(Debug, Default)]
pub(super) struct Message {
    /// The method; empty for an answer to a question of ours.
    pub(super) method: String,
    /// What it names; empty if that is no text.
    pub(super) name: String,
    /// The task it is about; empty if it names none.
    pub(super) task: String,
    /// All of it.
    body: Bytes,
}

/// Why something is no message: a code of JSON-RPC's and a sentence.
#[derive(Debug)]
pub(super) struct Unread(i64, String);

/// A message's own fields; one that is there twice is an error.
#[derive(Deserialize)]
struct Fields {
    #[serde(default, deserialize_with = "text")]
    method: String,
    #[serde(default)]
    params: Params,
}

/// What counts of its parameters; nothing, if they are no object: then rmcp says what is wrong.
#[derive(Default)]
struct Params {
    name: String,
    task: String,
}

impl<'de> Deserialize<'de> for Params {
    fn deserialize<D: Deserializer<'de>>(params: D) -> Result<Self, D::Error> {
        params.deserialize_any(ReadParams)
    }
}

struct ReadParams;

impl<'de> Visitor<'de> for ReadParams {
    type Value = Params;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("parameters")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Params, M::Error> {
        let (mut name, mut task, mut arguments) = (None, None, None);
        let text = |of: Value| if let Value::String(text) = of { text } else { String::new() };
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let twice = match &*key {
                "name" => name.replace(text(map.next_value()?)).is_some(),
                "taskId" => task.replace(text(map.next_value()?)).is_some(),
                // Looked at only of what is refused, but no less one that counts.
                "arguments" => arguments.replace(map.next_value::<IgnoredAny>()?).is_some(),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    false
                }
            };
            if twice {
                return Err(M::Error::custom(format_args!("duplicate field `{key}`")));
            }
        }
        Ok(Params { name: name.unwrap_or_default(), task: task.unwrap_or_default() })
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Params, S::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Params::default())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Params, E> {
        Ok(Params::default())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Params, E> {
        Ok(Params::default())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Params, E> {
        Ok(Params::default())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Params, E> {
        Ok(Params::default())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Params, E> {
        Ok(Params::default())
    }

    fn visit_unit<E: Error>(self) -> Result<Params, E> {
        Ok(Params::default())
    }
}

/// Text, where none at all is the only other choice.
fn text<'de, D: Deserializer<'de>>(field: D) -> Result<String, D::Error> {
    String::deserialize(field)
}

impl From<serde_json::Error> for Unread {
    fn from(error: serde_json::Error) -> Self {
        if error.is_data() {
            Self(INVALID_REQUEST, format!("This is no JSON-RPC message: {error}."))
        } else {
            Self(PARSE_ERROR, format!("This is not JSON: {error}."))
        }
    }
}

impl Message {
    /// Reads a message.
    pub(super) fn read(body: Bytes) -> Result<Self, Unread> {
        if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
            return Err(Unread(INVALID_REQUEST, "Batches are not taken: send each message by itself.".to_owned()));
        }
        let Fields { method, params: Params { name, task } } = serde_json::from_slice(&body)?;
        Ok(Self { method, name, task, body })
    }

    /// What a call is to be made with.
    pub(super) fn arguments(&self) -> Value {
        self.params().get_mut("arguments").map(Value::take).unwrap_or_default()
    }

    /// What the client calls itself, as it is written; empty if it does not say so with this message.
    pub(super) fn client(&self) -> String {
        let params = self.params();
        let text = |of: &Value| of.as_str().unwrap_or_default().to_owned();
        let today = &params["_meta"]["io.modelcontextprotocol/clientInfo"];
        let client = if today.is_object() { today } else { &params["clientInfo"] };
        if client.is_object() { client_shown(&text(&client["name"]), &text(&client["version"])) } else { String::new() }
    }

    fn params(&self) -> Value {
        let mut message: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        message.get_mut("params").map(Value::take).unwrap_or_default()
    }

    /// The method, if the protocol has it: it is the client's text.
    pub(super) fn known_method(&self) -> &'static str {
        const METHODS: [&str; 22] = [
            "initialize",
            "notifications/initialized",
            "notifications/cancelled",
            "ping",
            "server/discover",
            "subscriptions/listen",
            "tools/list",
            "tools/call",
            "resources/list",
            "resources/templates/list",
            "resources/read",
            "resources/subscribe",
            "resources/unsubscribe",
            "prompts/list",
            "prompts/get",
            "completion/complete",
            "logging/setLevel",
            "tasks/get",
            "tasks/update",
            "tasks/cancel",
            "notifications/progress",
            "notifications/roots/list_changed",
        ];
        METHODS.into_iter().find(|known| *known == self.method).unwrap_or("other")
    }
}

impl IntoResponse for Unread {
    fn into_response(self) -> Response {
        let Self(code, message) = self;
        let error = json!({"jsonrpc": "2.0", "id": null, "error": {"code": code, "message": message}});
        (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "application/json")], error.to_string()).into_response()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn read(body: &str) -> Result<Message, Unread> {
        Message::read(body.to_owned().into())
    }

    #[test]
    fn a_method_is_known_whatever_else_a_message_holds() {
        for params in [r#"{"name":1}"#, r#"{"name":["a"]}"#, "[]", "7", "null", r#""x""#, r#"{"name":null}"#] {
            let message = read(&format!(r#"{{"method":"initialize","params":{params}}}"#)).unwrap();
            assert_eq!((&*message.method, &*message.name, &*message.client()), ("initialize", "", ""), "{params}");
        }
        let message = read(r#" {"meth\u006fd":"tools/call", "params": {"name":"b","arguments":{"n":1.50}}}"#).unwrap();
        assert_eq!((&*message.method, &*message.name), ("tools/call", "b"));
        assert_eq!(message.arguments(), json!({"n": 1.5}));
        let meta = json!({"io.modelcontextprotocol/clientInfo": {"name": "a\u{7}b", "version": 1}});
        let body = json!({"method": "tasks/get", "params": {"taskId": "t", "_meta": meta}}).to_string();
        let message = read(&body).unwrap();
        assert_eq!((&*message.task, &*message.client()), ("t", "ab "));
        assert_eq!(read(r#"{"id":1,"result":{}}"#).unwrap().known_method(), "other");
    }

    #[test]
    fn what_is_no_message_is_refused_in_words() {
        for (body, code, words) in [
            ("", PARSE_ERROR, "not JSON"),
            ("{", PARSE_ERROR, "not JSON"),
            (r#"{"method":"ping","params":{"name":}}"#, PARSE_ERROR, "not JSON"),
            (r#"{"method":"ping"} {"#, PARSE_ERROR, "not JSON"),
            ("\u{0}", PARSE_ERROR, "not JSON"),
            ("[]", INVALID_REQUEST, "Batches"),
            (r#" [{"method":"initialize"}]"#, INVALID_REQUEST, "Batches"),
            ("null", INVALID_REQUEST, "no JSON-RPC message"),
            (r#"{"method":1}"#, INVALID_REQUEST, "expected a string"),
            (r#"{"method":null}"#, INVALID_REQUEST, "expected a string"),
        ] {
            let Unread(found, told) = read(body).unwrap_err();
            assert!(found == code && told.contains(words), "{body}: {found} {told}");
        }
    }

    #[test]
    fn a_name_that_is_there_twice_is_refused() {
        for (body, twice) in [
            (r#"{"method":"ping","m\u0065thod":"tools/call"}"#, "method"),
            (r#"{"method":"tools/call","params":{"name":"a"},"params":{"name":"b"}}"#, "params"),
            (r#"{"method":"tools/call","params":{"name":"a","name":"b"}}"#, "name"),
            (r#"{"method":"tools/call","params":{"arguments":{},"name":"a","arguments":{"n":1}}}"#, "arguments"),
            (r#"{"method":"tasks/get","params":{"taskId":"a","taskId":"b"}}"#, "taskId"),
        ] {
            let Unread(code, told) = read(body).unwrap_err();
            assert!(code == INVALID_REQUEST && told.contains(&format!("duplicate field `{twice}`")), "{body}: {told}");
        }
    }
}
