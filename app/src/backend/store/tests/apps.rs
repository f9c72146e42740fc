//! Copies of apps: kept per person and server, replaced when they changed, bounded, gone with their connection.

use super::*;
use crate::{
    backend::store::{apps::StoredApp, connections::StoredConnection},
    wire::{id::ConnectionId, id::Millis, limits::APPS_MAX},
};

fn page(server: &str, uri: &str, html: &str, read_at: i64) -> StoredApp {
    StoredApp {
        server: server.to_owned(),
        uri: uri.to_owned(),
        digest: format!("digest of {}", html.trim_end_matches('\0')),
        html: html.to_owned(),
        declared: "{}".to_owned(),
        read_at: Millis(read_at),
    }
}

on_every_backend! {
    async fn a_copy_is_ones_own_and_the_newest(t) {
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        t.keep_app(ada, &page("s", "ui://a", "one\0", 1)).await.unwrap();
        assert_eq!(t.app(eve, "s", "ui://a").await.unwrap(), None);
        assert_eq!(t.app(ada, "other", "ui://a").await.unwrap(), None);
        assert_eq!(t.app(ada, "s", "ui://a").await.unwrap().unwrap().html, "one");
        t.keep_app(ada, &page("s", "ui://a", "two", 2)).await.unwrap();
        assert_eq!(t.app(ada, "s", "ui://a").await.unwrap().unwrap(), page("s", "ui://a", "two", 2));
        // What is the same is read again, not written again.
        t.keep_app(ada, &page("s", "ui://a", "two", 3)).await.unwrap();
        assert_eq!(t.app(ada, "s", "ui://a").await.unwrap().unwrap().read_at, Millis(3));
        assert!(matches!(t.keep_app(t.clock.id(), &page("s", "ui://a", "x", 1)).await, Err(StoreError::NotFound)));
    }

    async fn the_oldest_give_way(t) {
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        t.keep_app(eve, &page("s", "ui://0", "hers", 0)).await.unwrap();
        for n in 0..=i64::from(APPS_MAX) {
            t.keep_app(ada, &page("s", &format!("ui://{n}"), "x", n + 1)).await.unwrap();
        }
        assert_eq!(t.app(ada, "s", "ui://0").await.unwrap(), None);
        assert!(t.app(ada, "s", "ui://1").await.unwrap().is_some());
        assert!(t.app(eve, "s", "ui://0").await.unwrap().is_some());
    }

    async fn they_go_with_their_connection(t) {
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        let id: ConnectionId = t.clock.id();
        let new = StoredConnection { id, name: "x".to_owned(), prefix: "x".to_owned(), access: "sealed".to_owned() };
        t.create_connection(ada, &new).await.unwrap();
        t.keep_app(ada, &page(&id.to_string(), "ui://a", "x", 1)).await.unwrap();
        t.keep_app(ada, &page("operator:y", "ui://a", "y", 1)).await.unwrap();
        assert!(t.remove_connection(eve, id).await.is_err());
        assert!(t.app(ada, &id.to_string(), "ui://a").await.unwrap().is_some());
        t.remove_connection(ada, id).await.unwrap();
        assert_eq!(t.app(ada, &id.to_string(), "ui://a").await.unwrap(), None);
        assert!(t.app(ada, "operator:y", "ui://a").await.unwrap().is_some());
    }
}
