//! Every way that is read, and every fault that is named.

#![expect(clippy::unwrap_used, reason = "tests")]
use super::{super::parse, *};
use crate::backend::{
    config::{OperatorAccess, OperatorServer},
    test::Folder,
};
use serde_json::json;

const RSA: &str = include_str!("../../../../../tests/fixtures/jwt/rsa.pem");

fn environment(name: &str) -> Option<String> {
    match name {
        "SECRET" => Some("hunter2".to_owned()),
        "KEY" => Some(RSA.to_owned()),
        _ => None,
    }
}

fn read(auth: Value) -> Result<Vec<OperatorServer>, Vec<String>> {
    let file = json!({"mcpServers": {"s": {"url": "https://mcp.example/mcp", "auth": auth}}});
    parse(&file.to_string(), &environment)
}

fn good(auth: Value) -> OperatorAuth {
    match read(auth).unwrap().remove(0).access {
        OperatorAccess::Http { auth, .. } => OperatorAuth::clone(&auth.unwrap()),
        OperatorAccess::Program { .. } => panic!("http"),
    }
}

#[test]
fn each_way_to_get_tokens_without_a_person_is_read() {
    let folder = Folder::new();
    let file = folder.path().join("token");
    std::fs::write(&file, "a.b.c").unwrap();
    let auth = good(json!({
        "grant_type": "client_credentials", "client_id": "parley", "client_secret": "${SECRET}", "scope": "a b",
        "token_endpoint_auth_method": "client_secret_post", "issuer": "https://as.example",
    }));
    assert!(matches!(auth.grant, OperatorGrant::ClientCredentials));
    let OperatorProof::Secret { secret, posted: Some(true) } = &auth.client.proof else { panic!("{auth:?}") };
    assert_eq!((secret.expose_secret(), auth.client.id.as_deref()), ("hunter2", Some("parley")));
    assert_eq!((auth.scope.as_deref(), auth.issuer.as_deref()), (Some("a b"), Some("https://as.example")));
    assert!(!format!("{auth:?}").contains("hunter2"), "{auth:?}");

    let auth = good(json!({
        "grant_type": "client_credentials", "client_id": "parley", "private_key": "${KEY}", "key_id": "k",
        "token_endpoint_auth_signing_alg": "RS256",
    }));
    let OperatorProof::Key(key) = &auth.client.proof else { panic!("{auth:?}") };
    assert_eq!(key.algorithm(), Algorithm::Rs256);

    let auth = good(json!({"grant_type": "jwt-bearer", "client_id": "w", "assertion_file": file}));
    let OperatorGrant::Assertion(Told::File(found)) = &auth.grant else { panic!("{auth:?}") };
    assert!(*found == file && matches!(auth.client.proof, OperatorProof::Nothing));

    let auth = good(json!({
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "client_id": "w", "client_secret": "${SECRET}",
        "identity_provider": {"issuer": "https://idp.example", "client_id": "p", "subject_token": "${SECRET}"},
    }));
    let OperatorGrant::Identity { provider, client, token: Told::Text(token) } = &auth.grant else { panic!() };
    assert_eq!((provider.as_str(), client.id.as_deref()), ("https://idp.example", Some("p")));
    assert_eq!(token.expose_secret(), "hunter2");
}

#[cfg(target_os = "linux")]
#[test]
fn a_key_is_read_once_as_what_comes_by_a_pipe_must_be() {
    use std::{io::Write, os::fd::AsRawFd};
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(RSA.as_bytes()).unwrap();
    drop(writer);
    let auth = good(json!({
        "grant_type": "client_credentials", "client_id": "parley", "token_endpoint_auth_signing_alg": "RS256",
        "private_key_file": format!("/proc/self/fd/{}", reader.as_raw_fd()),
    }));
    assert!(matches!(auth.client.proof, OperatorProof::Key(_)), "{auth:?}");
}

#[test]
fn every_fault_of_it_is_named_and_no_secret_with_it() {
    let faults: Vec<String> = [
        json!([]),
        json!({"client_id": "x", "client_secret": "hunter2"}),
        json!({"grant_type": "password", "client_id": "x", "client_secret": "hunter2"}),
        json!({"grant_type": "client_credentials", "client_id": "x"}),
        json!({"grant_type": "client_credentials", "client_secret": "hunter2"}),
        json!({"grant_type": "client_credentials", "client_id": "x", "client_secret": "${NOPE}"}),
        json!({"grant_type": "client_credentials", "client_id": "x", "client_secret": "s", "private_key": "p"}),
        json!({"grant_type": "client_credentials", "client_id": "x", "private_key": "hunter2"}),
        json!({"grant_type": "client_credentials", "client_id": "x", "private_key": "${KEY}"}),
        json!({"grant_type": "client_credentials", "client_id": "x", "private_key_file": "/no/such/file"}),
        json!({"grant_type": "client_credentials", "client_id": "x", "private_key": "${KEY}",
               "token_endpoint_auth_signing_alg": "HS256"}),
        json!({"grant_type": "client_credentials", "client_id": "x", "client_secret": "s", "key_id": "k",
               "token_endpoint_auth_method": "private_key_jwt", "issuer": "as.example"}),
        json!({"grant_type": "client_credentials", "client_id": "x", "client_secret": "s", "assertion": "a",
               "token_endpoint_auth_method": "tls_client_auth", "secrets": 1}),
        json!({"grant_type": "jwt-bearer"}),
        json!({"grant_type": "jwt-bearer", "assertion": "a", "assertion_file": "b"}),
        json!({"grant_type": "jwt-bearer", "assertion_file": "/no/such/file"}),
        json!({"grant_type": "jwt-bearer", "identity_provider": {}}),
    ]
    .into_iter()
    .flat_map(|auth| read(auth).unwrap_err())
    .collect();
    let faults = faults.join("\n");
    assert!(!faults.contains("hunter2"), "{faults}");
    insta::assert_snapshot!(faults, @r"
    server «s»: «auth» is not an object
    server «s»: «auth.grant_type» is missing: client_credentials or jwt-bearer
    server «s»: «auth.grant_type» is neither client_credentials nor jwt-bearer
    server «s»: «auth» has neither a «client_secret» nor a «private_key» or «private_key_file»
    server «s»: «auth.client_id» is missing
    server «s»: «auth.client_secret»: the variable NOPE is not set
    server «s»: «auth» has more than one of «client_secret», «private_key» and «private_key_file»: one proves the client
    server «s»: the private key of «auth» cannot be used: it is no private key in PEM («-----BEGIN PRIVATE KEY-----»)
    server «s»: the private key of «auth» cannot be used: it is no key for ES256
    server «s»: «auth.private_key_file»: «/no/such/file» cannot be read: No such file or directory (os error 2)
    server «s»: «auth.token_endpoint_auth_signing_alg» is neither ES256 nor RS256
    server «s»: «auth.key_id» belongs to a private key
    server «s»: «auth.token_endpoint_auth_method» does not go with what «auth» proves the client by
    server «s»: «auth.issuer» is not an http:// or https:// address
    server «s»: there is no setting «auth.secrets»; there are grant_type, scope, issuer, assertion, assertion_file, identity_provider, client_id, client_secret, token_endpoint_auth_method, token_endpoint_auth_signing_alg, private_key, private_key_file, key_id
    server «s»: «auth.assertion» belongs to the grant jwt-bearer
    server «s»: «auth.token_endpoint_auth_method» is none of none, client_secret_basic, client_secret_post and private_key_jwt
    server «s»: the grant jwt-bearer needs one of «auth.assertion», «auth.assertion_file» and «auth.identity_provider»
    server «s»: «auth» has both «assertion» and «assertion_file»
    server «s»: «auth.assertion_file»: «/no/such/file» cannot be read: No such file or directory (os error 2)
    server «s»: «auth.identity_provider.client_id» is missing
    server «s»: «auth.identity_provider.issuer» is missing
    server «s»: «auth.identity_provider» has neither «subject_token» nor «subject_token_file»
    ");
    let both = json!({"mcpServers": {
        "s": {"url": "https://h/", "headers": {"authorization": "x"},
              "auth": {"grant_type": "client_credentials", "client_id": "x", "client_secret": "s"}},
        "p": {"command": "sh", "auth": {}},
    }});
    let faults = parse(&both.to_string(), &|name| (name == "PATH").then(|| "/usr/bin:/bin".to_owned()));
    insta::assert_snapshot!(faults.unwrap_err().join("\n"), @r"
    server «p»: «auth» belongs to a server with a «url»
    server «s»: it has both «auth» and a header «Authorization»
    ");
}
