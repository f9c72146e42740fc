//! Waiting for a reply: what it does is told as progress, and what it came to is told at the end.

use super::{Conversing, Said};
use crate::{
    backend::{
        hub::{Heard, Listener},
        store::StoreError,
        tools::{ToolCx, address, conversations},
    },
    wire::{
        event::ChatEvent,
        id::{MessageId, TurnId},
        limits,
        message::{Message, Part, Status, TurnState},
        tool::{ToolOutcome, ToolState},
    },
};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// How long a reply is waited for: a little less than the registry lets the call run, so that the answer says so.
const PATIENCE: Duration = Duration::from_millis(limits::LONG_TOOL_DEADLINE_MS - 15_000);
/// Between two looks into the store while nothing is heard: another process may write the reply.
const LOOK: Duration = Duration::from_secs(5);
/// Between two signs of progress.
const PROGRESS: Duration = Duration::from_millis(200);
/// Bytes of a reply in an answer.
const REPLY: usize = limits::TOOL_RESULT_MAX * 3 / 4;
/// Characters after which a reply counts as half done, for want of knowing how long it gets.
const HALF: f32 = 2_000.0;

/// Waits for one reply; dropped before its end, it stops it, unless another process is to go on waiting.
pub(super) struct Waiting<'a> {
    cx: &'a ToolCx,
    chat: &'a dyn Conversing,
    listener: Listener,
    turn: TurnId,
    reply: MessageId,
    over: bool,
    written: usize,
    steps: usize,
    told: Option<Instant>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.over && !self.cx.asking.is_left() {
            self.chat.stop(&self.cx.caller, self.turn);
        }
    }
}

impl<'a> Waiting<'a> {
    pub(super) fn new(cx: &'a ToolCx, chat: &'a dyn Conversing, listener: Listener, said: &Said) -> Self {
        let waiting = Self {
            cx,
            chat,
            listener,
            turn: said.turn,
            reply: said.reply.id,
            over: false,
            written: 0,
            steps: 0,
            told: None,
        };
        (cx.progress)(Some(0.01), Some(if said.waits { "Other replies come first." } else { "Sent." }.to_owned()));
        waiting
    }

    /// The reply, finished or as far as it is when patience ends.
    pub(super) async fn reply(mut self) -> Result<Message, ToolOutcome> {
        let until = Instant::now() + PATIENCE;
        loop {
            tokio::select! {
                heard = timeout(LOOK, self.listener.next()) => match heard {
                    Ok(Heard::Event(_, event)) => {
                        if let Some(message) = self.heard(&event) {
                            return self.end(Some(message)).await;
                        }
                    }
                    Ok(Heard::Lagged) | Err(_) => {
                        if let Some(message) = self.stored().await? {
                            self.over = true;
                            return Ok(message);
                        }
                    }
                },
                () = sleep_until(until) => return self.end(None).await,
            }
        }
    }

    /// What the store has of it: the caller may have been taken out of the room since.
    async fn end(mut self, heard: Option<Message>) -> Result<Message, ToolOutcome> {
        self.over = true;
        let stored = self.cx.store.message(self.cx.caller.user, self.reply).await.map_err(conversations::failed)?;
        // One that could not be stored was told all the same.
        Ok(heard.filter(|_| stored.status == Status::Pending).unwrap_or(stored))
    }

    async fn stored(&mut self) -> Result<Option<Message>, ToolOutcome> {
        match self.cx.store.message(self.cx.caller.user, self.reply).await {
            Ok(message) if message.status == Status::Pending => {
                self.chat.nudge(message.conversation);
                Ok(None)
            }
            Ok(message) => Ok(Some(message)),
            Err(StoreError::Busy) => Ok(None),
            Err(error) => Err(conversations::failed(error)),
        }
    }

    /// The reply, if that was its end.
    fn heard(&mut self, event: &ChatEvent) -> Option<Message> {
        match event {
            ChatEvent::Message { message } if message.id == self.reply && message.status != Status::Pending => {
                return Some(message.clone());
            }
            ChatEvent::Delta { turn, text, .. } if *turn == self.turn => {
                self.written += text.chars().count();
                self.tell(format!("{} characters are written.", self.written), false);
            }
            ChatEvent::Tool { turn, call, state, .. } if *turn == self.turn => {
                self.steps += 1;
                let note = match state {
                    ToolState::Asked { .. } => format!("{} waits to be allowed on the user's page.", call.name),
                    ToolState::Elicits { question, .. } => {
                        format!("The server «{}» asks something on the user's page.", question.server)
                    }
                    ToolState::Running { .. } => format!("{} runs.", call.name),
                    ToolState::Done { .. } => format!("{} is done.", call.name),
                };
                self.tell(note, true);
            }
            ChatEvent::TurnState { turn, state: TurnState::Running } if *turn == self.turn => {
                self.steps += 1;
                self.tell("The reply begins.".to_owned(), true);
            }
            _ => {}
        }
        None
    }

    /// Tells progress: how much is done is a guess that only grows.
    fn tell(&mut self, note: String, at_once: bool) {
        let now = Instant::now();
        if !at_once && self.told.is_some_and(|at| now.duration_since(at) < PROGRESS) {
            return;
        }
        self.told = Some(now);
        #[expect(clippy::cast_precision_loss, reason = "a guess")]
        let done = (self.written + 100 * self.steps) as f32;
        (self.cx.progress)(Some(0.01 + 0.98 * done / (done + HALF)), Some(note));
    }
}

/// A reply as the tool's outcome.
pub(super) fn told(reply: &Message, message: Option<MessageId>) -> ToolOutcome {
    if reply.status == Status::Failed {
        let why = reply.fault.as_ref().map_or("Why is not known.", |fault| fault.message.as_str());
        return ToolOutcome::error(format!("The message was sent, but its reply failed: {why}"));
    }
    let whole = reply.text();
    let text = &whole[..whole.floor_char_boundary(REPLY)];
    let tools = reply.parts.iter().filter_map(|part| match part {
        Part::ToolCall(call) => Some(call.name.as_str()),
        _ => None,
    });
    let mut structured = json!({
        "conversation_id": reply.conversation, "reply_id": reply.id, "status": reply.status, "text": text,
        "tools": tools.collect::<Vec<_>>(), "uri": address::message(reply.conversation, reply.id),
    });
    if let Some(message) = message {
        structured["message_id"] = json!(message);
    }
    if let Some(model) = &reply.model {
        structured["model"] = json!(model.0);
    }
    if text.len() < whole.len() {
        structured["shortened"] = json!(true);
    }
    let note = match reply.status {
        Status::Pending => "The reply is still being written; read it later with get_conversation_history.",
        Status::Stopped => "The reply was stopped here.",
        Status::Interrupted => "The reply was interrupted here.",
        _ if text.is_empty() => "The reply has no text.",
        _ => "",
    };
    let between = if text.is_empty() || note.is_empty() { "" } else { "\n\n" };
    ToolOutcome::ok(format!("{text}{between}{note}"), structured)
}
