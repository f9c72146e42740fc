//! Who is signed in: settings, theme, sign out (a form that works without script).

use crate::{
    api::account::SignOut,
    ui::{
        kit::{Avatar, Glyph, Menu, MenuItem, MenuLink},
        page::form::{Form, Post},
        theme::{Choice, Theme},
    },
    wire::account::Viewer,
};
use leptos::prelude::*;

/// The menu at the foot of the list.
#[component]
pub fn AccountMenu() -> impl IntoView {
    let viewer = expect_context::<Viewer>();
    let theme = expect_context::<Theme>();
    let sign_out = Post::to::<SignOut>();
    let name = viewer.name.to_string();
    let face = {
        let name = name.clone();
        move || {
            view! {
                <Avatar name=name.clone()/>
                <span class="min-w-0 flex-1 truncate text-start text-sm font-medium">{name.clone()}</span>
            }
        }
    };
    let themes = Choice::ALL
        .into_iter()
        .map(|choice| {
            let glyph = Signal::derive(move || {
                if theme.get() == choice {
                    return Glyph::Check;
                }
                match choice {
                    Choice::System => Glyph::Monitor,
                    Choice::Light => Glyph::Sun,
                    Choice::Dark => Glyph::Moon,
                }
            });
            view! { <MenuItem glyph press=move || theme.set(choice)>{format!("{} theme", choice.label())}</MenuItem> }
        })
        .collect_view();
    view! {
        <div class="border-t border-line p-2">
            <Menu
                id="account"
                label=format!("Account of {name}")
                class="flex h-12 w-full items-center gap-3 rounded-md px-2 transition hover:bg-hover"
                trigger=ViewFn::from(face)
            >
                <MenuLink href="/settings" glyph=Glyph::Settings>"Settings"</MenuLink>
                {themes}
                <Form post=sign_out>
                    <MenuItem glyph=Glyph::SignOut kind="submit">"Sign out"</MenuItem>
                </Form>
            </Menu>
        </div>
    }
}
