//! Who is at the other end: the socket's address, or what the operator's own proxies say of it.
//!
//! `X-Forwarded-For` is written by anybody; only its last entries, one for each trusted proxy, are believed.

use crate::state::AppState;
use app::backend::caller::Peer;
use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Characters of what a browser calls itself that are kept.
const AGENT_MAX: usize = 200;

/// Puts the [`Peer`] beside the request.
pub async fn peer(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    note(&state, &mut request);
    next.run(request).await
}

/// See [`peer`].
pub(super) fn note(state: &AppState, request: &mut Request) {
    let socket = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let socket = socket.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let address = client_address(request.headers(), socket, state.backend.config.trusted_proxies);
    let agent = request.headers().get(header::USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
    let agent = agent.map(|agent| agent.chars().take(AGENT_MAX).collect()).unwrap_or_default();
    request.extensions_mut().insert(Peer { address, agent });
}

/// The entry that the outermost of `trusted` proxies wrote: the last but `trusted - 1`.
fn client_address(headers: &HeaderMap, socket: IpAddr, trusted: usize) -> IpAddr {
    let Some(back) = trusted.checked_sub(1) else { return socket };
    let lists = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let entries: Vec<&str> = lists.flat_map(|list| list.split(',')).map(str::trim).collect();
    let entry = entries.iter().rev().nth(back).or(entries.first());
    entry.and_then(|entry| address_of(entry)).unwrap_or(socket)
}

/// Some proxies write the port too.
fn address_of(entry: &str) -> Option<IpAddr> {
    entry.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn only_the_operators_proxies_are_believed() {
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "6.6.6.6, 192.0.2.7".parse().unwrap());
        headers.append("x-forwarded-for", "10.0.0.2".parse().unwrap());
        let at = |trusted| client_address(&headers, IpAddr::from([127, 0, 0, 1]), trusted).to_string();
        assert_eq!(at(0), "127.0.0.1");
        assert_eq!(at(1), "10.0.0.2");
        assert_eq!(at(2), "192.0.2.7");
        assert_eq!(at(9), "6.6.6.6");
        assert_eq!(client_address(&HeaderMap::new(), IpAddr::from([127, 0, 0, 1]), 1).to_string(), "127.0.0.1");
        assert_eq!(address_of("[2001:db8::1]:443").unwrap().to_string(), "2001:db8::1");
        assert_eq!(address_of("unknown"), None);
    }
}
