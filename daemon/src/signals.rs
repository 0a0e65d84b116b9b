//! What an operator tells a process: end (SIGTERM, SIGINT), read files again (SIGHUP).

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for SIGTERM or SIGINT.
pub async fn shutdown_signal() {
    let mut terminate = signal(SignalKind::terminate()).expect("SIGTERM can be handled");
    let mut interrupt = signal(SignalKind::interrupt()).expect("SIGINT can be handled");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// A stream of SIGHUPs.
#[derive(Debug)]
pub struct Hangups(Signal);

impl Hangups {
    /// Starts to listen; from then on SIGHUP no longer ends the process.
    ///
    /// # Errors
    ///
    /// Where the system refuses the handler.
    pub fn listen() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Waits for the next one; several that came meanwhile count as one.
    pub async fn next(&mut self) {
        self.0.recv().await;
    }
}
