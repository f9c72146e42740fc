//! What a message refers to, read for it.

use super::{Picker, TITLE, text, visible::line};
use crate::{
    backend::{
        caller::Caller,
        tools::{
            address,
            remote::Unread,
            serve::resources::{ReadError, Reader, ResourceSource, conversations::Conversations},
        },
    },
    wire::{
        error::ApiError,
        limits::{PICKED_MAX, REFERENCE_MAX, REFERENCES_MAX},
        message::Resource,
        picker::{ChoiceKind, OWN, Reference},
    },
};
use futures::future::join_all;

impl Picker {
    /// Reads everything a message refers to, all at once and in order.
    ///
    /// # Errors
    /// A sentence that names what could not be read, and why: then the message is not to be sent.
    pub async fn read(&self, by: &Caller, references: &[Reference]) -> Result<Vec<Resource>, ApiError> {
        if references.len() > REFERENCES_MAX {
            let reason = format!("A message can refer to at most {REFERENCES_MAX} resources. Take some away.");
            return Err(ApiError::invalid("references", reason));
        }
        join_all(references.iter().map(|reference| self.read_one(by, reference))).await.into_iter().collect()
    }

    async fn read_one(&self, by: &Caller, reference: &Reference) -> Result<Resource, ApiError> {
        let Reference { server, uri, .. } = reference;
        let unread = |from: &str, why: String| {
            let name = line(&reference.name, TITLE);
            let reason = format!("Nothing was sent, because «{name}» of «{from}» could not be read. {why}");
            ApiError::Conflict { reason }
        };
        if uri.chars().count() > PICKED_MAX {
            return Err(unread("", "Its address is too long.".to_owned()));
        }
        if server == OWN {
            let from = "Parley".to_owned();
            let (name, text) = self.own(by, uri).await.map_err(|error| unread(&from, error.to_string()))?;
            // The newest of a conversation stands at its end.
            let start = text.ceil_char_boundary(text.len().saturating_sub(REFERENCE_MAX));
            let (text, cut) = (text[start..].to_owned(), start > 0);
            return Ok(Resource { server: from, uri: uri.clone(), name, text, cut, app: false });
        }
        let nowhere = || unread(&line(&reference.from, TITLE), Unread::NotFound.to_string());
        let remote = self.remote.as_ref().ok_or_else(nowhere)?;
        let (listed, from) = remote.chosen(by, server, (ChoiceKind::Resource, uri)).await.map_err(|_| nowhere())?;
        let name = listed.map_or_else(|| line(&reference.name, TITLE), |choice| choice.title);
        let name = if name.is_empty() { line(uri, TITLE) } else { name };
        let from = line(&from, TITLE);
        let contents = remote.read_resource(by, server, uri).await.map_err(|error| unread(&from, error.to_string()))?;
        let mut text = text::of_resource(contents);
        if text.trim().is_empty() {
            return Err(unread(&from, "There is nothing in it.".to_owned()));
        }
        let cut = text.len() > REFERENCE_MAX;
        text.truncate(text.floor_char_boundary(REFERENCE_MAX));
        Ok(Resource { server: from, uri: line(uri, PICKED_MAX), name, text, cut, app: false })
    }

    /// One of the caller's conversations: its title, and its text as programs get it.
    async fn own(&self, by: &Caller, uri: &str) -> Result<(String, String), ReadError> {
        let path = address::segments(uri).filter(|path| path.first() == Some(&Conversations.kind()));
        let path = path.ok_or(ReadError::NotFound)?;
        let reader = Reader { caller: by.clone(), store: self.store.clone(), clock: self.clock.clone() };
        let content = Conversations.read(&reader, &path[1..]).await?;
        let id = path.get(1).and_then(|id| id.parse().ok()).ok_or(ReadError::NotFound)?;
        let title = self.store.conversation(by.user, id).await?.summary.title;
        Ok((if title.is_empty() { "Untitled conversation".to_owned() } else { line(&title, TITLE) }, content.text))
    }
}
