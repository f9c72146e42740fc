//! Proof of possession (RFC 9449): tokens that are of use to nobody who does not hold the key they were got with.
//!
//! Invariant: a key is one sign-in's, is made here, and is kept only where the tokens are, sealed like them. Every request
//! has a proof of its own, for its method, its address and the token it shows; a nonce goes back only where it came from.
//!
//! Decision: keys are used wherever the authorization server says that it takes them, and not only where they must be: it
//! costs a signature and makes a stolen token worthless. Where it gives an ordinary token all the same, that is used,
//! unless the server wants bound ones.
//!
//! Decision: a server's nonce is asked for by an empty request of its own ([`Prover::learn`]), and not read from the
//! refusal that wanted it: rmcp, which sent that, hands on no headers. Asking with the message itself might do twice what
//! it does. It costs one more round trip whenever the nonce changes.

use super::{
    Trouble,
    begin::random_word,
    discover::{Metadata, Resource},
};
use crate::{
    backend::{
        http::session::Session,
        jwt::{Algorithm, Key, KeyError},
        tools::remote::lock,
    },
    wire::id::Millis,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{
    Method,
    header::{self, HeaderMap, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};
use url::Url;

/// The header of a proof.
pub(in super::super) const HEADER: &str = "dpop";
/// What a refusal says that wants a nonce in the proof.
pub(super) const WANTS_NONCE: &str = "use_dpop_nonce";
/// What a refusal says that does not accept the proof.
pub(super) const BAD_PROOF: &str = "invalid_dpop_proof";
/// The header of a nonce.
const NONCE: &str = "dpop-nonce";
/// Characters of a nonce that is kept.
const NONCE_MAX: usize = 1024;
/// How long an empty request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who holds a key.
pub(in super::super) struct Prover {
    key: Key,
    /// The newest nonce of each origin. Written when one is heard.
    nonces: Mutex<HashMap<String, String>>,
}

impl fmt::Debug for Prover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prover").finish_non_exhaustive()
    }
}

/// A key is kept together with its tokens, in what is sealed.
impl Serialize for Prover {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&URL_SAFE_NO_PAD.encode(self.key.pkcs8()))
    }
}

impl<'de> Deserialize<'de> for Prover {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let der = URL_SAFE_NO_PAD.decode(text).map_err(|_| D::Error::custom("a key that is not base64"))?;
        Ok(Self::of(Key::from_pkcs8(&der).map_err(D::Error::custom)?))
    }
}

impl From<KeyError> for Trouble {
    fn from(error: KeyError) -> Self {
        Self::Away(format!("Nothing can be signed for it just now: {error}."))
    }
}

/// A token, and what is shown with it.
#[derive(Clone)]
pub(in super::super) struct Token {
    pub(super) access: String,
    pub(super) prover: Option<Arc<Prover>>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("bound", &self.prover.is_some()).finish_non_exhaustive()
    }
}

impl Token {
    /// Whether it is that one.
    pub(super) fn is(&self, other: Option<&Self>) -> bool {
        other.is_some_and(|other| other.access == self.access)
    }

    /// What proves that it is Parley's, if it is bound to a key.
    pub(in super::super) fn prover(&self) -> Option<&Arc<Prover>> {
        self.prover.as_ref()
    }

    /// It alone, for a request that needs no proof.
    pub(in super::super) fn access(&self) -> &str {
        &self.access
    }
}

/// Whether tokens of that authorization server for that server are to be bound to a key.
pub(super) fn is_wanted(metadata: &Metadata, resource: &Resource) -> Result<bool, Trouble> {
    let takes = metadata.proofs.iter().any(|name| name == Algorithm::Es256.name());
    if !takes && resource.bound && !metadata.proofs.is_empty() {
        return Err(Trouble::refused(
            "It wants tokens that are bound to a key, and its authorization server takes none of Parley's kind (ES256).",
        ));
    }
    Ok(takes || resource.bound)
}

/// The nonce in an answer.
pub(super) fn nonce(headers: &HeaderMap) -> Option<String> {
    let nonce = headers.get(NONCE)?.to_str().ok()?;
    (!nonce.is_empty() && nonce.len() <= NONCE_MAX).then(|| nonce.to_owned())
}

impl Prover {
    /// With a key of its own.
    pub(super) fn make() -> Result<Arc<Self>, Trouble> {
        Ok(Arc::new(Self::of(Key::generate()?)))
    }

    fn of(key: Key) -> Self {
        Self { key, nonces: Mutex::default() }
    }

    /// What a sign-in names the key by before there is a token (RFC 9449 10).
    pub(super) fn thumbprint(&self) -> Result<String, Trouble> {
        Ok(self.key.thumbprint()?)
    }

    /// The proof for one request, which shows that token if it shows one.
    pub(super) fn proof(
        &self,
        method: &Method,
        url: &str,
        token: Option<&str>,
        now: Millis,
    ) -> Result<SecretString, Trouble> {
        let mut to = Url::parse(url).map_err(|_| Trouble::refused("Its address cannot be read."))?;
        to.set_query(None);
        to.set_fragment(None);
        let mut claims = json!({
            "jti": random_word()?,
            "htm": method.as_str(),
            "htu": to.as_str(),
            "iat": now.0 / 1000,
        });
        if let Some(token) = token {
            claims["ath"] = URL_SAFE_NO_PAD.encode(Sha256::digest(token)).into();
        }
        if let Some(nonce) = lock(&self.nonces).get(&to.origin().ascii_serialization()) {
            claims["nonce"] = nonce.as_str().into();
        }
        Ok(self.key.sign_showing("dpop+jwt", &claims)?)
    }

    /// The headers that show a token at a server.
    pub(in super::super) fn shown(
        &self,
        method: &Method,
        url: &str,
        access: &str,
        now: Millis,
    ) -> Result<[HeaderValue; 2], Trouble> {
        let proof = self.proof(method, url, Some(access), now)?;
        let value = |text: &str| {
            let mut value = HeaderValue::from_str(text).map_err(|_| Trouble::refused("Its token cannot be sent."))?;
            value.set_sensitive(true);
            Ok::<_, Trouble>(value)
        };
        Ok([value(&format!("DPoP {access}"))?, value(proof.expose_secret())?])
    }

    /// Keeps the nonce that came from there.
    pub(super) fn hear(&self, url: &str, nonce: String) {
        if let Ok(url) = Url::parse(url) {
            lock(&self.nonces).insert(url.origin().ascii_serialization(), nonce);
        }
    }

    /// Asks a server for its nonce, by a request that wants nothing else.
    pub(in super::super) async fn learn(
        &self,
        session: &Session,
        url: &str,
        access: &str,
        now: Millis,
    ) -> Result<(), Trouble> {
        let [token, proof] = self.shown(&Method::POST, url, access, now)?;
        let request = session
            .client()
            .post(url)
            .header(header::ACCEPT, "application/json, text/event-stream")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, token)
            .header(HEADER, proof)
            .body("{}");
        // Without an answer the request that wants the nonce fails by itself.
        if let Ok(Ok(answer)) = tokio::time::timeout(PATIENCE, request.send()).await
            && let Some(nonce) = nonce(answer.headers())
        {
            self.hear(url, nonce);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::backend::jwt;

    #[test]
    fn a_nonce_goes_back_only_where_it_came_from_and_no_proof_is_like_another() {
        let prover = Prover::of(Key::generate().unwrap());
        prover.hear("https://as.example/token", "n-1".to_owned());
        let proof = |url: &str| {
            let proof = prover.proof(&Method::POST, url, Some("t"), Millis(5_000)).unwrap();
            jwt::told(&proof).unwrap()
        };
        let (first, second) = (proof("https://as.example/other?a=b#c"), proof("https://as.example/other"));
        assert_eq!((&first["nonce"], &first["htu"]), (&json!("n-1"), &json!("https://as.example/other")));
        assert_eq!((&first["htm"], &first["iat"]), (&json!("POST"), &json!(5)));
        assert_ne!(first["jti"], second["jti"]);
        assert!(proof("https://mcp.example/")["nonce"].is_null());
        assert!(proof("https://as.example:8443/")["nonce"].is_null());
        prover.hear("https://as.example/", "n-2".to_owned());
        assert_eq!(proof("https://as.example/")["nonce"], "n-2");
    }

    #[test]
    fn a_key_is_kept_and_never_printed() {
        let prover = Prover::of(Key::generate().unwrap());
        let kept = serde_json::to_string(&prover).unwrap();
        let again: Prover = serde_json::from_str(&kept).unwrap();
        assert_eq!(again.thumbprint().unwrap(), prover.thumbprint().unwrap());
        assert_eq!(format!("{prover:?}"), "Prover { .. }");
        for wrong in ["\"\"", "\"%\"", "1"] {
            serde_json::from_str::<Prover>(wrong).unwrap_err();
        }
    }
}
