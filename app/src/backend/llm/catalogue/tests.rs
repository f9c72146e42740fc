#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{backend::config::AnthropicConfig, wire::limits::TOOL_RESULT_MAX};

fn client() -> reqwest::Client {
    crate::backend::http::client().unwrap()
}

fn claude(models: &[&str], thinking: &[&str]) -> AnthropicConfig {
    AnthropicConfig {
        base_url: "https://api.anthropic.com".into(),
        key: "sk".to_owned().into(),
        models: models.iter().map(ToString::to_string).collect(),
        thinking: thinking.iter().map(ToString::to_string).collect(),
    }
}

fn endpoint(name: &str, models: &[&str]) -> OpenAiConfig {
    OpenAiConfig {
        name: name.into(),
        base_url: "http://localhost:11434/v1".into(),
        key: None,
        models: models.iter().map(ToString::to_string).collect(),
        context_window: None,
    }
}

fn ids(models: &Models) -> Vec<&str> {
    models.all().iter().map(|m| m.id.0.as_str()).collect()
}

#[test]
fn without_anything_the_offline_assistant_is_the_only_and_default_model() {
    let models = Models::from_config(&ModelsConfig::default(), &client()).unwrap();
    assert_eq!(ids(&models), [OFFLINE]);
    assert!(models.get(None).unwrap().offline);
}

#[test]
fn every_model_has_room_for_what_it_reads() {
    let config = ModelsConfig {
        anthropic: Some(claude(&["claude-opus-4-1"], &["claude-opus-4-1=190000"])),
        openai: vec![endpoint("openai", &["gpt-4"]), OpenAiConfig { context_window: Some(1), ..endpoint("a", &["b"]) }],
        ..ModelsConfig::default()
    };
    let offline = Models::from_config(&ModelsConfig::default(), &client()).unwrap();
    let models = Models::from_config(&config, &client()).unwrap();
    for model in models.all().iter().chain(offline.all()) {
        assert!(model.room() >= model.context_window / 2 && model.room() > 0, "{model:?}");
    }
    // The longest result, twice: each byte of it may be a token.
    assert!(offline.all()[0].room() as usize > 2 * TOOL_RESULT_MAX);
}

#[test]
fn real_models_come_in_order_and_the_default_first() {
    let mut config = ModelsConfig {
        anthropic: Some(claude(&["claude-sonnet-4-5", "claude-opus-4-1"], &["claude-opus-4-1=8000"])),
        openai: vec![endpoint("ollama", &["llama3.2:3b"]), endpoint("openrouter", &["openai/gpt-4o"])],
        ..ModelsConfig::default()
    };
    let all =
        ["anthropic/claude-sonnet-4-5", "anthropic/claude-opus-4-1", "ollama/llama3.2:3b", "openrouter/openai/gpt-4o"];
    let models = Models::from_config(&config, &client()).unwrap();
    assert_eq!(ids(&models), all);
    assert_eq!(models.all()[1].max_output, 24_000);
    assert_eq!(models.all()[3].context_window, 128_000);
    config.default_model = Some("ollama/llama3.2:3b".into());
    let models = Models::from_config(&config, &client()).unwrap();
    assert_eq!(ids(&models), [all[2], all[0], all[1], all[3]]);
    config.default_model = Some(OFFLINE.into());
    assert_eq!(ids(&Models::from_config(&config, &client()).unwrap())[0], OFFLINE);
}

#[test]
fn every_fault_is_told() {
    let mut broken = endpoint("ollama", &[]);
    broken.base_url = "localhost:11434".into();
    let config = ModelsConfig {
        anthropic: Some(claude(&["a", "a"], &["b=adaptive", "a=12"])),
        openai: vec![endpoint("ollama", &["x"]), broken, endpoint("bad name", &["y"])],
        default_model: Some("nobody/nothing".into()),
        ..ModelsConfig::default()
    };
    let error = Models::from_config(&config, &client()).unwrap_err();
    let told: Vec<String> = error.faults.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    PARLEY_ANTHROPIC_MODELS: Anthropic has the model «a» twice.
    PARLEY_ANTHROPIC_THINKING: «b» is none of Anthropic's models on offer.
    PARLEY_ANTHROPIC_THINKING: thinking of «a»: «12» is neither «adaptive» nor a number of tokens of at least 1024.
    PARLEY_ENDPOINTS: there are two endpoints named «ollama».
    PARLEY_ENDPOINTS: the base URL of endpoint «ollama» is not an http or https address.
    PARLEY_ENDPOINTS: endpoint «ollama» has no models to offer.
    PARLEY_ENDPOINTS: «bad name» cannot name an endpoint: use up to 32 letters, digits, «-», «_», «.».
    PARLEY_DEFAULT_MODEL: «nobody/nothing» is none of anthropic/a, anthropic/a, ollama/x, bad name/y.
    "#);
}
