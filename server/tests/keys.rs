//! Putting another key in the place of the one that seals people's secrets: what the log says of it.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{Folder, TestApp, log::listen, mcp::at_the_page};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::path::Path;

/// What it says at a start.
const SAID: &str = "the first key seals all of people's secrets but those that stayed shut";

/// A server with that data and these keys.
async fn start(data: &Folder, keys: &[u8]) -> TestApp {
    let keys = keys.iter().map(|byte| STANDARD.encode([*byte; 32])).collect::<Vec<_>>().join(",");
    TestApp::start_with(|settings| {
        settings.data_dir = Some(data.path().display().to_string());
        settings.secret_keys = Some(keys.into());
    })
    .await
}

/// What was said when one started: how many texts were sealed anew, and how many stayed shut.
async fn said(data: &Folder, keys: &[u8]) -> Vec<(Value, Value)> {
    let (log, _heard) = listen();
    start(data, keys).await.stop().await;
    log.lines(SAID).into_iter().map(|fields| (fields["anew"].clone(), fields["shut"].clone())).collect()
}

#[tokio::test]
async fn the_log_says_at_each_start_with_several_keys_what_became_of_them() {
    let data = Folder::new();
    assert!(said(&data, &[1]).await.is_empty(), "one key, and nothing to do");
    for _ in 0..2 {
        assert_eq!(said(&data, &[2, 1]).await, [(json!(0), json!(0))], "the first one is enough");
    }
    let app = start(&data, &[2]).await;
    app.person("ada").await;
    let ada = at_the_page(&app, "ada").await.user;
    // Sealed by a key that nobody has any more.
    app.backend.store.put_remote_grant(ada, "operator:files", Some("1.00000000.AAAA")).await.unwrap();
    app.stop().await;
    for keys in [&[2][..], &[2, 1][..]] {
        assert_eq!(said(&data, keys).await, [(json!(0), json!(1))], "{keys:?}");
    }
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.env.example");
    assert!(std::fs::read_to_string(example).unwrap().contains(SAID), "whoever waits for it knows the words");
}
