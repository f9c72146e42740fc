//! Summaries of what a model's window no longer holds: when one is asked for, who reads it, what its failure costs.
//!
//! The window holds five of these tests' questions with their replies, not six.

use super::{super::context::summary, *};
use crate::{
    backend::{
        llm::{ChatRequest, Content},
        test::on_every_backend,
    },
    wire::message::Usage,
};

/// The questions of a branch until the first that leaves something out.
const CROWDED: usize = 6;

/// A chat with a small model of that id, in a conversation that has a title already.
async fn small(t: &TestStore, options: Options, id: &str) -> World {
    let ann = caller(t, id.split('/').next().unwrap()).await;
    let room = t.create_conversation(ann.user, "Titled").await.unwrap().id;
    let (provider, script) = Scripted::new();
    let model =
        Model { context_window: 1_900, max_output: 200, offline: id.starts_with("offline/"), ..scripted(id, provider) };
    let (chat, hub) = chat_of(t, options, model, Vec::new());
    World { chat, script, hub, clock: t.clock.clone(), ann, room }
}

/// A question of about 270 tokens, which is answered with its name.
fn long(name: &str) -> String {
    let script = format!("script:\n# question {name}");
    format!("{script:.<900}\nsay answer {name}")
}

/// What a model was asked, as one text.
fn text(request: &ChatRequest) -> String {
    let texts = request.turns.iter().flat_map(|turn| &turn.content).filter_map(|content| match content {
        Content::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

impl World {
    /// Asks and hears the reply.
    async fn ask(&self, name: &str) -> Message {
        let started = self.send(&self.ann, &long(name)).await.unwrap();
        self.settled(started.reply.id).await
    }

    /// Asks the questions of those numbers.
    async fn ask_all(&self, numbers: std::ops::RangeInclusive<usize>) -> Message {
        let mut reply = None;
        for n in numbers {
            reply = Some(self.ask(&n.to_string()).await);
        }
        reply.unwrap()
    }

    /// Answers the next requests so, one after the other.
    fn answers(&self, scripts: &[&str]) {
        for script in scripts {
            self.script.push(*script);
        }
    }

    /// Waits until nobody summarises any more.
    async fn rested(&self) {
        let busy = || lock(&self.chat.summarising).is_busy(self.room);
        tokio::time::timeout(PATIENCE, async {
            while busy() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .unwrap();
    }

    /// What was asked for beside the turns so far.
    fn asides(&self) -> Vec<String> {
        let requests = self.script.requests();
        requests.iter().filter(|request| request.system == summary::SYSTEM).map(text).collect()
    }

    /// What the last turn asked.
    fn asked(&self) -> String {
        let requests = self.script.requests();
        text(requests.iter().rfind(|request| request.system != summary::SYSTEM).unwrap())
    }
}

on_every_backend! {
    async fn what_is_left_out_is_summarised_and_read_in_its_place(t) {
        let w = small(t, quick(), "vendor/test").await;
        w.ask_all(1..=CROWDED - 1).await;
        w.rested().await;
        assert_eq!(w.script.requests().len(), CROWDED - 1, "what fits costs no summary");

        let (before, _) = t.usage(w.ann.user, Millis(0)).await.unwrap();
        w.answers(&["say sixth\nusage 40 2", "say They spoke of one and two.\nusage 300 9 20"]);
        let reply = w.ask("6").await;
        w.rested().await;
        let asked = w.asked();
        assert!(!asked.contains("question 1.") && asked.contains("question 2.") && !asked.contains("<summary>"), "{asked}");
        let [aside] = &w.asides()[..] else { panic!("{:?}", w.asides()) };
        assert!(aside.starts_with("<message from=\"person\" name=\"vendor\">") && aside.contains("question 1."), "{aside}");
        assert!(aside.contains("<message from=\"assistant\">\nanswer 2\n</message>") && !aside.contains("answer 3"), "{aside}");
        assert!(w.script.requests().last().unwrap().tools.is_empty());
        let mut sum = before;
        sum += Usage { input: 340, output: 11, cached: 20 };
        assert_eq!(t.usage(w.ann.user, Millis(0)).await.unwrap().0, sum, "it counts with the turn");
        assert_eq!(t.message(w.ann.user, reply.id).await.unwrap().usage.unwrap().output, 2, "the reply's own");

        w.answers(&["say seventh", "say They spoke of one to four."]);
        w.ask("7").await;
        w.rested().await;
        let asked = w.asked();
        assert!(asked.starts_with("<summary>\n[") && asked.contains("\n\nThey spoke of one and two.\n</summary>\n"), "{asked}");
        assert!(!asked.contains("answer 1") && !asked.contains("answer 2") && asked.contains("question 3."), "{asked}");
        let aside = w.asides().remove(1);
        assert!(aside.starts_with("<summary>\nThey spoke of one and two.\n</summary>"), "{aside}");
        assert!(!aside.contains("answer 2") && aside.contains("answer 3") && aside.contains("answer 4"), "{aside}");

        let reply = w.ask("8").await;
        w.rested().await;
        assert!(w.asked().contains("They spoke of one to four.") && !w.asked().contains("and two"));
        assert_eq!(w.asides().len(), 2, "what is covered already is not summarised again");
        let shown = t.page(w.ann.user, w.room, None, 50).await.unwrap().items;
        assert_eq!((shown.len(), shown.last().unwrap().id), (16, reply.id));
        assert!(shown.iter().all(|message| !message.text().contains("They spoke")), "people see what was said");
    }

    async fn another_branch_does_not_read_it(t) {
        let w = small(t, quick(), "vendor/test").await;
        w.answers(&["say 1", "say 2", "say 3", "say 4", "say 5", "say 6", "say The notes."]);
        let last = w.ask_all(1..=CROWDED).await;
        w.rested().await;
        assert!(t.summary(w.ann.user, last.id).await.unwrap().is_some());
        let path = t.path(w.ann.user, last.id, 50).await.unwrap();
        // What it covers is all shown here.
        let third = path.iter().filter(|message| message.role == Role::User).nth(2).unwrap();
        let edited = w.chat.edit(&w.ann, third.id, w.key(), long("3b"), None).await.unwrap();
        w.settled(edited.reply.id).await;
        assert!(t.summary(w.ann.user, edited.reply.id).await.unwrap().is_some());
        assert!(w.asked().contains("question 1.") && !w.asked().contains("The notes."));
        // Here it covers nothing.
        let edited = w.chat.edit(&w.ann, path[0].id, w.key(), long("1b"), None).await.unwrap();
        w.settled(edited.reply.id).await;
        w.ask_all(2..=CROWDED - 1).await;
        w.answers(&["say 6", "say Other notes."]);
        w.ask("6").await;
        w.rested().await;
        assert!(!w.asked().contains("question 1b.") && !w.asked().contains("<summary>"));
        assert!(w.asides()[1].contains("question 1b.") && !w.asides()[1].contains("The notes."));
        w.ask("7").await;
        assert!(w.asked().contains("Other notes."));
    }

    async fn a_summary_that_fails_costs_nothing_but_its_call(t) {
        let w = small(t, quick(), "vendor/test").await;
        w.ask_all(1..=CROWDED - 1).await;
        let failing = ["fail overloaded", "put half\ncut", "say I cannot.\nstop refusal", "put \\s"];
        for (n, (failing, passes)) in failing.iter().zip([0, 1, 2, 4]).enumerate() {
            w.answers(&["say fine", failing]);
            assert_eq!(w.ask("again").await.text(), "fine");
            w.rested().await;
            // It is tried ever more seldom.
            for _ in 0..passes {
                w.answers(&["say fine"]);
                w.ask("again").await;
                w.rested().await;
            }
            assert_eq!(w.asides().len(), n + 1, "{failing}");
            assert!(!w.asked().contains("<summary>"), "{failing}");
        }
        w.answers(&["say fine", "say At last.\nstop max_tokens"]);
        w.ask("again").await;
        w.rested().await;
        w.ask("more").await;
        assert!(w.asked().contains("At last."));
    }

    async fn no_reply_waits_for_it_and_one_is_made_at_a_time(t) {
        let w = small(t, quick(), "vendor/test").await;
        w.ask_all(1..=CROWDED - 1).await;
        w.answers(&["say sixth", "gate go\nsay The notes."]);
        w.ask("6").await;
        tokio::time::timeout(PATIENCE, w.script.reached("go")).await.unwrap();
        w.ask_all(7..=8).await;
        assert_eq!(w.asides().len(), 1);
        w.script.open("go");
        w.rested().await;
        assert_eq!(w.asides().len(), 1);
        w.answers(&["say ninth", "say More notes.", "say The rest."]);
        w.ask("9").await;
        w.rested().await;
        assert!(w.asked().contains("The notes."));
        let asides = w.asides();
        assert_eq!(asides.len(), 3, "what does not fit into one piece follows at once");
        assert!(asides[1].contains("The notes.") && asides[2].contains("More notes."), "{asides:?}");
    }

    async fn a_stop_of_the_process_ends_it_without_harm(t) {
        let w = small(t, quick(), "vendor/test").await;
        w.ask_all(1..=CROWDED - 1).await;
        w.answers(&["say sixth", "gate go\nhang"]);
        let reply = w.ask("6").await;
        tokio::time::timeout(PATIENCE, w.script.reached("go")).await.unwrap();
        w.script.open("go");
        w.chat.drain(PATIENCE).await;
        w.chat.tasks.stop();
        assert!(w.chat.tasks.wait(Duration::from_secs(5)).await);
        assert_eq!(w.script.live(), 0);
        assert_eq!(t.summary(w.ann.user, reply.id).await.unwrap(), None);
    }

    async fn neither_the_offline_assistant_nor_a_switched_off_one_is_asked(t) {
        let off = Options { summaries: false, ..quick() };
        for (options, id) in [(quick(), "offline/assistant"), (quick(), "scripted/test"), (off, "vendor/test")] {
            let w = small(t, options, id).await;
            let first = w.ask("1").await;
            t.keep_summary(w.ann.user, first.id, "The notes.", &ModelId("m".to_owned())).await.unwrap();
            w.ask_all(2..=CROWDED + 1).await;
            w.rested().await;
            assert!(w.asides().is_empty(), "{id}");
            assert!(!w.asked().contains("question 1.") && !w.asked().contains("The notes."), "{id}");
        }
    }

    async fn a_summary_of_a_larger_models_is_cut_to_the_room_there_is(t) {
        let w = small(t, quick(), "vendor/test").await;
        let first = w.ask("1").await;
        t.keep_summary(w.ann.user, first.id, &"notes ".repeat(2_000), &ModelId("m".to_owned())).await.unwrap();
        w.ask_all(2..=CROWDED).await;
        let asked = w.asked();
        let summary = asked.split("</summary>").next().unwrap();
        assert!(summary.contains("notes notes") && summary.contains("[…]"), "{asked}");
        assert!(summary.len() < 2_000 && asked.contains("question 5."), "{asked}");
    }

    async fn a_window_that_is_smaller_than_was_thought_gets_one_too(t) {
        let mut w = World::new(t).await;
        (w.chat, w.script, w.hub) = chat_by(t, quick(), "vendor/test");
        w.room = t.create_conversation(w.ann.user, "Titled").await.unwrap().id;
        w.ask_all(1..=3).await;
        w.answers(&["fail too_long", "say fourth", "say Half of them.", "say The notes."]);
        w.ask("4").await;
        w.rested().await;
        assert_eq!(w.asides().len(), 2);
        assert!(w.asides()[0].contains("answer 1"));
        w.answers(&["fail too_long", "say fifth", "say More notes."]);
        w.ask("5").await;
        w.rested().await;
        assert!(w.asked().contains("The notes.") && !w.asked().contains("question 1."), "{}", w.asked());
    }
}
