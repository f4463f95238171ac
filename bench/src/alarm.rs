//! Waking up when an event is due. Polling alone counts in milliseconds, which would be the larger part of
//! every latency that is measured here.

use std::io;
use std::time::Duration;

use mio::{Registry, Token};

/// Waits shorter than this end precisely, longer ones are cut into such.
pub(crate) const COARSE: Duration = Duration::from_millis(50);

/// A timer among the sockets that are polled.
#[cfg(target_os = "linux")]
pub(crate) struct Alarm {
    timer: std::os::fd::OwnedFd,
    /// The instant that the timer is set to, by the clock of the run.
    at: u64,
}

#[cfg(target_os = "linux")]
impl Alarm {
    pub(crate) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        use std::os::fd::AsRawFd;

        use mio::Interest;
        use mio::unix::SourceFd;
        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};

        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        registry.register(&mut SourceFd(&timer.as_raw_fd()), token, Interest::READABLE)?;
        Ok(Self { timer, at: 0 })
    }

    /// How long to poll when the next thing is due at `due`: the alarm ends the poll in time.
    pub(crate) fn timeout(&mut self, due: u64, now: u64) -> io::Result<Duration> {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};

        let wait = Duration::from_nanos(due.saturating_sub(now));
        if wait.is_zero() || wait > COARSE {
            return Ok(wait.min(COARSE));
        }
        if self.at != due {
            let value = Timespec { tv_sec: 0, tv_nsec: wait.as_nanos() as i64 };
            let once =
                Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
            timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
            self.at = due;
        }
        Ok(COARSE)
    }
}

/// Polling alone, where there is no such timer.
#[cfg(not(target_os = "linux"))]
pub(crate) struct Alarm;

#[cfg(not(target_os = "linux"))]
impl Alarm {
    pub(crate) fn new(_registry: &Registry, _token: Token) -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) fn timeout(&mut self, due: u64, now: u64) -> io::Result<Duration> {
        Ok(Duration::from_nanos(due.saturating_sub(now)).min(COARSE))
    }
}
