//! Rows of simple tables are made, changed and removed by their owners alone.

use super::*;

fn why<T: std::fmt::Debug>(result: Result<T, CollectionError>) -> String {
    match result {
        Err(CollectionError::Invalid(why)) => why,
        other => panic!("{other:?}"),
    }
}

on_every_backend! {
    async fn rows_are_written_by_their_owner_and_refer_to_their_own(t) {
        build(t).await;
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        let (all, books) = (library(), &LIBRARY[1]);
        let (mine, hers) = (t.shelf(ada, "mine").await, t.shelf(eve, "hers").await);
        let id = t.book(ada, json!({ "title": "Dune", "shelf": mine, "price": 1 })).await;
        let made = t.books(ada, json!([{ "$match": { "_id": id } }])).await.remove(0);
        assert_eq!((&made["added_at"], &made["changed_at"]), (&json!("2027-01-15T08:00:00.000Z"), &made["added_at"]));

        t.clock.advance(1000);
        t.update_row(ada, &all, books, &id, &object(json!({ "title": "Dune 2", "shelf": null }))).await.unwrap();
        let changed = t.books(ada, json!([])).await.remove(0);
        assert_eq!((&changed["title"], changed.get("shelf")), (&json!("Dune 2"), None));
        assert_eq!((&changed["changed_at"], &changed["price"]), (&json!("2027-01-15T08:00:01.000Z"), &json!(1.0)));
        assert_eq!(changed["added_at"], made["added_at"]);

        let stranger = t.update_row(eve, &all, books, &id, &object(json!({ "title": "Mine" }))).await;
        assert!(matches!(stranger, Err(CollectionError::Store(StoreError::NotFound))), "{stranger:?}");
        let stranger = t.delete_row(eve, books, &id).await;
        assert!(matches!(stranger, Err(CollectionError::Store(StoreError::NotFound))), "{stranger:?}");
        let foreign = t.update_row(ada, &all, books, &id, &object(json!({ "shelf": hers }))).await;
        assert!(matches!(foreign, Err(CollectionError::Store(StoreError::NotFound))), "{foreign:?}");
        let row = json!({ "title": "", "pages": 1, "lent": false, "kind": "other", "shelf": hers });
        let told = why(t.create_row(ada, &all, books, &object(row)).await);
        assert!(told.contains("refers to what is not there or not yours"), "{told}");

        for (values, words) in [
            (json!({ "title": null }), "it needs a value"),
            (json!({ "title": 5 }), "it takes text"),
            (json!({ "title": "x".repeat(41) }), "at most 40 characters"),
            (json!({ "title": "a\0b" }), "U+0000"),
            (json!({ "pages": 1.5 }), "out of range"),
            (json!({ "pages": u64::MAX }), "out of range"),
            (json!({ "kind": "poem" }), "none of its choices"),
            (json!({ "_id": "x" }), "«_id»: it cannot be written"),
            (json!({ "secret": "x" }), "«secret»: it cannot be written"),
            (json!({ "owner_id": eve }), "«owner_id»: it cannot be written"),
            (json!({ "added_at": "2020-01-01" }), "it cannot be written"),
            (json!({}), "at least one field"),
        ] {
            let told = why(t.update_row(ada, &all, books, &id, &object(values)).await);
            assert!(told.contains(words), "{told}");
        }
        let told = why(t.create_row(ada, &all, books, &object(json!({ "title": "" }))).await);
        assert!(told.contains("it is missing"), "{told}");
        let told = why(t.create_row(eve, &all, &LIBRARY[0], &object(json!({ "name": "mine" }))).await);
        assert_eq!(told, "There is one with these values already.");

        t.delete_row(ada, books, &id.to_uppercase()).await.unwrap();
        assert!(t.books(ada, json!([])).await.is_empty());
        let conversations = Collections::published().get("conversations").unwrap();
        let told = why(t.delete_row(ada, conversations, &id).await);
        assert!(told.contains("not written one by one"), "{told}");
    }

    async fn nobody_has_more_rows_than_the_collection_allows(t) {
        build(t).await;
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        for _ in 0..60 {
            t.book(ada, json!({})).await;
        }
        let row = object(json!({ "title": "", "pages": 1, "lent": false, "kind": "other" }));
        let told = why(t.create_row(ada, &library(), &LIBRARY[1], &row).await);
        assert!(told.contains("you have 60 of them"), "{told}");
        t.book(eve, json!({})).await;
    }
}
