//! Which tools a model is told of: not those whose calls would be denied anyway.
//!
//! Decision: the rules are read here, once a round, and again for each call. A round may last minutes, in which somebody
//! may deny a tool, here or by another process on the same database; what was read when it began must not let it run.

use super::{Decision, judge};
use crate::{
    backend::{
        caller::Caller,
        store::{Store, StoreError},
    },
    wire::{id::ConversationId, tool::ToolSpec},
};
use std::sync::Arc;

/// Those of `tools` that `caller` may be offered in a conversation, in the same order.
///
/// # Errors
/// The rules cannot be read: then nothing is known to be offered.
pub async fn offered(
    store: &Store,
    caller: &Caller,
    conversation: ConversationId,
    tools: Arc<Vec<ToolSpec>>,
) -> Result<Arc<Vec<ToolSpec>>, StoreError> {
    let rules = store.tool_rules(caller.user, Some(conversation)).await?;
    let denied = |spec: &ToolSpec| matches!(judge(&rules, spec, false), Decision::Deny(..));
    if !tools.iter().any(denied) {
        return Ok(tools);
    }
    Ok(Arc::new(tools.iter().filter(|spec| !denied(spec)).cloned().collect()))
}
