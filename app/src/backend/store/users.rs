//! Accounts.

use super::{
    Store, StoreError,
    db::{execute, fetch, read},
    parse_id,
};
use crate::wire::{
    account::Username,
    id::{SessionId, UserId},
};

/// An account as the gate needs it.
#[derive(Clone, Debug)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Its display name.
    pub name: String,
    /// PHC string of its password.
    pub password_hash: String,
    /// Whether it is an administrator.
    pub admin: bool,
}

#[derive(sqlx::FromRow)]
struct UserRow {
    id: String,
    name: String,
    password_hash: String,
    admin: bool,
}

impl UserRow {
    fn read(self) -> Result<User, StoreError> {
        let id = parse_id("users", &self.id)?;
        Ok(User { id, name: self.name, password_hash: self.password_hash, admin: self.admin })
    }
}

impl Store {
    /// Makes an account; the very first is an administrator whatever `admin` says. `Conflict("username")` if taken.
    pub async fn create_user(&self, name: &Username, password_hash: &str, admin: bool) -> Result<User, StoreError> {
        let id: UserId = self.inner.clock.id();
        let mut tx = self.begin().await?;
        let first =
            execute!(&mut tx, "INSERT INTO founding (only_row) VALUES (1) ON CONFLICT (only_row) DO NOTHING")? == 1;
        let row = fetch!(
            &mut tx,
            fetch_optional,
            UserRow,
            "INSERT INTO users (id, name, folded_name, password_hash, admin, created_at) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (folded_name) DO NOTHING RETURNING id, name, password_hash, admin",
            id.to_string(),
            name.as_str(),
            name.folded(),
            password_hash,
            admin || first,
            self.inner.clock.now().0,
        )?;
        let user = row.ok_or(StoreError::Conflict("username"))?.read()?;
        self.commit(tx).await?;
        Ok(user)
    }

    /// The account of that name, compared folded.
    pub async fn user_by_name(&self, name: &Username) -> Result<Option<User>, StoreError> {
        let sql = "SELECT id, name, password_hash, admin FROM users WHERE folded_name = $1";
        read!(self, fetch_optional, UserRow, sql, name.folded())?.map(UserRow::read).transpose()
    }

    /// The account with that id.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let sql = "SELECT id, name, password_hash, admin FROM users WHERE id = $1";
        read!(self, fetch_optional, UserRow, sql, id.to_string())?.map(UserRow::read).transpose()
    }

    /// Sets a new password and, in the same transaction, ends every session but `keep`; the ended ones. `NotFound` if the
    /// password is no longer the one that `user` has: somebody else who knew it has changed it meanwhile.
    pub async fn set_password(
        &self,
        user: &User,
        password_hash: &str,
        keep: Option<SessionId>,
    ) -> Result<Vec<SessionId>, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2";
        if execute!(&mut tx, sql, user.id.to_string(), &user.password_hash, password_hash)? == 0 {
            return Err(StoreError::NotFound);
        }
        let ended = fetch!(
            &mut tx,
            fetch_all,
            (String,),
            "DELETE FROM sessions WHERE user_id = $1 AND id <> $2 RETURNING id",
            user.id.to_string(),
            keep.map(|keep| keep.to_string()).unwrap_or_default(),
        )?;
        self.commit(tx).await?;
        ended.into_iter().map(|(id,)| parse_id("sessions", &id)).collect()
    }

    /// How many accounts there are.
    pub async fn count_users(&self) -> Result<i64, StoreError> {
        Ok(read!(self, fetch_one, (i64,), "SELECT COUNT(*) FROM users")?.0)
    }
}
