//! The wire's promises: how every frame is written (`written`), that whatever is written can be read (`read_again`),
//! and what people may type (`typed`).

#![expect(clippy::unwrap_used, reason = "tests")]

mod read_again;
mod typed;
mod written;
