//! [`Keeper`]: keeps what one call answers with.
//!
//! Invariant: of one call no more than [`CALL_ATTACHMENTS_MAX`] bytes are kept, and of one item no more than
//! [`ATTACHMENT_MAX`]; a conversation's bound is the store's. What something was said to be counts only where that
//! promises nothing: somebody's «image/png» that is none is no image.

use super::sniffed;
use crate::{
    backend::{
        store::{StoreError, attachments::NewAttachment},
        tools::ToolCx,
    },
    wire::{
        attachment::{AttachmentRef, IMAGES, Piece, SOUNDS},
        file,
        limits::{ATTACHMENT_MAX, CALL_ATTACHMENTS_MAX, CONVERSATION_ATTACHMENTS_MAX},
        tool::ToolOutcome,
    },
};

/// What is of no kind that is known.
const ANYTHING: &str = "application/octet-stream";
/// Characters of a media type that are believed; the longest registered ones have less.
const MEDIA_TYPE_MAX: usize = 100;

/// Why something is not kept, as the end of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotKept {
    /// It was called from no conversation.
    #[error("there is no conversation to keep it in")]
    Nowhere,
    /// It is too large.
    #[error("it has {0} bytes, and at most {ATTACHMENT_MAX} are kept of one thing")]
    TooLarge(usize),
    /// The call answered too much.
    #[error("at most {CALL_ATTACHMENTS_MAX} bytes are kept of one call")]
    CallFull,
    /// The conversation has too much.
    #[error("this conversation's attachments are full ({} MiB)", CONVERSATION_ATTACHMENTS_MAX >> 20)]
    ConversationFull,
    /// The store is away, or the caller is out of the conversation.
    #[error("it cannot be written just now")]
    Unwritten,
}

/// Keeps what one call answers with.
#[derive(Debug)]
pub struct Keeper<'a> {
    cx: &'a ToolCx,
    left: usize,
}

impl<'a> Keeper<'a> {
    /// For a call that has kept nothing yet.
    pub fn new(cx: &'a ToolCx) -> Self {
        Self { cx, left: CALL_ATTACHMENTS_MAX }
    }

    /// For a call that has kept what is in that.
    pub fn after(cx: &'a ToolCx, outcome: &ToolOutcome) -> Self {
        let files = outcome.content.iter().filter_map(Piece::file).chain(outcome.sent.as_deref());
        let kept: u64 = files.map(|file| file.size).sum();
        let kept = usize::try_from(kept).unwrap_or(usize::MAX);
        Self { cx, left: CALL_ATTACHMENTS_MAX.saturating_sub(kept) }
    }

    /// Keeps a file that is said to be of a kind and at an address.
    ///
    /// # Errors
    /// Why it is not kept.
    pub async fn keep(&mut self, file: &[u8], said: Option<&str>, uri: &str) -> Result<AttachmentRef, NotKept> {
        let conversation = self.cx.conversation.ok_or(NotKept::Nowhere)?;
        if file.len() > ATTACHMENT_MAX {
            return Err(NotKept::TooLarge(file.len()));
        }
        let left = self.left.checked_sub(file.len()).ok_or(NotKept::CallFull)?;
        let media_type = media_type(file, said);
        let name = file_name(uri, &media_type);
        let new = NewAttachment { conversation, media_type: &media_type, name: &name, bytes: file };
        let id = match self.cx.store.attach(self.cx.caller.user, new).await {
            Ok(id) => id,
            Err(StoreError::Conflict(_)) => return Err(NotKept::ConversationFull),
            Err(error) => {
                tracing::warn!(%error, "what a tool answered cannot be kept");
                return Err(NotKept::Unwritten);
            }
        };
        self.left = left;
        let pixels = IMAGES.contains(&&*media_type).then(|| pixels(file)).flatten();
        Ok(AttachmentRef { id, media_type, size: u64::try_from(file.len()).unwrap_or(u64::MAX), pixels })
    }
}

/// What bytes are: what they begin as, or what they are said to be if that is no image or sound.
fn media_type(file: &[u8], said: Option<&str>) -> String {
    if let Some(kind) = sniffed(file) {
        return kind.to_owned();
    }
    let said = said.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '+' | '-' | '_');
    let known = said.len() <= MEDIA_TYPE_MAX && said.contains('/') && said.chars().all(letters);
    let promises = IMAGES.contains(&&*said) || SOUNDS.contains(&&*said);
    if known && !promises { said } else { ANYTHING.to_owned() }
}

/// Width and height of an image, if they are believable.
fn pixels(file: &[u8]) -> Option<(u32, u32)> {
    let found = imagesize::blob_size(file).ok()?;
    let side = |side: usize| u32::try_from(side).ok().filter(|side| (1..=100_000).contains(side));
    side(found.width).zip(side(found.height))
}

/// A name for a download: from the address, or from what it is.
fn file_name(uri: &str, media_type: &str) -> String {
    if let Some(name) = file::name_of(uri) {
        return name;
    }
    let ending = match media_type {
        "image/jpeg" => "jpg",
        "audio/mpeg" => "mp3",
        "text/plain" => "txt",
        "text/markdown" => "md",
        ANYTHING => "bin",
        // No longer than an ending is.
        other => other.rsplit(['/', '+']).next().filter(|end| end.len() <= 5).unwrap_or("bin"),
    };
    format!("attachment.{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_said_counts_only_where_it_promises_nothing() {
        let png = b"\x89PNG\r\n\x1a\n";
        for (file, said, kind) in [
            (&png[..], Some("text/html"), "image/png"),
            (b"<html>", Some("image/png"), ANYTHING),
            (b"<html>", Some("IMAGE/PNG; x=y"), ANYTHING),
            (b"<svg/>", Some("image/svg+xml"), "image/svg+xml"),
            (b"a,b", Some("text/csv; charset=utf-8"), "text/csv"),
            (b"a,b", Some("text"), ANYTHING),
            (b"a,b", Some("text/a\r\nb"), ANYTHING),
            (b"a,b", None, ANYTHING),
        ] {
            assert_eq!(media_type(file, said), kind, "{said:?}");
        }
    }

    #[test]
    fn names_are_plain() {
        for (uri, kind, name) in [
            ("file:///home/ada/notes.txt?x=1", "text/plain", "notes.txt"),
            ("file:///a/../..", ANYTHING, "attachment.bin"),
            ("", "image/jpeg", "attachment.jpg"),
            ("", "image/webp", "attachment.webp"),
            ("", "application/vnd.oasis.opendocument.text", "attachment.bin"),
        ] {
            assert_eq!(file_name(uri, kind), name, "{uri}");
        }
    }

    proptest! {
        #[test]
        fn no_image_breaks_the_measuring(at in 0..5_usize, rest in proptest::collection::vec(any::<u8>(), 0..200)) {
            let heads: [&[u8]; 5] = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"RIFF\x10\0\0\0WEBP", b""];
            let file = [heads[at], &rest].concat();
            prop_assert!(pixels(&file).is_none_or(|(width, height)| width > 0 && height > 0));
        }
    }
}
