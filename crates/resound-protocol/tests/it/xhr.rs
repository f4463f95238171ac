//! Lines are what pusher-js reads, and its bodies come back as its messages.

use proptest::prelude::*;
use resound_protocol::xhr;

/// A line as pusher-js reads it: up to the line's end, a letter and JSON.
fn read<'a, T: serde::Deserialize<'a>>(line: &'a [u8], letter: char) -> T {
    let line = str::from_utf8(line).expect("UTF-8");
    let (line, rest) = line.split_once('\n').expect("a line has an end");
    assert_eq!(rest, "", "a line has one end");
    serde_json::from_str(line.strip_prefix(letter).expect("a line has a letter")).expect("JSON")
}

proptest! {
    #[test]
    fn messages_are_read_as_they_were_written(texts: Vec<String>) {
        let line = xhr::messages(texts.iter().map(String::as_str));
        prop_assert_eq!(read::<Vec<String>>(&line, 'a'), texts);
    }

    #[test]
    fn the_end_carries_code_and_reason(code: u16, reason: String) {
        let line = xhr::close(code, &reason);
        prop_assert_eq!(read::<(u16, String)>(&line, 'c'), (code, reason));
    }

    #[test]
    fn a_body_comes_back_as_its_messages(texts: Vec<String>) {
        let body = serde_json::to_vec(&texts).expect("strings are JSON");
        prop_assert_eq!(xhr::received(&body).expect("messages"), texts);
    }

    #[test]
    fn junk_is_refused_without_a_panic(body in prop_oneof![
        prop::collection::vec(any::<u8>(), 0..50),
        "[\\[\\]\"\\\\a,u ]{0,20}".prop_map(String::into_bytes),
    ]) {
        let _ = xhr::received(&body);
    }
}
