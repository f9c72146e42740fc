//! A button that opens a list of things to do. The list is a popover: the browser puts it above everything, closes it
//! on Escape or a press elsewhere and gives focus back; without script it still opens. Here are its place beside the
//! button and the arrow keys (WAI-ARIA Authoring Practices, Menu Button).

use super::{Glyph, Icon, Press};
use leptos::{
    html,
    prelude::*,
    web_sys::{self, wasm_bindgen::JsCast},
};

const ITEM: &str = "flex w-full items-center gap-2.5 rounded-sm px-2.5 py-2 text-start text-sm text-text outline-none \
                    hover:bg-hover focus:bg-hover pointer-coarse:py-3";

/// The button and its list of [`MenuItem`]s.
#[component]
pub fn Menu(
    /// Unique on the page.
    #[prop(into)]
    id: String,
    /// What the button is for.
    #[prop(into)]
    label: String,
    /// The button's classes.
    #[prop(default = "inline-flex size-9 items-center justify-center rounded-md text-muted transition hover:bg-hover hover:text-text pointer-coarse:size-11".to_owned(), into)]
    class: String,
    /// The button's inside.
    #[prop(optional)]
    trigger: Option<ViewFn>,
    /// Set when it is opened, for items that are made only then; they [`arrange`] it when they are there.
    #[prop(optional)]
    opened: Option<RwSignal<bool>>,
    /// The items.
    children: Children,
) -> impl IntoView {
    let list = NodeRef::<html::Div>::new();
    let button = NodeRef::<html::Button>::new();
    let face = trigger.map_or_else(|| view! { <Icon glyph=Glyph::Dots/> }.into_any(), |trigger| trigger.run());
    let toggled = move |_| {
        if let (Some(list), Some(button)) = (list.get(), button.get()) {
            let open = list.matches(":popover-open").unwrap_or(false);
            _ = button.set_attribute("aria-expanded", if open { "true" } else { "false" });
            if open {
                if let Some(opened) = opened {
                    opened.set(true);
                }
                place(&list, &button);
                focus(&list, |_, _| 0);
            }
        }
    };
    let keyed = move |ev: leptos::ev::KeyboardEvent| {
        let Some(list) = list.get() else { return };
        let key = ev.key();
        match key.as_str() {
            "ArrowDown" => focus(&list, |at, n| at.map_or(0, |at| (at + 1) % n)),
            "ArrowUp" => focus(&list, |at, n| at.map_or(n - 1, |at| (at + n - 1) % n)),
            "Home" => focus(&list, |_, _| 0),
            "End" => focus(&list, |_, n| n - 1),
            _ => return,
        }
        ev.prevent_default();
    };
    view! {
        <button
            r#type="button"
            node_ref=button
            class=class
            popovertarget=id.clone()
            aria-haspopup="menu"
            aria-expanded="false"
            aria-label=label.clone()
            title=label.clone()
        >
            {face}
        </button>
        <div
            id=id
            node_ref=list
            popover="auto"
            role="menu"
            aria-label=label
            class="menu-at fixed min-w-44 max-w-[calc(100vw-1rem)] rounded-lg border border-line bg-raised p-1 shadow-lg \
                   open:animate-pop-in"
            on:toggle=toggled
            on:keydown=keyed
            on:click=move |_| close(list)
        >
            {children()}
        </div>
    }
}

/// One thing to do.
#[component]
pub fn MenuItem(
    /// Its icon.
    #[prop(into)]
    glyph: Signal<Glyph>,
    /// Whether it destroys something.
    #[prop(optional)]
    danger: bool,
    /// `button`, or `submit` in a form.
    #[prop(default = "button")]
    kind: &'static str,
    /// Does it.
    #[prop(optional, into)]
    press: Press,
    /// Its words.
    children: Children,
) -> impl IntoView {
    let looks = if danger { format!("{ITEM} text-danger") } else { ITEM.to_owned() };
    view! {
        <button r#type=kind role="menuitem" tabindex="-1" class=looks on:click=press.heard()>
            <Icon glyph class="size-4 shrink-0"/>
            <span class="min-w-0 flex-1 truncate">{children()}</span>
        </button>
    }
}

/// One place to go.
#[component]
pub fn MenuLink(
    /// Where it leads.
    #[prop(into)]
    href: String,
    /// Its icon.
    glyph: Glyph,
    /// Its words.
    children: Children,
) -> impl IntoView {
    view! {
        <a href=href role="menuitem" tabindex="-1" class=ITEM>
            <Icon glyph class="size-4 shrink-0"/>
            <span class="min-w-0 flex-1 truncate">{children()}</span>
        </a>
    }
}

/// Puts an open menu in its place again and the focus on its first item, because it has other items now.
pub fn arrange(id: &str) {
    let html = |element: web_sys::Element| element.dyn_into::<web_sys::HtmlElement>().ok();
    let list = document().get_element_by_id(id).and_then(html);
    let button = document().query_selector(&format!("[popovertarget='{id}']")).ok().flatten().and_then(html);
    if let (Some(list), Some(button)) = (list, button)
        && list.matches(":popover-open").unwrap_or(false)
    {
        place(&list, &button);
        focus(&list, |_, _| 0);
    }
}

fn close(list: NodeRef<html::Div>) {
    if let Some(list) = list.get() {
        _ = list.hide_popover();
    }
}

/// Under the button, or over it where there is no room; always within the window.
fn place(list: &web_sys::HtmlElement, button: &web_sys::HtmlElement) {
    let (place, size) = (button.get_bounding_client_rect(), list.get_bounding_client_rect());
    let extent = |side: Result<web_sys::wasm_bindgen::JsValue, _>| side.ok().and_then(|v| v.as_f64()).unwrap_or(0.0);
    let (width, height) = (extent(window().inner_width()), extent(window().inner_height()));
    let x = place.left().min(width - size.width() - 8.0).max(8.0);
    let below = place.bottom() + 4.0;
    let y = if below + size.height() > height - 8.0 { (place.top() - size.height() - 4.0).max(8.0) } else { below };
    let style = list.style();
    _ = style.set_property("--menu-x", &pixels(x));
    _ = style.set_property("--menu-y", &pixels(y));
}

/// Whole ones: the printing of fractions would be the only such in the bundle, and is large.
#[expect(clippy::cast_possible_truncation, reason = "a window is not as large")]
fn pixels(n: f64) -> String {
    format!("{}px", n.round() as i32)
}

/// Moves focus to the item that `next` chooses from the present one and their number.
fn focus(list: &web_sys::HtmlElement, next: impl Fn(Option<u32>, u32) -> u32) {
    let Ok(items) = list.query_selector_all("[role=menuitem]:not([disabled])") else { return };
    if items.length() == 0 {
        return;
    }
    let active = document().active_element();
    let at = (0..items.length()).find(|&i| items.get(i).as_ref() == active.as_deref());
    let item = items.get(next(at, items.length()));
    if let Some(item) = item.and_then(|item| item.dyn_into::<web_sys::HtmlElement>().ok()) {
        _ = item.focus();
    }
}
