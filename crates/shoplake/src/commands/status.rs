//! `shoplake status`: the last runs, what waits for somebody, where each file went, and the lake's size.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use shoplake_core::outcome::{FileStatus, RunOutcome, RunStatus};
use shoplake_core::ports::{FileRecord, RunRecord};
use shoplake_core::{BatchNumber, Counts, Project, StagedBatch};

use super::Context;
use crate::cli::StatusArgs;
use crate::failure::{Exit, Failure};
use crate::render::{self, thousands};
use crate::sizes::Sizes;
use crate::table::{Side, Table, Tone};
use crate::{summary, wiring};

const RUNS: u32 = 10;
const FILES: u32 = 50;
/// Files that are looked through for changes of their shape.
const CHANGES: u32 = 500;
/// Files that a person is shown; JSON has [`FILES`].
const FILES_SHOWN: usize = 20;

pub(super) fn status(context: &Context, args: &StatusArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let status = context.block_on(1, async {
        let state = wiring::state(&project).await?;
        let runs = state.runs(RUNS).await?;
        Ok(Status {
            files: with_known(state.files(None, FILES).await?, &runs),
            runs,
            waiting: state.waiting(FILES).await?,
            schema_changes: schema_changes(state.schema_changes(CHANGES).await?),
            last_batch: state.last_batch().await?,
            kept: wiring::tables(&project)?.staged().await?,
            sizes: Sizes::of(&project)?,
        })
    })?;
    let text = if args.json { status.json(&project) } else { status.text(&project) };
    context.printer.data_text(&text)?;
    Ok(Exit::Done)
}

struct Status {
    runs: Vec<RunRecord>,
    files: Vec<FileRecord>,
    waiting: Vec<FileRecord>,
    schema_changes: Vec<SchemaChange>,
    last_batch: BatchNumber,
    /// What a plan keeps for the next run.
    kept: Option<StagedBatch>,
    sizes: Sizes,
}

impl Status {
    fn json(&self, project: &Project) -> String {
        let file = |record: &FileRecord| {
            let mut value = json!(record);
            value["now_at"] = json!(self.went(record));
            value
        };
        let value = json!({
            "project": project.name,
            "dir": project.dir,
            "time_zone": project.time_zone.name(),
            "currency": project.currency,
            "lake": project.remote.as_ref().map_or_else(|| json!(project.lake_dir), |remote| json!(remote.url)),
            "last_batch": self.last_batch,
            "kept_plan": self.kept.as_ref().map(|kept| json!({
                "batch": kept.batch, "at": kept.at, "files": kept.summary.files.len(),
            })),
            "bytes": self.sizes.json(),
            "waiting": self.waiting.iter().map(file).collect::<Vec<_>>(),
            "schema_changes": self.schema_changes,
            "runs": self.runs,
            "files": self.files.iter().map(file).collect::<Vec<_>>(),
        });
        format!("{value:#}\n")
    }

    fn text(&self, project: &Project) -> String {
        let mut text = format!(
            "project {} ({}, {}), {}\n",
            render::escape(&project.name),
            project.time_zone.name(),
            project.currency,
            project.dir.display(),
        );
        let last = match self.last_batch.0 {
            0 => "no batch yet".to_owned(),
            number => format!("last batch {number}"),
        };
        let place = project.remote.as_ref().map(|remote| format!("{}, ", remote.url)).unwrap_or_default();
        text += &format!("lake {place}{}, {last}\n", self.sizes.text());
        if let Some(kept) = &self.kept {
            let files = render::count(kept.summary.files.len() as u64, "file", "files");
            let at = render::moment(kept.at, project.time_zone);
            text +=
                &format!("plan of {at} is kept, {files}: the next `shoplake run` publishes it if nothing changes\n");
        }
        if self.runs.is_empty() {
            return text + "\nnothing has run yet: drop files into inbox/<dataset>/, then `shoplake run`\n";
        }
        text += &self.failed_text(project);
        text += &self.waiting_text();
        text += &self.schema_text(project);
        text += &self.restated_text(project);
        text = text + "\n" + &self.runs_text(project) + "\n" + &self.files_text(project);
        text
    }

    /// Why the last run that ended failed, or what of it wants a look: all that no file's own line says. One that had
    /// nothing to do takes back no warning of the one before.
    fn failed_text(&self, project: &Project) -> String {
        let mut ended = self.runs.iter().filter_map(|run| run.outcome.as_ref());
        let wants_a_look = |outcome: &&RunOutcome| !summary::troubles(outcome).is_empty();
        let tested = |outcome: &&RunOutcome| outcome.tests.passed + outcome.tests.warned + outcome.tests.failed > 0;
        let last = ended.next().filter(|last| wants_a_look(last) || tested(last));
        let before = || ended.find(tested).filter(|before| before.status != RunStatus::Error);
        let Some(last) = last.or_else(before).filter(wants_a_look) else { return String::new() };
        let troubles = summary::troubles(last);
        let began = render::moment(last.started_at, project.time_zone);
        let (how, then) = match last.status {
            RunStatus::Error => ("failed", "mend what is named, then `shoplake retry`\n"),
            RunStatus::Warning | RunStatus::Success => ("wants a look", ""),
        };
        format!("\nthe run of {began} {how}\n{}{then}", troubles.trim_start_matches('\n'))
    }

    /// Which files failed or are held, why, and what to do about it.
    fn waiting_text(&self) -> String {
        let mut text = String::new();
        for record in &self.waiting {
            let failed = record.file.status == FileStatus::Failed;
            let (tone, word) = if failed { (Tone::Bad, "failed") } else { (Tone::Warn, "held") };
            let why = summary::reason(&record.file);
            let why = why.lines().map(render::escape).collect::<Vec<_>>().join("\n        ");
            let now = render::ago(record.at, Utc::now());
            text += &format!("\n{}  {}, {now}: {why}\n", tone.paint(word), render::escape(&record.file.path));
            text += if failed {
                "        correct the file and drop it again, or change its contract; then `shoplake run`\n"
            } else {
                "        correct the data or the test; the next `shoplake run` takes it again\n"
            };
        }
        text
    }

    /// What files brought otherwise than their contract says, the latest first.
    fn schema_text(&self, project: &Project) -> String {
        let mut text = String::new();
        for change in &self.schema_changes {
            let first = render::moment(change.first_at, project.time_zone);
            let files = match change.files {
                1 => format!("{first}, {}", render::escape(&change.first_file)),
                files => format!("in {files} files since {first}, {}", render::escape(&change.first_file)),
            };
            let what = render::escape(&change.what);
            text += &format!("\n{}  {}: {what}\n        {files}\n", Tone::Warn.paint("schema"), change.dataset);
        }
        text
    }

    /// What the last run that restated anything restated.
    fn restated_text(&self, project: &Project) -> String {
        let outcomes = self.runs.iter().filter_map(|run| Some((run.started_at, run.outcome.as_ref()?)));
        let mut told = outcomes.filter_map(|(at, outcome)| Some((at, summary::restated(outcome)?)));
        let Some((at, words)) = told.next() else { return String::new() };
        let words = words.lines().map(render::escape).collect::<Vec<_>>().join("\n          ");
        format!("\n{}  {}: {words}\n", Tone::Warn.paint("restated"), render::moment(at, project.time_zone))
    }

    fn runs_text(&self, project: &Project) -> String {
        let numbers = ["read", "new", "rejected"].map(|name| (name, Side::Right));
        let heads = [("run", Side::Left), ("ended", Side::Left), ("took", Side::Right)];
        let mut table =
            Table::new(heads.into_iter().chain(numbers).chain([("batch", Side::Right), ("id", Side::Left)]));
        for run in &self.runs {
            let started = render::moment(run.started_at, project.time_zone);
            let Some(outcome) = &run.outcome else {
                let id = (run.run_id.to_string(), Tone::Dim);
                let nothing = || (String::new(), Tone::Plain);
                let ended = ("not ended".to_owned(), Tone::Warn);
                table.row([(started, Tone::Plain), ended, nothing(), nothing(), nothing(), nothing(), nothing(), id]);
                continue;
            };
            let mut counts = Counts::default();
            outcome.datasets.iter().for_each(|dataset| counts += &dataset.counts);
            let (word, tone) = match outcome.status {
                RunStatus::Success => ("success", Tone::Good),
                RunStatus::Warning => ("warning", Tone::Warn),
                RunStatus::Error => ("error", Tone::Bad),
            };
            table.row([
                (started, Tone::Plain),
                (word.to_owned(), tone),
                (render::seconds(outcome.seconds), Tone::Plain),
                (thousands(counts.rows_read), Tone::Plain),
                (thousands(counts.inserted + counts.updated), Tone::Plain),
                (thousands(counts.rejected), if counts.rejected > 0 { Tone::Warn } else { Tone::Dim }),
                (outcome.batch.map(|batch| batch.0.to_string()).unwrap_or_default(), Tone::Plain),
                (run.run_id.to_string(), Tone::Dim),
            ]);
        }
        table.text()
    }

    /// Where the bytes of a file are now. One that was refused may have been loaded since.
    fn went(&self, record: &FileRecord) -> String {
        let key = &record.file.key;
        let same = |other: &&FileRecord| other.dataset == record.dataset && other.file.sha256 == record.file.sha256;
        let loaded = self.files.iter().filter(same).find(|other| other.file.status == FileStatus::Loaded);
        match (record.file.status, loaded) {
            (FileStatus::Loaded, _) => format!("archive/{key}"),
            (_, Some(loaded)) => format!("archive/{}", loaded.file.key),
            // The archive has the bytes under the name that they came under first.
            (FileStatus::AlreadyLoaded, _) => {
                format!("archive/{}/", key.rsplit_once('/').map_or(key.as_str(), |(dir, _)| dir))
            }
            (FileStatus::Held | FileStatus::Failed, _) => format!("landing/{key}"),
        }
    }

    fn files_text(&self, project: &Project) -> String {
        let mut table = Table::new([
            ("file", Side::Left),
            ("ended", Side::Left),
            ("when", Side::Left),
            ("read", Side::Right),
            ("rejected", Side::Right),
            ("now at", Side::Left),
        ]);
        for record in self.files.iter().take(FILES_SHOWN) {
            let (word, tone) = match record.file.status {
                FileStatus::Loaded if record.file.replayed => ("replayed", Tone::Good),
                FileStatus::Loaded => ("loaded", Tone::Good),
                FileStatus::AlreadyLoaded => ("already loaded", Tone::Plain),
                FileStatus::Held => ("held", Tone::Warn),
                FileStatus::Failed => ("failed", Tone::Bad),
            };
            table.row([
                (record.file.path.clone(), Tone::Plain),
                (word.to_owned(), tone),
                (render::moment(record.at, project.time_zone), Tone::Plain),
                (thousands(record.file.counts.rows_read), Tone::Plain),
                (thousands(record.file.counts.rejected), Tone::Plain),
                (self.went(record), Tone::Plain),
            ]);
        }
        let mut text = table.text();
        if self.files.len() > FILES_SHOWN {
            text += "older files: `shoplake status --json`\n";
        }
        text
    }
}

/// One way in which files of a dataset differ from its contract.
#[derive(Debug, Serialize)]
struct SchemaChange {
    dataset: String,
    what: String,
    files: u64,
    first_file: String,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
}

/// The changes that `records` (newest first) tell of, each once.
fn schema_changes(records: Vec<FileRecord>) -> Vec<SchemaChange> {
    let mut changes: Vec<SchemaChange> = Vec::new();
    for FileRecord { dataset, at, file, .. } in records {
        for what in file.schema_changes {
            if let Some(known) = changes.iter_mut().find(|known| known.dataset == dataset && known.what == what) {
                known.files += 1;
                known.first_at = at;
                known.first_file.clone_from(&file.path);
                continue;
            }
            let (dataset, first_file) = (dataset.clone(), file.path.clone());
            changes.push(SchemaChange { dataset, what, files: 1, first_file, first_at: at, last_at: at });
        }
    }
    changes
}

/// The files that the state keeps, and those of the last runs whose bytes were loaded before; newest first.
fn with_known(mut files: Vec<FileRecord>, runs: &[RunRecord]) -> Vec<FileRecord> {
    for run in runs {
        for dataset in run.outcome.iter().flat_map(|outcome| &outcome.datasets) {
            for file in dataset.files.iter().filter(|file| file.status == FileStatus::AlreadyLoaded) {
                if files.iter().any(|record| record.run_id == run.run_id && record.file.path == file.path) {
                    continue;
                }
                files.push(FileRecord {
                    dataset: dataset.dataset.clone(),
                    run_id: run.run_id.clone(),
                    at: run.started_at,
                    page: None,
                    fingerprint: String::new(),
                    file: file.clone(),
                });
            }
        }
    }
    files.sort_by_key(|record| std::cmp::Reverse(record.at));
    files
}
