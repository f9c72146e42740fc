//! Inputs as they are read, what may be filled in, and every fault that is named.

#![expect(clippy::unwrap_used, reason = "tests")]
use super::{super::parse, *};
use crate::backend::config::OperatorServer;
use serde_json::json;

fn environment(name: &str) -> Option<String> {
    match name {
        "PATH" => Some("/usr/bin:/bin".to_owned()),
        "REGION" => Some("eu".to_owned()),
        "TOKEN" => Some("hunter2".to_owned()),
        "ODD" => Some("${input:key}".to_owned()),
        _ => None,
    }
}

fn read(server: &Value) -> Result<OperatorServer, String> {
    let file = json!({"mcpServers": {"s": server}});
    parse(&file.to_string(), &environment).map(|mut servers| servers.remove(0)).map_err(|faults| faults.join("\n"))
}

fn values(values: &[(&str, &str)]) -> Values {
    values.iter().map(|(id, value)| ((*id).to_owned(), (*value).into())).collect()
}

/// An http server's address and first header with these values.
fn filled(server: &OperatorServer, values: &Values) -> (Option<String>, Option<String>) {
    let OperatorAccess::Http { url, headers, .. } = &server.access else { panic!("http") };
    let header = headers.first().and_then(|(_, header)| header.fill(values));
    (url.fill(values).map(String::from), header.map(|header| header.expose_secret().to_owned()))
}

#[test]
fn inputs_are_read_as_vs_code_has_them() {
    let file = json!({
        "inputs": [{"type": "promptString", "id": "api-key", "description": "Your API key", "password": true}],
        "mcpServers": {"s": {
            "url": "https://mcp.example/${input:tenant}/mcp?k=${TOKEN}&region=${input:region}",
            "headers": {"Authorization": "Bearer ${input:api-key}"},
            "inputs": [{"id": "region", "default": "${REGION}"}, {"id": "tenant", "description": " Your tenant "}],
        }, "t": {
            "command": "sh", "args": ["-c", "${input:api-key}"], "env": {"KEY": "a${input:api-key}b"},
        }},
    });
    let servers = parse(&file.to_string(), &environment).unwrap();
    let told: Vec<_> = servers[0].inputs.iter().map(|i| (i.id.as_str(), i.description.as_str(), i.password)).collect();
    assert_eq!(
        told,
        [("region", "region", false), ("tenant", "Your tenant", false), ("api-key", "Your API key", true)]
    );
    assert_eq!(servers[0].inputs[0].default.as_ref().unwrap().expose_secret(), "eu");
    let all = values(&[("api-key", "k1"), ("tenant", "acme"), ("region", "us")]);
    let (url, header) = filled(&servers[0], &all);
    assert_eq!(url.as_deref(), Some("https://mcp.example/acme/mcp?k=hunter2&region=us"));
    assert_eq!(header.as_deref(), Some("Bearer k1"));
    assert_eq!(filled(&servers[0], &values(&[("tenant", "acme")])), (None, None), "something is missing");

    assert_eq!(servers[1].inputs.len(), 1, "what both use is asked for by both");
    let OperatorAccess::Program { args, env, .. } = &servers[1].access else { panic!("a program") };
    assert_eq!(args[1].fill(&all).unwrap().expose_secret(), "k1");
    assert_eq!(env.last().unwrap().1.fill(&all).unwrap().expose_secret(), "ak1b");
    assert!(!format!("{servers:?}").contains("hunter2"));
}

#[test]
fn a_value_is_never_more_than_a_value() {
    let server = read(&json!({
        "url": "https://mcp.example/a/${input:key}/b?k=${input:key}", "headers": {"X-Key": "${input:key} ${TOKEN}"},
        "inputs": [{"id": "key"}],
    }))
    .unwrap();
    for (value, expected) in [
        ("x", "https://mcp.example/a/x/b?k=x"),
        ("../..//evil.example/?a=b&c#d", "https://mcp.example/a/..%2F..%2F%2Fevil.example%2F%3Fa%3Db%26c%23d/b?k="),
        ("%2e%2e", "https://mcp.example/a/%252e%252e/b?k=%252e%252e"),
        ("é \\@", "https://mcp.example/a/%C3%A9%20%5C%40/b?k=%C3%A9%20%5C%40"),
        ("${TOKEN}", "https://mcp.example/a/%24%7BTOKEN%7D/b?k="),
        ("parleyinput", "https://mcp.example/a/parleyinput/b?k=parleyinput"),
    ] {
        let (url, header) = filled(&server, &values(&[("key", value)]));
        let url = url.unwrap();
        assert!(url.starts_with(expected), "{value}: {url}");
        assert_eq!(header.unwrap(), format!("{value} hunter2"), "what was filled in is not read for variables");
    }
    for value in [".", ".."] {
        assert_eq!(filled(&server, &values(&[("key", value)])).0, None, "{value}");
        assert!(!server.access.fits(&values(&[("key", value)])));
    }
    // What the environment holds is no more than a value either.
    let server = read(&json!({"url": "https://mcp.example/", "headers": {"X-Key": "${ODD}"}})).unwrap();
    assert_eq!(filled(&server, &Values::new()).1.unwrap(), "${input:key}");
}

#[test]
fn what_cannot_be_taken_is_told_without_it() {
    let inputs = json!([{"id": "a"}, {"id": "b"}]);
    let http = json!({"url": "https://h/${input:a}", "headers": {"K": "x${input:b}"}, "inputs": inputs});
    let program = json!({"command": "sh", "args": ["${input:a}", "--b=${input:b}"], "inputs": inputs});
    let (http, program) = (read(&http).unwrap(), read(&program).unwrap());
    let long = "x".repeat(CONNECTION_INPUT_MAX + 1);
    for (server, id, value, words) in [
        (&http, "a", long.as_str(), Some("at most")),
        (&http, "b", "x\r\nX-Admin: 1", Some("line break")),
        (&program, "b", "x\0", Some("control")),
        (&http, "b", "schlüssel", Some("ASCII")),
        (&http, "a", "schlüssel", None),
        (&http, "a", "..", Some("lead elsewhere")),
        (&http, "b", "..", None),
        (&program, "a", "--eval", Some("options")),
        (&program, "b", "--eval", None),
        (&program, "a", "ordinary", None),
    ] {
        let told = server.access.unfit(id, value);
        assert_eq!(told.is_some(), words.is_some(), "{id} {value:?}: {told:?}");
        assert!(words.is_none_or(|words| told.unwrap().contains(words)), "{id} {value:?}");
    }
}

#[test]
fn every_fault_is_named_and_no_secret_with_it() {
    let one = json!([{"id": "x"}]);
    let url = "https://h/${input:x}";
    let cases = [
        json!({"url": url}),
        json!({"url": "https://h/", "inputs": one}),
        json!({"url": url, "inputs": {"id": "x"}}),
        json!({"url": url, "inputs": ["x", {"id": "x", "type": "pickString", "options": ["hunter2"]}]}),
        json!({"url": url, "inputs": [{"id": "a b"}, {"id": "x", "password": "hunter2"}, {"id": "x"}]}),
        json!({"url": url, "inputs": [{"id": "x", "description": "a\nhunter2"}]}),
        json!({"url": url, "inputs": [{"id": "x", "default": "${input:x}"}]}),
        json!({"url": url, "inputs": [{"id": "x", "default": ".."}]}),
        json!({"url": "https://${input:x}/", "inputs": one}),
        json!({"url": "https://h:${input:x}/", "inputs": one}),
        json!({"url": "https://${input:x}@h/", "inputs": one}),
        json!({"url": "https://h.${input:x}.example/${input:x}", "inputs": one}),
        json!({"url": "${input:x}", "inputs": one}),
        json!({"url": "https://h/#${input:x}", "inputs": one}),
        json!({"url": "https://h/", "headers": {"${input:x}": "a", "mcp-${input:x}": "b", "H": "c"}, "inputs": []}),
        json!({"url": url, "title": "${input:x}", "inputs": one}),
        json!({"command": "${input:x}", "inputs": one}),
        json!({"command": "sh", "env": {"PATH": "/bin:${input:x}", "LD_PRELOAD": "${input:x}"}, "inputs": one}),
        json!({"url": url, "inputs": one, "auth": {"grant_type": "client_credentials", "client_id": "a",
               "client_secret": "${input:x}"}}),
        json!({"url": url, "inputs": one, "auth": {"grant_type": "client_credentials", "client_id": "a",
               "client_secret": "hunter2"}}),
    ];
    let told: Vec<_> = cases.iter().map(|case| read(case).unwrap_err().replace("server «s»: ", "")).collect();
    let told = told.join("\n--\n");
    assert!(!told.contains("hunter2"), "{told}");
    insta::assert_snapshot!(told);
    let file = json!({"inputs": [{"id": "x"}, {"id": 1}], "mcpServers": {}});
    let faults = parse(&file.to_string(), &environment).unwrap_err();
    assert!(faults.len() == 1 && faults[0].contains("inputs[1].id"), "{faults:?}");
    let file = json!({"inputs": [{"id": "x"}], "mcpServers": {}});
    assert_eq!(parse(&file.to_string(), &environment).unwrap_err(), ["no server uses the input «x»"]);
}
