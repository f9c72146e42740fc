//! Servers that ask while a call runs, in both eras, and people who answer.

use super::{peer::Fixture, *};
use crate::{
    backend::tools::{
        ask::{Answer, Approved, Ask, Question},
        elicit,
    },
    wire::elicitation::{ServerQuestion, Wants},
};
use futures::{FutureExt, future::BoxFuture};
use std::{future::pending, sync::atomic::Ordering};

/// A person with an answer, who takes that long to give it; without one they never answer.
pub(super) struct Person {
    asked: Arc<Mutex<Vec<ServerQuestion>>>,
    answer: Option<Answer>,
    after: Duration,
    waited: Mutex<Duration>,
}

impl Person {
    pub(super) fn new(answer: Option<Answer>) -> (Arc<Self>, Arc<Mutex<Vec<ServerQuestion>>>) {
        let asked = Arc::<Mutex<Vec<ServerQuestion>>>::default();
        let person = Self { asked: Arc::clone(&asked), answer, after: Duration::ZERO, waited: Mutex::default() };
        (Arc::new(person), asked)
    }
}

impl Ask for Person {
    fn ask(&self, question: Question) -> BoxFuture<'_, Answer> {
        Approved.ask(question)
    }

    fn relay(&self, question: ServerQuestion) -> BoxFuture<'_, Answer> {
        lock(&self.asked).push(question);
        async move {
            let Some(answer) = self.answer.clone() else { return pending().await };
            tokio::time::sleep(self.after).await;
            *lock(&self.waited) += self.after;
            answer
        }
        .boxed()
    }

    fn waited(&self) -> Duration {
        std::mem::take(&mut *lock(&self.waited))
    }
}

/// Both eras, each with a person whose server it is.
async fn eras() -> Vec<(World, Fixture, Caller)> {
    let mut out = Vec::new();
    for legacy in [false, true] {
        let (world, fixture) = (World::new().await, Fixture::new(legacy));
        fixture.state.more.lock().unwrap().extend(["errand".to_owned(), "lure".to_owned()]);
        let ann = world.person("ann").await;
        world.add(&ann, "My server", &fixture.serve().await).await;
        world.until(&ann, ConnectionState::Connected).await;
        out.push((world, fixture, ann));
    }
    out
}

pub(super) fn asked_by(world: &World, by: &Caller, person: Arc<Person>) -> ToolCx {
    ToolCx { asking: person, ..world.cx(by) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_is_shown_to_the_person_and_the_server_gets_what_they_filled_in() {
    for (world, _fixture, ann) in eras().await {
        let (person, asked) = Person::new(Some(Answer::Accepted(json!({"name": "hunter2"}))));
        let cx = asked_by(&world, &ann, person);
        let outcome = within(world.connections.call(&cx, &call("my_server__ask", json!({})))).await.unwrap();
        assert!(outcome.text.starts_with("accept {\"name\":\"hunter2\"}"), "{}", outcome.text);
        assert!(
            outcome.text.ends_with("[«My server» asked the user something, they answered: «What is your name?»]"),
            "{}",
            outcome.text
        );
        let asked = lock(&asked).clone();
        let [question] = &asked[..] else { panic!("{asked:?}") };
        assert_eq!((question.server.as_str(), question.message.as_str()), ("My server", "What is your name?"));
        let Wants::Form { fields } = &question.wants else { panic!("{question:?}") };
        assert_eq!((fields[0].name.as_str(), fields[0].required), ("name", true));
        assert!(elicit::filled(fields, &elicit::untouched(fields)).unwrap_err().contains("must be filled in"));
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_no_is_told_as_it_was_meant() {
    for (world, _fixture, ann) in eras().await {
        for (answer, action, line) in
            [(Answer::Declined, "decline", "they declined"), (Answer::Cancelled, "cancel", "they did not answer")]
        {
            let cx = asked_by(&world, &ann, Person::new(Some(answer)).0);
            let outcome = within(world.connections.call(&cx, &call("my_server__ask", json!({})))).await.unwrap();
            assert!(outcome.text.starts_with(action) && outcome.text.contains(line), "{}", outcome.text);
        }
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_errand_is_over_when_its_server_says_so() {
    // The newer era has no such news.
    let (world, _fixture, ann) = eras().await.remove(1);
    let (person, asked) = Person::new(None);
    let cx = asked_by(&world, &ann, person);
    let outcome = within(world.connections.call(&cx, &call("my_server__errand", json!({})))).await.unwrap();
    assert!(outcome.text.starts_with("accept null") && outcome.text.contains("they answered"), "{}", outcome.text);
    let visit = Wants::Visit { url: "https://example.org/do?it=1".to_owned(), host: "example.org".to_owned() };
    assert_eq!(lock(&asked)[0].wants, visit);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_nobody_should_open_is_declined_unseen() {
    for (world, _fixture, ann) in eras().await {
        let (person, asked) = Person::new(None);
        let cx = asked_by(&world, &ann, person);
        let outcome = within(world.connections.call(&cx, &call("my_server__lure", json!({})))).await.unwrap();
        assert!(outcome.text.starts_with("decline"), "{}", outcome.text);
        assert!(outcome.text.contains("neither of https nor of http"), "{}", outcome.text);
        assert!(lock(&asked).is_empty());
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_deadline_runs_while_a_person_is_asked() {
    for legacy in [false, true] {
        let short = Duration::from_millis(400);
        let world = World::with(Options { silence: short, call: short, ..quick() }, Vec::new()).await;
        let ann = world.person("ann").await;
        world.add(&ann, "s", &Fixture::new(legacy).serve().await).await;
        world.until(&ann, ConnectionState::Connected).await;
        let slow = Person {
            asked: Arc::default(),
            answer: Some(Answer::Accepted(json!({"name": "Ada"}))),
            after: short * 3,
            waited: Mutex::new(short * 3),
        };
        let cx = asked_by(&world, &ann, Arc::new(slow));
        let outcome = within(world.connections.call(&cx, &call("s__ask", json!({})))).await.unwrap();
        assert!(outcome.text.starts_with("accept"), "{}", outcome.text);
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_call_takes_its_question_back() {
    for (world, fixture, ann) in eras().await {
        let (person, asked) = Person::new(None);
        let cx = asked_by(&world, &ann, person);
        let waits = call("my_server__ask", json!({}));
        tokio::select! {
            outcome = world.connections.call(&cx, &waits) => panic!("it ended by itself: {outcome:?}"),
            () = eventually(|| !lock(&asked).is_empty()) => {}
        }
        // The connection is free for the next call.
        assert_eq!(world.call(&ann, "my_server__echo", json!({"text": "on"})).await.text, "on");
        assert!(fixture.state.begun.load(Ordering::SeqCst) >= 2);
        world.stop().await;
    }
}
