//! When the room is told of text: the first at once, then at most once per frame, however fast a model writes and
//! however often it changes between answer and reasoning.
//!
//! Pure but for the turn it tells: the time is the caller's, and so is waiting until [`Frames::due`].

use super::LiveTurn;
use crate::backend::metrics;
use std::time::Duration;
use tokio::time::Instant;

/// When frames of a turn's text are due.
pub(super) struct Frames {
    /// Time between two of them.
    frame: Duration,
    /// When the turn began.
    began: Instant,
    last: Option<Instant>,
    due: Option<Instant>,
}

impl Frames {
    /// None was told yet of a turn that `began` then.
    pub(super) fn new(frame: Duration, began: Instant) -> Self {
        Self { frame, began, last: None, due: None }
    }

    /// When the text that waits is to be told; `None` if none waits.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Text was added to the turn: it is told now, or left to the frame that is due next.
    pub(super) fn added(&mut self, turn: &LiveTurn, now: Instant) {
        match (self.due, self.last) {
            (Some(due), _) if now < due => {}
            (None, Some(last)) if now < last + self.frame => self.due = Some(last + self.frame),
            _ => {
                if self.last.is_none() {
                    metrics::first_delta(now - self.began);
                }
                self.show(turn, now);
                self.last = Some(now);
            }
        }
    }

    /// Tells what was added, now.
    pub(super) fn show(&mut self, turn: &LiveTurn, now: Instant) {
        turn.flush();
        if self.due.take().is_some() {
            self.last = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::{
        backend::{
            caller::{Caller, Via},
            hub::{Hub, Topic},
            test,
        },
        wire::{
            event::{ChatEvent, TextKind},
            id::ModelId,
            message::{Message, Role, Status},
        },
    };
    use proptest::prelude::*;
    use uuid::Uuid;

    const FRAME: Duration = Duration::from_millis(16);

    fn live(hub: &Hub) -> LiveTurn {
        let reply = Message {
            status: Status::Pending,
            ..test::message(Uuid::from_u128(1).into(), Role::Assistant, Vec::new())
        };
        let by = Caller { user: Uuid::from_u128(3).into(), name: "ann".to_owned(), admin: false, via: Via::Process };
        LiveTurn::new(hub.clone(), by, ModelId("scripted/test".to_owned()), Uuid::from_u128(4).into(), false, &reply)
    }

    /// A delta: microseconds after the one before, and of what.
    type Came = (u64, TextKind);

    /// What a room heard.
    struct Heard {
        at: Duration,
        part: u32,
        offset: u32,
        kind: TextKind,
        text: String,
    }

    /// What a room hears of those deltas, each of which is its number.
    fn heard(deltas: &[Came]) -> Vec<Heard> {
        let hub = Hub::default();
        let turn = live(&hub);
        let mut listener = hub.listen();
        listener.subscribe(Topic::Conversation(turn.conversation));
        let mut heard = Vec::new();
        let began = Instant::now();
        let mut hear = |at: Instant| {
            let (events, lagged) = listener.take_all();
            assert!(!lagged);
            heard.extend(events.iter().map(|(_, event)| match &**event {
                ChatEvent::Delta { part, offset, kind, text, .. } => {
                    Heard { at: at - began, part: *part, offset: *offset, kind: *kind, text: text.clone() }
                }
                other => panic!("{other:?}"),
            }));
        };
        let mut frames = Frames::new(FRAME, began);
        let mut now = began;
        for (n, (pause, kind)) in deltas.iter().enumerate() {
            now += Duration::from_micros(*pause);
            // As the turn's loop does, which sleeps until then.
            if let Some(due) = frames.due().filter(|due| *due <= now) {
                frames.show(&turn, due);
                hear(due);
            }
            turn.append(*kind, &format!("{n} "));
            frames.added(&turn, now);
            hear(now);
        }
        frames.show(&turn, now);
        hear(now);
        heard
    }

    /// The times at which it heard something.
    fn frames(heard: &[Heard]) -> Vec<Duration> {
        let mut times: Vec<_> = heard.iter().map(|heard| heard.at).collect();
        times.dedup();
        times
    }

    fn all(count: usize) -> String {
        (0..count).flat_map(|n| [n.to_string(), " ".to_owned()]).collect()
    }

    fn kind() -> impl Strategy<Value = TextKind> {
        prop_oneof![Just(TextKind::Text), Just(TextKind::Thinking)]
    }

    #[test]
    fn a_delta_every_millisecond_comes_as_one_event_per_frame() {
        let told = heard(&[(1_000, TextKind::Text); 1_000]);
        assert_eq!(told.iter().map(|heard| &*heard.text).collect::<String>(), all(1_000));
        assert_eq!((told[0].at, &*told[0].text), (Duration::from_millis(1), "0 "), "the first at once");
        let frames = 1_000 / 16;
        assert!((frames..=frames + 2).contains(&told.len()), "{} events", told.len());
    }

    #[test]
    fn answer_and_reasoning_that_take_turns_come_in_as_many_frames() {
        let kinds = [TextKind::Thinking, TextKind::Text];
        let deltas: Vec<Came> = (0..1_000).map(|n| (1_000, kinds[n % 2])).collect();
        let told = heard(&deltas);
        assert_eq!(told.iter().map(|heard| &*heard.text).collect::<String>(), all(1_000));
        assert!(frames(&told).len() <= 1_000 / 16 + 2, "{} frames", frames(&told).len());
    }

    proptest! {
        #[test]
        fn however_deltas_come_no_two_frames_are_closer_and_no_text_waits_longer(
            deltas in prop::collection::vec((prop_oneof![0u64..2_000, 0u64..40_000], kind()), 1..300)
        ) {
            let told = heard(&deltas);
            prop_assert_eq!(told.iter().map(|heard| &*heard.text).collect::<String>(), all(deltas.len()));
            // The last one is the reply's end, which waits for nothing.
            let frames = frames(&told);
            for pair in frames[..frames.len() - 1].windows(2) {
                prop_assert!(pair[1] >= pair[0] + FRAME, "{:?}", pair);
            }
            let mut came = Duration::ZERO;
            let mut left = told.iter().flat_map(|heard| heard.text.split_whitespace().map(move |_| heard));
            for (pause, kind) in &deltas {
                came += Duration::from_micros(*pause);
                let heard = left.next().unwrap();
                prop_assert!(heard.at <= came + FRAME);
                prop_assert_eq!(heard.kind, *kind);
            }
            // Each part goes on where it ended, and a new one stands behind all others.
            let mut ends: Vec<usize> = Vec::new();
            for heard in &told {
                let part = usize::try_from(heard.part).unwrap();
                prop_assert!(part + 1 >= ends.len() && part <= ends.len(), "part {} of {}", part, ends.len());
                ends.resize(part + 1, 0);
                prop_assert_eq!(usize::try_from(heard.offset).unwrap(), ends[part]);
                ends[part] += heard.text.len();
            }
        }
    }
}
