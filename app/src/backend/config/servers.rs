//! The operator's file of MCP servers, in the shape that Claude Desktop reads (`mcpServers`).
//!
//! Invariant: every fault is found, named with the server it is in, and no value that may be a secret is repeated. What
//! comes out is complete but for what each person fills in ([`inputs`]): variables are filled in, the program is found, and
//! its environment is whole, so that nobody after this reads the process's own.

mod auth;
mod inputs;
mod template;

pub use auth::{OperatorAuth, OperatorClient, OperatorGrant, OperatorProof, Told};
pub use inputs::OperatorInput;
pub use template::{Address, Template, Values, encoded};

use super::OperatorServer;
use crate::{backend::http, wire::connection::parse_name};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

/// How an operator's server is reached.
#[derive(Clone, Debug)]
pub enum OperatorAccess {
    /// A program that is started here and speaks over its pipes.
    Program {
        /// Where it is.
        command: PathBuf,
        /// Its arguments; may hold secrets.
        args: Vec<Template>,
        /// Everything in its environment.
        env: Vec<(String, Template)>,
    },
    /// A server on the network, by streamable HTTP.
    Http {
        /// Where it is; may hold a key.
        url: Address,
        /// Headers of every request.
        headers: Vec<(String, Template)>,
        /// How Parley gets tokens for it; `None`: people sign in, where it wants that.
        auth: Option<Arc<OperatorAuth>>,
    },
}

/// What a started program finds in its environment besides what the file gives it: where programs are, who it runs as,
/// and how people write here. Nothing else of the server's own environment, which holds its keys.
const KEPT: [&str; 8] = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR"];
/// The keys a server may have.
const KEYS: [&str; 10] = ["type", "command", "args", "env", "url", "headers", "auth", "inputs", "title", "trusted"];

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
    let mut common = Reader { environment, faults: Vec::new(), inputs: Vec::new(), used: BTreeSet::new() };
    let shared = file.as_object().map(|file| common.inputs(file)).unwrap_or_default();
    let (mut faults, mut used) = (common.faults, common.used);
    let mut out: Vec<OperatorServer> = Vec::new();
    let mut names: Vec<&String> = servers.keys().collect();
    names.sort();
    for name in names {
        let mut reader = Reader { environment, faults: Vec::new(), inputs: shared.clone(), used: BTreeSet::new() };
        let server = reader.server(name, &servers[name]);
        if let Some(other) = out.iter().find(|other| other.prefix == prefix(name)) {
            reader.faults.push(format!("its tools would be called like those of «{}»: rename it", other.name));
        }
        faults.extend(reader.faults.into_iter().map(|fault| format!("server «{name}»: {fault}")));
        out.extend(server);
        used.extend(reader.used);
    }
    if faults.is_empty() {
        // Where something else is wrong, it may be for that that an input seems to be of no use.
        let idle = shared.iter().filter(|input| !used.contains(&input.id));
        faults.extend(idle.map(|input| format!("no server uses the input «{}»", input.id)));
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
    /// What may be left open in this server's texts.
    inputs: Vec<OperatorInput>,
    /// Those of them that are.
    used: BTreeSet<String>,
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
        let own = self.inputs(fields);
        self.inputs.retain(|shared| !own.iter().any(|own| own.id == shared.id));
        self.inputs.splice(..0, own.iter().cloned());
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
        if self.faults.is_empty() {
            let idle = own.iter().filter(|input| !self.used.contains(&input.id));
            let idle: Vec<_> = idle.map(|input| format!("it has an input «{}» and no use for it", input.id)).collect();
            self.faults.extend(idle);
        }
        let inputs: Vec<_> = self.inputs.iter().filter(|input| self.used.contains(&input.id)).cloned().collect();
        for input in &inputs {
            let default = input.default.as_ref().map(ExposeSecret::expose_secret);
            if let Some(reason) = default.and_then(|default| access.unfit(&input.id, default)) {
                self.fault(format!("the default of the input «{}» {reason}", input.id));
            }
        }
        Some(OperatorServer { name: name.to_owned(), title, prefix: prefix(name), trusted, access, inputs })
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
                args.iter().enumerate().filter_map(|(at, arg)| self.template(arg, &format!("args[{at}]"))).collect()
            }
            Some(_) => {
                self.fault("«args» is not a list of texts");
                Vec::new()
            }
        };
        let own = self.texts(fields, "env");
        let kept = KEPT.iter().filter(|name| !own.iter().any(|(own, _)| own == *name));
        let kept = kept.filter_map(|name| Some(((*name).to_owned(), (self.environment)(name)?.into())));
        let env: Vec<(String, Template)> = kept.chain(own.iter().cloned()).collect();
        for (name, _) in own.iter().filter(|(name, value)| decides(name) && value.inputs().next().is_some()) {
            self.fault(format!("«env.{name}»: no input may stand here, because it decides which program runs"));
        }
        let command = self.text(fields, "command")?;
        Some(OperatorAccess::Program { command: self.found(&command, &env)?, args, env })
    }

    fn http(&mut self, fields: &Map<String, Value>) -> Option<OperatorAccess> {
        self.out_of_place(fields, &["args", "env"], "command");
        let headers = self.texts(fields, "headers");
        for (name, value) in &headers {
            let sample = value.with(|_| Some("x")).unwrap_or_default();
            if let Err(reason) = http::header(name, &sample) {
                self.fault(reason);
            }
        }
        let auth = self.auth(fields).map(Arc::new);
        if fields.contains_key("auth") && headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")) {
            self.fault("it has both «auth» and a header «Authorization»");
        }
        let url = self.template(fields.get("url")?, "url")?;
        let url = Address::read(&url).map_err(|reason| self.fault(reason)).ok()?;
        if auth.is_some() && url.is_open() {
            self.fault("it has both «auth» and an input in its «url»: the token is one for everybody");
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

    fn texts(&mut self, fields: &Map<String, Value>, key: &str) -> Vec<(String, Template)> {
        match fields.get(key) {
            None => Vec::new(),
            Some(Value::Object(values)) => values
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), self.template(value, &format!("{key}.{name}"))?)))
                .collect(),
            Some(_) => {
                self.fault(format!("«{key}» is not an object of texts"));
                Vec::new()
            }
        }
    }

    /// A text that is the same for everybody.
    fn expanded(&mut self, value: &Value, at: &str) -> Option<SecretString> {
        let text = self.template(value, at)?.closed();
        if text.is_none() {
            self.fault(format!("«{at}»: no input may stand here, only in «headers», «url», «env» and «args»"));
        }
        text
    }

    /// A text in which a person's values may stand open.
    fn template(&mut self, value: &Value, at: &str) -> Option<Template> {
        let Some(text) = value.as_str() else {
            self.fault(format!("«{at}» is not a text"));
            return None;
        };
        match Template::read(text, self.environment, &self.inputs) {
            Ok(text) => {
                self.used.extend(text.inputs().map(str::to_owned));
                Some(text)
            }
            Err(reason) => {
                self.fault(format!("«{at}»: {reason}"));
                None
            }
        }
    }

    /// The program of that name, as the child's own PATH has it.
    fn found(&mut self, command: &str, env: &[(String, Template)]) -> Option<PathBuf> {
        let path = env.iter().find(|(name, _)| name == "PATH").and_then(|(_, path)| path.closed()).unwrap_or_default();
        let path = path.expose_secret();
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

/// Whether that variable of a program's environment says what it runs, or what is loaded into it.
fn decides(variable: &str) -> bool {
    variable == "PATH" || variable.starts_with("LD_") || variable.starts_with("DYLD_")
}

#[cfg(test)]
mod tests;
