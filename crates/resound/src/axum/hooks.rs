//! Hooks: fed by webhooks, or by the server in this process.

use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    routing::post,
};
use http_body_util::{BodyExt as _, Limited};
use resound_protocol::webhook::{KEY_HEADER, SIGNATURE_HEADER};

use crate::{
    broadcaster::Broadcaster,
    hooks::{BODY_BYTES_MAX, Hooks, Reactor, WebhookAnswer, WebhookRequest},
};

/// Where webhooks come in.
const PATH: &str = "/broadcasting/webhook";

/// Calls hooks: for what the server in this process says, and for webhooks of any other, at
/// `POST /broadcasting/webhook`.
///
/// Webhooks count if a connection of the broadcaster can have signed them. A server in this process needs none: it tells the
/// hooks from its first client on, by the routes of [`server`](super::server), which must have the same state. It holds the state
/// from then on, and with it whatever is in there, until `Embedded::shutdown`. The [module `hooks`](crate::hooks) says more.
///
/// ```
/// use axum::Router;
/// use resound::{Broadcaster, Path, hooks::{Hooks, Joined}};
///
/// let hooks = Hooks::<()>::new().on_join("room.{id}", |member: Joined, Path(room): Path<u64>| async move {
///     println!("{} is in room {room}", member.user_id);
/// });
/// let router: Router = Router::new().merge(resound::axum::hooks(&Broadcaster::null(), hooks));
/// # let _ = router;
/// ```
pub fn hooks<S>(broadcaster: &Broadcaster, hooks: Hooks<S>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    hooks_at(PATH, broadcaster, hooks)
}

/// The same with webhooks at another path.
///
/// ```
/// use axum::Router;
/// use resound::{Broadcaster, hooks::Hooks};
///
/// let hooks = Hooks::<()>::new();
/// let router: Router =
///     Router::new().merge(resound::axum::hooks_at("/pusher/webhook", &Broadcaster::null(), hooks));
/// # let _ = router;
/// ```
pub fn hooks_at<S>(path: &str, broadcaster: &Broadcaster, hooks: Hooks<S>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let entrance = Entrance::new(broadcaster, hooks);
    #[cfg(feature = "embedded")]
    entrance.wait_for_state();
    let answer = move |State(state): State<S>, request: Request| async move {
        let answer = answer(entrance.reactor(state), request).await;
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_REQUEST);
        (status, [(header::CACHE_CONTROL, "no-store")], answer.message)
    };
    Router::new().route(path, post(answer))
}

/// The way in, and the hooks at work from the first time on that there is a state.
struct Entrance<S> {
    broadcaster: Broadcaster,
    hooks: Arc<Hooks<S>>,
    reactor: Arc<OnceLock<Reactor<S>>>,
}

impl<S: Clone + Send + Sync + 'static> Entrance<S> {
    fn new(broadcaster: &Broadcaster, hooks: Hooks<S>) -> Self {
        let broadcaster = broadcaster.clone();
        Self { broadcaster, hooks: Arc::new(hooks), reactor: Arc::default() }
    }

    fn reactor(&self, state: S) -> Reactor<S> {
        let start = || Reactor::new(Arc::clone(&self.hooks), &self.broadcaster, state);
        self.reactor.get_or_init(start).clone()
    }

    /// Has the server in this process tell the hooks, as soon as a client comes: only requests know the state.
    #[cfg(feature = "embedded")]
    fn wait_for_state(&self) {
        let Some(embedded) = self.broadcaster.embedded() else { return };
        let (hooks, reactor) = (Arc::clone(&self.hooks), Arc::clone(&self.reactor));
        let keys = self.broadcaster.keys();
        embedded.hooks().wait_for(move |embedded, state: &S| {
            let start = || Reactor::with_keys(hooks.clone(), keys.clone(), state.clone());
            embedded.tell(reactor.get_or_init(start));
        });
    }
}

impl<S> Clone for Entrance<S> {
    fn clone(&self) -> Self {
        let Self { broadcaster, hooks, reactor } = self;
        let (hooks, reactor) = (Arc::clone(hooks), Arc::clone(reactor));
        Self { broadcaster: broadcaster.clone(), hooks, reactor }
    }
}

async fn answer<S>(reactor: Reactor<S>, request: Request) -> WebhookAnswer
where
    S: Clone + Send + Sync + 'static,
{
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_BYTES_MAX).collect().await else {
        tracing::warn!(
            bytes_max = BODY_BYTES_MAX,
            "a webhook was refused: its body is too long, or broke off"
        );
        return WebhookAnswer::TOO_LONG;
    };
    let header = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let (key, signature) = (header(KEY_HEADER), header(SIGNATURE_HEADER));
    reactor.webhook(WebhookRequest { key, signature, body: &body.to_bytes() }).await
}
