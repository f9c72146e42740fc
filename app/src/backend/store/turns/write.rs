//! The statements of a turn's life. Each function runs inside somebody's transaction.
//!
//! Invariant: every durable change takes the next number of its conversation's clock, by an UPDATE that also locks the
//! conversation's row; a refusal (`NotFound`, `Conflict`) comes before anything is written.
//! Each goes to the database in one journey, for journeys are most of the work: later statements of one find by a
//! subselect what the first one wrote. The words of what was written are indexed by whoever holds the transaction.

use super::{Beginning, FinishTurn, LEASE_MS, NewTurn, NewTurnKind, Started};
use crate::{
    backend::{
        clock::Clock,
        store::{
            StoreError,
            app_contexts::{self, AppContext},
            column,
            db::{Tx, execute, fetch, together},
            messages::{MessageRow, for_member, message_columns},
            parse_id,
            search::Unindexed,
            text::{clean, clean_parts, to_json},
            writer::Checkpoint,
        },
    },
    wire::{
        id::{ClientId, ConversationId, MessageId, Millis, Seq, TurnId, UserId},
        limits::QUEUE_MAX,
        message::{Author, Fault, Message, Part, Role, Status, TurnEnd, searched_text},
    },
};
use sqlx::{FromRow, Row};

/// A [`NewTurn`] once it is known where it goes.
struct Plan {
    conversation: ConversationId,
    parent: Parent,
    said: Option<Said>,
    /// What the reply begins with.
    begun: Vec<Part>,
}

/// What the person says.
struct Said {
    client_id: ClientId,
    parts: Vec<Part>,
    json: String,
}

/// The names and the time of what is written.
struct Fresh {
    turn: TurnId,
    message: MessageId,
    reply: MessageId,
    now: Millis,
}

/// What the turn's first message hangs under.
enum Parent {
    Head,
    At(Option<MessageId>),
}

/// What the conversation answered when the turn took its place on the clock.
#[derive(sqlx::FromRow)]
struct Place {
    last_seq: i64,
    previous_head_id: Option<String>,
    title: String,
    author: String,
}

/// A row of what starts a turn: its place, then whether it runs. That is asked after the conversation's lock was got:
/// while the first statement waited for it, another process may have started one.
enum Starting {
    Place(Place),
    Runs(bool),
}

impl<'r, R: Row> FromRow<'r, R> for Starting
where
    Place: FromRow<'r, R>,
    (bool,): FromRow<'r, R>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        if row.len() == 1 {
            <(bool,)>::from_row(row).map(|(runs,)| Self::Runs(runs))
        } else {
            Place::from_row(row).map(Self::Place)
        }
    }
}

/// Starts a turn: [`super::Store::start_turn`].
pub(in crate::backend::store) async fn start(
    tx: &mut Tx,
    clock: &Clock,
    Beginning { new, heard }: &Beginning,
    unindexed: &mut Unindexed,
) -> Result<Started, StoreError> {
    let mut plan = plan(tx, new).await?;
    let told = plan.hear(tx, new.by, heard).await?;
    let fresh = Fresh { turn: clock.id(), message: clock.id(), reply: clock.id(), now: clock.now() };
    let Some((place, running)) = insert(tx, new, &plan, &fresh).await? else {
        return refusal(tx, new.by, &plan).await;
    };
    app_contexts::forget(tx, new.by, &told).await?;
    let Plan { conversation, parent, said, begun } = plan;
    let parent = match parent {
        Parent::At(parent) => parent,
        Parent::Head => place.previous_head_id.map(|id| parse_id("conversations", &id)).transpose()?,
    };
    let reply = Message {
        id: fresh.reply,
        conversation,
        parent: if said.is_some() { Some(fresh.message) } else { parent },
        position: Seq(place.last_seq),
        seq: Seq(place.last_seq),
        role: Role::Assistant,
        author: None,
        parts: begun,
        status: Status::Pending,
        turn: Some(fresh.turn),
        model: Some(new.model.clone()),
        usage: None,
        fault: None,
        client_id: None,
        created_at: fresh.now,
    };
    let message = said.map(|said| Message {
        id: fresh.message,
        parent,
        position: Seq(place.last_seq - 1),
        seq: Seq(place.last_seq - 1),
        role: Role::User,
        author: Some(Author { id: new.by, name: place.author }),
        parts: said.parts,
        status: Status::Complete,
        turn: None,
        model: None,
        client_id: Some(said.client_id),
        ..reply.clone()
    });
    if let Some(message) = &message {
        unindexed.add(tx, message.id, &searched_text(&message.parts));
    }
    Ok(Started {
        turn: fresh.turn,
        conversation,
        message,
        reply,
        running,
        duplicate: false,
        untitled: place.title.is_empty(),
    })
}

impl Plan {
    /// Puts what the sender's apps told the model before what the person says; what that is. It still waits.
    async fn hear(&mut self, tx: &mut Tx, by: UserId, heard: &[String]) -> Result<Vec<AppContext>, StoreError> {
        let after = match self.parent {
            Parent::Head => None,
            Parent::At(parent) => parent,
        };
        let Some(said) = self.said.as_mut().filter(|_| !heard.is_empty()) else { return Ok(Vec::new()) };
        let told = app_contexts::going(tx, by, self.conversation, after, heard).await?;
        if !told.is_empty() {
            let material = told.iter().map(|word| Part::Resource(word.material.clone()));
            let parts: Vec<Part> = material.chain(std::mem::take(&mut said.parts)).collect();
            (said.parts, said.json) = clean_parts(&parts)?;
        }
        Ok(told)
    }
}

async fn plan(tx: &mut Tx, new: &NewTurn) -> Result<Plan, StoreError> {
    let said = |client_id: ClientId, parts: &[Part]| {
        let (parts, json) = clean_parts(parts)?;
        Ok::<_, StoreError>(Some(Said { client_id, parts, json }))
    };
    match &new.kind {
        NewTurnKind::Send { conversation, parent, client_id, parts } => Ok(Plan {
            conversation: *conversation,
            parent: parent.map_or(Parent::Head, |parent| Parent::At(Some(parent))),
            said: said(*client_id, parts)?,
            begun: Vec::new(),
        }),
        NewTurnKind::Edit { message, client_id, parts } => {
            let old = target(tx, new.by, *message).await?;
            if old.author.as_ref().map(|author| author.id) != Some(new.by) {
                return Err(StoreError::Conflict("not_yours"));
            }
            let said = said(*client_id, parts)?;
            Ok(Plan { conversation: old.conversation, parent: Parent::At(old.parent), said, begun: Vec::new() })
        }
        NewTurnKind::Regenerate { message } => sibling(target(tx, new.by, *message).await?, false),
        NewTurnKind::Continue { message } => sibling(target(tx, new.by, *message).await?, true),
    }
}

/// A turn whose reply stands beside `old`.
fn sibling(old: Message, go_on: bool) -> Result<Plan, StoreError> {
    match (old.role, old.status) {
        (Role::User, _) => Err(StoreError::Conflict("not_a_reply")),
        (_, Status::Pending) => Err(StoreError::Conflict("running")),
        (_, Status::Complete) if go_on => Err(StoreError::Conflict("complete")),
        _ => Ok(Plan {
            conversation: old.conversation,
            parent: Parent::At(old.parent),
            said: None,
            begun: if go_on { old.parts } else { Vec::new() },
        }),
    }
}

async fn target(tx: &mut Tx, by: UserId, id: MessageId) -> Result<Message, StoreError> {
    let sql = concat!("SELECT ", message_columns!(), " FROM messages WHERE id = $2 AND ", for_member!());
    let row = fetch!(tx, fetch_optional, MessageRow, sql, by.to_string(), id.to_string())?;
    row.ok_or(StoreError::NotFound)?.read()
}

/// Advances the clock and moves the head, if every condition holds, then inserts the message, the reply under it and
/// the turn. The first statement checks and locks; the others know by the new head that it wrote.
async fn insert(tx: &mut Tx, new: &NewTurn, plan: &Plan, fresh: &Fresh) -> Result<Option<(Place, bool)>, StoreError> {
    let (at_head, parent) = match plan.parent {
        Parent::Head => (true, None),
        Parent::At(parent) => (false, parent.map(|parent| parent.to_string())),
    };
    let said = plan.said.as_ref();
    let begun = to_json(&plan.begun)?;
    // A reply that goes on begins with what it had, so a crash before the first checkpoint must not lose that.
    let checkpoint = if plan.begun.is_empty() { None } else { Some(begun.as_str()) };
    let rows = together!(
        tx,
        Starting,
        [
            "UPDATE conversations SET last_seq = last_seq + $3, previous_head_id = head_id, head_id = $4, model = $5,
                    updated_at = $6
             WHERE id = $1 AND deleted_at IS NULL
               AND EXISTS (SELECT 1 FROM members m WHERE m.conversation_id = $1 AND m.user_id = $2)
               AND ($7 IS NULL OR NOT EXISTS
                    (SELECT 1 FROM messages s WHERE s.conversation_id = $1 AND s.client_id = $7))
               AND ($8 IS NULL OR EXISTS (SELECT 1 FROM messages p WHERE p.id = $8 AND p.conversation_id = $1))
               AND (SELECT COUNT(*) FROM turns q
                    WHERE q.conversation_id = $1 AND q.state <> 'done' AND q.state = 'queued') < $9
             RETURNING last_seq, previous_head_id, title, (SELECT u.name FROM users u WHERE u.id = $2) AS author",
            "INSERT INTO messages (id, conversation_id, parent_id, position, seq, role, author_id, parts, status,
                                   client_id, created_at)
             SELECT $10, c.id, CASE WHEN $11 THEN c.previous_head_id ELSE $8 END, c.last_seq - 1, c.last_seq - 1, 'user',
                    $2, $12, 'complete', $7, $6
             FROM conversations c WHERE c.id = $1 AND c.head_id = $4 AND $7 IS NOT NULL",
            "INSERT INTO messages (id, conversation_id, parent_id, position, seq, role, parts, status, turn_id, model,
                                   created_at)
             SELECT $4, c.id,
                    CASE WHEN $7 IS NOT NULL THEN $10 WHEN $11 THEN c.previous_head_id ELSE $8 END,
                    c.last_seq, c.last_seq, 'assistant', $13, 'pending', $14, $5, $6
             FROM conversations c WHERE c.id = $1 AND c.head_id = $4",
            "INSERT INTO turns (id, conversation_id, reply_id, user_id, model, state, position, checkpoint, lease_until,
                                created_at, scopes)
             SELECT $14, c.id, $4, $2, $5,
                    CASE WHEN EXISTS (SELECT 1 FROM turns l WHERE l.conversation_id = $1 AND l.state <> 'done')
                         THEN 'queued' ELSE 'running' END,
                    c.last_seq, $15, $16, $6, $17
             FROM conversations c WHERE c.id = $1 AND c.head_id = $4
             RETURNING CASE WHEN state = 'running' THEN TRUE ELSE FALSE END",
        ],
        plan.conversation.to_string(),
        new.by.to_string(),
        1 + i64::from(said.is_some()),
        fresh.reply.to_string(),
        clean(&new.model.0),
        fresh.now.0,
        said.map(|said| said.client_id.to_string()),
        parent.as_deref(),
        i64::from(QUEUE_MAX),
        fresh.message.to_string(),
        at_head,
        said.map(|said| said.json.as_str()),
        begun.as_str(),
        fresh.turn.to_string(),
        checkpoint,
        fresh.now.0 + LEASE_MS,
        new.scopes.map(|scopes| scopes.to_string()),
    )?;
    Ok(match <[Starting; 2]>::try_from(rows) {
        Ok([Starting::Place(place), Starting::Runs(runs)]) => Some((place, runs)),
        _ => None,
    })
}

/// Why [`insert`] changed nothing: what was sent before is answered with what is there.
async fn refusal(tx: &mut Tx, by: UserId, plan: &Plan) -> Result<Started, StoreError> {
    let conversation = plan.conversation.to_string();
    let sql = "SELECT c.title FROM conversations c JOIN members m ON m.conversation_id = c.id AND m.user_id = $1
               WHERE c.id = $2 AND c.deleted_at IS NULL";
    let found = fetch!(&mut *tx, fetch_optional, (String,), sql, by.to_string(), conversation.clone())?;
    let (title,) = found.ok_or(StoreError::NotFound)?;
    if let Some(said) = &plan.said {
        let sql =
            concat!("SELECT ", message_columns!(), " FROM messages WHERE conversation_id = $1 AND client_id = $2");
        let client_id = said.client_id.to_string();
        if let Some(row) = fetch!(&mut *tx, fetch_optional, MessageRow, sql, conversation.clone(), client_id)? {
            return sent_before(tx, row.read()?, title.is_empty()).await;
        }
    }
    if let Parent::At(Some(parent)) = plan.parent {
        let sql = "SELECT 1 + position FROM messages WHERE id = $1 AND conversation_id = $2";
        fetch!(tx, fetch_optional, (i64,), sql, parent.to_string(), conversation)?.ok_or(StoreError::NotFound)?;
    }
    Err(StoreError::Conflict("queue_full"))
}

async fn sent_before(tx: &mut Tx, message: Message, untitled: bool) -> Result<Started, StoreError> {
    let corrupt = || StoreError::Corrupt { table: "messages", id: message.id.to_string() };
    let sql = concat!(
        "SELECT ",
        message_columns!(),
        " FROM messages WHERE parent_id = $1 AND role = 'assistant' ORDER BY position LIMIT 1"
    );
    let reply =
        fetch!(&mut *tx, fetch_optional, MessageRow, sql, message.id.to_string())?.ok_or_else(corrupt)?.read()?;
    let turn = reply.turn.ok_or_else(corrupt)?;
    let sql = "SELECT state FROM turns WHERE id = $1";
    let state = fetch!(tx, fetch_optional, (String,), sql, turn.to_string())?;
    Ok(Started {
        turn,
        conversation: message.conversation,
        message: Some(message),
        reply,
        running: state.is_some_and(|(state,)| state == "running"),
        duplicate: true,
        untitled,
    })
}

/// Keeps the text so far: [`super::Store::checkpoint`].
pub(in crate::backend::store) async fn checkpoint(
    tx: &mut Tx,
    clock: &Clock,
    so_far: &Checkpoint,
) -> Result<(), StoreError> {
    let (_, json) = clean_parts(&so_far.parts)?;
    let kept = execute!(
        tx,
        "UPDATE turns SET checkpoint = $2, lease_until = $3, usage_input = $4, usage_output = $5, usage_cached = $6,
                waiting = $7
         WHERE id = $1 AND state = 'running'",
        so_far.turn.to_string(),
        json,
        clock.now().0 + LEASE_MS,
        column(so_far.usage.input),
        column(so_far.usage.output),
        column(so_far.usage.cached),
        so_far.waiting.as_deref(),
    )?;
    if kept == 0 { Err(StoreError::NotFound) } else { Ok(()) }
}

/// A row of what ends a turn: the conversation's new clock, then the reply.
struct Ending(Option<MessageRow>);

impl<'r, R: Row> FromRow<'r, R> for Ending
where
    MessageRow: FromRow<'r, R>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        let reply = (row.len() > 1).then(|| MessageRow::from_row(row));
        reply.transpose().map(Self)
    }
}

/// Ends a turn: [`super::Store::finish_turn`].
pub(in crate::backend::store) async fn finish(
    tx: &mut Tx,
    clock: &Clock,
    end: &FinishTurn,
    unindexed: &mut Unindexed,
) -> Result<Message, StoreError> {
    let (parts, json) = clean_parts(&end.parts)?;
    let fault = end.fault.as_ref().map(fault_json).transpose()?;
    let rows = together!(
        &mut *tx,
        Ending,
        [
            "UPDATE conversations SET last_seq = last_seq + 1, updated_at = $2
             WHERE id = (SELECT t.conversation_id FROM turns t WHERE t.id = $1 AND t.state <> 'done')
             RETURNING last_seq",
            concat!(
                "UPDATE messages SET
                     seq = (SELECT c.last_seq FROM conversations c WHERE c.id = messages.conversation_id), parts = $3,
                     status = $4, usage_input = $5, usage_output = $6, usage_cached = $7, fault = $8
                 WHERE id = (SELECT t.reply_id FROM turns t WHERE t.id = $1 AND t.state <> 'done') RETURNING ",
                message_columns!()
            ),
            "UPDATE turns SET state = 'done', checkpoint = NULL, waiting = NULL, finished_at = $2, usage_input = $5, usage_output = $6,
                    usage_cached = $7
             WHERE id = $1 AND state <> 'done'",
        ],
        end.turn.to_string(),
        clock.now().0,
        json.as_str(),
        status(end.end),
        column(end.usage.input),
        column(end.usage.output),
        column(end.usage.cached),
        fault.as_deref(),
    )?;
    let reply = rows.into_iter().next_back().ok_or(StoreError::NotFound)?;
    // Only another process can have ended it since the first statement: undo that one, and look again.
    let Ending(Some(row)) = reply else { return Err(StoreError::Busy) };
    let message = row.read()?;
    unindexed.add(tx, message.id, &searched_text(&parts));
    Ok(message)
}

fn fault_json(fault: &Fault) -> Result<String, StoreError> {
    to_json(&Fault { message: clean(&fault.message), ..fault.clone() })
}

fn status(end: TurnEnd) -> &'static str {
    match end {
        TurnEnd::Complete => "complete",
        TurnEnd::Stopped => "stopped",
        TurnEnd::Failed => "failed",
        TurnEnd::Interrupted => "interrupted",
    }
}
