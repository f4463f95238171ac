#![doc = include_str!("../../docs/models.md")]
//!
//! # Layout
//!
//! * `occurrence`: what happens to a model, as an event; `events`: such events, and the broadcaster's methods
//! * `snapshot`: how a model was, to see whether it changed

mod events;
mod occurrence;
mod snapshot;

pub use events::{created, deleted, restored, trashed, updated};
pub use occurrence::{BroadcastsEvents, ModelEvent, ModelEventOccurred};
pub use snapshot::Snapshot;

use crate::name::short_type_name;

/// A record that has its own channel, as Laravel's models do: `App.Models.User.1`.
///
/// ```
/// use resound::Model;
///
/// struct Post { id: u64 }
/// impl Model for Post {
///     fn key(&self) -> String { self.id.to_string() }
/// }
/// assert_eq!(Post { id: 7 }.channel(), "App.Models.Post.7");
///
/// struct Account { name: String }
/// impl Model for Account {
///     fn class() -> String { r"Billing\Account".to_owned() }
///     fn key(&self) -> String { self.name.clone() }
/// }
/// assert_eq!(Account { name: "ann".into() }.channel(), "Billing.Account.ann");
/// ```
pub trait Model {
    /// The name of its class as the front end knows it, `App\Models\` and the type's name by default.
    ///
    /// The default takes the name from [`std::any::type_name`]; write it out if the type may be renamed while
    /// front ends stay.
    ///
    /// ```
    /// # use resound::Model;
    /// struct Account { name: String }
    /// impl Model for Account {
    ///     fn class() -> String { r"Billing\Account".to_owned() }
    ///     # fn key(&self) -> String { self.name.clone() }
    /// }
    /// assert_eq!(Account { name: "ann".to_owned() }.channel(), "Billing.Account.ann");
    /// ```
    fn class() -> String {
        format!("App\\Models\\{}", short_type_name::<Self>())
    }

    /// What tells it from others of its class.
    ///
    /// ```
    /// # use resound::Model;
    /// struct Seat { row: char, number: u8 }
    /// impl Model for Seat {
    ///     fn key(&self) -> String { format!("{}{}", self.row, self.number) }
    /// }
    /// assert_eq!(Seat { row: 'C', number: 7 }.channel(), "App.Models.Seat.C7");
    /// ```
    fn key(&self) -> String;

    /// The name of its channel, without the prefix of a private one. Laravel: `broadcastChannel()`.
    ///
    /// ```
    /// # use resound::Model;
    /// # struct Post { id: u64 }
    /// # impl Model for Post { fn key(&self) -> String { self.id.to_string() } }
    /// // Echo.private('App.Models.Post.7')
    /// assert_eq!(Post { id: 7 }.channel(), "App.Models.Post.7");
    /// ```
    fn channel(&self) -> String {
        format!("{}.{}", Self::class().replace('\\', "."), self.key())
    }
}
