//! Signed tokens as whoever is shown them checks them: by *ring* alone, and not by the library that signed them.

use crate::backend::{clock::Clock, jwt::Key};
use axum::http::HeaderMap;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey},
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{collections::HashSet, sync::Mutex};

/// Milliseconds for which what is signed for one request may be shown: longer than the way there takes.
const FRESH: i64 = 60_000;

/// What was shown already, for a token's `jti` counts once; and the time, for its `iat` is now.
#[derive(Debug, Default)]
pub(super) struct Once {
    shown: Mutex<HashSet<String>>,
    clock: Mutex<Option<Clock>>,
}

impl Once {
    /// Goes by that clock from here on.
    pub(super) fn goes_by(&self, clock: &Clock) {
        *self.clock.lock().unwrap() = Some(clock.clone());
    }

    /// Lets time pass.
    pub(super) fn pass(&self, ms: i64) {
        self.clock().advance(ms);
    }

    fn clock(&self) -> Clock {
        self.clock.lock().unwrap().clone().expect("a test's server goes by its clock")
    }
}

/// A proof of possession that holds.
#[derive(Debug)]
pub(super) struct Proof {
    pub(super) thumbprint: String,
    pub(super) nonce: Option<String>,
}

/// The public key of a private one.
pub(super) fn public(key: &Key) -> Vec<u8> {
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.pkcs8(), &SystemRandom::new()).unwrap();
    pair.public_key().as_ref().to_vec()
}

fn part(token: &str, at: usize) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(at)?).ok()?).ok()
}

/// The claims of a token that the key signed.
pub(super) fn opened(token: &str, public: &[u8]) -> Option<Value> {
    let (message, signed) = token.rsplit_once('.')?;
    let signed = URL_SAFE_NO_PAD.decode(signed).ok()?;
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public);
    key.verify(message.as_bytes(), &signed).ok()?;
    part(token, 1).filter(|_| part(token, 0).is_some_and(|header| header["alg"] == "ES256"))
}

/// Marks it as shown; whether it never was.
pub(super) fn first(once: &Once, claims: &Value) -> bool {
    claims["jti"].as_str().is_some_and(|jti| !jti.is_empty() && once.shown.lock().unwrap().insert(jti.to_owned()))
}

/// Whether it was signed just now.
pub(super) fn fresh(once: &Once, claims: &Value) -> bool {
    // Whole seconds: it may seem to have been signed up to one earlier than it was.
    claims["iat"].as_i64().is_some_and(|iat| (0..FRESH).contains(&(once.clock().now().0 - iat * 1000)))
}

/// Checks a request's proof (RFC 9449 4.3), with the token it shows if it shows one.
pub(super) fn check(
    once: &Once,
    headers: &HeaderMap,
    method: &str,
    url: &str,
    token: Option<&str>,
) -> Result<Proof, &'static str> {
    let mut shown = headers.get_all("dpop").iter();
    let (Some(proof), None) = (shown.next(), shown.next()) else { return Err("not one proof") };
    let proof = proof.to_str().map_err(|_| "no text")?;
    let header = part(proof, 0).ok_or("no header")?;
    let jwk = &header["jwk"];
    if header["typ"] != "dpop+jwt" || jwk["kty"] != "EC" || jwk["crv"] != "P-256" || !jwk["d"].is_null() {
        return Err("another type, or another key");
    }
    let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap_or_default()).unwrap_or_default();
    let claims = opened(proof, &[vec![4], coordinate("x"), coordinate("y")].concat()).ok_or("the signature")?;
    let hashed = token.map(|token| URL_SAFE_NO_PAD.encode(Sha256::digest(token)));
    if claims["htm"] != method || claims["htu"] != url || claims["ath"].as_str() != hashed.as_deref() {
        return Err("for something else");
    }
    if !fresh(once, &claims) {
        return Err("too old, or without a time");
    }
    if !first(once, &claims) {
        return Err("again");
    }
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"]);
    let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(canonical));
    Ok(Proof { thumbprint, nonce: claims["nonce"].as_str().map(str::to_owned) })
}
