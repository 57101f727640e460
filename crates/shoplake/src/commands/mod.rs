//! One file a command: it reads its options, calls the stations through [`crate::wiring`], and prints.

mod alert;
mod backfill;
mod build;
mod check;
mod choosing;
mod compile;
mod cost;
mod discover;
mod docs;
mod doctor;
mod freshness;
mod generate;
mod init;
mod lineage;
mod logs;
mod ls;
mod plan;
mod quarantine;
mod query;
mod report;
mod results;
mod rollback;
mod run;
mod schedule;
mod serve;
mod show;
mod status;
mod stop;
mod table;
mod usage;
mod user;
mod verify;
mod why;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use shoplake_core::{Fault, Project};
use shoplake_project::Environment;

use crate::cli::{
    AlertCommand, Cli, Command, DocsCommand, GlobalArgs, QuarantineCommand, ScheduleCommand, SourceCommand,
    TableCommand,
};
use crate::failure::{Exit, Failure};
use crate::kept_log;
use crate::printer::Printer;

/// Runs the command of the command line.
pub(crate) fn dispatch(cli: Cli, printer: &Printer) -> Result<Exit, Failure> {
    let is_operation = is_operation(&cli.command);
    let context = Context { global: cli.global, printer: printer.clone(), is_operation };
    match cli.command {
        Command::Init(args) => init::init(&context, &args),
        Command::Run(args) => run::run(&context, args),
        Command::Plan(args) => plan::plan(&context, &args),
        Command::Check => check::check(&context),
        Command::Build(args) => build::build(&context, &args),
        Command::Seed(args) => build::seed(&context, &args),
        Command::Test(args) => build::test(&context, &args),
        Command::Retry(args) => build::retry(&context, &args),
        Command::Backfill(args) => backfill::backfill(&context, &args),
        Command::Compile(args) => compile::compile(&context, &args),
        Command::Show(args) => show::show(&context, &args),
        Command::Ls(args) => ls::ls(&context, &args),
        Command::Docs(DocsCommand::Generate(args)) => docs::generate(&context, &args),
        Command::Source(SourceCommand::Freshness(args)) => freshness::freshness(&context, &args),
        Command::Query(args) => query::query(&context, &args),
        Command::Why(args) => why::why(&context, &args),
        Command::Lineage(args) => lineage::lineage(&context, &args),
        Command::Serve(args) => serve::serve(&context, &args),
        Command::User(command) => user::user(&context, command),
        Command::Logs(args) => logs::logs(&context, &args),
        Command::Status(args) => status::status(&context, &args),
        Command::Schedule(ScheduleCommand::Next(args)) => schedule::next::next(&context, &args),
        Command::Schedule(ScheduleCommand::Log(args)) => schedule::log::log(&context, &args),
        Command::Schedule(ScheduleCommand::Run) => schedule::run::run(&context),
        Command::Alert(AlertCommand::Ls(args)) => alert::ls::ls(&context, &args),
        Command::Alert(AlertCommand::Check(args)) => alert::check::check(&context, &args),
        Command::Alert(AlertCommand::Snooze(args)) => alert::snooze::snooze(&context, &args),
        Command::Alert(AlertCommand::Test(args)) => alert::test::test(&context, &args),
        Command::Doctor(args) => doctor::doctor(&context, &args),
        Command::Cost(args) => cost::cost(&context, &args),
        Command::Quarantine(QuarantineCommand::Ls(args)) => quarantine::ls::ls(&context, &args),
        Command::Quarantine(QuarantineCommand::Show(args)) => quarantine::show::show(&context, &args),
        Command::Quarantine(QuarantineCommand::Export(args)) => quarantine::export::export(&context, &args),
        Command::Quarantine(QuarantineCommand::Replay(args)) => quarantine::replay::replay(&context, args),
        Command::Table(TableCommand::History(args)) => table::history::history(&context, &args),
        Command::Table(TableCommand::Restore(args)) => table::restore::restore(&context, &args),
        Command::Table(TableCommand::Compact(args)) => table::compact::compact(&context, &args),
        Command::Table(TableCommand::Vacuum(args)) => table::vacuum::vacuum(&context, &args),
        Command::Rollback(args) => rollback::rollback(&context, &args),
        Command::Verify(args) => verify::verify(&context, &args),
        Command::Generate(args) => generate::generate(&context, &args),
        Command::Discover(args) => discover::discover(&context, &args),
        Command::Report(args) => report::report(&context, &args),
    }
}

/// How long what still computes is waited for, once the answer is there.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// What the names of variables hold that are secrets.
const SECRET_WORDS: [&str; 4] = ["SECRET", "TOKEN", "PASSWORD", "KEY"];

/// Whether a command changes something, so that the log keeps what it does.
fn is_operation(command: &Command) -> bool {
    match command {
        Command::Run(_)
        | Command::Build(_)
        | Command::Seed(_)
        | Command::Test(_)
        | Command::Retry(_)
        | Command::Backfill(_)
        | Command::Serve(_)
        | Command::User(_)
        | Command::Rollback(_)
        | Command::Report(_) => true,
        Command::Schedule(command) => matches!(command, ScheduleCommand::Run),
        Command::Alert(command) => !matches!(command, AlertCommand::Ls(_)),
        Command::Quarantine(command) => matches!(command, QuarantineCommand::Replay(_)),
        Command::Table(command) => !matches!(command, TableCommand::History(_)),
        _ => false,
    }
}

/// What every command is given.
struct Context {
    global: GlobalArgs,
    printer: Printer,
    /// Whether what it does is kept in the log.
    is_operation: bool,
}

/// The values of `environment` that may be secrets: all that only `.env` has, and what is named like one.
fn secrets_of(environment: Environment, process: &Environment) -> Vec<String> {
    let own = environment.variables.into_iter().filter(|(name, _)| !process.variables.contains_key(name));
    let secret = |name: &str| SECRET_WORDS.iter().any(|word| name.to_uppercase().contains(word));
    let others = process.variables.iter().filter(|(name, _)| secret(name)).map(|(_, value)| value.clone());
    own.map(|(_, value)| value).chain(others).collect()
}

impl Context {
    /// The project, read and checked.
    fn project(&self) -> Result<Arc<Project>, Failure> {
        let environment = Environment::of_process();
        let current = std::env::current_dir().map_err(Fault::from)?;
        let dir = shoplake_project::find_dir(self.global.project_dir.as_deref(), &environment, &current)?;
        self.project_in(&dir)
    }

    /// The project in this very folder.
    fn project_in(&self, dir: &Path) -> Result<Arc<Project>, Failure> {
        let process = Environment::of_process();
        let environment = process.clone().with_dotenv(dir)?;
        let project = Arc::new(shoplake_project::load(dir, &environment)?);
        if self.is_operation {
            kept_log::keep(&project, secrets_of(environment, &process).into_iter());
        }
        Ok(project)
    }

    /// Runs a future to its end on a runtime of its own; commands without one do not start any.
    fn block_on<T>(&self, threads: usize, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        if threads > 0 {
            builder.worker_threads(threads);
        }
        let runtime = builder.enable_all().build().map_err(Fault::from)?;
        let done = runtime.block_on(work);
        // What still computes after the answer is there (a query beyond its limit) keeps nobody waiting for long. Threads
        // that end are joined: to let go of one that is just ending has ended processes (glibc 2.36, `pthread_detach`).
        runtime.shutdown_timeout(LAST_WORDS);
        done
    }
}
