//! `shoplake serve`: the dashboards and the HTTP API, until a signal ends them.

mod child;
mod explanations;
mod reopening;

use std::process::{Command, Stdio};
use std::sync::Arc;

use shoplake_core::{Fault, Project};
use shoplake_pipeline::schedule::Order;
use shoplake_server::{Reopen, Traffic};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::stop::asked_to_stop;
use super::{Context, usage};
use crate::cli::ServeArgs;
use crate::failure::{Exit, Failure};
use crate::launcher::ChildLauncher;
use crate::{alerts, telemetry, wiring};
use child::ChildRunner;
use reopening::Reopening;

pub(super) fn serve(context: &Context, args: &ServeArgs) -> Result<Exit, Failure> {
    crate::heap::give_back_at_once();
    let project = context.project()?;
    let printer = &context.printer;
    // Requests wait for disks and for each other: threads of their own, whatever SQL may take.
    context.block_on(0, async {
        let launcher = (!args.no_schedule).then(|| wiring::launcher(&project));
        let runner = Arc::new(ChildRunner::new(&project.dir, launcher.clone()));
        let traffic = Arc::new(Traffic::default());
        let reopening = Arc::new(Reopening { traffic: Arc::clone(&traffic), runner });
        let ports = reopening.ports(Arc::clone(&project)).await?;
        let listener = shoplake_server::bind(args.listen, &ports).await?;
        let address = listener.local_addr().map_err(Fault::from)?;
        let (stop, stopping) = watch::channel(false);
        let stopper = tokio::spawn(async move {
            asked_to_stop().await;
            // The receiver is gone: the server has ended already.
            let _ = stop.send(true);
        });
        let url = format!("http://{address}/");
        printer.data_text(&format!("{url}\n"))?;
        printer.say(format_args!("the dashboards of {} are at {url}; Ctrl-C ends them", project.name));
        if args.open && !open(&url) {
            printer.warn(format_args!("no browser could be started; open {url} by hand"));
        }
        let telemetry = tokio::spawn(telemetry::keep_sending(Arc::clone(&project), Some(traffic)));
        let giving_back = tokio::spawn(crate::heap::keep_giving_back());
        let noting = tokio::spawn(usage::keep_noting_requests(Arc::clone(&project)));
        let work = match launcher {
            Some(launcher) => Some(Work::begin(&project, launcher).await?),
            None => None,
        };
        let served = shoplake_server::serve(listener, ports, reopening, stopping).await;
        if let Some(work) = work {
            work.end().await?;
        }
        noting.abort();
        usage::of_requests(&project).await;
        served?;
        giving_back.abort();
        telemetry.abort();
        stopper.abort();
        printer.say("ended");
        Ok(())
    })?;
    Ok(Exit::Done)
}

/// What goes on beside the server: the schedule, and the watch over alerts.
struct Work {
    orders: mpsc::Sender<Order>,
    schedule: JoinHandle<Result<(), Fault>>,
    watch: JoinHandle<()>,
}

impl Work {
    async fn begin(project: &Arc<Project>, launcher: Arc<ChildLauncher>) -> Result<Self, Fault> {
        let (orders, received) = mpsc::channel(1);
        let runner = wiring::scheduler(project, launcher).await?;
        let schedule = tokio::spawn(runner.work(received));
        Ok(Self { orders, schedule, watch: tokio::spawn(alerts::keep_watch(Arc::clone(project))) })
    }

    /// Ends both; a run that goes on is cut off, and the next one makes good for it.
    async fn end(self) -> Result<(), Fault> {
        self.watch.abort();
        // Nobody listens any more where the schedule has ended by itself.
        let _ = self.orders.send(Order::Stop).await;
        self.schedule.await.map_err(|error| Fault::internal("the schedule broke off").caused_by(error))?
    }
}

/// Opens `url` in the browser; whether one could be started.
fn open(url: &str) -> bool {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let child = Command::new(program).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    child.is_ok()
}
