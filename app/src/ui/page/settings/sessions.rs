//! The browsers one is signed in with; any but this one can be ended here.

use super::{
    super::form::{Form, FormError, Post},
    Section,
};
use crate::{
    api::account::{self, RevokeSession},
    ui::{
        kit::{Banner, Button, Glyph, Icon, Size, Time, TimeStyle, Tone, Transition},
        load::Loaded,
    },
    wire::account::SessionRow,
};
use leptos::prelude::*;

/// The section.
#[component]
pub fn SessionsSection() -> impl IntoView {
    let revoke = Post::to::<RevokeSession>();
    let sessions = Loaded::by(move || revoke.version().get().to_string(), |_| account::sessions());
    view! {
        <Section id="sessions" title="Signed-in browsers" lead="Ending one closes its pages within a second.">
            <FormError post=revoke fields=&[]/>
            <Transition>
                {move || Suspend::new(async move {
                    match sessions.await {
                        Ok(rows) => {
                            rows.into_iter()
                                .map(|row| view! { <Row row revoke/> })
                                .collect_view()
                                .into_any()
                        }
                        Err(error) => view! { <Banner tone=Tone::Danger>{error.to_string()}</Banner> }.into_any(),
                    }
                })}
            </Transition>
        </Section>
    }
}

#[component]
fn Row(row: SessionRow, revoke: Post) -> impl IntoView {
    let agent = if row.agent.is_empty() { "A browser without a name".to_owned() } else { row.agent };
    view! {
        <div class="flex items-center gap-3 border-b border-line p-4 last:border-b-0">
            <Icon glyph=Glyph::Monitor class="size-5 shrink-0 text-muted"/>
            <div class="min-w-0 flex-1">
                <p class="truncate text-sm font-medium">{agent}</p>
                <p class="text-sm text-muted">
                    {row.address} " · last seen " <Time at=row.seen_at style=TimeStyle::Full/>
                </p>
            </div>
            {if row.current {
                view! {
                    <span class="rounded-full bg-success-soft px-2.5 py-1 text-xs font-medium text-success">"This one"</span>
                }
                    .into_any()
            } else {
                view! {
                    <Form post=revoke>
                        <input r#type="hidden" name="id" value=row.id.to_string()/>
                        <Button kind="submit" size=Size::Small>
                            "End"
                        </Button>
                    </Form>
                }
                    .into_any()
            }}
        </div>
    }
}
