//! A server that runs: its addresses, its reload, its end.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    sync::oneshot,
    task::{JoinHandle, JoinSet},
    time::{MissedTickBehavior, interval},
};

use crate::{
    Server,
    admin::Readiness,
    metrics::Metrics,
    notify::Notifier,
    signals::{Signals, Told},
    tls::{Certificates, TlsError},
};

/// How often histograms are folded.
const FOLD_INTERVAL: Duration = Duration::from_secs(5);

/// A server that serves, with its operator's listener and its background work.
///
/// [`Self::shutdown`] ends it in order and waits for the end; dropping it does not wait.
#[derive(Debug)]
pub struct Running {
    /// The public address, with the real port.
    pub address: SocketAddr,
    /// The operator's address, if there is such a listener.
    pub admin: Option<SocketAddr>,
    readiness: Readiness,
    certificates: Option<Arc<Certificates>>,
    public: Listener,
    operator: Option<Listener>,
    background: JoinSet<()>,
}

/// One listener's task and the word that ends it.
#[derive(Debug)]
struct Listener {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Listener {
    fn start(server: Server) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(server.run(async {
            // A dropped sender means the same.
            let _ = stopped.await;
        }));
        Self { stop, task }
    }

    async fn stop(self) {
        drop(self.stop);
        let _ = self.task.await;
    }
}

impl Running {
    /// Starts to serve.
    #[must_use]
    pub fn start(
        server: Server,
        admin: Option<Server>,
        readiness: Readiness,
        metrics: Metrics,
    ) -> Self {
        let mut background = JoinSet::new();
        background.spawn(async move {
            let mut ticks = interval(FOLD_INTERVAL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                metrics.fold();
            }
        });
        Self {
            address: server.local_addr(),
            admin: admin.as_ref().map(Server::local_addr),
            readiness,
            certificates: server.certificates(),
            public: Listener::start(server),
            operator: admin.map(Listener::start),
            background,
        }
    }

    /// Adds work that goes on beside the serving and ends with it.
    pub fn spawn(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        self.background.spawn(work);
    }

    /// Reads the certificate again.
    ///
    /// # Errors
    ///
    /// [`TlsError`]; the certificate in use then stays in use.
    pub fn reload_certificates(&self) -> Result<(), TlsError> {
        self.certificates
            .as_ref()
            .map_or(Ok(()), |certificates| certificates.reload())
    }

    /// [`Self::reload_certificates`], with the result in the log.
    pub fn reload_logged(&self) {
        match self.reload_certificates() {
            Ok(()) if self.certificates.is_some() => tracing::info!("certificate read again"),
            Ok(()) => {}
            Err(error) => tracing::error!(%error, "certificate not replaced"),
        }
    }

    /// Ends in order: not ready, no new connections, requests finished, then the operator's
    /// listener, which until then shows the drain.
    pub async fn shutdown(mut self) {
        self.readiness.set_draining();
        self.public.stop().await;
        if let Some(operator) = self.operator {
            operator.stop().await;
        }
        self.background.shutdown().await;
    }

    /// Serves until SIGTERM or SIGINT; on SIGHUP reads the certificate again, then calls `reload`
    /// for what else the server can read again. Whoever started the process as a service of type `notify` is told how it
    /// fares.
    pub async fn until_told(self, mut signals: Signals, mut reload: impl FnMut()) {
        let systemd = Notifier::of_environment();
        let mut standing = self.readiness.watch();
        standing.mark_changed();
        // Without a watchdog the branch is never taken; the interval is there for the compiler.
        let mut watchdog = interval(systemd.alive_every().unwrap_or(FOLD_INTERVAL));
        loop {
            tokio::select! {
                told = signals.next() => match told {
                    Told::End => break,
                    Told::Reload => {
                        systemd.reloading();
                        self.reload_logged();
                        reload();
                        standing.mark_changed();
                    }
                },
                Ok(()) = standing.changed() => systemd.standing(&standing.borrow_and_update()),
                _ = watchdog.tick(), if systemd.alive_every().is_some() => systemd.alive(),
            }
        }
        tracing::info!("ending: finishing what has begun");
        systemd.stopping();
        self.shutdown().await;
    }
}
