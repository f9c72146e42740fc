//! What servers answer besides text, by a real server over HTTP: kept as what it is, bounded, and never without a word.

use super::*;
use crate::{
    backend::{
        http::Guarded,
        hub::Hub,
        test::on_every_backend,
        tools::{ToolRegistry, remote::result},
    },
    wire::{
        attachment::Piece,
        limits::{ATTACHMENT_MAX, PIECES_MAX, TOOL_RESULT_MAX},
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ListToolsResult, PaginatedRequestParams,
        ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};

/// One red pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
/// The head of a sound without any.
const WAV: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";

/// A server whose one tool answers with what it is asked to, and whose others with so many bytes.
#[derive(Clone, Debug)]
struct Mirror;

impl ServerHandler for Mirror {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tool =
            |name: &'static str| Tool::new(name, "Answers so.", json!({"type": "object"}).as_object().unwrap().clone());
        Ok(ListToolsResult::with_all_items(["answer", "long", "zeros"].map(tool).into()).with_ttl_ms(3_600_000))
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(call.arguments.unwrap_or_default());
        let count = usize::try_from(arguments["bytes"].as_u64().unwrap_or_default()).unwrap();
        let result = match &*call.name {
            "long" => json!({"content": [{"type": "text", "text": "0123456789".repeat(count / 10)}]}),
            "zeros" => {
                let zeros = STANDARD.encode(vec![0; count]);
                json!({"content": [{"type": "image", "data": zeros, "mimeType": "image/png"}]})
            }
            _ => arguments["result"].clone(),
        };
        Ok(serde_json::from_value::<CallToolResult>(result).unwrap().into())
    }
}

/// Ann with that server and a conversation, and the registry a turn calls its tools by.
struct Scene<'a> {
    t: &'a TestStore,
    cx: ToolCx,
    tools: ToolRegistry,
    tasks: Tasks,
    _keys: Folder,
}

async fn scene(t: &TestStore) -> Scene<'_> {
    let (keys, tasks) = (Folder::new(), Tasks::default());
    let config = ServersConfig { operator: Vec::new(), private: Nearby::All, tools_share: 5 };
    let options = Options { connect: Duration::from_secs(3), ..Options::default() };
    let connections = Connections::new(means(t, &keys, &tasks, config, options)).unwrap();
    let ann = Caller { user: t.person("ann").await, name: "ann".to_owned(), admin: false, via: Via::Process };
    let new = NewConnection { name: "M".to_owned(), url: serving::serve(Mirror).await, headers: Vec::new() };
    connections.add(&ann, new).await.unwrap();
    within(async {
        while connections.rows(&ann).await[0].state != ConnectionState::Connected {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let conversation = t.create_conversation(ann.user, "").await.unwrap().id;
    let cx = ToolCx {
        caller: ann,
        conversation: Some(conversation),
        store: t.store.clone(),
        clock: t.clock.clone(),
        progress: Arc::new(|_, _| {}),
        asking: Arc::new(crate::backend::tools::ask::Approved),
        kept: Arc::new(crate::backend::tools::kept::Nowhere),
        definition: None,
    };
    let tools = ToolRegistry::builtin(Guarded::new().unwrap(), Hub::default()).unwrap().with_remote(connections);
    Scene { t, cx, tools, tasks, _keys: keys }
}

impl Scene<'_> {
    async fn call(&self, name: &str, arguments: Value) -> ToolOutcome {
        within(self.tools.call(&self.cx, &call(name, arguments))).await
    }

    async fn answered(&self, result: Value) -> ToolOutcome {
        self.call("m__answer", json!({"result": result})).await
    }

    async fn bytes(&self, piece: &Piece) -> Vec<u8> {
        self.t.attachment_bytes(self.cx.caller.user, piece.file().unwrap().id).await.unwrap()
    }

    async fn stop(self) {
        self.tasks.stop();
        assert!(self.tasks.wait(PATIENCE).await, "every connection ends");
    }
}

on_every_backend! {
    async fn every_kind_of_content_is_kept_and_named_where_it_stood(t) {
        let scene = scene(t).await;
        let blob = STANDARD.encode(b"%PDF-1.7 \0 binary");
        let told = scene.answered(json!({"content": [
            {"type": "text", "text": "Here they are."},
            {"type": "image", "data": PNG, "mimeType": "image/png"},
            {"type": "audio", "data": WAV, "mimeType": "audio/wav"},
            {"type": "resource", "resource": {"uri": "file:///a.md", "mimeType": "text/markdown", "text": "# inside\0"}},
            {"type": "resource", "resource": {"uri": "file:///b.pdf", "mimeType": "application/pdf", "blob": blob}},
            {"type": "resource", "resource": {"uri": "file:///c.png", "blob": PNG.trim_end_matches('=')}},
            {"type": "resource_link", "uri": "https://example.org/d", "name": "d\nd", "mimeType": "text/csv", "size": 7,
             "description": "Rows"},
        ], "structuredContent": {"n": 1}})).await;
        let mut text = told.text.clone();
        for (at, piece) in told.content.iter().enumerate() {
            if let Some(file) = piece.file() {
                text = text.replace(&file.id.to_string(), &format!("ID{at}"));
            }
        }
        // The same bytes are one attachment, so it has the name of the first.
        insta::allow_duplicates! {
            insta::assert_snapshot!(text, @r"
            Here they are.

            [An image: image/png, 1×1 pixels, 70 bytes, shown to the user; attachment ID0]

            [A sound: audio/wav, 44 bytes, which the user can play; attachment ID1]

            [The contents of file:///a.md:]
            # inside

            [A file at file:///b.pdf: application/pdf, 17 bytes, which the user can download; attachment ID3]

            [An image at file:///c.png: image/png, 1×1 pixels, 70 bytes, shown to the user; attachment ID0]

            [A resource: «d d» at https://example.org/d, text/csv, 7 bytes]
            ");
        }
        assert_eq!((told.is_error, told.truncated, &told.structured), (false, false, &Some(json!({"n": 1}))));
        let [image, sound, text, pdf, same, link] = &told.content[..] else { panic!("{:?}", told.content) };
        assert_eq!(scene.bytes(image).await, STANDARD.decode(PNG).unwrap());
        assert_eq!(scene.bytes(sound).await, STANDARD.decode(WAV).unwrap());
        assert_eq!(scene.bytes(text).await, b"# inside");
        assert_eq!(scene.bytes(pdf).await, b"%PDF-1.7 \0 binary");
        assert_eq!(image.image().unwrap().pixels, Some((1, 1)));
        assert!(sound.file().unwrap().is_sound() && matches!(sound, Piece::File { .. }));
        assert!(matches!(text, Piece::Resource { uri, preview, file } if uri == "file:///a.md" && preview == "# inside"
            && file.media_type == "text/markdown"));
        assert!(matches!(same, Piece::Resource { file, .. } if file.is_image()));
        assert!(matches!(link, Piece::Link { uri, name, description, media_type: Some(kind), size: Some(7) }
            if uri == "https://example.org/d" && name == "d d" && description == "Rows" && kind == "text/csv"));
        scene.stop().await;
    }

    async fn a_long_text_is_kept_whole_and_read_to_its_end(t) {
        let scene = scene(t).await;
        let told = scene.call("m__long", json!({"bytes": 3_000_000})).await;
        let [Piece::Whole { file }] = &told.content[..] else { panic!("{:?}", told.content) };
        assert!(told.truncated && !told.is_error && told.text.len() <= TOOL_RESULT_MAX);
        assert_eq!(file.size, 3_000_000);
        let read = json!({"attachment_id": file.id, "offset": 2_999_990});
        let end = scene.call("read_attachment", read).await;
        assert!(end.text.starts_with("0123456789\n\n["), "{}", end.text);
        // Of more than is kept, the beginning is, and the text says how much.
        let told = scene.call("m__long", json!({"bytes": 6_000_000})).await;
        assert!(told.text.contains("the whole result has 6000000 bytes. The first 4194304 bytes of it are attachment"));
        assert_eq!(told.content[0].file().unwrap().size, u64::try_from(ATTACHMENT_MAX).unwrap());

        let long = "x".repeat(100_000);
        let resource = json!({"uri": "file:///long.txt", "text": long});
        let told = scene.answered(json!({"content": [{"type": "resource", "resource": resource}]})).await;
        let [Piece::Resource { file, .. }] = &told.content[..] else { panic!("{:?}", told.content) };
        assert!(!told.truncated && told.text.len() < TOOL_RESULT_MAX && told.text.contains(&file.id.to_string()));
        assert_eq!(file.size, 100_000);
        scene.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_fifty_megabytes_is_not_taken_in_and_the_connection_lives_on() {
    let t = test_store().await;
    let scene = scene(&t).await;
    let told = scene.call("m__long", json!({"bytes": 50_000_000})).await;
    assert!(told.is_error && told.content.is_empty(), "{}", told.text.len());
    assert!(told.text.contains("Its answer is larger than 8 MiB, which is too much to take in."), "{}", told.text);
    assert!(!scene.call("m__long", json!({"bytes": 10})).await.is_error);
    scene.stop().await;
}

#[tokio::test]
async fn what_is_not_what_it_says_is_a_file_and_what_cannot_be_kept_is_said() {
    let t = test_store().await;
    let scene = scene(&t).await;
    let html = STANDARD.encode("<script>alert(1)</script>");
    let svg = STANDARD.encode("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>");
    let image = |data: &str, kind: &str| json!({"type": "image", "data": data, "mimeType": kind});
    let content = [image(&html, "image/png"), image(&svg, "image/svg+xml"), image("§", "image/png")];
    let told = scene.answered(json!({"content": content})).await;
    let [html, svg] = &told.content[..] else { panic!("{:?}", told.content) };
    assert_eq!(html.file().unwrap().media_type, "application/octet-stream");
    assert!(html.image().is_none() && svg.image().is_none());
    assert!(told.text.contains("its data is not base64"), "{}", told.text);
    let told = scene.call("m__zeros", json!({"bytes": ATTACHMENT_MAX + 1})).await;
    assert!(told.content.is_empty() && !told.is_error);
    assert!(told.text.contains("left out: it has 4194305 bytes, and at most 4194304 are kept"), "{}", told.text);

    let link = json!({"type": "resource_link", "uri": format!("https://x/{}", "y".repeat(3_000)), "name": "n"});
    let told = scene.answered(json!({"content": vec![link; PIECES_MAX + 3]})).await;
    assert_eq!(told.content.len(), PIECES_MAX);
    assert!(told.text.ends_with("[3 more were left out: at most 32 are taken in.]"), "{}", told.text);
    assert!(matches!(&told.content[0], Piece::Link { uri, .. } if uri.ends_with(" …")), "a cut address leads nowhere");

    let outside = ToolCx { conversation: None, ..scene.cx.clone() };
    let read = async |result: Value| result::outcome(&outside, serde_json::from_value(result).unwrap()).await;
    let told = read(json!({"content": [image(PNG, "image/png")]})).await;
    assert_eq!(told.text, "[A file, image/png, 70 bytes, which was left out: there is no conversation to keep it in.]");
    let told = read(json!({"structuredContent": {"n": 1}})).await;
    assert_eq!((told.text.as_str(), told.structured), ("{\n  \"n\": 1\n}", Some(json!({"n": 1}))));
    let told = read(json!({"content": [{"type": "text", "text": "no such file"}], "isError": true})).await;
    assert_eq!((told.text.as_str(), told.is_error), ("no such file", true));
    assert_eq!(read(json!({"content": []})).await.text, "It succeeded and returned nothing.");
    assert_eq!(read(json!({"content": [], "isError": true})).await.text, "It failed and did not say why.");
    scene.stop().await;
}
