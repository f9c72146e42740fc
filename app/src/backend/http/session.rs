//! [`Session`]: the client for a server one stays connected to, where [`super::Guarded`] is for single visits.
//!
//! Invariant: as there, every request's address is checked as it is parsed, and every name's addresses in the resolver
//! that the connection uses; connections are kept, because each was checked when it was made. A redirect is followed
//! only within its origin and only where method and body stay (RFC 9110 15.4.8, 15.4.9), so that neither a header's
//! secret nor the request itself ever reaches another host.

use super::{
    SILENCE,
    address::{Reach, Refused},
    base, built,
    resolver::{Filtered, Lookup},
};
use reqwest::{Client, StatusCode, redirect};
use std::sync::Arc;

/// Redirects within an origin that are followed: a slash at the end is one.
const HOPS_MAX: usize = 2;

/// A client for lasting connections.
#[derive(Clone, Debug)]
pub struct Session {
    client: Client,
    reach: Option<Reach>,
}

impl Session {
    /// For addresses that somebody else chose.
    ///
    /// # Errors
    /// As [`super::client`].
    pub fn guarded(reach: Reach, lookup: Arc<dyn Lookup>) -> Result<Self, reqwest::Error> {
        let resolver = Arc::new(Filtered { lookup, reach: reach.clone() });
        let client = built(|| {
            let guarded = base().no_proxy().read_timeout(SILENCE).redirect(within_origin());
            guarded.dns_resolver(Arc::clone(&resolver))
        })?;
        Ok(Self { client, reach: Some(reach) })
    }

    /// For addresses of the operator's configuration: any, by the environment's proxy.
    ///
    /// # Errors
    /// As [`super::client`].
    pub fn of_operator() -> Result<Self, reqwest::Error> {
        Ok(Self { client: built(|| base().read_timeout(SILENCE).redirect(within_origin()))?, reach: None })
    }

    /// Checks an address before it is asked: a name's addresses are checked at the connection itself.
    ///
    /// # Errors
    /// Why it may not be visited.
    pub fn check(&self, url: &str) -> Result<(), Refused> {
        self.reach.as_ref().map_or(Ok(()), |reach| reach.target(url).map(drop))
    }

    /// The client; ask [`Session::check`] before each request.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

fn within_origin() -> redirect::Policy {
    redirect::Policy::custom(|attempt| {
        let stays = attempt.previous().last().is_some_and(|from| from.origin() == attempt.url().origin());
        let keeps = matches!(attempt.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
        if stays && keeps && attempt.previous().len() <= HOPS_MAX { attempt.follow() } else { attempt.stop() }
    })
}
