//! Primitives every page is made of: buttons, fields, dialogs, menus, toasts, small shapes.
//!
//! Invariant: each works with a keyboard and a screen reader, and says something sensible before the page is awake.
//! Looks are Tailwind utilities over the tokens of `style/tailwind.css`; there is no colour here that is not a token.

pub mod avatar;
pub mod button;
pub mod copy;
pub mod dialog;
pub mod field;
pub mod flow;
pub mod icon;
pub mod lazy;
pub mod menu;
pub mod notice;
pub mod spinner;
pub mod time;
pub mod toast;
pub mod watched;

pub use avatar::{Avatar, BotAvatar};
pub use button::{Button, IconButton, LinkButton, Press, Size, Variant};
pub use dialog::Dialog;
pub use field::{PasswordInput, TextArea, TextInput};
pub use flow::{For, Show, Suspense, Transition, effect, memo};
pub use icon::{Glyph, Icon};
pub use menu::{Menu, MenuItem, MenuLink};
pub use notice::{Banner, EmptyState, Skeleton, Tone};
pub use spinner::{Spinner, TypingDots};
pub use time::{Time, TimeStyle};
pub use toast::{Toaster, Toasts};
pub use watched::Watched;

use leptos::prelude::*;

/// Whether the page is awake: `false` on the server and in the first draw of the browser, `true` from then on. What
/// needs script (a show-password eye, a copy button) appears with it.
pub fn awake() -> Signal<bool> {
    let flag = RwSignal::new(false);
    effect(move || flag.set(true));
    flag.into()
}
