//! A real PostgreSQL server on 127.0.0.1 for the tests: a cluster of its own in the build folder, gone with
//! the step that started it.
//!
//! Not here: what is tested on it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::steps::Steps;
use crate::workspace;

/// Runs the tests that need a server, where there is one.
pub(crate) fn run(steps: &mut Steps) {
    let Some(programs) = programs() else {
        steps.skip("state on PostgreSQL", "there is no `initdb`; on Debian or Ubuntu, `apt-get install postgresql`");
        return;
    };
    let Some(server) = steps.take("PostgreSQL server", || Server::start(&programs)) else { return };
    steps.take("state on PostgreSQL: two processes, one killed in a run", || {
        let mut command = workspace::cargo();
        if workspace::has("cargo-nextest", "--version") {
            // The whole workspace: a package alone has cargo choose other features, and build DataFusion again.
            command.args(["nextest", "run", "--workspace", "--profile", "postgres", "--no-tests", "fail"]);
        } else {
            command.args(["test", "--workspace", "--test", "it", "postgres::"]);
        }
        workspace::succeed(command.env("SHOPLAKE_TEST_POSTGRES", &server.url))
    });
}

/// The folder of `initdb` and `pg_ctl`; empty where they are on the PATH.
fn programs() -> Option<PathBuf> {
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
    folder: PathBuf,
    url: String,
}

impl Server {
    fn start(programs: &Path) -> Result<Self> {
        let folder = workspace::target().join("test-postgres");
        if folder.exists() {
            fs_err::remove_dir_all(&folder)?;
        }
        fs_err::create_dir_all(&folder)?;
        if let Some((user, group)) = other_user() {
            #[cfg(unix)]
            std::os::unix::fs::chown(&folder, Some(user), Some(group))?;
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let server = Self {
            programs: programs.to_owned(),
            url: format!("postgres://shoplake@127.0.0.1:{port}/postgres"),
            folder,
        };
        let init =
            ["--username=shoplake", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--pgdata=data"];
        workspace::output(server.command("initdb").args(init))?;
        // Its socket would lie in a folder of the system's; nothing is to last longer than the test.
        let options = format!("-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off");
        let mut start = server.command("pg_ctl");
        start.args(["start", "--wait", "--silent", "--pgdata=data", "--log=log", "--options"]).arg(options);
        // The server outlives `pg_ctl`: a pipe that it holds would never end.
        let status = start.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        let log = || fs_err::read_to_string(server.folder.join("log")).unwrap_or_default();
        anyhow::ensure!(status.success(), "PostgreSQL does not start: {}", log());
        Ok(server)
    }

    /// A program of PostgreSQL's, as a user that it accepts: it refuses to run as root.
    fn command(&self, program: &str) -> Command {
        let path =
            if self.programs.as_os_str().is_empty() { PathBuf::from(program) } else { self.programs.join(program) };
        let mut command = Command::new(path);
        command.current_dir(&self.folder);
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
        // It is ours alone, and so is its folder: what cannot be removed now is removed before the next start.
        let mut stop = self.command("pg_ctl");
        stop.args(["stop", "--mode=immediate", "--silent", "--pgdata=data"]);
        let _ = stop.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        let _ = fs_err::remove_dir_all(&self.folder);
    }
}

/// The user and the group that the server runs as where we are root.
fn other_user() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> Result<u32> {
        let said = workspace::output(Command::new("id").args(arguments))?;
        said.trim().parse().context("`id` gives no number")
    };
    if id(&["-u"]).ok()? != 0 {
        return None;
    }
    let name = if id(&["-u", "postgres"]).is_ok() { "postgres" } else { "nobody" };
    Some((id(&["-u", name]).ok()?, id(&["-g", name]).ok()?))
}
