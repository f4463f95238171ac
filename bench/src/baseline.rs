//! What a server is compared with: in every round the same is run against the baseline and the server, one
//! after the other, so that both meet the same machine.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};

use crate::args::{BaselineArgs, Scenario};
use crate::dialect::Dialect;
use crate::floor::child::FloorProcess;
use crate::process::Process;
use crate::target::{Target, resolve};

/// The other side of a comparison.
pub(crate) enum Baseline {
    /// The floor server; of so many publishes it joins the frames for one subscriber.
    Floor { batch: u64 },
    /// The same server, with clients of the Pusher protocol over WebSockets.
    Pusher,
    /// Another server, with the same clients.
    Rival { address: SocketAddr, process: Option<Process> },
}

impl Baseline {
    /// The baseline that the options ask for, if they ask for one.
    pub(crate) fn from_args(args: &BaselineArgs) -> Result<Option<Self>> {
        if args.floor {
            return Ok(Some(Self::Floor { batch: args.floor_batch }));
        }
        if args.versus_pusher {
            return Ok(Some(Self::Pusher));
        }
        let Some(rival) = &args.rival else { return Ok(None) };
        let address = resolve(rival).context("the rival")?;
        let process = args.rival_pid.map(Process::new).transpose().context("the rival")?;
        Ok(Some(Self::Rival { address, process }))
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Floor { .. } => "floor",
            Self::Pusher => "pusher",
            Self::Rival { .. } => "rival",
        }
    }

    /// Why it says nothing about a scenario with these clients, if it does not.
    pub(crate) fn without(&self, scenario: &Scenario, dialect: Dialect) -> Option<&'static str> {
        match self {
            Self::Floor { .. } if dialect != Dialect::USUAL => {
                Some("the floor server speaks the Pusher protocol over WebSockets only")
            }
            Self::Floor { .. } => scenario.without_floor(),
            Self::Pusher | Self::Rival { .. } => None,
        }
    }

    /// Checks that it makes sense, before anything is run.
    pub(crate) fn check(&self, dialect: Dialect) -> Result<()> {
        if matches!(self, Self::Pusher) && dialect == Dialect::USUAL {
            bail!(
                "--versus-pusher compares the Pusher protocol with itself: give --protocol or --transport"
            );
        }
        Ok(())
    }

    /// Runs something against it; `server` is what it is compared with.
    pub(crate) fn with_target<T>(
        &self,
        server: &Target,
        run: impl FnOnce(Target) -> Result<T>,
    ) -> Result<T> {
        match self {
            Self::Floor { batch } => {
                let floor = FloorProcess::start(*batch, server.process)?;
                let target = Target::new(floor.address, "floor", "floor", "floor");
                run(target.with_process(floor.process().ok()))
            }
            Self::Pusher => run(server.clone().with_dialect(Dialect::USUAL)),
            Self::Rival { address, process } => {
                let mut target = server.clone().with_process(*process);
                target.address = *address;
                run(target)
            }
        }
        .with_context(|| format!("the run to compare with (the {}) failed", self.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::{Protocol, Revision, Transport};

    const POLLING: Dialect =
        Dialect { protocol: Protocol::SocketIo(Revision::Four), transport: Transport::Polling };

    #[track_caller]
    fn check(baseline: &Baseline, address: &str, dialect: Dialect) {
        let server = Target::new(resolve("127.0.0.1:1").unwrap(), "app", "key", "secret");
        let met = |target: Target| Ok((target.address.to_string(), target.dialect));
        let found = baseline.with_target(&server.with_dialect(POLLING), met).unwrap();
        assert_eq!(found, (address.to_owned(), dialect));
    }

    #[test]
    fn a_rival_meets_the_same_clients_and_the_pusher_protocol_meets_the_same_server() {
        check(&Baseline::Pusher, "127.0.0.1:1", Dialect::USUAL);
        let rival = resolve("127.0.0.1:2").unwrap();
        check(&Baseline::Rival { address: rival, process: None }, "127.0.0.1:2", POLLING);
    }

    #[test]
    fn a_comparison_of_the_same_with_the_same_is_refused() {
        assert!(Baseline::Pusher.check(Dialect::USUAL).is_err());
        assert!(Baseline::Pusher.check(POLLING).is_ok());
    }

    #[test]
    fn the_floor_server_is_left_out_for_other_dialects() {
        let floor = Baseline::Floor { batch: 1 };
        assert!(floor.without(&Scenario::usual(), POLLING).is_some());
        assert!(floor.without(&Scenario::usual(), Dialect::USUAL).is_none());
    }
}
