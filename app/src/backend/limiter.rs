//! How often one may do what: a leaky bucket (GCRA) per action and key, in memory, at the clock's time.
//!
//! Buckets that are full again are forgotten by [`Limiter::sweep`], so memory follows the callers of the last minutes
//! and not everybody who ever came. A socket's frames have a bucket of their own ([`Limiter::socket`]) that goes with it.
//! Decision: it stands beside `auth`, because the chat limits too and must not know how one signs in.

use crate::{
    backend::{
        clock::Clock,
        config::{Rate, Rates},
    },
    wire::id::UserId,
};
use governor::{
    Quota, RateLimiter,
    clock::Clock as GovernorClock,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed, keyed::DashMapStateStore},
};
use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Sign-in to one account, by [`Key::Account`].
    SignInAccount,
    /// Sign-in from one address, by [`Key::Address`].
    SignInAddress,
    /// Sign-up from one address, by [`Key::Address`].
    SignUp,
    /// A message, edit or new reply, by [`Key::User`].
    Send,
    /// A new conversation, by [`Key::User`].
    Create,
    /// A search, by [`Key::User`].
    Search,
    /// A program's call of a tool, by [`Key::User`].
    Call,
    /// What an app tells the model, by [`Key::User`].
    Tell,
    /// A session that a program begins, by [`Key::User`].
    McpSession,
    /// A program's registration, by [`Key::Address`].
    Register,
    /// A fetch of a program's metadata document, by [`Key::User`].
    ClientDocument,
    /// Any request that is not a static file, by [`Key::Address`].
    Request,
}

/// Who is limited.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// An account that signed in.
    User(UserId),
    /// A folded account name, whether it exists or not.
    Account(String),
    /// An address; of IPv6 the /64, which one subscriber has whole.
    Address(IpAddr),
}

impl Key {
    /// The key of an address.
    pub fn address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// Our clock as governor wants it: time since the epoch.
#[derive(Clone, Debug)]
struct Since(Clock);

impl GovernorClock for Since {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.now().0).unwrap_or_default())
    }
}

type Keyed = RateLimiter<Key, DashMapStateStore<Key>, Since, NoOpMiddleware<Duration>>;
type Direct = RateLimiter<NotKeyed, InMemoryState, Since, NoOpMiddleware<Duration>>;

/// The process's limits; cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Limiter {
    clock: Since,
    frames: Option<Quota>,
    buckets: Arc<Buckets>,
}

#[derive(Debug)]
struct Buckets {
    sign_in_account: Option<Keyed>,
    sign_in_address: Option<Keyed>,
    sign_up: Option<Keyed>,
    send: Option<Keyed>,
    create: Option<Keyed>,
    search: Option<Keyed>,
    call: Option<Keyed>,
    tell: Option<Keyed>,
    mcp_session: Option<Keyed>,
    register: Option<Keyed>,
    client_document: Option<Keyed>,
    request: Option<Keyed>,
}

impl Buckets {
    fn of(&self, action: Action) -> Option<&Keyed> {
        match action {
            Action::SignInAccount => &self.sign_in_account,
            Action::SignInAddress => &self.sign_in_address,
            Action::SignUp => &self.sign_up,
            Action::Send => &self.send,
            Action::Create => &self.create,
            Action::Search => &self.search,
            Action::Call => &self.call,
            Action::Tell => &self.tell,
            Action::McpSession => &self.mcp_session,
            Action::Register => &self.register,
            Action::ClientDocument => &self.client_document,
            Action::Request => &self.request,
        }
        .as_ref()
    }

    fn all(&self) -> impl Iterator<Item = &Keyed> {
        let Self { sign_in_account, sign_in_address, sign_up, send, create, search, call, request, .. } = self;
        let Self { tell, mcp_session, register, client_document, .. } = self;
        let first = [sign_in_account, sign_in_address, sign_up, send, create, search, call, request];
        first.into_iter().chain([tell, mcp_session, register, client_document]).flatten()
    }
}

impl Limiter {
    /// Limits at those rates.
    pub fn new(rates: &Rates, clock: Clock) -> Self {
        let clock = Since(clock);
        let keyed =
            |rate: Rate| rate.quota().map(|quota| RateLimiter::new(quota, DashMapStateStore::default(), clock.clone()));
        let buckets = Buckets {
            sign_in_account: keyed(rates.sign_in_account),
            sign_in_address: keyed(rates.sign_in_address),
            sign_up: keyed(rates.sign_up),
            send: keyed(rates.send),
            create: keyed(rates.create),
            search: keyed(rates.search),
            call: keyed(rates.call),
            tell: keyed(rates.tell),
            mcp_session: keyed(rates.mcp_session),
            register: keyed(rates.register),
            client_document: keyed(rates.client_document),
            request: keyed(rates.request),
        };
        Self { frames: rates.frames.quota(), buckets: Arc::new(buckets), clock }
    }

    /// Counts one `action` of `key`; if it is one too many, how long to wait.
    pub fn check(&self, action: Action, key: &Key) -> Result<(), Duration> {
        let Some(bucket) = self.buckets.of(action) else { return Ok(()) };
        bucket.check_key(key).map_err(|until| until.wait_time_from(self.clock.now()))
    }

    /// A budget of frames for one socket.
    pub fn socket(&self) -> SocketBudget {
        let clock = self.clock.clone();
        SocketBudget {
            bucket: self.frames.map(|quota| RateLimiter::new(quota, InMemoryState::default(), clock.clone())),
            clock,
        }
    }

    /// Forgets the buckets that are full again.
    pub fn sweep(&self) {
        for bucket in self.buckets.all() {
            bucket.retain_recent();
            bucket.shrink_to_fit();
        }
    }

    /// How many buckets are kept.
    pub fn len(&self) -> usize {
        self.buckets.all().map(RateLimiter::len).sum()
    }

    /// Whether no bucket is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One socket's frames.
#[derive(Debug)]
pub struct SocketBudget {
    bucket: Option<Direct>,
    clock: Since,
}

impl SocketBudget {
    /// Counts one frame; if it is one too many, how long to wait.
    pub fn check(&self) -> Result<(), Duration> {
        let Some(bucket) = &self.bucket else { return Ok(()) };
        bucket.check().map_err(|until| until.wait_time_from(self.clock.now()))
    }
}

impl Rate {
    fn quota(self) -> Option<Quota> {
        let burst = NonZeroU32::new(self.times)?;
        Quota::with_period(self.per.checked_div(self.times)?).map(|quota| quota.allow_burst(burst))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::wire::id::Millis;

    fn limiter(clock: &Clock) -> Limiter {
        let rates = Rates { send: Rate::new(3, Duration::from_mins(1)), ..Rates::OFF };
        Limiter::new(&rates, clock.clone())
    }

    #[test]
    fn a_refusal_says_when_and_then_it_works() {
        let clock = Clock::manual(Millis(1_700_000_000_000));
        let limiter = limiter(&clock);
        let key = Key::User(clock.id());
        for _ in 0..3 {
            limiter.check(Action::Send, &key).unwrap();
        }
        let wait = limiter.check(Action::Send, &key).unwrap_err();
        assert_eq!(wait, Duration::from_secs(20));
        limiter.check(Action::Send, &Key::User(clock.id())).unwrap();
        clock.advance(i64::try_from(wait.as_millis()).unwrap());
        limiter.check(Action::Send, &key).unwrap();
        assert!(limiter.check(Action::Send, &key).is_err());
    }

    #[test]
    fn what_is_off_never_refuses() {
        let limiter = Limiter::new(&Rates::OFF, Clock::System);
        for _ in 0..10_000 {
            limiter.check(Action::Request, &Key::address(IpAddr::from([1, 2, 3, 4]))).unwrap();
        }
        assert!(limiter.is_empty());
    }

    #[test]
    fn idle_buckets_are_forgotten() {
        let clock = Clock::manual(Millis(1_700_000_000_000));
        let limiter = limiter(&clock);
        for _ in 0..100 {
            limiter.check(Action::Send, &Key::User(clock.id())).unwrap();
        }
        limiter.sweep();
        assert_eq!(limiter.len(), 100);
        clock.advance(3 * 60_000);
        limiter.sweep();
        assert_eq!(limiter.len(), 0);
    }

    #[test]
    fn a_subscriber_has_one_key_for_its_whole_prefix() {
        let key = |text: &str| Key::address(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2:aaaa::1"), key("2001:db8:1:2:bbbb::2"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    }

    #[test]
    fn a_socket_has_its_own_budget() {
        let clock = Clock::manual(Millis(1_700_000_000_000));
        let rates = Rates { frames: Rate::new(2, Duration::from_secs(1)), ..Rates::OFF };
        let limiter = Limiter::new(&rates, clock);
        let (a, b) = (limiter.socket(), limiter.socket());
        a.check().unwrap();
        a.check().unwrap();
        assert_eq!(a.check(), Err(Duration::from_millis(500)));
        b.check().unwrap();
    }
}
