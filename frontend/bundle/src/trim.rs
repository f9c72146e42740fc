//! Takes code out of the WASM that can be seen here, and not by the linker, never to run: a fifth of what is downloaded.
//!
//! Leptos can wake a page in one go (`hydrate_body`) or step by step, between parts that are fetched when needed
//! (`hydrate_lazy`). Every type-erased view carries a pointer to its code for each way, so both are linked for every
//! view; Parley's page wakes in one go (`frontend/src/lib.rs`). The functions of the other way are made to trap, and
//! what only they called is collected. Were one of them called after all, the page would stop with an error in the
//! console, which every browser test takes for a failure.
//!
//! LLVM keeps one of several functions that are equal, under any of their names. So only those are taken that no other
//! code can be equal to: what makes a view's future, with that future's own table, and what polls it. Helpers within
//! them are left alone: some are those of ordinary waking as well.

use std::path::Path;

use anyhow::{Context, Result, bail};
use walrus::{FunctionBuilder, FunctionId, FunctionKind, Module};

/// How their names end: the targets of the views' pointers, and the futures' own code.
const STEP_BY_STEP: [&str; 2] = ["::into_any::hydrate_async", "::hydrate_async::{{closure}}"];

/// Rewrites `wasm`, which must still have its names, and takes these out too.
pub(crate) fn trim(wasm: &Path) -> Result<()> {
    let shown = wasm.display();
    let mut module = Module::from_file(wasm).with_context(|| format!("cannot read {shown}"))?;
    let dead: Vec<FunctionId> = module
        .funcs
        .iter_local()
        .map(|(id, _)| id)
        .filter(|id| module.funcs.get(*id).name.as_deref().is_some_and(is_step_by_step))
        .collect();
    if dead.is_empty() {
        bail!("no function of {shown} is named {}: its names are gone, or Leptos has changed", STEP_BY_STEP[0]);
    }
    for id in dead {
        trap(&mut module, id);
    }
    walrus::passes::gc::run(&mut module);
    for function in module.funcs.iter_mut() {
        function.name = None;
    }
    module.emit_wasm_file(wasm).with_context(|| format!("cannot write {shown}"))
}

/// Of a name without its hash, or with the one that rustc's older mangling ends in (`::h` and 16 digits).
fn is_step_by_step(name: &str) -> bool {
    let path = match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|digit| digit.is_ascii_hexdigit()) => path,
        _ => name,
    };
    STEP_BY_STEP.iter().any(|end| path.ends_with(end))
}

/// Leaves the function its type, for the tables that point to it, and nothing else.
fn trap(module: &mut Module, id: FunctionId) {
    let ty = module.types.get(module.funcs.get(id).ty());
    let (params, results) = (ty.params().to_vec(), ty.results().to_vec());
    let mut builder = FunctionBuilder::new(&mut module.types, &params, &results);
    builder.func_body().unreachable();
    let arguments = params.iter().map(|ty| module.locals.add(*ty)).collect();
    module.funcs.get_mut(id).kind = FunctionKind::Local(builder.local_func(arguments));
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use walrus::ValType;

    /// A module that exports `kept` and `hydrate_async`; only the latter calls `helper`.
    fn module() -> Module {
        let mut module = Module::default();
        let mut function = |name: &str, call: Option<FunctionId>| {
            let mut builder = FunctionBuilder::new(&mut module.types, &[ValType::I32], &[ValType::I32]);
            builder.name(name.to_owned());
            let argument = module.locals.add(ValType::I32);
            builder.func_body().local_get(argument);
            if let Some(called) = call {
                builder.func_body().call(called);
            }
            builder.finish(vec![argument], &mut module.funcs)
        };
        let helper = function("helper", None);
        let lazy = function("<T as tachys::IntoAny>::into_any::hydrate_async::h0123456789abcdef", Some(helper));
        let kept = function("kept", None);
        module.exports.add("kept", kept);
        module.exports.add("lazy", lazy);
        module
    }

    #[test]
    fn what_only_lazy_waking_called_goes_and_the_rest_stays() {
        let file = std::env::temp_dir().join(format!("parley-trim-{}.wasm", std::process::id()));
        module().emit_wasm_file(&file).unwrap();
        trim(&file).unwrap();
        let trimmed = Module::from_file(&file).unwrap();
        let again = trim(&file);
        std::fs::remove_file(&file).unwrap();
        assert_eq!((module().funcs.iter_local().count(), trimmed.funcs.iter_local().count()), (3, 2));
        assert_eq!(trimmed.exports.iter().count(), 2);
        assert!(trimmed.funcs.iter().all(|function| function.name.is_none()));
        assert!(again.unwrap_err().to_string().contains("its names are gone"));
    }

    #[test]
    fn helpers_are_left_alone() {
        assert!(is_step_by_step("<F as RenderHtml>::hydrate_async::{{closure}}::h00112233445566ff"));
        assert!(!is_step_by_step("<F as RenderHtml>::hydrate_async::{{closure}}::prep::h0c34c564a9d72c31"));
        assert!(!is_step_by_step("<F as RenderHtml>::hydrate_async::h00112233445566ff"));
        assert!(!is_step_by_step("<T as IntoAny>::into_any::hydrate_from_server::h00112233445566ff"));
    }
}
