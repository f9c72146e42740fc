//! The self-test: against the real endpoints, at the public address.

use super::*;
use app::wire::account::Username;

async fn run(person: &TestUser) -> String {
    let response = person.form("/settings/check", &[]).await;
    assert_eq!(response.status(), StatusCode::OK);
    response.text().await.unwrap()
}

#[tokio::test]
async fn it_walks_through_and_leaves_nothing_behind() {
    let (app, _) = start().await;
    let ada = app.person("ada").await;
    let before = ada.get("/settings/check").await.text().await.unwrap();
    assert!(before.contains("Can programs sign in?") && !before.contains("every step works"));
    let page = run(&ada).await;
    assert!(page.contains("Yes, every step works.") && !page.contains("not tried"), "{page}");
    assert!(!page.contains("parley_access_") && !page.contains("parley_refresh_"));
    let user = app.backend.store.user_by_name(&Username::parse("ada").unwrap()).await.unwrap().unwrap().id;
    assert!(app.backend.store.oauth_grants(user).await.unwrap().is_empty());
    app.stop().await;
}

#[tokio::test]
async fn it_names_the_step_that_breaks_and_what_to_do() {
    // Nobody is at the public address.
    let app = TestApp::start_with(|settings| settings.public_url = Some("http://127.0.0.1:9".to_owned())).await;
    let ada = app.person("ada").await;
    let page = run(&ada).await;
    assert!(page.contains("No: step 2 breaks.") && page.contains("cannot be reached"), "{page}");
    assert!(page.contains("PARLEY_PUBLIC_URL") && page.contains("Not tried"), "{page}");
    app.stop().await;

    let app = TestApp::start_at(Clock::System, |settings, url| {
        settings.public_url = Some(url.to_owned());
        settings.rate_register = Some("1/1h".to_owned());
    })
    .await;
    let ada = app.person("ada").await;
    Program::public(&app).await;
    let page = run(&ada).await;
    assert!(page.contains("No: step 5 breaks.") && page.contains("PARLEY_RATE_REGISTER"), "{page}");
    app.stop().await;

    // Another Parley is there.
    let (other, _) = start().await;
    let (public, host) = (other.url.clone(), other.url.replace("127.0.0.1", "localhost"));
    let app = TestApp::start_with(|settings| settings.public_url = Some(host)).await;
    let ada = app.person("ada").await;
    let page = run(&ada).await;
    assert!(page.contains("No: step 2 breaks.") && page.contains("at another address"), "{public}: {page}");
    app.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn what_was_refused_lately_is_told_to_whom_it_concerns() {
    let (app, _) = start().await;
    let (ada, eve) = (app.person("ada").await, app.person("eve").await);
    let program = Program::public(&app).await;
    open(&ada, &program.asks(&app, &[("redirect_uri", "https://evil.example/cb")])).await;
    open(&ada, &program.asks(&app, &[("scope", "admin")])).await;
    let code = program.code(&app, &ada).await;
    post(&app, TOKEN, &program.shows(&code, &[("code_verifier", CHALLENGE)]), None).await;
    let (_, told) = post(&app, TOKEN, &program.shows(&code, &[]), None).await;
    program.renew(&app, &told["refresh_token"], &[("scope", "run")]).await;
    let page = ada.get("/settings/check").await.text().await.unwrap();
    for words in [
        "Refused lately",
        "an address that is not its own",
        "None of these scopes is known here",
        "The code_verifier does not fit",
        "was allowed; sign in again for more",
        "2027-01-15 08:00 UTC",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let hers = eve.get("/settings/check").await.text().await.unwrap();
    assert!(!hers.contains("Refused lately"), "{hers}");
    app.stop().await;
}

#[tokio::test]
async fn it_is_for_people_who_are_signed_in_and_press_its_button() {
    let (app, _) = start().await;
    let ada = app.person("ada").await;
    let visitor = app.visitor();
    for response in [visitor.get("/settings/check").await, visitor.form("/settings/check", &[]).await] {
        assert_eq!(
            (response.status(), location(&response)),
            (StatusCode::SEE_OTHER, "/sign-in?next=%2Fsettings%2Fcheck")
        );
    }
    let forged = ada.bare(Method::POST, "/settings/check").header(header::ORIGIN, "https://evil.example");
    assert_eq!(ada.send(forged).await.status(), StatusCode::FORBIDDEN);
    app.stop().await;
}
