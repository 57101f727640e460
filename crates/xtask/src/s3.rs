//! A real S3 server on 127.0.0.1 for the tests: seaweedfs, pinned, with a bucket of its own, gone with
//! the step that started it.
//!
//! Not here: what is tested on it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{venv, workspace};

const REQUIREMENTS: &str = include_str!("requirements/s3.txt");
/// The ports that the server opens, one option each.
const PORTS: [&str; 10] = [
    "s3.port",
    "s3.port.grpc",
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "admin.port",
    "admin.port.grpc",
];
const KEY: &str = "shoplake-test";
const SECRET: &str = "shoplake-test-secret";
/// How long the server may take until it writes.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running server.
pub(crate) struct Server {
    child: Child,
    folder: PathBuf,
    endpoint: String,
}

impl Server {
    /// Installs the server where it is not yet, starts it, and waits until a run of `binary` can write.
    pub(crate) fn start(binary: &Path) -> Result<Self> {
        let python = venv::ensure("s3-venv", REQUIREMENTS)?;
        let weed = python.with_file_name(format!("weed{}", std::env::consts::EXE_SUFFIX));
        let folder = workspace::target().join("test-s3");
        if folder.exists() {
            fs_err::remove_dir_all(&folder)?;
        }
        fs_err::create_dir_all(folder.join("data"))?;
        let config = format!(
            r#"{{"identities":[{{"name":"test","credentials":[{{"accessKey":"{KEY}","secretKey":"{SECRET}"}}],"actions":["Admin","Read","Write","List","Tagging"]}}]}}"#
        );
        fs_err::write(folder.join("s3.json"), config)?;
        // All are bound at once, so that no port is given twice.
        let free: Vec<TcpListener> =
            PORTS.iter().map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
        let ports = free.iter().map(|port| Ok(port.local_addr()?.port())).collect::<Result<Vec<u16>>>()?;
        drop(free);
        let mut command = Command::new(&weed);
        command.current_dir(&folder).args(["mini", "-dir=data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]);
        command.args(["-s3.config=s3.json", "-bucket=shoplake", "-admin.ui=false", "-webdav=false"]);
        command.args(["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]);
        command.args(PORTS.iter().zip(&ports).map(|(name, port)| format!("-{name}={port}")));
        let log = fs_err::File::create(folder.join("log"))?.into_parts().0;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("start `{}`", weed.display()))?;
        let mut server = Self { child, folder, endpoint: format!("http://127.0.0.1:{}", ports[0]) };
        server.wait_until_it_writes(binary)?;
        Ok(server)
    }

    /// What a program needs to reach the bucket.
    pub(crate) fn variables(&self) -> [(&'static str, &str); 5] {
        [
            ("AWS_ENDPOINT_URL", &self.endpoint),
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("AWS_REGION", "us-east-1"),
            ("SHOPLAKE_TEST_S3", "s3://shoplake"),
        ]
    }

    /// The server says that it is well before it can write: only a write tells.
    fn wait_until_it_writes(&mut self, binary: &Path) -> Result<()> {
        let shop = self.folder.join("shop");
        workspace::output(Command::new(binary).args(["init", "--quiet", "--timezone", "UTC"]).arg(&shop))?;
        let began = Instant::now();
        loop {
            let mut run = Command::new(binary);
            run.args(["run", "--quiet", "--project-dir"]).arg(&shop).envs(self.variables());
            run.env("SHOPLAKE__TARGETS__LOCAL__LAKE", "s3://shoplake/ready");
            match workspace::output(&mut run) {
                Ok(_) => return Ok(()),
                Err(error) if began.elapsed() > PATIENCE => return Err(error.context("the S3 server does not write")),
                Err(_) => std::thread::sleep(Duration::from_millis(300)),
            }
            if let Some(status) = self.child.try_wait()? {
                let log = fs_err::read_to_string(self.folder.join("log")).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(5).collect();
                bail!("the S3 server ended with {status}: {}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is ours alone, and so is its folder: what cannot be removed now is removed before the next start.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs_err::remove_dir_all(&self.folder);
    }
}
