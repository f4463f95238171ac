//! The file that says which process a server is.

use std::{
    fs,
    path::{Path, PathBuf},
    process,
};

use anyhow::Context as _;

/// A file with the id of this process, which goes away with the value.
#[derive(Debug)]
pub(super) struct PidFile {
    path: PathBuf,
}

impl PidFile {
    /// Writes the file, over one that a crashed process may have left.
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        fs::write(path, format!("{}\n", process::id()))
            .with_context(|| format!("cannot write the pid file {}", path.display()))?;
        Ok(Self { path: path.to_owned() })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // A server that was started in the meantime has written its own id: its file stays.
        if read(&self.path).is_ok_and(|pid| u32::try_from(pid) == Ok(process::id())) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Reads the id that a server has written.
pub(super) fn read(path: &Path) -> anyhow::Result<i32> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("cannot read the pid file {}", path.display()))?;
    let pid = text.trim().parse().ok().filter(|pid| *pid > 0);
    pid.with_context(|| format!("{} holds no process id", path.display()))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn the_file_lives_as_long_as_the_value() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("resound.pid");
        let file = PidFile::create(&path).expect("a file");
        assert_eq!(read(&path).ok(), i32::try_from(process::id()).ok());
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn the_file_of_a_later_process_stays() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("resound.pid");
        let file = PidFile::create(&path).expect("a file");
        fs::write(&path, "1\n").expect("a file");
        drop(file);
        assert_eq!(read(&path).ok(), Some(1));
    }

    #[test]
    fn a_file_with_something_else_is_an_error() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("resound.pid");
        for text in ["", "x", "-1", "0", "99999999999"] {
            fs::write(&path, text).expect("a file");
            assert!(read(&path).is_err(), "{text:?}");
        }
    }
}
