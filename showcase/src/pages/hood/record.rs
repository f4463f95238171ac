//! The events that the server took from this process. They are counted, and the latest are kept: in memory, because they are for
//! looking on. Another process of the same application has a record of its own.

use std::{
    collections::VecDeque,
    sync::{LazyLock, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use resound::Envelope;
use serde::Serialize;

use super::CHANNEL;

/// How many kinds of events are kept.
pub const EVENTS_MAX: usize = 15;
/// Over how many seconds events per second are counted.
pub const WINDOW_SECONDS: u64 = 10;
/// Characters of a name that are shown.
const NAME_CHARACTERS_MAX: usize = 60;

static RECORD: LazyLock<Mutex<Record>> = LazyLock::new(|| Mutex::new(Record::new(now_ms())));

/// Notes an event that the server took; realtime.rs has the broadcaster call it.
pub fn note(event: &Envelope) {
    RECORD.lock().unwrap_or_else(PoisonError::into_inner).add(event, now_ms());
}

/// What the record knows now.
pub fn summary() -> Summary {
    RECORD.lock().unwrap_or_else(PoisonError::into_inner).summary(now_ms())
}

pub struct Record {
    /// Tells the ids of this process from those of others.
    began_ms: u64,
    count: u64,
    latest: VecDeque<Passed>,
    /// Seconds in which there were events, and how many.
    seconds: VecDeque<(u64, u64)>,
}

/// Events of one name in one channel that have passed, without what they said. Together, so that what ticks every second leaves
/// room for what happens once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Passed {
    pub id: String,
    /// How many.
    pub times: u64,
    /// What follows is of the last one.
    pub name: String,
    /// The first of its channels, and how many others there are.
    pub channel: String,
    pub others: usize,
    /// Of the payload.
    pub bytes: usize,
    pub at_ms: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    pub process: String,
    pub count: u64,
    /// Tenths, because that is what there is to show.
    pub tenths_per_second: u64,
    /// The newest first.
    pub latest: Vec<Passed>,
    pub at_ms: u64,
}

impl Record {
    pub fn new(began_ms: u64) -> Self {
        Self { began_ms, count: 0, latest: VecDeque::new(), seconds: VecDeque::new() }
    }

    /// Adds an event, unless this page made it: who looks on is not part of the picture.
    pub fn add(&mut self, event: &Envelope, at_ms: u64) {
        let Some(channel) = event.channels.first().filter(|it| it.as_str() != CHANNEL) else {
            return;
        };
        self.count += 1;
        self.forget(at_ms / 1000);
        match self.seconds.back_mut() {
            Some((second, count)) if *second == at_ms / 1000 => *count += 1,
            _ => self.seconds.push_back((at_ms / 1000, 1)),
        }
        // As Echo's `listen` has it.
        let name = shown(event.name.rsplit('\\').next().unwrap_or_default());
        let channel = shown(channel.as_str());
        let known = self.latest.iter().position(|it| it.name == name && it.channel == channel);
        let known = known.and_then(|at| self.latest.remove(at));
        let (id, times) = match known {
            Some(known) => (known.id, known.times),
            None => (format!("{:x}-{}", self.began_ms, self.count), 0),
        };
        self.latest.truncate(EVENTS_MAX - 1);
        self.latest.push_front(Passed {
            id,
            times: times + 1,
            name,
            channel,
            others: event.channels.len() - 1,
            bytes: event.payload.len(),
            at_ms,
        });
    }

    pub fn summary(&mut self, at_ms: u64) -> Summary {
        let second = at_ms / 1000;
        self.forget(second);
        // The present second is not over.
        let recent = self.seconds.iter().filter(|(it, _)| *it < second).map(|(_, count)| count);
        Summary {
            process: format!("{:x}", self.began_ms),
            count: self.count,
            tenths_per_second: recent.sum::<u64>() * 10 / WINDOW_SECONDS,
            latest: self.latest.iter().cloned().collect(),
            at_ms,
        }
    }

    fn forget(&mut self, second: u64) {
        self.seconds.retain(|(it, _)| it + WINDOW_SECONDS >= second);
    }
}

impl Passed {
    /// The time of day, for browsers without JavaScript.
    pub fn clock(&self) -> String {
        let seconds = self.at_ms / 1000;
        format!("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
    }
}

/// A name with bounds: strangers choose the names of public channels, and what goes over a channel must fit into it.
pub fn shown(name: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_graphic() && !['"', '\\'].contains(c);
    let mut shown: String = name
        .chars()
        .take(NAME_CHARACTERS_MAX)
        .map(|c| if is_plain(&c) { c } else { '?' })
        .collect();
    if name.chars().nth(NAME_CHARACTERS_MAX).is_some() {
        shown.push_str("...");
    }
    shown
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
