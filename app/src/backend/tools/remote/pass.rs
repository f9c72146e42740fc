//! [`Pass`]: who answers for the token that requests to a server carry, and what is tried when it is refused.
//!
//! Invariant: for each request a token that was refused is replaced once, one that allows too little is raised once, and a
//! proof of possession is made anew once for each token, where the server wants its nonce in it: a server that is never
//! content costs an error, not a loop. Where a proof is refused that had all it must have, the token stays what it is: it
//! was not the token that was refused.

use super::{
    oauth::{Trouble, account::Account, challenge::Challenge, dpop, dpop::Token, machine::Machine},
    words::{Refusal, refusal},
};
use crate::{backend::http::session::Session, wire::id::Millis};
use reqwest::{
    Method,
    header::{self, HeaderName, HeaderValue},
};
use rmcp::transport::streamable_http_client::StreamableHttpError;
use std::{collections::HashMap, future::Future, io, sync::Arc};

/// An error of a request.
pub(super) type Http = StreamableHttpError<reqwest::Error>;
/// The headers of a request.
pub(super) type Headers = HashMap<HeaderName, HeaderValue>;

/// Who answers for the token.
#[derive(Clone, Debug)]
pub(super) enum Pass {
    /// The person whose connection it is.
    Person(Arc<Account>),
    /// Parley itself.
    Machine(Arc<Machine>),
}

fn troubled(trouble: Trouble) -> Http {
    StreamableHttpError::Io(io::Error::other(trouble))
}

impl Pass {
    /// Sends a request with its token, as often as there is something new to show.
    pub(super) async fn send<T, F>(
        &self,
        session: &Session,
        (method, uri): (Method, &str),
        headers: &Headers,
        send: impl Fn(Option<String>, Headers) -> F,
    ) -> Result<T, Http>
    where
        F: Future<Output = Result<T, Http>>,
    {
        let mut token = self.token().await.map_err(troubled)?;
        let (mut renewed, mut raised, mut learned) = (false, false, false);
        loop {
            let (bearer, shown) = self.shown(token.as_ref(), &method, uri, headers).map_err(troubled)?;
            let answer = send(bearer, shown).await;
            let Err(error) = &answer else { return answer };
            match refusal(error) {
                Some(Refusal::Token(challenge)) => {
                    let challenge = Challenge::read(challenge);
                    let bound = token.as_ref().and_then(|token| Some((token, token.prover()?)));
                    if bound.is_some() && challenge.bad_proof {
                        return Err(troubled(not_proven()));
                    }
                    match bound.filter(|_| challenge.wants_nonce) {
                        Some(_) if learned => return Err(troubled(unproven())),
                        Some((token, prover)) => {
                            learned = true;
                            let asked = prover.learn(session, uri, token.access(), self.now()).await;
                            asked.map_err(troubled)?;
                        }
                        None if renewed => return self.given_up(token.as_ref(), answer).await,
                        None => match self.refused(token.as_ref(), challenge).await.map_err(troubled)? {
                            None => return answer,
                            next => (token, renewed, learned) = (next, true, false),
                        },
                    }
                }
                Some(Refusal::Scope(challenge)) if !raised => {
                    let more = self.raised(token.as_ref(), Challenge::read(challenge)).await;
                    match more.map_err(troubled)? {
                        None => return answer,
                        next => (token, raised, learned) = (next, true, false),
                    }
                }
                _ => return answer,
            }
        }
    }

    async fn token(&self) -> Result<Option<Token>, Trouble> {
        match self {
            Self::Person(account) => account.token().await,
            Self::Machine(machine) => machine.token().await,
        }
    }

    async fn refused(&self, used: Option<&Token>, challenge: Challenge) -> Result<Option<Token>, Trouble> {
        match self {
            Self::Person(account) => account.refused(used, challenge).await,
            Self::Machine(machine) => machine.refused(used, challenge).await.map(Some),
        }
    }

    /// A person is asked for more; what Parley gets itself it asks for at once.
    async fn raised(&self, used: Option<&Token>, challenge: Challenge) -> Result<Option<Token>, Trouble> {
        match self {
            Self::Person(account) => {
                account.wants_more(challenge);
                Ok(None)
            }
            Self::Machine(machine) => machine.raised(used, challenge).await.map(Some),
        }
    }

    /// Ends what was tried in vain: whom to ask is another for a person's token than for Parley's.
    async fn given_up<T>(&self, used: Option<&Token>, answer: Result<T, Http>) -> Result<T, Http> {
        match self {
            Self::Person(_) => answer,
            Self::Machine(machine) => Err(troubled(machine.given_up(used).await)),
        }
    }

    fn now(&self) -> Millis {
        match self {
            Self::Person(account) => account.now(),
            Self::Machine(machine) => machine.now(),
        }
    }

    /// What shows a token: what rmcp sends as a bearer, and the headers with what it does not know.
    fn shown(
        &self,
        token: Option<&Token>,
        method: &Method,
        uri: &str,
        headers: &Headers,
    ) -> Result<(Option<String>, Headers), Trouble> {
        let mut headers = headers.clone();
        let Some(token) = token else { return Ok((None, headers)) };
        let Some(prover) = token.prover() else { return Ok((Some(token.access().to_owned()), headers)) };
        let [shown, proof] = prover.shown(method, uri, token.access(), self.now())?;
        headers.insert(header::AUTHORIZATION, shown);
        headers.insert(HeaderName::from_static(dpop::HEADER), proof);
        Ok((None, headers))
    }
}

fn not_proven() -> Trouble {
    let told = "It does not accept the proof that the token it is shown is Parley's («invalid_dpop_proof»). Ask whoever \
                runs Parley whether its clock is right.";
    Trouble::Refused(told.to_owned())
}

fn unproven() -> Trouble {
    Trouble::Refused("It keeps asking for another proof that the token it is shown is Parley's.".to_owned())
}
