//! What a turn waits for connected servers that hang: a moment, once.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{TestApp, mcp::at_the_page};
use app::backend::tools::remote::NewConnection;

#[tokio::test]
async fn a_hung_server_holds_up_a_turn_once_and_not_each_of_its_rounds() {
    let hung = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", hung.local_addr().unwrap());
    let app = TestApp::scripted_with(|settings| settings.mcp_private = Some("allow".to_owned())).await;
    let ada = app.person("ada").await;
    let connections = &app.backend.connections;
    let new = NewConnection { name: "hung".to_owned(), url, headers: Vec::new() };
    connections.add(&at_the_page(&app, "ada").await, new).await.unwrap();
    let room = ada.room().await;
    let mut tab = ada.tab(room).await;
    let call = "tool sum {\"numbers\": [1]}";
    for turn in 1..=2 {
        let before = connections.late();
        let reply = tab.ask(room, &format!("script:\n{call}\nsay One.\n{call}\nsay Two.\n{call}\nsay {turn}.")).await;
        assert!(reply.text().ends_with(&format!("{turn}.")), "{}", reply.text());
        assert_eq!(connections.late() - before, 1, "four rounds, and one of them waited");
    }
    app.stop().await;
}
