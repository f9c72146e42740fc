//! Rooms: invite, revoke, look at an invitation, join, remove, leave.

use super::call::Call;
use crate::wire::{
    error::ApiError,
    id::{ConversationId, Millis, UserId},
    room::{Invitation, Invited},
};
use leptos::prelude::*;

/// Makes an invitation link; its token is shown this once.
#[server(protocol = Call)]
pub async fn invite(id: ConversationId) -> Result<Invitation, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        let token = crate::backend::auth::token::Token::generate().map_err(|cause| super::error::internal(&cause))?;
        let expires_at = Millis(backend.clock.now().0 + crate::wire::limits::INVITATION_MS);
        backend.store.create_invitation(caller.user, id, &token.hash(), expires_at).await?;
        Ok(Invitation { conversation: id, token: token.expose().to_owned(), expires_at })
    })
    .await
}

/// Revokes every invitation of a room; how many.
#[server(protocol = Call)]
pub async fn revoke_invitations(id: ConversationId) -> Result<u64, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        Ok(backend.store.revoke_invitations(caller.user, id).await?)
    })
    .await
}

/// When the invitations of a room lapse that still let people in; its owner may ask.
#[server(protocol = Call)]
pub async fn invitations(id: ConversationId) -> Result<Vec<Millis>, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        Ok(backend.store.invitations(caller.user, id).await?)
    })
    .await
}

/// What an invitation says, for whoever could join by it. A link without one says what joining by it would.
#[server(name = ReadInvitation, protocol = Call)]
pub async fn invitation(token: String) -> Result<Invited, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, _caller) = signed_in()?;
        let token = crate::backend::auth::token::Token::parse(&token).ok_or(ApiError::NotFound)?;
        Ok(backend.store.invitation(&token.hash()).await?)
    })
    .await
}

/// Joins the room of an invitation and goes there.
#[server(protocol = Call)]
pub async fn join(token: String) -> Result<ConversationId, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        let token = crate::backend::auth::token::Token::parse(&token).ok_or(ApiError::NotFound)?;
        let id = backend.store.join(caller.user, &token.hash()).await?;
        backend.chat.members_changed(id).await;
        super::context::go_to(&format!("/c/{id}"));
        Ok(id)
    })
    .await
}

/// Removes a member, or oneself; how many invitations ended with it.
#[server(protocol = Call)]
pub async fn remove_member(id: ConversationId, user: UserId) -> Result<u64, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        let revoked = backend.store.remove_member(caller.user, id, user).await?;
        backend.chat.member_removed(id, user).await;
        Ok(revoked)
    })
    .await
}
