//! Keeps the names of this machine's folders out of what is downloaded.
//!
//! Where a dependency may panic, rustc writes down the path of its source, which begins with somebody's home. It is told
//! to write others instead; the flags stand for this build alone, since cargo compiles everything again for other flags,
//! and `cargo leptos watch` has builds of its own. Whatever takes their place unnoticed is noticed here, and
//! said: flags of one's own are no reason not to have a page.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The folders of this machine that a build reads sources from.
#[derive(Debug)]
pub(crate) struct Folders {
    /// Whoever builds this lives here, unless that is everywhere.
    home: Option<PathBuf>,
    /// Cargo's own, with the sources of dependencies.
    cargo: Option<PathBuf>,
}

impl Folders {
    /// As cargo finds them.
    pub(crate) fn here() -> Self {
        let named = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        Self::of(named("HOME"), named("CARGO_HOME"))
    }

    fn of(home: Option<PathBuf>, cargo: Option<PathBuf>) -> Self {
        let home = home.filter(|home| home.is_absolute() && home.parent().is_some());
        let cargo = cargo.or_else(|| Some(home.as_ref()?.join(".cargo")));
        Self { home, cargo: cargo.and_then(|cargo| std::path::absolute(cargo).ok()) }
    }

    /// A setting of cargo's that adds rustc's flags to those that `.cargo/config.toml` sets.
    pub(crate) fn setting(&self) -> String {
        let registry = self.cargo.as_ref().map(|cargo| cargo.join("registry/src"));
        // Of several that fit, rustc takes the last.
        let renamed = [(&self.home, "home"), (&self.cargo, "cargo"), (&registry, "")];
        let flags = renamed.into_iter().filter_map(|(folder, name)| {
            folder.as_ref().map(|folder| format!("--remap-path-prefix={}={name}", folder.display()))
        });
        // A text reads the same in JSON and in TOML.
        format!("build.rustflags={}", flags.collect::<serde_json::Value>())
    }

    /// What is wrong with a file that names one of them.
    ///
    /// # Errors
    /// It does, or cannot be read.
    pub(crate) fn check(&self, file: &Path) -> Result<()> {
        let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        if let Some(named) = self.named(&bytes) {
            bail!(
                "{} names «{named}», a folder of this machine; RUSTFLAGS, and flags for this target in a configuration of \
                 cargo's, take the place of those that keep such names out",
                file.display()
            );
        }
        Ok(())
    }

    /// The first of them that is named, as it begins. What lies in a home is named by its hidden folders, which builds
    /// use: a home's name alone may be anything.
    fn named(&self, bytes: &[u8]) -> Option<String> {
        let home = self.home.as_ref().map(|home| format!("{}/.", home.display()));
        let cargo = self.cargo.as_ref().map(|cargo| format!("{}/", cargo.display()));
        [home, cargo].into_iter().flatten().find(|name| bytes.windows(name.len()).any(|part| part == name.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::process::Command;

    use super::*;
    use crate::project::cargo;

    fn folders(home: &str, cargo: Option<&str>) -> Folders {
        Folders::of(Some(home.into()), cargo.map(PathBuf::from))
    }

    #[test]
    fn folders_of_this_machine_are_found_and_nothing_else() {
        let found = |home: &str, cargo: Option<&str>, text: &str| folders(home, cargo).named(text.as_bytes());
        let source = "/root/.cargo/registry/src/index.crates.io-1/tachys-0.2.19/src/view/mod.rs";
        assert_eq!(found("/root", None, &format!("\0text{source}")).unwrap(), "/root/.");
        assert_eq!(found("/root", Some("/usr/cargo"), "at /usr/cargo/registry").unwrap(), "/usr/cargo/");
        assert_eq!(found("/", Some("/opt/cargo"), "/opt/cargo/git").unwrap(), "/opt/cargo/");
        assert_eq!(found("/app", None, "/app/src/ui.rs"), None);
        assert_eq!(found("/", None, "/.well-known/ /src/lib.rs"), None);
        assert_eq!(found("/root", None, "index.crates.io-1/tachys-0.2.19/src/view/mod.rs"), None);
    }

    #[test]
    fn a_file_with_such_a_name_is_told_of() {
        let file = std::env::temp_dir().join(format!("parley-paths-{}.wasm", std::process::id()));
        let checked = |content: &str| {
            std::fs::write(&file, content).unwrap();
            folders("/home/ada", None).check(&file)
        };
        let refused = checked("at /home/ada/.cargo/registry/src/x/lib.rs").unwrap_err().to_string();
        let passed = checked("at x/lib.rs");
        std::fs::remove_file(&file).unwrap();
        assert!(refused.contains("«/home/ada/.»") && refused.contains("RUSTFLAGS"), "{refused}");
        passed.unwrap();
    }

    #[test]
    fn rustc_names_a_source_without_its_folder() {
        let place = std::env::temp_dir().join(format!("parley-paths-{}", std::process::id()));
        let (home, source) = (place.join("it's \"home\""), "registry/src/index/x-1/src");
        let dependency = home.join(".cargo").join(source);
        std::fs::create_dir_all(&dependency).unwrap();
        std::fs::write(dependency.join("lib.rs"), "pub const PLACE: &str = file!();").unwrap();
        let manifest = dependency.parent().unwrap().join("Cargo.toml");
        std::fs::write(&manifest, "[package]\nname = \"x\"\nedition = \"2024\"\n[workspace]\n").unwrap();
        let crate_of_it = place.join("y");
        std::fs::create_dir_all(crate_of_it.join("src")).unwrap();
        std::fs::write(crate_of_it.join("src/main.rs"), "fn main() { print!(\"{}\", x::PLACE) }").unwrap();
        let dependencies = format!("[dependencies]\nx = {{ path = {:?} }}", manifest.parent().unwrap());
        let package = format!("[package]\nname = \"y\"\nedition = \"2024\"\n[workspace]\n{dependencies}\n");
        std::fs::write(crate_of_it.join("Cargo.toml"), package).unwrap();
        let setting = folders(home.to_str().unwrap(), None).setting();
        let output = Command::new(cargo())
            .args(["run", "--offline", "--quiet", "--config", &setting])
            .current_dir(&crate_of_it)
            .env("CARGO_TARGET_DIR", place.join("target"))
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .output()
            .unwrap();
        std::fs::remove_dir_all(&place).unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(said, "index/x-1/src/lib.rs", "{}", String::from_utf8_lossy(&output.stderr));
    }
}
