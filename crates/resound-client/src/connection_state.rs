//! Where the connection stands.

use std::time::Duration;

use crate::error::ConnectionError;

/// The state of a client's connection.
///
/// ```no_run
/// # async fn f(client: resound_client::Client) {
/// use resound_client::ConnectionState;
///
/// let mut states = client.states();
/// while let Some(Ok(state)) = states.next().await {
///     match state {
///         ConnectionState::Connected { socket_id } => println!("connected as {socket_id}"),
///         ConnectionState::Waiting { retry_in, reason } => println!("{reason}; back in {retry_in:?}"),
///         other => println!("{other:?}"),
///     }
/// }
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum ConnectionState {
    /// It is being established.
    #[default]
    Connecting,
    /// It stands.
    Connected {
        /// Its id, which an application takes as `X-Socket-ID`. Another one with each connection.
        socket_id: String,
    },
    /// It ended, or could not be established, and will be tried again.
    Waiting {
        /// How long it is waited.
        retry_in: Duration,
        /// What ended it.
        reason: ConnectionError,
    },
    /// It has ended for good: nothing follows.
    Ended {
        /// What ended it; `None` if that was the client's owner.
        reason: Option<ConnectionError>,
    },
}
