//! `shoplake doctor`: one look that says whether today's numbers can be trusted.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use shoplake_core::alert::{Alert, Condition, Finding, Grouping, Phase, Severity};
use shoplake_core::outcome::{FileStatus, RunOutcome, RunStatus, TestsOutcome};
use shoplake_core::ports::{RunRecord, last_tests};
use shoplake_core::{Fault, Project};
use shoplake_monitor::alerts::{Facts, found};
use shoplake_server::{Health, HealthCheck, Verdict};

use super::Context;
use crate::cli::DoctorArgs;
use crate::facts::ProjectFacts;
use crate::failure::{Exit, Failure};
use crate::render::{self, count, thousands};
use crate::table::{Side, Table, Tone};
use crate::wiring;

/// Files that wait are looked through up to this number.
const FILES_MAX: u32 = 1_000;
/// Runs among which the last one that tested something is looked for.
const RUNS: u32 = 100;
/// A run that is due may take so long to begin and end before it is missed.
const GRACE: TimeDelta = TimeDelta::hours(1);

fn good(name: &'static str, what: impl Into<String>) -> HealthCheck {
    HealthCheck { name, verdict: Verdict::Good, what: what.into(), act: None }
}

fn wrong(name: &'static str, verdict: Verdict, what: impl Into<String>, act: impl Into<String>) -> HealthCheck {
    HealthCheck { name, verdict, what: what.into(), act: Some(act.into()) }
}

pub(super) fn doctor(context: &Context, args: &DoctorArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let checks = context.block_on(project.limits.threads, async { Ok(examine(&project, Utc::now()).await?) })?;
    let verdict = of_all(&checks);
    if args.json {
        let text = serde_json::to_string_pretty(&health(checks));
        let text = text.map_err(|error| Fault::internal("the health cannot be written as JSON").caused_by(error))?;
        context.printer.data_text(&format!("{text}\n"))?;
    } else {
        context.printer.data_text(&text(&checks, verdict))?;
    }
    Ok(if verdict == Verdict::Bad { Exit::DataFailed } else { Exit::Done })
}

/// What `shoplake doctor --json` prints.
pub(crate) async fn object(project: &Arc<Project>) -> Result<Health, Fault> {
    Ok(health(examine(project, Utc::now()).await?))
}

fn health(checks: Vec<HealthCheck>) -> Health {
    let verdict = of_all(&checks);
    Health { trusted: verdict != Verdict::Bad, verdict, checks }
}

fn of_all(checks: &[HealthCheck]) -> Verdict {
    let judged = checks.iter().map(|check| check.verdict).filter(|verdict| *verdict != Verdict::Unwatched);
    judged.max().unwrap_or(Verdict::Good)
}

fn text(checks: &[HealthCheck], verdict: Verdict) -> String {
    let mut table = Table::new(["", "", ""].map(|name| (name, Side::Left)));
    for check in checks {
        let (word, tone) = match check.verdict {
            Verdict::Good => ("good", Tone::Good),
            Verdict::Unwatched => ("unwatched", Tone::Dim),
            Verdict::Care => ("look", Tone::Warn),
            Verdict::Bad => ("bad", Tone::Bad),
        };
        let plain = |text: &str| (text.to_owned(), Tone::Plain);
        table.row([(word.to_owned(), tone), plain(check.name), plain(&check.what)]);
        if let Some(act) = &check.act {
            table.row([plain(""), plain(""), (format!("→ {act}"), Tone::Dim)]);
        }
    }
    let sum = match verdict {
        Verdict::Good | Verdict::Unwatched => "today's numbers can be trusted",
        Verdict::Care => "the numbers hold; something wants a look",
        Verdict::Bad => "today's numbers cannot be trusted yet",
    };
    format!("{}\n{sum}\n", table.text().trim_start_matches('\n'))
}

async fn examine(project: &Arc<Project>, now: DateTime<Utc>) -> Result<Vec<HealthCheck>, Fault> {
    let state = wiring::state(project).await?;
    let facts = ProjectFacts { project: Arc::clone(project), state: Arc::clone(&state) };
    let runs = facts.runs(RUNS).await?;
    let Some(last) = runs.first().and_then(|run| run.outcome.as_ref()) else {
        return Ok(vec![wrong("run", Verdict::Bad, "nothing has run yet", "`shoplake run`")]);
    };
    let run = last_run(project, (last, last_whole(&runs).unwrap_or(last)), now);
    if state.last_batch().await?.0 == 0 {
        return Ok(vec![run, wrong("tables", Verdict::Bad, "nothing is published yet", "`shoplake status` says why")]);
    }
    let mut checks = vec![run, tests(last_tests(&runs).unwrap_or(&last.tests))];
    checks.extend(freshness(project, &facts, now).await?);
    checks.extend(completeness(project, &facts, now).await?);
    let waiting = state.waiting(FILES_MAX).await?;
    let refused = waiting.iter().filter(|record| record.file.status == FileStatus::Failed).count() as u64;
    let held = waiting.len() as u64 - refused;
    checks.push(if waiting.is_empty() {
        good("files", "none waits")
    } else {
        let what = format!("{} refused, {} held back", count(refused, "file", "files"), held);
        wrong("files", Verdict::Bad, what, "`shoplake status` says why, and what to do about each")
    });
    checks.push(quarantine(&facts, last).await?);
    checks.extend(alerts(project).await?);
    Ok(checks)
}

/// The last run that took all that had arrived: a build or a replay is none of those that are due. Where there is none
/// among `runs`, the last first, it was before them.
fn last_whole(runs: &[RunRecord]) -> Option<&RunOutcome> {
    let outcomes = || runs.iter().filter_map(|run| run.outcome.as_ref());
    outcomes().find(|outcome| outcome.whole).or_else(|| outcomes().next_back())
}

/// How the last run ended, and whether the one that is due after the last `whole` one has happened.
fn last_run(project: &Project, (last, whole): (&RunOutcome, &RunOutcome), now: DateTime<Utc>) -> HealthCheck {
    let began = |run: &RunOutcome| render::moment(run.started_at, project.time_zone);
    // What was due since, and long enough ago to be done.
    let due = project.schedule.as_ref();
    let due = due.and_then(|schedule| schedule.cron.after(project.time_zone, whole.started_at).next());
    if let Some(due) = due.filter(|due| *due + GRACE < now) {
        let due = render::moment(due, project.time_zone);
        let began = began(whole);
        let what = format!("the run that was due at {due} has not happened; the last one began at {began}");
        return wrong("run", Verdict::Bad, what, "`shoplake run`, and see that `shoplake schedule run` runs");
    }
    let began = began(last);
    match last.status {
        RunStatus::Error => {
            wrong("run", Verdict::Bad, format!("the run of {began} failed"), "`shoplake status` says what to do")
        }
        RunStatus::Warning => good("run", format!("the run of {began} is published, with warnings")),
        RunStatus::Success => good("run", format!("the run of {began} is published")),
    }
}

fn tests(tests: &TestsOutcome) -> HealthCheck {
    let named = || tests.failures.first().map(|test| format!(": {}", test.name)).unwrap_or_default();
    if tests.failed > 0 {
        let what = format!("{} failed{}", count(tests.failed, "test", "tests"), named());
        return wrong("tests", Verdict::Bad, what, "nothing was published; `shoplake status` says what to do");
    }
    if tests.warned > 0 {
        let what = format!("{} warned{}", count(tests.warned, "test", "tests"), named());
        return wrong("tests", Verdict::Care, what, "`shoplake status` names them");
    }
    good("tests", format!("{} passed", tests.passed))
}

/// How old each dataset is, by the alerts that say how old it may be.
async fn freshness(project: &Project, facts: &dyn Facts, now: DateTime<Utc>) -> Result<Vec<HealthCheck>, Fault> {
    let mut checks = Vec::new();
    for dataset in &project.datasets {
        let name = &dataset.contract.dataset;
        let watches =
            |alert: &&Alert| matches!(&alert.condition, Condition::Freshness { dataset, .. } if dataset == name);
        let watching = project.alerts.all.iter().find(watches);
        if let Some(alert) = watching
            && let Some(finding) = found(alert, facts, project.time_zone, now).await?.into_iter().next()
        {
            checks.push(wrong("freshness", Verdict::Bad, finding.what, finding.act));
            continue;
        }
        checks.push(match facts.last_loaded(name).await? {
            Some(at) if watching.is_some() => {
                good("freshness", format!("`{name}` was loaded at {}", render::moment(at, project.time_zone)))
            }
            Some(at) => unwatched(name, at, project, now),
            None => wrong(
                "freshness",
                Verdict::Care,
                format!("nothing of `{name}` was ever loaded"),
                format!("inbox/{name}/"),
            ),
        });
    }
    Ok(checks)
}

/// A dataset of which nothing says how old it may be.
fn unwatched(name: &str, loaded_at: DateTime<Utc>, project: &Project, now: DateTime<Utc>) -> HealthCheck {
    let (ago, at) = (render::ago(loaded_at, now), render::moment(loaded_at, project.time_zone));
    let what = format!("`{name}` was loaded {ago}, at {at}; nothing says how old it may be");
    let act = format!("an alert with `when: {{ freshness: {{ dataset: {name}, older_than: 26h }} }}` would say so");
    wrong("freshness", Verdict::Unwatched, what, act)
}

/// The last whole day of each dataset with times beside the same weekday before.
async fn completeness(project: &Project, facts: &dyn Facts, now: DateTime<Utc>) -> Result<Vec<HealthCheck>, Fault> {
    let mut checks = Vec::new();
    for dataset in project.datasets.iter().filter(|dataset| dataset.contract.event_time.is_some()) {
        let name = dataset.contract.dataset.clone();
        let condition = Condition::Volume { dataset: name.clone(), below: Some(0.5), above: Some(3.0), weeks: 4 };
        let alert = Alert {
            name: "doctor".to_owned(),
            file: String::new(),
            description: None,
            severity: Severity::Info,
            condition,
            hold: TimeDelta::zero(),
            on_recover: false,
            renotify_after: None,
            grouping: Grouping::Together,
            channels: Vec::new(),
        };
        let odd = found(&alert, facts, project.time_zone, now).await?.into_iter().next();
        checks.push(match odd {
            Some(Finding { what, act, .. }) => wrong("completeness", Verdict::Bad, what, act),
            None => good("completeness", format!("`{name}` has no day that is odd for its weekday")),
        });
    }
    Ok(checks)
}

async fn quarantine(facts: &dyn Facts, last: &RunOutcome) -> Result<HealthCheck, Fault> {
    let rows = facts.query("SELECT count(*) FROM quarantine", 1).await?;
    let rows = rows.first().and_then(|row| row.first().cloned().flatten()?.parse::<u64>().ok()).unwrap_or(0);
    if rows == 0 {
        return Ok(good("quarantine", "empty"));
    }
    let rejected: u64 = last.datasets.iter().map(|dataset| dataset.counts.rejected).sum();
    let what = format!("{} set aside, {} of them by the last run", count(rows, "row", "rows"), thousands(rejected));
    Ok(wrong("quarantine", Verdict::Care, what, "`shoplake quarantine ls` counts them by reason"))
}

async fn alerts(project: &Project) -> Result<Vec<HealthCheck>, Fault> {
    let book = wiring::alert_store(project).await?.book().await?;
    let fires = |name: &&str| {
        let standings = book.standings.get(*name);
        standings.is_some_and(|standings| standings.values().any(|standing| standing.phase == Phase::Firing))
    };
    let firing: Vec<&str> = project.alerts.all.iter().map(|alert| alert.name.as_str()).filter(fires).collect();
    let mut checks = Vec::new();
    if !firing.is_empty() {
        checks.push(wrong("alerts", Verdict::Care, format!("{} fire", firing.join(", ")), "`shoplake alert ls`"));
    }
    // Whoever cannot be judged may be quiet over what it is there to tell.
    checks.extend(book.unjudged.iter().map(|(alert, unjudged)| {
        let what = format!("`{alert}` cannot be judged: {}", unjudged.why);
        wrong("alerts", Verdict::Care, what, &unjudged.act)
    }));
    if checks.is_empty() {
        checks.push(good("alerts", "none fires"));
    }
    Ok(checks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(began: &str, whole: bool) -> RunRecord {
        let outcome = serde_json::json!({
            "run_id": began, "status": "success", "seconds": 1.0, "started_at": began, "whole": whole, "batch": null,
            "datasets": [], "models": [], "tests": TestsOutcome::default(), "reports": [],
        });
        let outcome: RunOutcome = serde_json::from_value(outcome).unwrap();
        RunRecord {
            run_id: outcome.run_id.clone(),
            started_at: outcome.started_at,
            outcome: Some(outcome),
            unfinished: false,
        }
    }

    /// Given a build and a backfill after the night's run, then that run is the one that the next is due after.
    #[test]
    fn a_build_is_no_run_that_was_due() {
        let [build, backfill, night, before] = [
            run("2026-11-30T12:00:00Z", false),
            run("2026-11-30T09:00:00Z", false),
            run("2026-11-29T05:00:00Z", true),
            run("2026-11-28T05:00:00Z", true),
        ];
        let runs = [build, backfill, night, before];
        let began = |runs: &[RunRecord]| last_whole(runs).unwrap().started_at.to_rfc3339();
        assert_eq!(began(&runs), "2026-11-29T05:00:00+00:00");
        assert_eq!(began(&runs[..2]), "2026-11-30T09:00:00+00:00", "it was before all that are known");
    }
}
