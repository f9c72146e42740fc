//! The file as a whole: what is read from it, and every fault that is named.

#![expect(clippy::unwrap_used, reason = "tests")]
use super::*;

fn environment(name: &str) -> Option<String> {
    let value = match name {
        "PATH" => "/usr/bin:/bin",
        "HOME" => "/home/parley",
        "PARLEY_ANTHROPIC_API_KEY" => "sk-secret",
        "TOKEN" => "t0ken",
        _ => return None,
    };
    Some(value.to_owned())
}

fn whole(text: &Template) -> String {
    text.closed().unwrap().expose_secret().to_owned()
}

#[test]
fn a_file_of_claude_desktop_is_read_and_filled_in() {
    let text = r#"{"mcpServers": {
        "Files (home)": {"command": "sh", "args": ["-c", "${HOME}", "${MISSING:-x}"], "env": {"KEY": "${TOKEN}"}},
        "web": {"type": "http", "url": "https://mcp.example/mcp?k=${TOKEN}",
                "headers": {"Authorization": "Bearer ${TOKEN}"}, "trusted": true, "title": "The web"}
    }}"#;
    let servers = parse(text, &environment).unwrap();
    let [files, web] = servers.as_slice() else { panic!("two") };
    assert_eq!((files.prefix.as_str(), files.title.as_str(), files.trusted), ("files_home", "Files (home)", false));
    let OperatorAccess::Program { command, args, env } = &files.access else { panic!("a program") };
    assert!(command.is_absolute() && command.ends_with("sh"));
    let args: Vec<_> = args.iter().map(whole).collect();
    assert_eq!(args, ["-c", "/home/parley", "x"]);
    let env: Vec<_> = env.iter().map(|(name, value)| format!("{name}={}", whole(value))).collect();
    assert_eq!(env, ["PATH=/usr/bin:/bin", "HOME=/home/parley", "KEY=t0ken"]);
    assert_eq!((web.title.as_str(), web.trusted), ("The web", true));
    let OperatorAccess::Http { url, headers, auth: None } = &web.access else { panic!("http") };
    assert_eq!(url.fill(&Values::new()).unwrap().as_str(), "https://mcp.example/mcp?k=t0ken");
    assert_eq!(whole(&headers[0].1), "Bearer t0ken");
}

#[test]
fn every_fault_is_named_with_its_server_and_no_secret_with_it() {
    let text = r#"{"mcpServers": {
        "both": {"command": "sh", "url": "http://h/"},
        "gone": {"command": "no-such-program-anywhere", "args": "x"},
        "hurl": {"url": "http://u:hunter2@h/", "headers": {"Accept": "x", "b d": "y"}},
        "none": {},
        "odd": {"command": "sh", "envs": {}, "trusted": "yes", "env": {"A": "${NOPE}", "B": 1}},
        "old": {"type": "sse", "url": "http://h/sse"},
        "o-d-d": {"command": "sh"}, "o_d_d": {"command": "sh"},
        "list": []
    }}"#;
    let faults = parse(text, &environment).unwrap_err().join("\n");
    assert!(!faults.contains("hunter2"));
    insta::assert_snapshot!(faults, @r"
    server «both»: it needs either a «command» or a «url»
    server «gone»: «args» is not a list of texts
    server «gone»: there is no program «no-such-program-anywhere» in PATH
    server «hurl»: the header «accept» is written by the protocol itself
    server «hurl»: «b d» is not a header's name: letters, digits and «-»
    server «hurl»: «url» has a user name or password in it: send it as a header
    server «list»: it is not an object
    server «list»: it needs either a «command» or a «url»
    server «none»: it needs either a «command» or a «url»
    server «o_d_d»: its tools would be called like those of «o-d-d»: rename it
    server «odd»: there is no setting «envs»; there are type, command, args, env, url, headers, auth, inputs, title, trusted
    server «odd»: «trusted» is neither true nor false
    server «odd»: «env.A»: the variable NOPE is not set
    server «odd»: «env.B» is not a text
    server «old»: its «type» is sse, the protocol's old transport, which Parley does not speak; many such servers have an address for http too
    ");
    for (text, words) in [("{", "it is not JSON (line 1"), ("{}", "no object «mcpServers»"), ("[]", "no object")] {
        assert!(parse(text, &environment).unwrap_err()[0].contains(words), "{text}");
    }
}

#[test]
fn prefixes_are_plain_and_short() {
    for (name, expected) in [
        ("Files", "files"),
        ("  My -- Größe  ", "my_gr_e"),
        ("___", "server"),
        ("日本", "server"),
        ("abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwx"),
    ] {
        assert_eq!(prefix(name), expected, "{name}");
    }
}
