//! The schemas of published collections, for whoever writes pipelines over them; the same for everybody.

use super::{Batch, Content, Listed, ReadError, Reader, ResourceSource, Template};
use crate::backend::tools::{address, collections};
use futures::{FutureExt, future::BoxFuture};
use std::collections::HashMap;

/// How long a client may keep a schema: it changes with the program only.
const TTL_MS: u64 = 300_000;
const SCHEMA: &str = "application/schema+json";

/// `parley://collections/…`
#[derive(Clone, Copy, Debug)]
pub struct Schemas;

fn uri(name: &str) -> String {
    format!("{}collections/{name}", address::SCHEME)
}

impl ResourceSource for Schemas {
    fn kind(&self) -> &'static str {
        "collections"
    }

    fn templates(&self) -> Vec<Template> {
        vec![Template {
            uri: uri("{name}"),
            name: "collection",
            title: "Schema of a collection",
            description: "JSON Schema of a row of a collection that query_data_collections can be asked for, with what may be done with it.",
            media_type: SCHEMA,
        }]
    }

    fn list<'a>(
        &'a self,
        _by: &'a Reader,
        after: Option<&'a str>,
        most: u32,
    ) -> BoxFuture<'a, Result<Batch, ReadError>> {
        async move {
            let names = collections::names();
            let from = match after {
                None => 0,
                Some(place) => names.iter().position(|(name, _)| *name == place).ok_or(ReadError::NotFound)? + 1,
            };
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            let some = &names[from..names.len().min(from.saturating_add(most))];
            let more = from + some.len() < names.len();
            let place = some.last().filter(|_| more).map(|(name, _)| (*name).to_owned());
            let listed = some.iter().map(|(name, about)| Listed {
                uri: uri(name),
                name: format!("collection {name}"),
                title: format!("Schema of {name}"),
                description: (*about).to_owned(),
                media_type: SCHEMA,
                changed: None,
            });
            Ok((listed.collect(), place))
        }
        .boxed()
    }

    fn read<'a>(&'a self, _by: &'a Reader, path: &'a [&'a str]) -> BoxFuture<'a, Result<Content, ReadError>> {
        async move {
            let [name] = path else { return Err(ReadError::NotFound) };
            let schema = collections::schema(name).ok_or(ReadError::NotFound)?;
            Ok(Content { text: format!("{schema:#}"), media_type: SCHEMA, ttl_ms: TTL_MS })
        }
        .boxed()
    }

    fn complete<'a>(
        &'a self,
        _by: &'a Reader,
        _variable: &'a str,
        typed: &'a str,
        _given: &'a HashMap<String, String>,
    ) -> BoxFuture<'a, Result<Vec<String>, ReadError>> {
        async move {
            let names = collections::names().into_iter().map(|(name, _)| name);
            Ok(names.filter(|name| name.starts_with(typed.trim())).map(str::to_owned).collect())
        }
        .boxed()
    }
}
