//! Redirect URIs: which ones a client may have, when one is the client's, and how an answer is put on it.
//!
//! Invariant: they are compared letter by letter (RFC 9700 2.1); only the port of a loopback address may differ, because
//! a program on a desk takes the one that is free (RFC 8252 7.3). «localhost» counts as such an address: clients use it.

use url::{Host, Url, form_urlencoded};

/// Characters of a redirect URI.
const URI_MAX: usize = 2_000;
/// Schemes that run, read or tell something instead of opening a program that waits for an answer.
const NEVER: [&str; 17] = [
    "about",
    "blob",
    "chrome",
    "content",
    "data",
    "file",
    "filesystem",
    "ftp",
    "intent",
    "jar",
    "javascript",
    "mailto",
    "tel",
    "vbscript",
    "view-source",
    "ws",
    "wss",
];

/// Why that cannot be a redirect URI; a sentence.
///
/// # Errors
/// The sentence.
pub fn check(uri: &str) -> Result<(), String> {
    let shown: String = uri.chars().filter(|c| !c.is_control()).take(100).collect();
    let wrong = |why: &str| Err(format!("The redirect URI «{shown}» {why}."));
    if uri.len() > URI_MAX {
        return wrong("is too long");
    }
    if !uri.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}'))
    {
        return wrong("has characters that a URI cannot have");
    }
    let Ok(url) = Url::parse(uri) else { return wrong("is not an absolute URI") };
    if uri.contains('#') {
        return wrong("has a fragment");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("has a user name or password in it");
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if loopback(uri).is_some() => Ok(()),
        "http" => wrong("is neither https nor on the program's own computer (127.0.0.1, [::1] or localhost)"),
        scheme if NEVER.contains(&scheme) || url.cannot_be_a_base() => wrong("does not open a program"),
        _ => Ok(()),
    }
}

/// Whether `asked` is the `registered` one.
pub fn matches(registered: &str, asked: &str) -> bool {
    registered == asked
        || (check(asked).is_ok() && loopback(asked).is_some() && loopback(asked) == loopback(registered))
}

/// Whether answers stay on the computer of whoever is asked, where anything that runs may hear them.
pub fn is_loopback(uri: &str) -> bool {
    loopback(uri).is_some()
}

/// Host and path of an `http` address of the same computer, without the port.
fn loopback(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (host, port) = match authority.rfind(':') {
        Some(at) if !authority.ends_with(']') => (&authority[..at], &authority[at + 1..]),
        _ => (authority, "80"),
    };
    let fits = ["127.0.0.1", "[::1]", "localhost"].contains(&host) && port.parse::<u16>().is_ok();
    fits.then_some((host, path))
}

/// Where an answer would go, for people.
pub fn place(uri: &str) -> String {
    if let Some((host, _)) = loopback(uri) {
        return format!("this computer ({host})");
    }
    match Url::parse(uri) {
        Ok(url) if url.scheme() == "https" => host(&url),
        Ok(url) => format!("the program that opens «{}:» links", url.scheme()),
        Err(_) => "an unknown place".to_owned(),
    }
}

/// Host and, where it is not the usual one, port.
pub fn host(url: &Url) -> String {
    let host = match url.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(ip) => ip.to_string(),
        None => String::new(),
    };
    url.port().map_or(host.clone(), |port| format!("{host}:{port}"))
}

/// What a page's policy calls the place that its form may lead to (CSP 3, host-source and scheme-source); it has no way
/// to write an IPv6 address.
pub fn form_action(uri: &str) -> String {
    match Url::parse(uri) {
        Ok(url) if matches!(url.host(), Some(Host::Ipv6(_))) => format!("{}:", url.scheme()),
        Ok(url) if matches!(url.scheme(), "http" | "https") => url.origin().ascii_serialization(),
        Ok(url) => format!("{}:", url.scheme()),
        Err(_) => String::new(),
    }
}

/// The URI with an answer in its query, behind what is there already.
pub fn with_answer(uri: &str, answer: &[(&str, &str)]) -> String {
    let pairs = form_urlencoded::Serializer::new(String::new()).extend_pairs(answer).finish();
    let between = match uri.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{uri}{between}{pairs}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_one() {
        for good in [
            "https://claude.ai/api/mcp/auth_callback",
            "https://[2001:db8::1]:8443/cb?x=1",
            "http://127.0.0.1/cb",
            "http://127.0.0.1:33418",
            "http://[::1]:1234/cb",
            "http://localhost:8080/oauth/callback",
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "com.example.app:/oauth2redirect",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "/callback",
            "http://app.example/cb",
            "http://127.0.0.2/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://localhost@evil.example/cb",
            "http://localhost:x/cb",
            "https://me:secret@app.example/cb",
            "https://app.example/cb#x",
            "https://app.example/a b",
            "https://app.example/é",
            "https://app.example/\r\nSet-Cookie:x",
            "https://app.example/\"><script>",
            "javascript:alert(1)",
            "javascript://app.example/%0aalert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "urn:ietf:wg:oauth:2.0:oob",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert!(check(&format!("https://app.example/{}", "x".repeat(URI_MAX))).is_err());
    }

    #[test]
    fn when_one_is_the_clients() {
        for (registered, asked, fits) in [
            ("https://a.example/cb", "https://a.example/cb", true),
            ("https://a.example/cb", "https://a.example/cb/", false),
            ("https://a.example/cb", "https://a.example:443/cb", false),
            ("https://a.example/cb", "https://A.example/cb", false),
            ("https://a.example/cb", "https://a.example/cb?x", false),
            ("https://a.example/cb", "https://a.example/x/../cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:51000/cb", true),
            ("http://127.0.0.1:1/cb", "http://127.0.0.1:2/cb", true),
            ("http://localhost/cb", "http://localhost:51000/cb", true),
            ("http://[::1]/cb", "http://[::1]:51000/cb", true),
            ("http://127.0.0.1/cb", "http://localhost:51000/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:51000/other", false),
            ("http://127.0.0.1/cb", "https://127.0.0.1:51000/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:51000/cb#x", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:99999/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1@evil.example/cb", false),
            ("app:/cb", "app:/cb", true),
        ] {
            assert_eq!(matches(registered, asked), fits, "{registered} {asked}");
        }
    }

    #[test]
    fn an_answer_keeps_what_is_there() {
        let answer = [("code", "a b"), ("iss", "https://x")];
        for (uri, want) in [
            ("https://a.example/cb", "https://a.example/cb?code=a+b&iss=https%3A%2F%2Fx"),
            ("https://a.example/cb?", "https://a.example/cb?code=a+b&iss=https%3A%2F%2Fx"),
            ("app:/cb?x=1", "app:/cb?x=1&code=a+b&iss=https%3A%2F%2Fx"),
        ] {
            assert_eq!(with_answer(uri, &answer), want);
        }
    }

    #[test]
    fn where_it_leads_in_words_and_for_the_policy() {
        for (uri, words, policy) in [
            ("https://a.example/cb", "a.example", "https://a.example"),
            ("https://a.example:8443/cb", "a.example:8443", "https://a.example:8443"),
            ("http://[::1]:1234/cb", "this computer ([::1])", "http:"),
            ("http://127.0.0.1:1234/cb", "this computer (127.0.0.1)", "http://127.0.0.1:1234"),
            ("cursor://x/cb", "the program that opens «cursor:» links", "cursor:"),
        ] {
            assert_eq!((place(uri).as_str(), form_action(uri).as_str()), (words, policy), "{uri}");
        }
    }
}
