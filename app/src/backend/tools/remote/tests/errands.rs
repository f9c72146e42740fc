//! Servers that answer a call with what must be done elsewhere first (error -32042).

use super::{
    asking::{Person, asked_by},
    raw::Raw,
    *,
};
use crate::{
    backend::{test::on_every_backend, tools::ask::Answer},
    wire::elicitation::Wants,
};

async fn world(t: &TestStore) -> (World, Arc<Raw>, Caller) {
    let (world, server) = (World::over(t.lend(), quick(), Vec::new()), Arc::<Raw>::default());
    let ann = world.person("ann").await;
    world.add(&ann, "My server", &server.serve().await).await;
    world.until(&ann, ConnectionState::Connected).await;
    (world, server, ann)
}

async fn calls(world: &World, by: &Caller, person: Arc<Person>, tool: &str) -> ToolOutcome {
    let cx = asked_by(world, by, person);
    within(world.connections.call(&cx, &call(&format!("my_server__{tool}"), json!({})))).await.unwrap()
}

on_every_backend! {
    async fn the_person_is_shown_where_and_the_call_is_made_again_once_it_is_done(t) {
        let (world, server, ann) = world(t).await;
        let (person, asked) = Person::new(Some(Answer::Accepted(Value::Null)));
        let told = calls(&world, &ann, person, "once").await;
        assert!(!told.is_error && told.text.starts_with("once after 2"), "{}", told.text);
        assert!(told.text.contains("asked the user something, they answered: «Allow it there.»"), "{}", told.text);
        assert_eq!(server.seen(), ["POST once", "POST once"]);
        let asked = lock(&asked).clone();
        let [question] = &asked[..] else { panic!("{asked:?}") };
        assert_eq!((question.server.as_str(), question.message.as_str()), ("My server", "Allow it there."));
        let visit = Wants::Visit { url: "https://pay.example/secret?x=1".to_owned(), host: "pay.example".to_owned() };
        assert_eq!(question.wants, visit);
        world.stop().await;
    }

    async fn the_servers_word_that_it_is_done_is_enough(t) {
        let (world, server, ann) = world(t).await;
        let (person, asked) = Person::new(None);
        let told = calls(&world, &ann, person, "told").await;
        assert!(!told.is_error && told.text.starts_with("told after 2"), "{}", told.text);
        assert_eq!((server.count("POST told"), lock(&asked).len()), (2, 1));
        world.stop().await;
    }

    async fn a_server_that_is_never_content_is_called_three_times(t) {
        let (world, server, ann) = world(t).await;
        let (person, asked) = Person::new(Some(Answer::Accepted(Value::Null)));
        let told = calls(&world, &ann, person, "always").await;
        assert!(told.is_error && told.text.starts_with("The server was called again, and still wants"), "{}", told.text);
        assert_eq!((server.count("POST always"), lock(&asked).len()), (3, 2));
        world.stop().await;
    }

    async fn a_no_ends_the_call_and_is_told_without_the_address(t) {
        let (world, server, ann) = world(t).await;
        for (answer, words) in [
            (Answer::Declined, "at pay.example, which was declined. It was not called again."),
            (Answer::Cancelled, "at pay.example, which they did not do. It was not called again."),
            (Answer::Unavailable, "at pay.example, and nobody can be asked here. It was not called again."),
        ] {
            let told = calls(&world, &ann, Person::new(Some(answer)).0, "always").await;
            assert!(told.is_error && told.text.contains(words) && !told.text.contains("secret"), "{}", told.text);
        }
        assert_eq!(server.count("POST always"), 3);
        world.stop().await;
    }

    async fn an_address_that_nobody_should_open_is_not_shown(t) {
        let (world, server, ann) = world(t).await;
        let (person, asked) = Person::new(Some(Answer::Accepted(Value::Null)));
        let told = calls(&world, &ann, person, "lure").await;
        assert!(told.is_error && told.text.contains("neither of https nor of http"), "{}", told.text);
        assert_eq!((server.count("POST lure"), lock(&asked).len()), (1, 0));
        world.stop().await;
    }
}
