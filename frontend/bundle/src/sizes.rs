//! What a first visit costs, printed beside what it may cost.
//!
//! Going over is a warning here, so that a working copy can always be run; a browser test measures and fails.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::compress::beside;

/// A first visit is to transfer less than 350 kB in all.
const FIRST_VISIT: u64 = 350_000;
/// What of that is kept for the HTML of two pages, the icon and headers.
const PAGE: u64 = 12_000;

/// Prints the sizes of `files` and of `chunks`, and a warning if the former together, in brotli, exceed the limit.
pub(crate) fn report(files: &[PathBuf], chunks: &[PathBuf]) -> Result<()> {
    eprintln!("{:>10} {:>10} {:>10}  (bytes)", "raw", "gzip", "brotli");
    list(chunks)?;
    eprintln!("{:>32}  those above are fetched when needed, those below by every page", "");
    let total = list(files)?;
    eprintln!("{:>32}  of {} that a first visit may transfer", total, FIRST_VISIT - PAGE);
    if let Some(excess) = excess(total) {
        eprintln!("bundle: warning: that is {excess} bytes too many");
    }
    Ok(())
}

/// Prints a line for each file; returns what they have in brotli.
fn list(files: &[PathBuf]) -> Result<u64> {
    let mut total = 0;
    for file in files {
        let raw = size(file)?;
        let [gzip, brotli] = ["gz", "br"].map(|kind| size(&beside(file, kind)).unwrap_or(raw));
        eprintln!("{raw:>10} {gzip:>10} {brotli:>10}  {}", file.file_name().unwrap_or_default().to_string_lossy());
        total += brotli;
    }
    Ok(total)
}

/// By how many bytes `total` exceeds the limit.
fn excess(total: u64) -> Option<u64> {
    total.checked_sub(FIRST_VISIT - PAGE).filter(|excess| *excess > 0)
}

fn size(path: &Path) -> Result<u64> {
    Ok(std::fs::metadata(path).with_context(|| format!("cannot look at {}", path.display()))?.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_holds_at_its_edge() {
        assert_eq!(excess(0), None);
        assert_eq!(excess(FIRST_VISIT - PAGE), None);
        assert_eq!(excess(FIRST_VISIT - PAGE + 7), Some(7));
    }
}
