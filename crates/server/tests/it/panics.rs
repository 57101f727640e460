//! A handler that panics, and a watch that does: an error of the API, and the server goes on.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use crate::live::Events;
use crate::shop::{PANIC, Served, Shop, expect, sales};

/// The log, as far as it was written.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// All that this thread logs from now on, until the guard goes.
    fn begin(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone()).finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn lines_with(&self, words: &str) -> usize {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(words)).count()
    }
}

/// The problem of a request that made something panic: it tells nothing of why, and has the headers of any answer.
async fn assert_internal(served: &Served, path: &str) {
    let response = served.get(path).await;
    let headers = response.headers().clone();
    assert_eq!(headers["content-type"], "application/problem+json", "{path}");
    assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
    assert!(headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"), "{path}");
    let problem = expect(response, 500).await;
    let members: Vec<&String> = problem.as_object().unwrap().keys().collect();
    assert_eq!(members, ["type", "title", "status", "detail"], "{path}: {problem}");
    assert_eq!(problem["detail"], "the server could not answer; its log says why", "{path}");
}

/// Given handlers that panic, on the server's thread and on one of their own, then each is a 500 that tells
/// nothing, the log has the words, and the next request finds everything in its place.
// One thread: the log is that of the thread.
#[tokio::test]
async fn a_panic_is_an_error_and_nothing_more() {
    let log = Log::default();
    let _guard = log.begin();
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    // More often than queries may run at once: what they hold is given back.
    for _ in 0..6 {
        assert_internal(&served, &format!("/api/v1/why?model={PANIC}&where=1&column=amount")).await;
    }
    assert_internal(&served, &format!("/api/v1/logs?grep={PANIC}")).await;
    assert_eq!(log.lines_with("a handler panicked: /srv/secret/access.db is not there"), 6);
    assert_eq!(log.lines_with("the log could not be searched"), 1);
    let query = serde_json::json!({ "sql": "SELECT count(*) FROM sales" });
    assert_eq!(expect(served.post("/api/v1/query", &query).await, 200).await["rows"][0][0], 600);
    served.json("/api/v1/why?model=sales&where=1&column=amount").await;
    served.json("/api/v1/logs").await;
}

/// Given a batch whose reading panics, then what was shown stays, the log says so, and the watch tries again until
/// it shows.
#[tokio::test]
async fn the_watch_survives_a_panic() {
    let log = Log::default();
    let _guard = log.begin();
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let mut events = Events::open(&served).await;
    events.until("batch").await;
    served.fragile.break_down(true);
    shop.put("sales", "more.csv", sales(600..650));
    let batch = shop.run().await.batch.unwrap().0;
    while log.lines_with("the watch panicked") == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let path = "/api/v1/sales/summary?from=2024-01-01&to=2024-12-31";
    assert_eq!(served.json(path).await["current"]["transactions"], 600);
    served.fragile.break_down(false);
    assert_eq!(events.until("batch").await["batch"], batch);
    assert_eq!(served.json(path).await["current"]["transactions"], 650);
}
