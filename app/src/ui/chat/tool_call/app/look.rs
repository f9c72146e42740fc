//! How an app may look like the page: the style variables that MCP Apps has names for, from the tokens of
//! `style/tailwind.css`.
//!
//! All colours are there, so that none of ours stands beside one of the app's own. Both themes are one set, because the
//! tokens are `light-dark()`; which of the two holds, the app is told as its `theme`.

use leptos::prelude::{document, window};
use serde_json::{Map, Value};

/// Where a variable's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// The page's variable of that name.
    Token(&'static str),
    /// It is this.
    Is(&'static str),
}

use Source::{Is, Token};

/// The variables of MCP Apps (`McpUiStyleVariableKey`), revision 2026-01-26.
const VARIABLES: [(&str, Source); 76] = [
    ("--color-background-primary", Token("--color-surface")),
    ("--color-background-secondary", Token("--color-raised")),
    ("--color-background-tertiary", Token("--color-hover")),
    ("--color-background-inverse", Token("--color-text")),
    ("--color-background-ghost", Is("transparent")),
    ("--color-background-info", Token("--color-brand-soft")),
    ("--color-background-danger", Token("--color-danger-soft")),
    ("--color-background-success", Token("--color-success-soft")),
    ("--color-background-warning", Token("--color-warning-soft")),
    ("--color-background-disabled", Token("--color-hover")),
    ("--color-text-primary", Token("--color-text")),
    ("--color-text-secondary", Token("--color-muted")),
    ("--color-text-tertiary", Token("--color-muted")),
    ("--color-text-inverse", Token("--color-canvas")),
    ("--color-text-ghost", Token("--color-muted")),
    ("--color-text-info", Token("--color-brand")),
    ("--color-text-danger", Token("--color-danger")),
    ("--color-text-success", Token("--color-success")),
    ("--color-text-warning", Token("--color-warning")),
    ("--color-text-disabled", Token("--color-line-strong")),
    ("--color-border-primary", Token("--color-line-strong")),
    ("--color-border-secondary", Token("--color-line")),
    ("--color-border-tertiary", Token("--color-line")),
    ("--color-border-inverse", Token("--color-text")),
    ("--color-border-ghost", Is("transparent")),
    ("--color-border-info", Token("--color-brand")),
    ("--color-border-danger", Token("--color-danger")),
    ("--color-border-success", Token("--color-success")),
    ("--color-border-warning", Token("--color-warning")),
    ("--color-border-disabled", Token("--color-line")),
    ("--color-ring-primary", Token("--color-brand")),
    ("--color-ring-secondary", Token("--color-line-strong")),
    ("--color-ring-inverse", Token("--color-canvas")),
    ("--color-ring-info", Token("--color-brand")),
    ("--color-ring-danger", Token("--color-danger")),
    ("--color-ring-success", Token("--color-success")),
    ("--color-ring-warning", Token("--color-warning")),
    ("--font-sans", Token("--font-sans")),
    ("--font-mono", Token("--font-mono")),
    ("--font-weight-normal", Is("400")),
    ("--font-weight-medium", Is("500")),
    ("--font-weight-semibold", Is("600")),
    ("--font-weight-bold", Is("700")),
    ("--font-text-xs-size", Is("0.75rem")),
    ("--font-text-sm-size", Is("0.875rem")),
    ("--font-text-md-size", Is("1rem")),
    ("--font-text-lg-size", Is("1.125rem")),
    ("--font-heading-xs-size", Is("0.875rem")),
    ("--font-heading-sm-size", Is("1rem")),
    ("--font-heading-md-size", Is("1.125rem")),
    ("--font-heading-lg-size", Is("1.25rem")),
    ("--font-heading-xl-size", Is("1.5rem")),
    ("--font-heading-2xl-size", Is("1.875rem")),
    ("--font-heading-3xl-size", Is("2.25rem")),
    ("--font-text-xs-line-height", Is("1.35")),
    ("--font-text-sm-line-height", Is("1.45")),
    ("--font-text-md-line-height", Is("1.5")),
    ("--font-text-lg-line-height", Is("1.5")),
    ("--font-heading-xs-line-height", Is("1.4")),
    ("--font-heading-sm-line-height", Is("1.4")),
    ("--font-heading-md-line-height", Is("1.35")),
    ("--font-heading-lg-line-height", Is("1.3")),
    ("--font-heading-xl-line-height", Is("1.25")),
    ("--font-heading-2xl-line-height", Is("1.2")),
    ("--font-heading-3xl-line-height", Is("1.15")),
    ("--border-radius-xs", Is("0.25rem")),
    ("--border-radius-sm", Token("--radius-sm")),
    ("--border-radius-md", Token("--radius-md")),
    ("--border-radius-lg", Token("--radius-lg")),
    ("--border-radius-xl", Token("--radius-xl")),
    ("--border-radius-full", Is("9999px")),
    ("--border-width-regular", Is("1px")),
    ("--shadow-hairline", Is("0 0 0 1px light-dark(rgb(20 24 40 / 0.12), rgb(255 255 255 / 0.14))")),
    ("--shadow-sm", Token("--shadow-sm")),
    ("--shadow-md", Token("--shadow-md")),
    ("--shadow-lg", Token("--shadow-lg")),
];

/// The variables with their values; a token that this page's stylesheet does not have is left out.
pub(super) fn variables() -> Value {
    let style = document().document_element().and_then(|root| window().get_computed_style(&root).ok().flatten());
    let token = |name: &str| {
        let value = style.as_ref()?.get_property_value(name).ok()?;
        Some(value.trim().to_owned()).filter(|value| !value.is_empty())
    };
    let named = VARIABLES.iter().filter_map(|(name, from)| {
        let value = match from {
            Token(token_of_ours) => token(token_of_ours)?,
            Is(value) => (*value).to_owned(),
        };
        Some(((*name).to_owned(), Value::String(value)))
    });
    Value::Object(named.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_variable_has_one_value_and_every_token_is_the_pages() {
        let names: BTreeSet<&str> = VARIABLES.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), VARIABLES.len());
        let page = include_str!("../../../../../../style/tailwind.css");
        for (name, from) in VARIABLES {
            if let Token(token) = from {
                assert!(page.contains(&format!("\n  {token}: ")), "{name} is {token}, which there is not");
            }
        }
    }
}
