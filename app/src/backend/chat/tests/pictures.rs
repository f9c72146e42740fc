//! What a model sees of the images that tools answer with.

use super::*;
use crate::{
    backend::{
        llm::{Content, Picture},
        test::on_every_backend,
        tools::attachments::Keeper,
    },
    wire::{attachment::Piece, limits::PICTURES_MAX},
};

/// Draws a picture: the arguments' `n` tells one from another.
struct Draws(Arc<ToolSpec>);

fn draws() -> Vec<Arc<dyn Tool>> {
    let input_schema = json!({
        "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"], "additionalProperties": false,
    });
    vec![Arc::new(Draws(Arc::new(ToolSpec { input_schema, ..spec("draw", true) })))]
}

/// A PNG of that number's own, as far as its head goes.
fn png(n: i64) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x10\0\0\0\x10\x08\x06\0\0\0".to_vec();
    bytes.extend(n.to_be_bytes());
    bytes
}

impl Tool for Draws {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.0
    }

    fn call<'a>(&'a self, cx: &'a ToolCx, arguments: Value) -> BoxFuture<'a, ToolOutcome> {
        async move {
            let bytes = png(arguments["n"].as_i64().unwrap());
            let file = Keeper::new(cx).keep(&bytes, Some("image/png"), "").await.unwrap();
            ToolOutcome { content: vec![Piece::File { file }], ..ToolOutcome::ok("[An image]", json!({})) }
        }
        .boxed()
    }
}

async fn world(t: &TestStore) -> World {
    let ann = caller(t, "ann").await;
    let room = t.create_conversation(ann.user, "").await.unwrap().id;
    let (chat, script, hub) = chat_with(t, quick(), "scripted/test", draws());
    World { chat, script, hub, clock: t.clock.clone(), ann, room }
}

impl World {
    /// The pictures of the last request, oldest first: `None` for one that is only named.
    fn seen(&self) -> Vec<Option<i64>> {
        let request = self.script.requests().pop().unwrap();
        let number =
            |picture: Picture| picture.data.map(|data| i64::from_be_bytes(data[data.len() - 8..].try_into().unwrap()));
        let contents = request.turns.into_iter().flat_map(|turn| turn.content);
        let pictures = contents.flat_map(|content| match content {
            Content::ToolResult { pictures, .. } => pictures,
            _ => Vec::new(),
        });
        pictures.map(number).collect()
    }

    async fn said(&self, text: &str) -> Message {
        let reply = self.send(&self.ann, text).await.unwrap().reply.id;
        self.settled(reply).await
    }
}

on_every_backend! {
    async fn a_model_sees_the_newest_pictures_and_the_others_are_named(t) {
        let w = world(t).await;
        let reply = w.said("script:\ntool draw {\"n\": 1}\nsay drawn").await;
        assert_eq!((reply.text().as_str(), w.seen()), ("drawn", vec![Some(1)]), "in the round after the call");
        w.said("script:\nsay and").await;
        assert_eq!(w.seen(), [Some(1)], "and in the next turn");
        let many = i64::try_from(PICTURES_MAX).unwrap();
        let calls = (2..=many + 2).map(|n| format!("tool draw {{\"n\": {n}}}\n")).collect::<Vec<_>>().concat();
        w.said(&format!("script:\n{calls}say drawn")).await;
        let newest = (1..=many + 2).map(|n| Some(n).filter(|n| *n > 2));
        assert_eq!(w.seen(), newest.collect::<Vec<_>>());
    }

    async fn a_picture_that_the_vendor_refuses_costs_no_reply(t) {
        let w = world(t).await;
        w.said("script:\ntool draw {\"n\": 1}\nsay drawn").await;
        w.script.push("script:\nfail rejected Could not process image");
        let reply = w.said("script:\nsay without it").await;
        assert_eq!((reply.text().as_str(), reply.status), ("without it", Status::Complete));
        assert_eq!(w.seen(), [None]);
        // Refused without pictures, it is refused.
        w.script.push("script:\nfail rejected");
        w.script.push("script:\nfail rejected");
        assert_eq!(w.said("script:\nsay never").await.status, Status::Failed);
    }
}
