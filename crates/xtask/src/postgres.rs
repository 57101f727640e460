//! A real PostgreSQL server on 127.0.0.1 for the tests: a cluster of its own in a temporary folder, gone with
//! the steps that it was started for. It asks for a password, and has a certificate that a CA of its own has signed.
//!
//! Not here: what is tested on it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::Args;
use tempfile::TempDir;

use crate::steps::Steps;
use crate::workspace;

/// Whoever reads this can reach the server only where it was started, and for as long.
const PASSWORD: &str = "let-me-in";

/// What `cargo xtask postgres` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// How often the tests are run, one after another, on one server.
    #[arg(long, default_value_t = 1)]
    rounds: u32,
}

/// Takes these steps alone.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut steps = Steps::default();
    self::steps(&mut steps, options.rounds);
    steps.finish()
}

/// Runs the tests that need a server, where there is one or it can be installed.
pub(crate) fn steps(steps: &mut Steps, rounds: u32) {
    let programs = match programs() {
        Ok(programs) => programs,
        Err(why) => return steps.skip("state on PostgreSQL", &format!("there is no `initdb`: {why:#}")),
    };
    let Some(server) = steps.take("PostgreSQL server", || Server::start(&programs)) else { return };
    for _ in 0..rounds {
        steps.take("state on PostgreSQL: instances, connections and the server die in a run", || {
            let mut command = workspace::cargo();
            if workspace::has("cargo-nextest", "--version") {
                // The whole workspace: a package alone has cargo choose other features, and build DataFusion again.
                command.args(["nextest", "run", "--workspace", "--profile", "postgres", "--no-tests", "fail"]);
            } else {
                // One after another: one of them has the server start again.
                let alone = ["--", "--test-threads", "1"];
                command.args(["test", "--workspace", "--test", "it", "postgres::"]).args(alone);
            }
            command.env("SHOPLAKE_TEST_POSTGRES", &server.url);
            workspace::succeed(command.env("SHOPLAKE_TEST_POSTGRES_CA", server.folder.path().join("ca.pem")))
        });
    }
}

/// The folder of `initdb` and `pg_ctl`, empty where they are on the PATH; installed where they are missing.
fn programs() -> Result<PathBuf> {
    if let Some(known) = installed() {
        return Ok(known);
    }
    workspace::install("postgresql")?;
    installed().context("Debian's `postgresql` was installed, and has none")
}

fn installed() -> Option<PathBuf> {
    if workspace::has("initdb", "--version") && workspace::has("pg_ctl", "--version") {
        return Some(PathBuf::new());
    }
    // Debian keeps them where no PATH leads.
    let mut folders: Vec<PathBuf> = fs_err::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .filter(|bin| bin.join("initdb").is_file())
        .collect();
    folders.sort();
    folders.pop()
}

/// A running server.
struct Server {
    programs: PathBuf,
    /// Not in the build folder: that may lie where no user but its owner gets (`/root/.cache`), and the server
    /// is another one's where we are root.
    folder: TempDir,
    url: String,
}

impl Server {
    fn start(programs: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("shoplake-test-postgres-").tempdir()?;
        if let Some((user, group)) = other_user() {
            #[cfg(unix)]
            std::os::unix::fs::chown(folder.path(), Some(user), Some(group))?;
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let server = Self {
            programs: programs.to_owned(),
            url: format!("postgres://shoplake:{PASSWORD}@127.0.0.1:{port}/postgres"),
            folder,
        };
        server.certificates()?;
        fs_err::write(server.folder.path().join("password"), PASSWORD)?;
        let init = ["--username=shoplake", "--auth=scram-sha-256", "--pwfile=password", "--encoding=UTF8"];
        workspace::output(server.program("initdb").args(init).args(["--locale=C", "--no-sync", "--pgdata=data"]))?;
        // Its socket would lie in a folder of the system's; nothing is to last longer than the test.
        let options = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c ssl=on \
             -c ssl_cert_file=../own.pem -c ssl_key_file=../own.key"
        );
        let mut start = server.program("pg_ctl");
        start.args(["start", "--wait", "--silent", "--pgdata=data", "--log=log", "--options"]).arg(options);
        // The server outlives `pg_ctl`: a pipe that it holds would never end.
        let status = start.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        let log = || fs_err::read_to_string(server.folder.path().join("log")).unwrap_or_default();
        ensure!(status.success(), "PostgreSQL does not start: {}", log());
        Ok(server)
    }

    /// A CA, and a certificate of `localhost` that it has signed: `ca.pem`, `own.pem` and `own.key`.
    fn certificates(&self) -> Result<()> {
        fs_err::write(self.folder.path().join("names"), "subjectAltName = DNS:localhost\n")?;
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout"];
        let openssl = |arguments: &[&[&str]]| {
            let mut command = self.as_server(Command::new("openssl"));
            workspace::output(command.args(arguments.concat())).map(drop)
        };
        openssl(&[&["req", "-x509", "-days", "30", "-subj", "/CN=Test CA", "-out", "ca.pem"], &key, &["ca.key"]])?;
        openssl(&[&["req", "-subj", "/CN=localhost", "-out", "own.csr"], &key, &["own.key"]])?;
        let signer = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names"];
        openssl(&[&["x509", "-req", "-days", "30", "-in", "own.csr", "-out", "own.pem"], &signer])
    }

    /// A program of PostgreSQL's.
    fn program(&self, name: &str) -> Command {
        let known = !self.programs.as_os_str().is_empty();
        self.as_server(Command::new(if known { self.programs.join(name) } else { PathBuf::from(name) }))
    }

    /// A command in the server's folder, as a user that PostgreSQL accepts: it refuses to run as root.
    fn as_server(&self, mut command: Command) -> Command {
        command.current_dir(self.folder.path());
        #[cfg(unix)]
        if let Some((user, group)) = other_user() {
            use std::os::unix::process::CommandExt;
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its folder goes with the value, after this.
        let mut stop = self.program("pg_ctl");
        stop.args(["stop", "--mode=immediate", "--silent", "--pgdata=data"]);
        let _ = stop.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// The user and the group that the server runs as where we are root.
fn other_user() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> Result<u32> {
        let said = workspace::output(Command::new("id").args(arguments))?;
        said.trim().parse().context("`id` gives no number")
    };
    if !workspace::is_root() {
        return None;
    }
    let name = if id(&["-u", "postgres"]).is_ok() { "postgres" } else { "nobody" };
    Some((id(&["-u", name]).ok()?, id(&["-g", name]).ok()?))
}
