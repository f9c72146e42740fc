//! The operator's file of MCP servers, in the shape that Claude Desktop reads (`mcpServers`).
//!
//! Invariant: every fault is found, named with the server it is in, and no value that may be a secret is repeated. What
//! comes out is complete: variables are filled in, the program is found, and its environment is whole, so that nobody
//! after this reads the process's own.

mod auth;

pub use auth::{OperatorAuth, OperatorClient, OperatorGrant, OperatorProof, Told};

use super::OperatorServer;
use crate::{backend::http, wire::connection::parse_name};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use std::{path::PathBuf, sync::Arc};
use url::Url;

/// How an operator's server is reached.
#[derive(Clone, Debug)]
pub enum OperatorAccess {
    /// A program that is started here and speaks over its pipes.
    Program {
        /// Where it is.
        command: PathBuf,
        /// Its arguments; may hold secrets.
        args: Vec<SecretString>,
        /// Everything in its environment.
        env: Vec<(String, SecretString)>,
    },
    /// A server on the network, by streamable HTTP.
    Http {
        /// Where it is; may hold a key.
        url: Url,
        /// Headers of every request.
        headers: Vec<(String, SecretString)>,
        /// How Parley gets tokens for it; `None`: people sign in, where it wants that.
        auth: Option<Arc<OperatorAuth>>,
    },
}

/// What a started program finds in its environment besides what the file gives it: where programs are, who it runs as,
/// and how people write here. Nothing else of the server's own environment, which holds its keys.
const KEPT: [&str; 8] = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR"];
/// The keys a server may have.
const KEYS: [&str; 9] = ["type", "command", "args", "env", "url", "headers", "auth", "title", "trusted"];

/// The servers of the file's text, by name.
///
/// # Errors
/// Every fault, as a sentence without its full stop.
pub fn parse(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<Vec<OperatorServer>, Vec<String>> {
    let file: Value = serde_json::from_str(text).map_err(|error| {
        // serde_json's own words quote what stands there, which may be a secret.
        vec![format!("it is not JSON (line {}, column {})", error.line(), error.column())]
    })?;
    let servers = file.get("mcpServers").and_then(Value::as_object);
    let Some(servers) = servers else {
        return Err(vec!["it has no object «mcpServers»".to_owned()]);
    };
    let mut faults = Vec::new();
    let mut out: Vec<OperatorServer> = Vec::new();
    let mut names: Vec<&String> = servers.keys().collect();
    names.sort();
    for name in names {
        let mut reader = Reader { environment, faults: Vec::new() };
        let server = reader.server(name, &servers[name]);
        if let Some(other) = out.iter().find(|other| other.prefix == prefix(name)) {
            reader.faults.push(format!("its tools would be called like those of «{}»: rename it", other.name));
        }
        faults.extend(reader.faults.into_iter().map(|fault| format!("server «{name}»: {fault}")));
        out.extend(server);
    }
    if faults.is_empty() { Ok(out) } else { Err(faults) }
}

/// What the names of a server's tools begin with: lower case letters, digits and single `_`, at most 24 of them.
pub fn prefix(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out.ends_with('_') && !out.is_empty() {
            out.push('_');
        }
        if out.len() == 24 {
            break;
        }
    }
    let out = out.trim_matches('_');
    if out.is_empty() { "server".to_owned() } else { out.to_owned() }
}

/// Reads one server and notes what is wrong with it.
struct Reader<'a> {
    environment: &'a dyn Fn(&str) -> Option<String>,
    faults: Vec<String>,
}

impl Reader<'_> {
    fn fault(&mut self, fault: impl Into<String>) {
        self.faults.push(fault.into());
    }

    fn server(&mut self, name: &str, value: &Value) -> Option<OperatorServer> {
        let empty = Map::new();
        let fields = value.as_object().unwrap_or(&empty);
        if !value.is_object() {
            self.fault("it is not an object");
        }
        if parse_name(name).as_deref() != Ok(name) {
            self.fault("its name is empty, too long, or has blanks at an end");
        }
        for key in fields.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            self.fault(format!("there is no setting «{key}»; there are {}", KEYS.join(", ")));
        }
        let title = self.text(fields, "title").unwrap_or_else(|| name.to_owned());
        let trusted = match fields.get("trusted") {
            None => false,
            Some(Value::Bool(trusted)) => *trusted,
            Some(_) => {
                self.fault("«trusted» is neither true nor false");
                false
            }
        };
        let access = match self.kind(fields)? {
            Kind::Program => self.program(fields)?,
            Kind::Http => self.http(fields)?,
        };
        Some(OperatorServer { name: name.to_owned(), title, prefix: prefix(name), trusted, access })
    }

    /// Which of the two it is, if that can be told.
    fn kind(&mut self, fields: &Map<String, Value>) -> Option<Kind> {
        let kind = match (fields.contains_key("command"), fields.contains_key("url")) {
            (true, false) => Kind::Program,
            (false, true) => Kind::Http,
            _ => {
                self.fault("it needs either a «command» or a «url»");
                return None;
            }
        };
        match (self.text(fields, "type").as_deref(), kind) {
            (None, _)
            | (Some("stdio"), Kind::Program)
            | (Some("http" | "streamable-http" | "streamableHttp"), Kind::Http) => {}
            (Some("sse"), _) => self.fault(
                "its «type» is sse, the protocol's old transport, which Parley does not speak; many such servers have \
                 an address for http too",
            ),
            (Some(_), Kind::Program) => self.fault("the «type» of a server with a «command» is stdio"),
            (Some(_), Kind::Http) => self.fault("the «type» of a server with a «url» is http"),
        }
        Some(kind)
    }

    fn program(&mut self, fields: &Map<String, Value>) -> Option<OperatorAccess> {
        self.out_of_place(fields, &["headers", "auth"], "url");
        let args = match fields.get("args") {
            None => Vec::new(),
            Some(Value::Array(args)) => {
                args.iter().enumerate().filter_map(|(at, arg)| self.expanded(arg, &format!("args[{at}]"))).collect()
            }
            Some(_) => {
                self.fault("«args» is not a list of texts");
                Vec::new()
            }
        };
        let own = self.texts(fields, "env");
        let kept = KEPT.iter().filter(|name| !own.iter().any(|(own, _)| own == *name));
        let kept = kept.filter_map(|name| Some(((*name).to_owned(), (self.environment)(name)?.into())));
        let env: Vec<(String, SecretString)> = kept.chain(own.iter().cloned()).collect();
        let command = self.text(fields, "command")?;
        Some(OperatorAccess::Program { command: self.found(&command, &env)?, args, env })
    }

    fn http(&mut self, fields: &Map<String, Value>) -> Option<OperatorAccess> {
        self.out_of_place(fields, &["args", "env"], "command");
        let headers = self.texts(fields, "headers");
        for (name, value) in &headers {
            if let Err(reason) = http::header(name, value) {
                self.fault(reason);
            }
        }
        let auth = self.auth(fields).map(Arc::new);
        if fields.contains_key("auth") && headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")) {
            self.fault("it has both «auth» and a header «Authorization»");
        }
        let url = Url::parse(&self.text(fields, "url")?).ok();
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if url.is_none() {
            self.fault("«url» is not an http:// or https:// address");
        }
        let url = url?;
        if !url.username().is_empty() || url.password().is_some() {
            self.fault("«url» has a user name or password in it: send it as a header");
        }
        Some(OperatorAccess::Http { url, headers, auth })
    }

    fn out_of_place(&mut self, fields: &Map<String, Value>, keys: &[&str], with: &str) {
        for key in keys.iter().filter(|key| fields.contains_key(**key)) {
            self.fault(format!("«{key}» belongs to a server with a «{with}»"));
        }
    }

    /// A text with its variables filled in; `None` if it is not there.
    fn text(&mut self, fields: &Map<String, Value>, key: &str) -> Option<String> {
        let value = self.expanded(fields.get(key)?, key)?;
        let value = value.expose_secret().trim();
        if value.is_empty() {
            self.fault(format!("«{key}» is empty"));
        }
        Some(value.to_owned())
    }

    fn texts(&mut self, fields: &Map<String, Value>, key: &str) -> Vec<(String, SecretString)> {
        match fields.get(key) {
            None => Vec::new(),
            Some(Value::Object(values)) => values
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), self.expanded(value, &format!("{key}.{name}"))?)))
                .collect(),
            Some(_) => {
                self.fault(format!("«{key}» is not an object of texts"));
                Vec::new()
            }
        }
    }

    fn expanded(&mut self, value: &Value, at: &str) -> Option<SecretString> {
        let Some(text) = value.as_str() else {
            self.fault(format!("«{at}» is not a text"));
            return None;
        };
        match expand(text, self.environment) {
            Ok(text) => Some(text.into()),
            Err(reason) => {
                self.fault(format!("«{at}»: {reason}"));
                None
            }
        }
    }

    /// The program of that name, as the child's own PATH has it.
    fn found(&mut self, command: &str, env: &[(String, SecretString)]) -> Option<PathBuf> {
        let path =
            env.iter().find(|(name, _)| name == "PATH").map(|(_, path)| path.expose_secret()).unwrap_or_default();
        let found = if command.contains('/') {
            Some(PathBuf::from(command)).filter(|file| file.is_file())
        } else {
            std::env::split_paths(path).map(|folder| folder.join(command)).find(|file| file.is_file())
        };
        if found.is_none() {
            self.fault(format!(
                "there is no program «{command}»{}",
                if command.contains('/') { "" } else { " in PATH" }
            ));
        }
        found
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Program,
    Http,
}

/// Fills in `${NAME}` and `${NAME:-otherwise}`.
fn expand(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("${") {
        let (inside, behind) = after.split_once('}').ok_or("a «${» has no «}»")?;
        let (name, otherwise) = match inside.split_once(":-") {
            Some((name, otherwise)) => (name, Some(otherwise.to_owned())),
            None => (inside, None),
        };
        let value = environment(name).or(otherwise).ok_or_else(|| format!("the variable {name} is not set"))?;
        out.push_str(before);
        out.push_str(&value);
        rest = behind;
    }
    Ok(out + rest)
}

#[cfg(test)]
mod tests {
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
        let args: Vec<_> = args.iter().map(ExposeSecret::expose_secret).collect();
        assert_eq!(args, ["-c", "/home/parley", "x"]);
        let env: Vec<_> = env.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
        assert_eq!(env, [("PATH", "/usr/bin:/bin"), ("HOME", "/home/parley"), ("KEY", "t0ken")]);
        assert_eq!((web.title.as_str(), web.trusted), ("The web", true));
        let OperatorAccess::Http { url, headers, auth: None } = &web.access else { panic!("http") };
        assert_eq!(url.as_str(), "https://mcp.example/mcp?k=t0ken");
        assert_eq!(headers[0].1.expose_secret(), "Bearer t0ken");
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
        server «odd»: there is no setting «envs»; there are type, command, args, env, url, headers, auth, title, trusted
        server «odd»: «trusted» is neither true nor false
        server «odd»: «env.A»: the variable NOPE is not set
        server «odd»: «env.B» is not a text
        server «old»: its «type» is sse, the protocol's old transport, which Parley does not speak; many such servers have an address for http too
        ");
        for (text, words) in [("{", "it is not JSON (line 1"), ("{}", "no object «mcpServers»"), ("[]", "no object")]
        {
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
}
