//! Values that callers compare with, as the database takes them: of the field's own type, or a sentence that says so.
//!
//! Invariant: a number too large or too fine for a column compares as the number it is, not as what it is cut to.

use super::{
    declare::Kind,
    plan::Info,
    sql::{Bind, Col},
};
use jiff::{Timestamp, civil, tz::TimeZone};
use serde_json::Value;

/// A comparison that is true of no row without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Eq,
    Ne,
    Gt,
    Gte,
    Lt,
    Lte,
}

impl Op {
    /// What holds of a value where this does not.
    pub(super) fn opposite(self) -> Self {
        match self {
            Self::Eq => Self::Ne,
            Self::Ne => Self::Eq,
            Self::Gt => Self::Lte,
            Self::Gte => Self::Lt,
            Self::Lt => Self::Gte,
            Self::Lte => Self::Gt,
        }
    }

    pub(super) fn sql(self) -> &'static str {
        match self {
            Self::Eq => " = ",
            Self::Ne => " <> ",
            Self::Gt => " > ",
            Self::Gte => " >= ",
            Self::Lt => " < ",
            Self::Lte => " <= ",
        }
    }
}

/// A condition on rows; `None` of SQL's third truth value is ever looked at under a negation.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cond {
    All(Vec<Self>),
    Any(Vec<Self>),
    Empty(Col, bool),
    Compare(Col, Kind, Op, Bind),
    In(Col, Vec<Bind>, bool),
    Matches(Col, super::pattern::Pattern, bool),
}

impl Cond {
    /// True of every row, or of none.
    pub(super) fn always(holds: bool) -> Self {
        if holds { Self::All(Vec::new()) } else { Self::Any(Vec::new()) }
    }

    /// True of every row that has a value there.
    pub(super) fn present(col: Col, info: &Info) -> Self {
        if info.nullable { Self::Empty(col, false) } else { Self::always(true) }
    }
}

/// Where a number stands among those a column of whole numbers can hold.
enum Place {
    At(i64),
    /// Between this one and the next.
    After(i64),
    Below,
    Above,
}

/// A comparison of a column with a value that is not null.
///
/// # Errors
/// The value is not of the column's type.
pub(super) fn compare(col: Col, info: &Info, op: Op, value: &Value) -> Result<Cond, String> {
    let with = |op, bind| Cond::Compare(col, info.kind, op, bind);
    if !matches!(info.kind, Kind::Int | Kind::Date) {
        return Ok(with(op, exact(info, value)?.ok_or_else(|| wrong(info, value))?));
    }
    Ok(match (place(info, value)?, op) {
        (Place::At(n), op) => with(op, Bind::Int(n)),
        (Place::After(n), Op::Gt | Op::Gte) => with(Op::Gt, Bind::Int(n)),
        (Place::After(n), Op::Lt | Op::Lte) => with(Op::Lte, Bind::Int(n)),
        (Place::Below, Op::Gt | Op::Gte) | (Place::Above, Op::Lt | Op::Lte) | (_, Op::Ne) => Cond::present(col, info),
        (Place::Below | Place::Above | Place::After(_), _) => Cond::always(false),
    })
}

/// The value as a row can hold it; `None` if no row can.
///
/// # Errors
/// It is not of the column's type.
pub(super) fn exact(info: &Info, value: &Value) -> Result<Option<Bind>, String> {
    Ok(Some(match (info.kind, value) {
        (Kind::Int | Kind::Date, _) => match place(info, value)? {
            Place::At(n) => Bind::Int(n),
            _ => return Ok(None),
        },
        (Kind::Double, Value::Number(number)) => Bind::Double(number.as_f64().ok_or_else(|| wrong(info, value))?),
        (Kind::Bool, Value::Bool(yes)) => Bind::Bool(*yes),
        (Kind::Text | Kind::Id, Value::String(text)) if text.contains('\0') => {
            return Err("no text holds U+0000".to_owned());
        }
        (Kind::Text, Value::String(text)) => Bind::Text(text.clone()),
        (Kind::Id, Value::String(text)) => Bind::Text(id(text)),
        _ => return Err(wrong(info, value)),
    }))
}

/// An id as it is stored: UUIDs in small letters with hyphens, anything else as it is.
pub(super) fn id(text: &str) -> String {
    text.trim().parse::<uuid::Uuid>().map_or_else(|_| text.to_owned(), |id| id.to_string())
}

fn place(info: &Info, value: &Value) -> Result<Place, String> {
    match value {
        Value::Number(number) => Ok(match (number.as_i64(), number.as_f64()) {
            (Some(n), _) => Place::At(n),
            (None, Some(n)) => place_of(n),
            (None, None) => return Err(wrong(info, value)),
        }),
        Value::String(text) if info.kind == Kind::Date => time(text).map(Place::At).ok_or_else(|| wrong(info, value)),
        _ => Err(wrong(info, value)),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the ends of the range are sorted out before")]
fn place_of(number: f64) -> Place {
    // 2^63 is the first float that no i64 holds; -2^63 is one itself.
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    match number {
        n if n >= BEYOND => Place::Above,
        n if n < -BEYOND => Place::Below,
        n if n.fract() == 0.0 => Place::At(n as i64),
        n => Place::After(n.floor() as i64),
    }
}

/// A time as callers write it: RFC 3339, or a day, which begins at midnight UTC.
pub(super) fn time(text: &str) -> Option<i64> {
    if let Ok(time) = text.trim().parse::<Timestamp>() {
        return Some(time.as_millisecond());
    }
    let day: civil::Date = text.trim().parse().ok()?;
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

/// What a field of that type takes.
pub fn takes(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text in quotes",
        Kind::Int => "a whole number",
        Kind::Double => "a number",
        Kind::Bool => "`true` or `false`",
        Kind::Date => "a time such as \"2026-01-31T12:00:00Z\" or a day such as \"2026-01-31\"",
        Kind::Id => "an id in quotes",
    }
}

fn wrong(info: &Info, value: &Value) -> String {
    format!("it takes {}, not `{}`", takes(info.kind), brief(&value.to_string()))
}

/// At most 60 characters of what somebody wrote.
pub fn brief(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
