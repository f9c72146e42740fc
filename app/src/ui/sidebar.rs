//! The list at the side: one's conversations, search, a new one, the account.
//!
//! Invariant: the rows are ordered as the store orders them (pinned first, then by last change), whoever changes them:
//! this tab, another one, or another person. They stand in groups by age, which follow from that order.
//!
//! On a phone the list is a drawer. Until the page is awake it is a popover, which the browser opens and closes by
//! itself; then it becomes part of the page, under the toasts that a popover would cover.

pub mod account;
pub mod age;
pub mod row;
pub mod search;

use crate::{
    api::conversations::list_conversations,
    ui::{
        kit::{
            Banner, Button, EmptyState, For, Glyph, Icon, IconButton, Show, Size, Skeleton, Suspense, Toaster, Tone,
            Variant, Watched, awake, effect, lazy::later, memo,
        },
        load::Loaded,
    },
    wire::{
        conversation::{ConversationSummary, Listed},
        event::ChatEvent,
        id::ConversationId,
    },
};
use account::AccountMenu;
use age::{Age, Today};
use leptos::{
    ev::{self, KeyboardEvent},
    html,
    prelude::*,
    task::spawn_local,
};
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate},
};
use row::ConversationRow;
use search::{Search, SearchState};
use std::{cmp::Reverse, time::Duration};

/// How often it is looked whether a new day has begun.
const LOOK: Duration = Duration::from_mins(1);

/// The list's id, by which a button opens it before the page is awake.
pub const DRAWER: &str = "conversations";

/// Whether the list is shown: a drawer on phones, foldable on wide windows. As context.
#[derive(Clone, Copy, Debug)]
pub struct Drawer {
    /// Out, on a phone.
    pub out: RwSignal<bool>,
    /// Folded away, on a wide window.
    pub folded: RwSignal<bool>,
}

impl Drawer {
    /// Shows it.
    pub fn show(self) {
        self.out.set(true);
        self.folded.set(false);
    }

    /// Hides it.
    pub fn hide(self) {
        self.out.set(false);
        self.folded.set(true);
    }
}

/// One's conversations, as context. A handle, free to copy.
#[derive(Clone, Copy, Debug)]
pub struct Conversations {
    rows: Watched<Vec<ConversationSummary>>,
    more: RwSignal<bool>,
    today: Watched<Today>,
    first: Loaded<Listed>,
    begun: StoredValue<bool>,
    toaster: Toaster,
}

impl Conversations {
    /// Makes it and provides it, with the [`Drawer`].
    pub fn provide() -> Self {
        let this = Self {
            rows: Watched::new(Vec::new()),
            more: RwSignal::new(false),
            today: Watched::new(Today::default()),
            first: Loaded::once(|| list_conversations(None)),
            begun: StoredValue::new(false),
            toaster: Toaster::expect(),
        };
        provide_context(this);
        provide_context(Drawer { out: RwSignal::new(false), folded: RwSignal::new(false) });
        this
    }

    /// Takes in what the socket tells of conversations.
    pub fn hear(self, event: &ChatEvent) {
        match event {
            ChatEvent::Conversation { summary } => self.put(summary.clone()),
            ChatEvent::ConversationGone { conversation } => self.drop(*conversation),
            _ => {}
        }
    }

    /// Adds or replaces a row.
    pub fn put(self, summary: ConversationSummary) {
        if self.rows.with_untracked(|rows| rows.contains(&summary)) {
            return;
        }
        self.rows.update(|rows| {
            rows.retain(|row| row.id != summary.id);
            rows.push(summary);
            rows.sort_by_key(|row| (Reverse(row.pinned), Reverse(row.updated_at), Reverse(row.id)));
        });
    }

    /// Takes a row away.
    pub fn drop(self, id: ConversationId) {
        if self.rows.with_untracked(|rows| rows.iter().any(|row| row.id == id)) {
            self.rows.update(|rows| rows.retain(|row| row.id != id));
        }
    }

    /// Reads the list again: after a time without a connection, whatever was told meanwhile was missed.
    pub fn reload(self) {
        spawn_local(async move {
            match list_conversations(None).await {
                Ok(Listed { page, .. }) => {
                    self.rows.set(page.items);
                    self.more.try_set(page.more);
                }
                Err(error) => self.toaster.fail(error),
            }
        });
    }

    /// Takes the rows the page came with, once: the list is drawn again after each search.
    fn begin(self, Listed { page, now }: Listed) {
        if !self.begun.get_value() {
            self.begun.set_value(true);
            self.rows.set(page.items);
            self.more.set(page.more);
            self.today.set(Today::in_utc(now));
        }
    }

    /// Takes the reader's own day for today, now and whenever another one begins. From an effect.
    fn keep_today(self) {
        let look = move || {
            let today = Today::here();
            if self.today.try_get_untracked().is_some_and(|before| before != today) {
                self.today.set(today);
            }
        };
        look();
        let timer = set_interval_with_handle(look, LOOK).ok();
        on_cleanup(move || {
            if let Some(timer) = timer {
                timer.clear();
            }
        });
    }

    fn load_more(self) {
        let last = self.rows.with_untracked(|rows| rows.last().map(|row| (row.pinned, row.updated_at, row.id)));
        spawn_local(async move {
            match list_conversations(last).await {
                Ok(Listed { page, .. }) => {
                    self.more.try_set(page.more);
                    page.items.into_iter().for_each(|row| self.put(row));
                }
                Err(error) => self.toaster.fail(error),
            }
        });
    }
}

/// The list at the side.
#[component]
pub fn Sidebar() -> impl IntoView {
    let drawer = expect_context::<Drawer>();
    let search = SearchState::new();
    let navigate = use_navigate();
    let place = use_location();
    effect(move || {
        place.pathname.track();
        drawer.out.set(false);
    });
    let list = NodeRef::<html::Nav>::new();
    effect(move || {
        if list.get_untracked().is_some_and(|list| list.matches(":popover-open").unwrap_or(false)) {
            drawer.out.set(true);
        }
    });
    // After the look at the popover, because it ends it.
    let awake = awake();
    effect(move || {
        if drawer.out.get() {
            // By the next frame it has become visible: what is not cannot take the focus. Ctrl+K is at the search by then.
            request_animation_frame(move || {
                if let Some(list) = list.try_get_untracked().flatten()
                    && !list.contains(document().active_element().as_deref())
                {
                    _ = list.focus();
                }
            });
        }
    });
    effect(move || {
        let navigate = navigate.clone();
        let keys = window_event_listener(ev::keydown, move |event| shortcut(&event, drawer, search, &navigate));
        on_cleanup(move || keys.remove());
    });
    let place_class = move || {
        let phone = if drawer.out.get() {
            "transition-[translate] max-lg:translate-x-0"
        } else {
            // It stays visible until it is away, but is visible at once when it comes.
            "transition-[translate,visibility] max-lg:not-open:-translate-x-full max-lg:not-open:invisible"
        };
        let wide = if drawer.folded.get() { "lg:hidden" } else { "" };
        format!(
            "fixed inset-y-0 start-0 z-40 flex h-auto w-[min(19rem,88vw)] flex-col border-e border-line bg-surface text-text backdrop:bg-scrim duration-200 lg:static lg:w-72 {phone} {wide}"
        )
    };
    view! {
        <Show when=move || drawer.out.get()>
            <div class="fixed inset-0 z-30 bg-scrim lg:hidden" aria-hidden="true" on:click=move |_| drawer.out.set(false)></div>
        </Show>
        <nav
            id=DRAWER
            node_ref=list
            popover=move || (!awake.get()).then_some("auto")
            tabindex="-1"
            class=place_class
            aria-label="Conversations"
            on:keydown=move |event| {
                if event.key() == "Escape" && !event.default_prevented() {
                    drawer.out.set(false);
                }
            }
        >
            <Top drawer/>
            <Search search/>
            <div class="min-h-0 flex-1 overflow-y-auto px-2 pb-2">
                <Show when=move || search.idle() fallback=move || later(&search::HITS, move |hits| hits(search))>
                    <List/>
                </Show>
            </div>
            <AccountMenu/>
        </nav>
    }
}

/// Ctrl or Cmd with K searches, with Shift+O begins a new chat.
fn shortcut(event: &KeyboardEvent, drawer: Drawer, search: SearchState, navigate: &impl Fn(&str, NavigateOptions)) {
    if !(event.ctrl_key() || event.meta_key()) || event.alt_key() {
        return;
    }
    match (event.key().to_ascii_lowercase().as_str(), event.shift_key()) {
        ("k", false) => {
            drawer.show();
            search.focus();
        }
        ("o", true) => navigate("/", NavigateOptions::default()),
        _ => return,
    }
    event.prevent_default();
}

#[component]
fn Top(drawer: Drawer) -> impl IntoView {
    view! {
        <div class="flex items-center gap-1 px-3 pt-3 pb-2">
            <a
                href="/"
                class="flex h-10 flex-1 items-center gap-2 rounded-md border border-line bg-raised px-3 text-sm font-medium transition hover:bg-hover"
                title="New chat (Ctrl+Shift+O)"
            >
                <Icon glyph=Glyph::Plus class="size-4"/>
                "New chat"
            </a>
            <IconButton
                glyph=Glyph::Sidebar
                label="Hide conversations"
                attr:popovertarget=DRAWER
                attr:popovertargetaction="hide"
                press=move || drawer.hide()
            />
        </div>
    }
}

#[component]
fn List() -> impl IntoView {
    let conversations = expect_context::<Conversations>();
    view! {
        <Suspense fallback=|| view! { <Waiting/> }>
            {move || Suspend::new(async move {
                match conversations.first.await {
                    Ok(listed) => {
                        conversations.begin(listed);
                        view! { <Rows conversations/> }.into_any()
                    }
                    Err(error) => {
                        view! {
                            <Banner tone=Tone::Danger class="m-2">
                                <p>{error.to_string()}</p>
                                <Button size=Size::Small press=move || conversations.first.refetch()>"Try again"</Button>
                            </Banner>
                        }
                            .into_any()
                    }
                }
            })}
        </Suspense>
    }
}

#[component]
fn Waiting() -> impl IntoView {
    view! {
        <div class="flex flex-col gap-3 p-3">
            <Skeleton class="h-5 w-4/5"/>
            <Skeleton class="h-5 w-3/5"/>
            <Skeleton class="h-5 w-2/3"/>
        </div>
    }
}

#[component]
fn Rows(conversations: Conversations) -> impl IntoView {
    effect(move || conversations.keep_today());
    let none = memo(move || conversations.rows.read().is_empty());
    view! {
        <Show when=move || none.get()>
            <EmptyState glyph=Glyph::Message title="No conversations yet">"What you write begins the first."</EmptyState>
        </Show>
        {Age::ALL.map(|age| view! { <Group conversations age/> })}
        <Show when=move || conversations.more.get()>
            <Button size=Size::Small variant=Variant::Ghost class="w-full" press=move || conversations.load_more()>
                "Show more"
            </Button>
        </Show>
    }
}

/// The rows of one age under its name; nothing where there are none.
#[component]
fn Group(conversations: Conversations, age: Age) -> impl IntoView {
    let rows = memo(move || {
        let today = conversations.today.get();
        conversations.rows.read().iter().filter(|row| Age::of(row, today) == age).cloned().collect::<Vec<_>>()
    });
    view! {
        <Show when=move || !rows.read().is_empty()>
            <h2 class="px-3 pt-3 pb-1 text-xs font-medium text-muted">{age.name()}</h2>
            <ul class="flex flex-col gap-0.5">
                <For each=move || rows.get() key=|row| (row.id, row.title.clone(), row.pinned, row.members) let(row)>
                    <ConversationRow row/>
                </For>
            </ul>
        </Show>
    }
}
