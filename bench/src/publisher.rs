//! HTTP connections that publish: kept alive, one request under way on each, more in a queue.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use anyhow::{Result, bail};
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::answer::Answer;
use crate::clock::Clock;
use crate::request::{Post, RequestWriter};

/// Requests that one publisher keeps until their turn. Over it the run ends: the server is too slow for
/// the rate that was asked for.
const QUEUE_REQUESTS_MAX: usize = 100_000;

const READ_BYTES: usize = 16 * 1024;
const EVENTS_AT_ONCE: usize = 16;

/// What became of a request.
#[derive(Debug)]
pub(crate) struct Receipt {
    /// Events in the request.
    pub(crate) events: u64,
    /// From writing the request to its answer, in nanoseconds.
    pub(crate) latency: u64,
    pub(crate) result: Result<(), Failure>,
}

/// Why events were not published.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server said no, with this status and text.
    Status(u16, String),
    /// There was no answer.
    Unanswered(String),
}

struct Publisher {
    stream: Option<TcpStream>,
    is_connected: bool,
    /// The connection has answered before: a server may have ended it since, as idle.
    was_used: bool,
    queue: VecDeque<Vec<Post>>,
    under_way: Option<UnderWay>,
    request: Vec<u8>,
    sent: usize,
    answer: Vec<u8>,
}

#[derive(Clone, Copy)]
struct UnderWay {
    events: u64,
    written: u64,
}

/// All publishers of a run. They have a poll of their own, so that a publish or its answer never waits
/// behind thousands of subscribers.
pub(crate) struct Publishers {
    poll: Poll,
    events: Events,
    publishers: Vec<Publisher>,
    writer: RequestWriter,
    address: std::net::SocketAddr,
    clock: Clock,
    chunk: Box<[u8]>,
    /// Connections that were made: as many as publishers if the server keeps them alive.
    pub(crate) connections: u64,
}

impl Publishers {
    pub(crate) fn new(
        count: usize,
        address: std::net::SocketAddr,
        writer: RequestWriter,
        clock: Clock,
    ) -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS_AT_ONCE),
            publishers: (0..count).map(|_| Publisher::new()).collect(),
            writer,
            address,
            clock,
            chunk: vec![0; READ_BYTES].into_boxed_slice(),
            connections: 0,
        })
    }

    /// The descriptor that becomes readable when a publisher has something to do.
    pub(crate) fn descriptor(&self) -> RawFd {
        self.poll.as_raw_fd()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.publishers.is_empty()
    }

    pub(crate) fn is_idle(&self, index: usize) -> bool {
        self.publishers[index].is_idle()
    }

    pub(crate) fn are_idle(&self) -> bool {
        self.publishers.iter().all(Publisher::is_idle)
    }

    /// Sends a request with these events, at once if the publisher is idle.
    pub(crate) fn submit(&mut self, index: usize, posts: Vec<Post>) -> Result<()> {
        let publisher = &mut self.publishers[index];
        if publisher.queue.len() >= QUEUE_REQUESTS_MAX {
            bail!(
                "{QUEUE_REQUESTS_MAX} requests wait for their turn: the server is too slow for --rate"
            );
        }
        publisher.queue.push_back(posts);
        self.advance(index)
    }

    /// Goes on with whatever is possible without waiting, and notes which requests are done.
    pub(crate) fn work(&mut self, receipts: &mut Vec<Receipt>) -> Result<()> {
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        let polled = self.poll.poll(&mut events, Some(Duration::ZERO));
        for event in events.iter() {
            self.on_ready(event, receipts)?;
        }
        self.events = events;
        match polled {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn on_ready(&mut self, event: &Event, receipts: &mut Vec<Receipt>) -> Result<()> {
        let index = event.token().0;
        let publisher = &mut self.publishers[index];
        let Some(stream) = &publisher.stream else { return Ok(()) };
        if !publisher.is_connected {
            if let Some(error) = stream.take_error()? {
                return self.fail(index, &error.to_string(), receipts);
            }
            publisher.is_connected = event.is_writable();
        }
        publisher.flush();
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            self.read(index, receipts)?;
        }
        Ok(())
    }

    fn read(&mut self, index: usize, receipts: &mut Vec<Receipt>) -> Result<()> {
        let publisher = &mut self.publishers[index];
        let ended = publisher.receive(&mut self.chunk);
        match Answer::parse(&publisher.answer, ended.is_some()) {
            Ok(Some(answer)) => {
                publisher.answer.clear();
                publisher.was_used = true;
                if answer.is_last || ended.is_some() {
                    publisher.hang_up();
                }
                let result = if answer.is_success() {
                    Ok(())
                } else {
                    Err(Failure::Status(answer.status, answer.body))
                };
                self.settle(index, result, receipts)
            }
            Ok(None) => match ended {
                Some(why) => self.fail(index, &why, receipts),
                None => Ok(()),
            },
            Err(error) => self.fail(index, &error.to_string(), receipts),
        }
    }

    /// The connection is of no use. A request that a kept-alive connection lost is sent once more on a
    /// new one, as HTTP clients do.
    fn fail(&mut self, index: usize, why: &str, receipts: &mut Vec<Receipt>) -> Result<()> {
        let publisher = &mut self.publishers[index];
        let again = publisher.was_used;
        publisher.hang_up();
        if publisher.under_way.is_none() {
            return Ok(());
        }
        if again {
            return self.send(index);
        }
        self.settle(index, Err(Failure::Unanswered(why.to_owned())), receipts)
    }

    fn settle(
        &mut self,
        index: usize,
        result: Result<(), Failure>,
        receipts: &mut Vec<Receipt>,
    ) -> Result<()> {
        if let Some(UnderWay { events, written }) = self.publishers[index].under_way.take() {
            let latency = self.clock.now() - written;
            receipts.push(Receipt { events, latency, result });
        }
        self.advance(index)
    }

    /// Begins the next request if none is under way.
    fn advance(&mut self, index: usize) -> Result<()> {
        let publisher = &mut self.publishers[index];
        if publisher.under_way.is_some() {
            return Ok(());
        }
        let Some(posts) = publisher.queue.pop_front() else { return Ok(()) };
        self.writer.write(&mut publisher.request, &posts);
        let written = self.clock.now();
        publisher.under_way = Some(UnderWay { events: posts.len() as u64, written });
        self.send(index)
    }

    fn send(&mut self, index: usize) -> Result<()> {
        let publisher = &mut self.publishers[index];
        publisher.sent = 0;
        if publisher.stream.is_none() {
            let mut stream = TcpStream::connect(self.address)?;
            stream.set_nodelay(true)?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, Token(index), interest)?;
            publisher.stream = Some(stream);
            self.connections += 1;
        }
        publisher.flush();
        Ok(())
    }
}

impl Publisher {
    fn new() -> Self {
        Self {
            stream: None,
            is_connected: false,
            was_used: false,
            queue: VecDeque::new(),
            under_way: None,
            request: Vec::new(),
            sent: 0,
            answer: Vec::new(),
        }
    }

    fn is_idle(&self) -> bool {
        self.under_way.is_none() && self.queue.is_empty()
    }

    /// Writes what the socket takes; an error shows when it is read.
    fn flush(&mut self) {
        let Some(stream) = self.stream.as_mut().filter(|_| self.is_connected) else { return };
        while let rest @ [_, ..] = &self.request[self.sent..] {
            let Ok(sent) = stream.write(rest) else { return };
            self.sent += sent;
        }
    }

    /// Reads what has come; says why the connection ended, if it did.
    fn receive(&mut self, chunk: &mut [u8]) -> Option<String> {
        let stream = self.stream.as_mut()?;
        loop {
            match stream.read(chunk) {
                Ok(0) => return Some("the server ended the connection".into()),
                Ok(read) => self.answer.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(error) => return Some(error.to_string()),
            }
            if self.answer.len() > crate::answer::ANSWER_BYTES_MAX {
                return Some("the answer is too long".into());
            }
        }
    }

    fn hang_up(&mut self) {
        self.stream = None;
        self.is_connected = false;
        self.was_used = false;
        self.answer.clear();
    }
}
