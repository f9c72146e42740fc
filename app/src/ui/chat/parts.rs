//! The parts of a message. Text is Markdown that [`crate::ui::markdown`] made safe; its finished blocks are never drawn
//! again while the rest streams in.

use super::{
    cell::PartCell,
    text::{Block, TextCell},
    tool_call::ToolCallView,
};
use crate::{
    ui::kit::{For, Glyph, Icon},
    wire::message::Resource,
};
use leptos::prelude::*;

/// All parts, in order.
#[component]
pub fn Parts(parts: ArcRwSignal<Vec<(usize, PartCell)>>) -> impl IntoView {
    view! {
        <div class="flex flex-col gap-3">
            <For each=move || parts.get() key=|(at, part)| (*at, part.kind()) let((_, part))>
                {match part {
                    PartCell::Text(cell) => view! { <Text cell/> }.into_any(),
                    PartCell::Thinking(text) => view! { <Thinking text/> }.into_any(),
                    PartCell::Tool(tool) => view! { <ToolCallView tool/> }.into_any(),
                    PartCell::File(file) => {
                        view! {
                            <p class="inline-flex w-fit items-center gap-2 rounded-md border border-line px-3 py-2 text-sm">
                                <Icon glyph=Glyph::File class="size-4"/>
                                {file.name}
                                <span class="text-muted">{format!("{} kB", file.size.div_ceil(1000))}</span>
                            </p>
                        }
                            .into_any()
                    }
                    PartCell::Resource(resource) => view! { <ResourceView resource/> }.into_any(),
                }}
            </For>
        </div>
    }
}

impl PartCell {
    /// Tells kinds apart, so that a part that changes its kind is drawn anew.
    fn kind(&self) -> u8 {
        match self {
            Self::Text(_) => 0,
            Self::Thinking(_) => 1,
            Self::Tool(_) => 2,
            Self::File(_) => 3,
            Self::Resource(_) => 4,
        }
    }
}

/// Markdown.
#[component]
pub fn Text(cell: TextCell) -> impl IntoView {
    cell.begin_view();
    let TextCell { blocks, plain, .. } = cell.clone();
    view! {
        <div class="prose-chat min-w-0">
            <For each=move || blocks.get() key=|(number, _)| *number let((_, block))>
                {match block {
                    Block::Done(html) => view! { <div inner_html=html.to_string()></div> }.into_any(),
                    Block::Open(open) => (open.view)(&open),
                }}
            </For>
            {move || plain.get().then(|| unformatted(cell.clone()))}
        </div>
    }
}

/// Said under a text that is shown as it was written.
fn unformatted(cell: TextCell) -> impl IntoView {
    view! {
        <p class="text-xs text-muted" role="status">
            "What formats this could not be loaded. "
            <button r#type="button" class="rounded-sm px-1 py-1 underline hover:text-text" on:click=move |_| cell.again()>
                "Try again"
            </button>
        </p>
    }
}

#[component]
fn Thinking(text: ArcRwSignal<String>) -> impl IntoView {
    view! {
        <details class="group/thinking rounded-md border border-line text-sm">
            <summary class="flex min-h-9 cursor-pointer list-none items-center gap-2 px-3 text-muted hover:text-text">
                <Icon glyph=Glyph::ChevronRight class="size-4 transition-transform group-open/thinking:rotate-90"/>
                "Thinking"
            </summary>
            <p class="border-t border-line px-3 py-2 whitespace-pre-wrap break-words text-muted">{move || text.get()}</p>
        </details>
    }
}

/// What a message refers to: material, collapsed, and text whatever it holds.
#[component]
fn ResourceView(resource: Resource) -> impl IntoView {
    let Resource { server, uri, name, text, cut, app } = resource;
    let rest = if cut { " · It was longer and was cut." } else { "" };
    let from = if app { "told by an app of" } else { "from" };
    view! {
        <details class="group/thinking rounded-md border border-line bg-raised text-sm">
            <summary class="flex min-h-9 cursor-pointer list-none items-center gap-2 px-3 text-muted hover:text-text">
                <Icon glyph=Glyph::ChevronRight class="size-4 transition-transform group-open/thinking:rotate-90"/>
                {format!("{name} {from} {server}")}
            </summary>
            <p class="border-t border-line px-3 py-2 text-xs break-all text-muted">{uri} {rest}</p>
            <pre class="max-h-80 overflow-auto px-3 pb-2 text-xs whitespace-pre-wrap break-words" tabindex="0">{text}</pre>
        </details>
    }
}
