//! File descriptors: each connection takes one, and the API must stay reachable when they are few.

use crate::config::ServerConfig;

/// Descriptors that WebSocket connections leave to the HTTP API, to files and to the system.
const RESERVE_MIN: u64 = 64;
const RESERVE_SHARE: u64 = 50;
/// Descriptors of the process itself: standard streams, listeners, signals, one event loop.
const OWN: u64 = 16;
/// Descriptors of a shard's event loop.
const OWN_PER_SHARD: u64 = 6;

/// The part of the descriptors that is left to an application which has the server in its process: for its files, its
/// databases, and its own clients.
const APPLICATION_SHARE: u64 = 4;

/// How many sockets the process can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// WebSocket connections; over it a client gets 4100.
    pub(crate) websockets: usize,
    /// Sockets of every kind; over it a connection is closed as soon as it is accepted.
    pub(crate) sockets: usize,
}

impl Capacity {
    /// Raises the process's limit as far as it may be, and divides what there is.
    pub(crate) fn claim(config: &ServerConfig, shards: usize) -> Self {
        let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024);
        Self::of(limit, shards, config.connections_max)
    }

    /// The same beside an application in the same process.
    pub(crate) fn claim_beside_application(config: &ServerConfig, shards: usize) -> Self {
        let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024);
        Self::of(left_by_application(limit), shards, config.connections_max)
    }

    fn of(limit: u64, shards: usize, connections_max: Option<usize>) -> Self {
        let descriptors = limit.saturating_sub(OWN + OWN_PER_SHARD * shards as u64);
        let reserve = RESERVE_MIN.max(descriptors / RESERVE_SHARE).min(descriptors / 2);
        let websockets = usize::try_from(descriptors - reserve).unwrap_or(usize::MAX);
        let sockets = usize::try_from(descriptors - reserve / 4).unwrap_or(usize::MAX);
        Self { websockets: websockets.min(connections_max.unwrap_or(usize::MAX)), sockets }
    }
}

fn left_by_application(limit: u64) -> u64 {
    limit - limit / APPLICATION_SHARE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_keeps_a_reserve() {
        let capacity = |websockets, sockets| Capacity { websockets, sockets };
        assert_eq!(Capacity::of(1024, 2, None), capacity(932, 980));
        assert_eq!(Capacity::of(100_028, 2, None), capacity(98_000, 99_500));
        assert_eq!(Capacity::of(1024, 2, Some(10)).websockets, 10);
        assert_eq!(Capacity::of(48, 2, None), capacity(10, 18));
    }

    #[test]
    fn an_application_keeps_a_part() {
        assert_eq!(left_by_application(1024), 768);
        assert!(Capacity::of(left_by_application(1024), 2, None).sockets < 768);
    }

    #[test]
    fn the_process_itself_needs_descriptors_too() {
        assert_eq!(Capacity::of(1024, 100, None), Capacity { websockets: 344, sockets: 392 });
        assert_eq!(Capacity::of(100, 100, None), Capacity { websockets: 0, sockets: 0 });
    }
}
