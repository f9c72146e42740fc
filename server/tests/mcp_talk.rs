//! Conversations over MCP: listed, begun, spoken in, read on and written out, in both eras; and seen in open tabs.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::{
    attachments::keep,
    support::{
        TestApp,
        log::listen,
        mcp::{Client, Messages, token},
        program::Program,
    },
};
use app::{
    backend::{test::sample, tools::schema},
    wire::{event::ChatEvent, id::ConversationId, message::Status},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn everything(app: &TestApp, name: &str) -> String {
    token(app, name, "read write run").await
}

#[tokio::test]
async fn a_program_talks_in_its_persons_name_and_open_tabs_see_it_live() {
    let app = TestApp::scripted().await;
    let ada = app.person("ada").await;
    let token = everything(&app, "ada").await;
    for client in Client::both(&app, &token).await {
        let made = client.done("create_conversation", json!({"title": "Engines"})).await;
        assert_eq!(made["title"], "Engines");
        let room: ConversationId = made["conversation_id"].as_str().unwrap().parse().unwrap();
        assert_eq!(ada.conversations().await[0].id, room);

        let mut tab = ada.tab(room).await;
        let mut asked = client.clone();
        asked.meta = json!({"progressToken": "p"});
        let text = "script:\nsay An engine\nwait 300\nput of\\nbrass.";
        let arguments = json!({"conversation_id": room, "text": text});
        let mut stream = asked.stream("tools/call", json!({"name": "send_message", "arguments": arguments})).await;
        let mine = tab.until(|event| matches!(event, ChatEvent::Message { .. })).await;
        assert!(matches!(mine, ChatEvent::Message { message } if message.author.as_ref().unwrap().name == "ada"));
        tab.until(|event| matches!(event, ChatEvent::Delta { .. })).await;
        let mut last = 0.0;
        let result = loop {
            let message = stream.next().await.unwrap();
            if message["method"] == "notifications/progress" {
                let done = message["params"]["progress"].as_f64().unwrap();
                assert!(done > last && done < 1.0, "{message}");
                last = done;
            } else if message.get("result").is_some() {
                break message["result"].clone();
            }
        };
        assert!(last > 0.0, "no progress was told");
        let reply = &result["structuredContent"];
        assert!(reply["status"] == "complete" && result["isError"] != true, "{result}");
        assert!(reply["text"].as_str().unwrap().contains("brass."), "{reply}");
        assert_eq!(result["content"][0]["text"], reply["text"]);
        tab.until(|event| matches!(event, ChatEvent::TurnEnded { .. })).await;

        let read = client.done("get_conversation_history", json!({"conversation_id": room})).await;
        assert_eq!(read["messages"][1]["message_id"], reply["reply_id"]);
        let listed = client.done("list_conversations", json!({"limit": 1})).await;
        assert_eq!(listed["conversations"][0]["conversation_id"], json!(room));
    }
    app.stop().await;
}

#[tokio::test]
async fn the_same_message_is_said_once_and_a_failed_reply_is_told() {
    let app = TestApp::scripted().await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let client = Client::modern(&app, &everything(&app, "ada").await);
    let key = "01900000-0000-7000-8000-000000000001";
    let arguments = json!({"conversation_id": room, "text": "script:\nsay Once.", "key": key});
    let first = client.done("send_message", arguments.clone()).await;
    assert_eq!(client.done("send_message", arguments).await, first);
    assert_eq!(ada.messages(room).await.len(), 2);

    let (failed, text) =
        client.call("send_message", json!({"conversation_id": room, "text": "script:\nfail overloaded"})).await;
    assert!(failed && text.starts_with("The message was sent, but its reply failed: "), "{text}");
    for (arguments, words) in [
        (json!({"conversation_id": room, "text": "   "}), "There is nothing in this message."),
        (json!({"conversation_id": room, "text": "a\u{0}b"}), "the character NUL (U+0000) in it, after 1 others"),
        (json!({"conversation_id": room, "text": "x".repeat(40_000)}), "`text`"),
        (json!({"conversation_id": room, "text": "x", "model": "no/such"}), "There is no model «no/such» here."),
        (json!({"conversation_id": room, "text": "x", "key": "x".repeat(36)}), "`key` is not a UUID."),
    ] {
        let (failed, text) = client.call("send_message", arguments).await;
        assert!(failed && text.contains(words), "{text}");
    }
    app.stop().await;
}

#[tokio::test]
async fn whoever_hangs_up_stops_the_reply() {
    let app = TestApp::scripted().await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let mut tab = ada.tab(room).await;
    let client = Client::modern(&app, &everything(&app, "ada").await);
    let mut asked = client.clone();
    asked.meta = json!({"progressToken": 1});
    let arguments = json!({"conversation_id": room, "text": "script:\nsay Begun.\nhang"});
    let mut stream = asked.stream("tools/call", json!({"name": "send_message", "arguments": arguments})).await;
    stream.until("notifications/progress").await;
    tab.until(|event| matches!(event, ChatEvent::Delta { .. })).await;
    drop(stream);
    let ended =
        |event: &ChatEvent| matches!(event, ChatEvent::Message { message } if message.status == Status::Stopped);
    tab.until(ended).await;
    app.stop().await;
}

#[tokio::test]
async fn an_older_client_calls_its_call_off_which_stops_the_reply_and_its_session_goes_on() {
    let (log, _heard) = listen();
    let app = TestApp::scripted().await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let mut tab = ada.tab(room).await;
    let client = Client::legacy(&app, &everything(&app, "ada").await).await;
    // Its id is no other request's: what comes later must not be taken for its answer.
    let arguments = json!({"conversation_id": room, "text": "script:\nsay Begun.\nhang"});
    let params = json!({"name": "send_message", "arguments": arguments});
    let call = json!({"jsonrpc": "2.0", "id": "long", "method": "tools/call", "params": params});
    let mut stream = Messages::of(client.request(Method::POST).json(&call).send().await.unwrap());
    tab.until(|event| matches!(event, ChatEvent::Delta { .. })).await;

    let params = json!({"requestId": "long", "reason": "It takes too long."});
    let off = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
    let taken = client.request(Method::POST).json(&off).send().await.unwrap();
    assert_eq!(taken.status(), StatusCode::ACCEPTED);
    let stopped =
        |event: &ChatEvent| matches!(event, ChatEvent::Message { message } if message.status == Status::Stopped);
    tab.until(stopped).await;
    while let Some(message) = stream.next().await {
        assert!(message.get("method").is_some(), "what was called off is not answered: {message}");
    }
    assert_eq!(client.done("sum", json!({"numbers": [2, 40]})).await["sum"], 42);
    app.stop().await;
    let lines = log.lines("mcp");
    let call = lines.iter().find(|f| f["tool"] == "send_message").unwrap();
    assert_eq!(call["outcome"], "cancelled", "{call}");
}

#[tokio::test]
async fn a_reply_is_a_task_to_clients_that_know_tasks_and_calling_it_off_stops_it() {
    let app = TestApp::scripted().await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let mut tab = ada.tab(room).await;
    let knows = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    let program = Program::modern(&app.url, &everything(&app, "ada").await, knows);
    let text = "script:\nsay Begun.\nwait 300\nsay Done.";
    let begun = program.call("send_message", json!({"conversation_id": room, "text": text})).await;
    assert_eq!(begun["resultType"], "task", "{begun}");
    let task = program.task(begun["taskId"].as_str().unwrap(), "completed").await;
    let reply = &task["result"]["structuredContent"];
    assert!(reply["status"] == "complete" && reply["text"].as_str().unwrap().contains("Done."), "{task}");
    tab.until(|event| matches!(event, ChatEvent::TurnEnded { .. })).await;

    let text = "script:\nsay Begun.\nhang";
    let begun = program.call("send_message", json!({"conversation_id": room, "text": text})).await;
    tab.until(|event| matches!(event, ChatEvent::Delta { .. })).await;
    program.ask("tasks/cancel", json!({"taskId": begun["taskId"]})).await;
    let stopped =
        |event: &ChatEvent| matches!(event, ChatEvent::Message { message } if message.status == Status::Stopped);
    tab.until(stopped).await;
    app.stop().await;
}

#[tokio::test]
async fn programs_keep_to_the_limits_of_the_page() {
    let app = TestApp::scripted_with(|settings| {
        settings.rate_send = Some("1/1h".to_owned());
        settings.rate_create = Some("1/1h".to_owned());
    })
    .await;
    let _ada = app.person("ada").await;
    let client = Client::modern(&app, &everything(&app, "ada").await);
    let room = client.done("create_conversation", json!({})).await["conversation_id"].clone();
    let (failed, text) = client.call("create_conversation", json!({})).await;
    assert!(failed && text.contains("Too many attempts."), "{text}");
    let arguments = json!({"conversation_id": room, "text": "script:\nsay Hello."});
    client.done("send_message", arguments.clone()).await;
    let (failed, text) = client.call("send_message", arguments).await;
    assert!(failed && text.contains("Too many attempts."), "{text}");
    app.stop().await;
}

#[tokio::test]
async fn long_conversations_are_read_and_written_out_in_pieces_that_fit_together() {
    let app = TestApp::scripted().await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let mut tab = ada.tab(room).await;
    for n in 0..6 {
        tab.ask(room, &format!("script:\nrepeat 900 word{n} and more of it \nput end{n}")).await;
    }
    let client = Client::modern(&app, &everything(&app, "ada").await);

    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut arguments = json!({"conversation_id": room, "limit": 5, "whole": true});
        if let Some(cursor) = &cursor {
            arguments["cursor"] = json!(cursor);
        }
        let page = client.done("get_conversation_history", arguments).await;
        let messages: Vec<Value> = page["messages"].as_array().unwrap().clone();
        assert!(!messages.is_empty());
        seen.splice(0..0, messages);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    let stored = ada.messages(room).await;
    let ids: Vec<String> = seen.iter().map(|m| m["message_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, stored.iter().map(|m| m.id.to_string()).collect::<Vec<_>>());
    for (told, message) in seen.iter().zip(&stored) {
        let text = told["text"].as_str().unwrap();
        assert!(told["shortened"] == true || text == message.text(), "{}", text.len());
    }

    for format in ["markdown", "json"] {
        let (mut document, mut cursor, mut pieces) = (String::new(), None::<String>, 0);
        loop {
            let mut arguments = json!({"conversation_id": room, "format": format});
            if let Some(cursor) = &cursor {
                arguments["cursor"] = json!(cursor);
            }
            let piece = client.done("export_conversation", arguments).await;
            document.push_str(piece["text"].as_str().unwrap());
            pieces += 1;
            if pieces == 1 {
                // What is said in between is not of this export.
                tab.ask(room, &format!("script:\nsay Later than {format}.")).await;
            }
            match piece["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => break,
            }
        }
        assert!(pieces > 2 && !document.contains(&format!("Later than {format}.")), "{pieces}");
        if format == "json" {
            let read: Vec<app::wire::message::Message> =
                document.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert!(stored.iter().all(|message| read.contains(message)));
        } else {
            assert!(document.starts_with("# ") && (0..6).all(|n| document.contains(&format!("end{n}"))));
        }
    }
    let (failed, text) = client.call("export_conversation", json!({"conversation_id": room, "cursor": "bm9uZQ"})).await;
    assert!(failed && text.contains("`cursor` is none that this tool gave"), "{text}");
    app.stop().await;
}

#[tokio::test]
async fn every_tool_that_is_offered_answers_to_its_own_schema_and_keeps_to_its_result_schema() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let kept = keep(&app, "ada", room, "text/plain", b"one\ntwo\nan engine").await;
    let client = Client::modern(&app, &everything(&app, "ada").await);
    let tools = client.result("tools/list", json!({})).await["tools"].clone();
    let names: Vec<&str> = tools.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    for name in ["list_conversations", "export_conversation", "create_conversation", "send_message"] {
        assert!(names.contains(&name), "{names:?}");
        assert!(app.backend.tools.spec(name).is_none(), "the bot must not have {name}");
    }
    for tool in tools.as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        for all in [false, true] {
            let mut arguments = sample(&tool["inputSchema"], all);
            // What no schema can say: which conversation is one's own, that one field at least must be named, and which
            // places a list gave.
            if arguments.get("conversation_id").is_some() {
                arguments["conversation_id"] = json!(room);
            }
            if name == "update_conversation" {
                arguments["id"] = json!(room);
                arguments["title"] = json!("Engine");
            }
            if name == "create_prompt" {
                arguments = json!({"name": format!("engine-{all}"), "body": "Explain engines."});
            } else if name.ends_with("_prompt") {
                let form = json!({"name": format!("{name}-{all}"), "body": "Explain engines."});
                let own = client.done("create_prompt", form).await;
                arguments = json!({"id": own["_id"]});
                if name == "update_prompt" {
                    arguments["title"] = json!("Engines");
                }
            }
            if arguments.get("attachment_id").is_some() {
                arguments["attachment_id"] = json!(kept.trim_start_matches("/attachments/"));
            }
            if let Some(arguments) = arguments.as_object_mut() {
                arguments.remove("cursor");
            }
            // It would go out, and the others do nothing without their person's word (see `mcp_asking`).
            if matches!(name, "website_status" | "delete_conversation" | "delete_prompt") {
                continue;
            }
            let result = client.result("tools/call", json!({"name": name, "arguments": arguments})).await;
            assert_ne!(result["isError"], true, "{name} {arguments}: {result}");
            let structured = result["structuredContent"].clone();
            let mut held = structured.clone();
            assert_eq!(schema::fit(&tool["outputSchema"], &mut held), Ok(()), "{name}: {structured}");
            assert_eq!(held, structured, "{name}: a null or a float where none belongs");
            assert!(!result["content"][0]["text"].as_str().unwrap().is_empty(), "{name}");
        }
    }
    app.stop().await;
}
