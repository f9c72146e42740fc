//! What another implementation of this pipeline does wrong, each as a test; and what the words promise.

use super::*;

/// Ada's four books and Eve's one.
async fn stocked(t: &TestStore) -> (UserId, UserId) {
    build(t).await;
    let (ada, eve) = (t.person("ada").await, t.person("eve").await);
    let shelf = t.shelf(ada, "tall").await;
    let hers = t.shelf(eve, "hers").await;
    t.book(ada, json!({ "title": "Dune", "pages": 600, "rating": 5, "kind": "novel", "shelf": shelf })).await;
    t.book(ada, json!({ "title": "Emma", "pages": 400, "rating": 4, "kind": "novel", "lent": true })).await;
    t.book(ada, json!({ "title": "Atlas", "pages": 90, "note": "maps" })).await;
    t.book(ada, json!({ "title": "Zen", "pages": 300, "rating": 5, "price": 2.5, "shelf": shelf })).await;
    t.book(eve, json!({ "title": "Eve's", "pages": 600, "rating": 5, "shelf": hers })).await;
    (ada, eve)
}

fn titles(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["title"].as_str().unwrap()).collect()
}

on_every_backend! {
    async fn a_only_published_fields_can_be_matched_sorted_or_told(t) {
        let (ada, _) = stocked(t).await;
        for name in ["secret", "owner_id", "owner__password", "user_id", "c0", "t.secret", "shelf.name", "rowid"] {
            for pipeline in [
                json!([{ "$match": { name: "hidden" } }]),
                json!([{ "$match": { name: { "$exists": true } } }]),
                json!([{ "$project": { name: 1 } }]),
                json!([{ "$project": { "x": format!("${name}") } }]),
                json!([{ "$sort": { name: 1 } }]),
                json!([{ "$group": { "_id": format!("${name}"), "n": { "$sum": 1 } } }]),
                json!([{ "$group": { "_id": null, "n": { "$max": format!("${name}") } } }]),
                json!([{ "$search": { "text": { "query": "h", "path": name } } }]),
            ] {
                let why = t.refused(ada, pipeline).await;
                assert!(why.contains(&format!("there is no field «{name}»")), "{why}");
                assert!(why.contains("_id, title, note"), "{why}");
            }
        }
        let why = t.refused(ada, json!([{ "$lookup": {
            "from": "users", "localField": "shelf", "foreignField": "_id", "as": "u" } }])).await;
        assert!(why.contains("there is no collection «users»; there are shelves, books"), "{why}");
        let why = t.refused(ada, json!([{ "$lookup": {
            "from": "shelves", "localField": "title", "foreignField": "_id", "as": "u" } }])).await;
        assert!(why.contains("«title» does not refer to «shelves»"), "{why}");
        let all = t.books(ada, json!([])).await;
        assert!(all.iter().all(|row| row.get("secret").is_none() && row.get("owner_id").is_none()));
    }

    async fn b_skip_and_limit_work_where_they_stand(t) {
        let (ada, _) = stocked(t).await;
        let sorted = json!({ "$sort": { "title": 1 } });
        let skip_limit = t.books(ada, json!([sorted, { "$skip": 1 }, { "$limit": 1 }])).await;
        assert_eq!(titles(&skip_limit), ["Dune"]);
        let limit_skip = t.books(ada, json!([sorted, { "$limit": 3 }, { "$skip": 1 }])).await;
        assert_eq!(titles(&limit_skip), ["Dune", "Emma"]);
        assert!(t.books(ada, json!([sorted, { "$limit": 1 }, { "$skip": 1 }])).await.is_empty());
        let then_match = t.books(ada, json!([sorted, { "$limit": 2 }, { "$match": { "pages": { "$gt": 500 } } }])).await;
        assert_eq!(titles(&then_match), ["Dune"]);
        let then_sort = t.books(ada, json!([sorted, { "$limit": 2 }, { "$sort": { "pages": -1 } }])).await;
        assert_eq!(titles(&then_sort), ["Dune", "Atlas"]);
        let hidden = t.books(ada, json!([{ "$sort": { "pages": 1 } }, { "$project": { "title": 1 } }])).await;
        assert_eq!(titles(&hidden), ["Atlas", "Zen", "Emma", "Dune"], "what is not told can still order");
    }

    async fn c_pages_are_bounded_and_go_on_where_they_ended(t) {
        let (ada, _) = stocked(t).await;
        for n in 0..30 {
            t.book(ada, json!({ "title": format!("Volume {n}") })).await;
        }
        let ask = async |rows, after| {
            let after = After::Rows(after);
            let question = Question { collection: "books", pipeline: &[], rows, after, characters: 100 };
            t.ask(ada, &library(), question).await.unwrap()
        };
        assert_eq!(ask(None, 0).await.rows.len(), 20, "the usual limit");
        assert_eq!(ask(Some(1000), 0).await.rows.len(), 34);
        let (mut after, mut seen) = (0, Vec::new());
        loop {
            let page = ask(Some(10), after).await;
            assert!(page.rows.len() <= 10);
            seen.extend(rows(&page));
            after += 10;
            if !page.more {
                break;
            }
        }
        assert_eq!(seen, t.books(ada, json!([])).await, "all rows once, in order");
        let why = t.refused(ada, json!([{ "$limit": 0 }])).await;
        assert_eq!(why, "Stage 1 (`$limit`): it takes a whole number from 1 to 1000000, not `0`.");
        let slow = t.question(ada, "endless", &json!([{ "$count": "n" }])).await;
        assert!(matches!(slow, Err(CollectionError::TooLong)), "{slow:?}");
        assert_eq!(ask(Some(1), 0).await.rows.len(), 1, "and the next one is answered");
    }

    async fn d_and_e_nothing_found_is_no_rows_and_values_keep_their_types(t) {
        let (ada, _) = stocked(t).await;
        let none = t.question(ada, "books", &json!([{ "$match": { "title": "No" } }])).await.unwrap();
        assert!(none.rows.is_empty() && !none.more && none.columns.len() == 11);
        let zen = t.books(ada, json!([{ "$match": { "title": "Zen" } }])).await.remove(0);
        assert_eq!((&zen["pages"], &zen["price"], &zen["lent"]), (&json!(300), &json!(2.5), &json!(false)));
        assert_eq!(zen["added_at"], "2027-01-15T08:00:00.000Z");
        let same = t.books(ada, json!([{ "$match": { "added_at": zen["added_at"] } }])).await;
        assert_eq!(same.len(), 4, "a time that was told can be asked for");
        assert_eq!(t.books(ada, json!([{ "$match": { "title": "No" } }, { "$count": "n" }])).await, [json!({ "n": 0 })]);
    }

    async fn f_keys_beside_and_or_nor_and_not_all_count(t) {
        let (ada, _) = stocked(t).await;
        let find = async |cond: Value| {
            let rows = t.books(ada, json!([{ "$match": cond }, { "$sort": { "title": 1 } }])).await;
            rows.iter().map(|row| row["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let long = json!([{ "pages": { "$gte": 400 } }]);
        assert_eq!(find(json!({ "$or": long, "lent": true })).await, ["Emma"]);
        assert_eq!(find(json!({ "$and": long, "$or": [{ "lent": true }], "kind": "novel" })).await, ["Emma"]);
        assert_eq!(find(json!({ "$nor": long, "rating": 5 })).await, ["Zen"]);
        assert_eq!(find(json!({ "$not": { "pages": { "$gte": 400 } }, "note": "maps" })).await, ["Atlas"]);
        let both = json!({ "$or": [{ "title": "Dune" }, { "title": "Zen" }], "$and": [{ "rating": 5 }], "$nor": [{ "pages": 600 }] });
        assert_eq!(find(both).await, ["Zen"]);
        assert_eq!(find(json!({ "rating": { "$ne": 5 } })).await, ["Atlas", "Emma"], "no rating is not five");
        assert_eq!(find(json!({ "rating": { "$not": { "$gt": 4 } } })).await, ["Atlas", "Emma"]);
        assert_eq!(find(json!({ "rating": { "$gte": 4, "$lt": 5 } })).await, ["Emma"]);
        assert_eq!(find(json!({ "rating": null })).await, ["Atlas"]);
        assert_eq!(find(json!({ "rating": { "$in": [null, 4] } })).await, ["Atlas", "Emma"]);
        for (cond, words) in [
            (json!({ "$where": "1" }), "there is no operator «$where» beside fields"),
            (json!({ "pages": { "$size": 1 } }), "there is no operator «$size» for a field"),
            (json!({ "pages": { "gt": 1 } }), "there is no operator «gt» for a field"),
            (json!({ "$or": [] }), "$or takes a list of conditions"),
            (json!({ "$or": { "pages": 1 } }), "$or takes a list of conditions"),
            (json!({ "pages": "1" }), "it takes a whole number, not `\"1\"`"),
            (json!({ "added_at": "yesterday" }), "it takes a time such as"),
            (json!({ "kind": "poem" }), "«kind» is one of novel, other, never «poem»"),
            (json!({ "pages": {} }), "needs a value or an operator"),
            (json!({ "pages": { "$regex": "1" } }), "is not a text"),
            (json!({ "title": { "$regex": "a\\b" } }), "the $regex of «title»: it may look at the two ends"),
        ] {
            let why = t.refused(ada, json!([{ "$match": cond }])).await;
            assert!(why.starts_with("Stage 1 (`$match`): ") && why.contains(words), "{why}");
        }
        let why = t.refused(ada, json!([{ "$sort": { "title": 1 } }, { "$unwind": "$title" }])).await;
        assert_eq!(
            why,
            "Stage 2 (`$unwind`): there is no such stage; there are $match, $search, $lookup, $sort, $skip, $limit, \
             $project, $group, $count."
        );
        let why = t.refused(ada, json!([{ "$sort": { "title": 1, "pages": 1 } }])).await;
        assert!(why.contains("a list of such objects"), "{why}");
    }

    async fn lookups_groups_and_names_do_what_they_say(t) {
        let (ada, _) = stocked(t).await;
        let lookup = json!({ "$lookup": { "from": "shelves", "localField": "shelf", "foreignField": "_id", "as": "on" } });
        let found = t.books(ada, json!([
            lookup, { "$match": { "on.name": "tall" } }, { "$sort": [{ "rating": -1 }, { "title": 1 }] },
            { "$project": { "title": 1, "where.shelf": "$on.name" } },
        ])).await;
        assert_eq!(found, [
            json!({ "title": "Dune", "where.shelf": "tall" }), json!({ "title": "Zen", "where.shelf": "tall" }),
        ]);
        let groups = t.books(ada, json!([
            lookup,
            { "$group": { "_id": { "shelf": "$on.name", "kind": "$kind" }, "n": { "$sum": 1 }, "long": { "$max": "$pages" },
                          "mean": { "$avg": "$pages" }, "rated": { "$count": "$rating" } } },
            { "$sort": [{ "n": -1 }, { "long": -1 }] },
        ])).await;
        assert_eq!(groups[0], json!({ "_id.shelf": "tall", "_id.kind": "novel", "n": 1, "long": 600, "mean": 600.0, "rated": 1 }));
        assert_eq!(groups.len(), 4);
        let by_kind = t.books(ada, json!([{ "$group": { "_id": "$kind", "pages": { "$sum": "$pages" } } }])).await;
        assert_eq!(by_kind, [json!({ "_id": "novel", "pages": 1000 }), json!({ "_id": "other", "pages": 390 })]);
        let back = t.books(ada, json!([
            { "$group": { "_id": "$shelf", "n": { "$sum": 1 } } },
            { "$lookup": { "from": "shelves", "localField": "_id", "foreignField": "_id", "as": "on" } },
            { "$match": { "on._id": { "$exists": true } } }, { "$project": { "on": 1, "n": 1 } },
        ])).await;
        assert_eq!((back.len(), &back[0]["on.name"], &back[0]["n"]), (1, &json!("tall"), &json!(2)));
        let searched = t.books(ada, json!([{ "$search": { "text": { "query": "MAP" } } }])).await;
        assert_eq!(titles(&searched), ["Atlas"]);
    }
}

#[test]
fn declarations_that_cannot_work_are_refused() {
    const NO_KEY: [Collection; 1] = [Collection::of_table("a", "b", "t", "o").fields(&[Field::text("x", "X.")])];
    const ASTRAY: [Collection; 1] =
        [Collection::of_table("a", "b", "t", "o").fields(&[Field::key(), Field::reference("x", "nowhere", "X.")])];
    const TWICE: [Collection; 2] = [SHELVES, SHELVES];
    for (all, words) in [
        (NO_KEY.as_slice(), "its first field is not its key"),
        (ASTRAY.as_slice(), "refers to what is not published"),
        (TWICE.as_slice(), "there are two"),
    ] {
        let all: &'static [Collection] = Box::leak(all.to_vec().into_boxed_slice());
        let why = Collections::new(all).err().unwrap();
        assert!(why.contains(words), "{why}");
    }
    let ours: Vec<Collection> = Collections::published().iter().copied().collect();
    assert!(Collections::new(Box::leak(ours.into_boxed_slice())).is_ok());
}
