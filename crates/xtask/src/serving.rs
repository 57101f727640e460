//! A server that is asked over HTTP, with as little between as can be. Not here: how it starts and ends (`serve`).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::serve::Server;

/// How long the server may take to listen and to read its tables.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server that answers.
pub(crate) struct Serving(Server);

impl Serving {
    /// Starts the server on a free port of 127.0.0.1, and waits until figures can be asked for.
    pub(crate) fn start(binary: &Path, shop: &Path, more: &[&str]) -> Result<Self> {
        let server = Self(Server::over(binary, shop.to_owned(), more)?);
        let began = Instant::now();
        while server.get("/readyz").is_err() {
            ensure!(began.elapsed() < PATIENCE, "`shoplake serve` is not ready");
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(server)
    }

    /// The process.
    pub(crate) fn process(&self) -> u32 {
        self.0.id()
    }

    /// The body of a page.
    pub(crate) fn get(&self, path: &str) -> Result<String> {
        self.ask(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"))
    }

    /// The answer to one SELECT.
    pub(crate) fn query(&self, sql: &str) -> Result<Value> {
        let body = serde_json::json!({ "sql": sql }).to_string();
        let head =
            "POST /api/v1/query HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json";
        let answer = self.ask(&format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()))?;
        Ok(serde_json::from_str(&answer)?)
    }

    fn ask(&self, request: &str) -> Result<String> {
        let mut stream = TcpStream::connect(self.0.url().trim_start_matches("http://"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8(answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        if !head.starts_with("HTTP/1.1 2") {
            bail!("{}: {body}", head.lines().next().unwrap_or_default());
        }
        if head.to_lowercase().contains("transfer-encoding: chunked") {
            return joined(body);
        }
        Ok(body.to_owned())
    }
}

/// A body that came in chunks.
fn joined(mut body: &str) -> Result<String> {
    let mut text = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16)?;
        if size == 0 {
            break;
        }
        text.push_str(rest.get(..size).context("a chunk was cut short")?);
        body = rest.get(size + 2..).unwrap_or_default();
    }
    Ok(text)
}
