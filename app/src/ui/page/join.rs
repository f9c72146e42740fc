//! Joining a conversation by an invitation. Opening the link changes nothing: the page says who invites and to what, and
//! a form posts the answer. A link that was revoked or has lapsed says so and leads home.

use super::form::{Card, Form, Post};
use crate::{
    api::rooms::{Join, invitation},
    ui::{
        app::SignedIn,
        kit::{Banner, Button, LinkButton, Size, Suspense, Tone, Variant},
        load::Loaded,
    },
    wire::{error::ApiError, room::Invited},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

/// The page.
#[component]
pub fn JoinPage() -> impl IntoView {
    let action = Post::to::<Join>();
    let token = use_params_map().with_untracked(|params| params.get("token")).unwrap_or_default();
    view! {
        <Title text="Join a conversation"/>
        <SignedIn>
            <Link action token=token.clone()/>
        </SignedIn>
    }
}

/// What the link is good for.
#[component]
fn Link(action: Post, token: String) -> impl IntoView {
    let asked = token.clone();
    let invited = Loaded::by(move || asked.clone(), invitation);
    view! {
        <Suspense>
            {move || {
                let token = token.clone();
                Suspend::new(async move {
                    match invited.await {
                        Ok(invited) => view! { <Invitation action token invited/> }.into_any(),
                        Err(error) => view! { <Dead error/> }.into_any(),
                    }
                })
            }}
        </Suspense>
    }
}

#[component]
fn Invitation(action: Post, token: String, invited: Invited) -> impl IntoView {
    let answer = action.answer();
    // It may have been revoked since the page was made.
    let error = move || {
        answer.with(|answer| match answer {
            Some(Err(error)) => Some(told(error)),
            _ => None,
        })
    };
    view! {
        <Card title="You are invited" lead=lead(&invited)>
            <div class="space-y-4">
                {move || error().map(|error| view! { <Banner tone=Tone::Danger>{error}</Banner> })}
                <p class="text-sm text-muted">
                    "You will see everything that was said in it, and its members will see your name and what you write."
                </p>
                <Form post=action>
                    <input r#type="hidden" name="token" value=token/>
                    <Button kind="submit" variant=Variant::Primary size=Size::Wide busy=action.pending()>
                        "Join the conversation"
                    </Button>
                </Form>
                <LinkButton href="/" variant=Variant::Ghost size=Size::Wide>
                    "Not now"
                </LinkButton>
            </div>
        </Card>
    }
}

/// There is nothing to join, or it cannot be looked up just now.
#[component]
fn Dead(error: ApiError) -> impl IntoView {
    let title = if error == ApiError::NotFound { "This link is dead" } else { "This link could not be looked up" };
    view! {
        <Card title lead=told(&error)>
            <LinkButton href="/" variant=Variant::Primary size=Size::Wide>
                "To your conversations"
            </LinkButton>
        </Card>
    }
}

fn told(error: &ApiError) -> String {
    match error {
        ApiError::NotFound => {
            "This invitation is no longer good: it was revoked, or its week is over. Ask for a new one.".to_owned()
        }
        other => other.to_string(),
    }
}

fn lead(Invited { title, by, members }: &Invited) -> String {
    let what = if title.is_empty() {
        "their conversation with the assistant".to_owned()
    } else {
        format!("«{title}», a conversation with the assistant")
    };
    let people = match members {
        0 | 1 => "Nobody else is in it yet.".to_owned(),
        2 => "One more person is in it.".to_owned(),
        n => format!("{} more people are in it.", n - 1),
    };
    format!("{by} asks you to join {what}. {people}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_who_invites_and_to_what() {
        let said = |title: &str, members| lead(&Invited { title: title.to_owned(), by: "Ada".to_owned(), members });
        assert_eq!(
            said("Engines", 3),
            "Ada asks you to join «Engines», a conversation with the assistant. 2 more people are in it."
        );
        assert_eq!(
            said("", 1),
            "Ada asks you to join their conversation with the assistant. Nobody else is in it yet."
        );
    }
}
