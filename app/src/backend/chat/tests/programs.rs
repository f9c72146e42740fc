//! What programs' tools do: given up at any moment, they leave nothing behind that nobody waits for.

use super::*;
use crate::backend::{
    chat::Programs,
    test::on_every_backend,
    tools::sending::{Conversing, Words},
};

on_every_backend! {
    async fn a_message_given_up_while_it_is_said_is_said_and_its_reply_stops(t) {
        let w = World::new(t).await;
        let programs = Programs(Arc::clone(&w.chat));
        let key = t.clock.id();
        let words = Words { conversation: w.room, key, text: "script:\nhang".to_owned(), model: None };
        let mut saying = programs.say(&w.ann, words);
        assert!(futures::poll!(&mut saying).is_pending());
        drop(saying);
        let reply = loop {
            match t.said(w.ann.user, w.room, key).await {
                Ok((_, reply)) if reply.status != Status::Pending => break reply,
                Ok(_) | Err(StoreError::NotFound) => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(reply.status, Status::Stopped);
    }
}
