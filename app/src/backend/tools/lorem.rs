//! `lorem`: filler of an exact number of words. It costs next to nothing, so it also serves to measure everything else.

use super::{Plain, Tool, ToolCx, read, spec};
use crate::wire::tool::{Annotations, ToolOutcome};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Most words of one call: just under the result cap.
const WORDS_MAX: usize = 5_000;

/// The passage everybody knows; repeated as often as needed.
const PASSAGE: &str = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut \
    labore et dolore magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip \
    ex ea commodo consequat. Duis aute irure dolor in reprehenderit in voluptate velit esse cillum dolore eu fugiat \
    nulla pariatur. Excepteur sint occaecat cupidatat non proident, sunt in culpa qui officia deserunt mollit anim id \
    est laborum.";

/// The toolset.
pub fn tools() -> Vec<Arc<dyn Tool>> {
    let words =
        json!({ "type": "integer", "minimum": 1, "maximum": WORDS_MAX, "description": "How many words to write." });
    let written = json!({ "type": "integer", "minimum": 1, "description": "How many words the text has." });
    vec![Plain::tool(
        spec(
            ("lorem", "Filler text"),
            "Writes «Lorem ipsum» filler of exactly the given number of words. Use it when somebody asks for \
             placeholder text or for a reply of a certain length. Returns the text itself.",
            (json!({ "words": words }), &["words"]),
            (json!({ "words": written }), &["words"]),
            Annotations::READ_ONLY,
        ),
        answer,
    )]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    words: usize,
}

fn answer(_cx: &ToolCx, arguments: Value) -> Result<ToolOutcome, ToolOutcome> {
    let Arguments { words } = read(arguments)?;
    Ok(ToolOutcome::ok(filler(words), json!({ "words": words })))
}

/// Exactly `words` words: paragraphs of one passage each.
fn filler(words: usize) -> String {
    let mut text = String::with_capacity(words * 7);
    let per_passage = PASSAGE.split(' ').count();
    for (index, word) in PASSAGE.split(' ').cycle().take(words).enumerate() {
        match index {
            0 => {}
            _ if index % per_passage == 0 => text.push_str("\n\n"),
            _ => text.push(' '),
        }
        text.push_str(word);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::limits::TOOL_RESULT_MAX;

    #[test]
    fn has_exactly_as_many_words_as_asked_and_fits_the_cap() {
        for words in [1, 2, 68, 69, 70, 200, 4_999, WORDS_MAX] {
            let text = filler(words);
            assert_eq!(text.split_whitespace().count(), words);
            assert!(text.len() <= TOOL_RESULT_MAX, "{words} words have {} bytes", text.len());
        }
        assert_eq!(filler(3), "Lorem ipsum dolor");
    }
}
