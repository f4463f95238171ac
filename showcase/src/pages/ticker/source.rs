//! Where prices come from.

use std::{future::Future, ops::RangeInclusive};

use super::store::Prices;

/// Something that is traded.
#[derive(Clone, Copy, Debug)]
pub struct Security {
    pub symbol: &'static str,
    pub name: &'static str,
    /// The first price, in cents.
    pub cents: i64,
}

/// What asks for prices once for each tick, in one process at a time. Another one, a stock exchange's, say, takes the
/// place of [`Simulated`] in `mod.rs`.
pub trait Source: Send + Sync + 'static {
    /// What is traded, in the order of the page.
    fn securities(&self) -> &'static [Security];

    /// The prices that come after those of a tick.
    fn next(&self, tick: i64, last: &Prices)
    -> impl Future<Output = anyhow::Result<Prices>> + Send;
}

/// A market that needs no network: each price walks at random around where it began.
pub struct Simulated {
    /// Another seed is another market, the same one the same market.
    pub seed: u64,
}

const SECURITIES: &[Security] = &[
    Security { symbol: "ANVL", name: "Acme Anvils", cents: 12_450 },
    Security { symbol: "BYTE", name: "Byte Foundry", cents: 31_280 },
    Security { symbol: "CRAB", name: "Crab & Crate", cents: 8_675 },
    Security { symbol: "ECHO", name: "Echo Instruments", cents: 20_510 },
    Security { symbol: "LOOM", name: "Jacquard Looms", cents: 4_390 },
    Security { symbol: "MOTH", name: "Relay & Moth", cents: 1_947 },
];

/// How far a price moves in one tick, and how strongly it is drawn back, both in millionths of it.
const STEP: i64 = 6_000;
const PULL: i64 = 10_000;
const MILLION: i64 = 1_000_000;
/// Prices stay within these bounds, which are some thousand steps away.
const CENTS: RangeInclusive<i64> = 100..=99_999;

impl Source for Simulated {
    fn securities(&self) -> &'static [Security] {
        SECURITIES
    }

    async fn next(&self, tick: i64, last: &Prices) -> anyhow::Result<Prices> {
        let walk = |(n, security): (usize, &Security)| {
            let cents = last.get(security.symbol).copied().unwrap_or(security.cents);
            let chance = chance(self.seed, n as u64, tick as u64);
            let step = cents * (STEP * chance / 1000) / MILLION;
            let pull = (security.cents - cents) * PULL / MILLION;
            // A cent at least, up or down or not at all: cheap ones would stand still otherwise.
            let step = if step == 0 { chance.signum() } else { step };
            (security.symbol.to_owned(), (cents + step + pull).clamp(*CENTS.start(), *CENTS.end()))
        };
        Ok(SECURITIES.iter().enumerate().map(walk).collect())
    }
}

/// A number from -1000 to 1000, by chance but always the same for the same (SplitMix64's mixing).
fn chance(seed: u64, security: u64, tick: u64) -> i64 {
    let mut bits = seed ^ (security << 48) ^ tick;
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((bits ^ (bits >> 31)) % 2001) as i64 - 1000
}
