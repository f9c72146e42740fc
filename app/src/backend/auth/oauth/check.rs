//! The self-test: signs a program of its own in, as any other would, and says which step broke and what to do.
//!
//! Decision: it asks by HTTP at the public address, not the router in this process. What breaks a sign-in is seldom the
//! code and often what stands before it: an address that is not the public one, a proxy that keeps `/.well-known` or
//! `Authorization` to itself, a certificate. Two things are not asked by HTTP: the person's «yes», because their cookie
//! must not travel to whatever a wrong setting names (they have pressed the button, and what the page's form does is
//! what is called here), and their sign-in, which brought them to this page.

mod asking;

use super::{
    OAuth, Params,
    authorize::Proven,
    redirect::{self, with_answer},
    site,
    token::challenge,
};
use crate::{
    backend::{auth::token::Token, caller::Caller},
    wire::{
        api_token::{Scope, Scopes},
        oauth::{Outcome, Step},
    },
};
use asking::{Answer, Fault, fault};
use serde_json::{Value, json};

/// The steps, in order.
const STEPS: [&str; 12] = [
    "This page is at the public address",
    "Without a token, /mcp says where to sign in",
    "The resource describes itself",
    "The authorization server describes itself",
    "A program can make itself known",
    "Signing in begins at Parley's sign-in page",
    "You allow it",
    "Its code becomes tokens",
    "/mcp accepts the access token",
    "The tokens can be renewed",
    "The program can sign out",
    "After that its token opens nothing",
];
/// Where the program of the self-test wants its answer; nobody is ever sent there.
const REDIRECT: &str = "http://127.0.0.1:9/parley-self-test";
/// What to do where something between the public address and Parley is at fault.
const PROXY: &str = "Look at what stands before Parley: a reverse proxy must pass every path on as it is, /.well-known and \
    /oauth too, with the headers Authorization and WWW-Authenticate.";
/// What to do where the public address leads elsewhere or is another than Parley thinks.
const PUBLIC_URL: &str =
    "Set PARLEY_PUBLIC_URL to exactly what people and programs type to reach Parley, and start it again.";
/// What to do where nothing is encrypted.
const ENCRYPT: &str =
    "Put a reverse proxy with HTTPS before Parley, and set PARLEY_PUBLIC_URL to its https:// address.";
/// What to do where Parley itself refuses what it should not.
const OURS: &str = "This should not happen. The server's log of this moment says more; please report it.";

/// What one step saw, and its fruit.
type Seen<T> = Result<(String, T), Fault>;

/// The steps so far.
#[derive(Default)]
struct Report(Vec<Step>);

impl Report {
    fn add<T>(&mut self, seen: Seen<T>) -> Option<T> {
        let title = STEPS.get(self.0.len())?;
        let (outcome, fruit) = match seen {
            Ok((words, fruit)) => (Outcome::Fine(words), Some(fruit)),
            Err(Fault { seen, advice }) => (Outcome::Broken(seen, advice), None),
        };
        self.0.push(Step { title, outcome });
        fruit
    }

    fn finished(mut self) -> Vec<Step> {
        let rest = STEPS.iter().skip(self.0.len()).map(|title| Step { title, outcome: Outcome::Skipped });
        self.0.extend(rest.collect::<Vec<_>>());
        self.0
    }
}

/// The tokens that a step got.
struct Held {
    access: String,
    refresh: String,
}

impl OAuth {
    /// Walks through a whole sign-in on behalf of the caller, who opened the page at `host`. It is allowed to read, for
    /// as long as it takes, and leaves nothing behind.
    pub async fn check(&self, caller: &Caller, host: Option<&str>) -> Vec<Step> {
        let mut report = Report::default();
        report.0.push(Step { title: STEPS[0], outcome: self.at_home(host) });
        let mut client = None;
        self.walk(caller, &mut report, &mut client).await;
        if let Some(id) = client
            && let Err(error) = self.store.forget_oauth_client(&id).await
        {
            tracing::warn!(%error, "the program of the self-test stays known until it lapses");
        }
        report.finished()
    }

    pub(super) fn at_home(&self, host: Option<&str>) -> Outcome {
        let public = self.site.issuer();
        let told = format!("Programs are told to come to {public}");
        let own = public.split_once("://").map(|(_, own)| own);
        match host {
            Some(host) if own != Some(host) => Outcome::Odd(
                format!("{told}, but you came by «{host}». A program that was given that address refuses to sign in."),
                PUBLIC_URL,
            ),
            None => Outcome::Odd(format!("{told}; which address you used your browser did not say."), PUBLIC_URL),
            Some(_) if public.starts_with("http://") && !redirect::is_loopback(public) => {
                Outcome::Odd(format!("{told}, where everybody on the way reads along. Many refuse that."), ENCRYPT)
            }
            Some(_) => Outcome::Fine(format!("{told}.")),
        }
    }

    async fn walk(&self, caller: &Caller, report: &mut Report, known: &mut Option<String>) -> Option<()> {
        report.add(self.challenged().await)?;
        let described = self.site.protected_resource(site::MCP).unwrap_or_default();
        report.add(self.describes(&self.site.resource_metadata(site::MCP), &described).await)?;
        let metadata = self.site.at(site::SERVER_METADATA);
        report.add(self.describes(&metadata, &self.site.authorization_server()).await)?;
        let id = report.add(self.registers().await)?;
        *known = Some(id.clone());
        let verifier = report.add(self.begins(&id).await)?;
        let code = report.add(self.allowed(caller, &id, &verifier).await)?;
        let form = [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", &verifier)];
        let held =
            report.add(self.tokens(&id, &form, "The code was exchanged, with the proof that PKCE asks for.").await)?;
        report.add(self.opens(&held.access).await)?;
        let form = [("grant_type", "refresh_token"), ("refresh_token", &*held.refresh)];
        let held = report.add(self.tokens(&id, &form, "New tokens came for the old ones.").await)?;
        report.add(self.signs_out(&id, &held.refresh).await)?;
        report.add(self.opens_nothing(&held.access).await)
    }

    /// The first thing a program sees.
    async fn challenged(&self) -> Seen<()> {
        let answer = self.mcp(None).await?;
        let expected = format!("resource_metadata=\"{}\"", self.site.resource_metadata(site::MCP));
        match answer.header("www-authenticate") {
            Some(told) if answer.status == 401 && told.contains(&expected) => {
                Ok(("It refuses with status 401 and names the description of the resource.".to_owned(), ()))
            }
            Some(_) if answer.status == 401 => {
                fault("It refuses, but names a description at another address.", PUBLIC_URL)
            }
            _ => fault(format!("It answers with status {} and does not say where to sign in.", answer.status), PROXY),
        }
    }

    async fn describes(&self, url: &str, expected: &Value) -> Seen<()> {
        let answer = self.ask(self.own.get(url)).await?;
        if answer.status != 200 {
            return fault(format!("{url} answers with status {}.", answer.status), PROXY);
        }
        match answer.json() {
            None => fault(format!("What is at {url} is not JSON."), PROXY),
            Some(found) if found == *expected => Ok((format!("{url} says what it should."), ())),
            Some(_) => fault(format!("{url} describes another server, or this one at another address."), PUBLIC_URL),
        }
    }

    async fn registers(&self) -> Seen<String> {
        let me = json!({
            "client_name": "Parley's self-test",
            "redirect_uris": [REDIRECT],
            "token_endpoint_auth_method": "none",
        });
        let answer = self.ask(self.own.post(self.site.at(site::REGISTER)).json(&me)).await?;
        match (answer.status, answer.json().and_then(|told| Some(told["client_id"].as_str()?.to_owned()))) {
            (201, Some(id)) => Ok(("It was given a client_id.".to_owned(), id)),
            (429, _) => fault(
                "Too many programs registered from this server's address.",
                "Wait a while, or raise PARLEY_RATE_REGISTER.",
            ),
            _ => fault(answer.refusal(), PROXY),
        }
    }

    /// Without a session the authorization endpoint leads to the sign-in page, and from there back.
    async fn begins(&self, id: &str) -> Seen<String> {
        let verifier = Token::generate().map(|token| token.expose().to_owned());
        let Ok(verifier) = verifier else { return fault("No random number can be had on this machine.", OURS) };
        let url = self.authorize_url(id, &verifier);
        let answer = self.ask(self.own.get(url)).await?;
        match answer.header("location") {
            Some(to) if answer.status == 303 && to.starts_with("/sign-in?next=%2Foauth%2Fauthorize") => {
                Ok(("A visitor is asked to sign in and led back.".to_owned(), verifier))
            }
            _ => fault(
                format!(
                    "{} answers with status {} instead of leading to the sign-in page.",
                    site::AUTHORIZE,
                    answer.status
                ),
                PROXY,
            ),
        }
    }

    fn authorize_url(&self, id: &str, verifier: &str) -> String {
        with_answer(
            &self.site.at(site::AUTHORIZE),
            &[
                ("response_type", "code"),
                ("client_id", id),
                ("redirect_uri", REDIRECT),
                ("scope", Scope::Read.name()),
                ("code_challenge", &challenge(verifier)),
                ("code_challenge_method", "S256"),
                ("resource", &self.site.resource()),
            ],
        )
    }

    /// What the consent page's form does.
    async fn allowed(&self, caller: &Caller, id: &str, verifier: &str) -> Seen<String> {
        let url = self.authorize_url(id, verifier);
        let params = Params::read(url.split_once('?').map(|(_, query)| query).unwrap_or_default());
        let proven: Proven = match self.prove(&params, caller.user).await {
            Ok(proven) => proven,
            Err(error) => return fault(error.to_string(), OURS),
        };
        let request = match self.request(&params) {
            Ok(request) => request,
            Err(refusal) => return fault(refusal.to_string(), OURS),
        };
        let location = match self.allow(caller, &proven, &request, Scopes::default().with(Scope::Read)).await {
            Ok(location) => location,
            Err(error) => return fault(error.to_string(), OURS),
        };
        let answer = Params::read(location.split_once('?').map(|(_, query)| query).unwrap_or_default());
        let issuer = answer.all("iss").next().map(str::to_owned);
        match answer.all("code").next() {
            Some(code) if issuer.as_deref() == Some(self.site.issuer()) => {
                Ok((format!("You, {}, let it read; the answer names its issuer.", caller.name), code.to_owned()))
            }
            _ => fault("The answer has no code, or another issuer.", OURS),
        }
    }

    async fn tokens(&self, id: &str, form: &[(&str, &str)], words: &str) -> Seen<Held> {
        let resource = self.site.resource();
        let form: Vec<_> = form.iter().copied().chain([("client_id", id), ("resource", &*resource)]).collect();
        let answer = self.post(site::TOKEN, &form).await?;
        let told = answer.json().unwrap_or_default();
        match (answer.status, told["access_token"].as_str(), told["refresh_token"].as_str()) {
            (200, Some(access), Some(refresh)) => {
                Ok((words.to_owned(), Held { access: access.to_owned(), refresh: refresh.to_owned() }))
            }
            _ => fault(answer.refusal(), PROXY),
        }
    }

    async fn opens(&self, access: &str) -> Seen<()> {
        let answer = self.mcp(Some(access)).await?;
        match answer.status {
            200 => Ok(("It listed your tools.".to_owned(), ())),
            401 => fault(
                "It does not see the token.",
                "Look at what stands before Parley: it must pass the header Authorization on.",
            ),
            _ => fault(answer.refusal(), PROXY),
        }
    }

    async fn signs_out(&self, id: &str, refresh: &str) -> Seen<()> {
        let answer = self.post(site::REVOKE, &[("token", refresh), ("client_id", id)]).await?;
        match answer.status {
            200 => Ok(("It gave its tokens back.".to_owned(), ())),
            _ => fault(answer.refusal(), PROXY),
        }
    }

    async fn opens_nothing(&self, access: &str) -> Seen<()> {
        match self.mcp(Some(access)).await?.status {
            401 => Ok(("It is refused.".to_owned(), ())),
            status => fault(format!("/mcp answers with status {status}."), OURS),
        }
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<Answer, Fault> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.own.post(self.site.at(path)).body(body);
        self.ask(request.header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_a_broken_step_was_not_tried() {
        let mut report = Report::default();
        report.add::<()>(fault("It rains.", OURS));
        let steps = report.finished();
        assert_eq!(steps.len(), STEPS.len());
        assert_eq!(steps[0].outcome, Outcome::Broken("It rains.".to_owned(), OURS));
        assert!(steps[1..].iter().all(|step| step.outcome == Outcome::Skipped));
    }
}
