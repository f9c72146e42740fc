//! What the model is asked in a turn: first, and again in every round, with what its calls came to.

use super::{Halt, unreadable};
use crate::{
    backend::{
        caller::Caller,
        chat::{
            Chat,
            approval::Proposed,
            aside,
            context::{self, Window, summary},
            live::LiveTurn,
            paths::Path,
        },
        llm::{ChatRequest, Content, Model, RequestTurn},
        store::policies::ToolRules,
        tools::{attachments, policy, serve::scope_of},
    },
    wire::{
        message::{Fault, Role, plain_text},
        tool::{INTERRUPTED, ToolSpec},
    },
};
use std::sync::{Arc, Mutex};

/// What the tools that the model is told of follow from.
struct Offer {
    /// Those there are for its person.
    tools: Arc<Vec<Arc<ToolSpec>>>,
    /// What decides about their calls.
    rules: Arc<ToolRules>,
}

impl Offer {
    /// Whether the same follows from both. Mostly all of it is the very same, and nothing is compared by value.
    fn is_like(&self, other: &Self) -> bool {
        let same = |(one, another): (&Arc<ToolSpec>, &Arc<ToolSpec>)| Arc::ptr_eq(one, another) || one == another;
        let tools = Arc::ptr_eq(&self.tools, &other.tools)
            || (self.tools.len() == other.tools.len() && self.tools.iter().zip(other.tools.iter()).all(same));
        tools && (Arc::ptr_eq(&self.rules, &other.rules) || self.rules == other.rules)
    }

    /// The tools the model is told of: not those whose calls would be denied, be it by the rules or because `by` is a
    /// program whose token is not for them. Each such call would cost a round.
    fn told(&self, by: &Caller) -> Arc<Vec<Arc<ToolSpec>>> {
        let tools = policy::offered(&self.rules, attachments::offered(&self.rules, Arc::clone(&self.tools)));
        if by.scopes().is_none() || tools.iter().all(|spec| by.may(scope_of(spec))) {
            return tools;
        }
        Arc::new(tools.iter().filter(|spec| by.may(scope_of(spec))).cloned().collect())
    }
}

/// What the model is asked.
pub(super) struct Asking {
    pub(super) window: Window,
    /// All but the turns, which are the window's.
    request: ChatRequest,
    offer: Offer,
    /// Whether the branch's summary was looked for.
    recalled: bool,
}

impl Asking {
    /// The next request.
    pub(super) fn request(&self) -> ChatRequest {
        ChatRequest { turns: self.window.turns().to_vec(), ..self.request.clone() }
    }
}

impl Chat {
    /// What the model is asked first; `resumed`: the turn goes on after a restart.
    pub(super) async fn asking_first(
        &self,
        turn: &LiveTurn,
        model: &Model,
        question: &Mutex<String>,
        resumed: bool,
    ) -> Result<Asking, Fault> {
        let tools = self.tools.offer(&turn.by, turn.conversation, model.context_window).await;
        let known = turn.take_path().and_then(|path| path.newest(model.history_messages));
        let path = match (known, turn.parent) {
            (Some(path), _) => path,
            (None, None) => Path::read(Vec::new(), model.history_messages),
            (None, Some(leaf)) => {
                let read = self.store.path(turn.by.user, leaf, model.history_messages).await.map_err(unreadable)?;
                Path::read(read, model.history_messages)
            }
        };
        if turn.untitled
            && let Some(first) = path.messages.iter().find(|m| m.role == Role::User)
        {
            *crate::backend::chat::lock(question) = plain_text(&first.parts);
        }
        let rules = self.store.tool_rules(turn.by.user, Some(turn.conversation)).await.map_err(unreadable)?;
        let offer = Offer { tools, rules };
        let tools = offer.told(&turn.by);
        let advertised = self.tools.cost(&tools);
        let several = self.rooms.with(turn.conversation, |room| room.rows().is_ok_and(|rows| rows.len() > 1));
        let mut window = Window::new(context::history(&path.messages, model, several, advertised), model);
        window.advertise(advertised);
        turn.keep_path(Some(path));
        if !resumed {
            turn.close_calls(INTERRUPTED);
            turn.begin_here();
        }
        if turn.begun() > 0 {
            for kept in context::reply_turns(&turn.parts(0..turn.begun()), true) {
                window.push(kept);
            }
            window.push(RequestTurn { assistant: false, content: vec![Content::Text(context::GO_ON.to_owned())] });
        }
        let request = ChatRequest {
            model: model.vendor_name.clone(),
            system: context::SYSTEM.to_owned(),
            turns: Vec::new(),
            tools,
            max_output: model.max_output,
        };
        Ok(Asking { window, request, offer, recalled: false })
    }

    /// Leaves out what does not fit, with the summary of it if there is one.
    pub(super) async fn fit(&self, turn: &LiveTurn, model: &Model, asking: &mut Asking) {
        if asking.window.overflows() {
            self.recall(turn, model, asking).await;
        }
        asking.window.fit();
        turn.note_crowded(asking.window.crowded());
    }

    /// Gives a window the branch's summary, for when something is left out; looks for it once.
    async fn recall(&self, turn: &LiveTurn, model: &Model, asking: &mut Asking) {
        let first = !std::mem::replace(&mut asking.recalled, true);
        if !first || !self.options.summaries || !aside::is_asked(model) {
            return;
        }
        match self.store.summary(turn.by.user, turn.message).await {
            // A model of a larger window may have written more than this one has room for.
            Ok(Some(known)) => {
                let text = summary::written(&known.text, asking.window.space());
                asking.window.recall(summary::block(&text));
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, turn.id = %turn.id, "a turn goes on without its summary"),
        }
    }

    /// Has the calls of a round answered, and adds what the model is to read of the parts since `first`.
    pub(super) async fn answered(
        &self,
        turn: &Arc<LiveTurn>,
        model: &Model,
        calls: Vec<Proposed>,
        first: usize,
        asking: &mut Asking,
    ) -> Result<(), Halt> {
        if !self.answer(turn, calls).await {
            return Err(Halt::Rests);
        }
        for more in context::reply_turns(&turn.parts_from(first), true) {
            asking.window.push(more);
        }
        self.offer_again(turn, model, asking).await;
        Ok(())
    }

    /// Offers the model what there is by now: a search may have found tools, a server have come or gone, somebody have
    /// denied a tool or switched it off, a result have left something to read on in. If the rules cannot be read, the
    /// model goes on with what it knows: whether a call runs is decided anew for each.
    async fn offer_again(&self, turn: &LiveTurn, model: &Model, asking: &mut Asking) {
        let tools = self.tools.offer_again(&turn.by, turn.conversation, model.context_window).await;
        let now = match self.store.tool_rules(turn.by.user, Some(turn.conversation)).await {
            Ok(rules) => Offer { tools, rules },
            Err(error) => return tracing::warn!(%error, turn.id = %turn.id, "a turn keeps the tools it has on offer"),
        };
        if !now.is_like(&asking.offer) {
            asking.request.tools = now.told(&turn.by);
            asking.window.advertise(self.tools.cost(&asking.request.tools));
        }
        asking.offer = now;
    }
}
