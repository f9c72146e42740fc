//! What must be read again but not by whoever holds the database: sealed with AES-256-GCM (NIST SP 800-38D) by *ring*.
//!
//! Invariant: a sealed text opens only under one of the operator's keys and for the purpose it was sealed for, which is
//! authenticated with it: a row's secret copied into another row stays shut. The first key seals, every key opens, so
//! that a key is rotated by putting a new one in front: at the start what another one sealed is sealed anew. Without
//! keys in the settings, one is made in the data folder when the first secret is to be sealed, for the owner's eyes
//! only.

use crate::backend::config::SecretsConfig;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest,
};
use secrecy::{ExposeSecret, SecretString};
use std::{
    fmt, fs, io,
    io::Write as _,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// Bytes of a key.
const KEY: usize = 32;
/// What a sealed text begins with; another method would begin otherwise.
const METHOD: &str = "1";

/// Why something cannot be sealed or opened, as the end of a sentence.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The key's file cannot be read or made.
    #[error("the key file {} cannot be used: {source}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The key's file holds something else.
    #[error("the key file {} does not hold a key of 32 bytes in base64", .0.display())]
    NoKey(PathBuf),
    /// No key opens it.
    #[error("none of the present keys opens it (PARLEY_SECRET_KEYS)")]
    Shut,
    /// The system's random source failed.
    #[error("the system gives no random numbers")]
    Random,
}

/// The keys; cloning it is cheap.
#[derive(Clone)]
pub struct Secrets(Arc<Inner>);

struct Inner {
    /// The file of a key of our own, where the settings have none.
    file: PathBuf,
    /// First seals, all open; filled from the file when it is first needed.
    keys: Mutex<Vec<Arc<Sealer>>>,
}

struct Sealer {
    id: String,
    key: LessSafeKey,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

impl Secrets {
    /// The keys that the configuration has, or the one in its file.
    pub fn new(config: &SecretsConfig) -> Self {
        let keys = config.keys.iter().filter_map(|key| read_key(key.expose_secret()).ok()).map(Arc::new).collect();
        Self(Arc::new(Inner { file: config.file.clone(), keys: Mutex::new(keys) }))
    }

    /// What all that the first key seals begins with; `None`: there is no key yet, and nothing was sealed.
    ///
    /// # Errors
    /// The key's file cannot be used.
    pub fn mark(&self) -> Result<Option<String>, SecretsError> {
        match self.keys(false) {
            Ok(keys) => Ok(keys.first().map(|key| format!("{METHOD}.{}.", key.id))),
            // No file was made yet.
            Err(SecretsError::Shut) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the settings have a key besides the one that seals: one is being put in the place of another.
    pub fn are_rotated(&self) -> bool {
        self.0.keys.lock().unwrap_or_else(PoisonError::into_inner).len() > 1
    }

    /// Seals a text for a purpose.
    ///
    /// # Errors
    /// There is no key and none can be made.
    pub fn seal(&self, purpose: &str, text: &SecretString) -> Result<String, SecretsError> {
        let keys = self.keys(true)?;
        let key = keys.first().ok_or(SecretsError::Shut)?;
        let mut nonce = [0_u8; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| SecretsError::Random)?;
        let mut bytes = text.expose_secret().as_bytes().to_vec();
        let once = Nonce::assume_unique_for_key(nonce);
        let aad = Aad::from(purpose.as_bytes());
        key.key.seal_in_place_append_tag(once, aad, &mut bytes).map_err(|_| SecretsError::Random)?;
        let whole = [nonce.as_slice(), bytes.as_slice()].concat();
        Ok(format!("{METHOD}.{}.{}", key.id, STANDARD_NO_PAD.encode(whole)))
    }

    /// Opens what was sealed for that purpose.
    ///
    /// # Errors
    /// [`SecretsError::Shut`]: it was sealed for something else, by another key, or changed.
    pub fn open(&self, purpose: &str, sealed: &str) -> Result<SecretString, SecretsError> {
        let mut parts = sealed.splitn(3, '.');
        let (Some(METHOD), Some(id), Some(text)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(SecretsError::Shut);
        };
        let whole = STANDARD_NO_PAD.decode(text).map_err(|_| SecretsError::Shut)?;
        let (nonce, bytes) = whole.split_at_checked(NONCE_LEN).ok_or(SecretsError::Shut)?;
        let keys = self.keys(false)?;
        let key = keys.iter().find(|key| key.id == id).ok_or(SecretsError::Shut)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SecretsError::Shut)?;
        let mut bytes = bytes.to_vec();
        let opened = key.key.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut bytes);
        let text = std::str::from_utf8(opened.map_err(|_| SecretsError::Shut)?).map_err(|_| SecretsError::Shut)?;
        Ok(text.into())
    }

    /// The keys; the file's, if the settings have none. It is made only if something is to be sealed.
    fn keys(&self, make: bool) -> Result<Vec<Arc<Sealer>>, SecretsError> {
        let mut keys = self.0.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.is_empty() {
            let file = &self.0.file;
            let text = match fs::read_to_string(file) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && make => make_file(file)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(SecretsError::Shut),
                Err(source) => return Err(SecretsError::File { file: file.clone(), source }),
                Ok(text) => text,
            };
            let sealer = read_key(text.trim()).map_err(|_| SecretsError::NoKey(file.clone()))?;
            keys.push(Arc::new(sealer));
        }
        Ok(keys.clone())
    }
}

/// Makes a key's file that only its owner reads; if another process was first, theirs counts.
fn make_file(file: &Path) -> Result<String, SecretsError> {
    let unusable = |source| SecretsError::File { file: file.to_owned(), source };
    let mut key = [0_u8; KEY];
    getrandom::fill(&mut key).map_err(|_| SecretsError::Random)?;
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(unusable)?;
    }
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Ok(mut opened) => {
            let text = STANDARD_NO_PAD.encode(key);
            opened.write_all(text.as_bytes()).and_then(|()| opened.sync_all()).map_err(unusable)?;
            tracing::info!("made a key for people's secrets in the data folder: keep it with the backups");
            Ok(text)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::read_to_string(file).map_err(unusable),
        Err(error) => Err(unusable(error)),
    }
}

/// Whether a text is a key: 32 bytes in base64.
///
/// # Errors
/// What is wrong with it; never the text itself.
pub fn check_key(text: &str) -> Result<(), &'static str> {
    read_key(text).map(drop)
}

fn read_key(text: &str) -> Result<Sealer, &'static str> {
    let bytes = STANDARD_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| "a key is not base64")?;
    if bytes.len() != KEY {
        return Err("a key does not have 32 bytes (make one by «openssl rand -base64 32»)");
    }
    let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| "a key cannot be used")?;
    // Which key sealed something must be seen without trying each; four bytes of a hash tell nothing of a random key.
    let hash = digest::digest(&digest::SHA256, &bytes);
    let id = hex::encode(&hash.as_ref()[..4]);
    Ok(Sealer { id, key: LessSafeKey::new(key) })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::backend::test::Folder;
    use std::os::unix::fs::PermissionsExt;

    fn key(byte: u8) -> SecretString {
        STANDARD_NO_PAD.encode([byte; KEY]).into()
    }

    fn with(keys: &[u8]) -> Secrets {
        let keys = keys.iter().map(|byte| key(*byte)).collect();
        Secrets::new(&SecretsConfig { keys, file: "/nowhere/at/all".into() })
    }

    #[test]
    fn what_is_sealed_opens_for_its_purpose_alone() {
        let secrets = with(&[1]);
        let sealed = secrets.seal("connection:1", &"Bearer hunter2".into()).unwrap();
        assert!(!sealed.contains("hunter2"));
        assert_eq!(secrets.open("connection:1", &sealed).unwrap().expose_secret(), "Bearer hunter2");
        assert_ne!(secrets.seal("connection:1", &"Bearer hunter2".into()).unwrap(), sealed, "no text is sealed alike");
        assert!(matches!(secrets.open("connection:2", &sealed), Err(SecretsError::Shut)));
        let mut changed = sealed.clone();
        let last = if changed.pop() == Some('A') { 'B' } else { 'A' };
        changed.push(last);
        for bad in [changed.as_str(), "", "1", "1.x", "2.a.b", "1.00000000.!!", "1.00000000.AAAA"] {
            assert!(matches!(secrets.open("connection:1", bad), Err(SecretsError::Shut)), "{bad}");
        }
        assert!(!format!("{secrets:?}").contains("key"));
    }

    #[test]
    fn a_new_key_in_front_seals_and_the_old_one_still_opens() {
        let old = with(&[1]).seal("p", &"x".into()).unwrap();
        let rotated = with(&[2, 1]);
        let new = rotated.seal("p", &"y".into()).unwrap();
        assert_eq!(rotated.open("p", &old).unwrap().expose_secret(), "x");
        assert_eq!(with(&[2]).open("p", &new).unwrap().expose_secret(), "y");
        assert!(matches!(with(&[2]).open("p", &old), Err(SecretsError::Shut)));
    }

    #[test]
    fn without_keys_one_is_made_for_the_owner_alone_when_it_is_needed() {
        let folder = Folder::new();
        let file = folder.path().join("new").join("secret.key");
        let config = SecretsConfig { keys: Vec::new(), file: file.clone() };
        assert!(matches!(Secrets::new(&config).open("p", "1.00000000.AAAA"), Err(SecretsError::Shut)));
        assert_eq!(Secrets::new(&config).mark().unwrap(), None);
        assert!(!file.exists(), "nothing was sealed yet");
        let sealed = Secrets::new(&config).seal("p", &"x".into()).unwrap();
        let mark = Secrets::new(&config).mark().unwrap().unwrap();
        assert!(sealed.starts_with(&mark) && mark.len() == "1.00000000.".len(), "{mark}");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Secrets::new(&config).open("p", &sealed).unwrap().expose_secret(), "x", "after a restart");
        fs::write(&file, "short").unwrap();
        assert!(matches!(Secrets::new(&config).seal("p", &"x".into()), Err(SecretsError::NoKey(_))));
        assert!(matches!(Secrets::new(&config).mark(), Err(SecretsError::NoKey(_))), "it is not as if there were none");
    }

    #[test]
    fn a_bad_key_is_named_and_never_shown() {
        assert!(check_key("!!").unwrap_err().contains("base64"));
        assert!(check_key("AAAA").unwrap_err().contains("32 bytes"));
        assert!(check_key(key(7).expose_secret()).is_ok());
        assert!(check_key(&format!("{}=", key(7).expose_secret())).is_ok(), "as openssl writes it");
    }
}
