//! The text, and the file it is in.

use std::{fmt::Write as _, fs, io, path::Path};

use super::{Event, Types, TypesError, difference};

const HEAD: &str = "\
// Written by the crate resound from the application's events. Change them there, and write this file anew.

import type { BroadcastDriver } from \"laravel-echo\";
import type Echo from \"laravel-echo\";

";

/// What does not depend on the application.
const ECHO: &str = include_str!("echo.d.ts");

/// Whether a file had to be written.
///
/// ```
/// use resound::typescript::{Types, Written};
///
/// # let folder = std::env::temp_dir().join(format!("resound-written-{}", std::process::id()));
/// # let path = folder.join("events.d.ts");
/// assert_eq!(Types::new().write(&path)?, Written::Changed);
/// assert_eq!(Types::new().write(&path)?, Written::Same);
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It was, because it said something else.
    Changed,
    /// It was not: tools that watch it have nothing to do.
    Same,
}

impl Types {
    /// The text of the `.d.ts`.
    ///
    /// # Errors
    /// [`TypesError::Twice`] if two types or events have one name.
    ///
    /// ```
    /// use resound::{Channel, EventName, typescript::Types};
    ///
    /// let types = Types::new().event_named::<String>(EventName::short("Greeted"), [Channel::public("news")]);
    /// assert!(types.render()?.contains(r#""Greeted": { payload: string; "#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn render(&self) -> Result<String, TypesError> {
        if let Some(name) = self.twice.first().or(self.declarations.twice()) {
            return Err(TypesError::Twice { name: name.clone() });
        }
        let mut text = HEAD.to_owned();
        for declaration in self.declarations.texts() {
            text.extend([declaration, "\n"]);
        }
        text.push_str(
            "/** All events: what they carry, and on which channels. */\ninterface Broadcasts {\n",
        );
        for (name, Event { payload, channels }) in &self.events {
            let (name, channels) = (quoted(name), channels.members());
            writeln!(text, "  {name}: {{ payload: {payload}; {channels} }};").expect(GROWS);
        }
        text.push_str("}\n\n/** All notifications, by their type. */\ninterface Notifications {\n");
        for (name, Event { payload, channels }) in &self.notifications {
            let channels = channels.members();
            writeln!(text, "  {name}: {{ payload: {payload}; {channels} }};").expect(GROWS);
        }
        let others = self.channels.members();
        writeln!(text, "}}\n\ntype OtherChannels = {{ {others} }};\n").expect(GROWS);
        text.push_str(ECHO);
        text.push_str("\ndeclare global {\n  /** For `useEcho` of @laravel/echo-react and @laravel/echo-vue. */\n  interface Events {\n");
        for (name, Event { payload, .. }) in &self.events {
            writeln!(text, "    {}: {payload};", quoted(name)).expect(GROWS);
        }
        text.push_str("  }\n}\n");
        Ok(text)
    }

    /// Writes the file, unless it says the same already.
    ///
    /// # Errors
    /// Those of [`Types::render`], and [`TypesError::File`].
    ///
    /// ```
    /// use resound::typescript::{Types, Written};
    ///
    /// # let folder = std::env::temp_dir().join(format!("resound-write-{}", std::process::id()));
    /// # let path = folder.join("resources/js/events.d.ts");
    /// // path: resources/js/events.d.ts
    /// if Types::new().write(&path)? == Written::Changed {
    ///     println!("{} is new", path.display());
    /// }
    /// # assert!(path.exists());
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write(&self, path: impl AsRef<Path>) -> Result<Written, TypesError> {
        let (path, text) = (path.as_ref(), self.render()?);
        if read(path)? == text {
            return Ok(Written::Same);
        }
        let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
        folder.and_then(|()| fs::write(path, text)).map_err(|reason| failed(path, reason))?;
        Ok(Written::Changed)
    }

    /// Checks that the file says what the types are, for a test or for continuous integration.
    ///
    /// # Errors
    /// [`TypesError::Differs`] with the lines that differ, and those of [`Types::write`].
    ///
    /// ```
    /// use resound::typescript::{Types, TypesError};
    ///
    /// let forgotten = Types::new().check("resources/js/events.d.ts"); // which is not there
    /// assert!(matches!(forgotten, Err(TypesError::Differs { .. })));
    /// ```
    pub fn check(&self, path: impl AsRef<Path>) -> Result<(), TypesError> {
        let (path, text) = (path.as_ref(), self.render()?);
        let file = read(path)?;
        if file == text {
            return Ok(());
        }
        let difference = difference::between(&file, &text);
        Err(TypesError::Differs { path: path.to_owned(), difference })
    }
}

const GROWS: &str = "a string grows";

/// A text of TypeScript.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string is JSON")
}

/// A file that is not there is empty. Git may have given it the line ends of Windows.
fn read(path: &Path) -> Result<String, TypesError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.replace("\r\n", "\n")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(reason) => Err(failed(path, reason)),
    }
}

fn failed(path: &Path, reason: io::Error) -> TypesError {
    TypesError::File { path: path.to_owned(), reason }
}
