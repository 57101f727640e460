//! Maintenance in the middle of the chaos: files joined, old ones removed, a table brought back and forth;
//! killed like any run. None of it may change what the files said.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::stream::Random;
use super::{Shop, kill};

/// Of so many rounds, one is followed by maintenance.
const EVERY: u64 = 6;
/// Fail points that maintenance passes, and how often each may be passed.
const FAIL_POINTS: [(&str, u64); 5] =
    [("batch-record", 1), ("data-file", 4), ("before-publish", 1), ("after-publish", 1), ("between-commits", 4)];

/// What was done, and how much of it was cut off.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Upkeep {
    compacted: u32,
    vacuumed: u32,
    restored: u32,
    cut_off: u32,
}

impl Upkeep {
    pub(super) fn words(self) -> String {
        let Self { compacted, vacuumed, restored, cut_off } = self;
        format!("{compacted} compactions, {vacuumed} vacuums, {restored} restores there and back, {cut_off} cut off")
    }

    /// After some rounds, one kind of maintenance, half of the time cut off.
    pub(super) fn after_round(&mut self, shop: &Shop, random: &mut Random, longest: Duration) -> Result<()> {
        if random.below(EVERY) > 0 {
            return Ok(());
        }
        match random.below(3) {
            0 => {
                self.compacted += 1;
                self.take(shop, &["table", "compact"], random, longest)
            }
            1 => {
                self.vacuumed += 1;
                self.take(shop, &["table", "vacuum"], random, longest)
            }
            _ => self.there_and_back(shop, random, longest),
        }
    }

    /// Brings sales back to an earlier version, perhaps not to the end of it, then to where it was.
    fn there_and_back(&mut self, shop: &Shop, random: &mut Random, longest: Duration) -> Result<()> {
        let said = crate::workspace::output(&mut shop.command(&["table", "history", "sales", "--json"]))?;
        let versions: Vec<serde_json::Value> = serde_json::from_str(&said)?;
        let Some(last) = versions.last().and_then(|version| version["version"].as_u64()).filter(|last| *last > 0)
        else {
            return Ok(());
        };
        self.restored += 1;
        let earlier = random.below(last).to_string();
        self.take(shop, &["table", "restore", "sales", "--version", &earlier], random, longest)?;
        // Where the first was cut off before it was decided, the table is at that version still.
        let output = shop.command(&["table", "restore", "sales", "--version", &last.to_string()]).output()?;
        let words = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() && !words.contains("already") {
            bail!("the way back to version {last} failed: {words}");
        }
        Ok(())
    }

    fn take(&mut self, shop: &Shop, arguments: &[&str], random: &mut Random, longest: Duration) -> Result<()> {
        let mut command = shop.command(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let fate = random.below(4);
        if fate == 0 {
            let (name, times) = FAIL_POINTS[random.below(FAIL_POINTS.len() as u64) as usize];
            command.env("SHOPLAKE_FAIL_POINT", format!("{name}:{}", 1 + random.below(times)));
        }
        let mut child = command.spawn().with_context(|| format!("start `{}`", arguments.join(" ")))?;
        if fate == 1 {
            kill(&mut child, longest.mul_f64(random.below(1000) as f64 / 1000.0))?;
        }
        let output = child.wait_with_output()?;
        match output.status.code() {
            None => self.cut_off += 1,
            Some(0) => {}
            Some(code) => {
                bail!("`{}` ended with {code}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr))
            }
        }
        Ok(())
    }
}
