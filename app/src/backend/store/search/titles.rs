//! Conversations found by their titles.
//!
//! Decision: titles are matched here, by the same words as texts, and not by the databases' `LIKE`, whose idea of case
//! ends at ASCII on SQLite and follows the locale on PostgreSQL. They are short, and read by membership.

use super::{
    super::{Store, StoreError, db::read, parse_id},
    phrases, snippet,
    words::{Word, words},
};
use crate::wire::{
    conversation::{Found, TitleHit},
    id::{ConversationId, Millis, UserId},
    limits::{SEARCH_TITLES, TITLE_MAX},
};
use std::collections::HashSet;

/// Titles looked through, the last changed first: about a megabyte.
const READ: i64 = 10_000;

#[derive(sqlx::FromRow)]
struct Titled {
    id: String,
    title: String,
    updated_at: i64,
}

impl Store {
    /// [`Store::search`] in all of `by`'s conversations, and those whose title alone holds every word of `query`.
    pub async fn find(&self, by: UserId, query: &str, limit: u32) -> Result<Found, StoreError> {
        let messages = self.search(by, query, None, limit).await?;
        let shown: HashSet<ConversationId> = messages.iter().map(|hit| hit.conversation).collect();
        let mut titles = self.search_titles(by, &phrases(query)).await?;
        titles.retain(|hit| !shown.contains(&hit.conversation));
        titles.truncate(SEARCH_TITLES);
        Ok(Found { titles, messages })
    }

    async fn search_titles(&self, by: UserId, phrases: &[Vec<String>]) -> Result<Vec<TitleHit>, StoreError> {
        if phrases.is_empty() {
            return Ok(Vec::new());
        }
        let rows = read!(
            self,
            fetch_all,
            Titled,
            "SELECT c.id, c.title, c.updated_at
             FROM conversations c JOIN members a ON a.conversation_id = c.id AND a.user_id = $1
             WHERE c.deleted_at IS NULL AND c.title <> '' ORDER BY c.updated_at DESC, c.id DESC LIMIT $2",
            by.to_string(),
            READ,
        )?;
        rows.into_iter()
            .filter(|row| holds(&row.title, phrases))
            .map(|row| {
                Ok(TitleHit {
                    conversation: parse_id("conversations", &row.id)?,
                    // From its beginning, and whole: no title is as long as a snippet.
                    title: snippet(&row.title, phrases, TITLE_MAX),
                    updated_at: Millis(row.updated_at),
                })
            })
            .collect()
    }
}

/// Whether `title` holds every phrase, the last one's last word as a beginning.
fn holds(title: &str, phrases: &[Vec<String>]) -> bool {
    let title: Vec<Word> = words(title).collect();
    phrases.iter().enumerate().all(|(at, phrase)| {
        let open = at + 1 == phrases.len();
        title.windows(phrase.len()).any(|run| {
            run.iter().zip(phrase).enumerate().all(|(at, (word, wanted))| {
                word.folded == *wanted || (open && at + 1 == phrase.len() && word.folded.starts_with(wanted))
            })
        })
    })
}
