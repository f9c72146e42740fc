//! What a model reads in one turn, which grows with every round and is made to fit its window before each.
//!
//! Rule: the oldest is left out first, whole questions with what answered them. The question and this turn's own calls
//! stay; if they alone do not fit, the oldest of their results give way to a line that says so. A summary of what is left
//! out, if there is one, begins the first turn from then on, and is the last thing to give way. Invariant: what is left
//! out stays out for the turn, and the shape of a request is kept. What each turn takes is counted once, when it is
//! added.

use super::{History, PER_PART, RequestTurn, SYSTEM, push, tokens};
use crate::{
    backend::{
        llm::{Content, Model},
        weight::json_bytes,
    },
    wire::limits::PICTURES_MAX,
};

/// What a model reads in place of a result that does not fit.
pub(super) const LEFT_OUT: &str = "[This result was left out, because all of them together are more than you can read \
at once. Call the tool again, with less, if you need it.]";

/// The turns of the requests of one turn.
#[derive(Debug)]
pub(in crate::backend::chat) struct Window {
    turns: Vec<RequestTurn>,
    /// The tokens of each, and of all, without their pictures.
    costs: Vec<usize>,
    total: usize,
    /// The turn and the tokens of each picture, oldest first; turns are counted from the first there was.
    pictures: Vec<(usize, usize)>,
    /// How many turns were left out.
    gone: usize,
    /// Whether nothing was left out before there was this.
    whole: bool,
    /// What stands for what is left out.
    summary: Option<Summary>,
    /// Which turn is the question; those behind it are this turn's own.
    question: usize,
    /// How many pictures are shown, the newest.
    shown: usize,
    /// Tokens there is room for besides the system's text.
    room: usize,
    /// Tokens that the tools take of it.
    tools: usize,
}

/// A summary of the conversation's beginning.
#[derive(Debug)]
struct Summary {
    text: String,
    /// Its tokens, which are not counted with the turn it is in.
    cost: usize,
    /// Whether it is read, as the first turn's first piece.
    told: bool,
}

impl Window {
    /// The history that ends with the question.
    pub(in crate::backend::chat) fn new(History { turns, whole }: History, model: &Model) -> Self {
        let room = usize::try_from(model.room()).unwrap_or(usize::MAX);
        let mut window = Self {
            turns: Vec::with_capacity(turns.len()),
            costs: Vec::with_capacity(turns.len()),
            total: 0,
            pictures: Vec::new(),
            gone: 0,
            whole,
            summary: None,
            question: turns.len().saturating_sub(1),
            shown: if model.sees { PICTURES_MAX } else { 0 },
            room: room.saturating_sub(tokens(SYSTEM.len())),
            tools: 0,
        };
        for turn in turns {
            window.push(turn);
        }
        window
    }

    /// Adds a turn of this turn's own, merged into the last one if the same side speaks.
    pub(in crate::backend::chat) fn push(&mut self, turn: RequestTurn) {
        if turn.content.is_empty() {
            return;
        }
        let merged = self.turns.last().is_some_and(|last| last.assistant == turn.assistant);
        let at = if merged { self.turns.len() - 1 } else { self.turns.len() };
        let cost = turn.content.iter().map(cost).sum::<usize>();
        self.total += cost;
        match self.costs.get_mut(at) {
            Some(sum) => *sum += cost,
            None => self.costs.push(cost),
        }
        let pictures = turn.content.iter().flat_map(|content| match content {
            Content::ToolResult { pictures, .. } => pictures.as_slice(),
            _ => &[],
        });
        self.pictures.extend(pictures.map(|picture| (self.gone + at, picture.cost)));
        push(&mut self.turns, turn.assistant, turn.content);
    }

    /// What there is to read.
    pub(in crate::backend::chat) fn turns(&self) -> &[RequestTurn] {
        &self.turns
    }

    /// The same, for their pictures.
    pub(in crate::backend::chat) fn turns_mut(&mut self) -> &mut [RequestTurn] {
        &mut self.turns
    }

    /// Notes the tokens of the tools that are offered with it.
    pub(in crate::backend::chat) fn advertise(&mut self, tools: u64) {
        self.tools = usize::try_from(tools).unwrap_or(usize::MAX);
    }

    /// Gives it what is to be read in place of what is left out, once there is such.
    pub(in crate::backend::chat) fn recall(&mut self, text: String) {
        let cost = cost_of(text.len());
        self.summary = Some(Summary { text, cost, told: false });
        if self.leaves_out() {
            self.tell();
        }
    }

    /// Whether something of the conversation is left out.
    fn leaves_out(&self) -> bool {
        !self.whole || self.gone > 0
    }

    /// Whether something is left out, or will be.
    pub(in crate::backend::chat) fn overflows(&self) -> bool {
        self.leaves_out() || self.size() > self.space()
    }

    /// The tokens there are for a conversation, if they were not enough for this one.
    pub(in crate::backend::chat) fn crowded(&self) -> Option<usize> {
        self.leaves_out().then(|| self.space())
    }

    /// Tokens there are for the conversation.
    pub(in crate::backend::chat) fn space(&self) -> usize {
        self.room.saturating_sub(self.tools)
    }

    /// Leaves out what does not fit.
    pub(in crate::backend::chat) fn fit(&mut self) {
        let room = self.space();
        if self.size() > room {
            self.leave_out(room);
            self.shorten(room);
        }
        if self.size() > room {
            self.forget();
        }
    }

    /// Leaves out more, because the provider says that this is too long: down to half of it, of what came before the
    /// question or else of this turn's own results, or else the summary. Whether there was anything to leave out.
    pub(in crate::backend::chat) fn leave_out_more(&mut self) -> bool {
        let size = self.size();
        // It holds less than was thought.
        self.room = self.room.min((size + self.tools).saturating_sub(1));
        self.leave_out(size / 2) || self.shorten(size / 2) || self.forget()
    }

    /// Tokens of all of it, about.
    pub(super) fn size(&self) -> usize {
        let summary = self.summary.as_ref().filter(|summary| summary.told).map_or(0, |summary| summary.cost);
        self.total + self.seen(0) + summary
    }

    /// Has the summary read.
    fn tell(&mut self) {
        if let (Some(summary), Some(first)) = (&mut self.summary, self.turns.first_mut().filter(|turn| opens(turn))) {
            summary.told = true;
            first.content.insert(0, Content::Text(summary.text.clone()));
        }
    }

    /// Takes the summary away; whether it was read.
    fn forget(&mut self) -> bool {
        let told = self.summary.take().is_some_and(|summary| summary.told);
        if told {
            self.turns[0].content.remove(0);
        }
        told
    }

    /// Tokens of the pictures that are shown if the turns before `at` are left out.
    fn seen(&self, at: usize) -> usize {
        let newest = self.pictures.iter().rev().take(self.shown);
        newest.take_while(|(turn, _)| *turn >= self.gone + at).map(|(_, cost)| cost).sum()
    }

    /// Leaves out the oldest turns before the question until `room` is enough; whether there were any.
    fn leave_out(&mut self, room: usize) -> bool {
        let (size, mut cut) = (self.size(), 0);
        let (cost, told) = self.summary.as_ref().map_or((0, false), |summary| (summary.cost, summary.told));
        let mut left = self.total + cost;
        for at in 1..=self.question {
            left -= self.costs[at - 1];
            if !opens(&self.turns[at]) {
                continue;
            }
            cut = at;
            if left + self.seen(at) <= room {
                break;
            }
        }
        if cut > 0 {
            self.cut(cut);
            // What it stands for may have been less than it is.
            if told || self.total + self.seen(0) + cost < size {
                self.tell();
            }
        }
        cut > 0
    }

    /// Leaves out the turns before `at`, which is a person's; what it has of results was theirs. The summary goes with
    /// the first, to be told again.
    fn cut(&mut self, at: usize) {
        self.turns.drain(..at);
        self.costs.drain(..at);
        (self.gone, self.question) = (self.gone + at, self.question - at);
        let first = &mut self.turns[0].content;
        if first.iter().any(is_result) {
            first.retain(|content| !is_result(content));
            self.costs[0] = first.iter().map(cost).sum();
            let gone = self.gone;
            self.pictures.retain(|(turn, _)| *turn > gone);
        } else {
            let gone = self.gone;
            self.pictures.retain(|(turn, _)| *turn >= gone);
        }
        self.total = self.costs.iter().sum();
    }

    /// Puts a line in place of this turn's own oldest results until `room` is enough; whether there were any.
    fn shorten(&mut self, room: usize) -> bool {
        let mut any = false;
        for at in self.question + 1..self.turns.len() {
            for place in 0..self.turns[at].content.len() {
                if self.size() <= room {
                    return any;
                }
                any |= self.leave_result_out(at, place);
            }
        }
        any
    }

    /// Whether that was a result, with more to it than the line that takes its place.
    fn leave_result_out(&mut self, at: usize, place: usize) -> bool {
        let Some(Content::ToolResult { text, pictures, .. }) = self.turns[at].content.get_mut(place) else {
            return false;
        };
        let long = tokens(text.len()) > tokens(LEFT_OUT.len());
        if !long && pictures.is_empty() {
            return false;
        }
        if long {
            let saved = tokens(text.len()) - tokens(LEFT_OUT.len());
            LEFT_OUT.clone_into(text);
            self.costs[at] -= saved;
            self.total -= saved;
        }
        // The oldest results go first, so its pictures are the first that are noted of its turn.
        let count = std::mem::take(pictures).len();
        let from = self.pictures.partition_point(|(turn, _)| *turn < self.gone + at);
        self.pictures.drain(from..from + count);
        true
    }
}

fn is_result(content: &Content) -> bool {
    matches!(content, Content::ToolResult { .. })
}

/// Whether a request may begin with it: a person says something in it.
fn opens(turn: &RequestTurn) -> bool {
    !turn.assistant && !turn.content.iter().all(is_result)
}

/// Tokens of a piece, without its pictures.
fn cost(content: &Content) -> usize {
    let bytes = match content {
        Content::Text(text) | Content::Thinking { text, .. } | Content::ToolResult { text, .. } => text.len(),
        Content::ToolCall(call) => call.name.len() + json_bytes(&call.arguments),
        Content::Image { .. } => 0,
    };
    cost_of(bytes)
}

/// Tokens of a piece of so many bytes.
fn cost_of(bytes: usize) -> usize {
    PER_PART + tokens(bytes)
}
