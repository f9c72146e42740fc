//! The settings of the MCP server.

use super::read::{Faults, list};
use crate::backend::config::{MCP_TOOLSETS, McpConfig, McpEndpoint, Settings};
use std::{fmt::Display, str::FromStr, time::Duration};

/// Characters of the server's name.
const NAME_MAX: usize = 64;
/// Characters of its instructions: they are in every client's window.
const INSTRUCTIONS_MAX: usize = 4_000;
/// Sessions at one endpoint: each has a task and some kilobytes.
const SESSIONS_MAX: usize = 100_000;
/// Seconds that a session stays open unused: a day.
const IDLE_MAX: u64 = 24 * 3600;

impl Settings {
    pub(super) fn mcp(&self, faults: &mut Faults) -> McpConfig {
        let usual = McpConfig::default();
        let (yes, switch) = (true, [("on", true), ("off", false)]);
        McpConfig {
            name: faults.read("PARLEY_MCP_NAME", self.mcp_name.as_ref(), usual.name, |text| line(text, NAME_MAX)),
            instructions: faults.read("PARLEY_MCP_INSTRUCTIONS", self.mcp_instructions.as_ref(), None, |text| {
                let length = text.chars().count();
                let fits = length <= INSTRUCTIONS_MAX && !text.contains('\0');
                fits.then(|| Some(text.to_owned()))
                    .ok_or_else(|| format!("it has {length} characters; at most {INSTRUCTIONS_MAX} are possible"))
            }),
            instructions_tool: faults.choice(
                "PARLEY_MCP_INSTRUCTIONS_TOOL",
                self.mcp_instructions_tool.as_ref(),
                &switch,
                yes,
            ),
            sessions: faults.choice("PARLEY_MCP_SESSIONS", self.mcp_sessions.as_ref(), &switch, yes),
            sessions_max: faults.read(
                "PARLEY_MCP_SESSIONS_MAX",
                self.mcp_sessions_max.as_ref(),
                usual.sessions_max,
                |text| whole(text, SESSIONS_MAX),
            ),
            session_idle: faults.read(
                "PARLEY_MCP_SESSION_IDLE",
                self.mcp_session_idle.as_ref(),
                usual.session_idle,
                |text| whole(text, IDLE_MAX).map(Duration::from_secs),
            ),
            endpoints: faults.read("PARLEY_MCP_ENDPOINTS", self.mcp_endpoints.as_ref(), Vec::new(), |text| {
                let endpoints = text.split_whitespace().map(endpoint).collect::<Result<Vec<_>, _>>()?;
                let twice =
                    endpoints.iter().enumerate().find(|(at, e)| endpoints[..*at].iter().any(|o| o.path == e.path));
                match twice {
                    Some((_, e)) => Err(format!("the path «{}» is there twice", e.path)),
                    None => Ok(endpoints),
                }
            }),
        }
    }
}

/// A whole number from 1 on.
fn whole<T: FromStr + PartialOrd + Display + From<u8>>(text: &str, most: T) -> Result<T, String> {
    match text.parse::<T>() {
        Ok(number) if number >= T::from(1) && number <= most => Ok(number),
        _ => Err(format!("«{text}» is not a whole number from 1 to {most}")),
    }
}

fn line(text: &str, most: usize) -> Result<String, String> {
    match text.chars().count() {
        length if length > most => Err(format!("it has {length} characters; at most {most} are possible")),
        _ if text.contains(char::is_control) => Err("it must be one line".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

/// `/mcp/readonly=conversations,clock`.
fn endpoint(entry: &str) -> Result<McpEndpoint, String> {
    let form =
        || format!("«{entry}» is not /mcp/PATH=TOOLSET,TOOLSET (letters a to z, digits, «-» and «/» in the path)");
    let (path, sets) = entry.split_once('=').ok_or_else(form)?;
    let below = path.strip_prefix("/mcp/").ok_or_else(form)?;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !below.split('/').all(|segment| !segment.is_empty() && segment.chars().all(fits)) {
        return Err(form());
    }
    let toolsets = list(sets);
    if toolsets.is_empty() {
        return Err(format!("the endpoint «{path}» names no toolsets; there are {}", MCP_TOOLSETS.join(", ")));
    }
    match toolsets.iter().find(|name| !MCP_TOOLSETS.contains(&name.as_str())) {
        Some(name) => Err(format!("there is no toolset «{name}»; there are {}", MCP_TOOLSETS.join(", "))),
        None => Ok(McpEndpoint { path: path.to_owned(), toolsets: Some(toolsets) }),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn check(endpoints: &str) -> Result<McpConfig, String> {
        let settings = Settings { mcp_endpoints: Some(endpoints.to_owned()), ..Settings::default() };
        settings.check(|_| None).map(|config| config.mcp).map_err(|faults| faults[0].to_string())
    }

    #[test]
    fn endpoints_have_a_path_and_toolsets_that_exist() {
        let config = check("/mcp/readonly=conversations,clock\n/mcp/team/a-1=prompts").unwrap();
        let [readonly, team] = config.endpoints.as_slice() else { panic!("two endpoints") };
        assert_eq!((readonly.path.as_str(), team.path.as_str()), ("/mcp/readonly", "/mcp/team/a-1"));
        assert!(readonly.offers("clock") && !readonly.offers("chat") && McpEndpoint::main().offers("chat"));
        for (bad, words) in [
            ("/mcp/x=clocks", "there is no toolset «clocks»; there are conversations, collections, edits, chat,"),
            ("/mcp/x=", "names no toolsets"),
            ("/mcp/x", "is not /mcp/PATH=TOOLSET"),
            ("/mcp=clock", "is not /mcp/PATH=TOOLSET"),
            ("/mcp/=clock", "is not /mcp/PATH=TOOLSET"),
            ("/mcp/{id}=clock", "is not /mcp/PATH=TOOLSET"),
            ("/api/x=clock", "is not /mcp/PATH=TOOLSET"),
            ("/mcp/x=clock /mcp/x=chat", "the path «/mcp/x» is there twice"),
        ] {
            let told = check(bad).unwrap_err();
            assert!(told.starts_with("PARLEY_MCP_ENDPOINTS: ") && told.contains(words), "{told}");
        }
    }

    #[test]
    fn name_and_words_are_bounded() {
        let settings = Settings {
            mcp_name: Some("x".repeat(65)),
            mcp_instructions: Some("x".repeat(4_001)),
            mcp_instructions_tool: Some("maybe".to_owned()),
            mcp_sessions: Some("no".to_owned()),
            mcp_sessions_max: Some("0".to_owned()),
            mcp_session_idle: Some("5m".to_owned()),
            ..Settings::default()
        };
        let told: Vec<_> = settings.check(|_| None).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "PARLEY_MCP_NAME: it has 65 characters; at most 64 are possible.",
                "PARLEY_MCP_INSTRUCTIONS: it has 4001 characters; at most 4000 are possible.",
                "PARLEY_MCP_INSTRUCTIONS_TOOL: «maybe» is neither on nor off.",
                "PARLEY_MCP_SESSIONS: «no» is neither on nor off.",
                "PARLEY_MCP_SESSIONS_MAX: «0» is not a whole number from 1 to 100000.",
                "PARLEY_MCP_SESSION_IDLE: «5m» is not a whole number from 1 to 86400.",
            ]
        );
        let set = Settings {
            mcp_sessions: Some("off".to_owned()),
            mcp_sessions_max: Some("20".to_owned()),
            mcp_session_idle: Some("90".to_owned()),
            mcp_name: Some("chat".to_owned()),
            ..Settings::default()
        };
        let config = set.check(|_| None).unwrap().mcp;
        assert_eq!((config.name.as_str(), config.sessions, config.instructions_tool), ("chat", false, true));
        assert_eq!((config.sessions_max, config.session_idle), (20, Duration::from_secs(90)));
    }
}
