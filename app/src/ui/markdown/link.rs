//! Links: which may be followed, and finding bare ones in text.
//!
//! Only `http`, `https` and `mailto` pass; a relative address does not either, because a model's idea of our own paths
//! is not to be trusted. Every link opens in a tab of its own and tells the other side nothing.

use super::escape;

/// Writes `<a …>` for `target` if it may be followed; says whether it did.
pub(super) fn open(target: &str, out: &mut String) -> bool {
    let target = target.trim();
    if !allowed(target) {
        return false;
    }
    out.push_str("<a href=\"");
    escape(target, out);
    out.push_str("\" rel=\"noopener noreferrer nofollow\" target=\"_blank\">");
    true
}

/// Whether a link may lead there, and there is a page of the web.
pub fn is_web_address(target: &str) -> bool {
    allowed(target) && target.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("http"))
}

fn allowed(target: &str) -> bool {
    let after = |scheme: &str| {
        target
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            .then(|| &target[scheme.len()..])
    };
    let rest = after("https://").or_else(|| after("http://")).or_else(|| after("mailto:"));
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '[' | '_' | '%')))
        && !target.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// Writes `text` escaped, with its bare `http(s)` addresses as links.
pub(super) fn text_with_links(text: &str, out: &mut String) {
    let (mut from, mut at) = (0, 0);
    while let Some(found) = text[at..].find(['h', 'H']) {
        let start = at + found;
        let end = address_end(text, start);
        at = end.unwrap_or(start + 1);
        let Some(end) = end else { continue };
        let address = &text[start..end];
        escape(&text[from..start], out);
        if open(address, out) {
            escape(address, out);
            out.push_str("</a>");
        } else {
            escape(address, out);
        }
        from = end;
    }
    escape(&text[from..], out);
}

/// Where the address that starts at `start` ends, if one does: at a blank or a bracket, less closing punctuation and
/// parentheses that were not opened in it (GFM 6.9, «extended autolink path validation»).
fn address_end(text: &str, start: usize) -> Option<usize> {
    let rest = &text[start..];
    let starts = |scheme: &str| rest.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme));
    let scheme = if starts("https://") { 8 } else { 7 };
    if (scheme == 7 && !starts("http://")) || text[..start].ends_with(char::is_alphanumeric) {
        return None;
    }
    let length = rest
        .find(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '`'))
        .unwrap_or(rest.len());
    let mut address = &rest[..length];
    let mut open = address.matches('(').count();
    let mut close = address.matches(')').count();
    while let Some(last) = address.chars().next_back() {
        match last {
            ')' if close > open => close -= 1,
            '?' | '!' | '.' | ',' | ':' | ';' | '*' | '_' | '~' | '\'' | '…' | '»' | '”' | '’' => {}
            '(' => open -= 1,
            _ => break,
        }
        address = &address[..address.len() - last.len_utf8()];
    }
    (address.len() > scheme).then_some(start + address.len())
}
