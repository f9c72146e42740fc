//! Requests to authorization servers.
//!
//! Invariant: every address is checked as it is asked, over https unless private networks are allowed; the operator's own
//! secrets go over http to this machine alone; a redirect is followed within its origin only; an answer is read up to a
//! limit, within a time, and is JSON or nothing.
//!
//! Invariant: where metadata leads, the guard holds for the operator's servers too: whoever runs such a server would else
//! have Parley knock at this machine and its network. Two things are exempt: the origins that the operator named (the
//! server's, the authorization server's of the file), which are asked as the operator's addresses are; and everything, if
//! one of those is on this machine or in a private network itself: whoever is there already learns nothing.

use super::{super::words::sentence, Keep, Trouble, dpop};
use crate::backend::{
    config::Nearby,
    http::{
        self,
        address::{Reach, Refused, is_here},
        session::Session,
    },
};
use reqwest::{RequestBuilder, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// Bytes of an answer: metadata and tokens are small.
const MOST: usize = 128 * 1024;
/// How long one request may take: a person waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker<'a> {
    session: &'a Session,
    plain: Plain,
    /// What asks at the origins that the operator named.
    own: Option<(&'a Session, Named<'a>)>,
}

/// What the operator named: a server, and its authorization server.
type Named<'a> = [Option<&'a Url>; 2];

/// Where addresses without https may be asked.
#[derive(Clone, Copy, Debug)]
enum Plain {
    Nowhere,
    ThisMachine,
    Everywhere,
}

/// An answer.
pub(super) struct Answered {
    pub(super) status: StatusCode,
    /// Its body, if that is JSON.
    pub(super) body: Option<Value>,
    /// What the next proof of possession is to have in it.
    pub(super) nonce: Option<String>,
}

impl Keep {
    /// What asks where a server leads that a person chose.
    pub(super) fn asker(&self) -> Asker<'_> {
        let plain = match self.private {
            Nearby::None => Plain::Nowhere,
            Nearby::ThisMachine => Plain::ThisMachine,
            Nearby::All => Plain::Everywhere,
        };
        Asker { session: &self.guarded, plain, own: None }
    }

    /// What asks where a server of the operator's leads, at `url`, that people sign in to.
    pub(super) fn asker_beside<'a>(&'a self, url: &'a Url) -> Asker<'a> {
        Asker::of_operator(self, [Some(url), None], Plain::Everywhere)
    }

    /// What asks with secrets of the operator's, where a server at `url` leads, or the authorization server that the file
    /// names.
    pub(super) fn own_asker<'a>(&'a self, url: &'a Url, issuer: Option<&'a Url>) -> Asker<'a> {
        Asker::of_operator(self, [Some(url), issuer], Plain::ThisMachine)
    }
}

impl<'a> Asker<'a> {
    /// `plain`: where http may be spoken by a server that is nearby itself.
    fn of_operator(keep: &'a Keep, named: Named<'a>, plain: Plain) -> Self {
        let plain = if keep.private == Nearby::All { Plain::Everywhere } else { plain };
        if named.iter().flatten().any(|url| is_near(url)) {
            return Self { session: &keep.plain, plain, own: None };
        }
        Self { own: Some((&keep.plain, named)), ..keep.asker() }
    }
}

impl Asker<'_> {
    /// What asks there.
    fn session(&self, url: &Url) -> &Session {
        match &self.own {
            Some((own, named)) if named.iter().flatten().any(|named| named.origin() == url.origin()) => own,
            _ => self.session,
        }
    }

    /// Checks an address that metadata names; what asks there.
    fn checked(&self, url: &str) -> Result<&Session, Trouble> {
        let parsed = Url::parse(url).map_err(|_| Trouble::refused("Its sign-in names an unreadable address."))?;
        let plain = match self.plain {
            Plain::Nowhere => false,
            Plain::ThisMachine => is_here(&parsed),
            Plain::Everywhere => true,
        };
        if parsed.scheme() != "https" && !(plain && parsed.scheme() == "http") {
            let told = "Its sign-in names an address that is not https://, where anybody on the way could read along.";
            return Err(Trouble::refused(told));
        }
        let refused = |refused: http::address::Refused| {
            Trouble::Refused(format!(
                "Its sign-in names an address that may not be visited. {}",
                sentence(&refused.to_string())
            ))
        };
        let session = self.session(&parsed);
        session.check(url).map_err(refused)?;
        Ok(session)
    }

    /// Checks an address that metadata names.
    pub(super) fn check(&self, url: &str) -> Result<(), Trouble> {
        self.checked(url).map(drop)
    }

    /// Reads a document; `None` if there is none.
    pub(super) async fn document(&self, url: &str) -> Result<Option<Value>, Trouble> {
        let request = self.checked(url)?.client().get(url).header(header::ACCEPT, "application/json");
        let answered = self.send(request).await?;
        Ok(answered.body.filter(|body| answered.status == StatusCode::OK && body.is_object()))
    }

    /// Posts a form, with a name and a password, and with a proof of possession, if there are any.
    pub(super) async fn form(
        &self,
        url: &str,
        form: &[(&str, &str)],
        basic: Option<(&str, &SecretString)>,
        proof: Option<&SecretString>,
    ) -> Result<Answered, Trouble> {
        let session = self.checked(url)?;
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut request = session
            .client()
            .post(url)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body);
        if let Some((name, password)) = basic {
            // RFC 6749 2.3.1: both are encoded as in a form first.
            let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            request = request.basic_auth(encoded(name), Some(encoded(password.expose_secret())));
        }
        if let Some(proof) = proof {
            request = request.header(dpop::HEADER, proof.expose_secret());
        }
        self.send(request).await
    }

    /// Posts JSON.
    pub(super) async fn json(&self, url: &str, body: &Value) -> Result<Answered, Trouble> {
        let session = self.checked(url)?;
        self.send(session.client().post(url).header(header::ACCEPT, "application/json").json(body)).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answered, Trouble> {
        let answered = tokio::time::timeout(PATIENCE, read(request)).await;
        answered.unwrap_or_else(|_| Err(Trouble::Away("Its authorization server did not answer in time.".to_owned())))
    }
}

async fn read(request: RequestBuilder) -> Result<Answered, Trouble> {
    let failed = |error: reqwest::Error| match http::sorted(&error) {
        http::HttpError::Refused(refused) => Trouble::Refused(format!(
            "Its sign-in names an address that may not be visited. {}",
            sentence(&refused.to_string())
        )),
        other => Trouble::Away(format!("Its authorization server is away. {}", sentence(&other.to_string()))),
    };
    let mut answer = request.send().await.map_err(failed)?;
    let (status, nonce) = (answer.status(), dpop::nonce(answer.headers()));
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > MOST {
            return Err(Trouble::refused("Its authorization server answers with far too much."));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answered { status, body: serde_json::from_slice(&body).ok(), nonce })
}

/// Whether an address is this machine's or a private one, as it is written.
fn is_near(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    matches!(Reach::default().target(&format!("https://{host}")), Err(Refused::Nearby(_) | Refused::Private(..)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::backend::{
        config::SecretsConfig,
        http::resolver::SystemLookup,
        secrets::Secrets,
        task::Tasks,
        test::{Folder, TestStore, test_store},
        tools::remote::oauth::Home,
    };
    use futures::FutureExt;
    use std::sync::{Arc, Mutex};

    async fn keep() -> (Keep, TestStore, Folder) {
        let (store, folder) = (test_store().await, Folder::new());
        let keep = Keep {
            store: store.store.clone(),
            secrets: Secrets::new(&SecretsConfig { keys: Vec::new(), file: folder.path().join("secret.key") }),
            tasks: Tasks::default(),
            clock: store.clock.clone(),
            home: Home::at("http://127.0.0.1:9"),
            guarded: Session::guarded(Reach::default(), Arc::new(SystemLookup)).unwrap(),
            plain: Session::of_operator().unwrap(),
            private: Nearby::None,
            accounts: Mutex::default(),
            machines: Mutex::default(),
        };
        (keep, store, folder)
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[tokio::test]
    async fn a_server_out_there_has_nobody_near_asked() {
        let (keep, _store, _folder) = keep().await;
        let near = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = format!("http://{}/as", near.local_addr().unwrap());
        let (server, issuer) = (url("https://mcp.example.org/mcp"), url("https://as.example.org"));
        let askers = [
            keep.own_asker(&server, None),
            keep.own_asker(&server, Some(&issuer)),
            keep.asker_beside(&server),
            keep.asker(),
        ];
        for asker in askers {
            for hostile in [
                here.as_str(),
                &here.replace("http:", "https:"),
                "https://10.0.0.1/token",
                "https://[::1]/",
                "https://169.254.169.254/",
                "https://localhost/",
                "https://printer.lan/",
            ] {
                assert!(matches!(asker.document(hostile).await, Err(Trouble::Refused(_))), "{hostile}");
                let posted = asker.form(hostile, &[("client_secret", "s")], None, None).await;
                assert!(matches!(posted, Err(Trouble::Refused(_))), "{hostile}");
            }
        }
        assert!(near.accept().now_or_never().is_none(), "nobody knocked");
    }

    #[tokio::test]
    async fn what_the_operator_named_is_asked_wherever_it_is() {
        let (keep, _store, _folder) = keep().await;
        let (far, odd) = (url("https://mcp.example.org/mcp"), url("https://mcp.example.org:9443/mcp"));
        keep.own_asker(&odd, None).check("https://mcp.example.org:9443/.well-known/x").unwrap();
        keep.own_asker(&far, Some(&odd)).check("https://mcp.example.org:9443/token").unwrap();
        keep.own_asker(&far, None).check("https://mcp.example.org:9443/token").unwrap_err();
        for near in ["http://127.0.0.1:3000/mcp", "https://10.0.0.1/mcp", "https://mcp.internal/mcp"] {
            let near = url(near);
            for asker in [keep.own_asker(&near, None), keep.own_asker(&far, Some(&near)), keep.asker_beside(&near)] {
                asker.check("https://10.0.0.2:9443/token").unwrap();
                asker.check("http://127.0.0.1:9/token").unwrap();
            }
            keep.own_asker(&near, None).check("http://10.0.0.2/token").unwrap_err();
            keep.asker_beside(&near).check("http://10.0.0.2/token").unwrap();
        }
    }
}
