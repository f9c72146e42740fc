//! Which call runs at once, which asks a person first, and which never runs.
//!
//! What counts, in this order: a tool that is switched off in the conversation does not run; an administrator's floor
//! binds everybody; a person's own word counts, here or for good, for the definition of the tool it was said of, and a
//! «no» over a «yes»; else the annotations decide. Only one of Parley's own tools, or a tool of a server that the
//! operator vouches for, runs unasked because it says it changes nothing: of any other server that is a claim, which is
//! shown and asked about. In a room of several, a tool that reads its caller's private things asks too: what it finds is
//! shown to the others, and what made the model call it may be one of them.
//!
//! Decision: a claim to change nothing is asked about once, and the answer that its question puts first, «always», takes
//! it at its word for as long as the tool is what it is now. «Once» stays beside it and is this call and no other: what
//! such a tool is called with goes to its server, the model may have been talked into putting anything there, and who
//! says «once» has seen these arguments and not the next ones. No answer lets more run than its button says.
//!
//! Invariant: it fails closed. Rules that cannot be read deny ([`Rule::Error`]), and so does a record that cannot be
//! written ([`permit`]). A word about another definition never lets a call run: it asks again.

mod definition;
mod offer;
mod permit;
mod settings;
#[cfg(test)]
mod tests;

pub use definition::{definition, digest};
pub use offer::offered;
pub use permit::{Begun, Called, Entry, Permit, Place, permit};
pub use settings::{keep, settings, switches};

use crate::{
    backend::{
        caller::Caller,
        store::{Store, policies::ToolRules},
    },
    wire::{
        policy::{Policy, Question, Rule, Why},
        tool::ToolSpec,
    },
};
use std::cell::LazyCell;

/// What is to happen with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Run it, by that rule.
    Run(Rule),
    /// Ask a person.
    Ask {
        /// What they are asked.
        question: Question,
        /// Whether the last word about the tool, as it was then, was «no».
        refused: bool,
    },
    /// Do not run it, by that rule; the sentence is for the model and the reader.
    Deny(Rule, String),
}

/// Decides about a call of `spec` by `caller` at that place.
pub async fn decide(store: &Store, caller: &Caller, spec: &ToolSpec, place: &Place) -> Decision {
    match store.tool_rules(caller.user, place.conversation()).await {
        Ok(rules) => judge(&rules, spec, place.exposed),
        Err(error) => {
            tracing::warn!(%error, tool = spec.name, "the rules of a tool cannot be read: the call is denied");
            let why =
                format!("`{}` was not run: whether it may cannot be looked up just now. Try again later.", spec.name);
            Decision::Deny(Rule::Error, why)
        }
    }
}

/// What follows from the rules; `exposed`: its result would show others what is the caller's alone.
fn judge(rules: &ToolRules, spec: &ToolSpec, exposed: bool) -> Decision {
    let tool = &spec.name;
    if rules.is_off(tool) {
        return Decision::Deny(Rule::SwitchedOff, format!("`{tool}` is switched off in this conversation."));
    }
    let floor = rules.floor(spec);
    if floor == Some(Policy::Deny) {
        return Decision::Deny(Rule::Floor, format!("An administrator of this Parley lets nobody use `{tool}`."));
    }
    // Where nobody said anything, as of most tools, no hash is needed.
    let definition = LazyCell::new(|| definition(spec));
    let counts = |here: bool| {
        let of = if here { &rules.here } else { &rules.always };
        of.iter().find(|said| said.tool == *tool && said.counts(&definition)).map(|said| said.policy)
    };
    let (here, always) = (counts(true), counts(false));
    for (said, rule, within) in [(here, Rule::Conversation, " in this conversation"), (always, Rule::Always, "")] {
        if said == Some(Policy::Deny) {
            let why = format!("You decided that `{tool}` may not be used{within}. Settings can undo that.");
            return Decision::Deny(rule, why);
        }
    }
    let refused = rules.said(tool).any(|said| said.policy == Policy::Deny);
    let ask = |why| {
        let question = Question { why, server: spec.server.clone(), claims: spec.annotations };
        Decision::Ask { question, refused }
    };
    if floor == Some(Policy::Ask) {
        return ask(Why::Floor);
    }
    match (here, always) {
        (Some(Policy::Allow), _) => Decision::Run(Rule::Conversation),
        (None, Some(Policy::Allow)) => Decision::Run(Rule::Always),
        (Some(_), _) | (None, Some(_)) => ask(Why::Wanted),
        (None, None) if rules.said(tool).next().is_some() => ask(Why::Changed),
        (None, None) => by_annotations(spec, exposed).map_or_else(ask, Decision::Run),
    }
}

/// What a tool's own word is worth, where nobody said anything about it.
fn by_annotations(spec: &ToolSpec, exposed: bool) -> Result<Rule, Why> {
    match (&spec.server, spec.annotations.read_only_hint) {
        (_, false) => Err(Why::Changes),
        (Some(server), true) if !server.trusted => Err(Why::Claim),
        (_, true) if exposed => Err(Why::Exposed),
        (Some(_), true) => Ok(Rule::Trusted),
        (None, true) => Ok(Rule::ReadOnly),
    }
}
