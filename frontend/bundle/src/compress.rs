//! Precompressed copies: `FILE.br` and `FILE.gz` beside every file that gets smaller, at the highest level, once.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::names::files_below;

/// What does not compress (images, fonts) is left alone.
const COMPRESSIBLE: [&str; 10] = ["css", "html", "ico", "js", "json", "svg", "txt", "wasm", "webmanifest", "xml"];
/// Below this many bytes the headers outweigh the gain.
const WORTHWHILE: usize = 256;

/// Writes the compressed copies of everything below `folder`.
pub(crate) fn folder(folder: &Path) -> Result<()> {
    for file in files_below(folder)? {
        if !file.extension().is_some_and(|kind| COMPRESSIBLE.iter().any(|known| kind == *known)) {
            continue;
        }
        let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        if bytes.len() >= WORTHWHILE {
            write(&beside(&file, "br"), &brotli(&bytes)?, bytes.len())?;
            write(&beside(&file, "gz"), &gzip(&bytes)?, bytes.len())?;
        }
    }
    Ok(())
}

/// `FILE` with `.kind` appended.
pub(crate) fn beside(file: &Path, kind: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(kind);
    name.into()
}

fn write(path: &Path, bytes: &[u8], original: usize) -> Result<()> {
    if bytes.len() >= original {
        return Ok(());
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

fn brotli(bytes: &[u8]) -> Result<Vec<u8>> {
    let parameters =
        brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, size_hint: bytes.len(), ..Default::default() };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut compressed, &parameters).context("brotli failed")?;
    Ok(compressed)
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).context("gzip failed")?;
    encoder.finish().context("gzip failed")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::io::Read as _;

    use super::*;

    #[test]
    fn both_copies_unpack_to_the_original() {
        let text = "the quick brown fox ".repeat(100).into_bytes();
        let mut unpacked = Vec::new();
        brotli::BrotliDecompress(&mut &*brotli(&text).unwrap(), &mut unpacked).unwrap();
        assert_eq!(unpacked, text);
        unpacked.clear();
        flate2::read::GzDecoder::new(&*gzip(&text).unwrap()).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, text);
    }

    #[test]
    fn small_and_incompressible_files_are_left_alone() {
        let place = std::env::temp_dir().join(format!("parley-compress-{}", std::process::id()));
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("small.js"), "1").unwrap();
        fs::write(place.join("photo.png"), vec![0; 4096]).unwrap();
        fs::write(place.join("large.css"), vec![b' '; 4096]).unwrap();
        folder(&place).unwrap();
        let mut names: Vec<_> = fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        fs::remove_dir_all(&place).unwrap();
        assert_eq!(names, ["large.css", "large.css.br", "large.css.gz", "photo.png", "small.js"]);
    }
}
