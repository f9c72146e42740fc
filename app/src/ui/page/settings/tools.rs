//! The tools one decided about for good. Forgetting a decision makes the tool ask again.

use super::{super::form::FormError, Section};
use crate::{
    api::account::{self, ForgetToolGrant},
    ui::kit::{Banner, Button, Glyph, Icon, Size, Tone},
};
use leptos::prelude::*;

/// The section.
#[component]
pub fn ToolsSection() -> impl IntoView {
    let forget = ServerAction::<ForgetToolGrant>::new();
    let grants = Resource::new_blocking(move || forget.version().get(), |_| account::tool_grants());
    view! {
        <Section id="tools" title="Tool permissions" lead="Tools that change something ask before they run, unless you said «always».">
            <FormError action=forget fields=&[]/>
            <Transition>
                {move || Suspend::new(async move {
                    match grants.await {
                        Ok(grants) if grants.is_empty() => {
                            view! { <p class="p-4 text-sm text-muted">"Nothing was decided for good; each tool asks."</p> }.into_any()
                        }
                        Ok(grants) => {
                            grants
                                .into_iter()
                                .map(|(tool, allowed)| view! { <Grant tool allowed forget/> })
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
fn Grant(tool: String, allowed: bool, forget: ServerAction<ForgetToolGrant>) -> impl IntoView {
    view! {
        <div class="flex items-center gap-3 border-b border-line p-4 last:border-b-0">
            <Icon glyph=Glyph::Wrench class="size-5 shrink-0 text-muted"/>
            <p class="min-w-0 flex-1 truncate text-sm">
                <code class="font-mono">{tool.clone()}</code>
                <span class="text-muted">{if allowed { " always runs" } else { " never runs" }}</span>
            </p>
            <ActionForm action=forget>
                <input r#type="hidden" name="tool" value=tool/>
                <Button kind="submit" size=Size::Small>
                    "Ask again"
                </Button>
            </ActionForm>
        </div>
    }
}
