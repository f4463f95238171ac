//! What makes the next version of a text. Everything happens in one transaction, so that versions have no gaps, and
//! what is told to others is what is stored.

use resound::SocketId;

use super::{
    events::DocumentUpdated,
    replica::{CHARACTERS_MAX, Refusal, Replica},
    store::{Change, Past, Stored},
    update::Update,
};
use crate::{app::App, pages::activity, reply::Problem, visitor::Visitor};

/// So many updates are kept, then one state takes their place.
pub const UPDATES_MAX: usize = 200;
/// Of the whole of a document with all that was ever deleted from it: Yjs remembers where it was.
const STATE_BYTES_MAX: usize = 256 * 1024;

/// What somebody wants to do to a text.
pub enum Edit {
    /// What a browser has written.
    Merge(Update),
    /// Another text in its place.
    Replace {
        text: String,
        /// The version that it was made of, if it must be the present one.
        base: Option<i64>,
    },
}

impl Edit {
    /// Does it, and tells everybody but the browser that asked. Answers the new version, if there is anything new.
    pub async fn apply(
        self,
        app: &App,
        author: &Visitor,
        document: i64,
        socket: SocketId,
    ) -> Result<Option<i64>, Problem> {
        let mut tx = app.broadcaster.begin(&app.db).await?;
        let stored = Stored::find(&mut tx, document).await?.ok_or_else(Problem::not_found)?;
        if let Self::Replace { base: Some(base), .. } = self
            && base != stored.version
        {
            return Err(Problem::conflict(
                "Somebody has changed the text since you opened this page, so yours was not saved.",
            ));
        }
        let (version, title) = (stored.version + 1, stored.title.clone());
        // Not on the threads that serve requests; and should the library panic, only this request fails.
        let edited = tokio::task::spawn_blocking(move || self.edit(&stored)).await;
        let Some(edited) = edited.map_err(Problem::failed)?? else {
            return Ok(None);
        };
        if !Stored::claim(&mut tx, document, &edited.update, author).await? {
            return Err(Refusal::Gap.into());
        }
        let Edited { update, text, state } = edited;
        let (author_key, name) = (author.key.clone(), author.name.clone());
        let change = Change { version, author: author_key, name, bytes: update.bytes };
        Stored::add(&mut tx, document, &change, &text).await?;
        if let Some(state) = state {
            Stored::compact(&mut tx, document, version, &state).await?;
        }
        // Once in a minute, not for each letter.
        if Past::note(&mut tx, document, &change, &text).await? {
            let (did, link) = (format!("wrote in {title}"), format!("/document/{document}"));
            activity::record(&mut tx, author, &did, &link).await?;
        }
        let event = DocumentUpdated::new(document, &change);
        tx.send(event).to_others(socket).await;
        tx.commit().await?;
        Ok(Some(version))
    }

    fn edit(self, stored: &Stored) -> Result<Option<Edited>, Problem> {
        let replica = replica(stored)?;
        let update = match self {
            Self::Merge(update) => replica.merge(&update)?.then_some(update),
            Self::Replace { text, .. } => replica.replace(&text)?,
        };
        let Some(update) = update else {
            return Ok(None);
        };
        // The first version of all needs a state to begin with.
        let is_compacted = stored.snapshot.is_none()
            || stored.changes.len() + 1 >= UPDATES_MAX
            || stored.bytes() + update.bytes.len() > STATE_BYTES_MAX;
        let state = is_compacted.then(|| replica.state());
        if state.as_ref().is_some_and(|state| state.len() > STATE_BYTES_MAX) {
            return Err(Problem::conflict(
                "Too much has been written and deleted here. Please go on in a new document.",
            ));
        }
        Ok(Some(Edited { update, text: replica.text(), state }))
    }
}

struct Edited {
    update: Update,
    text: String,
    /// To be stored in the place of all updates, if there are enough of them.
    state: Option<Vec<u8>>,
}

/// The text of what is stored.
fn replica(stored: &Stored) -> Result<Replica, Refusal> {
    let snapshot = stored.snapshot();
    let changes = stored.changes.iter().map(|change| &*change.bytes);
    Replica::load(std::iter::once(&*snapshot).chain(changes))
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unreadable => Self::invalid("This is no change of a text."),
            Refusal::Gap => Self::conflict("This page was out of date. Please try again."),
            Refusal::TooLong(length) => Self::invalid(format!(
                "The text may have {CHARACTERS_MAX} characters, with this change it would have {length}."
            )),
        }
    }
}
