//! Pages while rows come and go: a place that has keys stays where it is.

use super::*;

/// Books with many of the same values and some without.
async fn shelved(t: &TestStore) -> UserId {
    build(t).await;
    let ada = t.person("ada").await;
    for n in 0..24_i64 {
        let note = if n % 4 == 0 { Value::Null } else { json!(["b", "é", "A"][usize::try_from(n % 3).unwrap()]) };
        let price = if n % 5 == 0 { Value::Null } else { json!(0.1 * f64::from(i32::try_from(n % 7).unwrap())) };
        let title = format!("Volume {}", n % 6);
        t.book(ada, json!({ "title": title, "note": note, "price": price, "pages": n % 3, "lent": n % 2 == 0 })).await;
        t.clock.advance(n % 2);
    }
    ada
}

fn ids(found: &Found) -> Vec<String> {
    rows(found).iter().map(|row| row["_id"].as_str().unwrap().to_owned()).collect()
}

impl TestStore {
    async fn page(&self, by: UserId, pipeline: &Value, rows: u32, after: After<'_>) -> Result<Found, CollectionError> {
        let pipeline = pipeline.as_array().unwrap();
        let question = Question { collection: "books", pipeline, rows: Some(rows), after, characters: 100 };
        self.ask(by, &library(), question).await
    }
}

on_every_backend! {
    async fn no_row_comes_twice_and_none_is_left_out_while_others_come_and_go(t) {
        let ada = shelved(t).await;
        for sort in [
            json!([]),
            json!([{ "$sort": { "_id": -1 } }]),
            json!([{ "$sort": { "pages": -1 } }]),
            json!([{ "$sort": { "note": 1 } }]),
            json!([{ "$sort": [{ "note": -1 }, { "price": 1 }] }]),
            json!([{ "$sort": [{ "price": -1 }, { "title": 1 }] }]),
            json!([{ "$sort": [{ "lent": 1 }, { "added_at": -1 }] }]),
            json!([{ "$match": { "lent": true } }, { "$sort": { "title": 1 } }]),
        ] {
            let all = ids(&t.page(ada, &sort, 100, After::Rows(0)).await.unwrap());
            let (mut seen, mut keys, mut made) = (Vec::new(), None::<Vec<Cell>>, Vec::new());
            loop {
                let after = keys.as_deref().map_or(After::Rows(0), After::Keys);
                let page = t.page(ada, &sort, 5, after).await.unwrap();
                seen.extend(ids(&page));
                keys.clone_from(page.keys.last().unwrap());
                if !page.more {
                    break;
                }
                // One that stands before and one that stands behind in most orders; the place's own row goes.
                made.push(t.book(ada, json!({ "title": "A", "pages": 9, "lent": true, "price": 9.5 })).await);
                made.push(t.book(ada, json!({ "title": "Z", "pages": 0, "lent": false, "note": "z" })).await);
                t.delete_row(ada, &LIBRARY[1], seen.last().unwrap()).await.unwrap();
            }
            let mut once = seen.clone();
            once.sort();
            once.dedup();
            assert_eq!(once.len(), seen.len(), "{sort}: a row came twice");
            seen.retain(|id| !made.contains(id));
            assert_eq!(seen, all, "{sort}");
            for id in &made {
                // What came last may have been removed itself.
                let _gone = t.delete_row(ada, &LIBRARY[1], id).await;
            }
            while t.page(ada, &json!([]), 100, After::Rows(0)).await.unwrap().rows.len() < 24 {
                t.book(ada, json!({ "title": "Volume 9", "pages": 2, "note": "b", "lent": true })).await;
            }
        }
    }

    async fn what_is_made_has_no_place_and_no_place_is_made_up(t) {
        let ada = shelved(t).await;
        let grouped = json!([{ "$group": { "_id": "$title", "n": { "$sum": 1 } } }, { "$sort": { "n": 1 } }]);
        let page = t.page(ada, &grouped, 2, After::Rows(0)).await.unwrap();
        assert!(page.more && page.keys == [None, None], "{:?}", page.keys);
        let sorted = json!([{ "$sort": { "title": 1 } }]);
        let page = t.page(ada, &sorted, 2, After::Rows(0)).await.unwrap();
        let keys = page.keys[1].clone().unwrap();
        assert!(matches!(keys.as_slice(), [Cell::Text(title), Cell::Text(_)] if title == "Volume 0"), "{keys:?}");
        let key = keys[1].clone();
        for (pipeline, keys) in [
            (&grouped, vec![Cell::Text("Volume 0".to_owned())]),
            (&sorted, vec![]),
            (&sorted, vec![key.clone()]),
            (&sorted, vec![Cell::Int(1), key.clone()]),
            (&sorted, vec![Cell::Text("a\0b".to_owned()), key]),
        ] {
            let told = t.page(ada, pipeline, 2, After::Keys(&keys)).await;
            assert!(matches!(told, Err(CollectionError::Place)), "{keys:?}: {told:?}");
        }
        t.sql("UPDATE books SET title = REPLACE('aaaaaaaaaaaaaaaaaaaa', 'a', 'fifteen letters')").await.unwrap();
        assert_eq!(t.page(ada, &sorted, 2, After::Rows(0)).await.unwrap().keys, [None, None]);
        assert!(t.page(ada, &json!([]), 1, After::Rows(0)).await.unwrap().keys[0].is_some());
    }
}
