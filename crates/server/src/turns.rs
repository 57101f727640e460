//! Turns at SQL: so many queries at once, few of them of one asker, and a queue that ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::{Answer, Problem};

/// Queries that run at once: of all, and of one asker, so that nobody takes the place of the others.
const QUERIES: usize = 4;
const QUERIES_OF_ONE: usize = 2;
/// Queries that run or wait: of all, and of one asker. A page asks for a few dozen at most.
const PRESENT: usize = 260;
const PRESENT_OF_ONE: usize = 66;
/// When whoever found the queue full may ask again.
const AGAIN: Duration = Duration::from_secs(2);

/// Who asks now.
pub(crate) struct Turns {
    slots: Arc<Semaphore>,
    askers: Mutex<HashMap<String, Asker>>,
}

/// One who has queries that run or wait.
struct Asker {
    slots: Arc<Semaphore>,
    present: usize,
}

/// A turn: the next one's begins when it is dropped.
pub(crate) struct Turn {
    _of_all: OwnedSemaphorePermit,
    _of_one: OwnedSemaphorePermit,
    _present: Present,
}

impl Turns {
    /// Nobody asks yet.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { slots: Arc::new(Semaphore::new(QUERIES)), askers: Mutex::default() })
    }

    /// Waits for a turn of `who`; a problem where too many wait already.
    pub(crate) async fn take(self: &Arc<Self>, who: &str) -> Answer<Turn> {
        let (present, slots) = self.enter(who)?;
        let closed = |error| Problem::internal(&error);
        // First one's own: whoever waits for that must not hold a place of the others.
        let of_one = slots.acquire_owned().await.map_err(closed)?;
        let of_all = Arc::clone(&self.slots).acquire_owned().await.map_err(closed)?;
        Ok(Turn { _of_all: of_all, _of_one: of_one, _present: present })
    }

    fn enter(self: &Arc<Self>, who: &str) -> Answer<(Present, Arc<Semaphore>)> {
        let mut askers = self.askers.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = askers.values().map(|asker| asker.present).sum();
        if all >= PRESENT || askers.get(who).is_some_and(|asker| asker.present >= PRESENT_OF_ONE) {
            return Err(Problem::too_many("query.queue", "too many queries wait for their turn", AGAIN));
        }
        let new = || Asker { slots: Arc::new(Semaphore::new(QUERIES_OF_ONE)), present: 0 };
        let asker = askers.entry(who.to_owned()).or_insert_with(new);
        asker.present += 1;
        let slots = Arc::clone(&asker.slots);
        drop(askers);
        Ok((Present { turns: Arc::clone(self), who: who.to_owned() }, slots))
    }
}

/// A query that runs or waits; whoever has none is forgotten.
struct Present {
    turns: Arc<Turns>,
    who: String,
}

impl Drop for Present {
    fn drop(&mut self) {
        let mut askers = self.turns.askers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asker) = askers.get_mut(&self.who) {
            asker.present -= 1;
            if asker.present == 0 {
                askers.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    /// Given one who asks much, then two queries of theirs run, the next ones wait, and another's begin at once.
    #[tokio::test]
    async fn one_leaves_room_for_the_others() {
        let turns = Turns::new();
        let (first, _second) = (turns.take("ada").await.unwrap(), turns.take("ada").await.unwrap());
        let mut third = Box::pin(turns.take("ada"));
        assert!((&mut third).now_or_never().is_none(), "a third one waits");
        let _of_bob = [turns.take("bob").await.unwrap(), turns.take("bob").await.unwrap()];
        assert!(turns.take("eve").now_or_never().is_none(), "four run");
        drop(first);
        assert!((&mut third).now_or_never().is_some_and(|turn| turn.is_ok()));
    }

    /// Given a queue that is full, then the next one is told when to come again; what is given up leaves its place.
    #[tokio::test]
    async fn the_queue_ends() {
        let turns = Turns::new();
        let mut waiting: Vec<_> = (0..PRESENT_OF_ONE).map(|_| Box::pin(turns.take("ada"))).collect();
        let begun: Vec<_> = waiting.iter_mut().map(FutureExt::now_or_never).collect();
        assert_eq!(begun.iter().flatten().count(), QUERIES_OF_ONE);
        let full = turns.take("ada").now_or_never().unwrap();
        assert!(full.is_err(), "no more of one asker");
        assert!(turns.take("bob").now_or_never().unwrap().is_ok());
        drop((waiting, begun));
        assert!(turns.take("ada").now_or_never().unwrap().is_ok());
        assert!(turns.askers.lock().unwrap().is_empty(), "nobody asks any more");
    }
}
