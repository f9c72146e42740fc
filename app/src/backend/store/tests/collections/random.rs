//! Any pipeline over any rows: both databases find what plain Rust finds, in the same order, and nothing of others.

use super::{
    reference::{Doc, evaluate, plain},
    tape::{TEXTS, Tape},
    *,
};
use proptest::{
    prelude::prop,
    test_runner::{Config, TestRunner},
};

/// What only Eve has.
const HERS: &str = "Eve's alone";

/// Books of Ada's and of Eve's, who has the same and more.
async fn fill(t: &TestStore) -> (UserId, UserId) {
    build(t).await;
    let (ada, eve) = (t.person("ada").await, t.person("eve").await);
    let shelves = [t.shelf(ada, "tall").await, t.shelf(ada, "Ab").await];
    let hers = t.shelf(eve, HERS).await;
    for n in 0..48_usize {
        let at = |list: &[Value], step: usize| list[(n * step + n / 7) % list.len()].clone();
        let texts: Vec<Value> = TEXTS.iter().map(|text| json!(text)).collect();
        let notes: Vec<Value> = [Value::Null].into_iter().chain(texts.iter().cloned()).collect();
        let whole = [json!(0), json!(1), json!(2), json!(3), json!(1_000_000_000_000_i64), json!(-2)];
        let stars = [Value::Null, json!(1), json!(2), json!(3)];
        let prices = [json!(0.25), Value::Null, json!(1.0), json!(-1.5), json!(3.0)];
        let places = [json!(shelves[0]), Value::Null, json!(shelves[1])];
        let book = json!({
            "title": at(&texts, 5), "note": at(&notes, 3), "pages": at(&whole, 1), "rating": at(&stars, 3),
            "price": at(&prices, 2), "lent": n % 3 == 0, "kind": if n % 2 == 0 { "novel" } else { "other" },
            "shelf": at(&places, 2),
        });
        t.book(ada, book.clone()).await;
        let mut book = object(book);
        book.insert("note".to_owned(), json!(HERS));
        book.insert("shelf".to_owned(), json!(hers));
        t.book(eve, Value::Object(book)).await;
        t.clock.advance(1);
    }
    // A reference that once was right, to a shelf that is another's now.
    t.sql("UPDATE books SET shelf = (SELECT id FROM shelves WHERE name LIKE 'Eve%') WHERE pages = 3").await.unwrap();
    (ada, eve)
}

/// Tries `cases` tapes.
fn tapes(cases: u32, length: usize, mut check: impl FnMut(&[u16])) {
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let check = std::cell::RefCell::new(&mut check);
    let outcome = runner.run(&prop::collection::vec(prop::num::u16::ANY, 1..length), |tape| {
        (check.borrow_mut())(&tape);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// What a pipeline finds, a few rows at a time.
async fn in_pages(t: &TestStore, by: UserId, pipeline: &[Value]) -> Vec<Value> {
    let (mut told, mut keys) = (Vec::new(), None::<Vec<Cell>>);
    loop {
        let count = u32::try_from(told.len()).unwrap();
        let after = keys.as_deref().map_or(After::Rows(count), After::Keys);
        let question = Question { collection: "books", pipeline, rows: Some(11), after, characters: 1000 };
        let page = t.ask(by, &library(), question).await.unwrap();
        told.extend(rows(&page));
        if !page.more {
            return told;
        }
        keys.clone_from(page.keys.last().unwrap());
    }
}

/// What each of `cases` pipelines finds is what plain Rust finds.
fn compare(t: Option<TestStore>, runtime: &tokio::runtime::Runtime, cases: u32) {
    let Some(t) = t else { return };
    let (ada, _) = runtime.block_on(fill(&t));
    let all = |collection| {
        let found = runtime.block_on(t.question(ada, collection, &json!([]))).unwrap();
        let row = |cells: &Vec<Cell>| {
            let named = found.columns.iter().zip(cells).map(|(column, cell)| (column.name.clone(), cell.json()));
            Doc::new(&named.collect())
        };
        found.rows.iter().map(row).collect::<Vec<Doc>>()
    };
    let (books, shelves) = (all("books"), all("shelves"));
    assert_eq!((books.len(), shelves.len()), (48, 2));
    let (mut found_some, mut compared) = (0, 0);
    tapes(cases, 60, |tape| {
        let pipeline = Tape::new(tape, Some(("shelf", &LIBRARY[0]))).pipeline(&LIBRARY[1]);
        let expected = evaluate(books.clone(), &shelves, &pipeline);
        let told = runtime.block_on(t.question(ada, "books", &json!(pipeline)));
        let found = told.unwrap_or_else(|error| panic!("{}: {error}", json!(pipeline)));
        assert_eq!(plain(&rows(&found)), plain(&expected), "{}", json!(pipeline));
        if compared % 4 == 0 {
            let paged = runtime.block_on(in_pages(&t, ada, &pipeline));
            assert_eq!(plain(&paged), plain(&expected), "in pages: {}", json!(pipeline));
        }
        compared += 1;
        found_some += u32::from(!expected.is_empty());
    });
    assert!(found_some * 4 > compared, "{found_some} of {compared} pipelines found something");
    runtime.block_on(t.discard());
}

#[test]
fn any_pipeline_on_sqlite() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    compare(Some(runtime.block_on(TestStore::sqlite())), &runtime, 1500);
}

#[test]
fn any_pipeline_on_postgres() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    compare(runtime.block_on(TestStore::postgres()), &runtime, 1500);
}

/// Ada and Eve share one room; each has one of her own. No pipeline of Ada's tells anything of Eve's own.
fn strangers(t: Option<TestStore>, runtime: &tokio::runtime::Runtime, cases: u32) {
    let Some(t) = t else { return };
    let ours = Collections::published();
    let (ada, shared) = runtime.block_on(async {
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        let own = t.create_conversation(ada, "a").await.unwrap().id;
        let shared = t.create_conversation(eve, "Ab").await.unwrap().id;
        let hers = t.create_conversation(eve, HERS).await.unwrap().id;
        t.create_invitation(eve, shared, "token", crate::wire::id::Millis(i64::MAX)).await.unwrap();
        t.join(ada, "token").await.unwrap();
        for (by, room, words) in [(ada, own, "100%"), (ada, shared, "é"), (eve, shared, "a"), (eve, hers, HERS)] {
            t.exchange(by, room, words, &format!("{words} to you")).await;
        }
        // What only a broken store would have: a message of the shared room that follows one of Eve's own.
        t.sql("UPDATE messages SET parent_id = (SELECT id FROM messages WHERE parts LIKE '%alone to you%') WHERE role = 'user'")
            .await
            .unwrap();
        (ada, shared)
    });
    let ask = |collection: &str, pipeline: &[Value]| {
        let question = Question { collection, pipeline, rows: Some(100), after: After::Rows(0), characters: 500 };
        runtime.block_on(t.ask(ada, &ours, question))
    };
    let messages = rows(&ask("messages", &[]).unwrap());
    assert_eq!(messages.len(), 6, "two of her own, four of the shared room");
    let mut seen = 0;
    for (collection, lookup) in [
        ("messages", ("conversation", "conversations")),
        ("messages", ("parent", "messages")),
        ("conversations", ("", "")),
    ] {
        let collection = ours.get(collection).unwrap();
        let lookup = ours.get(lookup.1).map(|from| (lookup.0, from));
        tapes(cases, 60, |tape| {
            let pipeline = Tape::new(tape, lookup).pipeline(collection);
            match ask(collection.name, &pipeline) {
                Ok(found) => {
                    let told = json!(rows(&found)).to_string();
                    assert!(!told.contains("alone"), "{}: {told}", json!(pipeline));
                    seen += found.rows.len();
                }
                Err(error) => panic!("{}: {error}", json!(pipeline)),
            }
        });
    }
    assert!(seen > 100, "{seen} rows were seen");
    runtime.block_on(async {
        t.remove_member(ada, shared, ada).await.unwrap();
    });
    assert_eq!(ask("messages", &[]).unwrap().rows.len(), 2, "who left a room no longer sees it");
    runtime.block_on(t.discard());
}

#[test]
fn nothing_of_others_on_sqlite() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    strangers(Some(runtime.block_on(TestStore::sqlite())), &runtime, 300);
}

#[test]
fn nothing_of_others_on_postgres() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    strangers(runtime.block_on(TestStore::postgres()), &runtime, 300);
}
