//! A new password; it ends every other session.

use super::{
    super::form::{Form, FormError, Post, asked},
    Section,
};
use crate::{
    api::account::ChangePassword,
    ui::kit::{Banner, Button, PasswordInput, Show, Tone, Variant},
    wire::{account::Viewer, limits},
};
use leptos::prelude::*;

/// The section.
#[component]
pub fn PasswordSection() -> impl IntoView {
    let post = Post::to::<ChangePassword>();
    let viewer = expect_context::<Viewer>();
    let answer = post.answer();
    let changed_before = asked("changed") == "password";
    let done = move || answer.with(|answer| answer.as_ref().map_or(changed_before, Result::is_ok));
    view! {
        <Section id="password" title="Password" lead="A new one signs out every other browser.">
            <Form post class="space-y-5 p-4">
                <FormError post fields=&["current", "new"]/>
                <Show when=done>
                    <Banner tone=Tone::Success>"The password was changed; other browsers are signed out."</Banner>
                </Show>
                // Tells a password manager whose password this is.
                <input r#type="hidden" name="username" autocomplete="username" value=viewer.name.to_string()/>
                <PasswordInput
                    name="current"
                    label="Present password"
                    autocomplete="current-password"
                    max=limits::PASSWORD_MAX
                    error=post.field_error("current")
                />
                <PasswordInput
                    name="new"
                    label="New password"
                    autocomplete="new-password"
                    min=limits::PASSWORD_MIN
                    max=limits::PASSWORD_MAX
                    hint=format!("{} to {} characters.", limits::PASSWORD_MIN, limits::PASSWORD_MAX)
                    error=post.field_error("new")
                />
                <Button kind="submit" variant=Variant::Primary busy=post.pending()>
                    "Change the password"
                </Button>
            </Form>
        </Section>
    }
}
