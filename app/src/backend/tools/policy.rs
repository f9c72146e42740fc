//! Which call runs at once, which asks a person first, and which never runs.
//!
//! Invariant: it fails closed. Only a tool that says it changes nothing runs unasked; a grant that cannot be read
//! because the database is away denies. In a room of several, a tool that reads its caller's private things asks too:
//! what it finds is shown to the others, and what made the model call it may be one of them.

use crate::{
    backend::{
        caller::Caller,
        store::{Store, StoreError},
    },
    wire::tool::ToolSpec,
};

/// What is to happen with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Run it.
    Run,
    /// Ask a person: once, always, or deny.
    Ask,
    /// Do not run it; the sentence is for the model and the reader.
    Deny(String),
}

/// Decides about a call of `spec` by `caller`; `exposed`: its result would show others what is the caller's alone.
pub async fn decide(store: &Store, caller: &Caller, spec: &ToolSpec, exposed: bool) -> Decision {
    if spec.annotations.read_only_hint && !exposed {
        return Decision::Run;
    }
    rule(&spec.name, store.tool_grant(caller.user, &spec.name).await)
}

/// What follows from the decision kept for good, or from its absence.
fn rule(tool: &str, grant: Result<Option<bool>, StoreError>) -> Decision {
    match grant {
        Ok(Some(true)) => Decision::Run,
        Ok(Some(false)) => {
            Decision::Deny(format!("You decided that `{tool}` may not be used. Settings can undo that."))
        }
        Ok(None) => Decision::Ask,
        Err(error) => {
            tracing::warn!(%error, tool, "a tool grant cannot be read: the call is denied");
            Decision::Deny(format!(
                "`{tool}` was not run: whether it may cannot be looked up just now. Try again later."
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_unless_a_person_decided_and_never_fails_open() {
        assert_eq!(rule("t", Ok(Some(true))), Decision::Run);
        assert_eq!(rule("t", Ok(None)), Decision::Ask);
        assert!(matches!(rule("t", Ok(Some(false))), Decision::Deny(reason) if reason.contains("may not be used")));
        for error in [StoreError::Busy, StoreError::NotFound, StoreError::Unwritable(String::new())] {
            assert!(matches!(rule("t", Err(error)), Decision::Deny(_)));
        }
    }
}
