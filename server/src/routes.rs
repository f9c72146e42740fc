//! What is served, one file for each kind.

pub mod apps;
pub mod attachments;
pub mod check;
pub mod files;
pub mod guide;
pub mod health;
pub mod mcp;
pub mod metrics;
pub mod oauth;
pub mod pages;
pub mod sign_ins;
