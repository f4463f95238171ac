//! The body of a POST is read as messages within its limit or refused, and lines of messages hold
//! what was put into them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use resound_protocol::xhr::{self, MESSAGES_MAX};

fuzz_target!(|body: &[u8]| {
    match xhr::received(body) {
        Err(fault) => drop(fault.to_string()),
        Ok(messages) => {
            assert!(messages.len() <= MESSAGES_MAX);
            let line = xhr::messages(messages.iter().map(|message| &**message));
            let again = line.strip_prefix(b"a").expect("a line has a letter");
            assert_eq!(xhr::received(again).expect("a line is JSON"), messages);
        }
    }
    let text = String::from_utf8_lossy(body);
    for line in [xhr::messages([&*text]), xhr::close(4009, &text)] {
        assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
    }
});
