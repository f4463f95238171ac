//! The progress bar.

use std::cell::Cell;
use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::clock::MILLISECOND;

/// The bar moves this often: often enough for an eye, and too seldom to be seen in what is measured.
const REDRAW_NANOSECONDS: u64 = 200 * MILLISECOND;

/// A bar on standard error, if that is a terminal; nothing otherwise.
#[derive(Clone)]
pub(crate) struct Progress {
    bar: ProgressBar,
    subject: String,
    redraw: Cell<u64>,
}

impl Progress {
    pub(crate) fn on_terminal() -> Self {
        if !stderr().is_terminal() {
            return Self::hidden();
        }
        Self::with(ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5)))
    }

    pub(crate) fn hidden() -> Self {
        Self::with(ProgressBar::hidden())
    }

    fn with(bar: ProgressBar) -> Self {
        Self { bar, subject: String::new(), redraw: Cell::new(0) }
    }

    /// The same bar, with what is measured in front of every step.
    pub(crate) fn about(&self, subject: &str) -> Self {
        Self { bar: self.bar.clone(), subject: subject.to_owned(), redraw: Cell::new(0) }
    }

    /// Begins a step that so many things belong to.
    pub(crate) fn step(&self, name: &str, length: u64) {
        let style = ProgressStyle::with_template("{msg:<40} [{bar:30}] {percent:>3} %")
            .expect("the template is a constant that has been seen to work")
            .progress_chars("=> ");
        self.bar.set_message(format!("{}: {name}", self.subject));
        self.bar.set_length(length);
        self.bar.set_style(style);
        self.bar.set_position(0);
        self.redraw.set(0);
    }

    /// Tells how far the step has come.
    #[inline]
    pub(crate) fn reached(&self, position: u64, now: u64) {
        if now >= self.redraw.get() {
            self.redraw.set(now + REDRAW_NANOSECONDS);
            self.bar.set_position(position);
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
