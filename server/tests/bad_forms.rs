//! Forms that no page of ours posts: each is answered in words, and never with a fault of ours.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{TestApp, TestUser, path_of};
use app::wire::error::ApiError;
use reqwest::{Method, Response, StatusCode, header};

/// Bodies of the sign-in and sign-up forms.
const BODIES: [&[u8]; 12] = [
    b"name=%FF&password=correct+horse+battery",
    b"name=ada&password=%FF%FE%FFcorrect+horse",
    b"name=%ED%A0%80ada&password=correct+horse+battery",
    b"name=\xff\xfe&password=correct+horse+battery",
    b"name=a%00da&password=correct+horse+battery",
    b"name=a\0da&password=correct+horse+battery",
    b"name=ada&password=correct%00horse+battery",
    b"name=%zz&password=%",
    b"name=ada&password=correct+horse+battery&next=%FF",
    b"name=ada",
    b"\xff",
    b"",
];

async fn post(user: &TestUser, origin: &str, function: &str, body: &'static [u8], accept: &str) -> Response {
    let request = user
        .bare(Method::POST, &path_of(function))
        .header(header::ORIGIN, origin)
        .header(header::REFERER, format!("{origin}/sign-in"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, accept)
        .body(body);
    user.send(request).await
}

#[tokio::test]
async fn what_is_no_text_or_not_whole_is_refused_in_words() {
    let app = TestApp::start().await;
    for function in ["sign_in", "sign_up"] {
        for body in BODIES {
            let case = format!("{function} {}", body.escape_ascii());
            let visitor = app.visitor();
            let asked = post(&visitor, &app.url, function, body, "application/json").await;
            assert!(asked.status().is_client_error(), "{case}: {}", asked.status());
            match asked.json().await.unwrap() {
                ApiError::Invalid { reason, .. } => assert!(reason.ends_with('.') && reason.contains(' '), "{reason}"),
                other => panic!("{case}: {other:?}"),
            }
            // Without JavaScript: a sentence, or back to the form, which says it.
            let posted = post(&visitor, &app.url, function, body, "text/html").await;
            let (status, back) = (posted.status(), posted.headers().get(header::LOCATION).cloned());
            if let Some(back) = back {
                assert!(status == StatusCode::FOUND && back.to_str().unwrap().contains("__err="), "{case}");
            } else {
                assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{case}");
                assert!(posted.text().await.unwrap().starts_with("A form holds text"), "{case}");
            }
            assert_eq!(visitor.cookie(), None, "{case}");
        }
    }
    app.person("ada").await;
}
