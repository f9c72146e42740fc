//! Servers that others made, each used from a conversation: the reference servers, and one of `FastMCP`'s.
//!
//! They are installed by `.ci/setup test`; [`Peers`] says what happens where they are not.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    Folder, TestApp, TestUser,
    peers::{Peers, Played, page_with, parley_with, play},
};
use serde_json::{Value, json};
use std::process::Command;

/// A Parley with that server, and somebody for whom it is connected.
async fn connected(name: &str, server: &Value) -> (TestApp, TestUser) {
    let app = parley_with(name, server).await;
    let ada = app.person("ada").await;
    page_with(&ada, "Connected").await;
    (app, ada)
}

/// Plays a script in a new conversation.
async fn in_a_new_room(person: &TestUser, script: &str) -> Played {
    play(person, person.room().await, script).await
}

fn texts(played: &Played) -> Vec<&str> {
    played.outcomes.iter().map(|outcome| outcome.text.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_echoes_adds_reports_progress_and_answers_with_structure() {
    if Peers::find().is_none() {
        return;
    }
    let (app, ada) = connected("everything", &Peers::npm("everything", &["stdio"], &[])).await;
    let page = page_with(&ada, "everything__get-sum").await;
    assert!(page.contains("Everything Reference Server") && page.contains("2025-11-25"), "{page}");
    let script = "script:\n\
        tool everything__echo {\"message\": \"hello over there\"}\n\
        tool everything__get-sum {\"a\": 40, \"b\": 2}\n\
        say first\n\
        tool everything__get-structured-content {\"location\": \"Chicago\"}\n\
        say second\n\
        tool everything__trigger-long-running-operation {\"duration\": 1, \"steps\": 4}\n\
        say third\n\
        tool everything__get-sum {\"a\": \"forty\"}\n\
        echo";
    let played = in_a_new_room(&ada, script).await;
    let [mut first, mut second, structured, long, wrong] =
        <[_; 5]>::try_from(played.outcomes.clone()).unwrap_or_else(|_| panic!("{played:?}"));
    if first.text.starts_with("The sum") {
        std::mem::swap(&mut first, &mut second);
    }
    assert_eq!((first.text.as_str(), second.text.as_str()), ("Echo: hello over there", "The sum of 40 and 2 is 42."));
    assert_eq!(structured.structured.unwrap()["conditions"], "Light rain / drizzle");
    assert_eq!(long.text, "Long running operation completed. Duration: 1 seconds, Steps: 4.");
    assert!(played.progress.iter().any(|(share, _)| *share == Some(0.5)), "{:?}", played.progress);
    assert!(wrong.is_error && wrong.text.contains("number"), "{wrong:?}");
    assert!(played.asked.is_empty(), "it is trusted, and these only read: {:?}", played.asked);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everythings_research_is_a_task_of_the_elder_protocol() {
    if Peers::find().is_none() {
        return;
    }
    let (app, ada) = connected("everything", &Peers::npm("everything", &["stdio"], &[])).await;
    page_with(&ada, "everything__simulate-research-query").await;
    let script = "script:\ntool everything__simulate-research-query {\"topic\": \"engines of brass\"}\necho";
    let played = in_a_new_room(&ada, script).await;
    assert_eq!(played.asked, ["everything__simulate-research-query"], "it does not say that it only reads");
    let [report] = &played.outcomes[..] else { panic!("{played:?}") };
    assert!(!report.is_error && report.text.starts_with("# Research Report: engines of brass"), "{report:?}");
    let told = |note: &str| played.progress.iter().any(|(_, said)| said.as_deref() == Some(note));
    assert!(told("Gathering sources...") || told("Analyzing content..."), "{:?}", played.progress);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_filesystem_server_writes_reads_and_lists_and_stays_in_its_folder() {
    if Peers::find().is_none() {
        return;
    }
    let (folder, elsewhere) = (Folder::new(), Folder::new());
    std::fs::write(elsewhere.path().join("secret.txt"), "not for the bot").unwrap();
    let root = folder.path().display().to_string();
    let (app, ada) = connected("files", &Peers::npm("filesystem", &[&root], &[])).await;
    let note = folder.path().join("note.txt");
    let script = format!(
        "script:\ntool files__write_file {}\nsay one\ntool files__read_text_file {}\nsay two\n\
         tool files__list_directory {}\nsay three\ntool files__read_text_file {}\necho",
        json!({"path": note, "content": "An engine of brass."}),
        json!({"path": note}),
        json!({"path": root}),
        json!({"path": elsewhere.path().join("secret.txt")}),
    );
    let played = in_a_new_room(&ada, &script).await;
    assert_eq!(played.asked, ["files__write_file"], "what changes something asks, what reads does not");
    let [wrote, read, listed, refused] = &played.outcomes[..] else { panic!("{played:?}") };
    assert!(!wrote.is_error, "{wrote:?}");
    assert_eq!(std::fs::read_to_string(&note).unwrap(), "An engine of brass.");
    assert_eq!(read.text, "An engine of brass.");
    assert!(listed.text.contains("[FILE] note.txt"), "{listed:?}");
    assert!(refused.is_error && refused.text.contains("Access denied"), "{refused:?}");
    assert!(!played.text.contains("not for the bot"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_server_remembers_across_conversations_and_restarts() {
    if Peers::find().is_none() {
        return;
    }
    let folder = Folder::new();
    let kept = folder.path().join("memory.jsonl").display().to_string();
    let server = Peers::npm("memory", &[], &[("MEMORY_FILE_PATH", &kept)]);
    let (app, ada) = connected("memory", &server).await;
    let entities = json!({"entities": [
        {"name": "Ada", "entityType": "person", "observations": ["writes programs"]},
        {"name": "Engine", "entityType": "machine", "observations": ["is made of brass"]},
    ]});
    let relations = json!({"relations": [{"from": "Ada", "to": "Engine", "relationType": "programs"}]});
    let script = format!(
        "script:\ntool memory__create_entities {entities}\nsay one\ntool memory__create_relations {relations}\necho"
    );
    let played = in_a_new_room(&ada, &script).await;
    assert_eq!(played.asked, ["memory__create_entities", "memory__create_relations"]);
    assert!(played.outcomes.iter().all(|outcome| !outcome.is_error), "{played:?}");

    let remembered = |played: &Played| {
        let graph = played.outcomes[0].structured.clone().unwrap();
        assert_eq!(graph["entities"][1]["observations"][0], "is made of brass", "{graph}");
        assert_eq!(graph["relations"][0]["relationType"], "programs", "{graph}");
    };
    remembered(&in_a_new_room(&ada, "script:\ntool memory__read_graph {}\necho").await);
    app.stop().await;
    let (app, ada) = connected("memory", &server).await;
    remembered(&in_a_new_room(&ada, "script:\ntool memory__read_graph {}\necho").await);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_server_knows_the_time_and_converts_it() {
    let Some(peers) = Peers::find() else { return };
    let server = peers.python("mcp-server-time", &["--local-timezone", "Europe/Berlin"], &[]);
    let (app, ada) = connected("time", &server).await;
    let script = "script:\n\
        tool time__get_current_time {\"timezone\": \"Europe/Berlin\"}\nsay one\n\
        tool time__convert_time {\"source_timezone\": \"Asia/Kolkata\", \"time\": \"12:00\", \"target_timezone\": \"Asia/Tokyo\"}\n\
        say two\ntool time__get_current_time {\"timezone\": \"Moon/Crater\"}\necho";
    let played = in_a_new_room(&ada, script).await;
    let [now, converted, wrong] = &played.outcomes[..] else { panic!("{played:?}") };
    assert!(!now.is_error && now.text.contains("Europe/Berlin"), "{now:?}");
    assert!(converted.text.contains("15:30") && converted.text.contains("+3.5h"), "{converted:?}");
    assert!(wrong.is_error && wrong.text.contains("Moon/Crater"), "{wrong:?}");
    assert!(texts(&played).iter().all(|text| !text.is_empty()));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_git_server_sees_adds_commits_and_logs() {
    let Some(peers) = Peers::find() else { return };
    let repository = Folder::new();
    let path = repository.path().display().to_string();
    let git = |args: &[&str]| {
        let done = Command::new("git").arg("-C").arg(repository.path()).args(args).output().unwrap();
        assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["config", "user.name", "Ada"]);
    git(&["config", "user.email", "ada@example.org"]);
    std::fs::write(repository.path().join("engine.txt"), "brass\n").unwrap();
    let server = peers.python("mcp-server-git", &["--repository", &path], &[("GIT_CONFIG_GLOBAL", "/dev/null")]);
    let (app, ada) = connected("git", &server).await;
    let here = json!({"repo_path": path});
    let script = format!(
        "script:\ntool git__git_status {here}\nsay one\ntool git__git_add {}\nsay two\ntool git__git_commit {}\n\
         say three\ntool git__git_log {here}\nsay four\ntool git__git_status {}\necho",
        json!({"repo_path": path, "files": ["engine.txt"]}),
        json!({"repo_path": path, "message": "An engine of brass"}),
        json!({"repo_path": "/"}),
    );
    let played = in_a_new_room(&ada, &script).await;
    assert_eq!(played.asked, ["git__git_add", "git__git_commit"]);
    let [status, added, committed, log, refused] = &played.outcomes[..] else { panic!("{played:?}") };
    assert!(status.text.contains("engine.txt"), "{status:?}");
    assert!(!added.is_error && !committed.is_error, "{added:?} {committed:?}");
    assert!(log.text.contains("An engine of brass") && log.text.contains("Ada"), "{log:?}");
    assert!(refused.is_error, "another folder than its own: {refused:?}");
    let logged = Command::new("git").arg("-C").arg(&path).args(["log", "--format=%s"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&logged.stdout), "An engine of brass\n");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_fastmcps_adds_fails_and_reports_progress_over_http() {
    let Some(peers) = Peers::find() else { return };
    let fast = peers.fastmcp();
    let (app, ada) = connected("fast", &json!({"url": fast.url, "trusted": true})).await;
    let page = page_with(&ada, "fast__steps").await;
    assert!(page.contains("It calls itself fast 1.0.0"), "{page}");
    let script = "script:\ntool fast__add {\"a\": 40, \"b\": 2}\nsay one\ntool fast__fail {\"reason\": \"no steam\"}\n\
        say two\ntool fast__steps {\"count\": 5}\necho";
    let played = in_a_new_room(&ada, script).await;
    let [sum, failed, steps] = &played.outcomes[..] else { panic!("{played:?}") };
    assert_eq!(sum.structured.as_ref().unwrap()["result"], 42, "{sum:?}");
    assert!(failed.is_error && failed.text.contains("it failed: no steam"), "{failed:?}");
    assert_eq!((steps.text.as_str(), steps.is_error), ("5 steps taken", false));
    let halfway = (Some(0.6), Some("step 3".to_owned()));
    assert!(played.progress.contains(&halfway), "{:?}", played.progress);
    assert_eq!(played.asked, ["fast__fail", "fast__steps"], "what says nothing of itself asks");
    app.stop().await;
}
