//! Where the authorization server and its resources are, and what they say of themselves (RFC 8414, RFC 9728).
//!
//! `/mcp` and every further endpoint of the operator's is a resource of its own: a token for one opens no other.

use crate::wire::api_token::Scope;
use serde_json::{Value, json};
use std::sync::Arc;
use url::Url;

/// Where a person is asked.
pub const AUTHORIZE: &str = "/oauth/authorize";
/// Where codes and refresh tokens become tokens.
pub const TOKEN: &str = "/oauth/token";
/// Where programs make themselves known.
pub const REGISTER: &str = "/oauth/register";
/// Where programs sign out.
pub const REVOKE: &str = "/oauth/revoke";
/// Where the authorization server describes itself.
pub const SERVER_METADATA: &str = "/.well-known/oauth-authorization-server";
/// Where a resource describes itself, with its path behind this; without it, the first one.
pub const RESOURCE_METADATA: &str = "/.well-known/oauth-protected-resource";
/// The first resource.
pub const MCP: &str = "/mcp";

/// A Parley at its public address.
#[derive(Clone, Debug)]
pub struct Site {
    issuer: Arc<str>,
    /// The paths of what tokens may be for; the first is `/mcp`.
    resources: Arc<[String]>,
}

impl Site {
    /// At that origin, with further endpoints at `others`.
    pub fn new(origin: &str, others: impl IntoIterator<Item = String>) -> Self {
        let resources = std::iter::once(MCP.to_owned()).chain(others).collect();
        Self { issuer: origin.into(), resources }
    }

    /// The authorization server's name: exactly the public address, without a slash behind it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The address of a path here.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// What tokens are for if nobody says.
    pub fn resource(&self) -> String {
        self.at(MCP)
    }

    /// The resource that an indicator means, as we write it: the same address however it is spelled, and no fragment
    /// (RFC 8707 2).
    pub fn named(&self, text: &str) -> Option<String> {
        let asked = Url::parse(text).ok()?;
        self.addresses().find(|ours| Url::parse(ours).is_ok_and(|ours| ours == asked))
    }

    fn addresses(&self) -> impl Iterator<Item = String> {
        self.resources.iter().map(|path| self.at(path))
    }

    /// Where a client that the resource at `path` refused reads on.
    pub fn resource_metadata(&self, path: &str) -> String {
        format!("{}{path}", self.at(RESOURCE_METADATA))
    }

    /// What the resource at `path` says of itself, if there is one.
    pub fn protected_resource(&self, path: &str) -> Option<Value> {
        self.resources.iter().any(|known| known == path).then(|| {
            json!({
                "resource": self.at(path),
                "resource_name": "Parley",
                "authorization_servers": [self.issuer()],
                "scopes_supported": Scope::ALL.map(Scope::name),
                "bearer_methods_supported": ["header"],
            })
        })
    }

    /// What the authorization server says of itself.
    ///
    /// Decision: not at `openid-configuration` too: that would promise identity tokens, and every client that looks
    /// there looks here first.
    pub fn authorization_server(&self) -> Value {
        const CLIENT_AUTHENTICATION: [&str; 3] = ["none", "client_secret_basic", "client_secret_post"];
        json!({
            "issuer": self.issuer(),
            "authorization_endpoint": self.at(AUTHORIZE),
            "token_endpoint": self.at(TOKEN),
            "registration_endpoint": self.at(REGISTER),
            "revocation_endpoint": self.at(REVOKE),
            "scopes_supported": Scope::ALL.map(Scope::name),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_methods_supported": CLIENT_AUTHENTICATION,
            "revocation_endpoint_auth_methods_supported": CLIENT_AUTHENTICATION,
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
            "client_id_metadata_document_supported": true,
            "protected_resources": self.addresses().collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_ours_however_it_is_spelled() {
        let site = Site::new("https://chat.example", ["/mcp/readonly".to_owned()]);
        for (ours, path) in [
            ("https://chat.example/mcp", "/mcp"),
            ("HTTPS://Chat.Example:443/mcp", "/mcp"),
            ("https://chat.example/mcp/readonly", "/mcp/readonly"),
        ] {
            assert_eq!(site.named(ours), Some(site.at(path)), "{ours}");
        }
        for other in [
            "https://chat.example",
            "https://chat.example/mcp/",
            "https://chat.example/mcp/other",
            "https://chat.example/mcp#x",
            "https://chat.example/mcp?x",
            "http://chat.example/mcp",
            "https://evil.example/mcp",
            "/mcp",
            "",
        ] {
            assert_eq!(site.named(other), None, "{other}");
        }
    }
}
