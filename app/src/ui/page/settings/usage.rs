//! What one's replies cost, and what answers here.

use super::Sheet;
use crate::{
    api::{account, conversations},
    ui::{
        kit::{Banner, Suspense, Tone},
        load::Loaded,
    },
    wire::conversation::ModelChoice,
};
use leptos::prelude::*;

/// The section.
#[component]
pub fn UsageSection() -> impl IntoView {
    let usage = Loaded::once(account::usage_summary);
    let models = Loaded::once(conversations::models);
    view! {
        <Sheet lead="The last 30 days, as the provider counts.">
            <Suspense>
                {move || Suspend::new(async move {
                    match usage.await {
                        Ok(report) => {
                            view! {
                                <dl class="grid grid-cols-2 gap-4 p-4 sm:grid-cols-4">
                                    <Figure label="Replies" value=report.turns/>
                                    <Figure label="Tokens read" value=report.usage.input/>
                                    <Figure label="From cache" value=report.usage.cached/>
                                    <Figure label="Tokens written" value=report.usage.output/>
                                </dl>
                            }
                                .into_any()
                        }
                        Err(error) => view! { <Banner tone=Tone::Danger>{error.to_string()}</Banner> }.into_any(),
                    }
                })}
                {move || Suspend::new(async move { models.await.ok().map(|models| view! { <Models models/> }).into_any() })}
            </Suspense>
        </Sheet>
    }
}

#[component]
fn Figure(label: &'static str, value: u64) -> impl IntoView {
    view! {
        <div>
            <dt class="text-sm text-muted">{label}</dt>
            <dd class="tabular text-xl font-semibold">{grouped(value)}</dd>
        </div>
    }
}

#[component]
fn Models(models: Vec<ModelChoice>) -> impl IntoView {
    let names = models.iter().filter(|model| !model.offline).map(|model| model.name.clone()).collect::<Vec<_>>();
    view! {
        <div class="border-t border-line p-4 text-sm">
            {if names.is_empty() {
                view! {
                    <p>
                        <strong class="font-medium">"No model is connected."</strong>
                        " The built-in offline assistant answers, with the same tools. Whoever runs this server can give it a "
                        "model's address and key in its configuration."
                    </p>
                }
                    .into_any()
            } else {
                view! { <p>{format!("Connected: {}.", names.join(", "))}</p> }.into_any()
            }}
        </div>
    }
}

/// Digits in threes, with narrow blanks (ISO 80000-1, 7.3.1).
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 * 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn digits_stand_in_threes() {
        let cases = [(0, "0"), (999, "999"), (1000, "1\u{202f}000"), (1_234_567, "1\u{202f}234\u{202f}567")];
        for (n, want) in cases {
            assert_eq!(grouped(n), want);
        }
    }
}
