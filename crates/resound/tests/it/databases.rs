//! Real databases: SQLite in a file, and servers of PostgreSQL and MariaDB that live as long as a test needs them.
//!
//! Servers listen on a socket in a directory of their own, so that they need no port and meet no other server. The last
//! test that uses one ends it. Should the tests be killed the kernel ends it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A database of its own, empty, that is there as long as this.
pub(crate) struct Database {
    /// What `sqlx::…Pool::connect` takes.
    pub(crate) url: String,
    _home: Arc<dyn Send + Sync>,
}

/// A file with SQLite's write-ahead log.
pub(crate) fn sqlite() -> Database {
    let home = Home::new("sqlite");
    let url = format!("sqlite://{}?mode=rwc", home.0.join("app.db").display());
    let made = std::thread::scope(|scope| scope.spawn(|| write_ahead(&url)).join());
    made.expect("no panic").expect("a file can be made");
    Database { url, _home: Arc::new(home) }
}

/// Makes the file. SQLite remembers in it how it writes.
fn write_ahead(url: &str) -> Result<(), sqlx::Error> {
    use sqlx::{Connection as _, SqliteConnection};

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connection = SqliteConnection::connect(url).await?;
        sqlx::query("PRAGMA journal_mode = WAL").execute(&mut connection).await?;
        connection.close().await
    })
}

/// A database in a server of PostgreSQL.
pub(crate) fn postgres() -> Database {
    static RUNNING: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let server = running(&RUNNING, start_postgres);
    let (name, directory) = (unique("db"), server.home.0.display().to_string());
    let status = Command::new(postgres_binary("psql"))
        .args(["-q", "-h", &directory, "-U", "postgres", "-c", &format!("CREATE DATABASE {name}")])
        .status();
    assert!(status.expect("psql can be run").success(), "a database can be made");
    let url = format!("postgres://postgres@localhost/{name}?host={directory}");
    Database { url, _home: server }
}

/// A database in a server of MariaDB.
pub(crate) fn mariadb() -> Database {
    static RUNNING: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let server = running(&RUNNING, start_mariadb);
    let (name, socket) = (unique("db"), server.home.0.join("socket").display().to_string());
    let statement = format!("CREATE DATABASE {name}");
    let status = Command::new("mariadb")
        .args(["--no-defaults", "-u", "root", "-S", &socket, "-e", &statement])
        .status();
    assert!(status.expect("mariadb can be run").success(), "a database can be made");
    Database { url: format!("mysql://root@localhost/{name}?socket={socket}"), _home: server }
}

/// A directory that is deleted with this.
pub(crate) struct Home(PathBuf);

impl Home {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn new(what: &str) -> Self {
        // Short: the path of a socket has 107 bytes at most.
        let path = std::env::temp_dir().join(unique(what));
        fs::create_dir(&path).expect("there is room");
        Self(path)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // What can't be deleted is left to the system's own cleaning.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running server, ended when the last of its databases is.
struct Server {
    end: Option<mpsc::Sender<()>>,
    guardian: Option<JoinHandle<()>>,
    home: Home,
}

impl Server {
    /// Runs a server, and waits until `is_ready`.
    fn start(home: Home, mut command: Command, is_ready: impl Fn(&Path) -> bool) -> Self {
        let log = fs::File::create(home.0.join("log")).expect("there is room");
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a handle")).stderr(log);
        let (end, ended) = mpsc::channel::<()>();
        // A thread of its own, because the kernel ends the server with the thread that has started it.
        let guardian = std::thread::spawn(move || {
            let mut child = command.spawn().expect("the server can be run");
            let _ = ended.recv();
            stop(&mut child);
        });
        let server = Self { end: Some(end), guardian: Some(guardian), home };
        let start = Instant::now();
        while !is_ready(&server.home.0) {
            let log = fs::read_to_string(server.home.0.join("log")).unwrap_or_default();
            assert!(start.elapsed() < PATIENCE, "it does not start: {log}");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(guardian) = self.guardian.take() {
            let _ = guardian.join();
        }
    }
}

fn stop(child: &mut Child) {
    // Nothing in it is needed any more.
    let _ = child.kill();
    let _ = child.wait();
}

fn running(server: &Mutex<Weak<Server>>, start: impl FnOnce() -> Server) -> Arc<Server> {
    let mut server = server.lock().unwrap_or_else(PoisonError::into_inner);
    server.upgrade().unwrap_or_else(|| {
        let started = Arc::new(start());
        *server = Arc::downgrade(&started);
        started
    })
}

fn start_postgres() -> Server {
    let home = Home::new("pg");
    let data = home.0.join("data");
    let user = if is_root() {
        let (user, group) = (id("-u"), id("-g"));
        std::os::unix::fs::chown(&home.0, Some(user), Some(group)).expect("root may");
        vec![format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".to_owned()]
    } else {
        Vec::new()
    };
    let run = |binary: &str| {
        let mut command = Command::new("setpriv");
        command.args(&user).args(["--pdeathsig", "KILL"]).arg(postgres_binary(binary));
        command.arg("-D").arg(&data).current_dir(&home.0);
        command
    };
    let made = run("initdb").args(["-U", "postgres", "-A", "trust", "-N"]).output();
    let made = made.expect("initdb can be run");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut command = run("postgres");
    command.arg("-k").arg(&home.0).args(["-c", "listen_addresses="]);
    Server::start(home, command, |home| {
        let ready =
            Command::new(postgres_binary("pg_isready")).arg("-q").arg("-h").arg(home).status();
        ready.is_ok_and(|status| status.success())
    })
}

fn start_mariadb() -> Server {
    let home = Home::new("maria");
    let data = format!("--datadir={}", home.0.join("data").display());
    let mut user = Vec::new();
    if is_root() {
        user.push("--user=root");
    }
    let made = Command::new("mariadb-install-db")
        .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
        .arg(&data)
        .args(&user)
        .output()
        .expect("mariadb-install-db can be run");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut command = Command::new("setpriv");
    command.args([
        "--pdeathsig",
        "KILL",
        "/usr/sbin/mariadbd",
        "--no-defaults",
        "--skip-networking",
    ]);
    command.arg(data).arg(format!("--socket={}", home.0.join("socket").display())).args(&user);
    Server::start(home, command, |home| {
        let mut ready = Command::new("mariadb-admin");
        ready.args(["--no-defaults", "-u", "root", "ping", "-S"]).arg(home.join("socket"));
        let ready = ready.stdout(Stdio::null()).stderr(Stdio::null()).status();
        ready.is_ok_and(|status| status.success())
    })
}

/// The newest of the versions that Debian keeps beside each other.
fn postgres_binary(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed");
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.filter_map(|entry| Some(entry.ok()?.path())).max_by_key(version);
    newest.expect("a version of it is installed").join("bin").join(name)
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("id can be run");
    output.stdout == b"0\n"
}

/// The number of the user or group that Debian's PostgreSQL runs as; as root it refuses to.
fn id(what: &str) -> u32 {
    let output = Command::new("id").args([what, "postgres"]).output().expect("id can be run");
    let text = String::from_utf8(output.stdout).expect("a number");
    text.trim().parse().expect("there is a user postgres")
}

fn unique(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("resound_{what}_{}_{next}", std::process::id())
}
