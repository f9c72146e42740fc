//! What one's apps told the model, over the composer: it goes with the next message unless it is taken back here.
//! Downloaded where there is any.
//!
//! Invariant: all that waits is shown, also where its app is out of sight, closed, or of a server that is gone; and what
//! does not go says so. It is text, whatever it holds.

use super::room::Room;
use crate::{
    api::apps::{app_words, withdraw_word},
    ui::kit::{Button, For, Glyph, Icon, Size, Watched, effect, lazy::lazy, memo},
    wire::app::{AppWord, Held},
};
use leptos::{prelude::*, task::spawn_local};

lazy! {
    /// The words that wait in a room.
    pub static WORDS: fn(Room) -> AnyView = apps(|room| view! { <Words room/> }.into_any());
}

/// What is at hand while they are shown.
#[derive(Clone, Copy)]
struct Waiting {
    room: Room,
    words: Watched<Vec<AppWord>>,
    fault: Watched<Option<String>>,
    /// Which look is the last one; what an earlier one finds does not count.
    looks: StoredValue<u32>,
}

impl Waiting {
    /// Looks what waits.
    fn look(self) {
        let looked = self.looks.try_update_value(|looks| {
            *looks = looks.wrapping_add(1);
            *looks
        });
        let Some(look) = looked else { return };
        let (id, after, known) = (self.room.id, self.room.next_parent(), self.room.words.get_untracked());
        spawn_local(async move {
            let found = app_words(id, after).await;
            if self.looks.try_get_value() != Some(look) {
                return;
            }
            match found {
                Ok(words) => {
                    let none = words.is_empty();
                    self.fault.set(None);
                    if self.words.with_untracked(|before| *before != words) {
                        self.words.set(words);
                    }
                    // Unless an app has said something meanwhile.
                    if none && self.room.words.try_get_untracked() == Some(known) {
                        self.room.words.set(0);
                    }
                }
                Err(error) => {
                    self.fault.set(Some(format!("What apps told the model cannot be shown. {error}")));
                }
            }
        });
    }

    /// Takes one back.
    fn withdraw(self, word: AppWord) {
        spawn_local(async move {
            match withdraw_word(word.message, word.call).await {
                Ok(()) => self.look(),
                Err(error) if self.looks.try_get_value().is_some() => {
                    self.fault.set(Some(format!("It could not be taken back, and still waits. {error}")));
                }
                Err(_) => {}
            }
        });
    }
}

#[component]
fn Words(room: Room) -> impl IntoView {
    let waiting =
        Waiting { room, words: Watched::new(Vec::new()), fault: Watched::new(None), looks: StoredValue::new(0) };
    effect(move || {
        // Whatever was said, taken back or sent, here or in another tab; and another branch.
        let some = room.words.get() != 0;
        room.rows.track();
        if some {
            waiting.look();
        }
    });
    let words = waiting.words;
    let again = move || waiting.look();
    view! {
        <section aria-label="What apps tell the model" class="mb-2 rounded-xl border border-line bg-surface text-xs empty:hidden">
            <For
                each=move || words.get()
                key=|word| (word.message, word.call.clone())
                children=move |word| view! { <Word waiting word/> }
            />
            {move || {
                waiting.fault.get().map(|fault| {
                    view! {
                        <div class="flex flex-wrap items-center gap-2 px-3 py-2 text-danger" role="alert">
                            <p>{fault}</p>
                            <Button size=Size::Small press=again>"Look again"</Button>
                        </div>
                    }
                })
            }}
        </section>
    }
}

/// One app's word: collapsed, with the way to take it back beside it.
#[component]
fn Word(waiting: Waiting, word: AppWord) -> impl IntoView {
    let (message, call) = (word.message, word.call.clone());
    let words = waiting.words;
    // Its app may say something else, and its server may be switched off, while it is open.
    let now = memo(move || {
        words.with(|words| words.iter().find(|word| word.message == message && word.call == call).cloned())
    });
    let title = move || now.with(|word| word.as_ref().map(title));
    let text = move || now.with(|word| word.as_ref().map(|word| word.material.text.clone()));
    view! {
        <div class="flex items-center gap-2 border-b border-line pe-1.5 last:border-0 has-[[open]]:items-start">
            <details class="group/word min-w-0 flex-1">
                <summary class="flex min-h-10 cursor-pointer list-none items-center gap-2 px-3 py-1 text-muted hover:text-text">
                    <Icon glyph=Glyph::ChevronRight class="size-4 shrink-0 transition-transform group-open/word:rotate-90"/>
                    <span class="min-w-0 break-words">{title}</span>
                </summary>
                <pre class="max-h-40 overflow-auto ps-9 pe-3 pb-2 whitespace-pre-wrap break-words" tabindex="0">{text}</pre>
            </details>
            <Button size=Size::Small class="my-1 shrink-0" press=move || waiting.withdraw(word.clone())>"Do not tell it"</Button>
        </div>
    }
}

/// What is told of a word before it is opened.
fn title(word: &AppWord) -> String {
    let (tool, server) = (&word.material.name, &word.material.server);
    match word.held {
        None => format!("«{tool}», an app of {server}, tells the model something with your next message"),
        Some(Held::ServerAway) => {
            format!(
                "«{tool}», an app of {server}, told the model something; it does not go, for its server is switched off or gone"
            )
        }
        Some(Held::OtherBranch) => {
            format!(
                "«{tool}», an app of {server}, told the model something; it goes with a message on the app's branch"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{
        id::{CallId, MessageId},
        message::Resource,
    };

    #[test]
    fn what_does_not_go_says_so() {
        let [server, uri, name, text] = ["Charts", "ui://charts/page", "Draw", "Three bars"].map(str::to_owned);
        let material = Resource { server, uri, name, text, cut: false, app: true };
        let (message, call) = (MessageId(uuid::Uuid::nil()), CallId("c".to_owned()));
        let mut word = AppWord { message, call, material, held: None };
        assert!(title(&word).starts_with("«Draw», an app of Charts, tells"));
        for (held, words) in [(Held::ServerAway, "does not go"), (Held::OtherBranch, "on the app's branch")] {
            word.held = Some(held);
            assert!(title(&word).contains(words), "{}", title(&word));
        }
    }
}
