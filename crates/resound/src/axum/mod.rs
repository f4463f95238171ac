//! Channel routes and extractors for axum.
//!
//! ```
//! use axum::{Router, extract::{FromRequestParts, State}, http::{StatusCode, request::Parts}, routing::post};
//! use resound::{Broadcast, Broadcaster, Channels, Path, SocketId};
//! use serde::Serialize;
//!
//! #[derive(Clone)]
//! struct App { broadcaster: Broadcaster }
//!
//! // The application's own extractor of its user.
//! #[derive(Clone)]
//! struct CurrentUser { id: u64 }
//! impl FromRequestParts<App> for CurrentUser {
//!     type Rejection = StatusCode;
//!     async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, StatusCode> {
//!         let id = parts.headers.get("x-user").and_then(|value| value.to_str().ok()?.parse().ok());
//!         id.map(|id| Self { id }).ok_or(StatusCode::UNAUTHORIZED)
//!     }
//! }
//!
//! #[derive(Serialize, Broadcast)]
//! #[broadcast(private = "orders.{user_id}")]
//! struct OrderShipped { user_id: u64 }
//!
//! // Everybody on the channel gets it, but the page that sent the request.
//! async fn ship(State(app): State<App>, user: CurrentUser, socket: SocketId) {
//!     app.broadcaster.send(OrderShipped { user_id: user.id }).to_others(socket).await;
//! }
//!
//! fn router(broadcaster: Broadcaster) -> Router {
//!     let channels = Channels::<App>::new()
//!         .user::<CurrentUser>()
//!         .private("orders.{id}", |user: CurrentUser, Path(id): Path<u64>, State(_app): State<App>| async move {
//!             user.id == id
//!         });
//!     Router::new()
//!         .route("/ship", post(ship))
//!         .merge(resound::axum::routes(&broadcaster, channels))
//!         .with_state(App { broadcaster })
//! }
//! # let _ = router(Broadcaster::null());
//! ```
//!
//! # Layout
//!
//! * `broadcasting`: `/broadcasting/auth` and `/broadcasting/user-auth`
//! * `guard`: users of one kind
//! * `input`: what requests say
//! * `front_end`: Echo's options for pages
//! * `hooks`: webhooks, and what the server in this process says
//! * `server`: the routes of the server in this process
//! * `extract`: `X-Socket-ID`, and axum's `State` and `Path` for handlers of channels

mod broadcasting;
mod extract;
mod front_end;
mod guard;
mod hooks;
mod input;
mod server;

pub use broadcasting::{Broadcasting, routes};
pub use front_end::front_end;
pub use hooks::{hooks, hooks_at};
pub use server::server;
#[cfg(feature = "embedded")]
pub use server::{join_in_process, monitoring};
