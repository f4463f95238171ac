//! Who may join, asserted.

use crate::channels::{Channels, Gate, Granted, Joining};

impl<S, U: Clone> Gate<S, U> {
    /// Fails unless the user may join the channel with this full name; gives the permission.
    ///
    /// # Panics
    /// If the user may not; the message says why.
    ///
    /// ```
    /// use resound::{Channels, Path};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channels = Channels::<()>::new()
    ///     .user::<u64>()
    ///     .private("orders.{id}", |user: u64, Path(id): Path<u64>| async move { user == id });
    /// let granted = channels.with_state(()).assert_can_join(&1, "private-orders.1").await;
    /// assert_eq!(granted.pattern, "orders.{id}");
    /// # }
    /// ```
    pub async fn assert_can_join(&self, user: &U, channel: &str) -> Granted {
        match self.decide(Some(user), &Joining::new(channel)).await {
            Ok(granted) => granted,
            Err(denial) => panic!("the user may not join {channel}: {denial}"),
        }
    }

    /// Fails if the user may join the channel with this full name.
    ///
    /// # Panics
    /// If the user may; the message says which route agreed.
    ///
    /// ```
    /// use resound::{Channels, Path};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channels = Channels::<()>::new()
    ///     .user::<u64>()
    ///     .private("orders.{id}", |user: u64, Path(id): Path<u64>| async move { user == id });
    /// channels.with_state(()).assert_cannot_join(&1, "private-orders.2").await;
    /// # }
    /// ```
    pub async fn assert_cannot_join(&self, user: &U, channel: &str) {
        if let Ok(granted) = self.decide(Some(user), &Joining::new(channel)).await {
            panic!("the user may join {channel}: {} agreed", granted.pattern);
        }
    }

    /// Fails if a guest may join the channel with this full name.
    ///
    /// # Panics
    /// If a guest may; the message says which route agreed.
    ///
    /// ```
    /// use resound::Channels;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channels = Channels::<()>::new().user::<u64>().private("news", |_: u64| async { true });
    /// channels.with_state(()).assert_guest_cannot_join("private-news").await;
    /// # }
    /// ```
    pub async fn assert_guest_cannot_join(&self, channel: &str) {
        if let Ok(granted) = self.decide(None, &Joining::new(channel)).await {
            panic!("a guest may join {channel}: {} agreed", granted.pattern);
        }
    }
}

impl<U: Clone> Channels<(), U> {
    /// Fails unless the user may join the channel with this full name; gives the permission. Routes with a state
    /// get it by [`Channels::with_state`].
    ///
    /// # Panics
    /// If the user may not; the message says why.
    ///
    /// ```
    /// use resound::{Channels, Path};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channels = Channels::new()
    ///     .user::<u64>()
    ///     .private("orders.{id}", |user: u64, Path(id): Path<u64>| async move { user == id });
    /// channels.assert_can_join(&1, "private-orders.1").await;
    /// channels.assert_cannot_join(&1, "private-orders.2").await;
    /// # }
    /// ```
    pub async fn assert_can_join(&self, user: &U, channel: &str) -> Granted {
        match self.try_join(user, channel).await {
            Ok(granted) => granted,
            Err(denial) => panic!("the user may not join {channel}: {denial}"),
        }
    }

    /// Fails if the user may join the channel with this full name.
    ///
    /// # Panics
    /// If the user may; the message says which route agreed.
    ///
    /// ```
    /// use resound::Channels;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channels = Channels::new().user::<u64>().private("staff", |user: u64| async move { user < 10 });
    /// channels.assert_cannot_join(&11, "private-staff").await;
    /// # }
    /// ```
    pub async fn assert_cannot_join(&self, user: &U, channel: &str) {
        if let Ok(granted) = self.try_join(user, channel).await {
            panic!("the user may join {channel}: {} agreed", granted.pattern);
        }
    }

    async fn try_join(&self, user: &U, channel: &str) -> Result<Granted, super::Denial> {
        let joining = Joining::new(channel);
        joining.check(false)?;
        self.decide(Some(user.clone()), &joining, &()).await
    }
}
