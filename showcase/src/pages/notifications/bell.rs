//! The bell in the frame of all pages.

use crate::{app::App, reply::Problem, visitor::User};

/// What the bell in the frame of all pages says when a page is rendered; from then on bell.js keeps it up to date.
pub struct Bell {
    pub unread: u64,
    /// When the newest notification was made: later ones are news to the page.
    pub since: String,
}

impl Bell {
    pub async fn of(app: &App, user: &User) -> Result<Self, Problem> {
        let inbox = app.notifier.inbox(user);
        let newest = inbox.all().limit(1).await?;
        let since = newest.first().and_then(|it| it.created_at).map(|at| at.to_string());
        Ok(Self { unread: inbox.unread_count().await?, since: since.unwrap_or_default() })
    }

    /// What fits into the badge; bell.js writes the same.
    pub fn badge(&self) -> String {
        if self.unread > 99 { "99+".to_owned() } else { self.unread.to_string() }
    }
}
