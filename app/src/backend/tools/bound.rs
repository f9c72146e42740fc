//! The result cap: what of an outcome reaches the model and the message, and what is kept beside it.
//!
//! Invariant: an outcome that leaves the registry has no NUL (PostgreSQL stores none), at most
//! [`TOOL_RESULT_MAX`](limits::TOOL_RESULT_MAX) bytes of text and [`STRUCTURED_MAX`] of structured content. What is cut
//! off is kept as an attachment if there is a conversation to keep it in, and the text says how to read on.

use super::{
    ToolCx,
    attachments::{Keeper, NotKept, READ},
};
use crate::wire::{attachment::Piece, limits, tool::ToolOutcome};
use serde_json::Value;
use std::fmt::Write;

/// Bytes a structured result may weigh, as a multiple of the text's cap: keys and quotes cost, runaway rows do not pass.
const STRUCTURED_MAX: usize = 4 * limits::TOOL_RESULT_MAX;
/// Bytes of a document handed over beside a result: it does not pass through the model's window.
const ATTACHED_MAX: usize = 1 << 20;
/// Bytes of what is said where a text is cut.
const NOTE_MAX: usize = 512;

/// Holds an outcome to the cap.
pub(super) async fn bound(cx: &ToolCx, mut outcome: ToolOutcome) -> ToolOutcome {
    if outcome.text.contains('\0') {
        outcome.text.retain(|c| c != '\0');
    }
    let mut keeper = Keeper::after(cx, &outcome);
    if let Some(mut structured) = outcome.structured.take() {
        let weight = scrub(&mut structured);
        if weight <= STRUCTURED_MAX {
            outcome.structured = Some(structured);
        } else if let Err(error) = keep_structured(&mut keeper, &mut outcome, &structured).await {
            return error;
        }
    }
    if let Some(attached) = &mut outcome.attached {
        attached.text.retain(|c| c != '\0');
        let weight = attached.text.len();
        if weight > ATTACHED_MAX {
            return ToolOutcome::error(format!(
                "The document was too large: {weight} bytes, and at most {ATTACHED_MAX} are handed over. Ask for less of it."
            ));
        }
    }
    if outcome.text.len() > limits::TOOL_RESULT_MAX {
        cut(&mut keeper, &mut outcome).await;
    }
    outcome
}

/// Keeps a structured result that is too large.
async fn keep_structured(
    keeper: &mut Keeper<'_>,
    outcome: &mut ToolOutcome,
    structured: &Value,
) -> Result<(), ToolOutcome> {
    let json = serde_json::to_string_pretty(structured).unwrap_or_else(|_| structured.to_string());
    let weight = json.len();
    match keeper.keep(json.as_bytes(), Some("application/json"), "result.json").await {
        Ok(file) => {
            let _ = write!(
                outcome.text,
                "\n\n[Its structured result of {weight} bytes is attachment {id}: {READ} with {{\"attachment_id\": \"{id}\"}} \
                 reads it.]",
                id = file.id
            );
            outcome.content.push(Piece::Structured { file });
        }
        Err(NotKept::Nowhere) => {
            return Err(ToolOutcome::error(format!(
                "The result was too large: {weight} bytes, and at most {STRUCTURED_MAX} are kept. Ask for less of it."
            )));
        }
        Err(why) => {
            let _ = write!(outcome.text, "\n\n[Its structured result was left out: {why}.]");
            outcome.truncated = true;
        }
    }
    Ok(())
}

/// Cuts a text that is too long, and keeps the whole of it.
async fn cut(keeper: &mut Keeper<'_>, outcome: &mut ToolOutcome) {
    let text = &outcome.text;
    let whole = text.len();
    let end = text.floor_char_boundary(limits::TOOL_RESULT_MAX - NOTE_MAX);
    let most = text.floor_char_boundary(limits::ATTACHMENT_MAX);
    let note = match keeper.keep(&text.as_bytes()[..most], Some("text/plain"), "result.txt").await {
        Ok(file) => {
            let id = file.id;
            let kept = if most < whole { format!(" The first {most} bytes of it are") } else { " It is".to_owned() };
            outcome.content.push(Piece::Whole { file });
            format!(
                "\n\n[Cut here, after {end} bytes: the whole result has {whole} bytes.{kept} attachment {id}: {READ} with \
                 {{\"attachment_id\": \"{id}\", \"offset\": {end}}} reads on.]"
            )
        }
        Err(NotKept::Nowhere) => format!("\n\n[Cut here: the whole result has {whole} bytes.]"),
        Err(why) => format!("\n\n[Cut here: the whole result has {whole} bytes, and was not kept: {why}.]"),
    };
    outcome.text.truncate(end);
    outcome.text.push_str(&note);
    outcome.truncated = true;
}

/// Takes NULs out of every string; about how many bytes the value's JSON has.
fn scrub(value: &mut Value) -> usize {
    match value {
        Value::String(text) => {
            if text.contains('\0') {
                text.retain(|c| c != '\0');
            }
            text.len() + 2
        }
        Value::Array(items) => 2 + items.iter_mut().map(|item| 1 + scrub(item)).sum::<usize>(),
        Value::Object(fields) => 2 + fields.iter_mut().map(|(key, item)| key.len() + 4 + scrub(item)).sum::<usize>(),
        _ => 8,
    }
}
