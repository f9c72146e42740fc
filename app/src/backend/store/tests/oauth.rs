//! Programs that sign in: their codes and tokens, and what people allowed them.

use super::*;
use crate::{
    backend::store::oauth::{Fresh, NewCode, OAuthClient},
    wire::{
        api_token::{Scope, Scopes},
        id::Millis,
        limits::{OAUTH_ACCESS_MS, OAUTH_CLIENT_MS, OAUTH_CODE_MS, OAUTH_GRANT_MS},
    },
};

const MCP: &str = "https://chat.example/mcp";

fn client(id: &str) -> OAuthClient {
    OAuthClient {
        id: id.to_owned(),
        name: "Cl\0aude".to_owned(),
        redirect_uris: vec!["http://127.0.0.1/cb".to_owned(), "app:/cb".to_owned()],
        secret_hash: None,
        fresh_until: None,
    }
}

fn fresh(n: u32) -> Fresh {
    Fresh { access: format!("access{n}"), refresh: format!("refresh{n}") }
}

impl TestStore {
    async fn code(&self, user: UserId, client: &str, hash: &str) -> Result<(), StoreError> {
        let scopes = Scopes::default().with(Scope::Read).with(Scope::Write);
        let (redirect_uri, challenge) = ("app:/cb", "challenge");
        self.create_oauth_code(hash, NewCode { user, client, redirect_uri, scopes, resource: MCP, challenge }).await
    }

    /// A program that is let in, and its tokens `n`.
    async fn let_in(&self, user: UserId, client: &str, n: u32) {
        self.code(user, client, &format!("code{n}")).await.unwrap();
        assert!(self.redeem_oauth_code(&format!("code{n}"), &fresh(n)).await.unwrap().is_some());
    }

    async fn opens(&self, access: &str) -> bool {
        self.oauth_access(access, MCP).await.unwrap().is_some()
    }
}

on_every_backend! {
    async fn a_client_is_kept_and_says_something_else_later(t) {
        t.put_oauth_client(&client("one")).await.unwrap();
        let found = t.oauth_client("one").await.unwrap().unwrap();
        assert_eq!(found, OAuthClient { name: "Claude".to_owned(), ..client("one") });
        let now = OAuthClient { fresh_until: Some(Millis(7)), secret_hash: Some("hash".to_owned()), ..found };
        t.put_oauth_client(&now).await.unwrap();
        assert_eq!(t.oauth_client("one").await.unwrap().unwrap(), now);
        for other in ["two", "on\0f", ""] {
            assert!(t.oauth_client(other).await.unwrap().is_none());
        }
        t.forget_oauth_client("one").await.unwrap();
        assert!(not_found(&t.forget_oauth_client("one").await));
    }

    async fn a_code_is_used_once_and_in_time(t) {
        let ada = t.person("ada").await;
        t.put_oauth_client(&client("one")).await.unwrap();
        assert!(not_found(&t.code(ada, "two", "code").await));
        assert!(not_found(&t.code(t.clock.id(), "one", "code").await));
        t.code(ada, "one", "code").await.unwrap();
        let code = t.oauth_code("code").await.unwrap().unwrap();
        assert_eq!((&*code.client, &*code.redirect_uri, &*code.challenge), ("one", "app:/cb", "challenge"));
        assert_eq!((code.expires_at, code.grant), (Millis(t.clock.now().0 + OAUTH_CODE_MS), None));

        let scopes = t.redeem_oauth_code("code", &fresh(1)).await.unwrap().unwrap();
        assert_eq!(scopes.to_string(), "read write");
        let grant = t.oauth_code("code").await.unwrap().unwrap().grant.unwrap();
        assert!(t.redeem_oauth_code("code", &fresh(2)).await.unwrap().is_none());
        assert!(t.opens("access1").await && !t.opens("access2").await);
        // It stays used when what was made of it ends.
        assert!(t.end_oauth_grant(grant).await.unwrap() && !t.end_oauth_grant(grant).await.unwrap());
        assert!(t.redeem_oauth_code("code", &fresh(2)).await.unwrap().is_none());
        assert_eq!(t.oauth_code("code").await.unwrap().unwrap().grant, Some(grant));

        t.code(ada, "one", "late").await.unwrap();
        t.clock.advance(OAUTH_CODE_MS);
        assert!(t.redeem_oauth_code("late", &fresh(3)).await.unwrap().is_none());
    }

    async fn of_two_at_once_one_gets_tokens(t) {
        let ada = t.person("ada").await;
        t.put_oauth_client(&client("one")).await.unwrap();
        t.code(ada, "one", "code").await.unwrap();
        let (one, two) = (fresh(1), fresh(2));
        let (a, b) = tokio::join!(t.redeem_oauth_code("code", &one), t.redeem_oauth_code("code", &two));
        assert!(a.unwrap().is_some() != b.unwrap().is_some());
        let refresh = if t.opens("access1").await { "refresh1" } else { "refresh2" };
        let grant = t.oauth_refresh(refresh).await.unwrap().unwrap().grant;
        let (three, four, read) = (fresh(3), fresh(4), Scopes::default().with(Scope::Read));
        let (a, b) = tokio::join!(
            t.rotate_oauth_refresh(refresh, grant, &three, read),
            t.rotate_oauth_refresh(refresh, grant, &four, read)
        );
        assert!(a.unwrap() != b.unwrap());
        assert!(t.opens("access3").await != t.opens("access4").await);
    }

    async fn an_access_token_opens_its_resource_until_it_lapses(t) {
        let ada = t.person("ada").await;
        t.put_oauth_client(&client("one")).await.unwrap();
        t.let_in(ada, "one", 1).await;
        let found = t.oauth_access("access1", MCP).await.unwrap().unwrap();
        assert_eq!((found.user, found.name.as_str(), found.admin), (ada, "ada", true));
        assert_eq!((found.expires_at, found.seen_at), (Millis(t.clock.now().0 + OAUTH_ACCESS_MS), None));
        assert!(t.oauth_access("access1", "https://elsewhere.example/mcp").await.unwrap().is_none());
        assert!(!t.opens("refresh1").await && !t.opens("code1").await);
        t.touch_oauth_grant(found.grant).await.unwrap();
        assert_eq!(t.oauth_access("access1", MCP).await.unwrap().unwrap().seen_at, Some(t.clock.now()));
        t.clock.advance(OAUTH_ACCESS_MS);
        assert!(!t.opens("access1").await);
        assert_eq!(t.oauth_access_owner("access1").await.unwrap().unwrap(), (found.grant, "one".to_owned()));
    }

    async fn a_refresh_token_is_replaced_and_its_grant_lives_on(t) {
        let ada = t.person("ada").await;
        t.put_oauth_client(&client("one")).await.unwrap();
        t.let_in(ada, "one", 1).await;
        t.clock.advance(OAUTH_GRANT_MS - 1);
        let found = t.oauth_refresh("refresh1").await.unwrap().unwrap();
        assert_eq!((&*found.client, &*found.resource, found.used), ("one", MCP, false));
        let read = Scopes::default().with(Scope::Read);
        assert!(t.rotate_oauth_refresh("refresh1", found.grant, &fresh(2), read).await.unwrap());
        assert_eq!(t.oauth_access("access2", MCP).await.unwrap().unwrap().scopes, read);
        let next = t.oauth_refresh("refresh2").await.unwrap().unwrap();
        assert_eq!((next.scopes.to_string().as_str(), next.grant), ("read write", found.grant), "less once is not less for ever");
        assert!(t.oauth_refresh("refresh1").await.unwrap().unwrap().used);
        assert!(!t.rotate_oauth_refresh("refresh1", found.grant, &fresh(3), read).await.unwrap());
        assert!(!t.opens("access3").await);
        t.clock.advance(OAUTH_GRANT_MS);
        assert!(t.oauth_refresh("refresh2").await.unwrap().is_none());
        assert!(not_found(&t.rotate_oauth_refresh("refresh2", found.grant, &fresh(3), read).await));
    }

    async fn ones_programs_are_ones_own_to_see_and_to_end(t) {
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        t.put_oauth_client(&client("one")).await.unwrap();
        t.put_oauth_client(&client("two")).await.unwrap();
        t.let_in(ada, "one", 1).await;
        t.let_in(ada, "one", 2).await;
        t.let_in(ada, "two", 3).await;
        t.let_in(eve, "one", 4).await;
        t.code(ada, "one", "pending").await.unwrap();
        let hers: Vec<_> = t.oauth_grants(ada).await.unwrap().into_iter().map(|grant| grant.client).collect();
        assert_eq!(hers, ["two", "one", "one"]);
        assert!(not_found(&t.end_oauth_grants(eve, "two").await));
        assert_eq!(t.end_oauth_grants(ada, "one").await.unwrap().len(), 2);
        assert!(!t.opens("access1").await && !t.opens("access2").await);
        assert!(t.opens("access3").await && t.opens("access4").await);
        assert!(t.redeem_oauth_code("pending", &fresh(5)).await.unwrap().is_none(), "nor does it come back by itself");
        assert!(t.oauth_refresh("refresh1").await.unwrap().is_none());
        assert!(not_found(&t.end_oauth_grants(ada, "one").await));
        assert_eq!(t.oauth_grants(eve).await.unwrap().len(), 1);
    }

    async fn what_opens_nothing_is_removed_and_the_rest_stays(t) {
        let ada = t.person("ada").await;
        t.put_oauth_client(&client("idle")).await.unwrap();
        t.put_oauth_client(&client("one")).await.unwrap();
        t.let_in(ada, "one", 1).await;
        assert_eq!(t.purge_oauth().await.unwrap(), 0);
        t.clock.advance(OAUTH_CLIENT_MS - 1);
        let grant = t.oauth_refresh("refresh1").await.unwrap().unwrap().grant;
        assert!(t.rotate_oauth_refresh("refresh1", grant, &fresh(2), Scopes::ALL).await.unwrap());
        t.clock.advance(1);
        t.purge_oauth().await.unwrap();
        assert!(t.oauth_client("idle").await.unwrap().is_none());
        assert!(t.oauth_client("one").await.unwrap().is_some() && t.opens("access2").await);
        assert!(t.oauth_access_owner("access1").await.unwrap().is_none() && t.oauth_code("code1").await.unwrap().is_none());
        assert!(t.oauth_refresh("refresh1").await.unwrap().unwrap().used, "its reuse is still noticed");
        t.clock.advance(OAUTH_GRANT_MS);
        t.purge_oauth().await.unwrap();
        assert!(t.oauth_client("one").await.unwrap().is_none() && t.oauth_grants(ada).await.unwrap().is_empty());
    }
}
