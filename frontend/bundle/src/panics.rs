//! Makes a panic in the WASM a bare trap: what would have composed its message is a tenth of what is downloaded.
//!
//! A panic is a fault of ours that no page recovers from: with or without its sentence, the page stops with an error in
//! the console, which every browser test takes for a failure. Whoever hunts one runs an unoptimised build
//! (`cargo leptos watch`), which keeps sentence and place. Rust's own way (`-Cpanic=immediate-abort`) needs a nightly
//! compiler and the standard library's source; this does the same to what the linker gives.
//!
//! Invariant: nothing changes on the way of code that does not panic. A call that never comes back becomes
//! `unreachable`, and so do the instructions straight before it that only prepare its arguments, and those behind it that
//! are never reached.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use anyhow::Result;
use wasmparser::Operator;

use crate::linked::{Function, Linked};

/// Where panics of the standard library begin; they all come together in the first.
const ROOTS: [&str; 4] = [
    "core::panicking::",
    "std::panicking::begin_panic",
    "alloc::alloc::handle_alloc_error",
    "core::str::slice_error_fail",
];
/// What may be called on the way to a panic for its message alone.
const TELLING: [&str; 2] = ["alloc::fmt::format", "core::fmt::"];

/// What is to be silenced in the code of `linked`, in order.
pub(crate) fn places(linked: &Linked) -> Result<Vec<Range<usize>>> {
    let named = |roots: &[&str]| -> HashSet<u32> {
        let begins = |function: &&Function| roots.iter().any(|root| function.name.starts_with(root));
        linked.functions().iter().filter(begins).map(|function| function.index).collect()
    };
    let mut callers = HashMap::<u32, Vec<&Function>>::new();
    for function in linked.functions() {
        let called: HashSet<u32> = linked
            .instructions(&function.code)?
            .iter()
            .filter_map(|(operator, _)| match operator {
                Operator::Call { function_index } => Some(*function_index),
                _ => None,
            })
            .collect();
        for index in called {
            callers.entry(index).or_default().push(function);
        }
    }
    let (telling, mut lost) = (named(&TELLING), named(&ROOTS));
    let mut open: Vec<u32> = lost.iter().copied().collect();
    let mut cuts = HashMap::<u32, Vec<Range<usize>>>::new();
    while let Some(index) = open.pop() {
        for function in callers.get(&index).into_iter().flatten() {
            let found = cut(linked, function, &lost, &telling)?;
            if found.as_slice() == [function.code.clone()] && lost.insert(function.index) {
                open.push(function.index);
            }
            cuts.insert(function.index, found);
        }
    }
    let mut places: Vec<_> = cuts.into_values().flatten().collect();
    places.sort_by_key(|place| place.start);
    Ok(places)
}

/// Of every sequence of the function what never runs to its end: from its first call of a `lost` function, with what
/// prepares that, to the sequence's end. The whole of its code if nothing but a trap is left.
fn cut(linked: &Linked, function: &Function, lost: &HashSet<u32>, telling: &HashSet<u32>) -> Result<Vec<Range<usize>>> {
    let mut cuts = Vec::new();
    // Where the harmless instructions begin that stand straight before the next one.
    let mut start = function.code.start;
    let (mut lost_from, mut depth) = (None, 0_usize);
    for (operator, place) in linked.instructions(&function.code)? {
        if let Some(from) = lost_from {
            // Blocks within what is lost are lost with it.
            match operator {
                Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => depth += 1,
                Operator::End if depth > 0 => depth -= 1,
                Operator::End | Operator::Else if depth == 0 => {
                    cuts.push(from..place.start);
                    lost_from = None;
                    start = place.end;
                }
                _ => {}
            }
            continue;
        }
        match operator {
            Operator::Call { function_index } if lost.contains(&function_index) => lost_from = Some(start),
            Operator::Unreachable => lost_from = Some(start),
            Operator::Call { function_index } if telling.contains(&function_index) => {}
            _ if is_harmless(linked.opcode(&place)) => {}
            _ => start = place.end,
        }
    }
    cuts.extend(lost_from.map(|from| from..function.code.end));
    Ok(cuts)
}

/// Whether an instruction, by its first byte, does nothing that is seen outside of the function but to its memory, which
/// a trap ends.
fn is_harmless(opcode: u8) -> bool {
    matches!(
        opcode,
        0x01 // nop
        | 0x1a..=0x1c // drop, select
        | 0x20..=0x24 // locals and globals
        | 0x28..=0x3e // loads and stores
        | 0x41..=0xc4 // constants and arithmetic
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::linked::tests::{CALL, instructions, module};

    const PANIC: (&str, &[u8]) = ("core::panicking::panic_fmt", &[0x41, 1]);
    const FORMAT: (&str, &[u8]) = ("alloc::fmt::format", &[0x41, 2]);

    /// What is left of a function that stands before [`PANIC`] (1), [`FORMAT`] (2) and an ordinary one (3).
    fn left(code: &[u8]) -> Vec<u8> {
        let bytes = module(&[("f", code), PANIC, FORMAT, ("other", &[0x41, 3])]);
        let linked = Linked::parse(bytes).unwrap();
        let places = places(&linked).unwrap();
        instructions(&linked.silence(&places).unwrap()).remove(0).into_iter().filter(|byte| *byte != 1).collect()
    }

    #[test]
    fn what_prepares_a_panic_goes_with_it_and_what_else_was_done_stays() {
        assert_eq!(left(&[CALL, 3, 0x1a, 0x41, 5, 0x1a, CALL, 2, CALL, 1]), [CALL, 3, 0]);
        assert_eq!(left(&[CALL, 3, 0x41, 5, 0x1a]), [CALL, 3, 0x41, 5, 0x1a]);
    }

    #[test]
    fn only_the_branch_that_panics_is_cut() {
        // if { other; panic } else { 7 }
        let code = [0x41, 0, 0x04, 0x7f, CALL, 3, 0x1a, CALL, 1, 0x05, 0x41, 7, 0x0b];
        assert_eq!(left(&code), [0x41, 0, 0x04, 0x7f, CALL, 3, 0, 0x05, 0x41, 7, 0x0b]);
    }

    #[test]
    fn what_is_never_reached_goes_too_with_its_blocks() {
        // block { panic; loop { other } } 7
        let code = [0x02, 0x40, CALL, 1, 0x1a, 0x03, 0x40, CALL, 3, 0x1a, 0x0b, 0x0b, 0x41, 7];
        assert_eq!(left(&code), [0x02, 0x40, 0, 0x0b, 0x41, 7]);
    }

    #[test]
    fn who_only_panics_is_a_panic_for_its_callers() {
        let bytes = module(&[("f", &[0x41, 9, 0x1a, CALL, 1]), ("g", &[CALL, 2]), PANIC]);
        let linked = Linked::parse(bytes).unwrap();
        let code: Vec<_> = linked.functions().iter().map(|function| function.code.clone()).collect();
        assert_eq!(places(&linked).unwrap(), code[..2]);
    }
}
