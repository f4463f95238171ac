//! Time, which the caller brings.

/// A moment: microseconds since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now(u64);

impl Now {
    /// The moment so many microseconds after the process began.
    pub fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The moment so many seconds after the process began.
    pub fn from_seconds(seconds: u64) -> Self {
        Self(seconds * 1_000_000)
    }

    /// Microseconds since the process began.
    pub fn micros(self) -> u64 {
        self.0
    }

    /// Whole seconds since the process began.
    pub(crate) fn seconds(self) -> Second {
        (self.0 / 1_000_000) as Second
    }

    /// The same, rounded up: what is counted from here is not over before its time.
    pub(crate) fn seconds_up(self) -> Second {
        self.0.div_ceil(1_000_000) as Second
    }
}

/// Whole seconds since the process began.
pub(crate) type Second = u32;
