//! The corpus: every way of writing an address that must not be visited that we know of.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

/// Forms that must all be refused, whatever the reason.
const REFUSED: &[&str] = &[
    // This machine, by every spelling of IPv4.
    "http://127.0.0.1/",
    "http://127.0.0.1:80/",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://0x7F.0x0.0x0.0x1/",
    "http://127.0.0.1./",
    "http://127.255.255.255/",
    "http://127.8.8.8/",
    "http://127.0.0.1.:8080/",
    "http://%31%32%37.0.0.1/",
    "http://127%2e0%2e0%2e1/",
    "http://１２７.０.０.１/",
    "http://127。0。0。1/",
    "http://127．0．0．1/",
    "http://①②⑦.⓪.⓪.①/",
    "http://00000177.0.0.1/",
    "http://0x7f.0x000001/",
    "http://127.0.0x1/",
    "HTTP://127.0.0.1/",
    "  http://127.0.0.1/  ",
    "127.0.0.1",
    "127.0.0.1:8080",
    "0x7f000001",
    "2130706433",
    "http:127.0.0.1",
    "//127.0.0.1/",
    // «This network».
    "http://0.0.0.0/",
    "http://0/",
    "http://0x0/",
    "http://00000000000/",
    "http://0.0.0.0:8080/",
    "http://0.1.2.3/",
    // Private networks.
    "http://10.0.0.1/",
    "http://10.255.255.255/",
    "http://167772161/",
    "http://0xa.1/",
    "http://012.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.0.1/",
    "http://192.168.255.255/",
    "http://3232235521/",
    "http://0xc0a80001/",
    "http://0300.0250.0.1/",
    "http://192.168.1/",
    "http://10.1/",
    // Link-local; clouds keep their metadata there.
    "http://169.254.169.254/",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://169.254.43518/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[fd00:ec2::254]/",
    "http://metadata.google.internal/",
    "http://metadata/",
    // Carriers, protocols, documentation, benchmarks, multicast, reserved.
    "http://100.64.0.1/",
    "http://100.127.255.254/",
    "http://192.0.0.1/",
    "http://192.0.0.170/",
    "http://192.0.2.1/",
    "http://198.51.100.7/",
    "http://203.0.113.9/",
    "http://192.88.99.1/",
    "http://198.18.0.1/",
    "http://198.19.255.255/",
    "http://224.0.0.1/",
    "http://239.255.255.255/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://4294967295/",
    "http://192.175.48.1/",
    // IPv6.
    "http://[::]/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[0000::0001]/",
    "http://[::1]:8080/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::FFFF:7F00:0001]/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]/",
    "http://[::127.0.0.1]/",
    "http://[::7f00:1]/",
    "http://[::ffff:0:7f00:1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[::ffff:c0a8:1]/",
    "http://[::ffff:8.8.8.8]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b:1::a00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:a00:1::1]/",
    "http://[2002:c0a8:101::]/",
    "http://[2001:0:53aa:64c:0:0:80ff:fffe]/",
    "http://[2001::1]/",
    "http://[2001:10::1]/",
    "http://[2001:20::1]/",
    "http://[2001:2::1]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[fc00::1]/",
    "http://[fd12:3456:789a::1]/",
    "http://[fe80::1]/",
    "http://[febf::1]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[ff0e::1]/",
    "http://[100::1]/",
    "http://[5f00::1]/",
    "http://[4000::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[::1%25lo]/",
    "http://[::1/",
    // Names of machines nearby.
    "http://localhost/",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://localhost:8080/",
    "localhost",
    "localhost:8080",
    "http://foo.localhost/",
    "http://a.b.localhost./",
    "http://printer.local/",
    "http://nas.lan/",
    "http://router.home.arpa/",
    "http://1.0.0.127.in-addr.arpa/",
    "http://host.docker.internal/",
    "http://db/",
    "http://redis:8080/",
    "http://intranet/",
    "http://wiki.corp/",
    "http://ｌｏｃａｌｈｏｓｔ/",
    "http://loc%61lhost/",
    "http://localhost.localdomain/",
    "http://ⓛocalhost/",
    // Other schemes, credentials, ports, and what is no address.
    "file:///etc/passwd",
    "ftp://example.org/",
    "gopher://example.org/",
    "ws://example.org/",
    "data://text/plain,x",
    "javascript://example.org/%0aalert(1)",
    "javascript:alert(1)",
    "unix:///run/x.sock",
    "jar:http://example.org!/",
    "http://user@example.org/",
    "http://user:pass@example.org/",
    "http://example.org@127.0.0.1/",
    "http://:pass@example.org/",
    "http://127.0.0.1@example.org/",
    "user@example.org",
    "http://example.org:22/",
    "http://example.org:25/",
    "http://example.org:6379/",
    "http://example.org:5432/",
    "http://example.org:0/",
    "https://example.org:80443/",
    "http://",
    "https:///",
    "",
    "   ",
    "http://exa mple.org/",
    "http://a\tb.org/",
    "http://example.org\\@127.0.0.1/",
    "http://example.org\n/",
    "http://[1.2.3.4]/",
    "http://1.2.3.4.5/",
    "http://256.1.1.1/",
    "http://0x100000000/",
    "http://..../",
    "http://exa\0mple.org/",
];

#[test]
fn refuses_every_form_of_the_corpus() {
    assert!(REFUSED.len() >= 100, "the corpus has {} forms", REFUSED.len());
    let reach = Reach::default();
    for form in REFUSED {
        assert!(reach.target(form).is_err(), "«{form}» was let through as {:?}", reach.target(form));
    }
    assert!(reach.target(&format!("https://example.org/{}", "a".repeat(URL_MAX))).is_err());
}

#[test]
fn lets_public_addresses_through() {
    let reach = Reach::default();
    for (form, read_as) in [
        ("example.org", "https://example.org/"),
        ("example.org:8080/path?q=1#f", "https://example.org:8080/path?q=1#f"),
        ("http://example.org", "http://example.org/"),
        ("HTTPS://Example.ORG./", "https://example.org./"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("http://8.8.8.8/", "http://8.8.8.8/"),
        ("http://134744072/", "http://8.8.8.8/"),
        ("http://172.32.0.1:8000/", "http://172.32.0.1:8000/"),
        ("http://100.128.0.1/", "http://100.128.0.1/"),
        ("http://[2606:4700:4700::1111]/", "http://[2606:4700:4700::1111]/"),
        ("https://example.org:443/a@b", "https://example.org/a@b"),
    ] {
        assert_eq!(reach.target(form).map(|url| url.to_string()), Ok(read_as.to_owned()), "{form}");
    }
}

#[test]
fn says_plainly_that_an_address_is_private() {
    for form in ["http://127.0.0.1/", "http://[::ffff:7f00:1]/", "http://10.0.0.1/", "localhost"] {
        let told = Reach::default().target(form).map(|url| url.to_string()).unwrap_err().to_string();
        assert!(told.starts_with("this address is private and may not be visited"), "{form}: {told}");
    }
}

#[test]
fn this_machine_is_no_network() {
    let reach = Reach::this_machine();
    for form in ["http://127.0.0.1:4321/", "http://localhost:1/", "http://[::1]/", "https://example.org/"] {
        assert!(reach.target(form).is_ok(), "{form}");
    }
    for form in ["http://10.0.0.1/", "http://169.254.169.254/", "http://box.local/", "https://example.org:4321/"] {
        assert!(reach.target(form).is_err(), "{form}");
    }
    // What a name leads to is looked at too.
    assert!(reach.check(IpAddr::from([127, 0, 0, 2])).is_ok());
    assert!(reach.check(IpAddr::from([192, 168, 0, 1])).is_err());
}

#[test]
fn an_exception_is_one_address_and_not_its_network() {
    let reach = Reach::and(vec![SocketAddr::from(([127, 0, 0, 1], 4321))]);
    assert!(reach.target("http://127.0.0.1:4321/").is_ok());
    for form in ["http://127.0.0.2:4321/", "http://10.0.0.1:4321/", "http://[::1]:4321/", "http://127.0.0.1:4322/"] {
        assert!(reach.target(form).is_err(), "{form}");
    }
}

proptest::proptest! {
    /// Whatever IPv6 form carries an IPv4 address, it is refused: nothing is gained by wrapping one.
    #[test]
    fn no_wrapping_of_a_private_address_passes(tail: u16, prefix in proptest::sample::select(vec![
        "::ffff:", "::", "::ffff:0:", "64:ff9b::", "2002:7f00:",
    ])) {
        let form = format!("http://[{prefix}7f00:{tail:x}]/");
        proptest::prop_assert!(Reach::default().target(&form).is_err(), "{}", form);
    }

    #[test]
    fn never_panics(text in "\\PC{0,60}") {
        // Only that it answers: both answers are tested above.
        proptest::prop_assert!(Reach::default().target(&text).map_or_else(|e| !e.to_string().is_empty(), |u| u.has_host()));
    }
}
