//! The order in which words count, and that nothing runs that is not recorded.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{
    backend::{
        caller::Via,
        store::policies::Said,
        test::{TestStore, on_every_backend},
    },
    wire::{
        account::Username,
        api_token::Scopes,
        id::Millis,
        policy::{ANY_SERVER, CallEnd, CallRow, CalledBy, Floor, FloorKind},
        tool::{Annotations, ToolOutcome, ToolServer},
    },
};
use futures::FutureExt;
use serde_json::json;
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

fn tool(read_only_hint: bool, trusted: Option<bool>) -> ToolSpec {
    ToolSpec {
        name: "note".to_owned(),
        title: "Note".to_owned(),
        description: "Notes something.".to_owned(),
        input_schema: json!({ "type": "object" }),
        output_schema: json!({ "type": "object" }),
        annotations: Annotations { read_only_hint, ..Annotations::READ_ONLY },
        server: trusted.map(|trusted| ToolServer { id: "s1".to_owned(), name: "Notes".to_owned(), trusted }),
        ui: None,
    }
}

fn said(policy: Policy, definition: &str) -> Vec<Said> {
    vec![Said { tool: "note".to_owned(), policy, definition: definition.to_owned() }]
}

fn floor(kind: FloorKind, name: &str, floor: Policy) -> Vec<Floor> {
    vec![Floor { kind, name: name.to_owned(), floor }]
}

/// The rule by which it runs, why it asks, or the rule by which it does not run.
fn outcome(rules: &ToolRules, spec: &ToolSpec, exposed: bool) -> Result<Rule, Result<Why, Rule>> {
    match judge(rules, spec, exposed) {
        Decision::Run(rule) => Ok(rule),
        Decision::Ask { question, .. } => {
            assert_eq!((&question.server, question.claims), (&spec.server, spec.annotations));
            Err(Ok(question.why))
        }
        Decision::Deny(rule, why) => {
            assert!(why.contains("`note`"), "{why}");
            Err(Err(rule))
        }
    }
}

#[test]
fn without_a_word_the_annotations_decide_and_a_strangers_are_claims() {
    let rules = ToolRules::default();
    for (spec, exposed, expected) in [
        (tool(true, None), false, Ok(Rule::ReadOnly)),
        (tool(true, None), true, Err(Ok(Why::Exposed))),
        (tool(false, None), false, Err(Ok(Why::Changes))),
        (tool(true, Some(true)), false, Ok(Rule::Trusted)),
        (tool(true, Some(true)), true, Err(Ok(Why::Exposed))),
        (tool(false, Some(true)), false, Err(Ok(Why::Changes))),
        (tool(true, Some(false)), false, Err(Ok(Why::Claim))),
        (tool(false, Some(false)), false, Err(Ok(Why::Changes))),
    ] {
        assert_eq!(outcome(&rules, &spec, exposed), expected, "{spec:?}");
    }
}

#[test]
fn a_persons_word_counts_for_what_it_was_said_of() {
    let spec = tool(false, None);
    let now = definition(&spec);
    for (here, always, expected) in [
        (vec![], said(Policy::Allow, &now), Ok(Rule::Always)),
        (said(Policy::Allow, &now), vec![], Ok(Rule::Conversation)),
        (said(Policy::Allow, &now), said(Policy::Deny, &now), Err(Err(Rule::Always))),
        (said(Policy::Deny, &now), said(Policy::Allow, &now), Err(Err(Rule::Conversation))),
        (said(Policy::Ask, &now), said(Policy::Allow, &now), Err(Ok(Why::Wanted))),
        (said(Policy::Allow, &now), said(Policy::Ask, &now), Ok(Rule::Conversation)),
        (vec![], said(Policy::Allow, "before"), Err(Ok(Why::Changed))),
        (vec![], said(Policy::Deny, "before"), Err(Ok(Why::Changed))),
        (said(Policy::Allow, "before"), said(Policy::Allow, &now), Ok(Rule::Always)),
        (vec![], said(Policy::Deny, ""), Err(Err(Rule::Always))),
    ] {
        let rules = ToolRules { always, here, ..ToolRules::default() };
        assert_eq!(outcome(&rules, &spec, false), expected, "{rules:?}");
    }
    // A tool that says since then that it changes nothing does not run by that.
    let tame = tool(true, None);
    let rules = ToolRules { always: said(Policy::Deny, &now), ..ToolRules::default() };
    assert_eq!(outcome(&rules, &tame, false), Err(Ok(Why::Changed)));
    assert!(matches!(judge(&rules, &tame, false), Decision::Ask { refused: true, .. }));
    let rules = ToolRules { always: said(Policy::Ask, &definition(&tame)), ..ToolRules::default() };
    assert_eq!(outcome(&rules, &tame, false), Err(Ok(Why::Wanted)), "one may want to be asked about anything");
}

#[test]
fn nobody_goes_below_the_floor_and_what_is_off_is_off() {
    let (own, strange) = (tool(true, None), tool(true, Some(false)));
    let allow = |spec| said(Policy::Allow, &definition(spec));
    for (spec, floors, expected) in [
        (&own, floor(FloorKind::Tool, "note", Policy::Ask), Err(Ok(Why::Floor))),
        (&own, floor(FloorKind::Tool, "note", Policy::Deny), Err(Err(Rule::Floor))),
        (&own, floor(FloorKind::Server, ANY_SERVER, Policy::Deny), Ok(Rule::Always)),
        (&strange, floor(FloorKind::Server, ANY_SERVER, Policy::Ask), Err(Ok(Why::Floor))),
        (&strange, floor(FloorKind::Server, "s1", Policy::Deny), Err(Err(Rule::Floor))),
        (&strange, floor(FloorKind::Server, "s2", Policy::Deny), Ok(Rule::Always)),
    ] {
        let rules = ToolRules { always: allow(spec), floors, ..ToolRules::default() };
        assert_eq!(outcome(&rules, spec, false), expected, "{rules:?}");
    }
    let off = vec!["note".to_owned()];
    let rules = ToolRules { always: allow(&own), off, ..ToolRules::default() };
    assert_eq!(outcome(&rules, &own, false), Err(Err(Rule::SwitchedOff)));
}

#[test]
fn a_definition_is_all_that_a_tool_says_of_itself_in_whatever_order() {
    let spec = tool(true, Some(false));
    let same = definition(&spec);
    let mut reordered = spec.clone();
    reordered.input_schema = serde_json::from_str(r#"{ "type" : "object" }"#).unwrap();
    assert_eq!(definition(&reordered), same);
    let server = |id: &str, name: &str| Some(ToolServer { id: id.to_owned(), name: name.to_owned(), trusted: false });
    assert_eq!(definition(&ToolSpec { server: server("s1", "renamed"), ..spec.clone() }), same);
    let others = [
        ToolSpec { name: "note2".to_owned(), ..spec.clone() },
        ToolSpec { title: "Notes".to_owned(), ..spec.clone() },
        ToolSpec { description: "Notes it.".to_owned(), ..spec.clone() },
        ToolSpec { input_schema: json!({ "type": "object", "properties": {} }), ..spec.clone() },
        ToolSpec { output_schema: json!({ "type": "object", "title": "x" }), ..spec.clone() },
        ToolSpec { annotations: Annotations { open_world_hint: true, ..spec.annotations }, ..spec.clone() },
        ToolSpec { server: server("s2", "Notes"), ..spec.clone() },
        ToolSpec { server: None, ..spec.clone() },
        ToolSpec { ui: Some(json!({ "resource": "ui://notes/page" })), ..spec.clone() },
    ];
    let mut seen: Vec<String> = others.iter().map(definition).chain([same]).collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), others.len() + 1);
    assert_eq!(
        digest(&json!({"b": [1, {"y": "a\"b", "x": null}], "a": 1.5})),
        digest(&json!({"a": 1.5, "b": [1, {"x": null, "y": "a\"b"}]}))
    );
}

/// A program's call of `spec`, and whether it ran.
async fn run(t: &TestStore, caller: &Caller, spec: &ToolSpec) -> (ToolOutcome, bool) {
    let arguments = json!({"text": "secret words"});
    let asked = Called::by_program(caller, spec, &arguments);
    let ran = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&ran);
    let permit = permit(&t.store, &t.clock, &asked, spec).await;
    let outcome = permit.run(async move {
        count.fetch_add(1, Ordering::SeqCst);
        // As whatever reads something does.
        tokio::task::yield_now().await;
        ToolOutcome::ok("done", json!({}))
    });
    let outcome = outcome.await;
    (outcome, ran.load(Ordering::SeqCst) == 1)
}

/// Somebody, and the administrator, who is whoever is first.
async fn ada_and_root(t: &TestStore) -> (Caller, Caller) {
    let root = program(t, "root").await;
    (program(t, "ada").await, root)
}

async fn program(t: &TestStore, name: &str) -> Caller {
    let user = t.create_user(&Username::parse(name).unwrap(), "no password", false).await.unwrap();
    Caller { user: user.id, name: user.name, admin: user.admin, via: Via::Token(t.clock.id(), Scopes::ALL) }
}

async fn last(t: &TestStore, caller: &Caller) -> CallRow {
    t.tool_calls(caller.user, None, 1).await.unwrap().items.pop().unwrap()
}

on_every_backend! {
    async fn a_programs_call_is_decided_and_recorded(t) {
        let (ada, root) = ada_and_root(t).await;
        let (reads, writes) = (tool(true, None), tool(false, None));
        let spec = &writes;
        for (policy, definition, ran, rule) in [
            (None, "", true, Rule::Program),
            (Some(Policy::Allow), &*definition(spec), true, Rule::Always),
            (Some(Policy::Ask), &*definition(spec), true, Rule::Program),
            (Some(Policy::Deny), &*definition(spec), false, Rule::Always),
            (Some(Policy::Allow), "before", true, Rule::Program),
            (Some(Policy::Deny), "before", false, Rule::Always),
        ] {
            if let Some(policy) = policy {
                t.set_tool_policy(ada.user, None, "note", policy, definition).await.unwrap();
            }
            let (outcome, did) = run(t, &ada, spec).await;
            assert_eq!((did, outcome.is_error), (ran, !ran), "{policy:?} {definition}");
            let row = last(t, &ada).await;
            assert_eq!((row.rule, row.end), (rule, if ran { CallEnd::Ok } else { CallEnd::Denied }));
        }
        t.forget_tool_policy(ada.user, "note").await.unwrap();
        assert!(run(t, &ada, &reads).await.1);
        let row = last(t, &ada).await;
        assert_eq!((row.rule, row.via, row.tool.as_str()), (Rule::ReadOnly, CalledBy::Program, "note"));
        assert!(row.duration_ms.is_some() && row.credential.is_some() && row.conversation.is_none());
        assert_eq!(row.digest, digest(&json!({"text": "secret words"})));
        t.set_tool_floor(root.user, FloorKind::Tool, "note", Some(Policy::Ask)).await.unwrap();
        let (outcome, ran) = run(t, &ada, &reads).await;
        assert!(!ran && outcome.text.contains("here nobody can be"), "{}", outcome.text);
        assert_eq!(last(t, &ada).await.rule, Rule::Floor);
    }

    async fn a_call_that_is_dropped_in_the_middle_was_stopped(t) {
        let ada = program(t, "ada").await;
        let spec = tool(true, None);
        let arguments = json!({});
        let permit = permit(&t.store, &t.clock, &Called::by_program(&ada, &spec, &arguments), &spec).await;
        let hangs = permit.run(std::future::pending());
        assert!(tokio::time::timeout(std::time::Duration::from_millis(100), hangs).await.is_err());
        assert_eq!(last(t, &ada).await.end, CallEnd::Stopped);
    }

    async fn nothing_runs_unrecorded_and_nothing_by_rules_that_cannot_be_read(t) {
        let ada = program(t, "ada").await;
        let (reads, writes) = (tool(true, None), tool(false, None));
        t.set_tool_policy(ada.user, None, "note", Policy::Allow, &definition(&writes)).await.unwrap();
        t.sql("DROP TABLE tool_calls").await.unwrap();
        let (outcome, ran) = run(t, &ada, &writes).await;
        assert!(!ran && outcome.is_error && outcome.text.contains("cannot be recorded"), "{}", outcome.text);
        t.forget_tool_policy(ada.user, "note").await.unwrap();
        let (outcome, _) = run(t, &ada, &reads).await;
        assert!(outcome.is_error && outcome.text.contains("cannot be recorded"), "its result is not told");
        t.sql("DROP TABLE tool_floors").await.unwrap();
        let (outcome, ran) = run(t, &ada, &reads).await;
        assert!(!ran && outcome.text.contains("cannot be looked up"), "{}", outcome.text);
    }

    async fn what_is_over_at_once_is_recorded_without_being_waited_for(t) {
        let ada = program(t, "ada").await;
        let (reads, arguments) = (tool(true, None), json!({"numbers": [1, 2]}));
        let asked = Called::by_program(&ada, &reads, &arguments);
        for (outcome, end) in [
            (ToolOutcome::ok("3", json!({"sum": 3})), CallEnd::Ok),
            (ToolOutcome::error("There are no numbers."), CallEnd::Failed),
        ] {
            let permit = permit(&t.store, &t.clock, &asked, &reads).await;
            assert_eq!(permit.run(std::future::ready(outcome.clone())).now_or_never(), Some(outcome));
            let row = last(t, &ada).await;
            assert_eq!((row.rule, row.end, row.duration_ms), (Rule::ReadOnly, end, Some(0)));
        }
        // What may change something waits for its row, be it over at once or not: without one it does not begin.
        let writes = tool(false, None);
        let asked = Called::by_program(&ada, &writes, &arguments);
        let permit = permit(&t.store, &t.clock, &asked, &writes).await;
        t.close().await;
        let mut ran = false;
        let work = async {
            ran = true;
            ToolOutcome::ok("3", json!({}))
        };
        assert!(permit.run(work).await.text.contains("cannot be recorded"));
        assert!(!ran);
        let asked = Called::by_program(&ada, &reads, &arguments);
        let permit = super::Permit::entry(&t.store, &t.clock, &asked).allowed(Rule::ReadOnly, None);
        let outcome = permit.run(std::future::ready(ToolOutcome::ok("3", json!({})))).await;
        assert!(outcome.text.contains("cannot be recorded"), "{}", outcome.text);
    }

    async fn settings_and_switches_show_what_counts(t) {
        let (ada, root) = ada_and_root(t).await;
        let tools = [tool(true, None), ToolSpec { name: "log".to_owned(), ..tool(true, Some(false)) }].map(Arc::new);
        t.set_tool_policy(ada.user, None, "gone", Policy::Deny, "x").await.unwrap();
        t.set_tool_policy(ada.user, None, "log", Policy::Allow, "before").await.unwrap();
        keep(&t.store, &ada, &tools[0], Some(Policy::Ask)).await.unwrap();
        t.set_tool_floor(root.user, FloorKind::Tool, "note", Some(Policy::Ask)).await.unwrap();
        let shown = settings(&t.store, &ada, &tools).await.unwrap();
        let of = |at: usize| (shown.tools[at].default, shown.tools[at].said, shown.tools[at].changed, shown.tools[at].floor);
        assert_eq!(of(0), (Policy::Allow, Some(Policy::Ask), false, Some(Policy::Ask)));
        assert_eq!(of(1), (Policy::Ask, None, true, None));
        assert_eq!(shown.gone, [("gone".to_owned(), Policy::Deny)]);
        assert!(shown.floors.is_empty(), "the list of floors is an administrator's");
        assert_eq!(settings(&t.store, &root, &tools).await.unwrap().floors.len(), 1);
        keep(&t.store, &ada, &tools[0], None).await.unwrap();
        assert_eq!(settings(&t.store, &ada, &tools).await.unwrap().tools[0].said, None);

        let c = t.create_conversation(ada.user, "").await.unwrap().id;
        t.switch_tool(ada.user, c, "log", false).await.unwrap();
        let on: Vec<bool> = switches(&t.store, &ada, c, &tools).await.unwrap().iter().map(|tool| tool.on).collect();
        assert_eq!(on, [true, false]);
        assert!(switches(&t.store, &root, c, &tools).await.is_err(), "whoever is not in it");
        let all = Arc::new(tools.to_vec());
        let rules = async || t.tool_rules(ada.user, Some(c)).await.unwrap();
        let names = |tools: &[Arc<ToolSpec>]| tools.iter().map(|spec| spec.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&offered(&*rules().await, Arc::clone(&all))), ["note"]);
        t.set_tool_floor(root.user, FloorKind::Tool, "note", Some(Policy::Deny)).await.unwrap();
        assert!(offered(&*rules().await, all).is_empty());
        assert_eq!(t.clock.now(), Millis(1_800_000_000_000));
    }
}
