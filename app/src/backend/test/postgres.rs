//! A PostgreSQL server for this process's tests, and a database for each.
//!
//! The server belongs to a shell that waits for the end of its input, a pipe only this process holds: however this
//! process ends, the shell then stops the server and removes its folder. It listens on a socket in that folder alone.
//! PostgreSQL does not run as root, so under root it gets the account `postgres` or `nobody`.

use super::super::clock::Clock;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::{
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// Stops the server when its standard input ends; `$1` is the folder of the programs, `$2` the server's own.
const GUARD: &str = r#"
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c max_connections=300 -c shared_buffers=32MB \
    -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c logging_collector=off >"$2/log" 2>&1 &
server=$!
cat >/dev/null
kill -QUIT "$server"
wait "$server"
rm -rf "$2"
"#;

#[derive(Debug)]
struct Server {
    /// The address of its database `postgres`.
    url: String,
    /// Holds the pipe.
    _guard: Option<Child>,
}

static SERVER: OnceCell<Option<Server>> = OnceCell::const_new();

/// The address and name of a new database; `None` where there is no PostgreSQL.
pub(super) async fn new_database() -> Option<(String, String)> {
    let server = SERVER.get_or_init(find_server).await.as_ref()?;
    let name = format!("parley_test_{}", Clock::System.id::<Uuid>().simple());
    let mut connection = PgConnection::connect(&server.url).await.unwrap();
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    connection.close().await.unwrap();
    let mut url = url::Url::parse(&server.url).unwrap();
    url.set_path(&name);
    Some((url.into(), name))
}

/// Removes a test's database.
pub(super) async fn drop_database(name: &str) {
    let Some(Some(server)) = SERVER.get() else { return };
    let mut connection = PgConnection::connect(&server.url).await.unwrap();
    connection.execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await.unwrap();
    connection.close().await.unwrap();
}

#[expect(clippy::disallowed_methods, reason = "the tests' own settings are no settings of the server's")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

async fn find_server() -> Option<Server> {
    if let Some(url) = setting("TEST_POSTGRES_URL") {
        return Some(Server { url, _guard: None });
    }
    let Some(programs) = programs() else {
        assert!(
            may_be_missing(setting("CI").as_deref()),
            "PostgreSQL is not installed, and CI must not skip its half of the store's tests"
        );
        eprintln!("PostgreSQL is not installed: the store's tests run on SQLite only.");
        return None;
    };
    Some(start(&programs).await)
}

/// Whether tests may do without PostgreSQL, by the variable `CI`: only on a developer's machine. `.ci/test` runs them
/// within `.ci/services`, which ends with an error where there is none, and names its own in `TEST_POSTGRES_URL`.
fn may_be_missing(ci: Option<&str>) -> bool {
    matches!(ci, None | Some("false" | "0"))
}

/// The folder that has `initdb` and `postgres`: Debian's newest, or one on the path.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| Some((version.file_name().to_str()?.parse().ok()?, version.path().join("bin"))))
        .collect();
    folders.sort();
    let on_path = setting("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = std::env::split_paths(&on_path).collect();
    let newest_first = folders.into_iter().rev().map(|(_, folder)| folder);
    newest_first.chain(on_path).find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

async fn start(programs: &Path) -> Server {
    let folder = std::env::temp_dir().join(format!("parley-pg-{}", Clock::System.id::<Uuid>().simple()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut initdb = Command::new(programs.join("initdb"));
    initdb.arg("-D").arg(folder.join("data")).args(["-U", "parley", "-A", "trust", "-E", "UTF8", "--no-locale"]);
    initdb.arg("--no-sync");
    let mut guard = Command::new("sh");
    guard.args(["-c", GUARD, "sh"]).arg(programs).arg(&folder).stdin(Stdio::piped()).process_group(0);
    if let Some((user, group)) = unprivileged(&folder) {
        chown(&folder, Some(user), Some(group)).unwrap();
        initdb.uid(user).gid(group);
        guard.uid(user).gid(group);
    }
    let made = initdb.current_dir(&folder).output().unwrap();
    assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
    // Its output must not keep a test runner's pipes open.
    let guard = guard.current_dir(&folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let url = format!("postgres://parley@localhost/postgres?host={}", folder.display());
    let server = Server { url, _guard: Some(guard) };
    for _ in 0..600 {
        if let Ok(connection) = PgConnection::connect(&server.url).await {
            connection.close().await.unwrap();
            return server;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("PostgreSQL did not start: {}", std::fs::read_to_string(folder.join("log")).unwrap_or_default());
}

/// The account and group to run as instead of root; `None` if the owner of a new folder is not root.
fn unprivileged(folder: &Path) -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    if std::fs::metadata(folder).unwrap().uid() != 0 {
        return None;
    }
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap();
    let find = |name: &str| {
        let fields: Vec<&str> =
            accounts.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|f| f[0] == name)?;
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    find("postgres").or_else(|| find("nobody"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ci_never_does_without() {
        assert!(may_be_missing(None) && may_be_missing(Some("false")));
        for ci in ["true", "1", "yes"] {
            assert!(!may_be_missing(Some(ci)), "{ci}");
        }
    }
}
