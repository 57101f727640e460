//! The command line itself: help, and what it says where it is used wrongly.

use crate::context::{Context, snapshot};

/// Given nothing else, when asked for help, then it names every command, the exit codes and first steps.
#[test]
fn help() {
    snapshot!(Context::new(), ["--help"], @r#"
    exit: 0
    ----- stdout
    Turns a shop's exports into tables, marts and reports that can be trusted

    Usage: shoplake [OPTIONS] <COMMAND>

    Commands:
      init        Make a new project folder that runs as it is
      run         Load new data, build the models, test them, publish, and write the reports
      plan        Show what the next run would change: files, contracts, models and, with --numbers,
                  every figure
      check       Check the project's files, contracts and models without touching data
      build       Build and test models and seeds over the tables as they are, and publish
      seed        Load seeds, and nothing else
      test        Run data tests and unit tests on the tables as the last run left them
      retry       Do again what failed in the last run, build or test
      backfill    Make a range of days anew, day by day, beside the runs that go on
      compile     Plan every model and write its SQL to target/compiled/
      show        Show the first rows of a model, as its SQL is now
      ls          List datasets, seeds, models and tests [alias: list]
      docs        Write the documentation of the models
      source      Look at the sources of data
      query       Run one SQL query on the tables as the last run left them
      why         Explain a figure: its definition, and the rows behind it with their file and line
      lineage     Show which column comes from which, from the sources to reports and dashboards
      serve       Serve the dashboards and the HTTP API
      user        Say who may sign in to what is served
      status      Show the last runs, what failed and what to do about it, and where each file went
      logs        Search what was done: runs, files, alerts, the schedule
      doctor      Say in one look whether today's numbers can be trusted
      schedule    See when the pipeline runs by itself, and let it
      alert       See what is watched and what is wrong, and keep an alert quiet
      cost        Show what this month costs, until now and at its end
      quarantine  Look at the rows that were set aside
      table       Look at the versions of tables, go back to one, and clear away what none needs
      rollback    Go back to the run before, with every dataset and the models over it
      verify      Read everything again and prove that it is what was recorded
      generate    Make sample data with realistic dirt
      discover    Write a contract from a sample file
      report      Write the daily report from the tables as they are

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Global options:
          --project-dir <DIR>
              The project folder [default: $SHOPLAKE_PROJECT_DIR, or the nearest folder upwards with a
              shoplake.yml]

      -q, --quiet
              Print no words and no progress, only data, warnings and errors

      -v, --verbose...
              Log what is done to stderr (-v steps, -vv details)

          --no-color
              Print without colours (as NO_COLOR does)

          --log-format <FORMAT>
              How the log is written

              Possible values:
              - json: One JSON object a line
              - text: Lines for people

              [default: text]

    Examples:
      shoplake init myshop --sample     make a project with sample data
      cd myshop && shoplake run         load what lies in inbox/, build the marts and the report
      shoplake query "SELECT * FROM daily_sales_summary ORDER BY date"
      shoplake status                   what ran, what failed, what waits for you

    Exit codes:
      0  done
      1  done, but a file or a test failed
      2  the command or the project is wrong, or a disk or service is away
    ----- stderr
    "#);
}

/// Given a slip, when run, then exit code 2 and what was probably meant.
#[test]
fn a_wrong_option() {
    snapshot!(Context::new(), ["run", "--jsno"], @"
    exit: 2
    ----- stdout
    ----- stderr
    error: unexpected argument '--jsno' found

      tip: a similar argument exists: '--json'

    Usage: shoplake run --json [FILES]...

    For more information, try '--help'.
    ");
}

/// Given a folder without a project, when run, then exit code 2 and how to make one.
#[test]
fn no_project() {
    snapshot!(Context::new(), ["run"], @"
    exit: 2
    ----- stdout
    ----- stderr
    error: no project here: there is no shoplake.yml in `[TEMP]` or above it
    hint: `shoplake init DIR` makes one, `--project-dir DIR` names one
    ");
}

/// Given a folder that is named but is no project, when run, then it says which option named it.
#[test]
fn a_named_folder_that_is_no_project() {
    snapshot!(Context::new(), ["status", "--project-dir", "elsewhere"], @"
    exit: 2
    ----- stdout
    ----- stderr
    error: `[TEMP]/elsewhere` (--project-dir) is not a project: it has no shoplake.yml
    hint: `shoplake init [TEMP]/elsewhere` makes one
    ");
}

/// Given colours that are wanted by nobody, when piped, then there is no escape sequence.
#[test]
fn no_colours_in_a_pipe() {
    let output = Context::new().output(&["run"]);
    assert!(!output.stderr.contains(&0x1b));
}
