//! The program as it comes, without a model: the offline assistant answers through the registry's tools.

use crate::support::{
    Folder, PASSWORD,
    process::{Served, parley},
};
use app::wire::message::{Message, Part, Status};

/// The tools a reply called, each of which must have done its work.
fn called(reply: &Message) -> Vec<&str> {
    for part in &reply.parts {
        assert!(!matches!(part, Part::ToolResult(result) if result.outcome.is_error), "{reply:?}");
    }
    reply
        .parts
        .iter()
        .filter_map(|part| if let Part::ToolCall(call) = part { Some(&*call.name) } else { None })
        .collect()
}

#[tokio::test]
async fn each_command_is_answered_with_what_its_tool_said() {
    let folder = Folder::new();
    let served = Served::start(parley(&folder).env("PARLEY_OFFLINE_DELAY_MS", "0"));
    let ada = served.visitor();
    ada.sign_up("ada", PASSWORD).await;
    let room = ada.room().await;
    let mut tab = ada.tab(room).await;
    let told = "> A brass engine";
    for (asked, tool, words) in [
        (told, None, "help"),
        ("help", None, "lorem 200"),
        ("sum 2 40", Some("sum"), "42"),
        ("sentiment What a wonderful day!", Some("analyze_sentiment"), "positive"),
        ("search brass", Some("search_conversations"), "brass"),
        ("history", Some("get_conversation_history"), "brass"),
        ("lorem 200", Some("lorem"), "Lorem ipsum"),
    ] {
        let reply = tab.ask(room, asked).await;
        assert_eq!(
            (reply.status, called(&reply)),
            (Status::Complete, tool.into_iter().collect()),
            "{asked}: {reply:?}"
        );
        let text = reply.text();
        assert!(text.contains(words) && !text.contains("left out"), "{asked}: {text}");
        if tool == Some("lorem") {
            assert_eq!(text.split_whitespace().count(), 200, "{text}");
        }
    }
    // More than any other answer of its tools, after a history that is longer still.
    let reply = tab.ask(room, "lorem 5000").await;
    assert!(reply.text().split_whitespace().count() > 2_000, "{}", reply.text());
    let reply = tab.ask(room, "history").await;
    assert_eq!(called(&reply), ["get_conversation_history"]);
    assert!(reply.text().len() > 2_000 && !reply.text().contains("left out"), "{}", reply.text());
}
