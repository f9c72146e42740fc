//! A new key in front of the old one: after a start the old one is needed no more.

use super::*;
use crate::{
    backend::{
        secrets::SecretsError,
        store::{
            connection_inputs::StoredInput, connections::StoredConnection, remote_sign_ins::StoredSignIn,
            sealed::Column,
        },
        test::on_every_backend,
    },
    wire::id::UserId,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret;

fn keys(bytes: &[u8]) -> Secrets {
    let keys = bytes.iter().map(|byte| STANDARD.encode([*byte; 32]).into()).collect();
    Secrets::new(&SecretsConfig { keys, file: "/nowhere/at/all".into() })
}

const SERVER: &str = "operator:files";

/// What the person's sign-in under way is known by.
fn state(by: UserId) -> String {
    format!("hash of {by}")
}

/// What everything is sealed for, in the order of [`Column::ALL`].
fn purposes(id: ConnectionId, by: UserId) -> [String; 5] {
    [
        person::purpose(id),
        super::super::inputs::purpose(by, SERVER, "key"),
        oauth::client_purpose(by, SERVER, "https://issuer"),
        oauth::grant_purpose(by, SERVER),
        oauth::pending_purpose(by, SERVER, &state(by)),
    ]
}

/// Keeps a secret in every column.
async fn keep(t: &TestStore, secrets: &Secrets, id: ConnectionId, by: UserId) {
    let [access, value, client, tokens, pending] =
        purposes(id, by).map(|purpose| secrets.seal(&purpose, &purpose.clone().into()).unwrap());
    t.create_connection(by, &StoredConnection { id, name: "s".to_owned(), prefix: "s".to_owned(), access })
        .await
        .unwrap();
    t.put_connection_inputs(by, SERVER, &[("key".to_owned(), Some(value))]).await.unwrap();
    t.put_remote_client(by, SERVER, "https://issuer", Some(&client)).await.unwrap();
    t.put_remote_grant(by, SERVER, Some(&tokens)).await.unwrap();
    let (state_hash, session, server) = (state(by), String::new(), SERVER.to_owned());
    t.begin_remote_sign_in(by, &StoredSignIn { state_hash, session, server, pending }).await.unwrap();
}

/// What is kept, in the order of [`Column::ALL`].
async fn kept(t: &TestStore, by: UserId) -> [String; 5] {
    let StoredInput { value, .. } = t.connection_inputs(by).await.unwrap().remove(0);
    [
        t.connections(by).await.unwrap().remove(0).access,
        value,
        t.remote_client(by, SERVER, "https://issuer").await.unwrap().unwrap(),
        t.remote_grant(by, SERVER).await.unwrap().unwrap(),
        t.take_remote_sign_in(by, "", &state(by)).await.unwrap().pending,
    ]
}

on_every_backend! {
    async fn what_the_old_key_sealed_opens_with_the_new_one_alone(t) {
        let (ann, bob, folder, tasks) = (t.person("ann").await, t.person("bob").await, Folder::new(), Tasks::default());
        let (hers, his) = (t.clock.id(), t.clock.id());
        keep(t, &keys(&[1]), hers, ann).await;
        // Bob's were sealed by a key that nobody has any more.
        keep(t, &keys(&[9]), his, bob).await;
        let config = ServersConfig { operator: Vec::new(), private: Nearby::All, tools_share: 5 };
        let means = means(t, &folder, &tasks, config, quick());
        let connections = Connections::new(Means { secrets: keys(&[2, 1]), ..means }).unwrap();
        let all = u64::try_from(Column::ALL.len()).unwrap();
        assert_eq!(connections.reseal().await.unwrap(), reseal::Resealed { done: all, shut: all });
        assert_eq!(connections.reseal().await.unwrap(), reseal::Resealed { done: 0, shut: all }, "it is done");
        for (sealed, purpose) in kept(t, ann).await.iter().zip(purposes(hers, ann)) {
            assert_eq!(keys(&[2]).open(&purpose, sealed).unwrap().expose_secret(), purpose);
        }
        for (sealed, purpose) in kept(t, bob).await.iter().zip(purposes(his, bob)) {
            assert_eq!(keys(&[9]).open(&purpose, sealed).unwrap().expose_secret(), purpose, "as it was");
        }
    }

    async fn where_the_key_cannot_be_read_nothing_is_touched(t) {
        let (ann, id, folder, tasks) = (t.person("ann").await, t.clock.id(), Folder::new(), Tasks::default());
        keep(t, &keys(&[1]), id, ann).await;
        std::fs::write(folder.path().join("secret.key"), "short").unwrap();
        let config = ServersConfig { operator: Vec::new(), private: Nearby::All, tools_share: 5 };
        let connections = Connections::new(means(t, &folder, &tasks, config, quick())).unwrap();
        let told = connections.reseal().await;
        assert!(matches!(&told, Err(reseal::ResealError::Key(SecretsError::NoKey(_)))), "{told:?}");
        for (sealed, purpose) in kept(t, ann).await.iter().zip(purposes(id, ann)) {
            assert_eq!(keys(&[1]).open(&purpose, sealed).unwrap().expose_secret(), purpose, "as it was");
        }
    }

    async fn what_was_written_meanwhile_stays(t) {
        let (ann, id) = (t.person("ann").await, t.clock.id());
        keep(t, &keys(&[1]), id, ann).await;
        let old = t.sealed_otherwise(Column::Grant, "1.2.").await.unwrap();
        t.put_remote_grant(ann, SERVER, Some("newer")).await.unwrap();
        let fresh = old.into_iter().map(|text| (text, "anew".to_owned())).collect::<Vec<_>>();
        assert_eq!((fresh.len(), t.reseal(Column::Grant, &fresh).await.unwrap()), (1, 0));
        assert_eq!(t.remote_grant(ann, SERVER).await.unwrap().as_deref(), Some("newer"));
    }
}
