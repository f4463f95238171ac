//! The lines that a server writes to stderr.

use std::{
    io::{BufRead, BufReader},
    process::ChildStderr,
    sync::{Arc, Condvar, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long a test waits for anything before it fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Collects lines on a thread, so that the server never waits for its log.
#[derive(Debug)]
pub(crate) struct Log {
    state: Arc<(Mutex<State>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    has_ended: bool,
}

impl Log {
    pub(crate) fn collect(stderr: ChildStderr) -> Self {
        let state = Arc::<(Mutex<State>, Condvar)>::default();
        let shared = state.clone();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                shared.0.lock().expect("no panic").lines.push(line);
                shared.1.notify_all();
            }
            shared.0.lock().expect("no panic").has_ended = true;
            shared.1.notify_all();
        });
        Self { state, reader: Some(reader) }
    }

    /// Every line so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.state.0.lock().expect("no panic").lines.clone()
    }

    /// Every event so far.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.lines().iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits for an event with this message.
    #[track_caller]
    pub(crate) fn wait_for(&self, message: &str) -> Value {
        self.wait_for_event(message, |event| event["message"] == message)
    }

    /// Waits for an event; `what` names it when it does not come.
    #[track_caller]
    pub(crate) fn wait_for_event(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let find = |state: &State| {
            state
                .lines
                .iter()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok())
                .find(|e| is_it(e))
        };
        let until = Instant::now() + DEADLINE;
        let mut state = self.state.0.lock().expect("no panic");
        loop {
            if let Some(event) = find(&state) {
                return event;
            }
            let left = until.saturating_duration_since(Instant::now());
            if state.has_ended || left.is_zero() {
                let lines = state.lines.join("\n");
                drop(state);
                panic!("no log line {what:?} in:\n{lines}");
            }
            state = self.state.1.wait_timeout(state, left).expect("no panic").0;
        }
    }

    /// Waits until the process has closed its stderr, which it does when it ends.
    pub(crate) fn wait_for_end(&mut self) -> Result<(), String> {
        let state = self.state.0.lock().expect("no panic");
        let (state, _) = self
            .state
            .1
            .wait_timeout_while(state, DEADLINE, |state| !state.has_ended)
            .expect("no panic");
        if !state.has_ended {
            return Err("the process does not end".to_owned());
        }
        drop(state);
        if let Some(reader) = self.reader.take() {
            reader.join().map_err(|_| "the thread that reads the log panicked".to_owned())?;
        }
        Ok(())
    }
}
