//! The task behind a client: one connection after the other, until nobody wants them any more.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{oneshot, watch},
    task::{self, JoinSet},
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::{
    authorizer::{Authorization, AuthorizationRequest, Authorizer},
    closing::{self, Backoff},
    connection_state::ConnectionState,
    encryption::{self, ChannelKey},
    error::{AuthorizeError, ConnectionError, ServerError, SubscribeError},
    message::{self, Incoming},
    registry::{Shared, Wanted, Work, needs_authorization},
    wire::{Dialer, Wire},
};

/// Questions to the authorizer at the same time.
const QUESTIONS_MAX: usize = 8;
/// How long the server may take to answer a subscription.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(30);
/// The same after an error that names no channel: Reverb's refusal of a subscription is one.
const AFTER_ERROR: Duration = Duration::from_secs(1);
/// How long the closing of a connection may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest time that anything is waited for.
const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// How long to wait for what.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    pub(crate) connect: Duration,
    /// After so much silence the server is pinged; its own wish counts if it is shorter.
    pub(crate) activity: Duration,
    pub(crate) pong: Duration,
    pub(crate) authorize: Duration,
}

impl Patience {
    /// A year of each at most: a clock can't be asked for the end of all time.
    pub(crate) fn bounded(self) -> Self {
        let bounded = |time: Duration| time.min(YEAR);
        Self {
            connect: bounded(self.connect),
            activity: bounded(self.activity),
            pong: bounded(self.pong),
            authorize: bounded(self.authorize),
        }
    }
}

/// What a client's task needs.
pub(crate) struct Task {
    pub(crate) shared: Arc<Shared>,
    pub(crate) dialer: Dialer,
    pub(crate) authorizer: Arc<dyn Authorizer>,
    pub(crate) patience: Patience,
    /// True, or without senders, as soon as the client is not wanted any more.
    pub(crate) stop: watch::Receiver<bool>,
    /// Dropped with the task.
    pub(crate) done: watch::Sender<bool>,
}

/// Told how the first attempt went; without it the task goes on after a failure.
pub(crate) type First = oneshot::Sender<Result<(), ConnectionError>>;

impl Task {
    /// Runs until the client is not wanted any more, or the server does not want it.
    pub(crate) async fn run(self, first: Option<First>) {
        let ending = Ending(Arc::clone(&self.shared));
        let reason = self.connections(first).await;
        let Self { done, .. } = self;
        ending.0.end(reason.as_ref());
        done.send_replace(true);
    }

    /// One connection after the other; returns what made the last one the last.
    async fn connections(&self, mut first: Option<First>) -> Option<ConnectionError> {
        let mut backoff = Backoff::default();
        loop {
            self.shared.set_state(ConnectionState::Connecting);
            let opened = tokio::select! {
                biased;
                () = self.stopped() => return None,
                opened = self.open() => opened,
            };
            let began = Instant::now();
            let error = match opened {
                Ok((wire, greeting)) => {
                    self.shared.connected(&greeting.socket_id);
                    if let Some(first) = first.take() {
                        // Who does not wait for it any more has dropped the client, too.
                        let _ = first.send(Ok(()));
                    }
                    let end = Connection::new(self, wire, greeting).run().await;
                    self.shared.disconnected();
                    end?
                }
                Err(error) => error,
            };
            if let Some(first) = first.take() {
                let _ = first.send(Err(error.clone()));
                return Some(error);
            }
            let Some(delay) = backoff.delay(&error, began.elapsed(), random()) else {
                return Some(error);
            };
            let state = ConnectionState::Waiting { retry_in: delay, reason: error };
            self.shared.set_state(state);
            tokio::select! {
                biased;
                () = self.stopped() => return None,
                () = sleep(delay) => {}
            }
        }
    }

    /// Completes when the client is not wanted any more.
    async fn stopped(&self) {
        // An error says that all clients are dropped, which is the same.
        let _ = self.stop.clone().wait_for(|is_stopped| *is_stopped).await;
    }

    /// Opens a connection and reads its greeting.
    async fn open(&self) -> Result<(Wire, Greeting), ConnectionError> {
        let opening = async {
            let mut wire = self.dialer.dial().await?;
            let greeting = self.greeting(&mut wire).await?;
            Ok((wire, greeting))
        };
        timeout(self.patience.connect, opening).await.unwrap_or_else(|_| {
            let address = self.dialer.address.shown();
            Err(ConnectionError::NoAnswer { address, seconds: self.patience.connect.as_secs() })
        })
    }

    async fn greeting(&self, wire: &mut Wire) -> Result<Greeting, ConnectionError> {
        let text = wire.next().await?;
        let not_pusher = |reason: String| {
            let address = self.dialer.address.shown();
            ConnectionError::NotPusher { address, reason }
        };
        match Incoming::parse(&text) {
            Ok(Incoming::Established { socket_id, activity_seconds }) => {
                let wished = activity_seconds.map(Duration::from_secs);
                let activity = wished.unwrap_or(self.patience.activity).min(self.patience.activity);
                // A server that wishes zero would be pinged without a pause.
                Ok(Greeting { socket_id, activity: activity.max(Duration::from_secs(1)) })
            }
            // What a close code would say, for servers that close without one.
            Ok(Incoming::Error(ServerError { code: Some(code), message })) => {
                Err(ConnectionError::Closed { code, reason: message })
            }
            Ok(other) => Err(not_pusher(format!("it begins with {other:?}"))),
            Err(error) => Err(not_pusher(format!("it begins with what is no message: {error}"))),
        }
    }
}

/// Tells everybody that nothing follows, also when the runtime ends the task.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end(None);
    }
}

/// How a connection begins.
struct Greeting {
    socket_id: String,
    activity: Duration,
}

/// Why the authorizer was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// After so many questions to which there was no answer.
    Subscribe {
        failures: u32,
    },
    Rekey,
}

type Answer = Result<Authorization, AuthorizeError>;

/// One connection.
struct Connection<'a> {
    task: &'a Task,
    wire: Wire,
    greeting: Greeting,
    heard: Instant,
    pinged: Option<Instant>,
    /// Subscriptions that the server has not answered, with the end of its time.
    pending: HashMap<Wanted, Instant>,
    last_error: Option<ServerError>,
    questions: VecDeque<(Wanted, Purpose)>,
    /// Questions that are to be asked again, and when.
    again: Vec<(Instant, Wanted, Purpose)>,
    /// The questions that the authorizer is asked, by the tasks in which it answers.
    asked: HashMap<task::Id, (Wanted, Purpose)>,
    answers: JoinSet<Answer>,
}

impl<'a> Connection<'a> {
    fn new(task: &'a Task, wire: Wire, greeting: Greeting) -> Self {
        Self {
            task,
            wire,
            greeting,
            heard: Instant::now(),
            pinged: None,
            pending: HashMap::new(),
            last_error: None,
            questions: VecDeque::new(),
            again: Vec::new(),
            asked: HashMap::new(),
            answers: JoinSet::new(),
        }
    }

    /// Runs to the end of the connection; `None` if the client is not wanted any more.
    async fn run(mut self) -> Option<ConnectionError> {
        let task = self.task;
        let end = tokio::select! {
            biased;
            end = self.converse() => Some(end),
            () = task.stopped() => None,
        };
        match end {
            None => {
                // What was said before the end is still said.
                let _ = timeout(CLOSE_TIMEOUT, self.work()).await;
                self.wire.close(CLOSE_TIMEOUT).await;
                None
            }
            Some(error) => {
                if matches!(error, ConnectionError::Closed { .. }) {
                    self.wire.answer_close(CLOSE_TIMEOUT).await;
                }
                Some(error)
            }
        }
    }

    async fn converse(&mut self) -> ConnectionError {
        loop {
            if let Err(error) = self.step().await {
                return error;
            }
        }
    }

    /// Does what is to be done, and waits for the next thing that happens.
    async fn step(&mut self) -> Result<(), ConnectionError> {
        self.work().await?;
        self.ask();
        let deadline = self.deadline();
        tokio::select! {
            text = self.wire.next() => {
                self.heard = Instant::now();
                self.pinged = None;
                self.take(&text?).await
            }
            Some(answer) = self.answers.join_next_with_id() => {
                let (id, answer) = answer.unwrap_or_else(|error| {
                    let reason = "the authorizer panicked".to_owned();
                    (error.id(), Err(AuthorizeError::Other(reason)))
                });
                self.answered(id, answer).await
            }
            () = self.task.shared.wake.notified() => Ok(()),
            () = sleep_until(deadline) => self.late().await,
        }
    }

    async fn work(&mut self) -> Result<(), ConnectionError> {
        while let Some(work) = self.task.shared.next_work() {
            match work {
                Work::Send(text) => self.wire.send(&text).await?,
                Work::Subscribe(wanted) if needs_authorization(&wanted.channel) => {
                    let purpose = Purpose::Subscribe { failures: 0 };
                    self.questions.push_back((wanted, purpose));
                }
                Work::Subscribe(wanted) => self.subscribe(wanted, None, None).await?,
                Work::Rekey(wanted) => self.questions.push_back((wanted, Purpose::Rekey)),
            }
        }
        Ok(())
    }

    /// Asks the authorizer as many questions as it may be asked at once.
    fn ask(&mut self) {
        while self.answers.len() < QUESTIONS_MAX {
            let Some((wanted, purpose)) = self.questions.pop_front() else { return };
            if !self.task.shared.is_wanted(&wanted) {
                continue;
            }
            let authorizer = Arc::clone(&self.task.authorizer);
            let request = AuthorizationRequest::new(&self.greeting.socket_id, &wanted.channel);
            let patience = self.task.patience.authorize;
            let asking = self.answers.spawn(async move {
                let answer = timeout(patience, authorizer.authorize(&request)).await;
                let seconds = patience.as_secs();
                answer.unwrap_or(Err(AuthorizeError::NoAnswer { seconds }))
            });
            self.asked.insert(asking.id(), (wanted, purpose));
        }
    }

    async fn answered(&mut self, id: task::Id, answer: Answer) -> Result<(), ConnectionError> {
        let Some((wanted, purpose)) = self.asked.remove(&id) else { return Ok(()) };
        let answer = answer.and_then(|given| Ok((key(&wanted.channel, &given)?, given)));
        let shared = &self.task.shared;
        match (purpose, answer) {
            (Purpose::Rekey, answer) => {
                shared.rekey(&wanted, answer.ok().and_then(|(key, _)| key));
                Ok(())
            }
            (Purpose::Subscribe { .. }, Ok((key, given))) => {
                self.subscribe(wanted, key, Some(given)).await
            }
            (Purpose::Subscribe { failures }, Err(error)) => {
                if error.is_passing() && shared.is_wanted(&wanted) {
                    let at = Instant::now() + closing::spread(failures, random());
                    let purpose = Purpose::Subscribe { failures: failures.saturating_add(1) };
                    self.again.push((at, wanted.clone(), purpose));
                }
                let channel = wanted.channel.to_string();
                shared.refuse(&wanted, SubscribeError::NotAuthorized { channel, error });
                Ok(())
            }
        }
    }

    async fn subscribe(
        &mut self,
        wanted: Wanted,
        key: Option<ChannelKey>,
        given: Option<Authorization>,
    ) -> Result<(), ConnectionError> {
        if !self.task.shared.is_wanted(&wanted) {
            return Ok(());
        }
        self.task.shared.ask(&wanted, key);
        let text = message::subscribe(&wanted.channel, given.as_ref());
        self.pending.insert(wanted, Instant::now() + SUBSCRIBE_TIMEOUT);
        self.wire.send(&text).await
    }

    async fn take(&mut self, text: &str) -> Result<(), ConnectionError> {
        let shared = &self.task.shared;
        match Incoming::parse(text) {
            Ok(Incoming::Ping) => return self.wire.send(message::PONG).await,
            Ok(Incoming::Error(error)) => {
                let until = Instant::now() + AFTER_ERROR;
                self.pending.values_mut().for_each(|deadline| *deadline = until.min(*deadline));
                self.last_error = Some(error.clone());
                shared.error(error);
            }
            Ok(Incoming::Channel { channel, what }) => {
                if let Some(wanted) = shared.take(&channel, what) {
                    self.pending.remove(&wanted);
                }
            }
            Ok(Incoming::Established { .. } | Incoming::Nothing) => {}
            Err(error) => shared.error(ServerError {
                code: None,
                message: format!("the server sent what is no message: {error}"),
            }),
        }
        if self.pending.is_empty() {
            self.last_error = None;
        }
        Ok(())
    }

    /// When something is late, if nothing happens before.
    fn deadline(&self) -> Instant {
        let life = match self.pinged {
            None => self.heard + self.greeting.activity,
            Some(pinged) => pinged + self.task.patience.pong,
        };
        let again = self.again.iter().map(|(at, ..)| *at);
        self.pending.values().copied().chain(again).fold(life, Instant::min)
    }

    /// Does what is to be done about silence, and what was put off.
    async fn late(&mut self) -> Result<(), ConnectionError> {
        let now = Instant::now();
        let error = self.last_error.clone();
        self.pending.retain(|wanted, deadline| {
            let is_late = *deadline <= now;
            if is_late {
                let channel = wanted.channel.to_string();
                let error = SubscribeError::Unanswered { channel, error: error.clone() };
                self.task.shared.refuse(wanted, error);
            }
            !is_late
        });
        let due = self.again.extract_if(.., |(at, ..)| *at <= now);
        self.questions.extend(due.map(|(_, wanted, purpose)| (wanted, purpose)));
        match self.pinged {
            Some(pinged) if pinged + self.task.patience.pong <= now => {
                Err(ConnectionError::Silent { seconds: self.task.patience.pong.as_secs() })
            }
            None if self.heard + self.greeting.activity <= now => {
                self.pinged = Some(now);
                self.wire.send(message::PING).await
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// The key of an encrypted channel, which must be there.
fn key(channel: &str, given: &Authorization) -> Result<Option<ChannelKey>, AuthorizeError> {
    if !channel.starts_with(encryption::PREFIX) {
        return Ok(None);
    }
    let key = given.shared_secret.as_deref().and_then(ChannelKey::parse);
    key.map(Some).ok_or(AuthorizeError::NoSharedSecret)
}

/// A number from 0 to 1.
fn random() -> f64 {
    // Without randomness clients come back together, which is no reason not to come back.
    f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX)
}
