//! HTTP requests of a client without WebSocket: polls, which the server answers when it has something to
//! say, and posts, which carry what the client says.

use std::io::Write;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::dialect::Protocol;
use crate::news::Id;
use crate::payload;
use crate::target::Target;

/// Pusher's clients put their session into the server's path, in one of so many groups.
const GROUPS: usize = 1000;

/// Writes the requests of a run.
pub(crate) struct LongPoll {
    target: Rc<Target>,
    /// Tells the sessions of this run from those of others.
    run: u32,
    body: Vec<u8>,
}

impl LongPoll {
    pub(crate) fn new(target: Rc<Target>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { target, run: now.as_micros() as u32, body: Vec::new() }
    }

    /// The session that a client begins with. Engine.IO's server gives it one in its first answer.
    pub(crate) fn first_session(&self, id: Id) -> String {
        match self.target.dialect.protocol {
            Protocol::Pusher => format!("{}/{:08x}{id:x}", id % GROUPS, self.run),
            Protocol::SocketIo(_) => String::new(),
        }
    }

    /// Makes `out` the request for what comes next.
    pub(crate) fn write_poll(&self, out: &mut Vec<u8>, session: &str) {
        out.clear();
        let path = self.target.poll_path(session);
        match self.target.dialect.protocol {
            Protocol::Pusher => self.write_head(out, "POST", &path, Some(0)),
            Protocol::SocketIo(_) => self.write_head(out, "GET", &path, None),
        }
    }

    /// The request that carries a message.
    pub(crate) fn post(&mut self, session: &str, message: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        payload::write(&mut self.body, self.target.dialect.protocol, message);
        let path = self.target.say_path(session);
        self.write_head(&mut out, "POST", &path, Some(self.body.len()));
        out.extend_from_slice(&self.body);
        out
    }

    fn write_head(&self, out: &mut Vec<u8>, method: &str, path: &str, length: Option<usize>) {
        let address = self.target.address;
        write!(
            out,
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nAccept: */*\r\n"
        )
        .expect("writing to a Vec cannot fail");
        if let Some(length) = length {
            write!(out, "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {length}\r\n")
                .expect("writing to a Vec cannot fail");
        }
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::{Dialect, Revision, Transport};
    use crate::target::resolve;

    fn requests(protocol: Protocol) -> [String; 2] {
        let target = Target::new(resolve("127.0.0.1:1").unwrap(), "app", "key", "secret")
            .with_dialect(Dialect { protocol, transport: Transport::Polling });
        let mut long_poll = LongPoll::new(Rc::new(target));
        let mut poll = Vec::new();
        long_poll.write_poll(&mut poll, "7/s1");
        let post = long_poll.post("7/s1", b"40");
        [poll, post].map(|request| String::from_utf8(request).unwrap())
    }

    #[test]
    fn engine_io_gets_and_posts_at_one_path() {
        let [poll, post] = requests(Protocol::SocketIo(Revision::Three));
        let path = "/socket.io/?EIO=3&transport=polling&key=key&sid=7/s1";
        assert!(poll.starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{poll}");
        assert!(poll.ends_with("\r\n\r\n") && !poll.contains("Content-Length"), "{poll}");
        assert!(post.starts_with(&format!("POST {path} HTTP/1.1\r\n")), "{post}");
        assert!(post.ends_with("\r\nContent-Length: 4\r\n\r\n2:40"), "{post}");
    }

    #[test]
    fn pushers_fallback_posts_to_two_paths() {
        let [poll, post] = requests(Protocol::Pusher);
        assert!(poll.starts_with("POST /pusher/app/key/7/s1/xhr?protocol=7&"), "{poll}");
        assert!(poll.ends_with("\r\nContent-Length: 0\r\n\r\n"), "{poll}");
        assert!(post.starts_with("POST /pusher/app/key/7/s1/xhr_send HTTP/1.1\r\n"), "{post}");
        assert!(post.ends_with("\r\n\r\n[\"40\"]"), "{post}");
    }

    #[test]
    fn pushers_sessions_are_all_different() {
        let target = Target::new(resolve("127.0.0.1:1").unwrap(), "app", "key", "secret");
        let long_poll = LongPoll::new(Rc::new(target));
        assert_ne!(long_poll.first_session(1), long_poll.first_session(1001));
    }
}
