//! What Parley signs about itself (RFC 7523 2.2), and what others signed about it or about its people: a platform about a
//! workload (RFC 7523 2.1), an identity provider about a person (RFC 8693).
//!
//! Invariant: an assertion is shown to nobody but whom it is for: what Parley signs names the authorization server and is
//! good for a minute; what others signed is read before it is sent, and stays here if it is for somebody else. Files are
//! read at each use: whoever writes them renews them.

use super::{Trouble, ask::Asker, begin::random_word, discover, endpoint::TokenRequest, grant, machine::Shown};
use crate::{
    backend::{
        clock::Clock,
        config::servers::{OperatorClient, Told},
        jwt::{self, Key},
    },
    wire::id::Millis,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// The type of what a client signs.
pub(super) const OF_CLIENT: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The grant of an assertion.
pub(super) const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The grant by which an identity provider gives one token for another.
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// The type of what an identity provider says of who signed in.
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
/// The type of what it says of them to one authorization server.
const ID_JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";
/// Seconds that what Parley signs is good for.
const GOOD_FOR: i64 = 60;
/// Bytes of an assertion.
const MOST: u64 = 64 * 1024;

/// What proves Parley to the authorization server of that name.
pub(super) fn of_client(key: &Key, id: &str, audience: &str, now: Millis) -> Result<SecretString, Trouble> {
    let now = now.0 / 1000;
    let claims = json!({
        "iss": id,
        "sub": id,
        "aud": audience,
        "jti": random_word()?,
        "iat": now,
        "exp": now + GOOD_FOR,
    });
    Ok(key.sign(&claims)?)
}

/// Reads what somebody else signed.
pub(super) async fn read(told: &Told) -> Result<SecretString, Trouble> {
    let file = match told {
        Told::Text(text) => return Ok(text.clone()),
        Told::File(file) => file,
    };
    let unread = |reason: String| {
        tracing::warn!(file = %file.display(), reason, "what proves an identity cannot be read");
        Trouble::Away("The file with the identity to show there cannot be read. Ask whoever runs Parley.".to_owned())
    };
    let size = tokio::fs::metadata(file).await.map_err(|error| unread(error.to_string()))?.len();
    if size > MOST {
        return Err(unread("it is too large".to_owned()));
    }
    let text = tokio::fs::read_to_string(file).await.map_err(|error| unread(error.to_string()))?;
    Ok(text.trim().into())
}

/// Checks that a token of others is for one of `audiences`, and good yet; says what it says.
pub(super) fn checked(token: &SecretString, audiences: &[&str], now: Millis) -> Result<Value, Trouble> {
    let told = jwt::told(token).ok_or_else(|| Trouble::refused("The identity to show there is no JSON Web Token."))?;
    let same = |name: &Value| {
        let name = name.as_str().unwrap_or_default().trim_end_matches('/');
        audiences.iter().any(|audience| audience.trim_end_matches('/') == name)
    };
    let is_for = match &told["aud"] {
        Value::Array(names) => names.iter().any(same),
        name => same(name),
    };
    if !is_for {
        return Err(Trouble::refused("The identity to show there is for somebody else (its «aud»), and stays here."));
    }
    // A NumericDate may have a fraction (RFC 7519 2).
    let seconds = Duration::from_millis(u64::try_from(now.0).unwrap_or_default()).as_secs_f64();
    if told["exp"].as_f64().is_some_and(|end| end <= seconds) {
        return Err(Trouble::Away(
            "The identity to show there has expired. Whoever gives it must renew it.".to_owned(),
        ));
    }
    Ok(told)
}

/// What an identity provider answers.
#[derive(Deserialize)]
struct Exchanged {
    access_token: String,
    issued_token_type: String,
}

/// An identity provider's word about somebody, for one authorization server and one resource (SEP-990).
pub(super) struct Exchange<'a> {
    /// The identity provider's name.
    pub(super) provider: &'a str,
    /// What Parley is there.
    pub(super) client: &'a OperatorClient,
    /// What the provider said of who signed in.
    pub(super) subject: &'a SecretString,
    /// The authorization server.
    pub(super) audience: &'a str,
    /// The server.
    pub(super) resource: &'a str,
    /// The scopes.
    pub(super) scope: &'a str,
}

impl Exchange<'_> {
    /// Asks for it.
    pub(super) async fn send(&self, asker: Asker<'_>, clock: &Clock) -> Result<SecretString, Trouble> {
        let told = checked(self.subject, &[self.client.id.as_deref().unwrap_or_default()], clock.now())?;
        if told["iss"].as_str() != Some(self.provider) {
            return Err(Trouble::refused("The identity to show is of another identity provider, and stays here."));
        }
        let metadata = discover::server(asker, self.provider).await.map_err(of_provider)?;
        let mut form = vec![
            ("grant_type", EXCHANGE),
            ("requested_token_type", ID_JAG),
            ("audience", self.audience),
            ("resource", self.resource),
            ("subject_token", self.subject.expose_secret()),
            ("subject_token_type", ID_TOKEN),
        ];
        if !self.scope.is_empty() {
            form.push(("scope", self.scope));
        }
        let client = Shown::of(self.client, &metadata);
        let shows = client.shows(self.provider);
        let request = TokenRequest { url: &metadata.token, form, shows, prover: None, clock };
        let answered = request.send(asker).await.map_err(of_provider)?;
        if !answered.status.is_success() {
            return Err(of_provider(grant::refusal(&answered)));
        }
        let exchanged = answered.body.and_then(|body| serde_json::from_value::<Exchanged>(body).ok());
        let exchanged = exchanged.filter(|exchanged| exchanged.issued_token_type == ID_JAG);
        let exchanged = exchanged.ok_or_else(|| {
            of_provider(Trouble::refused("It gives something else than an identity assertion («id-jag»)."))
        })?;
        let assertion = SecretString::from(exchanged.access_token);
        checked(&assertion, &[self.audience], clock.now())?;
        Ok(assertion)
    }
}

/// The same of the identity provider, which the words about authorization servers do not name.
fn of_provider(trouble: Trouble) -> Trouble {
    let told = |told: String| format!("The identity provider does not vouch for it. {told}");
    match trouble {
        Trouble::Away(reason) => Trouble::Away(told(reason)),
        Trouble::Refused(reason) | Trouble::Denied(reason) => Trouble::Refused(told(reason)),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_for_somebody_else_or_over_is_not_shown() {
        let key = Key::generate().unwrap();
        let now = Millis(10_000);
        let signed = |claims: Value| key.sign(&claims).unwrap();
        let good = signed(json!({"aud": ["https://other.example", "https://as.example/"], "exp": 11}));
        assert_eq!(checked(&good, &["https://as.example"], now).unwrap()["exp"], 11);
        let fraction = signed(json!({"aud": "https://as.example", "exp": 10.5}));
        checked(&fraction, &["https://as.example"], now).unwrap();
        for (claims, words) in [
            (json!({"aud": "https://as.example.evil", "exp": 11}), "somebody else"),
            (json!({"aud": [], "exp": 11}), "somebody else"),
            (json!({"exp": 11}), "somebody else"),
            (json!({"aud": "https://as.example", "exp": 10}), "expired"),
            (json!({"aud": "https://as.example", "exp": 9.5}), "expired"),
        ] {
            let refused = checked(&signed(claims), &["https://as.example"], now).unwrap_err().to_string();
            assert!(refused.contains(words), "{refused}");
        }
        assert!(checked(&"x".into(), &["a"], now).unwrap_err().to_string().contains("no JSON Web Token"));
    }
}
