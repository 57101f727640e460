//! How long answers took: by endpoint, and by what was clicked.

use std::collections::BTreeMap;
use std::time::Duration;

/// An answer that takes longer is slow; how many are, is said for each so many seconds.
const SLOW: Duration = Duration::from_millis(100);
const WINDOW: u64 = 5;

/// The times of answers.
#[derive(Default)]
pub(crate) struct Times {
    by_endpoint: BTreeMap<String, Vec<Duration>>,
    by_filter: BTreeMap<String, Vec<Duration>>,
    by_kind: BTreeMap<String, Vec<Duration>>,
    /// When the slow ones were asked, counted from the start.
    slow: Vec<Duration>,
}

impl Times {
    /// Notes one that was asked this long after the start, by a click on a filter and a period: `kind` is both, with a
    /// comma.
    pub(crate) fn add(&mut self, at: Duration, endpoint: &str, kind: &str, time: Duration) {
        self.slow.extend((time > SLOW).then_some(at));
        let filter = kind.split_once(',').map_or(kind, |(filter, _)| filter);
        self.by_filter.entry(filter.to_owned()).or_default().push(time);
        self.by_endpoint.entry(endpoint.to_owned()).or_default().push(time);
        self.by_kind.entry(kind.to_owned()).or_default().push(time);
    }

    /// Takes those of somebody else.
    pub(crate) fn join(&mut self, other: Self) {
        let Self { by_endpoint, by_filter, by_kind, slow } = other;
        self.slow.extend(slow);
        for (all, own) in
            [(&mut self.by_endpoint, by_endpoint), (&mut self.by_filter, by_filter), (&mut self.by_kind, by_kind)]
        {
            for (name, times) in own {
                all.entry(name).or_default().extend(times);
            }
        }
    }

    /// Prints the table.
    pub(crate) fn print(&self, title: &str) {
        println!("\n{title}\n{:<30} {:>8} {:>9} {:>9} {:>9} {:>9}", "ms", "answers", "p50", "p95", "p99", "worst");
        let all = self.by_endpoint.values().flatten().copied().collect();
        line("all", all);
        for (name, times) in self.by_endpoint.iter().chain(&self.by_filter).chain(&self.by_kind) {
            line(name, times.clone());
        }
        let last = self.slow.iter().max().map_or(0, |at| at.as_secs() / WINDOW);
        let slow = (0..=last).map(|window| self.slow.iter().filter(|at| at.as_secs() / WINDOW == window).count());
        let slow: Vec<String> = slow.map(|count| count.to_string()).collect();
        println!("over {} ms, in each {WINDOW} s: {}", SLOW.as_millis(), slow.join(" "));
    }
}

fn line(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| percentile(&times, share).as_secs_f64() * 1e3;
    println!("{name:<30} {:>8} {:>9.1} {:>9.1} {:>9.1} {:>9.1}", times.len(), at(0.5), at(0.95), at(0.99), at(1.0));
}

/// The time that this share of the sorted times does not exceed.
fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        let found = [0.5, 0.95, 0.99, 1.0].map(|share| percentile(&times, share).as_millis());
        assert_eq!(found, [100, 190, 198, 200]);
        assert_eq!(percentile(&[], 0.99), Duration::ZERO);
    }
}
