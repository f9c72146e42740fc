//! What happens while a password is being checked.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::{
    oauth::{Documents, Site},
    *,
};
use crate::backend::{
    config::Rates,
    http,
    test::{TestStore, on_every_backend},
};

fn gate(t: &TestStore) -> Auth {
    let limiter = Limiter::new(&Rates::OFF, t.clock.clone());
    let (store, clock, hub) = (t.store.clone(), t.clock.clone(), Hub::default());
    let documents = Documents::new(http::Guarded::new().unwrap());
    let site = Site::new("http://127.0.0.1:3000", []);
    let own = http::own().unwrap();
    let oauth = OAuth::new(store.clone(), clock.clone(), hub.clone(), limiter.clone(), documents, site, own);
    Auth::new(store, clock, hub, limiter, false, true, oauth)
}

fn form(password: &str) -> SignIn {
    SignIn {
        name: "ada".to_owned(),
        password: password.into(),
        address: IpAddr::from([127, 0, 0, 1]),
        agent: String::new(),
        previous: None,
    }
}

on_every_backend! {
    async fn a_password_that_is_changed_while_it_is_checked_lets_nobody_in(t) {
        let auth = gate(t);
        let ada = auth.sign_up(form("the old password")).await.unwrap().caller;
        let checked = auth.verified(&form("the old password")).await.unwrap();
        auth.change_password(&ada, "the old password".into(), "the new password".into()).await.unwrap();

        let browser = SignIn { previous: Some(ada.clone()), ..form("the old password") };
        assert!(matches!(auth.begin(checked.clone(), &browser).await, Err(AuthError::Wrong)));
        let sessions = auth.sessions(&ada).await.unwrap();
        assert!(matches!(&sessions[..], [kept] if Some(kept.id) == ada.session()), "{sessions:?}");

        let again = auth.sign_in(SignIn { previous: Some(ada.clone()), ..form("the new password") }).await.unwrap();
        let sessions = auth.sessions(&again.caller).await.unwrap();
        assert!(matches!(&sessions[..], [one] if one.current), "the browser's session before it ends: {sessions:?}");
    }

    async fn of_two_who_change_a_password_at_once_one_does(t) {
        let auth = gate(t);
        let ada = auth.sign_up(form("the old password")).await.unwrap().caller;
        let thief = auth.sign_in(form("the old password")).await.unwrap().caller;
        let change = |by, new: &str| auth.change_password(by, "the old password".into(), new.to_owned().into());
        let (first, second) = tokio::join!(change(&ada, "a new password"), change(&thief, "another password"));
        let (stays, new, refused) = match (first, second) {
            (Ok(()), refused) => (&ada, "a new password", refused),
            (refused, Ok(())) => (&thief, "another password", refused),
            neither => panic!("{neither:?}"),
        };
        assert!(matches!(refused, Err(AuthError::WrongCurrent)), "{refused:?}");
        let sessions = auth.sessions(stays).await.unwrap();
        assert!(matches!(&sessions[..], [kept] if kept.current), "{sessions:?}");
        auth.sign_in(form(new)).await.unwrap();
    }
}
