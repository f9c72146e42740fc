//! Passwords: argon2id with the crate's defaults (OWASP's first choice: 19 MiB, 2 passes), in a bounded pool.
//!
//! Hashing takes tens of milliseconds and 19 MiB, so at most one per core runs, a few wait, and the rest are told to
//! come back: a flood of sign-ins can neither use up the memory nor keep the socket tasks from running.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use tokio::{sync::Semaphore, task::spawn_blocking};

/// How many may wait for one that runs: about a second of work on one core.
const WAITING: usize = 32;

/// A hash of no password, with the parameters of real ones: checked when there is no such account, so that the answer
/// takes as long.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdC4uLg$UmVhZGVyLCBoZXJlIGlzIG5vdGhpbmcgdG8gZmluZC4";

/// Why a password could not be hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many wait already.
    #[error("too many sign-ins at once")]
    Busy,
    /// The hash in the store cannot be read, or hashing failed.
    #[error("password hash: {0}")]
    Hash(String),
}

/// The pool that hashes; cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Passwords {
    /// Running and waiting together.
    places: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl Passwords {
    /// A pool of one worker per core.
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from).min(8);
        Self { places: Arc::new(Semaphore::new(cores + WAITING)), running: Arc::new(Semaphore::new(cores)) }
    }

    /// The PHC string of a new password, with a new salt.
    pub async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        self.run(move || {
            Argon2::default()
                .hash_password(password.expose_secret().as_bytes())
                .map(|hash| hash.to_string())
                .map_err(|e| PasswordError::Hash(e.to_string()))
        })
        .await
    }

    /// Whether `password` is the one of `hash`; without a hash it is not, after the same work.
    pub async fn verify(&self, password: SecretString, hash: Option<String>) -> Result<bool, PasswordError> {
        self.run(move || {
            let text = hash.as_deref().unwrap_or(DECOY);
            let parsed = PasswordHash::new(text).map_err(|e| PasswordError::Hash(e.to_string()))?;
            let same = Argon2::default().verify_password(password.expose_secret().as_bytes(), &parsed).is_ok();
            Ok(same && hash.is_some())
        })
        .await
    }

    /// The permits go with the work and not with the asker, who may be gone before it ends.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| PasswordError::Busy)?;
        let turn = Arc::clone(&self.running).acquire_owned().await.map_err(|_| PasswordError::Busy)?;
        let work = spawn_blocking(move || {
            let result = work();
            drop((turn, place));
            result
        });
        work.await.unwrap_or_else(|e| Err(PasswordError::Hash(e.to_string())))
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_again_and_no_other() {
        let passwords = Passwords::new();
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify("correct horse".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("correct house".into(), Some(hash)).await.unwrap());
        assert!(!passwords.verify("correct horse".into(), None).await.unwrap());
    }

    #[test]
    fn the_decoy_costs_what_a_real_one_costs() {
        let decoy = PasswordHash::new(DECOY).unwrap();
        let real = Argon2::default().hash_password(b"x").unwrap();
        assert_eq!(decoy.params, real.params);
        assert_eq!(decoy.hash.unwrap().len(), real.hash.unwrap().len());
    }

    #[tokio::test]
    async fn a_flood_is_told_to_come_back() {
        let passwords = Passwords { places: Arc::new(Semaphore::new(1)), running: Arc::new(Semaphore::new(0)) };
        let mut first = Box::pin(passwords.hash("one of them".into()));
        assert!(futures::poll!(&mut first).is_pending());
        assert!(matches!(passwords.hash("another".into()).await, Err(PasswordError::Busy)));
    }
}
