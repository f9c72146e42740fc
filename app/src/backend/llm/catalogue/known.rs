//! What vendors document of their models: window and the most output worth asking for, by the beginning of the name.

/// A model's bounds, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) window: u32,
    pub(super) output: u32,
}

/// Output asked for where a model could write more: an answer longer than that is no chat.
const OUTPUT: u32 = 16_000;
/// The window of a model nothing is known of.
const WINDOW: u32 = 32_768;

/// Claude's.
pub(super) fn anthropic(model: &str) -> Bounds {
    let output = match model {
        m if m.starts_with("claude-3-5") => 8_192,
        m if m.starts_with("claude-3-7") => OUTPUT,
        m if m.starts_with("claude-3") || m.starts_with("claude-2") => 4_096,
        _ => OUTPUT,
    };
    Bounds { window: 200_000, output }
}

/// Whether a Claude sees: all but the oldest and one small one.
pub(super) fn sees(model: &str) -> bool {
    !["claude-2", "claude-instant", "claude-3-5-haiku"].iter().any(|blind| model.starts_with(blind))
}

/// Those behind chat completions; `configured` is the operator's word on the window.
pub(super) fn openai(model: &str, configured: Option<u32>) -> Bounds {
    const WINDOWS: &[(&str, u32)] = &[
        ("gpt-5", 400_000),
        ("gpt-4.1", 1_000_000),
        ("gpt-4o", 128_000),
        ("gpt-4-turbo", 128_000),
        ("gpt-4", 8_192),
        ("gpt-3.5", 16_385),
        ("o1", 200_000),
        ("o3", 200_000),
        ("o4", 200_000),
        ("claude-", 200_000),
        ("deepseek-", 64_000),
    ];
    // OpenRouter writes `vendor/model`.
    let bare = model.rsplit('/').next().unwrap_or(model);
    let known = || WINDOWS.iter().find(|(start, _)| bare.starts_with(start)).map(|(_, window)| *window);
    let window = configured.or_else(known).unwrap_or(WINDOW).max(1_024);
    // A quarter of a small window, so that there is room for the question; older models write no more than 4,096.
    let most = if bare.starts_with("gpt-4-") || bare.starts_with("gpt-3.5") { 4_096 } else { OUTPUT };
    Bounds { window, output: (window / 4).min(most) }
}
