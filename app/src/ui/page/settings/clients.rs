//! Programs that one let in: where they are, what they may do, when they were used; any can be ended here.

use super::{
    super::form::{Form, FormError, Post},
    Section,
};
use crate::{
    api::clients::{self, RevokeClient},
    ui::{
        kit::{Banner, Button, Glyph, Icon, Size, Time, TimeStyle, Tone, Transition},
        load::Loaded,
    },
    wire::oauth::ConnectedClient,
};
use leptos::prelude::*;

/// The section.
#[component]
pub fn ClientsSection() -> impl IntoView {
    let revoke = Post::to::<RevokeClient>();
    let clients = Loaded::by(move || revoke.version().get().to_string(), |_| clients::clients());
    view! {
        <Section
            id="clients"
            title="Connected programs"
            lead="Programs that you let in by signing in to Parley from them. A new password does not end them; here you can."
        >
            <FormError post=revoke fields=&[]/>
            <Transition>
                {move || Suspend::new(async move {
                    match clients.await {
                        Ok(rows) if rows.is_empty() => {
                            view! { <p class="border-b border-line p-4 text-sm text-muted">"None so far."</p> }.into_any()
                        }
                        Ok(rows) => rows.into_iter().map(|row| view! { <Row row revoke/> }).collect_view().into_any(),
                        Err(error) => view! { <Banner tone=Tone::Danger>{error.to_string()}</Banner> }.into_any(),
                    }
                })}
            </Transition>
            <p class="p-4 text-sm text-muted">
                "A program cannot sign in? "
                // Not a page that script wakes: the browser loads it.
                <a rel="external" class="font-medium text-brand underline underline-offset-4" href="/settings/check">
                    "Find out where it breaks"
                </a>
            </p>
        </Section>
    }
}

#[component]
fn Row(row: ConnectedClient, revoke: Post) -> impl IntoView {
    let label = format!("End {}", row.name);
    view! {
        <div class="flex items-center gap-3 border-b border-line p-4">
            <Icon glyph=Glyph::External class="size-5 shrink-0 text-muted"/>
            <div class="min-w-0 flex-1">
                <p class="truncate text-sm font-medium">{row.name}</p>
                <p class="text-sm break-words text-muted">
                    {row.place} " · " {row.scopes.to_string()} " · since " <Time at=row.first_at style=TimeStyle::Full/> " · "
                    {match row.seen_at {
                        Some(at) => view! { "last used " <Time at style=TimeStyle::Full/> }.into_any(),
                        None => "never used".into_any(),
                    }}
                    {(row.sign_ins > 1).then(|| format!(" · signed in {} times", row.sign_ins))}
                </p>
            </div>
            <Form post=revoke>
                <input r#type="hidden" name="id" value=row.id/>
                <Button kind="submit" size=Size::Small attr:aria-label=label>
                    "End"
                </Button>
            </Form>
        </div>
    }
}
