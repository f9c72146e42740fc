//! How other servers fare, and that a reply waits for none of them.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    TestApp, TestUser, path_of,
    peers::{page_with, parley_with, play},
    remote::{Remote, until},
};
use app::wire::connection::{ConnectionRow, ConnectionState};
use serde_json::json;

async fn row(person: &TestUser) -> ConnectionRow {
    let rows = person.call(&path_of("connections"), &[]).await;
    rows.json::<Vec<ConnectionRow>>().await.unwrap().remove(0)
}

async fn with(remote: &Remote) -> (TestApp, TestUser) {
    let app = parley_with("remote", &json!({"url": remote.url, "trusted": true})).await;
    let ada = app.person("ada").await;
    (app, ada)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_does_not_wait_for_a_server_that_is_being_connected() {
    let remote = Remote::held().await;
    let (app, ada) = with(&remote).await;
    let script = "script:\ntool remote__echo {\"text\": \"hello\"}\necho";
    // The reply ends while the server still holds the request that would connect it: nothing else lets it go.
    let played = play(&ada, ada.room().await, script).await;
    assert!(remote.asked() > 0 && row(&ada).await.state == ConnectionState::Connecting);
    let [unknown] = &played.outcomes[..] else { panic!("{played:?}") };
    assert!(unknown.is_error && !played.text.contains("hello"), "{unknown:?}");
    let page = ada.get("/settings/connections").await.text().await.unwrap();
    assert!(page.contains("Connecting") && !page.contains("remote__echo"), "{page}");

    remote.open();
    page_with(&ada, "remote__echo").await;
    let played = play(&ada, ada.room().await, script).await;
    assert_eq!(played.outcomes[0].text, "hello");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_counts_and_times_calls_and_says_when_tools_are_away() {
    let remote = Remote::start().await;
    let (app, ada) = with(&remote).await;
    page_with(&ada, "Connected").await;
    assert!(row(&ada).await.calls.is_none());
    let room = ada.room().await;
    for _ in 0..3 {
        play(&ada, room, "script:\ntool remote__echo {\"text\": \"hello\"}\necho").await;
    }
    let calls = row(&ada).await.calls.unwrap();
    assert_eq!((calls.calls, calls.failed, calls.timed), (3, 0, 3));
    assert!(calls.median_ms <= calls.slow_ms);
    page_with(&ada, "It was called 3 times, always with a result. Of the last 3 calls half took at most").await;

    remote.is_away(true);
    play(&ada, room, "script:\ntool remote__echo {\"text\": \"hello\"}\necho").await;
    // The failed call has the connection looked at, which finds it broken.
    let page = page_with(&ada, "It is tried again by itself").await;
    assert!(page.contains("Its tools are away: replies go on without them."), "{page}");
    assert!(page.contains("trouble of its own (HTTP 503)"), "{page}");
    assert!(page.contains("It was called 4 times, 1 without a result."), "{page}");
    let played = play(&ada, room, "script:\ntool remote__echo {\"text\": \"hello\"}\necho").await;
    assert!(played.outcomes[0].text.contains("The tools of «remote» are away."), "{played:?}");

    remote.is_away(false);
    page_with(&ada, "Connected").await;
    let before = remote.begun();
    play(&ada, room, "script:\ntool remote__echo {\"text\": \"back\"}\necho").await;
    until(|| remote.begun() == before + 1).await;
    app.stop().await;
}
