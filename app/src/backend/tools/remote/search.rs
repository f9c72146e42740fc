//! `search_tools`: where there are too many tools to list, the model looks for the ones it needs.
//!
//! Invariant: the words decide, not the order: each word of the query counts by how rare it is among the tools, more in
//! a name than in a description. Ties keep the list's order, so the same question finds the same tools.

use super::{SEARCH, person::Offered};
use crate::{
    backend::tools::spec as describe,
    wire::tool::{Annotations, ToolOutcome, ToolSpec},
};
use serde_json::{Value, json};
use std::{collections::HashMap, fmt::Write};

/// Tools that one search finds, unless it asks for fewer.
const FOUND: usize = 8;
/// Characters of a description that a search repeats: the tool itself is offered with all of it.
const TOLD: usize = 200;

/// The advertisement; it names the servers, so that the model knows what may be found.
pub(super) fn spec(servers: &[String]) -> ToolSpec {
    let mut spec = describe(
        (SEARCH, "Search tools"),
        "Finds tools of the servers that the user has connected, by what they do. There are too many to list here: \
         search before you say that something cannot be done. What is found can be called from then on, in this \
         conversation.",
        (
            json!({
                "query": {"type": "string", "description": "What the tool should do, in a few words, in English."},
                "limit": {"type": "integer", "minimum": 1, "maximum": 20, "description": "How many to find at most; 8 if left out."},
            }),
            &["query"],
        ),
        (
            json!({
                "tools": {
                    "type": "array", "description": "The tools found, best first.",
                    "items": {
                        "type": "object", "required": ["name", "title"], "additionalProperties": false,
                        "properties": {
                            "name": {"type": "string", "description": "The name to call it by."},
                            "title": {"type": "string", "description": "What people call it."},
                        },
                    },
                },
            }),
            &["tools"],
        ),
        Annotations::READ_ONLY,
    );
    if !servers.is_empty() {
        let _ = write!(spec.description, " Connected are: {}.", servers.join(", "));
    }
    spec
}

/// Searches; the outcome, and the names of what was found.
pub(super) fn run(tools: &[Offered], arguments: &Value) -> (ToolOutcome, Vec<String>) {
    let query = arguments["query"].as_str().unwrap_or_default().trim();
    if query.is_empty() {
        return (ToolOutcome::error("The query is blank: say what the tool should do."), Vec::new());
    }
    let limit = arguments["limit"].as_u64().and_then(|limit| usize::try_from(limit).ok()).unwrap_or(FOUND).clamp(1, 20);
    let specs: Vec<&ToolSpec> = tools.iter().map(|tool| &*tool.spec).collect();
    let found = rank(&specs, query, limit);
    if found.is_empty() {
        let told = "No tool of the connected servers fits these words. Try other ones, or go on without.";
        return (ToolOutcome::ok(told, json!({ "tools": [] })), Vec::new());
    }
    let mut text = "These can be called from now on:".to_owned();
    for spec in &found {
        let server = spec.server.as_ref().map(|server| server.name.as_str()).unwrap_or_default();
        let told: String = spec.description.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TOLD).collect();
        let _ = write!(text, "\n{} ({server}, «{}»): {told}", spec.name, spec.title);
    }
    let listed: Vec<Value> = found.iter().map(|spec| json!({"name": spec.name, "title": spec.title})).collect();
    let names = found.iter().map(|spec| spec.name.clone()).collect();
    (ToolOutcome::ok(text, json!({ "tools": listed })), names)
}

/// The tools that fit best.
fn rank<'a>(specs: &[&'a ToolSpec], query: &str, limit: usize) -> Vec<&'a ToolSpec> {
    let read: Vec<(HashMap<String, f64>, &ToolSpec)> = specs.iter().map(|spec| (weights(spec), *spec)).collect();
    let count = |word: &str| read.iter().filter(|(words, _)| words.contains_key(word)).count();
    let mut asked = words(query);
    asked.sort();
    asked.dedup();
    #[expect(clippy::cast_precision_loss, reason = "tools are counted in thousands at most")]
    let rare = |word: &str| (1.0 + read.len() as f64 / (1.0 + count(word) as f64)).ln();
    let asked: Vec<(String, f64)> = asked.into_iter().map(|word| (word.clone(), rare(&word))).collect();
    let score = |weights: &HashMap<String, f64>| -> f64 {
        asked.iter().map(|(word, rare)| weights.get(word).map_or(0.0, |weight| weight * rare)).sum()
    };
    let mut scored: Vec<(f64, &ToolSpec)> = read.iter().map(|(weights, spec)| (score(weights), *spec)).collect();
    scored.retain(|(score, _)| *score > 0.0);
    // Stable: ties keep the order of the list.
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(limit).map(|(_, spec)| spec).collect()
}

/// The words of a tool and how much each says about it.
fn weights(spec: &ToolSpec) -> HashMap<String, f64> {
    let mut out: HashMap<String, f64> = HashMap::new();
    let server = spec.server.as_ref().map(|server| server.name.as_str()).unwrap_or_default();
    let own = spec.name.split_once("__").map_or(spec.name.as_str(), |(_, own)| own);
    for (text, weight) in [(own, 3.0), (spec.title.as_str(), 2.0), (server, 1.5), (spec.description.as_str(), 1.0)] {
        for word in words(text) {
            let known = out.entry(word).or_default();
            *known = known.max(weight);
        }
    }
    out
}

/// Lower case words, without endings that only say how many or when; `readFile` and `read_file` are two words each.
fn words(text: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut small = false;
    for c in text.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && small) {
            out.push(String::new());
        }
        small = c.is_lowercase();
        if let (true, Some(word)) = (c.is_alphanumeric(), out.last_mut()) {
            word.extend(c.to_lowercase());
        }
    }
    out.retain(|word| word.chars().count() > 1 && !COMMON.contains(&word.as_str()));
    out.iter().map(|word| stem(word).to_owned()).collect()
}

/// Words that every description has.
const COMMON: [&str; 20] = [
    "the", "of", "to", "and", "in", "is", "for", "an", "with", "by", "or", "it", "on", "from", "this", "that", "be",
    "as", "tool", "use",
];

fn stem(word: &str) -> &str {
    for ending in ["ing", "ies", "ed", "es", "s"] {
        if let Some(stem) = word.strip_suffix(ending).filter(|stem| stem.chars().count() >= 3) {
            return stem;
        }
    }
    word.strip_suffix(['e', 'y']).filter(|stem| stem.chars().count() >= 3).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tool::ToolServer;

    fn tool(name: &str, description: &str) -> ToolSpec {
        let mut spec = describe((name, name), description, (json!({}), &[]), (json!({}), &[]), Annotations::READ_ONLY);
        spec.server = Some(ToolServer { id: "s".to_owned(), name: "GitHub".to_owned(), trusted: false });
        spec
    }

    #[test]
    fn words_are_cut_lowered_and_stemmed() {
        assert_eq!(
            words("readFile read_files; Reading the repositories"),
            ["read", "fil", "read", "fil", "read", "repositor"]
        );
        assert_eq!(words("repository"), ["repositor"]);
    }

    #[test]
    fn the_tool_that_is_meant_comes_first() {
        let tools = [
            tool("git__create_issue", "Open a new issue in a repository."),
            tool("git__list_issues", "List issues of a repository, filtered by state."),
            tool("git__merge_pull_request", "Merge a pull request."),
            tool("files__read_file", "Read the complete contents of a file from the disk."),
            tool("files__write_file", "Create a file or overwrite it."),
            tool("mail__send", "Send an e-mail to somebody."),
        ];
        let specs: Vec<&ToolSpec> = tools.iter().collect();
        for (query, expected) in [
            ("open an issue", "git__create_issue"),
            ("list all issues", "git__list_issues"),
            ("merging pull requests", "git__merge_pull_request"),
            ("what does the file contain: read it", "files__read_file"),
            ("write to a file", "files__write_file"),
            ("e-mail", "mail__send"),
        ] {
            let found = rank(&specs, query, 3);
            assert_eq!(found.first().map(|spec| spec.name.as_str()), Some(expected), "{query}");
        }
        assert!(rank(&specs, "weather", 3).is_empty());
        assert_eq!(rank(&specs, "repository", 8).len(), 2);
    }
}
