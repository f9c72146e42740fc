//! Which tools a model is told of: not those whose calls the rules would deny anyway. A turn that a program asked for
//! leaves out besides what its token is not for (`chat/turn.rs`).
//!
//! Decision: the rules are read for each offer, and again for each call. A round may last minutes, in which somebody
//! may deny a tool, here or by another process on the same database; what was read when it began must not let it run.
//! How fresh a reading is, the store says (`store/recent.rs`).

use super::{Decision, judge};
use crate::{backend::store::policies::ToolRules, wire::tool::ToolSpec};
use std::sync::Arc;

/// Those of `tools` that a caller with these rules may be offered in a conversation, in the same order.
pub fn offered(rules: &ToolRules, tools: Arc<Vec<Arc<ToolSpec>>>) -> Arc<Vec<Arc<ToolSpec>>> {
    let denied = |spec: &ToolSpec| matches!(judge(rules, spec, false), Decision::Deny(..));
    if !tools.iter().any(|spec| denied(spec)) {
        return tools;
    }
    Arc::new(tools.iter().filter(|spec| !denied(spec)).cloned().collect())
}
