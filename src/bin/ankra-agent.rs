//! The `ankra-agent` daemon.

use std::process::ExitCode;

use ankra_helm::agent::{self, logging, settings::Settings};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code for settings that cannot be used.
const EXIT_USAGE: u8 = 2;
/// Most threads: on a large node one for each processor would each keep memory
/// of its own, for work that mostly waits.
const THREADS_MAX: usize = 4;

fn main() -> ExitCode {
    let settings = Settings::parse();
    logging::init(&settings.log_level);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    match tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build() {
        Ok(runtime) => runtime.block_on(run(settings)),
        Err(error) => {
            tracing::error!(%error, "the agent cannot start");
            ExitCode::FAILURE
        }
    }
}

async fn run(settings: Settings) -> ExitCode {
    let stop = CancellationToken::new();
    if let Err(error) = stop_on_signals(stop.clone()) {
        tracing::error!(%error, "signals cannot be received");
        return ExitCode::FAILURE;
    }
    let running = match agent::start(settings, stop).await {
        Ok(running) => running,
        Err(error) => {
            tracing::error!(%error, "the agent cannot start");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match running.wait().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the agent ended");
            ExitCode::FAILURE
        }
    }
}

/// SIGTERM and SIGINT stop the agent in order; a second one ends it at once.
fn stop_on_signals(stop: CancellationToken) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if stop.is_cancelled() {
                std::process::exit(1);
            }
            stop.cancel();
        }
    });
    Ok(())
}
