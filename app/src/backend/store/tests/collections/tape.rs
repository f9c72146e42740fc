//! Random pipelines that make sense: a tape of numbers decides, stage by stage, among what the names at hand allow.

use super::*;
use crate::backend::store::collections::declare::Kind;

/// Texts that are found, are special somewhere, or fold in odd ways.
pub(super) const TEXTS: [&str; 12] =
    ["", "a", "Ab", "é", "É", "Zed", "ab c", "100%", "x_y", "\"q\"\\", "it's", "多 词"];
const PATTERNS: [&str; 14] =
    ["a", "^a", "b$", "^$", "[a-z]+", "é", "a.*c", "%", "_", "\\w+", "\\d{3}", "(?:a|z)e?d?", "^[^a]", "\\\\"];

/// Decides.
pub(super) struct Tape<'a> {
    rest: std::slice::Iter<'a, u16>,
    /// What a lookup may fetch: local field, collection, its fields.
    lookup: Option<(&'static str, &'static Collection)>,
    filters: &'static [Filter],
}

/// A visible name, its type, and the only values it has, if they are few.
type Name = (String, Kind, &'static [(&'static str, &'static str)]);
type Names = Vec<Name>;
type Values = (Kind, &'static [(&'static str, &'static str)]);

fn names_of(collection: &Collection, alias: &str) -> Names {
    collection.fields.iter().map(|field| (format!("{alias}{}", field.name), field.kind, field.choices)).collect()
}

impl<'a> Tape<'a> {
    pub(super) fn new(tape: &'a [u16], lookup: Option<(&'static str, &'static Collection)>) -> Self {
        Self { rest: tape.iter(), lookup, filters: &[] }
    }

    fn below(&mut self, most: usize) -> usize {
        self.rest.next().map_or(0, |n| usize::from(*n) % most.max(1))
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    /// Up to six stages over `collection`.
    pub(super) fn pipeline(&mut self, collection: &Collection) -> Vec<Value> {
        self.filters = collection.filters;
        let mut names = names_of(collection, "");
        let mut looked = false;
        let mut searchable = true;
        let stages = 1 + self.below(6);
        let mut out = Vec::new();
        for _ in 0..stages {
            out.push(match self.below(12) {
                0..=3 => json!({ "$match": self.condition(&names, 2) }),
                4 => json!({ "$sort": self.sort(&names) }),
                5 => json!({ "$skip": self.below(4) }),
                6 => json!({ "$limit": 1 + self.below(8) }),
                7 => {
                    let (stage, after) = self.project(&names);
                    (names, searchable, looked) = (after, false, true);
                    stage
                }
                8 => {
                    let (stage, after) = self.group(&names);
                    (names, searchable, looked) = (after, false, true);
                    stage
                }
                9 if searchable => json!({ "$search": { "text": { "query": self.words() } } }),
                10 if !looked => match self.lookup {
                    Some((local, from)) => {
                        looked = true;
                        names.extend(names_of(from, "on."));
                        json!({ "$lookup": { "from": from.name, "localField": local, "foreignField": "_id", "as": "on" } })
                    }
                    None => json!({ "$match": self.condition(&names, 1) }),
                },
                11 if out.len() + 1 == stages => json!({ "$count": "n" }),
                _ => json!({ "$match": self.condition(&names, 1) }),
            });
            if out.last().is_some_and(|stage: &Value| stage.get("$count").is_some()) {
                break;
            }
        }
        out
    }

    fn words(&mut self) -> String {
        let words = ["a", "B", "é", "100%", "词", "zed a", "_ x"];
        self.one(&words).to_owned()
    }

    fn sort(&mut self, names: &Names) -> Value {
        let key = |tape: &mut Self| {
            let (name, ..) = tape.one(names);
            json!({ name: tape.one(&[1, -1]) })
        };
        if self.below(2) == 0 { key(self) } else { json!([key(self), key(self)]) }
    }

    fn project(&mut self, names: &Names) -> (Value, Names) {
        let (mut spec, mut after) = (Map::new(), Vec::new());
        for at in 0..=self.below(4) {
            let (name, kind, choices) = self.one(names);
            let (out, from) = if self.below(3) == 0 || name.contains('.') {
                (format!("out{at}"), json!(format!("${name}")))
            } else {
                (name.clone(), json!(1))
            };
            if !spec.contains_key(&out) {
                spec.insert(out.clone(), from);
                after.push((out, kind, choices));
            }
        }
        (json!({ "$project": spec }), after)
    }

    fn group(&mut self, names: &Names) -> (Value, Names) {
        let mut after = Vec::new();
        let mut spec = Map::new();
        let id = match self.below(3) {
            0 => Value::Null,
            1 => {
                let (name, kind, choices) = self.one(names);
                after.push(("_id".to_owned(), kind, choices));
                json!(format!("${name}"))
            }
            _ => {
                let ((a, first, few), (b, second, others)) = (self.one(names), self.one(names));
                after.extend([("_id.k".to_owned(), first, few), ("_id.l".to_owned(), second, others)]);
                json!({ "k": format!("${a}"), "l": format!("${b}") })
            }
        };
        spec.insert("_id".to_owned(), id);
        spec.insert("n".to_owned(), self.one(&[json!({ "$sum": 1 }), json!({ "$sum": -3 }), json!({ "$count": {} })]));
        after.push(("n".to_owned(), Kind::Int, &[][..]));
        for name in ["p", "q"] {
            let (from, kind, _) = self.one(names);
            let numbers = matches!(kind, Kind::Int | Kind::Double);
            let (operator, made) = match self.below(5) {
                0 if numbers => ("$sum", kind),
                1 if numbers => ("$avg", Kind::Double),
                2 => ("$count", Kind::Int),
                3 => ("$min", kind),
                _ => ("$max", kind),
            };
            spec.insert(name.to_owned(), json!({ operator: format!("${from}") }));
            after.push((name.to_owned(), made, &[]));
        }
        (json!({ "$group": spec }), after)
    }

    fn condition(&mut self, names: &Names, depth: usize) -> Value {
        let mut cond = Map::new();
        for _ in 0..=self.below(3) {
            let (name, kind, choices) = self.one(names);
            let what = (kind, choices);
            match self.below(if depth > 0 { 9 } else { 5 }) {
                0 => _ = cond.insert(name, self.value(what)),
                1..=4 => _ = cond.insert(name, self.operators(what)),
                5 => _ = cond.insert("$and".to_owned(), self.several(names, depth)),
                6 => _ = cond.insert("$or".to_owned(), self.several(names, depth)),
                7 => _ = cond.insert("$nor".to_owned(), self.several(names, depth)),
                _ => _ = cond.insert("$not".to_owned(), self.condition(names, depth - 1)),
            }
        }
        Value::Object(cond)
    }

    fn several(&mut self, names: &Names, depth: usize) -> Value {
        (0..=self.below(3)).map(|_| self.condition(names, depth - 1)).collect()
    }

    fn operators(&mut self, what: Values) -> Value {
        let text = matches!(what.0, Kind::Text);
        let ordered = ["$gt", "$gte", "$lt", "$lte"];
        match self.below(10) {
            0 => json!({ "$ne": self.value(what) }),
            1 => json!({ "$in": [self.value(what), self.value(what)] }),
            2 => json!({ "$nin": [self.value(what), self.value(what)] }),
            3 => json!({ "$exists": self.below(2) == 0 }),
            4 => json!({ "$not": { self.one(&ordered): self.certain(what) } }),
            5 => json!({ "$gte": self.certain(what), "$lt": self.certain(what) }),
            6 if text => json!({ "$regex": self.one(&PATTERNS), "$options": self.one(&["", "i"]) }),
            7 if text => json!({ "$not": { "$regex": self.one(&PATTERNS) } }),
            8 if text => {
                json!({ self.one(self.filters).operator(): self.one(&TEXTS) })
            }
            _ => json!({ self.one(&ordered): self.certain(what) }),
        }
    }

    fn value(&mut self, what: Values) -> Value {
        if self.below(6) == 0 { Value::Null } else { self.certain(what) }
    }

    /// A value that may well be found.
    fn certain(&mut self, (kind, choices): Values) -> Value {
        if !choices.is_empty() {
            return json!(self.one(choices).0);
        }
        match kind {
            Kind::Text => json!(self.one(&TEXTS)),
            Kind::Id => json!(self.one(&["01900000-0000-7000-8000-000000000000", "x"])),
            Kind::Int => self.one(&[
                json!(0),
                json!(1),
                json!(2),
                json!(3),
                json!(1.5),
                json!(-2),
                json!(u64::MAX),
                json!(1e300),
            ]),
            Kind::Double => self.one(&[json!(0), json!(1), json!(0.25), json!(-1.5), json!(3)]),
            Kind::Bool => json!(self.below(2) == 0),
            Kind::Date => self.one(&[json!("2027-01-15T08:00:00.001Z"), json!("2027-01-15"), json!("2030-01-01")]),
        }
    }
}
