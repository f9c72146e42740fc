//! From the configuration to [`Models`]: which models there are, who serves each, which is the default.
//!
//! Without a key or an endpoint the offline assistant is the only model. With real models it is offered only if it is
//! configured as the default, so that nobody talks to it by mistake. Faults are all told at once, each with the setting
//! it is in.

use super::{
    Model, Models, Provider,
    anthropic::{Anthropic, Thinking},
    offline::Offline,
    openai::OpenAi,
    retry::Retrying,
    scripted::{ScriptHandle, Scripted},
};
use crate::{
    backend::config::{Fault, ModelsConfig, OpenAiConfig},
    wire::id::ModelId,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

mod known;

/// The id of the offline assistant.
pub const OFFLINE: &str = "offline/assistant";
/// The id of the scripted provider.
pub const SCRIPTED: &str = "scripted/script";

/// Why a catalogue cannot be made: every fault of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the models' configuration is wrong: {}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))]
pub struct CatalogueError {
    /// Each with its setting.
    pub faults: Vec<Fault>,
}

/// The settings that faults are in.
const ANTHROPIC: &str = "PARLEY_ANTHROPIC_MODELS";
const ANTHROPIC_URL: &str = "PARLEY_ANTHROPIC_BASE_URL";
const THINKING: &str = "PARLEY_ANTHROPIC_THINKING";
const OPENAI: &str = "PARLEY_OPENAI_MODELS";
const OPENAI_URL: &str = "PARLEY_OPENAI_BASE_URL";
const ENDPOINTS: &str = "PARLEY_ENDPOINTS";
const DEFAULT: &str = "PARLEY_DEFAULT_MODEL";

fn fault(name: &'static str, reason: impl Into<String>) -> Fault {
    Fault { name, reason: reason.into() }
}

impl Models {
    /// The catalogue that `config` describes; `client` is used for every provider.
    pub fn from_config(config: &ModelsConfig, client: &reqwest::Client) -> Result<Self, CatalogueError> {
        let mut faults = Vec::new();
        let mut all = anthropic(config, client, &mut faults);
        all.extend(openai(config, client, &mut faults));
        if all.is_empty() || config.default_model.as_deref() == Some(OFFLINE) {
            all.push(offline(Duration::from_millis(config.offline_delay_ms)));
        }
        if config.scripted {
            all.push(scripted(Scripted::default()));
        }
        default_first(&mut all, config.default_model.as_deref(), &mut faults);
        if faults.is_empty() { Ok(Self::new(all)) } else { Err(CatalogueError { faults }) }
    }

    /// The offline assistant alone, with so much time between two words.
    pub fn offline(delay: Duration) -> Self {
        Self::new(vec![offline(delay)])
    }

    /// The scripted provider alone, with a test's hold on it.
    pub fn scripted() -> (Self, ScriptHandle) {
        let (provider, handle) = Scripted::new();
        (Self::new(vec![scripted(provider)]), handle)
    }
}

/// Messages of history worth reading for a model: windows are filled by tokens, this only bounds the work.
const HISTORY_MESSAGES: u32 = 400;
/// What endpoints may be called.
const NAME_MAX: usize = 32;

fn anthropic(config: &ModelsConfig, client: &reqwest::Client, faults: &mut Vec<Fault>) -> Vec<Model> {
    let Some(config) = &config.anthropic else { return Vec::new() };
    check_endpoint("Anthropic", (ANTHROPIC_URL, ANTHROPIC), &config.base_url, &config.models, faults);
    let thinking = thinking(&config.thinking, &config.models, faults);
    let api = Anthropic::new(client.clone(), &config.base_url, config.key.clone(), thinking.clone());
    let provider: Arc<dyn Provider> = Arc::new(Retrying::new(Arc::new(api)));
    let model = |name: &String| {
        let budget = match thinking.get(name) {
            Some(Thinking::Budget(tokens)) => *tokens,
            _ => 0,
        };
        let known = known::anthropic(name);
        Model {
            id: ModelId(format!("anthropic/{name}")),
            name: name.clone(),
            vendor_name: name.clone(),
            context_window: known.window,
            // Thought is counted as output.
            max_output: known.output.saturating_add(budget),
            history_messages: HISTORY_MESSAGES,
            offline: false,
            sees: known::sees(name),
            provider: provider.clone(),
        }
    };
    config.models.iter().map(model).collect()
}

fn thinking(lines: &[String], models: &[String], faults: &mut Vec<Fault>) -> BTreeMap<String, Thinking> {
    let mut thinking = BTreeMap::new();
    for line in lines {
        let (model, how) = line.split_once('=').unwrap_or((line, "adaptive"));
        let model = model.trim();
        if !models.iter().any(|name| name == model) {
            faults.push(fault(THINKING, format!("«{model}» is none of Anthropic's models on offer")));
        }
        match how.parse() {
            Ok(how) => drop(thinking.insert(model.to_owned(), how)),
            Err(reason) => faults.push(fault(THINKING, format!("thinking of «{model}»: {reason}"))),
        }
    }
    thinking
}

fn openai(config: &ModelsConfig, client: &reqwest::Client, faults: &mut Vec<Fault>) -> Vec<Model> {
    let mut names = BTreeSet::from(["anthropic", "offline", "scripted"]);
    let mut all = Vec::new();
    for endpoint in &config.openai {
        let name = endpoint.name.as_str();
        let letters = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if name.is_empty() || name.len() > NAME_MAX || !letters {
            let reason =
                format!("«{name}» cannot name an endpoint: use up to {NAME_MAX} letters, digits, «-», «_», «.»");
            faults.push(fault(ENDPOINTS, reason));
        } else if !names.insert(name) {
            faults.push(fault(ENDPOINTS, format!("there are two endpoints named «{name}»")));
        }
        // That name is taken by the settings of OpenAI itself, if they are given.
        let settings = if name == "openai" { (OPENAI_URL, OPENAI) } else { (ENDPOINTS, ENDPOINTS) };
        check_endpoint(&format!("endpoint «{name}»"), settings, &endpoint.base_url, &endpoint.models, faults);
        all.extend(endpoint_models(endpoint, client));
    }
    all
}

fn endpoint_models(endpoint: &OpenAiConfig, client: &reqwest::Client) -> Vec<Model> {
    let api = OpenAi::new(client.clone(), &endpoint.base_url, endpoint.key.clone());
    let provider: Arc<dyn Provider> = Arc::new(Retrying::new(Arc::new(api)));
    let model = |name: &String| {
        let known = known::openai(name, endpoint.context_window);
        Model {
            id: ModelId(format!("{}/{name}", endpoint.name)),
            name: name.clone(),
            vendor_name: name.clone(),
            context_window: known.window,
            max_output: known.output,
            history_messages: HISTORY_MESSAGES,
            offline: false,
            // Chat completions take no images from tools.
            sees: false,
            provider: provider.clone(),
        }
    };
    endpoint.models.iter().map(model).collect()
}

fn check_endpoint(
    name: &str,
    (url, offer): (&'static str, &'static str),
    base_url: &str,
    models: &[String],
    faults: &mut Vec<Fault>,
) {
    match url::Url::parse(base_url) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {}
        // The address itself may hold a key.
        _ => faults.push(fault(url, format!("the base URL of {name} is not an http or https address"))),
    }
    if models.is_empty() {
        faults.push(fault(offer, format!("{name} has no models to offer")));
    }
    let mut seen = BTreeSet::new();
    for model in models {
        if model.trim().is_empty() {
            faults.push(fault(offer, format!("{name} has a model without a name")));
        } else if !seen.insert(model) {
            faults.push(fault(offer, format!("{name} has the model «{model}» twice")));
        }
    }
}

fn default_first(all: &mut [Model], default: Option<&str>, faults: &mut Vec<Fault>) {
    let Some(default) = default else { return };
    if let Some(at) = all.iter().position(|model| model.id.0 == default) {
        all[..=at].rotate_right(1);
        return;
    }
    let known: Vec<&str> = all.iter().map(|model| model.id.0.as_str()).collect();
    faults.push(fault(DEFAULT, format!("«{default}» is none of {}", known.join(", "))));
}

fn offline(delay: Duration) -> Model {
    let provider: Arc<dyn Provider> = Arc::new(Offline { delay });
    Model {
        id: ModelId(OFFLINE.to_owned()),
        name: "Offline assistant".to_owned(),
        vendor_name: "assistant".to_owned(),
        // It has no bounds of its own: room for the tools it is offered and for the longest result, and as much again to
        // repeat that.
        context_window: 128_000,
        max_output: 32_000,
        // It reads the last message and its results only.
        history_messages: 8,
        offline: true,
        sees: false,
        provider,
    }
}

fn scripted(provider: Scripted) -> Model {
    Model {
        id: ModelId(SCRIPTED.to_owned()),
        name: "Script".to_owned(),
        vendor_name: "script".to_owned(),
        context_window: 200_000,
        max_output: 8_000,
        history_messages: 200,
        offline: false,
        sees: true,
        provider: Arc::new(provider),
    }
}

#[cfg(test)]
mod tests;
