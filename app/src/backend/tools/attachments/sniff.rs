//! What bytes are, told from how they begin: the images and sounds that a page may show, and nothing else.
//!
//! Invariant: what is told is one of [`IMAGES`](crate::wire::attachment::IMAGES) and
//! [`SOUNDS`](crate::wire::attachment::SOUNDS). None of them can hold a program for a browser that believes it.

/// How far into a `WebM` file its kind is looked for.
const WEBM_HEAD: usize = 64;
/// The brands of MP4 files that hold sound (ISO/IEC 14496-12, 4.3), and not pictures.
const MP4: [&[u8]; 8] = [b"M4A ", b"M4B ", b"mp41", b"mp42", b"isom", b"iso2", b"iso5", b"iso6"];

/// The media type of an image or sound that may be shown.
pub fn sniffed(bytes: &[u8]) -> Option<&'static str> {
    let at = |from: usize, mark: &[u8]| bytes.get(from..).is_some_and(|rest| rest.starts_with(mark));
    let is = |mark: &[u8]| at(0, mark);
    Some(match () {
        () if is(b"\x89PNG\r\n\x1a\n") => "image/png",
        () if is(b"\xff\xd8\xff") => "image/jpeg",
        () if is(b"GIF87a") || is(b"GIF89a") => "image/gif",
        () if is(b"RIFF") && at(8, b"WEBP") => "image/webp",
        () if is(b"RIFF") && at(8, b"WAVE") => "audio/wav",
        () if is(b"ID3") || is_mpeg_frame(bytes) => "audio/mpeg",
        () if is(b"OggS") => "audio/ogg",
        () if is(b"fLaC") => "audio/flac",
        () if is(b"\x1a\x45\xdf\xa3") && head(bytes).windows(4).any(|word| word == b"webm") => "audio/webm",
        () if at(4, b"ftyp") && MP4.iter().any(|brand| at(8, brand)) => "audio/mp4",
        () => return None,
    })
}

fn head(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(WEBM_HEAD)]
}

/// A frame of MPEG audio, layer III: eleven bits set, then a version, rate and frequency that exist (ISO/IEC 11172-3,
/// 2.4.1.3). UTF-16 text begins with bits that look alike.
fn is_mpeg_frame(bytes: &[u8]) -> bool {
    let [0xff, second, third, ..] = *bytes else { return false };
    second & 0b1110_0110 == 0b1110_0010
        && second & 0b0001_1000 != 0b0000_1000
        && third & 0b1111_0000 != 0b1111_0000
        && third & 0b0000_1100 != 0b0000_1100
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::attachment::{IMAGES, SOUNDS};
    use proptest::prelude::*;

    #[test]
    fn a_kind_is_told_from_the_first_bytes() {
        for (bytes, kind) in [
            (&b"\x89PNG\r\n\x1a\n...."[..], "image/png"),
            (b"\xff\xd8\xff\xe0", "image/jpeg"),
            (b"GIF89a", "image/gif"),
            (b"RIFF....WEBPVP8 ", "image/webp"),
            (b"RIFF....WAVEfmt ", "audio/wav"),
            (b"ID3\x04", "audio/mpeg"),
            (b"\xff\xfb\x90\x64", "audio/mpeg"),
            (b"OggS", "audio/ogg"),
            (b"fLaC", "audio/flac"),
            (b"\x1a\x45\xdf\xa3\x9fB\x82\x84webm", "audio/webm"),
            (b"\0\0\0\x20ftypM4A ", "audio/mp4"),
        ] {
            assert_eq!(sniffed(bytes), Some(kind));
        }
    }

    #[test]
    fn anything_else_is_not_shown() {
        for bytes in [
            &b""[..],
            b"\x89PNG",
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>",
            b"<?xml version=\"1.0\"?><svg/>",
            b"<!doctype html><script>alert(1)</script>",
            b" GIF89a",
            b"%PDF-1.7",
            b"BM......",
            b"RIFF....AVI ",
            b"\x1a\x45\xdf\xa3matroska",
            b"\0\0\0\x20ftypavif",
            b"\0\0\0\x20ftypheic",
            // UTF-16 with its mark, and a frame whose rate does not exist.
            b"\xff\xfeh\0i\0",
            b"\xff\xfb\xf0",
            b"\xff",
        ] {
            assert_eq!(sniffed(bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_anything_but_a_kind_of_the_list(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(sniffed(&bytes).is_none_or(|kind| IMAGES.contains(&kind) || SOUNDS.contains(&kind)));
        }
    }
}
