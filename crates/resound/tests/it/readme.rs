//! What README.md shows of the library, line by line, so that it compiles and runs. Hidden lines of a doc test would be
//! seen there, by who reads it elsewhere than in rustdoc.

use axum::{
    Router,
    extract::{FromRequestParts, State},
    http::{Request, StatusCode, request::Parts},
    response::{IntoResponse, Response},
    routing::post,
};
use resound::{
    Broadcast, Broadcaster, Channels, Model, Path, SocketId,
    notification::{DatabaseStore, Notifiable, Notification, Notifier, NotifyError, Via},
    sql::Transaction,
};
use serde::Serialize;
use sqlx::{Sqlite, SqlitePool};
use tower::ServiceExt;

#[test]
fn what_the_readme_shows_is_here() {
    let readme = include_str!("../../../../README.md");
    let (_, snippet) = readme.split_once("```rust\n").expect("README.md has code");
    let (snippet, rest) = snippet.split_once("\n```\n").expect("and its end");
    assert!(!rest.contains("```rust"), "all of it is to be compared");
    let mut own = include_str!("readme.rs").lines().map(str::trim);
    for line in snippet.lines().map(str::trim).filter(|line| !line.is_empty()) {
        assert!(own.any(|own| own == line), "README.md has, in another place than here: {line}");
    }
}

#[tokio::test]
async fn what_the_readme_shows_ships_a_parcel() {
    let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
    resound::sql::migrate(&pool).await.unwrap();
    let request = Request::post("/ship").header("X-Socket-ID", "123.456");
    let request = request.body(axum::body::Body::empty()).unwrap();
    let response = router(pool).unwrap().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[rustfmt::skip]
#[derive(Serialize, Broadcast)]
#[broadcast(private = "orders.{user_id}")]
struct OrderShipped { user_id: u64, parcel: String }

#[rustfmt::skip]
async fn ship(State(app): State<App>, user: User, socket: SocketId) -> Result<(), Error> {
    let mut tx = app.broadcaster.begin(&app.pool).await?;           // sqlx: SQLite, PostgreSQL, MySQL
    let parcel = book(&mut tx, &user).await?;
    tx.send(OrderShipped { user_id: user.id, parcel }).to_others(socket).await;
    app.notifier.within(&mut tx).send(&user, ParcelIsOnItsWay).await?;   // stored, and broadcast with the same id
    Ok(tx.commit().await?)                                          // only now, and never after a rollback
}

#[rustfmt::skip]
fn router(pool: SqlitePool) -> Result<Router, Box<dyn std::error::Error>> {
    let channels = Channels::<App>::new()
        .user::<User>()                                                 // your own extractor
        .private("orders.{id}", |user: User, Path(id): Path<u64>| async move { user.id == id });

    let broadcaster = Broadcaster::from_env_or("embedded")?;
    let notifier = Notifier::new(&broadcaster, DatabaseStore::new(&pool));
    let app = App { broadcaster: broadcaster.clone(), notifier, pool };
    let router = Router::new()
        .route("/ship", post(ship))
        .merge(resound::axum::routes(&broadcaster, channels))           // /broadcasting/auth
        .merge(resound::axum::front_end(&broadcaster))                  // Echo's options, at run time
        .merge(resound::axum::server(&broadcaster))                     // the embedded server
        .with_state(app);
    Ok(router)
}

#[derive(Clone)]
struct App {
    broadcaster: Broadcaster,
    notifier: Notifier,
    pool: SqlitePool,
}

#[derive(Clone)]
struct User {
    id: u64,
}

impl<S: Sync> FromRequestParts<S> for User {
    type Rejection = StatusCode;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        Ok(Self { id: 7 })
    }
}

impl Model for User {
    fn key(&self) -> String {
        self.id.to_string()
    }
}

impl Notifiable for User {}

#[derive(Serialize)]
struct ParcelIsOnItsWay;

impl<N: Notifiable> Notification<N> for ParcelIsOnItsWay {
    fn via(&self, _: &N) -> Vec<Via> {
        vec![Via::Database, Via::Broadcast]
    }
}

async fn book(tx: &mut Transaction<'_, Sqlite>, user: &User) -> Result<String, sqlx::Error> {
    let query = sqlx::query_scalar("SELECT 'P-' || ?").bind(user.id.to_string());
    query.fetch_one(&mut **tx).await
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Notify(#[from] NotifyError),
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.to_string()).into_response()
    }
}
