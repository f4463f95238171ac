//! What a test's thread writes into the log.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

/// The log of this thread, until it is dropped.
pub(super) struct Log {
    bytes: Shared,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(super) fn capture() -> Self {
        let bytes = Shared::default();
        let lines = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .without_time()
            .with_target(false)
            .with_writer(bytes.clone())
            .finish();
        Self { bytes, _guard: tracing::subscriber::set_default(lines) }
    }

    /// The lines as they came.
    pub(super) fn text(&self) -> String {
        let bytes = self.bytes.0.lock().expect("no panic").clone();
        String::from_utf8(bytes).expect("text")
    }

    /// The lines as objects.
    pub(super) fn lines(&self) -> Vec<Value> {
        let text = self.text();
        text.lines().map(|line| serde_json::from_str(line).expect("an object")).collect()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Shared {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
