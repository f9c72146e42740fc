//! What a tool answered besides its text: images, sounds, resources, links, and what is too large for a message.
//!
//! Invariant: it is fetched from this server alone, by id; an address that a tool names is a link to be followed or text,
//! and nothing here fetches it. Text is text, or Markdown by our own renderer.

use crate::{
    ui::{
        chat::{cell::ToolView, parts::Text, text::TextCell, tool_call::title_of},
        kit::{
            Glyph, Icon,
            lazy::{later, lazy},
            memo,
        },
        markdown::is_web_address,
    },
    wire::{
        attachment::{AttachmentRef, Piece},
        file,
        tool::ToolCall,
    },
};
use leptos::prelude::*;

lazy! {
    /// The images of a call.
    static PICTURES: fn(ArcRwSignal<ToolView>, Vec<AttachmentRef>) -> AnyView =
        more(|tool, images| pictures(&source(&tool.read_untracked().call), images));
}

/// The largest preview of an image, in pixels of the page.
const PREVIEW: (u32, u32) = (384, 256);

/// The images of a call under its line, once it has answered and the page is awake.
pub(super) fn preview(tool: ArcRwSignal<ToolView>, awake: Signal<bool>) -> impl IntoView {
    let shown = tool.clone();
    let images = memo(move || {
        let tool = tool.read();
        let content = tool.result().filter(|_| awake.get()).map(|result| &result.outcome.content);
        let images: Vec<_> = content.into_iter().flatten().filter_map(Piece::image).cloned().collect();
        (!images.is_empty()).then_some(images)
    });
    move || {
        let tool = shown.clone();
        images.get().map(|images| later(&PICTURES, move |draw| draw(tool.clone(), images.clone())))
    }
}

fn pictures(of: &str, images: Vec<AttachmentRef>) -> AnyView {
    let several = images.len() > 1;
    let shown = images.into_iter().enumerate().map(|(at, image)| {
        let alt = if several { format!("Image {} from {of}", at + 1) } else { format!("Image from {of}") };
        view! { <Picture image alt/> }
    });
    view! { <div class="flex flex-wrap gap-2 border-t border-line p-3 group-has-[details[open]]/call:hidden">{shown.collect_view()}</div> }.into_any()
}

/// An image that opens by itself in a tab of its own. It takes its place before it is there.
#[component]
fn Picture(image: AttachmentRef, alt: String) -> impl IntoView {
    let (width, height) = fitting(image.pixels);
    view! {
        <a href=image.path() target="_blank" rel="noopener" title="Open it large" class="block max-w-full rounded-md">
            <img
                src=image.path()
                alt=alt
                width=width.to_string()
                height=height.to_string()
                loading="lazy"
                decoding="async"
                class="h-auto max-w-full rounded-md border border-line bg-hover object-contain"
            />
        </a>
    }
}

/// All pieces, where the call is read in full.
pub(super) fn pieces(call: &ToolCall, content: Vec<Piece>) -> impl IntoView {
    let of = source(call);
    content.into_iter().map(|piece| one(piece, &of)).collect_view()
}

fn one(piece: Piece, of: &str) -> AnyView {
    match piece {
        Piece::File { file } => view! { <Kept name=kind(&file) file of=of.to_owned()/> }.into_any(),
        Piece::Resource { uri, file, preview } => {
            view! { <Kept name=last(&uri) uri file of=of.to_owned() preview/> }.into_any()
        }
        Piece::Link { uri, name, description, media_type, size } => {
            let facts = [media_type, size.map(file::size)].into_iter().flatten().collect::<Vec<_>>().join(" · ");
            view! { <Link uri name description facts/> }.into_any()
        }
        Piece::Whole { file } => view! { <Whole what="The whole result" file/> }.into_any(),
        Piece::Structured { file } => view! { <Whole what="The whole structured result" file/> }.into_any(),
    }
}

/// Something that is kept, with what can be shown of it.
#[component]
fn Kept(
    name: String,
    #[prop(optional)] uri: String,
    file: AttachmentRef,
    of: String,
    #[prop(optional)] preview: String,
) -> impl IntoView {
    let facts = format!("{} · {}", file.media_type, file::size(file.size));
    let shown = if file.is_image() {
        view! { <Picture image=file.clone() alt=format!("{name} from {of}")/> }.into_any()
    } else if file.is_sound() {
        let label = format!("{name} from {of}");
        view! { <audio controls preload="none" src=file.path() aria-label=label class="w-full max-w-md"></audio> }
            .into_any()
    } else if preview.is_empty() {
        ().into_any()
    } else if file.media_type == "text/markdown" {
        view! { <div class="max-h-80 overflow-auto rounded-md bg-hover p-3" tabindex="0"><Text cell=TextCell::new(&preview, true)/></div> }
            .into_any()
    } else {
        view! { <pre class="max-h-80 overflow-auto rounded-md bg-hover p-3 text-xs whitespace-pre-wrap break-words" tabindex="0">{preview}</pre> }
            .into_any()
    };
    view! {
        <div class="space-y-2 rounded-md border border-line p-3">
            <div class="flex flex-wrap items-center gap-x-2 gap-y-1">
                <Icon glyph=Glyph::File class="size-4 shrink-0 text-muted"/>
                <span class="min-w-0 font-medium break-words">{name.clone()}</span>
                <span class="text-xs text-muted">{facts}</span>
                <span class="ms-auto"><Download file name/></span>
            </div>
            {(!uri.is_empty()).then(|| view! { <p class="text-xs break-all text-muted">{uri}</p> })}
            {shown}
        </div>
    }
}

/// The whole of what was cut.
#[component]
fn Whole(what: &'static str, file: AttachmentRef) -> impl IntoView {
    let size = file::size(file.size);
    view! {
        <p class="flex flex-wrap items-center gap-x-2 text-xs text-muted">
            {format!("{what}, {size}")}
            <Download file name=what.to_ascii_lowercase()/>
        </p>
    }
}

/// `download` keeps the page's router away from it; what it is called, the answer says.
#[component]
fn Download(file: AttachmentRef, name: String) -> impl IntoView {
    view! {
        <a href=file.path() download="" aria-label=format!("Download {name}") class="rounded-sm text-xs underline hover:text-text">
            "Download"
        </a>
    }
}

/// A resource that is named only.
#[component]
fn Link(uri: String, name: String, description: String, facts: String) -> impl IntoView {
    let address = if is_web_address(&uri) {
        view! { <a href=uri.clone() rel="noopener noreferrer nofollow" target="_blank" class="break-all underline">{uri.clone()}</a> }.into_any()
    } else {
        view! { <span class="break-all">{uri}</span> }.into_any()
    };
    view! {
        <div class="text-xs text-muted">
            <p><span class="font-medium text-text">{name}</span> " " {address} " " {facts}</p>
            {(!description.is_empty()).then(|| view! { <p>{description}</p> })}
        </div>
    }
}

/// The tool and the server that an answer comes from, in words. Of the server of an older call, its tools' prefix is all
/// that is known.
fn source(call: &ToolCall) -> String {
    let title = title_of(call);
    let prefix = || call.name.split_once("__").map(|(prefix, _)| prefix);
    match Some(call.server.as_str()).filter(|server| !server.is_empty()).or_else(prefix) {
        Some(server) => format!("{title} ({server})"),
        None => title,
    }
}

fn kind(file: &AttachmentRef) -> String {
    match () {
        () if file.is_image() => "Image",
        () if file.is_sound() => "Sound",
        () => "File",
    }
    .to_owned()
}

/// The last piece of an address, which names what it leads to.
fn last(uri: &str) -> String {
    let end = uri.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    if end.is_empty() { uri.to_owned() } else { end.to_owned() }
}

/// An image's measure on the page: its own, or what fits.
fn fitting(pixels: Option<(u32, u32)>) -> (u32, u32) {
    let Some((width, height)) = pixels.filter(|(width, height)| *width > 0 && *height > 0) else { return PREVIEW };
    if width <= PREVIEW.0 && height <= PREVIEW.1 {
        return (width, height);
    }
    let (wide, high) = (u64::from(width), u64::from(height));
    // As wide as may be, unless it is too high then.
    let scaled = |side: u64, most: u32, other: u64| u32::try_from(side * u64::from(most) / other).unwrap_or(1).max(1);
    if wide * u64::from(PREVIEW.1) > high * u64::from(PREVIEW.0) {
        (PREVIEW.0, scaled(high, PREVIEW.0, wide))
    } else {
        (scaled(wide, PREVIEW.1, high), PREVIEW.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::id::CallId;
    use serde_json::json;

    #[test]
    fn images_fit_and_keep_their_shape() {
        for (pixels, shown) in [
            (None, PREVIEW),
            (Some((0, 5)), PREVIEW),
            (Some((20, 10)), (20, 10)),
            (Some((3_840, 2_560)), (384, 256)),
            (Some((1_000, 10)), (384, 3)),
            (Some((10, 100_000)), (1, 256)),
            (Some((u32::MAX, u32::MAX)), (256, 256)),
        ] {
            assert_eq!(fitting(pixels), shown, "{pixels:?}");
        }
    }

    #[test]
    fn the_server_is_named() {
        let mut call = ToolCall::new(CallId(String::new()), "everything__get-tiny-image", json!({}));
        call.title = "Get tiny image".to_owned();
        assert_eq!(source(&call), "Get tiny image (everything)");
        call.server = "Everything at hand".to_owned();
        assert_eq!(source(&call), "Get tiny image (Everything at hand)");
        assert_eq!(source(&ToolCall::new(CallId(String::new()), "sum", json!({}))), "Sum");
        assert_eq!(last("demo://resource/static/a.md"), "a.md");
    }
}
