//! Tool names as vendors accept them: MCP allows dots, both APIs do not.

use crate::wire::tool::ToolSpec;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The longest name both vendors accept.
const NAME_MAX: usize = 64;

/// The names of one request's tools, outward and back.
#[derive(Clone, Debug, Default)]
pub(super) struct ToolNames {
    inward: BTreeMap<String, String>,
    outward: BTreeMap<String, String>,
}

impl ToolNames {
    /// Unique outward names for `tools`.
    pub(super) fn new(tools: &[Arc<ToolSpec>]) -> Self {
        let plain: BTreeSet<String> = tools.iter().map(|t| t.name.clone()).filter(|n| *n == safe(n)).collect();
        let mut names = Self::default();
        for tool in tools.iter().filter(|tool| !plain.contains(&tool.name)) {
            let base = safe(&tool.name);
            let free = |name: &String| !plain.contains(name) && !names.inward.contains_key(name);
            let numbered = (2..).map(|n| format!("{}_{n}", &base[..base.len().min(NAME_MAX - 5)]));
            if let Some(outward) = std::iter::once(base.clone()).chain(numbered).find(free) {
                names.outward.insert(tool.name.clone(), outward.clone());
                names.inward.insert(outward, tool.name.clone());
            }
        }
        names
    }

    /// The name to send; also for tools of earlier turns that are no longer offered.
    pub(super) fn outward(&self, name: &str) -> String {
        self.outward.get(name).cloned().unwrap_or_else(|| safe(name))
    }

    /// The registry's name of what the model called.
    pub(super) fn inward(&self, name: &str) -> String {
        self.inward.get(name).cloned().unwrap_or_else(|| name.to_owned())
    }
}

fn safe(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
    let name: String = name.chars().map(letter).take(NAME_MAX).collect();
    if name.is_empty() { "_".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tool::Annotations;

    #[test]
    fn dots_go_out_as_something_unique_and_come_back() {
        let tool = |name: &str| ToolSpec {
            name: name.to_owned(),
            title: String::new(),
            description: String::new(),
            input_schema: serde_json::json!({}),
            output_schema: serde_json::json!({}),
            annotations: Annotations::READ_ONLY,
            server: None,
            ui: None,
        };
        let names = ToolNames::new(&["a.b", "a_b", "a..b", "a._b"].map(|name| Arc::new(tool(name))));
        let out: Vec<_> = ["a.b", "a_b", "a..b", "a._b", "gone.x"].iter().map(|n| names.outward(n)).collect();
        assert_eq!(out, ["a_b_2", "a_b", "a__b", "a__b_2", "gone_x"]);
        for name in ["a.b", "a_b", "a..b", "a._b"] {
            assert_eq!(names.inward(&names.outward(name)), name);
        }
    }
}
