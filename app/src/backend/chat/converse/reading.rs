//! Messages that refer to something: it is read beside the socket, so that a server that hangs holds up nothing else
//! of the tab.
//!
//! Invariant: what a tab sends is stored in the order it was sent: whoever comes after a message that is being read
//! waits for it. What was being read when the socket ends was not acknowledged; the tab sends it again.

use super::{Chat, ChatError, NewMessage, Socket};
use crate::{
    backend::caller::Caller,
    wire::{error::ApiError, id::ClientId, limits, message::Resource},
};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesOrdered};
use std::{
    sync::Arc,
    task::{Context, Poll},
};

/// A message, and what it refers to, or why that could not be read.
pub(super) type Read = (NewMessage, Result<Vec<Resource>, ChatError>);

/// The messages of a tab that are being read for, in order. Most tabs never have one.
#[derive(Default)]
pub(super) struct Reading(Option<Box<FuturesOrdered<BoxFuture<'static, Read>>>>);

impl Reading {
    /// Whether a message has to wait here: it refers to something, or others are before it.
    pub(super) fn takes(&self, message: &NewMessage) -> bool {
        !message.references.is_empty() || self.0.is_some()
    }

    /// Takes a message in.
    pub(super) fn begin(&mut self, chat: &Arc<Chat>, by: &Caller, message: NewMessage) -> Result<(), ApiError> {
        let under_way = self.0.get_or_insert_default();
        if under_way.len() >= limits::QUEUE_MAX as usize {
            let reason = "Too many messages wait for what they refer to. Send this one when they have gone.";
            return Err(ApiError::Conflict { reason: reason.to_owned() });
        }
        let (chat, by) = (Arc::clone(chat), by.clone());
        let read = async move {
            let read = chat.read(&by, &message).await;
            (message, read)
        };
        under_way.push_back(read.boxed());
        Ok(())
    }

    /// The next message that is to be stored.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Box<Read>> {
        let Some(under_way) = &mut self.0 else { return Poll::Pending };
        match under_way.poll_next_unpin(cx) {
            Poll::Ready(Some(read)) => {
                if under_way.is_empty() {
                    self.0 = None;
                }
                Poll::Ready(Box::new(read))
            }
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

impl Socket {
    /// Sends a message whose references were read, or gives it back.
    pub(super) async fn have_read(&mut self, (message, read): Read) {
        let key: ClientId = message.client_id;
        let started = match read {
            Ok(read) => self.chat.send_from_page(&self.by, message, read).await,
            Err(error) => Err(error),
        };
        match started {
            Ok(started) => self.acknowledge(started),
            Err(error) => {
                let told = error.told(&self.chat.clock);
                self.refuse(Some(key), told);
            }
        }
    }
}
