//! What a server's process costs, read from /proc: CPU time of its threads, memory, open sockets.

use std::collections::HashMap;
use std::fs;

use anyhow::{Result, bail};

use crate::clock::{Clock, SECOND};
use crate::machine;

/// A process that is measured. Its children are not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    pid: u32,
}

/// What had been spent at one instant.
pub(crate) struct Reading {
    at: u64,
    server: Option<Spent>,
    own: u64,
    machine: MachineTime,
}

/// What was spent between two instants, in nanoseconds of CPU time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) wall: u64,
    /// The server's; `None` when it is not measured.
    pub(crate) server: Option<u64>,
    /// The generator's.
    pub(crate) own: u64,
    /// Everything else that ran on the machine.
    pub(crate) others: u64,
    /// What the hypervisor gave to other machines.
    pub(crate) stolen: u64,
}

struct Spent {
    /// Run time of each living thread in nanoseconds.
    threads: HashMap<u32, u64>,
    /// Run time of all threads, also of those that ended, by a clock of 10 ms.
    coarse: u64,
}

#[derive(Default)]
struct MachineTime {
    busy: u64,
    stolen: u64,
}

impl Process {
    /// The process with this id, if it exists and this system tells about it.
    pub(crate) fn new(pid: u32) -> Result<Self> {
        let process = Self { pid };
        if process.statistics().is_none() {
            bail!("--server-pid {pid}: there is no such process, or no /proc that tells about it");
        }
        Ok(process)
    }

    pub(crate) fn pid(self) -> u32 {
        self.pid
    }

    /// Resident memory in bytes; 0 if the process is gone.
    pub(crate) fn resident_bytes(self) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/statm", self.pid)).unwrap_or_default();
        let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
        pages.unwrap_or(0) * machine::page_bytes()
    }

    /// Open file descriptors, if they may be read.
    pub(crate) fn descriptors(self) -> Option<u64> {
        let entries = fs::read_dir(format!("/proc/{}/fd", self.pid)).ok()?;
        Some(entries.count() as u64)
    }

    /// User and system time of the whole process in nanoseconds: fields 14 and 15 of /proc/PID/stat.
    fn statistics(self) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        // The command's name, the second field, may contain spaces and parentheses.
        let (_, fields) = text.rsplit_once(')')?;
        let ticks: u64 =
            fields.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
        Some(ticks * machine::tick_nanoseconds())
    }

    fn spent(self) -> Spent {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid)).into_iter().flatten();
        let threads = tasks.flatten().filter_map(|task| {
            let id = task.file_name().to_str()?.parse().ok()?;
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            Some((id, text.split(' ').next()?.parse().ok()?))
        });
        Spent { threads: threads.collect(), coarse: self.statistics().unwrap_or(0) }
    }
}

impl Reading {
    pub(crate) fn take(clock: Clock, process: Option<Process>) -> Self {
        Self {
            at: clock.now(),
            server: process.map(Process::spent),
            own: machine::own_cpu(),
            machine: MachineTime::read(),
        }
    }

    /// What was spent since an earlier reading.
    pub(crate) fn since(&self, earlier: &Self) -> Usage {
        let server = match (&earlier.server, &self.server) {
            (Some(earlier), Some(later)) => Some(later.since(earlier)),
            _ => None,
        };
        let own = self.own.saturating_sub(earlier.own);
        let busy = self.machine.busy.saturating_sub(earlier.machine.busy);
        Usage {
            wall: self.at.saturating_sub(earlier.at),
            server,
            own,
            others: busy.saturating_sub(own + server.unwrap_or(0)),
            stolen: self.machine.stolen.saturating_sub(earlier.machine.stolen),
        }
    }
}

impl Usage {
    /// CPU time per wall time.
    pub(crate) fn cores(&self, spent: u64) -> f64 {
        spent as f64 / self.wall.max(1) as f64
    }
}

impl Spent {
    fn since(&self, earlier: &Self) -> u64 {
        let all_live = earlier.threads.keys().all(|id| self.threads.contains_key(id));
        if !all_live || self.threads.is_empty() {
            return self.coarse.saturating_sub(earlier.coarse);
        }
        let before = |id| earlier.threads.get(id).copied().unwrap_or(0);
        self.threads.iter().map(|(id, run)| run.saturating_sub(before(id))).sum()
    }
}

impl MachineTime {
    /// The first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal.
    fn read() -> Self {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        let fields = text.lines().next().unwrap_or_default().split_whitespace().skip(1);
        let ticks: Vec<u64> = fields.filter_map(|field| field.parse().ok()).collect();
        let sum = |fields: &[usize]| {
            let ticks = fields.iter().filter_map(|field| ticks.get(*field)).sum::<u64>();
            ticks * machine::tick_nanoseconds()
        };
        Self { busy: sum(&[0, 1, 2, 5, 6]), stolen: sum(&[7]) }
    }
}

/// An amount of CPU time per piece of work, in microseconds.
pub(crate) fn microseconds_each(spent: u64, count: u64) -> f64 {
    if count == 0 { 0.0 } else { spent as f64 / count as f64 / (SECOND as f64 / 1e6) }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::hint::black_box;

    use super::*;

    fn spent(threads: &[(u32, u64)], coarse: u64) -> Spent {
        Spent { threads: threads.iter().copied().collect(), coarse }
    }

    #[test]
    fn the_time_of_a_process_is_that_of_its_threads() {
        let before = spent(&[(1, 100), (2, 50)], 0);
        assert_eq!(spent(&[(1, 150), (2, 60), (3, 7)], 10_000).since(&before), 67);
    }

    #[test]
    fn a_thread_that_ended_makes_the_coarse_clock_count() {
        let before = spent(&[(1, 100), (2, 50)], 30);
        assert_eq!(spent(&[(1, 150)], 90).since(&before), 60);
    }

    #[test]
    fn a_process_can_measure_itself() {
        let process = Process::new(std::process::id()).unwrap();
        let clock = Clock::start();
        let before = Reading::take(clock, Some(process));
        let text: String = (0..100_000).map(|n| char::from(b'a' + (n % 26) as u8)).collect();
        black_box(text);
        let usage = Reading::take(clock, Some(process)).since(&before);
        assert!(usage.server.is_some() && usage.wall > 0);
        assert!(process.resident_bytes() > 100_000);
        assert!(process.descriptors().is_some_and(|count| count > 2));
    }

    #[test]
    fn a_process_that_does_not_exist_is_an_error() {
        assert!(Process::new(u32::MAX).unwrap_err().to_string().contains("no such process"));
    }

    #[test]
    fn time_per_piece_is_in_microseconds() {
        assert_eq!(microseconds_each(3_000_000, 1000), 3.0);
        assert_eq!(microseconds_each(5, 0), 0.0);
    }
}
