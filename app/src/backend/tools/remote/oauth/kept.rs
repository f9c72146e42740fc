//! [`Place`]: where a person's tokens for a server are kept, sealed, for every process that works on the database.
//!
//! Invariant: a process that renews or forgets tokens writes over what it read and over nothing else ([`Place::replace`]):
//! what another process (`parley mcp-stdio` beside the server) or another sign-in wrote meanwhile stays. Each writing is
//! another sealed text, so that the text is its own version.

use super::{Keep, Trouble, ask::Asker, grant::Grant};
use crate::wire::id::UserId;
use secrecy::ExposeSecret;
use std::sync::Arc;
use tokio::sync::OwnedMutexGuard;
use url::Url;

/// Where they are kept, and for whom.
#[derive(Clone)]
pub(in super::super) struct Place {
    pub(super) keep: Arc<Keep>,
    pub(super) user: UserId,
    pub(super) server: String,
    pub(super) url: Url,
    /// Whether a person chose the server, and not the operator.
    pub(super) guarded: bool,
}

/// The tokens, once they were read.
#[derive(Default)]
pub(super) struct Held {
    read: bool,
    /// What is kept, as far as is known.
    sealed: Option<String>,
    pub(super) grant: Option<Grant>,
}

/// The tokens, held by whoever asks for others.
pub(super) type Hold = OwnedMutexGuard<Held>;

impl Place {
    /// What asks where that server's sign-in leads.
    pub(super) fn asker(&self) -> Asker<'_> {
        if self.guarded { self.keep.asker() } else { self.keep.asker_beside(&self.url) }
    }

    /// Reads them if they were not read yet.
    pub(super) async fn read(&self, held: &mut Held) -> Result<(), Trouble> {
        if !held.read {
            self.look(held).await?;
        }
        Ok(())
    }

    /// Reads them again; whether they are others than were known.
    pub(super) async fn look(&self, held: &mut Held) -> Result<bool, Trouble> {
        let sealed = self.keep.store.remote_grant(self.user, &self.server).await?;
        if held.read && sealed == held.sealed {
            // What was renewed and could not be kept is newer than what is kept.
            return Ok(false);
        }
        let grant = sealed.as_deref().and_then(|sealed| self.open(sealed));
        *held = Held { read: true, sealed, grant };
        Ok(true)
    }

    /// Keeps them, whatever there was; without any, what there was is forgotten.
    pub(super) async fn put(&self, held: &mut Held, grant: Option<Grant>) -> Result<(), Trouble> {
        let sealed = grant.as_ref().map(|grant| self.seal(grant)).transpose()?;
        self.keep.store.put_remote_grant(self.user, &self.server, sealed.as_deref()).await?;
        *held = Held { read: true, sealed, grant };
        Ok(())
    }

    /// The same in place of those that were read; `false`, and nothing is changed, if others are kept by now.
    pub(super) async fn replace(&self, held: &mut Held, grant: Option<Grant>) -> Result<bool, Trouble> {
        let Some(before) = &held.sealed else { return Ok(false) };
        let sealed = grant.as_ref().map(|grant| self.seal(grant)).transpose()?;
        let replaced = self.keep.store.replace_remote_grant(self.user, &self.server, before, sealed.as_deref()).await?;
        if replaced {
            *held = Held { read: true, sealed, grant };
        }
        Ok(replaced)
    }

    /// Tokens for another address than the server's are none.
    fn open(&self, sealed: &str) -> Option<Grant> {
        let opened = self.keep.secrets.open(&self.purpose(), sealed);
        let opened = opened.inspect_err(|error| {
            tracing::warn!(%error, server = self.server, "a sign-in's tokens stay shut");
        });
        let grant: Grant = serde_json::from_str(opened.ok()?.expose_secret()).ok()?;
        Some(grant).filter(|grant| grant.server == self.url.as_str())
    }

    fn seal(&self, grant: &Grant) -> Result<String, Trouble> {
        let unkept = || Trouble::Away("Its sign-in cannot be kept.".to_owned());
        let json = serde_json::to_string(grant).map_err(|_| unkept())?;
        self.keep.secrets.seal(&self.purpose(), &json.into()).map_err(|error| {
            tracing::warn!(%error, "a sign-in's tokens cannot be sealed");
            unkept()
        })
    }

    fn purpose(&self) -> String {
        purpose(self.user, &self.server)
    }
}

/// What tokens are sealed for.
pub(in super::super) fn purpose(user: UserId, server: &str) -> String {
    format!("remote-grant:{user}:{server}")
}
