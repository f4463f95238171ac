//! Events under way: sends what is due and books what arrives.

use anyhow::{Result, bail};

use crate::clock::{SECOND, nanoseconds};
use crate::engine::Engine;
use crate::exchange::Reply;
use crate::fleet::reasons;
use crate::ledger::{Account, Ledger};
use crate::mark::Mark;
use crate::news::{Handler, News, Next};
use crate::outcome::{Outcome, Sample};
use crate::plan::{Plan, Sender, Stream};
use crate::process::{Process, Reading};
use crate::publisher::Receipt;
use crate::request::Post;
use crate::schedule::{Pace, Schedule};

/// How long a run waits for the last events while none arrives, and in all.
const QUIET_NANOSECONDS: u64 = 5 * SECOND;
const DRAIN_NANOSECONDS: u64 = 30 * SECOND;

/// How often memory is read while some subscribers are slow.
const SAMPLE_NANOSECONDS: u64 = SECOND / 4;

/// Lets a plan's events flow: first for its warm-up, then for the measurement. The connections of the
/// engine must be the plan's subscribers.
pub(crate) fn run(engine: &mut Engine, plan: &Plan) -> Result<Outcome> {
    if plan.warmup_seconds > 0.0 {
        let warmup = Plan { seconds: plan.warmup_seconds, slow: None, ..plan.clone() };
        engine.settings.progress.step("warming up", nanoseconds(warmup.seconds));
        let mut traffic = Traffic::new(&warmup, 0, engine);
        engine.run(&mut traffic)?;
    }
    engine.settings.progress.step("measuring", nanoseconds(plan.seconds));
    let process = engine.settings.target.process;
    let before = Reading::take(engine.clock, process);
    let (reads_before, polls_before) = (engine.reads, engine.polls);
    let mut traffic = Traffic::new(plan, 1, engine);
    engine.run(&mut traffic)?;
    let mut outcome = traffic.finish();
    outcome.usage = Reading::take(engine.clock, process).since(&before);
    outcome.reads = engine.reads - reads_before;
    outcome.polls = engine.polls - polls_before;
    Ok(outcome)
}

/// One run of a plan.
struct Traffic<'a> {
    plan: &'a Plan,
    /// Number of the run, in its marks.
    run: u8,
    outcome: Outcome,
    /// Streams of each publisher (or of all members together), and whose turn it is.
    turns: Vec<Turns>,
    schedule: Option<Schedule>,
    window: u64,
    start: u64,
    end: u64,
    /// When the last event was sent, once it was.
    stopped: Option<u64>,
    last_arrival: u64,
    /// The second third of the time, when slow subscribers do not read.
    slow_from: u64,
    slow_until: u64,
    are_slow_paused: bool,
    /// Subscribers whose connections ended.
    disconnected: usize,
    process: Option<Process>,
    next_sample: u64,
}

struct Turns {
    streams: Vec<usize>,
    next: usize,
}

impl Turns {
    fn take(&mut self) -> usize {
        let stream = self.streams[self.next];
        self.next = (self.next + 1) % self.streams.len();
        stream
    }
}

impl<'a> Traffic<'a> {
    fn new(plan: &'a Plan, run: u8, engine: &Engine) -> Self {
        let start = engine.clock.now();
        let length = nanoseconds(plan.seconds);
        let streams = plan.streams();
        let ledger = Ledger::new(plan, &streams);
        let (schedule, window) = match plan.pace {
            Pace::PerSecond(rate) => (Some(Schedule::new(start, rate / plan.batch() as f64)), 0),
            Pace::Acknowledged { window } => {
                (None, (window as f64 * ledger.mean_audience()) as u64)
            }
        };
        Self {
            plan,
            run,
            turns: turns(plan, &streams),
            outcome: Outcome::new(ledger, streams),
            schedule,
            window,
            start,
            end: start + length,
            stopped: None,
            last_arrival: start,
            slow_from: if plan.slow.is_some() { start + length / 3 } else { u64::MAX },
            slow_until: if plan.slow.is_some() { start + length / 3 * 2 } else { u64::MAX },
            are_slow_paused: false,
            disconnected: 0,
            process: engine.settings.target.process.filter(|_| plan.slow.is_some()),
            next_sample: start,
        }
    }

    fn finish(mut self) -> Outcome {
        let nothing_came = self.last_arrival == self.start;
        let last = if nothing_came { self.end } else { self.last_arrival };
        self.outcome.elapsed = last - self.start;
        self.outcome
    }

    fn send_what_is_due(&mut self, engine: &mut Engine, now: u64) -> Result<()> {
        let Some(mut schedule) = self.schedule else { return self.keep_busy(engine, now) };
        while schedule.due() < self.end {
            let turn = schedule.done() as usize % self.turns.len();
            let Some(due) = schedule.take(now) else { break };
            self.send(engine, turn, due)?;
        }
        self.schedule = Some(schedule);
        Ok(())
    }

    /// Gives each idle publisher its next request, unless too much is under way.
    fn keep_busy(&mut self, engine: &mut Engine, now: u64) -> Result<()> {
        for publisher in 0..self.turns.len() {
            let has_room = self.window == 0 || self.outcome.ledger.owed() <= self.window;
            if has_room && engine.publishers.is_idle(publisher) {
                self.send(engine, publisher, now)?;
            }
        }
        Ok(())
    }

    /// Sends one request, or one client event, with the events whose turn it is.
    fn send(&mut self, engine: &mut Engine, turn: usize, due: u64) -> Result<()> {
        let stream = self.turns[turn].take();
        match self.outcome.streams[stream].sender {
            Sender::Publisher(publisher) => {
                let first = self.next_post(stream, due);
                let mut posts = Vec::with_capacity(self.plan.batch());
                posts.push(first);
                while posts.len() < self.plan.batch() {
                    let stream = self.turns[turn].take();
                    posts.push(self.next_post(stream, due));
                }
                self.outcome.published += posts.len() as u64;
                self.outcome.requests += 1;
                engine.publishers.submit(publisher, posts)
            }
            Sender::Member(id) if !engine.is_open(id) => Ok(()),
            Sender::Member(id) => {
                let post = self.next_post(stream, due);
                self.outcome.client_events += 1;
                engine.send_client_event(id, post.channel as usize, post.mark)
            }
        }
    }

    fn next_post(&mut self, stream: usize, due: u64) -> Post {
        let stream = &mut self.outcome.streams[stream];
        let mark = Mark { due, number: stream.sent, stream: stream.place, run: self.run };
        stream.sent += 1;
        self.outcome.ledger.owe(stream);
        Post { channel: stream.channel as u32, mark }
    }

    /// Lets the slow subscribers stop reading, and read on.
    fn slow_down(&mut self, engine: &mut Engine, now: u64) -> Result<()> {
        let Some(slow) = self.plan.slow else { return Ok(()) };
        let pause = (self.slow_from..self.slow_until).contains(&now);
        if pause != self.are_slow_paused {
            self.are_slow_paused = pause;
            for id in 0..slow.count {
                if pause { engine.pause(id)? } else { engine.resume(id)? }
            }
        }
        Ok(())
    }

    fn sample(&mut self, now: u64) {
        let Some(process) = self.process else { return };
        if now >= self.next_sample {
            self.next_sample = now + SAMPLE_NANOSECONDS;
            let at = (now - self.start) as f64 / (self.end - self.start) as f64;
            self.outcome.memory.push(Sample { at, bytes: process.resident_bytes() });
        }
    }

    fn next_turn(&self, now: u64) -> Next {
        let Some(schedule) = &self.schedule else { return Next::Whenever };
        let switch = [self.slow_from, self.slow_until].into_iter().find(|at| *at > now);
        Next::At(schedule.due().min(self.end).min(switch.unwrap_or(u64::MAX)))
    }

    /// Everything that was sent has arrived, or will not any more.
    fn is_over(&mut self, engine: &Engine, now: u64) -> bool {
        let stopped = *self.stopped.get_or_insert(now);
        let ledger = &self.outcome.ledger;
        if ledger.owed() == 0 && ledger.owed_to_slow() == 0 && engine.publishers.are_idle() {
            return true;
        }
        now > self.last_arrival.max(stopped) + QUIET_NANOSECONDS
            || now > stopped + DRAIN_NANOSECONDS
    }

    #[inline]
    fn on_event(&mut self, id: usize, mark: Mark, now: u64) {
        if mark.run != self.run {
            return;
        }
        self.last_arrival = now;
        if self.outcome.ledger.arrived(id, mark) == Account::Healthy {
            let latency = now.saturating_sub(mark.due);
            if (self.slow_from..self.slow_until).contains(&mark.due) {
                self.outcome.latency_while_slow.record(latency);
            } else {
                self.outcome.latency.record(latency);
            }
        }
    }

    fn on_receipt(&mut self, receipt: Receipt) -> Result<()> {
        self.outcome.acknowledgement.record(receipt.latency);
        match receipt.reply {
            Reply::Success => self.outcome.acknowledged += receipt.events,
            Reply::Status(status, text) => match hopeless(status) {
                Some(advice) => {
                    bail!("the server answers {status} to a publish ({advice}): {text}")
                }
                None => self.outcome.failures.add(&format!("status {status}: {text}")),
            },
            Reply::Unanswered(why) => self.outcome.failures.add(&why),
        }
        Ok(())
    }
}

/// What to do about a refusal that every other request would meet too.
fn hopeless(status: u16) -> Option<&'static str> {
    match status {
        401 => Some("check --key and --secret"),
        403 => Some("the app may not publish"),
        404 => Some("check --app-id and --path"),
        413 => Some("try a smaller --payload or batch, or raise the server's limit"),
        400 | 405 | 422 => Some("the server does not take such events"),
        _ => None,
    }
}

fn turns(plan: &Plan, streams: &[Stream]) -> Vec<Turns> {
    // Members take their turns as one group: there is no request to wait for.
    let mut turns: Vec<Turns> =
        (0..plan.publishers().max(1)).map(|_| Turns { streams: Vec::new(), next: 0 }).collect();
    for (index, stream) in streams.iter().enumerate() {
        let group = match stream.sender {
            Sender::Publisher(publisher) => publisher,
            Sender::Member(_) => 0,
        };
        turns[group].streams.push(index);
    }
    turns
}

impl Handler for Traffic<'_> {
    fn turn(&mut self, engine: &mut Engine, now: u64) -> Result<Next> {
        self.slow_down(engine, now)?;
        self.sample(now);
        let is_sending = match self.schedule {
            Some(schedule) => schedule.due() < self.end,
            None => now < self.end,
        };
        if is_sending {
            engine.settings.progress.reached(now.saturating_sub(self.start), now);
            self.send_what_is_due(engine, now)?;
            return Ok(self.next_turn(now));
        }
        Ok(if self.is_over(engine, now) { Next::Done } else { Next::Whenever })
    }

    #[inline]
    fn hear(&mut self, engine: &mut Engine, news: News<'_>) -> Result<()> {
        match news {
            News::Event { id, mark, now } => self.on_event(id, mark, now),
            News::Published(receipt) => self.on_receipt(receipt)?,
            News::Ended(id) => {
                self.outcome.ledger.ended(&self.outcome.streams, self.plan, id);
                self.disconnected += 1;
                if self.disconnected == self.plan.connections() {
                    bail!("all connections ended in the middle of the run{}", reasons(engine));
                }
            }
            News::Opened(_)
            | News::Refused(_)
            | News::Subscribed(..)
            | News::MemberAdded(..)
            | News::MemberRemoved(..) => {}
        }
        Ok(())
    }
}
