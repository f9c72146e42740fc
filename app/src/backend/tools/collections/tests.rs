//! The tools over collections, called as models and programs call them.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::{
    super::{
        ToolCx, ToolRegistry, schema as arguments,
        tests::{Scene, call, scene_on},
    },
    *,
};
use crate::{
    backend::{
        caller::Caller,
        hub::Change,
        store::collections::declare::{Collection, Field, Format, Permits, Stamp},
        test::{TestStore, on_every_backend, sample},
    },
    wire::{id::Millis, limits},
};
use serde_json::{Value, json};
use std::sync::Mutex;

const NOTES: Collection = Collection::of_table("notes", "note", "notes", "user_id")
    .about("Notes.")
    .fields(&[
        Field::key(),
        Field::text("title", "What it is about.").searchable().writable(60),
        Field::text("body", "What it says.").optional().writable(5000),
        Field::text("mood", "How it feels.").choices(&[("good", "well"), ("bad", "unwell")]).optional().writable(10),
        Field::int("stars", "How good it is.").writable(0),
        Field::double("weight", "How heavy it is.").optional().writable(0),
        Field::bool("done", "Whether it is done.").writable(0),
        Field::date("due", "When it is due.").optional().writable(0),
        Field::reference("about", "notes", "The note it is about.").optional().writable(0),
        Field::date("changed_at", "Last change.").stamped(Stamp::Updated),
    ])
    .permits(Permits::ALL)
    .limits(5, 50)
    .told_as(Format::Csv, false);

static OURS: [Collection; 1] = [NOTES];

/// A scene whose registry has the tools of notes.
async fn notes(t: &TestStore) -> Scene {
    t.sql(
        "CREATE TABLE notes (id TEXT NOT NULL PRIMARY KEY, user_id TEXT NOT NULL, title TEXT NOT NULL, body TEXT,
             mood TEXT, stars BIGINT NOT NULL, weight DOUBLE PRECISION, done BOOLEAN NOT NULL, due BIGINT, about TEXT,
             changed_at BIGINT NOT NULL)",
    )
    .await
    .unwrap();
    let mut scene = scene_on(t).await;
    let ours = Collections::new(&OURS).unwrap();
    let all = [vec![query::tool(ours)], writers(ours, &scene.hub)].concat();
    scene.tools = ToolRegistry::new(all).unwrap();
    scene
}

/// The scene for somebody else.
async fn stranger(t: &TestStore, scene: &Scene, name: &str) -> ToolCx {
    let caller = Caller { user: t.person(name).await, name: name.to_owned(), ..scene.cx.caller.clone() };
    ToolCx { caller, conversation: None, ..scene.cx.clone() }
}

on_every_backend! {
    async fn generated_tools_do_what_their_own_schemas_say(t) {
        let scene = notes(t).await;
        let names: Vec<String> = scene.tools.list(&scene.cx.caller).await.iter().map(|s| s.name.clone()).collect();
        assert_eq!(names, ["query_data_collections", "create_note", "update_note", "delete_note"]);
        let spec = |name: &str| scene.tools.spec(name).unwrap();
        let hints = |name| (spec(name).annotations.destructive_hint, spec(name).annotations.idempotent_hint);
        assert_eq!((hints("create_note"), hints("update_note"), hints("delete_note")), ((false, false), (true, true), (true, true)));
        assert!(names[1..].iter().all(|name| !spec(name).annotations.read_only_hint && scene.tools.is_personal(name)));
        let create = spec("create_note").input_schema.clone();
        assert_eq!(create["required"], json!(["title", "stars", "done"]));
        assert_eq!(create["additionalProperties"], json!(false));
        assert_eq!(create["properties"]["mood"]["enum"], json!(["good", "bad"]));
        assert_eq!(create["properties"]["title"]["maxLength"], json!(60));
        assert!(create["properties"].get("changed_at").is_none() && create["properties"].get("_id").is_none());
        assert_eq!(spec("update_note").input_schema["properties"]["mood"]["type"], json!(["string", "null"]));

        let mut last = String::new();
        for all in [false, true] {
            let mut given = sample(&create, all);
            if all {
                given["about"] = json!(last);
                given["due"] = json!("2026-02-01");
            }
            let made = scene.call("create_note", given.clone()).await;
            assert!(!made.is_error, "{}", made.text);
            let row = made.structured.unwrap();
            assert_eq!(arguments::fit(&spec("create_note").output_schema, &mut row.clone()), Ok(()));
            for (name, value) in given.as_object().unwrap().iter().filter(|(name, _)| *name != "due") {
                assert_eq!(&row[name], value, "{name}");
            }
            last = row["_id"].as_str().unwrap().to_owned();
        }
        let update = json!({ "id": last, "title": "New", "mood": null, "due": null });
        let row = scene.call("update_note", update).await.structured.unwrap();
        assert_eq!((&row["title"], row.get("mood"), row.get("due"), &row["stars"]), (&json!("New"), None, None, &json!(3)));
        for (name, given, words) in [
            ("create_note", json!({ "title": "x" }), "is missing"),
            ("create_note", json!({ "title": "x", "stars": 1, "done": false, "mood": "ugly" }), "must be one of"),
            ("create_note", json!({ "title": "x".repeat(61), "stars": 1, "done": false }), "at most 60"),
            ("create_note", json!({ "title": "x", "stars": 1, "done": false, "user_id": "y" }), "no property `user_id`"),
            ("update_note", json!({ "id": last }), "at least one field"),
            ("update_note", json!({ "id": last, "due": "soon" }), "«due»: it takes a time"),
            ("update_note", json!({ "id": "01900000-0000-7000-8000-000000000000", "title": "x" }), "no such row"),
            ("delete_note", json!({ "id": "x" }), "no such row"),
        ] {
            let told = scene.call(name, given).await;
            assert!(told.is_error && told.text.contains(words), "{name}: {}", told.text);
        }
        let eve = stranger(t, &scene, "eve").await;
        for (name, given) in [("update_note", json!({ "id": last, "title": "Mine" })), ("delete_note", json!({ "id": last }))] {
            let told = scene.tools.call(&eve, &call(name, given)).await;
            assert_eq!(told.text, "There is no such row, or it is not yours to change.", "{name}");
        }
        let gone = scene.call("delete_note", json!({ "id": last })).await;
        assert_eq!(gone.structured, Some(json!({ "deleted": last })));
        let left = scene.call("query_data_collections", json!({ "collection": "notes", "format": "json" })).await;
        assert_eq!(left.structured.unwrap()["count"], 1);
    }

    async fn rows_come_as_objects_as_csv_or_as_a_document_page_by_page(t) {
        let scene = notes(t).await;
        let cx = ToolCx { conversation: None, ..scene.cx.clone() };
        let ask = async |given: Value| {
            let told = scene.tools.call(&cx, &call("query_data_collections", given)).await;
            assert!(!told.is_error, "{}", told.text);
            let mut held = told.structured.clone().unwrap();
            assert_eq!(arguments::fit(&scene.tools.spec("query_data_collections").unwrap().output_schema, &mut held), Ok(()));
            told
        };
        let none = ask(json!({ "collection": "notes" })).await;
        assert_eq!(none.text, "No rows of notes match.");
        assert_eq!(none.structured.unwrap()["count"], 0);
        for n in 0..12 {
            let given = json!({ "title": format!("=note, {n}"), "stars": n, "done": n % 2 == 0, "body": "a\nb" });
            assert!(!scene.call("create_note", given).await.is_error);
        }
        let few = json!([{ "$project": { "title": 1, "n.stars": "$stars", "body": 1 } }]);
        let csv = ask(json!({ "collection": "notes", "search_pipeline": few, "limit": 2 })).await;
        let lines = "body,n.stars,title\r\n\"a\nb\",0,\"'=note, 0\"\r\n\"a\nb\",1,\"'=note, 1\"\r\n";
        assert_eq!(csv.structured.clone().unwrap()["csv"], lines);
        assert!(csv.text.starts_with(&format!("2 rows of notes:\n{}\nMore follow", lines.trim_end())), "{}", csv.text);
        let objects = ask(json!({ "collection": "notes", "search_pipeline": few, "limit": 1, "format": "json" })).await;
        let row = json!({ "title": "=note, 0", "n": { "stars": 0 }, "body": "a\nb" });
        assert_eq!(objects.structured.unwrap()["rows"], json!([row]));

        let (mut cursor, mut seen) = (Value::Null, Vec::new());
        loop {
            let given = json!({ "collection": "notes", "format": "json", "cursor": cursor });
            let page = ask(given).await.structured.unwrap();
            seen.extend(page["rows"].as_array().unwrap().iter().map(|row| row["stars"].as_i64().unwrap()));
            cursor = page.get("next_cursor").cloned().unwrap_or_default();
            if cursor.is_null() {
                break;
            }
            let other = json!({ "collection": "notes", "cursor": cursor, "search_pipeline": [{ "$sort": { "stars": 1 } }] });
            let told = scene.tools.call(&cx, &call("query_data_collections", other)).await;
            assert!(told.is_error && told.text.contains("not one that this question gave"), "{}", told.text);
        }
        assert_eq!(seen, (0..12).collect::<Vec<_>>());

        // Rows that come before do not move what follows.
        let newest = json!([{ "$sort": { "stars": -1 } }, { "$project": { "stars": 1 } }]);
        let given = json!({ "collection": "notes", "format": "json", "search_pipeline": newest });
        let first = ask(given.clone()).await.structured.unwrap();
        assert!(!scene.call("create_note", json!({ "title": "more", "stars": 99, "done": true })).await.is_error);
        let mut given = given;
        given["cursor"] = first["next_cursor"].clone();
        let second = ask(given).await.structured.unwrap();
        let stars = |page: &Value| page["rows"].as_array().unwrap().iter().map(|row| row["stars"].as_i64().unwrap()).collect::<Vec<_>>();
        assert_eq!((stars(&first), stars(&second)), (vec![11, 10, 9, 8, 7], vec![6, 5, 4, 3, 2]));
        t.sql("DELETE FROM notes WHERE stars = 99").await.unwrap();

        let document = ask(json!({ "collection": "notes", "limit": 50, "as_resource": true })).await;
        assert_eq!(document.text, "12 rows of notes, in the document that comes with this.");
        let attached = document.attached.unwrap();
        assert_eq!((attached.media_type.as_str(), attached.text.lines().count()), ("text/csv", 25));
        assert_eq!(document.structured.unwrap()["resource"], attached.uri);
        let given = json!({ "collection": "notes", "as_resource": true, "format": "json" });
        let document = ask(given.clone()).await.attached.unwrap();
        assert_eq!(serde_json::from_str::<Value>(&document.text).unwrap().as_array().unwrap().len(), 5);
        let told = scene.call("query_data_collections", given).await;
        assert!(told.attached.is_none() && told.text.contains("=note, 4"), "in a conversation they come inline");

        let described = ask(json!({ "collection": "notes", "describe": true })).await.structured.unwrap();
        assert_eq!(described["schema"]["properties"]["due"]["format"], "date-time");
        assert_eq!(described["schema"]["x-collection"]["references"], json!({ "about": "notes" }));
        assert_eq!(described["schema"]["required"], json!(["_id", "title", "stars", "done", "changed_at"]));
    }

    async fn long_texts_are_cut_and_a_page_keeps_to_its_budget(t) {
        let scene = notes(t).await;
        for n in 0..30 {
            let note = json!({ "title": "long", "body": "é".repeat(1500 + 100 * n), "stars": n, "done": true });
            assert!(!scene.call("create_note", note).await.is_error);
        }
        let (mut cursor, mut seen, mut cut, mut pages) = (Value::Null, Vec::new(), 0, 0);
        while pages == 0 || !cursor.is_null() {
            let given = json!({ "collection": "notes", "format": "json", "limit": 50, "cursor": cursor });
            let told = scene.call("query_data_collections", given).await;
            assert!(!told.truncated && told.text.len() < limits::TOOL_RESULT_MAX, "{}", told.text.len());
            let page = told.structured.unwrap();
            seen.extend(page["rows"].as_array().unwrap().iter().map(|row| row["stars"].as_i64().unwrap()));
            cut += page["cut"].as_i64().unwrap_or_default();
            cursor = page.get("next_cursor").cloned().unwrap_or_default();
            pages += 1;
        }
        assert_eq!(seen, (0..30).collect::<Vec<_>>());
        assert_eq!(cut, 24, "those of more than 2,000 characters");
        assert!(pages > 3, "{pages}");
    }

    async fn conversations_are_changed_by_the_pages_own_functions(t) {
        let scene = scene_on(t).await;
        let id = scene.cx.conversation.unwrap();
        let ask = async |cx: &ToolCx, name: &str, given: Value| scene.tools.call(cx, &call(name, given)).await;
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = Arc::clone(&heard);
        scene.hub.on_change(move |change| {
            ears.lock().unwrap().push(match change {
                Change::Conversation(id) => (id, 0),
                Change::Deleted(id, members) => (id, members.len()),
                Change::Prompts(_) => panic!("no prompt is changed"),
            });
        });
        let found = scene.call("query_data_collections", json!({
            "collection": "messages",
            "search_pipeline": [
                { "$search": { "text": { "query": "BRASS" } } },
                { "$lookup": { "from": "conversations", "localField": "conversation", "foreignField": "_id", "as": "in" } },
                { "$project": { "text": 1, "role": 1, "in.title": 1 } },
            ],
        })).await;
        let row = json!({ "text": "A machine of brass.", "role": "assistant", "in": { "title": "Engines" } });
        assert_eq!(found.structured.unwrap()["rows"], json!([row]));

        let eve = stranger(t, &scene, "eve").await;
        for (name, given) in [
            ("update_conversation", json!({ "id": id, "title": "Mine" })),
            ("update_conversation", json!({ "id": id, "pinned": true })),
        ] {
            let told = ask(&eve, name, given).await;
            assert_eq!(told.text, "There is no such row, or it is not yours to change.", "{name}");
        }
        let nothing = ask(&eve, "query_data_collections", json!({ "collection": "messages" })).await;
        assert_eq!(nothing.text, "No rows of messages match.");
        t.create_invitation(scene.cx.caller.user, id, "token", Millis(i64::MAX)).await.unwrap();
        t.join(eve.caller.user, "token").await.unwrap();
        let told = ask(&eve, "update_conversation", json!({ "id": id, "pinned": true, "title": "Mine" })).await;
        assert!(told.is_error, "only its owner renames it");
        let pinned = ask(&eve, "update_conversation", json!({ "id": id, "pinned": true })).await.structured.unwrap();
        assert_eq!((&pinned["pinned"], &pinned["owned"], &pinned["title"]), (&json!(true), &json!(false), &json!("Engines")));

        let told = ask(&scene.cx, "update_conversation", json!({ "id": id, "title": " Brass  works " })).await;
        assert_eq!(told.structured.unwrap()["title"], "Brass works");
        for (given, words) in [
            (json!({ "id": id, "title": "  " }), "at least one character"),
            (json!({ "id": id }), "at least one field"),
            (json!({ "id": "Brass", "title": "x" }), "not an id"),
        ] {
            let told = ask(&scene.cx, "update_conversation", given).await;
            assert!(told.is_error && told.text.contains(words), "{}", told.text);
        }
        assert_eq!(*heard.lock().unwrap(), [(id, 0), (id, 0)]);
        t.delete_conversation(scene.cx.caller.user, id).await.unwrap();
        let left = ask(&scene.cx, "query_data_collections", json!({ "collection": "messages" })).await;
        assert_eq!(left.text, "No rows of messages match.");
    }

    async fn prompts_are_made_changed_and_removed_by_the_rules_of_the_page_and_listeners_hear_of_it(t) {
        let scene = scene_on(t).await;
        let saved = crate::backend::tools::prompts::SavedPrompts::new(t.store.clone(), scene.hub.clone());
        let (mut changes, ada) = (saved.changes(), scene.cx.caller.user);
        let made = scene.call("create_prompt", json!({ "name": "explain", "body": "Explain {{topic}}, please.",
            "arguments": "topic: What it is about [engines, brass]" })).await;
        let row = made.structured.unwrap();
        assert_eq!(changes.try_recv(), Ok(ada));
        assert!(row.get("title").is_none() && row["arguments"].as_str().unwrap().contains("\"engines\""), "{row}");
        let id = row["_id"].clone();
        // What was told is taken as it is; null takes away.
        let given = json!({ "id": id, "title": " Explain  it ", "description": "Explains.", "arguments": row["arguments"] });
        let row = scene.call("update_prompt", given).await.structured.unwrap();
        assert_eq!((&row["title"], &row["description"], &row["name"]), (&json!("Explain it"), &json!("Explains."), &json!("explain")));
        let row = scene.call("update_prompt", json!({ "id": id, "description": null })).await.structured.unwrap();
        assert!(row.get("description").is_none() && row["title"] == "Explain it");
        assert_eq!((changes.try_recv(), changes.try_recv()), (Ok(ada), Ok(ada)));
        let kept = saved.all(ada).await.unwrap();
        assert_eq!(kept.iter().map(crate::wire::prompt::Prompt::lines).collect::<Vec<_>>(), ["topic: What it is about [engines, brass]"]);

        let eve = stranger(t, &scene, "eve").await;
        for (name, given, words) in [
            ("create_prompt", json!({ "name": "explain", "body": "x" }), "«name»: You have a prompt called «explain» already."),
            ("create_prompt", json!({ "name": "a b", "body": "x" }), "«name»: A name has"),
            ("create_prompt", json!({ "name": "more", "body": "On {{topic}}." }), "«arguments»: The text has {{topic}}, but no line"),
            ("create_prompt", json!({ "name": "more" }), "`body` is missing"),
            ("create_prompt", json!({ "name": "more", "body": "x".repeat(limits::PROMPT_BODY_MAX + 1) }), "characters"),
            ("update_prompt", json!({ "id": id, "body": "Explain." }), "«arguments»: The text has no {{topic}}"),
            ("update_prompt", json!({ "id": id }), "at least one field"),
            ("update_prompt", json!({ "id": "explain", "title": "x" }), "not an id"),
            ("delete_prompt", json!({ "id": "01900000-0000-7000-8000-000000000000" }), "no such row"),
        ] {
            let told = scene.call(name, given).await;
            assert!(told.is_error && told.text.contains(words), "{name}: {}", told.text);
        }
        for (name, given) in [("update_prompt", json!({ "id": id, "title": "Mine" })), ("delete_prompt", json!({ "id": id }))] {
            let told = scene.tools.call(&eve, &call(name, given)).await;
            assert_eq!(told.text, "There is no such row, or it is not yours to change.", "{name}");
        }
        assert!(changes.try_recv().is_err(), "nothing was changed");
        let few = json!([{ "$search": { "text": { "query": "EXPLAIN" } } }, { "$project": { "name": 1 } }]);
        let ask = json!({ "collection": "prompts", "search_pipeline": few });
        let found = scene.call("query_data_collections", ask.clone()).await.structured.unwrap();
        assert_eq!(found["rows"], json!([{ "name": "explain" }]));
        assert_eq!(scene.tools.call(&eve, &call("query_data_collections", ask)).await.structured.unwrap()["count"], 0);
        assert_eq!(scene.call("delete_prompt", json!({ "id": id })).await.structured, Some(json!({ "deleted": id })));
        assert_eq!((changes.try_recv(), saved.all(ada).await.unwrap()), (Ok(ada), Vec::new()));
    }
}

#[test]
fn the_description_is_short_and_schemas_say_everything() {
    let tool = query::tool(Collections::published());
    let text = &tool.spec().description;
    let bytes = text.len() + tool.spec().input_schema.to_string().len();
    // At 3.5 bytes a token: some 1,100 tokens of the window for all collections.
    assert!(bytes < 3_900, "{bytes} bytes: {text}");
    for words in
        ["conversations(_id, title, pinned:bool", "conversation→conversations", "role:user|assistant", "$lookup"]
    {
        assert!(text.contains(words), "«{words}» in {text}");
    }
    for (name, about) in names() {
        let schema = schema(name).unwrap();
        assert!(schema["description"].as_str().unwrap().starts_with(about), "{name}");
        assert_eq!(schema["additionalProperties"], json!(false));
        for (field, property) in schema["properties"].as_object().unwrap() {
            let told = property["description"].as_str().unwrap();
            assert!(told.len() > 6 && told.ends_with('.'), "{name}.{field}: {told}");
        }
    }
    assert_eq!(schema("conversations").unwrap()["x-collection"]["tools"], json!(["update_conversation"]));
    let tools = json!(["create_prompt", "update_prompt", "delete_prompt"]);
    assert_eq!(schema("prompts").unwrap()["x-collection"]["tools"], tools);
    assert!(schema("users").is_none());
}
