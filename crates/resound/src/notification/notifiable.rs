//! Those who are notified.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use crate::{channel::Channel, model::Model};

/// Somebody who can be notified. Laravel: the trait `Notifiable`.
///
/// ```
/// use resound::{Model, notification::Notifiable};
///
/// struct User { id: u64, email: String }
/// impl Model for User {
///     fn key(&self) -> String { self.id.to_string() }
/// }
/// impl Notifiable for User {
///     fn route_for(&self, channel: &str) -> Option<String> {
///         (channel == "mail").then(|| self.email.clone())
///     }
/// }
/// let ann = User { id: 1, email: "ann@example.org".to_owned() };
/// assert_eq!(ann.receives_broadcast_notifications_on()[0].as_str(), "private-App.Models.User.1");
/// ```
pub trait Notifiable: Model {
    /// The channels that broadcast notifications go to: its own private one by default.
    /// Laravel: `receivesBroadcastNotificationsOn`.
    ///
    /// ```
    /// use resound::{Channel, Model, notification::Notifiable};
    ///
    /// struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// impl Notifiable for User {
    ///     fn receives_broadcast_notifications_on(&self) -> Vec<Channel> {
    ///         vec![Channel::private(format!("users.{}", self.id))]
    ///     }
    /// }
    /// # assert_eq!(User { id: 1 }.receives_broadcast_notifications_on()[0].as_str(), "private-users.1");
    /// ```
    fn receives_broadcast_notifications_on(&self) -> Vec<Channel> {
        vec![Channel::private(self.channel())]
    }

    /// Where a channel of this name reaches it, such as the address for `mail`; `None` by default.
    /// Laravel: `routeNotificationFor`.
    ///
    /// ```
    /// use resound::{Model, notification::Notifiable};
    ///
    /// struct User { email: String, phone: Option<String> }
    /// # impl Model for User { fn key(&self) -> String { self.email.clone() } }
    /// impl Notifiable for User {
    ///     fn route_for(&self, channel: &str) -> Option<String> {
    ///         match channel {
    ///             "mail" => Some(self.email.clone()),
    ///             "sms" => self.phone.clone(),
    ///             _ => None,
    ///         }
    ///     }
    /// }
    /// # assert_eq!(User { email: "a@example.org".to_owned(), phone: None }.route_for("sms"), None);
    /// ```
    fn route_for(&self, channel: &str) -> Option<String> {
        let _ = channel;
        None
    }

    /// Whose notifications are stored: the model's class and key by default; for `None` nothing is stored.
    ///
    /// ```
    /// use resound::{Model, notification::{Notifiable, Owner}};
    ///
    /// /// It hears of everything, and has no list.
    /// struct Screen;
    /// # impl Model for Screen { fn key(&self) -> String { "1".to_owned() } }
    /// impl Notifiable for Screen {
    ///     fn owner(&self) -> Option<Owner> {
    ///         None
    ///     }
    /// }
    /// # assert_eq!(Screen.owner(), None);
    /// ```
    fn owner(&self) -> Option<Owner> {
        Some(Owner { class: Self::class(), key: self.key() })
    }

    #[doc(hidden)]
    fn on_demand(&self) -> Option<&OnDemand> {
        None
    }
}

/// Whose a stored notification is. Laravel: `notifiable_type` and `notifiable_id`.
///
/// ```
/// use resound::{Model, notification::{Notifiable, Owner}};
///
/// struct User { id: u64 }
/// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
/// # impl Notifiable for User {}
/// assert_eq!(User { id: 1 }.owner(), Some(Owner::new(r"App\Models\User", "1")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Owner {
    /// The [class](Model::class).
    pub class: String,
    /// The [key](Model::key).
    pub key: String,
}

impl Owner {
    /// The owner that a class and a key make.
    ///
    /// ```
    /// let owner = resound::notification::Owner::new(r"App\Models\User", "1");
    /// assert_eq!(owner.to_string(), r"App\Models\User 1");
    /// ```
    pub fn new(class: impl Into<String>, key: impl Into<String>) -> Self {
        Self { class: class.into(), key: key.into() }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.class, self.key)
    }
}

/// Somebody without an account: only where a channel reaches them. Laravel: `Notification::route(…)`.
///
/// It begins with [`Notifier::route`](crate::notification::Notifier::route). Nothing is stored for it.
///
/// ```
/// # use resound::{NotificationFake, notification::Notifiable};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # #[derive(Clone, serde::Serialize)]
/// # struct InvoicePaid { amount: u64 }
/// # impl<N: Notifiable> resound::notification::Notification<N> for InvoicePaid {
/// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> {
/// #         vec!["database".into(), "broadcast".into()]
/// #     }
/// # }
/// # let fake = NotificationFake::new();
/// # let notifier = fake.notifier();
/// let desk = notifier.route("broadcast", "private-desk");
/// notifier.send(&desk, InvoicePaid { amount: 5 }).await?;
/// assert_eq!(fake.sent()[0].on_demand, Some(desk));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnDemand {
    routes: BTreeMap<String, Vec<String>>,
}

impl OnDemand {
    /// Somebody whom this channel reaches there.
    ///
    /// For `broadcast` it is the full name of a channel, and may be said several times.
    ///
    /// ```
    /// use resound::notification::{Notifiable, OnDemand};
    ///
    /// let guest = OnDemand::new("mail", "guest@example.org").route("broadcast", "private-desk");
    /// assert_eq!(guest.route_for("mail").as_deref(), Some("guest@example.org"));
    /// assert_eq!(guest.receives_broadcast_notifications_on()[0].as_str(), "private-desk");
    /// assert_eq!(guest.owner(), None);
    /// ```
    pub fn new(channel: impl Into<String>, route: impl Into<String>) -> Self {
        Self::default().route(channel, route)
    }

    /// The same, reached by another channel, too.
    ///
    /// ```
    /// use resound::notification::{Notifiable, OnDemand};
    ///
    /// let guest = OnDemand::default()
    ///     .route("mail", "guest@example.org")
    ///     .route("broadcast", "private-desk")
    ///     .route("broadcast", "private-bookkeeping");
    /// assert_eq!(guest.receives_broadcast_notifications_on().len(), 2);
    /// ```
    pub fn route(mut self, channel: impl Into<String>, route: impl Into<String>) -> Self {
        self.routes.entry(channel.into()).or_default().push(route.into());
        self
    }
}

impl fmt::Display for OnDemand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let routes: Vec<String> = self
            .routes
            .iter()
            .map(|(channel, to)| format!("{channel} {}", to.join(", ")))
            .collect();
        write!(f, "on demand: {}", routes.join("; "))
    }
}

impl Model for OnDemand {
    fn class() -> String {
        r"Illuminate\Notifications\AnonymousNotifiable".to_owned()
    }

    fn key(&self) -> String {
        String::new()
    }
}

impl Notifiable for OnDemand {
    fn receives_broadcast_notifications_on(&self) -> Vec<Channel> {
        self.routes.get("broadcast").into_iter().flatten().map(Channel::from).collect()
    }

    fn route_for(&self, channel: &str) -> Option<String> {
        self.routes.get(channel)?.first().cloned()
    }

    fn owner(&self) -> Option<Owner> {
        None
    }

    fn on_demand(&self) -> Option<&OnDemand> {
        Some(self)
    }
}
