//! Scenarios of signing in to a server (`auth/…`): the part of the browser and its person.

use super::{super::authorize::browse, Run, sentence};
use crate::cli::Refusal;
use app::{
    backend::tools::remote::oauth::OwnClient,
    wire::connection::{ConnectionState, SignIn},
};

/// Where Parley would be: the suite expects its document there.
pub(super) const HOME: &str = "https://conformance-test.local";
/// How often the person signs in before they give up.
const PATIENT: usize = 4;

/// Signs in to a server as often as it wants, and uses its tools in between.
pub(super) async fn play(run: &Run) -> Result<(), Refusal> {
    for _ in 0..PATIENT {
        let refused = run.connected().await.err();
        if let (Some(refusal), true) = (refused, run.row().await?.state != ConnectionState::SignIn) {
            return Err(refusal);
        }
        if matches!(run.row().await?.sign_in, SignIn::Out | SignIn::More) {
            sign_in(run).await?;
            continue;
        }
        run.call_all().await?;
        if !matches!(run.row().await?.sign_in, SignIn::Out | SignIn::More) {
            return Ok(());
        }
    }
    Err(sentence("It wants to be signed in to again and again."))
}

async fn sign_in(run: &Run) -> Result<(), Refusal> {
    let (connections, server) = (&run.backend.connections, &run.connection);
    let own = run
        .context
        .client_id
        .clone()
        .map(|id| OwnClient { id, secret: run.context.client_secret.clone().unwrap_or_default().into() });
    let failed = |error: app::backend::tools::remote::ConnectError| sentence(format!("Nobody is signed in. {error}"));
    let begun = connections.begin_sign_in(&run.caller, server, own).await.map_err(failed)?;
    let answer = browse(&begun.url).await?;
    connections.finish_sign_in(&run.caller, &answer).await.map_err(failed)?;
    Ok(())
}
