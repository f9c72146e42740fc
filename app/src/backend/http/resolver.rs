//! The resolver guarded connections use: it looks a name up and lets only permitted addresses through. The very list
//! it returns is dialled, so there is no moment between check and use.

use super::address::{Reach, Refused};
use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// Looks a name up.
pub trait Lookup: Send + Sync {
    /// The addresses of `name`, in the order to try them.
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The operating system's look-up.
#[derive(Clone, Copy, Debug)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip()).collect()) })
    }
}

/// A look-up that passes permitted addresses only.
pub(super) struct Filtered {
    pub(super) lookup: Arc<dyn Lookup>,
    pub(super) reach: Reach,
}

impl Resolve for Filtered {
    fn resolve(&self, name: Name) -> Resolving {
        let found = self.lookup.lookup(name.as_str().to_owned());
        let reach = self.reach.clone();
        Box::pin(async move {
            let mut refused: Option<Refused> = None;
            let mut permitted = Vec::new();
            for ip in found.await? {
                match reach.check(ip) {
                    // Port 0 stands for the URL's own.
                    Ok(()) => permitted.push(SocketAddr::new(ip, 0)),
                    Err(why) => refused = Some(why),
                }
            }
            match (permitted.is_empty(), refused) {
                (true, Some(why)) => Err(why.into()),
                (true, None) => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into()),
                (false, _) => Ok(Box::new(permitted.into_iter()) as Addrs),
            }
        })
    }
}
