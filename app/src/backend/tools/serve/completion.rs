//! Completion: values for a template's variable or a prompt's argument, from what was typed so far.

use super::McpServer;
use crate::backend::caller::Caller;
use rmcp::{
    ErrorData,
    model::{CompleteRequestParams, CompleteResult, CompletionInfo, Reference},
};

impl McpServer {
    /// Values that go with what was typed.
    pub(super) async fn completed(
        &self,
        caller: Caller,
        asked: CompleteRequestParams,
    ) -> Result<CompleteResult, ErrorData> {
        let (name, typed) = (asked.argument.name.as_str(), asked.argument.value.as_str());
        let given = asked.context.and_then(|context| context.arguments).unwrap_or_default();
        let mut values = match &asked.r#ref {
            Reference::Resource(template) => {
                self.complete_address(caller, &template.uri, (name, typed), &given).await?
            }
            Reference::Prompt(prompt) => self.complete_prompt(&caller, &prompt.name, (name, typed)).await?,
            _ => return Err(ErrorData::invalid_params("There is nothing of that kind to complete.", None)),
        };
        let more = values.len() > CompletionInfo::MAX_VALUES;
        values.truncate(CompletionInfo::MAX_VALUES);
        let total = (!more).then(|| u32::try_from(values.len()).unwrap_or(u32::MAX));
        let info = CompletionInfo::with_pagination(values, total, more);
        info.map(CompleteResult::new).map_err(|error| ErrorData::internal_error(error, None))
    }
}
