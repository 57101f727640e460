//! Progress bars on a terminal: the stage, its bytes, rows a second, the time left. Elsewhere nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use shoplake_core::ports::{Progress, Quiet};

use crate::printer::Printer;
use crate::render;

const WITH_TOTAL: &str = "{spinner:.cyan} {msg:30!} {bar:24.cyan/dim} {bytes:>9}/{total_bytes} {rows} {eta} left";
const WITHOUT_TOTAL: &str = "{spinner:.cyan} {msg:30!} {rows} {elapsed}";

/// What shows a run's progress: bars where somebody watches, nothing otherwise.
pub(crate) fn for_printer(printer: &Printer) -> Arc<dyn Progress> {
    match printer.bars() {
        Some(bars) => Arc::new(Bars { bars: bars.clone(), stage: Mutex::new(None) }),
        None => Arc::new(Quiet),
    }
}

/// One bar, for the stage that goes on at the moment.
struct Bars {
    bars: MultiProgress,
    stage: Mutex<Option<Stage>>,
}

struct Stage {
    bar: ProgressBar,
    rows: Arc<AtomicU64>,
}

impl Bars {
    fn with_stage(&self, work: impl FnOnce(&mut Option<Stage>)) {
        work(&mut self.stage.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Progress for Bars {
    fn stage(&self, name: &str, total_bytes: Option<u64>) {
        self.with_stage(|stage| {
            if let Some(before) = stage.take() {
                before.bar.finish_and_clear();
            }
            let rows = Arc::new(AtomicU64::new(0));
            let bar = match total_bytes {
                Some(total) => ProgressBar::new(total),
                None => ProgressBar::new_spinner(),
            };
            let bar = self.bars.add(bar.with_style(style(total_bytes.is_some(), &rows)));
            bar.set_message(render::escape(name));
            bar.enable_steady_tick(Duration::from_millis(120));
            *stage = Some(Stage { bar, rows });
        });
    }

    fn advance(&self, bytes: u64, rows: u64) {
        self.with_stage(|stage| {
            if let Some(stage) = stage {
                stage.rows.fetch_add(rows, Ordering::Relaxed);
                stage.bar.inc(bytes);
            }
        });
    }

    fn done(&self) {
        self.with_stage(|stage| {
            if let Some(stage) = stage.take() {
                stage.bar.finish_and_clear();
            }
        });
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.done();
    }
}

/// The look of a stage; a template that does not parse (a slip of ours) leaves the plain bar.
fn style(has_total: bool, rows: &Arc<AtomicU64>) -> ProgressStyle {
    let rows = Arc::clone(rows);
    let template = if has_total { WITH_TOTAL } else { WITHOUT_TOTAL };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).with_key(
        "rows",
        move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let rows = rows.load(Ordering::Relaxed);
            if rows > 0 {
                let _ = out.write_str(&render::rows_a_second(rows, state.elapsed().as_secs_f64()));
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given the templates as they stand, then they parse.
    #[test]
    fn templates_parse() {
        for template in [WITH_TOTAL, WITHOUT_TOTAL] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
