//! The pages. Compiled twice: for the server, which writes them as HTML, and for the browser, which wakes that HTML up.
//!
//! Invariant: what is first drawn is the same on both sides, so nothing here reads a clock, a locale or storage before
//! an effect has run; and nobody's text becomes markup except through [`markdown`], which escapes it.

pub mod app;
pub mod chat;
pub mod highlight;
pub mod kit;
pub mod load;
pub mod markdown;
pub mod page;
pub mod plain;
pub mod shell;
pub mod sidebar;
pub mod theme;

pub use app::{App, wake};
pub use plain::plain;
pub use shell::shell;
