//! [`Settings`] → [`Config`]: every fault is found, each with the variable it is in and what would be right.

use super::{
    AnthropicConfig, Config, DatabaseUrl, LogConfig, ModelsConfig, OpenAiConfig, Rate, Rates, Settings,
    default_site_root,
};
use secrecy::{ExposeSecret, SecretString};
use std::{fmt, path::PathBuf, str::FromStr, time::Duration};
use url::Url;

/// One bad setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The environment variable.
    pub name: &'static str,
    /// What is wrong with its value; the value itself only where it cannot be a secret.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}.", self.name, self.reason)
    }
}

/// What was said, trimmed; nothing if it is empty.
fn said(value: Option<&String>) -> Option<&str> {
    value.map(|text| text.trim()).filter(|text| !text.is_empty())
}

fn secret(value: Option<&SecretString>) -> Option<SecretString> {
    value.map(|text| text.expose_secret().trim()).filter(|text| !text.is_empty()).map(SecretString::from)
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// Collects faults while the rest is read on.
#[derive(Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, name: &'static str, reason: impl Into<String>) {
        self.0.push(Fault { name, reason: reason.into() });
    }

    /// The value that `read` makes of it, or the default, after noting why not.
    fn read<T>(
        &mut self,
        name: &'static str,
        value: Option<&String>,
        default: T,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        match said(value).map(read) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(reason)) => {
                self.add(name, reason);
                default
            }
        }
    }

    fn number(&mut self, name: &'static str, value: Option<&String>, default: u64, max: u64) -> u64 {
        self.read(name, value, default, |text| match text.parse::<u64>() {
            Ok(number) if number <= max => Ok(number),
            _ => Err(format!("«{text}» is not a whole number from 0 to {max}")),
        })
    }

    fn choice<T: Copy>(&mut self, name: &'static str, value: Option<&String>, of: &[(&str, T)], default: T) -> T {
        self.read(name, value, default, |text| {
            of.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
                let words: Vec<_> = of.iter().map(|(word, _)| *word).collect();
                format!("«{text}» is neither {}", words.join(" nor "))
            })
        })
    }

    fn rate(&mut self, name: &'static str, value: Option<&String>, times: u32, seconds: u64) -> Rate {
        self.read(name, value, Rate::new(times, Duration::from_secs(seconds)), Rate::from_str)
    }

    fn base_url(&mut self, name: &'static str, value: Option<&String>, default: &str) -> String {
        self.read(name, value, default.to_owned(), base_url)
    }
}

/// An `http` or `https` address without a slash at its end.
fn base_url(text: &str) -> Result<String, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err(format!("«{text}» is not an http:// or https:// address")),
    }
}

/// An address without a path: an origin.
fn origin(text: &str) -> Result<Url, String> {
    let url = Url::parse(&base_url(text)?).map_err(|e| format!("«{text}»: {e}"))?;
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err(format!("«{text}» has more than scheme, host and port; Parley is served at the root of a host"));
    }
    Ok(url)
}

impl Settings {
    /// What the settings mean; `environment` looks up the variables that `PARLEY_ENDPOINTS` names and cargo-leptos sets.
    ///
    /// # Errors
    /// Every bad setting, in the order of `--help`.
    pub fn check(&self, environment: impl Fn(&str) -> Option<String>) -> Result<Config, Vec<Fault>> {
        let mut faults = Faults::default();
        let bind = faults.read("PARLEY_BIND", self.bind.as_ref(), ([127, 0, 0, 1], 3000).into(), |text| {
            text.parse()
                .map_err(|_| format!("«{text}» is not an address with a port, like 127.0.0.1:3000 or [::1]:3000"))
        });
        let own = Url::parse(&format!("http://{bind}")).ok();
        let public_url = faults.read("PARLEY_PUBLIC_URL", self.public_url.as_ref(), own, |text| origin(text).map(Some));
        let allowed_origins =
            faults.read("PARLEY_ALLOWED_ORIGINS", self.allowed_origins.as_ref(), Vec::new(), |text| {
                list(text).iter().map(|item| origin(item).map(|url| url.origin().ascii_serialization())).collect()
            });
        let trusted_proxies = faults.number("PARLEY_TRUSTED_PROXIES", self.trusted_proxies.as_ref(), 0, 10);
        let grace = faults.number("PARLEY_SHUTDOWN_GRACE", self.shutdown_grace.as_ref(), 10, 600);
        let formats = [("human", false), ("json", true)];
        let log = LogConfig {
            filter: said(self.log.as_ref()).unwrap_or("info").to_owned(),
            json: faults.choice("PARLEY_LOG_FORMAT", self.log_format.as_ref(), &formats, false),
        };
        let (data_dir, database) = self.storage(&mut faults);
        let who = [("open", true), ("closed", false)];
        let sign_up_open = faults.choice("PARLEY_SIGN_UP", self.sign_up.as_ref(), &who, true);
        let models = self.models(&mut faults, &environment);
        let rates = self.rates(&mut faults);
        let live_reload = environment("LEPTOS_WATCH")
            .map(|_| environment("LEPTOS_RELOAD_PORT").and_then(|port| port.parse().ok()).unwrap_or(3001));
        match public_url {
            Some(public_url) if faults.0.is_empty() => Ok(Config {
                bind,
                public_url,
                allowed_origins,
                trusted_proxies: usize::try_from(trusted_proxies).unwrap_or_default(),
                site_root: said(self.site_root.as_ref()).map_or_else(default_site_root, PathBuf::from),
                shutdown_grace: Duration::from_secs(grace),
                live_reload,
                log,
                data_dir,
                database,
                sign_up_open,
                models,
                rates,
            }),
            _ => Err(faults.0),
        }
    }

    fn storage(&self, faults: &mut Faults) -> (Option<PathBuf>, DatabaseUrl) {
        let folder = PathBuf::from(said(self.data_dir.as_ref()).unwrap_or("data"));
        let Some(url) = secret(self.database_url.as_ref()) else {
            let file = format!("sqlite:{}", folder.join("parley.db").display());
            return (Some(folder), DatabaseUrl(file.into()));
        };
        let known = |prefix: &str| url.expose_secret().strip_prefix(prefix).is_some_and(|rest| !rest.is_empty());
        if !["sqlite:", "postgres://", "postgresql://"].into_iter().any(known) {
            faults.add("PARLEY_DATABASE_URL", "it begins neither with sqlite: nor with postgres://");
        }
        (None, DatabaseUrl(url))
    }

    fn models(&self, faults: &mut Faults, environment: &impl Fn(&str) -> Option<String>) -> ModelsConfig {
        let names = |value: Option<&String>, default: &[&str]| match said(value).map(list) {
            Some(names) if !names.is_empty() => names,
            _ => default.iter().map(|&name| name.to_owned()).collect(),
        };
        let url =
            faults.base_url("PARLEY_ANTHROPIC_BASE_URL", self.anthropic_base_url.as_ref(), "https://api.anthropic.com");
        let thinking = faults.read("PARLEY_ANTHROPIC_THINKING", self.anthropic_thinking.as_ref(), Vec::new(), |text| {
            list(text).into_iter().map(thinks).collect()
        });
        let anthropic = secret(self.anthropic_api_key.as_ref()).map(|key| AnthropicConfig {
            base_url: url,
            key,
            models: names(
                self.anthropic_models.as_ref(),
                &["claude-sonnet-4-5", "claude-opus-4-5", "claude-haiku-4-5"],
            ),
            thinking,
        });
        if anthropic.is_none() && said(self.anthropic_models.as_ref()).is_some() {
            faults.add("PARLEY_ANTHROPIC_MODELS", "it needs PARLEY_ANTHROPIC_API_KEY");
        }
        let mut openai: Vec<_> = self.openai(faults, names).into_iter().collect();
        openai.extend(faults.read("PARLEY_ENDPOINTS", self.endpoints.as_ref(), Vec::new(), |text| {
            text.split_whitespace().map(|entry| endpoint(entry, environment)).collect()
        }));
        for (i, endpoint) in openai.iter().enumerate() {
            let taken = ["anthropic", "offline", "scripted"].contains(&endpoint.name.as_str())
                || openai.iter().take(i).any(|other| other.name == endpoint.name);
            if taken {
                faults.add("PARLEY_ENDPOINTS", format!("the name «{}» is taken; choose another", endpoint.name));
            }
        }
        let default_model = said(self.default_model.as_ref()).map(str::to_owned);
        let models = ModelsConfig {
            anthropic,
            openai,
            default_model,
            offline_delay_ms: faults.number("PARLEY_OFFLINE_DELAY_MS", self.offline_delay_ms.as_ref(), 15, 10_000),
            scripted: faults.choice(
                "PARLEY_SCRIPTED",
                self.scripted.as_ref(),
                &[("true", true), ("false", false)],
                false,
            ),
        };
        if let Some(id) = &models.default_model
            && !models.offers(id)
        {
            faults.add("PARLEY_DEFAULT_MODEL", format!("no model «{id}» is configured"));
        }
        models
    }

    fn openai(
        &self,
        faults: &mut Faults,
        names: impl Fn(Option<&String>, &[&str]) -> Vec<String>,
    ) -> Option<OpenAiConfig> {
        let base_url =
            faults.base_url("PARLEY_OPENAI_BASE_URL", self.openai_base_url.as_ref(), "https://api.openai.com/v1");
        let key = secret(self.openai_api_key.as_ref());
        if key.is_none() && said(self.openai_base_url.as_ref()).is_none() {
            if said(self.openai_models.as_ref()).is_some() {
                faults.add("PARLEY_OPENAI_MODELS", "it needs PARLEY_OPENAI_API_KEY or PARLEY_OPENAI_BASE_URL");
            }
            return None;
        }
        let models = names(self.openai_models.as_ref(), &["gpt-5.1", "gpt-5-mini"]);
        let window = self.openai_context_window.as_ref();
        let context_window = faults.read("PARLEY_OPENAI_CONTEXT_WINDOW", window, None, |text| tokens(text).map(Some));
        Some(OpenAiConfig { name: "openai".to_owned(), base_url, key, models, context_window })
    }

    fn rates(&self, faults: &mut Faults) -> Rates {
        Rates {
            sign_in_account: faults.rate(
                "PARLEY_RATE_SIGN_IN_ACCOUNT",
                self.rate_sign_in_account.as_ref(),
                10,
                15 * 60,
            ),
            sign_in_address: faults.rate(
                "PARLEY_RATE_SIGN_IN_ADDRESS",
                self.rate_sign_in_address.as_ref(),
                50,
                15 * 60,
            ),
            sign_up: faults.rate("PARLEY_RATE_SIGN_UP", self.rate_sign_up.as_ref(), 10, 3600),
            send: faults.rate("PARLEY_RATE_SEND", self.rate_send.as_ref(), 30, 60),
            search: faults.rate("PARLEY_RATE_SEARCH", self.rate_search.as_ref(), 60, 60),
            frames: faults.rate("PARLEY_RATE_FRAMES", self.rate_frames.as_ref(), 60, 10),
            request: faults.rate("PARLEY_RATE_REQUEST", self.rate_request.as_ref(), 1200, 60),
        }
    }
}

/// The least window worth a conversation, and the least budget of thinking.
const TOKENS_MIN: u32 = 1024;

fn tokens(text: &str) -> Result<u32, String> {
    match text.parse::<u32>() {
        Ok(number) if number >= TOKENS_MIN => Ok(number),
        _ => Err(format!("«{text}» is not a number of tokens from {TOKENS_MIN} on")),
    }
}

/// `MODEL=adaptive` or `MODEL=TOKENS`.
fn thinks(entry: String) -> Result<String, String> {
    match entry.split_once('=') {
        Some((model, "adaptive")) if !model.is_empty() => Ok(entry),
        Some((model, budget)) if !model.is_empty() => tokens(budget).map(|_| entry.clone()),
        _ => Err(format!("«{entry}» is neither MODEL=adaptive nor MODEL=TOKENS")),
    }
}

/// `name=URL;model,model` and, as wanted, `;key=VARIABLE` and `;window=TOKENS`.
fn endpoint(entry: &str, environment: &impl Fn(&str) -> Option<String>) -> Result<OpenAiConfig, String> {
    let (name, rest) = entry
        .split_once('=')
        .filter(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
        .ok_or_else(|| format!("«{entry}» is not name=URL;model,model (letters, digits and «-» in the name)"))?;
    let mut pieces = rest.split(';');
    let base_url = base_url(pieces.next().unwrap_or_default())?;
    let models = list(pieces.next().unwrap_or_default());
    if models.is_empty() {
        return Err(format!("the endpoint «{name}» names no models; write {name}={base_url};model,model"));
    }
    let mut endpoint = OpenAiConfig { name: name.to_owned(), base_url, key: None, models, context_window: None };
    for piece in pieces {
        match piece.split_once('=') {
            Some(("window", text)) => endpoint.context_window = Some(tokens(text)?),
            Some(("key", variable)) => {
                let key = environment(variable).filter(|key| !key.trim().is_empty());
                let key =
                    key.ok_or_else(|| format!("the endpoint «{name}» wants its key in {variable}, which is not set"))?;
                endpoint.key = Some(SecretString::from(key.trim()));
            }
            _ => return Err(format!("the endpoint «{name}» has «{piece}», which is neither key=… nor window=…")),
        }
    }
    Ok(endpoint)
}

impl ModelsConfig {
    /// Whether a model of that id (`provider/model`) is configured; the offline assistant always is.
    fn offers(&self, id: &str) -> bool {
        let Some((provider, model)) = id.split_once('/') else { return false };
        match provider {
            "offline" => true,
            "scripted" => self.scripted,
            "anthropic" => self.anthropic.as_ref().is_some_and(|a| a.models.iter().any(|m| m == model)),
            name => self.openai.iter().any(|e| e.name == name && e.models.iter().any(|m| m == model)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn no_environment(_: &str) -> Option<String> {
        None
    }

    #[expect(clippy::unnecessary_wraps, reason = "settings are options")]
    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn nothing_said_is_a_whole_configuration() {
        let config = Settings::default().check(no_environment).unwrap();
        assert_eq!(config.bind.to_string(), "127.0.0.1:3000");
        assert_eq!(config.origin(), "http://127.0.0.1:3000");
        assert!(!config.https() && config.sign_up_open && config.models.anthropic.is_none());
        assert_eq!(config.database.0.expose_secret(), "sqlite:data/parley.db");
        assert_eq!(config.rates.sign_in_account, Rate::new(10, Duration::from_mins(15)));
    }

    #[test]
    fn an_empty_value_is_not_given() {
        let settings = Settings {
            bind: some(" "),
            anthropic_api_key: Some(SecretString::from("")),
            database_url: Some(SecretString::from("")),
            ..Settings::default()
        };
        let config = settings.check(no_environment).unwrap();
        assert!(config.models.anthropic.is_none() && config.data_dir.is_some());
    }

    #[test]
    fn every_fault_is_named_at_once_and_no_secret_with_it() {
        let settings = Settings {
            bind: some("3000"),
            public_url: some("https://example.org/parley"),
            allowed_origins: some("example.org"),
            trusted_proxies: some("many"),
            shutdown_grace: some("-1"),
            log_format: some("xml"),
            database_url: Some(SecretString::from("mysql://root:hunter2@db/x")),
            sign_up: some("maybe"),
            default_model: some("anthropic/claude"),
            anthropic_models: some("claude"),
            anthropic_thinking: some("claude=512"),
            openai_models: some("gpt"),
            endpoints: some("ollama"),
            offline_delay_ms: some("1.5"),
            rate_send: some("30"),
            ..Settings::default()
        };
        let faults = settings.check(no_environment).unwrap_err();
        let text = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(!text.contains("hunter2"));
        insta::assert_snapshot!(text, @r"
        PARLEY_BIND: «3000» is not an address with a port, like 127.0.0.1:3000 or [::1]:3000.
        PARLEY_PUBLIC_URL: «https://example.org/parley» has more than scheme, host and port; Parley is served at the root of a host.
        PARLEY_ALLOWED_ORIGINS: «example.org» is not an http:// or https:// address.
        PARLEY_TRUSTED_PROXIES: «many» is not a whole number from 0 to 10.
        PARLEY_SHUTDOWN_GRACE: «-1» is not a whole number from 0 to 600.
        PARLEY_LOG_FORMAT: «xml» is neither human nor json.
        PARLEY_DATABASE_URL: it begins neither with sqlite: nor with postgres://.
        PARLEY_SIGN_UP: «maybe» is neither open nor closed.
        PARLEY_ANTHROPIC_THINKING: «512» is not a number of tokens from 1024 on.
        PARLEY_ANTHROPIC_MODELS: it needs PARLEY_ANTHROPIC_API_KEY.
        PARLEY_OPENAI_MODELS: it needs PARLEY_OPENAI_API_KEY or PARLEY_OPENAI_BASE_URL.
        PARLEY_ENDPOINTS: «ollama» is not name=URL;model,model (letters, digits and «-» in the name).
        PARLEY_OFFLINE_DELAY_MS: «1.5» is not a whole number from 0 to 10000.
        PARLEY_DEFAULT_MODEL: no model «anthropic/claude» is configured.
        PARLEY_RATE_SEND: «30» is not a rate: write «30/1m» (30 times in 1 minute; units s, m, h) or «off».
        ");
    }

    #[test]
    fn endpoints_have_names_models_and_keys() {
        let settings = Settings {
            openai_api_key: Some(SecretString::from("sk-1")),
            endpoints: some(
                "ollama=http://127.0.0.1:11434/v1/;llama3.2,qwen3\n router=https://openrouter.ai/api/v1;a/b;key=OR_KEY;window=8192",
            ),
            default_model: some("router/a/b"),
            ..Settings::default()
        };
        let config = settings.check(|name| (name == "OR_KEY").then(|| "or-2".to_owned())).unwrap();
        let [openai, ollama, router] = config.models.openai.as_slice() else { panic!("three endpoints") };
        assert_eq!(openai.base_url, "https://api.openai.com/v1");
        assert_eq!((ollama.base_url.as_str(), ollama.models.len()), ("http://127.0.0.1:11434/v1", 2));
        assert!(ollama.key.is_none());
        assert_eq!((ollama.context_window, router.context_window), (None, Some(8192)));
        assert_eq!(router.key.as_ref().unwrap().expose_secret(), "or-2");
        let faults = settings.check(no_environment).unwrap_err();
        assert!(faults[0].reason.contains("OR_KEY"));
    }

    #[test]
    fn a_name_of_an_endpoint_is_unique() {
        for name in ["openai", "offline"] {
            let settings = Settings {
                openai_base_url: some("http://127.0.0.1:1/v1"),
                endpoints: Some(format!("{name}=http://h/v1;m")),
                ..Settings::default()
            };
            assert!(settings.check(no_environment).unwrap_err()[0].reason.contains("taken"));
        }
    }

    #[test]
    fn a_database_is_shown_without_its_password() {
        let shown = |text: &str| DatabaseUrl(SecretString::from(text)).shown();
        assert_eq!(shown("postgres://u:hunter2@db:5433/parley?sslmode=require"), "postgres://db:5433/parley");
        assert_eq!(shown("sqlite:data/parley.db?mode=rwc"), "sqlite:data/parley.db");
    }
}
