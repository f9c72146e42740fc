//! The images that tools answered with, as a model sees them: the newest few, so that they do not crowd out what is said.
//!
//! Invariant: a request has at most [`PICTURES_MAX`] of them and [`PICTURE_MAX`] bytes each, twice that in all; each of
//! the others is named in its result's text. They are read as the person who asked may read them.

use super::Chat;
use crate::{
    backend::llm::{Content, Picture, RequestTurn},
    wire::{
        attachment::{AttachmentRef, Piece},
        id::UserId,
        limits::{PICTURE_MAX, PICTURES_MAX},
        message::Part,
    },
};
use bytes::Bytes;

/// Pixels on a side beyond which vendors refuse an image.
const SIDE_MAX: u32 = 8_000;
/// Pixels for a token, and the most tokens of an image: vendors make larger ones smaller.
const PIXELS_A_TOKEN: usize = 750;
const TOKENS_MAX: usize = 1_600;

/// The images of an answer that a model can be shown.
pub(super) fn of(content: &[Piece]) -> impl Iterator<Item = &AttachmentRef> {
    let fits = |file: &&AttachmentRef| {
        file.size <= PICTURE_MAX && file.pixels.is_some_and(|(width, height)| width.max(height) <= SIDE_MAX)
    };
    content.iter().filter_map(Piece::image).filter(fits)
}

/// An image without its bytes.
pub(super) fn named(file: &AttachmentRef) -> Picture {
    Picture { id: file.id, media_type: file.media_type.clone(), cost: tokens(file), data: None }
}

/// The tokens of a part's pictures, as far as they are among the `left` newest.
pub(super) fn cost(part: &Part, left: &mut usize) -> usize {
    let Part::ToolResult(result) = part else { return 0 };
    let shown: Vec<usize> = of(&result.outcome.content).map(tokens).take(*left).collect();
    *left -= shown.len();
    shown.iter().sum()
}

fn tokens(file: &AttachmentRef) -> usize {
    let (width, height) = file.pixels.unwrap_or((SIDE_MAX, SIDE_MAX));
    let pixels = u64::from(width) * u64::from(height);
    usize::try_from(pixels).map_or(TOKENS_MAX, |pixels| pixels.div_ceil(PIXELS_A_TOKEN).min(TOKENS_MAX))
}

/// Every picture of the turns, the newest first.
fn newest_first(turns: &mut [RequestTurn]) -> impl Iterator<Item = &mut Picture> {
    turns.iter_mut().rev().flat_map(|turn| turn.content.iter_mut().rev()).flat_map(|content| match content {
        Content::ToolResult { pictures, .. } => pictures.as_mut_slice(),
        _ => &mut [],
    })
}

/// Takes the bytes of all pictures away; whether there were any.
pub(super) fn hide(turns: &mut [RequestTurn]) -> bool {
    newest_first(turns).filter_map(|picture| picture.data.take()).count() > 0
}

impl Chat {
    /// Puts the bytes of the newest pictures into a request, and takes those of the others out.
    pub(super) async fn show_pictures(&self, by: UserId, turns: &mut [RequestTurn]) {
        let mut room = 2 * PICTURE_MAX;
        for (at, picture) in newest_first(turns).enumerate() {
            let data = match picture.data.take() {
                _ if at >= PICTURES_MAX || room == 0 => continue,
                Some(data) => data,
                None => match self.store.attachment_bytes(by, picture.id).await {
                    Ok(data) => Bytes::from(data),
                    Err(error) => {
                        tracing::warn!(%error, "a picture cannot be shown to a model");
                        continue;
                    }
                },
            };
            match room.checked_sub(u64::try_from(data.len()).unwrap_or(u64::MAX)) {
                Some(left) => (room, picture.data) = (left, Some(data)),
                // What is older is not shown in its place.
                None => room = 0,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::context, *};
    use crate::{
        backend::{llm::Model, test},
        wire::{
            id::CallId,
            message::{Message, Role},
            tool::{ToolCall, ToolOutcome, ToolResult},
        },
    };
    use uuid::Uuid;

    fn image(side: u32, bytes: u64) -> Piece {
        let id = Uuid::from_u128(u128::from(side)).into();
        let file = AttachmentRef { id, media_type: "image/png".to_owned(), size: bytes, pixels: Some((side, side)) };
        Piece::File { file }
    }

    #[test]
    fn the_newest_cost_what_they_show_and_none_costs_more_than_a_page() {
        let content = vec![image(100, 1), image(1_000, 1), image(9_000, 1), image(50, PICTURE_MAX + 1)];
        let outcome = ToolOutcome { content, ..ToolOutcome::ok("", serde_json::json!({})) };
        let part = Part::ToolResult(ToolResult { call: CallId("c".to_owned()), outcome, duration_ms: 0 });
        let mut left = 8;
        assert_eq!((cost(&part, &mut left), left), (14 + 1_334, 6), "too large ones are not shown");
        let mut left = 1;
        assert_eq!((cost(&part, &mut left), left), (14, 0));
        assert_eq!(tokens(image(5_000, 1).image().unwrap_or_else(|| unreachable!())), TOKENS_MAX);
        assert_eq!(cost(&Part::Text { text: "x".to_owned() }, &mut left), 0);
    }

    /// A reply of a call that answered with one picture of that many pixels a side.
    fn reply(side: u32) -> Message {
        let call = CallId("c".to_owned());
        let outcome = ToolOutcome { content: vec![image(side, 1)], ..ToolOutcome::ok("drawn", serde_json::json!({})) };
        let result = ToolResult { call: call.clone(), outcome, duration_ms: 0 };
        let parts = vec![Part::ToolCall(ToolCall::new(call, "draw", serde_json::json!({}))), Part::ToolResult(result)];
        test::message(Uuid::from_u128(7).into(), Role::Assistant, parts)
    }

    fn question() -> Message {
        Message { role: Role::User, parts: vec![Part::Text { text: "draw".to_owned() }], ..reply(1) }
    }

    #[test]
    fn pictures_take_their_room_in_the_window_of_a_model_that_sees() {
        let path: Vec<Message> = (0..4).flat_map(|_| [question(), reply(2_000)]).chain([question()]).collect();
        let (models, _script) = crate::backend::llm::Models::scripted();
        let mut model = models.all()[0].clone();
        // Room for what is said, and for two pictures besides.
        (model.context_window, model.max_output) = (4_000, 100);
        let shown = |model: &Model| {
            let turns = context::history(&path, model, false, 0).turns;
            turns.iter().filter(|turn| turn.assistant).count()
        };
        assert_eq!(shown(&model), 2);
        model.sees = false;
        assert_eq!(shown(&model), 4);
    }
}
