//! What a person must do elsewhere before a call can be done: JSON-RPC error -32042 (revision 2025-11-25,
//! `URLElicitationRequiredError`), where a server answers with addresses instead of asking while it works.
//!
//! Invariant: they go the way of every question with an address ([`asked`]). The call is made again only once all is
//! done, as the person says or the server does, and [`AGAIN`] times at most. Where that does not come about, the model
//! is told whose host it is, and not the address: it may be secret.

use super::{
    asked,
    call::{Call, Ended},
    words::quote,
};
use crate::{backend::tools::ask::Answer, wire::elicitation::Wants};
use rmcp::model::{ElicitRequestParams, ErrorCode, ErrorData};
use serde_json::Value;

/// The error.
pub(super) const REQUIRED: ErrorCode = ErrorCode(-32042);
/// How often a call is made again for it.
pub(super) const AGAIN: u32 = 2;

impl Call<'_> {
    /// Sends the person there, one address after the other, until all is done.
    pub(super) async fn errands(&self, said: &ErrorData) -> Result<(), Ended> {
        let Some(errands) = read(said) else {
            let said = quote(&said.message);
            let told =
                format!("The server wants the user to do something elsewhere first, but does not say where: {said}");
            return Err(Ended::Said(told));
        };
        for errand in errands {
            let host = match asked::shown(self.server, 0, &errand).map(|shown| shown.wants) {
                Ok(Wants::Visit { host, .. }) => host,
                Ok(Wants::Form { .. }) => continue,
                Err(why) => {
                    let told = "The server wants the user to do something elsewhere first, but nobody was sent there:";
                    return Err(Ended::Said(format!("{told} {why}.")));
                }
            };
            let what = match self.ask(&errand).await {
                Answer::Accepted(_) => continue,
                Answer::Declined => "which was declined",
                Answer::Cancelled => "which they did not do",
                Answer::Unavailable => "and nobody can be asked here",
            };
            let told = format!("Before it does this, the server wants the user to do something at {host}, {what}.");
            return Err(Ended::Said(format!("{told} It was not called again.")));
        }
        Ok(())
    }
}

/// What is told of a server that is not content.
pub(super) fn still_wanted() -> Ended {
    Ended::Said("The server was called again, and still wants the user to do something elsewhere first.".to_owned())
}

/// The addresses that an error names, as questions; `None` if it names none, or anything else.
fn read(said: &ErrorData) -> Option<Vec<ElicitRequestParams>> {
    let one = |one: &Value| serde_json::from_value(one.clone()).ok().filter(is_address);
    let listed = said.data.as_ref()?.get("elicitations")?.as_array()?;
    listed.iter().map(one).collect::<Option<Vec<_>>>().filter(|errands| !errands.is_empty())
}

fn is_address(asked: &ElicitRequestParams) -> bool {
    matches!(asked, ElicitRequestParams::UrlElicitationParams { .. })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    #[test]
    fn addresses_are_read_and_nothing_else_is() {
        let of = |data| read(&ErrorData::new(REQUIRED, "first", data));
        let visit = json!({"mode": "url", "elicitationId": "e", "url": "https://example.org/", "message": "Go"});
        let read = of(Some(json!({"elicitations": [visit, visit]}))).unwrap();
        assert_eq!((read.len(), asked::completion(&read[0]), asked::message(&read[1])), (2, Some("e"), "Go"));
        let form = json!({"mode": "form", "message": "x", "requestedSchema": {"type": "object", "properties": {}}});
        for other in [json!({}), json!([]), json!({"elicitations": []}), json!({"elicitations": [visit, form]})] {
            assert!(of(Some(other)).is_none());
        }
        assert!(of(None).is_none());
    }
}
