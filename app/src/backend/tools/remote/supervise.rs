//! What keeps a link alive while it is wanted: connect, listen, look after it, try again with patience.
//!
//! Invariant: everything here runs beside the turns. A server that is hung, dead or mad costs attempts that become rare
//! (`breaker`) and one line in the log a minute; a link nobody wants costs nothing. Lists are read when a server is first
//! connected, when it says that they changed, and when the time is over that it said they count (`ttlMs`); a connection
//! that broke or slept is no reason while that time lasts, if the server is still what it was and can have told of every
//! change. An older server with `listChanged` cannot have, so its lists are read after every gap.

use super::{
    Pool,
    breaker::{Breaker, chance},
    catalog::{self, Catalog},
    connect::{Live, connect},
    ear::Ear,
    link::Link,
    words::{Fault, Kind},
};
use crate::{backend::metrics, wire::id::Millis};
use futures::FutureExt;
use rmcp::{
    RoleClient,
    model::{ClientRequest, PingRequest, RequestMetaObject, ServerCapabilities, SubscriptionFilter},
    service::{Peer, ServiceError},
};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, sleep_until};

/// What a burst of changed lists is waited for, so that it is one reading.
const SETTLE: Duration = Duration::from_millis(200);
/// The longest wait between two readings of lists that change all the time.
const RESTLESS: Duration = Duration::from_secs(30);
/// Where so long lies between two readings, a server is taken for one whose lists seldom change.
const QUIET: Duration = Duration::from_mins(1);
/// How long credentials that were not accepted are not shown again by themselves.
const REFUSED: Duration = Duration::from_mins(5);

/// Why a connection is given up.
enum End {
    /// Removed, switched off, or the process ends.
    Over,
    /// Nobody wants it.
    Idle,
    /// A person wants it anew.
    Again,
    /// It broke.
    Broken(Fault),
}

/// Connects and reconnects until nobody wants the link any more.
pub(super) async fn supervise(pool: Arc<Pool>, link: Arc<Link>) {
    let mut breaker = Breaker::default();
    loop {
        let wait = match session(&pool, &link, &mut breaker).await {
            End::Over => break,
            End::Idle => Duration::ZERO,
            End::Again => {
                breaker.close();
                link.outdated();
                continue;
            }
            End::Broken(fault) => {
                metrics::connection_failed(fault.kind.name());
                let wait = breaker.failed(pool.options.retry, pool.options.probe, chance());
                let wait = if fault.kind == Kind::Credentials { wait.max(REFUSED) } else { wait };
                let ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
                let retry_at = Millis(pool.clock.now().0.saturating_add(ms));
                link.change(|seen| seen.retry_at = Some(retry_at));
                wait
            }
        };
        if link.retire(pool.options.idle) {
            return;
        }
        tokio::select! {
            biased;
            () = link.over.cancelled() => break,
            () = pool.stopping.cancelled() => break,
            () = link.again.notified() => {
                breaker.close();
                link.outdated();
            }
            () = sleep(wait) => tracing::debug!(server = %link.id, probe = breaker.is_open(), "tries again"),
        }
    }
    link.stop();
}

/// One connection from its beginning to its end.
async fn session(pool: &Arc<Pool>, link: &Arc<Link>, breaker: &mut Breaker) -> End {
    link.connecting();
    let connected = unless_over(pool, link, connect(pool, link)).await;
    let mut live = match connected {
        None => return End::Over,
        Some(Ok(live)) => live,
        Some(Err((fault, said))) => {
            link.failed(&fault, said.as_deref(), pool.clock.now());
            return End::Broken(fault);
        }
    };
    let began = Instant::now();
    // What was listed before the gap still counts if the server said so and is the same one.
    let listed = if let Some(kept) = link.kept(catalog::identity(&live.peer).as_deref()) {
        Some(Ok(kept))
    } else {
        // A call may wait for its tool: other lists must not keep it waiting for long.
        let (none, patience) = (Catalog::empty(), pool.options.answer.min(pool.options.wake / 2));
        let listed = Box::pin(catalog::fetch(&live.peer, link, &pool.options, (&none, patience)));
        unless_over(pool, link, listed).await.map(|listed| listed.map(Arc::new))
    };
    let end = match listed {
        None => End::Over,
        Some(Err(fault)) => End::Broken(fault),
        Some(Ok(found)) => {
            metrics::connected(1);
            link.connected(&live, found, pool.clock.now());
            let end = attend(pool, link, &mut live).await;
            metrics::connected(-1);
            end
        }
    };
    if began.elapsed() >= pool.options.stable {
        breaker.close();
    }
    if let End::Broken(fault) = &end {
        link.failed(fault, live.said().as_deref(), pool.clock.now());
    }
    // A hung server must not hold up the next attempt.
    pool.tasks.spawn("disconnect", live.close());
    end
}

/// Looks after a live connection until there is a reason to give it up.
async fn attend(pool: &Arc<Pool>, link: &Arc<Link>, live: &mut Live) -> End {
    let (peer, ear, legacy) = (live.peer.clone(), Arc::clone(&live.ear), live.is_legacy());
    let mut listening = std::pin::pin!(listen(peer.clone(), Arc::clone(&ear), pool.options.probe));
    let mut beat = Instant::now() + pool.options.beat;
    let (mut pace, mut due) = (Pace::default(), None);
    loop {
        let look = tokio::select! {
            biased;
            () = link.over.cancelled() => return End::Over,
            () = pool.stopping.cancelled() => return End::Over,
            () = link.again.notified() => return End::Again,
            () = live.closed() => {
                // The last it said may be that its lists changed.
                if ear.changed.notified().now_or_never().is_some() {
                    link.outdated();
                }
                return End::Broken(Fault::closed());
            }
            () = at(due) => {
                due = None;
                pace.reads(Instant::now());
                Look::Lists
            }
            () = link.suspect.notified() => Look::Life,
            () = sleep_until(beat) => Look::Life,
            never = &mut listening => match never {},
            // Last, so that a server that says it all the time keeps nothing above from its turn.
            () = ear.changed.notified() => {
                link.outdated();
                due.get_or_insert_with(|| pace.due(Instant::now()));
                continue;
            }
        };
        if !link.wanted_within(pool.options.idle) {
            return End::Idle;
        }
        let stale = link.seen().catalog.fresh_until <= Instant::now();
        let looked = async {
            if matches!(look, Look::Lists) || stale {
                Box::pin(relist(pool, link, &peer)).await
            } else {
                life(pool, link, &peer, legacy).await
            }
        };
        match unless_over(pool, link, looked).await {
            None => return End::Over,
            Some(Err(fault)) => return End::Broken(fault),
            Some(Ok(())) => beat = Instant::now() + pool.options.beat,
        }
    }
}

/// How often lists are read because their server says that they changed: soon after a change that comes alone, and ever
/// more seldom while one follows the other, so that a server that changes whenever it is read is not read all the time.
#[derive(Debug, Default)]
struct Pace {
    /// When they were last read for that, and how long the next reading waits from then on.
    last: Option<(Instant, Duration)>,
}

impl Pace {
    /// When a change that is heard now is read.
    fn due(&self, now: Instant) -> Instant {
        let soon = now + SETTLE;
        self.last.map_or(soon, |(read, wait)| soon.max(read + wait))
    }

    /// They are read now.
    fn reads(&mut self, now: Instant) {
        let before = self.last.filter(|(read, _)| now.duration_since(*read) < QUIET);
        let wait = before.map_or(SETTLE, |(_, wait)| wait) * 2;
        self.last = Some((now, wait.min(RESTLESS)));
    }
}

/// That moment, if there is one.
async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// What is to be looked at.
enum Look {
    Lists,
    Life,
}

/// Reads the lists again.
async fn relist(pool: &Pool, link: &Link, peer: &Peer<RoleClient>) -> Result<(), Fault> {
    let before = link.seen().catalog;
    let catalog = catalog::fetch(peer, link, &pool.options, (&before, pool.options.answer)).await?;
    link.listed(catalog, pool.clock.now());
    Ok(())
}

/// Asks for a sign of life; an error is one too.
async fn life(pool: &Pool, link: &Link, peer: &Peer<RoleClient>, legacy: bool) -> Result<(), Fault> {
    let asked = Instant::now();
    let answer = async {
        if legacy {
            peer.send_request(ClientRequest::PingRequest(PingRequest::default())).await.map(drop)
        } else {
            peer.discover(RequestMetaObject::default()).await.map(drop)
        }
    };
    match tokio::time::timeout(pool.options.answer, answer).await {
        Err(_) => Err(Fault::late(pool.options.answer)),
        Ok(Ok(()) | Err(ServiceError::McpError(_))) => {
            let now = pool.clock.now();
            link.change(|seen| {
                seen.latency = Some(asked.elapsed());
                seen.answered_at = Some(now);
            });
            Ok(())
        }
        Ok(Err(error)) => Err(Fault::of_request(&error)),
    }
}

/// Hears of changed lists where the protocol wants to be asked for that; in the old one they come by themselves.
async fn listen(peer: Peer<RoleClient>, ear: Arc<Ear>, again: Duration) -> std::convert::Infallible {
    let info = peer.peer_info();
    let filter = info.as_ref().filter(|info| !info.protocol_version.has_initialize());
    let Some(filter) = filter.and_then(|info| wanted(&info.capabilities)) else { return std::future::pending().await };
    loop {
        if let Ok(mut changes) = peer.listen(filter.clone()).await {
            while let Ok(Some(_change)) = changes.next().await {
                ear.changed.notify_one();
            }
            // What changed between this stream and the next is not told.
            ear.changed.notify_one();
        }
        sleep(again).await;
    }
}

/// The changes that the server says it tells of.
fn wanted(has: &ServerCapabilities) -> Option<SubscriptionFilter> {
    let yes = |told: Option<Option<bool>>| told.flatten().filter(|told| *told);
    let mut filter = SubscriptionFilter::new();
    filter.tools_list_changed = yes(has.tools.as_ref().map(|has| has.list_changed));
    filter.prompts_list_changed = yes(has.prompts.as_ref().map(|has| has.list_changed));
    filter.resources_list_changed = yes(has.resources.as_ref().map(|has| has.list_changed));
    (filter != SubscriptionFilter::new()).then_some(filter)
}

/// The work's end, unless the link's comes first.
async fn unless_over<T>(pool: &Pool, link: &Link, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = link.over.cancelled() => None,
        () = pool.stopping.cancelled() => None,
        done = work => Some(done),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often lists are read in that time which their server says have changed, each time they are read.
    fn readings(within: Duration) -> usize {
        let (mut pace, begin) = (Pace::default(), Instant::now());
        let (mut now, mut readings) = (begin, 0);
        loop {
            now = pace.due(now);
            if now >= begin + within {
                return readings;
            }
            pace.reads(now);
            readings += 1;
        }
    }

    #[test]
    fn lists_that_change_whenever_they_are_read_are_read_ever_more_seldom() {
        assert_eq!(readings(Duration::from_secs(1)), 2);
        assert_eq!(readings(Duration::from_mins(1)), 8);
        let hour = readings(Duration::from_hours(1));
        assert!(hour <= 127, "{hour}");
    }

    #[test]
    fn a_change_after_a_quiet_minute_is_read_soon_again() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        for _ in 0..20 {
            now = pace.due(now);
            pace.reads(now);
        }
        assert_eq!(pace.due(now) - now, RESTLESS);
        // The one after the quiet is read at once, and what follows it soon.
        now += QUIET;
        now = pace.due(now);
        pace.reads(now);
        assert_eq!(pace.due(now) - now, 2 * SETTLE);
    }
}
