//! Signing in. One refusal serves for an unknown name and a wrong password, so the page tells nobody who has an account.

use super::form::{Card, Form, FormError, Post, asked, next_path};
use crate::{
    api::account::{self, SignIn},
    ui::{
        app::{Session, encode},
        kit::{Button, PasswordInput, Size, Suspense, TextInput, Variant},
        load::Loaded,
    },
    wire::limits,
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::Redirect;

/// The page. Whoever is signed in already goes where they wanted to go.
#[component]
pub fn SignInPage() -> impl IntoView {
    let post = Post::to::<SignIn>();
    let next = next_path();
    let sign_up = if next == "/" { "/sign-up".to_owned() } else { format!("/sign-up?next={}", encode(&next)) };
    let (title, lead) = if next.starts_with("/join/") {
        ("You are invited", "Sign in to see to which conversation, and to join it.")
    } else {
        ("Welcome back", "Sign in to go on with your conversations.")
    };
    view! {
        <Title text="Sign in"/>
        <AlreadySignedIn next=next.clone()/>
        <Card title lead>
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
                    error=post.field_error("name")
                />
                <PasswordInput
                    name="password"
                    label="Password"
                    autocomplete="current-password"
                    max=limits::PASSWORD_MAX
                    error=post.field_error("password")
                />
                <Button kind="submit" variant=Variant::Primary size=Size::Wide busy=post.pending()>
                    "Sign in"
                </Button>
            </Form>
            <SignUpLink href=sign_up/>
        </Card>
    }
}

#[component]
fn SignUpLink(href: String) -> impl IntoView {
    let open = Loaded::once(account::signup_open);
    let link = move |href| {
        view! {
            <p class="mt-6 text-center text-sm text-muted">
                "New here? " <a class="font-medium text-brand underline underline-offset-4" href=href>
                    "Make an account"
                </a>
            </p>
        }
    };
    view! {
        <Suspense>
            {move || {
                let href = href.clone();
                Suspend::new(async move { matches!(open.await, Ok(true)).then(|| link(href)).into_any() })
            }}
        </Suspense>
    }
}

/// Leads on who has no business on a page for visitors.
#[component]
pub(super) fn AlreadySignedIn(next: String) -> impl IntoView {
    let Session(viewer) = expect_context();
    view! {
        <Suspense>
            {move || {
                let next = next.clone();
                Suspend::new(async move { matches!(viewer.await, Ok(Some(_))).then(|| view! { <Redirect path=next/> }).into_any() })
            }}
        </Suspense>
    }
}
