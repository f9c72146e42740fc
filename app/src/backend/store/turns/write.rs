//! What a turn's beginning and end are, before and after [`super::super::batch`] writes them.
//!
//! Most can be written with whatever else there is to write: what they depend on is checked by the statement that writes
//! them. A new version, a reply that goes on, and a message that takes along what apps said need something read first, in
//! the same transaction, which is then theirs alone ([`start`]).

use super::{Beginning, FinishTurn, LEASE_MS, NewTurn, NewTurnKind, Started};
use crate::{
    backend::{
        clock::Clock,
        store::{
            StoreError,
            app_contexts::{self, AppContext},
            batch::{self, Batch, GivenCheckpoint, GivenFinish, GivenStart, StartedRow, Written},
            column,
            db::{Tx, fetch},
            messages::{MessageRow, for_member, message_columns},
            parse_id,
            text::{clean, clean_parts, to_json},
            writer::Checkpoint,
        },
    },
    wire::{
        id::{ClientId, ConversationId, MessageId, Millis, Seq, TurnId, UserId},
        limits::QUEUE_MAX,
        message::{Author, Fault, Message, Part, Role, Status, TurnEnd},
    },
};

/// A [`NewTurn`] once it is known where it goes.
#[derive(Debug)]
pub(in crate::backend::store) struct Plan {
    pub(in crate::backend::store) conversation: ConversationId,
    parent: Parent,
    said: Option<Said>,
    /// What the reply begins with.
    begun: Vec<Part>,
}

/// What the person says.
#[derive(Debug)]
struct Said {
    client_id: ClientId,
    parts: Vec<Part>,
    json: String,
}

/// What the turn's first message hangs under.
#[derive(Debug)]
enum Parent {
    Head,
    At(Option<MessageId>),
}

/// A turn that is being written.
#[derive(Debug)]
pub(in crate::backend::store) struct Draft {
    plan: Plan,
    turn: TurnId,
    message: MessageId,
    reply: MessageId,
    now: Millis,
}

impl Beginning {
    /// Whether nothing needs to be read before it is written.
    pub(in crate::backend::store) fn is_plain(&self) -> bool {
        matches!(self.new.kind, NewTurnKind::Send { .. }) && self.heard.is_empty()
    }
}

/// Starts a turn in a transaction: [`super::Store::start_turn`].
pub(in crate::backend::store) async fn start(
    tx: &mut Tx,
    clock: &Clock,
    Beginning { new, heard }: &Beginning,
) -> Result<Started, StoreError> {
    let mut plan = match &new.kind {
        NewTurnKind::Edit { message, .. } | NewTurnKind::Regenerate { message } | NewTurnKind::Continue { message } => {
            let old = target(tx, new.by, *message).await?;
            Plan::beside(old, new)?
        }
        NewTurnKind::Send { .. } => Plan::sent(new)?,
    };
    let told = plan.hear(tx, new.by, heard).await?;
    let draft = Draft::new(plan, clock);
    let batch = Batch { starts: vec![draft.given(new)?], ..Batch::default() };
    let mut written = batch.write(tx).await?;
    match draft.started(new, &mut written)? {
        Ok(started) => {
            app_contexts::forget(tx, new.by, &told).await?;
            Ok(started)
        }
        Err(plan) => refusal(tx, new.by, &plan).await,
    }
}

impl Plan {
    /// The plan of a [`NewTurnKind::Send`]; nobody is where another kind goes but [`Plan::beside`].
    pub(in crate::backend::store) fn sent(new: &NewTurn) -> Result<Self, StoreError> {
        let NewTurnKind::Send { conversation, parent, client_id, parts } = &new.kind else {
            return Err(StoreError::NotFound);
        };
        Ok(Self {
            conversation: *conversation,
            parent: parent.map_or(Parent::Head, |parent| Parent::At(Some(parent))),
            said: Some(Said::new(*client_id, parts)?),
            begun: Vec::new(),
        })
    }

    /// The plan of a turn that stands beside `old`.
    fn beside(old: Message, new: &NewTurn) -> Result<Self, StoreError> {
        let go_on = match &new.kind {
            NewTurnKind::Edit { client_id, parts, .. } => {
                if old.author.as_ref().map(|author| author.id) != Some(new.by) {
                    return Err(StoreError::Conflict("not_yours"));
                }
                let said = Some(Said::new(*client_id, parts)?);
                return Ok(Self {
                    conversation: old.conversation,
                    parent: Parent::At(old.parent),
                    said,
                    begun: Vec::new(),
                });
            }
            NewTurnKind::Continue { .. } => true,
            NewTurnKind::Regenerate { .. } | NewTurnKind::Send { .. } => false,
        };
        match (old.role, old.status) {
            (Role::User, _) => Err(StoreError::Conflict("not_a_reply")),
            (_, Status::Pending) => Err(StoreError::Conflict("running")),
            (_, Status::Complete) if go_on => Err(StoreError::Conflict("complete")),
            _ => Ok(Self {
                conversation: old.conversation,
                parent: Parent::At(old.parent),
                said: None,
                begun: if go_on { old.parts } else { Vec::new() },
            }),
        }
    }

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

impl Said {
    fn new(client_id: ClientId, parts: &[Part]) -> Result<Self, StoreError> {
        let (parts, json) = clean_parts(parts)?;
        Ok(Self { client_id, parts, json })
    }
}

impl Draft {
    /// Gives the plan its names and its time.
    pub(in crate::backend::store) fn new(plan: Plan, clock: &Clock) -> Self {
        Self { plan, turn: clock.id(), message: clock.id(), reply: clock.id(), now: clock.now() }
    }

    /// What is to be written.
    pub(in crate::backend::store) fn given(&self, new: &NewTurn) -> Result<GivenStart, StoreError> {
        let Self { plan: Plan { conversation, parent, said, begun }, turn, message, reply, now } = self;
        let parts = to_json(begun)?;
        let (at_head, parent) = match parent {
            Parent::Head => (1, None),
            Parent::At(parent) => (0, parent.map(|parent| parent.to_string())),
        };
        Ok(GivenStart {
            conversation: conversation.to_string(),
            person: new.by.to_string(),
            turn: turn.to_string(),
            reply: reply.to_string(),
            model: clean(&new.model.0),
            scopes: new.scopes.map(|scopes| scopes.to_string()),
            now: now.0,
            lease: now.0 + LEASE_MS,
            queue: i64::from(QUEUE_MAX),
            at_head,
            parent,
            checkpoint: (!begun.is_empty()).then(|| parts.clone()),
            begun: parts,
            message: said.as_ref().map(|_| message.to_string()),
            client_id: said.as_ref().map(|said| said.client_id.to_string()),
            said: said.as_ref().map(|said| said.json.clone()),
        })
    }

    /// What was written; the plan comes back if it was refused.
    pub(in crate::backend::store) fn started(
        self,
        new: &NewTurn,
        written: &mut Written,
    ) -> Result<Result<Started, Plan>, StoreError> {
        let Self { plan, turn, message, reply, now } = self;
        let Some(row) = written.started.remove(&turn.to_string()) else { return Ok(Err(plan)) };
        let StartedRow { position, runs, previous_head_id, title, author, .. } = row;
        let Plan { conversation, parent, said, begun } = plan;
        let parent = match parent {
            Parent::At(parent) => parent,
            Parent::Head => previous_head_id.map(|id| parse_id("conversations", &id)).transpose()?,
        };
        let reply = Message {
            id: reply,
            conversation,
            parent: if said.is_some() { Some(message) } else { parent },
            position: Seq(position),
            seq: Seq(position),
            role: Role::Assistant,
            author: None,
            parts: begun,
            status: Status::Pending,
            turn: Some(turn),
            model: Some(new.model.clone()),
            usage: None,
            fault: None,
            client_id: None,
            created_at: now,
        };
        let message = said.map(|said| Message {
            id: message,
            parent,
            position: Seq(position - 1),
            seq: Seq(position - 1),
            role: Role::User,
            author: Some(Author { id: new.by, name: author }),
            parts: said.parts,
            status: Status::Complete,
            turn: None,
            model: None,
            client_id: Some(said.client_id),
            ..reply.clone()
        });
        let untitled = title.is_empty();
        Ok(Ok(Started { turn, conversation, message, reply, running: runs, duplicate: false, untitled }))
    }
}

async fn target(tx: &mut Tx, by: UserId, id: MessageId) -> Result<Message, StoreError> {
    let sql = concat!("SELECT ", message_columns!(), " FROM messages WHERE id = $2 AND ", for_member!());
    let row = fetch!(tx, fetch_optional, MessageRow, sql, by.to_string(), id.to_string())?;
    row.ok_or(StoreError::NotFound)?.read()
}

/// Why a turn was refused: what was sent before is answered with what is there.
pub(in crate::backend::store) async fn refusal(tx: &mut Tx, by: UserId, plan: &Plan) -> Result<Started, StoreError> {
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

impl Checkpoint {
    /// What is to be written: [`super::Store::checkpoint`].
    pub(in crate::backend::store) fn given(&self, clock: &Clock) -> Result<GivenCheckpoint, StoreError> {
        let (_, parts) = clean_parts(&self.parts)?;
        Ok(GivenCheckpoint {
            turn: self.turn.to_string(),
            parts,
            lease: clock.now().0 + LEASE_MS,
            input: column(self.usage.input),
            output: column(self.usage.output),
            cached: column(self.usage.cached),
            waiting: self.waiting.clone(),
        })
    }
}

impl FinishTurn {
    /// What is to be written, and the parts as they are then: [`super::Store::finish_turn`].
    pub(in crate::backend::store) fn given(&self, clock: &Clock) -> Result<(GivenFinish, Vec<Part>), StoreError> {
        let (parts, json) = clean_parts(&self.parts)?;
        let given = GivenFinish {
            turn: self.turn.to_string(),
            now: clock.now().0,
            parts: json,
            status: status(self.end),
            input: column(self.usage.input),
            output: column(self.usage.output),
            cached: column(self.usage.cached),
            fault: self.fault.as_ref().map(fault_json).transpose()?,
        };
        Ok((given, parts))
    }

    /// The reply as it was written, with its parts.
    pub(in crate::backend::store) fn reply(
        &self,
        parts: Vec<Part>,
        written: &mut Written,
    ) -> Result<Message, StoreError> {
        let row = written.finished.remove(&self.turn.to_string()).ok_or(StoreError::NotFound)?;
        Ok(Message { parts, ..row.read()? })
    }
}

/// Ends turns in a transaction; the replies.
pub(super) async fn finish_all(tx: &mut Tx, clock: &Clock, ends: &[FinishTurn]) -> Result<Vec<Message>, StoreError> {
    let mut replies = Vec::with_capacity(ends.len());
    for ends in ends.chunks(batch::MOST) {
        let given = ends.iter().map(|end| end.given(clock)).collect::<Result<Vec<_>, _>>()?;
        let (finishes, parts): (Vec<_>, Vec<_>) = given.into_iter().unzip();
        let mut written = Batch { finishes, ..Batch::default() }.write(tx).await?;
        for (end, parts) in ends.iter().zip(parts) {
            replies.push(end.reply(parts, &mut written)?);
        }
    }
    Ok(replies)
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
