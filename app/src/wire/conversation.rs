//! Conversations as lists and pages show them.

use super::{
    id::{ConversationId, MessageId, Millis, ModelId, Seq, UserId},
    message::{Message, TurnSnapshot},
    room::Member,
};
use serde::{Deserialize, Serialize};

/// A row of the sidebar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationSummary {
    /// The conversation.
    pub id: ConversationId,
    /// Its title; empty until the first reply names it.
    pub title: String,
    /// Whether the viewer pinned it.
    pub pinned: bool,
    /// Whether the viewer owns it.
    pub owned: bool,
    /// How many people are in it.
    pub members: u32,
    /// When something last happened in it.
    pub updated_at: Millis,
}

/// A page of the sidebar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its rows.
    pub page: Page<ConversationSummary>,
    /// When they were read: what «today» is until the browser's own clock may say it.
    pub now: Millis,
}

/// Everything a page needs to draw a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConversationView {
    /// Its sidebar row.
    pub summary: ConversationSummary,
    /// The conversation's clock when this was read: say `Hello` with it.
    pub seq: Seq,
    /// The newest leaf: the branch shown first.
    pub head: Option<MessageId>,
    /// The newest messages, in order of position.
    pub messages: Page<Message>,
    /// Turns that wait or run.
    pub turns: Vec<TurnSnapshot>,
    /// The people in the room.
    pub members: Vec<Member>,
    /// The model its last reply used; `None` as well if that is no longer on offer.
    pub model: Option<ModelId>,
    /// Whether apps told the model something that waits for the viewer's next message.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub words: bool,
}

/// Part of a list, in order, and whether more comes before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Whether older items exist.
    pub more: bool,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Conversations whose titles match, without those that have messages here; last changed first.
    pub titles: Vec<TitleHit>,
    /// Messages that match, best first.
    pub messages: Vec<SearchHit>,
}

/// A conversation whose title matches a search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TitleHit {
    /// The conversation.
    pub conversation: ConversationId,
    /// Its whole title, as pieces; `true` marks the matching ones. Never HTML.
    pub title: Vec<(String, bool)>,
    /// When something last happened in it.
    pub updated_at: Millis,
}

/// A hit of the full-text search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchHit {
    /// Where it is.
    pub conversation: ConversationId,
    /// That conversation's title.
    pub title: String,
    /// The message.
    pub message: MessageId,
    /// Text around the match, as pieces; `true` marks the matching ones. Never HTML.
    pub snippet: Vec<(String, bool)>,
    /// Who wrote it; `None` for the assistant.
    pub author: Option<UserId>,
    /// When it was written.
    pub created_at: Millis,
}

/// A model one can choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelChoice {
    /// Its id.
    pub id: ModelId,
    /// For people.
    pub name: String,
    /// Whether it is the offline assistant: the page then says plainly that no model is connected.
    pub offline: bool,
}

/// A title as a person gives it: one line without control characters, trimmed, not empty, within the limit.
///
/// # Errors
/// A sentence that says which rule it breaks.
pub fn parse_title(text: &str) -> Result<String, String> {
    let title: String = text
        .split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|w| !w.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let length = title.chars().count();
    match length {
        0 => Err("A title has at least one character.".to_owned()),
        _ if length > super::limits::TITLE_MAX => {
            Err(format!("A title has at most {} characters; this one has {length}.", super::limits::TITLE_MAX))
        }
        _ => Ok(title),
    }
}
