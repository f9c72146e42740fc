//! The frame an app is shown in: a ticket for its address, and what is served there.
//!
//! Invariant: a ticket is sealed, names one app of one person, and is good for [`APP_TICKET_MS`]. It is not a secret of
//! that person's but a way to a page of their server's; where the app has no site of its own, their session is asked
//! for besides.

use super::{
    super::{Connections, Pool},
    AppError,
    declared::{Declared, Rules},
};
use crate::{
    backend::{
        config::{AppsConfig, Nearby},
        secrets::SecretsError,
    },
    wire::{
        app::ToolApp,
        id::{Millis, UserId},
        limits::APP_TICKET_MS,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// What tickets are sealed for.
const PURPOSE: &str = "app frame";

/// What is served to a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Framed {
    /// Whom it was opened for.
    pub user: UserId,
    /// The page, as its server gave it.
    pub html: String,
    /// Its Content-Security-Policy.
    pub policy: String,
}

#[derive(Serialize, Deserialize)]
struct Ticket {
    user: UserId,
    app: ToolApp,
    until: Millis,
}

impl Pool {
    /// A ticket as part of an address.
    pub(super) fn ticket(&self, user: UserId, app: &ToolApp) -> Result<String, SecretsError> {
        let until = Millis(self.clock.now().0 + APP_TICKET_MS);
        let ticket = serde_json::json!(Ticket { user, app: app.clone(), until }).to_string();
        // Base64 as addresses have it.
        Ok(self.secrets.seal(PURPOSE, &SecretString::from(ticket))?.replace('+', "-").replace('/', "_"))
    }
}

impl Connections {
    /// What a ticket leads to.
    ///
    /// # Errors
    /// `NotFound` for one that is not ours or too old; the store's.
    pub async fn framed(&self, ticket: &str, site: &AppsConfig) -> Result<Framed, AppError> {
        let sealed = ticket.replace('-', "+").replace('_', "/");
        let opened = self.0.secrets.open(PURPOSE, &sealed).map_err(|_| AppError::NotFound)?;
        let ticket: Ticket = serde_json::from_str(opened.expose_secret()).map_err(|_| AppError::NotFound)?;
        if ticket.until < self.0.clock.now() {
            return Err(AppError::NotFound);
        }
        let page = self.0.store.app(ticket.user, &ticket.app.server, &ticket.app.uri).await?;
        let page = page.ok_or(AppError::NotFound)?;
        let policy = Declared::read(&page.declared).policy(&self.rules(site)).header;
        Ok(Framed { user: ticket.user, html: page.html, policy })
    }

    pub(super) fn rules(&self, site: &AppsConfig) -> Rules {
        Rules::new(site, self.0.private == Nearby::All)
    }
}
