//! The listener: connections within bounds, and a stop that lets answers end.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::http::Extensions;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use shoplake_core::{Fault, Result};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::app::{Ports, Reopen, Shared};
use crate::reload::{Current, Reload};
use crate::watch as watcher;

/// Connections at once; more wait for one to end.
const CONNECTIONS: usize = 1_024;
/// How long the head of a request may take, and how large it may be.
const HEAD_WAIT: Duration = Duration::from_secs(10);
const HEAD_BYTES: usize = 64 << 10;
const HEADERS: usize = 100;
/// How long answers may take to end once the server stops.
const STOP_WAIT: Duration = Duration::from_secs(10);

/// The peer of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

impl Peer {
    /// The address that a request came from; the unspecified one where it came over no connection.
    pub(crate) fn address(extensions: &Extensions) -> IpAddr {
        extensions.get::<Self>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip())
    }
}

/// Waits until `stop` turns true; its sender gone is a stop too.
pub(crate) async fn stopped(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Binds `address`.
///
/// # Errors
/// An address beyond this machine while there is no user; one that is taken.
pub async fn bind(address: SocketAddr, ports: &Ports) -> Result<TcpListener> {
    if !address.ip().is_loopback() && ports.access.users().await?.is_empty() {
        return Err(Fault::usage(format!(
            "`{address}` can be reached from other machines, and nobody has to sign in yet"
        ))
        .hint("`shoplake user add NAME --role admin` adds the first user; 127.0.0.1 needs none"));
    }
    TcpListener::bind(address).await.map_err(|error| {
        Fault::unavailable(format!("cannot listen on {address}"))
            .hint("is another shoplake serving there? `--listen 127.0.0.1:0` takes any free port")
            .caused_by(error)
    })
}

/// Serves until `stop` turns true, then ends what was begun.
///
/// While it serves, `reopen` puts the ports together anew whenever the project's files have changed.
///
/// # Errors
/// A folder of the project that cannot be looked at; a listener that is broken.
pub async fn serve(
    listener: TcpListener,
    ports: Ports,
    reopen: Arc<dyn Reopen>,
    stop: watch::Receiver<bool>,
) -> Result<()> {
    let loopback = listener.local_addr()?.ip().is_loopback();
    let app = Shared::new(ports, loopback, stop.clone());
    let current = Current::new(&app);
    let reload = Reload::new(Arc::clone(&app.project), reopen, Arc::clone(&current))?;
    let watch = watcher::start(&app, reload);
    drop(app);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut stopping = std::pin::pin!(stopped(stop.clone()));
    loop {
        let place =
            Arc::clone(&places).acquire_owned().await.map_err(|error| Fault::internal("no place").caused_by(error))?;
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stopping => break,
        };
        while connections.try_join_next().is_some() {}
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Too many open files, most of all: what is open ends, and then there is room.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let current = Arc::clone(&current);
        let stop = stop.clone();
        connections.spawn(async move {
            let _place = place;
            // An answer is small and wanted at once.
            let _ = stream.set_nodelay(true);
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD_WAIT).max_buf_size(HEAD_BYTES).max_headers(HEADERS);
            let service = service_fn(|mut request: Request<Incoming>| {
                request.extensions_mut().insert(Peer(peer));
                TowerToHyperService::new(current.router()).call(request)
            });
            let connection = http.serve_connection(TokioIo::new(stream), service);
            let mut connection = std::pin::pin!(connection);
            tokio::select! {
                _ = connection.as_mut() => return,
                () = stopped(stop) => connection.as_mut().graceful_shutdown(),
            }
            let _ = connection.await;
        });
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_WAIT, ended).await.is_err() {
        tracing::warn!("some answers were cut off: they took longer than {} s to end", STOP_WAIT.as_secs());
    }
    let _ = watch.await;
    Ok(())
}
