//! The rows that a batch hands to its statements, and how a statement gets them: as a list of values beside its text.

use sqlx::{Database, Encode, Type, query::QueryAs};
use std::{fmt::Write as _, sync::Arc};

/// How many rows a list may have. A shorter one is filled up with rows of NULL, which concern nothing, so that a few texts
/// are all that is ever prepared.
const SIZES: [usize; 5] = [0, 1, 4, 16, 64];
/// The most rows of a list.
pub(in crate::backend::store) const MOST: usize = SIZES[SIZES.len() - 1];
/// How many sizes there are.
pub(super) const CLASSES: usize = SIZES.len();

/// A column of a row; cloning it is cheap.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(Option<Arc<str>>),
    Number(Option<i64>),
}

/// What can stand in a row.
trait Column {
    /// Without a value, of the same type: PostgreSQL asks for one type in all rows.
    const NULL: Value;
    fn value(self) -> Value;
}

impl Column for String {
    const NULL: Value = Value::Text(None);
    fn value(self) -> Value {
        Value::Text(Some(self.into()))
    }
}

impl Column for Option<String> {
    const NULL: Value = Value::Text(None);
    fn value(self) -> Value {
        Value::Text(self.map(Into::into))
    }
}

impl Column for &'static str {
    const NULL: Value = Value::Text(None);
    fn value(self) -> Value {
        Value::Text(Some(self.into()))
    }
}

impl Column for i64 {
    const NULL: Value = Value::Number(None);
    fn value(self) -> Value {
        Value::Number(Some(self))
    }
}

impl Column for Option<i64> {
    const NULL: Value = Value::Number(None);
    fn value(self) -> Value {
        Value::Number(self)
    }
}

/// A row of one kind.
pub(super) trait Given {
    const COLUMNS: &'static [&'static str];
    const NOTHING: &'static [Value];
    fn put(self, list: &mut Vec<Value>);
}

macro_rules! given {
    ($($(#[$about:meta])* $name:ident { $($(#[$what:meta])* $column:ident: $kind:ty),* $(,)? })*) => {
        $(
            $(#[$about])*
            #[derive(Debug)]
            pub(in crate::backend::store) struct $name {
                $($(#[$what])* pub(in crate::backend::store) $column: $kind),*
            }

            impl Given for $name {
                const COLUMNS: &'static [&'static str] = &[$(stringify!($column)),*];
                const NOTHING: &'static [Value] = &[$(<$kind as Column>::NULL),*];
                fn put(self, list: &mut Vec<Value>) {
                    $(list.push(self.$column.value());)*
                }
            }
        )*
    };
}

given! {
    /// A turn's text so far.
    GivenCheckpoint {
        turn: String,
        parts: String,
        lease: i64,
        input: i64,
        output: i64,
        cached: i64,
        waiting: Option<String>,
    }

    /// A turn's end.
    GivenFinish {
        turn: String,
        now: i64,
        parts: String,
        status: &'static str,
        input: i64,
        output: i64,
        cached: i64,
        fault: Option<String>,
    }

    /// A turn's beginning, with what its person says.
    GivenStart {
        conversation: String,
        person: String,
        turn: String,
        reply: String,
        model: String,
        scopes: Option<String>,
        now: i64,
        lease: i64,
        /// Turns that may wait.
        queue: i64,
        /// 1: its first message follows the newest leaf, and not `parent`.
        at_head: i64,
        parent: Option<String>,
        /// What the reply begins with.
        begun: String,
        /// The same, if it is anything: a crash before the first checkpoint must not lose it.
        checkpoint: Option<String>,
        /// The person's message, if there is one, with its key and parts.
        message: Option<String>,
        client_id: Option<String>,
        said: Option<String>,
    }

    /// A call's record.
    GivenCall {
        id: String,
        person: String,
        tool: String,
        server: Option<String>,
        via: &'static str,
        credential: Option<String>,
        conversation: Option<String>,
        turn: Option<String>,
        digest: String,
        rule: &'static str,
        decided_by: Option<String>,
        outcome: &'static str,
        began_at: i64,
        duration_ms: Option<i64>,
    }
}

/// The rows of one kind, filled up to one of the sizes.
#[derive(Debug, Default)]
pub(super) struct List {
    /// Which size: 0 is none.
    pub(super) class: usize,
    pub(super) values: Vec<Value>,
}

impl List {
    /// Fails if they are more than [`MOST`].
    pub(super) fn of<T: Given>(rows: Vec<T>) -> Result<Self, sqlx::Error> {
        let class = SIZES.iter().position(|size| rows.len() <= *size).ok_or_else(|| {
            sqlx::Error::InvalidArgument(format!("{} rows are more than a statement takes", rows.len()))
        })?;
        let missing = SIZES[class] - rows.len();
        let mut values = Vec::with_capacity(SIZES[class] * T::COLUMNS.len());
        for row in rows {
            row.put(&mut values);
        }
        for _ in 0..missing {
            values.extend_from_slice(T::NOTHING);
        }
        Ok(Self { class, values })
    }
}

/// Hands values to a query, after whatever it has.
pub(super) fn bind<'q, DB, O>(
    query: QueryAs<'q, DB, O, DB::Arguments>,
    values: impl IntoIterator<Item = Value>,
) -> QueryAs<'q, DB, O, DB::Arguments>
where
    DB: Database,
    Option<Arc<str>>: Encode<'q, DB> + Type<DB> + 'q,
    Option<i64>: Encode<'q, DB> + Type<DB> + 'q,
{
    values.into_iter().fold(query, |query, value| match value {
        Value::Text(text) => query.bind(text),
        Value::Number(number) => query.bind(number),
    })
}

/// A statement that reads a list as the table `given`, aliased `g`. Only the columns that the text names are in the table;
/// `place` says how each of them stands there, told by its place among the list's values.
pub(super) fn reading(text: &str, columns: &[&str], class: usize, mut place: impl FnMut(usize) -> String) -> String {
    let used: Vec<usize> = (0..columns.len()).filter(|at| names(text, columns[*at])).collect();
    let listed = |each: &mut dyn FnMut(usize) -> String| used.iter().map(|at| each(*at)).collect::<Vec<_>>().join(", ");
    let mut whole = format!("WITH given ({}) AS (VALUES ", listed(&mut |at| columns[at].to_owned()));
    for row in 0..SIZES[class] {
        let before = if row == 0 { "" } else { ", " };
        // Writing to a string does not fail.
        let _written = write!(whole, "{before}({})", listed(&mut |at| place(row * columns.len() + at)));
    }
    whole + ") " + text
}

/// A place by its number, as both databases have it.
pub(super) fn numbered(at: usize) -> String {
    format!("${}", at + 1)
}

/// Whether a text names a column of the list's.
fn names(text: &str, column: &str) -> bool {
    text.match_indices("g.").any(|(at, _)| {
        let name = &text[at + 2..];
        name.strip_prefix(column).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
            && !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_lists_the_columns_that_it_names() {
        let text = "UPDATE t SET parts = g.parts, long = msg.turn FROM given AS g WHERE t.id = g.turn_id";
        let columns = ["turn", "parts", "now", "turn_id"];
        let told = reading(text, &columns, 2, |at| numbered(at + 10));
        let rows = "($12, $14), ($16, $18), ($20, $22), ($24, $26)";
        assert_eq!(told, format!("WITH given (parts, turn_id) AS (VALUES {rows}) {text}"));
    }

    #[test]
    fn a_list_is_filled_up_with_rows_of_nothing() {
        let finish = |turn: &str| GivenFinish {
            turn: turn.to_owned(),
            now: 1,
            parts: String::new(),
            status: "complete",
            input: 0,
            output: 0,
            cached: 0,
            fault: None,
        };
        let list = List::of(vec![finish("a"), finish("b"), finish("c")]).unwrap_or_default();
        assert_eq!((list.class, list.values.len()), (2, 4 * GivenFinish::COLUMNS.len()));
        let filler = &list.values[3 * GivenFinish::COLUMNS.len()..];
        assert!(filler.iter().all(|value| matches!(value, Value::Text(None) | Value::Number(None))), "{filler:?}");
        assert!(matches!(filler[..2], [Value::Text(None), Value::Number(None)]), "{filler:?}");
        assert!(List::of((0..=MOST).map(|n| finish(&n.to_string())).collect()).is_err());
    }
}
