//! The log in `.shoplake/logs/`: JSON lines, a file a day and more where it grows, the oldest removed.
//!
//! `shoplake-2026-11-29.jsonl`, then `shoplake-2026-11-29.1.jsonl` … Several processes write at once, each line
//! with one call; none of them renames or shortens a file that another writes.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, NaiveDate, Utc};
use shoplake_core::logs::{LogLine, LogQuery, LogSettings, LogStore};
use shoplake_core::{Fault, Result};

const PREFIX: &str = "shoplake-";
const ENDING: &str = ".jsonl";

/// The folder of the log.
#[derive(Debug)]
pub struct LogFolder {
    dir: PathBuf,
    settings: LogSettings,
    open: Mutex<Option<Open>>,
}

/// The file that is written.
#[derive(Debug)]
struct Open {
    date: NaiveDate,
    index: u64,
    file: File,
}

/// Where a file of the log stands among the others.
type Place = (NaiveDate, u64);

/// How far somebody has read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Position {
    place: Option<Place>,
    offset: u64,
}

impl LogFolder {
    /// The log in `dir`, which is made with its first line.
    pub fn new(dir: PathBuf, settings: LogSettings) -> Self {
        Self { dir, settings, open: Mutex::new(None) }
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes a line (without its end) at `now`; where a file is begun, old ones are removed.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn write(&self, text: &str, now: DateTime<Utc>) -> Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let date = now.date_naive();
        let full = |open: &Open| Ok::<_, Fault>(open.file.metadata()?.len() >= self.settings.file_size);
        let next = match open.as_ref().filter(|open| open.date == date) {
            Some(known) if !full(known)? => None,
            Some(known) => Some(known.index + 1),
            None => {
                Some(self.files()?.iter().filter(|((of, _), _)| *of == date).map(|((_, n), _)| *n).max().unwrap_or(0))
            }
        };
        if let Some(index) = next {
            *open = Some(self.begin(date, index)?);
        }
        if let Some(open) = open.as_mut() {
            // One call a line: what several processes write does not mix.
            open.file.write_all(format!("{text}\n").as_bytes())?;
        }
        Ok(())
    }

    fn begin(&self, date: NaiveDate, mut index: u64) -> Result<Open> {
        fs_err::create_dir_all(&self.dir)?;
        loop {
            let mut options = fs_err::OpenOptions::new();
            options.create(true).append(true);
            #[cfg(unix)]
            fs_err::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let (file, _) = options.open(self.dir.join(name((date, index))))?.into_parts();
            if file.metadata()?.len() < self.settings.file_size {
                self.prune(date)?;
                return Ok(Open { date, index, file });
            }
            index += 1;
        }
    }

    /// Removes files that are too old, then the oldest until all are small enough together.
    fn prune(&self, today: NaiveDate) -> Result<()> {
        let mut files = self.files()?;
        let sizes = files.iter().map(|(_, path)| Ok(fs_err::metadata(path)?.len())).collect::<Result<Vec<u64>>>();
        // Another process removes files too: what is gone is as it should be.
        let Ok(sizes) = sizes else { return Ok(()) };
        let mut total: u64 = sizes.iter().sum();
        files.pop();
        for ((place, path), size) in files.into_iter().zip(sizes) {
            if today - place.0 > self.settings.keep_for || total > self.settings.keep_size {
                match fs_err::remove_file(path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                    _ => total -= size.min(total),
                }
            }
        }
        Ok(())
    }

    /// The lines after `position` that are asked for, and `position` moved behind the last whole line.
    ///
    /// # Errors
    /// A folder that cannot be read. Lines that are no lines of a log are passed over.
    pub fn read(&self, query: &LogQuery, position: &mut Position, mut take: impl FnMut(LogLine)) -> Result<()> {
        let first = query.since.map(|since| since.date_naive());
        for (place, path) in self.files()? {
            let passed = position.place.is_some_and(|known| place < known);
            if passed || first.is_some_and(|first| place.0 < first) {
                continue;
            }
            let offset = if position.place == Some(place) { position.offset } else { 0 };
            let read = read_file(&path, offset, query, &mut take)?;
            *position = Position { place: Some(place), offset: read };
        }
        Ok(())
    }

    /// The files of the log, the oldest first.
    fn files(&self) -> Result<Vec<(Place, PathBuf)>> {
        let entries = match fs_err::read_dir(&self.dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry?.path();
            files.extend(path.file_name().and_then(|name| place(name.to_str()?)).map(|place| (place, path.clone())));
        }
        files.sort();
        Ok(files)
    }
}

impl LogStore for LogFolder {
    fn search(&self, query: &LogQuery, limit: usize) -> Result<Vec<LogLine>> {
        let mut last = VecDeque::new();
        self.read(query, &mut Position::default(), |line| {
            if last.len() == limit {
                last.pop_front();
            }
            last.push_back(line);
        })?;
        last.truncate(limit);
        Ok(last.into())
    }
}

/// Reads the whole lines behind `offset`; gives where they end.
fn read_file(path: &Path, offset: u64, query: &LogQuery, take: &mut impl FnMut(LogLine)) -> Result<u64> {
    let mut file = match fs_err::File::open(path) {
        // It was removed between the two looks.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(offset),
        file => file?,
    };
    file.seek(SeekFrom::Start(offset))?;
    let (mut reader, mut end, mut bytes) = (BufReader::new(file), offset, Vec::new());
    loop {
        bytes.clear();
        let read = reader.by_ref().read_until(b'\n', &mut bytes)?;
        if bytes.last() != Some(&b'\n') {
            return Ok(end);
        }
        end += read as u64;
        let Some(text) = std::str::from_utf8(&bytes).ok().map(str::trim_end) else { continue };
        let Ok(line) = serde_json::from_str::<LogLine>(text) else { continue };
        if query.wants(&line, text) {
            take(line);
        }
    }
}

fn name((date, index): Place) -> String {
    let more = if index == 0 { String::new() } else { format!(".{index}") };
    format!("{PREFIX}{date}{more}{ENDING}")
}

fn place(name: &str) -> Option<Place> {
    let middle = name.strip_prefix(PREFIX)?.strip_suffix(ENDING)?;
    let (date, index) = middle.split_once('.').unwrap_or((middle, "0"));
    Some((date.parse().ok()?, index.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use shoplake_core::logs::LogLevel;

    use super::*;

    fn line(at: DateTime<Utc>, message: &str, run: &str, level: LogLevel) -> String {
        let line = LogLine {
            at,
            level,
            message: message.to_owned(),
            run: Some(run.to_owned()),
            step: None,
            dataset: None,
            file: None,
            target: "test".to_owned(),
            process: 1,
            fields: serde_json::Map::new(),
        };
        serde_json::to_string(&line).unwrap()
    }

    fn noon() -> DateTime<Utc> {
        "2026-11-29T12:00:00Z".parse().unwrap()
    }

    fn names(folder: &LogFolder) -> Vec<String> {
        folder.files().unwrap().into_iter().map(|(place, _)| name(place)).collect()
    }

    /// Given a small limit, when two processes write for 40 days, then files follow by size and by day, no line is
    /// torn, and what is too old or too much is gone.
    #[test]
    fn rotation_by_size_and_age() {
        let dir = tempfile::tempdir().unwrap();
        let settings = LogSettings { file_size: 2_000, keep_size: 1 << 20, keep_for: TimeDelta::days(30) };
        let open = || LogFolder::new(dir.path().join("logs"), settings.clone());
        let (one, other) = (open(), open());
        for day in 0..40 {
            for n in 0..20 {
                let now = noon() + TimeDelta::days(day) + TimeDelta::seconds(n);
                one.write(&line(now, &format!("one {day} {n}"), "a", LogLevel::Info), now).unwrap();
                other.write(&line(now, &format!("other {day} {n}"), "b", LogLevel::Info), now).unwrap();
            }
        }
        let kept = names(&one);
        assert_eq!(kept.first().unwrap(), "shoplake-2026-12-08.jsonl", "{kept:?}");
        assert!(kept.len() >= 2 * 31 && kept.last().unwrap().starts_with("shoplake-2027-01-07."), "{kept:?}");
        let all = one.search(&LogQuery::default(), usize::MAX).unwrap();
        assert_eq!(all.len(), 31 * 40, "every line of the days that are kept, whole");

        let small = LogFolder::new(dir.path().join("logs"), LogSettings { keep_size: 10_000, ..settings });
        small.write("{}", noon() + TimeDelta::days(40)).unwrap();
        let left: u64 = small.files().unwrap().iter().map(|(_, path)| fs_err::metadata(path).unwrap().len()).sum();
        assert!(left <= 10_000, "{left}");
    }

    /// Given lines of two runs, when asked for some of them, then those come, the last ones where there are more than
    /// the limit; and who follows gets each new line once, and none that is not whole.
    #[test]
    fn search_and_follow() {
        let dir = tempfile::tempdir().unwrap();
        let folder = LogFolder::new(dir.path().to_owned(), LogSettings::default());
        let at = |minute: i64| noon() + TimeDelta::minutes(minute);
        for (minute, message, run, level) in [
            (0, "began", "r1", LogLevel::Info),
            (1, "The Bucket is away", "r1", LogLevel::Warn),
            (2, "began", "r2", LogLevel::Info),
            (3, "failed", "r2", LogLevel::Error),
        ] {
            folder.write(&line(at(minute), message, run, level), at(minute)).unwrap();
        }
        let ask = |query: LogQuery, limit: usize| -> Vec<i64> {
            folder.search(&query, limit).unwrap().iter().map(|line| (line.at - noon()).num_minutes()).collect()
        };
        let all = LogQuery::default();
        assert_eq!(ask(LogQuery { run: Some("r1".into()), ..all.clone() }, 9), [0, 1]);
        assert_eq!(ask(LogQuery { level: Some(LogLevel::Warn), ..all.clone() }, 9), [1, 3]);
        assert_eq!(ask(LogQuery { since: Some(at(2)), ..all.clone() }, 9), [2, 3]);
        assert_eq!(ask(LogQuery { grep: Some("bucket".into()), ..all.clone() }, 9), [1]);
        assert_eq!(ask(all.clone(), 2), [2, 3]);
        assert_eq!(ask(all.clone(), 0), [0_i64; 0]);

        let mut position = Position::default();
        let mut follow = || {
            let mut seen = Vec::new();
            folder.read(&all, &mut position, |line| seen.push(line.message)).unwrap();
            seen
        };
        assert_eq!(follow().len(), 4);
        let file = dir.path().join("shoplake-2026-11-29.jsonl");
        let mut half = fs_err::OpenOptions::new().append(true).open(file).unwrap();
        let text = line(at(4), "torn", "r3", LogLevel::Info);
        half.write_all(&text.as_bytes()[..20]).unwrap();
        assert!(follow().is_empty());
        half.write_all(&text.as_bytes()[20..]).unwrap();
        half.write_all(b"\n").unwrap();
        assert_eq!(follow(), ["torn"]);
        folder.write(&line(at(24 * 60), "tomorrow", "r3", LogLevel::Info), at(24 * 60)).unwrap();
        assert_eq!(follow(), ["tomorrow"]);
    }
}
