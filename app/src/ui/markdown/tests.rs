#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]
use super::{CODE_END, Stream, render};
use proptest::prelude::*;
use std::fmt::Write as _;

/// What may come out: tag, its attributes. Anything else fails the test.
const TAGS: &[(&str, &[&str])] = &[
    ("p", &["class"]),
    ("h3", &[]),
    ("h4", &[]),
    ("h5", &[]),
    ("h6", &[]),
    ("blockquote", &[]),
    ("ul", &[]),
    ("ol", &["start"]),
    ("li", &["class"]),
    ("div", &["class", "tabindex"]),
    ("table", &[]),
    ("thead", &[]),
    ("tbody", &[]),
    ("tr", &[]),
    ("th", &["class"]),
    ("td", &["class"]),
    ("em", &[]),
    ("strong", &[]),
    ("del", &[]),
    ("a", &["href", "rel", "target"]),
    ("code", &[]),
    ("pre", &["tabindex"]),
    ("span", &["class", "role", "aria-label"]),
    ("button", &["type", "data-copy"]),
    ("br", &[]),
    ("hr", &[]),
];

/// Fails unless `html` is made of [`TAGS`] alone, well nested, with harmless values.
fn check(html: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find(['<', '>']) {
        assert!(rest[at..].starts_with('<'), "a bare > in {html}");
        let end = rest[at..].find('>').unwrap_or_else(|| panic!("an open tag in {html}"));
        let inner = &rest[at + 1..at + end];
        rest = &rest[at + end + 1..];
        if let Some(name) = inner.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closing tags in {html}");
            continue;
        }
        let (name, mut attributes) = inner.split_once(' ').unwrap_or((inner, ""));
        let (_, allowed) = TAGS.iter().find(|(tag, _)| *tag == name).unwrap_or_else(|| panic!("<{inner}> in {html}"));
        while !attributes.is_empty() {
            let key_end = attributes.find([' ', '=']).unwrap_or(attributes.len());
            let key = &attributes[..key_end];
            assert!(allowed.contains(&key), "{key} on <{name}> in {html}");
            attributes = &attributes[key_end..];
            if let Some(quoted) = attributes.strip_prefix("=\"") {
                let (value, after) = quoted.split_once('"').unwrap();
                value_is_harmless(key, value);
                attributes = after;
            }
            attributes = attributes.trim_start_matches(' ');
        }
        if !matches!(name, "br" | "hr") {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} stay open in {html}");
}

fn value_is_harmless(key: &str, value: &str) {
    let lower = value.to_ascii_lowercase();
    match key {
        "href" => {
            assert!(["https://", "http://", "mailto:"].iter().any(|scheme| lower.starts_with(scheme)), "href={value}");
            assert!(!value.contains(|c: char| c.is_control() || c.is_whitespace()), "href={value}");
        }
        "class" => assert!(value.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '-' | ' ')), "class={value}"),
        _ => assert!(value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ' ')), "{key}={value}"),
    }
}

#[test]
fn the_corpus_renders_as_it_did() {
    let cases = [
        "plain *em* **strong** ***both*** ~~gone~~ `code <b>`",
        "# One\n## Two\n### Three\n###### Six",
        "line one\nline two  \nline three",
        "- a\n- b\n  - c\n\n1. x\n2. y\n\n7. seven",
        "- [ ] to do\n- [x] done\n\n- [ ] loose\n\n- [x] too",
        "| a | b | c |\n|---|:-:|--:|\n| 1 | 2 | 3 |\n| x<br>y | `p` | |",
        "> quoted\n> > twice",
        "```rust\nfn main() { println!(\"<hi>\"); }\n```",
        "```\nno name\n```\n\n~~~made-up-language-with-a-very-long-name\nx\n~~~\n\n    indented",
        "see https://example.org/a_(b)?x=1&y=2. And (http://example.com/), not ahttp://x",
        "[link](https://example.org \"title\") [mail](mailto:a@example.org) <https://example.org>",
        "[bad](javascript:alert(1)) [rel](/settings) [host](//evil.example) [odd](data:text/html,x)",
        "![picture](https://example.org/p.png) [![in link](https://example.org/p.png)](https://example.org)",
        "<script>alert(1)</script>\n\nan <b onclick=\"x()\">inline</b> tag\n\n<div>\nblock\n</div>",
        "---\n\na\n***\nb",
        "[ref] and [text][ref]\n\n[ref]: https://example.org",
        "5 < 6 && \"q\" 'a' &copy; &lt;",
        "",
    ];
    let mut all = String::new();
    for case in cases {
        let html = render(case);
        check(&html);
        writeln!(all, "{case}\n→\n{html}\n").unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn links_are_found_where_they_end() {
    let cases = [
        ("http://a.b", Some("http://a.b")),
        ("HTTPS://A.B/c", Some("HTTPS://A.B/c")),
        ("(https://a.b/c)", Some("https://a.b/c")),
        ("https://a.b/c_(d)", Some("https://a.b/c_(d)")),
        ("https://a.b/c...", Some("https://a.b/c")),
        ("https://a.b/?x=1&y=2", Some("https://a.b/?x=1&amp;y=2")),
        ("https://a_b_c/", Some("https://a_b_c/")),
        ("https://", None),
        ("http://)", None),
        ("xhttps://a.b", None),
        ("https:/a.b", None),
        ("`https://a.b`", None),
    ];
    for (source, want) in cases {
        let html = render(source);
        check(&html);
        let href = html.split_once("href=\"").and_then(|(_, rest)| rest.split_once('"')).map(|(href, _)| href);
        assert_eq!(href, want, "{source}: {html}");
    }
}

/// Attempts to get script through: every way to write a link or tag, with every scheme or handler.
fn payloads() -> Vec<String> {
    let schemes = [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "java\nscript:alert(1)",
        "\u{1}javascript:alert(1)",
        "javascript&colon;alert(1)",
        "javascript&#58;alert(1)",
        "&#106;avascript:alert(1)",
        "&#x6A;avascript:alert(1)",
        "javascript&#x3A;alert(1)",
        "vbscript:msgbox(1)",
        "data:text/html,<script>alert(1)</script>",
        "data:image/svg+xml;base64,PHN2Zz4=",
        "file:///etc/passwd",
        "blob:https://a/b",
        "//evil.example",
        "\\\\evil.example",
        "javascript://%0aalert(1)",
        "javascript:/*https://*/alert(1)",
        "https:javascript:alert(1)",
        "http:\\\\evil",
        "about:blank",
        "view-source:javascript:alert(1)",
        "ｊavascript:alert(1)",
        "https://a\"onmouseover=\"alert(1)",
        "https://a'onclick='x'",
        "https://a><script>alert(1)</script>",
        "https://a`onerror=x`",
        "mailto:\"onclick=x",
        "http://\"><img src=x onerror=x>",
    ];
    let forms = [
        "[x]({})",
        "[x](<{}>)",
        "<{}>",
        "![x]({})",
        "[x][r]\n\n[r]: {}",
        "[x]: {}\n[x]",
        "[![a]({})]({})",
        "[x]({} \"t\")",
        "{}",
        "| [x]({}) |\n|---|\n| {} |",
        "- [ ] [x]({})",
    ];
    let mut all: Vec<_> =
        forms.iter().flat_map(|form| schemes.iter().map(|scheme| form.replace("{}", scheme))).collect();
    let tags = [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg/onload=alert(1)>",
        "<svg><script>alert(1)</script></svg>",
        "<iframe srcdoc='<script>alert(1)</script>'>",
        "<a href=javascript:alert(1)>x</a>",
        "<body onload=alert(1)>",
        "<math><mi//xlink:href='javascript:x'>",
        "<style>@import 'x'</style>",
        "<link rel=stylesheet href=x>",
        "<meta http-equiv=refresh content=0>",
        "<base href=//evil>",
        "<form action=//evil><input name=password>",
        "<details open ontoggle=alert(1)>",
        "<video><source onerror=alert(1)></video>",
        "<object data=x>",
        "<embed src=x>",
        "<!--><script>alert(1)</script>-->",
        "<![CDATA[<script>alert(1)</script>]]>",
        "<?xml-stylesheet href='x'?>",
        "<br onclick=alert(1)>",
        "<br/onclick=x>",
        "<p class=\"hl-k\" onclick=x>",
        "<div style='x:expression(1)'>",
        "</code></pre><script>alert(1)</script>",
        "</p></div></main><script>",
        "<noscript><p title=\"</noscript><img src=x onerror=x>\">",
    ];
    let around = [
        "{}",
        "a {} b",
        "`{}`",
        "```{}\n{}\n```",
        "> {}",
        "- {}",
        "# {}",
        "**{}**",
        "| {} |\n|-|\n| {} |",
        "    {}",
        "[{}](https://a.b)",
        "~~~ {}\n{}",
    ];
    all.extend(around.iter().flat_map(|form| tags.iter().map(|tag| form.replace("{}", tag))));
    all
}

#[test]
fn no_payload_becomes_markup() {
    let payloads = payloads();
    assert!(payloads.len() >= 300, "{}", payloads.len());
    for payload in &payloads {
        check(&render(payload));
        for step in 1..=3 {
            let mut stream = Stream::new();
            for piece in payload.chars().collect::<Vec<_>>().chunks(step) {
                stream.push(&piece.iter().collect::<String>());
                check(&stream.tail());
                for block in stream.blocks() {
                    check(block);
                }
            }
            stream.finish();
            assert_eq!(stream.html(), render(payload), "{payload}");
        }
    }
}

#[test]
fn hostile_nesting_comes_out_shallow() {
    let deep = [
        ">".repeat(5000),
        "- ".repeat(3000),
        "*a **b ".repeat(3000),
        "[".repeat(5000),
        "![[".repeat(3000),
        "`".repeat(5001),
        "<".repeat(5000),
    ];
    for source in deep {
        let html = render(&source);
        check(&html);
        let (mut depth, mut deepest) = (0_i32, 0);
        for (at, _) in html.match_indices('<') {
            depth += if html[at..].starts_with("</") { -1 } else { 1 };
            deepest = deepest.max(depth);
        }
        assert!(deepest < 120, "{deepest}");
    }
}

#[test]
fn an_open_block_of_code_only_grows() {
    let mut stream = Stream::new();
    stream.push("Look:\n\n```rust\nfn a() {}\n");
    assert_eq!(stream.blocks(), [render("Look:")]);
    let before = stream.open().unwrap().code.to_owned();
    stream.push("fn b() {}\nfn c");
    assert!(stream.open().unwrap().rest.contains("fn"));
    stream.push("() {}\n``");
    assert_eq!(stream.open().unwrap().rest, "");
    let after = stream.open().unwrap().code.to_owned();
    assert!(after.starts_with(&before) && after.len() > before.len());
    assert_eq!(stream.tail(), after + CODE_END);
    stream.push("`\nafter");
    assert_eq!(stream.open().unwrap().code, "");
    assert_eq!(stream.blocks().len(), 2);
    assert_eq!(stream.html(), render("Look:\n\n```rust\nfn a() {}\nfn b() {}\nfn c() {}\n```\nafter"));
}

#[test]
fn a_fence_closes_where_the_parser_closes_it() {
    for source in ["```rust\n```\t\nx", "```\n``` \nx", "```\n   ```\nx", "~~~~\n~~~\n~~~~~\nx", "```\n    ```\nx"] {
        let mut stream = Stream::with(source);
        stream.finish();
        assert_eq!(stream.html(), render(source), "{source:?}");
    }
}

#[test]
fn one_kind_of_line_end_and_no_nul() {
    assert_eq!(render("a\r\nb\rc\0"), render("a\nb\nc\u{fffd}"));
    let mut stream = Stream::with("a\r");
    stream.push("\nb");
    stream.finish();
    assert_eq!(stream.html(), render("a\nb"));
}

fn markdown() -> impl Strategy<Value = String> {
    let pieces = vec![
        "# h",
        "- ",
        "1. ",
        "> ",
        "```",
        "```rust\n",
        "~~~",
        "````",
        "    ",
        "\t",
        "|a|b|\n|-|-|\n",
        "|c|",
        "---",
        "===",
        "***",
        "* * *",
        "**",
        "*",
        "_",
        "~~",
        "`",
        "``",
        "[a](https://a.b)",
        "[r]",
        "[r]: https://c.d\n",
        "![i](http://e)",
        "<div>",
        "<!--",
        "-->",
        "<br>",
        "https://x.y/z",
        "&amp;",
        "\\",
        "\n",
        "\n\n",
        " ",
        "word",
        "é",
        "- [ ] ",
        "- [x] ",
        "\r\n",
        "\r",
        "<script>",
        "+ ",
        "2) ",
        "   ",
        ":",
        "fn x() {}",
    ];
    let piece = prop_oneof![
        8 => prop::sample::select(pieces).prop_map(str::to_owned),
        1 => "[ -~]{0,8}",
        1 => "\\PC{0,3}",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_is_harmless(source in markdown()) {
        check(&render(&source));
    }

    #[test]
    fn any_split_ends_alike(source in markdown(), steps in prop::collection::vec(1..12_usize, 1..8)) {
        let chars: Vec<char> = source.chars().collect();
        let mut stream = Stream::new();
        let mut settled: Vec<String> = Vec::new();
        let mut at = 0;
        for step in steps.iter().cycle() {
            if at >= chars.len() { break }
            let end = (at + step).min(chars.len());
            stream.push(&chars[at..end].iter().collect::<String>());
            prop_assert!(stream.blocks().starts_with(&settled));
            settled = stream.blocks().to_vec();
            check(&stream.tail());
            at = end;
        }
        stream.finish();
        prop_assert_eq!(stream.html(), render(&source));
    }
}
