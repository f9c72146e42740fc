//! The self-test: can programs sign in here, and if not, which step breaks and what is to be done. Beside it stands what
//! was refused lately to programs of one's own, which knows more than a test can.

use crate::{
    ui::kit::{Button, Glyph, Icon, Time, TimeStyle, Variant},
    wire::oauth::{Outcome, Step, Trouble},
};
use leptos::prelude::*;

/// The page; without steps it was not tried yet.
#[component]
pub fn McpCheckPage(endpoint: String, action: &'static str, steps: Vec<Step>, troubles: Vec<Trouble>) -> impl IntoView {
    let tried = !steps.is_empty();
    let verdict = verdict(&steps);
    view! {
        <main class="mx-auto max-w-2xl px-4 py-8 sm:py-12">
            <a href="/settings/programs" class="-ms-2 mb-4 inline-flex items-center gap-1.5 rounded-md px-2 py-1.5 text-sm text-muted hover:bg-hover hover:text-text">
                <Icon glyph=Glyph::ArrowLeft class="size-4"/>
                "Settings"
            </a>
            <h1 class="mb-2 text-2xl font-semibold tracking-tight">"Can programs sign in?"</h1>
            <p class="mb-6 text-sm text-muted">
                "Parley signs a program of its own in at " <code class="font-mono wrap-anywhere text-text">{endpoint}</code>
                ", step by step as Claude, Cursor or any MCP client would, and tells what it finds. It may read for as long \
                 as that takes, and leaves nothing behind."
            </p>
            <form method="post" action=action class="mb-8">
                <Button kind="submit" variant=Variant::Primary>
                    {if tried { "Try again" } else { "Try it" }}
                </Button>
            </form>
            {tried.then(|| {
                view! {
                    <p class="mb-4 font-medium" role="status">{verdict}</p>
                    <ol class="rounded-xl border border-line bg-raised">
                        {steps.into_iter().map(|step| view! { <Line step/> }).collect_view()}
                    </ol>
                }
            })}
            {(!troubles.is_empty()).then(|| view! { <Troubles troubles/> })}
        </main>
    }
}

#[component]
fn Troubles(troubles: Vec<Trouble>) -> impl IntoView {
    view! {
        <section aria-labelledby="troubles" class="mt-8">
            <h2 id="troubles" class="text-lg font-semibold">"Refused lately"</h2>
            <p class="mb-3 text-sm text-muted">"What went wrong when a program wanted in for you, the latest first."</p>
            <ul class="rounded-xl border border-line bg-raised text-sm">
                {troubles
                    .into_iter()
                    .map(|Trouble { at, program, what, reason }| {
                        view! {
                            <li class="border-b border-line p-4 last:border-b-0">
                                <p class="font-medium break-words">"«" {program} "» " {what}</p>
                                <p class="break-words text-muted"><Time at style=TimeStyle::Full/> ": " {reason}</p>
                            </li>
                        }
                    })
                    .collect_view()}
            </ul>
        </section>
    }
}

fn verdict(steps: &[Step]) -> String {
    let broken = steps.iter().position(|step| matches!(step.outcome, Outcome::Broken(..)));
    let odd = steps.iter().any(|step| matches!(step.outcome, Outcome::Odd(..)));
    match broken {
        Some(at) => format!("No: step {} breaks.", at + 1),
        None if odd => "Yes, but not from everywhere.".to_owned(),
        None => "Yes, every step works.".to_owned(),
    }
}

#[component]
fn Line(step: Step) -> impl IntoView {
    let (colour, glyph, said) = match step.outcome {
        Outcome::Fine(_) => ("text-success", Glyph::Check, "works"),
        Outcome::Odd(..) => ("text-warning", Glyph::Alert, "odd"),
        Outcome::Broken(..) => ("text-danger", Glyph::Alert, "broken"),
        Outcome::Skipped => ("text-muted", Glyph::Dots, "not tried"),
    };
    let (seen, advice) = match step.outcome {
        Outcome::Fine(seen) => (seen, None),
        Outcome::Odd(seen, advice) | Outcome::Broken(seen, advice) => (seen, Some(advice)),
        Outcome::Skipped => ("Not tried, because an earlier step broke.".to_owned(), None),
    };
    view! {
        <li class="flex items-start gap-3 border-b border-line p-4 last:border-b-0">
            <Icon glyph class=format!("mt-0.5 size-5 shrink-0 {colour}")/>
            <div class="min-w-0 flex-1 text-sm">
                <p class="font-medium">{step.title} <span class="sr-only">{format!(": {said}")}</span></p>
                <p class="break-words text-muted">{seen}</p>
                {advice.map(|advice| view! { <p class="mt-1">{advice}</p> })}
            </div>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_names_the_step_that_broke() {
        let step = |outcome| Step { title: "x", outcome };
        let fine = || step(Outcome::Fine(String::new()));
        assert_eq!(verdict(&[fine(), fine()]), "Yes, every step works.");
        assert_eq!(verdict(&[step(Outcome::Odd(String::new(), "")), fine()]), "Yes, but not from everywhere.");
        let broken = [fine(), step(Outcome::Broken(String::new(), "")), step(Outcome::Skipped)];
        assert_eq!(verdict(&broken), "No: step 2 breaks.");
    }
}
