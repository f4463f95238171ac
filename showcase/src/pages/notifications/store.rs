use resound::notification::{DatabaseNotification, Inbox, Notifiable, PAGE_MAX, StoreError};
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;

use crate::{app::App, visitor::User};

/// How many notifications a page shows.
const SHOWN: usize = 20;

/// A part of somebody's notifications, the newest first, as the page shows it and as its script asks for it.
#[derive(Serialize)]
pub struct List {
    /// Whose they are.
    pub user: i64,
    /// Of all notifications.
    pub unread: u64,
    pub items: Vec<Item>,
    pub is_more: bool,
}

impl List {
    /// The newest ones, or those behind the one of this id.
    pub async fn of(app: &App, user: &User, after: Option<String>) -> Result<Self, StoreError> {
        let inbox = app.notifier.inbox(user);
        // One more than is shown, to know whether there are more.
        let listing = inbox.all().limit(SHOWN + 1);
        let listing = match after {
            Some(id) => listing.after(id),
            None => listing,
        };
        let mut items: Vec<_> = listing.await?.into_iter().map(Item::from).collect();
        let is_more = items.len() > SHOWN;
        items.truncate(SHOWN);
        Ok(Self { user: user.id, unread: inbox.unread_count().await?, items, is_more })
    }
}

/// What a user was told.
#[derive(Serialize)]
pub struct Item {
    pub id: String,
    pub text: String,
    pub link: String,
    /// What the thing at the link is called, if the notification says so.
    pub title: Option<String>,
    pub is_read: bool,
    pub at: String,
}

/// What all notifications of this application say.
#[derive(Deserialize)]
struct Says {
    text: String,
    link: String,
    title: Option<String>,
}

impl From<DatabaseNotification> for Item {
    fn from(stored: DatabaseNotification) -> Self {
        let says = stored.data().unwrap_or_else(|_| Says {
            // The table may have rows of another application, such as one in Laravel.
            text: stored.kind.clone(),
            link: "/notifications".to_owned(),
            title: None,
        });
        Self {
            is_read: stored.is_read(),
            at: stored.created_at.map(|at| at.to_string()).unwrap_or_default(),
            id: stored.id,
            text: says.text,
            link: says.link,
            title: says.title,
        }
    }
}

impl Item {
    /// When it was, for browsers without JavaScript.
    pub fn minute(&self) -> String {
        self.at.get(..16).unwrap_or_default().replace('T', " ")
    }

    /// Where the link leads to, without the place on that page.
    fn path(&self) -> &str {
        self.link.split(['?', '#']).next().unwrap_or_default()
    }
}

/// The ids of the unread notifications that lead to the page at this path.
pub async fn unread_of(inbox: &Inbox, path: &str) -> Result<Vec<String>, StoreError> {
    let mut ids = Vec::new();
    let mut page = inbox.unread().limit(PAGE_MAX).await?;
    while let Some(last) = page.last().map(|last| last.id.clone()) {
        let items = page.into_iter().map(Item::from);
        ids.extend(items.filter(|item| item.path() == path).map(|item| item.id));
        page = inbox.unread().after(last).limit(PAGE_MAX).await?;
    }
    Ok(ids)
}

/// Makes room for a notification that says all that earlier ones with this link said: of many messages in one room the last
/// one is enough. What was read stays.
pub async fn replace(db: &mut SqliteConnection, users: &[User], link: &str) -> sqlx::Result<()> {
    for owner in users.iter().filter_map(Notifiable::owner) {
        sqlx::query(
            "DELETE FROM notifications WHERE notifiable_type = ? AND notifiable_id = ?
            AND read_at IS NULL AND data ->> 'link' = ?",
        )
        .bind(owner.class)
        .bind(owner.key)
        .bind(link)
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}
