//! `$sort`, `$skip`, `$limit` and `$lookup`: the order of rows, which of them, and what is fetched beside them.

use super::{
    plan::{Planner, Slot, Step, single},
    sql::Col,
    value::brief,
};
use serde_json::Value;

/// Lookups of a pipeline.
const LOOKUPS: usize = 4;
/// What `$skip` and `$limit` may say: more rows than anybody has.
const ROWS: i64 = 1_000_000;

impl Planner<'_> {
    pub(super) fn slice(&mut self, skip: i64, keep: Option<i64>) {
        let order = self.order();
        self.push(Step::Slice { order, skip, keep });
    }

    pub(super) fn sort(&mut self, spec: &Value) -> Result<Vec<(Col, bool)>, String> {
        const SHAPE: &str = "it takes {\"field\": 1} or {\"field\": -1}, or a list of such objects, first the most \
                             important one: an object of several has no order in JSON";
        let list = match spec {
            Value::Array(list) if !list.is_empty() => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut order: Vec<(Col, bool)> = Vec::new();
        for one in list {
            let pair = one.as_object().and_then(single);
            let (name, way) = pair.ok_or(SHAPE)?;
            let down = match way.as_i64() {
                Some(1) => false,
                Some(-1) => true,
                _ => return Err(format!("«{}»: 1 sorts upwards and -1 downwards", brief(name))),
            };
            let col = self.resolve(name)?;
            if !order.iter().any(|(sorted, _)| *sorted == col) {
                order.push((col, down));
            }
        }
        Ok(order)
    }

    pub(super) fn lookup(&mut self, spec: &Value) -> Result<(), String> {
        const SHAPE: &str =
            "it takes {\"from\": collection, \"localField\": field, \"foreignField\": \"_id\", \"as\": name}";
        let keys = spec.as_object().ok_or(SHAPE)?;
        let known = ["from", "localField", "foreignField", "as"];
        if keys.keys().any(|key| !known.contains(&key.as_str())) {
            return Err(SHAPE.to_owned());
        }
        let text = |key: &str| keys.get(key).and_then(Value::as_str).ok_or(SHAPE);
        let (from, local, foreign, alias) = (text("from")?, text("localField")?, text("foreignField")?, text("as")?);
        let collection = self.published(from)?;
        if foreign != "_id" && foreign != "id" {
            return Err(format!("its foreignField can only be «_id», not «{}»", brief(foreign)));
        }
        valid_name(alias)?;
        if alias.contains('.') || self.scope.iter().any(|(known, _)| known.split('.').next() == Some(alias)) {
            return Err(format!("«{}» cannot be the new object's name: it is taken or has a dot", brief(alias)));
        }
        if self.lookups() >= LOOKUPS {
            return Err(format!("a pipeline looks up at most {LOOKUPS} times"));
        }
        let local_col = self.resolve(local)?;
        if self.info(local_col).references != Some(collection.name) {
            return Err(format!("«{}» does not refer to «{}»", brief(local), collection.name));
        }
        let reading = self.read(collection, alias);
        let key = self.column(Slot::Field(reading, &collection.fields[0]));
        self.push(Step::Join(reading, local_col, key));
        Ok(())
    }
}

/// A number of rows.
pub(super) fn number(spec: &Value, least: i64) -> Result<i64, String> {
    spec.as_i64()
        .filter(|n| (least..=ROWS).contains(n))
        .ok_or_else(|| format!("it takes a whole number from {least} to {ROWS}, not `{}`", brief(&spec.to_string())))
}

/// Whether a name may be given to something new.
pub(super) fn valid_name(name: &str) -> Result<(), String> {
    let part = |part: &str| {
        !part.is_empty() && part.len() <= 40 && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if name.split('.').count() <= 3 && name.split('.').all(part) {
        return Ok(());
    }
    Err(format!("«{}» cannot be a name: letters, digits and «_», at most 40, and up to two dots", brief(name)))
}
