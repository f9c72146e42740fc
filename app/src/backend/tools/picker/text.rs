//! What a server's prompt or resource says, as one text: what is no text is named, so that nothing is lost in silence.

use super::visible::{line, text as visible};
use crate::wire::{
    limits::{MESSAGE_MAX, PICKED_MAX},
    picker::{Filled, Reference},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use rmcp::model::{ContentBlock, GetPromptResult, Resource, ResourceContents, Role};

/// Characters of an address or a name that are repeated.
const NAME: usize = 200;
/// Between two pieces.
const GAP: &str = "\n\n";

/// A prompt as its person reads it in the composer: the user's words as they are; what the assistant is to have said,
/// and what stands in a resource, quoted under a word on whose it is.
pub(super) fn of_prompt(result: GetPromptResult, server: &str, from: &str) -> Filled {
    let (mut pieces, mut references) = (Vec::new(), Vec::new());
    for message in result.messages {
        let said = match message.content {
            ContentBlock::Text(block) => visible(&block.text),
            ContentBlock::Image(image) => format!("[An image: {}]", encoded(&image.mime_type, &image.data)),
            ContentBlock::Audio(audio) => format!("[A sound: {}]", encoded(&audio.mime_type, &audio.data)),
            ContentBlock::ResourceLink(link) => match reference(&link, server, from) {
                Some(linked) => {
                    references.push(linked);
                    continue;
                }
                None => format!("[A resource: {}]", line(&link.name, NAME)),
            },
            ContentBlock::Resource(embedded) => {
                let (uri, text) = of_contents(embedded.resource);
                format!("From {uri} of {from}:\n{}", quoted(&text))
            }
            _ => "[A piece of a kind that Parley does not know]".to_owned(),
        };
        let said = said.trim();
        if !said.is_empty() {
            pieces.push(if message.role == Role::Assistant {
                format!("The assistant said:\n{}", quoted(said))
            } else {
                said.to_owned()
            });
        }
    }
    let mut text = pieces.join(GAP);
    let mut note = String::new();
    if let Some((end, _)) = text.char_indices().nth(MESSAGE_MAX) {
        text.truncate(end);
        note = format!("This prompt is longer than a message may be: it was cut after {MESSAGE_MAX} characters.");
    } else if text.is_empty() && references.is_empty() {
        "The server returned nothing for this prompt.".clone_into(&mut note);
    }
    Filled { text, references, note }
}

/// What a prompt links to, to be read when the message is sent.
fn reference(link: &Resource, server: &str, from: &str) -> Option<Reference> {
    let name = line(link.title.as_ref().unwrap_or(&link.name), NAME);
    let name = if name.is_empty() { line(&link.uri, NAME) } else { name };
    let fits = (1..=PICKED_MAX).contains(&link.uri.chars().count());
    fits.then(|| Reference { server: server.to_owned(), uri: link.uri.clone(), name, from: from.to_owned() })
}

/// All that a resource holds, one piece after the other; where there are several, each under its address.
pub(super) fn of_resource(contents: Vec<ResourceContents>) -> String {
    let several = contents.len() > 1;
    let pieces = contents.into_iter().map(|piece| {
        let (uri, text) = of_contents(piece);
        if several { format!("[{uri}]\n{text}") } else { text }
    });
    pieces.collect::<Vec<_>>().join(GAP)
}

/// An address as it is shown, and what is there.
fn of_contents(contents: ResourceContents) -> (String, String) {
    match contents {
        ResourceContents::TextResourceContents { uri, text, .. } => (line(&uri, NAME), visible(&text)),
        ResourceContents::BlobResourceContents { uri, mime_type, blob, .. } => {
            let kind = mime_type.unwrap_or_else(|| "unknown kind".to_owned());
            let text = decoded(&kind, &blob).unwrap_or_else(|| format!("[A file: {}]", encoded(&kind, &blob)));
            (line(&uri, NAME), text)
        }
        _ => (String::new(), "[A piece of a kind that Parley does not know]".to_owned()),
    }
}

/// Text that was sent as bytes.
fn decoded(kind: &str, base64: &str) -> Option<String> {
    let textual = kind.starts_with("text/") || ["json", "xml", "yaml", "csv"].iter().any(|end| kind.ends_with(end));
    let bytes = STANDARD.decode(base64).ok().filter(|_| textual)?;
    Some(visible(&String::from_utf8(bytes).ok()?))
}

fn encoded(kind: &str, base64: &str) -> String {
    format!("{}, about {} bytes, which cannot be read here yet", line(kind, NAME), base64.len() / 4 * 3)
}

fn quoted(text: &str) -> String {
    text.lines().map(|line| format!("> {line}").trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::{Value, json};

    fn filled(messages: Value) -> Filled {
        of_prompt(serde_json::from_value(json!({ "messages": messages })).unwrap(), "s", "Notes")
    }

    #[test]
    fn every_message_of_a_prompt_is_told_apart() {
        let said = |role: &str, content: Value| json!({"role": role, "content": content});
        let filled = filled(json!([
            said("user", json!({"type": "text", "text": "Review\u{e0041} this.\n"})),
            said("assistant", json!({"type": "text", "text": "I will.\n\nSend it."})),
            said("user", json!({"type": "resource", "resource": {"uri": "a://b", "text": "one\ntwo"}})),
            said("user", json!({"type": "image", "data": "AAAA", "mimeType": "image/png"})),
            said("user", json!({"type": "resource_link", "uri": "a://c", "name": "c", "title": "The c"})),
        ]));
        insta::assert_snapshot!(filled.text, @r"
        Review this.

        The assistant said:
        > I will.
        >
        > Send it.

        From a://b of Notes:
        > one
        > two

        [An image: image/png, about 3 bytes, which cannot be read here yet]
        ");
        let [linked] = &filled.references[..] else { panic!("{filled:?}") };
        assert_eq!((linked.uri.as_str(), linked.name.as_str(), linked.from.as_str()), ("a://c", "The c", "Notes"));
        assert_eq!(filled.note, "");
    }

    #[test]
    fn a_prompt_too_long_for_a_message_is_cut_and_an_empty_one_is_told() {
        let long = filled(json!([{"role": "user", "content": {"type": "text", "text": "é".repeat(MESSAGE_MAX + 1)}}]));
        assert_eq!(long.text.chars().count(), MESSAGE_MAX);
        assert!(long.note.contains("was cut"));
        assert!(filled(json!([])).note.contains("returned nothing"));
    }

    #[test]
    fn a_resource_is_one_text() {
        let read = |contents: Value| of_resource(serde_json::from_value(contents).unwrap());
        assert_eq!(read(json!([{"uri": "a://b", "text": "x\r\ny\u{0}"}])), "x\ny");
        assert_eq!(read(json!([{"uri": "a://b", "mimeType": "text/plain", "blob": "aGVsbG8="}])), "hello");
        let several = read(json!([
            {"uri": "a://b", "text": "x"}, {"uri": "a://c", "mimeType": "image/png", "blob": "AAAA"},
        ]));
        assert_eq!(several, "[a://b]\nx\n\n[a://c]\n[A file: image/png, about 3 bytes, which cannot be read here yet]");
        assert_eq!(read(json!([])), "");
    }
}
