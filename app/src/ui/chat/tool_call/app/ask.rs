//! What an app's person is asked: whether it may call a tool, whether an address is to be opened or a file saved.
//!
//! Invariant: whatever an app or a server says is text here, never HTML; an address is opened, and a file saved, by the
//! person's own press.

use super::{
    frame,
    saving::{File, save_all},
};
use crate::{
    ui::{
        chat::pretty::pretty,
        kit::{Button, Glyph, Icon, Size, Variant, effect},
    },
    wire::{
        policy::{Question, Why},
        tool::Approval,
    },
};
use leptos::{html, prelude::*};
use serde_json::Value;
use std::sync::Arc;

/// A question that waits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    /// The app's request.
    pub(super) id: Value,
    /// What is asked.
    pub(super) what: What,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// Whether a tool may be called.
    Call {
        /// The tool, as its server calls it.
        tool: String,
        /// The same for people.
        title: String,
        /// What is to be known.
        question: Question,
        /// The hash of what is asked about.
        definition: String,
        /// With what.
        arguments: Value,
    },
    /// Whether an address is to be opened.
    Link {
        /// The address.
        url: String,
        /// Where it leads.
        host: String,
    },
    /// Whether files are to be saved.
    Save {
        /// The files.
        files: Arc<[File]>,
    },
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Of a call.
    Call(Approval),
    /// Of an address: whether it was opened.
    Link(bool),
    /// Of files: whether they were saved.
    Save(bool),
}

/// Draws a question, and brings it into sight: it stands below its app, which may reach to the end of the window.
pub(super) fn asking(asked: Asked, answer: Callback<(Asked, Said)>) -> AnyView {
    let node = NodeRef::<html::Div>::new();
    effect(move || {
        if let Some(question) = node.get() {
            frame::show(&question);
        }
    });
    view! {
        <div node_ref=node>
            <Asking asked answer/>
        </div>
    }
    .into_any()
}

#[component]
fn Asking(asked: Asked, answer: Callback<(Asked, Said)>) -> impl IntoView {
    let of = StoredValue::new(asked.clone());
    let say = move |said| answer.run((of.get_value(), said));
    match asked.what {
        What::Call { title, question, arguments, .. } => {
            let why = why(&question);
            let lasting = question.may_last();
            view! {
                <div class="space-y-3 border-t border-line px-3 py-3" role="group" aria-label=format!("Permission for {title}")>
                    <p class="flex items-center gap-2 font-medium">
                        <Icon glyph=Glyph::Shield class="size-4 shrink-0 text-warning"/>
                        {format!("May this app use «{title}» with this?")}
                    </p>
                    <p class="text-xs text-muted">{why}</p>
                    <pre class="max-h-60 overflow-auto rounded-md bg-hover p-3 text-xs whitespace-pre-wrap break-words" tabindex="0">
                        {pretty(&arguments)}
                    </pre>
                    <div class="flex flex-wrap gap-2">
                        <Button size=Size::Small variant=Variant::Primary press=move || say(Said::Call(Approval::Once))>
                            "Allow once"
                        </Button>
                        {lasting
                            .then(|| {
                                view! {
                                    <Button size=Size::Small press=move || say(Said::Call(Approval::Conversation))>
                                        "Allow in this conversation"
                                    </Button>
                                    <Button size=Size::Small press=move || say(Said::Call(Approval::Always))>"Always allow"</Button>
                                }
                            })}
                        <Button size=Size::Small press=move || say(Said::Call(Approval::Deny))>"Deny"</Button>
                    </div>
                </div>
            }
                .into_any()
        }
        What::Link { url, host } => {
            view! {
                <div class="space-y-3 border-t border-line px-3 py-3" role="group" aria-label="An address to open">
                    <p class="font-medium">
                        "This app wants to open an address at " <strong class="font-semibold break-all">{host}</strong>
                    </p>
                    <p class="text-xs break-all text-muted">{url.clone()}</p>
                    <div class="flex flex-wrap gap-2">
                        <a
                            href=url
                            target="_blank"
                            rel="noopener noreferrer"
                            class="inline-flex h-8 items-center gap-1.5 rounded-md border border-line bg-raised px-3 text-sm font-medium hover:bg-hover"
                            on:click=move |_| say(Said::Link(true))
                        >
                            "Open it"
                            <Icon glyph=Glyph::External class="size-4"/>
                        </a>
                        <Button size=Size::Small press=move || say(Said::Link(false))>"Do not open it"</Button>
                    </div>
                </div>
            }
                .into_any()
        }
        What::Save { files } => {
            let named = files
                .iter()
                .map(|file| {
                    view! {
                        <li class="flex flex-wrap items-center gap-x-2">
                            <Icon glyph=Glyph::File class="size-4 shrink-0 text-muted"/>
                            <span class="min-w-0 font-medium break-all">{file.name.clone()}</span>
                            <span class="text-xs text-muted">{file.size()}</span>
                        </li>
                    }
                })
                .collect_view();
            let several = files.len() > 1;
            view! {
                <div class="space-y-3 border-t border-line px-3 py-3" role="group" aria-label="Files to save">
                    <p class="font-medium">
                        {if several { "This app wants to save these files on your device:" } else { "This app wants to save this file on your device:" }}
                    </p>
                    <ul class="space-y-1">{named}</ul>
                    <p class="text-xs text-muted">"They come from the app; nobody here has looked into them."</p>
                    <div class="flex flex-wrap gap-2">
                        <Button size=Size::Small variant=Variant::Primary press=move || say(Said::Save(save_all(&files)))>
                            "Download"
                        </Button>
                        <Button size=Size::Small press=move || say(Said::Save(false))>"Do not save"</Button>
                    </div>
                </div>
            }
                .into_any()
        }
    }
}

/// Why a call asks, in a sentence.
fn why(question: &Question) -> &'static str {
    match (question.why, question.claims.read_only_hint) {
        (Why::Floor, _) => "An administrator wants each call asked about.",
        (Why::Wanted, _) => "You want to be asked each time.",
        (Why::Changed, _) => "It is not what it was when you decided about it.",
        (_, true) => "By its server's word it only reads; nobody here vouches for that.",
        (_, false) => "It may change something.",
    }
}
