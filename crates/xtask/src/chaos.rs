//! `cargo xtask chaos`: a shop whose runs, and maintenance between them, are killed at random moments and
//! at random fail points, day after day, and at the end the truth: nothing lost, nothing doubled.
//!
//! What the files say and what must come of them is calculated in [`stream`], which shares nothing with
//! the product. The same seed drops the same files; at which instruction a kill strikes is chance.

mod stream;
mod truth;
mod upkeep;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use self::stream::{Random, Stream};
use self::upkeep::Upkeep;
use crate::workspace::{self, Profile};

/// Lines of progress that a whole run of rounds prints.
const GROUPS: u32 = 10;

/// The fail points of `SHOPLAKE_FAIL_POINT`, and how often a run may pass each.
const FAIL_POINTS: [(&str, u64); 11] = [
    ("landed", 1),
    ("batch-record", 1),
    ("data-file", 9),
    ("before-publish", 1),
    ("after-publish", 1),
    ("between-commits", 8),
    ("before-archive", 1),
    ("between-archived", 2),
    ("before-state", 1),
    ("before-reports", 1),
    ("after-reports", 1),
];

/// What `cargo xtask chaos` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// Days, each with a file and a run that may be killed.
    #[arg(long, default_value_t = 500)]
    rounds: u32,
    /// The same seed drops the same files and draws the same faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The binary [default: built here]
    #[arg(long, value_name = "PATH")]
    bin: Option<PathBuf>,
    /// Where the lake is, if not in the shop's folder: `s3://bucket/prefix`, opened with the `AWS_…` variables
    #[arg(long, value_name = "URL")]
    lake: Option<String>,
}

/// A lake that is not in the shop's folder.
pub(crate) struct Elsewhere {
    pub(crate) lake: String,
    pub(crate) variables: Vec<(&'static str, String)>,
}

/// Builds what is missing and goes through all rounds.
pub(crate) fn run(options: &Options) -> Result<()> {
    let binary = match &options.bin {
        Some(binary) => binary.canonicalize().with_context(|| format!("find `{}`", binary.display()))?,
        None => workspace::build_shoplake(Profile::Dev)?,
    };
    let lake = options.lake.clone().map(|lake| Elsewhere { lake, variables: Vec::new() });
    rounds(&binary, options.rounds, options.seed, lake.as_ref())
}

/// How runs ended.
#[derive(Debug, Default, Clone, Copy)]
struct Ends {
    whole: u32,
    killed: u32,
    at_fail_points: u32,
}

/// Goes through `rounds` days and compares with the truth; an error if a row is lost or doubled.
pub(crate) fn rounds(binary: &Path, rounds: u32, seed: u64, elsewhere: Option<&Elsewhere>) -> Result<()> {
    let folder = workspace::target().join("chaos");
    if folder.exists() {
        fs_err::remove_dir_all(&folder)?;
    }
    let mut variables: Vec<(&str, String)> = elsewhere.map(|lake| lake.variables.clone()).unwrap_or_default();
    if let Some(Elsewhere { lake, .. }) = elsewhere {
        // Each time a prefix of its own: what an earlier chaos left there is another shop's.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis();
        variables.push(("SHOPLAKE__TARGETS__LOCAL__LAKE", format!("{}/{now}", lake.trim_end_matches('/'))));
    }
    let shop = Shop { binary: binary.to_owned(), dir: folder, variables };
    workspace::output(Command::new(binary).args(["init", "--quiet", "--timezone", "UTC"]).arg(&shop.dir))?;
    let mut stream = Stream::new(seed);
    shop.drop_file("products/catalogue.json", stream::PRODUCTS)?;
    let mut random = Random::new(seed ^ 0x5eed);
    let began = Instant::now();
    ensure!(shop.run(None, None)?, "the run before the first round failed");
    let mut longest = began.elapsed();
    let mut upkeep = Upkeep::default();
    let (mut all, mut group) = (Ends::default(), Ends::default());
    let every = (rounds / GROUPS).max(1);
    for round in 1..=rounds {
        for (name, text) in stream.day(round) {
            shop.drop_file(&name, &text)?;
        }
        shop.round(&mut random, &mut longest, &mut group)?;
        upkeep.after_round(&shop, &mut random, longest)?;
        truth::whole_runs_only(&shop.query(truth::SEEN)?, &stream).with_context(|| format!("after round {round}"))?;
        if round % every == 0 || round == rounds {
            println!("   to round {round:>4}: {}", group.words());
            all.add(group);
            group = Ends::default();
        }
    }
    ensure!(shop.run(None, None)?, "the clean run at the end failed");
    let verified = workspace::output(&mut shop.command(&["verify"]))?;
    println!("{}", verified.trim_end());
    let verdict = truth::compare(&shop, &stream)?;
    println!("\n   {rounds} rounds, seed {seed}, {:.0} s: {}", began.elapsed().as_secs_f64(), all.words());
    println!("   {}", upkeep.words());
    println!("{}", verdict.table());
    if !verdict.holds() {
        bail!("the tables are not what the files say (seed {seed}); the shop is left in `{}`", shop.dir.display());
    }
    fs_err::remove_dir_all(&shop.dir)?;
    Ok(())
}

impl Ends {
    fn add(&mut self, other: Self) {
        self.whole += other.whole;
        self.killed += other.killed;
        self.at_fail_points += other.at_fail_points;
    }

    fn words(self) -> String {
        format!("{} runs killed, {} cut off at fail points, {} ended", self.killed, self.at_fail_points, self.whole)
    }
}

/// Kills a command some time after now, unless it has ended by then.
fn kill(child: &mut Child, after: Duration) -> Result<()> {
    let end = Instant::now() + after;
    while child.try_wait()?.is_none() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(child.kill()?);
        }
        std::thread::sleep(left.min(Duration::from_millis(5)));
    }
    Ok(())
}

/// The shop that all of it happens to.
struct Shop {
    binary: PathBuf,
    dir: PathBuf,
    /// Variables of every command: where the lake is, and what opens it.
    variables: Vec<(&'static str, String)>,
}

impl Shop {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).arg("--project-dir").arg(&self.dir).env_remove("SHOPLAKE_FAIL_POINT");
        // It is we who end the runs, and no file of them; and a step that fails shall end one.
        command.env("SHOPLAKE__RETRY__SET_ASIDE_AFTER", "1000000").env("SHOPLAKE__RETRY__ATTEMPTS", "1");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs once, perhaps armed with a fail point, perhaps killed after some time; says whether the run
    /// came to its end.
    fn run(&self, fail_point: Option<&str>, kill_after: Option<Duration>) -> Result<bool> {
        let mut command = self.command(&["run", "--quiet"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.envs(fail_point.map(|point| ("SHOPLAKE_FAIL_POINT", point)));
        let mut child = command.spawn().with_context(|| format!("start `{}`", self.binary.display()))?;
        if let Some(after) = kill_after {
            kill(&mut child, after)?;
        }
        let output = child.wait_with_output()?;
        match output.status.code() {
            // No code: a signal ended it, ours or the abort of a fail point.
            None => Ok(false),
            Some(0) => Ok(true),
            Some(code) => bail!("`shoplake run` ended with {code}: {}", String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// One run that is killed, cut off at a fail point, or left alone.
    fn round(&self, random: &mut Random, longest: &mut Duration, ends: &mut Ends) -> Result<()> {
        let fate = random.below(100);
        let (point, after) = match fate {
            0..10 => (None, None),
            10..55 => {
                let (name, times) = FAIL_POINTS[random.below(FAIL_POINTS.len() as u64) as usize];
                (Some(format!("{name}:{}", 1 + random.below(times))), None)
            }
            _ => (None, Some(longest.mul_f64(random.below(1000) as f64 / 1000.0))),
        };
        let began = Instant::now();
        let whole = self.run(point.as_deref(), after)?;
        match (whole, &point) {
            (true, _) => {
                ends.whole += 1;
                // A run that was slow once must not have all later ones end before they are killed.
                *longest = began.elapsed().max(longest.mul_f64(0.9));
            }
            (false, Some(_)) => ends.at_fail_points += 1,
            (false, None) => ends.killed += 1,
        }
        Ok(())
    }

    fn drop_file(&self, name: &str, text: &str) -> Result<()> {
        let path = self.dir.join("inbox").join(name);
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder)?;
        }
        Ok(fs_err::write(path, text)?)
    }

    /// The rows of a query.
    fn query(&self, sql: &str) -> Result<Vec<serde_json::Value>> {
        let said = workspace::output(&mut self.command(&["query", sql, "--output", "json"]))?;
        Ok(serde_json::from_str(&said)?)
    }
}
