//! What people fill in for the operator's servers.

use super::*;
use crate::backend::store::connection_inputs::StoredInput;

fn given(inputs: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
    inputs.iter().map(|(input, value)| ((*input).to_owned(), value.map(str::to_owned))).collect()
}

fn stored(server: &str, input: &str, value: &str) -> StoredInput {
    StoredInput { server: server.to_owned(), input: input.to_owned(), value: value.to_owned() }
}

on_every_backend! {
    async fn what_is_filled_in_is_its_persons_alone(t) {
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        t.put_connection_inputs(ada, "operator:a", &given(&[("key", Some("1")), ("tenant", Some("2"))])).await.unwrap();
        t.put_connection_inputs(ada, "operator:b", &given(&[("key", Some("3"))])).await.unwrap();
        t.put_connection_inputs(eve, "operator:a", &given(&[("key", Some("4"))])).await.unwrap();
        let adas = [stored("operator:a", "key", "1"), stored("operator:a", "tenant", "2"), stored("operator:b", "key", "3")];
        assert_eq!(t.connection_inputs(ada).await.unwrap(), adas);
        assert_eq!(t.connection_inputs(eve).await.unwrap(), [stored("operator:a", "key", "4")]);

        // Another's are neither changed nor forgotten.
        t.put_connection_inputs(eve, "operator:a", &given(&[("key", Some("5")), ("tenant", None)])).await.unwrap();
        t.forget_connection_inputs(eve, "operator:b").await.unwrap();
        assert_eq!(t.connection_inputs(ada).await.unwrap(), adas);
        assert_eq!(t.connection_inputs(eve).await.unwrap(), [stored("operator:a", "key", "5")]);

        t.put_connection_inputs(ada, "operator:a", &given(&[("key", Some("6")), ("tenant", None)])).await.unwrap();
        assert_eq!(t.connection_inputs(ada).await.unwrap(), [stored("operator:a", "key", "6"), stored("operator:b", "key", "3")]);
        t.forget_connection_inputs(ada, "operator:a").await.unwrap();
        assert_eq!(t.connection_inputs(ada).await.unwrap(), [stored("operator:b", "key", "3")]);
    }

    async fn what_is_filled_in_goes_with_its_person(t) {
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        for by in [ada, eve] {
            t.put_connection_inputs(by, "operator:a", &given(&[("key", Some("1"))])).await.unwrap();
        }
        t.sql("DELETE FROM users WHERE folded_name = 'ada'").await.unwrap();
        assert!(t.connection_inputs(ada).await.unwrap().is_empty());
        assert_eq!(t.connection_inputs(eve).await.unwrap().len(), 1);
        let late = t.put_connection_inputs(ada, "operator:a", &given(&[("key", Some("1"))])).await;
        assert!(not_found(&late), "{late:?}");
    }
}
