//! What a round lets through, and what not.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use rmcp::model::{ElicitRequest, ElicitRequestParams};
use serde_json::json;
use uuid::Uuid;

const ADA: UserId = UserId(Uuid::from_u128(1));
const EVE: UserId = UserId(Uuid::from_u128(2));

fn codec(seed: u8) -> Arc<RequestStateCodec> {
    Arc::new(RequestStateCodec::try_new(vec![seed; 32]).unwrap())
}

fn question(message: &str) -> InputRequest {
    let schema = json!({"type": "object", "properties": {"confirm": {"type": "boolean"}}, "required": ["confirm"]});
    InputRequest::Elicitation(ElicitRequest::new(ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: message.to_owned(),
        requested_schema: serde_json::from_value(schema).unwrap(),
    }))
}

fn can(elicitation: &Value) -> ClientCapabilities {
    serde_json::from_value(json!({ "elicitation": elicitation })).unwrap()
}

/// Ada's call of `delete` with a row's number, in a client that shows forms.
struct Call {
    codec: Arc<RequestStateCodec>,
    clock: Clock,
    by: UserId,
    name: &'static str,
    arguments: Value,
}

impl Call {
    fn new() -> Self {
        let clock = Clock::manual(Millis(1_000));
        Self { codec: codec(1), clock, by: ADA, name: "delete", arguments: json!({"row": 1}) }
    }

    fn open(&self, state: Option<&str>, responses: &Value) -> Result<Round, ErrorData> {
        let responses = serde_json::from_value(responses.clone()).unwrap();
        let call = ("tools/call", self.name);
        let sent = Sent { by: self.by, call, arguments: &self.arguments, state, responses, can: can(&json!({})) };
        Round::open(Arc::clone(&self.codec), &self.clock, sent)
    }

    /// Asks «Delete it?» under the key `sure`.
    fn ask(&self, state: Option<&str>, responses: &Value) -> (Given, Round) {
        let mut round = self.open(state, responses).unwrap();
        let given = round.ask("sure", question("Delete it?"), true, Value::is_object);
        (given, round)
    }

    fn first(&self) -> String {
        let (given, round) = self.ask(None, &Value::Null);
        assert_eq!(given, Given::Asked);
        let question = round.question().unwrap().unwrap();
        assert!(question.input_requests.unwrap().contains_key("sure"));
        question.request_state.unwrap()
    }
}

fn yes() -> Value {
    json!({"sure": {"action": "accept", "content": {"confirm": true}}})
}

#[test]
fn a_question_comes_back_with_its_answer() {
    let call = Call::new();
    let state = call.first();
    let (given, round) = call.ask(Some(&state), &yes());
    assert_eq!(given, Given::Answer(yes()["sure"].clone()));
    assert!(round.question().unwrap().is_none());
    // Missing, garbled or to something else: asked again.
    for responses in [Value::Null, json!({}), json!({"sure": 12}), json!({"other": {"action": "accept"}})] {
        let (given, round) = call.ask(Some(&state), &responses);
        assert_eq!(given, Given::Asked, "{responses}");
        assert!(round.question().unwrap().is_some());
    }
}

#[test]
fn consent_counts_only_for_the_question_that_was_asked() {
    let call = Call::new();
    assert_eq!(call.ask(None, &yes()).0, Given::Asked, "nobody was asked");
    let mut harmless = call.open(None, &yes()).unwrap();
    let given = harmless.ask("sure", question("What colour?"), false, Value::is_object);
    assert!(matches!(given, Given::Answer(_)), "what is no consent is data like any argument");
    let state = call.first();
    let mut other = call.open(Some(&state), &yes()).unwrap();
    assert_eq!(other.ask("sure", question("Delete all?"), true, Value::is_object), Given::Asked);
    call.clock.advance(APPROVAL_MS);
    assert_eq!(call.ask(Some(&state), &yes()).0, Given::Asked, "too late");
}

#[test]
fn a_state_opens_for_its_own_call_alone() {
    let call = Call::new();
    let state = call.first();
    let others = [
        Call { by: EVE, ..Call::new() },
        Call { name: "rename", ..Call::new() },
        Call { arguments: json!({"row": 2}), ..Call::new() },
        Call { codec: codec(2), ..Call::new() },
    ];
    for (n, other) in others.iter().enumerate() {
        assert!(other.open(Some(&state), &yes()).is_err(), "{n}");
    }
    for forged in ["", "x", &format!("{state}x"), &state[1..], &state.replace('.', "")] {
        let refused = call.open(Some(forged), &yes()).unwrap_err();
        assert_eq!(refused.code, rmcp::model::ErrorCode::INVALID_PARAMS);
    }
    assert!(call.open(Some(&state), &yes()).is_ok());
}

#[test]
fn earlier_answers_travel_along() {
    let call = Call::new();
    let state = call.first();
    let both = |state: Option<&str>, responses: &Value| {
        let mut round = call.open(state, responses).unwrap();
        let sure = round.ask("sure", question("Delete it?"), true, Value::is_object);
        let really = round.ask("really", question("Really?"), true, Value::is_object);
        (sure, really, round.question().unwrap())
    };
    let (sure, really, asked) = both(Some(&state), &yes());
    assert!(matches!((sure, really), (Given::Answer(_), Given::Asked)));
    let asked = asked.unwrap();
    assert_eq!(asked.input_requests.unwrap().len(), 1);
    let next = asked.request_state.unwrap();
    assert_ne!(next, state);
    let (sure, really, asked) = both(Some(&next), &json!({"really": {"action": "decline"}}));
    assert_eq!((sure, really), (Given::Answer(yes()["sure"].clone()), Given::Answer(json!({"action": "decline"}))));
    assert!(asked.is_none());
}

#[test]
fn only_what_a_client_can_is_asked() {
    let call = Call::new();
    for (elicitation, shown) in [
        (json!({}), true),
        (json!({"form": {}}), true),
        (json!({"form": {}, "url": {}}), true),
        (json!({"url": {}}), false),
        (Value::Null, false),
    ] {
        assert_eq!(supports(&can(&elicitation), &question("Hm?")), shown, "{elicitation}");
        let (state, responses, can) = (None, None, can(&elicitation));
        let sent = Sent { by: ADA, call: ("tools/call", "t"), arguments: &Value::Null, state, responses, can };
        let mut round = Round::open(Arc::clone(&call.codec), &call.clock, sent).unwrap();
        let given = round.ask("sure", question("Hm?"), false, Value::is_object);
        assert_eq!(given, if shown { Given::Asked } else { Given::Unsupported });
        assert_eq!(round.question().unwrap().is_some(), shown);
    }
}
