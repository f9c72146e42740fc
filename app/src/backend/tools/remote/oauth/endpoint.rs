//! Requests to token endpoints, proven by whoever makes them.
//!
//! Invariant: what proves a client is made anew for each attempt, with the time of that. A request is made once more where the authorization
//! server wants a nonce in its proof of possession, and not again if it still wants one.

use super::{
    Trouble,
    ask::{Answered, Asker},
    assertion,
    client::Client,
    dpop::{self, Prover},
};
use crate::backend::{clock::Clock, jwt::Key};
use reqwest::Method;
use secrecy::ExposeSecret;

/// What a client proves itself by.
#[derive(Clone, Copy)]
pub(super) enum Shows<'a> {
    /// Nothing: the request itself is proof enough.
    Nothing,
    /// Its id, with its secret if it has one.
    Client(&'a Client),
    /// What it signs (RFC 7523 2.2).
    Signed {
        /// Its id.
        id: &'a str,
        /// Its key.
        key: &'a Key,
        /// The authorization server's name.
        audience: &'a str,
    },
}

/// A request for tokens.
pub(super) struct TokenRequest<'a> {
    /// Where.
    pub(super) url: &'a str,
    /// What is asked for, and by what right.
    pub(super) form: Vec<(&'a str, &'a str)>,
    /// Who asks.
    pub(super) shows: Shows<'a>,
    /// The key that the tokens are to be bound to.
    pub(super) prover: Option<&'a Prover>,
    /// The time: what is signed is as old as the attempt it is signed for.
    pub(super) clock: &'a Clock,
}

impl TokenRequest<'_> {
    /// Makes it.
    pub(super) async fn send(&self, asker: Asker<'_>) -> Result<Answered, Trouble> {
        let answered = self.once(asker).await?;
        let error = answered.body.as_ref().and_then(|body| body["error"].as_str());
        if self.prover.is_some() && answered.nonce.is_some() && error == Some(dpop::WANTS_NONCE) {
            return self.once(asker).await;
        }
        Ok(answered)
    }

    async fn once(&self, asker: Asker<'_>) -> Result<Answered, Trouble> {
        let now = self.clock.now();
        let secret;
        let signed;
        let mut form: Vec<(&str, &str)> = self.form.clone();
        let basic = match self.shows {
            Shows::Nothing => None,
            Shows::Client(client) => {
                secret = client.secret();
                client.prove(&mut form, secret.as_ref())
            }
            Shows::Signed { id, key, audience } => {
                signed = assertion::of_client(key, id, audience, now)?;
                form.push(("client_assertion_type", assertion::OF_CLIENT));
                form.push(("client_assertion", signed.expose_secret()));
                None
            }
        };
        let proof = self.prover.map(|prover| prover.proof(&Method::POST, self.url, None, now)).transpose()?;
        let answered = asker.form(self.url, &form, basic, proof.as_ref()).await?;
        if let (Some(prover), Some(nonce)) = (self.prover, &answered.nonce) {
            prover.hear(self.url, nonce.clone());
        }
        Ok(answered)
    }
}
