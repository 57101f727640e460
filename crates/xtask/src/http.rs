//! A small HTTP server on 127.0.0.1 for the demo: one thread a connection, GET only, one answer each.
//!
//! For a person's own machine: it listens on the loopback address alone. Not here: what it answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

/// The longest request line and headers that are read, in bytes.
const REQUEST_BYTES_MAX: u64 = 16 * 1024;

/// What is asked for: the path without its query, and the query's values as they were sent.
pub(crate) struct Request {
    path: String,
    query: String,
}

impl Request {
    fn parse(line: &str) -> Option<Self> {
        let target = line.strip_prefix("GET ")?.split(' ').next()?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Some(Self { path: path.to_owned(), query: query.to_owned() })
    }

    /// The path, from its first slash.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The number that the query gives `name`.
    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        let mut pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name)?.1.parse().ok()
    }
}

/// A body and its media type; `None` is a 404.
pub(crate) type Answer = Option<(&'static str, Vec<u8>)>;

/// Answers requests on a free port of 127.0.0.1 in the background, for as long as this process
/// lives, and returns the address as `http://127.0.0.1:PORT`.
pub(crate) fn serve(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("listen on 127.0.0.1")?;
    let address = format!("http://{}", listener.local_addr()?);
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            // A client that goes away in the middle is its own affair.
            std::thread::spawn(move || drop(converse(&connection, answer.as_ref())));
        }
    });
    Ok(address)
}

/// Answers with the files below `folder`; a folder answers with its `index.html`, then `report.html`.
pub(crate) fn folder(folder: PathBuf) -> impl Fn(&Request) -> Answer + Send + Sync + 'static {
    move |request| {
        let wanted = Path::new(request.path().trim_start_matches('/'));
        if !wanted.components().all(|part| matches!(part, Component::Normal(_))) {
            return None;
        }
        let path = folder.join(wanted);
        let candidates = [path.clone(), path.join("index.html"), path.join("report.html")];
        let file = candidates.into_iter().find(|candidate| candidate.is_file())?;
        Some((media_type(&file), fs_err::read(&file).ok()?))
    }
}

fn converse(connection: &TcpStream, answer: &dyn Fn(&Request) -> Answer) -> std::io::Result<()> {
    connection.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut reader = BufReader::new(connection.take(REQUEST_BYTES_MAX));
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 0 && header.trim() != "" {
        header.clear();
    }
    let (status, media, body) = match Request::parse(&first).map(|request| answer(&request)) {
        None => ("405 Method Not Allowed", "text/plain", b"only GET is served here\n".to_vec()),
        Some(None) => ("404 Not Found", "text/plain", b"there is nothing here\n".to_vec()),
        Some(Some((media, body))) => ("200 OK", media, body),
    };
    let mut writer = connection;
    let length = body.len();
    write!(
        writer,
        "HTTP/1.1 {status}\r\nContent-Type: {media}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    writer.write_all(&body)
}

fn media_type(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("json") => "application/json",
        Some("csv") => "text/csv; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(address: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(address.trim_start_matches("http://")).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: demo\r\n\r\n").unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    }

    /// Given a folder with a report and a secret beside it, a path that climbs out finds nothing.
    #[test]
    fn a_folder_serves_its_report_and_nothing_outside() {
        let root = tempfile::tempdir().unwrap();
        fs_err::create_dir(root.path().join("day")).unwrap();
        fs_err::write(root.path().join("day/report.html"), "<h1>the day</h1>").unwrap();
        fs_err::write(root.path().join("secret.json"), "{}").unwrap();
        let address = serve(folder(root.path().join("day"))).unwrap();
        assert!(get(&address, "/").ends_with("<h1>the day</h1>"));
        assert!(get(&address, "/report.html?again=1").starts_with("HTTP/1.1 200"));
        assert!(get(&address, "/../secret.json").starts_with("HTTP/1.1 404"));
    }

    #[test]
    fn a_query_gives_its_numbers_and_only_numbers() {
        let request = Request::parse("GET /customers?page=12&per_page=x HTTP/1.1").unwrap();
        assert_eq!((request.number("page"), request.number("per_page"), request.number("p")), (Some(12), None, None));
        assert!(Request::parse("POST /customers HTTP/1.1").is_none());
    }
}
