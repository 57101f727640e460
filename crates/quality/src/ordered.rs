//! Work on several threads whose results come back in the order that it was given out.

use crossbeam_channel::bounded;
use shoplake_core::{Fault, Result};

/// Gives each job of `next` to one of `threads` workers, and their results to `sink` in order, on
/// the calling thread. At most about `3 × threads` jobs are in memory; the first error ends it.
pub(crate) fn in_order<J: Send, D: Send>(
    threads: usize,
    mut next: impl FnMut() -> Result<Option<J>> + Send,
    work: impl Fn(J) -> Result<D> + Sync,
    mut sink: impl FnMut(D) -> Result<()>,
) -> Result<()> {
    if threads <= 1 {
        while let Some(job) = next()? {
            sink(work(job)?)?;
        }
        return Ok(());
    }
    std::thread::scope(|scope| {
        let (give_job, take_job) = bounded::<(J, crossbeam_channel::Sender<Result<D>>)>(threads);
        let (give_turn, take_turn) = bounded::<crossbeam_channel::Receiver<Result<D>>>(threads);
        scope.spawn(move || {
            loop {
                let (give, take) = bounded(1);
                let gone = match next() {
                    Ok(Some(job)) => give_turn.send(take).is_err() || give_job.send((job, give)).is_err(),
                    Ok(None) => true,
                    Err(fault) => {
                        let _ = give.send(Err(fault));
                        let _ = give_turn.send(take);
                        true
                    }
                };
                // Nobody to send to means that the caller has an error already.
                if gone {
                    break;
                }
            }
        });
        for _ in 0..threads {
            let (take_job, work) = (take_job.clone(), &work);
            scope.spawn(move || {
                for (job, give) in take_job {
                    let _ = give.send(work(job));
                }
            });
        }
        drop(take_job);
        for turn in take_turn {
            sink(turn.recv().map_err(|_| Fault::internal("a worker ended without a result"))??)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given jobs of uneven length, when several threads work, then results keep the order and an
    /// error stands where its job stood.
    #[test]
    fn order_is_kept() {
        for threads in [1, 4] {
            let mut jobs = 0..200_u64;
            let mut seen = Vec::new();
            let work = |n: u64| {
                std::thread::sleep(std::time::Duration::from_micros(n % 7 * 100));
                if n == 150 { Err(Fault::data("no")) } else { Ok(n) }
            };
            let sink = |n| {
                seen.push(n);
                Ok(())
            };
            assert!(in_order(threads, || Ok(jobs.next()), work, sink).is_err());
            assert_eq!(seen, (0..150).collect::<Vec<_>>());
        }
    }
}
