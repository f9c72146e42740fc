//! Saved prompts: texts that a person keeps to use again, with `{{places}}` to fill in.
//!
//! Invariant: a prompt's arguments are exactly the places of its text, each with a word on what it is for; whoever
//! saves one is told which is missing. In a form they are one line each: `topic: What it is about`, `tone?: How it
//! sounds [kind, sharp]`; the `?` says it may be left out, the brackets suggest values.

use super::{id::PromptId, limits};
use serde::{Deserialize, Serialize};

/// A saved prompt.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Prompt {
    /// Its id.
    pub id: PromptId,
    /// What it is found by, here and in programs: unique among one's prompts.
    pub name: String,
    /// For people; empty: its name.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// The text, with `{{places}}`.
    pub body: String,
    /// What the places are.
    pub arguments: Vec<PromptArgument>,
}

/// A place of a prompt's text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PromptArgument {
    /// What stands between the braces.
    pub name: String,
    /// What to put there.
    pub description: String,
    /// Whether it must be given.
    pub required: bool,
    /// Values to suggest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

impl PromptArgument {
    /// Its line in a form.
    pub fn line(&self) -> String {
        let optional = if self.required { "" } else { "?" };
        let values = if self.values.is_empty() { String::new() } else { format!(" [{}]", self.values.join(", ")) };
        format!("{}{optional}: {}{values}", self.name, self.description)
    }
}

impl Prompt {
    /// What people call it.
    pub fn shown(&self) -> &str {
        if self.title.is_empty() { &self.name } else { &self.title }
    }

    /// Its arguments as a form has them.
    pub fn lines(&self) -> String {
        self.arguments.iter().map(PromptArgument::line).collect::<Vec<_>>().join("\n")
    }
}

/// A prompt as a form says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptForm {
    /// What it is found by.
    pub name: String,
    /// The title for people.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// The text.
    pub body: String,
    /// A line for each argument.
    pub arguments: String,
}

/// A piece of a prompt's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// As it is.
    Text(&'a str),
    /// A place to fill in.
    Place(&'a str),
}

/// The text in pieces. Braces around anything but a name are text.
pub fn pieces(body: &str) -> Vec<Piece<'_>> {
    let (mut out, mut rest, mut from) = (Vec::new(), body, 0);
    while let Some(open) = rest[from..].find("{{").map(|at| from + at) {
        let inner = &rest[open + 2..];
        match inner.find("}}").map(|end| (end, inner[..end].trim())) {
            Some((end, name)) if is_name(name) => {
                if open > 0 {
                    out.push(Piece::Text(&rest[..open]));
                }
                out.push(Piece::Place(name));
                rest = &inner[end + 2..];
                from = 0;
            }
            _ => from = open + 2,
        }
    }
    if !rest.is_empty() {
        out.push(Piece::Text(rest));
    }
    out
}

fn is_name(text: &str) -> bool {
    (1..=limits::PROMPT_NAME_MAX).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

impl PromptForm {
    /// The prompt it says, without an id; or the field that is wrong and why.
    ///
    /// # Errors
    /// The name of a field, and a sentence on what is wrong with it.
    pub fn parse(&self, id: PromptId) -> Result<Prompt, (&'static str, String)> {
        let name = self.name.trim();
        if !is_name(name) {
            let most = limits::PROMPT_NAME_MAX;
            return Err(("name", format!("A name has 1 to {most} letters (a to z), digits, «_», «-» and «.».")));
        }
        let title = line("title", "A title", &self.title, limits::TITLE_MAX)?;
        let description = line("description", "A description", &self.description, limits::PROMPT_DESCRIPTION_MAX)?;
        // Forms send line ends as HTTP has them.
        let body = self.body.replace("\r\n", "\n").trim().to_owned();
        let length = body.chars().count();
        if length == 0 {
            return Err(("body", "There is no text in this prompt. Write what is to be asked.".to_owned()));
        }
        if length > limits::PROMPT_BODY_MAX {
            let most = limits::PROMPT_BODY_MAX;
            return Err(("body", format!("A prompt has at most {most} characters; this one has {length}.")));
        }
        let arguments = parse_arguments(&self.arguments.replace('\0', "")).map_err(|reason| ("arguments", reason))?;
        agree(&body, &arguments).map_err(|reason| ("arguments", reason))?;
        Ok(Prompt { id, name: name.to_owned(), title, description, body, arguments })
    }
}

/// One line of text, its blanks made single.
fn line(field: &'static str, what: &str, text: &str, most: usize) -> Result<String, (&'static str, String)> {
    let text = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|w| !w.is_empty());
    let text = text.collect::<Vec<_>>().join(" ");
    match text.chars().count() {
        length if length > most => {
            Err((field, format!("{what} has at most {most} characters; this one has {length}.")))
        }
        _ => Ok(text),
    }
}

fn parse_arguments(text: &str) -> Result<Vec<PromptArgument>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let arguments = lines.map(parse_argument).collect::<Result<Vec<_>, _>>()?;
    if arguments.len() > limits::PROMPT_ARGUMENTS_MAX {
        let (most, length) = (limits::PROMPT_ARGUMENTS_MAX, arguments.len());
        return Err(format!("A prompt has at most {most} arguments; this one has {length}."));
    }
    let twice = arguments.iter().enumerate().find(|(at, one)| arguments[..*at].iter().any(|a| a.name == one.name));
    match twice {
        Some((_, one)) => Err(format!("The argument «{}» is described twice.", one.name)),
        None => Ok(arguments),
    }
}

fn parse_argument(text: &str) -> Result<PromptArgument, String> {
    let shown: String = text.chars().take(60).collect();
    let form = || format!("«{shown}» is not an argument: write «topic: What it is about», one in each line.");
    let (name, rest) = text.split_once(':').ok_or_else(form)?;
    let name = name.trim();
    let (name, required) = name.strip_suffix('?').map_or((name, true), |name| (name.trim_end(), false));
    if !is_name(name) {
        return Err(form());
    }
    let (rest, values) = match rest.trim().strip_suffix(']').and_then(|rest| rest.rsplit_once('[')) {
        Some((rest, values)) => (rest, values.split(',').map(str::trim).filter(|v| !v.is_empty()).collect()),
        None => (rest, Vec::new()),
    };
    let values: Vec<String> = values.into_iter().map(str::to_owned).collect();
    let description =
        line("", "What an argument is for", rest, limits::PROMPT_DESCRIPTION_MAX).map_err(|(_, why)| why)?;
    if description.is_empty() {
        return Err(format!("Say what «{name}» is for: «{name}: What it is about»."));
    }
    Ok(PromptArgument { name: name.to_owned(), description, required, values })
}

/// Every place has an argument, every argument a place.
fn agree(body: &str, arguments: &[PromptArgument]) -> Result<(), String> {
    let places: Vec<&str> =
        pieces(body).into_iter().filter_map(|p| if let Piece::Place(name) = p { Some(name) } else { None }).collect();
    if let Some(place) = places.iter().find(|place| !arguments.iter().any(|a| a.name == **place)) {
        return Err(format!(
            "The text has {{{{{place}}}}}, but no line says what it is: add «{place}: What it is for»."
        ));
    }
    match arguments.iter().find(|a| !places.contains(&a.name.as_str())) {
        Some(a) => Err(format!("The text has no {{{{{0}}}}}: put it there, or take the line «{0}» away.", a.name)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use uuid::Uuid;

    fn form(body: &str, arguments: &str) -> PromptForm {
        PromptForm {
            name: "review".to_owned(),
            body: body.to_owned(),
            arguments: arguments.to_owned(),
            ..PromptForm::default()
        }
    }

    fn parse(form: &PromptForm) -> Result<Prompt, (&'static str, String)> {
        form.parse(PromptId(Uuid::from_u128(1)))
    }

    #[test]
    fn a_text_falls_into_pieces() {
        use Piece::{Place, Text};
        assert_eq!(pieces("a {{ b }} c{{d}}"), [Text("a "), Place("b"), Text(" c"), Place("d")]);
        assert_eq!(pieces("{{}} {{a b}} {{{x}}} {{"), [Text("{{}} {{a b}} {{{x}}} {{")]);
        assert_eq!(pieces("{{ {{x}}"), [Text("{{ "), Place("x")]);
        assert!(pieces("").is_empty());
    }

    #[test]
    fn arguments_are_read_as_they_are_written() {
        let lines = "topic: What it is about\ntone?: How it sounds [kind, sharp]";
        let prompt = parse(&form("On {{topic}}, {{tone}}: {{topic}}", lines)).unwrap();
        assert_eq!(prompt.lines(), lines);
        assert_eq!((prompt.arguments[0].required, prompt.arguments[1].required), (true, false));
        assert_eq!(prompt.arguments[1].values, ["kind", "sharp"]);
        assert_eq!(prompt.shown(), "review");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (form, field, words) in [
            (PromptForm { name: "a b".to_owned(), ..form("x", "") }, "name", "letters (a to z)"),
            (PromptForm { title: "x".repeat(200), ..form("x", "") }, "title", "at most 120"),
            (form(" \r\n ", ""), "body", "no text"),
            (form(&"x".repeat(limits::PROMPT_BODY_MAX + 1), ""), "body", "at most"),
            (form("{{topic}}", ""), "arguments", "The text has {{topic}}, but no line says what it is"),
            (form("x", "topic: it"), "arguments", "The text has no {{topic}}"),
            (form("{{topic}}", "topic"), "arguments", "«topic» is not an argument"),
            (form("{{topic}}", "topic: "), "arguments", "Say what «topic» is for"),
            (form("{{a}}", "a: b\na: c"), "arguments", "described twice"),
        ] {
            let (at, why) = parse(&form).unwrap_err();
            assert!(at == field && why.contains(words), "{at}: {why}");
        }
    }
}
