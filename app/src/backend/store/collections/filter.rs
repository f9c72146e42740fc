//! `$match` and `$search` as conditions.
//!
//! Invariant: every key counts. Keys beside `$and`, `$or`, `$nor` and `$not` are joined to them, and one that means
//! nothing is an error. Negations are carried to the comparisons, where a row without a value counts as not equal, so
//! that SQL's unknown is never negated.

use super::{
    declare::{Filter, Kind},
    pattern::{self, Pattern},
    plan::Planner,
    sql::Col,
    value::{Cond, Op, brief, compare, exact},
};
use serde_json::{Map, Value};

/// Conditions within conditions.
const DEPTH: usize = 16;
/// Values of one list.
const LIST: usize = 500;
/// Words of one search.
const WORDS: usize = 10;
/// Characters of one search.
const SEARCH: usize = 200;

/// Every filter there is.
const FILTERS: [Filter; 4] = [Filter::Contains, Filter::StartsWith, Filter::EndsWith, Filter::Exact];

impl Planner<'_> {
    /// The condition of a `$match`, or its opposite if `not`.
    pub(super) fn condition(&mut self, spec: &Value, not: bool, depth: usize) -> Result<Cond, String> {
        let Some(keys) = spec.as_object() else {
            return Err(format!(
                "a condition is an object such as {{\"field\": value}}, not `{}`",
                brief(&spec.to_string())
            ));
        };
        if depth > DEPTH {
            return Err(format!("conditions nest deeper than {DEPTH}"));
        }
        let parts: Result<_, String> = keys.iter().map(|(key, value)| self.key(key, value, not, depth)).collect();
        Ok(join(parts?, not))
    }

    fn key(&mut self, key: &str, value: &Value, not: bool, depth: usize) -> Result<Cond, String> {
        match key {
            "$and" => Ok(join(self.each(key, value, not, depth)?, not)),
            "$or" => Ok(join(self.each(key, value, not, depth)?, !not)),
            // Not the one and not the other.
            "$nor" => Ok(join(self.each(key, value, !not, depth)?, not)),
            "$not" => self.condition(value, !not, depth + 1),
            "$text" => self.search(&words_of(key, &value["$search"])?, None, not),
            _ if key.starts_with('$') => Err(format!(
                "there is no operator «{}» beside fields; there are $and, $or, $nor, $not, $text",
                brief(key)
            )),
            _ => {
                let col = self.resolve(key)?;
                self.field(key, col, value, not, depth)
            }
        }
    }

    fn each(&mut self, key: &str, value: &Value, not: bool, depth: usize) -> Result<Vec<Cond>, String> {
        let Some(list) = value.as_array().filter(|list| !list.is_empty()) else {
            return Err(format!("{key} takes a list of conditions"));
        };
        list.iter().map(|spec| self.condition(spec, not, depth + 1)).collect()
    }

    /// What a field must be: a value, or an object of operators.
    fn field(&mut self, name: &str, col: Col, value: &Value, not: bool, depth: usize) -> Result<Cond, String> {
        let Value::Object(operators) = value else { return self.equals(name, col, value, not) };
        if operators.is_empty() || depth > DEPTH {
            return Err(format!("«{}» needs a value or an operator such as $eq", brief(name)));
        }
        let mut parts = Vec::new();
        for (operator, operand) in operators {
            parts.push(match operator.as_str() {
                "$eq" => self.equals(name, col, operand, not)?,
                "$ne" => self.equals(name, col, operand, !not)?,
                "$gt" => self.ordered(name, col, Op::Gt, operand, not)?,
                "$gte" => self.ordered(name, col, Op::Gte, operand, not)?,
                "$lt" => self.ordered(name, col, Op::Lt, operand, not)?,
                "$lte" => self.ordered(name, col, Op::Lte, operand, not)?,
                "$in" => self.one_of(name, col, operand, not)?,
                "$nin" => self.one_of(name, col, operand, !not)?,
                "$exists" => {
                    let Value::Bool(exists) = operand else { return Err("$exists takes `true` or `false`".to_owned()) };
                    self.empty(col, *exists == not)?
                }
                "$not" if operand.is_object() => self.field(name, col, operand, !not, depth + 1)?,
                "$regex" => self.regex(name, col, operators, not)?,
                "$options" if operators.contains_key("$regex") => continue,
                other => self.further(name, col, other, operand, not)?,
            });
        }
        Ok(join(parts, not))
    }

    fn further(&mut self, name: &str, col: Col, key: &str, operand: &Value, not: bool) -> Result<Cond, String> {
        let offered = self.collection().filters;
        let Some(filter) = FILTERS.iter().find(|f| f.operator() == key && offered.contains(f)) else {
            let more: String = offered.iter().flat_map(|f| [", ", f.operator()]).collect();
            return Err(format!(
                "there is no operator «{}» for a field; there are $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $regex, \
                 $exists, $not{more}",
                brief(key)
            ));
        };
        let Value::String(text) = operand else { return Err(format!("{key} takes text in quotes")) };
        if text.chars().count() > SEARCH {
            return Err(format!("{key} takes at most {SEARCH} characters"));
        }
        let edges = match filter {
            Filter::Contains => (false, false),
            Filter::StartsWith => (true, false),
            Filter::EndsWith => (false, true),
            Filter::Exact => (true, true),
        };
        let pattern = pattern::literal(text, edges).map_err(|why| format!("{key} of «{}»: {why}", brief(name)))?;
        self.like(name, col, pattern, not)
    }

    fn equals(&mut self, name: &str, col: Col, value: &Value, not: bool) -> Result<Cond, String> {
        if value.is_null() {
            return self.empty(col, !not);
        }
        self.chosen(name, col, value)?;
        self.ordered(name, col, Op::Eq, value, not)
    }

    fn ordered(&mut self, name: &str, col: Col, op: Op, value: &Value, not: bool) -> Result<Cond, String> {
        self.count(0)?;
        let info = self.info(col);
        let about = |why| format!("«{}»: {why}", brief(name));
        if !not {
            return compare(col, info, op, value).map_err(about);
        }
        let opposite = compare(col, info, op.opposite(), value).map_err(about)?;
        Ok(if info.nullable { Cond::Any(vec![Cond::Empty(col, true), opposite]) } else { opposite })
    }

    fn one_of(&mut self, name: &str, col: Col, list: &Value, not: bool) -> Result<Cond, String> {
        let Some(list) = list.as_array().filter(|list| list.len() <= LIST) else {
            return Err(format!("«{}»: $in and $nin take a list of at most {LIST} values", brief(name)));
        };
        self.count(list.len())?;
        let (mut binds, mut null) = (Vec::new(), false);
        for value in list {
            if value.is_null() {
                null = true;
                continue;
            }
            self.chosen(name, col, value)?;
            let bind = exact(self.info(col), value).map_err(|why| format!("«{}»: {why}", brief(name)))?;
            binds.extend(bind);
        }
        let nullable = self.info(col).nullable;
        let listed = match (binds.is_empty(), not) {
            (true, false) => Cond::always(false),
            (true, true) => Cond::present(col, self.info(col)),
            (false, _) => Cond::In(col, binds, not),
        };
        // Without a value: in the list if null is, and otherwise not.
        Ok(if nullable && null != not { Cond::Any(vec![Cond::Empty(col, true), listed]) } else { listed })
    }

    fn regex(&mut self, name: &str, col: Col, spec: &Map<String, Value>, not: bool) -> Result<Cond, String> {
        let options = spec.get("$options").map_or(Some(""), Value::as_str);
        let (Some(text), Some(options)) = (spec["$regex"].as_str(), options) else {
            return Err("$regex takes a pattern in quotes, and $options letters in quotes".to_owned());
        };
        let pattern =
            pattern::compile(text, options).map_err(|why| format!("the $regex of «{}»: {why}", brief(name)))?;
        self.like(name, col, pattern, not)
    }

    fn like(&mut self, name: &str, col: Col, pattern: Pattern, not: bool) -> Result<Cond, String> {
        self.count(0)?;
        let info = self.info(col);
        if !matches!(info.kind, Kind::Text | Kind::Id) {
            return Err(format!("«{}» is not a text, so it cannot match a pattern", brief(name)));
        }
        let matches = Cond::Matches(col, pattern, not);
        Ok(if not && info.nullable { Cond::Any(vec![Cond::Empty(col, true), matches]) } else { matches })
    }

    fn empty(&mut self, col: Col, empty: bool) -> Result<Cond, String> {
        self.count(0)?;
        Ok(if self.info(col).nullable { Cond::Empty(col, empty) } else { Cond::always(!empty) })
    }

    /// Refuses a value that a field of few choices never has.
    fn chosen(&self, name: &str, col: Col, value: &Value) -> Result<(), String> {
        let choices = self.info(col).choices;
        let Some(text) = value.as_str().filter(|text| !choices.is_empty() && !choices.iter().any(|c| c.0 == *text))
        else {
            return Ok(());
        };
        let names: Vec<&str> = choices.iter().map(|choice| choice.0).collect();
        Err(format!("«{}» is one of {}, never «{}»", brief(name), names.join(", "), brief(text)))
    }

    /// All words, each in one of the fields: those named, or every searchable one.
    pub(super) fn search(&mut self, words: &[String], path: Option<&Value>, not: bool) -> Result<Cond, String> {
        let cols = match path {
            None => self.searchable()?,
            Some(path) => self.path(path)?,
        };
        let mut each = Vec::new();
        for word in words {
            let pattern = pattern::literal(word, (false, false))?;
            let mut fields = Vec::new();
            for col in &cols {
                fields.push(self.like("text", *col, pattern.clone(), not)?);
            }
            each.push(join(fields, !not));
        }
        Ok(join(each, not))
    }

    fn path(&mut self, path: &Value) -> Result<Vec<Col>, String> {
        let names: Option<Vec<&str>> = match path {
            Value::String(name) => Some(vec![name.as_str()]),
            Value::Array(names) if !names.is_empty() => names.iter().map(Value::as_str).collect(),
            _ => None,
        };
        let names = names.ok_or("the path of a search is a field's name or a list of them")?;
        names
            .into_iter()
            .map(|name| {
                let col = self.resolve(name)?;
                if self.info(col).searchable { Ok(col) } else { Err(format!("«{}» is not searchable", brief(name))) }
            })
            .collect()
    }

    /// The words of a `$search` stage, and where to look.
    pub(super) fn search_stage(&mut self, spec: &Value) -> Result<Cond, String> {
        let text = spec["text"].as_object().filter(|_| spec.as_object().is_some_and(|all| all.len() == 1));
        let known = |keys: &Map<String, Value>| keys.keys().all(|key| key == "query" || key == "path");
        let text = text.filter(|keys| known(keys)).ok_or(
            "it takes {\"text\": {\"query\": \"words\"}}, where «path» beside «query» may name the fields to look into",
        )?;
        let words = words_of("query", text.get("query").unwrap_or(&Value::Null))?;
        self.search(&words, text.get("path"), false)
    }
}

/// The conditions as one: all of them, or any if they stand under a negation.
fn join(mut parts: Vec<Cond>, any: bool) -> Cond {
    match (parts.len(), any) {
        (1, _) => parts.swap_remove(0),
        (_, true) => Cond::Any(parts),
        (_, false) => Cond::All(parts),
    }
}

fn words_of(key: &str, value: &Value) -> Result<Vec<String>, String> {
    let words: Vec<String> = value.as_str().unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    let length: usize = words.iter().map(|word| word.chars().count()).sum();
    if words.is_empty() || words.len() > WORDS || length > SEARCH {
        return Err(format!("{key} takes 1 to {WORDS} words in quotes, of at most {SEARCH} characters together"));
    }
    Ok(words)
}
