//! Reading the files of a configuration.

use std::{fs, io, path::Path};

use super::error::ConfigError;

/// A file's name as messages show it, and its content.
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) content: Vec<u8>,
}

/// Reads the file that was named, or the one of the default name if it exists.
///
/// A folder of the default name is no file of ours (`.env` is a usual name for a Python
/// environment); a file that exists and cannot be read is an error, because a server that starts
/// without its configuration looks like one that works.
pub(crate) fn read(
    named: Option<&Path>,
    default: &str,
    cwd: &Path,
) -> Result<Option<File>, ConfigError> {
    let path = named.unwrap_or(Path::new(default));
    let name = path.display().to_string();
    let full = cwd.join(path);
    if named.is_none() && full.is_dir() {
        return Ok(None);
    }
    match fs::read(full) {
        Ok(content) => Ok(Some(File { name, content })),
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ConfigError::Unreadable { file: name, reason: error.to_string() }),
    }
}
