//! Ways to addresses with places to fill in: URI templates (RFC 6570), all operators, values that are texts.
//!
//! Invariant: what is filled in cannot leave its place: it is percent-encoded, but for what the template itself says may
//! stand there (`{+path}`, `{#part}`).

use crate::wire::picker::Blank;
use std::{collections::BTreeMap, fmt::Write};

/// What an operator does: what comes first, what stands between, whether names are written, whether a `=` follows an
/// empty value's name, and whether reserved characters may stand in a value.
struct Operator {
    first: &'static str,
    between: &'static str,
    named: bool,
    equals: bool,
    reserved: bool,
}

fn operator(sign: Option<char>) -> Operator {
    let plain = Operator { first: "", between: ",", named: false, equals: false, reserved: false };
    match sign {
        Some('+') => Operator { reserved: true, ..plain },
        Some('#') => Operator { first: "#", reserved: true, ..plain },
        Some('.') => Operator { first: ".", between: ".", ..plain },
        Some('/') => Operator { first: "/", between: "/", ..plain },
        Some(';') => Operator { first: ";", between: ";", named: true, ..plain },
        Some('?') => Operator { first: "?", between: "&", named: true, equals: true, ..plain },
        Some('&') => Operator { first: "&", between: "&", named: true, equals: true, ..plain },
        _ => plain,
    }
}

/// A piece of a template: text, or an expression with its operator's sign.
enum Piece<'a> {
    Text(&'a str),
    Places(Option<char>, Vec<&'a str>),
}

fn pieces(template: &str) -> Vec<Piece<'_>> {
    let (mut out, mut rest) = (Vec::new(), template);
    while let Some((before, after)) = rest.split_once('{') {
        let Some((inside, behind)) = after.split_once('}') else { break };
        out.push(Piece::Text(before));
        let sign = inside.chars().next().filter(|sign| "+#./;?&".contains(*sign));
        let names = inside[sign.map_or(0, char::len_utf8)..].split(',');
        // A list (`*`) has one element here; a prefix (`:3`) is the value's own matter.
        let names = names.map(|name| name.split(':').next().unwrap_or_default().trim_end_matches('*').trim());
        out.push(Piece::Places(sign, names.filter(|name| !name.is_empty()).collect()));
        rest = behind;
    }
    out.push(Piece::Text(rest));
    out
}

/// What is to be filled in. What stands in a query may be left out.
pub(in super::super) fn blanks(template: &str) -> Vec<Blank> {
    let mut out: Vec<Blank> = Vec::new();
    for piece in pieces(template) {
        let Piece::Places(sign, names) = piece else { continue };
        for name in names {
            if !out.iter().any(|blank| blank.name == name) {
                let required = !matches!(sign, Some('?' | '&' | '#' | ';'));
                let (name, title, description) = (name.to_owned(), super::visible::line(name, 120), String::new());
                out.push(Blank { name, title, description, required });
            }
        }
    }
    out
}

/// The address. What is not given is left out.
pub(in super::super) fn expand(template: &str, values: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    for piece in pieces(template) {
        let (sign, names) = match piece {
            Piece::Text(text) => {
                out.push_str(text);
                continue;
            }
            Piece::Places(sign, names) => (sign, names),
        };
        let how = operator(sign);
        let given = names.into_iter().filter_map(|name| Some((name, values.get(name).filter(|v| !v.is_empty())?)));
        for (at, (name, value)) in given.enumerate() {
            out.push_str(if at == 0 { how.first } else { how.between });
            if how.named {
                out.push_str(name);
                if how.equals || !value.is_empty() {
                    out.push('=');
                }
            }
            encode(&mut out, value, how.reserved);
        }
    }
    out
}

fn encode(out: &mut String, value: &str, reserved: bool) {
    for byte in value.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if plain || (reserved && b":/?#[]@!$&'()*+,;=%".contains(&byte)) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str) -> String {
        let values = [("var", "value"), ("hello", "Hello World!"), ("path", "/foo/bar"), ("x", "1024"), ("empty", "")];
        expand(template, &values.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }

    /// The examples of RFC 6570, section 3.2.
    #[test]
    fn templates_are_filled_in_as_the_rfc_has_it() {
        for (template, address) in [
            ("demo://{var}", "demo://value"),
            ("{hello}", "Hello%20World%21"),
            ("{+hello}", "Hello%20World!"),
            ("{path}/here", "%2Ffoo%2Fbar/here"),
            ("{+path}/here", "/foo/bar/here"),
            ("X{#path}", "X#/foo/bar"),
            ("map?{x,var}", "map?1024,value"),
            ("X{.var,x}", "X.value.1024"),
            ("{/var,x}/here", "/value/1024/here"),
            ("{;x,var}", ";x=1024;var=value"),
            ("{?x,undef,var}", "?x=1024&var=value"),
            ("?fixed=yes{&x}", "?fixed=yes&x=1024"),
            ("{undef}{empty}{/var*}", "/value"),
            ("no {end", "no {end"),
        ] {
            assert_eq!(filled(template), address, "{template}");
        }
    }

    #[test]
    fn each_place_is_asked_for_once() {
        let asked = blanks("a://{id}/{+path}/{id}{?page,size*}{#part:3}");
        let asked: Vec<_> = asked.iter().map(|blank| (blank.name.as_str(), blank.required)).collect();
        assert_eq!(asked, [("id", true), ("path", true), ("page", false), ("size", false), ("part", false)]);
        assert!(blanks("a://b").is_empty() && blanks("a://{").is_empty() && blanks("a://{}").is_empty());
    }
}
