//! Attachments: kept as they are, once, within bounds, for members alone, and gone with their conversation.

use super::*;
use crate::{
    backend::store::attachments::NewAttachment,
    wire::limits::{CONVERSATION_ATTACHMENTS_MAX, UNDO_MS},
};

fn new(conversation: ConversationId, bytes: &[u8]) -> NewAttachment<'_> {
    NewAttachment { conversation, media_type: "text/pl\0ain", name: "a.txt", bytes }
}

on_every_backend! {
    async fn bytes_are_kept_as_they_are_and_once_in_a_conversation(t) {
        let ada = t.person("ada").await;
        let (c, other) = (t.conversation_of(ada).await, t.conversation_of(ada).await);
        assert!(!t.tool_rules(ada, Some(c)).await.unwrap().attachments);
        let every: Vec<u8> = (0..=255).chain([0, 0, 39, 92]).collect();
        let id = t.attach(ada, new(c, &every)).await.unwrap();
        assert_eq!(t.attach(ada, new(c, &every)).await.unwrap(), id);
        assert_ne!(t.attach(ada, new(other, &every)).await.unwrap(), id);
        assert_ne!(t.attach(ada, new(c, b"")).await.unwrap(), id);
        assert_eq!(t.attachment_bytes(ada, id).await.unwrap(), every);
        let row = t.attachment(ada, id).await.unwrap();
        assert_eq!((row.conversation, row.media_type.as_str(), row.name.as_str()), (c, "text/plain", "a.txt"));
        assert_eq!((row.digest.len(), t.tool_rules(ada, Some(c)).await.unwrap().attachments), (64, true));
    }

    async fn a_stranger_finds_none_and_keeps_none(t) {
        let (ada, bob) = (t.person("ada").await, t.person("bob").await);
        let c = t.conversation_of(ada).await;
        let id = t.attach(ada, new(c, b"secret")).await.unwrap();
        for by in [bob, t.clock.id()] {
            assert!(not_found(&t.attachment(by, id).await));
            assert!(not_found(&t.attachment_bytes(by, id).await));
            assert!(not_found(&t.attach(by, new(c, b"theirs")).await));
            assert!(!t.tool_rules(by, Some(c)).await.unwrap().attachments);
        }
        t.create_invitation(ada, c, "token", crate::wire::id::Millis(i64::MAX)).await.unwrap();
        t.join(bob, "token").await.unwrap();
        assert_eq!(t.attachment_bytes(bob, id).await.unwrap(), b"secret");
        t.remove_member(bob, c, bob).await.unwrap();
        assert!(not_found(&t.attachment_bytes(bob, id).await));
        assert!(not_found(&t.attachment(ada, t.clock.id()).await));
    }

    async fn they_go_with_their_conversation(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        let id = t.attach(ada, new(c, b"x")).await.unwrap();
        t.delete_conversation(ada, c).await.unwrap();
        assert!(not_found(&t.attachment(ada, id).await) && not_found(&t.attachment_bytes(ada, id).await));
        assert!(not_found(&t.attach(ada, new(c, b"y")).await));
        t.restore_conversation(ada, c).await.unwrap();
        assert_eq!(t.attachment_bytes(ada, id).await.unwrap(), b"x");
        t.delete_conversation(ada, c).await.unwrap();
        t.clock.advance(UNDO_MS);
        assert_eq!(t.purge_deleted().await.unwrap(), 1);
        // A row left behind would be found again here.
        t.sql("INSERT INTO conversations (id, owner_id, title, created_at, updated_at)
               SELECT conversation_id, 'x', '', 0, 0 FROM attachments").await.unwrap();
    }

    async fn a_conversation_has_room_for_so_much_also_when_many_come_at_once(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        let size = usize::try_from(CONVERSATION_ATTACHMENTS_MAX / 4).unwrap();
        let bytes: Vec<Vec<u8>> = (0..6_u8).map(|n| vec![n; size]).collect();
        let kept = futures::future::join_all(bytes.iter().map(|bytes| t.attach(ada, new(c, bytes)))).await;
        assert_eq!(kept.iter().filter(|kept| kept.is_ok()).count(), 4);
        for refused in kept.iter().filter(|kept| kept.is_err()) {
            assert_eq!(conflict(refused), "attachments_full");
        }
        // What is there already takes no more room.
        let first = kept.iter().position(Result::is_ok).unwrap();
        assert!(t.attach(ada, new(c, &bytes[first])).await.is_ok());
    }
}
