//! [`Message`]: what the gate knows of a client's message.
//!
//! Invariant: what is served is what was judged. The gate hands on the message as it read it, so of a name that is there
//! twice both see the same one; and a message that it cannot read is refused, never let past as one about nothing.

use app::backend::tools::serve::watched::client_shown;
use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

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
    /// What that is to be called with.
    pub(super) arguments: Value,
    /// The task it is about; empty if it names none.
    pub(super) task: String,
    /// What the client calls itself, as it is written; empty if it does not say so with this message.
    pub(super) client: String,
}

/// Why something is no message: a code of JSON-RPC's and a sentence.
#[derive(Debug)]
pub(super) struct Unread(i64, String);

impl Message {
    /// Reads a message; with it, the bytes to hand on.
    pub(super) fn read(body: &[u8]) -> Result<(Self, Vec<u8>), Unread> {
        let unread = |code, words: &str| Err(Unread(code, words.to_owned()));
        let message: Value = match serde_json::from_slice(body) {
            Ok(message) => message,
            Err(error) => return Err(Unread(PARSE_ERROR, format!("This is not JSON: {error}."))),
        };
        if message.is_array() {
            return unread(INVALID_REQUEST, "Batches are not taken: send each message by itself.");
        }
        let Value::Object(fields) = &message else {
            return unread(INVALID_REQUEST, "A message is a JSON-RPC object.");
        };
        let method = match fields.get("method") {
            None => String::new(),
            Some(Value::String(method)) => method.clone(),
            Some(_) => return unread(INVALID_REQUEST, "A message's method is text."),
        };
        let bytes = message.to_string().into_bytes();
        let mut params = match message {
            Value::Object(mut fields) => fields.remove("params").unwrap_or_default(),
            _ => Value::Null,
        };
        let text = |of: &Value| of.as_str().unwrap_or_default().to_owned();
        let (name, task) = (text(&params["name"]), text(&params["taskId"]));
        let today = &params["_meta"]["io.modelcontextprotocol/clientInfo"];
        let client = if today.is_object() { today } else { &params["clientInfo"] };
        let client = if client.is_object() {
            client_shown(&text(&client["name"]), &text(&client["version"]))
        } else {
            String::new()
        };
        let arguments = params.get_mut("arguments").map(Value::take).unwrap_or_default();
        Ok((Self { method, name, arguments, task, client }, bytes))
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

    #[test]
    fn a_method_is_known_whatever_else_a_message_holds() {
        for params in [r#"{"name":1}"#, r#"{"name":["a"]}"#, "[]", "7", "null", r#""x""#] {
            let (message, _) =
                Message::read(format!(r#"{{"method":"initialize","params":{params}}}"#).as_bytes()).unwrap();
            assert_eq!((&*message.method, &*message.name), ("initialize", ""), "{params}");
        }
        let body =
            br#"{"method":"ping","method":"tools/call","params":{"name":"a","name":"b","arguments":{"n":1.50}}}"#;
        let (message, served) = Message::read(body).unwrap();
        assert_eq!((&*message.method, &*message.name), ("tools/call", "b"));
        assert_eq!(message.arguments, json!({"n": 1.5}));
        let served = String::from_utf8(served).unwrap();
        assert!(!served.contains("ping") && !served.contains(r#""a""#), "{served}");
        let meta = json!({"io.modelcontextprotocol/clientInfo": {"name": "a\u{7}b", "version": 1}});
        let body = json!({"method": "tasks/get", "params": {"taskId": "t", "_meta": meta}}).to_string();
        let (message, _) = Message::read(body.as_bytes()).unwrap();
        assert_eq!((&*message.task, &*message.client), ("t", "ab "));
        assert_eq!(Message::read(br#"{"id":1,"result":{}}"#).unwrap().0.known_method(), "other");
    }

    #[test]
    fn what_is_no_message_is_refused_in_words() {
        for (body, code, words) in [
            ("", PARSE_ERROR, "not JSON"),
            ("{", PARSE_ERROR, "not JSON"),
            ("\u{0}", PARSE_ERROR, "not JSON"),
            ("[]", INVALID_REQUEST, "Batches"),
            (r#"[{"method":"initialize"}]"#, INVALID_REQUEST, "Batches"),
            ("null", INVALID_REQUEST, "object"),
            (r#"{"method":1}"#, INVALID_REQUEST, "text"),
            (r#"{"method":null}"#, INVALID_REQUEST, "text"),
        ] {
            let Unread(found, told) = Message::read(body.as_bytes()).unwrap_err();
            assert!(found == code && told.contains(words), "{body}: {found} {told}");
        }
    }
}
