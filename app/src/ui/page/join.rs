//! Joining a conversation by an invitation. Opening the link changes nothing: a person is asked, and a form posts the
//! answer. A link that was revoked or has lapsed says so and leads home.

use super::form::Card;
use crate::{
    api::rooms::Join,
    ui::{
        app::SignedIn,
        kit::{Banner, Button, LinkButton, Size, Tone, Variant},
    },
    wire::error::ApiError,
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

/// The page.
#[component]
pub fn JoinPage() -> impl IntoView {
    let action = ServerAction::<Join>::new();
    let token = use_params_map().with_untracked(|params| params.get("token")).unwrap_or_default();
    view! {
        <Title text="Join a conversation"/>
        <SignedIn>
            <Invited action token=token.clone()/>
        </SignedIn>
    }
}

#[component]
fn Invited(action: ServerAction<Join>, token: String) -> impl IntoView {
    let value = action.value();
    let error = move || {
        value.with(|value| match value {
            Some(Err(ApiError::NotFound)) => Some(
                "This invitation is no longer good: it was revoked, or its week is over. Ask for a new one.".to_owned(),
            ),
            Some(Err(error)) => Some(error.to_string()),
            _ => None,
        })
    };
    view! {
        <Card title="You are invited" lead="Somebody asks you to join their conversation with the assistant.">
            <div class="space-y-4">
                {move || error().map(|error| view! { <Banner tone=Tone::Danger>{error}</Banner> })}
                <p class="text-sm text-muted">
                    "You will see everything that was said in it, and its members will see your name and what you write."
                </p>
                <ActionForm action>
                    <input r#type="hidden" name="token" value=token/>
                    <Button kind="submit" variant=Variant::Primary size=Size::Wide busy=action.pending()>
                        "Join the conversation"
                    </Button>
                </ActionForm>
                <LinkButton href="/" variant=Variant::Ghost size=Size::Wide>
                    "Not now"
                </LinkButton>
            </div>
        </Card>
    }
}
