//! What a client is told of what happens behind its requests (`notifications/message`), if it asked to be: by
//! `logging/setLevel` in its session, or by `logLevel` beside the request in today's protocol.
//!
//! Invariant: facts about the request (method, tool, outcome, time), never what was in it, and never unasked.

#![expect(deprecated, reason = "SEP-2577 deprecates logging; clients of every era may still ask for it")]

use super::McpServer;
use rmcp::{
    Peer, RoleServer,
    model::{LoggingLevel, LoggingMessageNotificationParam, ProtocolVersion},
    service::RequestContext,
};
use serde_json::Value;

/// How much an event matters, as the protocol orders it (RFC 5424 6.2.1, from the other end).
pub(super) fn severity(level: LoggingLevel) -> u8 {
    match level {
        LoggingLevel::Debug => 0,
        LoggingLevel::Info => 1,
        LoggingLevel::Notice => 2,
        LoggingLevel::Warning => 3,
        LoggingLevel::Error => 4,
        LoggingLevel::Critical => 5,
        LoggingLevel::Alert => 6,
        LoggingLevel::Emergency => 7,
    }
}

/// Whether it is a request of today's protocol, which says for itself how much is to be told.
pub(super) fn is_modern(cx: &RequestContext<RoleServer>) -> bool {
    cx.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28)
}

/// Who is told what happens behind one request, and from which severity on.
pub(super) struct Ear {
    peer: Peer<RoleServer>,
    /// Whether the request says so itself, as today's protocol has it, and not its session.
    own: bool,
    least: Option<u8>,
}

impl Ear {
    /// Of that request.
    pub(super) fn of(cx: &RequestContext<RoleServer>) -> Self {
        let own = is_modern(cx);
        Self { peer: cx.peer.clone(), own, least: cx.meta.log_level().filter(|_| own).map(severity) }
    }
}

impl McpServer {
    /// Tells the client, if it wants to know things of that level.
    pub(super) async fn tell(&self, ear: &Ear, level: LoggingLevel, data: impl FnOnce() -> Value) {
        let wanted = if ear.own { ear.least } else { self.session.level() };
        if wanted.is_some_and(|least| severity(level) >= least) {
            let message = LoggingMessageNotificationParam::new(level, data()).with_logger("parley");
            // A client that is gone does not want to know.
            let _gone = ear.peer.notify_logging_message(message).await;
        }
    }
}
