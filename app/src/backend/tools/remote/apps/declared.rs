//! What servers declare of apps: which tool has one and who may call it; which origins a page wants to reach. And the
//! policy that follows from that.
//!
//! Invariant: nothing of a server's text gets into the header. A declared origin is taken apart, judged, and written
//! anew from its scheme, host and port; whatever is left over refuses it. What is not declared is not allowed.

use crate::{
    backend::config::AppsConfig,
    wire::{app::Domains, limits::APP_URI_MAX},
};
use rmcp::model::MetaObject;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// Origins of one kind that are taken.
const ORIGINS_MAX: usize = 16;
/// Characters of a refused origin that are repeated.
const SHOWN_MAX: usize = 60;
/// Refused origins that are named.
const REFUSED_MAX: usize = 5;

/// What a tool says of its app (`_meta.ui`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ui {
    /// The app that shows its results.
    pub resource: Option<String>,
    /// Whether models may be offered it.
    pub model: bool,
    /// Whether its server's apps may call it.
    pub app: bool,
}

impl Ui {
    /// What the tool's metadata says; who may call it, if that is garbled, is the model alone.
    pub fn of(meta: Option<&MetaObject>) -> Self {
        let ui = meta.and_then(|meta| meta.0.get("ui"));
        let flat = meta.and_then(|meta| meta.0.get("ui/resourceUri"));
        let resource = ui.and_then(|ui| ui.get("resourceUri")).or(flat).and_then(Value::as_str);
        let fits = |uri: &&str| {
            uri.len() > "ui://".len()
                && uri.starts_with("ui://")
                && uri.chars().count() <= APP_URI_MAX
                && !uri.contains(char::is_control)
        };
        let (model, app) = match ui.and_then(|ui| ui.get("visibility")) {
            None => (true, true),
            Some(Value::Array(whom)) => (whom.iter().any(|who| who == "model"), whom.iter().any(|who| who == "app")),
            Some(_) => (true, false),
        };
        Self { resource: resource.filter(fits).map(str::to_owned), model, app }
    }

    /// What belongs to the tool's definition of it; `None` where the tool says nothing.
    pub fn defined(&self) -> Option<Value> {
        let unsaid = self.resource.is_none() && self.model && self.app;
        (!unsaid).then(|| json!({ "resource": self.resource, "model": self.model, "app": self.app }))
    }
}

/// What a page declares (`_meta.ui` of the resource).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Declared {
    domains: Domains,
    clipboard: bool,
    /// Whether it wants no border around it.
    pub(super) bare: bool,
}

/// What declared origins are judged by.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// Whether private addresses and plain HTTP may be reached.
    pub(super) private: bool,
    /// Parley's own hosts, which no app may reach.
    pub(super) own: Vec<String>,
    /// The pages that may frame it: a source of `frame-ancestors`.
    pub(super) ancestor: String,
}

impl Rules {
    /// The rules of a site.
    pub(super) fn new(site: &AppsConfig, private: bool) -> Self {
        // Without a site of its own, an app is framed by whatever address of Parley's it came from.
        let ancestor = if site.origin.is_some() { site.framed_by.clone() } else { "'self'".to_owned() };
        Self { private, own: site.hosts.clone(), ancestor }
    }
}

/// What a page may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    /// The Content-Security-Policy.
    pub(super) header: String,
    /// What of its wishes is in that.
    pub(super) domains: Domains,
    /// Whether it may write to the clipboard.
    pub(super) clipboard: bool,
    /// What of its wishes is not.
    pub(super) refused: Vec<String>,
}

impl Declared {
    /// What the text of `_meta.ui` declares; what is garbled declares nothing.
    pub(super) fn read(text: &str) -> Self {
        let ui: Value = serde_json::from_str(text).unwrap_or_default();
        let list = |name: &str| match &ui["csp"][name] {
            Value::Array(items) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
            _ => Vec::new(),
        };
        let domains = Domains {
            connect: list("connectDomains"),
            resource: list("resourceDomains"),
            frame: list("frameDomains"),
            base: list("baseUriDomains"),
        };
        // Camera, microphone and place are never given: Parley's own pages may not use them either.
        let clipboard = ui["permissions"]["clipboardWrite"].is_object();
        Self { domains, clipboard, bare: ui["prefersBorder"] == false }
    }

    /// The policy that follows.
    pub(super) fn policy(&self, rules: &Rules) -> Policy {
        let mut refused = Vec::new();
        let mut allowed = |declared: &[String], sockets| {
            let mut sources: Vec<String> = Vec::new();
            for text in declared {
                match source(text, sockets, rules).filter(|_| sources.len() < ORIGINS_MAX) {
                    Some(source) if sources.contains(&source) => {}
                    Some(source) => sources.push(source),
                    None => refused.push(text.chars().filter(|c| !c.is_control()).take(SHOWN_MAX).collect()),
                }
            }
            sources
        };
        let domains = Domains {
            connect: allowed(&self.domains.connect, true),
            resource: allowed(&self.domains.resource, false),
            frame: allowed(&self.domains.frame, false),
            base: allowed(&self.domains.base, false),
        };
        refused.truncate(REFUSED_MAX);
        Policy { header: header(&domains, &rules.ancestor), domains, clipboard: self.clipboard, refused }
    }
}

/// The header. `'self'` is left out throughout: a page without an origin has no files of its own, and Parley's are not
/// its.
fn header(domains: &Domains, ancestor: &str) -> String {
    let or_none = |sources: &[String]| if sources.is_empty() { "'none'".to_owned() } else { sources.join(" ") };
    let more = domains.resource.iter().fold(String::new(), |more, source| more + " " + source);
    format!(
        "default-src 'none'; script-src 'unsafe-inline'{more}; style-src 'unsafe-inline'{more}; \
         img-src data: blob:{more}; font-src data:{more}; media-src data: blob:{more}; worker-src blob:; \
         connect-src {}; frame-src {}; object-src 'none'; base-uri {}; form-action 'none'; \
         frame-ancestors {ancestor}; sandbox allow-scripts allow-forms",
        or_none(&domains.connect),
        or_none(&domains.frame),
        or_none(&domains.base),
    )
}

/// A declared origin as a source of a policy, if it is one and may be reached.
fn source(text: &str, sockets: bool, rules: &Rules) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let sound = match scheme {
        "https" => true,
        "wss" => sockets,
        "http" => rules.private,
        "ws" => rules.private && sockets,
        _ => false,
    };
    let (wildcard, rest) = rest.strip_prefix("*.").map_or(("", rest), |rest| ("*.", rest));
    let plain = rest.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']' | '/'));
    if !sound || !plain {
        return None;
    }
    let url = Url::parse(&format!("{scheme}://{rest}")).ok()?;
    let bare = url.path() == "/" && url.username().is_empty() && url.password().is_none();
    let host = url.host()?;
    if !bare || !may_reach(&host, !wildcard.is_empty(), rules) {
        return None;
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{scheme}://{wildcard}{host}{port}"))
}

fn may_reach(host: &Host<&str>, wildcard: bool, rules: &Rules) -> bool {
    let name = match host {
        Host::Domain(name) => name,
        Host::Ipv4(ip) => return !wildcard && rules.private && *ip != Ipv4Addr::UNSPECIFIED,
        Host::Ipv6(ip) => return !wildcard && rules.private && *ip != Ipv6Addr::UNSPECIFIED,
    };
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
    let own = rules.own.iter().any(|own| own == name || (wildcard && own.ends_with(&format!(".{name}"))));
    let near = !name.contains('.') || [".localhost", ".local", ".internal"].iter().any(|end| name.ends_with(end));
    name.chars().all(fits) && !name.ends_with('.') && !own && (!near || (rules.private && !wildcard))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn rules(private: bool) -> Rules {
        let own = vec!["chat.example.com".to_owned(), "127.0.0.1".to_owned()];
        Rules { private, own, ancestor: "'self'".to_owned() }
    }

    fn policy(ui: &Value) -> Policy {
        Declared::read(&ui.to_string()).policy(&rules(false))
    }

    fn ui(meta: Value) -> Ui {
        Ui::of(Some(&serde_json::from_value(meta).unwrap()))
    }

    #[test]
    fn a_tool_names_its_app_and_whom_it_is_for() {
        let everybody = Ui { resource: None, model: true, app: true };
        assert_eq!(Ui::of(None), everybody);
        assert_eq!(ui(json!({})), everybody);
        let clock = Some("ui://clock/page.html".to_owned());
        assert_eq!(
            ui(json!({"ui": {"resourceUri": "ui://clock/page.html"}})),
            Ui { resource: clock.clone(), ..everybody }
        );
        assert_eq!(ui(json!({"ui/resourceUri": "ui://clock/page.html"})).resource, clock);
        let only = ui(json!({"ui": {"visibility": ["app"]}}));
        assert_eq!((only.model, only.app), (false, true));
        let model = ui(json!({"ui": {"visibility": ["model"]}}));
        assert_eq!((model.model, model.app), (true, false));
        for garbled in [json!("app"), json!({"app": true}), json!(null), json!(1)] {
            let found = ui(json!({"ui": {"visibility": garbled}}));
            assert_eq!((found.model, found.app), (true, false));
        }
        for foreign in ["https://evil.example/", "ui://", "UI://x", "ui://a\nb", &format!("ui://{}", "x".repeat(500))] {
            assert_eq!(ui(json!({"ui": {"resourceUri": foreign}})).resource, None, "{foreign}");
        }
        assert_eq!(ui(json!({"ui": "ui://x", "ui/resourceUri": 7})), everybody);
    }

    #[test]
    fn what_declares_nothing_reaches_nothing() {
        for ui in [json!({}), json!(null), json!("x"), json!({"csp": {"connectDomains": "https://a.example"}})] {
            let policy = policy(&ui);
            assert_eq!((policy.domains, policy.clipboard), (Domains::default(), false));
            insta::allow_duplicates! {
                insta::assert_snapshot!(policy.header, @"default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; media-src data: blob:; worker-src blob:; connect-src 'none'; frame-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts allow-forms");
            }
        }
        assert_eq!(Declared::read("{ not JSON"), Declared::default());
        for (ui, bare) in [("{\"prefersBorder\": false}", true), ("{\"prefersBorder\": true}", false), ("{}", false)] {
            assert_eq!(Declared::read(ui).bare, bare);
        }
    }

    #[test]
    fn what_is_declared_goes_where_it_belongs() {
        let policy = policy(&json!({
            "csp": {
                "connectDomains": ["https://api.example.org", "wss://live.example.org:8443", "https://api.example.org/"],
                "resourceDomains": ["https://*.cdn.example", "wss://no.example"],
                "frameDomains": ["https://video.example"],
                "baseUriDomains": ["https://base.example"],
            },
            "permissions": {"camera": {}, "clipboardWrite": {}},
        }));
        insta::assert_snapshot!(policy.header, @"default-src 'none'; script-src 'unsafe-inline' https://*.cdn.example; style-src 'unsafe-inline' https://*.cdn.example; img-src data: blob: https://*.cdn.example; font-src data: https://*.cdn.example; media-src data: blob: https://*.cdn.example; worker-src blob:; connect-src https://api.example.org wss://live.example.org:8443; frame-src https://video.example; object-src 'none'; base-uri https://base.example; form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts allow-forms");
        assert_eq!(policy.refused, ["wss://no.example"]);
        assert!(policy.clipboard);
    }

    #[test]
    fn what_is_no_origin_or_is_too_near_is_refused() {
        let refused = [
            "*",
            "https:",
            "https://",
            "data:",
            "blob:",
            "'unsafe-eval'",
            "'self'",
            "api.example.org",
            "http://a.example",
            "https://a.example/path",
            "https://a.example?x",
            "https://a.example#x",
            "https://u@a.example",
            "https://a.example;script-src *",
            "https://a.example *",
            "https://a.example, https://b.example",
            "https://a.example\nX: y",
            "https://*",
            "https://*.com",
            "https://*.*.example.com",
            "https://a.*.example",
            "https://*.example.com",
            "https://chat.example.com",
            "https://localhost:3000",
            "https://127.0.0.1",
            "https://0x7f.1",
            "https://[::1]",
            "https://printer.local",
            "https://db.internal",
            "https://a.example.",
            "javascript://a.example",
            "https://a.example:99999",
            "https://b%2Ecom",
            "https://exämple.org",
        ];
        for text in refused {
            assert_eq!(source(text, true, &rules(false)), None, "{text}");
        }
        for (text, as_source) in [
            ("https://A.Example", "https://a.example"),
            ("https://a.example:443", "https://a.example"),
            ("https://*.a.example:8443/", "https://*.a.example:8443"),
        ] {
            assert_eq!(source(text, false, &rules(false)).as_deref(), Some(as_source));
        }
        // Where private addresses may be connected, apps may reach them; never Parley itself.
        for near in ["http://localhost:8080", "https://127.0.0.1:9", "http://[::1]:9", "ws://localhost:1"] {
            assert_eq!(source(near, true, &rules(true)).as_deref(), Some(near));
        }
        assert_eq!(source("https://chat.example.com", true, &rules(true)), None);
        assert_eq!(source("http://0.0.0.0:3000", true, &rules(true)), None);
    }

    proptest! {
        /// Whatever is declared, the header has the same directives, each once, and no source but well-formed origins.
        #[test]
        fn nothing_gets_into_the_header(
            texts in proptest::collection::vec(
                prop_oneof![
                    any::<String>(),
                    "https://[a-z0-9.*;, '\"_:/@?#%\\\\\\n-]{0,40}",
                    "(https|wss|http|data|javascript)://(\\*\\.)?[a-z0-9.;' -]{1,20}(:[0-9]{1,6})?",
                ],
                0..24,
            ),
            private in any::<bool>(),
        ) {
            let ui = json!({"csp": {
                "connectDomains": texts, "resourceDomains": texts, "frameDomains": texts, "baseUriDomains": texts,
            }});
            let header = Declared::read(&ui.to_string()).policy(&rules(private)).header;
            prop_assert!(header.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{header}");
            let directives: Vec<&str> = header.split("; ").collect();
            let names: Vec<&str> = directives.iter().map(|directive| directive.split(' ').next().unwrap()).collect();
            prop_assert_eq!(names.join(" "), "default-src script-src style-src img-src font-src media-src worker-src \
                connect-src frame-src object-src base-uri form-action frame-ancestors sandbox");
            prop_assert_eq!(header.matches(';').count() + 1, directives.len());
            let usual = ["'none'", "'unsafe-inline'", "'self'", "data:", "blob:", "allow-scripts", "allow-forms"];
            for word in directives.iter().flat_map(|directive| directive.split(' ').skip(1)) {
                let origin = word.split_once("://").is_some_and(|(scheme, rest)| {
                    let rest = rest.strip_prefix("*.").unwrap_or(rest);
                    ["https", "wss", "http", "ws"].contains(&scheme)
                        && Url::parse(&format!("https://{rest}")).is_ok_and(|url| url.path() == "/")
                        && !rest.contains("chat.example.com")
                });
                prop_assert!(usual.contains(&word) || origin, "{word} in {header}");
            }
        }
    }
}
