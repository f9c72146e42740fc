//! [`Round`]: one call of a request that takes several, as newer clients make them (SEP-2322). Whatever is asked goes
//! back as the answer (`inputRequests`); the client makes the same call again with what came of it (`inputResponses`).
//!
//! What was asked and answered so far travels through the client as `requestState`. Invariants: it is sealed with a key
//! that only this server has, and opens for the same person, method, name and arguments alone, within the time that a
//! question waits; one that does not open is refused. An answer counts for the very question that was asked: one whose
//! words have changed since is asked anew, and so is one whose answer is missing or garbled. A client is asked only for
//! what it said it can do.

use crate::{
    backend::{clock::Clock, tools::policy::digest},
    wire::{
        id::{Millis, UserId},
        limits::APPROVAL_MS,
    },
};
use rmcp::{
    ErrorData,
    model::{
        ClientCapabilities, InputRequest, InputRequests, InputRequiredResult, InputResponses, RequestStateCodec,
        SealOptions,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// What came of asking.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// The client's answer.
    Answer(Value),
    /// It is among what goes back to the client.
    Asked,
    /// The client did not say that it can answer such a thing.
    Unsupported,
}

/// What a client sent back, and for which call.
#[derive(Debug)]
pub struct Sent<'a> {
    /// Who calls.
    pub by: UserId,
    /// The method and the name of what is called.
    pub call: (&'static str, &'a str),
    /// With which arguments.
    pub arguments: &'a Value,
    /// The state it was given, if it was.
    pub state: Option<&'a str>,
    /// Its answers.
    pub responses: Option<InputResponses>,
    /// What it can do.
    pub can: ClientCapabilities,
}

/// What travels: what was asked, as digests, and what was answered.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    until: Millis,
    asked: BTreeMap<String, String>,
    said: BTreeMap<String, Value>,
}

/// One call's questions and answers.
pub struct Round {
    codec: Arc<RequestStateCodec>,
    bound: String,
    now: Millis,
    can: ClientCapabilities,
    responses: InputResponses,
    state: State,
    open: InputRequests,
}

impl std::fmt::Debug for Round {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Round").field("open", &self.open).finish_non_exhaustive()
    }
}

impl Round {
    /// What the client sent, opened.
    ///
    /// # Errors
    /// A state that was not given for this call.
    pub fn open(codec: Arc<RequestStateCodec>, clock: &Clock, sent: Sent<'_>) -> Result<Self, ErrorData> {
        let (method, name) = sent.call;
        let bound = format!("{}\n{method}\n{name}\n{}", sent.by, digest(sent.arguments));
        let now = clock.now();
        let state = sent.state.map(|sealed| codec.open_json_with::<State>(sealed, bound.as_bytes())).transpose();
        let state = state.map_err(|error| {
            tracing::info!(%error, "a request state does not open");
            let sentence = "This requestState was not given for this call: it was changed, or it is another call's. \
                            Make the call again without it.";
            ErrorData::invalid_params(sentence, None)
        })?;
        // After its time the questions are asked anew.
        let state = state.filter(|state| state.until > now).unwrap_or_default();
        let responses = sent.responses.unwrap_or_default();
        Ok(Self { codec, bound, now, can: sent.can, responses, state, open: InputRequests::new() })
    }

    /// The answer to `request`, if there is one that `fits`; or else it is asked. `consents`: the answer counts only if
    /// the question was asked before, in these words.
    pub fn ask(&mut self, key: &str, request: InputRequest, consents: bool, fits: impl Fn(&Value) -> bool) -> Given {
        let words = serde_json::to_value(&request).map(|words| digest(&words)).unwrap_or_default();
        let was_asked = self.state.asked.get(key) == Some(&words);
        if let Some(said) = self.state.said.get(key).filter(|said| was_asked && fits(said)) {
            return Given::Answer(said.clone());
        }
        if !supports(&self.can, &request) {
            return Given::Unsupported;
        }
        self.state.asked.insert(key.to_owned(), words);
        self.state.said.remove(key);
        if let Some(said) = self.responses.get(key).filter(|said| (was_asked || !consents) && fits(said)) {
            self.state.said.insert(key.to_owned(), said.clone());
            return Given::Answer(said.clone());
        }
        self.open.insert(key.to_owned(), request);
        Given::Asked
    }

    /// What goes back to the client, if anything was asked.
    ///
    /// # Errors
    /// The state cannot be written down.
    pub fn question(&self) -> Result<Option<InputRequiredResult>, ErrorData> {
        if self.open.is_empty() {
            return Ok(None);
        }
        let State { asked, said, .. } = &self.state;
        let until = Millis(self.now.0.saturating_add(APPROVAL_MS));
        let state = State { until, asked: asked.clone(), said: said.clone() };
        let options = SealOptions::new().associated_data(self.bound.as_bytes());
        let sealed = self.codec.seal_json_with(&state, &options);
        let sealed = sealed.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        Ok(Some(InputRequiredResult::new(Some(self.open.clone()), Some(sealed))))
    }
}

/// Whether a client said that it can answer such a request.
pub fn supports(can: &ClientCapabilities, request: &InputRequest) -> bool {
    match request {
        // Without a mode, forms are meant (specification, «Elicitation»).
        InputRequest::Elicitation(_) => {
            can.elicitation.as_ref().is_some_and(|modes| modes.form.is_some() || modes.url.is_none())
        }
        InputRequest::CreateMessage(_) => can.sampling.is_some(),
        InputRequest::ListRoots(_) => can.roots.is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
