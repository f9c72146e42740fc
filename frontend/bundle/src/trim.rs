//! Takes code out of the WASM that can be seen here, and not by the linker, never to run: a fifth of what is downloaded.
//!
//! Leptos can wake a page in one go (`hydrate_body`) or step by step, between parts that are fetched when needed
//! (`hydrate_lazy`). Every type-erased view carries a pointer to its code for each way, so both are linked for every
//! view; Parley's page wakes in one go (`frontend/src/lib.rs`). The functions of the other way are made to trap, and
//! what only they called goes with them when the module is split. Were one of them called after all, the page would stop
//! with an error in the console, which every browser test takes for a failure.
//!
//! LLVM keeps one of several functions that are equal, under any of their names. So only those are taken that no other
//! code can be equal to: what makes a view's future, with that future's own table, and what polls it. Helpers within
//! them are left alone: some are those of ordinary waking as well.

use anyhow::{Result, bail};

use crate::linked::Linked;
use crate::panics;

/// How their names end, in rustc's two manners of writing them: the targets of the views' pointers, and the futures' own
/// code.
const STEP_BY_STEP: [&str; 3] =
    ["::into_any::hydrate_async", "::hydrate_async::{{closure}}", "::hydrate_async::{closure#0}"];

/// The linked module without them, and without what a panic would say.
pub(crate) fn trim(module: Vec<u8>) -> Result<Vec<u8>> {
    let linked = Linked::parse(module)?;
    let dead = linked.functions().iter().filter(|function| is_step_by_step(&function.name));
    let mut places: Vec<_> = dead.map(|function| function.code.clone()).collect();
    if places.is_empty() {
        bail!("no function of the WASM is named {}: its names are gone, or Leptos has changed", STEP_BY_STEP[0]);
    }
    let whole = places.clone();
    let within = |place: &std::ops::Range<usize>| {
        let next = whole.partition_point(|whole| whole.end <= place.start);
        whole.get(next).is_some_and(|whole| whole.start <= place.start)
    };
    places.extend(panics::places(&linked)?.into_iter().filter(|place| !within(place)));
    places.sort_by_key(|place| place.start);
    linked.silence(&places)
}

/// Of a name without the compiler's hash, and in the newer manner without its types (`::<…>`).
fn is_step_by_step(name: &str) -> bool {
    let path = name.strip_suffix('>').and_then(opening).unwrap_or(name);
    STEP_BY_STEP.iter().any(|end| path.ends_with(end))
}

/// What stands before the `::<` whose `>` has been taken from the end; `->` is no bracket.
fn opening(path: &str) -> Option<&str> {
    let mut depth = 1;
    let bytes = path.as_bytes();
    let before = (0..bytes.len()).rev().find(|&at| {
        match bytes[at] {
            b'>' if at > 0 && bytes[at - 1] == b'-' => {}
            b'>' => depth += 1,
            b'<' => depth -= 1,
            _ => {}
        }
        depth == 0
    })?;
    path[..before].strip_suffix("::")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::linked::tests::{CALL, instructions, module, named};

    #[test]
    fn lazy_waking_no_longer_calls_anything_and_the_rest_does() {
        let lazy = "_ZN1a8into_any13hydrate_async17h0123456789abcdefE";
        let panic = "_ZN4core9panicking5panic17h0123456789abcdefE";
        let trimmed = trim(module(&[
            ("_ZN1a6helper17h0123456789abcdefE", &[CALL, 2]),
            (lazy, &[CALL, 3]),
            ("kept", &[CALL, 0]),
            (panic, &[0x41, 0]),
        ]))
        .unwrap();
        assert_eq!(named(&trimmed), [2, 0]);
        assert_eq!(instructions(&trimmed)[1], [0, 1, 1, 1, 1, 1]);
        let without = trim(module(&[("helper", &[CALL, 0])])).unwrap_err().to_string();
        assert!(without.contains("its names are gone"), "{without}");
    }

    #[test]
    fn helpers_are_left_alone() {
        assert!(is_step_by_step("<F as RenderHtml>::hydrate_async::{{closure}}"));
        assert!(is_step_by_step("<F as RenderHtml>::hydrate_async::{closure#0}"));
        assert!(is_step_by_step("<_ as IntoAny>::into_any::hydrate_async::<View<Box<dyn Fn() -> Option<P>>>>"));
        assert!(!is_step_by_step("<F as RenderHtml>::hydrate_async::{{closure}}::prep"));
        assert!(!is_step_by_step("<F as RenderHtml>::hydrate_async"));
        assert!(!is_step_by_step("<T as IntoAny>::into_any::hydrate_from_server"));
    }
}
