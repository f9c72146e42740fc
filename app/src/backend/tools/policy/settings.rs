//! The tools as a person's settings and a conversation's switches show them.

use super::{definition, judge};
use crate::{
    backend::{
        caller::Caller,
        store::{Store, StoreError, policies::ToolRules},
    },
    wire::{
        id::ConversationId,
        policy::{Policy, ToolSetting, ToolSettings, ToolSwitch},
        tool::ToolSpec,
    },
};
use std::sync::Arc;

/// What `caller` decided about each of `tools`, and what binds them.
///
/// # Errors
/// The store's.
pub async fn settings(store: &Store, caller: &Caller, tools: &[Arc<ToolSpec>]) -> Result<ToolSettings, StoreError> {
    let mut rules = ToolRules::clone(&*store.tool_rules(caller.user, None).await?);
    let listed = tools.iter().map(|spec| setting(&rules, spec)).collect();
    let is_gone = |name: &str| !tools.iter().any(|spec| spec.name == name);
    let gone = rules.always.extract_if(.., |said| is_gone(&said.tool)).map(|said| (said.tool, said.policy)).collect();
    let floors = if caller.admin { rules.floors } else { Vec::new() };
    Ok(ToolSettings { tools: listed, gone, floors })
}

fn setting(rules: &ToolRules, spec: &ToolSpec) -> ToolSetting {
    let definition = definition(spec);
    let said = rules.said(&spec.name).next();
    let silent = ToolRules::default();
    let default = match judge(&silent, spec, false) {
        super::Decision::Run(_) => Policy::Allow,
        super::Decision::Ask { .. } => Policy::Ask,
        super::Decision::Deny(..) => Policy::Deny,
    };
    ToolSetting {
        name: spec.name.clone(),
        title: spec.title.clone(),
        server: spec.server.clone(),
        default,
        said: said.filter(|said| said.counts(&definition)).map(|said| said.policy),
        changed: said.is_some_and(|said| !said.counts(&definition)),
        floor: rules.floor(spec),
    }
}

/// Keeps what `caller` says of a tool as it is now; `None` forgets what they said.
///
/// # Errors
/// The store's.
pub async fn keep(store: &Store, caller: &Caller, spec: &ToolSpec, said: Option<Policy>) -> Result<(), StoreError> {
    match said {
        Some(policy) => store.set_tool_policy(caller.user, None, &spec.name, policy, &definition(spec)).await,
        None => store.forget_tool_policy(caller.user, &spec.name).await,
    }
}

/// Which of `tools` are on in a conversation of `caller`.
///
/// # Errors
/// The store's; `NotFound` for a conversation they are not in.
pub async fn switches(
    store: &Store,
    caller: &Caller,
    conversation: ConversationId,
    tools: &[Arc<ToolSpec>],
) -> Result<Vec<ToolSwitch>, StoreError> {
    if !store.is_member(caller.user, conversation).await? {
        return Err(StoreError::NotFound);
    }
    let rules = store.tool_rules(caller.user, Some(conversation)).await?;
    let switch = |spec: &ToolSpec| ToolSwitch {
        name: spec.name.clone(),
        title: spec.title.clone(),
        server: spec.server.as_ref().map(|server| server.name.clone()),
        on: !rules.is_off(&spec.name),
    };
    Ok(tools.iter().map(|spec| switch(spec)).collect())
}
