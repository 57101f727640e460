//! A store that misbehaves by a seed, to prove that it may: it is slow, it fails, it loses the
//! connection in the middle of a write, and it does what was asked and says that it failed.
//!
//! `SHOPLAKE_FAULT_STORE=seed=7,delay=20,fail=0.05,tear=0.05,lose=0.05` arms it: `delay` is the longest
//! wait before a call in milliseconds, the others are shares of the calls. A write that is torn leaves
//! half of its bytes under the name, unless it is conditional or in parts, which no store shows before
//! they are whole.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path as Key;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use shoplake_core::Fault;

/// The variable that arms it.
const VARIABLE: &str = "SHOPLAKE_FAULT_STORE";

/// How often what goes wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Shares {
    seed: u64,
    delay: u64,
    fail: f64,
    tear: f64,
    lose: f64,
}

/// What befalls one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    Failed,
    Torn,
    Lost,
}

/// The store; see the module.
#[derive(Debug)]
struct FaultStore {
    inner: Arc<dyn ObjectStore>,
    shares: Shares,
    calls: Arc<AtomicU64>,
}

impl fmt::Display for FaultStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty {}", self.inner)
    }
}

/// Puts the faults in front of a store where the variable says so.
pub(super) fn armed(store: Arc<dyn ObjectStore>) -> shoplake_core::Result<Arc<dyn ObjectStore>> {
    let Ok(text) = std::env::var(VARIABLE) else { return Ok(store) };
    let shares = parse(&text).map_err(|words| {
        Fault::usage(format!("{VARIABLE}: {words}")).hint("unset it: it is there to test Shoplake itself")
    })?;
    Ok(Arc::new(FaultStore { inner: store, shares, calls: Arc::default() }))
}

/// Refuses the variable where no store stands between us and the lake: nothing would be proved.
pub(crate) fn refuse_unused() -> shoplake_core::Result<()> {
    if std::env::var_os(VARIABLE).is_none() {
        return Ok(());
    }
    Err(Fault::usage(format!("{VARIABLE} is set, and the lake is a folder of this machine"))
        .hint("write `lake: file:///folder` to reach a folder through a store, or unset it"))
}

fn parse(text: &str) -> Result<Shares, String> {
    let mut shares = Shares::default();
    for part in text.split(',') {
        let (name, value) = part.split_once('=').ok_or_else(|| format!("`{part}` is not `name=value`"))?;
        let share = || value.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
        let share = || share().ok_or_else(|| format!("`{part}` is not a share between 0 and 1"));
        let number = || value.parse().map_err(|_| format!("`{part}` is not a whole number"));
        match name {
            "seed" => shares.seed = number()?,
            "delay" => shares.delay = number()?,
            "fail" => shares.fail = share()?,
            "tear" => shares.tear = share()?,
            "lose" => shares.lose = share()?,
            other => return Err(format!("`{other}` is not one of `seed`, `delay`, `fail`, `tear`, `lose`")),
        }
    }
    Ok(shares)
}

/// A number that looks random and is the same for the same seed (SplitMix64).
fn mixed(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn broken(what: &'static str) -> Error {
    Error::Generic { store: "faulty", source: what.into() }
}

impl Shares {
    /// What befalls call `number`, and how long it waits first.
    fn fate(self, number: u64) -> (Fate, Duration) {
        let random = mixed(self.seed ^ mixed(number + 1));
        let delay = Duration::from_millis(mixed(random).checked_rem(self.delay + 1).unwrap_or_default());
        let drawn = (random >> 11) as f64 / (1_u64 << 53) as f64;
        let fate = if drawn < self.fail {
            Fate::Failed
        } else if drawn < self.fail + self.tear {
            Fate::Torn
        } else if drawn < self.fail + self.tear + self.lose {
            Fate::Lost
        } else {
            Fate::Done
        };
        (fate, delay)
    }
}

impl FaultStore {
    async fn next(&self) -> Fate {
        let (fate, delay) = self.shares.fate(self.calls.fetch_add(1, Ordering::Relaxed));
        tokio::time::sleep(delay).await;
        fate
    }

    /// A call that reads: it is done, or it fails.
    async fn reading(&self) -> Result<()> {
        if self.next().await == Fate::Done { Ok(()) } else { Err(broken("no answer came")) }
    }

    fn beside(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), shares: self.shares, calls: Arc::clone(&self.calls) }
    }
}

#[async_trait]
impl ObjectStore for FaultStore {
    async fn put_opts(&self, location: &Key, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        match self.next().await {
            Fate::Done => self.inner.put_opts(location, payload, options).await,
            Fate::Failed => Err(broken("the write was refused")),
            Fate::Torn => {
                if options.mode == PutMode::Overwrite {
                    let bytes: Vec<u8> = payload.iter().flat_map(|part| part.iter().copied()).collect();
                    let half = Bytes::copy_from_slice(&bytes[..bytes.len() / 2]);
                    self.inner.put_opts(location, half.into(), options).await?;
                }
                Err(broken("the connection was lost in the middle of a write"))
            }
            Fate::Lost => {
                self.inner.put_opts(location, payload, options).await?;
                Err(broken("the reply to a write was lost"))
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Key,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.reading().await?;
        let inner = self.inner.put_multipart_opts(location, options).await?;
        Ok(Box::new(FaultUpload { inner, store: self.beside() }))
    }

    async fn get_opts(&self, location: &Key, options: GetOptions) -> Result<GetResult> {
        self.reading().await?;
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Key>>) -> BoxStream<'static, Result<Key>> {
        let store = Arc::new(self.beside());
        locations
            .and_then(move |key| {
                let store = Arc::clone(&store);
                async move {
                    match store.next().await {
                        Fate::Done => store.inner.delete(&key).await?,
                        Fate::Lost => {
                            store.inner.delete(&key).await?;
                            return Err(broken("the reply to a removal was lost"));
                        }
                        Fate::Failed | Fate::Torn => return Err(broken("the removal was refused")),
                    }
                    Ok(key)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (store, listed) = (self.beside(), self.inner.list(prefix));
        stream::once(async move { store.reading().await.map(|()| listed) }).try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Key>) -> Result<ListResult> {
        self.reading().await?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Key, to: &Key, options: CopyOptions) -> Result<()> {
        match self.next().await {
            Fate::Done => self.inner.copy_opts(from, to, options).await,
            Fate::Lost => {
                self.inner.copy_opts(from, to, options).await?;
                Err(broken("the reply to a copy was lost"))
            }
            Fate::Failed | Fate::Torn => Err(broken("the copy was refused")),
        }
    }
}

/// A write in parts that may fail at each of them.
#[derive(Debug)]
struct FaultUpload {
    inner: Box<dyn MultipartUpload>,
    store: FaultStore,
}

#[async_trait]
impl MultipartUpload for FaultUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (part, store) = (self.inner.put_part(data), self.store.beside());
        Box::pin(async move {
            store.reading().await?;
            part.await
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        match self.store.next().await {
            Fate::Done => self.inner.complete().await,
            Fate::Lost => {
                self.inner.complete().await?;
                Err(broken("the reply to the end of a write was lost"))
            }
            Fate::Failed | Fate::Torn => Err(broken("the end of a write was refused")),
        }
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given shares, when calls are drawn, then each fate befalls about its share of them, and the same
    /// seed draws the same fates.
    #[test]
    fn fates_follow_their_shares() {
        let shares = parse("seed=7,delay=5,fail=0.1,tear=0.2,lose=0.3").unwrap();
        let fates: Vec<Fate> = (0..10_000).map(|call| shares.fate(call).0).collect();
        let share = |fate| fates.iter().filter(|drawn| **drawn == fate).count() as f64 / 10_000.0;
        for (fate, wanted) in [(Fate::Failed, 0.1), (Fate::Torn, 0.2), (Fate::Lost, 0.3), (Fate::Done, 0.4)] {
            assert!((share(fate) - wanted).abs() < 0.03, "{fate:?}: {}", share(fate));
        }
        assert!((0..10_000).all(|call| shares.fate(call).1 <= Duration::from_millis(5)));
        assert_eq!(fates, (0..10_000).map(|call| shares.fate(call).0).collect::<Vec<_>>());
        assert_ne!(fates[..50], (0..50).map(|call| Shares { seed: 8, ..shares }.fate(call).0).collect::<Vec<_>>());
    }

    /// Given a variable that says something else, then the words say what is wrong with it.
    #[test]
    fn a_wrong_variable_is_told() {
        for (text, words) in [("sed=1", "is not one of"), ("fail=2", "between 0 and 1"), ("seed", "name=value")] {
            assert!(parse(text).unwrap_err().contains(words), "{text}");
        }
    }

    /// Given a store that tears every write, then a plain one leaves half and a conditional one nothing.
    #[tokio::test]
    async fn a_torn_write_leaves_half() {
        let inner: Arc<dyn ObjectStore> = Arc::new(object_store::memory::InMemory::new());
        let shares = parse("tear=1").unwrap();
        let store = FaultStore { inner: Arc::clone(&inner), shares, calls: Arc::default() };
        let (plain, conditional) = (Key::from("plain"), Key::from("conditional"));
        store.put(&plain, "0123456789".into()).await.unwrap_err();
        store.put_opts(&conditional, "0123456789".into(), PutMode::Create.into()).await.unwrap_err();
        assert_eq!(inner.get(&plain).await.unwrap().bytes().await.unwrap(), "01234");
        assert!(matches!(inner.get(&conditional).await, Err(Error::NotFound { .. })));
    }
}
