//! A driver that does what a test says.

use std::sync::{Arc, Mutex};

use resound::{
    Broadcaster, Builder, DriverError, Envelope,
    connection::Policy,
    driver::{Driver, Sending},
};

/// How a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    Down,
    Hanging,
    /// It says no to events of the name `bad`.
    Picky,
    /// It breaks down over events of the name `bad`.
    Brittle,
}

/// A driver, and what its server saw.
#[derive(Clone)]
pub(crate) struct Scripted(Arc<Mutex<State>>);

struct State {
    mood: Mood,
    tries: usize,
    taken: Vec<Envelope>,
}

impl Scripted {
    pub(crate) fn new(mood: Mood) -> Self {
        Self(Arc::new(Mutex::new(State { mood, tries: 0, taken: Vec::new() })))
    }

    /// A broadcaster whose only connection, `server`, is this.
    pub(crate) fn broadcaster(&self, policy: Policy) -> Broadcaster {
        self.builder(policy).build()
    }

    pub(crate) fn builder(&self, policy: Policy) -> Builder {
        Broadcaster::builder().connection_with("server", self.clone(), policy)
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.0.lock().expect("no panic").mood = mood;
    }

    pub(crate) fn tries(&self) -> usize {
        self.0.lock().expect("no panic").tries
    }

    /// The names of the events that were taken.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0
            .lock()
            .expect("no panic")
            .taken
            .iter()
            .map(|envelope| envelope.name.clone())
            .collect()
    }

    /// The events that were taken.
    pub(crate) fn envelopes(&self) -> Vec<Envelope> {
        self.0.lock().expect("no panic").taken.clone()
    }

    fn take(&self, envelope: &Envelope) -> Mood {
        let mut state = self.0.lock().expect("no panic");
        state.tries += 1;
        let is_taken = match state.mood {
            Mood::Well => true,
            Mood::Picky | Mood::Brittle => envelope.name != "bad",
            Mood::Down | Mood::Hanging => false,
        };
        if is_taken {
            state.taken.push(envelope.clone());
            return Mood::Well;
        }
        state.mood
    }
}

impl Driver for Scripted {
    fn send<'a>(&'a self, envelope: &'a Envelope) -> Sending<'a> {
        Box::pin(async move {
            match self.take(envelope) {
                Mood::Well => Ok(()),
                Mood::Down | Mood::Brittle => {
                    Err(DriverError::Unavailable("nobody answers".to_owned()))
                }
                Mood::Picky => Err(DriverError::Refused("it is bad".to_owned())),
                Mood::Hanging => std::future::pending().await,
            }
        })
    }
}
