//! wasm-bindgen, run as a library: its command-line tool would cost a bare machine eleven more minutes of compiling.
//!
//! The crate's version must be the very one in Cargo.lock, hence the `=` in the workspace. The loader of chunks becomes
//! a part of the script: as a file of its own it would be one more round trip before the page wakes, and the two would
//! import each other, so that neither could be named after its content.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use walrus::{Export, Module};
use wasm_bindgen_cli_support::Bindgen;

use crate::split::{LOADER, Split};

/// How `wasm-bindgen` names the methods of the classes `IntoUnderlyingSource`, `…ByteSource` and `…Sink`.
const STREAMS: &str = "intounderlying";

/// The files a page loads, unhashed, and the folder of inline JavaScript that crates bring, if any does.
#[derive(Debug)]
pub(crate) struct Glue {
    /// `NAME.js`.
    pub(crate) js: PathBuf,
    /// `NAME.wasm`, as Leptos asks for it (wasm-bindgen itself says `NAME_bg.wasm`).
    pub(crate) wasm: PathBuf,
    /// What the script fetches when it is needed.
    pub(crate) chunks: Vec<PathBuf>,
    /// `snippets/`, imported by the JavaScript with a relative path.
    pub(crate) snippets: Option<PathBuf>,
}

/// Writes the glue for what was split into `folder`.
pub(crate) fn generate(name: &str, split: Split, folder: &Path) -> Result<Glue> {
    let mut output = Bindgen::new()
        .input_bytes(name, split.main)
        .out_name(name)
        .typescript(false)
        // `wasm-opt` puts the functions in the order of their names, and takes the names out.
        .remove_name_section(false)
        .remove_producers_section(true)
        // The chunks share the table of functions and the stack.
        .keep_lld_exports(true)
        // Leptos always passes the path, which holds a hash; a default one would only be wrong.
        .omit_default_module_path(true)
        .web(true)
        .and_then(Bindgen::generate_output)
        .context("wasm-bindgen could not process the main module")?;
    let streams = !drop_streams(output.wasm_mut());
    let mut short = HashMap::new();
    for import in output.wasm_mut().imports.iter_mut().filter(|import| import.module != LOADER) {
        let name = format!("i{:x}", short.len());
        short.insert(std::mem::replace(&mut import.name, name.clone()), name);
    }
    output.emit(folder).context("cannot write the main module")?;
    let renamed = folder.join(format!("{name}.wasm"));
    fs::rename(folder.join(format!("{name}_bg.wasm")), &renamed)
        .with_context(|| format!("cannot write {}", renamed.display()))?;
    let js = folder.join(format!("{name}.js"));
    let script = fs::read_to_string(&js).with_context(|| format!("cannot read {}", js.display()))?;
    let script = if streams { script } else { without_streams(&script) };
    fs::write(&js, shorten(&join(&script, &split.loader)?, &short))
        .with_context(|| format!("cannot write {}", js.display()))?;
    let snippets = Some(folder.join("snippets")).filter(|path| path.is_dir());
    Ok(Glue { js, wasm: renamed, chunks: split.chunks, snippets })
}

/// Takes back what `wasm-streams` exports, unless the module can make what it is for: requests whose bodies are streams,
/// which Leptos' client knows and Parley's pages never send. What is exported is never collected. Whether it did.
fn drop_streams(module: &mut Module) -> bool {
    if module.imports.iter().any(|import| import.name.contains(STREAMS)) {
        return false;
    }
    let unused: Vec<_> = module.exports.iter().filter(|export| export.name.contains(STREAMS)).map(Export::id).collect();
    for id in unused {
        module.exports.delete(id);
    }
    true
}

/// The script without the classes of what [`drop_streams`] took, and without what registers their objects.
fn without_streams(script: &str) -> String {
    let begins = |line: &str, with: &[&str]| with.iter().any(|word| line.starts_with(&format!("{word}IntoUnderlying")));
    let mut kept = String::with_capacity(script.len());
    let mut lines = script.lines();
    while let Some(line) = lines.next() {
        // A class ends with its brace, a registry with its statement.
        let end = if begins(line, &["export class "]) {
            Some("}")
        } else if begins(line, &["const "]) {
            Some(";")
        } else {
            None
        };
        match end {
            Some("}") => drop(lines.by_ref().take_while(|line| *line != "}").count()),
            Some(_) if !line.ends_with(';') => drop(lines.by_ref().take_while(|line| !line.ends_with(';')).count()),
            Some(_) => {}
            None if begins(line, &["if (Symbol.dispose) "]) => {}
            None => kept.extend([line, "\n"]),
        }
    }
    kept
}

/// The script with the loader in the place of its imports, of which wasm-bindgen writes one for each name.
fn join(script: &str, loader: &str) -> Result<String> {
    let mut bindings = Vec::new();
    let mut joined = String::with_capacity(script.len() + loader.len());
    for line in script.lines() {
        let imported = line.strip_prefix("import * as ").and_then(|rest| rest.split_once(" from "));
        match imported.filter(|(_, module)| module.contains(LOADER)) {
            Some((binding, _)) => bindings.push(binding),
            None => joined.extend([line, "\n"]),
        }
    }
    ensure!(!bindings.is_empty(), "the glue does not import {LOADER}");
    let mut body = String::with_capacity(loader.len());
    let mut names = Vec::new();
    for line in loader.lines().filter(|line| !line.starts_with("import ")) {
        let exported = line.strip_prefix("export const ");
        names.extend(exported.and_then(|rest| rest.split(' ').next()));
        body.push_str(exported.map_or("", |_| "const "));
        body.push_str(exported.unwrap_or(line));
        body.push('\n');
    }
    joined.extend(["const __wasm_split = (() => {\n", &body, "return { ", &names.join(", "), " };\n})();\n"]);
    let bound: Vec<_> = bindings.iter().map(|binding| format!("{binding} = __wasm_split")).collect();
    joined.extend(["const ", &bound.join(", "), ";\n"]);
    Ok(joined)
}

/// The script without comments, and with the `short` names of what it gives to the module: each of wasm-bindgen's own
/// has a hash at its end, which cannot be compressed and stands in both files.
fn shorten(script: &str, short: &HashMap<String, String>) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    let mut shortened = String::with_capacity(script.len());
    for line in script.lines() {
        let mut rest = line.trim_start();
        if rest.is_empty() || ["//", "/*", "*"].iter().any(|comment| rest.starts_with(comment)) {
            continue;
        }
        while !rest.is_empty() {
            let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            shortened.push_str(short.get(&rest[..word]).map_or(&rest[..word], String::as_str));
            let next = rest[word..].find(is_word).map_or(rest.len(), |next| word + next);
            shortened.push_str(&rest[word..next]);
            rest = &rest[next..];
        }
        shortened.push('\n');
    }
    shortened
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn classes_of_what_was_taken_go_and_others_stay() {
        let script = "export class IntoUnderlyingSink {\n    free() {\n    }\n}\n\
                      if (Symbol.dispose) IntoUnderlyingSink.prototype[Symbol.dispose] = 1;\nexport class Other {\n}\n\
                      const IntoUnderlyingSinkFinalization = (typeof FinalizationRegistry === 'undefined')\n    ? { }\n    \
                      : new FinalizationRegistry(ptr => 1);\nconst other = 1;\n";
        assert_eq!(without_streams(script), "export class Other {\n}\nconst other = 1;\n");
    }

    #[test]
    fn the_loader_takes_the_place_of_its_import() {
        let script = "import * as import1 from \"./__wasm_split.js\"\nimport * as import2 from \"./__wasm_split.js\"\n\
                      function initSync() {}\nuse(() => [import1, import2]);\n";
        let loader = "import { initSync } from \"./parley.js\";\n\nfunction f() { initSync(); }\n\
                      export const __wasm_split_load_a = f(() => {\n});\nexport const __wasm_split_load_b = f();\n";
        assert_eq!(
            join(script, loader).unwrap(),
            "function initSync() {}\nuse(() => [import1, import2]);\nconst __wasm_split = (() => {\n\n\
             function f() { initSync(); }\nconst __wasm_split_load_a = f(() => {\n});\n\
             const __wasm_split_load_b = f();\nreturn { __wasm_split_load_a, __wasm_split_load_b };\n})();\n\
             const import1 = __wasm_split, import2 = __wasm_split;\n"
        );
        assert!(join("export {}", loader).unwrap_err().to_string().contains("does not import"));
    }

    #[test]
    fn names_are_shortened_as_whole_words_only() {
        let short = [("__wbg_get_1".to_owned(), "i0".to_owned())].into();
        let script = "/**\n * Comment.\n */\n    // More.\n    __wbg_get_1: f($__wbg_get_1, __wbg_get_10, \"__wbg_get_1\");\n\n}";
        assert_eq!(shorten(script, &short), "i0: f($__wbg_get_1, __wbg_get_10, \"i0\");\n}\n");
    }

    #[test]
    fn streams_stay_only_where_they_can_be_made() {
        let exported = |import: Option<&str>| {
            let mut module = Module::default();
            let ty = module.types.add(&[], &[]);
            let (kept, _) = module.add_import_func("wbg", "kept", ty);
            module.exports.add("intounderlyingsource_pull", kept);
            if let Some(name) = import {
                module.add_import_func("wbg", name, ty);
            }
            drop_streams(&mut module);
            module.exports.iter().any(|export| export.name.contains(STREAMS))
        };
        assert!(!exported(None));
        assert!(!exported(Some("__wbg_fetch_01234567")));
        assert!(exported(Some("__wbg_intounderlyingsource_new_01234567")));
    }
}
