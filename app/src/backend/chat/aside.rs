//! What a model is asked beside a turn that is over: a title, a summary.
//!
//! Nothing waits for the answer, a drain ends it, and a failure is worth a line in the log. What asking costs counts with
//! the turn, whether anything came of it or not.

use super::{Chat, live::LiveTurn};
use crate::{
    backend::{
        llm::{ChatRequest, Content, Delta, Model, RequestTurn, StopReason},
        metrics,
    },
    wire::message::Usage,
};
use futures::StreamExt;
use std::{sync::Arc, time::Duration};

/// A question beside a turn.
pub(super) struct Aside {
    /// What is asked for, for the log: «a title».
    pub(super) what: &'static str,
    /// Instructions.
    pub(super) system: &'static str,
    /// The question.
    pub(super) text: String,
    /// The most tokens to write, thought included.
    pub(super) output: u32,
    /// How long the answer may take.
    pub(super) patience: Duration,
}

/// Whether a model has anything to say beside turns: not the assistant that is built in, nor one that plays scripts.
pub(super) fn is_asked(model: &Model) -> bool {
    !model.offline && !model.id.0.starts_with("scripted/")
}

impl Chat {
    /// What the model answers, and why it ended, if it told; `None` if it failed or took too long.
    pub(super) async fn ask_aside(
        &self,
        turn: &LiveTurn,
        model: &Model,
        aside: Aside,
    ) -> Option<(String, Option<StopReason>)> {
        let mut usage = Usage::default();
        let (what, patience) = (aside.what, aside.patience);
        let answer = tokio::select! {
            answer = ask(model, aside, &mut usage) => answer,
            () = tokio::time::sleep(patience) => {
                tracing::info!("the model takes too long to write {what}");
                None
            }
            () = self.stopping.cancelled() => None,
        };
        self.count_aside(turn, usage).await;
        answer
    }

    async fn count_aside(&self, turn: &LiveTurn, usage: Usage) {
        if usage == Usage::default() {
            return;
        }
        metrics::tokens(usage);
        if let Err(error) = self.store.add_usage(turn.id, usage).await {
            tracing::warn!(%error, turn.id = %turn.id, "what was asked beside a turn cannot be counted");
        }
    }
}

/// `usage` is what it costs, as far as it is known.
async fn ask(model: &Model, aside: Aside, usage: &mut Usage) -> Option<(String, Option<StopReason>)> {
    let Aside { what, system, text, output, .. } = aside;
    let request = ChatRequest {
        model: model.vendor_name.clone(),
        system: system.to_owned(),
        turns: vec![RequestTurn { assistant: false, content: vec![Content::Text(text)] }],
        tools: Arc::default(),
        max_output: model.max_output.min(output),
    };
    let mut deltas = model.provider.stream(request);
    let mut answer = String::new();
    while let Some(delta) = deltas.next().await {
        match delta {
            Ok(Delta::Text(text)) => answer.push_str(&text),
            Ok(Delta::Usage(so_far)) => *usage = so_far,
            Ok(Delta::Stop(stop)) => return Some((answer, Some(stop))),
            Ok(_) => {}
            Err(error) => {
                tracing::info!(%error, "the model does not write {what}");
                return None;
            }
        }
    }
    Some((answer, None))
}
