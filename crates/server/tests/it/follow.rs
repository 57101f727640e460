//! A reader that follows the rows of each batch comes to what one reads that begins with it.

use std::sync::Arc;

use shoplake_core::ports::TableStore;
use shoplake_core::{Catalog, Project};
use shoplake_engine::DataFusionEngine;
use shoplake_lake::LocalLake;
use shoplake_server::cube::{Cube, Filter, Reader, Segment};

use crate::shop::{HEADER, Shop, sales};

/// A reader, and the tables that it reads.
struct Follower {
    project: Arc<Project>,
    lake: LocalLake,
    reader: Reader,
}

fn reader(project: &Project) -> Reader {
    let engine = DataFusionEngine::new(&project.limits, project.time_zone).unwrap();
    Reader::new(Arc::new(engine), project.time_zone, "transaction_date")
}

impl Follower {
    fn of(shop: &Shop) -> Self {
        let project = shop.project();
        Self { lake: LocalLake::open(&project).unwrap(), reader: reader(&project), project }
    }

    /// Reads the last batch, with what the lake tells of it; gives how many files were read and followed.
    async fn follow(&mut self) -> (u64, u64) {
        let (before, catalog) = (self.reader.work(), self.lake.pinned().await.unwrap());
        let batch = self.lake.last_committed().await.unwrap();
        let changes = match self.reader.batch() {
            Some(shown) => self.lake.changed_rows(&catalog.tables["sales"], shown, batch).await.unwrap(),
            None => None,
        };
        let read = async |reader: &mut Reader, catalog: &Catalog, changes| {
            reader.read(catalog, batch, chrono::DateTime::UNIX_EPOCH, changes).await.unwrap().unwrap()
        };
        let followed = read(&mut self.reader, &catalog, changes.as_deref()).await;
        let anew = read(&mut reader(&self.project), &catalog, None).await;
        assert_eq!(figures(&followed), figures(&anew));
        let work = self.reader.work();
        (work.0 - before.0, work.1 - before.1)
    }
}

/// What a cube says, in an order that does not depend on when a name was met first.
fn figures(cube: &Cube) -> Vec<String> {
    let (first, last) = cube.days().unwrap();
    let mut figures = vec![format!("{} {first} {last} {:?}", cube.rows(), cube.last_sale)];
    let all = Filter::days(first, last);
    let by_segment = Segment::ALL.map(|segment| Filter { segments: [segment].into(), ..all.clone() });
    for filter in by_segment.into_iter().chain([all]) {
        let answer = cube.answer(&filter, 1);
        let product = |number: u32| cube.products.get(number as usize).and_then(|product| product.id.clone());
        let products: Vec<_> = answer.products.iter().map(|sum| (product(sum.product), sum.cell)).collect();
        figures.push(format!("{:?} {} {:?}", answer.total, answer.customers, answer.customers_by_day));
        figures.push(format!("{:?} {:?} {:?}", answer.hours, answer.segments, answer.categories));
        figures.push(format!("{:?} {products:?}", answer.cities));
    }
    figures
}

/// Corrected rows of `step`: every so-manyth sale from `first` on, with `change` made to its line.
fn corrected(first: usize, step: usize, change: impl Fn(&str) -> String) -> String {
    let text = sales(0..600);
    let lines = text.lines().skip(1 + first).step_by(step).map(change).collect::<Vec<_>>();
    format!("{HEADER}{}\n", lines.join("\n"))
}

/// Given corrections of amounts, of days and of the last sale, late customers, several batches at once, files that are
/// joined, and copies that are gone, then a reader comes to the same figures as one that reads all files, and reads only
/// what it must.
#[tokio::test(flavor = "multi_thread")]
async fn what_changed_is_followed() {
    let shop = Shop::with_sales().await;
    let mut follower = Follower::of(&shop);
    assert_eq!(follower.follow().await, (3, 0), "three months");

    shop.put("sales", "amounts.csv", corrected(0, 7, |line| line.replace(",1,", ",2,1")));
    shop.run().await;
    assert_eq!(follower.follow().await, (3, 3), "the corrected rows are in files of their own");

    shop.put("sales", "days.csv", corrected(3, 11, |line| line.replace("2024-03", "2024-04")));
    shop.run().await;
    shop.put("sales", "amounts again.csv", corrected(0, 7, |line| line.replace(",1,", ",1,7")));
    shop.run().await;
    assert_eq!(follower.follow().await.1, 2, "two batches at once; February's corrected rows replace a file of them");

    let late = r#"[{"customer_id":"c39","name":"Late","city":"Berlin","signup_date":"2024-05-01"}]"#;
    shop.put("customers", "late.json", late);
    shop.run().await;
    let (read, followed) = follower.follow().await;
    assert!(read == 0 && followed > 0, "sales of a late customer get its city: {read} {followed}");

    shop.put("sales", "new.csv", sales(600..640));
    shop.run().await;
    follower.follow().await;
    let last =
        &shop.query("SELECT transaction_id, customer_id FROM sales ORDER BY transaction_date DESC LIMIT 1").await[0];
    shop.put("sales", "last.csv", format!("{HEADER}{},{},p1,1,1.00,2024-03-01T10:00:00\n", last[0], last[1]));
    shop.run().await;
    assert!(follower.follow().await.0 > 0, "which sale is the last one now, only its file knows");

    shop.compact().await;
    assert_eq!(follower.follow().await, (0, 3), "files that were joined hold what they held");

    shop.put("sales", "once more.csv", corrected(1, 5, |line| line.replace(",1,", ",3,2")));
    shop.run().await;
    fs_err::remove_dir_all(shop.path().join("lake/processed/sales/_changes")).unwrap();
    let (read, followed) = follower.follow().await;
    assert!(read >= 3 && followed == 0, "without the copies the files are read: {read} {followed}");
}

/// Given more batches than copies are kept of, then no rows are told, and old copies are gone.
#[tokio::test(flavor = "multi_thread")]
async fn copies_are_kept_for_some_batches() {
    let shop = Shop::with_sales().await;
    let mut follower = Follower::of(&shop);
    follower.follow().await;
    for n in 0..9 {
        shop.put("sales", &format!("{n}.csv"), format!("{HEADER}t00001,c1,p1,1,{n}.01,2024-03-01T10:00:00\n"));
        shop.run().await;
    }
    let copies = fs_err::read_dir(shop.path().join("lake/processed/sales/_changes")).unwrap();
    let mut batches: Vec<String> =
        copies.map(|copy| copy.unwrap().file_name().to_string_lossy()[..15].to_owned()).collect();
    batches.sort();
    batches.dedup();
    assert_eq!(batches.len(), 8, "{batches:?}");
    assert_eq!(follower.follow().await.1, 0, "nine batches are too many to follow");
    shop.put("sales", "more.csv", format!("{HEADER}t00002,c1,p1,1,10.01,2024-03-01T10:00:00\n"));
    shop.run().await;
    assert_eq!(follower.follow().await, (1, 1));
}
