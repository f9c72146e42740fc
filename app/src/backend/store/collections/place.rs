//! Where a page begins: after the row whose sort keys are known, or after so many rows.
//!
//! Invariant: a place that is named by keys stays where it is, whatever is made, changed or removed meanwhile: no row
//! comes twice and none is left out, but for those that move past it themselves. Rows always have a whole order that ends
//! with the row's own id, so each has keys. Decision: what `$group` and `$count` make has none, because what it is sorted
//! by changes with the rows behind it (and a sum of floats with the order they are added in); nor has a row with a key too
//! long to be handed around. There a place is counted, and rows made or removed in between move what follows.

use super::{
    ask::Cell,
    declare::Kind,
    sql::{Bind, Col},
    value::{Cond, Op},
};

/// Characters of a text that may be a key.
pub(super) const KEY: usize = 200;

/// What comes before a page.
#[derive(Clone, Copy, Debug)]
pub enum After<'a> {
    /// So many rows.
    Rows(u32),
    /// The rows up to and with the one that has these keys.
    Keys(&'a [Cell]),
}

/// What holds of the rows behind the one with these keys; `None` if no row in that order has such keys. A row without a
/// value comes first, downwards last.
pub(super) fn behind(order: &[(Col, bool)], kinds: &[Kind], keys: &[Cell]) -> Option<Cond> {
    if order.len() != keys.len() {
        return None;
    }
    let (mut ways, mut same) = (Vec::new(), Vec::new());
    for ((col, down), key) in order.iter().zip(keys) {
        let kind = kinds[col.0];
        let (equal, later) = match key {
            Cell::Null if *down => (Cond::Empty(*col, true), Cond::always(false)),
            Cell::Null => (Cond::Empty(*col, true), Cond::Empty(*col, false)),
            key => {
                let bind = bind(kind, key)?;
                let is = |op| Cond::Compare(*col, kind, op, bind.clone());
                let lower = || Cond::Any(vec![is(Op::Lt), Cond::Empty(*col, true)]);
                (is(Op::Eq), if *down { lower() } else { is(Op::Gt) })
            }
        };
        ways.push(Cond::All(same.iter().cloned().chain([later]).collect()));
        same.push(equal);
    }
    Some(Cond::Any(ways))
}

/// A key beside the text; `None` if it is none of that type.
fn bind(kind: Kind, key: &Cell) -> Option<Bind> {
    Some(match (kind, key) {
        (Kind::Text | Kind::Id, Cell::Text(text)) if !text.contains('\0') => Bind::Text(text.clone()),
        (Kind::Int | Kind::Date, Cell::Int(n) | Cell::Date(n)) => Bind::Int(*n),
        (Kind::Double, Cell::Double(n)) => Bind::Double(*n),
        (Kind::Bool, Cell::Bool(yes)) => Bind::Bool(*yes),
        _ => return None,
    })
}

/// The keys of a row, if they can be handed around.
pub(super) fn keys(cells: Vec<Cell>) -> Option<Vec<Cell>> {
    let short = |cell: &Cell| !matches!(cell, Cell::Text(text) if text.chars().nth(KEY).is_some());
    Some(cells).filter(|cells| cells.iter().all(short))
}
