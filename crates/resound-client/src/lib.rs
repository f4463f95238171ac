//! A client of Resound and of every other server of the Pusher protocol (Laravel Reverb, soketi, Pusher
//! itself): what Laravel Echo is to browsers, for services, tools, bots and tests in Rust.
//!
//! ```no_run
//! use resound_client::{Client, EndpointAuthorizer};
//!
//! #[derive(serde::Deserialize)]
//! struct OrderShipped {
//!     id: u64,
//! }
//!
//! # async fn f() -> Result<(), Box<dyn std::error::Error>> {
//! let authorizer = EndpointAuthorizer::new("https://shop.example/broadcasting/auth")?
//!     .header("Authorization", "Bearer 1|abc")?;
//! let client = Client::builder("wss://shop.example/app/shop-key")
//!     .authorizer(authorizer)
//!     .connect()
//!     .await?;
//!
//! let mut shipped = client.private("orders").listen::<OrderShipped>("OrderShipped");
//! while let Some(order) = shipped.next().await {
//!     match order {
//!         Ok(order) => println!("order {} is on its way", order.id),
//!         Err(error) => eprintln!("{error}"),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The client comes back by itself after its connection has ended, and subscribes to its channels again,
//! each authorised anew: at once if the server says so (close codes 4200–4299) or is silent, never if it
//! says that (4000–4099, and 4300 on, as pusher-js does), after one to two seconds otherwise, twice as long
//! with every failure, up to a minute. So is an application that is away when it is asked to authorise. What is published meanwhile is missed; [`Client::states`] tells
//! when.
//!
//! # Layout
//!
//! * [`Client`], [`Builder`]: the connection; [`ConnectionState`]: where it stands
//! * [`Channel`] of the kinds [`Public`], [`Private`], [`Encrypted`], [`Presence`]: subscriptions
//! * [`Listener`]: streams of what happens; [`Event`], [`Member`]: what happens
//! * [`Authorizer`], [`EndpointAuthorizer`], [`SecretAuthorizer`]: who lets the client in
//! * `error`: what can go wrong
//! * `names`, `message`, `address`, `closing`, `encryption`: the protocol, without input and output
//! * `registry`, `queue`: what handles and task share; `task`, `wire`, `tls`: the connection's work

mod client;

mod builder;

mod channel;
mod connection_state;
mod event;
mod listener;
mod presence;

mod authorizer;
mod error;

mod address;
mod closing;
mod encryption;
mod message;
mod names;

mod queue;
mod registry;
mod task;
mod tls;
mod wire;

#[cfg(test)]
mod tests;

pub use self::{
    authorizer::{
        Authorization, AuthorizationRequest, Authorizer, Authorizing, EndpointAuthorizer,
        SecretAuthorizer,
    },
    builder::Builder,
    channel::{Channel, Encrypted, Presence, Private, Public},
    client::Client,
    connection_state::ConnectionState,
    error::{
        AddressError, AuthorizeError, ConnectError, ConnectionError, ListenError, ServerError,
        SubscribeError, WhisperError,
    },
    event::Event,
    listener::Listener,
    presence::Member,
};
