//! What one takes up in a message with `/` and `@`: looked for, filled in, suggested. Nothing here sends anything.
//!
//! Values that are filled in come as one JSON object of texts, for a form's fields could not have every name.

use super::call::Call;
use crate::wire::{
    error::ApiError,
    picker::{ChoiceKind, Filled, Group, Pick, Reference},
};
use leptos::prelude::*;

/// One's own and one's servers' prompts or resources that go with what was typed, as far as they are known now.
#[server(name = PickAmong, protocol = Call)]
pub async fn pick(what: Pick, #[server(default)] typed: String) -> Result<Vec<Group>, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        Ok(backend.picker().offered(&caller, what, &typed).await?)
    })
    .await
}

/// A prompt's text with these values, for the composer.
#[server(protocol = Call)]
pub async fn fill_prompt(
    server: String,
    prompt: String,
    #[server(default)] values: String,
) -> Result<Filled, ApiError> {
    use super::context::{serve, signed_in};
    use crate::backend::tools::picker::read_values;
    serve(async {
        let (backend, caller) = signed_in()?;
        Ok(backend.picker().filled(&caller, &server, &prompt, read_values(&values)?).await?)
    })
    .await
}

/// What a template of addresses with these values refers to.
#[server(protocol = Call)]
pub async fn fill_template(
    server: String,
    template: String,
    #[server(default)] values: String,
) -> Result<Reference, ApiError> {
    use super::context::{serve, signed_in};
    use crate::backend::tools::picker::read_values;
    serve(async {
        let (backend, caller) = signed_in()?;
        Ok(backend.picker().referred(&caller, &server, &template, read_values(&values)?).await?)
    })
    .await
}

/// Values to suggest for a blank of a prompt or a template, by what was typed there and in the others.
#[server(protocol = Call)]
pub async fn suggest(
    server: String,
    kind: ChoiceKind,
    key: String,
    blank: String,
    #[server(default)] typed: String,
    #[server(default)] values: String,
) -> Result<Vec<String>, ApiError> {
    use super::context::{serve, signed_in};
    use crate::backend::tools::picker::read_values;
    serve(async {
        let (backend, caller) = signed_in()?;
        let given = read_values(&values)?;
        Ok(backend.picker().suggested(&caller, &server, (kind, &key), (&blank, &typed), given).await?)
    })
    .await
}
