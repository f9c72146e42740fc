//! What crosses the network, and nothing else: plain data with serde, compiled for the server and for the browser.
//!
//! Invariant: no IO, no clock, no randomness, and no import from the rest of the crate. A type here is a promise to
//! every open tab and every stored row, so a field is added with a default and never changes its meaning.

pub mod account;
pub mod api_token;
pub mod app;
pub mod attachment;
pub mod connection;
pub mod conversation;
pub mod elicitation;
pub mod error;
pub mod event;
pub mod file;
pub mod id;
pub mod json;
pub mod limits;
pub mod message;
pub mod oauth;
pub mod picker;
pub mod policy;
pub mod prompt;
pub mod room;
pub mod tool;

#[cfg(test)]
mod tests;
