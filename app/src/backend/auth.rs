//! Accounts at the gate: sign up, in and out, sessions, passwords. What comes out is a [`Caller`].
//!
//! Invariants: an unknown name costs the same work and gives the same answer as a wrong password; every sign-in makes a
//! new token and ends the session the browser had before; a session that ends is told to its sockets at once. Checking a
//! password takes a while, so whatever it lets through is written only if the password is still that one by then.

pub mod api_tokens;
pub mod cookie;
pub mod oauth;
pub mod password;
#[cfg(test)]
mod tests;
pub mod token;

use self::{
    cookie::Cookie,
    oauth::OAuth,
    password::{PasswordError, Passwords},
    token::Token,
};
use crate::{
    backend::{
        caller::{Caller, Via},
        clock::Clock,
        hub::{Hub, Topic},
        limiter::{Action, Key, Limiter},
        store::{Store, StoreError, sessions::Session, users::User},
    },
    wire::{
        account::{Password, SessionRow, Username},
        event::{ByeReason, ChatEvent},
        id::{SessionId, UserId},
        limits::PASSWORD_MAX,
    },
};
use secrecy::{ExposeSecret, SecretString};
use std::{net::IpAddr, time::Duration};

/// Characters of a browser's name for itself that are kept.
const AGENT_MAX: usize = 200;
/// Milliseconds between two notes that a session is in use: a write per request would be too many.
const TOUCH_MS: i64 = 60_000;

/// Why the gate stays shut.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// No such account or not its password: one answer for both.
    #[error("The name or the password is not right.")]
    Wrong,
    /// The password given as the current one is not.
    #[error("That is not your current password.")]
    WrongCurrent,
    /// An input breaks a rule.
    #[error("{reason}")]
    Invalid {
        /// `name` or `password`.
        field: &'static str,
        /// A sentence that says which rule.
        reason: String,
    },
    /// Somebody has that name.
    #[error("That name is taken.")]
    Taken,
    /// Accounts are made by the operator only.
    #[error("Sign-up is closed here. Ask the operator for an account.")]
    Closed,
    /// Too often.
    #[error("too many attempts")]
    TooMany(Duration),
    /// Too many at once.
    #[error("too many sign-ins at once")]
    Busy,
    /// Not one's own session.
    #[error("no such session")]
    NotFound,
    /// The credential is not a browser's session.
    #[error("not a browser session")]
    NoSession,
    /// Passwords could not be hashed or tokens made.
    #[error("{0}")]
    Internal(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<PasswordError> for AuthError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::Busy,
            PasswordError::Hash(why) => Self::Internal(why),
        }
    }
}

/// What a sign-in or sign-up form says, and where it came from.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The account's name as typed.
    pub name: String,
    /// The password as typed.
    pub password: SecretString,
    /// Where from.
    pub address: IpAddr,
    /// What the browser calls itself.
    pub agent: String,
    /// The session the browser had until now: it ends.
    pub previous: Option<Caller>,
}

/// A form's answer: who it is now, and the token for the cookie.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who it is.
    pub caller: Caller,
    /// Shown once.
    pub token: Token,
}

/// The gate; cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Auth {
    store: Store,
    clock: Clock,
    hub: Hub,
    limiter: Limiter,
    passwords: Passwords,
    cookie: Cookie,
    open: bool,
    oauth: OAuth,
}

impl Auth {
    /// A gate in front of `store`; `secure` if people come by HTTPS, `open` if everybody may make an account.
    pub fn new(store: Store, clock: Clock, hub: Hub, limiter: Limiter, secure: bool, open: bool, oauth: OAuth) -> Self {
        Self { store, clock, hub, limiter, passwords: Passwords::new(), cookie: Cookie::new(secure), open, oauth }
    }

    /// The programs' way in, beside personal tokens.
    pub fn oauth(&self) -> &OAuth {
        &self.oauth
    }

    /// Whether everybody may make an account.
    pub fn sign_up_open(&self) -> bool {
        self.open
    }

    /// Makes an account and signs it in. `Taken` is said here only, and counted like every sign-up.
    pub async fn sign_up(&self, form: SignIn) -> Result<SignedIn, AuthError> {
        if !self.open {
            return Err(AuthError::Closed);
        }
        let (name, password) = parse_new(&form.name, &form.password)?;
        self.limit(Action::SignUp, &Key::address(form.address))?;
        let user = self.create(&name, password, false).await?;
        self.begin(user, &form).await
    }

    /// Makes an account without signing it in: for `create-admin`.
    pub async fn create_account(&self, name: &str, password: &SecretString, admin: bool) -> Result<User, AuthError> {
        let (name, password) = parse_new(name, password)?;
        self.create(&name, password, admin).await
    }

    async fn create(&self, name: &Username, password: SecretString, admin: bool) -> Result<User, AuthError> {
        // Before the work of hashing; the unique name in the store decides in the end.
        if self.store.user_by_name(name).await?.is_some() {
            return Err(AuthError::Taken);
        }
        let hash = self.passwords.hash(password).await?;
        self.store.create_user(name, &hash, admin).await.map_err(|error| match error {
            StoreError::Conflict("username") => AuthError::Taken,
            error => error.into(),
        })
    }

    /// Signs in.
    pub async fn sign_in(&self, form: SignIn) -> Result<SignedIn, AuthError> {
        let user = self.verified(&form).await?;
        self.begin(user, &form).await
    }

    /// The account whose name and password a form says.
    async fn verified(&self, form: &SignIn) -> Result<User, AuthError> {
        self.limit(Action::SignInAddress, &Key::address(form.address))?;
        let name = Username::parse(&form.name).ok();
        // What cannot be a name is nobody's account; the address is counted.
        if let Some(name) = &name {
            self.limit(Action::SignInAccount, &Key::Account(name.folded()))?;
        }
        if form.password.expose_secret().chars().count() > PASSWORD_MAX {
            return Err(AuthError::Wrong);
        }
        let user = match &name {
            Some(name) => self.store.user_by_name(name).await?,
            None => None,
        };
        let hash = user.as_ref().map(|user| user.password_hash.clone());
        let right = self.passwords.verify(form.password.clone(), hash).await?;
        user.filter(|_| right).ok_or(AuthError::Wrong)
    }

    /// A new session, and the end of the one before it: a token planted in the browser is worth nothing afterwards.
    async fn begin(&self, user: User, form: &SignIn) -> Result<SignedIn, AuthError> {
        let token = Token::generate().map_err(|e| AuthError::Internal(e.to_string()))?;
        let agent: String = form.agent.chars().filter(|c| !c.is_control()).take(AGENT_MAX).collect();
        let address = form.address.to_canonical().to_string();
        let made = self.store.create_session(&user, &token.hash(), &agent, &address).await;
        let session = made.map_err(|error| match error {
            // The password was changed since it was checked.
            StoreError::NotFound => AuthError::Wrong,
            error => error.into(),
        })?;
        if let Some(previous) = &form.previous {
            self.sign_out(previous).await?;
        }
        let caller = Caller { user: user.id, name: user.name, admin: user.admin, via: Via::Session(session) };
        Ok(SignedIn { caller, token })
    }

    /// Who shows that token; nobody if it is unknown, revoked or lapsed.
    pub async fn caller(&self, token: &Token) -> Result<Option<Caller>, AuthError> {
        let Some(session) = self.store.session_by_token(&token.hash()).await? else { return Ok(None) };
        if self.clock.now().0 - session.seen_at.0 >= TOUCH_MS {
            match self.store.touch_session(session.id).await {
                Ok(()) => {}
                // Revoked since it was looked up.
                Err(StoreError::NotFound) => return Ok(None),
                // A disk that cannot be written must not keep people from reading.
                Err(error) => tracing::warn!(%error, "when a session was last seen cannot be kept"),
            }
        }
        let Session { id, user, name, admin, .. } = session;
        Ok(Some(Caller { user, name, admin, via: Via::Session(id) }))
    }

    /// The account of that name, without a credential: for the command line, whose user has the database itself.
    ///
    /// # Errors
    /// `NotFound` if there is none; the name breaks a rule.
    pub async fn account(&self, name: &str) -> Result<Caller, AuthError> {
        let name = Username::parse(name).map_err(|reason| AuthError::Invalid { field: "name", reason })?;
        let user = self.store.user_by_name(&name).await?.ok_or(AuthError::NotFound)?;
        Ok(Caller { user: user.id, name: user.name, admin: user.admin, via: Via::Process })
    }

    /// Ends the caller's own session; its sockets close. Ending it twice changes nothing.
    pub async fn sign_out(&self, caller: &Caller) -> Result<(), AuthError> {
        let Some(session) = caller.session() else { return Ok(()) };
        match self.revoke(caller.user, session).await {
            Err(AuthError::NotFound) => Ok(()),
            result => result,
        }
    }

    /// The caller's sessions, newest first.
    pub async fn sessions(&self, caller: &Caller) -> Result<Vec<SessionRow>, AuthError> {
        Ok(self.store.sessions(caller.user, caller.session()).await?)
    }

    /// Ends one of the caller's sessions; its sockets close.
    pub async fn revoke_session(&self, caller: &Caller, session: SessionId) -> Result<(), AuthError> {
        self.revoke(caller.user, session).await
    }

    async fn revoke(&self, user: UserId, session: SessionId) -> Result<(), AuthError> {
        self.store.revoke_session(user, session).await.map_err(|error| match error {
            StoreError::NotFound => AuthError::NotFound,
            error => error.into(),
        })?;
        self.bye(session);
        Ok(())
    }

    /// Sets a new password and ends every other session of the caller; their sockets close. Programs stay in, by tokens
    /// ([`api_tokens`]) and by [`oauth`].
    pub async fn change_password(
        &self,
        caller: &Caller,
        current: SecretString,
        new: SecretString,
    ) -> Result<(), AuthError> {
        let session = caller.session().ok_or(AuthError::NoSession)?;
        let new = parse_password(&new)?;
        let user = self.store.user(caller.user).await?.ok_or(AuthError::NotFound)?;
        // A stolen session must not be a way to guess the password without limit.
        self.limit(Action::SignInAccount, &Key::User(caller.user))?;
        if !self.passwords.verify(current, Some(user.password_hash.clone())).await? {
            return Err(AuthError::WrongCurrent);
        }
        let hash = self.passwords.hash(new).await?;
        let ended = self.store.set_password(&user, &hash, Some(session)).await.map_err(|error| match error {
            StoreError::NotFound => AuthError::WrongCurrent,
            error => error.into(),
        })?;
        for session in ended {
            self.bye(session);
        }
        Ok(())
    }

    /// A `Set-Cookie` value that gives the browser `token`.
    pub fn cookie(&self, token: &Token) -> String {
        self.cookie.set(token)
    }

    /// A `Set-Cookie` value that takes the token away.
    pub fn clear_cookie(&self) -> String {
        self.cookie.clear()
    }

    /// The session cookie's value among `Cookie` header values, well-formed or not.
    pub fn find_cookie<'a>(&self, headers: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        self.cookie.find(headers)
    }

    fn bye(&self, session: SessionId) {
        self.hub.publish(Topic::Session(session), ChatEvent::Bye { reason: ByeReason::SignedOut });
    }

    fn limit(&self, action: Action, key: &Key) -> Result<(), AuthError> {
        self.limiter.check(action, key).map_err(AuthError::TooMany)
    }
}

fn parse_new(name: &str, password: &SecretString) -> Result<(Username, SecretString), AuthError> {
    let name = Username::parse(name).map_err(|reason| AuthError::Invalid { field: "name", reason })?;
    Ok((name, parse_password(password)?))
}

fn parse_password(password: &SecretString) -> Result<SecretString, AuthError> {
    let parsed = Password::parse(password.expose_secret());
    let password = parsed.map_err(|reason| AuthError::Invalid { field: "password", reason })?;
    Ok(SecretString::from(password.expose()))
}
