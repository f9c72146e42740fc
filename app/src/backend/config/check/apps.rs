//! The settings of apps of MCP servers.

use super::read::{Faults, origin};
use crate::backend::config::{AppsConfig, Settings};
use url::Url;

impl Settings {
    pub(super) fn apps(&self, faults: &mut Faults, public: Option<&Url>) -> AppsConfig {
        let own = faults.read("PARLEY_APPS_ORIGIN", self.apps_origin.as_ref(), None, |text| {
            let url = origin(text)?;
            match public {
                Some(public) if public.host() == url.host() => Err(format!(
                    "«{text}» is the host of PARLEY_PUBLIC_URL; another port of it shares its cookies, so take another host"
                )),
                Some(public) if public.scheme() == "https" && url.scheme() != "https" => {
                    Err(format!("«{text}» is not https://, and pages of PARLEY_PUBLIC_URL show no other frames"))
                }
                _ => Ok(Some(url)),
            }
        });
        let hosts = [public, own.as_ref()].into_iter().flatten().filter_map(|url| url.host_str().map(str::to_owned));
        AppsConfig {
            hosts: hosts.collect(),
            origin: own.map(|url| url.origin().ascii_serialization()),
            framed_by: public.map(|url| url.origin().ascii_serialization()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn check(apps: &str) -> Result<AppsConfig, String> {
        let settings = Settings {
            public_url: Some("https://chat.example".to_owned()),
            apps_origin: Some(apps.to_owned()),
            ..Settings::default()
        };
        settings.check(|_| None).map(|config| config.apps).map_err(|faults| faults[0].to_string())
    }

    #[test]
    fn apps_have_another_host_or_none() {
        let none = check("").unwrap();
        assert_eq!((none.origin, none.hosts), (None, vec!["chat.example".to_owned()]));
        let apps = check("https://apps.example/").unwrap();
        assert_eq!(apps.origin.as_deref(), Some("https://apps.example"));
        assert_eq!((apps.framed_by.as_str(), apps.hosts.len()), ("https://chat.example", 2));
        for (wrong, words) in [
            ("https://chat.example:8443", "shares its cookies"),
            ("http://apps.example", "is not https://"),
            ("apps.example", "is not an http:// or https:// address"),
            ("https://apps.example/x", "has more than scheme, host and port"),
        ] {
            let told = check(wrong).unwrap_err();
            assert!(told.starts_with("PARLEY_APPS_ORIGIN: ") && told.contains(words), "{told}");
        }
    }
}
