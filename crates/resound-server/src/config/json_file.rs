//! A configuration file in JSON: a flat list of keys and values, each with its line.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{
    error::ConfigError,
    files::File,
    value::{Origin, Raw, Value},
};

/// What stands for an object without keys, so that it can be told from no object at all.
pub(crate) const EMPTY_OBJECT: Raw = Raw::Other("an empty object");

/// The values of a file by key: those of inner objects as `outer.inner`, those of objects in lists
/// as `list[0].inner`. What is `null` is not there. Of two equal keys the later counts.
pub(crate) fn parse(file: &File) -> Result<Vec<(String, Value)>, ConfigError> {
    let unreadable = |_| ConfigError::Unreadable {
        file: file.name.clone(),
        reason: "it is no UTF-8 text".to_owned(),
    };
    let text = std::str::from_utf8(&file.content).map_err(unreadable)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let reader = Reader { file: &file.name, text };
    // Strings are read here, too; a raw value alone would take any escape.
    let checked = serde_json::from_str::<serde_json::Value>(text);
    let all = checked.and_then(|_| serde_json::from_str::<&RawValue>(text));
    let all = all.map_err(|error| reader.syntax(&error))?;
    if !all.get().starts_with('{') {
        let cause = "a configuration is an object, { … }".to_owned();
        return Err(ConfigError::Syntax { file: file.name.clone(), line: 1, cause });
    }
    let mut values = Vec::new();
    reader.add(String::new(), all, &mut values);
    values.retain(|(key, _)| !key.is_empty());
    Ok(values)
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn syntax(&self, error: &serde_json::Error) -> ConfigError {
        let cause = error.to_string();
        let cause = cause.split(" at line ").next().unwrap_or_default().to_owned();
        ConfigError::Syntax { file: self.file.to_owned(), line: error.line().max(1), cause }
    }

    fn add(&self, key: String, value: &RawValue, to: &mut Vec<(String, Value)>) {
        let json = value.get();
        let raw = match json.as_bytes()[0] {
            b'n' => return,
            b'{' => {
                let inner: BTreeMap<String, &RawValue> =
                    serde_json::from_str(json).unwrap_or_default();
                if !inner.is_empty() {
                    let outer = if key.is_empty() { key } else { format!("{key}.") };
                    let inner = inner.into_iter();
                    inner.for_each(|(name, value)| self.add(format!("{outer}{name}"), value, to));
                    return;
                }
                EMPTY_OBJECT
            }
            b'[' => {
                let entries: Vec<&RawValue> = serde_json::from_str(json).unwrap_or_default();
                if entries.iter().any(|entry| entry.get().starts_with(['{', '['])) {
                    let entries = entries.into_iter().enumerate();
                    entries.for_each(|(at, value)| self.add(format!("{key}[{at}]"), value, to));
                    return;
                }
                Raw::List(entries.into_iter().map(|entry| scalar(entry.get())).collect())
            }
            _ => scalar(json),
        };
        // `value` is a part of the text, so that its address tells where it is written.
        let at = json.as_ptr() as usize - self.text.as_ptr() as usize;
        let line = 1 + self.text[..at].matches('\n').count();
        let origin = Origin::File { key: key.clone(), file: self.file.to_owned(), line };
        to.push((key, Value { raw, origin }));
    }
}

fn scalar(json: &str) -> Raw {
    match json.as_bytes()[0] {
        b'"' => serde_json::from_str(json)
            .map_or(Raw::Other("a text with an escape that stands for no character"), Raw::Text),
        b't' => Raw::Boolean(true),
        b'f' => Raw::Boolean(false),
        b'n' => Raw::Other("null"),
        _ => json.parse().map_or(Raw::Other("a number that is not whole"), Raw::Integer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> Result<Vec<(String, Value)>, ConfigError> {
        parse(&File { name: "a.json".to_owned(), content: content.into() })
    }

    #[track_caller]
    fn check(content: &str, expected: &[&str]) {
        let values = read(content).expect("JSON");
        let shown: Vec<_> =
            values.iter().map(|(_, value)| format!("{} {}", value.origin, value.raw)).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn every_value_has_its_key_and_its_line() {
        check(
            "\u{feff}{\n\"port\": 6001, \"a\": {\n\"b\": {\"c\": \"x\"},\n\"d\": {}}, \"e\": null,\n\
             \"f\": [1, true, \"y\"], \"g\": [{\"h\": 1.5}, [\n2]]}",
            &[
                "a.b.c in a.json:3 \"x\"",
                "a.d in a.json:4 an empty object",
                "f in a.json:5 [1, true, \"y\"]",
                "g[0].h in a.json:5 a number that is not whole",
                "g[1] in a.json:5 [2]",
                "port in a.json:2 6001",
            ],
        );
        check("{}", &[]);
        check(r#"{"a": 1, "a": 2}"#, &["a in a.json:1 2"]);
    }

    #[test]
    fn what_is_no_json_object_is_an_error_with_its_line() {
        for (content, expected) in [
            ("{\n\"a\": 1,\n}", "a.json:3: trailing comma"),
            ("", "a.json:1: EOF while parsing a value"),
            ("{\"\\ud800\": {\"a\": 1}}", "a.json:1: unexpected end of hex escape"),
            ("[]", "a.json:1: a configuration is an object, { … }"),
            ("\"text\"", "a.json:1: a configuration is an object, { … }"),
            (&"[".repeat(200), "a.json:1: recursion limit exceeded"),
            ("{} {}", "a.json:1: trailing characters"),
            ("// a comment\n{}", "a.json:1: expected value"),
        ] {
            assert_eq!(read(content).expect_err(content).to_string(), expected);
        }
        let binary = File { name: "a.json".to_owned(), content: vec![0xff] };
        let error = parse(&binary).expect_err("no text").to_string();
        assert_eq!(error, "cannot read a.json: it is no UTF-8 text");
    }
}
