//! What is taken up from servers: listed as known, read and filled in when chosen, cleaned and bounded, one's own alone.

use super::{library::Library, *};
use crate::{
    backend::tools::picker::{PickError, Picker},
    wire::{
        error::ApiError,
        limits::{REFERENCE_MAX, REFERENCES_MAX},
        picker::{Choice, ChoiceKind, Group, OWN, Pick, Reference},
        prompt::PromptForm,
    },
};
use std::{collections::BTreeMap, sync::atomic::Ordering};

impl World {
    fn picker(&self) -> Picker {
        Picker::new(self.store.store.clone(), self.store.clock.clone(), Some(self.connections.clone()))
    }

    async fn picked(&self, by: &Caller, pick: Pick, typed: &str) -> Vec<Group> {
        self.picker().offered(by, pick, typed).await.unwrap()
    }
}

fn values<const N: usize>(of: [(&str, &str); N]) -> BTreeMap<String, String> {
    of.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn reference(server: &str, uri: &str) -> Reference {
    let (server, uri) = (server.to_owned(), uri.to_owned());
    Reference { server, uri, name: "It".to_owned(), from: "Forged".to_owned() }
}

fn titles(group: &Group) -> Vec<&str> {
    group.choices.iter().map(|choice| choice.title.as_str()).collect()
}

fn told(error: &PickError) -> String {
    error.to_string()
}

async fn everything(legacy: bool) {
    let (world, library) = (World::new().await, Library::new(legacy, &["red", "blue", "green"]));
    let ann = world.person("ann").await;
    let server = world.add(&ann, "Books", &library.serve().await).await.to_string();
    world.until(&ann, ConnectionState::Connected).await;

    // All pages, cleaned; the template after them, with what it asks for.
    let groups = world.picked(&ann, Pick::Resources, "").await;
    let [books] = &groups[..] else { panic!("{groups:?}") };
    assert_eq!((books.server.as_str(), books.name.as_str(), books.note.as_str()), (server.as_str(), "Books", ""));
    assert_eq!(titles(books), ["The red", "The blue", "The green", "A page"]);
    assert_eq!(books.choices[0].description, "A book.");
    let asked: Vec<_> = books.choices[3].blanks.iter().map(|b| (b.name.as_str(), b.required)).collect();
    assert_eq!(asked, [("book", true), ("page", true), ("notes", false)]);
    let searched = world.picked(&ann, Pick::Resources, "GREEN book").await;
    assert_eq!(titles(&searched[0]), ["The green"]);
    assert!(world.picked(&ann, Pick::Resources, "nowhere").await.is_empty());
    let lists = library.shelf.lists.load(Ordering::SeqCst);
    assert_eq!(lists, 2, "a page of two, then the rest, once for all");

    // A prompt without arguments, and one with.
    let prompts = world.picked(&ann, Pick::Prompts, "").await;
    assert_eq!(titles(&prompts[0]), ["greet", "Review"]);
    let picker = world.picker();
    let greet = picker.filled(&ann, &server, "greet", BTreeMap::new()).await.unwrap();
    assert_eq!((greet.text.as_str(), greet.note.as_str()), ("Hello, library.", ""));
    let review = picker.filled(&ann, &server, "review", values([("book", "red"), ("tone", " ")])).await.unwrap();
    assert_eq!(review.text, "Review red (none).\n\nThe assistant said:\n> Gladly.");
    let refused = picker.filled(&ann, &server, "review", BTreeMap::new()).await.unwrap_err();
    assert_eq!(told(&refused), "«Review» needs «book».");
    let refused = picker.filled(&ann, &server, "review", values([("book", "x"), ("no", "x")])).await.unwrap_err();
    assert_eq!(told(&refused), "«Review» asks for nothing called «no».");
    assert!(
        told(&picker.filled(&ann, &server, "gone", BTreeMap::new()).await.unwrap_err()).contains("no longer lists")
    );

    // Suggestions know the other values; what is odd is left out.
    let of = |kind, key| (kind, key);
    let given = values([("book", "red")]);
    let found = picker.suggested(&ann, &server, of(ChoiceKind::Prompt, "review"), ("tone", "k"), given.clone()).await;
    assert_eq!(found.unwrap(), ["k1", "review red"]);
    let template = "book://{book}/pages/{page}{?notes}";
    let found = picker.suggested(&ann, &server, of(ChoiceKind::Template, template), ("page", "4"), given).await;
    assert_eq!(found.unwrap(), ["41", "book://{book}/pages/{page}{?notes} red"]);

    // A template becomes an address, and what is there is read when it is sent.
    let page = picker.referred(&ann, &server, template, values([("book", "a/b"), ("page", "4")])).await.unwrap();
    assert_eq!((page.uri.as_str(), page.name.as_str()), ("book://a%2Fb/pages/4", "A page (a/b, 4)"));
    assert_eq!(page.from, "Books");
    let read = picker.read(&ann, &[page, reference(&server, "book://red")]).await.unwrap();
    assert_eq!(read[0].text, "All of book://a%2Fb/pages/4.");
    let listed = &read[1];
    assert_eq!(
        (listed.name.as_str(), listed.server.as_str(), listed.cut),
        ("The red", "Books", false),
        "as the server has it"
    );

    // A book more is on the list when the server says so.
    library.shelf.books.lock().unwrap().push("new".to_owned());
    library.shelf.changed.notify_waiters();
    library.shelf.changed.notify_one();
    within(async {
        while world.picked(&ann, Pick::Resources, "new").await.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_today_is_listed_read_and_filled_in() {
    everything(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_the_old_protocol_too() {
    everything(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_told_and_not_half_sent() {
    let options = Options { answer: Duration::from_millis(600), ..quick() };
    let (world, library) = (World::with(options, Vec::new()).await, Library::new(false, &["red"]));
    let ann = world.person("ann").await;
    let server = world.add(&ann, "Books", &library.serve().await).await.to_string();
    world.until(&ann, ConnectionState::Connected).await;
    let picker = world.picker();
    let long = picker.read(&ann, &[reference(&server, "book://long")]).await.unwrap().remove(0);
    assert!(long.cut && long.text.len() == REFERENCE_MAX, "{}", long.text.len());
    for (uri, why) in [
        ("book://none", "no such book"),
        ("book://empty", "There is nothing in it."),
        ("book://hangs", "did not answer within"),
    ] {
        let both = [reference(&server, "book://red"), reference(&server, uri)];
        let refused = within(picker.read(&ann, &both)).await.unwrap_err().to_string();
        assert!(refused.starts_with("Nothing was sent, because «It» of «Books» could not be read."), "{refused}");
        assert!(refused.contains(why), "{refused}");
    }
    let many = vec![reference(&server, "book://red"); REFERENCES_MAX + 1];
    assert!(matches!(picker.read(&ann, &many).await, Err(ApiError::Invalid { field, .. }) if field == "references"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_delays_nobody_and_is_told_about() {
    let (world, library) = (World::new().await, Library::new(false, &["red"]));
    let ann = world.person("ann").await;
    // Somebody who takes connections and never answers, and nobody at all.
    let deaf = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let deaf_url = format!("http://{}/mcp", deaf.local_addr().unwrap());
    world.add(&ann, "Deaf", &deaf_url).await;
    world.add(&ann, "Books", &library.serve().await).await;
    let gone = world.add(&ann, "Gone", "http://127.0.0.1:9/mcp").await.to_string();
    let groups = within(async {
        loop {
            let groups = world.picked(&ann, Pick::Resources, "").await;
            if groups.iter().any(|g| g.name == "Books" && !g.choices.is_empty())
                && groups.iter().any(|g| g.name == "Gone" && !g.coming)
            {
                return groups;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let note = |name: &str| groups.iter().find(|g| g.name == name).unwrap().note.clone();
    assert_eq!(note("Books"), "");
    assert!(note("Gone").starts_with("It is away. "), "{}", note("Gone"));
    assert!(note("Deaf").contains("connected") || note("Deaf").contains("away"), "{}", note("Deaf"));
    let refused = world.picker().read(&ann, &[reference(&gone, "book://red")]).await.unwrap_err();
    assert!(refused.to_string().contains("«It» of «Gone» could not be read"), "{refused}");
    world.connections.switch(&ann, &gone, false).await.unwrap();
    assert!(world.picked(&ann, Pick::Resources, "").await.iter().all(|g| g.name != "Gone"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_another_persons_is_not_there() {
    let (world, library) = (World::new().await, Library::new(false, &["red"]));
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let server = world.add(&ann, "Books", &library.serve().await).await.to_string();
    world.until(&ann, ConnectionState::Connected).await;
    let form = PromptForm { name: "mine".to_owned(), body: "Do it.".to_owned(), ..PromptForm::default() };
    let prompt = form.parse(world.store.clock.id()).unwrap();
    world.store.create_prompt(ann.user, &prompt).await.unwrap();
    let room = world.store.create_conversation(ann.user, "Red things").await.unwrap().id;
    let uri = format!("parley://conversations/{room}");

    let picker = world.picker();
    let prompts = world.picked(&ann, Pick::Prompts, "mine").await;
    assert_eq!((prompts[0].server.as_str(), titles(&prompts[0])), (OWN, vec!["mine"]));
    assert_eq!(picker.filled(&ann, OWN, "mine", BTreeMap::new()).await.unwrap().text, "Do it.");
    let own: Vec<Choice> = world.picked(&ann, Pick::Resources, "red things").await.remove(0).choices;
    assert_eq!((own[0].kind, own[0].key.as_str()), (ChoiceKind::Resource, uri.as_str()));
    let read = picker.read(&ann, &[reference(OWN, &uri)]).await.unwrap();
    assert!(read[0].name == "Red things" && read[0].text.contains("# Red things"), "{read:?}");

    for pick in [Pick::Prompts, Pick::Resources] {
        assert!(world.picked(&bob, pick, "").await.is_empty());
    }
    let reads = library.shelf.reads.load(Ordering::SeqCst);
    for reference in [reference(OWN, &uri), reference(&server, "book://red"), reference(OWN, "parley://x")] {
        let refused = picker.read(&bob, &[reference]).await.unwrap_err().to_string();
        assert!(refused.contains("or it is not yours"), "{refused}");
    }
    for result in [
        picker.filled(&bob, OWN, "mine", BTreeMap::new()).await.map(drop),
        picker.filled(&bob, &server, "greet", BTreeMap::new()).await.map(drop),
        picker.referred(&bob, &server, "book://{book}", BTreeMap::new()).await.map(drop),
        picker.suggested(&bob, &server, (ChoiceKind::Prompt, "review"), ("book", ""), BTreeMap::new()).await.map(drop),
    ] {
        let error: ApiError = match result.unwrap_err() {
            PickError::Refused(error) => error,
            PickError::Store(_) => ApiError::NotFound,
        };
        assert_eq!(error, ApiError::NotFound);
    }
    assert_eq!(library.shelf.reads.load(Ordering::SeqCst), reads, "nobody asked her server for him");
    world.stop().await;
}
