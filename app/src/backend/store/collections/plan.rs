//! A pipeline as callers write it → what is to be done, every name resolved to a column.
//!
//! Invariant: a name is resolved among the fields that are published and visible at that stage, or it is an error. Rows
//! always have a whole order: what `$sort` said, then the row's own key; so `$skip`, `$limit` and pages are exact.

use super::{
    Collections,
    arrange::{number, valid_name},
    declare::{Collection, Field, Kind},
    sql::Col,
    value::{Cond, brief},
};
use serde_json::{Map, Value};

/// Stages of a pipeline.
const STAGES: usize = 20;
/// Comparisons in all of a pipeline.
const CONDITIONS: usize = 200;
/// What a pipeline may hold.
const KNOWN: &str = "$match, $search, $lookup, $sort, $skip, $limit, $project, $group, $count";

/// What a column is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Info {
    pub(super) kind: Kind,
    pub(super) nullable: bool,
    pub(super) references: Option<&'static str>,
    pub(super) choices: &'static [(&'static str, &'static str)],
    pub(super) searchable: bool,
}

/// One reading of a collection: which of its fields, as which columns.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) collection: &'static Collection,
    pub(super) fields: Vec<(&'static Field, Col)>,
}

/// A stage that changes the rows.
#[derive(Debug)]
pub(super) enum Step {
    Filter(Cond),
    /// The row of reading `.0` whose key `.2` is what `.1` holds, or none.
    Join(usize, Col, Col),
    /// Of the rows in that order, skips some and keeps some.
    Slice {
        order: Vec<(Col, bool)>,
        skip: i64,
        keep: Option<i64>,
    },
    /// Groups by columns, each under a new name; what to make of every group.
    Group {
        by: Vec<(Col, Col)>,
        make: Vec<(Make, Col)>,
    },
    /// One row: how many there are.
    Count(Col),
}

/// What is made of a group.
#[derive(Clone, Copy, Debug)]
pub(super) enum Make {
    /// So much for each row.
    Each(i64),
    /// How many have a value there.
    Having(Col),
    Sum(Col),
    Average(Col),
    Least(Col),
    Most(Col),
}

/// A column of the answer.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its name; dots make objects.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    pub(super) col: Col,
}

/// What is to be done.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) readings: Vec<Reading>,
    pub(super) steps: Vec<Step>,
    pub(super) outputs: Vec<Output>,
    pub(super) order: Vec<(Col, bool)>,
    /// The type of each column.
    pub(super) kinds: Vec<Kind>,
    /// What a `$limit` at the end says.
    pub(super) last_limit: Option<i64>,
    /// Whether its rows are those of the collection, which have places of their own.
    pub(super) keyed: bool,
}

/// Where a visible name leads.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    /// A field nobody has asked for yet.
    Field(usize, &'static Field),
    Made(Col),
}

/// Makes a [`Plan`].
pub(super) struct Planner<'a> {
    collections: &'a Collections,
    readings: Vec<Reading>,
    infos: Vec<Info>,
    pub(super) scope: Vec<(String, Slot)>,
    steps: Vec<Step>,
    pub(super) sorted: Vec<(Col, bool)>,
    pub(super) key: Vec<Col>,
    conditions: usize,
}

/// The plan of a pipeline over `collection`.
///
/// # Errors
/// A sentence that names the stage and what is wrong with it.
pub(super) fn plan(
    collections: &Collections,
    collection: &'static Collection,
    stages: &[Value],
) -> Result<Plan, String> {
    let (readings, infos, scope) = (Vec::new(), Vec::new(), Vec::new());
    let (steps, sorted, key) = (Vec::new(), Vec::new(), Vec::new());
    let mut planner = Planner { collections, readings, infos, scope, steps, sorted, key, conditions: 0 };
    let base = planner.read(collection, "");
    let key = planner.column(Slot::Field(base, &collection.fields[0]));
    planner.key.push(key);
    if stages.len() > STAGES {
        return Err(format!("A pipeline has at most {STAGES} stages; this one has {}.", stages.len()));
    }
    let mut last_limit = None;
    for (at, stage) in stages.iter().enumerate() {
        let one = stage.as_object().and_then(single);
        let Some((name, spec)) = one else {
            return Err(format!("Stage {} must be an object with one key, the stage's name: {KNOWN}.", at + 1));
        };
        planner.stage(name, spec).map_err(|why| format!("Stage {} (`{}`): {why}.", at + 1, brief(name)))?;
        last_limit = spec.as_i64().filter(|_| name == "$limit");
    }
    Ok(planner.done(last_limit))
}

impl Planner<'_> {
    fn stage(&mut self, name: &str, spec: &Value) -> Result<(), String> {
        match name {
            "$match" => {
                let cond = self.condition(spec, false, 0)?;
                self.steps.push(Step::Filter(cond));
            }
            "$search" => {
                let cond = self.search_stage(spec)?;
                self.steps.push(Step::Filter(cond));
            }
            "$lookup" => self.lookup(spec)?,
            "$sort" => self.sorted = self.sort(spec)?,
            "$skip" => self.slice(number(spec, 0)?, None),
            "$limit" => self.slice(0, Some(number(spec, 1)?)),
            "$project" => self.scope = self.project(spec)?,
            "$group" => self.group(spec)?,
            "$count" => {
                let name = spec.as_str().ok_or("it takes the name of the count, in quotes")?;
                valid_name(name)?;
                let col = self.make(Kind::Int, false);
                self.steps.push(Step::Count(col));
                self.only(vec![(name.to_owned(), Slot::Made(col))], Vec::new());
            }
            _ => return Err(format!("there is no such stage; there are {KNOWN}")),
        }
        Ok(())
    }

    fn done(mut self, last_limit: Option<i64>) -> Plan {
        let scope = std::mem::take(&mut self.scope);
        let outputs = scope.into_iter().map(|(name, slot)| {
            let col = self.column(slot);
            Output { name, kind: self.info(col).kind, col }
        });
        let outputs = outputs.collect();
        let order = self.order();
        let kinds = self.infos.iter().map(|info| info.kind).collect();
        let keyed = !self.steps.iter().any(|step| matches!(step, Step::Group { .. } | Step::Count(_)));
        Plan { readings: self.readings, steps: self.steps, outputs, order, kinds, last_limit, keyed }
    }

    /// Reads a collection, whose fields become visible below `alias`.
    pub(super) fn read(&mut self, collection: &'static Collection, alias: &str) -> usize {
        let reading = self.readings.len();
        self.readings.push(Reading { collection, fields: Vec::new() });
        let name =
            |field: &Field| if alias.is_empty() { field.name.to_owned() } else { format!("{alias}.{}", field.name) };
        self.scope.extend(collection.fields.iter().map(|field| (name(field), Slot::Field(reading, field))));
        reading
    }

    /// The published collection of that name.
    pub(super) fn published(&self, name: &str) -> Result<&'static Collection, String> {
        self.collections.get(name).ok_or_else(|| self.collections.unknown(name))
    }

    /// How many lookups there are so far.
    pub(super) fn lookups(&self) -> usize {
        self.readings.len() - 1
    }

    /// The collection that was asked.
    pub(super) fn collection(&self) -> &'static Collection {
        self.readings[0].collection
    }

    /// The column of a slot, read from now on if it was not yet.
    pub(super) fn column(&mut self, slot: Slot) -> Col {
        let (reading, field) = match slot {
            Slot::Made(col) => return col,
            Slot::Field(reading, field) => (reading, field),
        };
        if let Some((_, col)) = self.readings[reading].fields.iter().find(|(read, _)| read.name == field.name) {
            return *col;
        }
        // What a lookup does not find has no values.
        let nullable = field.nullable || reading > 0;
        let Field { kind, references, choices, searchable, .. } = *field;
        let col = self.new_column(Info { kind, nullable, references, choices, searchable });
        self.readings[reading].fields.push((field, col));
        col
    }

    /// A new column that no field is.
    pub(super) fn make(&mut self, kind: Kind, nullable: bool) -> Col {
        self.new_column(Info { kind, nullable, references: None, choices: &[], searchable: false })
    }

    pub(super) fn new_column(&mut self, info: Info) -> Col {
        self.infos.push(info);
        Col(self.infos.len() - 1)
    }

    pub(super) fn info(&self, col: Col) -> &Info {
        &self.infos[col.0]
    }

    pub(super) fn push(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// From now on there are these names only, and rows are told apart by `key`.
    pub(super) fn only(&mut self, scope: Vec<(String, Slot)>, key: Vec<Col>) {
        (self.scope, self.key) = (scope, key);
        self.sorted.clear();
    }

    /// One more comparison, or a list of values, of which ten weigh as much.
    pub(super) fn count(&mut self, values: usize) -> Result<(), String> {
        self.conditions += 1 + values / 10;
        if self.conditions > CONDITIONS {
            return Err(format!("a pipeline makes at most {CONDITIONS} comparisons"));
        }
        Ok(())
    }

    /// The column of a visible name.
    pub(super) fn resolve(&mut self, name: &str) -> Result<Col, String> {
        let slot = self.find(name)?;
        Ok(self.column(slot))
    }

    fn find(&self, name: &str) -> Result<Slot, String> {
        let exact = |name: &str| self.scope.iter().find(|(known, _)| known == name).map(|(_, slot)| *slot);
        let id = || match name.rsplit_once('.') {
            Some((alias, "id")) => exact(&format!("{alias}._id")),
            None if name == "id" => exact("_id"),
            _ => None,
        };
        exact(name).or_else(id).ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> String {
        let below: Vec<&str> = self.below(name).map(|(known, _)| known.as_str()).collect();
        if below.is_empty() {
            let all: Vec<&str> = self.scope.iter().map(|(known, _)| known.as_str()).collect();
            return format!("there is no field «{}» here; there are {}", brief(name), all.join(", "));
        }
        format!("«{}» is an object: name one of its fields, {}", brief(name), below.join(", "))
    }

    /// The visible names of an object.
    fn below(&self, name: &str) -> impl Iterator<Item = &(String, Slot)> {
        self.scope.iter().filter(move |(known, _)| known.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
    }

    /// A name's slot, or those of all names below it, each with what follows the name.
    pub(super) fn whole(&self, name: &str) -> Result<Vec<(String, Slot)>, String> {
        let below: Vec<_> = self.below(name).map(|(known, slot)| (known[name.len()..].to_owned(), *slot)).collect();
        if below.is_empty() { Ok(vec![(String::new(), self.find(name)?)]) } else { Ok(below) }
    }

    /// Every visible field of the collection itself that is searchable.
    pub(super) fn searchable(&mut self) -> Result<Vec<Col>, String> {
        let slots = self.scope.iter().filter_map(|(_, slot)| match slot {
            Slot::Field(0, field) if field.searchable => Some(*slot),
            _ => None,
        });
        let slots: Vec<Slot> = slots.collect();
        if slots.is_empty() {
            return Err("nothing here is searchable: search before grouping, or name a «path»".to_owned());
        }
        Ok(slots.into_iter().map(|slot| self.column(slot)).collect())
    }

    /// The whole order of rows: as sorted, then by key.
    pub(super) fn order(&self) -> Vec<(Col, bool)> {
        let rest = self.key.iter().filter(|key| !self.sorted.iter().any(|(col, _)| col == *key));
        self.sorted.iter().copied().chain(rest.map(|key| (*key, false))).collect()
    }
}

/// The only entry of an object.
pub(super) fn single(object: &Map<String, Value>) -> Option<(&String, &Value)> {
    object.iter().next().filter(|_| object.len() == 1)
}
