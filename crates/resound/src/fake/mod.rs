//! A broadcaster for tests: it sends nothing, and remembers everything.
//!
//! ```
//! use resound::{Broadcast, Broadcaster, Fake};
//! use serde::Serialize;
//!
//! #[derive(Serialize, Broadcast)]
//! #[broadcast(private = "orders.{user_id}")]
//! struct OrderShipped { user_id: u64 }
//! #[derive(Serialize, Broadcast)]
//! #[broadcast(channel = "news")]
//! struct Posted;
//!
//! // What is tested.
//! async fn ship(broadcaster: &Broadcaster) {
//!     broadcaster.send(OrderShipped { user_id: 7 }).to_others("123.456").await;
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let fake = Fake::new();
//! fake.assert_nothing();
//! ship(&fake.broadcaster()).await;
//!
//! fake.assert_broadcast::<OrderShipped>(|event| event.user_id == 7)
//!     .on("private-orders.7")
//!     .to_others("123.456");
//! fake.assert_count::<OrderShipped>(1);
//! fake.assert_not::<Posted>(|_| true);
//! # }
//! ```
//!
//! # Layout
//!
//! * `record`: what was sent
//! * `found`: further demands on what was found

mod found;
mod record;

use std::{any::type_name, sync::Arc};

use crate::{broadcaster::Broadcaster, name::NAMESPACE};

pub use found::Found;
pub(crate) use record::Record;
pub use record::Recorded;

/// Remembers what its [broadcasters](Fake::broadcaster) are given to send; [`when`](crate::Broadcast::when) is
/// asked, and an event without channels is none.
///
/// ```
/// use resound::{Fake, broadcast::{self, AnonymousEvent}};
///
/// let fake = Fake::new();
/// let broadcaster = fake.broadcaster(); // for what is tested
/// broadcaster.send(broadcast::public("news").name("posted")).dispatch();
/// fake.assert_broadcast::<AnonymousEvent>(|_| true).on("news").named("posted");
/// ```
#[derive(Clone, Debug)]
pub struct Fake {
    record: Arc<Record>,
    broadcaster: Broadcaster,
}

impl Default for Fake {
    fn default() -> Self {
        Self::new()
    }
}

impl Fake {
    /// A fake that has seen nothing.
    ///
    /// ```
    /// use resound::Fake;
    ///
    /// let fake = Fake::new();
    /// assert!(fake.events().is_empty());
    /// ```
    pub fn new() -> Self {
        Self::with_namespace(NAMESPACE)
    }

    /// The same, for events in another [namespace](crate::Builder::namespace).
    ///
    /// ```
    /// use resound::{Broadcast, Fake};
    ///
    /// #[derive(serde::Serialize, Broadcast)]
    /// #[broadcast(channel = "news")]
    /// struct Posted;
    ///
    /// let fake = Fake::with_namespace("Blog");
    /// fake.broadcaster().send(Posted).dispatch();
    /// assert_eq!(fake.events()[0].envelope.name, r"Blog\Posted");
    /// ```
    pub fn with_namespace(namespace: &str) -> Self {
        let record = Arc::new(Record::default());
        let broadcaster = Broadcaster::recording(Arc::clone(&record), namespace);
        Self { record, broadcaster }
    }

    /// The broadcaster for the code that is tested.
    ///
    /// ```
    /// use resound::{Broadcaster, Fake, broadcast};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// struct Service { broadcaster: Broadcaster }
    /// impl Service {
    ///     async fn post(&self) {
    ///         self.broadcaster.send(broadcast::public("news").name("posted")).await;
    ///     }
    /// }
    /// let fake = Fake::new();
    /// Service { broadcaster: fake.broadcaster() }.post().await;
    /// assert_eq!(fake.events().len(), 1);
    /// # }
    /// ```
    pub fn broadcaster(&self) -> Broadcaster {
        self.broadcaster.clone()
    }

    /// All events, in the order in which they were sent.
    ///
    /// ```
    /// use resound::{Fake, broadcast};
    ///
    /// let fake = Fake::new();
    /// for name in ["first", "second"] {
    ///     fake.broadcaster().send(broadcast::public("news").name(name)).dispatch();
    /// }
    /// let names: Vec<_> = fake.events().into_iter().map(|event| event.envelope.name).collect();
    /// assert_eq!(names, ["first", "second"]);
    /// ```
    pub fn events(&self) -> Vec<Recorded> {
        self.record.all()
    }

    /// Forgets what was sent.
    ///
    /// ```
    /// use resound::{Fake, broadcast};
    ///
    /// let fake = Fake::new();
    /// fake.broadcaster().send(broadcast::public("news").name("arranged")).dispatch();
    /// fake.clear();
    /// fake.assert_nothing();
    /// ```
    pub fn clear(&self) {
        self.record.clear();
    }

    /// Fails unless an event of this type was sent for which `is_it` holds. What it returns takes further
    /// demands: on which channel, to whom.
    ///
    /// # Panics
    /// If there is none; the message lists what was sent.
    ///
    /// ```
    /// use resound::{Broadcast, Fake};
    ///
    /// #[derive(serde::Serialize, Broadcast)]
    /// #[broadcast(private = "orders.{user_id}")]
    /// struct OrderShipped { user_id: u64 }
    ///
    /// let fake = Fake::new();
    /// fake.broadcaster().send(OrderShipped { user_id: 7 }).dispatch();
    /// fake.assert_broadcast::<OrderShipped>(|event| event.user_id == 7).on("private-orders.7");
    /// ```
    #[track_caller]
    pub fn assert_broadcast<E: 'static>(&self, is_it: impl Fn(&E) -> bool) -> Found {
        let all = self.events();
        let of_type = all.iter().filter(|event| event.is::<E>()).count();
        let found: Vec<_> = matching(&all, &is_it);
        if found.is_empty() {
            let why = match of_type {
                0 => String::new(),
                n => format!(" ({n} of that type, but the condition holds for none)"),
            };
            panic!("{} was not broadcast{why}; {}", type_name::<E>(), record::list(&all));
        }
        Found::new(type_name::<E>(), found)
    }

    /// Fails if an event of this type was sent for which `is_it` holds.
    ///
    /// # Panics
    /// If there is one; the message lists what was sent.
    ///
    /// ```
    /// use resound::{Broadcast, Fake};
    ///
    /// #[derive(serde::Serialize, Broadcast)]
    /// #[broadcast(private = "orders.{user_id}")]
    /// struct OrderShipped { user_id: u64 }
    ///
    /// let fake = Fake::new();
    /// fake.broadcaster().send(OrderShipped { user_id: 7 }).dispatch();
    /// fake.assert_not::<OrderShipped>(|event| event.user_id == 8);
    /// ```
    #[track_caller]
    pub fn assert_not<E: 'static>(&self, is_it: impl Fn(&E) -> bool) {
        let all = self.events();
        let found = matching(&all, &is_it).len();
        if found > 0 {
            let name = type_name::<E>();
            panic!("{name} was broadcast {}, unexpectedly; {}", times(found), record::list(&all));
        }
    }

    /// Fails unless so many events of this type were sent.
    ///
    /// # Panics
    /// If they were more or less; the message lists what was sent.
    ///
    /// ```
    /// use resound::{Fake, broadcast::{self, AnonymousEvent}};
    ///
    /// let fake = Fake::new();
    /// fake.assert_count::<AnonymousEvent>(0);
    /// fake.broadcaster().send(broadcast::public("news")).dispatch();
    /// fake.assert_count::<AnonymousEvent>(1);
    /// ```
    #[track_caller]
    pub fn assert_count<E: 'static>(&self, count: usize) {
        let all = self.events();
        let found = all.iter().filter(|event| event.is::<E>()).count();
        if found != count {
            let (name, found, wanted) = (type_name::<E>(), times(found), times(count));
            panic!("{name} was broadcast {found} instead of {wanted}; {}", record::list(&all));
        }
    }

    /// Fails if anything was sent.
    ///
    /// # Panics
    /// If so; the message lists what was sent.
    ///
    /// ```
    /// use resound::{Fake, broadcast};
    ///
    /// let fake = Fake::new();
    /// let to_nobody = broadcast::on(Vec::<String>::new());
    /// fake.broadcaster().send(to_nobody).dispatch();
    /// fake.assert_nothing();
    /// ```
    #[track_caller]
    pub fn assert_nothing(&self) {
        let all = self.events();
        assert!(all.is_empty(), "something was broadcast, unexpectedly; {}", record::list(&all));
    }
}

fn matching<E: 'static>(all: &[Recorded], is_it: &impl Fn(&E) -> bool) -> Vec<Recorded> {
    let is_found = |event: &&Recorded| event.event::<E>().is_some_and(is_it);
    all.iter().filter(is_found).cloned().collect()
}

fn times(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}
