//! The real program as a process: started on a free port, told to stop, killed.

use super::{Folder, TestUser};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// `parley` in a folder of its own, with nothing of this process's environment.
pub fn parley(folder: &Folder) -> Command {
    run(Path::new(env!("CARGO_BIN_EXE_parley")), folder)
}

/// `parley` as it is installed: a folder with the program, the page's files and the hashes in their names.
pub fn installed(folder: &Folder, hashes: &str) -> Command {
    let program = folder.path().join("parley");
    // Not a copy: a file that was just written may be open in another test's child, and then cannot be run.
    std::fs::hard_link(env!("CARGO_BIN_EXE_parley"), &program).unwrap();
    std::fs::write(folder.path().join("hash.txt"), hashes).unwrap();
    run(&program, folder)
}

fn run(program: &Path, folder: &Folder) -> Command {
    let mut command = Command::new(program);
    command.env_clear().current_dir(folder.path()).env("PARLEY_BIND", "127.0.0.1:0");
    command
}

/// A `parley` that answers by script and limits nothing.
pub fn scripted(folder: &Folder) -> Command {
    let mut command = parley(folder);
    command.env("PARLEY_SCRIPTED", "true").env("PARLEY_DEFAULT_MODEL", super::SCRIPTED);
    command
        .envs(["SIGN_UP", "SEND", "CREATE", "FRAMES", "REQUEST"].map(|limit| (format!("PARLEY_RATE_{limit}"), "off")));
    command
}

/// A served Parley that is killed with the test.
#[derive(Debug)]
pub struct Served {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
}

impl Served {
    /// Starts it and waits until it listens.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("Parley is at ").unwrap().to_owned();
        Self { child, url }
    }

    /// A browser that nobody is signed in with.
    pub fn visitor(&self) -> TestUser {
        TestUser::new(&self.url)
    }

    /// Sends it a signal by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Whether it is still there.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Its exit code, within a minute.
    pub fn code(&mut self) -> Option<i32> {
        for _ in 0..600 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("it does not stop");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _over_already = self.child.kill();
        let _over_already = self.child.wait();
    }
}
