//! What is said of tools: kept, replaced, forgotten; each for whom it is.

use super::*;
use crate::wire::{
    id::Millis,
    policy::{ANY_SERVER, Floor, FloorKind, Policy},
    tool::{Annotations, ToolServer, ToolSpec},
};
use serde_json::json;

fn spec(name: &str, server: Option<(&str, bool)>) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        title: name.to_owned(),
        description: String::new(),
        input_schema: json!({ "type": "object" }),
        output_schema: json!({ "type": "object" }),
        annotations: Annotations::READ_ONLY,
        server: server.map(|(id, trusted)| ToolServer { id: id.to_owned(), name: id.to_owned(), trusted }),
        ui: None,
    }
}

on_every_backend! {
    async fn what_one_says_is_kept_replaced_and_forgotten(t) {
        let (ada, bob) = (t.person("ada").await, t.person("bob").await);
        let (c, elsewhere) = (t.conversation_of(ada).await, t.conversation_of(ada).await);
        t.set_tool_policy(ada, None, "web", Policy::Allow, "old").await.unwrap();
        t.set_tool_policy(ada, None, "web", Policy::Deny, "new").await.unwrap();
        t.set_tool_policy(ada, Some(c), "web", Policy::Ask, "new").await.unwrap();
        t.set_tool_policy(ada, None, "clock", Policy::Allow, "x").await.unwrap();
        let rules = t.tool_rules(ada, Some(c)).await.unwrap();
        let said: Vec<_> = rules.said("web").map(|said| (said.policy, said.definition.as_str())).collect();
        assert_eq!(said, [(Policy::Ask, "new"), (Policy::Deny, "new")], "the nearer word first, and one word each");
        assert!(rules.always[1].counts("new") && !rules.always[1].counts("old"));
        for (user, place, words) in [(ada, None, 2), (ada, Some(elsewhere), 2), (bob, None, 0), (bob, Some(c), 0)] {
            let rules = t.tool_rules(user, place).await.unwrap();
            assert_eq!((rules.always.len(), rules.here.len()), (words, 0));
        }
        for _ in 0..2 {
            t.forget_tool_policy(ada, "web").await.unwrap();
        }
        let rules = t.tool_rules(ada, Some(c)).await.unwrap();
        assert_eq!((rules.said("web").count(), rules.said("clock").count()), (0, 1));
        assert!(not_found(&t.set_tool_policy(t.clock.id(), None, "web", Policy::Allow, "").await));
        assert!(not_found(&t.set_tool_policy(bob, Some(c), "web", Policy::Allow, "").await));
        // What was said in a conversation goes with it.
        t.set_tool_policy(ada, Some(c), "web", Policy::Allow, "new").await.unwrap();
        t.switch_tool(ada, c, "web", false).await.unwrap();
        t.delete_conversation(ada, c).await.unwrap();
        t.clock.advance(crate::wire::limits::UNDO_MS);
        assert_eq!(t.purge_deleted().await.unwrap(), 1);
        let rules = t.tool_rules(ada, Some(c)).await.unwrap();
        assert!(rules.here.is_empty() && rules.off.is_empty());
    }

    async fn floors_are_an_administrators_and_the_strictest_binds(t) {
        // Whoever is first is the administrator.
        let (root, bob) = (t.person("root").await, t.person("bob").await);
        assert!(not_found(&t.set_tool_floor(bob, FloorKind::Tool, "web", Some(Policy::Deny)).await));
        t.set_tool_floor(root, FloorKind::Tool, "web", Some(Policy::Deny)).await.unwrap();
        assert!(not_found(&t.set_tool_floor(bob, FloorKind::Tool, "web", None).await));
        t.set_tool_floor(root, FloorKind::Tool, "web", Some(Policy::Ask)).await.unwrap();
        t.set_tool_floor(root, FloorKind::Server, "git", Some(Policy::Deny)).await.unwrap();
        t.set_tool_floor(root, FloorKind::Server, ANY_SERVER, Some(Policy::Ask)).await.unwrap();
        let rules = t.tool_rules(bob, None).await.unwrap();
        assert!(rules.floors.contains(&Floor { kind: FloorKind::Tool, name: "web".to_owned(), floor: Policy::Ask }));
        for (spec, floor) in [
            (spec("web", None), Some(Policy::Ask)),
            (spec("clock", None), None),
            (spec("web", Some(("git", true))), Some(Policy::Deny)),
            (spec("log", Some(("git", false))), Some(Policy::Deny)),
            (spec("log", Some(("notes", false))), Some(Policy::Ask)),
            (spec("log", Some(("notes", true))), None),
        ] {
            assert_eq!(rules.floor(&spec), floor, "{spec:?}");
        }
        t.set_tool_floor(root, FloorKind::Tool, "web", None).await.unwrap();
        t.set_tool_floor(root, FloorKind::Server, "git", Some(Policy::Allow)).await.unwrap();
        assert_eq!(t.tool_rules(bob, None).await.unwrap().floors.len(), 1);
    }

    async fn the_owner_switches_tools_for_everybody_there(t) {
        let (ada, bob) = (t.person("ada").await, t.person("bob").await);
        let c = t.conversation_of(ada).await;
        t.create_invitation(ada, c, "token", Millis(i64::MAX)).await.unwrap();
        t.join(bob, "token").await.unwrap();
        for _ in 0..2 {
            t.switch_tool(ada, c, "web", false).await.unwrap();
        }
        for user in [ada, bob] {
            let rules = t.tool_rules(user, Some(c)).await.unwrap();
            assert!(rules.is_off("web") && !rules.is_off("clock"));
            assert!(!t.tool_rules(user, None).await.unwrap().is_off("web"));
        }
        t.switch_tool(ada, c, "web", true).await.unwrap();
        assert!(!t.tool_rules(bob, Some(c)).await.unwrap().is_off("web"));
    }
}
