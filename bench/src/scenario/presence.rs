//! Users enter one presence channel, and half of them leave it: everybody must learn of everybody, once.

use anyhow::Result;

use crate::args::PresenceArgs;
use crate::clock::SECOND;
use crate::engine::Engine;
use crate::fleet::{self, Berth};
use crate::latency::Latency;
use crate::news::{Handler, Id, News, Next};
use crate::process::{Reading, Usage, microseconds_each};
use crate::report::Report;
use crate::scenario::{AT_ONCE, Context};
use crate::schedule::Schedule;

const CHANNEL: &str = "presence-bench";
/// When nobody learns anything for so long, what is missing will not come.
const GIVE_UP_NANOSECONDS: u64 = 10 * SECOND;
/// Users that move between two looks at the sockets.
const MOVES_AT_ONCE: usize = 8;

pub(crate) fn run(args: &PresenceArgs, context: &Context) -> Result<Report> {
    let mut engine = context.quiet_engine()?;
    fleet::open_all(&mut engine, vec![Berth::default(); args.users], AT_ONCE)?;
    let mut report = Report::default();
    let everybody = 0..args.users;
    let leaving = args.users / 2;
    let mut enter = Wave::new(Move::Enter, everybody.end, everybody, args.rate, &engine);
    let usage = measure(&mut engine, &mut enter)?;
    enter.report(&mut report, &usage);
    let mut leave = Wave::new(Move::Leave, leaving, leaving..args.users, args.rate, &engine);
    let last = measure(&mut engine, &mut leave)?;
    leave.report(&mut report, &last);
    report.section("events").count("disconnected", engine.troubles.ended.count);
    report.generator(&usage);
    report.troubles(&engine);
    Ok(report)
}

fn measure(engine: &mut Engine, wave: &mut Wave) -> Result<Usage> {
    let process = engine.settings.target.process;
    engine.settings.progress.step(wave.kind.name(), wave.movers as u64);
    let before = Reading::take(engine.clock, process);
    engine.run(wave)?;
    Ok(Reading::take(engine.clock, process).since(&before))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    Enter,
    Leave,
}

impl Move {
    fn name(self) -> &'static str {
        match self {
            Self::Enter => "enter",
            Self::Leave => "leave",
        }
    }
}

/// Some users move, and some others must learn of each of them. User `n` has connection `n`.
struct Wave {
    kind: Move,
    /// The first so many users move.
    movers: usize,
    observers: std::ops::Range<Id>,
    schedule: Option<Schedule>,
    /// When each of them moved.
    moved: Vec<u64>,
    known: Pairs,
    /// Observers that were told of the same user twice, or of a user who did not move.
    told_twice: u64,
    told_wrongly: u64,
    /// Messages about somebody's move, whoever got them.
    notifications: u64,
    latency: Latency,
    start: u64,
    last: u64,
}

impl Wave {
    fn new(
        kind: Move,
        movers: usize,
        observers: std::ops::Range<Id>,
        rate: f64,
        engine: &Engine,
    ) -> Self {
        let start = engine.clock.now();
        Self {
            kind,
            movers,
            known: Pairs::new(observers.len(), movers),
            observers,
            schedule: (rate > 0.0).then(|| Schedule::new(start, rate)),
            moved: Vec::with_capacity(movers),
            told_twice: 0,
            told_wrongly: 0,
            notifications: 0,
            latency: Latency::default(),
            start,
            last: start,
        }
    }

    fn next_move(&mut self, engine: &mut Engine, now: u64) -> Result<bool> {
        let due = match &mut self.schedule {
            Some(schedule) => schedule.take(now),
            None => Some(now),
        };
        let Some(due) = due.filter(|_| self.moved.len() < self.movers) else { return Ok(false) };
        let id = self.moved.len();
        self.moved.push(due);
        self.last = now;
        match self.kind {
            Move::Enter => engine.subscribe(id, CHANNEL, Some(&user_name(id)))?,
            Move::Leave => engine.unsubscribe(id, CHANNEL)?,
        }
        Ok(true)
    }

    /// Somebody was told of a user: by a message about its move, or by the list of members.
    fn told(&mut self, observer: Id, user: &str, now: u64) -> Option<Id> {
        if !self.observers.contains(&observer) {
            return None;
        }
        let Some(mover) = user_number(user).filter(|mover| *mover < self.moved.len()) else {
            self.told_wrongly += 1;
            return None;
        };
        if self.known.insert(observer - self.observers.start, mover) {
            self.last = now;
        } else {
            self.told_twice += 1;
        }
        Some(mover)
    }

    fn notified(&mut self, kind: Move, observer: Id, user: &str, now: u64) {
        if kind != self.kind {
            // Nobody leaves while users enter, nor the other way round.
            self.told_wrongly += 1;
            return;
        }
        self.notifications += 1;
        if let Some(mover) = self.told(observer, user, now) {
            self.latency.record(now.saturating_sub(self.moved[mover]));
        }
    }

    fn report(&self, report: &mut Report, usage: &Usage) {
        let kind = self.kind.name();
        let name = |figure: &str| format!("{kind}_{figure}");
        let milliseconds = (self.last - self.start) as f64 / 1e6;
        report.section("throughput").add(name("until_all_know"), milliseconds, "ms");
        report.latency(kind, &self.latency);
        if let Some(spent) = usage.server {
            let each = |count| microseconds_each(spent, count);
            report
                .section("server")
                .add(name("server_cpu_per_user"), each(self.movers as u64), "us")
                .add(name("server_cpu_per_notification"), each(self.notifications), "us")
                .add(name("server_cores"), usage.cores(spent), "cores");
        }
        report
            .section("events")
            .count(name("notifications"), self.notifications)
            .count(name("pairs"), self.known.all())
            .count(name("missing_pairs"), self.known.missing())
            .count(name("told_twice"), self.told_twice)
            .count(name("told_wrongly"), self.told_wrongly);
    }
}

impl Handler for Wave {
    fn turn(&mut self, engine: &mut Engine, now: u64) -> Result<Next> {
        for _ in 0..MOVES_AT_ONCE {
            if !self.next_move(engine, now)? {
                break;
            }
        }
        engine.settings.progress.reached(self.moved.len() as u64, now);
        if self.moved.len() < self.movers {
            return Ok(Next::At(self.schedule.map_or(now, |schedule| schedule.due())));
        }
        let is_over = self.known.missing() == 0 || now > self.last + GIVE_UP_NANOSECONDS;
        Ok(if is_over { Next::Done } else { Next::Whenever })
    }

    fn hear(&mut self, engine: &mut Engine, news: News<'_>) -> Result<()> {
        let now = engine.clock.now();
        match news {
            News::MemberAdded(id, user) => self.notified(Move::Enter, id, user, now),
            News::MemberRemoved(id, user) => self.notified(Move::Leave, id, user, now),
            News::Subscribed(id, members) => {
                for user in members {
                    self.told(id, user, now);
                }
            }
            News::Event { .. }
            | News::Opened(_)
            | News::Refused(_)
            | News::Ended(_)
            | News::Published(_) => {}
        }
        Ok(())
    }
}

fn user_name(id: Id) -> String {
    format!("u{id}")
}

fn user_number(name: &str) -> Option<Id> {
    name.strip_prefix('u')?.parse().ok()
}

/// Which observer knows of which user.
struct Pairs {
    users: usize,
    known: Vec<bool>,
    missing: u64,
}

impl Pairs {
    fn new(observers: usize, users: usize) -> Self {
        let all = observers * users;
        Self { users, known: vec![false; all], missing: all as u64 }
    }

    /// False if the observer knew already.
    fn insert(&mut self, observer: usize, user: usize) -> bool {
        let known = &mut self.known[observer * self.users + user];
        if *known {
            return false;
        }
        *known = true;
        self.missing -= 1;
        true
    }

    fn all(&self) -> u64 {
        self.known.len() as u64
    }

    fn missing(&self) -> u64 {
        self.missing
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::progress::Progress;
    use crate::target::{Target, resolve};

    /// A wave of three users whose moves were all sent, to an engine without connections.
    fn wave(kind: Move, observers: std::ops::Range<Id>) -> (Wave, Engine) {
        let address = resolve("127.0.0.1:1").unwrap();
        let context = Context {
            target: Rc::new(Target::new(address, "app", "key", "secret")),
            seconds: None,
            warmup_seconds: 0.0,
            payload_bytes: None,
            progress: Progress::hidden(),
        };
        let engine = context.quiet_engine().unwrap();
        let mut wave = Wave::new(kind, 3, observers, 0.0, &engine);
        wave.moved = vec![0; 3];
        (wave, engine)
    }

    #[track_caller]
    fn check(wave: &Wave, missing: u64, twice: u64, wrongly: u64) {
        let found = (wave.known.missing(), wave.told_twice, wave.told_wrongly);
        assert_eq!(found, (missing, twice, wrongly));
    }

    #[test]
    fn users_learn_of_each_other_by_the_list_or_by_a_message() {
        let (mut wave, mut engine) = wave(Move::Enter, 0..3);
        let users = ["u0", "u1", "u2"].map(str::to_owned);
        wave.hear(&mut engine, News::Subscribed(0, &users[..1])).unwrap();
        wave.hear(&mut engine, News::Subscribed(1, &users[..2])).unwrap();
        wave.hear(&mut engine, News::MemberAdded(0, "u1")).unwrap();
        check(&wave, 5, 0, 0);
        wave.hear(&mut engine, News::Subscribed(2, &users)).unwrap();
        wave.hear(&mut engine, News::MemberAdded(0, "u2")).unwrap();
        wave.hear(&mut engine, News::MemberAdded(1, "u2")).unwrap();
        check(&wave, 0, 0, 0);
        assert_eq!(wave.notifications, 3);
    }

    #[test]
    fn a_member_that_the_list_had_and_a_stranger_are_mistakes() {
        let (mut wave, mut engine) = wave(Move::Enter, 0..3);
        let users = ["u0", "u1"].map(str::to_owned);
        wave.hear(&mut engine, News::Subscribed(0, &users)).unwrap();
        wave.hear(&mut engine, News::MemberAdded(0, "u1")).unwrap();
        wave.hear(&mut engine, News::MemberAdded(0, "u7")).unwrap();
        wave.hear(&mut engine, News::MemberRemoved(0, "u1")).unwrap();
        check(&wave, 7, 1, 2);
    }

    #[test]
    fn only_those_who_stay_must_learn_who_leaves() {
        let (mut wave, mut engine) = wave(Move::Leave, 3..5);
        wave.hear(&mut engine, News::MemberRemoved(2, "u0")).unwrap();
        check(&wave, 6, 0, 0);
        wave.hear(&mut engine, News::MemberRemoved(3, "u0")).unwrap();
        wave.hear(&mut engine, News::MemberRemoved(3, "u4")).unwrap();
        check(&wave, 5, 0, 1);
    }

    #[test]
    fn a_pair_is_missing_until_it_is_known() {
        let mut pairs = Pairs::new(2, 3);
        assert_eq!((pairs.all(), pairs.missing()), (6, 6));
        assert!(pairs.insert(1, 2));
        assert!(!pairs.insert(1, 2));
        assert!(pairs.insert(0, 2));
        assert_eq!(pairs.missing(), 4);
    }

    #[test]
    fn users_are_known_by_their_names() {
        assert_eq!(user_number(&user_name(17)), Some(17));
        for name in ["", "u", "17", "ux", "u-1"] {
            assert_eq!(user_number(name), None);
        }
    }
}
