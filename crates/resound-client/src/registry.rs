//! What the client's handles and its task share: which channels are wanted, and who listens to what.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use resound_protocol::channel::{Access, ChannelName};
use tokio::sync::{Notify, watch};

use crate::{
    connection_state::ConnectionState,
    encryption::ChannelKey,
    error::{ConnectionError, ListenError, ServerError, SubscribeError, WhisperError},
    event::Event,
    message::{self, ChannelMessage},
    presence::{Member, Members},
    queue::Queue,
};

/// Messages of this client that wait to be sent.
pub(crate) const WAITING_MAX: usize = 256;
/// Events of one encrypted channel that wait for its key; those beyond are not decrypted.
const HELD_MAX: usize = 256;

/// What is shared, behind one lock.
pub(crate) struct Shared {
    registry: Mutex<Registry>,
    /// Tells the task that there is work.
    pub(crate) wake: Notify,
    pub(crate) namespace: String,
    pub(crate) queue_events_max: usize,
}

#[derive(Default)]
struct Registry {
    channels: HashMap<Arc<str>, Entry>,
    work: VecDeque<Work>,
    state: ConnectionState,
    states: Hooks<ConnectionState>,
    errors: Hooks<ServerError>,
    generations: u64,
}

/// What the task is to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Subscribe to the channel, if it is still wanted.
    Subscribe(Wanted),
    /// Ask for the key of an encrypted channel again.
    Rekey(Wanted),
    Send(String),
}

/// A channel, as it was asked for once: who leaves it and comes back has another generation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Wanted {
    pub(crate) channel: Arc<str>,
    pub(crate) generation: u64,
}

struct Entry {
    generation: u64,
    /// Handles and listeners, as long as which the channel is subscribed.
    leases: usize,
    status: watch::Sender<Status>,
    /// Whether the server may know of the subscription.
    is_asked: bool,
    key: Option<ChannelKey>,
    held: Held,
    members: Members,
    events: Vec<(Filter, Hook<Arc<Event>>)>,
    here: Hooks<Vec<Member>>,
    joining: Hooks<Member>,
    leaving: Hooks<Member>,
}

/// Where a subscription stands.
#[derive(Clone, Debug)]
pub(crate) enum Status {
    Pending,
    Subscribed,
    Refused(SubscribeError),
    Ended,
}

/// Events that came while a new key was asked for.
#[derive(Default)]
enum Held {
    #[default]
    Nothing,
    Waiting(Vec<Event>),
}

/// Which events a listener wants.
#[derive(Clone, Debug)]
pub(crate) enum Filter {
    Named(String),
    All,
}

type Hook<T> = Weak<Queue<Result<T, ListenError>>>;

/// Listeners of one kind; those that were dropped go when the next one comes.
struct Hooks<T>(Vec<Hook<T>>);

impl<T> Default for Hooks<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Clone> Hooks<T> {
    fn add(&mut self, queue: &Arc<Queue<Result<T, ListenError>>>) {
        self.0.retain(|hook| hook.strong_count() > 0);
        self.0.push(Arc::downgrade(queue));
    }

    fn push(&self, item: &Result<T, ListenError>) {
        self.0.iter().filter_map(Weak::upgrade).for_each(|queue| queue.push(item.clone()));
    }

    fn close(&self) {
        self.0.iter().filter_map(Weak::upgrade).for_each(|queue| queue.close());
    }
}

impl Shared {
    pub(crate) fn new(namespace: String, queue_events_max: usize) -> Self {
        let registry = Mutex::new(Registry::default());
        Self { registry, wake: Notify::new(), namespace, queue_events_max }
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        // No change can be left half done by a panic: none of them panics.
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue<T>(&self) -> Arc<Queue<Result<T, ListenError>>> {
        Arc::new(Queue::new(self.queue_events_max))
    }

    // What handles do.

    /// A lease of a channel, which is subscribed to if it is not yet.
    pub(crate) fn lease(self: &Arc<Self>, channel: &str) -> Lease {
        let mut registry = self.lock();
        let generation = match registry.channels.get_mut(channel) {
            Some(entry) => {
                entry.leases += 1;
                entry.generation
            }
            None => registry.want(channel.into()),
        };
        drop(registry);
        self.wake.notify_one();
        let wanted = Wanted { channel: channel.into(), generation };
        Lease { shared: Arc::clone(self), wanted }
    }

    /// Gives up a channel with all its leases.
    pub(crate) fn leave(&self, channel: &str) {
        let mut registry = self.lock();
        let entry = registry.remove(channel);
        drop(registry);
        if let Some(entry) = entry {
            entry.end(None);
            self.wake.notify_one();
        }
    }

    pub(crate) fn state(&self) -> ConnectionState {
        self.lock().state.clone()
    }

    /// A queue of states, of which the present one is the first.
    pub(crate) fn states(&self) -> Arc<Queue<Result<ConnectionState, ListenError>>> {
        let queue = self.queue();
        let mut registry = self.lock();
        queue.push(Ok(registry.state.clone()));
        registry.states.add(&queue);
        if matches!(registry.state, ConnectionState::Ended { .. }) {
            queue.close();
        }
        queue
    }

    pub(crate) fn errors(&self) -> Arc<Queue<Result<ServerError, ListenError>>> {
        let queue = self.queue();
        let mut registry = self.lock();
        registry.errors.add(&queue);
        if matches!(registry.state, ConnectionState::Ended { .. }) {
            queue.close();
        }
        queue
    }

    // What the task does.

    pub(crate) fn next_work(&self) -> Option<Work> {
        self.lock().work.pop_front()
    }

    pub(crate) fn set_state(&self, state: ConnectionState) {
        self.lock().set_state(state);
    }

    /// There is a connection: every channel is to be subscribed to, in the order in which they were
    /// wanted.
    pub(crate) fn connected(&self, socket_id: &str) {
        let mut registry = self.lock();
        let mut wanted: Vec<_> = registry
            .channels
            .iter()
            .map(|(channel, entry)| Wanted {
                channel: Arc::clone(channel),
                generation: entry.generation,
            })
            .collect();
        wanted.sort_by_key(|wanted| wanted.generation);
        registry.work = wanted.into_iter().map(Work::Subscribe).collect();
        // Under the same lock, so that no channel is wanted between the two.
        registry.set_state(ConnectionState::Connected { socket_id: socket_id.to_owned() });
    }

    /// The connection is gone, and with it all that the server knew.
    pub(crate) fn disconnected(&self) {
        let mut registry = self.lock();
        registry.work.clear();
        for entry in registry.channels.values_mut() {
            entry.status.send_replace(Status::Pending);
            entry.is_asked = false;
            entry.members.clear();
            entry.held = Held::Nothing;
        }
    }

    /// Nothing follows.
    pub(crate) fn end(&self, reason: Option<&ConnectionError>) {
        let mut registry = self.lock();
        if matches!(registry.state, ConnectionState::Ended { .. }) {
            return;
        }
        registry.work.clear();
        registry.set_state(ConnectionState::Ended { reason: reason.cloned() });
        registry.states.close();
        registry.errors.close();
        // The entries stay, so that those who come late are told.
        for entry in registry.channels.values_mut() {
            entry.end(reason);
        }
    }

    pub(crate) fn error(&self, error: ServerError) {
        self.lock().errors.push(&Ok(error));
    }

    /// Whether the channel is still wanted as it was.
    pub(crate) fn is_wanted(&self, wanted: &Wanted) -> bool {
        self.lock().entry(wanted).is_some()
    }

    /// The subscription is asked for now, an encrypted channel with this key.
    pub(crate) fn ask(&self, wanted: &Wanted, key: Option<ChannelKey>) {
        if let Some(entry) = self.lock().entry(wanted) {
            entry.is_asked = true;
            entry.key = key;
            // One that was refused may have been let in at another try.
            entry.status.send_replace(Status::Pending);
        }
    }

    pub(crate) fn refuse(&self, wanted: &Wanted, error: SubscribeError) {
        if let Some(entry) = self.lock().entry(wanted) {
            entry.refuse(error);
        }
    }

    /// A new key for what could not be decrypted, or none.
    pub(crate) fn rekey(&self, wanted: &Wanted, key: Option<ChannelKey>) {
        if let Some(entry) = self.lock().entry(wanted) {
            entry.rekey(key);
        }
    }

    /// Takes a message of the server; returns the channel whose subscription it settles.
    pub(crate) fn take(&self, channel: &str, what: ChannelMessage) -> Option<Wanted> {
        let mut registry = self.lock();
        let Registry { channels, work, .. } = &mut *registry;
        let name = Arc::clone(channels.get_key_value(channel)?.0);
        // What is said before we have asked is about a subscription that was left.
        let entry = channels.get_mut(channel).filter(|entry| entry.is_asked)?;
        let wanted = Wanted { channel: name, generation: entry.generation };
        match what {
            ChannelMessage::Succeeded(data) => entry.succeed(channel, &data),
            ChannelMessage::Refused(reason) => {
                entry.refuse(SubscribeError::Refused { channel: channel.to_owned(), reason });
            }
            ChannelMessage::MemberAdded(data) => {
                let member = entry.members.add(&data)?;
                entry.joining.push(&Ok(member));
                return None;
            }
            ChannelMessage::MemberRemoved(data) => {
                let member = entry.members.remove(&data)?;
                entry.leaving.push(&Ok(member));
                return None;
            }
            ChannelMessage::Event { name, text, user_id } => {
                if entry.receive(Event::new(&name, channel, text, user_id)) {
                    work.push_back(Work::Rekey(wanted));
                }
                return None;
            }
        }
        Some(wanted)
    }
}

impl Registry {
    fn set_state(&mut self, state: ConnectionState) {
        self.state = state.clone();
        self.states.push(&Ok(state));
    }

    /// Notes a channel with its first lease.
    fn want(&mut self, channel: Arc<str>) -> u64 {
        self.generations += 1;
        let generation = self.generations;
        let entry = Entry::new(generation);
        let wanted = Wanted { channel: Arc::clone(&channel), generation };
        match &self.state {
            ConnectionState::Connected { .. } => self.work.push_back(Work::Subscribe(wanted)),
            ConnectionState::Ended { reason } => entry.end(reason.as_ref()),
            // Every channel is subscribed to as soon as there is a connection.
            ConnectionState::Connecting | ConnectionState::Waiting { .. } => {}
        }
        self.channels.insert(channel, entry);
        generation
    }

    fn entry(&mut self, wanted: &Wanted) -> Option<&mut Entry> {
        let entry = self.channels.get_mut(&wanted.channel)?;
        (entry.generation == wanted.generation).then_some(entry)
    }

    /// Takes a channel out, and unsubscribes it if the server may know it.
    fn remove(&mut self, channel: &str) -> Option<Entry> {
        let entry = self.channels.remove(channel)?;
        if entry.is_asked {
            self.work.push_back(Work::Send(message::unsubscribe(channel)));
        }
        Some(entry)
    }
}

impl Entry {
    fn new(generation: u64) -> Self {
        Self {
            generation,
            leases: 1,
            status: watch::Sender::new(Status::Pending),
            is_asked: false,
            key: None,
            held: Held::Nothing,
            members: Members::default(),
            events: Vec::new(),
            here: Hooks::default(),
            joining: Hooks::default(),
            leaving: Hooks::default(),
        }
    }

    fn succeed(&mut self, channel: &str, data: &str) {
        self.status.send_replace(Status::Subscribed);
        if channel.starts_with("presence-") {
            self.members = Members::parse(data);
            self.here.push(&Ok(self.members.list()));
        }
    }

    fn refuse(&mut self, error: SubscribeError) {
        // One that is only unanswered may still be confirmed.
        self.is_asked = matches!(error, SubscribeError::Unanswered { .. });
        self.tell(&ListenError::from(error.clone()));
        self.status.send_replace(Status::Refused(error));
    }

    /// Tells all listeners something that is not what they listen to.
    fn tell(&self, error: &ListenError) {
        let queues = self.events.iter().filter_map(|(_, hook)| hook.upgrade());
        queues.for_each(|queue| queue.push(Err(error.clone())));
        self.here.push(&Err(error.clone()));
        self.joining.push(&Err(error.clone()));
        self.leaving.push(&Err(error.clone()));
    }

    fn end(&self, reason: Option<&ConnectionError>) {
        if let Some(reason) = reason {
            self.tell(&ListenError::Ended(reason.clone()));
        }
        self.status.send_replace(Status::Ended);
        self.events.iter().filter_map(|(_, hook)| hook.upgrade()).for_each(|queue| queue.close());
        self.here.close();
        self.joining.close();
        self.leaving.close();
    }

    /// Takes an event, opens it if it is sealed, and says whether another key has to be asked for.
    fn receive(&mut self, mut event: Event) -> bool {
        // Pusher's own events are not encrypted.
        let Some(key) = self.key.as_ref().filter(|_| !event.name.starts_with("pusher:")) else {
            self.deliver(&Ok(Arc::new(event)));
            return false;
        };
        if let Held::Waiting(events) = &mut self.held {
            if events.len() < HELD_MAX {
                events.push(event);
                return false;
            }
            let sealed = undecryptable(&event);
            self.deliver_error(&event.name, &sealed);
            return false;
        }
        if let Some(text) = key.open(&event.text) {
            event.text = text;
            self.deliver(&Ok(Arc::new(event)));
            return false;
        }
        self.held = Held::Waiting(vec![event]);
        true
    }

    /// Tries what is held with another key.
    fn rekey(&mut self, key: Option<ChannelKey>) {
        let Held::Waiting(events) = std::mem::take(&mut self.held) else { return };
        if key.is_some() {
            self.key = key;
        }
        for mut event in events {
            match self.key.as_ref().and_then(|key| key.open(&event.text)) {
                Some(text) => {
                    event.text = text;
                    self.deliver(&Ok(Arc::new(event)));
                }
                None => self.deliver_error(&event.name, &undecryptable(&event)),
            }
        }
    }

    fn deliver(&self, event: &Result<Arc<Event>, ListenError>) {
        let Ok(inner) = event else { return };
        for (filter, hook) in &self.events {
            if filter.takes(&inner.name)
                && let Some(queue) = hook.upgrade()
            {
                queue.push(event.clone());
            }
        }
    }

    fn deliver_error(&self, name: &str, error: &ListenError) {
        for (filter, hook) in &self.events {
            if filter.takes(name)
                && let Some(queue) = hook.upgrade()
            {
                queue.push(Err(error.clone()));
            }
        }
    }
}

fn undecryptable(event: &Event) -> ListenError {
    ListenError::Decrypt { name: event.name.clone(), channel: event.channel.clone() }
}

impl Filter {
    fn takes(&self, name: &str) -> bool {
        match self {
            Self::Named(wanted) => wanted == name,
            Self::All => !name.starts_with("pusher:"),
        }
    }
}

/// A part in a channel: as long as there is one, the channel is subscribed.
pub(crate) struct Lease {
    pub(crate) shared: Arc<Shared>,
    pub(crate) wanted: Wanted,
}

impl Lease {
    /// A queue of the events that the filter takes.
    pub(crate) fn events(&self, filter: Filter) -> Arc<Queue<Result<Arc<Event>, ListenError>>> {
        self.listen(|entry, queue| {
            entry.events.retain(|(_, hook)| hook.strong_count() > 0);
            entry.events.push((filter, Arc::downgrade(queue)));
        })
    }

    /// A queue of the lists of members, of which the present one is the first if there is one.
    pub(crate) fn here(&self) -> Arc<Queue<Result<Vec<Member>, ListenError>>> {
        self.listen(|entry, queue| {
            if matches!(*entry.status.borrow(), Status::Subscribed) {
                queue.push(Ok(entry.members.list()));
            }
            entry.here.add(queue);
        })
    }

    pub(crate) fn joining(&self) -> Arc<Queue<Result<Member, ListenError>>> {
        self.listen(|entry, queue| entry.joining.add(queue))
    }

    pub(crate) fn leaving(&self) -> Arc<Queue<Result<Member, ListenError>>> {
        self.listen(|entry, queue| entry.leaving.add(queue))
    }

    /// Makes a queue and hooks it in; it begins with why there is no subscription, and of a channel
    /// that has ended it is closed.
    fn listen<T>(
        &self,
        hook: impl FnOnce(&mut Entry, &Arc<Queue<Result<T, ListenError>>>),
    ) -> Arc<Queue<Result<T, ListenError>>> {
        let queue = self.shared.queue();
        let mut registry = self.shared.lock();
        let reason = match &registry.state {
            ConnectionState::Ended { reason } => reason.clone(),
            ConnectionState::Connecting
            | ConnectionState::Waiting { .. }
            | ConnectionState::Connected { .. } => None,
        };
        let Some(entry) = registry.entry(&self.wanted) else {
            queue.close();
            return queue;
        };
        let status = entry.status.borrow().clone();
        match status {
            Status::Pending | Status::Subscribed => {}
            Status::Refused(error) => queue.push(Err(error.into())),
            Status::Ended => {
                reason.into_iter().for_each(|reason| queue.push(Err(ListenError::Ended(reason))));
                queue.close();
            }
        }
        hook(entry, &queue);
        queue
    }

    pub(crate) fn status(&self) -> Option<watch::Receiver<Status>> {
        Some(self.shared.lock().entry(&self.wanted)?.status.subscribe())
    }

    pub(crate) fn members(&self) -> Vec<Member> {
        let mut registry = self.shared.lock();
        registry.entry(&self.wanted).map(|entry| entry.members.list()).unwrap_or_default()
    }

    /// Sends an event to the others of the channel.
    pub(crate) fn send(&self, name: &str, data: &serde_json::Value) -> Result<(), WhisperError> {
        let channel = &*self.wanted.channel;
        let mut registry = self.shared.lock();
        let is_subscribed = registry
            .entry(&self.wanted)
            .is_some_and(|entry| matches!(*entry.status.borrow(), Status::Subscribed));
        if !is_subscribed {
            return Err(WhisperError::NotSubscribed { channel: channel.to_owned() });
        }
        let waiting = registry.work.len();
        if waiting >= WAITING_MAX {
            return Err(WhisperError::Full { waiting });
        }
        registry.work.push_back(Work::Send(message::client_event(name, channel, data)));
        drop(registry);
        self.shared.wake.notify_one();
        Ok(())
    }
}

impl Clone for Lease {
    fn clone(&self) -> Self {
        if let Some(entry) = self.shared.lock().entry(&self.wanted) {
            entry.leases += 1;
        }
        Self { shared: Arc::clone(&self.shared), wanted: self.wanted.clone() }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut registry = self.shared.lock();
        let Some(entry) = registry.entry(&self.wanted) else { return };
        entry.leases -= 1;
        if entry.leases > 0 {
            return;
        }
        let channel = Arc::clone(&self.wanted.channel);
        let entry = registry.remove(&channel);
        drop(registry);
        drop(entry);
        self.shared.wake.notify_one();
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lease").field(&self.wanted.channel).finish()
    }
}

/// Whether a subscription to the channel needs an authorisation. A name that is none is left to the
/// server to refuse.
pub(crate) fn needs_authorization(channel: &str) -> bool {
    ChannelName::parse_lenient(channel, usize::MAX)
        .is_ok_and(|name| matches!(name.access(), Access::Private | Access::Presence))
}
