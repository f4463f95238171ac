//! The event loop: many WebSocket connections and a few publishers in one thread.
//!
//! Receiving is the hot path: one poll for up to 64 sockets, one read of each into a shared buffer, one
//! search for the mark in each message; nothing is allocated.

use std::io::{self, Read};
use std::mem;
use std::rc::Rc;

use anyhow::Result;
use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use crate::alarm::{Alarm, COARSE};
use crate::clock::Clock;
use crate::connection::{Connection, Ending, Phase, connect};
use crate::frame::{Frame, FrameTooLarge, Opcode, write_masked};
use crate::handshake::{Upgrade, Verdict, upgrade_request};
use crate::mark::{Mark, MarkFinder};
use crate::message::{self, Control};
use crate::news::{Handler, Id, News, Next, Troubles};
use crate::progress::Progress;
use crate::publisher::Publishers;
use crate::request::RequestWriter;
use crate::target::Target;

/// What an engine needs to know.
pub(crate) struct Settings {
    pub(crate) target: Rc<Target>,
    /// Names of the channels that events are published to.
    pub(crate) channels: Rc<[Rc<str>]>,
    pub(crate) payload_bytes: usize,
    pub(crate) publishers: usize,
    pub(crate) progress: Progress,
}

/// The loop and its connections.
pub(crate) struct Engine {
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) troubles: Troubles,
    pub(crate) publishers: Publishers,
    /// Reads that returned something.
    pub(crate) reads: u64,
    poll: Poll,
    alarm: Alarm,
    connections: Vec<Option<Connection>>,
    marks: MarkFinder,
    upgrade: Upgrade,
    upgrade_request: Rc<[u8]>,
    read_buffer: Vec<u8>,
    frame: Vec<u8>,
    message: Vec<u8>,
    mask: u32,
}

const ALARM: Token = Token(usize::MAX - 1);
const PUBLISHERS: Token = Token(usize::MAX - 2);
/// Sockets that are served between two looks at the schedule and the publishers.
const EVENTS_AT_ONCE: usize = 64;
const READ_BYTES: usize = 256 * 1024;

impl Engine {
    pub(crate) fn new(settings: Settings) -> Result<Self> {
        let clock = Clock::start();
        let poll = Poll::new()?;
        let alarm = Alarm::new(poll.registry(), ALARM)?;
        let Settings { target, channels, payload_bytes, .. } = &settings;
        let writer = RequestWriter::new(target.clone(), channels.clone(), *payload_bytes);
        let publishers = Publishers::new(settings.publishers, target.address, writer, clock)?;
        let descriptor = publishers.descriptor();
        poll.registry().register(&mut SourceFd(&descriptor), PUBLISHERS, Interest::READABLE)?;
        let request = upgrade_request(&target.address.to_string(), &target.socket_path());
        Ok(Self {
            clock,
            settings,
            troubles: Troubles::default(),
            publishers,
            reads: 0,
            poll,
            alarm,
            connections: Vec::new(),
            marks: MarkFinder::default(),
            upgrade: Upgrade::default(),
            upgrade_request: request.into(),
            read_buffer: vec![0; READ_BYTES],
            frame: Vec::new(),
            message: Vec::new(),
            mask: 0x5EED_1234,
        })
    }

    /// Runs until the handler is done.
    pub(crate) fn run(&mut self, handler: &mut impl Handler) -> Result<()> {
        let mut events = Events::with_capacity(EVENTS_AT_ONCE);
        let mut receipts = Vec::new();
        loop {
            let now = self.clock.now();
            let timeout = match handler.turn(self, now)? {
                Next::At(due) => self.alarm.timeout(due, now)?,
                Next::Whenever => COARSE,
                Next::Done => return Ok(()),
            };
            match self.poll.poll(&mut events, Some(timeout)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            }
            for event in &events {
                if event.token() != ALARM && event.token() != PUBLISHERS {
                    self.on_ready(handler, event)?;
                }
            }
            if !self.publishers.is_empty() {
                self.publishers.work(&mut receipts)?;
                for receipt in receipts.drain(..) {
                    handler.hear(self, News::Published(receipt))?;
                }
            }
        }
    }

    /// Begins a connection; the handler hears what becomes of it.
    pub(crate) fn connect(&mut self, receive_buffer_bytes: Option<usize>) -> io::Result<Id> {
        let id = self.connections.len();
        let address = self.settings.target.address;
        let mut stream = connect(address, id, receive_buffer_bytes)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(id), interest)?;
        self.connections.push(Some(Connection::new(stream)));
        Ok(id)
    }

    /// Ends a connection from this side, without a close frame, as when a browser goes away.
    pub(crate) fn close(&mut self, id: Id) {
        self.connections[id] = None;
    }

    pub(crate) fn is_open(&self, id: Id) -> bool {
        self.connections[id].as_ref().is_some_and(|connection| connection.phase == Phase::Open)
    }

    /// Stops reading from a connection, as a client that hangs.
    pub(crate) fn pause(&mut self, id: Id) -> io::Result<()> {
        let Some(connection) = &mut self.connections[id] else { return Ok(()) };
        self.poll.registry().deregister(&mut connection.stream)
    }

    /// Reads on from a connection that was paused.
    pub(crate) fn resume(&mut self, id: Id) -> io::Result<()> {
        let Some(connection) = &mut self.connections[id] else { return Ok(()) };
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut connection.stream, Token(id), interest)
    }

    /// Subscribes a connection; `user` is who enters a presence channel.
    pub(crate) fn subscribe(&mut self, id: Id, channel: &str, user: Option<&str>) {
        let Some(connection) = &self.connections[id] else { return };
        let target = &self.settings.target;
        let message = message::subscribe(target, &connection.socket_id, channel, user);
        self.send(id, Opcode::Text, message.as_bytes());
    }

    pub(crate) fn unsubscribe(&mut self, id: Id, channel: &str) {
        self.send(id, Opcode::Text, message::unsubscribe(channel).as_bytes());
    }

    /// Sends an event from this connection to the others of a channel.
    pub(crate) fn send_client_event(&mut self, id: Id, channel: usize, mark: Mark) {
        let mut message = mem::take(&mut self.message);
        message.clear();
        let Settings { channels, payload_bytes, .. } = &self.settings;
        message::write_client_event(&mut message, &channels[channel], mark, *payload_bytes);
        self.send(id, Opcode::Text, &message);
        self.message = message;
    }

    fn send(&mut self, id: Id, opcode: Opcode, payload: &[u8]) {
        let Some(connection) = &mut self.connections[id] else { return };
        self.mask = self.mask.wrapping_mul(0x0019_660D).wrapping_add(0x3C6E_F35F);
        self.frame.clear();
        write_masked(&mut self.frame, opcode, payload, self.mask.to_be_bytes());
        connection.write(&self.frame);
    }

    fn on_ready(&mut self, handler: &mut impl Handler, event: &Event) -> Result<()> {
        let id = event.token().0;
        let Some(connection) = &mut self.connections[id] else { return Ok(()) };
        if connection.phase == Phase::Connecting {
            if let Some(error) = connection.stream.take_error()? {
                return self.end(handler, id, &Ending::Network(error));
            }
            if !event.is_writable() {
                return Ok(());
            }
            connection.phase = Phase::Upgrading;
            connection.write(&self.upgrade_request);
        } else if event.is_writable() {
            connection.flush();
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            let mut buffer = mem::take(&mut self.read_buffer);
            let result = self.read(handler, id, event.is_read_closed(), &mut buffer);
            self.read_buffer = buffer;
            return result;
        }
        Ok(())
    }

    /// Reads what has come. A read that does not fill the buffer took everything, save that the end of
    /// the stream may follow.
    fn read(
        &mut self,
        handler: &mut impl Handler,
        id: Id,
        is_closing: bool,
        buffer: &mut Vec<u8>,
    ) -> Result<()> {
        while let Some(connection) = &mut self.connections[id] {
            let held = connection.partial.len();
            if buffer.len() < 2 * held {
                buffer.resize(4 * held, 0);
            }
            let room = buffer.len() - held;
            let got = match connection.stream.read(&mut buffer[held..]) {
                Ok(0) => return self.end(handler, id, &Ending::Ended),
                Ok(got) => got,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return self.end(handler, id, &Ending::Network(error)),
            };
            buffer[..held].copy_from_slice(&connection.partial);
            connection.partial.clear();
            self.reads += 1;
            self.on_bytes(handler, id, &buffer[..held + got])?;
            if got < room && !is_closing {
                return Ok(());
            }
        }
        Ok(())
    }

    fn on_bytes(&mut self, handler: &mut impl Handler, id: Id, bytes: &[u8]) -> Result<()> {
        let Some(connection) = &mut self.connections[id] else { return Ok(()) };
        let mut rest = bytes;
        if connection.phase == Phase::Upgrading {
            match self.upgrade.verdict(bytes) {
                Verdict::Pending => {
                    connection.partial.extend_from_slice(bytes);
                    return Ok(());
                }
                Verdict::Refused(why) => return self.end(handler, id, &Ending::Refused(why)),
                Verdict::Accepted(length) => rest = &bytes[length..],
            }
            connection.phase = Phase::Open;
        }
        let now = self.clock.now();
        loop {
            match Frame::parse(rest) {
                Ok(Some(frame)) => {
                    self.on_frame(handler, id, &frame, frame.payload(rest), now)?;
                    rest = &rest[frame.end..];
                }
                Ok(None) => break,
                Err(FrameTooLarge) => {
                    return self.end(handler, id, &Ending::Unreadable("a frame that is too large"));
                }
            }
            if self.connections[id].is_none() {
                return Ok(());
            }
        }
        if let Some(connection) = &mut self.connections[id] {
            connection.partial.extend_from_slice(rest);
        }
        Ok(())
    }

    #[inline]
    fn on_frame(
        &mut self,
        handler: &mut impl Handler,
        id: Id,
        frame: &Frame,
        payload: &[u8],
        now: u64,
    ) -> Result<()> {
        if !frame.is_final {
            return self.end(handler, id, &Ending::Unreadable("a fragmented message"));
        }
        match frame.opcode {
            Opcode::Text => match self.marks.find(payload) {
                Some(mark) => handler.hear(self, News::Event { id, mark, now }),
                None => self.on_control(handler, id, payload),
            },
            Opcode::Close => self.end(handler, id, &Ending::from_close_frame(payload)),
            Opcode::Ping => {
                self.send(id, Opcode::Pong, payload);
                Ok(())
            }
            Opcode::Pong => Ok(()),
            Opcode::Other(_) => {
                self.end(handler, id, &Ending::Unreadable("a frame that is not text"))
            }
        }
    }

    fn on_control(&mut self, handler: &mut impl Handler, id: Id, message: &[u8]) -> Result<()> {
        match Control::parse(message) {
            Control::Established { socket_id } => {
                if let Some(connection) = &mut self.connections[id] {
                    connection.socket_id = socket_id.into();
                }
                handler.hear(self, News::Opened(id))
            }
            Control::Subscribed { members } => handler.hear(self, News::Subscribed(id, &members)),
            Control::MemberAdded { user } => handler.hear(self, News::MemberAdded(id, &user)),
            Control::MemberRemoved { user } => handler.hear(self, News::MemberRemoved(id, &user)),
            Control::Ping => {
                self.send(id, Opcode::Text, message::PONG);
                Ok(())
            }
            Control::Error(text) => {
                self.troubles.errors.add(&text);
                handler.hear(self, News::Refused(id))
            }
            Control::Other => Ok(()),
        }
    }

    fn end(&mut self, handler: &mut impl Handler, id: Id, ending: &Ending) -> Result<()> {
        let Some(connection) = self.connections[id].take() else { return Ok(()) };
        // A server that refuses a client does so after the handshake, before it gives it a socket id.
        if connection.socket_id.is_empty() {
            self.troubles.refused.add(ending);
        } else {
            self.troubles.ended.add(ending);
        }
        handler.hear(self, News::Ended(id))
    }
}
