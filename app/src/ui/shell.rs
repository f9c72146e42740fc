//! The HTML document around the page. The policy of the server lets only signed script run, so the two inline scripts
//! here carry the request's nonce, and no element anywhere has a `style` or an `on…` attribute.

use super::{App, theme::BEFORE_PAINT};
use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::{HashedStylesheet, MetaTags};

/// The whole document; the server calls it once for each page.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let nonce = use_nonce();
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="theme-color" media="(prefers-color-scheme: light)" content="#ffffff"/>
                <meta name="theme-color" media="(prefers-color-scheme: dark)" content="#101218"/>
                <meta name="description" content="Parley: an AI chat of one's own, with tools."/>
                <script nonce=nonce>{BEFORE_PAINT}</script>
                <HashedStylesheet options=options.clone() id="parley"/>
                <link rel="icon" href="/favicon.svg" r#type="image/svg+xml"/>
                <link rel="icon" href="/favicon.png" r#type="image/png" sizes="48x48"/>
                <link rel="apple-touch-icon" href="/icon-180.png"/>
                <link rel="manifest" href="/site.webmanifest"/>
                <AutoReload options=options.clone()/>
                <HydrationScripts options/>
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}
