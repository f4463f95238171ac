//! The event loop: the connections of many clients and a few publishers in one thread.
//!
//! Receiving is the hot path: one poll for up to 64 sockets, one read of each into a shared buffer, one
//! search for the mark in each message; over WebSockets nothing is allocated.
//!
//! # Layout
//!
//! * [`websocket`]: clients with a WebSocket
//! * [`polling`]: clients that poll

mod polling;
mod websocket;

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
use crate::courier::{Couriers, Kind};
use crate::dialect::{Dialect, Protocol, Revision, Transport};
use crate::handshake::{Upgrade, upgrade_request};
use crate::heartbeat::Heartbeat;
use crate::long_poll::LongPoll;
use crate::mark::{Mark, MarkFinder};
use crate::message::Control;
use crate::news::{Handler, Id, News, Next, Troubles};
use crate::packet;
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
    /// Polls that the server answered.
    pub(crate) polls: u64,
    couriers: Couriers,
    heartbeat: Heartbeat,
    poll: Poll,
    alarm: Alarm,
    connections: Vec<Option<Connection>>,
    marks: MarkFinder,
    upgrade: Upgrade,
    upgrade_request: Rc<[u8]>,
    long_poll: LongPoll,
    read_buffer: Vec<u8>,
    /// A frame, a poll, or a message under construction; kept for their memory.
    frame: Vec<u8>,
    request: Vec<u8>,
    message: Vec<u8>,
    mask: u32,
}

const ALARM: Token = Token(usize::MAX - 1);
const PUBLISHERS: Token = Token(usize::MAX - 2);
const COURIERS: Token = Token(usize::MAX - 3);
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
        let couriers = Couriers::new(target.address)?;
        let descriptor = couriers.descriptor();
        poll.registry().register(&mut SourceFd(&descriptor), COURIERS, Interest::READABLE)?;
        let upgrade_request = upgrade_request(&target.address.to_string(), &target.socket_path());
        let long_poll = LongPoll::new(target.clone());
        Ok(Self {
            clock,
            settings,
            troubles: Troubles::default(),
            publishers,
            reads: 0,
            polls: 0,
            couriers,
            heartbeat: Heartbeat::default(),
            poll,
            alarm,
            connections: Vec::new(),
            marks: MarkFinder::default(),
            upgrade: Upgrade::default(),
            upgrade_request: upgrade_request.into(),
            long_poll,
            read_buffer: vec![0; READ_BYTES],
            frame: Vec::new(),
            request: Vec::new(),
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
            self.send_pings(now)?;
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
                if !matches!(event.token(), ALARM | PUBLISHERS | COURIERS) {
                    self.on_ready(handler, event)?;
                }
            }
            self.hear_couriers(handler)?;
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
        let mut connection = Connection::new(stream);
        connection.session = self.long_poll.first_session(id).into();
        self.connections.push(Some(connection));
        Ok(id)
    }

    /// Ends a connection from this side, without a close frame, as when a browser goes away.
    pub(crate) fn close(&mut self, id: Id) {
        self.connections[id] = None;
    }

    /// Ends what connections polling clients have beside their own.
    pub(crate) fn dismiss_couriers(&mut self) {
        self.couriers.dismiss();
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
    pub(crate) fn subscribe(&mut self, id: Id, channel: &str, user: Option<&str>) -> Result<()> {
        let Some(connection) = &self.connections[id] else { return Ok(()) };
        let Settings { target, .. } = &self.settings;
        let Dialect { protocol, transport } = target.dialect;
        let message = protocol.subscribe(target, &connection.socket_id, channel, user);
        match (protocol, transport) {
            (Protocol::Pusher, _) => self.say(id, message.as_bytes()),
            // Over Socket.IO success is not told. What the server answers after it has taken the
            // subscription shows it: a pong, or the answer to the request.
            (Protocol::SocketIo(_), Transport::Websocket) => {
                self.say(id, message.as_bytes())?;
                self.ask_whether_heard(id);
                Ok(())
            }
            (Protocol::SocketIo(_), Transport::Polling) => {
                self.post(id, message.as_bytes(), Kind::Subscription)
            }
        }
    }

    pub(crate) fn unsubscribe(&mut self, id: Id, channel: &str) -> Result<()> {
        let message = self.dialect().protocol.unsubscribe(channel);
        self.say(id, message.as_bytes())
    }

    /// Sends an event from this connection to the others of a channel.
    pub(crate) fn send_client_event(&mut self, id: Id, channel: usize, mark: Mark) -> Result<()> {
        let mut message = mem::take(&mut self.message);
        message.clear();
        let Settings { channels, payload_bytes, .. } = &self.settings;
        let channel = &channels[channel];
        self.dialect().protocol.write_client_event(&mut message, channel, mark, *payload_bytes);
        let result = self.say(id, &message);
        self.message = message;
        result
    }

    fn dialect(&self) -> Dialect {
        self.settings.target.dialect
    }

    /// Sends a message to the server.
    fn say(&mut self, id: Id, message: &[u8]) -> Result<()> {
        match self.dialect().transport {
            Transport::Websocket => {
                self.send_text(id, message);
                Ok(())
            }
            Transport::Polling => self.post(id, message, Kind::Other),
        }
    }

    fn send_pings(&mut self, now: u64) -> Result<()> {
        while let Some(id) = self.heartbeat.take(now) {
            if self.connections[id].is_some() {
                self.say(id, packet::PING)?;
                self.heartbeat.go_on(id, now);
            }
        }
        Ok(())
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
            match self.dialect().transport {
                Transport::Websocket => self.ask_for_websocket(id),
                Transport::Polling => self.ask_for_more(id),
            }
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
        match self.dialect().transport {
            Transport::Websocket => self.on_frames(handler, id, bytes),
            Transport::Polling => self.on_answer(handler, id, bytes),
        }
    }

    #[inline]
    fn on_message(
        &mut self,
        handler: &mut impl Handler,
        id: Id,
        message: &[u8],
        now: u64,
    ) -> Result<()> {
        match self.marks.find(message) {
            Some(mark) if self.dialect().protocol.is_event(message) => {
                handler.hear(self, News::Event { id, mark, now })
            }
            _ => self.on_control(handler, id, message, now),
        }
    }

    fn on_control(
        &mut self,
        handler: &mut impl Handler,
        id: Id,
        message: &[u8],
        now: u64,
    ) -> Result<()> {
        let protocol = self.dialect().protocol;
        match protocol.control(message) {
            Control::Open { session, ping_milliseconds } => {
                let Some(connection) = &mut self.connections[id] else { return Ok(()) };
                connection.session = session.into();
                if protocol == Protocol::SocketIo(Revision::Four) {
                    return self.say(id, packet::CONNECT);
                }
                self.heartbeat.begin(id, now, ping_milliseconds);
                Ok(())
            }
            Control::Established { socket_id } => {
                if let Some(connection) = &mut self.connections[id] {
                    let session = || connection.session.clone();
                    connection.socket_id = socket_id.map_or_else(session, Into::into);
                }
                handler.hear(self, News::Opened(id))
            }
            Control::Subscribed { members } => handler.hear(self, News::Subscribed(id, &members)),
            Control::MemberAdded { user } => handler.hear(self, News::MemberAdded(id, &user)),
            Control::MemberRemoved { user } => handler.hear(self, News::MemberRemoved(id, &user)),
            Control::Ping => self.say(id, protocol.pong()),
            Control::Closed(what) => self.end(handler, id, &Ending::Dismissed(what)),
            Control::Error(text) => self.refused(handler, id, &text),
            Control::Other => Ok(()),
        }
    }

    fn refused(&mut self, handler: &mut impl Handler, id: Id, why: &str) -> Result<()> {
        self.troubles.errors.add(&why);
        handler.hear(self, News::Refused(id))
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
