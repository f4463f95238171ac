//! JSON as PHP writes it: `/` is `\/`, and what is not ASCII is `\u` and four digits.
//!
//! Subscribers read the same from either. Ours is PHP's, so that whoever compares, signs or records what
//! Laravel sent finds the same bytes.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Writes a value.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<String> {
    let mut bytes = Vec::with_capacity(128);
    value.serialize(&mut Serializer::with_formatter(&mut bytes, Php))?;
    Ok(String::from_utf8(bytes).expect("the formatter writes ASCII, and raw JSON is a str"))
}

/// Writes a text as a JSON string.
pub(crate) fn string(text: &str) -> String {
    encode(text).expect("a string is JSON")
}

struct Php;

impl Formatter for Php {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut plain_from = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| *c == '/' || !c.is_ascii()) {
            writer.write_all(&fragment.as_bytes()[plain_from..at])?;
            plain_from = at + c.len_utf8();
            write_escaped(writer, c)?;
        }
        writer.write_all(&fragment.as_bytes()[plain_from..])
    }
}

fn write_escaped<W: io::Write + ?Sized>(writer: &mut W, c: char) -> io::Result<()> {
    if c == '/' {
        return writer.write_all(b"\\/");
    }
    c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(writer, "\\u{unit:04x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_written_as_php_writes_them() {
        assert_eq!(string("ü/é"), r#""\u00fc\/\u00e9""#);
        assert_eq!(
            string("a\"\\\n\u{1}\u{7f}😀\u{2028}"),
            "\"a\\\"\\\\\\n\\u0001\u{7f}\\ud83d\\ude00\\u2028\""
        );
        let map = std::collections::BTreeMap::from([("é/", "x")]);
        assert_eq!(encode(&map).unwrap(), r#"{"\u00e9\/":"x"}"#);
    }
}
