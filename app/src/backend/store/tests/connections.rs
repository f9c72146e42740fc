//! Connected servers, choices about their tools, and tools found by searches.

use super::*;
use crate::{
    backend::store::connections::{StoredChoice, StoredConnection},
    wire::{connection::ToolChoice, limits::CONNECTIONS_MAX},
};

fn new(t: &TestStore, prefix: &str) -> StoredConnection {
    StoredConnection {
        id: t.clock.id(),
        name: format!("My {prefix}\0"),
        prefix: prefix.to_owned(),
        access: "sealed".to_owned(),
    }
}

fn chosen(server: &str, tool: &str, choice: ToolChoice) -> StoredChoice {
    StoredChoice { server: server.to_owned(), tool: tool.to_owned(), choice }
}

on_every_backend! {
    async fn a_connection_is_its_persons_alone(t) {
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        let (files, web) = (new(t, "files"), new(t, "web"));
        t.create_connection(ada, &files).await.unwrap();
        t.create_connection(ada, &web).await.unwrap();
        assert_eq!(conflict(&t.create_connection(ada, &new(t, "web")).await), "prefix");
        t.create_connection(eve, &new(t, "web")).await.unwrap();
        let found = t.connections(ada).await.unwrap();
        assert_eq!(found, [StoredConnection { name: "My files".to_owned(), ..files.clone() }, StoredConnection { name: "My web".to_owned(), ..web }]);

        assert!(not_found(&t.rename_connection(eve, files.id, "Mine").await));
        assert!(not_found(&t.remove_connection(eve, files.id).await));
        t.rename_connection(ada, files.id, "Fi\0les").await.unwrap();
        assert_eq!(t.connections(ada).await.unwrap()[0].name, "Files");

        t.choose_tool(ada, &chosen(&files.id.to_string(), "read", ToolChoice::Off)).await.unwrap();
        t.remove_connection(ada, files.id).await.unwrap();
        assert_eq!(t.connections(ada).await.unwrap().len(), 1);
        assert!(t.tool_choices(ada).await.unwrap().is_empty(), "choices go with their server");
        assert!(not_found(&t.remove_connection(ada, files.id).await));
    }

    async fn nobody_has_too_many_connections(t) {
        let ada = t.person("ada").await;
        for n in 0..CONNECTIONS_MAX {
            t.create_connection(ada, &new(t, &format!("s{n}"))).await.unwrap();
        }
        assert_eq!(conflict(&t.create_connection(ada, &new(t, "more")).await), "connections_max");
    }

    async fn choices_are_kept_until_they_are_the_usual_one(t) {
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        t.choose_tool(ada, &chosen("operator:files", "write", ToolChoice::Off)).await.unwrap();
        t.choose_tool(ada, &chosen("operator:files", "", ToolChoice::Off)).await.unwrap();
        t.choose_tool(ada, &chosen("operator:files", "write", ToolChoice::Pinned)).await.unwrap();
        let kept = [chosen("operator:files", "", ToolChoice::Off), chosen("operator:files", "write", ToolChoice::Pinned)];
        assert_eq!(t.tool_choices(ada).await.unwrap(), kept);
        assert!(t.tool_choices(eve).await.unwrap().is_empty());
        for (tool, left) in [("write", 1), ("", 0), ("never", 0)] {
            t.choose_tool(ada, &chosen("operator:files", tool, ToolChoice::On)).await.unwrap();
            assert_eq!(t.tool_choices(ada).await.unwrap().len(), left);
        }
    }

    async fn found_tools_keep_their_order_and_their_conversation(t) {
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        let (one, two) = (t.conversation_of(ada).await, t.conversation_of(ada).await);
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        t.add_found_tools(ada, one, &names(&["b", "a"])).await.unwrap();
        t.add_found_tools(ada, one, &names(&["a", "c", "b"])).await.unwrap();
        assert_eq!(t.found_tools(ada, one).await.unwrap(), ["b", "a", "c"]);
        assert!(t.found_tools(ada, two).await.unwrap().is_empty());
        assert!(t.found_tools(eve, one).await.unwrap().is_empty());
        assert!(not_found(&t.add_found_tools(eve, one, &names(&["x"])).await));
    }
}
