//! What a person's page shows of their servers.
//!
//! Invariant: no header, no query, no user name of an address: what may be a key stays where it is sealed.

use super::{Connections, connect::Access, link::Link, person::Person};
use crate::{
    backend::caller::Caller,
    wire::{
        connection::{ConnectedTool, ConnectionRow, ConnectionState, LastError, SignIn},
        id::Millis,
    },
};
use url::Url;

impl Connections {
    /// The caller's servers as they are now; those that are not connected begin to be.
    pub async fn rows(&self, caller: &Caller) -> Vec<ConnectionRow> {
        let Some(person) = self.person(caller.user).await else { return Vec::new() };
        person.touch(&self.0);
        let now = self.0.clock.now();
        person.links().iter().map(|link| row(&person, link, now)).collect()
    }
}

fn row(person: &Person, link: &Link, now: Millis) -> ConnectionRow {
    let seen = link.seen();
    // Waiting for its person is no error.
    let fault = seen.fault.filter(|_| seen.state != ConnectionState::Unfilled);
    // What is wrong now is told as that.
    let last = seen.last.filter(|_| fault.is_none());
    let last_error = last.map(|(fault, at)| {
        let ago_ms = u64::try_from(now.0.saturating_sub(at.0)).unwrap_or_default();
        LastError { told: fault.told, ago_ms }
    });
    let mut error = fault.map(|fault| fault.told).unwrap_or_default();
    if error.is_empty() {
        error.clone_from(&seen.catalog.note);
    }
    let let_in = seen.state != ConnectionState::SignIn && !seen.catalog.wants_sign_in;
    let tools = seen.catalog.tools.iter().map(|tool| ConnectedTool {
        name: tool.own.clone(),
        offered_as: tool.spec.name.clone(),
        title: tool.spec.title.clone(),
        description: tool.spec.description.clone(),
        annotations: tool.spec.annotations,
        cost: tool.cost,
        choice: person.choice(&link.id, &tool.own),
    });
    ConnectionRow {
        id: link.id.clone(),
        name: link.owner.server.name.clone(),
        of_operator: link.of_operator,
        trusted: link.owner.server.trusted,
        place: place(link),
        state: seen.state,
        sign_in: link.account().map_or(SignIn::None, |account| account.standing(let_in)),
        inputs: link.asked.rows.clone(),
        error,
        last_error,
        latency_ms: seen.latency.map(|latency| u64::try_from(latency.as_millis()).unwrap_or(u64::MAX)),
        answered_at: seen.answered_at,
        retry_at: seen.retry_at.filter(|_| seen.state.is_away()),
        calls: link.calls(),
        protocol: seen.protocol,
        calls_itself: seen.calls_itself,
        tools: tools.collect(),
        resources: count(seen.catalog.resources.len()),
        prompts: count(seen.catalog.prompts.len()),
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// Where it is: a program's name for one that is started here; the operator's addresses are the operator's.
fn place(link: &Link) -> String {
    match &link.access {
        Ok(Access::Program { command, .. }) => {
            command.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
        }
        Ok(Access::Http { url, .. }) => shown(url, link.of_operator),
        Err(_) => link.asked.place.clone(),
    }
}

fn shown(url: &Url, host_only: bool) -> String {
    let origin = url.origin().ascii_serialization();
    if host_only { origin } else { format!("{origin}{}", url.path()) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_address_is_shown_without_what_may_be_a_key() {
        let url = Url::parse("https://user:hunter2@mcp.example:8443/mcp?key=hunter2#hunter2").unwrap();
        assert_eq!(shown(&url, false), "https://mcp.example:8443/mcp");
        assert_eq!(shown(&url, true), "https://mcp.example:8443");
    }
}
