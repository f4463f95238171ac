//! Signed HTTP requests that publish events.

use std::io::Write;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::mark::Mark;
use crate::message::{Encoding, write_payload};
use crate::target::Target;

/// One event to be published.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Post {
    /// Index of its channel.
    pub(crate) channel: u32,
    pub(crate) mark: Mark,
}

/// Writes the requests of a run.
pub(crate) struct RequestWriter {
    target: Rc<Target>,
    channels: Rc<[Rc<str>]>,
    payload_bytes: usize,
    /// The body under construction; kept for its memory.
    body: Vec<u8>,
}

impl RequestWriter {
    pub(crate) fn new(target: Rc<Target>, channels: Rc<[Rc<str>]>, payload_bytes: usize) -> Self {
        Self { target, channels, payload_bytes, body: Vec::new() }
    }

    /// Makes `out` a request that publishes these events: one by `events`, several by `batch_events`.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, posts: &[Post]) {
        self.body.clear();
        let endpoint = match posts {
            [post] => {
                self.write_event(post, "\",\"channels\":[\"", "\"]}");
                "events"
            }
            _ => {
                self.write_batch(posts);
                "batch_events"
            }
        };
        self.write_head(out, endpoint);
        out.extend_from_slice(&self.body);
    }

    fn write_batch(&mut self, posts: &[Post]) {
        self.body.extend_from_slice(br#"{"batch":["#);
        for (index, post) in posts.iter().enumerate() {
            if index > 0 {
                self.body.push(b',');
            }
            self.write_event(post, "\",\"channel\":\"", "\"}");
        }
        self.body.extend_from_slice(b"]}");
    }

    /// Keys in the order in which Laravel's Pusher client sends them.
    fn write_event(&mut self, post: &Post, before_channel: &str, after_channel: &str) {
        self.body.extend_from_slice(br#"{"name":"bench","data":""#);
        write_payload(&mut self.body, post.mark, self.payload_bytes, Encoding::Text);
        self.body.extend_from_slice(before_channel.as_bytes());
        self.body.extend_from_slice(self.channels[post.channel as usize].as_bytes());
        self.body.extend_from_slice(after_channel.as_bytes());
    }

    fn write_head(&self, out: &mut Vec<u8>, endpoint: &str) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let url = self.target.post_url(endpoint, &self.body, now);
        out.clear();
        write!(
            out,
            "POST {url} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            self.target.address,
            self.body.len()
        )
        .expect("writing to a Vec cannot fail");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::target::resolve;

    fn request(posts: &[Post]) -> (String, Value) {
        let target = Target::new(resolve("127.0.0.1:1").unwrap(), "app", "key", "secret");
        let channels: Rc<[Rc<str>]> = Rc::from(vec![Rc::from("a"), Rc::from("b")]);
        let mut out = Vec::new();
        RequestWriter::new(Rc::new(target), channels, 100).write(&mut out, posts);
        let text = String::from_utf8(out).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("\r\nContent-Length: {}", body.len())));
        (head.to_owned(), serde_json::from_str(body).unwrap())
    }

    fn post(channel: u32) -> Post {
        Post { channel, mark: Mark { due: 1, number: 2, stream: 3, run: 4 } }
    }

    #[test]
    fn one_event_goes_to_events() {
        let (head, body) = request(&[post(1)]);
        assert!(head.starts_with("POST /apps/app/events?auth_key=key&auth_timestamp="));
        assert_eq!(body["channels"], serde_json::json!(["b"]));
        assert_eq!(body["data"].as_str().unwrap().len(), 100);
    }

    #[test]
    fn several_events_go_to_batch_events() {
        let (head, body) = request(&[post(0), post(1), post(0)]);
        assert!(head.starts_with("POST /apps/app/batch_events?"));
        let channels: Vec<&Value> =
            body["batch"].as_array().unwrap().iter().map(|event| &event["channel"]).collect();
        assert_eq!(channels, ["a", "b", "a"]);
    }
}
