//! SQL text that is put together at run time, and what differs between the two databases in it.
//!
//! Invariant: text comes from `&'static str`s and from column numbers only; whatever a caller sent is a bind. No
//! function here takes a `String` or `&str` of another lifetime, so injection does not compile.

use super::{declare::Kind, pattern::Pattern};
use std::fmt::Write;

/// Which database the text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// A column of the statement: `c0`, `c1`, … Names of fields never reach the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Col(pub(super) usize);

/// A value beside the text.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::backend::store) enum Bind {
    Text(String),
    Int(i64),
    Double(f64),
    Bool(bool),
    /// No value of that type.
    Null(Kind),
}

/// A statement with its binds; `$1` is the caller.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) dialect: Dialect,
    pub(super) binds: Vec<Bind>,
}

impl Statement {
    /// An empty one, of that caller.
    pub(super) fn new(dialect: Dialect, caller: String) -> Self {
        Self { dialect, binds: vec![Bind::Text(caller)] }
    }

    /// A bind's place, `$n`.
    pub(super) fn bind(&mut self, bind: Bind) -> Sql {
        self.binds.push(bind);
        let mut sql = Sql::default();
        sql.number("$", self.binds.len());
        sql
    }

    /// Text compared byte by byte, which is SQLite's own way.
    pub(super) fn bytewise(&self) -> &'static str {
        match self.dialect {
            Dialect::Sqlite => "",
            Dialect::Postgres => " COLLATE \"C\"",
        }
    }

    /// Whether a text matches.
    pub(super) fn matches(&mut self, col: Col, pattern: &Pattern) -> Sql {
        let operator = match self.dialect {
            Dialect::Sqlite => " REGEXP ",
            Dialect::Postgres => " COLLATE \"C\" ~ ",
        };
        let place = self.bind(Bind::Text(pattern.0.clone()));
        Sql::of("(").col(col).text(operator).sql(&place).text(")")
    }

    /// The plain text of message parts: text parts that are not empty, with blank lines between them.
    pub(super) fn plain_text(&self, column: &'static str) -> Sql {
        let (before, after) = match self.dialect {
            Dialect::Sqlite => ("json_each(", ") p"),
            Dialect::Postgres => ("json_array_elements(CAST(", " AS JSON)) WITH ORDINALITY AS p (value, key)"),
        };
        Sql::of("COALESCE((SELECT string_agg(p.value -> 'text' ->> 'text', '\n\n' ORDER BY p.key) FROM ")
            .text(before)
            .text(column)
            .text(after)
            .text(" WHERE p.value -> 'text' ->> 'text' <> ''), '')")
    }
}

/// A piece of SQL.
#[derive(Clone, Debug, Default)]
pub(super) struct Sql(String);

impl Sql {
    pub(super) fn of(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn text(mut self, text: &'static str) -> Self {
        self.0.push_str(text);
        self
    }

    pub(super) fn sql(mut self, other: &Self) -> Self {
        self.0.push_str(&other.0);
        self
    }

    pub(super) fn col(mut self, col: Col) -> Self {
        self.number("c", col.0);
        self
    }

    fn number(&mut self, before: &'static str, number: usize) {
        let _writing_into_a_string_does_not_fail = write!(self.0, "{before}{number}");
    }

    /// The pieces with `between` between them.
    pub(super) fn joined(pieces: impl IntoIterator<Item = Self>, between: &'static str) -> Self {
        let mut out = Self::default();
        for (at, piece) in pieces.into_iter().enumerate() {
            out = if at == 0 { piece } else { out.text(between).sql(&piece) };
        }
        out
    }

    /// The whole text, for the driver.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}
