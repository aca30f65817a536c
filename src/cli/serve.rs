//! `ssh-mcp serve`: the server on standard input and output.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::boot::{Booted, boot, configuration, log};
use super::startup;
use crate::config::{Env, Level, Settings};
use crate::hooks::{Context, Event};
use crate::mcp;
use crate::skills::Library;
use crate::ssh::connect;
use crate::telemetry::{self, Telemetry};
use crate::toolkit::dispatch::ToolBackend;
use crate::toolkit::dispatch::backend::Backend;
use crate::toolkit::state::ServerState;

/// How long observers of the last calls may take after the end of the session.
const OBSERVERS_WAIT: Duration = Duration::from_millis(500);

/// Serves until the client's stream ends or a signal asks to stop.
pub(super) async fn serve(env: &Env) -> ExitCode {
    let configured = configuration(env).inspect(|config| log(&config.settings));
    let exporters = configured.as_ref().ok().map(|config| export(env, &config.settings));
    let booted = configured.and_then(|config| boot(env, config));
    let Booted { backend, library, notes } = match booted {
        Ok(booted) => booted,
        Err(refused) => {
            for line in &refused.0 {
                eprintln!("ssh-mcp: {line}");
            }
            return ExitCode::from(2);
        }
    };
    for note in &notes {
        match note.level {
            Level::Info => tracing::info!("{note}"),
            Level::Warning => tracing::warn!("{note}"),
        }
    }
    let state = backend.state().clone();
    startup::log(&backend, &library);
    let _ = state.audit.started("start", &state.snapshot().digest_text());
    state.pool.start_sweep();
    state.hooks.announce(Context::of_server(Event::Startup)).await;
    watch_signals(&state);
    tokio::spawn(check_pinned_keys(state.clone()));
    let (input, output) = mcp::stdio::open();
    let end = mcp::serve(listed(backend, &library), library, input, output, state.root.clone()).await;
    state.hooks.settle(OBSERVERS_WAIT).await;
    state.hooks.announce(Context::of_server(Event::Shutdown)).await;
    state.shutdown().await;
    if let Some(exporters) = exporters {
        exporters.stop().await;
    }
    if end == mcp::End::Failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Says, beside the first requests, which hosts pin a key that the agent does not hold: their first call would fail.
async fn check_pinned_keys(state: Arc<ServerState>) {
    let (env, root) = (state.pool.env().clone(), state.root.clone());
    for host in state.snapshot().hosts() {
        if host.config.auth.identity_fingerprint.is_none() {
            continue;
        }
        let checked = match connect::plan(&env, &host.target, &root).await {
            Ok(way) => match way.last() {
                Some(hop) => connect::identity::check(&env, hop, &root).await,
                None => Ok(()),
            },
            Err(failure) => Err(failure),
        };
        if let Err(failure) = checked {
            tracing::warn!(host = %host.config.alias, "{failure}");
        }
    }
}

/// The tools, behind a search where the operator asked for a short list.
fn listed(backend: ToolBackend, library: &Library) -> Arc<dyn Backend> {
    let snapshot = backend.state().snapshot();
    let server = Arc::new(backend);
    let settings = &snapshot.config.settings;
    if settings.ssh_enable_bm25 {
        let most = settings.ssh_bm25_max_results as usize;
        Arc::new(mcp::search::Searched::new(server, &settings.ssh_bm25_always_visible, most, library))
    } else {
        server
    }
}

/// Starts the exporters that the standard variables name, and says what keeps one from running.
fn export(env: &Env, settings: &Settings) -> Telemetry {
    if !settings.otel_enabled {
        return Telemetry::default();
    }
    let (exporters, faults) =
        telemetry::start(&|name| env.var(name).and_then(|value| value.to_str()).map(str::to_owned));
    for fault in faults {
        tracing::warn!("{fault}; this is not exported");
    }
    exporters
}

/// TERM, INT and HUP: the first two end the server in order, the last one reads the hosts file again.
fn watch_signals(state: &Arc<ServerState>) {
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let root = state.root.clone();
        if let Ok(mut signals) = signal(kind) {
            tokio::spawn(async move {
                signals.recv().await;
                root.cancel();
            });
        }
    }
    let state = state.clone();
    if let Ok(mut signals) = signal(SignalKind::hangup()) {
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                match state.reload().await {
                    Ok(done) => tracing::info!(hosts = done.loaded, "hosts file read again"),
                    Err(error) => tracing::warn!("{error}"),
                }
            }
        });
    }
}
