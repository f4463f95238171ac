//! How many read which article: hooks say when to count, and the server's figures are the count.
//!
//! Counting joins and leaves would be wrong for ever after one that nobody heard of: the application was restarted, or
//! the server was, and nobody said goodbye. The server always knows who is there.

use std::{collections::BTreeMap, time::Duration};

use resound::{
    Broadcaster, SendError,
    hooks::{Hooks, Joined, Left},
};
use tokio::{sync::Notify, time};

use super::events::ReadersChanged;
use crate::app::App;

/// How many read each article that somebody reads.
pub type Readers = BTreeMap<i64, u64>;

/// Their channels.
const PREFIX: &str = "presence-readers.";
/// Many may come at once, and the list hears of them in one message.
const PAUSE: Duration = Duration::from_millis(200);
/// What hooks don't say is seen this late: that a server died with all who were there, or that somebody was away for a
/// moment in which we counted.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

static SOMEBODY_CAME_OR_WENT: Notify = Notify::const_new();

pub fn hooks(hooks: Hooks<App>) -> Hooks<App> {
    hooks
        .on_join("readers.{article}", |_: Joined| async { SOMEBODY_CAME_OR_WENT.notify_one() })
        .on_leave("readers.{article}", |_: Left| async { SOMEBODY_CAME_OR_WENT.notify_one() })
}

/// Tells the list what has changed, from the start to the end of the process.
pub fn start(app: &App) {
    let app = app.clone();
    tokio::spawn(async move {
        // Pages may show what was so before a restart: the first count is told in any case.
        let mut is_first = true;
        while !app.db.is_closed() {
            match tell(&app, is_first).await {
                Ok(is_told) => is_first &= !is_told,
                Err(error) => tracing::warn!(%error, "the list of articles could not be told who reads"),
            }
            time::sleep(PAUSE).await;
            let _nobody_did = time::timeout(LOOK_AGAIN, SOMEBODY_CAME_OR_WENT.notified()).await;
        }
    });
}

/// Counts, and tells it if it was not told already; by this process or by another one, which only the database knows.
async fn tell(app: &App, is_first: bool) -> sqlx::Result<bool> {
    // While the server is away so are the pages; they ask when they come back.
    let Ok(readers) = count(&app.broadcaster).await else { return Ok(false) };
    let sql = "UPDATE readers_told SET readers = ?1 WHERE readers <> ?1";
    let changed = sqlx::query(sql).bind(format!("{readers:?}")).execute(&app.db).await?;
    let is_news = changed.rows_affected() > 0 || is_first;
    if is_news {
        app.broadcaster.send(ReadersChanged { readers }).await;
    }
    Ok(is_news)
}

/// Asks the server, the one in this process or another.
pub async fn count(broadcaster: &Broadcaster) -> Result<Readers, SendError> {
    let figures = broadcaster.figures(PREFIX).await?;
    let readers = figures.channels.iter().filter_map(|channel| {
        let article = channel.name.strip_prefix(PREFIX)?.parse().ok()?;
        Some((article, channel.members?))
    });
    Ok(readers.collect())
}
