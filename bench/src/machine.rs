//! What is asked of the operating system: cores, limits, clocks, precise timers.

use std::io;

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

use crate::clock::SECOND;

/// Descriptors that a run needs besides its connections.
const RESERVE_DESCRIPTORS: u64 = 64;

/// CPU time that this process has used, in nanoseconds.
pub(crate) fn own_cpu() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as u64 * SECOND + time.tv_nsec as u64
}

/// Bytes in a page of memory.
pub(crate) fn page_bytes() -> u64 {
    rustix::param::page_size() as u64
}

/// Nanoseconds in one tick of the clock that /proc counts in.
pub(crate) fn tick_nanoseconds() -> u64 {
    SECOND / rustix::param::clock_ticks_per_second().max(1)
}

/// Raises the limit of open files as far as this process may, and checks that so many connections fit.
pub(crate) fn reserve_descriptors(connections: u64) -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where the limit cannot be raised to its maximum, what is there may still be enough.
    let _ = setrlimit(Resource::Nofile, limit);
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let needed = connections + RESERVE_DESCRIPTORS;
    if needed > allowed {
        bail!(
            "{connections} connections need {needed} open files, and this process may have {allowed}: \
             raise the limit (`ulimit -n {needed}`) or use fewer connections"
        );
    }
    Ok(())
}

/// Pins this process to one core.
#[cfg(target_os = "linux")]
pub(crate) fn pin(core: usize) -> Result<()> {
    use rustix::thread::{CpuSet, sched_setaffinity};

    if core >= CpuSet::MAX_CPU {
        bail!("--pin {core}: there is no such core");
    }
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).with_context(|| format!("--pin {core}: not a core of ours"))
}

/// Cores cannot be chosen on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn pin(core: usize) -> Result<()> {
    bail!("--pin {core}: not supported on this system")
}

/// Lets one process run on the cores that another one may run on, so that both can be compared.
#[cfg(target_os = "linux")]
pub(crate) fn share_cores(with: u32, process: u32) -> io::Result<()> {
    use rustix::process::Pid;
    use rustix::thread::{sched_getaffinity, sched_setaffinity};

    let cores = sched_getaffinity(Pid::from_raw(with as i32))?;
    Ok(sched_setaffinity(Pid::from_raw(process as i32), &cores)?)
}

/// Cores cannot be chosen on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn share_cores(_with: u32, _process: u32) -> io::Result<()> {
    Ok(())
}
