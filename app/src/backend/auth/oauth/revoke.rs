//! Revocation (RFC 7009): a program signs out. Whichever of its tokens it shows, the whole grant ends: a program that
//! gives its access token back wants none.

use super::{
    ACCESS, OAuth, OAuthError, Params, REFRESH, hash_of,
    refusal::{Code, Refusal},
};

impl OAuth {
    /// Ends the grant of the token in the form; one that opens nothing any more is ended already.
    ///
    /// # Errors
    /// The client is not proven, or the token is another's.
    pub async fn revoke(&self, params: &Params, authorization: Option<&str>) -> Result<(), OAuthError> {
        let client = self.proven_client(params, authorization).await?;
        let text = params.need("token")?;
        // The hint is not needed: the text says which kind it is.
        let found = if let Some(hash) = hash_of(REFRESH, text) {
            self.store.oauth_refresh(&hash).await?.map(|found| (found.grant, found.client))
        } else if let Some(hash) = hash_of(ACCESS, text) {
            self.store.oauth_access_owner(&hash).await?
        } else {
            None
        };
        match found {
            None => Ok(()),
            Some((grant, owner)) if owner == client.id => Ok(self.end(grant).await?),
            Some(_) => Err(Refusal::new(Code::InvalidGrant, "The token is another client's.").into()),
        }
    }
}
