//! `create_…`, `update_…` and `delete_…`: generated for the collections that permit them, each with a schema of its own.
//!
//! Invariant: what a schema says is all that a tool takes, and the row's owner is in the WHERE of what it does. What is
//! deleted cannot be brought back, so whoever deletes asks first ([`ask`]).

use super::{
    super::{Tool, ToolCx, ask, schema::object, spec},
    describe::{row, write_schema},
    failed, prompts,
    told::{INLINE, page},
};
use crate::{
    backend::{
        hub::{Change, Hub},
        store::{
            StoreError,
            collections::{After, CollectionError, Collections, Question, declare::Collection},
        },
    },
    wire::{
        conversation::parse_title,
        id::ConversationId,
        tool::{Annotations, ToolOutcome, ToolSpec},
    },
};
use futures::{FutureExt, future::BoxFuture};
use serde_json::{Map, Value, json};
use std::{str::FromStr, sync::Arc};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Create,
    Update,
    Delete,
}

/// Who writes.
#[derive(Clone, Debug)]
enum Writer {
    /// The store, row by row.
    Rows,
    /// The functions that the page uses, which tell the members' tabs.
    Conversations(Hub),
    /// Those that hold a prompt to what it must be like, and tell the clients that offer it.
    Prompts(Hub),
}

struct Edit {
    spec: Arc<ToolSpec>,
    verb: Verb,
    collections: Collections,
    collection: &'static Collection,
    writer: Writer,
}

/// The tools that `collection` permits.
pub(super) fn tools(collections: Collections, collection: &'static Collection, hub: &Hub) -> Vec<Arc<dyn Tool>> {
    let permits = collection.permits;
    let verbs = [(Verb::Create, permits.create), (Verb::Update, permits.update), (Verb::Delete, permits.delete)];
    let writer = match collection.name {
        "conversations" => Writer::Conversations(hub.clone()),
        "prompts" => Writer::Prompts(hub.clone()),
        _ => Writer::Rows,
    };
    let permitted = verbs.into_iter().filter(|(_, permitted)| *permitted);
    let tool = |(verb, _)| {
        let spec = advertised(verb, collection);
        Arc::new(Edit { spec: Arc::new(spec), verb, collections, collection, writer: writer.clone() }) as Arc<dyn Tool>
    };
    permitted.map(tool).collect()
}

fn advertised(verb: Verb, collection: &Collection) -> ToolSpec {
    let one = collection.one;
    let writable = || collection.fields.iter().filter(|field| field.writable);
    let mut properties: Map<String, Value> = match verb {
        Verb::Delete => Map::new(),
        _ => writable().map(|field| (field.name.to_owned(), write_schema(field, verb == Verb::Update))).collect(),
    };
    if verb != Verb::Create {
        let about = format!("The _id of the {one}, as query_data_collections gives it.");
        let id = json!({ "type": "string", "format": "uuid", "minLength": 1, "maxLength": 64, "description": about });
        properties.insert("id".to_owned(), id);
    }
    let required: Vec<&str> = match verb {
        Verb::Create => writable().filter(|field| !field.nullable).map(|field| field.name).collect(),
        _ => vec!["id"],
    };
    let own = "Use it only when asked to. Works for what the user may change only";
    let unasked = format!("{own}, and does not ask them by itself.");
    let (name, title, does) = match verb {
        Verb::Create => ("create", "Create", format!("Makes a new {one} of the user's and gives it back. {unasked}")),
        Verb::Update => {
            let null = "Fields left out stay as they are; null takes away the value of a field that may have none.";
            ("update", "Change", format!("Changes a {one} of the user's and gives it back. {null} {unasked}"))
        }
        Verb::Delete => {
            let asks = "asks the user to confirm, and cannot be undone.";
            ("delete", "Delete", format!("Deletes a {one} of the user's, for everybody who sees it. {own}, {asks}"))
        }
    };
    let output = match verb {
        Verb::Delete => object(
            json!({ "deleted": { "type": "string", "description": "The _id of what was deleted." } }),
            &["deleted"],
        ),
        _ => row(collection),
    };
    let hints = match verb {
        Verb::Create => Annotations { read_only_hint: false, idempotent_hint: false, ..Annotations::READ_ONLY },
        // What it overwrites or removes is gone.
        _ => Annotations { read_only_hint: false, destructive_hint: true, ..Annotations::READ_ONLY },
    };
    let (name, title) = (format!("{name}_{one}"), format!("{title} {}", one.replace('_', " ")));
    let mut spec = spec((&name, &title), &does, (Value::Object(properties), &required), (json!({}), &[]), hints);
    spec.output_schema = output;
    spec
}

impl Tool for Edit {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.spec
    }

    fn call<'a>(&'a self, cx: &'a ToolCx, arguments: Value) -> BoxFuture<'a, ToolOutcome> {
        self.run(cx, arguments).map(|answer| answer.unwrap_or_else(|failure| failure)).boxed()
    }

    fn is_personal(&self) -> bool {
        true
    }
}

impl Edit {
    async fn run(&self, cx: &ToolCx, arguments: Value) -> Result<ToolOutcome, ToolOutcome> {
        let Value::Object(mut values) = arguments else {
            return Err(ToolOutcome::error("The arguments are no object."));
        };
        let one = self.collection.one;
        let id = values.remove("id").and_then(|id| id.as_str().map(|id| id.trim().to_owned())).unwrap_or_default();
        match self.verb {
            Verb::Create => {
                let id = self.create(cx, &values).await?;
                self.tell(cx, &id, &format!("The {one} was made.")).await
            }
            Verb::Update => {
                self.update(cx, &id, &values).await?;
                self.tell(cx, &id, &format!("The {one} was changed.")).await
            }
            Verb::Delete => {
                let what = self.meant(cx, &id).await?;
                let question = format!("Delete {what}? It cannot be brought back.");
                let said = cx.ask(ask::Question::confirm("confirm", question)).await;
                if !said.is_yes() {
                    return Err(ToolOutcome::error(said.not_deleted(&one.replace('_', " "))));
                }
                self.delete(cx, &id).await?;
                Ok(ToolOutcome::ok(format!("The {one} was deleted."), json!({ "deleted": id })))
            }
        }
    }

    /// The new row's id.
    async fn create(&self, cx: &ToolCx, values: &Map<String, Value>) -> Result<String, ToolOutcome> {
        match &self.writer {
            Writer::Prompts(hub) => Ok(prompts::create(cx, hub, values).await?.to_string()),
            Writer::Rows | Writer::Conversations(_) => {
                let made = cx.store.create_row(cx.caller.user, &self.collections, self.collection, values).await;
                made.map_err(failed)
            }
        }
    }

    async fn update(&self, cx: &ToolCx, id: &str, values: &Map<String, Value>) -> Result<(), ToolOutcome> {
        match &self.writer {
            Writer::Conversations(hub) => update_conversation(cx, hub, parsed(id)?, values).await,
            Writer::Prompts(hub) => prompts::update(cx, hub, parsed(id)?, values).await,
            Writer::Rows => {
                let by = cx.caller.user;
                cx.store.update_row(by, &self.collections, self.collection, id, values).await.map_err(failed)
            }
        }
    }

    async fn delete(&self, cx: &ToolCx, id: &str) -> Result<(), ToolOutcome> {
        match &self.writer {
            Writer::Prompts(hub) => prompts::delete(cx, hub, parsed(id)?).await,
            Writer::Rows | Writer::Conversations(_) => {
                cx.store.delete_row(cx.caller.user, self.collection, id).await.map_err(failed)
            }
        }
    }

    /// What is to be deleted, for whoever is asked about it.
    async fn meant(&self, cx: &ToolCx, id: &str) -> Result<String, ToolOutcome> {
        match &self.writer {
            Writer::Prompts(_) => Ok(format!("the prompt «{}»", prompts::find(cx, parsed(id)?).await?.name)),
            Writer::Rows | Writer::Conversations(_) => {
                self.row(cx, id).await?;
                Ok(format!("this {}", self.collection.one.replace('_', " ")))
            }
        }
    }

    /// The row as it is now, and what is said of it.
    async fn tell(&self, cx: &ToolCx, id: &str, said: &str) -> Result<ToolOutcome, ToolOutcome> {
        let row = self.row(cx, id).await?;
        Ok(ToolOutcome::ok(format!("{said}\n{row}"), row))
    }

    async fn row(&self, cx: &ToolCx, id: &str) -> Result<Value, ToolOutcome> {
        let pipeline = [json!({ "$match": { "_id": id } })];
        let characters = u32::try_from(INLINE.characters + 1).unwrap_or(u32::MAX);
        let collection = self.collection.name;
        let question = Question { collection, pipeline: &pipeline, rows: Some(1), after: After::Rows(0), characters };
        let found = cx.store.ask(cx.caller.user, &self.collections, question).await.map_err(failed)?;
        // Never there, or removed again in the same moment by somebody else.
        let gone = || failed(CollectionError::Store(StoreError::NotFound));
        page(&found, INLINE).rows.pop().ok_or_else(gone)
    }
}

fn parsed<T: FromStr>(id: &str) -> Result<T, ToolOutcome> {
    id.parse().map_err(|_| ToolOutcome::error("`id` is not an id. query_data_collections gives ids, as `_id`."))
}

async fn update_conversation(
    cx: &ToolCx,
    hub: &Hub,
    id: ConversationId,
    values: &Map<String, Value>,
) -> Result<(), ToolOutcome> {
    let by = cx.caller.user;
    let (title, pinned) = (values.get("title").and_then(Value::as_str), values.get("pinned").and_then(Value::as_bool));
    if title.is_none() && pinned.is_none() {
        return Err(ToolOutcome::error("Name at least one field to change."));
    }
    if let Some(title) = title {
        let title = parse_title(title).map_err(ToolOutcome::error)?;
        cx.store.rename_conversation(by, id, &title).await.map_err(|e| failed(e.into()))?;
    }
    if let Some(pinned) = pinned {
        cx.store.pin_conversation(by, id, pinned).await.map_err(|e| failed(e.into()))?;
    }
    hub.changed(Change::Conversation(id));
    Ok(())
}
