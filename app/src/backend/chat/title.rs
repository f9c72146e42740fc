//! A conversation's title, made after its first reply.
//!
//! A real model is asked in a few words; if it cannot answer, or if there is none, the first message's beginning
//! serves. Nothing waits for it, and a title a person gave is never replaced.

use super::{
    Chat,
    aside::{self, Aside},
    live::LiveTurn,
};
use crate::{backend::llm::Model, wire::id::ConversationId};
use std::time::Duration;

/// Characters of a title: one line of the sidebar.
const CHARACTERS: usize = 60;
/// Characters of each side shown to the model that is asked for a title.
const SHOWN: usize = 1_500;
/// How long a model may think about a title.
const PATIENCE: Duration = Duration::from_secs(20);
/// Tokens it may write, thought included.
const OUTPUT: u32 = 1_000;
const ASK: &str = "Write a title for this conversation: at most six words, in its language, no quotes, no full stop. \
Answer with the title alone.";

impl Chat {
    /// Titles the conversation of a turn, if it has no title, and tells its members.
    pub(super) async fn title(&self, turn: &LiveTurn, model: &Model, question: &str, answer: &str) {
        let asked = if aside::is_asked(model) { self.ask_title(turn, model, question, answer).await } else { None };
        let title = asked.unwrap_or_else(|| shorten(question));
        if !title.is_empty() {
            self.keep_title(turn.conversation, &title).await;
        }
    }

    /// What the model calls it.
    async fn ask_title(&self, turn: &LiveTurn, model: &Model, question: &str, answer: &str) -> Option<String> {
        let cut = |text: &str| text.chars().take(SHOWN).collect::<String>();
        let text = format!("{ASK}\n\nPerson: {}\n\nAssistant: {}", cut(question), cut(answer));
        let aside = Aside { what: "a title", system: "", text, output: OUTPUT, patience: PATIENCE };
        let (title, _) = self.ask_aside(turn, model, aside).await?;
        let title = shorten(title.trim().trim_matches(['"', '«', '»', '“', '”', '*']));
        (!title.is_empty()).then_some(title)
    }

    async fn keep_title(&self, id: ConversationId, title: &str) {
        match self.store.title_if_empty(id, title).await {
            Ok(true) => self.conversation_changed(id).await,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, conversation.id = %id, "a title cannot be kept"),
        }
    }
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
