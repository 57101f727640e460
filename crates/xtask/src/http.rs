//! A small HTTP server on 127.0.0.1 for the demo: one thread a connection, GET only, one answer each.
//!
//! For a person's own machine: it listens on the loopback address alone. Not here: what it answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
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

    /// Given what answers one path, that path is served and any other is not there.
    #[test]
    fn what_is_answered_is_served() {
        let address = serve(|request| (request.path() == "/day").then(|| ("text/plain", b"the day".to_vec()))).unwrap();
        assert!(get(&address, "/day?again=1").ends_with("the day"));
        assert!(get(&address, "/../day").starts_with("HTTP/1.1 404"));
    }

    #[test]
    fn a_query_gives_its_numbers_and_only_numbers() {
        let request = Request::parse("GET /customers?page=12&per_page=x HTTP/1.1").unwrap();
        assert_eq!((request.number("page"), request.number("per_page"), request.number("p")), (Some(12), None, None));
        assert!(Request::parse("POST /customers HTTP/1.1").is_none());
    }
}
