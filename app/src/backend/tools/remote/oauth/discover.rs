//! From a server to its authorization server: RFC 9728, RFC 8414, and `OpenID` Connect's discovery.
//!
//! Invariant: a resource is this server, or what contains it; an authorization server is the one whose name was asked for,
//! letter by letter. A place that has no JSON has nothing; a place that has the wrong one ends the search. What an
//! authorization server must offer is for whoever needs it: PKCE with S256 where a person is sent to it (`begin`), and
//! nowhere else.

use super::{Trouble, ask::Asker};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

/// What a resource says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resource {
    /// What tokens must be for.
    pub(super) name: String,
    /// The authorization servers it listens to.
    pub(super) issuers: Vec<String>,
    /// The scopes it knows.
    pub(super) scopes: Vec<String>,
    /// Whether it takes only tokens that are bound to a key (RFC 9449).
    pub(super) bound: bool,
}

/// What an authorization server says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Metadata {
    pub(super) issuer: String,
    pub(super) authorization: Option<String>,
    pub(super) token: String,
    pub(super) registration: Option<String>,
    pub(super) revocation: Option<String>,
    /// How clients may prove themselves.
    pub(super) methods: Vec<String>,
    pub(super) scopes: Vec<String>,
    /// Whether every answer by redirect names it (RFC 9207).
    pub(super) names_itself: bool,
    /// Whether it reads clients' own documents.
    pub(super) documents: bool,
    /// Whether a code can be bound to whoever asked for it.
    pub(super) s256: bool,
    /// What tokens are given for; empty if it does not say.
    #[serde(default)]
    pub(super) grants: Vec<String>,
    /// How clients may sign what proves them.
    #[serde(default)]
    pub(super) signing: Vec<String>,
    /// How proofs of possession may be signed; empty if it takes none.
    #[serde(default)]
    pub(super) proofs: Vec<String>,
}

/// What guards the server at `url`; `hint` is what the server itself says about where to look.
pub(super) async fn resource(asker: Asker<'_>, url: &Url, hint: Option<&str>) -> Result<Resource, Trouble> {
    let mut places: Vec<String> = hint.map(str::to_owned).into_iter().collect();
    let path = url.path().trim_end_matches('/');
    if !path.is_empty() {
        places.push(at(url, &format!("/.well-known/oauth-protected-resource{path}")));
    }
    places.push(at(url, "/.well-known/oauth-protected-resource"));
    for place in places {
        let Some(found) = asker.document(&place).await? else { continue };
        let issuers = strings(&found, "authorization_servers");
        let name = found["resource"].as_str().unwrap_or_default().to_owned();
        if !covers(&name, url) {
            let told = "What it says of its sign-in is about another server, so Parley does not follow it.";
            return Err(Trouble::refused(told));
        }
        if issuers.is_empty() {
            return Err(Trouble::refused("It names no authorization server to sign in at."));
        }
        let bound = found["dpop_bound_access_tokens_required"] == true;
        return Ok(Resource { name, issuers, scopes: strings(&found, "scopes_supported"), bound });
    }
    // Servers of the protocol's revision 2025-03-26 are their own authorization servers.
    let mut whole = url.clone();
    whole.set_fragment(None);
    let issuers = vec![url.origin().ascii_serialization()];
    Ok(Resource { name: whole.into(), issuers, scopes: Vec::new(), bound: false })
}

/// What the authorization server of that name says of itself.
pub(super) async fn server(asker: Asker<'_>, issuer: &str) -> Result<Metadata, Trouble> {
    asker.check(issuer)?;
    let url = Url::parse(issuer).map_err(|_| Trouble::refused("Its authorization server has an unreadable name."))?;
    for place in places(&url) {
        let Some(found) = asker.document(&place).await? else { continue };
        if found["issuer"].as_str() != Some(issuer) {
            let told = "Its authorization server calls itself otherwise than it was called. Parley does not trust it.";
            return Err(Trouble::refused(told));
        }
        return read(asker, issuer, &found);
    }
    Err(Trouble::refused(
        "It wants to be signed in to, but its authorization server does not say how. Ask whoever runs it for a key, and \
         add it as a header.",
    ))
}

fn read(asker: Asker<'_>, issuer: &str, found: &Value) -> Result<Metadata, Trouble> {
    let address = |name: &str| found[name].as_str().map(str::to_owned);
    let token = address("token_endpoint")
        .ok_or_else(|| Trouble::refused("Its authorization server does not say where tokens are."))?;
    let (authorization, registration, revocation) =
        (address("authorization_endpoint"), address("registration_endpoint"), address("revocation_endpoint"));
    for url in [Some(&token), authorization.as_ref(), registration.as_ref(), revocation.as_ref()].into_iter().flatten()
    {
        asker.check(url)?;
    }
    Ok(Metadata {
        issuer: issuer.to_owned(),
        authorization,
        token,
        registration,
        revocation,
        methods: strings(found, "token_endpoint_auth_methods_supported"),
        scopes: strings(found, "scopes_supported"),
        names_itself: found["authorization_response_iss_parameter_supported"] == true,
        documents: found["client_id_metadata_document_supported"] == true,
        s256: strings(found, "code_challenge_methods_supported").iter().any(|method| method == "S256"),
        grants: strings(found, "grant_types_supported"),
        signing: strings(found, "token_endpoint_auth_signing_alg_values_supported"),
        proofs: strings(found, "dpop_signing_alg_values_supported"),
    })
}

/// Where an authorization server of that name may describe itself, in order.
fn places(issuer: &Url) -> Vec<String> {
    let path = issuer.path().trim_end_matches('/');
    let mut out = vec![
        at(issuer, &format!("/.well-known/oauth-authorization-server{path}")),
        at(issuer, &format!("/.well-known/openid-configuration{path}")),
    ];
    if !path.is_empty() {
        out.push(at(issuer, &format!("{path}/.well-known/openid-configuration")));
    }
    out
}

fn at(url: &Url, path: &str) -> String {
    format!("{}{path}", url.origin().ascii_serialization())
}

/// Whether a resource of that name is the server at `url`, or contains it.
fn covers(name: &str, url: &Url) -> bool {
    let Ok(named) = Url::parse(name) else { return false };
    let (outer, inner) = (named.path().trim_end_matches('/'), url.path().trim_end_matches('/'));
    let within = inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let same_query = named.query().is_none() || named.query() == url.query();
    named.origin() == url.origin() && named.fragment().is_none() && within && same_query
}

fn strings(found: &Value, name: &str) -> Vec<String> {
    let all = found[name].as_array().into_iter().flatten();
    all.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_resource_covers_itself_and_what_is_in_it() {
        let url = Url::parse("https://mcp.example/a/mcp?k=1").unwrap();
        for good in [
            "https://mcp.example",
            "https://mcp.example/",
            "https://mcp.example/a",
            "https://mcp.example:443/a/mcp/",
            "https://mcp.example/a/mcp?k=1",
        ] {
            assert!(covers(good, &url), "{good}");
        }
        for bad in [
            "",
            "/a/mcp",
            "http://mcp.example/a/mcp",
            "https://evil.example/a/mcp",
            "https://mcp.example/a/m",
            "https://mcp.example/a/mcp/more",
            "https://mcp.example/a/mcp#x",
            "https://mcp.example/a/mcp?k=2",
            "https://mcp.example:8443/a/mcp",
        ] {
            assert!(!covers(bad, &url), "{bad}");
        }
    }

    #[test]
    fn an_authorization_server_is_looked_for_in_order() {
        let places = |issuer| places(&Url::parse(issuer).unwrap());
        assert_eq!(
            places("https://as.example"),
            [
                "https://as.example/.well-known/oauth-authorization-server",
                "https://as.example/.well-known/openid-configuration"
            ]
        );
        assert_eq!(
            places("https://as.example/tenant"),
            [
                "https://as.example/.well-known/oauth-authorization-server/tenant",
                "https://as.example/.well-known/openid-configuration/tenant",
                "https://as.example/tenant/.well-known/openid-configuration"
            ]
        );
    }
}
