//! Taking up a prompt (`/` at the beginning) or a resource (`@`, after a blank too), or either by a button.
//!
//! Invariants: here is only what a first visit needs: when the lists open, and what a draft refers to. Their code is
//! downloaded when they do. A prompt becomes text to be read, changed and sent by hand; nothing is sent from here.
//! The lists are a combobox of their own (WAI-ARIA Authoring Practices) over the composer: a text area may not be one.
//! What is typed there goes back behind its sign when nothing is chosen, so a text that only looks like a search is
//! typed as any other.

mod attached;
mod blanks;
mod list;
mod panel;

use super::drafts::Drafts;
use crate::{
    ui::{
        kit::{Watched, lazy::lazy},
        page::Page,
    },
    wire::{
        id::ConversationId,
        picker::{Pick, Reference},
    },
};
use leptos::{html, prelude::*};

lazy! {
    /// The lists.
    pub static PICKING: Page = picker(panel::panel);
    /// What the draft refers to.
    pub static ATTACHED: Page = picker(attached::attached);
}

/// `/` and `@` in UTF-16.
const SLASH: u16 = 47;
const AT: u16 = 64;

/// Open lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Of what.
    pub pick: Pick,
    /// Where the sign for it ends in the text, in UTF-16; `None` if a button opened them.
    pub at: Option<usize>,
}

/// See the module. A handle, free to copy; as context.
#[derive(Clone, Copy, Debug)]
pub struct Picker {
    /// The lists, if they are open.
    pub open: Watched<Option<Opening>>,
    /// What the draft refers to.
    pub references: Watched<Vec<Reference>>,
    text: RwSignal<String>,
    node: NodeRef<html::Textarea>,
    drafts: Drafts,
    conversation: Option<ConversationId>,
}

impl Picker {
    /// One for that composer.
    pub fn new(
        text: RwSignal<String>,
        node: NodeRef<html::Textarea>,
        drafts: Drafts,
        conversation: Option<ConversationId>,
    ) -> Self {
        let (open, references) = (Watched::new(None), Watched::new(Vec::new()));
        Self { open, references, text, node, drafts, conversation }
    }

    /// Opens the lists if the sign for them was just typed.
    pub fn typed(self, value: &str) {
        let Some(caret) = self.caret().filter(|_| self.open.read_untracked().is_none()) else { return };
        let before: Vec<u16> = value.encode_utf16().take(caret).collect();
        if let Some(pick) = asked_for(&before) {
            self.open.set(Some(Opening { pick, at: Some(caret) }));
        }
    }

    /// Opens the lists, or closes them.
    pub fn toggle(self) {
        let open = self.open.get_untracked().is_none();
        self.open.set(open.then_some(Opening { pick: Pick::Prompts, at: None }));
    }

    /// Refers to these too.
    pub fn refer(self, more: Vec<Reference>) {
        if !more.is_empty() {
            self.references.update(|all| {
                for one in more {
                    if !all.contains(&one) {
                        all.push(one);
                    }
                }
            });
            self.keep();
        }
    }

    /// Hands over what the draft refers to: it is sent.
    pub fn take(self) -> Vec<Reference> {
        let taken = self.references.get_untracked();
        if !taken.is_empty() {
            self.references.set(Vec::new());
            self.keep();
        }
        if self.open.read_untracked().is_some() {
            self.open.set(None);
        }
        taken
    }

    /// Puts the focus into the composer.
    pub fn focus(self) {
        if let Some(area) = self.node.get_untracked() {
            _ = area.focus();
        }
    }

    /// Where the cursor is in the text, in UTF-16.
    fn caret(self) -> Option<usize> {
        self.node.get_untracked()?.selection_start().ok().flatten().map(|at| at as usize)
    }

    fn keep(self) {
        self.references.with_untracked(|references| self.drafts.keep_references(self.conversation, references));
    }
}

/// What the sign at the end of a text asks for: `/` stands at the beginning, `@` there or after a blank.
fn asked_for(before: &[u16]) -> Option<Pick> {
    match before {
        [SLASH] => Some(Pick::Prompts),
        [AT] | [.., 9 | 10 | 32, AT] => Some(Pick::Resources),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_asks_only_where_no_word_could_go_on() {
        for (text, pick) in [
            ("/", Some(Pick::Prompts)),
            ("@", Some(Pick::Resources)),
            ("See @", Some(Pick::Resources)),
            ("First line\n@", Some(Pick::Resources)),
            ("and/", None),
            (" /", None),
            ("ada@", None),
            ("@ada", None),
            ("", None),
        ] {
            assert_eq!(asked_for(&text.encode_utf16().collect::<Vec<_>>()), pick, "{text:?}");
        }
    }
}
