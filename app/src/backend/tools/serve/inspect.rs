//! What an endpoint shows its clients, weighed and judged: for the operator who wants to know what models read of it.
//!
//! Tokens are estimated from the JSON that a client is sent (3.5 bytes each). What is flagged is what makes a model use a
//! thing badly, or a client refuse it.

use super::McpServer;
use crate::{
    backend::caller::{Caller, Via},
    wire::id::UserId,
};
use rmcp::{
    ErrorData,
    model::{Prompt, Resource, ResourceTemplate, Tool},
};
use serde::Serialize;
use serde_json::Value;
use std::fmt;
use uuid::Uuid;

/// Characters of a description that are too few to say anything.
const SHORT: usize = 20;
/// Characters of a description that nobody needs in every request: a small language takes most of them to explain.
const LONG: usize = 1_500;
/// Characters of an argument's or a result's description that nobody needs.
const LONG_PROPERTY: usize = 300;
/// Tokens of one tool that are too many.
const HEAVY: usize = 1_200;

/// Everything an endpoint shows.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The endpoint.
    pub endpoint: String,
    /// The tokens of its tools: what most clients put into every request.
    pub tool_tokens: usize,
    /// Each tool, resource template, resource and prompt.
    pub items: Vec<Item>,
}

/// One thing that is shown.
#[derive(Debug, Serialize)]
pub struct Item {
    /// `tool`, `template`, `resource` or `prompt`.
    pub kind: &'static str,
    /// Its name or address.
    pub name: String,
    /// About how many tokens it costs.
    pub tokens: usize,
    /// What is bad about it, in sentences.
    pub flags: Vec<String>,
    /// As clients get it.
    pub shown: Value,
}

impl Report {
    /// How many things are bad.
    pub fn flags(&self) -> usize {
        self.items.iter().map(|item| item.flags.len()).sum()
    }
}

impl McpServer {
    /// What it shows `caller`; without one, what it shows everybody.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn inspect(&self, caller: Option<Caller>) -> Result<Report, ErrorData> {
        let nobody = Caller { user: UserId(Uuid::nil()), name: String::new(), admin: false, via: Via::Process };
        let by = caller.unwrap_or(nobody);
        let (mut items, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.tool_page(&by, cursor).await?;
            items.extend(page.tools.iter().map(tool));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        let tool_tokens = items.iter().map(|item| item.tokens).sum();
        items.extend(self.templates().resource_templates.iter().map(template));
        loop {
            let page = self.resource_page(&by, cursor).await?;
            items.extend(page.resources.iter().map(resource));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        loop {
            let page = self.prompt_page(&by, cursor).await?;
            items.extend(page.prompts.iter().map(prompt));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        Ok(Report { endpoint: self.offer.path.clone(), tool_tokens, items })
    }
}

fn item(kind: &'static str, name: &str, it: &impl Serialize, flags: Vec<String>) -> Item {
    let shown = serde_json::to_value(it).unwrap_or_default();
    // 3.5 bytes a token, as for what models are asked.
    let tokens = shown.to_string().len() * 2 / 7;
    Item { kind, name: name.to_owned(), tokens, flags, shown }
}

fn named(name: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let good = (1..=64).contains(&name.len()) && name.chars().all(fits);
    (!good).then(|| "Its name is not 1 to 64 letters, digits, «_», «.» and «-»: some clients refuse it.".to_owned())
}

fn described(text: Option<&str>) -> Option<String> {
    match text.map_or(0, |text| text.trim().chars().count()) {
        0 => Some("It has no description.".to_owned()),
        length if length < SHORT => Some("Its description is too short to say what it is for.".to_owned()),
        length if length > LONG => Some(format!("Its description has {length} characters; {LONG} would do.")),
        _ => None,
    }
}

/// What is bad about a schema's properties, `what` being one of them.
fn properties(what: &str, place: &str, schema: &Value, flags: &mut Vec<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
        match property["description"].as_str().map_or(0, |text| text.trim().chars().count()) {
            0 => flags.push(format!("{what} «{place}» has no description.")),
            length if length > LONG_PROPERTY => {
                flags.push(format!("{what} «{place}» is described in {length} characters; {LONG_PROPERTY} would do."));
            }
            _ => {}
        }
        properties(what, &place, property, flags);
        properties(what, &place, &property["items"], flags);
    }
}

fn tool(tool: &Tool) -> Item {
    let mut flags: Vec<String> = named(&tool.name).into_iter().collect();
    flags.extend(described(tool.description.as_deref()));
    if tool.title.as_deref().is_none_or(|title| title.trim().is_empty()) {
        flags.push("It has no title.".to_owned());
    }
    properties("The argument", "", &Value::Object((*tool.input_schema).clone()), &mut flags);
    match &tool.output_schema {
        None => flags.push("It has no output schema.".to_owned()),
        Some(schema) => properties("The result", "", &Value::Object((**schema).clone()), &mut flags),
    }
    let hints = tool
        .annotations
        .as_ref()
        .map(|hints| [hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint]);
    if hints.is_none_or(|hints| hints.iter().any(Option::is_none)) {
        flags.push("Its annotations do not say all of what it touches.".to_owned());
    }
    let mut item = item("tool", &tool.name, tool, flags);
    if item.tokens > HEAVY {
        item.flags.push(format!("It costs about {} tokens in every request.", item.tokens));
    }
    item
}

fn template(template: &ResourceTemplate) -> Item {
    let mut flags: Vec<String> = described(template.description.as_deref()).into_iter().collect();
    if template.mime_type.is_none() {
        flags.push("It does not say which media type it leads to.".to_owned());
    }
    item("template", &template.uri_template, template, flags)
}

fn resource(resource: &Resource) -> Item {
    let mut flags: Vec<String> = described(resource.description.as_deref()).into_iter().collect();
    if resource.mime_type.is_none() {
        flags.push("It does not say its media type.".to_owned());
    }
    item("resource", &resource.uri, resource, flags)
}

fn prompt(prompt: &Prompt) -> Item {
    let mut flags: Vec<String> = named(&prompt.name).into_iter().collect();
    flags.extend(described(prompt.description.as_deref()));
    for argument in prompt.arguments.iter().flatten() {
        if argument.description.as_deref().is_none_or(|text| text.trim().is_empty()) {
            flags.push(format!("The argument «{}» has no description.", argument.name));
        }
    }
    item("prompt", &prompt.name, prompt, flags)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: its tools cost about {} tokens.", self.endpoint, self.tool_tokens)?;
        for (kind, heading) in
            [("tool", "Tools"), ("template", "Resource templates"), ("resource", "Resources"), ("prompt", "Prompts")]
        {
            let of_kind: Vec<&Item> = self.items.iter().filter(|item| item.kind == kind).collect();
            writeln!(f, "\n{heading}: {}", of_kind.len())?;
            for item in of_kind {
                writeln!(f, "  {} (about {} tokens)", item.name, item.tokens)?;
                for (key, label) in [
                    ("description", ""),
                    ("inputSchema", "takes "),
                    ("outputSchema", "returns "),
                    ("annotations", "hints "),
                    ("arguments", "takes "),
                ] {
                    match &item.shown[key] {
                        Value::Null => {}
                        Value::String(text) => writeln!(f, "    {label}{}", text.replace('\n', " "))?,
                        other => writeln!(f, "    {label}{other}")?,
                    }
                }
                for flag in &item.flags {
                    writeln!(f, "    ! {flag}")?;
                }
            }
        }
        match self.flags() {
            0 => writeln!(f, "\nNothing is badly described."),
            1 => writeln!(f, "\n1 thing is badly described (!)."),
            flags => writeln!(f, "\n{flags} things are badly described (!)."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> rmcp::model::JsonObject {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn what_is_badly_described_is_said() {
        let schema = json!({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "object",
            "description": "x", "properties": {"b": {"type": "string"}}}}}});
        let bad = tool(&Tool::new("bad name", "short", object(schema)));
        assert_eq!(
            bad.flags,
            [
                "Its name is not 1 to 64 letters, digits, «_», «.» and «-»: some clients refuse it.",
                "Its description is too short to say what it is for.",
                "It has no title.",
                "The argument «a» has no description.",
                "The argument «a.b» has no description.",
                "It has no output schema.",
                "Its annotations do not say all of what it touches.",
            ]
        );
        let long = tool(&Tool::new("long", "x".repeat(LONG + 1), object(json!({}))));
        assert!(long.flags[0].starts_with("Its description has 1501 characters"), "{:?}", long.flags);
        assert_eq!(template(&ResourceTemplate::new("a://{b}", "b")).flags.len(), 2);
        let arguments = vec![rmcp::model::PromptArgument::new("a")];
        let bare = prompt(&Prompt::new("p", None::<String>, Some(arguments)));
        assert_eq!(bare.flags, ["It has no description.", "The argument «a» has no description."]);
        let report = Report { endpoint: "/mcp".to_owned(), tool_tokens: 1, items: vec![bare] };
        assert!(report.to_string().contains("2 things are badly described"), "{report}");
    }
}
