//! Asks the application whether a client may join a channel, and says in the log why it may not.
//!
//! Socket.IO clients carry no signature of the application, as Pusher's do: their channel, their cookies
//! and the headers that Echo gave them go to the application's `/broadcasting/auth`, as
//! laravel-echo-server sent them (`socketio.md` 7.8), with the socket id, so that every driver of Laravel
//! can answer.
//!
//! # Layout
//!
//! * `case`: a question on its way; `site`: which URL is asked; `headers`: what is passed on
//! * `queue`: the thread that asks, and who waits for it; `client`, `tls`: HTTP
//! * `in_process`: an application that embeds the server is asked without HTTP
//! * `granted`: what lets a client in; `fault`: why there is no answer
//! * `cause`: what everything else probably comes from, and what helps
//! * `report`: the log line; `excerpt`: what it shows of an answer
//!
//! # A thread of its own
//!
//! The connections to the application belong to one thread with one runtime, whoever asks. A shard that
//! is busy with a fan-out holds up nobody's answer but its own clients', a TLS handshake holds up no
//! shard, and all shards share the connections, the places and the queue. An answer costs two wake-ups,
//! some 20 µs; the application takes milliseconds.

mod case;
mod cause;
mod client;
mod excerpt;
mod fault;
mod granted;
mod headers;
mod in_process;
mod queue;
mod report;
mod site;
#[cfg(test)]
mod tests;
pub(crate) mod tls;

use std::{
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
};

pub use self::in_process::{AuthReply, AuthRequest, InProcess};
use self::{
    case::Case, cause::Refusal, granted::Misread, in_process::Desk, queue::Queue, report::Report,
    tls::Trust,
};
pub(crate) use self::{
    client::{Client, Reply},
    fault::{Fault, Mistrust},
};
use crate::config::AuthConfig;

/// May this client join this channel?
#[derive(Debug)]
pub(crate) struct Question {
    /// The channel.
    pub(crate) channel: String,
    /// Who asks.
    pub(crate) socket_id: String,
    /// What the client gave in `auth.headers`, as it came.
    pub(crate) headers: Vec<(String, String)>,
    /// What its connection began with.
    pub(crate) handshake: Arc<ClientHeaders>,
}

/// What of the client's own handshake is passed on, or decided by. Several headers of one name are one
/// text, joined as HTTP allows: cookies with `; `, the rest with `, `.
#[derive(Debug)]
pub(crate) struct ClientHeaders {
    /// `Cookie`.
    pub(crate) cookie: Option<Box<str>>,
    /// `Referer`.
    pub(crate) referer: Option<Box<str>>,
    /// `Origin`.
    pub(crate) origin: Option<Box<str>>,
    /// `User-Agent`.
    pub(crate) user_agent: Option<Box<str>>,
    /// `X-Forwarded-For`.
    pub(crate) forwarded_for: Option<Box<str>>,
    /// The address of the socket.
    pub(crate) peer: IpAddr,
}

impl ClientHeaders {
    /// Bytes of what is kept.
    pub(crate) fn bytes(&self) -> usize {
        let Self { cookie, referer, origin, user_agent, forwarded_for, peer: _ } = self;
        let texts = [cookie, referer, origin, user_agent, forwarded_for];
        texts.into_iter().flatten().map(|text| text.len()).sum()
    }
}

/// What became of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The client may join.
    Granted {
        /// The member as JSON, `{"user_id":…,"user_info":…}`, if the application named one.
        channel_data: Option<String>,
    },
    /// The client may not join. The log says why.
    Refused {
        /// What the client is told: the application's status, 403 if it answered 200 and granted
        /// nothing, 0 if it could not be reached, 431 and 503 if it was not asked.
        status: u16,
    },
}

/// Asks the application. One per process, behind an `Arc`: it owns a thread and the connections.
#[derive(Debug)]
pub(crate) struct Authoriser {
    config: Arc<AuthConfig>,
    queue: Queue,
    report: Arc<Report>,
    /// The application in this process, if it is asked so.
    desk: RwLock<Option<Arc<Desk>>>,
}

impl Authoriser {
    /// Starts the thread that asks.
    ///
    /// # Errors
    ///
    /// If the system gives no thread.
    pub(crate) fn new(config: &AuthConfig) -> anyhow::Result<Self> {
        Self::trusting(Trust::of(config), config)
    }

    fn trusting(trust: Trust, config: &AuthConfig) -> anyhow::Result<Self> {
        let config = Arc::new(config.clone());
        let report = Arc::new(Report::default());
        let queue = Queue::start(trust, &config, &report)?;
        Ok(Self { config, queue, report, desk: RwLock::default() })
    }

    /// Asks the application in this process from now on, or over HTTP again.
    pub(crate) fn ask_in_process(&self, application: Option<InProcess>) {
        let desk = application.map(|application| Arc::new(Desk::new(application, &self.config)));
        let former = std::mem::replace(
            &mut *self.desk.write().unwrap_or_else(PoisonError::into_inner),
            desk,
        );
        // This may drop an application with all that it holds: connections to databases, say, which begin tasks when
        // they are dropped.
        let runtime = former.as_ref().map(|desk| desk.runtime().clone());
        let _context = runtime.as_ref().map(tokio::runtime::Handle::enter);
        drop(former);
    }

    /// Asks, and waits for the answer for as long as `auth.timeout_seconds` at most. Whoever no longer
    /// waits is no longer in the queue; what was begun is brought to its end.
    pub(crate) async fn ask(&self, question: Question) -> Answer {
        let desk = self.desk.read().unwrap_or_else(PoisonError::into_inner).clone();
        let case = match desk {
            Some(_) => Case::in_process(question, &self.config),
            None => Case::new(question, &self.config),
        };
        let case = Arc::new(case);
        let outcome = match (case.objection(), desk) {
            (Some(fault), _) => Err(fault),
            (None, Some(desk)) => desk.ask(&case).await,
            (None, None) => self.queue.ask(&case).await,
        };
        let refusal = match outcome {
            Ok(reply) => match self.granted(&case, &reply) {
                Ok(channel_data) => return Answer::Granted { channel_data },
                Err(refusal) => refusal,
            },
            Err(fault) => Refusal::of_fault(&case, &fault),
        };
        self.report.refused(&case, &refusal);
        Answer::Refused { status: refusal.told }
    }

    fn granted(&self, case: &Case, reply: &Reply) -> Result<Option<String>, Refusal> {
        if reply.status != 200 {
            return Err(Refusal::of_status(case, reply));
        }
        let granted = if reply.is_whole {
            granted::read(&case.question.channel, &reply.body)
        } else {
            Err(Misread::TooLong)
        };
        granted.map_err(|misread| Refusal::of_misread(case, reply, misread))
    }
}
