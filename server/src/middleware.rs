//! The layers around every route; `router` says in which order.

pub mod around;
pub mod forms;
pub mod headers;
pub mod limit;
pub mod measure;
pub mod origin;
pub mod peer;
pub mod refusal;
pub mod session;
pub mod trace;
