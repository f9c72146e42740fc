//! JSON Web Tokens that Parley signs (RFC 7519), by `jsonwebtoken`; of those that others signed it only reads what they
//! say of themselves.
//!
//! Invariant: a private key is read once, is never printed, and only ever signs. Nothing here takes a token of others for
//! proven: there is no verifier.
//!
//! Decision: `jsonwebtoken` with a provider of our own over *ring*. Its own two would bring a second implementation of
//! the same cryptography into the program.

use jsonwebtoken::{
    Algorithm as Alg, EncodingKey, Header,
    crypto::{CryptoProvider, JwtSigner, KeyUtils},
    encode,
    errors::{Error, ErrorKind},
    jwk::{EllipticCurve, Jwk, ThumbprintHash},
    signature::{self, Signer},
};
use ring::{
    digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// Bytes of a coordinate on the curve P-256.
const COORDINATE: usize = 32;

/// How something is signed (RFC 7518 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSA (PKCS #1 1.5) with SHA-256.
    Rs256,
}

impl Algorithm {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Es256, Self::Rs256];

    /// Its name in the registry.
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    fn theirs(self) -> Alg {
        match self {
            Self::Es256 => Alg::ES256,
            Self::Rs256 => Alg::RS256,
        }
    }
}

/// Why a key cannot be used, as the end of a sentence; never with anything of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is not PEM, or has no private key in it.
    #[error("it is no private key in PEM («-----BEGIN PRIVATE KEY-----»)")]
    Pem,
    /// It is in OpenSSL's older format.
    #[error("it is in an older format («EC PRIVATE KEY»): convert it with `openssl pkcs8 -topk8 -nocrypt`")]
    Older,
    /// It is of another kind.
    #[error("it is no key for {}", .0.name())]
    Other(Algorithm),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
    /// What is to be signed cannot be.
    #[error("nothing can be signed with it")]
    Signing,
}

/// A private key.
#[derive(Clone)]
pub struct Key {
    algorithm: Algorithm,
    private: EncodingKey,
    /// What those who check its signatures know it by.
    id: Option<String>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("algorithm", &self.algorithm).field("id", &self.id).finish_non_exhaustive()
    }
}

impl Key {
    /// A new one, for ES256.
    ///
    /// # Errors
    /// [`KeyError::Random`].
    pub fn generate() -> Result<Self, KeyError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        Self::from_pkcs8(document.map_err(|_| KeyError::Random)?.as_ref())
    }

    /// One that was kept by [`Key::pkcs8`].
    ///
    /// # Errors
    /// It is none.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        Self::checked(Algorithm::Es256, EncodingKey::from_ec_der(der), None)
    }

    /// The one in a text of PEM: PKCS #8, or PKCS #1 for RSA.
    ///
    /// # Errors
    /// There is none for that algorithm.
    pub fn from_pem(pem: &SecretString, algorithm: Algorithm, id: Option<String>) -> Result<Self, KeyError> {
        let der = PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes()).map_err(|_| KeyError::Pem)?;
        let key = match (algorithm, &der) {
            (Algorithm::Es256, PrivateKeyDer::Pkcs8(_)) => EncodingKey::from_ec_der(der.secret_der()),
            (Algorithm::Es256, PrivateKeyDer::Sec1(_)) => return Err(KeyError::Older),
            (Algorithm::Rs256, PrivateKeyDer::Pkcs8(_) | PrivateKeyDer::Pkcs1(_)) => {
                EncodingKey::from_rsa_der(der.secret_der())
            }
            _ => return Err(KeyError::Other(algorithm)),
        };
        Self::checked(algorithm, key, id)
    }

    fn checked(algorithm: Algorithm, private: EncodingKey, id: Option<String>) -> Result<Self, KeyError> {
        signer(&algorithm.theirs(), &private).map_err(|_| KeyError::Other(algorithm))?;
        Ok(Self { algorithm, private, id })
    }

    /// How it signs.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What is kept of it: a secret.
    pub fn pkcs8(&self) -> &[u8] {
        self.private.as_bytes()
    }

    /// Signs claims; whoever checks them knows the key already.
    ///
    /// # Errors
    /// [`KeyError::Signing`].
    pub fn sign(&self, claims: &impl Serialize) -> Result<SecretString, KeyError> {
        let header = Header { kid: self.id.clone(), ..Header::new(self.algorithm.theirs()) };
        self.signed(&header, claims)
    }

    /// Signs claims as a token of that type that has the public key in it (RFC 7515 4.1.3).
    ///
    /// # Errors
    /// [`KeyError::Signing`].
    pub fn sign_showing(&self, kind: &str, claims: &impl Serialize) -> Result<SecretString, KeyError> {
        let header =
            Header { typ: Some(kind.to_owned()), jwk: Some(self.public()?), ..Header::new(self.algorithm.theirs()) };
        self.signed(&header, claims)
    }

    fn signed(&self, header: &Header, claims: &impl Serialize) -> Result<SecretString, KeyError> {
        ready();
        encode(header, claims, &self.private).map(SecretString::from).map_err(|_| KeyError::Signing)
    }

    fn public(&self) -> Result<Jwk, KeyError> {
        ready();
        Jwk::from_encoding_key(&self.private, self.algorithm.theirs()).map_err(|_| KeyError::Signing)
    }

    /// The name of the public key that it alone has (RFC 7638).
    ///
    /// # Errors
    /// [`KeyError::Signing`].
    pub fn thumbprint(&self) -> Result<String, KeyError> {
        self.public()?.thumbprint(ThumbprintHash::SHA256).map_err(|_| KeyError::Signing)
    }
}

/// What a token of others says of itself, if it is one; nothing of it is proven.
pub fn told(token: &SecretString) -> Option<Value> {
    jsonwebtoken::dangerous::insecure_decode_claims(token.expose_secret()).ok()
}

/// Tells the library what signs; it is told once.
fn ready() {
    let _already = RING.install_default();
}

/// *ring*, as far as it is used.
static RING: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: |_, _| Err(unsupported()),
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: |_| Err(unsupported()),
        rsa_pub_components_from_public_key: |_| Err(unsupported()),
        ec_pub_components_from_private_key: point,
        ed_pub_components_from_private_key: |_, _| Err(unsupported()),
        compute_digest: hashed,
    },
};

fn unsupported() -> Error {
    ErrorKind::UnsupportedAlgorithm.into()
}

struct Es256(EcdsaKeyPair);
struct Rs256(RsaKeyPair);

fn curve(key: &[u8]) -> Result<EcdsaKeyPair, Error> {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key, &SystemRandom::new())
        .map_err(|_| ErrorKind::InvalidEcdsaKey.into())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the library wants it so")]
fn signer(algorithm: &Alg, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    let bytes = key.as_bytes();
    match algorithm {
        Alg::ES256 => Ok(Box::new(Es256(curve(bytes)?))),
        Alg::RS256 => {
            let pair = RsaKeyPair::from_pkcs8(bytes).or_else(|_| RsaKeyPair::from_der(bytes));
            Ok(Box::new(Rs256(pair.map_err(|error| ErrorKind::InvalidRsaKey(error.to_string()))?)))
        }
        _ => Err(unsupported()),
    }
}

impl Signer<Vec<u8>> for Es256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        let signed = self.0.sign(&SystemRandom::new(), message);
        signed.map(|signed| signed.as_ref().to_vec()).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Es256 {
    fn algorithm(&self) -> Alg {
        Alg::ES256
    }
}

impl Signer<Vec<u8>> for Rs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        let mut signed = vec![0; self.0.public().modulus_len()];
        let done = self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signed);
        done.map(|()| signed).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Rs256 {
    fn algorithm(&self) -> Alg {
        Alg::RS256
    }
}

/// The public key of a private one for ES256, as its coordinates.
fn point(key: &[u8], algorithm: Alg) -> Result<(EllipticCurve, Vec<u8>, Vec<u8>), Error> {
    if algorithm != Alg::ES256 {
        return Err(unsupported());
    }
    let pair = curve(key)?;
    let found = pair.public_key().as_ref().get(1..).and_then(|both| both.split_at_checked(COORDINATE));
    let (x, y) = found.ok_or(ErrorKind::InvalidEcdsaKey)?;
    Ok((EllipticCurve::P256, x.to_vec(), y.to_vec()))
}

fn hashed(bytes: &[u8], by: ThumbprintHash) -> Result<Vec<u8>, Error> {
    match by {
        ThumbprintHash::SHA256 => Ok(digest::digest(&digest::SHA256, bytes).as_ref().to_vec()),
        _ => Err(unsupported()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use serde_json::json;

    /// Made for this test alone by `openssl genpkey -algorithm RSA`.
    const RSA: &str = include_str!("../../tests/fixtures/jwt/rsa.pem");
    /// By `openssl ecparam -name prime256v1 -genkey -noout`.
    const OLDER: &str = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIA==\n-----END EC PRIVATE KEY-----\n";

    fn part(token: &str, at: usize) -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(at).unwrap()).unwrap()).unwrap()
    }

    fn signature(token: &str) -> (&str, Vec<u8>) {
        let (message, signed) = token.rsplit_once('.').unwrap();
        (message, URL_SAFE_NO_PAD.decode(signed).unwrap())
    }

    #[test]
    fn a_signature_holds_for_the_key_that_the_token_shows_and_for_no_other() {
        let key = Key::generate().unwrap();
        let token = key.sign_showing("dpop+jwt", &json!({"jti": "1"})).unwrap();
        let token = token.expose_secret();
        let header = part(token, 0);
        assert_eq!((&header["typ"], &header["alg"]), (&json!("dpop+jwt"), &json!("ES256")));
        assert_eq!((&header["jwk"]["kty"], &header["jwk"]["crv"]), (&json!("EC"), &json!("P-256")));
        assert!(header["jwk"]["d"].is_null(), "the private part is not shown");
        let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(header["jwk"][name].as_str().unwrap()).unwrap();
        let shown = [vec![4], coordinate("x"), coordinate("y")].concat();
        let (message, signed) = signature(token);
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &shown).verify(message.as_bytes(), &signed).unwrap();
        let other = Key::generate().unwrap().sign_showing("dpop+jwt", &json!({"jti": "1"})).unwrap();
        let (message, signed) = signature(other.expose_secret());
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &shown).verify(message.as_bytes(), &signed).unwrap_err();
        let again = Key::from_pkcs8(key.pkcs8()).unwrap();
        assert_eq!(again.thumbprint().unwrap(), key.thumbprint().unwrap());
    }

    #[test]
    fn a_key_of_rsa_signs_and_is_named() {
        let key = Key::from_pem(&RSA.into(), Algorithm::Rs256, Some("k-1".to_owned())).unwrap();
        let token = key.sign(&json!({"iss": "a"})).unwrap();
        let token = token.expose_secret();
        assert_eq!(part(token, 0), json!({"typ": "JWT", "alg": "RS256", "kid": "k-1"}));
        assert_eq!(told(&token.into()).unwrap(), json!({"iss": "a"}));
        let pair = RsaKeyPair::from_pkcs8(key.pkcs8()).unwrap();
        let (message, signed) = signature(token);
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public().as_ref());
        public.verify(message.as_bytes(), &signed).unwrap();
    }

    #[test]
    fn what_is_no_key_is_named_and_none_is_printed() {
        let read = |pem: &str, algorithm| Key::from_pem(&pem.into(), algorithm, None).unwrap_err();
        assert_eq!(read("hunter2", Algorithm::Es256), KeyError::Pem);
        assert_eq!(read(OLDER, Algorithm::Es256), KeyError::Older);
        assert_eq!(read(OLDER, Algorithm::Rs256), KeyError::Other(Algorithm::Rs256));
        assert_eq!(read(RSA, Algorithm::Es256), KeyError::Other(Algorithm::Es256));
        assert_eq!(told(&"hunter2".into()), None);
        let key = Key::from_pem(&RSA.into(), Algorithm::Rs256, None).unwrap();
        assert_eq!(format!("{key:?}"), "Key { algorithm: Rs256, id: None, .. }");
    }
}
