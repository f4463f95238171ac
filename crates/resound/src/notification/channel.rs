//! Ways of the application's own.

use std::{error::Error, future::Future, pin::Pin};

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::notification::notifiable::Owner;

/// What goes wrong in a [`Channel`], in its own words.
pub type ChannelError = Box<dyn Error + Send + Sync>;

/// A channel's answer, later.
pub type Delivering<'a> = Pin<Box<dyn Future<Output = Result<(), ChannelError>> + Send + 'a>>;

/// A way of the application's own by which notifications reach somebody: mail, SMS, a chat.
///
/// The sender waits for it, for the notifier's
/// [timeout](crate::notification::Builder::channel_timeout) at most. A channel that takes long has a queue of its own.
///
/// ```
/// use resound::{Broadcaster, notification::{Channel, Delivering, Delivery, MemoryStore, Notifier}};
///
/// #[derive(serde::Deserialize)]
/// struct Mail { subject: String }
///
/// struct Mailer;
/// impl Channel for Mailer {
///     fn deliver<'a>(&'a self, delivery: &'a Delivery) -> Delivering<'a> {
///         Box::pin(async move {
///             let address = delivery.route.as_deref().ok_or("there is no address")?;
///             let mail: Mail = delivery.message()?;
///             println!("{address}: {}", mail.subject);
///             Ok(())
///         })
///     }
/// }
///
/// let notifier = Notifier::builder(&Broadcaster::null()).channel("mail", Mailer).build();
/// # let _ = notifier;
/// ```
pub trait Channel: Send + Sync + 'static {
    /// Delivers a notification.
    ///
    /// # Errors
    /// Whatever went wrong; the sender gets it with the notification's id.
    ///
    /// ```
    /// use resound::notification::{Channel, Delivering, Delivery};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// struct Sms;
    /// impl Channel for Sms {
    ///     fn deliver<'a>(&'a self, delivery: &'a Delivery) -> Delivering<'a> {
    ///         Box::pin(async move {
    ///             let number = delivery.route.as_deref().ok_or("there is no number")?;
    ///             println!("{number}: {}", delivery.json());
    ///             Ok(())
    ///         })
    ///     }
    /// }
    /// # #[derive(serde::Serialize)]
    /// # struct Code(u32);
    /// # impl<N: resound::notification::Notifiable> resound::notification::Notification<N> for Code {
    /// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> { vec!["sms".into()] }
    /// # }
    /// # let builder = resound::Notifier::builder(&resound::Broadcaster::null());
    /// let notifier = builder.channel("sms", Sms).build();
    /// notifier.send(&notifier.route("sms", "+49 30 1234"), Code(4711)).await?;
    /// # Ok(())
    /// # }
    /// ```
    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> Delivering<'a>;
}

/// A notification on its way through a [`Channel`].
///
/// ```
/// use resound::notification::{ChannelError, Delivery};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// fn letter(delivery: &Delivery) -> Result<String, ChannelError> {
///     let address = delivery.route.as_deref().ok_or("there is no address")?;
///     Ok(format!("To: {address}\nMessage-ID: <{}@shop.example>\n\n{}", delivery.id, delivery.json()))
/// }
/// # struct It;
/// # impl resound::notification::Channel for It {
/// #     fn deliver<'a>(&'a self, it: &'a Delivery) -> resound::notification::Delivering<'a> {
/// #         Box::pin(async move { assert!(letter(it)?.starts_with("To: guest@example.org\n")); Ok(()) })
/// #     }
/// # }
/// # #[derive(serde::Serialize)]
/// # struct Welcome { subject: &'static str }
/// # impl<N: resound::notification::Notifiable> resound::notification::Notification<N> for Welcome {
/// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> { vec!["it".into()] }
/// # }
/// # let guest = resound::notification::OnDemand::new("it", "guest@example.org");
/// # let builder = resound::Notifier::builder(&resound::Broadcaster::null()).channel("it", It);
/// # builder.build().send(&guest, Welcome { subject: "Hello" }).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Delivery {
    /// The notification's id, the same for all ways to one notifiable.
    pub id: String,
    /// What it is called: [`Notification::name`](crate::notification::Notification::name).
    pub kind: String,
    /// The channel's name.
    pub channel: String,
    /// Who is notified; `None` on demand.
    pub owner: Option<Owner>,
    /// Where the channel reaches them: [`Notifiable::route_for`](crate::notification::Notifiable::route_for).
    pub route: Option<String>,
    pub(crate) message: Box<RawValue>,
}

impl Delivery {
    /// What the notification says: [`Notification::to_channel`](crate::notification::Notification::to_channel).
    ///
    /// # Errors
    /// If it is no `T`.
    ///
    /// ```
    /// use resound::notification::{ChannelError, Delivery};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #[derive(serde::Deserialize)]
    /// struct Mail { subject: String }
    ///
    /// fn subject(delivery: &Delivery) -> Result<String, ChannelError> {
    ///     Ok(delivery.message::<Mail>()?.subject)
    /// }
    /// # struct It;
    /// # impl resound::notification::Channel for It {
    /// #     fn deliver<'a>(&'a self, it: &'a Delivery) -> resound::notification::Delivering<'a> {
    /// #         Box::pin(async move { assert_eq!(subject(it)?, "Hello"); Ok(()) })
    /// #     }
    /// # }
    /// # #[derive(serde::Serialize)]
    /// # struct Welcome { subject: &'static str }
    /// # impl<N: resound::notification::Notifiable> resound::notification::Notification<N> for Welcome {
    /// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> { vec!["it".into()] }
    /// # }
    /// # let guest = resound::notification::OnDemand::new("it", "guest@example.org");
    /// # let builder = resound::Notifier::builder(&resound::Broadcaster::null()).channel("it", It);
    /// # builder.build().send(&guest, Welcome { subject: "Hello" }).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn message<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_str(self.message.get())
    }

    /// The same as JSON.
    ///
    /// ```
    /// use resound::notification::Delivery;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// fn log_line(delivery: &Delivery) -> String {
    ///     format!("{} {}: {}", delivery.channel, delivery.kind, delivery.json())
    /// }
    /// # struct It;
    /// # impl resound::notification::Channel for It {
    /// #     fn deliver<'a>(&'a self, it: &'a Delivery) -> resound::notification::Delivering<'a> {
    /// #         Box::pin(async move { assert!(log_line(it).ends_with(r#"Welcome: {"subject":"Hello"}"#)); Ok(()) })
    /// #     }
    /// # }
    /// # #[derive(serde::Serialize)]
    /// # struct Welcome { subject: &'static str }
    /// # impl<N: resound::notification::Notifiable> resound::notification::Notification<N> for Welcome {
    /// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> { vec!["it".into()] }
    /// # }
    /// # let guest = resound::notification::OnDemand::new("it", "guest@example.org");
    /// # let builder = resound::Notifier::builder(&resound::Broadcaster::null()).channel("it", It);
    /// # builder.build().send(&guest, Welcome { subject: "Hello" }).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn json(&self) -> &str {
        self.message.get()
    }
}
