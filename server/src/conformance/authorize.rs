//! A person's browser, headless: it goes where a sign-in sends it and brings back the answer.
//!
//! How to call it: [`Connections::begin_sign_in`](app::backend::tools::remote::Connections::begin_sign_in) gives the
//! address, [`browse`] follows it, and
//! [`Connections::finish_sign_in`](app::backend::tools::remote::Connections::finish_sign_in) takes the answer. It clicks
//! nothing: the authorization server must redirect at once, as the suite's do.

use crate::cli::Refusal;
use app::backend::{
    http,
    tools::remote::oauth::{Answer, CALLBACK},
};
use axum::http::header;
use url::Url;

/// Pages on the way at most.
const HOPS: usize = 5;

/// Goes to `url` and follows it until it comes back to Parley.
///
/// # Errors
/// It does not come back.
pub(super) async fn browse(url: &str) -> Result<Answer, Refusal> {
    let client = http::own().map_err(|error| sentence(&error))?;
    let mut at = Url::parse(url).map_err(|error| sentence(&error))?;
    for _ in 0..HOPS {
        let page = client.get(at.clone()).send().await.map_err(|error| sentence(&error))?;
        let next = page.headers().get(header::LOCATION).and_then(|next| next.to_str().ok());
        let next = next.ok_or_else(|| Refusal::Sentence("The authorization server wants a person.".to_owned()))?;
        at = at.join(next).map_err(|error| sentence(&error))?;
        if at.path() == CALLBACK {
            let of =
                |name: &str| at.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
            return Ok(Answer {
                state: of("state").unwrap_or_default(),
                code: of("code"),
                iss: of("iss"),
                error: of("error"),
                description: of("error_description"),
            });
        }
    }
    Err(Refusal::Sentence("The authorization server leads nowhere.".to_owned()))
}

fn sentence(error: &dyn std::error::Error) -> Refusal {
    Refusal::Sentence(format!("The browser cannot go there: {error}."))
}
