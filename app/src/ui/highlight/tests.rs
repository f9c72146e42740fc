#![expect(clippy::unwrap_used, reason = "tests")]
use super::{COLOURED_MAX, Lang, Lexer, rules};
use crate::ui::markdown::escape;
use proptest::prelude::*;

fn coloured(lang: &str, source: &str) -> String {
    let mut lexer = Lexer::new(Lang::named(lang).unwrap());
    let mut out = String::new();
    for line in source.split_inclusive('\n') {
        let start = out.len();
        lexer.line(line, &mut out);
        let line = &out[start..];
        assert_eq!(line.matches("<span").count(), line.matches("</span>").count(), "{lang}: {line:?}");
    }
    out
}

fn stripped(html: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

fn escaped(source: &str) -> String {
    let mut out = String::new();
    escape(source, &mut out);
    out
}

#[test]
fn each_language_colours_what_it_should() {
    let cases: [(&str, &str, &[&str]); 14] = [
        (
            "rust",
            "fn main() { x::<'a>(); let s = r#\"a\"b\"#; /* x /* y */ z */ }",
            &["k\">fn<", "f\">main<", "t\">&#39;a<", "s\">r#", "> z */<"],
        ),
        ("rust", "let c = '\\n'; let d = 'x'; 0..10", &["s\">&#39;\\n&#39;<", "s\">&#39;x&#39;<", "n\">0<", "n\">10<"]),
        (
            "py",
            "def f(x): # doc\n    return \"\"\"a\nb\"\"\"",
            &["k\">def<", "f\">f<", "c\"># doc<", "s\">b&quot;&quot;&quot;<"],
        ),
        ("ts", "const a: string = `x\ny`; // end", &["k\">const<", "t\">string<", "s\">y`<", "c\">// end<"]),
        (
            "json",
            "{\"a\": \"b\", \"c\": [1.5, true]}",
            &["f\">&quot;a&quot;<", "s\">&quot;b&quot;<", "n\">1.5<", "t\">true<"],
        ),
        (
            "bash",
            "for f in $FILES; do echo \"$f\" # all\ndone",
            &["k\">for<", "t\">$FILES<", "c\"># all<", "k\">done<"],
        ),
        ("sql", "SELECT 'it''s' FROM t -- x", &["k\">SELECT<", "s\">&#39;it&#39;<", "k\">FROM<", "c\">-- x<"]),
        (
            "html",
            "<a href=\"x\">t</a><!-- c\nd -->",
            &["k\">&lt;a<", "f\">href<", "s\">x&quot;<", "c\">&lt;!--<", "c\">d --&gt;<"],
        ),
        ("css", ".a { font-size: 2rem } /* b */", &["f\">font-size<", "n\">2rem<", "c\">/*<"]),
        ("go", "func main() { x := `raw` }", &["k\">func<", "s\">`raw`<"]),
        ("java", "public class A { int x = 1; }", &["k\">class<", "t\">A<", "t\">int<"]),
        ("cpp", "int main() { return 0; }", &["t\">int<", "f\">main<", "k\">return<"]),
        ("toml", "[a]\nb = \"c\" # d", &["f\">b<", "s\">&quot;c&quot;<", "c\"># d<"]),
        ("yaml", "a-b: true # c", &["f\">a-b<", "t\">true<", "c\"># c<"]),
    ];
    for (lang, source, wants) in cases {
        let html = coloured(lang, source);
        for want in wants {
            assert!(html.contains(want), "{lang}: {want:?} is not in {html}");
        }
    }
}

#[test]
fn names_are_known_in_any_case_and_once() {
    assert_eq!(Lang::named("RUST"), Lang::named("rs"));
    assert_eq!(Lang::named("klingon"), None);
    let mut names: Vec<_> = rules::ALL.iter().flat_map(|rules| rules.names).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn a_huge_block_stays_whole() {
    let source = "let x = 1;\n".repeat(COLOURED_MAX / 5);
    let html = coloured("rust", &source);
    assert_eq!(stripped(&html), escaped(&source));
    assert!(html.ends_with("let x = 1;\n"));
}

#[test]
fn hostile_lines_come_to_an_end() {
    for unit in ["/*", "\"\\", "'", "r#", "r#\"#", "<", "<a '", "0.", "#", "`", "\"\"\"", "a:"] {
        let source = unit.repeat(20_000);
        for rules in &rules::ALL {
            assert_eq!(stripped(&coloured(rules.names[0], &source)), escaped(&source), "{} {unit}", rules.names[0]);
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_lost_or_changed(
        which in 0..rules::ALL.len(),
        parts in prop::collection::vec(prop_oneof![
            "[ -~\n]{0,6}", "\\PC{0,3}",
            prop::sample::select(vec!["\"", "'", "/*", "*/", "//", "#", "`", "\"\"\"", "<!--", "-->", "<a b='", ">", "r#\"", "\"#", "\\", "\n", "fn ", "é"]).prop_map(str::to_owned),
        ], 0..40),
    ) {
        let source = parts.concat();
        let html = coloured(rules::ALL[which].names[0], &source);
        prop_assert_eq!(stripped(&html), escaped(&source));
    }
}
