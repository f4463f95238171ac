//! The opening handshake of a WebSocket (RFC 6455, section 4), both sides of it.

use resound_protocol::websocket::accept_key;

/// Heads of HTTP messages longer than this are refused.
pub(crate) const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Header fields of an HTTP message that are looked at.
pub(crate) const HEADERS_MAX: usize = 64;

/// As much of a refusal's text is shown.
const REFUSAL_CHARS_MAX: usize = 200;

/// Every connection sends the nonce of the RFC's example: it guards against caches, and there are none here.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// The request by which a client asks for a WebSocket.
pub(crate) fn upgrade_request(host: &str, path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    )
    .into_bytes()
}

/// The answer by which a server agrees.
pub(crate) fn upgrade_answer(key: &str) -> Vec<u8> {
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
    let text = String::from_utf8_lossy(body);
    // A page for browsers says no more than the status does.
    let words = text.split_whitespace().take_while(|word| !word.starts_with('<'));
    let text: String =
        words.collect::<Vec<_>>().join(" ").chars().take(REFUSAL_CHARS_MAX).collect();
    format!("HTTP {status} {text}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let Verdict::Refused(why) = Upgrade::default().verdict(&upgrade_answer("other")) else {
            panic!("it was not refused");
        };
        assert!(why.contains("Sec-WebSocket-Accept"), "{why}");
    }

    #[test]
    fn an_error_is_told_with_its_body() {
        let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone";
        assert_eq!(Upgrade::default().verdict(answer), Verdict::Refused("HTTP 404 gone".into()));
        let page = b"HTTP/1.1 404 Not Found\r\n\r\n<!DOCTYPE html><p>gone";
        assert_eq!(Upgrade::default().verdict(page), Verdict::Refused("HTTP 404".into()));
    }
}
