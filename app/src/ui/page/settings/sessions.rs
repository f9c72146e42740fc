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
    let name = if row.agent.is_empty() { "A browser without a name".to_owned() } else { named(&row.agent) };
    view! {
        <div class="flex items-center gap-3 border-b border-line p-4 last:border-b-0">
            <Icon glyph=Glyph::Monitor class="size-5 shrink-0 text-muted"/>
            <div class="min-w-0 flex-1">
                <p class="truncate text-sm font-medium" title=row.agent>{name}</p>
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

/// What a browser is called for people, as in «Chrome on Windows»; what it says of itself (its `User-Agent`), where that
/// names no browser known here. Browsers name others too, and most of them Safari, so the order matters.
fn named(agent: &str) -> String {
    const BROWSERS: [(&str, &str); 8] = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Chrome/", "Chrome"),
        ("CriOS/", "Chrome"),
        ("Chromium/", "Chromium"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 7] = [
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Mac", "Mac"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    let found =
        |known: &[(&str, &'static str)]| known.iter().find(|(sign, _)| agent.contains(sign)).map(|(_, name)| *name);
    match (found(&BROWSERS), found(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        _ => agent.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn browsers_are_told_apart_though_they_name_each_other() {
        let blink = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0";
        let webkit = "AppleWebKit/605.1.15 (KHTML, like Gecko)";
        let cases = [
            (format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {blink} Safari/537.36"), "Chrome on Windows"),
            (
                format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {blink} Safari/537.36 Edg/142.0.0.0"),
                "Edge on Windows",
            ),
            (format!("Mozilla/5.0 (X11; Linux x86_64) {blink} Safari/537.36 OPR/124.0.0.0"), "Opera on Linux"),
            (format!("Mozilla/5.0 (Linux; Android 10; K) {blink} Mobile Safari/537.36"), "Chrome on Android"),
            (format!("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {blink} Safari/537.36"), "Chrome on ChromeOS"),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0".to_owned(), "Firefox on Linux"),
            (
                format!("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {webkit} Version/18.6 Safari/605.1.15"),
                "Safari on Mac",
            ),
            (
                format!(
                    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) {webkit} Version/18.6 Mobile/15E148 Safari/604.1"
                ),
                "Safari on iPhone",
            ),
            (
                format!(
                    "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) {webkit} CriOS/142.0.0.0 Mobile/15E148 Safari/604.1"
                ),
                "Chrome on iPad",
            ),
        ];
        for (agent, name) in cases {
            assert_eq!(named(&agent), name);
        }
    }

    #[test]
    fn what_is_not_known_is_called_what_it_calls_itself() {
        for agent in ["curl/8.5.0", "Windows", "Firefox/145.0", "?"] {
            assert_eq!(named(agent), agent);
        }
    }
}
