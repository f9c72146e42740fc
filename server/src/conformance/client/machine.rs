//! Scenarios in which nobody signs in: the operator's file for them, in the words of the README.

use super::{Context, NAME, sentence};
use crate::cli::Refusal;
use app::backend::config::{OperatorServer, servers};
use serde_json::{Value, json};

/// The operator's servers of a scenario: the one at `url`, where the scenario is one of those.
pub(super) fn servers(scenario: &str, url: &str, context: &Context) -> Result<Vec<OperatorServer>, Refusal> {
    let Some(auth) = auth(scenario, context) else { return Ok(Vec::new()) };
    let file = json!({"mcpServers": {NAME: {"url": url, "auth": auth}}});
    servers::parse(&file.to_string(), &|_| None)
        .map_err(|faults| sentence(format!("The context is no configuration: {}.", faults.join("; "))))
}

fn auth(scenario: &str, context: &Context) -> Option<Value> {
    let mut auth = match scenario {
        "auth/client-credentials-basic" => json!({
            "grant_type": "client_credentials",
            "client_secret": context.client_secret,
        }),
        "auth/client-credentials-jwt" => json!({
            "grant_type": "client_credentials",
            "private_key": context.private_key_pem,
            "token_endpoint_auth_signing_alg": context.signing_algorithm,
        }),
        "auth/enterprise-managed-authorization" => json!({
            "grant_type": "jwt-bearer",
            "client_secret": context.client_secret,
            "identity_provider": {
                "issuer": context.idp_issuer,
                "client_id": context.idp_client_id,
                "subject_token": context.idp_id_token,
            },
        }),
        "auth/wif-jwt-bearer" => json!({
            "grant_type": "jwt-bearer",
            "assertion": context.valid_jwt,
        }),
        _ => return None,
    };
    auth["client_id"] = json!(context.client_id);
    Some(auth)
}
