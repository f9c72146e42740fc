//! The statements of a turn's life. Each function runs inside somebody's transaction.
//!
//! Invariant: every durable change takes the next number of its conversation's clock, by an UPDATE that also locks the
//! conversation's row; a refusal (`NotFound`, `Conflict`) comes before anything is written.
//! Few statements, for they are all the work there is: a start is four, an end is four, a checkpoint is one.

use super::{FinishTurn, LEASE_MS, NewTurn, NewTurnKind, Started};
use crate::{
    backend::{
        clock::Clock,
        store::{
            StoreError, column,
            db::{Tx, execute, fetch},
            messages::{MessageRow, for_member, message_columns},
            parse_id, search,
            text::{clean, clean_parts, to_json},
            writer::Checkpoint,
        },
    },
    wire::{
        id::{ClientId, ConversationId, MessageId, Millis, Seq, TurnId, UserId},
        limits::QUEUE_MAX,
        message::{Author, Fault, Message, Part, Role, Status, TurnEnd, plain_text},
    },
};

/// A [`NewTurn`] once it is known where it goes.
struct Plan {
    conversation: ConversationId,
    parent: Parent,
    said: Option<Said>,
    /// What the reply begins with.
    begun: Vec<Part>,
}

/// What a new person says.
struct Said {
    client_id: ClientId,
    parts: Vec<Part>,
    json: String,
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
    live: i64,
}

/// Starts a turn: [`super::Store::start_turn`].
pub(in crate::backend::store) async fn start(tx: &mut Tx, clock: &Clock, new: &NewTurn) -> Result<Started, StoreError> {
    let plan = plan(tx, new).await?;
    let (turn, reply): (TurnId, MessageId) = (clock.id(), clock.id());
    let now = clock.now();
    let Some(place) = take_place(tx, new, &plan, reply, now).await? else {
        return refusal(tx, new.by, &plan).await;
    };
    let parent = match plan.parent {
        Parent::At(parent) => parent,
        Parent::Head => place.previous_head_id.map(|id| parse_id("conversations", &id)).transpose()?,
    };
    let running = place.live == 0;
    let mut reply = Message {
        id: reply,
        conversation: plan.conversation,
        parent,
        position: Seq(place.last_seq),
        seq: Seq(place.last_seq),
        role: Role::Assistant,
        author: None,
        parts: plan.begun,
        status: Status::Pending,
        turn: Some(turn),
        model: Some(new.model.clone()),
        usage: None,
        fault: None,
        client_id: None,
        created_at: now,
    };
    let author = Author { id: new.by, name: place.author };
    let message = if let Some(said) = plan.said {
        Some(insert_both(tx, clock.id(), said, author, &mut reply).await?)
    } else {
        insert_reply(tx, &reply).await?;
        None
    };
    insert_turn(tx, new.by, &reply, turn, running).await?;
    let untitled = place.title.is_empty();
    Ok(Started { turn, conversation: plan.conversation, message, reply, running, duplicate: false, untitled })
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

/// Advances the clock and moves the head, if every condition holds: one statement checks, locks and writes.
async fn take_place(
    tx: &mut Tx,
    new: &NewTurn,
    plan: &Plan,
    reply: MessageId,
    now: Millis,
) -> Result<Option<Place>, StoreError> {
    let parent = match plan.parent {
        Parent::At(Some(parent)) => Some(parent.to_string()),
        _ => None,
    };
    Ok(fetch!(
        tx,
        fetch_optional,
        Place,
        "UPDATE conversations SET last_seq = last_seq + $3, previous_head_id = head_id, head_id = $4, model = $5,
                updated_at = $6
         WHERE id = $1 AND deleted_at IS NULL
           AND EXISTS (SELECT 1 FROM members m WHERE m.conversation_id = $1 AND m.user_id = $2)
           AND ($7 IS NULL OR NOT EXISTS
                (SELECT 1 FROM messages s WHERE s.conversation_id = $1 AND s.client_id = $7))
           AND ($8 IS NULL OR EXISTS (SELECT 1 FROM messages p WHERE p.id = $8 AND p.conversation_id = $1))
           AND (SELECT COUNT(*) FROM turns q
                WHERE q.conversation_id = $1 AND q.state <> 'done' AND q.state = 'queued') < $9
         RETURNING last_seq, previous_head_id, title, (SELECT u.name FROM users u WHERE u.id = $2) AS author,
             (SELECT COUNT(*) FROM turns l WHERE l.conversation_id = $1 AND l.state <> 'done') AS live",
        plan.conversation.to_string(),
        new.by.to_string(),
        1 + i64::from(plan.said.is_some()),
        reply.to_string(),
        clean(&new.model.0),
        now.0,
        plan.said.as_ref().map(|said| said.client_id.to_string()),
        parent,
        i64::from(QUEUE_MAX),
    )?)
}

/// Why [`take_place`] changed nothing: what was sent before is answered with what is there.
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

/// Inserts what was said, right before the reply, which is hung under it.
async fn insert_both(
    tx: &mut Tx,
    id: MessageId,
    said: Said,
    author: Author,
    reply: &mut Message,
) -> Result<Message, StoreError> {
    let at = Seq(reply.position.0 - 1);
    execute!(
        &mut *tx,
        "INSERT INTO messages (id, conversation_id, parent_id, position, seq, role, author_id, parts, status, turn_id,
                               model, client_id, created_at)
         VALUES ($1, $2, $3, $4, $4, 'user', $5, $6, 'complete', NULL, NULL, $7, $8),
                ($9, $2, $1, $10, $10, 'assistant', NULL, '[]', 'pending', $11, $12, NULL, $8)",
        id.to_string(),
        reply.conversation.to_string(),
        reply.parent.map(|parent| parent.to_string()),
        at.0,
        author.id.to_string(),
        said.json,
        said.client_id.to_string(),
        reply.created_at.0,
        reply.id.to_string(),
        reply.position.0,
        reply.turn.map(|turn| turn.to_string()),
        reply.model.as_ref().map(|model| clean(&model.0)),
    )?;
    search::index(tx, id, &plain_text(&said.parts)).await?;
    let parent = reply.parent.replace(id);
    Ok(Message {
        id,
        conversation: reply.conversation,
        parent,
        position: at,
        seq: at,
        role: Role::User,
        author: Some(author),
        parts: said.parts,
        status: Status::Complete,
        turn: None,
        model: None,
        usage: None,
        fault: None,
        client_id: Some(said.client_id),
        created_at: reply.created_at,
    })
}

async fn insert_reply(tx: &mut Tx, reply: &Message) -> Result<(), StoreError> {
    execute!(
        tx,
        "INSERT INTO messages (id, conversation_id, parent_id, position, seq, role, parts, status, turn_id, model,
                               created_at)
         VALUES ($1, $2, $3, $4, $4, 'assistant', $5, 'pending', $6, $7, $8)",
        reply.id.to_string(),
        reply.conversation.to_string(),
        reply.parent.map(|parent| parent.to_string()),
        reply.position.0,
        to_json(&reply.parts)?,
        reply.turn.map(|turn| turn.to_string()),
        reply.model.as_ref().map(|model| clean(&model.0)),
        reply.created_at.0,
    )?;
    Ok(())
}

async fn insert_turn(tx: &mut Tx, by: UserId, reply: &Message, turn: TurnId, running: bool) -> Result<(), StoreError> {
    // A reply that goes on begins with what it had, so a crash before the first checkpoint must not lose that.
    let begun = if reply.parts.is_empty() { None } else { Some(to_json(&reply.parts)?) };
    execute!(
        tx,
        "INSERT INTO turns (id, conversation_id, reply_id, user_id, model, state, position, checkpoint, lease_until,
                            created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        turn.to_string(),
        reply.conversation.to_string(),
        reply.id.to_string(),
        by.to_string(),
        reply.model.as_ref().map(|model| clean(&model.0)).unwrap_or_default(),
        if running { "running" } else { "queued" },
        reply.position.0,
        begun,
        reply.created_at.0 + LEASE_MS,
        reply.created_at.0,
    )?;
    Ok(())
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
        "UPDATE turns SET checkpoint = $2, lease_until = $3, usage_input = $4, usage_output = $5, usage_cached = $6
         WHERE id = $1 AND state = 'running'",
        so_far.turn.to_string(),
        json,
        clock.now().0 + LEASE_MS,
        column(so_far.usage.input),
        column(so_far.usage.output),
        column(so_far.usage.cached),
    )?;
    if kept == 0 { Err(StoreError::NotFound) } else { Ok(()) }
}

/// Ends a turn: [`super::Store::finish_turn`].
pub(in crate::backend::store) async fn finish(
    tx: &mut Tx,
    clock: &Clock,
    end: &FinishTurn,
) -> Result<Message, StoreError> {
    let (parts, json) = clean_parts(&end.parts)?;
    let now = clock.now().0;
    let seq = fetch!(
        &mut *tx,
        fetch_optional,
        (i64,),
        "UPDATE conversations SET last_seq = last_seq + 1, updated_at = $2
         WHERE id = (SELECT t.conversation_id FROM turns t WHERE t.id = $1 AND t.state <> 'done')
         RETURNING last_seq",
        end.turn.to_string(),
        now,
    )?;
    let (seq,) = seq.ok_or(StoreError::NotFound)?;
    let reply = fetch!(
        &mut *tx,
        fetch_optional,
        (String,),
        "UPDATE turns SET state = 'done', checkpoint = NULL, finished_at = $2, usage_input = $3, usage_output = $4,
                usage_cached = $5
         WHERE id = $1 AND state <> 'done' RETURNING reply_id",
        end.turn.to_string(),
        now,
        column(end.usage.input),
        column(end.usage.output),
        column(end.usage.cached),
    )?;
    // Only another process can have ended it since the statement before: undo that one, and look again.
    let (reply,) = reply.ok_or(StoreError::Busy)?;
    let row = fetch!(
        &mut *tx,
        fetch_one,
        MessageRow,
        concat!(
            "UPDATE messages SET seq = $2, parts = $3, status = $4, usage_input = $5, usage_output = $6,
                    usage_cached = $7, fault = $8 WHERE id = $1 RETURNING ",
            message_columns!()
        ),
        reply,
        seq,
        json,
        status(end.end),
        column(end.usage.input),
        column(end.usage.output),
        column(end.usage.cached),
        end.fault.as_ref().map(fault_json).transpose()?,
    )?;
    let message = row.read()?;
    search::index(tx, message.id, &plain_text(&parts)).await?;
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
