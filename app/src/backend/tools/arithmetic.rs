//! `sum` and `calculate`: arithmetic that a model need not do in its head. Double precision, shown to 15 digits.

mod expression;

use super::{Plain, Tool, read, spec};
use crate::wire::tool::{Annotations, ToolOutcome};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Most numbers of one sum.
const NUMBERS_MAX: usize = 1_000;

/// The toolset.
pub fn tools() -> Vec<Arc<dyn Tool>> {
    vec![sum(), calculate()]
}

fn sum() -> Arc<dyn Tool> {
    let numbers = json!({
        "type": "array", "items": { "type": "number", "description": "A number." }, "minItems": 1,
        "maxItems": NUMBERS_MAX, "description": "The numbers to add.", "examples": [[2, 40]],
    });
    let output = json!({
        "sum": { "type": "number", "description": "The sum of all the numbers." },
        "count": { "type": "integer", "description": "How many numbers were added." },
    });
    Plain::tool(
        spec(
            ("sum", "Sum"),
            "Adds numbers exactly as far as double precision goes. Use it to total a list of values. Returns the sum \
             and how many numbers there were.",
            (json!({ "numbers": numbers }), &["numbers"]),
            (output, &["sum", "count"]),
            Annotations::READ_ONLY,
        ),
        |_cx, arguments| {
            let Sum { numbers } = read(arguments)?;
            let sum = rounded(total(&numbers));
            if !sum.is_finite() {
                return Err(ToolOutcome::error("The sum is too large to be a number."));
            }
            let terms: Vec<String> = numbers.iter().take(12).map(|n| shown(*n)).collect();
            let dots = if numbers.len() > terms.len() { " + …" } else { "" };
            let text = format!("{}{dots} = {}", terms.join(" + "), shown(sum));
            Ok(ToolOutcome::ok(text, json!({ "sum": number(sum), "count": numbers.len() })))
        },
    )
}

fn calculate() -> Arc<dyn Tool> {
    let expression = json!({
        "type": "string", "minLength": 1, "maxLength": expression::LENGTH_MAX,
        "description": "What to compute, such as «(2 + 3) * sqrt(16) - 7 % 4».",
        "examples": ["(2 + 3) * sqrt(16) - 7 % 4"],
    });
    Plain::tool(
        spec(
            ("calculate", "Calculator"),
            "Computes an arithmetic expression: + - * / % (remainder) ^ (power), parentheses, decimals such as 2.5 or \
             1e3, and the functions sqrt, abs, round (to a whole number, or round(x, digits)), min and max. Use it for \
             any arithmetic beyond the trivial. Returns the value in double precision.",
            (json!({ "expression": expression }), &["expression"]),
            (json!({ "value": { "type": "number", "description": "The value of the expression." } }), &["value"]),
            Annotations::READ_ONLY,
        ),
        |_cx, arguments| {
            let Calculate { expression } = read(arguments)?;
            let value = expression::evaluate(&expression).map_err(ToolOutcome::error)?;
            let value = rounded(value);
            let asked = expression.split_whitespace().collect::<Vec<_>>().join(" ");
            let text = format!("{asked} = {}", shown(value));
            Ok(ToolOutcome::ok(text, json!({ "value": number(value) })))
        },
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sum {
    numbers: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Calculate {
    expression: String,
}

/// The sum with Neumaier's compensation: small terms are not lost beside large ones.
fn total(numbers: &[f64]) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for &term in numbers {
        let next = sum + term;
        lost += if sum.abs() >= term.abs() { (sum - next) + term } else { (term - next) + sum };
        sum = next;
    }
    // Past the largest number the compensation is not a number; the sum itself then says so.
    if lost.is_finite() { sum + lost } else { sum }
}

/// Whether a double is a whole number that doubles still tell from its neighbours.
fn is_whole(value: f64) -> bool {
    value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0
}

/// To 15 significant digits, which every double carries: 0.1 + 0.2 is 0.3. Whole numbers keep all of theirs.
fn rounded(value: f64) -> f64 {
    if is_whole(value) || !value.is_finite() {
        return value;
    }
    format!("{value:.14e}").parse().unwrap_or(value)
}

/// As people write it; very large and very small ones with an exponent.
fn shown(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if is_whole(value) || (1e-6..1e15).contains(&size) {
        format!("{value}")
    } else {
        format!("{value:e}")
    }
}

/// As JSON: a whole number without its `.0`.
fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
    if is_whole(value) { json!(value as i64) } else { json!(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_without_losing_small_terms() {
        assert_eq!(shown(rounded(total(&[0.1; 10]))), "1");
        assert_eq!(shown(total(&[1e100, 1.0, -1e100])), "1");
        assert_eq!(shown(total(&[2.0, 40.0])), "42");
        assert!(total(&[f64::MAX, f64::MAX]).is_infinite());
    }

    #[test]
    fn shows_numbers_as_people_write_them() {
        for (value, text) in [
            (0.1 + 0.2, "0.3"),
            (-0.0, "0"),
            (9_007_199_254_740_991.0, "9007199254740991"),
            (2.0_f64.powi(64), "1.84467440737096e19"),
            (1e-9, "1e-9"),
            (1.0 / 3.0, "0.333333333333333"),
        ] {
            assert_eq!(shown(rounded(value)), text);
        }
        assert_eq!(number(42.0), json!(42));
        assert_eq!(number(0.5), json!(0.5));
    }
}
