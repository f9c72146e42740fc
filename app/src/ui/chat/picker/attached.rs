//! What a draft refers to, as chips over the composer.

use super::Picker;
use crate::{
    ui::kit::{For, Glyph, Icon, IconButton},
    wire::picker::Reference,
};
use leptos::prelude::*;

/// Draws them.
pub(super) fn attached() -> AnyView {
    view! { <Attached/> }.into_any()
}

#[component]
fn Attached() -> impl IntoView {
    let picker = expect_context::<Picker>();
    let remove = move |one: Reference| {
        picker.references.update(|all| all.retain(|other| *other != one));
        picker.keep();
        picker.focus();
    };
    view! {
        <ul class="flex flex-wrap gap-2 px-1 pb-2" aria-label="Sent with the message">
            <For
                each=move || picker.references.get()
                key=|one| (one.server.clone(), one.uri.clone())
                children=move |one| {
                    let words = format!("{} from {}", one.name, one.from);
                    let (label, title) = (format!("Remove {words}"), one.uri.clone());
                    view! {
                        <li
                            class="inline-flex max-w-full items-center gap-1.5 rounded-full border border-line bg-hover ps-3 text-sm animate-fade-in"
                            title=title
                        >
                            <Icon glyph=Glyph::File class="size-4 shrink-0 text-muted"/>
                            <span class="min-w-0 truncate">{words}</span>
                            <IconButton
                                glyph=Glyph::X
                                label
                                class="size-8! rounded-full! [&>svg]:size-4"
                                press=move || remove(one.clone())
                            />
                        </li>
                    }
                }
            />
        </ul>
    }
}
