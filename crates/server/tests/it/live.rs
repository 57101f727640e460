//! News: a load by another process shows by itself.

use std::time::Duration;

use reqwest::Response;
use serde_json::Value;

use crate::shop::{Served, Shop, sales};

/// Events of a stream, as they come.
pub(crate) struct Events {
    response: Response,
    text: String,
}

impl Events {
    pub(crate) async fn open(served: &Served) -> Self {
        let response = served.get("/api/v1/events").await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self::of(response)
    }

    pub(crate) fn of(response: Response) -> Self {
        Self { response, text: String::new() }
    }

    /// The next event and its data; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.clone().split_once("\n\n") {
                rest.clone_into(&mut self.text);
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                if let (Some(name), Some(data)) = (field("event:"), field("data:")) {
                    return Some((name.to_owned(), serde_json::from_str(data).unwrap()));
                }
                continue;
            }
            let bytes = self.response.chunk().await.ok().flatten()?;
            self.text += std::str::from_utf8(&bytes).unwrap();
        }
    }

    pub(crate) async fn until(&mut self, name: &str) -> Value {
        loop {
            let (event, data) = self.next().await.expect("the stream goes on");
            if event == name {
                return data;
            }
        }
    }
}

/// Given an open page, when another process loads more sales, then the page is told the batch, and what it
/// then asks for has them.
#[tokio::test(flavor = "multi_thread")]
async fn a_load_elsewhere_is_told() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let mut events = Events::open(&served).await;
    assert_eq!(events.until("batch").await["batch"], 1, "what is shown now comes first");
    let path = "/api/v1/sales/summary?from=2024-01-01&to=2024-12-31";
    assert_eq!(served.json(path).await["current"]["transactions"], 600);
    shop.put("sales", "more.csv", sales(600..650));
    let batch = shop.run().await.batch.unwrap().0;
    assert_eq!(events.until("batch").await["batch"], batch);
    assert_eq!(served.json(path).await["current"]["transactions"], 650);
}

/// Given a run, then its end is told with its status.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_told() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let mut events = Events::open(&served).await;
    // The run that was there before is no news: one look must have passed.
    tokio::time::sleep(Duration::from_millis(700)).await;
    let outcome = shop.run().await;
    loop {
        let run = events.until("run").await;
        if run["run_id"] == outcome.run_id.0.as_str() && run["status"] != "running" {
            break;
        }
    }
}

/// Given open pages, when the server is told to stop, then their streams end and it comes back at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_streams() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let mut events = Events::open(&served).await;
    events.until("batch").await;
    served.stop.send(true).unwrap();
    while events.next().await.is_some() {}
    served.server.await.unwrap().unwrap();
    assert!(served.client.get(format!("http://{}/healthz", served.address)).send().await.is_err());
}

/// Given a change of a dashboard's file, then it is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_saved_dashboard_is_told() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let mut events = Events::open(&served).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let path = shop.path().join("dashboards/sales.yml");
    let text = fs_err::read_to_string(&path).unwrap();
    fs_err::write(&path, text.replace("title: Sales", "title: Our sales")).unwrap();
    assert_eq!(events.until("dashboard").await["name"], "sales");
    assert_eq!(served.json("/api/v1/dashboards/sales").await["title"], "Our sales");
}
