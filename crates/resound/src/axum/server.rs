//! The routes of the server in this process.

use axum::Router;

use crate::broadcaster::Broadcaster;

/// The routes of the server in this process: WebSockets of pusher-js and Echo at `/app/{key}`, its fallbacks at `/pusher/…`, Socket.IO
/// at `/socket.io/`, Pusher's HTTP API at `/apps/…`, all behind the option `path` of `embedded::Options`.
///
/// A broadcaster with another driver has no such routes, so that this line can stay when the driver is changed.
///
/// ```
/// use axum::Router;
/// use resound::Broadcaster;
///
/// let broadcaster = Broadcaster::null();
/// let router: Router = Router::new().merge(resound::axum::server(&broadcaster));
/// # let _ = router;
/// ```
pub fn server<S>(broadcaster: &Broadcaster) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    #[cfg(feature = "embedded")]
    return embedded::server(broadcaster);
    #[cfg(not(feature = "embedded"))]
    {
        let _ = broadcaster;
        Router::new()
    }
}

#[cfg(feature = "embedded")]
pub use embedded::{join_in_process, monitoring};

#[cfg(feature = "embedded")]
mod embedded {
    use std::net::SocketAddr;

    use axum::{
        Router,
        body::Body,
        extract::{ConnectInfo, Request, State},
        response::Response,
        routing::any,
    };
    use http_body_util::BodyExt as _;
    use resound_server::embed::{AuthReply, AuthRequest, InProcess};
    use tower_service::Service as _;

    use crate::{broadcaster::Broadcaster, embedded::Embedded};

    pub(super) fn server<S>(broadcaster: &Broadcaster) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        let Some(embedded) = broadcaster.embedded() else { return Router::new() };
        let mut paths: Vec<String> =
            ["/app/{key}", "/apps/{*rest}", "/pusher/app/{*rest}"].map(str::to_owned).into();
        if let Some(path) = embedded.server().socketio_path() {
            paths.extend([path.to_owned(), format!("{path}/"), format!("{path}/{{*rest}}")]);
        }
        routes(embedded, &paths)
    }

    /// Health and metrics of the server in this process: `/up`, `/live`, `/ready`, `/metrics`, behind the server's path. They are not
    /// among those of [`server`](super::server), because an application may have such paths itself, and because whoever
    /// reaches `/metrics` may read it.
    ///
    /// ```
    /// use axum::Router;
    /// use resound::Broadcaster;
    ///
    /// let internal: Router = Router::new().merge(resound::axum::monitoring(&Broadcaster::null()));
    /// # let _ = internal;
    /// ```
    pub fn monitoring<S>(broadcaster: &Broadcaster) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        let Some(embedded) = broadcaster.embedded() else { return Router::new() };
        routes(embedded, &["/up", "/live", "/ready", "/metrics"].map(str::to_owned))
    }

    fn routes<S>(embedded: &Embedded, paths: &[String]) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        let prefix = embedded.path();
        paths.iter().fold(Router::new(), |router, path| {
            let embedded = embedded.clone();
            let handler = move |State(state): State<S>, request: Request| async move {
                // Before the client can do anything that hooks want to know.
                embedded.hooks().start(&embedded, &state);
                answer(&embedded, request).await
            };
            router.route(&format!("{prefix}{path}"), any(handler))
        })
    }

    async fn answer(embedded: &Embedded, request: Request) -> Response {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map(|ConnectInfo(address)| address.ip());
        embedded.server().answer(request, peer).await.map(Body::new)
    }

    /// Lets clients of Socket.IO into channels by the application's own routes, without HTTP.
    ///
    /// They carry no signature, as Pusher's clients do: the server asks `/broadcasting/auth` with their cookies and headers
    /// (`socketio.md`). `app` is the whole router, with its state and all its layers, so that sessions are found as in every other
    /// request; it is asked on the runtime that this is called on. Without this call the server asks over HTTP, as it does by itself:
    /// `RESOUND_AUTH_HOST` is where.
    ///
    /// A question has no `Host` and no [`ConnectInfo`]: it comes from no connection. What needs one of them, such as a limit per address,
    /// is to leave this route out, or to look at `X-Forwarded-For`, at whose end the client's address is.
    ///
    /// The router and the server hold each other from then on, until [`Embedded::shutdown`]. Without an embedded server this does
    /// nothing.
    ///
    /// # Panics
    /// Outside of a tokio runtime, if there is an embedded server.
    ///
    /// ```
    /// use axum::Router;
    /// use resound::Broadcaster;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let broadcaster = Broadcaster::null();
    /// let app: Router = Router::new().merge(resound::axum::server(&broadcaster)); // and the others
    /// resound::axum::join_in_process(&broadcaster, &app);
    /// # }
    /// ```
    pub fn join_in_process(broadcaster: &Broadcaster, app: &Router) {
        let Some(embedded) = broadcaster.embedded() else { return };
        let app = app.clone();
        let ask = move |request: AuthRequest| ask(app.clone(), request);
        embedded.server().ask_in_process(Some(InProcess::new(ask)));
    }

    async fn ask(mut app: Router, request: AuthRequest) -> AuthReply {
        // A router is always ready, and answers everything.
        let Ok(response) = app.call(request.map(Body::new)).await;
        response.map(|body| body.map_err(Into::into).boxed_unsync())
    }
}
