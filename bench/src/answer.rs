//! Answers to HTTP requests.

use anyhow::{Result, bail};

use crate::handshake::HEADERS_MAX;

/// Longer answers are an error.
pub(crate) const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// A complete answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    /// As it came: chunks are not joined.
    pub(crate) body: &'a [u8],
    pub(crate) is_chunked: bool,
    /// The server ends the connection after it.
    pub(crate) is_last: bool,
}

/// Where the body of an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Bytes(usize),
    Chunked,
    UntilTheEnd,
}

impl<'a> Answer<'a> {
    /// Reads the answer in `bytes`; `None` until all of it is there. There is only one: the next request
    /// is sent when this one was answered.
    pub(crate) fn parse(bytes: &'a [u8], ended: bool) -> Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut head = httparse::Response::new(&mut headers);
        let body = match head.parse(bytes)? {
            httparse::Status::Complete(length) => &bytes[length..],
            httparse::Status::Partial if bytes.len() > ANSWER_BYTES_MAX => {
                bail!("an answer without end")
            }
            httparse::Status::Partial => return Ok(None),
        };
        let status = head.code.unwrap_or(0);
        let (length, closes) = framing(status, head.headers)?;
        let Some(body) = complete(body, length, ended)? else { return Ok(None) };
        let is_chunked = length == Length::Chunked;
        Ok(Some(Self { status, body, is_chunked, is_last: closes || ended }))
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body, for a person to read.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(self.body).trim().to_owned()
    }
}

/// Where the body ends, and whether the connection does with it.
fn framing(status: u16, headers: &[httparse::Header<'_>]) -> Result<(Length, bool)> {
    // No content: a body is never there, and so is no length.
    let mut length = if status == 204 { Length::Bytes(0) } else { Length::UntilTheEnd };
    let mut closes = false;
    for header in headers {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("content-length") {
            length = Length::Bytes(std::str::from_utf8(header.value)?.trim().parse()?);
        } else if is("transfer-encoding") && lists(header.value, "chunked") {
            length = Length::Chunked;
        } else if is("connection") {
            closes |= lists(header.value, "close");
        }
    }
    Ok((length, closes))
}

/// Whether a list with commas has this word.
fn lists(value: &[u8], word: &str) -> bool {
    let mut words = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    words.any(|other| other.eq_ignore_ascii_case(word.as_bytes()))
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
        let text = found.as_ref().map(Answer::text).unwrap_or_default();
        let found = found.map(|answer| (answer.status, text.as_str(), answer.is_last));
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
        let answer = Answer::parse(text.as_bytes(), false).unwrap().unwrap();
        assert_eq!((answer.status, answer.is_chunked), (401, true));
    }

    #[test]
    fn without_a_length_the_end_of_the_connection_ends_the_answer() {
        let text = "HTTP/1.1 200 OK\r\n\r\n{}";
        check(text, false, None);
        check(text, true, Some((200, "{}", true)));
    }

    #[test]
    fn no_content_needs_no_length() {
        check("HTTP/1.1 204 No Content\r\n\r\n", false, Some((204, "", false)));
    }

    #[test]
    fn a_server_that_closes_says_so() {
        let text = "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 0\r\n\r\n";
        check(text, false, Some((200, "", true)));
        let text = "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n";
        check(text, false, Some((200, "", false)));
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        assert!(Answer::parse(b"SSH-2.0-OpenSSH\r\n\r\n", false).is_err());
        let huge = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n";
        assert!(Answer::parse(huge, false).is_err());
    }
}
