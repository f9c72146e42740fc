//! Addresses of the time when the settings were one page: `/settings?calls=…` and `/settings#tokens` lead to the pages
//! that hold these now. What stands after `#` no server sees, so that half needs script; without it the account's page
//! comes, and beside it the list of all pages.

use crate::ui::kit::effect;
use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    components::Redirect,
    hooks::{use_location, use_navigate},
    params::ParamsMap,
};

/// Goes on to the page that was meant, if it is another.
#[component]
pub(super) fn Moved() -> impl IntoView {
    let place = use_location();
    let navigate = use_navigate();
    effect(move || {
        let meant =
            place.pathname.with(|path| is_first(path)).then(|| place.hash.with(|hash| by_section(hash))).flatten();
        if let Some(path) = meant {
            navigate(path, NavigateOptions { replace: true, ..NavigateOptions::default() });
        }
    });
    move || {
        let meant = place.pathname.with(|path| is_first(path)).then(|| place.query.with(by_query)).flatten();
        meant.map(|path| view! { <Redirect path/> })
    }
}

fn is_first(path: &str) -> bool {
    path.trim_end_matches('/') == "/settings"
}

/// The page that a query was for.
fn by_query(query: &ParamsMap) -> Option<String> {
    let asked = |keys: &[&str]| keys.iter().any(|key| query.get_str(key).is_some());
    let path = match () {
        () if asked(&["prompt"]) => "/settings/prompts",
        () if asked(&["calls", "whose"]) => "/settings/calls",
        () => return None,
    };
    Some(format!("{path}{}", query.to_query_string()))
}

/// The page that has the section of that id.
fn by_section(hash: &str) -> Option<&'static str> {
    Some(match hash.trim_start_matches('#') {
        "prompts" => "/settings/prompts",
        "tools" => "/settings/tools",
        "floors" => "/settings/tools#floors",
        "calls" => "/settings/calls",
        "clients" => "/settings/programs",
        "tokens" => "/settings/programs#tokens",
        "connections" => "/settings/connections",
        "usage" => "/settings/usage",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_address_leads_to_what_it_meant() {
        let query = |pairs: &[(&'static str, &str)]| {
            by_query(&pairs.iter().map(|(key, value)| (*key, (*value).to_owned())).collect())
        };
        assert_eq!(query(&[("prompt", "0190")]).as_deref(), Some("/settings/prompts?prompt=0190"));
        assert_eq!(query(&[("whose", "all")]).as_deref(), Some("/settings/calls?whose=all"));
        assert_eq!(query(&[("calls", "0190")]).as_deref(), Some("/settings/calls?calls=0190"));
        assert_eq!(query(&[("changed", "password")]), None);
        assert_eq!(query(&[]), None);
        assert_eq!(by_section("#floors"), Some("/settings/tools#floors"));
        assert_eq!(by_section("tokens"), Some("/settings/programs#tokens"));
        assert_eq!(by_section("#password"), None);
        assert_eq!(by_section(""), None);
    }
}
