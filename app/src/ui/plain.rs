//! Pages that no script wakes: the server writes them whole, and their forms are the browser's own.
//!
//! Where a person decides something grave nothing may run that could decide for them, so their policy allows no script
//! at all; and nobody downloads them who does not open them.

use leptos::prelude::*;
use leptos_meta::HashedStylesheet;

/// A whole document around `page`. `theme` is what the person chose, `light` or `dark`, if anything; `title` is our own
/// words, never somebody's.
pub fn plain<V>(
    options: LeptosOptions,
    theme: Option<&'static str>,
    title: &'static str,
    page: impl FnOnce() -> V,
) -> String
where
    V: IntoView,
{
    // As text it would get a mark for hydration, which a title shows.
    let title = format!("{title} · Parley");
    Owner::new().with(|| {
        view! {
            <!DOCTYPE html>
            <html lang="en" data-theme=theme>
                <head>
                    <meta charset="utf-8"/>
                    <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover"/>
                    <meta name="color-scheme" content="light dark"/>
                    <title inner_html=title></title>
                    <HashedStylesheet options id="parley"/>
                    <link rel="icon" href="/favicon.svg" r#type="image/svg+xml"/>
                </head>
                <body>{page()}</body>
            </html>
        }
        .to_html()
    })
}
