//! Apps in conversations: opening the app of a call, and what it asks for once it is shown.
//!
//! Rule: whoever may read the conversation may open the app, with a connection of their own to its server. What the app
//! calls is decided about like a call of the model's, for the one who looks at it: where a person must be asked, the
//! answer is the question, and the page calls again with what they said. A word about a tool that has changed since
//! asks anew. Every call, and every resource that is read, is recorded, with the conversation, as an app's.
//!
//! What an app tells the model is [`told`]'s; what it is told of its own call, [`result`]'s.
//!
//! Invariant: there is an app only where its call was permitted to run ([`LiveTurn::show_app`]).

mod result;
pub(super) mod told;

use super::{Chat, live::LiveTurn, refusal::ChatError};
use crate::{
    backend::{
        caller::Caller,
        config::AppsConfig,
        metrics,
        tools::{
            ToolCx,
            ask::Approved,
            kept::Nowhere,
            policy::{self, Called, Decision, Permit, Place, definition},
            remote::{Connections, apps::AppError},
        },
    },
    wire::{
        app::{AppAnswer, AppList, OpenedApp, ToolApp, result_of},
        error::ApiError,
        id::{CallId, ConversationId, MessageId, TurnId},
        message::Part,
        policy::{Question, Rule, Why},
        tool::{Approval, ToolCall, ToolOutcome, ToolSpec},
    },
};
use serde_json::{Value, json};
use std::sync::Arc;

/// A call that an app shows.
#[derive(Debug)]
struct Shown {
    conversation: ConversationId,
    turn: TurnId,
    tool: String,
    /// What the tool is called for people.
    title: String,
    app: ToolApp,
    outcome: Option<ToolOutcome>,
}

impl Shown {
    /// Where the app calls and reads.
    fn place(&self) -> Place {
        Place { turn: Some((self.conversation, self.turn)), app: true, ..Place::default() }
    }
}

/// What an app wants called.
#[derive(Debug)]
pub struct AppCall {
    /// The tool, as its server calls it.
    pub tool: String,
    /// With what.
    pub arguments: Value,
    /// What the person said of it, and the hash of what they said it of.
    pub said: Option<(Approval, String)>,
}

impl From<AppError> for ChatError {
    fn from(error: AppError) -> Self {
        match error {
            AppError::NotFound => ApiError::NotFound.into(),
            AppError::Refused(reason) => ApiError::Conflict { reason }.into(),
            AppError::Store(error) => error.into(),
            AppError::Secrets(error) => {
                tracing::error!(%error, "an app's frame cannot be made");
                ApiError::Unavailable.into()
            }
        }
    }
}

impl Chat {
    /// The call with its tool's app, which is told to the room: it is about to run.
    pub(super) fn with_app(&self, turn: &LiveTurn, part: u32, call: ToolCall) -> ToolCall {
        match self.tools.app_of(&turn.by, &call.name) {
            Some(app) => turn.show_app(part, call, app),
            None => call,
        }
    }

    /// Opens the app of a call.
    ///
    /// # Errors
    /// `NotFound` for a foreign message, a call without an app, or a server that `by` has not connected; `Conflict` with
    /// a sentence if its page cannot be had.
    pub async fn open_app(
        &self,
        by: &Caller,
        message: MessageId,
        call: &CallId,
        site: &AppsConfig,
    ) -> Result<OpenedApp, ChatError> {
        let shown = self.shown_app(by, message, call).await?;
        Ok(self.servers()?.open_app(by, &shown.app, &shown.tool, site).await?)
    }

    /// Reads a resource of an app's server for the app. It is decided about and recorded like a call that changes
    /// nothing; nobody is asked about it, so where an administrator wants that it is refused.
    ///
    /// # Errors
    /// As [`Chat::open_app`]; `Conflict` if it may not be, or cannot be recorded.
    pub async fn read_for_app(
        &self,
        by: &Caller,
        message: MessageId,
        call: &CallId,
        uri: &str,
    ) -> Result<Value, ChatError> {
        let shown = self.shown_app(by, message, call).await?;
        let servers = self.servers()?;
        let (spec, arguments) = (servers.reading_of_app(by, &shown.app).await?, json!({ "uri": uri }));
        let place = shown.place();
        let called = Called { caller: by, tool: &spec.name, spec: Some(&spec), arguments: &arguments, place };
        let entry = Permit::entry(&self.store, &self.clock, &called);
        let permit = match policy::decide(&self.store, by, &spec, &place).await {
            Decision::Deny(rule, why) => entry.denied(rule, None, why),
            Decision::Ask { question, .. } if question.why == Why::Floor => {
                let why = "An administrator wants a person asked before each use of this server, and nobody is asked \
                           about what an app reads.";
                entry.denied(Rule::Floor, None, why)
            }
            Decision::Run(_) | Decision::Ask { .. } => entry.allowed(Rule::ReadOnly, None),
        };
        let mut found = None;
        let work = async {
            let read = servers.read_for_app(by, &shown.app, uri).await;
            let outcome = match &read {
                Ok(_) => ToolOutcome::ok("", Value::Null),
                Err(error) => ToolOutcome::error(error.to_string()),
            };
            found = Some(read);
            outcome
        };
        let outcome = Box::pin(permit.run(work)).await;
        match found {
            // It was read, but its record could not be written: then nothing is told of it.
            Some(Ok(_)) | None if outcome.is_error => Err(ApiError::Conflict { reason: outcome.text }.into()),
            Some(read) => Ok(read?),
            None => Err(ApiError::Unavailable.into()),
        }
    }

    /// Lists what an app's server has, for the app.
    ///
    /// # Errors
    /// As [`Chat::open_app`].
    pub async fn list_for_app(
        &self,
        by: &Caller,
        message: MessageId,
        call: &CallId,
        list: AppList,
    ) -> Result<Value, ChatError> {
        let shown = self.shown_app(by, message, call).await?;
        Ok(self.servers()?.list_for_app(by, &shown.app, list).await?)
    }

    /// Calls a tool of an app's server for the app, or says what is to be asked first.
    ///
    /// # Errors
    /// As [`Chat::open_app`]; `Conflict` for a tool that is not there or not for apps; `Forbidden` for a lasting «yes»
    /// that an administrator does not want.
    pub async fn call_for_app(
        &self,
        by: &Caller,
        message: MessageId,
        call: &CallId,
        wanted: AppCall,
    ) -> Result<AppAnswer, ChatError> {
        let shown = self.shown_app(by, message, call).await?;
        let servers = self.servers()?;
        let spec = servers.tool_of_app(by, &shown.app, &wanted.tool).await?;
        let place = shown.place();
        let permit = match self.judged(by, &spec, place, &wanted).await? {
            Judged::Permit(permit) => permit,
            Judged::Asks(question) => {
                let (title, definition) = (spec.title.clone(), definition(&spec));
                return Ok(AppAnswer::Asks { title, question, definition });
            }
        };
        let cx = self.app_context(by, shown.conversation, permit.definition().map(str::to_owned));
        let mut result = None;
        let work = async {
            let (outcome, told) =
                Box::pin(servers.call_for_app(&cx, &shown.app, &wanted.tool, &wanted.arguments)).await;
            result = Some(told);
            outcome
        };
        let outcome = Box::pin(permit.run(work)).await;
        metrics::tool_call(self.tools.label(by, &spec.name).as_deref().or(Some("remote")), outcome.is_error);
        // Without a result of its server's it did not run, or its record could not be written: then nothing is told of it.
        let result = result.filter(|_| !outcome.is_error).unwrap_or_else(|| result_of(&outcome));
        Ok(AppAnswer::Done { result })
    }

    async fn judged(&self, by: &Caller, spec: &ToolSpec, place: Place, wanted: &AppCall) -> Result<Judged, ChatError> {
        let called = Called { caller: by, tool: &spec.name, spec: Some(spec), arguments: &wanted.arguments, place };
        let entry = Permit::entry(&self.store, &self.clock, &called);
        let question = match policy::decide(&self.store, by, spec, &place).await {
            Decision::Run(rule) => return Ok(Judged::Permit(entry.allowed(rule, None))),
            Decision::Deny(rule, why) => return Ok(Judged::Permit(entry.denied(rule, None, why))),
            Decision::Ask { question, .. } => question,
        };
        let definition = definition(spec);
        let Some(approval) = wanted.said.as_ref().filter(|(_, of)| *of == definition).map(|(approval, _)| *approval)
        else {
            return Ok(Judged::Asks(question));
        };
        if approval.rule() != Rule::Once {
            if approval.allows() && !question.may_last() {
                let reason = "An administrator wants each call of this tool asked about: allow it once.";
                return Err(ApiError::Forbidden { reason: reason.to_owned() }.into());
            }
            let here = place.conversation().filter(|_| approval.rule() == Rule::Conversation);
            self.store.set_tool_policy(by.user, here, &spec.name, approval.policy(), &definition).await?;
        }
        Ok(Judged::Permit(if approval.allows() {
            entry.allowed(approval.rule(), Some(by.user))
        } else {
            entry.denied(approval.rule(), Some(by.user), "The person denied this call. It was not run.")
        }))
    }

    /// The call, if `by` may read it and an app shows it. Of a reply that is being written, as it is now.
    async fn shown_app(&self, by: &Caller, message: MessageId, call: &CallId) -> Result<Shown, ChatError> {
        let message = self.store.message(by.user, message).await?;
        let turn = message.turn.ok_or(ApiError::NotFound)?;
        let parts = match self.rooms.turn(turn).filter(|live| live.message == message.id) {
            Some(live) => live.parts_from(0),
            None => message.parts,
        };
        let (mut called, mut outcome) = (None, None);
        for part in parts {
            match part {
                Part::ToolCall(found) if found.id == *call => called = Some(found),
                Part::ToolResult(found) if found.call == *call => outcome = Some(found.outcome),
                _ => {}
            }
        }
        let ToolCall { name: tool, title, app, .. } = called.ok_or(ApiError::NotFound)?;
        let app = *app.ok_or(ApiError::NotFound)?;
        let title = if title.is_empty() { tool.clone() } else { title };
        Ok(Shown { conversation: message.conversation, turn, tool, title, app, outcome })
    }

    fn servers(&self) -> Result<&Connections, ChatError> {
        Ok(self.tools.connections().ok_or(ApiError::NotFound)?)
    }

    /// What an app's call may use: there is no line in the transcript for its progress.
    fn app_context(&self, by: &Caller, conversation: ConversationId, definition: Option<String>) -> ToolCx {
        ToolCx {
            caller: by.clone(),
            conversation: Some(conversation),
            store: self.store.clone(),
            clock: self.clock.clone(),
            progress: Arc::new(|_, _| {}),
            asking: Arc::new(Approved),
            kept: Arc::new(Nowhere),
            definition,
        }
    }
}

/// What is to happen with a call of an app's.
enum Judged {
    Permit(Permit),
    Asks(Question),
}
