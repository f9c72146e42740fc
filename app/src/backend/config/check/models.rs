//! The settings of models: which are offered, by whom, and which answers first.

use super::read::{Faults, base_url, list, said, secret};
use crate::backend::config::{AnthropicConfig, ModelsConfig, OpenAiConfig, Settings};
use secrecy::SecretString;

impl Settings {
    pub(super) fn models(&self, faults: &mut Faults, environment: &impl Fn(&str) -> Option<String>) -> ModelsConfig {
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
