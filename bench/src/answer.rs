//! Answers to HTTP requests.

use anyhow::{Result, bail};

use crate::handshake::HEADERS_MAX;

/// Longer answers are an error.
pub(crate) const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// A complete answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    /// The server ends the connection after it.
    pub(crate) is_last: bool,
}

/// Where the body of an answer ends.
#[derive(Clone, Copy)]
enum Length {
    Bytes(usize),
    Chunked,
    UntilTheEnd,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Reads the answer in `bytes`; `None` until all of it is there. There is only one: the next request
    /// is sent when this one was answered.
    pub(crate) fn parse(bytes: &[u8], ended: bool) -> Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut head = httparse::Response::new(&mut headers);
        let body = match head.parse(bytes)? {
            httparse::Status::Complete(length) => &bytes[length..],
            httparse::Status::Partial if bytes.len() > ANSWER_BYTES_MAX => {
                bail!("an answer without end")
            }
            httparse::Status::Partial => return Ok(None),
        };
        let mut length = Length::UntilTheEnd;
        let mut is_last = ended;
        for header in head.headers.iter() {
            let value = String::from_utf8_lossy(header.value).to_ascii_lowercase();
            match header.name.to_ascii_lowercase().as_str() {
                "content-length" => length = Length::Bytes(value.trim().parse()?),
                "transfer-encoding" if value.contains("chunked") => length = Length::Chunked,
                "connection" => is_last |= value.contains("close"),
                _ => {}
            }
        }
        let Some(body) = complete(body, length, ended)? else { return Ok(None) };
        let body = String::from_utf8_lossy(body).trim().to_owned();
        Ok(Some(Self { status: head.code.unwrap_or(0), body, is_last }))
    }
}

fn complete(body: &[u8], length: Length, ended: bool) -> Result<Option<&[u8]>> {
    let is_complete = match length {
        Length::Bytes(bytes) => {
            if bytes > ANSWER_BYTES_MAX {
                bail!("an answer of {bytes} bytes");
            }
            body.len() >= bytes
        }
        Length::Chunked => body.ends_with(b"0\r\n\r\n"),
        Length::UntilTheEnd => ended,
    };
    if body.len() > ANSWER_BYTES_MAX {
        bail!("an answer of more than {ANSWER_BYTES_MAX} bytes");
    }
    Ok(is_complete.then_some(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, ended: bool, expected: Option<(u16, &str, bool)>) {
        let found = Answer::parse(text.as_bytes(), ended).unwrap();
        let found = found.as_ref().map(|a| (a.status, a.body.as_str(), a.is_last));
        assert_eq!(found, expected);
    }

    #[test]
    fn an_answer_is_complete_with_its_last_byte() {
        let text = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        for split in 0..text.len() {
            check(&text[..split], false, None);
        }
        check(text, false, Some((200, "{}", false)));
    }

    #[test]
    fn chunks_are_read_to_the_last_one() {
        let text = "HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
        check(&text[..text.len() - 1], false, None);
        assert_eq!(Answer::parse(text.as_bytes(), false).unwrap().unwrap().status, 401);
    }

    #[test]
    fn without_a_length_the_end_of_the_connection_ends_the_answer() {
        let text = "HTTP/1.1 200 OK\r\n\r\n{}";
        check(text, false, None);
        check(text, true, Some((200, "{}", true)));
    }

    #[test]
    fn a_server_that_closes_says_so() {
        let text = "HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n";
        check(text, false, Some((200, "", true)));
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        assert!(Answer::parse(b"SSH-2.0-OpenSSH\r\n\r\n", false).is_err());
        let huge = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n";
        assert!(Answer::parse(huge, false).is_err());
    }
}
