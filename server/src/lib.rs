//! Parley's HTTP server: routes, layers, command line. What it serves lives in `app`.
//!
//! Invariant: no SQL, no provider's types, no use case here; a request becomes a `Caller` and a call of the backend.

pub mod cli;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod middleware;
pub mod router;
pub mod routes;
pub mod shutdown;
pub mod state;
pub mod telemetry;

use app::backend::Backend;
use axum::serve::ListenerExt;
use std::{future::IntoFuture, io, net::SocketAddr, pin::pin, sync::Arc};
use telemetry::meter::Meter;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;

/// Serves `backend` on `listener` until `shutdown`, then drains: no new connections, every tab is told, running
/// requests and turns get the configured grace, the store closes.
///
/// # Errors
/// The listener fails for good, or nothing can be counted though somebody is to read it.
pub async fn serve(listener: TcpListener, backend: Arc<Backend>, shutdown: CancellationToken) -> io::Result<()> {
    let read = backend.config.metrics_token.is_some();
    let meter = read.then(|| Meter::begin(&backend.clock, &backend.tasks)).transpose().map_err(io::Error::other)?;
    backend.begin().await;
    // Tokens are many small writes: Nagle's algorithm would hold each back for 40 ms.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
    });
    let service = router::router(Arc::clone(&backend), meter).into_make_service_with_connect_info::<SocketAddr>();
    let stop = shutdown.clone().cancelled_owned();
    let mut server = pin!(axum::serve(listener, service).with_graceful_shutdown(stop).into_future());
    tokio::select! {
        // First, always: told to stop, a server without requests under way ends at once (it does not count sockets), and
        // the drain must not be left out for that.
        biased;
        () = shutdown.cancelled() => {
            let grace = backend.config.shutdown_grace;
            tracing::info!(grace_s = grace.as_secs(), "Parley stops");
            // A connection that does not end by itself must not keep the process: it is dropped with it.
            let (open, ()) = tokio::join!(timeout(grace, &mut server), backend.drain(grace));
            if open.is_err() {
                tracing::warn!("some connections did not end in time");
            }
        }
        result = &mut server => result?,
    }
    backend.close().await;
    Ok(())
}
