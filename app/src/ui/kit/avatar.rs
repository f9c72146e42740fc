//! Who speaks, at a glance: initials on a colour that follows from the name, or the bot's gradient.

use super::{Glyph, Icon};
use leptos::prelude::*;

/// White text on each of them meets AA.
const COLOURS: [&str; 8] = [
    "bg-sky-700",
    "bg-emerald-700",
    "bg-rose-700",
    "bg-amber-800",
    "bg-violet-700",
    "bg-teal-700",
    "bg-fuchsia-700",
    "bg-slate-600",
];

const SHAPE: &str = "inline-flex shrink-0 select-none items-center justify-center rounded-full text-on-brand";

/// A person's initials.
#[component]
pub fn Avatar(
    /// The display name.
    #[prop(into)]
    name: String,
    /// Its size, as classes.
    #[prop(default = "size-8 text-xs".to_owned(), into)]
    class: String,
) -> impl IntoView {
    // Drawn by the style sheet: as text the initials would count as part of the name of a button they stand in
    // (WCAG 2.5.3), which nobody says aloud.
    view! {
        <span
            class=format!("{SHAPE} font-semibold uppercase before:content-[attr(data-initials)] {} {class}", colour(&name))
            data-initials=initials(&name)
            aria-hidden="true"
        ></span>
    }
}

/// The bot.
#[component]
pub fn BotAvatar(
    /// Its size, as classes.
    #[prop(default = "size-8".to_owned(), into)]
    class: String,
) -> impl IntoView {
    view! {
        <span class=format!("{SHAPE} bg-brand-gradient {class}") aria-hidden="true">
            <Icon glyph=Glyph::Sparkles class="size-[58%]"/>
        </span>
    }
}

/// At most two letters: the first of the first two words of a name. The style sheet makes them capitals: what Unicode
/// has of those is a large table, which no page needs to download.
fn initials(name: &str) -> String {
    name.split(['.', '_', '-', ' ']).filter_map(|word| word.chars().next()).take(2).collect()
}

/// The same name has the same colour everywhere (FNV-1a, 32 bits).
fn colour(name: &str) -> &'static str {
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    COLOURS[hash as usize % COLOURS.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_the_first_letters_of_two_words() {
        let cases = [("ada", "a"), ("ada.lovelace", "al"), ("a_b-c", "ab"), ("élan", "é"), ("", ""), ("..x", "x")];
        for (name, want) in cases {
            assert_eq!(initials(name), want, "{name}");
        }
    }

    #[test]
    fn a_name_keeps_its_colour() {
        assert_eq!(colour("ada"), colour("ada"));
        let mut seen: Vec<_> = ["ada", "grace", "linus", "barbara", "alan", "edsger"].map(colour).to_vec();
        seen.sort_unstable();
        seen.dedup();
        assert!(seen.len() > 2, "{seen:?}");
    }
}
