//! Answering what a connected server asks while one of its tools runs.

use super::call::Call;
use crate::wire::{
    elicitation::ReplyAction,
    error::ApiError,
    id::{CallId, TurnId},
};
use leptos::prelude::*;
use std::collections::BTreeMap;

/// Answers a server's question. `fields`: what was filled in, by the field's place in the form, then by the place of what
/// stands in it (`fields[f0][v0]=Ada`).
#[server(protocol = Call)]
pub async fn answer_server(
    turn: TurnId,
    call: CallId,
    number: u32,
    action: ReplyAction,
    #[server(default)] fields: BTreeMap<String, BTreeMap<String, String>>,
) -> Result<(), ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        let replied = backend.chat.reply_to_server(&caller, turn, &call, number, action, &fields).await;
        replied.map_err(|error| error.told(&backend.clock))
    })
    .await
}
