//! What tools answer besides text, and what is too long to stand in an answer: kept with the conversation
//! ([`store::attachments`](crate::backend::store::attachments)), and read on by the model with [`READ`].
//!
//! Invariant: what a file is, is decided by its first bytes ([`sniffed`]), never by its name or by what a server says of
//! it. Whatever is not kept leaves a sentence that says so and why.

mod keep;
mod read;
mod sniff;

pub use keep::{Keeper, NotKept};
pub use sniff::sniffed;

use super::{Tool, ToolCx};
use crate::{
    backend::store::policies::ToolRules,
    wire::tool::{ToolOutcome, ToolSpec},
};
use futures::{FutureExt, future::BoxFuture};
use serde_json::Value;
use std::sync::Arc;

/// What reading on in an attachment is called.
pub const READ: &str = "read_attachment";

/// The toolset.
pub fn tools() -> Vec<Arc<dyn Tool>> {
    vec![Arc::new(Reader(Arc::new(read::spec())))]
}

/// Those of `tools` that make sense in a conversation: [`READ`] only where there is something to read.
pub fn offered(rules: &ToolRules, tools: Arc<Vec<Arc<ToolSpec>>>) -> Arc<Vec<Arc<ToolSpec>>> {
    if rules.attachments || !tools.iter().any(|spec| spec.name == READ) {
        return tools;
    }
    Arc::new(tools.iter().filter(|spec| spec.name != READ).cloned().collect())
}

/// Reads attachments.
struct Reader(Arc<ToolSpec>);

impl Tool for Reader {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.0
    }

    fn call<'a>(&'a self, cx: &'a ToolCx, arguments: Value) -> BoxFuture<'a, ToolOutcome> {
        read::run(cx, arguments).map(|answer| answer.unwrap_or_else(|failure| failure)).boxed()
    }
}

/// A size for people and models.
pub fn bytes(count: usize) -> String {
    crate::wire::file::size(u64::try_from(count).unwrap_or(u64::MAX))
}
