//! The pages: one file each, layout only.

pub mod chat;
pub mod form;
pub mod join;
pub mod not_found;
pub mod settings;
pub mod sign_in;
pub mod sign_up;
