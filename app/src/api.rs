//! Server functions, and nothing else: authenticate, call the backend, map the error.
//!
//! Invariant: no SQL, no business rule, no HTML. Every function takes its rights from [`context`] alone, so a new one
//! cannot forget the gate. Errors are [`crate::wire::error::ApiError`] for every one of them.

#[cfg_attr(
    feature = "ssr",
    expect(clippy::unused_async, reason = "server functions are async, even those that wait for nothing")
)]
pub mod account;
pub mod apps;
pub mod call;
pub mod chat;
pub mod clients;
pub mod connections;
pub mod conversations;
pub mod elicitation;
pub mod encoding;
pub mod picker;
pub mod prompts;
pub mod rooms;
pub mod tokens;
pub mod tools;

#[cfg(feature = "ssr")]
pub mod context;
#[cfg(feature = "ssr")]
pub mod error;
#[cfg(not(feature = "ssr"))]
pub use socket_browser as socket;
#[cfg(feature = "ssr")]
pub use socket_server as socket;
#[cfg(not(feature = "ssr"))]
#[path = "api/socket/browser.rs"]
pub mod socket_browser;
#[cfg(feature = "ssr")]
#[path = "api/socket/server.rs"]
pub mod socket_server;
