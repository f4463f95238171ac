//! A client that fetches its messages with one HTTP request after the other.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash, Hasher},
};

use bytes::Bytes;
use resound_hub::peer::ShardId;
use resound_protocol::{
    engineio::{self, RequestFault, Version},
    socket_id::SocketId,
    websocket::text_of,
    xhr,
};
use tokio::sync::oneshot;

/// What keeping a message costs beyond its bytes.
const MESSAGE_BYTES: usize = 64;
/// Engine.IO's packet that says nothing.
const NOOP: &str = "6";
/// A request without anything to fetch is answered after so long: proxies give up after a minute.
const HEARTBEAT_MICROS: u64 = 25_000_000;
/// A client of Pusher's fallback is gone if it fetches nothing for so long: it says no farewell.
const AWAY_MICROS: u64 = 5_000_000;
/// How often such clients are looked after.
pub(super) const CHECK_MICROS: u64 = 1_000_000;

/// Names a client's requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PollName {
    /// The `sid` of Engine.IO.
    Engine(SocketId),
    /// `{key}/{server}/{session}` in the path of pusher-js' requests.
    Xhr(Box<str>),
}

impl PollName {
    /// The shard where such a client lives, unless it has moved.
    pub(crate) fn home(&self, shards: usize) -> ShardId {
        match self {
            Self::Engine(id) => id.place(shards),
            Self::Xhr(name) => {
                let mut hasher = DefaultHasher::new();
                name.hash(&mut hasher);
                (hasher.finish() % shards as u64) as ShardId
            }
        }
    }
}

/// How answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PollFormat {
    /// Payloads of Engine.IO.
    Engine(Version),
    /// Lines of pusher-js' fallback.
    Xhr,
}

/// The answer to a request that fetches messages.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PollAnswer {
    /// Messages; the client comes back for more.
    Body(Vec<u8>),
    /// The last ones.
    Last(Vec<u8>),
    /// None, and why.
    Refused(RequestFault),
    /// A second request of a client that has one pending already; the session ends by it.
    Overlap,
    /// Ask that shard.
    Moved(ShardId),
}

/// The way back to a request.
pub(crate) type PollReply = oneshot::Sender<PollAnswer>;

#[derive(Debug)]
struct Waiting {
    reply: PollReply,
    since_micros: u64,
}

/// What a client has not fetched yet, and its request that waits for more.
#[derive(Debug)]
pub(crate) struct Polling {
    pub(super) name: PollName,
    pub(super) format: PollFormat,
    queued: VecDeque<Bytes>,
    bytes: usize,
    waiting: Option<Waiting>,
    requests: u8,
    /// When a request was answered last.
    answered_micros: u64,
    /// Whether a WebSocket is about to take over: then no request waits.
    pub(super) is_upgrading: bool,
    /// Whether pusher-js has been told that its session is open.
    is_opened: bool,
    /// What the last answer ends with.
    ending: Option<Vec<u8>>,
}

/// What became of a request for messages.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Poll {
    /// It has its answer, or waits for it.
    Taken,
    /// It has the last answer that there is.
    Ended,
    /// Another one waits, which these clients never do.
    Overlaps,
}

impl Polling {
    pub(super) fn new(name: PollName, format: PollFormat, now_micros: u64) -> Self {
        Self {
            name,
            format,
            queued: VecDeque::new(),
            bytes: 0,
            waiting: None,
            requests: 0,
            answered_micros: now_micros,
            is_upgrading: false,
            is_opened: false,
            ending: None,
        }
    }

    /// Adds a message, a WebSocket frame as it goes to everybody. Returns the bytes that wait.
    pub(super) fn push(&mut self, frame: Bytes) -> usize {
        if !frame.is_empty() {
            self.bytes += frame.len() + MESSAGE_BYTES;
            self.queued.push_back(frame);
        }
        self.bytes
    }

    /// Notes a request of whatever kind; the first one has opened the session.
    pub(super) fn note_request(&mut self) {
        self.requests = self.requests.saturating_add(1);
    }

    /// Whether the client has come a second time.
    pub(super) fn has_returned(&self) -> bool {
        self.requests > 1
    }

    /// Takes a request: answers it, or lets it wait.
    pub(super) fn poll(&mut self, reply: PollReply, now_micros: u64) -> Poll {
        self.note_request();
        if self.waiting.as_ref().is_some_and(|waiting| !waiting.reply.is_closed()) {
            match self.format {
                PollFormat::Engine(_) => {
                    let _ = reply.send(PollAnswer::Overlap); // it may have gone away
                    return Poll::Overlaps;
                }
                // The former request may be one that a proxy has not given up yet. It does not come
                // back for more, or else a stream would take the session from this one in turn.
                PollFormat::Xhr => self.release(),
            }
        }
        self.waiting = Some(Waiting { reply, since_micros: now_micros });
        if self.answer(now_micros) { Poll::Ended } else { Poll::Taken }
    }

    /// Answers the request that waits, if there is something to say. Says whether that was the end.
    pub(super) fn answer(&mut self, now_micros: u64) -> bool {
        let has_news = !self.queued.is_empty() || !self.is_opened && self.format == PollFormat::Xhr;
        if !(has_news || self.is_upgrading || self.ending.is_some()) {
            return false;
        }
        // That of a client that has gone away stays until that is noticed.
        let Some(waiting) = self.waiting.take_if(|waiting| !waiting.reply.is_closed()) else {
            return false;
        };
        let (body, is_last) = (self.body(), self.ending.is_some());
        let answer = if is_last { PollAnswer::Last(body) } else { PollAnswer::Body(body) };
        if waiting.reply.send(answer).is_ok() {
            self.queued = VecDeque::new();
            self.bytes = 0;
            self.is_opened = true;
        }
        self.answered_micros = now_micros;
        is_last
    }

    fn body(&self) -> Vec<u8> {
        let texts = self.queued.iter().filter_map(|frame| text_of(frame));
        let ending = self.ending.as_deref();
        match self.format {
            PollFormat::Engine(version) => {
                let fill = (self.queued.is_empty() && ending.is_none()).then_some(NOOP);
                let ending = ending.and_then(|ending| str::from_utf8(ending).ok());
                engineio::payload::encode(version, texts.chain(fill).chain(ending))
            }
            PollFormat::Xhr => {
                let mut body = Vec::new();
                if !self.is_opened {
                    body.extend_from_slice(xhr::open().as_bytes());
                }
                if !self.queued.is_empty() {
                    body.append(&mut xhr::messages(texts));
                }
                body.extend_from_slice(ending.unwrap_or_default());
                body
            }
        }
    }

    /// Answers the request that waits, with nothing.
    pub(super) fn answer_empty(&mut self, now_micros: u64) {
        if let Some(waiting) = self.waiting.take() {
            let _ = waiting.reply.send(PollAnswer::Body(self.nothing())); // it may be gone
            self.answered_micros = now_micros;
        }
    }

    /// Lets the request go that waits, for another one has come.
    fn release(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            let _ = waiting.reply.send(PollAnswer::Last(self.nothing())); // it may be gone
        }
    }

    /// A body that says nothing.
    fn nothing(&self) -> Vec<u8> {
        match self.format {
            PollFormat::Engine(version) => engineio::payload::encode(version, [NOOP]),
            PollFormat::Xhr => xhr::heartbeat().as_bytes().to_vec(),
        }
    }

    /// Ends the session: with Engine.IO's packet, or Pusher's close code.
    pub(super) fn end(&mut self, code: u16, reason: &str) {
        self.ending = Some(match self.format {
            PollFormat::Engine(_) if code == 1000 => b"6".to_vec(),
            PollFormat::Engine(_) => b"1".to_vec(),
            PollFormat::Xhr => xhr::close(code, reason),
        });
    }

    /// Takes notice that a request's client has gone away without an answer; says whether no other
    /// request waits.
    pub(super) fn abandon(&mut self, now_micros: u64) -> bool {
        if self.waiting.as_ref().is_some_and(|waiting| !waiting.reply.is_closed()) {
            return false;
        }
        self.waiting = None;
        self.answered_micros = now_micros;
        true
    }

    /// Looks after a client of Pusher's fallback: gives one that waits a sign of life, and says whether
    /// it is gone.
    pub(super) fn check(&mut self, now_micros: u64) -> bool {
        match &self.waiting {
            Some(waiting) => {
                if waiting.since_micros + HEARTBEAT_MICROS <= now_micros {
                    self.answer_empty(now_micros);
                }
                false
            }
            None => self.answered_micros + AWAY_MICROS <= now_micros,
        }
    }

    /// What has not been fetched, for the WebSocket that takes over.
    pub(super) fn take_queued(&mut self) -> VecDeque<Bytes> {
        self.bytes = 0;
        std::mem::take(&mut self.queued)
    }

    /// Whether nothing waits to be fetched.
    pub(super) fn is_empty(&self) -> bool {
        self.queued.is_empty()
    }
}
