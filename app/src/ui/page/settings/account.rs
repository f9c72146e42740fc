//! Who one is here, and the way out.

use crate::{
    api::account::SignOut,
    ui::{
        kit::{Avatar, Button, Glyph, Icon},
        page::form::{Form, Post},
    },
    wire::account::Viewer,
};
use leptos::prelude::*;

/// The top of the account's page.
#[component]
pub fn Account() -> impl IntoView {
    let viewer = expect_context::<Viewer>();
    let post = Post::to::<SignOut>();
    let name = viewer.name.to_string();
    view! {
        <div class="flex flex-wrap items-center gap-4">
            <Avatar name=name.clone() class="size-12 text-base"/>
            <div class="min-w-0 flex-1">
                <p class="truncate font-medium">{name}</p>
                <p class="text-sm text-muted">{if viewer.admin { "Administrator" } else { "Member" }}</p>
            </div>
            <Form post>
                <Button kind="submit" busy=post.pending()>
                    <Icon glyph=Glyph::SignOut class="size-4"/>
                    "Sign out"
                </Button>
            </Form>
        </div>
    }
}
