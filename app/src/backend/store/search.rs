//! Full-text search: FTS5 or tsvector. With `db` and `collections` the only place with two SQL texts; its index is made
//! at open, and filled a little after each message ([`waiting`]). Titles are few and have no index (`titles`).
//!
//! Words are cut here, for both databases alike (`words`), so neither's own tokenizer decides what a word is: text goes
//! in as words between blanks, a query as words without operators. The index holds no text; a snippet is cut from
//! the message itself. Decision: not the databases' own `snippet()` and `ts_headline()`, which disagree and return
//! markup.

mod titles;
mod waiting;
mod words;

pub(super) use self::waiting::keep_indexed;
use self::words::{Word, words};
use super::{
    Store, StoreError,
    db::{Db, Driver, Tx, execute},
    parse_id,
};
use crate::wire::{
    conversation::SearchHit,
    id::{ConversationId, Millis, UserId},
    limits::SEARCH_MAX,
    message::{Part, searched_text},
};
use sqlx::Executor;

/// Characters of a snippet before its first match.
const SNIPPET_BEFORE: usize = 40;
/// Characters of a snippet in all.
const SNIPPET: usize = 160;

/// Makes the index, unless it is there.
pub(super) async fn make_index(db: &Db) -> Result<(), StoreError> {
    match db.begin().await? {
        Driver::Sqlite(mut tx) => {
            (&mut *tx)
                .execute(
                "CREATE VIRTUAL TABLE IF NOT EXISTS message_search USING fts5 (words, message UNINDEXED, content = '',
                     contentless_delete = 1, contentless_unindexed = 1, tokenize = 'ascii')",
            )
            .await?;
            tx.commit().await?;
        }
        Driver::Postgres(mut tx) => {
            // IF NOT EXISTS does not help two servers that start at once.
            tx.execute("SELECT pg_advisory_xact_lock(7227101)").await?;
            tx.execute(
                "CREATE TABLE IF NOT EXISTS message_search (
                     message TEXT NOT NULL PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
                     words TSVECTOR NOT NULL)",
            )
            .await?;
            tx.execute("CREATE INDEX IF NOT EXISTS message_search_words ON message_search USING GIN (words)").await?;
            tx.commit().await?;
        }
    }
    Ok(())
}

/// Drops what is indexed of messages that are gone. PostgreSQL has done so by itself.
pub(super) async fn forget_purged(tx: &mut Tx) -> Result<(), StoreError> {
    if tx.is_sqlite() {
        execute!(
            tx,
            "DELETE FROM message_search WHERE rowid IN
                 (SELECT s.rowid FROM message_search s LEFT JOIN messages m ON m.id = s.message WHERE m.id IS NULL)"
        )?;
    }
    Ok(())
}

/// A lexeme of a tsvector or tsquery.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\\', "\\\\").replace('\'', "''"))
}

/// The words of a query; those that touched in it (as in `a-b`, or Chinese) must touch in the text.
fn phrases(query: &str) -> Vec<Vec<String>> {
    let query: String = query.chars().take(SEARCH_MAX).collect();
    let mut phrases: Vec<Vec<String>> = Vec::new();
    for part in query.split_whitespace() {
        let phrase: Vec<String> = words(part).map(|word| word.folded).collect();
        if !phrase.is_empty() {
            phrases.push(phrase);
        }
    }
    phrases
}

/// The query in FTS5's language: `"a" "b c" "d" *`, where nothing but our own words stands between the quotes.
fn for_fts5(phrases: &[Vec<String>]) -> String {
    let phrases: Vec<String> = phrases.iter().map(|phrase| format!("\"{}\"", phrase.join(" "))).collect();
    format!("{} *", phrases.join(" AND "))
}

/// The query in the language of tsquery: `'a' & ('b' <-> 'c') & 'd':*`.
fn for_tsquery(phrases: &[Vec<String>]) -> String {
    let phrases: Vec<String> =
        phrases.iter().map(|phrase| phrase.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" <-> ")).collect();
    format!("({}:*)", phrases.join(") & ("))
}

#[derive(sqlx::FromRow)]
struct Hit {
    id: String,
    conversation_id: String,
    title: String,
    author_id: Option<String>,
    parts: String,
    created_at: i64,
}

/// What a hit is, and that it is in a conversation of `$1` (`$2`: this one, or any for NULL).
macro_rules! hits {
    ($from:literal, $order:literal) => {
        concat!(
            "SELECT m.id, m.conversation_id, c.title, m.author_id, m.parts, m.created_at FROM ",
            $from,
            " JOIN messages m ON m.id = s.message
             JOIN members a ON a.conversation_id = m.conversation_id AND a.user_id = $1
             JOIN conversations c ON c.id = m.conversation_id AND c.deleted_at IS NULL
             WHERE ($2 IS NULL OR m.conversation_id = $2) AND ",
            $order,
            ", m.created_at DESC, m.id DESC LIMIT $4"
        )
    };
}

impl Store {
    /// Messages of `by`'s conversations that hold every word of `query` (as prefix for the last), best first.
    /// Any text is a valid query: operators have no meaning. A query without a word finds nothing.
    pub async fn search(
        &self,
        by: UserId,
        query: &str,
        within: Option<ConversationId>,
        limit: u32,
    ) -> Result<Vec<SearchHit>, StoreError> {
        if let Some(within) = within
            && !self.is_member(by, within).await?
        {
            return Err(StoreError::NotFound);
        }
        let phrases = phrases(query);
        if phrases.is_empty() {
            return Ok(Vec::new());
        }
        if let Err(error) = waiting::index(&self.inner.db).await {
            tracing::warn!(%error, "the newest messages are not found");
        }
        let within = within.map(|within| within.to_string());
        let hits: Vec<Hit> = match &self.inner.db {
            Driver::Sqlite(file) => {
                let query = sqlx::query_as(hits!("message_search s", "s.words MATCH $3 ORDER BY s.rank"))
                    .bind(by.to_string())
                    .bind(within)
                    .bind(for_fts5(&phrases))
                    .bind(i64::from(limit));
                file.ask(async |connection| query.fetch_all(connection).await).await?
            }
            Driver::Postgres(pool) => {
                sqlx::query_as(hits!(
                    "message_search s",
                    "s.words @@ CAST($3 AS TSQUERY) ORDER BY ts_rank(s.words, CAST($3 AS TSQUERY)) DESC"
                ))
                .bind(by.to_string())
                .bind(within)
                .bind(for_tsquery(&phrases))
                .bind(i64::from(limit))
                .fetch_all(pool)
                .await?
            }
        };
        hits.into_iter().map(|hit| hit.read(&phrases)).collect()
    }
}

impl Hit {
    fn read(self, phrases: &[Vec<String>]) -> Result<SearchHit, StoreError> {
        let corrupt = |_| StoreError::Corrupt { table: "messages", id: self.id.clone() };
        let parts: Vec<Part> = serde_json::from_str(&self.parts).map_err(corrupt)?;
        Ok(SearchHit {
            conversation: parse_id("conversations", &self.conversation_id)?,
            title: self.title,
            message: parse_id("messages", &self.id)?,
            snippet: snippet(&searched_text(&parts), phrases, SNIPPET_BEFORE),
            author: self.author_id.map(|id| parse_id("users", &id)).transpose()?,
            created_at: Millis(self.created_at),
        })
    }
}

/// The text around the first match, from so many characters `before` it on, as pieces; `true` marks those that match.
/// Blanks are made single.
fn snippet(text: &str, phrases: &[Vec<String>], before: usize) -> Vec<(String, bool)> {
    let prefix = phrases.last().and_then(|phrase| phrase.last());
    let matches = |word: &Word| {
        phrases.iter().flatten().any(|wanted| *wanted == word.folded)
            || prefix.is_some_and(|prefix| word.folded.starts_with(prefix.as_str()))
    };
    let found: Vec<Word> = words(text).filter(|word| matches(word)).collect();
    let first = found.first().map_or(0, |word| word.start);
    let begin = text[..first].char_indices().rev().take(before).last().map_or(first, |(at, _)| at);
    let end = text[begin..].char_indices().nth(SNIPPET).map_or(text.len(), |(at, _)| begin + at);
    let mut pieces: Vec<(String, bool)> = Vec::new();
    let mut push = |piece: &str, marked: bool| match pieces.last_mut() {
        _ if piece.is_empty() => {}
        Some((last, was)) if *was == marked => last.push_str(piece),
        _ => pieces.push((piece.to_owned(), marked)),
    };
    if begin > 0 {
        push("…", false);
    }
    let mut at = begin;
    for word in found.iter().filter(|word| word.end <= end) {
        push(&single_blanks(&text[at..word.start]), false);
        push(&text[word.start..word.end], true);
        at = word.end;
    }
    push(&single_blanks(&text[at..end]), false);
    if end < text.len() {
        push("…", false);
    }
    pieces
}

fn single_blanks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if !c.is_whitespace() {
            out.push(c);
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out
}
