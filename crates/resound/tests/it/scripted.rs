//! A driver that does what a test says.

use std::sync::{Arc, Mutex};

use resound::{
    Broadcaster, Builder, DriverError, Envelope,
    connection::Policy,
    driver::{Driver, Sending, SendingBatch},
};

/// How a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    Down,
    Hanging,
    /// It says no to events of the name `bad`, and to batches that have one.
    Picky,
    /// It takes the first event of a batch and is gone.
    Failing,
    /// It panics about events of the name `bad`.
    Panicking,
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
    batch_max: usize,
    batches: Vec<usize>,
}

impl Scripted {
    pub(crate) fn new(mood: Mood) -> Self {
        Self::batching(mood, 1)
    }

    /// One that takes so many events together.
    pub(crate) fn batching(mood: Mood, batch_max: usize) -> Self {
        let state = State { mood, tries: 0, taken: Vec::new(), batch_max, batches: Vec::new() };
        Self(Arc::new(Mutex::new(state)))
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

    /// How many events each batch had.
    pub(crate) fn batches(&self) -> Vec<usize> {
        self.0.lock().expect("no panic").batches.clone()
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
            Mood::Picky | Mood::Panicking | Mood::Brittle => envelope.name != "bad",
            Mood::Down | Mood::Hanging | Mood::Failing => false,
        };
        if is_taken {
            state.taken.push(envelope.clone());
            return Mood::Well;
        }
        state.mood
    }
}

impl Scripted {
    /// The answers to a batch; `None` if there will be none.
    fn take_batch(&self, envelopes: &[Arc<Envelope>]) -> Option<Vec<Result<(), DriverError>>> {
        let mut state = self.0.lock().expect("no panic");
        state.tries += 1;
        state.batches.push(envelopes.len());
        let has_bad = envelopes.iter().any(|envelope| envelope.name == "bad");
        let taken = match state.mood {
            Mood::Hanging => return None,
            Mood::Picky if has_bad => return Some(Vec::new()),
            Mood::Panicking if has_bad => {
                drop(state);
                panic!("as the test wants it");
            }
            Mood::Well | Mood::Picky | Mood::Panicking => envelopes.len(),
            Mood::Failing => 1,
            Mood::Down | Mood::Brittle => 0,
        };
        state.taken.extend(envelopes[..taken].iter().map(|envelope| Envelope::clone(envelope)));
        let mut results = vec![Ok(()); taken];
        if taken < envelopes.len() {
            results.push(Err(DriverError::Unavailable("nobody answers".to_owned())));
        }
        Some(results)
    }
}

impl Driver for Scripted {
    fn send<'a>(&'a self, envelope: &'a Envelope) -> Sending<'a> {
        Box::pin(async move {
            match self.take(envelope) {
                Mood::Well => Ok(()),
                Mood::Down | Mood::Failing | Mood::Brittle => {
                    Err(DriverError::Unavailable("nobody answers".to_owned()))
                }
                Mood::Panicking => panic!("as the test wants it"),
                Mood::Picky => Err(DriverError::Refused("it is bad".to_owned())),
                Mood::Hanging => std::future::pending().await,
            }
        })
    }

    fn send_batch<'a>(&'a self, envelopes: &'a [Arc<Envelope>]) -> SendingBatch<'a> {
        Box::pin(async move {
            match self.take_batch(envelopes) {
                Some(results) => results,
                None => std::future::pending().await,
            }
        })
    }

    fn batch_max(&self) -> usize {
        self.0.lock().expect("no panic").batch_max
    }
}
