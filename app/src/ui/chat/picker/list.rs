//! [`List`]: what is looked for in the open lists, what was found, which of it is chosen, and what becomes of that.

use super::{AT, Opening, Picker, SLASH};
use crate::{
    api::picker::{fill_prompt, fill_template, pick},
    ui::kit::{Toaster, Watched},
    wire::{
        error::ApiError,
        limits::REFERENCES_MAX,
        picker::{Choice, ChoiceKind, Filled, Group, Pick, Reference},
    },
};
use leptos::{html, prelude::*, task::spawn_local};
use std::time::Duration;

/// Milliseconds without a key before the server is asked.
const PAUSE: u64 = 150;
/// Milliseconds after which servers that are being connected are asked about again, and how often.
const AGAIN: u64 = 1_500;
const AGAIN_MAX: u32 = 10;

/// What was found: nothing yet, groups, or why not.
pub(super) type Found = Option<Result<Vec<Group>, String>>;

/// A choice, and whose it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chosen {
    pub(super) server: String,
    pub(super) from: String,
    pub(super) choice: Choice,
}

/// How what was chosen stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Doing {
    /// Nothing was chosen.
    Nothing,
    /// Its server is asked.
    Asking,
    /// It did not come, and why.
    Failed(String),
}

/// How far looking is.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    /// Counts what was typed.
    now: u32,
    /// What the shown answer is to.
    answered: u32,
    /// Whether the first of the next answer is taken: somebody was faster than the server.
    hurry: bool,
}

/// See the module. A handle, free to copy.
#[derive(Clone, Copy)]
pub(super) struct List {
    picker: StoredValue<Picker>,
    pub(super) input: NodeRef<html::Input>,
    pub(super) query: RwSignal<String>,
    pub(super) found: Watched<Found>,
    /// The number of the choice that Enter takes.
    pub(super) active: RwSignal<usize>,
    /// One whose blanks are being filled in.
    pub(super) chosen: Watched<Option<Chosen>>,
    /// How what was chosen stands.
    pub(super) doing: Watched<Doing>,
    asked: StoredValue<Asked>,
    toaster: Toaster,
}

impl List {
    pub(super) fn new(picker: Picker) -> Self {
        Self {
            picker: StoredValue::new(picker),
            input: NodeRef::new(),
            query: RwSignal::new(String::new()),
            found: Watched::new(None),
            active: RwSignal::new(0),
            chosen: Watched::new(None),
            doing: Watched::new(Doing::Nothing),
            asked: StoredValue::new(Asked::default()),
            toaster: Toaster::expect(),
        }
    }

    /// The composer's side, which outlives the lists.
    pub(super) fn picker(self) -> Picker {
        self.picker.get_value()
    }

    /// What the lists are of.
    pub(super) fn pick(self) -> Pick {
        self.picker().open.with(|open| open.map_or(Pick::Prompts, |open| open.pick))
    }

    /// Takes over what was typed behind the sign while this was on its way, puts the cursor here and begins to look.
    pub(super) fn begin(self) {
        let picker = self.picker();
        if let (Some(Opening { at: Some(at), .. }), Some(caret)) = (picker.open.get_untracked(), picker.caret())
            && caret > at
        {
            let units: Vec<u16> = picker.text.with_untracked(|text| text.encode_utf16().collect());
            let typed = units.get(at..caret).unwrap_or_default();
            self.query.set(String::from_utf16_lossy(typed));
            picker.splice(at, caret, "");
        }
        self.focus();
        self.look(0);
    }

    pub(super) fn focus(self) {
        request_animation_frame(move || {
            if let Some(input) = self.input.try_get_untracked().flatten() {
                _ = input.focus();
            }
        });
    }

    /// Shows the lists of something else.
    pub(super) fn turn_to(self, pick: Pick) {
        self.chosen.set(None);
        self.doing.set(Doing::Nothing);
        self.found.set(None);
        self.picker().open.update(|open| {
            if let Some(open) = open {
                open.pick = pick;
            }
        });
        self.focus();
        self.look(0);
    }

    /// Back from the blanks of a choice to the lists.
    pub(super) fn back(self) {
        self.chosen.set(None);
        self.doing.set(Doing::Nothing);
        self.focus();
    }

    pub(super) fn typed(self, query: String) {
        self.query.set(query);
        self.look(PAUSE);
    }

    fn look(self, after: u64) {
        let asked = self.asked.get_value().now.wrapping_add(1);
        self.asked.update_value(|all| (all.now, all.hurry) = (asked, false));
        set_timeout(move || self.ask(asked, 0), Duration::from_millis(after));
    }

    /// Asks the server, unless something else was typed since.
    fn ask(self, asked: u32, times: u32) {
        let current = move || self.asked.try_get_value().is_some_and(|all| all.now == asked);
        if !current() {
            return;
        }
        let (what, query) = (self.pick(), self.query.get_untracked());
        spawn_local(async move {
            let found = pick(what, query).await;
            if !current() {
                return;
            }
            if found.as_ref().is_ok_and(|groups| groups.iter().any(|group| group.coming)) && times < AGAIN_MAX {
                set_timeout(move || self.ask(asked, times + 1), Duration::from_millis(AGAIN));
            }
            if times == 0 {
                self.active.set(0);
            }
            self.found.set(Some(found.map_err(|error| error.to_string())));
            let hurry = self.asked.get_value().hurry;
            self.asked.set_value(Asked { now: asked, answered: asked, hurry: false });
            if hurry {
                self.take(0);
            }
        });
    }

    /// How many choices there are.
    pub(super) fn count(self) -> usize {
        self.found.with_untracked(|found| match found {
            Some(Ok(groups)) => groups.iter().map(|group| group.choices.len()).sum(),
            _ => 0,
        })
    }

    /// Whether an answer says that there are none.
    pub(super) fn is_empty(self) -> bool {
        self.found.with_untracked(|found| matches!(found, Some(Ok(_)))) && self.count() == 0
    }

    /// Moves to the next choice, or the one before, round and round.
    pub(super) fn step(self, down: bool) {
        let count = self.count();
        if count > 0 {
            self.active.update(|at| *at = (*at + if down { 1 } else { count - 1 }) % count);
        }
    }

    /// Takes the choice that Enter takes; if what is shown is not yet what was typed for, the first of what will be.
    pub(super) fn enter(self) {
        let asked = self.asked.get_value();
        if asked.now == asked.answered {
            self.take(self.active.get_untracked());
        } else {
            self.asked.update_value(|all| all.hurry = true);
        }
    }

    /// Takes a choice: at once, or after its blanks.
    pub(super) fn take(self, number: usize) {
        let chosen = self.found.with_untracked(|found| {
            let Some(Ok(groups)) = found else { return None };
            let all = groups.iter().flat_map(|group| group.choices.iter().map(move |choice| (group, choice)));
            let (group, choice) = all.into_iter().nth(number)?;
            Some(Chosen { server: group.server.clone(), from: group.name.clone(), choice: choice.clone() })
        });
        let Some(chosen) = chosen else { return };
        self.doing.set(Doing::Nothing);
        let Chosen { server, from, choice } = &chosen;
        match choice.kind {
            ChoiceKind::Resource => {
                let (server, uri) = (server.clone(), choice.key.clone());
                let reference = Reference { server, uri, name: choice.title.clone(), from: from.clone() };
                self.doing.set(self.picker().add(reference));
            }
            ChoiceKind::Prompt | ChoiceKind::Template if choice.blanks.is_empty() => self.fill(chosen, String::new()),
            ChoiceKind::Prompt | ChoiceKind::Template => self.chosen.set(Some(chosen)),
        }
    }

    /// Asks for what was chosen, with these values: a JSON object.
    pub(super) fn fill(self, chosen: Chosen, values: String) {
        self.doing.set(Doing::Asking);
        let (picker, toaster) = (self.picker(), self.toaster);
        spawn_local(async move {
            let Chosen { server, choice, .. } = chosen;
            let done = if choice.kind == ChoiceKind::Prompt {
                fill_prompt(server, choice.key, values).await.map(|filled| picker.insert(filled, toaster))
            } else {
                fill_template(server, choice.key, values).await.map(|reference| picker.add(reference))
            };
            self.doing.set(match done {
                Ok(doing) => doing,
                Err(ApiError::NotFound) => Doing::Failed(GONE.to_owned()),
                Err(error) => Doing::Failed(error.to_string()),
            });
        });
    }

    /// Closes the lists without a choice: what was typed goes back behind its sign, and `more` after it.
    pub(super) fn give_back(self, more: &str) {
        let picker = self.picker();
        let Some(open) = picker.open.get_untracked() else { return };
        let typed = self.query.get_untracked() + more;
        picker.close();
        if let Some(at) = open.at {
            picker.splice(at, at, &typed);
        }
    }
}

/// Said where a server or what it listed is not there any more.
const GONE: &str = "This is not there any more. Choose another.";

impl Picker {
    /// Puts a prompt's text where its sign was, to be read and sent by hand.
    fn insert(self, filled: Filled, toaster: Toaster) -> Doing {
        let Filled { text, references, note } = filled;
        if self.put(&text) {
            self.refer(references);
            if !note.is_empty() {
                toaster.say(note);
            }
        }
        Doing::Nothing
    }

    /// Refers to something in place of its sign.
    fn add(self, reference: Reference) -> Doing {
        let many = self.references.try_get_untracked().is_some_and(|all| all.len() >= REFERENCES_MAX);
        if many {
            let most = REFERENCES_MAX;
            return Doing::Failed(format!("A message can refer to at most {most} resources. Take one away first."));
        }
        if self.put("") {
            self.refer(vec![reference]);
        }
        Doing::Nothing
    }

    /// Closes the lists and puts a text in place of the sign, or where the cursor was; not if they are closed by now.
    pub(super) fn put(self, text: &str) -> bool {
        let Some(Some(open)) = self.open.try_get_untracked() else { return false };
        // Who wrote in the composer meanwhile may have moved it.
        let sign = open.at.filter(|at| at.checked_sub(1).is_some_and(|at| self.is_sign(at)));
        let at = sign.or_else(|| self.caret()).unwrap_or_default();
        self.close();
        self.splice(at - usize::from(sign.is_some()), at, text);
        true
    }

    fn close(self) {
        self.open.set(None);
        self.focus();
    }

    /// Whether a sign that opens a list stands there.
    fn is_sign(self, at: usize) -> bool {
        self.text.with_untracked(|text| matches!(text.encode_utf16().nth(at), Some(SLASH | AT)))
    }

    /// Puts a text in place of a piece of the draft, the cursor after it.
    fn splice(self, from: usize, to: usize, with: &str) {
        let units: Vec<u16> = self.text.with_untracked(|text| text.encode_utf16().collect());
        let (Some(before), Some(after)) = (units.get(..from), units.get(to..)) else { return };
        let cursor = u32::try_from(from + with.encode_utf16().count()).unwrap_or(u32::MAX);
        let text = String::from_utf16_lossy(before) + with + &String::from_utf16_lossy(after);
        if let Some(area) = self.node.get_untracked() {
            area.set_value(&text);
            _ = area.set_selection_range(cursor, cursor);
        }
        self.drafts.keep_draft(self.conversation, &text);
        self.text.set(text);
    }
}

/// The sign that opens a list, as it is said to people.
pub(super) fn sign(pick: Pick) -> char {
    char::from_u32(u32::from(if pick == Pick::Prompts { SLASH } else { AT })).unwrap_or(' ')
}
