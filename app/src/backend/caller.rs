//! [`Caller`]: what every credential becomes. Nothing below the gate looks at cookies, tokens or addresses again.
//!
//! Decision: it stands beside `auth`, not inside it, because the chat and the tools need it and must not know how one
//! signs in.

use crate::wire::{
    api_token::{Scope, Scopes},
    id::{SessionId, TokenId, UserId},
};

/// Who asks, and through which credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub user: UserId,
    /// Its display name.
    pub name: String,
    /// Whether it is an administrator.
    pub admin: bool,
    /// Which credential was shown.
    pub via: Via,
}

/// The kinds of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// A browser's session cookie; revoking the session ends what it opened.
    Session(SessionId),
    /// A program's token, with what its person lets it do.
    Token(TokenId, Scopes),
    /// This process itself (jobs, the command line).
    Process,
    /// This process, going on with a turn that a program asked for, with what its token lets it do.
    Turn(Scopes),
}

impl Caller {
    /// The browser session behind it, if any.
    pub fn session(&self) -> Option<SessionId> {
        match self.via {
            Via::Session(id) => Some(id),
            Via::Token(..) | Via::Process | Via::Turn(_) => None,
        }
    }

    /// What the credential was made for, if that is less than everything.
    pub fn scopes(&self) -> Option<Scopes> {
        match self.via {
            Via::Session(_) | Via::Process => None,
            Via::Token(_, scopes) | Via::Turn(scopes) => Some(scopes),
        }
    }

    /// Whether the credential was made for `scope`; only tokens are made for less than everything.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes().is_none_or(|scopes| scopes.contains(scope))
    }
}

/// The peer of a request, as the gate saw it: for sessions' rows and for limits by address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address: the socket's, or what a trusted proxy says.
    pub address: std::net::IpAddr,
    /// What it calls itself (`User-Agent`), shortened.
    pub agent: String,
}
