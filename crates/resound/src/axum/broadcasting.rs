//! `/broadcasting/auth` and `/broadcasting/user-auth`.

use std::{fmt, sync::Arc};

use axum::{
    Router,
    extract::{FromRequestParts, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use crate::{
    axum::{
        guard::{Guard, Refusal},
        input,
    },
    broadcaster::Broadcaster,
    channels::{Answer, Channels, Denial, Granted, Joining, SignedInUser, Signing},
    driver::Answers,
};

/// Characters of a channel's name in the log.
const LOGGED_MAX: usize = 200;

/// The routes by which clients ask whether they may join: GET and POST of `/broadcasting/auth`, and of
/// `/broadcasting/user-auth` for `pusher.signin()`.
///
/// Answers are those of the broadcaster's default connection. [`Broadcasting`] has more to choose. They need no
/// protection against forged requests (CSRF): they change nothing, and other sites can't read their answers.
///
/// ```
/// use axum::{Router, extract::FromRequestParts, http::{StatusCode, request::Parts}};
/// use resound::{Broadcaster, Channels};
///
/// #[derive(Clone)]
/// struct User;
/// impl<S: Sync> FromRequestParts<S> for User {
///     type Rejection = StatusCode;
///     async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, StatusCode> { Ok(User) }
/// }
///
/// let channels = Channels::<()>::new().user::<User>();
/// let router: Router = Router::new().merge(resound::axum::routes(&Broadcaster::null(), channels));
/// # let _ = router;
/// ```
pub fn routes<S, U>(broadcaster: &Broadcaster, channels: Channels<S, U>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    U: FromRequestParts<S> + Clone + Send + Sync + 'static,
{
    Broadcasting::new(broadcaster).channels(channels).routes()
}

/// The routes of [`routes`], with more to choose: several kinds of users, another path, another form of
/// answers.
///
/// ```
/// use axum::{Router, extract::FromRequestParts, http::{StatusCode, request::Parts}};
/// use resound::{Broadcaster, Channels, axum::Broadcasting, driver::Answers};
///
/// #[derive(Clone)]
/// struct Guest;
/// impl<S: Sync> FromRequestParts<S> for Guest {
///     type Rejection = StatusCode;
///     async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, StatusCode> { Ok(Guest) }
/// }
/// # type Admin = Guest;
///
/// let router: Router = Broadcasting::new(&Broadcaster::null())
///     .channels(Channels::new().user::<Admin>())
///     .channels(Channels::new().user::<Guest>())
///     .path("/api/broadcasting")
///     .answers(Answers::SocketIo)
///     .routes();
/// # let _ = router;
/// ```
#[must_use = "it does nothing until `.routes()` is merged into a router"]
pub struct Broadcasting<S> {
    signing: Signing,
    guards: Vec<Box<dyn Guard<S>>>,
    path: String,
}

impl<S: Clone + Send + Sync + 'static> Broadcasting<S> {
    /// No channels yet: nobody joins anything.
    ///
    /// ```
    /// use axum::{Router, body::Body, http::{Request, StatusCode}};
    /// use resound::{Broadcaster, axum::Broadcasting};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let router: Router = Broadcasting::new(&Broadcaster::null()).routes();
    /// let question = Request::post("/broadcasting/auth?channel_name=private-news&socket_id=1.2");
    /// let answer = router.oneshot(question.body(Body::empty())?).await?;
    /// assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(broadcaster: &Broadcaster) -> Self {
        let signing = Signing::new(&broadcaster.answers());
        Self { signing, guards: Vec::new(), path: "/broadcasting".to_owned() }
    }

    /// Adds channels, whose users may be of another kind than those of channels before. They are asked if the ones
    /// before have no route, no user, or leave it to others.
    ///
    /// ```
    /// use axum::{Router, http::StatusCode};
    /// use resound::{Broadcaster, Channels, Path, axum::Broadcasting};
    /// # use axum::{body::Body, extract::FromRequestParts, http::{Request, request::Parts}};
    /// # use tower::ServiceExt;
    /// # #[derive(Clone)]
    /// # struct User { id: u64 }
    /// # impl<S: Sync> FromRequestParts<S> for User {
    /// #     type Rejection = StatusCode;
    /// #     async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, StatusCode> { Ok(Self { id: 7 }) }
    /// # }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let channels = Channels::new()
    ///     .user::<User>()
    ///     .private("orders.{id}", |user: User, Path(id): Path<u64>| async move { user.id == id });
    /// let router: Router = Broadcasting::new(&Broadcaster::null()).channels(channels).routes();
    /// # let question = Request::post("/broadcasting/auth?channel_name=private-orders.7&socket_id=1.2");
    /// # let answer = router.oneshot(question.body(Body::empty())?).await?;
    /// # assert_eq!(answer.status(), StatusCode::OK);
    /// # Ok(())
    /// # }
    /// ```
    pub fn channels<U>(mut self, channels: Channels<S, U>) -> Self
    where
        U: FromRequestParts<S> + Clone + Send + Sync + 'static,
    {
        self.guards.push(Box::new(channels));
        self
    }

    /// Sets what stands in front of `/auth`, `/broadcasting` by default; Echo's option `authEndpoint`.
    ///
    /// ```
    /// use axum::{Router, body::Body, http::{Request, StatusCode}};
    /// use resound::{Broadcaster, axum::Broadcasting};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // new Echo({ authEndpoint: '/api/broadcasting/auth', … })
    /// let router: Router = Broadcasting::new(&Broadcaster::null()).path("/api/broadcasting").routes();
    /// let question = Request::post("/api/broadcasting/auth").body(Body::empty())?;
    /// assert_ne!(router.oneshot(question).await?.status(), StatusCode::NOT_FOUND);
    /// # Ok(())
    /// # }
    /// ```
    pub fn path(mut self, path: &str) -> Self {
        path.trim_end_matches('/').clone_into(&mut self.path);
        self
    }

    /// Sets the form of answers, by default that of the broadcaster's default connection.
    ///
    /// ```
    /// use axum::Router;
    /// use resound::{Broadcaster, Channels, axum::Broadcasting, driver::Answers};
    /// # use axum::{body::{Body, to_bytes}, http::Request};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let channels = Channels::new().private("news", |()| async { true });
    /// let router: Router = Broadcasting::new(&Broadcaster::null())
    ///     .channels(channels)
    ///     .answers(Answers::SocketIo) // laravel-echo-server asks
    ///     .routes();
    /// # let question = Request::post("/broadcasting/auth?channel_name=private-news").body(Body::empty())?;
    /// # let answer = to_bytes(router.oneshot(question).await?.into_body(), 100).await?;
    /// assert_eq!(answer, "true");
    /// # Ok(())
    /// # }
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "it is one of few values, made for this")]
    pub fn answers(mut self, answers: Answers) -> Self {
        self.signing = Signing::new(&answers);
        self
    }

    /// The routes, to merge into the application's router.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use resound::{Broadcaster, axum::Broadcasting};
    ///
    /// let broadcasting = Broadcasting::new(&Broadcaster::null());
    /// let router: Router = Router::new()
    ///     .route("/", get(async || "hello"))
    ///     .merge(broadcasting.routes());
    /// # let _ = router;
    /// ```
    pub fn routes(self) -> Router<S> {
        let (auth, user_auth) = (format!("{}/auth", self.path), format!("{}/user-auth", self.path));
        let this = Arc::new(self);
        let join = {
            let this = Arc::clone(&this);
            move |State(state): State<S>, request: Request| async move {
                this.join(request, &state).await
            }
        };
        let who = move |State(state): State<S>, request: Request| async move {
            this.who(request, &state).await
        };
        Router::new()
            .route(&auth, get(join.clone()).post(join))
            .route(&user_auth, get(who.clone()).post(who))
    }

    async fn join(&self, request: Request, state: &S) -> Response {
        let (mut parts, body) = request.into_parts();
        let joining = input::read(&parts, body).await;
        if let Err(denial) = self.signing.check(&joining) {
            return deny(&joining, &denial);
        }
        let mut denial = Denial::NoRoute { name: joining.name().unwrap_or_default().into() };
        for guard in &self.guards {
            match guard.join(&mut parts, &joining, state).await {
                Ok(granted) => return self.grant(&joining, &granted),
                Err(Refusal::Denied(other)) if other.is_open() => keep(&mut denial, other),
                Err(refusal) => return refuse(&joining, refusal),
            }
        }
        deny(&joining, &denial)
    }

    fn grant(&self, joining: &Joining, granted: &Granted) -> Response {
        match self.signing.grant(joining, granted) {
            Ok(answer) => answer.into_response(),
            Err(denial) => deny(joining, &denial),
        }
    }

    async fn who(&self, request: Request, state: &S) -> Response {
        let (mut parts, body) = request.into_parts();
        let joining = input::read(&parts, body).await;
        if let Err(denial) = self.signing.check_socket(&joining) {
            return deny(&joining, &denial);
        }
        let mut denial = Denial::NoSignIn;
        for guard in &self.guards {
            match guard.who(&mut parts, &joining, state).await {
                Ok(user) => return self.sign_in(&joining, &user),
                Err(Refusal::Denied(other)) if other.is_open() => {
                    if other != Denial::NoSignIn {
                        denial = other;
                    }
                }
                Err(refusal) => return refuse(&joining, refusal),
            }
        }
        deny(&joining, &denial)
    }

    fn sign_in(&self, joining: &Joining, user: &SignedInUser) -> Response {
        match self.signing.sign_in(joining, user) {
            Ok(answer) => answer.into_response(),
            Err(denial) => deny(joining, &denial),
        }
    }
}

impl<S> fmt::Debug for Broadcasting<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcasting").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Of several reasons the one that says more is told.
fn keep(denial: &mut Denial, other: Denial) {
    let is_bare =
        |denial: &Denial| matches!(denial, Denial::NoRoute { .. } | Denial::OtherKind { .. });
    if is_bare(denial) || !is_bare(&other) {
        *denial = other;
    }
}

fn refuse(joining: &Joining, refusal: Refusal) -> Response {
    match refusal {
        Refusal::Denied(denial) => deny(joining, &denial),
        Refusal::Broken(response) => {
            let (channel, status) = (logged(&joining.channel), response.status().as_u16());
            tracing::error!(channel, status, "who wants to join a channel could not be found out");
            response
        }
    }
}

/// The channel's name as the log has it: anybody can ask for any.
fn logged(channel: &str) -> &str {
    let end = channel.char_indices().nth(LOGGED_MAX).map_or(channel.len(), |(at, _)| at);
    &channel[..end]
}

fn deny(joining: &Joining, denial: &Denial) -> Response {
    let channel = logged(&joining.channel);
    let connection = joining.socket.as_deref().unwrap_or_default();
    if denial.status() >= 500 {
        tracing::error!(channel, connection, reason = %denial, "a client's question to join failed");
    } else {
        tracing::info!(channel, connection, reason = %denial, "a client may not join a channel");
    }
    Answer::denied(denial).into_response()
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::FORBIDDEN);
        let headers = [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "no-cache, private"),
        ];
        (status, headers, self.body).into_response()
    }
}
