//! What the operator's file says of getting tokens for a server without a person: its `auth`, in OAuth's own words
//! (RFC 6749, RFC 7591's metadata of clients, RFC 7523).
//!
//! Invariant: as of the whole file: every fault is found and no secret is repeated. Keys are read here, once; files that
//! others renew (assertions) are looked for here, and read again at each use.

use super::Reader;
use crate::backend::jwt::{Algorithm, Key};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use std::path::PathBuf;
use url::Url;

/// How Parley gets tokens for a server without a person.
#[derive(Clone, Debug)]
pub struct OperatorAuth {
    /// By what right.
    pub grant: OperatorGrant,
    /// What Parley is at the authorization server.
    pub client: OperatorClient,
    /// The scopes to ask for; `None`: what the server wants.
    pub scope: Option<String>,
    /// The only authorization server that is shown anything; `None`: the one that the server names.
    pub issuer: Option<String>,
}

/// By what right tokens are given.
#[derive(Clone, Debug)]
pub enum OperatorGrant {
    /// Parley's own.
    ClientCredentials,
    /// What somebody whom the authorization server trusts, such as a platform, says of Parley.
    Assertion(Told),
    /// What an identity provider says to the authorization server of a person who signed in (SEP-990).
    Identity {
        /// The identity provider's name.
        provider: String,
        /// What Parley is there.
        client: OperatorClient,
        /// What it said of the person.
        token: Told,
    },
}

/// What Parley is at an authorization server.
#[derive(Clone, Debug)]
pub struct OperatorClient {
    /// Its id, if it is known there.
    pub id: Option<String>,
    /// What it proves that by.
    pub proof: OperatorProof,
}

/// What a client proves itself by.
#[derive(Clone, Debug)]
pub enum OperatorProof {
    /// Nothing.
    Nothing,
    /// A secret.
    Secret {
        /// The secret.
        secret: SecretString,
        /// Whether it is sent in the form and not in a header; `None`: as the authorization server says.
        posted: Option<bool>,
    },
    /// What it signs.
    Key(Key),
}

/// What somebody else signed.
#[derive(Clone, Debug)]
pub enum Told {
    /// Itself.
    Text(SecretString),
    /// Where it is.
    File(PathBuf),
}

/// The keys of a client.
const CLIENT: [&str; 7] = [
    "client_id",
    "client_secret",
    "token_endpoint_auth_method",
    "token_endpoint_auth_signing_alg",
    "private_key",
    "private_key_file",
    "key_id",
];
/// The others of `auth`.
const AUTH: [&str; 6] = ["grant_type", "scope", "issuer", "assertion", "assertion_file", "identity_provider"];
/// The others of its `identity_provider`.
const PROVIDER: [&str; 3] = ["issuer", "subject_token", "subject_token_file"];

/// An object of the file, and how it is called there.
#[derive(Clone, Copy)]
struct Part<'a> {
    at: &'a str,
    fields: &'a Map<String, Value>,
}

impl Part<'_> {
    fn has(&self, key: &str) -> bool {
        self.fields.contains_key(key)
    }
}

impl Reader<'_> {
    /// Reads a server's `auth`.
    pub(super) fn auth(&mut self, fields: &Map<String, Value>) -> Option<OperatorAuth> {
        let before = self.faults.len();
        let part = self.part(fields, "auth", "auth", &AUTH)?;
        let grant = self.grant(part);
        let client = self.client(part);
        let issuer = part.has("issuer").then(|| self.issuer(part)).flatten();
        let scope = self.secret(part, "scope").map(|scope| scope.expose_secret().to_owned());
        let grant = grant?;
        if matches!(grant, OperatorGrant::ClientCredentials)
            && matches!(client.proof, OperatorProof::Nothing)
            && self.faults.len() == before
        {
            self.fault("«auth» has neither a «client_secret» nor a «private_key» or «private_key_file»");
        }
        Some(OperatorAuth { grant, client, scope, issuer })
    }

    fn grant(&mut self, part: Part<'_>) -> Option<OperatorGrant> {
        let assertion = ["assertion", "assertion_file"].into_iter().find(|key| part.has(key));
        let provider = part.has("identity_provider");
        let named = self.secret(part, "grant_type");
        match named.as_ref().map(ExposeSecret::expose_secret) {
            Some("client_credentials") => {
                for key in assertion.into_iter().chain(provider.then_some("identity_provider")) {
                    self.fault(format!("«auth.{key}» belongs to the grant jwt-bearer"));
                }
                Some(OperatorGrant::ClientCredentials)
            }
            Some("jwt-bearer" | "urn:ietf:params:oauth:grant-type:jwt-bearer") => match (assertion, provider) {
                (Some(_), false) => self.told(part, "assertion", "assertion_file").map(OperatorGrant::Assertion),
                (None, true) => self.identity(part),
                _ => {
                    self.fault(
                        "the grant jwt-bearer needs one of «auth.assertion», «auth.assertion_file» and \
                         «auth.identity_provider»",
                    );
                    None
                }
            },
            Some(_) => {
                self.fault("«auth.grant_type» is neither client_credentials nor jwt-bearer");
                None
            }
            None => {
                if !part.has("grant_type") {
                    self.fault("«auth.grant_type» is missing: client_credentials or jwt-bearer");
                }
                None
            }
        }
    }

    fn identity(&mut self, part: Part<'_>) -> Option<OperatorGrant> {
        let part = self.part(part.fields, "identity_provider", "auth.identity_provider", &PROVIDER)?;
        let client = self.client(part);
        if client.id.is_none() && !part.has("client_id") {
            self.fault("«auth.identity_provider.client_id» is missing");
        }
        let provider = self.issuer(part);
        let token = self.told(part, "subject_token", "subject_token_file");
        Some(OperatorGrant::Identity { provider: provider?, client, token: token? })
    }

    fn client(&mut self, part: Part<'_>) -> OperatorClient {
        let id = self.secret(part, "client_id").map(|id| id.expose_secret().to_owned());
        let secret = self.secret(part, "client_secret");
        let keys = ["private_key", "private_key_file"].into_iter().filter(|key| part.has(key)).count();
        let method = self.secret(part, "token_endpoint_auth_method");
        let method = method.as_ref().map(ExposeSecret::expose_secret);
        let at = part.at;
        if usize::from(part.has("client_secret")) + keys > 1 {
            self.fault(format!(
                "«{at}» has more than one of «client_secret», «private_key» and «private_key_file»: one proves the client"
            ));
        }
        if (part.has("client_secret") || keys > 0) && !part.has("client_id") {
            self.fault(format!("«{at}.client_id» is missing"));
        }
        if keys == 0 {
            for key in ["token_endpoint_auth_signing_alg", "key_id"].into_iter().filter(|key| part.has(key)) {
                self.fault(format!("«{at}.{key}» belongs to a private key"));
            }
        }
        let (has_secret, has_key) = (part.has("client_secret"), keys > 0);
        let fits = match method {
            None => true,
            Some("none") => !has_secret && !has_key,
            Some("client_secret_basic" | "client_secret_post") => has_secret,
            Some("private_key_jwt") => has_key,
            Some(_) => {
                self.fault(format!(
                    "«{at}.token_endpoint_auth_method» is none of none, client_secret_basic, client_secret_post and \
                     private_key_jwt"
                ));
                true
            }
        };
        if !fits {
            self.fault(format!("«{at}.token_endpoint_auth_method» does not go with what «{at}» proves the client by"));
        }
        let posted = method.map(|method| method == "client_secret_post");
        let proof = match (secret, has_key) {
            (Some(secret), _) => OperatorProof::Secret { secret, posted },
            (None, true) => self.key(part).map_or(OperatorProof::Nothing, OperatorProof::Key),
            (None, false) => OperatorProof::Nothing,
        };
        OperatorClient { id, proof }
    }

    fn key(&mut self, part: Part<'_>) -> Option<Key> {
        let at = part.at;
        let named = self.secret(part, "token_endpoint_auth_signing_alg");
        let named = named.as_ref().map_or(Algorithm::Es256.name(), |named| named.expose_secret());
        let algorithm = Algorithm::ALL.into_iter().find(|one| one.name() == named);
        if algorithm.is_none() {
            self.fault(format!("«{at}.token_endpoint_auth_signing_alg» is neither ES256 nor RS256"));
        }
        let id = self.secret(part, "key_id").map(|id| id.expose_secret().to_owned());
        let (_, pem) = self.content(part, "private_key", "private_key_file")?;
        let key = Key::from_pem(&pem, algorithm?, id);
        key.map_err(|error| self.fault(format!("the private key of «{at}» cannot be used: {error}"))).ok()
    }

    /// A text, or the file that has it; a file that cannot be read is a fault.
    fn told(&mut self, part: Part<'_>, text: &str, file: &str) -> Option<Told> {
        let (file, text) = self.content(part, text, file)?;
        Some(file.map_or(Told::Text(text), Told::File))
    }

    /// The same with what is in it, read once: a pipe gives it once.
    fn content(&mut self, part: Part<'_>, text: &str, file: &str) -> Option<(Option<PathBuf>, SecretString)> {
        let at = part.at;
        match (part.has(text), part.has(file)) {
            (true, false) => Some((None, self.secret(part, text)?)),
            (false, true) => {
                let path = PathBuf::from(self.secret(part, file)?.expose_secret());
                match std::fs::read_to_string(&path) {
                    Ok(content) => Some((Some(path), content.into())),
                    Err(error) => {
                        self.fault(format!("«{at}.{file}»: «{}» cannot be read: {error}", path.display()));
                        None
                    }
                }
            }
            (true, true) => {
                self.fault(format!("«{at}» has both «{text}» and «{file}»"));
                None
            }
            (false, false) => {
                self.fault(format!("«{at}» has neither «{text}» nor «{file}»"));
                None
            }
        }
    }

    /// The name of an authorization server: its address.
    fn issuer(&mut self, part: Part<'_>) -> Option<String> {
        let at = part.at;
        if !part.has("issuer") {
            self.fault(format!("«{at}.issuer» is missing"));
            return None;
        }
        let issuer = self.secret(part, "issuer")?;
        let url = Url::parse(issuer.expose_secret()).ok();
        if !url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
            self.fault(format!("«{at}.issuer» is not an http:// or https:// address"));
            return None;
        }
        Some(issuer.expose_secret().to_owned())
    }

    /// The object of that name, if it is one; what else than `own` and a client's is in it is a fault.
    fn part<'a>(&mut self, fields: &'a Map<String, Value>, key: &str, at: &'a str, own: &[&str]) -> Option<Part<'a>> {
        let Some(fields) = fields.get(key)?.as_object() else {
            self.fault(format!("«{at}» is not an object"));
            return None;
        };
        let known: Vec<&str> = own.iter().chain(&CLIENT).copied().collect();
        for key in fields.keys().filter(|key| !known.contains(&key.as_str())) {
            self.fault(format!("there is no setting «{at}.{key}»; there are {}", known.join(", ")));
        }
        Some(Part { at, fields })
    }

    /// A text with its variables filled in, which may be a secret; `None` if it is not there.
    fn secret(&mut self, part: Part<'_>, key: &str) -> Option<SecretString> {
        let at = format!("{}.{key}", part.at);
        let value = self.expanded(part.fields.get(key)?, &at)?;
        let value = value.expose_secret().trim();
        if value.is_empty() {
            self.fault(format!("«{at}» is empty"));
            return None;
        }
        Some(value.into())
    }
}

#[cfg(test)]
mod tests;
