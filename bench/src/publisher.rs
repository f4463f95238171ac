//! Publishers: an HTTP connection each, one request under way, more in a queue.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use anyhow::{Result, bail};
use mio::{Events, Poll, Token};

use crate::clock::Clock;
use crate::exchange::{Exchange, Reply};
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
    pub(crate) reply: Reply,
}

struct Publisher {
    exchange: Exchange,
    queue: VecDeque<Vec<Post>>,
    under_way: Option<UnderWay>,
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
    clock: Clock,
    chunk: Box<[u8]>,
}

impl Publishers {
    pub(crate) fn new(
        count: usize,
        address: SocketAddr,
        writer: RequestWriter,
        clock: Clock,
    ) -> io::Result<Self> {
        let publisher = |index| Publisher {
            exchange: Exchange::new(address, Token(index)),
            queue: VecDeque::new(),
            under_way: None,
        };
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS_AT_ONCE),
            publishers: (0..count).map(publisher).collect(),
            writer,
            clock,
            chunk: vec![0; READ_BYTES].into_boxed_slice(),
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

    /// Connections that were made: as many as publishers if the server keeps them alive.
    pub(crate) fn connections(&self) -> u64 {
        self.publishers.iter().map(|publisher| publisher.exchange.connections).sum()
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
            let index = event.token().0;
            let exchange = &mut self.publishers[index].exchange;
            if let Some(reply) = exchange.on_ready(self.poll.registry(), event, &mut self.chunk)? {
                self.settle(index, reply, receipts)?;
            }
        }
        self.events = events;
        match polled {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn settle(&mut self, index: usize, reply: Reply, receipts: &mut Vec<Receipt>) -> Result<()> {
        if let Some(UnderWay { events, written }) = self.publishers[index].under_way.take() {
            receipts.push(Receipt { events, latency: self.clock.now() - written, reply });
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
        self.writer.write(&mut publisher.exchange.request, &posts);
        let written = self.clock.now();
        publisher.under_way = Some(UnderWay { events: posts.len() as u64, written });
        publisher.exchange.send(self.poll.registry())
    }
}

impl Publisher {
    fn is_idle(&self) -> bool {
        self.under_way.is_none() && self.queue.is_empty()
    }
}
