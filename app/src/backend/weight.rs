//! How many bytes something has as JSON, counted and not written.

use serde::Serialize;
use std::io;

struct Bytes(usize);

impl io::Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The length of its JSON, in bytes; of what cannot be JSON, of as much as can.
pub fn json_bytes<T: Serialize + ?Sized>(it: &T) -> usize {
    let mut bytes = Bytes(0);
    // Nothing that counts can fail.
    drop(serde_json::to_writer(&mut bytes, it));
    bytes.0
}

#[cfg(test)]
mod tests {
    use super::json_bytes;
    use serde_json::json;

    #[test]
    fn it_is_as_long_as_what_is_written() {
        for it in [json!(null), json!("ä\n\u{0}"), json!({ "a": [1, 2.5, true], "ключ": {} })] {
            assert_eq!(json_bytes(&it), it.to_string().len(), "{it}");
        }
    }
}
