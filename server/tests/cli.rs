//! The real program: its commands, and one clear sentence for everything an operator can get wrong.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    Folder,
    process::{Served, parley},
};
use std::{
    collections::BTreeSet,
    io::Write,
    net::TcpListener,
    path::Path,
    process::{Output, Stdio},
};

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn assert_refused(output: &Output, sentence: &str) {
    let told = told(output);
    assert!(matches!(output.status.code(), Some(1 | 2)), "{told}");
    assert!(told.contains(sentence), "{told}");
    assert!(!told.contains("panicked") && !told.contains("backtrace"), "{told}");
}

#[test]
fn bad_settings_are_named_all_at_once() {
    let folder = Folder::new();
    let output = parley(&folder)
        .args(["check-config", "--log-format", "xml"])
        .env("PARLEY_BIND", "everywhere")
        .env("PARLEY_DATABASE_URL", "mysql://root:hunter2@db")
        .env("PARLEY_RATE_SEND", "often")
        .env("PARLEY_LOG", "info,,=x[")
        .env("PARLEY_METRICS_TOKEN", "hunter2")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = told(&output);
    for name in [
        "PARLEY_BIND",
        "PARLEY_LOG_FORMAT",
        "PARLEY_DATABASE_URL",
        "PARLEY_METRICS_TOKEN",
        "PARLEY_RATE_SEND",
        "PARLEY_LOG:",
    ] {
        assert!(told.contains(name), "{told}");
    }
    assert!(!told.contains("hunter2"));
    assert_refused(&parley(&folder).env("PARLEY_LOG", "info,,=x[").output().unwrap(), "PARLEY_LOG");
}

#[test]
fn what_is_wrong_with_the_models_is_named_with_the_rest() {
    let folder = Folder::new();
    let output = parley(&folder)
        .arg("check-config")
        .env("PARLEY_BIND", "everywhere")
        .env("PARLEY_ANTHROPIC_API_KEY", "sk-secret")
        .env("PARLEY_ANTHROPIC_MODELS", "claude-a,claude-a")
        .env("PARLEY_ANTHROPIC_THINKING", "claude-b=adaptive")
        .env("PARLEY_ENDPOINTS", "ollama=http://127.0.0.1:1/v1;llama,llama")
        .env("PARLEY_DEFAULT_MODEL", "nobody/nothing")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(told(&output), @r"
    parley: PARLEY_BIND: «everywhere» is not an address with a port, like 127.0.0.1:3000 or [::1]:3000.
    parley: PARLEY_DEFAULT_MODEL: no model «nobody/nothing» is configured.
    parley: PARLEY_ANTHROPIC_MODELS: Anthropic has the model «claude-a» twice.
    parley: PARLEY_ANTHROPIC_THINKING: «claude-b» is none of Anthropic's models on offer.
    parley: PARLEY_ENDPOINTS: endpoint «ollama» has the model «llama» twice.
    ");
    // A single one is told as the others are.
    let output = parley(&folder).env("PARLEY_ENDPOINTS", "ollama=http://127.0.0.1:1/v1;llama,llama").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_refused(&output, "PARLEY_ENDPOINTS: endpoint «ollama» has the model «llama» twice.");
}

#[test]
fn sound_settings_are_told_without_secrets() {
    let folder = Folder::new();
    std::fs::write(folder.path().join(".env"), "PARLEY_ANTHROPIC_API_KEY=sk-secret\nPARLEY_SIGN_UP=closed\n").unwrap();
    let output = parley(&folder).arg("check-config").output().unwrap();
    let told = told(&output);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("sound") && told.contains("anthropic") && !told.contains("sk-secret"), "{told}");
}

#[test]
fn a_broken_env_file_is_told_without_its_content() {
    let folder = Folder::new();
    std::fs::write(folder.path().join(".env"), "PARLEY_ANTHROPIC_API_KEY sk-secret\n").unwrap();
    let output = parley(&folder).arg("check-config").output().unwrap();
    assert_refused(&output, "The file .env cannot be read");
    assert!(!told(&output).contains("sk-secret"));
}

#[test]
fn a_busy_port_is_one_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = parley(&Folder::new()).env("PARLEY_BIND", &address).output().unwrap();
    assert_refused(&output, &format!("cannot listen on {address} (PARLEY_BIND): another program uses that port."));
}

#[test]
fn an_unwritable_data_folder_is_one_sentence() {
    let folder = Folder::new();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let output = parley(&folder).env("PARLEY_DATA_DIR", "file/data").output().unwrap();
    assert_refused(&output, "The data folder file/data cannot be written to (PARLEY_DATA_DIR)");
}

#[test]
fn an_unreachable_database_is_one_sentence() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = parley(&Folder::new())
        .arg("migrate")
        .env("PARLEY_DATABASE_URL", format!("postgres://parley:hunter2@{nobody}/parley"))
        .output()
        .unwrap();
    assert_refused(&output, &format!("The database postgres://{nobody}/parley cannot be opened (PARLEY_DATABASE_URL)"));
    assert!(!told(&output).contains("hunter2"));
}

#[test]
fn migrating_twice_is_no_harm() {
    let folder = Folder::new();
    for _ in 0..2 {
        let output = parley(&folder).arg("migrate").output().unwrap();
        assert!(output.status.success() && told(&output).contains("is up to date"), "{}", told(&output));
    }
    assert!(folder.path().join("data/parley.db").is_file());
}

#[test]
fn an_administrator_is_made_from_standard_input_only() {
    let folder = Folder::new();
    let create = |name: &str, password: &str| {
        let mut command = parley(&folder);
        command.args(["create-admin", name]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A refusal may come before the password is read.
        let _not_read = writeln!(child.stdin.take().unwrap(), "{password}");
        child.wait_with_output().unwrap()
    };
    assert!(told(&create("root", "long enough it is")).contains("root is an administrator now."));
    assert_refused(&create("Root", "long enough it is"), "The administrator was not made: That name is taken.");
    assert_refused(&create("other", "short"), "A password has at least 10 characters.");
    assert_refused(&create("a b", "long enough it is"), "A name has letters, digits");
    let output = parley(&folder).args(["create-admin", "x", "password"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn it_serves_until_told_and_then_ends_well() {
    for signal in ["TERM", "INT"] {
        let mut served = Served::start(&mut parley(&Folder::new()));
        // A connection that stays open and says nothing must not hold it.
        let _idle = std::net::TcpStream::connect(served.url.strip_prefix("http://").unwrap()).unwrap();
        served.signal(signal);
        assert_eq!(served.code(), Some(0), "{signal}");
    }
}

#[test]
fn help_and_the_example_name_the_same_settings() {
    let help = String::from_utf8(parley(&Folder::new()).arg("--help").output().unwrap().stdout).unwrap();
    let names = |text: &str| -> BTreeSet<String> {
        text.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
            .filter(|word| word.starts_with("PARLEY_"))
            .map(str::to_owned)
            .collect()
    };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.env.example");
    let example = std::fs::read_to_string(file).unwrap();
    let mut documented = names(&example);
    assert!(documented.remove("PARLEY_SCRIPTED"), "hidden in --help: it is for tests");
    assert_eq!(names(&help), documented);
    assert!(names(&help).len() > 25);
}

#[test]
fn the_example_is_sound_as_it_stands_and_with_every_line_in_use() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.env.example");
    let text = std::fs::read_to_string(example).unwrap();
    let used =
        text.lines().map(|line| line.strip_prefix('#').filter(|rest| rest.starts_with("PARLEY_")).unwrap_or(line));
    let used = used.collect::<Vec<_>>().join("\n");
    // The first line that names a variable counts.
    let used = format!("OPENROUTER_API_KEY=x\nPARLEY_ANTHROPIC_API_KEY=x\n{used}");
    for content in [text.clone(), used] {
        let folder = Folder::new();
        std::fs::write(folder.path().join(".env"), content).unwrap();
        let output = parley(&folder).arg("check-config").env_remove("PARLEY_BIND").output().unwrap();
        assert!(output.status.success(), "{}", told(&output));
    }
}
