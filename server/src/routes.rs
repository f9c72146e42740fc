//! What is served, one file for each kind.

pub mod files;
pub mod guide;
pub mod health;
pub mod mcp;
pub mod pages;
