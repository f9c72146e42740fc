//! Which addresses a guarded request may visit. Decided on parsed addresses, never on text: `0x7f.1`, `2130706433` and
//! `[::ffff:7f00:1]` are all the one they mean, because the URL parser that reads them is the one that connects.
//!
//! The ranges are those of the IANA special-purpose registries (RFC 6890). For IPv6 everything outside of global
//! unicast is refused, so that a range registered tomorrow is too.

use crate::backend::config::Nearby;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use url::{Host, Url};

/// Ports on which websites are; others belong to services that should not be knocked at.
const PORTS: [u16; 5] = [80, 443, 8000, 8080, 8443];
/// Endings that name machines nearby (RFC 6761, 6762, 8375, 9476, and what routers and clouds use).
const NEARBY: [&str; 11] =
    ["localhost", "local", "localdomain", "internal", "intranet", "private", "corp", "home", "lan", "arpa", "alt"];
/// Characters of a URL.
const URL_MAX: usize = 2_000;

/// Why an address may not be visited, as a sentence without its full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It cannot be read.
    #[error("«{0}» is not a web address")]
    Unreadable(String),
    /// Its scheme is another than http or https.
    #[error("only http and https addresses may be visited, not «{0}:»")]
    Scheme(String),
    /// It carries a name or password.
    #[error("an address with a user name or password in it may not be visited")]
    Credentials,
    /// Its port is not one of a website's.
    #[error("port {0} may not be visited; websites are at 80, 443, 8000, 8080 and 8443")]
    Port(u16),
    /// It names a machine nearby.
    #[error("this address is private and may not be visited ({0} names a machine nearby)")]
    Nearby(String),
    /// It is, or its name leads only to, an address that is not public.
    #[error("this address is private and may not be visited ({0} is {1})")]
    Private(IpAddr, &'static str),
}

/// Where guarded requests may go: public addresses, and what an operator or a test adds.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    also: Vec<SocketAddr>,
    here: bool,
    everywhere: bool,
}

impl Reach {
    /// Public addresses and exactly these.
    pub fn and(also: Vec<SocketAddr>) -> Self {
        Self { also, ..Self::default() }
    }

    /// Public addresses, and this machine's own at every port.
    pub fn this_machine() -> Self {
        Self { here: true, ..Self::default() }
    }

    /// Every address and port, this machine's and private ones too: for an operator who trusts everybody here.
    pub fn everywhere() -> Self {
        Self { everywhere: true, ..Self::default() }
    }

    /// Checks an address as somebody wrote it; one without a scheme is taken for https.
    ///
    /// # Errors
    /// Why it may not be visited.
    pub fn target(&self, text: &str) -> Result<Url, Refused> {
        let text = text.trim();
        let shown = || Refused::Unreadable(text.chars().take(100).collect());
        if text.chars().count() > URL_MAX || text.contains(|c: char| c.is_control() || c == '\\') {
            return Err(shown());
        }
        let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let url = Url::parse(&whole).map_err(|_| shown())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Credentials);
        }
        let port = url.port_or_known_default().unwrap_or_default();
        if self.everywhere {
            return if url.has_host() { Ok(url) } else { Err(shown()) };
        }
        if self.here && is_here(&url) {
            return Ok(url);
        }
        match url.host().ok_or_else(shown)? {
            Host::Domain(name) => refuse_nearby(name)?,
            Host::Ipv4(ip) => self.check(IpAddr::V4(ip))?,
            Host::Ipv6(ip) => self.check(IpAddr::V6(ip))?,
        }
        if PORTS.contains(&port) || self.also.iter().any(|also| also.port() == port) {
            Ok(url)
        } else {
            Err(Refused::Port(port))
        }
    }

    /// Checks one address.
    ///
    /// # Errors
    /// [`Refused::Private`], with what it is.
    pub fn check(&self, ip: IpAddr) -> Result<(), Refused> {
        match refusal(ip) {
            Some(_) if self.here && ip.is_loopback() => Ok(()),
            Some(what) if !self.everywhere && !self.also.iter().any(|also| also.ip() == ip) => {
                Err(Refused::Private(ip, what))
            }
            _ => Ok(()),
        }
    }
}

impl From<Nearby> for Reach {
    fn from(nearby: Nearby) -> Self {
        match nearby {
            Nearby::None => Self::default(),
            Nearby::ThisMachine => Self::this_machine(),
            Nearby::All => Self::everywhere(),
        }
    }
}

/// Whether an address is this machine's own, as it is written.
pub fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Names that no public DNS answers for: they are refused before anybody is asked.
fn refuse_nearby(name: &str) -> Result<(), Refused> {
    let bare = name.trim_end_matches('.').to_ascii_lowercase();
    let last = bare.rsplit('.').next().unwrap_or_default();
    if !bare.contains('.') || NEARBY.contains(&last) {
        return Err(Refused::Nearby(bare));
    }
    Ok(())
}

/// What an address is, if not public.
pub fn refusal(ip: IpAddr) -> Option<&'static str> {
    match ip {
        IpAddr::V4(ip) => refusal_v4(ip),
        IpAddr::V6(ip) => refusal_v6(ip),
    }
}

fn refusal_v4(ip: Ipv4Addr) -> Option<&'static str> {
    match ip.octets() {
        [0, ..] => Some("«this network»"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some("a private network"),
        [100, 64..=127, ..] => Some("a carrier's shared network"),
        [127, ..] => Some("this machine"),
        [169, 254, ..] => Some("link-local"),
        [192, 0, 0, _] => Some("for protocols"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Some("for documentation"),
        [192, 88, 99, _] => Some("a 6to4 relay"),
        [192, 31, 196, _] | [192, 52, 193, _] | [192, 175, 48, _] => Some("for infrastructure"),
        [198, 18..=19, ..] => Some("for benchmarks"),
        [224..=239, ..] => Some("multicast"),
        [240..=255, ..] => Some("reserved"),
        _ => None,
    }
}

fn refusal_v6(ip: Ipv6Addr) -> Option<&'static str> {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("«no address»"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("this machine"),
        [0, 0, 0, 0, 0, 0 | 0xffff, _, _] | [0, 0, 0, 0, 0xffff, 0, _, _] => Some("an IPv4 address in disguise"),
        [0x64, 0xff9b, ..] => Some("an IPv4 address behind NAT64"),
        [0x2001, 0, ..] => Some("a Teredo tunnel"),
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Some("for documentation"),
        [0x2001, 0..=0x01ff, ..] => Some("for protocols"),
        [0x2002, ..] => Some("a 6to4 tunnel"),
        [0x2000..=0x3fff, ..] => None,
        [0xfc00..=0xfdff, ..] => Some("a private network"),
        [0xfe80..=0xfebf, ..] => Some("link-local"),
        [0xff00..=0xffff, ..] => Some("multicast"),
        _ => Some("reserved"),
    }
}

#[cfg(test)]
mod tests;
