//! Hashes in file names, so that a browser may keep every file for ever, and `hash.txt`, which tells them to Leptos.
//!
//! Invariant: the names written here are those that `HydrationScripts` and `HashedStylesheet` put into a page; the
//! test renders both and compares.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::glue::Glue;
use crate::project::Project;

/// Of SHA-256's hexadecimal digits. Nobody else writes these files: 64 bits are plenty against chance.
const HASH_DIGITS: usize = 16;

/// The hashes of the three files of a page, and the names of what it may fetch later.
#[derive(Debug)]
pub(crate) struct Hashed {
    name: String,
    js: String,
    wasm: String,
    css: String,
    chunks: Vec<String>,
}

impl Hashed {
    /// `hash.txt`: one `kind: hash` a line, as cargo-leptos writes it.
    pub(crate) fn hash_file(&self) -> String {
        format!("js: {}\nwasm: {}\ncss: {}\n", self.js, self.wasm, self.css)
    }

    /// The three files in `folder`.
    pub(crate) fn files(&self, folder: &Path) -> Vec<PathBuf> {
        [(&self.js, "js"), (&self.wasm, "wasm"), (&self.css, "css")]
            .into_iter()
            .map(|(hash, kind)| folder.join(format!("{}.{hash}.{kind}", self.name)))
            .collect()
    }

    /// What is fetched when needed, in `folder`.
    pub(crate) fn chunks(&self, folder: &Path) -> Vec<PathBuf> {
        self.chunks.iter().map(|name| folder.join(name)).collect()
    }
}

/// Renames the glue in `pkg` after its content and writes the stylesheet beside it.
pub(crate) fn hash_outputs(name: &str, pkg: &Path, glue: &Glue, css: &[u8]) -> Result<Hashed> {
    if let Some(snippets) = &glue.snippets {
        hash_snippets(&glue.js, snippets)?;
    }
    let chunks = glue.chunks.iter().map(|chunk| hash_chunk(&glue.js, chunk)).collect::<Result<Vec<_>>>()?;
    let put = |bytes: &[u8], kind: &str| -> Result<String> {
        let hash = hash_of([bytes]);
        let path = pkg.join(format!("{name}.{hash}.{kind}"));
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(hash)
    };
    let hashed = Hashed {
        name: name.to_owned(),
        js: put(&read(&glue.js)?, "js")?,
        wasm: put(&read(&glue.wasm)?, "wasm")?,
        css: put(css, "css")?,
        chunks,
    };
    for unhashed in [&glue.js, &glue.wasm] {
        fs::remove_file(unhashed).with_context(|| format!("cannot remove {}", unhashed.display()))?;
    }
    Ok(hashed)
}

/// Names a chunk after its content, in the script that fetches it too; returns its name.
fn hash_chunk(js: &Path, chunk: &Path) -> Result<String> {
    let stem = chunk.file_stem().unwrap_or_default().to_string_lossy();
    let name = format!("{stem}.{}.wasm", hash_of([read(chunk)?.as_slice()]));
    let (asked, asks) = (format!("\"./{stem}.wasm\""), format!("\"./{name}\""));
    let source = fs::read_to_string(js).with_context(|| format!("cannot read {}", js.display()))?;
    ensure!(source.contains(&asked), "the script does not ask for {asked}");
    fs::write(js, source.replace(&asked, &asks)).with_context(|| format!("cannot write {}", js.display()))?;
    fs::rename(chunk, chunk.with_file_name(&name)).with_context(|| format!("cannot rename {}", chunk.display()))?;
    Ok(name)
}

/// The folder of snippets is named after its content, because the files in it must keep their names.
fn hash_snippets(js: &Path, snippets: &Path) -> Result<()> {
    let mut contents = Vec::new();
    for file in files_below(snippets)? {
        contents.push(read(&file)?);
    }
    let folder = format!("snippets.{}", hash_of(contents.iter().map(Vec::as_slice)));
    fs::rename(snippets, snippets.with_file_name(&folder)).context("cannot rename the snippets folder")?;
    let source = fs::read_to_string(js).with_context(|| format!("cannot read {}", js.display()))?;
    fs::write(js, source.replace("./snippets/", &format!("./{folder}/")))
        .with_context(|| format!("cannot write {}", js.display()))
}

/// One value for everything that goes into a bundle, this program included: equal means that nothing is to be done.
pub(crate) fn fingerprint(project: &Project, wasm: &Path, css: &[u8]) -> Result<String> {
    let mut contents = vec![read(wasm)?, css.to_vec()];
    for file in files_below(&project.assets)? {
        contents.push(file.to_string_lossy().into_owned().into_bytes());
        contents.push(read(&file)?);
    }
    let program = std::env::current_exe().and_then(fs::metadata).ok();
    contents.push(format!("{:?}", program.map(|file| (file.modified().ok(), file.len()))).into_bytes());
    Ok(hash_of(contents.iter().map(Vec::as_slice)))
}

/// Copies `from` with everything below it to `to`.
pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    for file in files_below(from)? {
        let target = to.join(file.strip_prefix(from).context("a file outside its folder")?);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        }
        fs::copy(&file, &target).with_context(|| format!("cannot write {}", target.display()))?;
    }
    Ok(())
}

/// Every file below `folder`, sorted; none if there is no such folder.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop().filter(|next| next.is_dir()) {
        for entry in fs::read_dir(&next).with_context(|| format!("cannot list {}", next.display()))? {
            let path = entry.with_context(|| format!("cannot list {}", next.display()))?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn hash_of<'a>(contents: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = Sha256::new();
    for content in contents {
        hasher.update((content.len() as u64).to_le_bytes());
        hasher.update(content);
    }
    let mut digits = hasher.finalize().iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    });
    digits.truncate(HASH_DIGITS);
    digits
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use leptos::config::LeptosOptions;
    use leptos::prelude::*;
    use leptos_meta::HashedStylesheet;

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("parley-bundle-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str, content: &str) -> PathBuf {
            let path = self.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn outputs(folder: &Folder, js: &str) -> Hashed {
        let (js, wasm) = (folder.file("parley.js", js), folder.file("parley.wasm", "wasm"));
        let glue = Glue { js, wasm, chunks: Vec::new(), snippets: None };
        hash_outputs("parley", &folder.0, &glue, b"body{}").unwrap()
    }

    #[test]
    fn a_page_asks_for_exactly_the_files_that_are_written() {
        let folder = Folder::new("page");
        let hashed = outputs(&folder, "export {}");
        let hash_file = folder.file("hash.txt", &hashed.hash_file());
        let options = LeptosOptions::builder()
            .output_name("parley")
            .hash_files(true)
            .hash_file(hash_file.to_str().unwrap().into())
            .build();
        let html = Owner::new().with(|| {
            let style = view! { <HashedStylesheet options=options.clone() id="style"/> }.to_html();
            style + &view! { <HydrationScripts options=options/> }.to_html()
        });
        for file in hashed.files(&folder.0) {
            assert!(file.is_file(), "{} was not written", file.display());
            let url = format!("/pkg/{}", file.file_name().unwrap().to_str().unwrap());
            assert!(html.contains(&url), "{url} is not asked for by {html}");
        }
    }

    #[test]
    fn the_unhashed_files_are_gone_and_other_content_has_another_name() {
        let folder = Folder::new("content");
        let first = outputs(&folder, "1");
        let second = outputs(&folder, "2");
        assert_ne!(first.js, second.js);
        assert_eq!((&first.wasm, &first.css), (&second.wasm, &second.css));
        assert!(!folder.0.join("parley.js").exists() && !folder.0.join("parley.wasm").exists());
    }

    #[test]
    fn snippets_are_renamed_where_they_are_imported() {
        let folder = Folder::new("snippets");
        folder.file("snippets/a-1/inline0.js", "export const a = 1");
        let glue = Glue {
            js: folder.file("parley.js", "import { a } from './snippets/a-1/inline0.js';"),
            wasm: folder.file("parley.wasm", ""),
            chunks: Vec::new(),
            snippets: Some(folder.0.join("snippets")),
        };
        let hashed = hash_outputs("parley", &folder.0, &glue, b"").unwrap();
        let js = fs::read_to_string(&hashed.files(&folder.0)[0]).unwrap();
        let path = js.split('\'').nth(1).unwrap();
        assert!(folder.0.join(path).is_file(), "{js}");
        assert!(!folder.0.join("snippets").exists());
    }

    #[test]
    fn chunks_are_renamed_where_they_are_fetched() {
        let folder = Folder::new("chunks");
        let fetch = "fetch(new URL(\"./split_a.wasm\", import.meta.url))";
        let glue = |content: &str, js: &str| Glue {
            js: folder.file("parley.js", js),
            wasm: folder.file("parley.wasm", ""),
            chunks: vec![folder.file("split_a.wasm", content)],
            snippets: None,
        };
        let [first, second] =
            ["1", "2"].map(|content| hash_outputs("parley", &folder.0, &glue(content, fetch), b"").unwrap());
        assert_ne!(first.js, second.js, "who asks for another chunk is another script");
        for hashed in [first, second] {
            let js = fs::read_to_string(&hashed.files(&folder.0)[0]).unwrap();
            let chunk = &hashed.chunks(&folder.0)[0];
            assert!(chunk.is_file(), "{}", chunk.display());
            assert!(js.contains(&format!("\"./{}\"", chunk.file_name().unwrap().to_str().unwrap())), "{js}");
        }
        assert!(!folder.0.join("split_a.wasm").exists());
        let stranger = hash_outputs("parley", &folder.0, &glue("1", "export {}"), b"").unwrap_err().to_string();
        assert!(stranger.contains("does not ask for"), "{stranger}");
    }
}
