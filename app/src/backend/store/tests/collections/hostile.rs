//! Whatever is written into a pipeline, wherever: it is a value, or a sentence says why not. Nothing else happens.

use super::*;

fn nasty() -> Vec<String> {
    let mut all: Vec<String> = [
        "'; DROP TABLE books; --",
        "\"; DROP TABLE books; --",
        "' OR '1'='1",
        "title\" FROM users --",
        "title) UNION SELECT password_hash FROM users --",
        "$1",
        "?1",
        "$$",
        "$",
        ".",
        "..",
        "a..b",
        "*",
        "t.*",
        "c0",
        "_id._id",
        "books.secret",
        "password_hash",
        "sqlite_master",
        "pg_catalog.pg_user",
        "\0",
        "a\0b",
        "\u{FFFD}\u{202E}",
        "\u{10FFFF}",
        "\\",
        "\\'",
        "%_",
        "E'\\x41'",
        "; SELECT pg_sleep(10)",
        "{{7*7}}",
        "",
        " ",
        "\n",
        "$where",
        "__proto__",
    ]
    .map(str::to_owned)
    .into();
    all.push("x".repeat(100_000));
    all.push("(".repeat(150));
    all.push("é".repeat(5000));
    all
}

/// `text` wherever a pipeline takes something.
fn pipelines(text: &str) -> Vec<Value> {
    let dollar = format!("${text}");
    let mut stages = vec![
        json!({ text: {} }),
        json!({ "$match": { text: 1 } }),
        json!({ "$match": { "title": text } }),
        json!({ "$match": { "title": { text: 1 } } }),
        json!({ "$match": { "title": { "$in": [text, text] } } }),
        json!({ "$match": { "title": { "$regex": text } } }),
        json!({ "$match": { "title": { "$regex": "a", "$options": text } } }),
        json!({ "$match": { "note": { "$icontains": text } } }),
        json!({ "$match": { "_id": text } }),
        json!({ "$match": { "shelf": { "$gt": text } } }),
        json!({ "$match": { "added_at": text } }),
        json!({ "$match": { "$text": { "$search": text } } }),
        json!({ "$search": { "text": { "query": text } } }),
        json!({ "$search": { "text": { "query": "a", "path": text } } }),
        json!({ "$search": { text: text } }),
        json!({ "$sort": { text: 1 } }),
        json!({ "$sort": { "title": text } }),
        json!({ "$skip": text }),
        json!({ "$limit": text }),
        json!({ "$count": text }),
        json!({ "$project": { text: 1 } }),
        json!({ "$project": { text: "$title" } }),
        json!({ "$project": { "x": dollar } }),
        json!({ "$group": { "_id": dollar, "n": { "$sum": 1 } } }),
        json!({ "$group": { "_id": { text: "$title" }, "n": { "$sum": 1 } } }),
        json!({ "$group": { "_id": null, text: { "$sum": 1 } } }),
        json!({ "$group": { "_id": null, "n": { text: 1 } } }),
        json!({ "$group": { "_id": null, "n": { "$max": dollar } } }),
    ];
    for key in ["from", "localField", "foreignField", "as"] {
        let mut lookup = json!({ "from": "shelves", "localField": "shelf", "foreignField": "_id", "as": "on" });
        lookup[key] = json!(text);
        stages.push(json!({ "$lookup": lookup }));
    }
    stages.into_iter().map(|stage| json!([stage])).collect()
}

/// Shapes and numbers that are no pipeline, or too much of one.
fn shapes() -> Vec<Value> {
    let mut deep = json!({ "title": "a" });
    for _ in 0..100 {
        deep = json!({ "$and": [deep] });
    }
    let wide: Vec<Value> = (0..5000).map(|n| json!({ "pages": n })).collect();
    let list: Vec<i64> = (0..20_000).collect();
    let mut all = vec![
        json!([{ "$match": deep }]),
        json!([{ "$match": { "$or": wide } }]),
        json!([{ "$match": { "pages": { "$in": list } } }]),
        json!(vec![json!({ "$match": {} }); 1000]),
        json!([{}]),
        json!([null]),
        json!([[]]),
        json!(["$match"]),
        json!([{ "$match": {}, "$limit": 1 }]),
        json!([{ "$match": null }]),
        json!([{ "$match": [] }]),
        json!([{ "$match": { "$and": [1] } }]),
        json!([{ "$match": { "title": [] } }]),
        json!([{ "$match": { "title": { "$gt": null } } }]),
        json!([{ "$group": { "n": { "$sum": 1 } } }]),
        json!([{ "$group": { "_id": null } }]),
        json!([{ "$group": { "_id": {}, "n": { "$sum": 1 } } }]),
        json!([{ "$project": {} }]),
        json!([{ "$project": { "a": "$title", "a.b": "$title" } }]),
        json!([{ "$project": { "title": 2 } }]),
        json!([{ "$project": { "title": 1, "pages": 0 } }]),
    ];
    for number in [json!(-1), json!(i64::MIN), json!(u64::MAX), json!(1e308), json!(0.5), json!(1_000_001), json!(true)]
    {
        for stage in ["$skip", "$limit", "$count", "$sort", "$project", "$group", "$lookup", "$match"] {
            all.push(json!([{ stage: number }]));
        }
        all.push(json!([{ "$match": { "pages": number } }]));
        all.push(json!([{ "$match": { "price": { "$lt": number } } }]));
        all.push(json!([{ "$match": { "added_at": { "$gte": number } } }]));
        all.push(json!([{ "$sort": { "pages": number } }]));
        all.push(json!([{ "$group": { "_id": null, "n": { "$sum": number } } }]));
    }
    all
}

on_every_backend! {
    async fn whatever_is_written_is_a_value_or_is_refused_in_words(t) {
        build(t).await;
        let ada = t.person("ada").await;
        let eve = t.person("eve").await;
        t.book(ada, json!({ "title": "mine" })).await;
        t.book(eve, json!({ "title": "hers" })).await;
        let mut refused = 0;
        let each = nasty().iter().flat_map(|text| pipelines(text)).chain(shapes()).collect::<Vec<_>>();
        for pipeline in &each {
            match t.question(ada, "books", pipeline).await {
                Ok(found) => assert!(!json!(rows(&found)).to_string().contains("hers"), "{pipeline}"),
                Err(CollectionError::Invalid(why)) => {
                    refused += 1;
                    assert!(why.ends_with('.') && why.len() < 800, "{why}");
                }
                Err(error) => panic!("{}: {error}", &pipeline.to_string()[..pipeline.to_string().len().min(300)]),
            }
        }
        assert!(refused > 500, "{refused} of {} were refused", each.len());
        for name in nasty() {
            let told = t.question(ada, &name, &json!([])).await;
            assert!(matches!(told, Err(CollectionError::Invalid(_))), "{name:?}");
        }
        assert_eq!(t.books(ada, json!([])).await.len(), 1);
        assert_eq!(t.books(eve, json!([])).await.len(), 1);
    }

    async fn numbers_at_the_ends_of_their_range_are_what_they_are(t) {
        build(t).await;
        let ada = t.person("ada").await;
        for pages in [i64::MIN, -1, 0, i64::MAX] {
            t.book(ada, json!({ "pages": pages })).await;
        }
        let count = async |cond: Value| {
            let found = t.books(ada, json!([{ "$match": { "pages": cond } }, { "$count": "n" }])).await;
            found[0]["n"].as_i64().unwrap()
        };
        assert_eq!(count(json!({ "$lt": u64::MAX })).await, 4);
        assert_eq!(count(json!({ "$gte": 9_223_372_036_854_775_808_u64 })).await, 0);
        assert_eq!(count(json!({ "$gte": i64::MAX })).await, 1);
        assert_eq!(count(json!({ "$gt": -1e300 })).await, 4);
        assert_eq!(count(json!({ "$gt": -0.5 })).await, 2);
        assert_eq!(count(json!({ "$lte": -0.5 })).await, 2);
        assert_eq!(count(json!({ "$eq": 0.5 })).await, 0);
        assert_eq!(count(json!({ "$ne": 0.5 })).await, 4);
        assert_eq!(count(json!({ "$nin": [0.5, 0] })).await, 3);
        assert_eq!(count(json!({ "$in": [1e300, 0.0] })).await, 1);
        t.book(ada, json!({ "pages": i64::MAX })).await;
        for make in ["$sum", "$avg"] {
            let why = t.refused(ada, json!([{ "$match": { "pages": { "$gt": 0 } } }, { "$group": { "_id": null, "n": { make: "$pages" } } }])).await;
            assert!(why.contains("larger than 9223372036854775807"), "{why}");
        }
    }
}
