//! From the bytes of a client to its messages.

use std::{mem, ops::ControlFlow};

use crate::websocket::{
    DecodeError,
    header::{Control, Header, Kind, Opcode, Part},
    incomplete::{Frame, Incomplete, Message},
};

/// What a client sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A text message, whole.
    Text(&'a str),
    /// A binary message, whole.
    Binary(&'a [u8]),
    /// A ping, to be answered by a pong with the same payload.
    Ping(&'a [u8]),
    /// A pong, asked for or not.
    Pong(&'a [u8]),
    /// The client closes, with a code and a reason if it gave them. Nothing is decoded after it.
    Close(Option<(u16, &'a str)>),
}

/// Turns the reads of one client's socket into messages.
///
/// Two words large, and without memory of its own while no frame or message is incomplete: a hundred
/// thousand idle connections hold no buffers. What it holds otherwise is bounded by the header and
/// the limit of a message.
///
/// ```
/// use std::ops::ControlFlow;
/// use resound_protocol::websocket::{Decoder, Incoming};
///
/// let mut read = *b"\x81\x82\x00\x00\x00\x00hi";
/// let mut decoder = Decoder::default();
/// decoder.decode(&mut read, 10_000, |incoming| {
///     assert_eq!(incoming, Incoming::Text("hi"));
///     ControlFlow::Continue(())
/// })?;
/// # Ok::<(), resound_protocol::websocket::DecodeError>(())
/// ```
#[derive(Debug, Default)]
pub struct Decoder(State);

#[derive(Debug, Default)]
enum State {
    /// Between two messages.
    #[default]
    Idle,
    /// Within a header, a frame or a fragmented message.
    Within(Box<Incomplete>),
    /// After a close frame, an error, or a callback that did not want to go on.
    Finished,
}

type On<'a> = &'a mut dyn FnMut(Incoming<'_>) -> ControlFlow<()>;

impl Decoder {
    /// Decodes one read of the socket, calling `on` for everything that it completes, in order.
    ///
    /// All of `input` is consumed: frames that lie entirely within it are unmasked in place, the
    /// incomplete rest is kept for the next call. A message may have `message_bytes_max` bytes, be it
    /// in one frame or in many; more is refused as soon as a header announces it.
    ///
    /// When `on` breaks, and after a close frame or an error, the rest of the input is discarded and
    /// further calls decode nothing.
    pub fn decode(
        &mut self,
        input: &mut [u8],
        message_bytes_max: usize,
        mut on: impl FnMut(Incoming<'_>) -> ControlFlow<()>,
    ) -> Result<(), DecodeError> {
        if matches!(self.0, State::Finished) {
            return Ok(());
        }
        let flow = self.frames(input, message_bytes_max, &mut on);
        if !matches!(flow, Ok(ControlFlow::Continue(()))) {
            self.0 = State::Finished;
        }
        flow.map(|_| ())
    }

    fn frames(
        &mut self,
        mut input: &mut [u8],
        bytes_max: usize,
        on: On<'_>,
    ) -> Result<ControlFlow<()>, DecodeError> {
        while !input.is_empty() {
            let Some(mut frame) = self.frame(&mut input, bytes_max)? else { break };
            let (part, rest) = input.split_at_mut(frame.missing.min(input.len()));
            input = rest;
            frame.header.mask.apply(part);
            frame.missing -= part.len();
            if frame.missing > 0 {
                self.incomplete().keep(frame, part, bytes_max);
                break;
            }
            let flow = match frame.header.opcode {
                Opcode::Control(control) => self.finish_control(control, part, on)?,
                Opcode::Start(_) | Opcode::Continuation => {
                    self.finish_data(&frame.header, part, bytes_max, on)?
                }
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The frame that the input continues or begins with; `None` if its header is incomplete.
    fn frame(
        &mut self,
        input: &mut &mut [u8],
        bytes_max: usize,
    ) -> Result<Option<Frame>, DecodeError> {
        let header = match &mut self.0 {
            State::Within(incomplete) => match incomplete.frame.take() {
                Some(frame) => return Ok(Some(frame)),
                None => incomplete.continue_header(input)?,
            },
            State::Idle | State::Finished => Header::take(input)?,
        };
        let Some(header) = header else {
            self.incomplete().keep_header(input);
            return Ok(None);
        };
        let missing = self.check(&header, bytes_max)?;
        Ok(Some(Frame { header, missing }))
    }

    /// Checks a header against what came before it, and returns the length of the payload.
    fn check(&self, header: &Header, bytes_max: usize) -> Result<usize, DecodeError> {
        let begun = self.message();
        match (header.opcode, begun) {
            (Opcode::Control(_), _) => return Ok(header.payload_bytes as usize),
            (Opcode::Continuation, None) => return Err(DecodeError::NothingToContinue),
            (Opcode::Start(_), Some(_)) => return Err(DecodeError::MessageWithinMessage),
            (Opcode::Continuation, Some(_)) | (Opcode::Start(_), None) => {}
        }
        let begun_bytes = begun.map_or(0, |message| message.bytes.len());
        let bytes = header.payload_bytes.saturating_add(begun_bytes as u64);
        if bytes > bytes_max as u64 {
            return Err(DecodeError::MessageTooBig { bytes, bytes_max });
        }
        Ok(header.payload_bytes as usize)
    }

    /// Hands over a control frame of which `part` is the end, or all.
    fn finish_control(
        &mut self,
        control: Control,
        part: &[u8],
        on: On<'_>,
    ) -> Result<ControlFlow<()>, DecodeError> {
        let mut kept = Vec::new();
        if let State::Within(incomplete) = &mut self.0 {
            kept = mem::take(&mut incomplete.control);
            self.release();
        }
        let payload = if kept.is_empty() {
            part
        } else {
            kept.extend_from_slice(part);
            &kept
        };
        Ok(match control {
            Control::Ping => on(Incoming::Ping(payload)),
            Control::Pong => on(Incoming::Pong(payload)),
            Control::Close => {
                // Nothing may follow a close frame, whatever the callback says. RFC 6455 section 5.5.1.
                let _ = on(Incoming::Close(parse_close(payload)?));
                ControlFlow::Break(())
            }
        })
    }

    /// Hands over a message if the frame, of which `part` is the end or all, is its last one.
    fn finish_data(
        &mut self,
        header: &Header,
        part: &[u8],
        bytes_max: usize,
        on: On<'_>,
    ) -> Result<ControlFlow<()>, DecodeError> {
        if let (Opcode::Start(kind), Part::Last, None) =
            (header.opcode, header.part, self.message())
        {
            self.release();
            return deliver(kind, part, on);
        }
        let incomplete = self.incomplete();
        incomplete.append(header.opcode, part, bytes_max);
        if header.part == Part::Earlier {
            return Ok(ControlFlow::Continue(()));
        }
        let Some(message) = incomplete.message.take() else {
            return Err(DecodeError::NothingToContinue);
        };
        self.release();
        deliver(message.kind, &message.bytes, on)
    }

    /// The message that has begun but not ended.
    fn message(&self) -> Option<&Message> {
        match &self.0 {
            State::Within(incomplete) => incomplete.message.as_ref(),
            State::Idle | State::Finished => None,
        }
    }

    fn incomplete(&mut self) -> &mut Incomplete {
        if !matches!(self.0, State::Within(_)) {
            self.0 = State::Within(Box::default());
        }
        let State::Within(incomplete) = &mut self.0 else { unreachable!("it was just put there") };
        incomplete
    }

    /// Gives the memory back if a frame was the last thing to be remembered.
    fn release(&mut self) {
        if self.message().is_none() {
            self.0 = State::Idle;
        }
    }
}

fn deliver(kind: Kind, bytes: &[u8], on: On<'_>) -> Result<ControlFlow<()>, DecodeError> {
    Ok(match kind {
        Kind::Binary => on(Incoming::Binary(bytes)),
        Kind::Text => {
            on(Incoming::Text(str::from_utf8(bytes).map_err(|_| DecodeError::InvalidText)?))
        }
    })
}

/// Splits the payload of a close frame into code and reason. RFC 6455 section 7.4.
fn parse_close(payload: &[u8]) -> Result<Option<(u16, &str)>, DecodeError> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() { Ok(None) } else { Err(DecodeError::CloseTooShort) };
    };
    let code = u16::from_be_bytes(*code);
    // 1004 to 1006 and 1015 are never sent; 1016 to 2999 wait for a definition.
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(DecodeError::InvalidCloseCode(code));
    }
    let reason = str::from_utf8(reason).map_err(|_| DecodeError::InvalidCloseReason)?;
    Ok(Some((code, reason)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 300;

    /// A frame as a client would send it, masked with a fixed key.
    fn frame(first_byte: u8, payload: &[u8]) -> Vec<u8> {
        let key = [0xA1, 0x5C, 0x07, 0xFE];
        let mut bytes = vec![first_byte];
        match payload.len() {
            length @ 0..=125 => bytes.push(0x80 | length as u8),
            length => {
                bytes.push(0x80 | 126);
                bytes.extend_from_slice(&(length as u16).to_be_bytes());
            }
        }
        bytes.extend_from_slice(&key);
        bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        bytes
    }

    /// Decodes the same bytes in one read and byte by byte, and returns what both give.
    #[track_caller]
    fn decode(bytes: &[u8]) -> (Vec<String>, Option<DecodeError>) {
        let whole = decode_in_reads_of(bytes.len().max(1), bytes);
        assert_eq!(decode_in_reads_of(1, bytes), whole, "byte by byte");
        whole
    }

    fn decode_in_reads_of(size: usize, bytes: &[u8]) -> (Vec<String>, Option<DecodeError>) {
        let mut decoder = Decoder::default();
        let (mut seen, mut error) = (Vec::new(), None);
        for read in bytes.to_vec().chunks_mut(size) {
            let result = decoder.decode(read, LIMIT, |incoming| {
                seen.push(format!("{incoming:?}"));
                ControlFlow::Continue(())
            });
            error = error.or(result.err());
        }
        (seen, error)
    }

    #[track_caller]
    fn check(frames: &[Vec<u8>], expect: &[&str]) {
        let (seen, error) = decode(&frames.concat());
        assert_eq!(seen, expect);
        assert_eq!(error, None);
    }

    #[track_caller]
    fn check_error(bytes: &[u8], expect: DecodeError, close_code: u16) {
        let (seen, error) = decode(bytes);
        assert_eq!(error, Some(expect));
        assert_eq!(expect.close_code(), close_code);
        assert_eq!(seen, [""; 0], "nothing is handed over from a broken frame");
    }

    #[test]
    fn messages_are_handed_over_in_order() {
        check(
            &[frame(0x81, b"one"), frame(0x82, &[2]), frame(0x81, b""), frame(0x8A, b"p")],
            &[r#"Text("one")"#, "Binary([2])", r#"Text("")"#, "Pong([112])"],
        );
    }

    #[test]
    fn a_fragmented_message_is_put_together_around_control_frames() {
        check(
            &[
                frame(0x01, "Zo".as_bytes()),
                frame(0x89, b"?"),
                frame(0x00, &"ë".as_bytes()[..1]),
                frame(0x00, b""),
                frame(0x80, &"ë".as_bytes()[1..]),
                frame(0x02, b"x"),
                frame(0x80, b"y"),
            ],
            &["Ping([63])", r#"Text("Zoë")"#, "Binary([120, 121])"],
        );
    }

    #[test]
    fn nothing_is_decoded_after_a_close() {
        check(
            &[frame(0x88, b"\x03\xE8bye"), frame(0x81, b"late")],
            &[r#"Close(Some((1000, "bye")))"#],
        );
        check(&[frame(0x88, b""), vec![0xFF; 9]], &["Close(None)"]);
    }

    #[test]
    fn nothing_is_decoded_after_a_break() {
        let mut decoder = Decoder::default();
        let mut count = 0;
        for _ in 0..2 {
            let mut read = [frame(0x81, b"a"), frame(0x81, b"b")].concat();
            let result = decoder.decode(&mut read, LIMIT, |_| {
                count += 1;
                ControlFlow::Break(())
            });
            assert_eq!(result, Ok(()));
        }
        assert_eq!(count, 1);
    }

    #[test]
    fn nothing_is_decoded_after_an_error() {
        let bytes = [frame(0x83, b""), frame(0x81, b"late")].concat();
        check_error(&bytes, DecodeError::UnknownOpcode(3), 1002);
    }

    #[test]
    fn violations_of_the_framing_close_with_1002() {
        for reserved in [0xC1, 0xA1, 0x91] {
            check_error(&frame(reserved, b"x"), DecodeError::ReservedBits, 1002);
        }
        for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
            let bytes = frame(0x80 | opcode, b"x");
            check_error(&bytes, DecodeError::UnknownOpcode(opcode), 1002);
        }
        check_error(b"\x81\x02hi", DecodeError::Unmasked, 1002);
        check_error(&frame(0x09, b""), DecodeError::FragmentedControl, 1002);
        check_error(&frame(0x89, &[0; 126]), DecodeError::ControlTooLong, 1002);
        check_error(&frame(0x80, b"x"), DecodeError::NothingToContinue, 1002);
        let within = [frame(0x01, b"a"), frame(0x81, b"b")].concat();
        check_error(&within, DecodeError::MessageWithinMessage, 1002);
    }

    #[test]
    fn broken_close_frames_close_with_1002_or_1007() {
        check_error(&frame(0x88, b"x"), DecodeError::CloseTooShort, 1002);
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
            let bytes = frame(0x88, &code.to_be_bytes());
            check_error(&bytes, DecodeError::InvalidCloseCode(code), 1002);
        }
        check_error(&frame(0x88, b"\x03\xE8\xFF"), DecodeError::InvalidCloseReason, 1007);
    }

    #[test]
    fn text_that_is_not_utf_8_closes_with_1007() {
        check_error(&frame(0x81, b"\xC3"), DecodeError::InvalidText, 1007);
        let fragments = [frame(0x01, b"\xC3"), frame(0x80, b"x")].concat();
        check_error(&fragments, DecodeError::InvalidText, 1007);
    }

    #[test]
    fn a_message_over_the_limit_closes_with_1009_as_soon_as_it_is_announced() {
        let too_big = |bytes| DecodeError::MessageTooBig { bytes, bytes_max: LIMIT };
        let header = &frame(0x81, &[b'x'; LIMIT + 1])[..8];
        check_error(header, too_big(301), 1009);
        check_error(b"\x82\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF____", too_big(u64::MAX), 1009);
        let fragments = [frame(0x01, &[b'x'; 200]), frame(0x80, &[b'x'; 101])[..8].to_vec()];
        check_error(&fragments.concat(), too_big(301), 1009);
        assert_eq!(too_big(301).close_reason(), "Maximum message size exceeded");
    }

    #[test]
    fn a_message_at_the_limit_is_accepted() {
        let expect = format!("Text({:?})", "x".repeat(LIMIT));
        check(&[frame(0x81, &[b'x'; LIMIT])], &[&expect]);
        check(&[frame(0x01, &[b'x'; LIMIT]), frame(0x80, b"")], &[&expect]);
    }

    #[test]
    fn the_faults_of_the_first_two_bytes_are_seen_without_the_rest() {
        check_error(&[0x83, 0x80], DecodeError::UnknownOpcode(3), 1002);
        check_error(&[0x88, 0xFE], DecodeError::ControlTooLong, 1002);
    }

    #[test]
    fn an_idle_decoder_is_two_words_and_holds_no_buffer() {
        assert_eq!(size_of::<Decoder>(), 16);
        let mut decoder = Decoder::default();
        let mut bytes = [frame(0x01, b"a"), frame(0x89, b"b"), frame(0x80, b"c")].concat();
        for byte in bytes.chunks_mut(1) {
            assert_eq!(decoder.decode(byte, LIMIT, |_| ControlFlow::Continue(())), Ok(()));
        }
        assert!(matches!(decoder.0, State::Idle));
    }

    #[test]
    fn what_is_held_stays_below_the_limit() {
        let mut decoder = Decoder::default();
        for byte in frame(0x81, &[b'x'; LIMIT])[..LIMIT].chunks(1) {
            let result = decoder.decode(&mut byte.to_vec(), LIMIT, |_| ControlFlow::Continue(()));
            assert_eq!(result, Ok(()));
            let held = decoder.message().map_or(0, |message| message.bytes.capacity());
            assert!(held <= LIMIT, "{held}");
        }
    }
}
