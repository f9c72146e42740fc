//! A server's part of the page where its person signs in and out: plain forms, because a browser goes elsewhere.

use crate::{
    api::connections::{SIGN_IN, SIGN_OUT},
    ui::{
        app::encode,
        kit::{Button, Size, Variant},
    },
    wire::{connection::SignIn, limits},
};
use leptos::prelude::*;

/// What one can do about signing in to the server of that id.
#[component]
pub fn SigningIn(id: String, name: String, sign_in: SignIn) -> impl IntoView {
    let (words, more) = match sign_in {
        SignIn::None => return ().into_any(),
        SignIn::Out => ("Sign in", ""),
        SignIn::In => ("Sign in again", ""),
        SignIn::More => ("Allow more", "It wants you to allow more than you did."),
    };
    let out = sign_in != SignIn::Out;
    let variant = if sign_in == SignIn::In { Variant::default() } else { Variant::Primary };
    let (label, out_label) = (format!("{words}: {name}"), format!("Sign out: {name}"));
    let (client, secret) = (format!("client-{}", encode(&id)), format!("secret-{}", encode(&id)));
    let (client_id, secret_id) = (client.clone(), secret.clone());
    let leaving = id.clone();
    let field = "block h-11 w-full rounded-md border border-line-strong bg-raised px-3 text-base";
    view! {
        <div class="space-y-3 border-t border-line p-4">
            {(!more.is_empty()).then(|| view! { <p class="text-sm text-warning">{more}</p> })}
            <form method="post" action=SIGN_IN class="space-y-3">
                <input r#type="hidden" name="server" value=id/>
                <Button kind="submit" variant size=Size::Small attr:aria-label=label>{words}</Button>
                <details>
                    <summary class="cursor-pointer text-sm text-muted">"Client id, if you were given one"</summary>
                    <div class="grid gap-4 pt-3 sm:grid-cols-2">
                        <div class="space-y-1.5">
                            <label for=client class="block text-sm font-medium">"Client id"</label>
                            <input
                                id=client_id
                                name="client_id"
                                autocomplete="off"
                                spellcheck="false"
                                maxlength=limits::CLIENT_ID_MAX.to_string()
                                class=field
                            />
                        </div>
                        <div class="space-y-1.5">
                            <label for=secret class="block text-sm font-medium">"Its secret, if it has one"</label>
                            <input
                                id=secret_id
                                name="client_secret"
                                r#type="password"
                                autocomplete="off"
                                spellcheck="false"
                                maxlength=limits::CLIENT_ID_MAX.to_string()
                                class=field
                            />
                        </div>
                    </div>
                </details>
            </form>
            {out.then(|| {
                view! {
                    <form method="post" action=SIGN_OUT>
                        <input r#type="hidden" name="server" value=leaving/>
                        <Button kind="submit" size=Size::Small attr:aria-label=out_label>"Sign out"</Button>
                    </form>
                }
            })}
        </div>
    }
    .into_any()
}
