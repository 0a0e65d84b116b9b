//! `sotto-gateway serve`.

use std::{path::Path, process::ExitCode};

use anyhow::Context as _;
use sotto_daemon::{descriptors, logs, signals::Signals};
use sotto_gateway::{Config, Gateway};

use super::runtime;

pub(crate) fn run(file: &Path) -> anyhow::Result<ExitCode> {
    let mut config = Config::load(file)?;
    logs::init(config.log.format, config.log.level);
    config.limits.max_connections = descriptors::provide_for(config.limits.max_connections);
    runtime()?.block_on(async {
        let signals = Signals::listen().context("signals cannot be handled")?;
        let running = Gateway::start(config, None)
            .await
            .with_context(|| file.display().to_string())?;
        tracing::info!(address = %running.address, admin = ?running.admin, "serving");
        running.until_told(signals, file).await;
        Ok(ExitCode::SUCCESS)
    })
}
