//! Making an account; closed by configuration, it says so. The limits stand beside the fields before they are hit.

use super::{
    form::{Card, Form, FormError, Post, asked, next_path},
    sign_in::AlreadySignedIn,
};
use crate::{
    api::account::{self, SignUp},
    ui::{
        app::sign_in_path,
        kit::{Banner, Button, PasswordInput, Size, Suspense, TextInput, Tone, Variant},
        load::Loaded,
    },
    wire::limits,
};
use leptos::prelude::*;
use leptos_meta::Title;

/// The page.
#[component]
pub fn SignUpPage() -> impl IntoView {
    let post = Post::to::<SignUp>();
    let open = Loaded::once(account::signup_open);
    let next = next_path();
    let sign_in = sign_in_path(&next);
    view! {
        <Title text="Make an account"/>
        <AlreadySignedIn next=next.clone()/>
        <Card title="Make an account" lead="A name and a password; nothing else is asked.">
            <Suspense>
                {move || {
                    let next = next.clone();
                    Suspend::new(async move {
                        match open.await {
                            Ok(true) => view! { <SignUpForm post next/> }.into_any(),
                            Ok(false) => view! { <Closed/> }.into_any(),
                            Err(error) => view! { <Banner tone=Tone::Danger>{error.to_string()}</Banner> }.into_any(),
                        }
                    })
                }}
            </Suspense>
            <p class="mt-6 text-center text-sm text-muted">
                "Have one already? " <a class="font-medium text-brand underline underline-offset-4" href=sign_in>
                    "Sign in"
                </a>
            </p>
        </Card>
    }
}

#[component]
fn Closed() -> impl IntoView {
    view! {
        <Banner tone=Tone::Warning>"Sign-up is closed here. Ask whoever runs this server for an account."</Banner>
    }
}

#[component]
fn SignUpForm(post: Post, next: String) -> impl IntoView {
    view! {
        <Form post class="space-y-5">
            <FormError post fields=&["name", "password"]/>
            <input r#type="hidden" name="next" value=next/>
            <TextInput
                name="name"
                label="Name"
                autocomplete="username"
                value=asked("name")
                max=limits::USERNAME_MAX
                required=true
                autofocus=true
                hint=format!("{} to {} letters, digits, «.», «_» or «-».", limits::USERNAME_MIN, limits::USERNAME_MAX)
                error=post.field_error("name")
            />
            <PasswordInput
                name="password"
                label="Password"
                autocomplete="new-password"
                min=limits::PASSWORD_MIN
                max=limits::PASSWORD_MAX
                hint=format!("{} to {} characters; a few words are easiest.", limits::PASSWORD_MIN, limits::PASSWORD_MAX)
                error=post.field_error("password")
            />
            <Button kind="submit" variant=Variant::Primary size=Size::Wide busy=post.pending()>
                "Make the account"
            </Button>
        </Form>
    }
}
