//! What belongs to sign-ins at other servers: one's own, taken once, and gone with its server.

use super::*;
use crate::{backend::store::remote_sign_ins::StoredSignIn, wire::limits::REMOTE_SIGN_IN_MS};

fn under_way(hash: &str, server: &str) -> StoredSignIn {
    let text = |text: &str| text.to_owned();
    StoredSignIn { state_hash: text(hash), session: text("s"), server: text(server), pending: text("sealed") }
}

on_every_backend! {
    async fn a_sign_in_is_taken_once_by_its_person_in_its_session(t) {
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        let new = under_way("h", "files");
        t.begin_remote_sign_in(ada, &new).await.unwrap();
        assert!(not_found(&t.take_remote_sign_in(eve, "s", "h").await));
        assert!(not_found(&t.take_remote_sign_in(ada, "other", "h").await));
        assert_eq!(t.take_remote_sign_in(ada, "s", "h").await.unwrap(), new);
        assert!(not_found(&t.take_remote_sign_in(ada, "s", "h").await));

        t.begin_remote_sign_in(ada, &under_way("first", "files")).await.unwrap();
        t.begin_remote_sign_in(ada, &under_way("second", "files")).await.unwrap();
        assert!(not_found(&t.take_remote_sign_in(ada, "s", "first").await), "the later one counts");
        t.clock.advance(REMOTE_SIGN_IN_MS);
        assert!(not_found(&t.take_remote_sign_in(ada, "s", "second").await), "too late");
    }

    async fn tokens_and_clients_are_their_persons_and_go_with_the_server(t) {
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        t.put_remote_grant(ada, "files", Some("one")).await.unwrap();
        t.put_remote_grant(ada, "files", Some("two")).await.unwrap();
        t.put_remote_client(ada, "files", "https://as.example", Some("client")).await.unwrap();
        assert_eq!(t.remote_grant(ada, "files").await.unwrap().as_deref(), Some("two"));
        assert_eq!(t.remote_grant(eve, "files").await.unwrap(), None);
        assert_eq!(t.remote_client(ada, "files", "https://as.example").await.unwrap().as_deref(), Some("client"));
        assert_eq!(t.remote_client(ada, "files", "https://other.example").await.unwrap(), None);
        assert_eq!(t.remote_client(eve, "files", "https://as.example").await.unwrap(), None);

        assert!(!t.replace_remote_grant(ada, "files", "one", Some("three")).await.unwrap(), "another was faster");
        assert!(!t.replace_remote_grant(ada, "files", "one", None).await.unwrap());
        assert!(!t.replace_remote_grant(eve, "files", "two", Some("hers")).await.unwrap());
        assert!(!t.replace_remote_grant(ada, "notes", "two", Some("three")).await.unwrap());
        assert_eq!(t.remote_grant(ada, "files").await.unwrap().as_deref(), Some("two"));
        assert!(t.replace_remote_grant(ada, "files", "two", Some("three")).await.unwrap());
        assert_eq!(t.remote_grant(ada, "files").await.unwrap().as_deref(), Some("three"));
        assert!(t.replace_remote_grant(ada, "files", "three", None).await.unwrap());
        assert!(!t.replace_remote_grant(ada, "files", "three", Some("again")).await.unwrap(), "what is gone stays gone");
        assert_eq!(t.remote_grant(ada, "files").await.unwrap(), None);

        t.put_remote_grant(ada, "files", Some("four")).await.unwrap();
        t.begin_remote_sign_in(ada, &under_way("h", "files")).await.unwrap();
        t.forget_remote_sign_ins(eve, "files").await.unwrap();
        assert!(t.remote_grant(ada, "files").await.unwrap().is_some());
        t.forget_remote_sign_ins(ada, "files").await.unwrap();
        assert_eq!(t.remote_grant(ada, "files").await.unwrap(), None);
        assert_eq!(t.remote_client(ada, "files", "https://as.example").await.unwrap(), None);
        assert!(not_found(&t.take_remote_sign_in(ada, "s", "h").await));
        t.put_remote_grant(ada, "files", None).await.unwrap();
        t.put_remote_client(ada, "files", "https://as.example", None).await.unwrap();
    }
}
