//! Opening: what is made, and what is said when it cannot be.

use super::*;
use crate::backend::{clock::Clock, config::DatabaseUrl, store::Store, test::Folder};

async fn refusal(url: &str) -> String {
    match Store::open(&DatabaseUrl(url.to_owned().into()), Clock::System).await {
        Err(StoreError::Unopened(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_file_and_its_folder_are_made() {
    let folder = Folder::new();
    let path = folder.path().join("deep/er/chat with blanks.db");
    for prefix in ["sqlite:", "sqlite://"] {
        let url = DatabaseUrl(format!("{prefix}{}", path.display()).into());
        let store = Store::open(&url, Clock::System).await.unwrap();
        store.ping().await.unwrap();
        store.close().await;
        assert!(path.exists());
        assert!(store.ping().await.is_err());
    }
}

#[tokio::test]
async fn what_cannot_be_opened_is_said_in_words() {
    let folder = Folder::new();
    let file = folder.path().join("file");
    std::fs::write(&file, "x".repeat(5000)).unwrap();
    assert!(refusal(&format!("sqlite:{}/under/a.db", file.display())).await.contains("folder cannot be made"));
    assert!(refusal(&format!("sqlite:{}", folder.path().display())).await.contains("unable to open database file"));
    assert!(refusal(&format!("sqlite:{}", file.display())).await.contains("not a database"));
    assert!(refusal("sqlite:").await.contains("path of a file"));
    assert!(refusal("sqlite::memory:").await.contains("path of a file"));
    assert!(refusal("mysql://x").await.contains("must begin with"));
    for url in
        ["postgres://me:hunter2@127.0.0.1:1/db", "postgres://me:hunter2@[/db", "postgres://me:hunter2@host:99999/db"]
    {
        let why = refusal(url).await;
        assert!(!why.contains("hunter2") && why.len() > 10, "{why}");
    }
}

on_every_backend! {
    async fn a_database_that_is_there_is_opened_as_it_is(t) {
        let ada = t.person("ada").await;
        t.reopen().await;
        assert_eq!(t.user(ada).await.unwrap().unwrap().name, "ada");
        t.ping().await.unwrap();
    }

    async fn two_processes_at_once_share_it(t) {
        let other = Store::open(&t.url, t.clock.clone()).await.unwrap();
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        let kind = || NewTurnKind::Send { conversation: c, parent: None, client_id: t.client_id(), parts: text("x") };
        for _ in 0..10 {
            let new = |kind| NewTurn { by: ada, kind, model: ModelId("m".to_owned()), scopes: None };
            let (mine, theirs) = tokio::join!(t.start_turn(new(kind())), other.start_turn(new(kind())));
            let (mine, theirs) = (mine.unwrap(), theirs.unwrap());
            assert!(!(mine.running && theirs.running));
            for turn in [mine.turn, theirs.turn] {
                let end = FinishTurn { turn, end: TurnEnd::Complete, parts: vec![], usage: Usage::default(), fault: None };
                let (mine, theirs) = tokio::join!(t.finish_turn(end.clone()), other.finish_turn(end));
                assert!(mine.is_ok() != theirs.is_ok(), "{mine:?} {theirs:?}");
            }
        }
        assert_eq!(t.conversation(ada, c).await.unwrap().seq.0, 60);
        other.close().await;
    }
}
