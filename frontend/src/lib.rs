//! The browser's entry: wakes up the page the server wrote. Everything on it is in `app::ui`.

use wasm_bindgen::prelude::wasm_bindgen;

/// Called by the loader script once the module is there.
#[wasm_bindgen]
pub fn hydrate() {
    // What the bundler makes has no messages of panics to show.
    #[cfg(debug_assertions)]
    console_error_panic_hook::set_once();
    app::ui::wake(|| leptos::mount::hydrate_body(app::ui::App));
}
