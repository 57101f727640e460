//! The sales of the benchmark, moved in time as a whole, so that the last ones are of yesterday: the page counts its
//! periods from today, and of sales that lie years back it would show nothing.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use chrono::{NaiveDate, TimeDelta, Utc};

/// The last day of the set.
const LAST: (i32, u32, u32) = (2025, 12, 30);

/// By how many days the set has to move today.
pub(crate) fn days() -> Result<i64> {
    let (year, month, day) = LAST;
    let last = NaiveDate::from_ymd_opt(year, month, day).context("the set ends on a day")?;
    Ok((Utc::now().date_naive() - last).num_days() - 1)
}

/// Copies a file of sales, moved by so many days.
pub(crate) fn copy(from: &Path, to: &Path, days: i64) -> Result<()> {
    let mut out = BufWriter::new(fs_err::File::create(to)?);
    for line in BufReader::new(fs_err::File::open(from)?).lines() {
        writeln!(out, "{}", line_of(&line?, days))?;
    }
    Ok(out.flush()?)
}

/// Lines of sales, moved by so many days.
pub(crate) fn lines(text: &str, days: i64) -> String {
    text.lines().map(|line| line_of(line, days) + "\n").collect()
}

/// A line with another day in its last field; where that is no day, as it was.
fn line_of(line: &str, days: i64) -> String {
    let moved = || {
        let (before, at) = line.rsplit_once(',')?;
        let (day, time) = at.split_at_checked(10)?;
        let day = day.parse::<NaiveDate>().ok()?.checked_add_signed(TimeDelta::days(days))?;
        Some(format!("{before},{day}{time}"))
    };
    moved().unwrap_or_else(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given lines of sales, then their days move and nothing else does; what is no day stays what it is.
    #[test]
    fn days_move_and_nothing_else() {
        let moved = lines("a,b,transaction_date\nT1,2,2024-02-28 10:00:00\nT2,2,2024-13-45 99:00:00\n", 2);
        assert_eq!(moved, "a,b,transaction_date\nT1,2,2024-03-01 10:00:00\nT2,2,2024-13-45 99:00:00\n");
    }
}
