//! Opening and subscribing many connections, a bounded number of them at once.

use std::io;
use std::rc::Rc;

use anyhow::{Context, Result, bail};

use crate::clock::SECOND;
use crate::engine::Engine;
use crate::latency::Latency;
use crate::news::{Handler, Id, News, Next};

/// When no connection makes progress for so long, the others are given up.
const GIVE_UP_NANOSECONDS: u64 = 20 * SECOND;

/// A connection to be opened.
#[derive(Clone, Default)]
pub(crate) struct Berth {
    /// Subscribes to it as soon as the connection is established.
    pub(crate) channel: Option<Rc<str>>,
    pub(crate) receive_buffer_bytes: Option<usize>,
}

/// What came of it.
pub(crate) struct Fleet {
    /// Connections that are ready, in the order in which they became so.
    pub(crate) ready: Vec<Id>,
    pub(crate) elapsed: u64,
    /// From the beginning of each until it was ready.
    pub(crate) latency: Latency,
}

/// Opens connections. Some may fail; `Engine::troubles` says why.
pub(crate) fn open(engine: &mut Engine, berths: Vec<Berth>, at_once: usize) -> Result<Fleet> {
    engine.settings.progress.step("connecting", berths.len() as u64);
    let tasks = berths.into_iter().map(Task::Open).collect();
    Launch::new(tasks, at_once, engine.clock.now()).run(engine)
}

/// Opens connections that a scenario needs all of.
pub(crate) fn open_all(engine: &mut Engine, berths: Vec<Berth>, at_once: usize) -> Result<Fleet> {
    let wanted = berths.len();
    let fleet = open(engine, berths, at_once)?;
    if fleet.ready.len() < wanted {
        bail!(
            "only {} of {wanted} connections are established and subscribed{}",
            fleet.ready.len(),
            reasons(engine)
        );
    }
    Ok(fleet)
}

/// Subscribes connections that are open.
pub(crate) fn subscribe(
    engine: &mut Engine,
    subscriptions: Vec<(Id, Rc<str>)>,
    at_once: usize,
) -> Result<Fleet> {
    engine.settings.progress.step("subscribing", subscriptions.len() as u64);
    let tasks = subscriptions.into_iter().map(|(id, channel)| Task::Subscribe(id, channel));
    Launch::new(tasks.collect(), at_once, engine.clock.now()).run(engine)
}

/// Lets the server come to rest; pings are answered meanwhile.
pub(crate) fn rest(engine: &mut Engine, nanoseconds: u64) -> Result<()> {
    let start = engine.clock.now();
    engine.settings.progress.step("resting", nanoseconds);
    engine.run(&mut Rest { start, until: start + nanoseconds })
}

/// What is known of why connections failed, as the end of a sentence.
pub(crate) fn reasons(engine: &Engine) -> String {
    let troubles = &engine.troubles;
    let first = [&troubles.refused, &troubles.errors, &troubles.ended]
        .into_iter()
        .find_map(|tally| tally.first.as_deref());
    match first {
        Some(why) => format!(": {why}{}", advice(why)),
        None => ": the server does not answer".into(),
    }
}

/// What a person can do about the commonest refusals.
fn advice(why: &str) -> &'static str {
    if why.contains("4001") {
        return " (check --key)";
    }
    if why.contains("4009") {
        return " (check --key and --secret, and the origins that the app allows)";
    }
    if why.contains("HTTP 404") {
        return " (check --key and --path)";
    }
    if why.contains("4004") || why.contains("4100") {
        return " (the server's limit of connections, or of open files)";
    }
    ""
}

enum Task {
    Open(Berth),
    Subscribe(Id, Rc<str>),
}

/// Works through the tasks.
struct Launch {
    tasks: std::vec::IntoIter<Task>,
    length: u64,
    at_once: usize,
    under_way: usize,
    /// What connection `id` is about to become.
    states: Vec<State>,
    fleet: Fleet,
    start: u64,
    /// When something went on last.
    progress: u64,
}

#[derive(Clone)]
enum State {
    Idle,
    /// Becomes ready when established, and then subscribes to this channel, if to any.
    Opening(u64, Option<Rc<str>>),
    Subscribing(u64),
}

impl Launch {
    fn new(tasks: Vec<Task>, at_once: usize, now: u64) -> Self {
        Self {
            length: tasks.len() as u64,
            tasks: tasks.into_iter(),
            at_once: at_once.max(1),
            under_way: 0,
            states: Vec::new(),
            fleet: Fleet { ready: Vec::new(), elapsed: 0, latency: Latency::default() },
            start: now,
            progress: now,
        }
    }

    fn run(mut self, engine: &mut Engine) -> Result<Fleet> {
        engine.run(&mut self)?;
        self.fleet.elapsed = self.progress - self.start;
        Ok(self.fleet)
    }

    fn begin(&mut self, engine: &mut Engine, task: Task, now: u64) -> Result<()> {
        match task {
            Task::Open(berth) => match engine.connect(berth.receive_buffer_bytes) {
                Ok(id) => self.set(id, State::Opening(now, berth.channel)),
                Err(error) => return on_connect_error(engine, error),
            },
            Task::Subscribe(id, channel) => {
                if !engine.is_open(id) {
                    return Ok(());
                }
                self.set(id, State::Subscribing(now));
                engine.subscribe(id, &channel, None)?;
            }
        }
        self.under_way += 1;
        Ok(())
    }

    fn set(&mut self, id: Id, state: State) {
        if self.states.len() <= id {
            self.states.resize(id + 1, State::Idle);
        }
        self.states[id] = state;
    }

    fn take(&mut self, id: Id) -> State {
        self.states.get_mut(id).map_or(State::Idle, |state| std::mem::replace(state, State::Idle))
    }

    fn is_ready(&mut self, id: Id, began: u64, now: u64) {
        self.fleet.latency.record(now - began);
        self.fleet.ready.push(id);
        self.under_way -= 1;
        self.progress = now;
    }
}

fn on_connect_error(engine: &mut Engine, error: io::Error) -> Result<()> {
    if error.kind() == io::ErrorKind::ConnectionRefused {
        engine.troubles.refused.add(&error);
        return Ok(());
    }
    Err(error).context("a connection cannot be begun")
}

impl Handler for Launch {
    fn turn(&mut self, engine: &mut Engine, now: u64) -> Result<Next> {
        while self.under_way < self.at_once {
            let Some(task) = self.tasks.next() else { break };
            self.begin(engine, task, now)?;
        }
        engine.settings.progress.reached(self.length - self.tasks.len() as u64, now);
        let is_stuck = now > self.progress + GIVE_UP_NANOSECONDS;
        Ok(if self.under_way == 0 || is_stuck { Next::Done } else { Next::Whenever })
    }

    fn hear(&mut self, engine: &mut Engine, news: News<'_>) -> Result<()> {
        let now = engine.clock.now();
        match news {
            News::Opened(id) => match self.take(id) {
                State::Opening(began, None) => self.is_ready(id, began, now),
                State::Opening(began, Some(channel)) => {
                    self.set(id, State::Subscribing(began));
                    engine.subscribe(id, &channel, None)?;
                }
                state @ (State::Idle | State::Subscribing(_)) => self.set(id, state),
            },
            News::Subscribed(id, _) => {
                if let State::Subscribing(began) = self.take(id) {
                    self.is_ready(id, began, now);
                }
            }
            News::Ended(id) | News::Refused(id) => {
                if !matches!(self.take(id), State::Idle) {
                    self.under_way -= 1;
                    self.progress = now;
                }
            }
            News::Event { .. }
            | News::MemberAdded(..)
            | News::MemberRemoved(..)
            | News::Published(_) => {}
        }
        Ok(())
    }
}

struct Rest {
    start: u64,
    until: u64,
}

impl Handler for Rest {
    fn turn(&mut self, engine: &mut Engine, now: u64) -> Result<Next> {
        engine.settings.progress.reached(now - self.start, now);
        Ok(if now >= self.until { Next::Done } else { Next::At(self.until) })
    }

    fn hear(&mut self, _engine: &mut Engine, _news: News<'_>) -> Result<()> {
        Ok(())
    }
}
