//! `$project` and `$group`: which names there are afterwards.

use super::{
    arrange::valid_name,
    declare::Kind,
    plan::{Info, Make, Planner, Slot, Step, single},
    value::brief,
};
use serde_json::Value;

/// What a group's rows may be made into.
const ACCUMULATORS: &str = "$sum, $avg, $min, $max, $count";
/// How much `$sum` may count each row for.
const EACH: i64 = 1_000_000;

impl Planner<'_> {
    /// The names after a `$project`. It changes no rows: what is no longer visible can still order them.
    pub(super) fn project(&self, spec: &Value) -> Result<Vec<(String, Slot)>, String> {
        let keys = spec.as_object().filter(|keys| !keys.is_empty()).ok_or("it takes an object of names")?;
        let out = |value: &Value| *value == Value::Bool(false) || value.as_f64() == Some(0.0);
        if keys.values().all(out) {
            let mut scope = self.scope.clone();
            for name in keys.keys() {
                let gone: Vec<String> =
                    self.whole(name)?.into_iter().map(|(rest, _)| format!("{name}{rest}")).collect();
                let id = |known: &str| name == "id" && known == "_id";
                scope.retain(|(known, _)| !gone.contains(known) && !id(known));
            }
            return if scope.is_empty() { Err("it would leave no field".to_owned()) } else { Ok(scope) };
        }
        let mut scope: Vec<(String, Slot)> = Vec::new();
        for (name, value) in keys {
            let from = match value {
                Value::String(from) => from
                    .strip_prefix('$')
                    .ok_or_else(|| format!("«{}»: a field is written «$field», with the dollar", brief(name)))?,
                Value::Bool(true) => name,
                one if one.as_f64() == Some(1.0) => name,
                _ if out(value) && matches!(name.as_str(), "_id" | "id") => continue,
                _ => return Err(format!("«{}»: 1 keeps a field and «$field» renames one", brief(name))),
            };
            valid_name(name)?;
            scope.extend(self.whole(from)?.into_iter().map(|(rest, slot)| (format!("{name}{rest}"), slot)));
        }
        match scope.iter().find(|(name, _)| clashes(&scope, name)) {
            Some((name, _)) => Err(format!("«{}» would be two things at once", brief(name))),
            None => Ok(scope),
        }
    }

    /// Rows become groups.
    pub(super) fn group(&mut self, spec: &Value) -> Result<(), String> {
        let keys = spec.as_object().ok_or("it takes an object")?;
        let id = keys.get("_id").ok_or("it needs an «_id»: `null`, «$field» or an object of such")?;
        let mut scope = Vec::new();
        let mut by = Vec::new();
        for (name, from) in parts(id)? {
            let old = self.resolve(&from)?;
            let info = Info { searchable: false, ..*self.info(old) };
            let new = self.new_column(info);
            by.push((old, new));
            scope.push((name, Slot::Made(new)));
        }
        let mut make = Vec::new();
        for (name, spec) in keys.iter().filter(|(name, _)| *name != "_id") {
            valid_name(name)?;
            if name.contains('.') {
                return Err(format!("«{}» cannot have a dot", brief(name)));
            }
            let (what, kind, nullable) = self.accumulator(name, spec)?;
            let col = self.make(kind, nullable);
            make.push((what, col));
            scope.push((name.clone(), Slot::Made(col)));
        }
        if scope.is_empty() {
            return Err("with an «_id» of null it needs something to make, such as {\"n\": {\"$sum\": 1}}".to_owned());
        }
        let key = by.iter().map(|(_, new)| *new).collect();
        self.push(Step::Group { by, make });
        self.only(scope, key);
        Ok(())
    }

    fn accumulator(&mut self, name: &str, spec: &Value) -> Result<(Make, Kind, bool), String> {
        let about = |why: String| format!("«{}»: {why}", brief(name));
        let pair = spec.as_object().and_then(single);
        let (operator, operand) = pair.ok_or_else(|| about(format!("it takes one of {ACCUMULATORS}")))?;
        let field = match operand {
            Value::String(text) => {
                let from = text.strip_prefix('$');
                let from = from.ok_or_else(|| about("a field is written «$field», with the dollar".to_owned()))?;
                Some(self.resolve(from).map_err(about)?)
            }
            _ => None,
        };
        let kind = field.map(|col| self.info(col).kind);
        let number = || match kind {
            Some(kind @ (Kind::Int | Kind::Double)) => Ok(kind),
            _ => Err(about(format!("{operator} takes a field of numbers"))),
        };
        let each = operand.as_i64().filter(|n| (-EACH..=EACH).contains(n));
        let none = operand.as_object().is_some_and(serde_json::Map::is_empty);
        match (operator.as_str(), field, each) {
            ("$sum", None, Some(n)) => Ok((Make::Each(n), Kind::Int, false)),
            ("$count", None, Some(1)) => Ok((Make::Each(1), Kind::Int, false)),
            ("$count", None, _) if none => Ok((Make::Each(1), Kind::Int, false)),
            ("$count", Some(col), _) => Ok((Make::Having(col), Kind::Int, false)),
            ("$sum", Some(col), _) => Ok((Make::Sum(col), number()?, false)),
            ("$avg", Some(col), _) => number().map(|_| (Make::Average(col), Kind::Double, true)),
            ("$min", Some(col), _) => Ok((Make::Least(col), self.info(col).kind, true)),
            ("$max", Some(col), _) => Ok((Make::Most(col), self.info(col).kind, true)),
            ("$sum" | "$count" | "$avg" | "$min" | "$max", _, _) => {
                Err(about(format!("{operator} takes «$field»; $sum a whole number and $count 1 as well")))
            }
            (other, _, _) => Err(about(format!("there is no «{}»; there are {ACCUMULATORS}", brief(other)))),
        }
    }
}

/// What to group by: each new name and the field it is.
fn parts(id: &Value) -> Result<Vec<(String, String)>, String> {
    let field = |value: &Value| {
        let name = value.as_str().and_then(|text| text.strip_prefix('$')).map(str::to_owned);
        name.ok_or_else(|| format!("its «_id» holds fields, written «$field», not `{}`", brief(&value.to_string())))
    };
    match id {
        Value::Null => Ok(Vec::new()),
        Value::Object(keys) if !keys.is_empty() => keys
            .iter()
            .map(|(name, value)| {
                valid_name(name)?;
                if name.contains('.') {
                    return Err(format!("«{}» cannot have a dot", brief(name)));
                }
                Ok((format!("_id.{name}"), field(value)?))
            })
            .collect(),
        one => Ok(vec![("_id".to_owned(), field(one)?)]),
    }
}

/// Whether a name stands there twice, or as an object and a value.
fn clashes(scope: &[(String, Slot)], name: &str) -> bool {
    let same = scope.iter().filter(|(other, _)| other == name).count();
    let below = scope.iter().any(|(other, _)| other.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')));
    same > 1 || below
}
