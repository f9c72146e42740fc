//! The authorization endpoint (RFC 6749 4.1.1): what a program asks of a person, and what they answer.
//!
//! Invariant: in this order. The client and its redirect URI first ([`OAuth::prove`]): whoever fails there is told on a
//! page of ours, and sent nowhere. Everything else ([`OAuth::request`]) is told to the client, with `state` and `iss`.
//!
//! Decision: a person is asked every time. A «yes» of long ago must not let in whatever passes for the same program.

use super::{
    CODE, OAuth, OAuthError, Params, clients, redirect,
    refusal::{Code, Refusal},
    secret,
    site::Site,
};
use crate::{
    backend::{
        auth::AuthError,
        caller::Caller,
        store::oauth::{NewCode, OAuthClient},
    },
    wire::{
        api_token::{Scope, Scopes},
        id::UserId,
        oauth::Consent,
    },
};

/// The parameters that mean something here.
const KNOWN: [&str; 9] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "resource",
    "response_mode",
];
/// What a program did that was refused here.
const ASKED: &str = "asked to be let in";
/// Characters of a SHA-256 in base64url.
const CHALLENGE: usize = 43;

/// A client, and an address that is proven to be its own.
#[derive(Clone, Debug)]
pub struct Proven {
    client: OAuthClient,
    redirect_uri: String,
    state: Option<String>,
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What it wants to do.
    pub scopes: Scopes,
    /// With what.
    resource: String,
    challenge: String,
}

impl Proven {
    /// What a page's policy calls the place where the answer goes.
    pub fn form_action(&self) -> String {
        redirect::form_action(&self.redirect_uri)
    }

    /// Where to send the browser with a refusal.
    fn refused(&self, site: &Site, refusal: &Refusal) -> String {
        self.answer(site, &[("error", refusal.code.name()), ("error_description", &refusal.description())])
    }

    fn answer(&self, site: &Site, answer: &[(&str, &str)]) -> String {
        let state = self.state.as_deref().map(|state| ("state", state));
        let all: Vec<_> = answer.iter().copied().chain(state).chain([("iss", site.issuer())]).collect();
        redirect::with_answer(&self.redirect_uri, &all)
    }
}

impl OAuth {
    /// Who asks, and where the answer may go.
    ///
    /// # Errors
    /// The client is not known, or the address is not its own: for the person to read.
    pub async fn prove(&self, params: &Params, by: UserId) -> Result<Proven, OAuthError> {
        let proven = self.proven(params, by).await;
        if let Err(OAuthError::Refused(refusal)) = &proven {
            let id = params.all("client_id").next().unwrap_or("a program without a client_id");
            self.remember(by, id, ASKED, refusal);
        }
        proven
    }

    async fn proven(&self, params: &Params, by: UserId) -> Result<Proven, OAuthError> {
        let client = self.client(params.need("client_id")?, by).await?;
        let redirect_uri = match (params.one("redirect_uri")?, &*client.redirect_uris) {
            (Some(asked), known) if known.iter().any(|known| redirect::matches(known, asked)) => asked.to_owned(),
            (Some(_), _) => {
                let reason = format!("«{}» asks for an answer to an address that is not its own.", client.name);
                return Err(Refusal::new(Code::InvalidRequest, reason).into());
            }
            (None, [only]) => only.clone(),
            (None, _) => {
                let reason = format!("«{}» does not say where the answer is to go.", client.name);
                return Err(Refusal::new(Code::InvalidRequest, reason).into());
            }
        };
        // Which of two states is meant nobody knows; that there are two is told by `request`.
        let state = params.one("state").ok().flatten().map(str::to_owned);
        Ok(Proven { client, redirect_uri, state })
    }

    /// What is asked for.
    ///
    /// # Errors
    /// Anything that is wrong with it: for the client to hear.
    pub fn request(&self, params: &Params) -> Result<Request, Refusal> {
        let invalid = |reason: &str| Err(Refusal::new(Code::InvalidRequest, reason));
        for name in KNOWN.into_iter().filter(|name| *name != "resource") {
            params.one(name)?;
        }
        if params.need("response_type")? != "code" {
            let reason = "The response_type is «code» here.";
            return Err(Refusal::new(Code::UnsupportedResponseType, reason));
        }
        if params.one("response_mode")?.is_some_and(|mode| mode != "query") {
            return invalid("The response_mode is «query» here.");
        }
        let Some(challenge) = params.one("code_challenge")? else {
            return invalid("PKCE is required: the code_challenge is missing.");
        };
        if params.one("code_challenge_method")? != Some("S256") {
            return invalid("The code_challenge_method must be «S256».");
        }
        let base64url = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if challenge.len() != CHALLENGE || !challenge.chars().all(base64url) {
            return invalid("The code_challenge is no SHA-256 in base64url.");
        }
        let resource = self.named_resource(params)?.unwrap_or_else(|| self.site.resource());
        let scopes = asked_scopes(params.one("scope")?)?;
        Ok(Request { scopes, resource, challenge: challenge.to_owned() })
    }

    /// What the tokens are to be for, if the client says: one endpoint of ours.
    pub(super) fn named_resource(&self, params: &Params) -> Result<Option<String>, Refusal> {
        let wrong = |reason: String| Err(Refusal::new(Code::InvalidTarget, reason));
        let mut found: Option<String> = None;
        for asked in params.all("resource") {
            match (self.site.named(asked), &found) {
                (None, _) => return wrong(format!("Tokens are for «{}» and the like here.", self.site.resource())),
                (Some(ours), Some(other)) if ours != *other => return wrong("A token is for one resource.".to_owned()),
                (ours, _) => found = ours,
            }
        }
        Ok(found)
    }

    /// Where to send the browser of `by` with what is wrong with the request.
    pub fn refuse(&self, proven: &Proven, refusal: &Refusal, by: UserId) -> String {
        self.remember(by, &proven.client.name, ASKED, refusal);
        proven.refused(&self.site, refusal)
    }

    /// What the person reads before they answer.
    pub fn consent(&self, caller: &Caller, proven: &Proven, request: &Request, params: &Params) -> Consent {
        let client = &proven.client;
        Consent {
            person: caller.name.clone(),
            name: client.name.clone(),
            host: clients::document_host(&client.id),
            place: redirect::place(&proven.redirect_uri),
            endpoint: request.resource.clone(),
            loopback_only: client.redirect_uris.iter().all(|uri| redirect::is_loopback(uri)),
            asked: request.scopes,
            fields: params.only(&KNOWN),
        }
    }

    /// The person allows as much of it as is in `chosen`: where to send the browser.
    ///
    /// # Errors
    /// Nothing is chosen; the caller is a program itself; the code cannot be kept.
    pub async fn allow(
        &self,
        caller: &Caller,
        proven: &Proven,
        request: &Request,
        chosen: Scopes,
    ) -> Result<String, OAuthError> {
        // A program must not be a way to a stronger or longer token.
        caller.session().ok_or(AuthError::NoSession)?;
        let scopes = chosen.and(request.scopes);
        if scopes.is_empty() {
            return Err(Refusal::new(Code::AccessDenied, "Nothing was allowed.").into());
        }
        let (code, code_hash) = secret(CODE)?;
        let kept = NewCode {
            user: caller.user,
            client: &proven.client.id,
            redirect_uri: &proven.redirect_uri,
            scopes,
            resource: &request.resource,
            challenge: &request.challenge,
        };
        self.store.create_oauth_code(&code_hash, kept).await?;
        tracing::info!(user = %caller.user, %scopes, "a program was allowed in");
        Ok(proven.answer(&self.site, &[("code", &code)]))
    }

    /// The person says no: where to send the browser.
    pub fn deny(&self, proven: &Proven) -> String {
        proven.refused(&self.site, &Refusal::new(Code::AccessDenied, "The person said no."))
    }
}

/// The scopes that are asked for: all if nothing is said, as the challenge of `/mcp` does; the person decides. Those
/// that are not known here (`offline_access`, `openid`) are left out, and the answer says what was granted (RFC 6749
/// 3.3).
pub(super) fn asked_scopes(text: Option<&str>) -> Result<Scopes, Refusal> {
    let Some(text) = text else { return Ok(Scopes::ALL) };
    let known = |name: &str| Scope::ALL.into_iter().find(|scope| scope.name() == name);
    let scopes = text.split_ascii_whitespace().filter_map(known).fold(Scopes::default(), Scopes::with);
    if scopes.is_empty() {
        let reason = format!("None of these scopes is known here; there are: {}.", Scopes::ALL);
        return Err(Refusal::new(Code::InvalidScope, reason));
    }
    Ok(scopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_scopes_are_left_out_and_nothing_else() {
        let read = |text| asked_scopes(Some(text)).map(|scopes| scopes.to_string());
        assert_eq!(read("write offline_access read"), Ok("read write".to_owned()));
        assert_eq!(asked_scopes(None), Ok(Scopes::ALL));
        assert!(read("openid READ").is_err_and(|refusal| refusal.code == Code::InvalidScope));
    }
}
