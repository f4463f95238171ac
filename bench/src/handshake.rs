//! The opening handshake of a WebSocket (RFC 6455, section 4), both sides of it.

use data_encoding::BASE64;
use sha1::{Digest, Sha1};

/// Heads of HTTP messages longer than this are refused.
pub(crate) const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Header fields of an HTTP message that are looked at.
pub(crate) const HEADERS_MAX: usize = 64;

const ACCEPT_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Every connection sends the same nonce: it guards against caches, and there are none here.
const KEY: &[u8] = b"cmVzb3VuZC1iZW5jaC1rZQ==";

/// What `Sec-WebSocket-Accept` must be for this `Sec-WebSocket-Key`.
pub(crate) fn accept_key(key: &[u8]) -> String {
    BASE64.encode(&Sha1::new().chain_update(key).chain_update(ACCEPT_SUFFIX).finalize())
}

/// The request by which a client asks for a WebSocket.
pub(crate) fn upgrade_request(host: &str, path: &str) -> Vec<u8> {
    let key = String::from_utf8_lossy(KEY);
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    )
    .into_bytes()
}

/// The answer by which a server agrees.
pub(crate) fn upgrade_answer(key: &[u8]) -> Vec<u8> {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        accept_key(key)
    )
    .into_bytes()
}

/// What the server said to the request for a WebSocket.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Its answer is not complete.
    Pending,
    /// It agreed; its answer was so many bytes long, and frames may follow.
    Accepted(usize),
    /// It did not.
    Refused(String),
}

/// Checks answers to `upgrade_request`.
pub(crate) struct Upgrade {
    accept: String,
}

impl Default for Upgrade {
    fn default() -> Self {
        Self { accept: accept_key(KEY) }
    }
}

impl Upgrade {
    pub(crate) fn verdict(&self, bytes: &[u8]) -> Verdict {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut answer = httparse::Response::new(&mut headers);
        let length = match answer.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if bytes.len() <= HEAD_BYTES_MAX => {
                return Verdict::Pending;
            }
            Ok(httparse::Status::Partial) => return Verdict::Refused("a head without end".into()),
            Err(_) => return Verdict::Refused("an answer that is not HTTP".into()),
        };
        let status = answer.code.unwrap_or(0);
        if status != 101 {
            return Verdict::Refused(refusal(status, &bytes[length..]));
        }
        let accept = answer
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case("Sec-WebSocket-Accept"));
        if accept.is_none_or(|header| header.value != self.accept.as_bytes()) {
            return Verdict::Refused("a Sec-WebSocket-Accept that does not fit the key".into());
        }
        Verdict::Accepted(length)
    }
}

fn refusal(status: u16, body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(body).trim().chars().take(200).collect();
    format!("HTTP {status} {text}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_the_rfc_is_accepted_as_there() {
        assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_correct_answer_is_accepted_wherever_it_is_split() {
        let answer = upgrade_answer(KEY);
        let upgrade = Upgrade::default();
        for split in 0..answer.len() {
            assert_eq!(upgrade.verdict(&answer[..split]), Verdict::Pending, "{split}");
        }
        let with_frame = [&answer[..], b"\x81\x00"].concat();
        assert_eq!(upgrade.verdict(&with_frame), Verdict::Accepted(answer.len()));
    }

    #[test]
    fn a_foreign_accept_key_is_refused() {
        let Verdict::Refused(why) = Upgrade::default().verdict(&upgrade_answer(b"other")) else {
            panic!("it was not refused");
        };
        assert!(why.contains("Sec-WebSocket-Accept"), "{why}");
    }

    #[test]
    fn an_error_is_told_with_its_body() {
        let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone";
        assert_eq!(Upgrade::default().verdict(answer), Verdict::Refused("HTTP 404 gone".into()));
    }
}
