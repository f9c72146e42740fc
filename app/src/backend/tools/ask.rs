//! What a running tool asks the person it acts for, whichever way they can be reached.
//!
//! Rules for a tool that asks: it asks before it changes anything, and the same things for the same arguments. To a
//! newer MCP client the question is the answer to its call, and the call comes again with the person's word: the tool
//! then runs from its start, and hears at once what was answered before.

use super::schema;
use crate::{backend::store::tasks::Saying, wire::elicitation::ServerQuestion};
use futures::future::{BoxFuture, FutureExt, ready};
use serde_json::{Value, json};
use std::time::Duration;

/// The one field of a confirmation.
const CONFIRM: &str = "confirm";

/// A question. Nothing secret may be asked for: answers pass through the client.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Its name within the call; every question of a call has one of its own.
    pub key: String,
    /// What is asked, in a sentence for the person.
    pub message: String,
    /// What an answer looks like: an object of plain fields (MCP, elicitation).
    pub schema: Value,
    /// Whether it asks for consent: such an answer counts only if this very question was asked.
    pub confirms: bool,
}

impl Question {
    /// Asks for what `schema` describes.
    pub fn form(key: impl Into<String>, message: impl Into<String>, schema: Value) -> Self {
        Self { key: key.into(), message: message.into(), schema, confirms: false }
    }

    /// Asks for a yes; see [`Answer::is_yes`].
    pub fn confirm(key: impl Into<String>, message: impl Into<String>) -> Self {
        let yes = json!({ "type": "boolean", "title": "Yes, do it", "description": "Whether to go on." });
        let schema = json!({ "type": "object", "properties": { CONFIRM: yes }, "required": [CONFIRM] });
        Self { key: key.into(), message: message.into(), schema, confirms: true }
    }

    /// What a client sent as the answer (MCP `ElicitResult`); `None` if it is no answer to this question, so that it is
    /// asked again.
    pub fn read(&self, sent: &Value) -> Option<Answer> {
        match sent["action"].as_str()? {
            "accept" => {
                let mut content = sent["content"].clone();
                schema::fit(&self.schema, &mut content).ok()?;
                Some(Answer::Accepted(content))
            }
            "decline" => Some(Answer::Declined),
            "cancel" => Some(Answer::Cancelled),
            _ => None,
        }
    }
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The fields that were asked for.
    Accepted(Value),
    /// The person said no.
    Declined,
    /// The person put it aside, or did not answer in time.
    Cancelled,
    /// Nobody can be asked this way.
    Unavailable,
}

impl Answer {
    /// Whether a [`Question::confirm`] was answered with yes.
    pub fn is_yes(&self) -> bool {
        matches!(self, Self::Accepted(fields) if fields[CONFIRM] == true)
    }

    /// For the model, where a [`Question::confirm`] was not answered with yes: why nothing was deleted. `what` was meant.
    pub fn not_deleted(&self, what: &str) -> String {
        match self {
            Self::Unavailable => format!(
                "Nothing was deleted: the user must confirm it, and this client did not say that it can ask them (the \
                 capability «elicitation»). They can delete the {what} in Parley itself, or use a client that can ask."
            ),
            Self::Cancelled => {
                "Nothing was deleted: the user did not answer the question. Ask them what they want.".to_owned()
            }
            Self::Accepted(_) | Self::Declined => {
                "Nothing was deleted: the user said no. Do not try it again unasked.".to_owned()
            }
        }
    }
}

/// A way to ask.
pub trait Ask: Send + Sync {
    /// Asks, and waits for what comes of it.
    fn ask(&self, question: Question) -> BoxFuture<'_, Answer>;

    /// Notes what the call is about to say in a conversation, so that its reply is found even if this process ends before
    /// it comes. Ready once that is kept, if there is anything to keep it in.
    fn says(&self, _saying: Saying) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }

    /// Whether what it said is left to another process: this one ends, and whoever waits has not given up.
    fn is_left(&self) -> bool {
        false
    }

    /// Puts a connected server's question to the person as it is; unless a way says otherwise, nobody can be asked by it.
    fn relay(&self, _question: ServerQuestion) -> BoxFuture<'_, Answer> {
        ready(Answer::Unavailable).boxed()
    }

    /// How long the call has waited for a person since this was last looked up; a deadline does not count that.
    fn waited(&self) -> Duration {
        Duration::ZERO
    }
}

/// In a conversation: a call that changes something runs because its person approved it there, or had for good. That is
/// their consent; more cannot be asked.
#[derive(Clone, Copy, Debug)]
pub struct Approved;

impl Ask for Approved {
    fn ask(&self, question: Question) -> BoxFuture<'_, Answer> {
        let answer = if question.confirms { Answer::Accepted(json!({ CONFIRM: true })) } else { Answer::Unavailable };
        ready(answer).boxed()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_answer_counts_only_if_it_fits_the_question() {
        let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]});
        let name = Question::form("name", "Who?", schema);
        let accepted = name.read(&json!({"action": "accept", "content": {"name": "Ada", "more": 1}})).unwrap();
        assert!(matches!(&accepted, Answer::Accepted(fields) if fields["name"] == "Ada"));
        assert_eq!(name.read(&json!({"action": "decline"})), Some(Answer::Declined));
        assert_eq!(name.read(&json!({"action": "cancel", "content": null})), Some(Answer::Cancelled));
        for garbled in [
            json!(12),
            json!(null),
            json!({}),
            json!({"action": "accept"}),
            json!({"action": "accept", "content": {"name": 1}}),
            json!({"action": "accept", "content": []}),
            json!({"action": "yes", "content": {"name": "Ada"}}),
        ] {
            assert_eq!(name.read(&garbled), None, "{garbled}");
        }
        let sure = Question::confirm("sure", "Really?");
        for (content, yes) in [(json!({"confirm": true}), true), (json!({"confirm": false}), false)] {
            let answer = sure.read(&json!({"action": "accept", "content": content})).unwrap();
            assert_eq!(answer.is_yes(), yes);
        }
        assert!(sure.read(&json!({"action": "accept", "content": {"confirm": "true"}})).is_none());
    }

    #[test]
    fn an_approved_call_is_consented_to_and_no_more() {
        let ask = |question| Approved.ask(question).now_or_never().unwrap();
        assert!(ask(Question::confirm("sure", "Really?")).is_yes());
        assert_eq!(ask(Question::form("name", "Who?", json!({"type": "object"}))), Answer::Unavailable);
    }
}
