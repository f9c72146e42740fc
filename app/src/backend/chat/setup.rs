//! What a chat is made of.

use crate::{
    backend::{
        clock::Clock,
        hub::Hub,
        llm::Models,
        store::{Store, turns::LEASE_MS},
        task::Tasks,
        tools::ToolRegistry,
    },
    wire::{id::UserId, limits},
};
use std::time::Duration;

/// Counts something; if it was one too many, how long to wait.
pub type Budget<T> = Box<dyn Fn(T) -> Result<(), Duration> + Send + Sync>;

/// What the chat is made of.
pub struct Setup {
    /// Where conversations are.
    pub store: Store,
    /// Who hears of them.
    pub hub: Hub,
    /// Who answers.
    pub models: Models,
    /// With what.
    pub tools: ToolRegistry,
    /// Where turns run.
    pub tasks: Tasks,
    /// The time.
    pub clock: Clock,
    /// Counts what a person sends: messages, edits, new replies.
    pub sending: Budget<UserId>,
    /// Counts the conversations a person makes.
    pub creating: Budget<UserId>,
    /// Makes the budget of one socket's frames.
    pub frames: Box<dyn Fn() -> Budget<()> + Send + Sync>,
    /// The numbers.
    pub options: Options,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup").field("options", &self.options).finish_non_exhaustive()
    }
}

/// The chat's numbers that are not a user's limits; tests shorten them.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Time between two frames of text of one turn: an animation frame.
    pub frame: Duration,
    /// Time between two checkpoints of one turn: what a crash may cost.
    pub checkpoint: Duration,
    /// How long a tool call's question waits.
    pub approval: Duration,
    /// How long a person who left a room counts as there, so that a reload does not flicker.
    pub leave: Duration,
    /// Rounds of tools in one turn.
    pub rounds: u32,
    /// Whether people see this process's turns on a page, and can answer there. Where they cannot, nothing is asked: what
    /// would ask is denied, and what a server asks is declined.
    pub page: bool,
    /// Whether models summarise what no longer fits their window, and read that.
    pub summaries: bool,
    /// Time between two looks at what other processes left: long enough for a turn's lease to be renewed in between.
    pub look: Duration,
    /// Waits between attempts to write a turn's end or the next one's beginning.
    pub retries: &'static [Duration],
}

/// About half a minute in all: a disk that is being cleared, a database that restarts.
const RETRIES: [Duration; 9] = {
    let ms = Duration::from_millis;
    [ms(20), ms(80), ms(300), ms(1_000), ms(2_000), ms(4_000), ms(6_000), ms(8_000), ms(10_000)]
};

impl Default for Options {
    fn default() -> Self {
        Self {
            frame: Duration::from_millis(16),
            checkpoint: Duration::from_secs(1),
            approval: Duration::from_millis(limits::APPROVAL_MS.unsigned_abs()),
            leave: Duration::from_secs(2),
            rounds: limits::ROUNDS_MAX,
            page: true,
            summaries: true,
            look: Duration::from_millis(LEASE_MS.unsigned_abs() / 3),
            retries: &RETRIES,
        }
    }
}
