//! A conversation's title, made after its first reply.
//!
//! A real model is asked in a few words; if it cannot answer, or if there is none, the first message's beginning
//! serves. Nothing waits for it, and a title a person gave is never replaced. What asking costs counts with the turn
//! that is titled, whether a title came of it or not.

use super::{Chat, live::LiveTurn};
use crate::{
    backend::{
        llm::{ChatRequest, Content, Delta, Model, RequestTurn},
        metrics,
    },
    wire::{id::ConversationId, message::Usage},
};
use futures::StreamExt;
use std::{sync::Arc, time::Duration};

/// Characters of a title: one line of the sidebar.
const CHARACTERS: usize = 60;
/// Characters of each side shown to the model that is asked for a title.
const SHOWN: usize = 1_500;
/// How long a model may think about a title.
const PATIENCE: Duration = Duration::from_secs(20);
const ASK: &str = "Write a title for this conversation: at most six words, in its language, no quotes, no full stop. \
Answer with the title alone.";

impl Chat {
    /// Titles the conversation of a turn, if it has no title, and tells its members.
    pub(super) async fn title(&self, turn: &LiveTurn, model: &Model, question: &str, answer: &str) {
        let mut usage = Usage::default();
        let asked = if model.offline || model.id.0.starts_with("scripted/") {
            None
        } else {
            tokio::select! {
                title = ask(model, question, answer, &mut usage) => title,
                () = tokio::time::sleep(PATIENCE) => None,
                () = self.stopping.cancelled() => None,
            }
        };
        self.count_title(turn, usage).await;
        let title = asked.unwrap_or_else(|| shorten(question));
        if !title.is_empty() {
            self.keep_title(turn.conversation, &title).await;
        }
    }

    async fn count_title(&self, turn: &LiveTurn, usage: Usage) {
        if usage == Usage::default() {
            return;
        }
        metrics::tokens(usage);
        if let Err(error) = self.store.add_usage(turn.id, usage).await {
            tracing::warn!(%error, turn.id = %turn.id, "what a title cost cannot be counted");
        }
    }

    async fn keep_title(&self, id: ConversationId, title: &str) {
        match self.store.title_if_empty(id, title).await {
            Ok(true) => self.conversation_changed(id).await,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, conversation.id = %id, "a title cannot be kept"),
        }
    }
}

/// What the model calls it; `usage` is what that costs, as far as it is known.
async fn ask(model: &Model, question: &str, answer: &str, usage: &mut Usage) -> Option<String> {
    let cut = |text: &str| text.chars().take(SHOWN).collect::<String>();
    let text = format!("{ASK}\n\nPerson: {}\n\nAssistant: {}", cut(question), cut(answer));
    let request = ChatRequest {
        model: model.vendor_name.clone(),
        system: String::new(),
        turns: vec![RequestTurn { assistant: false, content: vec![Content::Text(text)] }],
        tools: Arc::default(),
        max_output: model.max_output.min(1_000),
    };
    let mut deltas = model.provider.stream(request);
    let mut title = String::new();
    while let Some(delta) = deltas.next().await {
        match delta {
            Ok(Delta::Text(text)) => title.push_str(&text),
            Ok(Delta::Usage(so_far)) => *usage = so_far,
            Ok(Delta::Stop(_)) => break,
            Ok(_) => {}
            Err(error) => {
                tracing::info!(%error, "no title from the model");
                return None;
            }
        }
    }
    let title = shorten(title.trim().trim_matches(['"', '«', '»', '“', '”', '*']));
    (!title.is_empty()).then_some(title)
}

/// The first line with something in it, cut at a word.
fn shorten(text: &str) -> String {
    let marks = |c: char| matches!(c, '#' | '>' | '*' | '-' | '`' | '_') || c.is_whitespace() || c.is_control();
    let line = text.lines().map(|line| line.trim_matches(marks)).find(|line| !line.is_empty()).unwrap_or_default();
    let line: String = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((end, _)) = line.char_indices().nth(CHARACTERS) else { return line };
    // One character is for the ellipsis.
    let head = line[..end].trim_end_matches(|c: char| !c.is_whitespace()).trim_end();
    let head = if head.is_empty() { line.chars().take(CHARACTERS - 1).collect() } else { head.to_owned() };
    format!("{head}…")
}

#[cfg(test)]
mod tests {
    use super::shorten;
    use proptest::prelude::*;

    #[test]
    fn titles_are_the_first_line_cut_at_a_word() {
        assert_eq!(shorten("\n\n  # Hello   world \nsecond"), "Hello world");
        assert_eq!(shorten(&"word ".repeat(40)), format!("{}…", ["word"; 12].join(" ")));
        assert_eq!(shorten(&"я".repeat(200)), format!("{}…", "я".repeat(59)));
        assert_eq!(shorten("--- \n `` "), "");
    }

    proptest! {
        #[test]
        fn titles_are_short_single_lines(text in "\\PC*(\n\\PC*)*") {
            let title = shorten(&text);
            prop_assert!(title.chars().count() <= 60, "{title}");
            prop_assert!(!title.contains('\n'));
        }
    }
}
