//! The walker between alternatives of a message: ‹ 2/3 ›.

use super::{cell::Head, room::Room};
use crate::{
    ui::kit::{Glyph, IconButton, Show, memo},
    wire::id::MessageId,
};
use leptos::prelude::*;

/// Nothing while there is only one.
#[component]
pub fn Branch(room: Room, id: MessageId, head: ArcRwSignal<Head>) -> impl IntoView {
    const SMALL: &str = "size-7! pointer-coarse:size-9! [&>svg]:size-4";
    let place = memo(move || head.read().branch);
    view! {
        <Show when=move || 1 < place.get().1>
            <span class="inline-flex items-center" role="group" aria-label="Versions">
                <IconButton
                    glyph=Glyph::ChevronLeft
                    label="Version before"
                    class=SMALL
                    disabled=Signal::derive(move || place.get().0 == 0)
                    press=move || room.walk(id, -1)
                />
                <span class="tabular-nums" aria-live="polite">
                    {move || format!("{}/{}", place.get().0 + 1, place.get().1)}
                </span>
                <IconButton
                    glyph=Glyph::ChevronRight
                    label="Version after"
                    class=SMALL
                    disabled=Signal::derive(move || place.get().0 + 1 >= place.get().1)
                    press=move || room.walk(id, 1)
                />
            </span>
        </Show>
    }
}
