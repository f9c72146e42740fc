//! A whole Parley on a free port with a database in a temporary folder, and people who use it with their own cookies.
#![expect(unreachable_pub, reason = "a test program has no public face")]
#![expect(clippy::unwrap_used, reason = "tests")]

pub mod guide;
pub mod log;
pub mod mcp;
pub mod peers;
pub mod process;
pub mod program;
pub mod raw;
pub mod remote;
pub mod socket;

use app::backend::{
    Backend,
    clock::Clock,
    config::{Config, Settings},
    llm::catalogue::SCRIPTED,
};
use reqwest::{Client, RequestBuilder, Response, StatusCode, header};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// A folder that goes with the test.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new one.
    pub fn new() -> Self {
        Self::within(&std::env::temp_dir())
    }

    /// A new one on the disk that has the program.
    pub fn beside_the_program() -> Self {
        Self::within(Path::new(env!("CARGO_TARGET_TMPDIR")))
    }

    fn within(parent: &Path) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("parley-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = parent.join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Puts a file into its folder `site`.
    pub fn site_file(&self, name: &str, content: &[u8]) {
        let path = self.0.join("site").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone_already = std::fs::remove_dir_all(&self.0);
    }
}

/// A Parley that runs in this process.
pub struct TestApp {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// Behind the server.
    pub backend: Arc<Backend>,
    /// Its data and site.
    pub folder: Folder,
    stop: CancellationToken,
    served: JoinHandle<std::io::Result<()>>,
}

impl TestApp {
    /// One without rate limits.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// One with other settings.
    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_at(Clock::System, |settings, _| change(settings)).await
    }

    /// One at a clock of the test's own; `change` hears where it is, `http://127.0.0.1:PORT`.
    pub async fn start_at(clock: Clock, change: impl FnOnce(&mut Settings, &str)) -> Self {
        let folder = Folder::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let off = || Some("off".to_owned());
        let mut settings = Settings {
            data_dir: Some(folder.path().join("data").display().to_string()),
            site_root: Some(folder.path().join("site").display().to_string()),
            offline_delay_ms: Some("0".to_owned()),
            shutdown_grace: Some("5".to_owned()),
            rate_sign_in_account: off(),
            rate_sign_in_address: off(),
            rate_sign_up: off(),
            rate_send: off(),
            rate_create: off(),
            rate_search: off(),
            rate_call: off(),
            rate_tell: off(),
            rate_mcp_session: off(),
            rate_register: off(),
            rate_client_document: off(),
            rate_frames: off(),
            rate_request: off(),
            ..Settings::default()
        };
        change(&mut settings, &url);
        let config: Config = settings.check(|_| None).unwrap();
        let backend = Backend::open_at(config, clock).await.unwrap();
        let stop = CancellationToken::new();
        #[expect(clippy::disallowed_methods, reason = "a test's own task")]
        let served = tokio::spawn(server::serve(listener, Arc::clone(&backend), stop.clone()));
        Self { url, backend, folder, stop, served }
    }

    /// Puts a file into the site folder.
    pub fn site_file(&self, name: &str, content: &[u8]) {
        self.folder.site_file(name, content);
    }

    /// A browser that nobody is signed in with.
    pub fn visitor(&self) -> TestUser {
        TestUser::new(&self.url)
    }

    /// One that answers by script (see `app::backend::llm::scripted`).
    pub async fn scripted() -> Self {
        Self::scripted_with(|_| {}).await
    }

    /// One that answers by script, with other settings.
    pub async fn scripted_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_with(|settings| {
            settings.scripted = Some("true".to_owned());
            settings.default_model = Some(SCRIPTED.to_owned());
            change(settings);
        })
        .await
    }

    /// A new account, signed in.
    pub async fn person(&self, name: &str) -> TestUser {
        let person = self.visitor();
        let response = person.sign_up(name, PASSWORD).await;
        assert!(response.status().is_redirection(), "{name} cannot sign up: {}", response.status());
        person
    }

    /// Stops it as SIGTERM does, and waits until it has.
    pub async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(30), self.served).await.unwrap().unwrap().unwrap();
    }
}

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";

/// A browser: it keeps its cookie, follows no redirect, and says where its requests come from.
#[derive(Clone, Debug)]
pub struct TestUser {
    url: String,
    client: Client,
    cookie: Arc<std::sync::Mutex<Option<String>>>,
}

impl TestUser {
    pub(crate) fn new(url: &str) -> Self {
        app::backend::http::install_crypto();
        #[expect(clippy::disallowed_methods, reason = "a browser of the test's own")]
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).user_agent("Mozilla/5.0 (Test)");
        Self { url: url.to_owned(), client: client.build().unwrap(), cookie: Arc::default() }
    }

    /// `name=value` of its cookie.
    pub fn cookie(&self) -> Option<String> {
        self.cookie.lock().unwrap().clone()
    }

    /// Gives it another cookie.
    pub fn set_cookie(&self, cookie: Option<String>) {
        *self.cookie.lock().unwrap() = cookie;
    }

    /// Asks for a page.
    pub async fn get(&self, path: &str) -> Response {
        self.send(self.client.get(format!("{}{path}", self.url)).header(header::ACCEPT, "text/html")).await
    }

    /// A request without anything a browser adds.
    pub fn bare(&self, method: reqwest::Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// Posts a form as a browser without JavaScript does.
    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        self.send(self.post(path, fields).header(header::ACCEPT, "text/html")).await
    }

    /// Calls a server function as our page's script does.
    pub async fn call(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        self.send(self.post(path, fields).header(header::ACCEPT, "application/json")).await
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let body = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&");
        self.bare(reqwest::Method::POST, path)
            .header(header::ORIGIN, &self.url)
            .header(header::REFERER, format!("{}/sign-in", self.url))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body)
    }

    /// Asks for a socket as a browser does, and reads the answer.
    pub async fn upgrade(&self, path: &str, origin: Option<&str>) -> Response {
        let request = self
            .bare(reqwest::Method::GET, path)
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        self.send(origin.into_iter().fold(request, |request, origin| request.header(header::ORIGIN, origin))).await
    }

    /// Sends with the cookie, and keeps the one that comes back.
    pub async fn send(&self, request: RequestBuilder) -> Response {
        let request = match self.cookie() {
            Some(cookie) => request.header(header::COOKIE, cookie),
            None => request,
        };
        let response = request.send().await.unwrap();
        for set in response.headers().get_all(header::SET_COOKIE) {
            let set = set.to_str().unwrap();
            let pair = set.split(';').next().unwrap().to_owned();
            self.set_cookie((!set.contains("Max-Age=0")).then_some(pair));
        }
        response
    }

    /// The same browser at another address.
    pub fn at(&self, url: &str) -> Self {
        let moved = Self::new(url);
        moved.set_cookie(self.cookie());
        moved
    }

    /// Signs up by the form.
    pub async fn sign_up(&self, name: &str, password: &str) -> Response {
        self.form(&path_of("sign_up"), &[("name", name), ("password", password), ("next", "/")]).await
    }

    /// Signs in by the form.
    pub async fn sign_in(&self, name: &str, password: &str) -> Response {
        self.form(&path_of("sign_in"), &[("name", name), ("password", password), ("next", "/")]).await
    }

    /// Whether it is signed in: its page is then its own.
    pub async fn is_signed_in(&self) -> bool {
        self.call(&path_of("sessions"), &[]).await.status() == StatusCode::OK
    }
}

/// The address of a server function.
pub fn path_of(name: &str) -> String {
    format!("/api/{name}")
}

/// Percent-encodes all but letters, digits and `-._`.
pub fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
