//! What the offline assistant says of itself. Markdown; brief, warm and never pretending.

use super::super::{ChatRequest, Content};

/// To a greeting.
pub(super) fn greeting() -> String {
    "Hello! I am Parley's **offline assistant**: no language model is connected, so I follow commands and a few plain \
     requests rather than chat freely.\n\nTry `sum 2 40`, `status example.org`, or ask *what time is it in Tokyo?* \
     `help` lists everything; ask *how do I connect a model* to change who answers here."
        .to_owned()
}

/// To «who are you?».
pub(super) fn about() -> String {
    "I am Parley's **offline assistant**, a small program without a language model behind it. I recognise commands and \
     plain requests, and everything I do for you I do with the same tools a real model would call: you see each call, \
     its arguments and its result.\n\nType `help` for what I understand."
        .to_owned()
}

/// To `help`.
pub(super) fn help() -> String {
    "No language model is connected, so I am the **offline assistant**. I understand:\n\n\
     | Command | or in plain words |\n|---|---|\n\
     | `sum 2 40` | *what is 2 plus 40?* |\n\
     | `calc 2*(3+4)` | *how much is 12 divided by 5?* |\n\
     | `status example.org` | *is example.org up?* |\n\
     | `sentiment I love it` | *how does this sound: I love it* |\n\
     | `time Asia/Tokyo` | *what time is it in Tokyo?* |\n\
     | `history` | *what did we talk about?* |\n\
     | `search holiday` | *find messages about holiday* |\n\
     | `rename Holiday plans` | *call this chat Holiday plans* |\n\
     | `lorem 200` | a reply of that many words, to see streaming |\n\n\
     Several commands on lines of their own run side by side. Ask *how do I connect a model* for a real one."
        .to_owned()
}

/// How to give Parley a model.
pub(super) fn setup() -> String {
    "Whoever runs this server sets one of these and starts it again:\n\n\
     ```sh\n\
     # Anthropic\n\
     PARLEY_ANTHROPIC_API_KEY=sk-ant-…\n\
     PARLEY_ANTHROPIC_MODELS=claude-sonnet-4-5\n\n\
     # OpenAI, or anything that speaks its API: Ollama, vLLM, llama.cpp, OpenRouter\n\
     PARLEY_OPENAI_API_KEY=sk-…\n\
     PARLEY_OPENAI_BASE_URL=http://localhost:11434/v1\n\
     PARLEY_OPENAI_MODELS=llama3.2\n\
     ```\n\n\
     `.env.example` lists every setting. Keys stay on the server; browsers never see them."
        .to_owned()
}

/// To thanks.
pub(super) fn welcome() -> String {
    "You are welcome!".to_owned()
}

/// To a farewell.
pub(super) fn goodbye() -> String {
    "Goodbye! This conversation stays where it is.".to_owned()
}

/// A command without what it needs.
pub(super) fn usage(example: &str) -> String {
    format!("That needs a little more, for example:\n\n```\n{example}\n```")
}

/// More requests than are carried out at once.
pub(super) fn too_many(most: usize) -> String {
    format!("I take {most} requests at a time; please send the rest in another message.")
}

/// A tool that is not on offer.
pub(super) fn switched_off(tool: &str) -> String {
    format!("I would use the tool `{tool}` for that, but it is switched off here.")
}

/// Anything else.
pub(super) fn not_understood(line: &str) -> String {
    let quoted = quoted(line);
    format!(
        "I did not understand {quoted}. No language model is connected, so I am only the offline assistant: type `help` \
         for what I can do, or ask *how do I connect a model*."
    )
}

/// A message without text.
pub(super) fn nothing_to_read(request: &ChatRequest) -> String {
    if request.last_contents().iter().any(|c| matches!(c, Content::Image { .. })) {
        return "I cannot see images: no language model is connected. Type `help` for what I can do.".to_owned();
    }
    greeting()
}

/// The beginning of a line as inline code, whatever it holds.
pub(super) fn quoted(line: &str) -> String {
    const SHOWN: usize = 60;
    let plain: String = line.chars().map(|c| if c == '`' || c.is_control() { ' ' } else { c }).collect();
    let plain = plain.trim();
    match plain.char_indices().nth(SHOWN) {
        _ if plain.is_empty() => "that".to_owned(),
        Some((end, _)) => format!("`{}…`", plain[..end].trim_end()),
        None => format!("`{plain}`"),
    }
}
