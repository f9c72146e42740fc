//! [`Settings`] → [`Config`]: every fault is found, each with the variable it is in and what would be right.

mod apps;
mod mcp;
mod models;
mod read;
mod servers;

pub use read::Fault;

use super::{Config, DatabaseUrl, LogConfig, MetricsToken, ModelsConfig, Rates, Settings, default_site_root};
use crate::wire::limits;
use read::{Faults, list, origin, said, secret};
use secrecy::ExposeSecret;
use std::{path::PathBuf, time::Duration};
use url::Url;

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
        let metrics_token = self.metrics_token(&mut faults);
        let (data_dir, database) = self.storage(&mut faults);
        let who = [("open", true), ("closed", false)];
        let sign_up_open = faults.choice("PARLEY_SIGN_UP", self.sign_up.as_ref(), &who, true);
        let models = self.models(&mut faults, &environment);
        let switch = [("on", true), ("off", false)];
        let summaries = faults.choice("PARLEY_SUMMARIES", self.summaries.as_ref(), &switch, true);
        let mcp = self.mcp(&mut faults);
        let servers = self.servers(&mut faults, &environment);
        let apps = self.apps(&mut faults, public_url.as_ref());
        let secrets = self.secrets(&mut faults, &self.folder());
        let day = limits::APPROVAL_MS.unsigned_abs() / 60_000;
        let approval = faults.read("PARLEY_APPROVAL_MINUTES", self.approval_minutes.as_ref(), day, |text| {
            let minutes = text.parse().ok().filter(|minutes| (1..=day).contains(minutes));
            minutes.ok_or_else(|| format!("«{text}» is not a whole number from 1 to {day}"))
        });
        let record_days = faults.number("PARLEY_RECORD_DAYS", self.record_days.as_ref(), 90, 36_500);
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
                metrics_token,
                data_dir,
                database,
                sign_up_open,
                models,
                summaries,
                mcp,
                servers,
                apps,
                secrets,
                approval_wait: Duration::from_mins(approval),
                record_days,
                rates,
            }),
            _ => Err(faults.0),
        }
    }

    /// What they say of models, whatever is wrong with it left out: for finding what is wrong with the rest.
    pub fn models_config(&self, environment: impl Fn(&str) -> Option<String>) -> ModelsConfig {
        self.models(&mut Faults::default(), &environment)
    }

    fn folder(&self) -> PathBuf {
        said(self.data_dir.as_ref()).unwrap_or("data").into()
    }

    fn metrics_token(&self, faults: &mut Faults) -> Option<MetricsToken> {
        match MetricsToken::parse(secret(self.metrics_token.as_ref())?) {
            Ok(token) => Some(token),
            Err(reason) => {
                faults.add("PARLEY_METRICS_TOKEN", reason);
                None
            }
        }
    }

    fn storage(&self, faults: &mut Faults) -> (Option<PathBuf>, DatabaseUrl) {
        let folder = self.folder();
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
            create: faults.rate("PARLEY_RATE_CREATE", self.rate_create.as_ref(), 100, 3600),
            search: faults.rate("PARLEY_RATE_SEARCH", self.rate_search.as_ref(), 60, 60),
            call: faults.rate("PARLEY_RATE_CALL", self.rate_call.as_ref(), 120, 60),
            tell: faults.rate("PARLEY_RATE_TELL", self.rate_tell.as_ref(), 300, 60),
            mcp_session: faults.rate("PARLEY_RATE_MCP_SESSION", self.rate_mcp_session.as_ref(), 60, 60),
            register: faults.rate("PARLEY_RATE_REGISTER", self.rate_register.as_ref(), 20, 3600),
            client_document: faults.rate("PARLEY_RATE_CLIENT_DOCUMENT", self.rate_client_document.as_ref(), 30, 3600),
            frames: faults.rate("PARLEY_RATE_FRAMES", self.rate_frames.as_ref(), 60, 10),
            request: faults.rate("PARLEY_RATE_REQUEST", self.rate_request.as_ref(), 1200, 60),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::backend::config::Rate;
    use secrecy::SecretString;

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
        assert!(config.metrics_token.is_none(), "nobody reads the metrics");
        assert!(!config.https() && config.sign_up_open && config.models.anthropic.is_none());
        assert_eq!(config.database.0.expose_secret(), "sqlite:data/parley.db");
        assert_eq!(config.rates.sign_in_account, Rate::new(10, Duration::from_mins(15)));
        assert_eq!((config.approval_wait, config.record_days), (Duration::from_hours(24), 90));
        assert!(config.summaries);
    }

    #[test]
    fn a_question_waits_for_a_minute_to_a_day() {
        let wait = |minutes| Settings { approval_minutes: some(minutes), ..Settings::default() }.check(no_environment);
        assert_eq!(wait("5").unwrap().approval_wait, Duration::from_mins(5));
        for bad in ["0", "1441", "-1", "an hour"] {
            let faults = wait(bad).unwrap_err();
            assert_eq!(
                faults[0].to_string(),
                format!("PARLEY_APPROVAL_MINUTES: «{bad}» is not a whole number from 1 to 1440.")
            );
        }
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
            metrics_token: Some(SecretString::from("hunter2")),
            database_url: Some(SecretString::from("mysql://root:hunter2@db/x")),
            sign_up: some("maybe"),
            default_model: some("anthropic/claude"),
            anthropic_models: some("claude"),
            anthropic_thinking: some("claude=512"),
            openai_models: some("gpt"),
            endpoints: some("ollama"),
            offline_delay_ms: some("1.5"),
            summaries: some("never"),
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
        PARLEY_METRICS_TOKEN: it has 7 characters; at least 16 are needed (openssl rand -hex 32).
        PARLEY_DATABASE_URL: it begins neither with sqlite: nor with postgres://.
        PARLEY_SIGN_UP: «maybe» is neither open nor closed.
        PARLEY_ANTHROPIC_THINKING: «512» is not a number of tokens from 1024 on.
        PARLEY_ANTHROPIC_MODELS: it needs PARLEY_ANTHROPIC_API_KEY.
        PARLEY_OPENAI_MODELS: it needs PARLEY_OPENAI_API_KEY or PARLEY_OPENAI_BASE_URL.
        PARLEY_ENDPOINTS: «ollama» is not name=URL;model,model (letters, digits and «-» in the name).
        PARLEY_OFFLINE_DELAY_MS: «1.5» is not a whole number from 0 to 10000.
        PARLEY_DEFAULT_MODEL: no model «anthropic/claude» is configured.
        PARLEY_SUMMARIES: «never» is neither on nor off.
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
