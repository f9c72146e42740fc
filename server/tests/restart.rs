//! The whole server on each database: sign up, ask, search, restart, and everything is still there.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{PASSWORD, TestApp, TestUser, path_of};
use app::{
    backend::{
        clock::Clock,
        config::DatabaseUrl,
        llm::catalogue::{OFFLINE, SCRIPTED},
        test::TestStore,
    },
    wire::{
        conversation::{ConversationView, Found, SearchHit},
        event::{ChatEvent, ClientEvent},
        id::{ConversationId, ModelId},
        message::{Message, Role, Status},
    },
};

async fn start(database: &DatabaseUrl) -> TestApp {
    TestApp::scripted_with(|settings| settings.database_url = Some(database.0.clone())).await
}

async fn search(user: &TestUser, query: &str) -> Vec<SearchHit> {
    let found: Found = user.call(&path_of("search"), &[("query", query)]).await.json().await.unwrap();
    found.messages
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

async fn opened(user: &TestUser, room: ConversationId) -> ConversationView {
    user.call(&path_of("open_conversation"), &[("id", &room.to_string())]).await.json().await.unwrap()
}

/// The reply to something said, as a page that was opened says it.
async fn ask(user: &TestUser, view: &ConversationView, ask: impl FnOnce(Option<ModelId>) -> ClientEvent) -> Message {
    let mut tab = user.tab(view.summary.id).await;
    tab.say(&ask(view.model.clone())).await;
    let over = |event: &ChatEvent| match event {
        ChatEvent::Refused { error, .. } => panic!("refused: {error}"),
        ChatEvent::Message { message } => message.role == Role::Assistant && message.status != Status::Pending,
        _ => false,
    };
    match tab.until(over).await {
        ChatEvent::Message { message } => message,
        _ => unreachable!(),
    }
}

async fn a_conversation_outlives_its_model(database: TestStore) {
    database.store.close().await;
    let app = start(&database.url).await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let old = ada.tab(room).await.ask(room, "script:\nsay one").await;
    let before = opened(&ada, room).await;
    assert_eq!(before.model, old.model);
    assert_eq!(before.model.unwrap().0, SCRIPTED);
    app.stop().await;

    // The model is no longer configured: what the page is told and says next is answered by the default one.
    let url = database.url.0.clone();
    let app = TestApp::start_with(|settings| settings.database_url = Some(url)).await;
    let ada = ada.at(&app.url);
    let view = opened(&ada, room).await;
    assert_eq!((view.model.as_ref(), view.messages.items.len()), (None, 2));
    let said = ask(&ada, &view, |model| ClientEvent::Send {
        client_id: Clock::System.id(),
        conversation: room,
        parent: None,
        text: "hello".to_owned(),
        files: Vec::new(),
        references: Vec::new(),
        model,
    });
    assert_eq!(said.await.model.unwrap().0, OFFLINE);
    let again = ask(&ada, &view, |model| ClientEvent::Regenerate { message: old.id, model }).await;
    assert_eq!((again.status, again.model.unwrap().0.as_str()), (Status::Complete, OFFLINE));
    let view = opened(&ada, room).await;
    assert_eq!(view.model.unwrap().0, OFFLINE);
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

#[tokio::test]
async fn without_the_model_on_sqlite() {
    a_conversation_outlives_its_model(TestStore::sqlite().await).await;
}

#[tokio::test]
async fn without_the_model_on_postgres() {
    if let Some(database) = TestStore::postgres().await {
        a_conversation_outlives_its_model(database).await;
    }
}
