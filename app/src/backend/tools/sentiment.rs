//! `analyze_sentiment`: VADER (Hutto and Gilbert, ICWSM 2014), scored as its reference implementation 3.3.2 does.
//!
//! English only, and blind to irony, as the method is; the description says so to the model.

use super::{Plain, Tool, ToolCx, read, spec};
use crate::wire::tool::{Annotations, ToolOutcome};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};
use vader_parity::SentimentIntensityAnalyzer;

/// Characters of one text: the method is made for sentences, and one score for a book says nothing.
const TEXT_MAX: usize = 20_000;
/// From this compound score on a text counts as positive, from its negative on as negative (the authors' thresholds).
const THRESHOLD: f64 = 0.05;

/// The lexicon, read once.
static ANALYZER: LazyLock<SentimentIntensityAnalyzer> = LazyLock::new(SentimentIntensityAnalyzer::new);

/// The toolset.
pub fn tools() -> Vec<Arc<dyn Tool>> {
    let text = json!({
        "type": "string", "minLength": 1, "maxLength": TEXT_MAX, "description": "The text to judge, in English.",
    });
    let share = |what: &str| json!({ "type": "number", "minimum": 0, "maximum": 1, "description": what });
    let output = json!({
        "compound": {
            "type": "number", "minimum": -1, "maximum": 1, "description": "The whole, from -1 (worst) to 1 (best).",
        },
        "positive": share("Share of the text that is positive."),
        "neutral": share("Share of the text that is neutral."),
        "negative": share("Share of the text that is negative."),
        "label": {
            "type": "string", "enum": ["positive", "neutral", "negative"],
            "description": "Positive from a compound of 0.05 on, negative from -0.05 on, else neutral.",
        },
    });
    vec![Plain::tool(
        spec(
            ("analyze_sentiment", "Sentiment"),
            "Judges whether an English text sounds positive, neutral or negative, by VADER: a lexicon with rules for \
             negation, emphasis, capitals, punctuation and emoji. Use it for reviews, comments and messages. It does \
             not understand irony or other languages. Returns four scores and a label.",
            (json!({ "text": text }), &["text"]),
            (output, &["compound", "positive", "neutral", "negative", "label"]),
            Annotations::READ_ONLY,
        ),
        answer,
    )]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    text: String,
}

fn answer(_cx: &ToolCx, arguments: Value) -> Result<ToolOutcome, ToolOutcome> {
    let Arguments { text } = read(arguments)?;
    if text.trim().is_empty() {
        return Err(ToolOutcome::error("`text` is blank: there is nothing to judge."));
    }
    let scores = ANALYZER.polarity_scores(&text);
    let label = label(scores.compound);
    Ok(ToolOutcome::ok(
        format!(
            "The text sounds {label}: compound {:+.4} (positive {:.3}, neutral {:.3}, negative {:.3}).",
            scores.compound, scores.pos, scores.neu, scores.neg
        ),
        json!({
            "compound": scores.compound, "positive": scores.pos, "neutral": scores.neu, "negative": scores.neg,
            "label": label,
        }),
    ))
}

fn label(compound: f64) -> &'static str {
    match compound {
        c if c >= THRESHOLD => "positive",
        c if c <= -THRESHOLD => "negative",
        _ => "neutral",
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "the scores are rounded decimals, and equality is the claim")]
    use super::*;

    /// The example sentences of the VADER README and demo, with the scores printed there: pos, neu, neg, compound.
    const PUBLISHED: [(&str, [f64; 4]); 14] = [
        ("VADER is smart, handsome, and funny.", [0.746, 0.254, 0.0, 0.8316]),
        ("VADER is smart, handsome, and funny!", [0.752, 0.248, 0.0, 0.8439]),
        ("VADER is very smart, handsome, and funny.", [0.701, 0.299, 0.0, 0.8545]),
        ("VADER is VERY SMART, handsome, and FUNNY.", [0.754, 0.246, 0.0, 0.9227]),
        ("VADER is VERY SMART, handsome, and FUNNY!!!", [0.767, 0.233, 0.0, 0.9342]),
        ("VADER is VERY SMART, uber handsome, and FRIGGIN FUNNY!!!", [0.706, 0.294, 0.0, 0.9469]),
        ("VADER is not smart, handsome, nor funny.", [0.0, 0.354, 0.646, -0.7424]),
        ("The book was good.", [0.492, 0.508, 0.0, 0.4404]),
        ("At least it isn't a horrible book.", [0.322, 0.678, 0.0, 0.431]),
        ("The book was only kind of good.", [0.303, 0.697, 0.0, 0.3832]),
        (
            "The plot was good, but the characters are uncompelling and the dialog is not great.",
            [0.094, 0.579, 0.327, -0.7042],
        ),
        ("Today SUX!", [0.0, 0.221, 0.779, -0.5461]),
        ("Today only kinda sux! But I'll get by, lol", [0.317, 0.556, 0.127, 0.5249]),
        ("Make sure you :) or :D today!", [0.706, 0.294, 0.0, 0.8633]),
    ];

    #[test]
    fn scores_the_published_examples_as_published() {
        for (text, published) in PUBLISHED {
            let s = ANALYZER.polarity_scores(text);
            assert_eq!([s.pos, s.neu, s.neg, s.compound], published, "{text}");
        }
    }

    #[test]
    fn labels_by_the_authors_thresholds() {
        for (compound, expected) in
            [(0.05, "positive"), (0.0499, "neutral"), (0.0, "neutral"), (-0.0499, "neutral"), (-0.05, "negative")]
        {
            assert_eq!(label(compound), expected, "{compound}");
        }
    }
}
