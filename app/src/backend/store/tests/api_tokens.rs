//! Tokens of people's programs.

use super::*;
use crate::wire::{
    api_token::{Scope, Scopes},
    id::Millis,
    limits::TOKENS_MAX,
};

on_every_backend! {
    async fn a_token_opens_until_it_lapses_or_is_revoked(t) {
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        let scopes = Scopes::default().with(Scope::Read);
        let lapse = Millis(t.clock.now().0 + 1_000);
        let short = t.create_api_token(ada, "sh\0ort", "one", scopes, Some(lapse)).await.unwrap();
        let long = t.create_api_token(ada, "long", "two", Scopes::ALL, None).await.unwrap();
        let found = t.api_token_by_hash("one").await.unwrap().unwrap();
        assert_eq!((found.id, found.user, found.name.as_str(), found.admin), (short, ada, "ada", true));
        assert_eq!((found.scopes, found.expires_at, found.seen_at), (scopes, Some(lapse), None));
        assert!(t.api_token_by_hash("three").await.unwrap().is_none());

        t.touch_api_token(short).await.unwrap();
        assert_eq!(t.api_token_by_hash("one").await.unwrap().unwrap().seen_at, Some(t.clock.now()));
        let names: Vec<_> = t.api_tokens(ada).await.unwrap().into_iter().map(|row| row.name).collect();
        assert_eq!(names, ["long", "short"]);
        assert!(t.api_tokens(eve).await.unwrap().is_empty());

        t.clock.advance(1_000);
        assert!(t.api_token_by_hash("one").await.unwrap().is_none());
        assert_eq!(t.api_tokens(ada).await.unwrap().len(), 1);

        assert!(not_found(&t.revoke_api_token(eve, long).await));
        assert!(t.api_token_by_hash("two").await.unwrap().is_some());
        t.revoke_api_token(ada, long).await.unwrap();
        assert!(t.api_token_by_hash("two").await.unwrap().is_none());
        assert!(not_found(&t.touch_api_token(long).await));
        assert!(not_found(&t.revoke_api_token(ada, long).await));
    }

    async fn nobody_has_too_many_tokens_and_lapsed_ones_do_not_count(t) {
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        for n in 1..TOKENS_MAX {
            t.create_api_token(ada, "x", &n.to_string(), Scopes::ALL, None).await.unwrap();
        }
        let lapse = Millis(t.clock.now().0 + 1_000);
        t.create_api_token(ada, "x", "last", Scopes::ALL, Some(lapse)).await.unwrap();
        assert_eq!(conflict(&t.create_api_token(ada, "x", "more", Scopes::ALL, None).await), "tokens_max");
        t.create_api_token(eve, "x", "hers", Scopes::ALL, None).await.unwrap();
        t.clock.advance(1_000);
        t.create_api_token(ada, "x", "more", Scopes::ALL, None).await.unwrap();
    }
}
