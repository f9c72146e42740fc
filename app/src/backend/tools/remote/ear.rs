//! What a server says by itself: signs of progress, changed lists, questions.
//!
//! Invariant: nothing here holds up the connection. A server that talks too much loses words. A question goes to the call
//! that it belongs to; where that is not certain it is declined, for another call may be another conversation's, which
//! others read. The note about a declined question goes to whoever called.

use super::{
    apps::{EXTENSION, MEDIA_TYPE},
    asked::message,
    lock,
    words::Fault,
};
use crate::wire::id::ConversationId;
use rmcp::{
    ClientHandler, ErrorData, RoleClient,
    model::{
        ClientCapabilities, ClientConfig, CustomNotification, ElicitRequestParams, ElicitResult, ElicitationAction,
        ElicitationCapability, FormElicitationCapability, Implementation, JsonObject, ProgressNotificationParam,
        ProgressToken, ProtocolVersion, RequestId, UrlElicitationCapability,
    },
    service::{NotificationContext, RequestContext},
};
use serde_json::json;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};
use tokio::sync::{Notify, mpsc, oneshot, watch};

/// Signs of progress of one call that may wait; more are left out.
const PROGRESS: usize = 16;
/// Questions of one call that may wait; more are declined.
const QUESTIONS: usize = 4;
/// Names of finished errands that are remembered.
const FINISHED: usize = 32;
/// Answers that broke off that are remembered.
const BROKEN: usize = 16;
/// Characters of such a name.
const NAME_MAX: usize = 200;
/// What tells that what a person was sent to is done.
const FINISHED_METHOD: &str = "notifications/elicitation/complete";

/// The ear for one connection.
#[derive(Debug, Default)]
pub(super) struct Ear {
    /// A list changed.
    pub(super) changed: Notify,
    /// Who wants to hear of a call, by the number of their wish.
    calls: Mutex<BTreeMap<u64, Listener>>,
    /// Names of what people were sent to that its server says is done, the last ones.
    finished: Mutex<VecDeque<String>>,
    /// There is one more of these.
    more_finished: Notify,
    /// Questions declined so far, and the last one.
    declined: Mutex<(u64, String)>,
    /// Why the answers of requests broke off, the last ones.
    broken: Mutex<VecDeque<(RequestId, Fault)>>,
    /// Whether a session's server can say something by itself yet.
    own: watch::Sender<Own>,
}

/// The stream of what a session's server says by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Own {
    /// There is none.
    #[default]
    Not,
    /// It is being opened.
    Due,
    /// It was opened, or refused.
    Tried,
}

/// Who wants to hear of a call.
#[derive(Debug)]
struct Listener {
    /// The call's token, once it was given one.
    token: Option<ProgressToken>,
    progress: mpsc::Sender<ProgressNotificationParam>,
    questions: mpsc::Sender<Raised>,
    conversation: Option<ConversationId>,
}

/// A question that a server raised on the connection, which waits for its answer.
#[derive(Debug)]
pub(super) struct Raised {
    pub(super) asked: ElicitRequestParams,
    pub(super) answer: oneshot::Sender<ElicitResult>,
}

/// Hears of one call until it is dropped.
#[derive(Debug)]
pub(super) struct Hearing {
    ear: Arc<Ear>,
    number: u64,
    pub(super) progress: mpsc::Receiver<ProgressNotificationParam>,
    pub(super) questions: mpsc::Receiver<Raised>,
}

impl Ear {
    /// Hears of a call that is about to be made in that conversation: its server may ask before it is known that the call
    /// was sent.
    pub(super) fn hear(self: &Arc<Self>, conversation: Option<ConversationId>) -> Hearing {
        let (tell, progress) = mpsc::channel(PROGRESS);
        let (raise, questions) = mpsc::channel(QUESTIONS);
        let mut calls = lock(&self.calls);
        let number = calls.last_key_value().map_or(0, |(last, _)| last + 1);
        calls.insert(number, Listener { token: None, progress: tell, questions: raise, conversation });
        Hearing { ear: Arc::clone(self), number, progress, questions }
    }

    /// Who hears a question. The protocol does not say which call it belongs to: of several, it must be certain that they
    /// are of one conversation.
    fn asked(&self) -> Option<mpsc::Sender<Raised>> {
        let calls = lock(&self.calls);
        let mut listeners = calls.values();
        let first = listeners.next()?;
        let same = first.conversation.is_some() && listeners.all(|other| other.conversation == first.conversation);
        (calls.len() == 1 || same).then(|| first.questions.clone())
    }

    /// Waits until the server says that the errand of that name is done.
    pub(super) async fn finished(&self, name: &str) {
        loop {
            let mut more = std::pin::pin!(self.more_finished.notified());
            // Before the look: what comes after it is heard.
            more.as_mut().enable();
            if lock(&self.finished).iter().any(|known| known == name) {
                return;
            }
            more.await;
        }
    }

    /// The answer of that request broke off, and why.
    pub(super) fn broke(&self, request: RequestId, why: Fault) {
        let mut broken = lock(&self.broken);
        if broken.len() == BROKEN {
            broken.pop_front();
        }
        broken.push_back((request, why));
    }

    /// Why the answer of that request broke off, if it did.
    pub(super) fn why(&self, request: &RequestId) -> Option<Fault> {
        let broken = lock(&self.broken);
        broken.iter().find(|(broken, _)| broken == request).map(|(_, why)| why.clone())
    }

    /// The connection is a session: what its server says by itself comes on a stream of its own.
    pub(super) fn is_in_session(&self) {
        self.own.send_if_modified(|own| {
            *own == Own::Not && {
                *own = Own::Due;
                true
            }
        });
    }

    /// That stream was opened, or cannot be.
    pub(super) fn hears(&self) {
        self.own.send_replace(Own::Tried);
    }

    /// Waits until what a server says by itself is heard, where it has a stream of its own.
    pub(super) async fn hearing(&self) {
        let mut own = self.own.subscribe();
        // The sender is here: it cannot be gone.
        let _heard = own.wait_for(|own| *own != Own::Due).await;
    }

    /// How many questions were declined.
    pub(super) fn declined(&self) -> u64 {
        lock(&self.declined).0
    }

    /// The last question that was declined, if there was one since `before`.
    pub(super) fn declined_since(&self, before: u64) -> Option<String> {
        let declined = lock(&self.declined);
        (declined.0 > before).then(|| declined.1.clone())
    }

    /// Notes a declined question.
    pub(super) fn decline(&self, question: &str) {
        let mut declined = lock(&self.declined);
        *declined = (declined.0 + 1, super::words::quote(question));
    }
}

impl Hearing {
    /// The call was sent with that token, by which its progress is known.
    pub(super) fn is_of(&self, token: &ProgressToken) {
        if let Some(listener) = lock(&self.ear.calls).get_mut(&self.number) {
            listener.token = Some(token.clone());
        }
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        lock(&self.ear.calls).remove(&self.number);
    }
}

/// rmcp's handler around an [`Ear`].
#[derive(Clone, Debug)]
pub(super) struct Listening(pub(super) Arc<Ear>);

impl ClientHandler for Listening {
    fn get_info(&self) -> ClientConfig {
        let name = Implementation::new("parley", env!("CARGO_PKG_VERSION")).with_title("Parley");
        let mut can = ClientCapabilities::builder().enable_tasks().build();
        let asking = ElicitationCapability::new().with_form(FormElicitationCapability::new());
        can.elicitation = Some(asking.with_url(UrlElicitationCapability::new()));
        let apps = JsonObject::from_iter([("mimeTypes".to_owned(), json!([MEDIA_TYPE]))]);
        can.extensions.get_or_insert_default().insert(EXTENSION.to_owned(), apps);
        ClientConfig::new(can, name).with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _cx: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        if let Some(hearer) = self.0.asked() {
            let (answer, answered) = oneshot::channel();
            match hearer.try_send(Raised { asked: request, answer }) {
                // Whose call ended meanwhile does not answer.
                Ok(()) => return Ok(answered.await.unwrap_or_else(|_| ElicitResult::new(ElicitationAction::Cancel))),
                Err(mpsc::error::TrySendError::Full(raised) | mpsc::error::TrySendError::Closed(raised)) => {
                    self.0.decline(message(&raised.asked));
                }
            }
        } else {
            self.0.decline(message(&request));
        }
        Ok(ElicitResult::new(ElicitationAction::Decline))
    }

    async fn on_progress(&self, progress: ProgressNotificationParam, _cx: NotificationContext<RoleClient>) {
        let calls = lock(&self.0.calls);
        if let Some(call) = calls.values().find(|call| call.token.as_ref() == Some(&progress.progress_token)) {
            let _left_out_if_full = call.progress.try_send(progress);
        }
    }

    async fn on_custom_notification(&self, news: CustomNotification, _cx: NotificationContext<RoleClient>) {
        let name = news.params.as_ref().and_then(|params| params["elicitationId"].as_str());
        let Some(name) = name.filter(|_| news.method == FINISHED_METHOD) else { return };
        {
            let mut finished = lock(&self.0.finished);
            if finished.len() == FINISHED {
                finished.pop_front();
            }
            finished.push_back(name.chars().take(NAME_MAX).collect());
        }
        self.0.more_finished.notify_waiters();
    }

    async fn on_tool_list_changed(&self, _cx: NotificationContext<RoleClient>) {
        self.0.changed.notify_one();
    }

    async fn on_resource_list_changed(&self, _cx: NotificationContext<RoleClient>) {
        self.0.changed.notify_one();
    }

    async fn on_prompt_list_changed(&self, _cx: NotificationContext<RoleClient>) {
        self.0.changed.notify_one();
    }
}
