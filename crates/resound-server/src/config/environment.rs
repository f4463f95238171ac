//! Environment variables: those of the process, then those of `.env`.

use std::collections::BTreeMap;

use super::{
    dotenv::EnvFile,
    error::{ConfigError, nearest},
    files::File,
    settings::environment_names,
    value::{Origin, Raw, Value},
};

/// In how many characters a name may differ from a known one to be taken for a slip.
const SLIP_MAX: usize = 2;

/// The variables that a configuration can come from.
pub(crate) struct Environment<'a> {
    process: &'a BTreeMap<String, String>,
    file_name: String,
    file: EnvFile,
}

impl<'a> Environment<'a> {
    /// Reads the file, if there is one, on top of the process's variables.
    pub(crate) fn new(process: &'a BTreeMap<String, String>, file: Option<File>) -> Self {
        let Some(file) = file else {
            return Self { process, file_name: String::new(), file: EnvFile::default() };
        };
        let text = String::from_utf8_lossy(&file.content);
        let parsed = EnvFile::parse(&text, |name| process.get(name).cloned());
        Self { process, file_name: file.name, file: parsed }
    }

    /// The value of the first of these names that has one. The process's environment is asked for
    /// all names before the file is.
    pub(crate) fn value(&self, names: &[&str]) -> Option<Value> {
        let in_process = || {
            names.iter().find_map(|name| {
                let text = without_quotes(self.process.get(*name)?);
                let origin = Origin::Environment { name: (*name).to_owned() };
                is_set(text).then(|| Value { raw: Raw::Text(text.to_owned()), origin })
            })
        };
        let in_file = || {
            names.iter().find_map(|name| {
                let entry = self.file.entry(name)?;
                let origin = self.origin(name, entry.line);
                is_set(&entry.value).then(|| Value { raw: Raw::Text(entry.value.clone()), origin })
            })
        };
        in_process().or_else(in_file)
    }

    /// What Laravel's `env()` makes of a name: its words for nothing are an empty text, and `None` is
    /// a name that nobody has set.
    pub(crate) fn laravel_text(&self, name: &str) -> Option<String> {
        let in_process = || self.process.get(name).map(|text| without_quotes(text));
        let in_file = || self.file.entry(name).map(|entry| entry.value.as_str());
        let text = in_process().or_else(in_file)?;
        Some(if is_set(text) { text.to_owned() } else { String::new() })
    }

    fn origin(&self, name: &str, line: usize) -> Origin {
        Origin::EnvFile { name: name.to_owned(), file: self.file_name.clone(), line }
    }

    /// The lines that could not be read and that say something about a name that is read.
    pub(crate) fn errors(&self) -> impl Iterator<Item = ConfigError> {
        self.problems(is_read)
    }

    /// The lines that could not be read and that say something about these names.
    pub(crate) fn problems_of(&self, names: &[&str]) -> impl Iterator<Item = ConfigError> {
        self.problems(|name| names.contains(&name))
    }

    fn problems(&self, concerns: impl Fn(&str) -> bool) -> impl Iterator<Item = ConfigError> {
        self.file.problems.iter().filter_map(move |problem| {
            let name = problem.name.as_deref().filter(|name| concerns(name))?;
            let cause = format!("{name}: {}", problem.cause);
            Some(ConfigError::Syntax { file: self.file_name.clone(), line: problem.line, cause })
        })
    }

    /// What looks like a mistake and stops nothing.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<_> = self.unread_lines().into_iter().collect();
        for entry in self.file.entries.iter().filter(|entry| is_read(&entry.name)) {
            warnings.extend(entry.unresolved.iter().map(|name| {
                let origin = self.origin(&entry.name, entry.line);
                format!("{origin} refers to {name}, which has no value above it")
            }));
        }
        let process = self
            .process
            .keys()
            .map(|name| (name.as_str(), Origin::Environment { name: name.clone() }));
        let file = self
            .file
            .entries
            .iter()
            .map(|entry| (entry.name.as_str(), self.origin(&entry.name, entry.line)));
        warnings.extend(process.chain(file).filter_map(|(name, origin)| {
            let known = slip(name)?;
            Some(format!("{origin} is no setting and is ignored, did you mean {known}?"))
        }));
        warnings
    }

    /// One warning for all lines of the file that mean nothing to anybody.
    fn unread_lines(&self) -> Option<String> {
        let foreign = |name: Option<&str>| !name.is_some_and(is_read);
        let mut lines = self.file.problems.iter().filter(|p| foreign(p.name.as_deref()));
        let first = lines.next()?;
        let more = match lines.count() {
            0 => String::new(),
            count => format!(" (and {count} more)"),
        };
        let (file, line) = (&self.file_name, first.line);
        Some(format!("{file}:{line} is passed over: {}{more}", first.cause))
    }
}

/// Says whether a text is a value: Laravel's `env()` has words for nothing.
fn is_set(text: &str) -> bool {
    !matches!(
        text.trim().to_ascii_lowercase().as_str(),
        "" | "null" | "(null)" | "empty" | "(empty)"
    )
}

/// Takes the quotes off that `docker run --env-file` leaves around a value, as `env()` does.
fn without_quotes(text: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(text)
}

fn is_read(name: &str) -> bool {
    environment_names().any(|known| known == name)
}

fn slip(name: &str) -> Option<&'static str> {
    let is_ours = ["RESOUND_", "REVERB_", "LARAVEL_ECHO_SERVER_"];
    let is_ours = is_ours.iter().any(|start| name.starts_with(start));
    if !is_ours || is_read(name) {
        return None;
    }
    nearest(name, environment_names(), SLIP_MAX)
}
