//! Work on several threads whose results come back in the order that it was given out.

use crossbeam_channel::bounded;
use shoplake_core::{Fault, Result};

/// Takes one result of a job; an error means that nobody wants more of them.
pub type Give<'a, D> = dyn FnMut(D) -> Result<()> + 'a;

/// As [`parts_in_order`], for work with one result a job.
///
/// # Errors
/// The first one of `next`, `work` or `sink`.
pub fn in_order<J: Send, D: Send>(
    threads: usize,
    next: impl FnMut() -> Result<Option<J>> + Send,
    work: impl Fn(J) -> Result<D> + Sync,
    sink: impl FnMut(D) -> Result<()>,
) -> Result<()> {
    parts_in_order(threads, next, |job, give| give(work(job)?), sink)
}

/// Gives each job of `next` to one of `threads` workers, and their results to `sink` in order, on
/// the calling thread. At most about `3 × threads` jobs are in memory; the first error ends it.
///
/// A job may have many results: it waits until those before are taken, so that of the results at most
/// two a thread are in memory, however many a job has.
///
/// # Errors
/// The first one of `next`, `work` or `sink`.
pub fn parts_in_order<J: Send, D: Send>(
    threads: usize,
    mut next: impl FnMut() -> Result<Option<J>> + Send,
    work: impl Fn(J, &mut Give<'_, D>) -> Result<()> + Sync,
    mut sink: impl FnMut(D) -> Result<()>,
) -> Result<()> {
    if threads <= 1 {
        while let Some(job) = next()? {
            work(job, &mut sink)?;
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
                    let mut part = |part| give.send(Ok(part)).map_err(|_| Fault::internal("nobody takes the results"));
                    if let Err(fault) = work(job, &mut part) {
                        let _ = give.send(Err(fault));
                    }
                }
            });
        }
        drop(take_job);
        // A worker that panics ends its turn early, and then the scope: nothing is lost in silence.
        for turn in take_turn {
            for part in turn {
                sink(part?)?;
            }
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

    /// Given jobs of many results, when several threads work, then all results keep the order, also
    /// where the one who takes them is slow; an error of his ends it.
    #[test]
    fn parts_keep_the_order() {
        for threads in [1, 4] {
            let mut jobs = 0..50_u64;
            let mut seen = Vec::new();
            let work = |n: u64, give: &mut Give<'_, u64>| (0..n % 5).try_for_each(|part| give(n * 10 + part));
            let sink = |part| {
                seen.push(part);
                if part == 443 { Err(Fault::data("no")) } else { Ok(()) }
            };
            assert_eq!(parts_in_order(threads, || Ok(jobs.next()), work, sink).unwrap_err().message, "no");
            let want: Vec<u64> = (0..50).flat_map(|n| (0..n % 5).map(move |part| n * 10 + part)).collect();
            let end = want.iter().position(|part| *part == 443).unwrap();
            assert_eq!(seen, want[..=end]);
        }
    }
}
