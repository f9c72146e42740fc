//! What people fill in for a server of the operator's file: one Parley uses another's tools, each with their own token,
//! by forms as a browser without script posts them.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::{
    connections::{PAGE, token},
    support::{
        TestApp, TestUser, path_of,
        peers::{page_with, parley_with, play},
    },
};
use reqwest::{Response, StatusCode, header};
use serde_json::json;

const ID: &str = "operator:other";
/// An input's field as a browser writes it.
const TOKEN: &str = "values%5Btoken%5D";

async fn fill(person: &TestUser, value: &str) -> Response {
    person.form(&path_of("fill_connection"), &[("id", ID), (TOKEN, value)]).await
}

async fn empty(person: &TestUser) -> Response {
    person.form(&path_of("empty_connection"), &[("id", ID)]).await
}

fn location(answer: &Response) -> String {
    assert_eq!(answer.status(), StatusCode::FOUND);
    answer.headers()[header::LOCATION].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fills_in_a_token_of_their_own_and_forgets_it() {
    let there = TestApp::start().await;
    there.person("anna").await;
    there.person("berta").await;
    let tokens = [token(&there, "anna").await, token(&there, "berta").await];
    let server = json!({
        "url": format!("{}/mcp", there.url), "headers": {"Authorization": "Bearer ${input:token}"}, "trusted": true,
        "inputs": [{"type": "promptString", "id": "token", "description": "Your token", "password": true}],
    });
    let here = parley_with("other", &server).await;
    let (ada, bea) = (here.person("ada").await, here.person("bea").await);

    let page = page_with(&ada, "Waiting for your details").await;
    for words in ["Your token", "name=\"values[token]\"", "What it needs from you", "/api/fill_connection"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("Its tools are away") && !page.contains("Reconnect now"), "{page}");

    for (person, token) in [(&ada, &tokens[0]), (&bea, &tokens[1])] {
        assert_eq!(location(&fill(person, token).await), PAGE);
        let page = page_with(person, "other__sum").await;
        assert!(page.contains("Connected") && page.contains("Leave it empty to keep it."), "{page}");
        assert!(!tokens.iter().any(|token| page.contains(token)), "a secret is never shown again");
        let script = "script:\ntool other__create_conversation {\"title\": \"Mine\"}\nsay done";
        let played = play(person, person.room().await, script).await;
        assert!(!played.outcomes[0].is_error, "{played:?}");
    }
    // Each was known there by their own.
    for name in ["anna", "berta"] {
        let user = app::wire::account::Username::parse(name).unwrap();
        let user = there.backend.store.user_by_name(&user).await.unwrap().unwrap();
        assert_eq!(there.backend.store.conversations(user.id, None, 10).await.unwrap().items.len(), 1, "{name}");
    }

    assert_eq!(location(&empty(&ada).await), PAGE);
    let page = ada.get(PAGE).await.text().await.unwrap();
    assert!(page.contains("Waiting for your details") && !page.contains("other__sum"), "{page}");
    page_with(&bea, "other__sum").await;
    here.stop().await;
    there.stop().await;
}

#[tokio::test]
async fn what_is_wrong_comes_back_as_a_sentence_without_what_was_typed() {
    let server = json!({
        "url": "https://mcp.example/", "headers": {"X-Key": "${input:token}"},
        "inputs": [{"id": "token", "description": "Your token", "password": true}],
    });
    let app = parley_with("other", &server).await;
    let ada = app.person("ada").await;
    for value in ["hunter2\nX-Admin: 1", "hünter2", &"hunter2".repeat(1000)] {
        let back = location(&fill(&ada, value).await);
        assert!(back.starts_with(PAGE) && !back.contains("nter2"), "{back}");
        let page = ada.get(&back).await.text().await.unwrap();
        assert!(page.contains("«Your token» ") && !page.contains("nter2"), "{page}");
    }
    let page = ada.get(&location(&fill(&ada, "").await)).await.text().await.unwrap();
    assert!(page.contains("Fill in what this server needs."), "{page}");
    let answer = ada.call(&path_of("fill_connection"), &[("id", ID), ("values[token]", "\u{7}")]).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    for id in ["operator:none", "none"] {
        for function in ["fill_connection", "empty_connection"] {
            let answer = ada.call(&path_of(function), &[("id", id), ("values[token]", "x")]).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{function} {id}");
        }
    }
    for function in ["fill_connection", "empty_connection"] {
        let answer = app.visitor().call(&path_of(function), &[("id", ID), ("values[token]", "x")]).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{function}");
    }
    app.stop().await;
}
