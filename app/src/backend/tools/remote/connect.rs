//! From a server's access to a live connection, in whichever era of the protocol it speaks.
//!
//! Invariant: an address that a person chose is checked before each request and its name's addresses at each connection
//! (`http::session`); headers go to that origin alone; what comes back is bounded before it is read. rmcp's own cache of
//! answers is off: it would serve stale lists when a server fails, and the catalog here knows better what is stale.

use super::{
    Pool,
    checked::Checked,
    ear::{Ear, Listening},
    link::Link,
    oauth::{account::Account, machine::Machine},
    pass::Pass,
    process::{self, Process},
    words::{Fault, Kind},
};
use crate::backend::http;
use futures::{
    FutureExt,
    future::{BoxFuture, Fuse, FusedFuture},
};
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::{
    RoleClient,
    model::ProtocolVersion,
    service::{
        ClientCacheConfig, ClientInitializeError, ClientLifecycleMode, ClientServiceExt, Peer, RunningService,
        RunningServiceCancellationToken,
    },
    transport::{
        StreamableHttpClientTransport, common::client_side_sse::ExponentialBackoff,
        streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use secrecy::SecretString;
use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};
use url::Url;

/// Bytes of an error's body that are read.
const ERROR_MAX: usize = 4 * 1024;
/// How long a connection may take to say goodbye (an older server's session is ended by a request).
const GOODBYE: Duration = Duration::from_secs(2);
/// How long a session waits for the stream of what its server says by itself: some servers begin it with their first word.
const HEARING: Duration = Duration::from_millis(500);

/// What a server is shown.
#[derive(Clone, Debug)]
pub(super) enum Credential {
    /// Headers of every request; none is one way of it.
    Headers(Vec<(String, SecretString)>),
    /// Headers, and the token of its person's sign-in once there is one.
    SignIn {
        /// The headers.
        headers: Vec<(String, SecretString)>,
        /// How its person stands with it.
        account: Arc<Account>,
    },
    /// Headers, and a token that Parley gets without a person.
    Machine {
        /// The headers.
        headers: Vec<(String, SecretString)>,
        /// How Parley stands with it.
        machine: Arc<Machine>,
    },
}

/// How a server is reached.
#[derive(Clone, Debug)]
pub(super) enum Access {
    /// A program of the operator's.
    Program {
        /// Where it is.
        command: PathBuf,
        /// Its arguments.
        args: Vec<SecretString>,
        /// Its whole environment.
        env: Vec<(String, SecretString)>,
    },
    /// Streamable HTTP.
    Http {
        /// Where it is.
        url: Url,
        /// What it is shown.
        credential: Credential,
        /// Whether a person chose it, and not the operator.
        guarded: bool,
    },
}

/// A live connection.
pub(super) struct Live {
    /// For requests.
    pub(super) peer: Peer<RoleClient>,
    /// For what comes by itself.
    pub(super) ear: Arc<Ear>,
    /// How long it took to connect.
    pub(super) took: Duration,
    cancel: RunningServiceCancellationToken,
    over: Fuse<BoxFuture<'static, ()>>,
    program: Option<(Process, OwnedSemaphorePermit)>,
}

impl Live {
    fn new((service, ear, took): Served, program: Option<(Process, OwnedSemaphorePermit)>) -> Self {
        let (peer, cancel) = (service.peer().clone(), service.cancellation_token());
        let over = async move {
            // How it ended is told by whoever waits for an answer.
            let _how = service.waiting().await;
        };
        Self { peer, ear, took, cancel, over: over.boxed().fuse(), program }
    }

    /// Whether it speaks the protocol of sessions.
    pub(super) fn is_legacy(&self) -> bool {
        self.peer.peer_info().is_some_and(|info| info.protocol_version.has_initialize())
    }

    /// Waits until the other side ends it.
    pub(super) async fn closed(&mut self) {
        (&mut self.over).await;
    }

    /// Ends it.
    pub(super) async fn close(self) {
        self.cancel.cancel();
        if !self.over.is_terminated() && tokio::time::timeout(GOODBYE, self.over).await.is_err() {
            tracing::debug!("a server was left without a goodbye");
        }
        if let Some((process, permit)) = self.program {
            process.end().await;
            drop(permit);
        }
    }

    /// The last line its program wrote to its error stream.
    pub(super) fn said(&self) -> Option<String> {
        self.program.as_ref().map(|(process, _)| process.said()).filter(|said| !said.is_empty())
    }
}

/// Why connecting failed; with what a program said to the operator.
pub(super) type Failed = (Fault, Option<String>);

/// Connects, within the time there is for it.
pub(super) async fn connect(pool: &Pool, link: &Link) -> Result<Live, Failed> {
    let within = pool.options.connect;
    let live = match tokio::time::timeout(within, attempt(pool, link)).await {
        Ok(result) => result?,
        Err(_) => return Err((Fault::late(within), None)),
    };
    live.peer.set_response_cache_config(ClientCacheConfig::disabled()).await;
    Ok(live)
}

async fn attempt(pool: &Pool, link: &Link) -> Result<Live, Failed> {
    let legacy = link.was_legacy();
    let failed = match by(pool, link, legacy).await {
        Err(failed) if !legacy && wants_the_old_way(&failed.0, &link.access) => by(pool, link, true).await,
        other => other,
    };
    failed.map_err(|(fault, said)| match &link.access {
        Ok(Access::Program { .. }) if fault == Fault::closed() => (ended(), said),
        _ => (fault, said),
    })
}

/// Whether a server that failed in the new way may succeed in the old one: it has none of the new revisions, answers a
/// request that it does not know with nothing, or is one of the programs that end at one. (rmcp itself sees to those that
/// answer with an error.)
fn wants_the_old_way(fault: &Fault, access: &Result<Access, Fault>) -> bool {
    let program = matches!(access, Ok(Access::Program { .. }));
    [Fault::incompatible(), Fault::garbled()].contains(fault) || (program && *fault == Fault::closed())
}

async fn by(pool: &Pool, link: &Link, legacy: bool) -> Result<Live, Failed> {
    match &link.access {
        Ok(Access::Http { url, credential, guarded }) => {
            http(pool, url, credential, *guarded, legacy).await.map_err(|fault| (fault, None))
        }
        Ok(Access::Program { .. }) => program(pool, link, legacy).await,
        Err(fault) => Err((fault.clone(), None)),
    }
}

fn ended() -> Fault {
    Fault::new(Kind::Program, "Its program ended by itself. The operator finds its last words in the log.")
}

async fn http(pool: &Pool, url: &Url, credential: &Credential, guarded: bool, legacy: bool) -> Result<Live, Fault> {
    let (headers, pass) = match credential {
        Credential::Headers(headers) => (headers, None),
        Credential::SignIn { headers, account } => (headers, Some(Pass::Person(Arc::clone(account)))),
        Credential::Machine { headers, machine } => (headers, Some(Pass::Machine(Arc::clone(machine)))),
    };
    let headers: Result<HashMap<HeaderName, HeaderValue>, String> =
        headers.iter().map(|(name, value)| http::header(name, value)).collect();
    let headers = headers.map_err(|reason| Fault::new(Kind::Credentials, super::words::sentence(&reason)))?;
    let session = if guarded { &pool.guarded } else { &pool.plain };
    let mut config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
        .custom_headers(headers)
        .max_sse_event_size(pool.options.message)
        .max_json_response_size(pool.options.message)
        .max_error_response_size(ERROR_MAX);
    let mut retries = ExponentialBackoff::default();
    retries.max_times = Some(5);
    retries.max_delay = Some(Duration::from_secs(30));
    config.retry_config = Arc::new(retries);
    let ear = Arc::<Ear>::default();
    let client = Checked { session: session.clone(), pass, ear: Arc::clone(&ear) };
    let transport = StreamableHttpClientTransport::with_client(client, config);
    let served = serve(transport, legacy, &ear).await.map_err(|error| Fault::of_beginning(&error))?;
    if tokio::time::timeout(HEARING, ear.hearing()).await.is_err() {
        tracing::debug!("a server is slow to open the stream of what it says by itself");
    }
    Ok(Live::new(served, None))
}

async fn program(pool: &Pool, link: &Link, legacy: bool) -> Result<Live, Failed> {
    let Ok(Access::Program { command, args, env }) = &link.access else { return Err((ended(), None)) };
    let permit = Arc::clone(&pool.programs).try_acquire_owned().map_err(|_| {
        let told = "Too many programs of MCP servers run here just now. It is tried again.";
        (Fault::new(Kind::Full, told), None)
    })?;
    let started = process::start(&pool.tasks, command, args, env, pool.options.message);
    let (process, output, input) = started
        .map_err(|error| (Fault::new(Kind::Program, "Its program cannot be started."), Some(error.to_string())))?;
    match serve((output, input), legacy, &Arc::default()).await {
        Ok(served) => Ok(Live::new(served, Some((process, permit)))),
        Err(error) => {
            let said = Some(process.said()).filter(|said| !said.is_empty());
            process.end().await;
            Err((Fault::of_beginning(&error), said))
        }
    }
}

type Served = (RunningService<RoleClient, Listening>, Arc<Ear>, Duration);

async fn serve<T, E, A>(transport: T, legacy: bool, ear: &Arc<Ear>) -> Result<Served, ClientInitializeError>
where
    T: rmcp::transport::IntoTransport<RoleClient, E, A>,
    E: std::error::Error + Send + Sync + 'static,
{
    let mode = if legacy {
        ClientLifecycleMode::Initialize
    } else {
        ClientLifecycleMode::Auto {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
            legacy_version: Some(ProtocolVersion::LATEST_WITH_INITIALIZE),
        }
    };
    let began = Instant::now();
    let service = Listening(Arc::clone(ear)).serve_with_lifecycle(transport, mode).await?;
    Ok((service, Arc::clone(ear), began.elapsed()))
}
