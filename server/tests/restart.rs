//! The whole server on each database: sign up, ask, search, restart, and everything is still there.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{PASSWORD, TestApp, TestUser, path_of};
use app::{
    backend::{config::DatabaseUrl, test::TestStore},
    wire::{
        conversation::SearchHit,
        message::{Message, Status},
    },
};

async fn start(database: &DatabaseUrl) -> TestApp {
    TestApp::scripted_with(|settings| settings.database_url = Some(database.0.clone())).await
}

async fn search(user: &TestUser, query: &str) -> Vec<SearchHit> {
    user.call(&path_of("search"), &[("query", query)]).await.json().await.unwrap()
}

async fn everything_outlives_a_restart(database: TestStore) {
    // The server is the only one on it.
    database.store.close().await;
    let app = start(&database.url).await;
    let (ada, eve) = (app.person("ada").await, app.person("eve").await);
    let room = ada.room().await;
    let reply = ada.tab(room).await.ask(room, "script:\nsay An engine of brass, «élan» and 🦀.").await;
    assert_eq!((reply.status, reply.text().as_str()), (Status::Complete, "An engine of brass, «élan» and 🦀."));
    let written: Vec<Message> = ada.messages(room).await;
    assert_eq!((written.len(), &written[1]), (2, &reply));
    let found = search(&ada, "brass").await;
    assert!(found.iter().any(|hit| hit.message == reply.id && hit.conversation == room), "{found:?}");
    assert_eq!(search(&eve, "brass").await, []);
    app.stop().await;

    let app = start(&database.url).await;
    let ada = ada.at(&app.url);
    assert!(ada.is_signed_in().await);
    assert_eq!(ada.messages(room).await, written);
    assert_eq!(search(&ada, "brass").await, found);
    let phone = app.visitor();
    phone.sign_in("ada", PASSWORD).await;
    let more = phone.tab(room).await.ask(room, "script:\nsay more").await;
    assert_eq!((more.status, more.text().as_str()), (Status::Complete, "more"));
    assert_eq!(ada.messages(room).await.len(), 4);
    app.stop().await;
    database.discard().await;
}

#[tokio::test]
async fn on_sqlite() {
    everything_outlives_a_restart(TestStore::sqlite().await).await;
}

#[tokio::test]
async fn on_postgres() {
    if let Some(database) = TestStore::postgres().await {
        everything_outlives_a_restart(database).await;
    }
}
