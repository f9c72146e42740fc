//! Tools over published collections: one that asks them all, and for each that permits it tools that make, change and
//! remove its rows.
//!
//! What may be asked and of whom is the store's (`store::collections`); here are the tools' schemas, how rows are told,
//! and who writes. Rows that mean more than a row are written by the functions that the page uses too, so that tabs
//! hear of it.

mod cursor;
mod describe;
mod edit;
mod prompts;
mod query;
mod told;

#[cfg(test)]
mod tests;

pub use describe::{names, schema};

use super::Tool;
use crate::{
    backend::{
        hub::Hub,
        store::{
            StoreError,
            collections::{CollectionError, Collections},
        },
    },
    wire::tool::ToolOutcome,
};
use std::sync::Arc;

/// The toolset that reads Parley's own collections.
pub fn tools() -> Vec<Arc<dyn Tool>> {
    vec![query::tool(Collections::published())]
}

/// The toolset that changes them; `hub` hears what changed.
pub fn changing(hub: &Hub) -> Vec<Arc<dyn Tool>> {
    writers(Collections::published(), hub)
}

fn writers(collections: Collections, hub: &Hub) -> Vec<Arc<dyn Tool>> {
    collections.iter().flat_map(|collection| edit::tools(collections, collection, hub)).collect()
}

/// A failure in words for the model; the cause goes to the log.
fn failed(error: CollectionError) -> ToolOutcome {
    match error {
        CollectionError::Invalid(why) => ToolOutcome::error(why),
        CollectionError::Place => ToolOutcome::error(cursor::NOT_OURS),
        CollectionError::TooLong => ToolOutcome::error(
            "The database took too long over this. Ask for less: put a `$match` first, leave patterns out.",
        ),
        CollectionError::Store(StoreError::NotFound) => {
            ToolOutcome::error("There is no such row, or it is not yours to change.")
        }
        CollectionError::Store(StoreError::Busy) => ToolOutcome::error("The database is busy; try again in a moment."),
        CollectionError::Store(error) => {
            tracing::warn!(%error, "a collection could not be read or written");
            ToolOutcome::error("The data cannot be read or written just now; try again later.")
        }
    }
}
