//! Parley: people and a bot in one conversation, live in every tab. This page is the map; each module's own page says
//! what holds in it. The HTTP server (`server`) and the browser's entry (`frontend`) are thin crates around this one.
//!
//! # The layers
//!
//! | Layer | What it is | What it may use |
//! |---|---|---|
//! | [`wire`] | what crosses the network: plain data, both targets | nothing of ours |
//! | [`backend`] | everything that works without a page | [`wire`] |
//! | [`api`] | server functions: authenticate, call the backend, map the error | [`wire`], [`backend`] |
//! | [`ui`] | the pages, compiled for the server and for the browser | [`wire`], [`api`] |
//!
//! Within the backend, [`store`](backend::store) and [`llm`](backend::llm) stand at the bottom and do not know each
//! other; [`auth`](backend::auth) and [`tools`](backend::tools) stand on the store; [`chat`](backend::chat) stands on
//! store, models and tools, and does not know how one signs in. [`Backend`](backend::Backend) opens them all, hands
//! each what it needs, and closes them in order. `tests/layers.rs` reads the sources and holds them to this table.
//!
//! # What always holds
//!
//! - **One gate.** Cookies, tokens and addresses become a [`Caller`](backend::caller::Caller) in the server's session
//!   layer and [`auth`](backend::auth), and nothing below looks at them again. A server function takes its caller from
//!   [`api::context`] alone. Every read of a person's data has its owner in the `WHERE`: «not yours» and «not there»
//!   are one answer.
//! - **One writer of turns.** What turns write goes through one queue, many operations to a commit; on SQLite every
//!   write shares one connection. An answer means committed, and what is told to tabs was committed before.
//! - **One clock for each conversation.** Every durable change takes the next [`Seq`](wire::id::Seq), without gaps, so
//!   a tab knows what it missed. Streamed text is addressed by turn, part and offset: hearing it twice changes nothing.
//! - **A turn outlives sockets.** It belongs to the process, not to the tab that asked. A closed laptop stops nothing.
//! - **One SQL text** serves SQLite and PostgreSQL, type-checked for both.
//! - **No HTML from models.** Replies, tool results and web pages are data. [`ui::markdown`] and [`ui::highlight`]
//!   write every tag themselves and escape the rest.
//! - **The backend never imports leptos**, nor axum: it can be driven by a test, or by another front.
//! - **Bad input is answered.** The only error a browser sees is [`ApiError`](wire::error::ApiError): facts it can act
//!   on. The cause stays in the log, under a trace id, and message text never gets there.
//!
//! # One message, from end to end
//!
//! 1. The composer makes a [`ClientId`](wire::id::ClientId), [`ChatState`](ui::chat::state::ChatState) shows the
//!    message at once as pending, and [`session`](ui::chat::session) sends
//!    [`ClientEvent::Send`](wire::event::ClientEvent::Send) over the tab's one socket,
//!    [`chat_socket`](api::chat::chat_socket).
//! 2. [`Chat::converse`](backend::chat::Chat::converse) counts the frame against the limits and hands it on to
//!    [`Chat::send`](backend::chat::Chat::send).
//! 3. [`Store::start_turn`](backend::store::Store::start_turn) stores the message, the row its reply will fill and the
//!    turn in one transaction. Sent twice, the `ClientId` finds what is there. One turn of a conversation runs; the
//!    others wait in the order they were asked for.
//! 4. [`Hub`](backend::hub::Hub) tells every tab in the room. The sender's matches the `ClientId` and drops its pending
//!    copy.
//! 5. The turn runs as a task of its own. It makes the history fit the model's window, then reads
//!    [`Delta`](backend::llm::Delta)s from a [`Provider`](backend::llm::Provider). Text goes to the room at most once
//!    an animation frame, and to the store as a checkpoint once a second.
//! 6. It may use the built-in tools and those of its person's servers
//!    ([`ToolRegistry::offer`](backend::tools::ToolRegistry::offer)): what is known of these now, for a turn waits for no
//!    server. If the model asks for a tool, [`policy`](backend::tools::policy) lets the call run, or a person is asked
//!    first; a question is stored before it is told, so that a restart asks it again. A
//!    [`Permit`](backend::tools::policy::Permit) records the call and who or what let it run, and
//!    [`ToolRegistry::call`](backend::tools::ToolRegistry::call) always ends in an outcome, which the model reads in
//!    the next round. Rounds are bounded.
//! 7. [`Store::finish_turn`](backend::store::Store::finish_turn) stores the reply and closes the turn, tabs hear
//!    [`ChatEvent::Message`](wire::event::ChatEvent::Message) and
//!    [`ChatEvent::TurnEnded`](wire::event::ChatEvent::TurnEnded), and the next turn in the queue begins.
//! 8. In the tab, [`ChatState`](ui::chat::state::ChatState) applies each event and says what changed;
//!    [`room`](ui::chat::room) wakes those signals only. A growing paragraph renders its open end again, not the rest.
//!
//! A call whose tool has an app is shown by it, once it is permitted: a page of its server's in a frame without an origin
//! ([`apps`](backend::tools::remote::apps)), which asks for more through the page and under the same policy.
//!
//! Whoever joins late, reconnects or falls behind says [`ClientEvent::Hello`](wire::event::ClientEvent::Hello) with
//! the clock it has. The server listens first, reads the store then, adds snapshots of live turns, and drops what
//! these already hold; [`ChatEvent::Ready`](wire::event::ChatEvent::Ready) ends it. After a crash the next start closes
//! open turns as interrupted, with their checkpoints, asks again what was asked, and goes on looking after what other
//! servers work at as tasks ([`kept`](backend::tools::kept)). At a drain tabs hear
//! [`ByeReason::Draining`](wire::event::ByeReason::Draining) and come back by themselves; running turns may end within
//! the grace time, and what is left of them then is stored as interrupted.
//!
//! # Where the exceptions stand
//!
//! - Time, ids and secrets come from [`backend::clock`]; the browser reads its own clock and makes `ClientId`s in
//!   [`ui::chat::browser`].
//! - Tasks start in [`backend::task`], HTTP clients in [`backend::http`], and only [`backend::config`] reads the
//!   environment. `.clippy.toml` holds everybody else to that.
//! - Two SQL texts: `store::db` (how to begin, how to open), [`store::search`](backend::store::search) (FTS5 or
//!   tsvector) and [`store::collections`](backend::store::collections) (patterns, the plain text of parts). The last is
//!   also the only place where SQL is put together at run time.
//! - Programs are started in `tools::remote::process`, from the operator's file alone; what is encrypted and read again
//!   goes through [`backend::secrets`].
//! - [`caller`](backend::caller), [`hub`](backend::hub), [`limiter`](backend::limiter) and the like stand beside the
//!   backend's layers, because more than one of them needs each.
//! - `cfg(feature)` stands here, in `api.rs`, in `backend.rs` and in [`ui::kit::lazy`] only.
//!
//! # What is not here yet
//!
//! - **Several processes on one database.** The [`hub`](backend::hub) and the [`limiter`](backend::limiter) are this
//!   process's memory, and a start closes every turn it finds running: one process serves a database at a time. Nothing
//!   relays events between processes, by Redis or otherwise. `parley mcp-stdio` may run beside it: open tabs learn what
//!   its tools changed, and what replies it had written, when they next load; it finds out what the server's process did
//!   by looking.
//! - **The rest of MCP.** [`Connections`](backend::tools::remote::Connections) uses other servers' tools and signs
//!   people in to them ([`oauth`](backend::tools::remote::oauth)). What they ask waits for a person as long as this process
//!   lives, and is not asked again by the next. Their prompts and resources are taken up with `/` and `@`
//!   ([`Picker`](backend::tools::picker::Picker)); their subscriptions are not.
//! - **Jobs.** What runs in the background ([`backend::task`]) is turns, long calls of MCP clients and housekeeping, and
//!   ends with the process; there is no queue of work that outlives it but the one of turns. A task
//!   ([`store::tasks`](backend::store::tasks)) outlives it as a record that says it failed, unless it said something in
//!   a conversation: then the next process waits for the reply in its place.
//! - **Files.** The wire has a place for them ([`Part::File`](wire::message::Part::File)), and both kinds of provider
//!   can be shown an image ([`Content::Image`](backend::llm::Content::Image)), but nothing can be uploaded. What tools
//!   answer is kept ([`tools::attachments`](backend::tools::attachments)).
//! - **More of an administrator's rights.** [`Caller::admin`](backend::caller::Caller) lets one set rules about tools for
//!   everybody and read the record of everybody's calls; accounts are nobody's to administrate.

pub mod wire;

#[cfg(feature = "ssr")]
pub mod backend;

pub mod api;
pub mod ui;
