//! `parley mcp-inspect`: what clients are shown, weighed and judged.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    Folder, PASSWORD, path_of,
    process::{Served, parley, scripted},
};
use serde_json::Value;

#[tokio::test]
async fn everything_that_is_shown_is_listed_and_what_is_badly_described_is_flagged() {
    let folder = Folder::new();
    let served = Served::start(&mut scripted(&folder));
    let ada = served.visitor();
    ada.sign_up("ada", PASSWORD).await;
    let room = ada.room().await;

    let plain = parley(&folder).args(["mcp-inspect", "--strict"]).output().unwrap();
    let text = String::from_utf8(plain.stdout).unwrap();
    assert_eq!(plain.status.code(), Some(0), "what is built in is well described:\n{text}");
    for words in [
        "/mcp: its tools cost about ",
        "send_message (about ",
        "Resource templates: ",
        "Prompts: 0",
        "Nothing is badly",
    ] {
        assert!(text.contains(words), "{words}:\n{text}");
    }
    assert!(!text.contains(&room.to_string()), "nobody's conversations without a name");

    ada.call(&path_of("save_prompt"), &[("prompt_name", "bare"), ("prompt_body", "Do it.")]).await;
    let json = parley(&folder).args(["mcp-inspect", "--as", "ada", "--json"]).output().unwrap();
    assert_eq!(json.status.code(), Some(0));
    let report: Value = serde_json::from_slice(&json.stdout).unwrap();
    let items = report["items"].as_array().unwrap();
    let of = |kind: &str| items.iter().filter(|item| item["kind"] == kind).collect::<Vec<_>>();
    assert!(
        of("tool").iter().all(|tool| tool["tokens"].as_u64().unwrap() > 20 && tool["shown"]["inputSchema"].is_object())
    );
    assert!(of("resource")[0]["name"].as_str().unwrap().ends_with(&room.to_string()));
    assert_eq!(of("prompt")[0]["flags"][0], "It has no description.");

    let strict = parley(&folder).args(["mcp-inspect", "--as", "ada", "--strict"]).output().unwrap();
    assert_eq!(strict.status.code(), Some(1));
    assert!(String::from_utf8(strict.stdout).unwrap().contains("! It has no description."));
    for (args, words) in [
        (["--as", "nobody"], "There is no account «nobody» (--as)."),
        (["--endpoint", "/mcp/x"], "There is no endpoint «/mcp/x» (--endpoint); there are /mcp."),
    ] {
        let output = parley(&folder).arg("mcp-inspect").args(args).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && told.contains(words), "{told}");
    }
}
