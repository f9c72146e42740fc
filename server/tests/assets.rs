//! The installed program's files: named by their content and kept for ever, in the encoding the browser likes best.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    Folder, TestUser,
    process::{Served, installed},
};
use reqwest::{Method, Response, StatusCode, header};

const FOR_EVER: &str = "public, max-age=31536000, immutable";
const SCRIPT: &str = "/pkg/parley.0123456789abcdef.js";

fn install() -> (Folder, Served) {
    let folder = Folder::beside_the_program();
    for (suffix, content) in [("", "plain"), (".br", "as brotli"), (".gz", "as gzip")] {
        folder.site_file(&format!("{}{suffix}", &SCRIPT[1..]), content.as_bytes());
    }
    folder.site_file("pkg/parley.1111111111111111.wasm", b"\0asm");
    folder.site_file("favicon.svg", b"<svg/>");
    let hashes = "js: 0123456789abcdef\nwasm: 1111111111111111\ncss: 2222222222222222\n";
    let served = Served::start(&mut installed(&folder, hashes));
    (folder, served)
}

async fn get(user: &TestUser, path: &str, accepts: &str) -> Response {
    user.bare(Method::GET, path).header(header::ACCEPT_ENCODING, accepts).send().await.unwrap()
}

fn header(response: &Response, name: header::HeaderName) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn a_hashed_file_is_kept_for_ever_in_every_encoding() {
    let (_folder, served) = install();
    let user = served.visitor();
    for (accepts, encoding, content) in [
        ("br", "br", "as brotli"),
        ("gzip", "gzip", "as gzip"),
        ("gzip, deflate, br, zstd", "br", "as brotli"),
        ("br;q=0.5, gzip", "gzip", "as gzip"),
        ("br;q=0, gzip;q=0", "", "plain"),
        ("identity", "", "plain"),
        ("zstd", "", "plain"),
    ] {
        let script = get(&user, SCRIPT, accepts).await;
        assert_eq!(script.status(), StatusCode::OK, "{accepts}");
        assert_eq!(header(&script, header::CACHE_CONTROL), FOR_EVER, "{accepts}");
        assert_eq!(header(&script, header::VARY), "accept-encoding", "{accepts}");
        assert_eq!(header(&script, header::CONTENT_TYPE), "text/javascript", "{accepts}");
        assert_eq!(header(&script, header::CONTENT_ENCODING), encoding, "{accepts}");
        assert_eq!(script.text().await.unwrap(), content, "{accepts}");
    }
    // Who has no compressed file gets the plain one.
    let wasm = get(&user, "/pkg/parley.1111111111111111.wasm", "br, gzip").await;
    assert_eq!(header(&wasm, header::CONTENT_ENCODING), "");
    assert_eq!(
        (header(&wasm, header::CACHE_CONTROL).as_str(), wasm.bytes().await.unwrap().as_ref()),
        (FOR_EVER, &b"\0asm"[..])
    );
}

#[tokio::test]
async fn the_page_names_the_hashed_files_and_nothing_else_is_for_ever() {
    let (_folder, served) = install();
    let user = served.visitor();
    let page = user.get("/sign-in").await;
    assert_eq!(header(&page, header::CACHE_CONTROL), "private, no-store");
    let page = page.text().await.unwrap();
    for name in [SCRIPT, "/pkg/parley.1111111111111111.wasm", "/pkg/parley.2222222222222222.css"] {
        assert!(page.contains(name), "{name}: {page}");
    }
    for (path, status, kept) in [
        ("/favicon.svg", StatusCode::OK, "public, max-age=3600"),
        ("/pkg/parley.ffffffffffffffff.js", StatusCode::NOT_FOUND, "no-store"),
        ("/pkg/", StatusCode::NOT_FOUND, "no-store"),
        ("/pkg/../hash.txt", StatusCode::NOT_FOUND, "private, no-store"),
        ("/favicon.ico", StatusCode::NOT_FOUND, "private, no-store"),
    ] {
        let response = get(&user, path, "br").await;
        assert_eq!((response.status(), header(&response, header::CACHE_CONTROL).as_str()), (status, kept), "{path}");
    }
    let again = user.bare(Method::GET, SCRIPT).header(header::IF_MODIFIED_SINCE, "Fri, 01 Jan 2100 00:00:00 GMT");
    let again = again.send().await.unwrap();
    assert_eq!((again.status(), header(&again, header::CACHE_CONTROL).as_str()), (StatusCode::NOT_MODIFIED, FOR_EVER));
}
