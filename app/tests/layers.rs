//! Holds the sources to the crate's layers: who may import whom, and where `cfg(feature` may stand.
//!
//! It reads text, not types, so it sees every target and feature at once. Tests inside of the sources may reach
//! anywhere and are left out. The table is [`LAYERS`]; a new module of the backend must be entered there.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Parts of the backend that stand beside its layers: every layer may use them, they use only each other.
///
/// `caller` and `hub` stand here and not in `auth` and `chat`, because tools need a caller without knowing how one
/// signs in, and signing out must reach sockets without knowing chats.
const BESIDE: [&str; 11] =
    ["caller", "clock", "config", "http", "hub", "jwt", "limiter", "metrics", "secrets", "task", "weight"];

/// Each layer of the backend, and the layers it may use besides itself, [`BESIDE`] and `wire`.
const LAYERS: [(&str, &[&str]); 5] =
    [("store", &[]), ("llm", &[]), ("auth", &["store"]), ("tools", &["store"]), ("chat", &["store", "llm", "tools"])];

/// Crates of the page and of the server's front, which nothing below `api` may know.
const OF_THE_PAGE: [&str; 7] =
    ["axum", "leptos", "leptos_axum", "leptos_meta", "leptos_router", "server_fn", "web_sys"];

/// The files where `cfg(feature` may stand: each has one line per module, but the last, which says what a chunk is.
const FEATURES: [&str; 4] = ["lib.rs", "api.rs", "backend.rs", "ui/kit/lazy.rs"];

/// Why `module` may not use `path`, if so. Both begin at the crate's root; a path into another crate begins with its
/// name.
fn forbidden(module: &[&str], path: &[&str]) -> Option<&'static str> {
    let (&layer, &used) = (module.first()?, path.first()?);
    match (layer, used) {
        ("wire", "api" | "ui" | "backend") => Some("the wire imports nothing of ours"),
        ("ui", "backend") => Some("the page reaches the backend through server functions only"),
        ("api", "ui") => Some("server functions know no page"),
        ("wire" | "backend", outer) if OF_THE_PAGE.contains(&outer) => {
            Some("only the page and its functions know this crate")
        }
        ("backend", "api" | "ui") => Some("the backend knows neither page nor server functions"),
        (_, "sqlx") if module.get(1) != Some(&"store") => Some("SQL is the store's alone"),
        ("backend", "backend") => within_backend(module.get(1)?, path.get(1)?),
        _ => None,
    }
}

fn within_backend(layer: &str, used: &str) -> Option<&'static str> {
    if layer == used || BESIDE.contains(&used) {
        return None;
    }
    let known = |name: &str| LAYERS.iter().any(|(layer, _)| *layer == name);
    match LAYERS.iter().find(|(name, _)| *name == layer) {
        Some((_, below)) if below.contains(&used) => None,
        // Not a module: an item of the composition root, such as `Backend`.
        Some(_) if !known(used) => Some("a layer does not know the composition root"),
        Some(_) => Some("this layer does not stand on that one"),
        None if BESIDE.contains(&layer) => Some("what stands beside the layers uses none of them"),
        None => Some("this module is in no layer: enter it in tests/layers.rs"),
    }
}

/// A word, `::`, or one other character.
fn tokens(code: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let length = match first {
            _ if word > 0 => word,
            ':' if rest.starts_with("::") => 2,
            _ => first.len_utf8(),
        };
        out.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    out
}

/// The code without comments, string and character literals, and without a test module at its end.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let chars: Vec<char> = text[..end].chars().collect();
    let mut out = String::with_capacity(end);
    let mut at = 0;
    while at < chars.len() {
        let next = chars.get(at + 1);
        let in_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
        at = match chars[at] {
            '/' if next == Some(&'/') => until(&chars, at, "\n"),
            '/' if next == Some(&'*') => until(&chars, at + 2, "*/"),
            'r' if !in_word && raw_hashes(&chars, at).is_some() => {
                let hashes = raw_hashes(&chars, at).unwrap_or_default();
                until(&chars, at + hashes + 2, &format!("\"{}", "#".repeat(hashes)))
            }
            '"' => quoted(&chars, at, '"'),
            '\'' if next == Some(&'\\') || chars.get(at + 2) == Some(&'\'') => quoted(&chars, at, '\''),
            c => {
                out.push(c);
                at + 1
            }
        };
    }
    out
}

/// How many `#` a raw string that begins here has.
fn raw_hashes(chars: &[char], at: usize) -> Option<usize> {
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    (chars.get(at + 1 + hashes) == Some(&'"')).then_some(hashes)
}

/// The place after the next `end`.
fn until(chars: &[char], from: usize, end: &str) -> usize {
    let end: Vec<char> = end.chars().collect();
    (from..chars.len()).find(|at| chars[*at..].starts_with(&end)).map_or(chars.len(), |at| at + end.len())
}

/// The place after a literal that may hold escapes.
fn quoted(chars: &[char], from: usize, quote: char) -> usize {
    let mut at = from + 1;
    while at < chars.len() && chars[at] != quote {
        at += 1 + usize::from(chars[at] == '\\');
    }
    at + 1
}

/// Every path the code names, with the trees of its `use`s spread out.
fn paths(code: &str) -> Vec<Vec<String>> {
    let tokens = tokens(code);
    let (mut out, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        // `use<…>` says what a type captures.
        if tokens[at] == "use" && tokens.get(at + 1) != Some(&"<") {
            at = tree(&tokens, at + 1, &[], &mut out);
        } else if is_word(tokens[at]) && tokens.get(at + 1) == Some(&"::") {
            let mut path = vec![tokens[at].to_owned()];
            while tokens.get(at + 1) == Some(&"::") && tokens.get(at + 2).is_some_and(|t| is_word(t)) {
                path.push(tokens[at + 2].to_owned());
                at += 2;
            }
            out.push(path);
            at += 1;
        } else {
            at += 1;
        }
    }
    out
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// One branch of a `use`, from `at`; the place after it.
fn tree(tokens: &[&str], mut at: usize, before: &[String], out: &mut Vec<Vec<String>>) -> usize {
    let mut path = before.to_vec();
    while let Some(&token) = tokens.get(at) {
        match token {
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|t| *t != "}") {
                    at = tree(tokens, at, &path, out);
                    at += usize::from(tokens.get(at) == Some(&","));
                }
                return at + 1;
            }
            "," | "}" | ";" => break,
            "as" => at += 1,
            "::" => {}
            word => path.push(word.to_owned()),
        }
        at += 1;
    }
    out.push(path);
    at
}

/// A path from the crate's root: `crate`, `self` and `super` resolved where `module` stands.
fn resolved(module: &[&str], path: &[String]) -> Vec<String> {
    let mut base: Vec<String> = module.iter().map(ToString::to_string).collect();
    let mut rest = path;
    match path.first().map(String::as_str) {
        Some("crate") => {
            base.clear();
            rest = &path[1..];
        }
        Some("self") => rest = &path[1..],
        Some("super") => {
            while rest.first().is_some_and(|segment| segment == "super") {
                base.pop();
                rest = &rest[1..];
            }
        }
        _ => base.clear(),
    }
    base.extend(rest.iter().filter(|segment| *segment != "self").cloned());
    base
}

/// What one file does that it may not. `file` is its path below `src`.
fn faults(file: &str, text: &str) -> Vec<String> {
    let bare = file.trim_end_matches(".rs");
    let module: Vec<&str> = bare.split('/').filter(|part| *part != "lib").collect();
    let mut out = Vec::new();
    if !text.starts_with("//!") {
        out.push(format!("{file}: a file opens with `//!`: what it is and its invariant"));
    }
    let code = code(text);
    let compact: String = code.split_whitespace().collect();
    let gated = compact.contains("(feature=") || compact.contains(",feature=");
    if gated && !FEATURES.contains(&file) {
        out.push(format!("{file}: `cfg(feature` stands in {} only", FEATURES.join(", ")));
    }
    for path in paths(&code) {
        let path = resolved(&module, &path);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        // The composition root of the backend may know all of it.
        if let Some(why) =
            forbidden(&module, &path).filter(|_| module != ["backend"] || path.first() != Some(&"backend"))
        {
            out.push(format!("{file}: {}: {why}", path.join("::")));
        }
    }
    out.dedup();
    out
}

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            out.push(path);
        }
    }
}

/// Whether a file holds tests only.
fn of_tests(file: &str) -> bool {
    file.split('/').any(|part| matches!(part, "test" | "tests" | "test.rs" | "tests.rs"))
}

#[test]
fn the_sources_keep_to_their_layers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 40, "only {} sources found", files.len());
    let mut found = Vec::new();
    for path in files {
        let file = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        if !of_tests(&file) {
            found.extend(faults(&file, &fs::read_to_string(&path).unwrap()));
        }
    }
    found.sort();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn a_bad_sample_is_found_out() {
    for (file, line, why) in [
        ("wire/id.rs", "use crate::backend::clock::Clock;", "the wire imports nothing"),
        ("wire/id.rs", "use leptos::prelude::*;", "only the page"),
        ("ui/chat.rs", "use crate::{wire::id::Seq, backend::{hub::Hub, store}};", "through server functions"),
        ("ui/chat.rs", "fn f() { crate::backend::clock::Clock::System; }", "through server functions"),
        ("api/chat.rs", "use crate::ui::app::App;", "no page"),
        ("api/chat.rs", "use sqlx::query;", "SQL is the store's"),
        ("backend/chat/turn.rs", "use axum::extract::ws::Message;", "only the page"),
        ("backend/chat/turn.rs", "use crate::api::context;", "neither page nor"),
        ("backend/chat/turn.rs", "use super::super::auth::Auth;", "does not stand on"),
        ("backend/chat/turn.rs", "use crate::backend::Backend;", "composition root"),
        ("backend/store/users.rs", "use crate::backend::tools::ToolCx;", "does not stand on"),
        ("backend/llm/offline.rs", "use crate::{backend::{clock::Clock, store::Store}};", "does not stand on"),
        ("backend/tools/web.rs", "type T = crate::backend::llm::Model;", "does not stand on"),
        ("backend/auth.rs", "use super::chat::Chat;", "does not stand on"),
        ("backend/clock.rs", "use crate::backend::store::Store;", "beside the layers"),
        ("backend/novel.rs", "use crate::backend::store::Store;", "in no layer"),
        ("backend.rs", "use crate::ui::app::App;", "neither page nor"),
        ("ui/chat.rs", "#[cfg(all(test, feature = \"ssr\"))] fn f() {}", "`cfg(feature`"),
    ] {
        let told = faults(file, &format!("//! A file.\n{line}\n")).join("\n");
        assert!(told.contains(why), "{file}: {line}\ngave: {told}");
    }
    assert!(faults("ui/chat.rs", "use leptos::prelude::*;").join("").contains("opens with"));
}

#[test]
fn a_good_sample_passes() {
    for (file, text) in [
        ("wire/event.rs", "//! W.\nuse super::{id::Seq, limits};\nuse serde::Serialize;\n"),
        (
            "ui/chat.rs",
            "//! U.\nuse crate::{api::chat::chat_socket, wire::event::ChatEvent};\nuse leptos::prelude::*;\n",
        ),
        ("api/chat.rs", "//! A.\nuse crate::backend::Backend;\nuse axum::body::Body;\n"),
        ("backend.rs", "//! B.\nuse self::{chat::Chat, store::Store};\n#[cfg(feature = \"testing\")]\npub mod test;\n"),
        (
            "backend/chat/turn.rs",
            "//! C.\nuse crate::{backend::{hub::{Hub, Topic}, tools::policy as rules}, wire::id};\n",
        ),
        ("backend/store/users.rs", "//! S.\nuse super::{Store as S, db::{self, on}};\nuse sqlx::Row;\n"),
        (
            "backend/tools/web.rs",
            "//! T, not crate::api.\nconst A: &str = \"crate::ui::x axum::y\";\nconst B: char = '\"'; // leptos::z\n",
        ),
        (
            "backend/tools/web.rs",
            "//! T.\nfn f<'a>(x: &'a str) -> &'a str { x }\n/* axum::Json */ const R: &str = r#\"axum::\"Json\"#;\n",
        ),
        ("backend/llm.rs", "//! L.\n#[cfg(test)]\nmod tests {\n    use axum::Router;\n}\n"),
    ] {
        assert_eq!(faults(file, text), Vec::<String>::new(), "{file}");
    }
}
