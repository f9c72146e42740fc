//! For tests: stores on both databases, and the people in them.
//!
//! SQLite is a file in a folder of its own; PostgreSQL is the server named by `TEST_POSTGRES_URL` (its user may create
//! databases), or else one this process starts for itself (`postgres`); every test has its own database. Where
//! PostgreSQL is not installed its half says so and is skipped, unless `CI=true`. Time stands still until a test moves
//! it.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "tests end by panicking")]

mod message;
mod postgres;
mod sample;

pub use message::message;
pub use sample::sample;

use crate::{
    backend::{clock::Clock, config::DatabaseUrl, store::Store},
    wire::{
        account::Username,
        id::{Millis, SessionId, UserId},
    },
};
use std::{
    ops::Deref,
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// A folder that goes with its test.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new empty one.
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("parley-test-{}", Clock::System.id::<Uuid>()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A store of a test's own.
#[derive(Debug)]
pub struct TestStore {
    /// The store.
    pub store: Store,
    /// Its clock: moved by hand.
    pub clock: Clock,
    /// Its address, for a second store on the same database.
    pub url: DatabaseUrl,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Sqlite {
        _folder: Folder,
    },
    Postgres {
        database: String,
    },
    /// Another's, who discards it.
    Lent,
}

impl Deref for TestStore {
    type Target = Store;
    fn deref(&self) -> &Store {
        &self.store
    }
}

/// An empty store on SQLite.
pub async fn test_store() -> TestStore {
    TestStore::sqlite().await
}

impl TestStore {
    /// An empty store on SQLite.
    pub async fn sqlite() -> Self {
        let folder = Folder::new();
        let url = DatabaseUrl(format!("sqlite:{}", folder.path().join("parley.db").display()).into());
        Self::open(url, Place::Sqlite { _folder: folder }).await
    }

    /// An empty store on PostgreSQL; `None` where there is none to test with.
    pub async fn postgres() -> Option<Self> {
        let (url, database) = postgres::new_database().await?;
        Some(Self::open(DatabaseUrl(url.into()), Place::Postgres { database }).await)
    }

    async fn open(url: DatabaseUrl, place: Place) -> Self {
        let clock = Clock::manual(Millis(1_800_000_000_000));
        let store = Store::open(&url, clock.clone()).await.unwrap();
        Self { store, clock, url, place }
    }

    /// The same store, for a helper that wants one of its own; it stays the lender's to discard.
    pub fn lend(&self) -> Self {
        Self { store: self.store.clone(), clock: self.clock.clone(), url: self.url.clone(), place: Place::Lent }
    }

    /// Closes the store and opens it again, as a restart does.
    pub async fn reopen(&mut self) {
        self.store.close().await;
        self.store = Store::open(&self.url, self.clock.clone()).await.unwrap();
    }

    /// Whether it is on SQLite.
    pub fn is_sqlite(&self) -> bool {
        matches!(self.place, Place::Sqlite { .. })
    }

    /// Makes an account without a password.
    pub async fn person(&self, name: &str) -> UserId {
        self.store.create_user(&Username::parse(name).unwrap(), "no password", false).await.unwrap().id
    }

    /// Signs somebody in, with a token of that hash.
    pub async fn session(&self, by: UserId, token_hash: &str) -> SessionId {
        let user = self.store.user(by).await.unwrap().unwrap();
        self.store.create_session(&user, token_hash, "", "").await.unwrap()
    }

    /// Closes the store and removes what it kept.
    pub async fn discard(self) {
        self.store.close().await;
        if let Place::Postgres { database } = &self.place {
            postgres::drop_database(database).await;
        }
    }
}

/// One test on both databases: `on_every_backend! { async fn name(t) { t.create_user(…) … } }`, where `t` is a
/// `TestStore` by mutable reference.
#[cfg(test)]
macro_rules! on_every_backend {
    ($(async fn $name:ident($t:ident) $body:block)+) => {$(
        async fn $name($t: &mut $crate::backend::test::TestStore) $body

        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                let mut store = $crate::backend::test::TestStore::sqlite().await;
                super::$name(&mut store).await;
                store.discard().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(mut store) = $crate::backend::test::TestStore::postgres().await {
                    super::$name(&mut store).await;
                    store.discard().await;
                }
            }
        }
    )+};
}

#[cfg(test)]
pub(crate) use on_every_backend;
