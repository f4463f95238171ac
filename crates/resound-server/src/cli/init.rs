//! `resound init`.

use std::{
    fs,
    io::{self, ErrorKind, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown},
    path::{Path, PathBuf},
    process,
};

use anyhow::Context as _;
use clap::Args;

use super::{
    credentials::Credentials,
    edit::{Edit, Line, edit},
};
use crate::config::dotenv::EnvFile;

/// The mode of a file that did not exist: it holds a secret.
const MODE: u32 = 0o600;
/// The variable that says which broadcaster Laravel uses.
const BROADCASTER: &str = "BROADCAST_CONNECTION";

/// Where to write.
#[derive(Args, Debug)]
pub(super) struct InitArgs {
    /// File to write into; it is made if it does not exist
    #[arg(long, value_name = "FILE", default_value = ".env")]
    env_file: PathBuf,
    /// Print the lines and write nothing
    #[arg(long)]
    print: bool,
}

/// Writes fresh credentials into the file, or prints them.
pub(super) fn run(args: &InitArgs) -> anyhow::Result<()> {
    init(args, &mut io::stdout().lock())
}

fn init(args: &InitArgs, out: &mut impl io::Write) -> anyhow::Result<()> {
    let blocks = blocks(&Credentials::random()?);
    if args.print {
        return Ok(write!(out, "{}", edit("", &blocks).text)?);
    }
    let before = read(&args.env_file)?;
    let edit = edit(before.as_deref().unwrap_or_default(), &blocks);
    if !edit.written.is_empty() {
        write(&args.env_file, &edit.text)?;
    }
    Ok(write!(out, "{}", report(&args.env_file, &edit))?)
}

/// What `reverb:install` writes, with the broadcaster that it asks about.
fn blocks(credentials: &Credentials) -> [Vec<Line>; 3] {
    let Credentials { id, key, secret } = credentials;
    let plain = |name, value: &str| (name, value.to_owned());
    [
        vec![plain(BROADCASTER, "reverb")],
        vec![
            plain("REVERB_APP_ID", id),
            plain("REVERB_APP_KEY", key),
            plain("REVERB_APP_SECRET", secret),
            plain("REVERB_HOST", "\"localhost\""),
            plain("REVERB_PORT", "8080"),
            plain("REVERB_SCHEME", "http"),
        ],
        vec![
            plain("VITE_REVERB_APP_KEY", "\"${REVERB_APP_KEY}\""),
            plain("VITE_REVERB_HOST", "\"${REVERB_HOST}\""),
            plain("VITE_REVERB_PORT", "\"${REVERB_PORT}\""),
            plain("VITE_REVERB_SCHEME", "\"${REVERB_SCHEME}\""),
        ],
    ]
}

fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Writes the file in one step, so that nobody ever reads half of it. Mode and owner stay, and a
/// symbolic link stays one.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut temporary = target.clone().into_os_string();
    temporary.push(format!(".{}.tmp", process::id()));
    let result = replace(&target, Path::new(&temporary), text);
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result.with_context(|| format!("cannot write {}", path.display()))
}

fn replace(target: &Path, temporary: &Path, text: &str) -> io::Result<()> {
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).mode(MODE).open(temporary)?;
    file.write_all(text.as_bytes())?;
    if let Ok(before) = fs::metadata(target) {
        // Only root may give a file away; for anybody else it is theirs already, or becomes so.
        let _ = chown(temporary, Some(before.uid()), Some(before.gid()));
        file.set_permissions(before.permissions())?;
    }
    file.sync_all()?;
    fs::rename(temporary, target)
}

/// Says what was done, and what a person still has to do.
fn report(path: &Path, edit: &Edit) -> String {
    let path = path.display();
    let mut report = if edit.written.is_empty() {
        format!("{path} has everything already, nothing was changed\n")
    } else {
        format!("{path}: wrote {}\n", edit.written.join(", "))
    };
    if !edit.kept.is_empty() && !edit.written.is_empty() {
        report += &format!("{path}: kept {}\n", edit.kept.join(", "));
    }
    let file = EnvFile::parse(&edit.text, |_| None);
    let broadcaster = file.entry(BROADCASTER).map_or("", |entry| &entry.value);
    if broadcaster != "reverb" {
        report += &format!(
            "{BROADCASTER} is {broadcaster:?}: set it to reverb for Laravel to publish here\n"
        );
    }
    report + "run `resound start` to start the server\n"
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use expect_test::expect;
    use tempfile::TempDir;

    use super::*;

    fn credentials() -> Credentials {
        Credentials { id: "123456".into(), key: "a-key".into(), secret: "a-secret".into() }
    }

    #[test]
    fn the_block_is_that_of_reverb() {
        let edit = edit("", &blocks(&credentials()));
        expect![[r#"
            BROADCAST_CONNECTION=reverb

            REVERB_APP_ID=123456
            REVERB_APP_KEY=a-key
            REVERB_APP_SECRET=a-secret
            REVERB_HOST="localhost"
            REVERB_PORT=8080
            REVERB_SCHEME=http

            VITE_REVERB_APP_KEY="${REVERB_APP_KEY}"
            VITE_REVERB_HOST="${REVERB_HOST}"
            VITE_REVERB_PORT="${REVERB_PORT}"
            VITE_REVERB_SCHEME="${REVERB_SCHEME}"
        "#]]
        .assert_eq(&edit.text);
    }

    #[test]
    fn the_report_says_what_is_left_to_do() {
        let before =
            "BROADCAST_CONNECTION=log\nREVERB_APP_ID=1\nREVERB_APP_KEY=k\nREVERB_APP_SECRET=s\n";
        let edit = edit(before, &blocks(&credentials()));
        expect![[r#"
            .env: wrote REVERB_HOST, REVERB_PORT, REVERB_SCHEME, VITE_REVERB_APP_KEY, VITE_REVERB_HOST, VITE_REVERB_PORT, VITE_REVERB_SCHEME
            .env: kept BROADCAST_CONNECTION, REVERB_APP_ID, REVERB_APP_KEY, REVERB_APP_SECRET
            BROADCAST_CONNECTION is "log": set it to reverb for Laravel to publish here
            run `resound start` to start the server
        "#]].assert_eq(&report(Path::new(".env"), &edit));
    }

    #[test]
    fn a_second_time_changes_nothing() {
        let folder = TempDir::new().expect("a folder");
        let env_file = folder.path().join(".env");
        let args = InitArgs { env_file: env_file.clone(), print: false };
        init(&args, &mut io::sink()).expect("a file");
        let first = fs::read(&env_file).expect("a file");
        init(&args, &mut io::sink()).expect("a file");
        assert_eq!(fs::read(&env_file).expect("a file"), first);
        let mode = fs::metadata(&env_file).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, MODE);
    }

    #[test]
    fn mode_and_link_of_the_file_stay() {
        let folder = TempDir::new().expect("a folder");
        let (shared, link) = (folder.path().join("shared"), folder.path().join(".env"));
        fs::write(&shared, "A=1\n").expect("a file");
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o640)).expect("a mode");
        std::os::unix::fs::symlink(&shared, &link).expect("a link");
        write(&link, "A=2\n").expect("a file");
        assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
        assert_eq!(fs::read_to_string(&shared).expect("a file"), "A=2\n");
        let mode = fs::metadata(&shared).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_overwritten() {
        let folder = TempDir::new().expect("a folder");
        let env_file = folder.path().join(".env");
        fs::write(&env_file, b"A=\xff\n").expect("a file");
        let args = InitArgs { env_file: env_file.clone(), print: false };
        assert!(init(&args, &mut io::sink()).is_err());
        assert_eq!(fs::read(&env_file).expect("a file"), b"A=\xff\n");
    }
}
