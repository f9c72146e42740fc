//! Light, dark, or as the system says.

use super::Section;
use crate::ui::{
    kit::{Glyph, Icon, awake},
    theme::{Choice, Theme},
};
use leptos::prelude::*;

fn glyph(choice: Choice) -> Glyph {
    match choice {
        Choice::System => Glyph::Monitor,
        Choice::Light => Glyph::Sun,
        Choice::Dark => Glyph::Moon,
    }
}

/// The section.
#[component]
pub fn ThemeSection() -> impl IntoView {
    let theme = expect_context::<Theme>();
    let awake = awake();
    let option = move |choice: Choice| {
        view! {
            <label class="flex flex-1 cursor-pointer items-center justify-center gap-2 rounded-md px-3 py-2.5 text-sm font-medium \
                          text-muted transition-colors hover:text-text has-checked:bg-brand-soft has-checked:text-brand-strong \
                          has-focus-visible:outline-2 has-focus-visible:outline-brand">
                <input
                    r#type="radio"
                    name="theme"
                    class="sr-only"
                    disabled=move || !awake.get()
                    prop:checked=move || theme.get() == choice
                    on:change=move |_| theme.set(choice)
                />
                <Icon glyph=glyph(choice) class="size-4"/>
                {choice.label()}
            </label>
        }
    };
    view! {
        <Section id="theme" title="Appearance" lead="Remembered in this browser.">
            <fieldset class="flex gap-1 p-1.5">
                <legend class="sr-only">"Theme"</legend>
                {Choice::ALL.map(option)}
            </fieldset>
        </Section>
    }
}
