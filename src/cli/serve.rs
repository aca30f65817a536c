//! `ssh-mcp serve`: the server on standard input and output.

use std::process::ExitCode;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::boot::{Booted, boot, configuration};
use crate::config::{Env, Level};
use crate::hooks::{Context, Event};
use crate::mcp;
use crate::toolkit::backend::Backend;
use crate::toolkit::engine::Engine;
use crate::toolkit::server::Server;

/// Serves until the client's stream ends or a signal asks to stop.
pub async fn serve(env: &Env) -> ExitCode {
    let booted = configuration(env).and_then(boot);
    let Booted { engine, library, notes } = match booted {
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
    let _ = engine.audit.started("start", &engine.snapshot().digest_text());
    engine.pool.start_sweep();
    engine.hooks.announce(Context::of_server(Event::Startup)).await;
    watch_signals(&engine);
    let (input, output) = mcp::stdio::open();
    let end = mcp::serve(backend(&engine), library, input, output, engine.root.clone()).await;
    engine.hooks.announce(Context::of_server(Event::Shutdown)).await;
    engine.shutdown().await;
    if end == mcp::End::Failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The engine, behind a search where the operator asked for a short list.
fn backend(engine: &Arc<Engine>) -> Arc<dyn Backend> {
    let server = Arc::new(Server(engine.clone()));
    let snapshot = engine.snapshot();
    let settings = &snapshot.config.settings;
    if settings.ssh_enable_bm25 {
        let most = settings.ssh_bm25_max_results as usize;
        Arc::new(mcp::search::Searched::new(server, &settings.ssh_bm25_always_visible, most))
    } else {
        server
    }
}

/// TERM, INT and HUP: the first two end the server in order, the last one reads the hosts file again.
fn watch_signals(engine: &Arc<Engine>) {
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let root = engine.root.clone();
        if let Ok(mut signals) = signal(kind) {
            tokio::spawn(async move {
                signals.recv().await;
                root.cancel();
            });
        }
    }
    let engine = engine.clone();
    if let Ok(mut signals) = signal(SignalKind::hangup()) {
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                match engine.reload().await {
                    Ok(done) => tracing::info!(hosts = done.loaded, "hosts file read again"),
                    Err(error) => tracing::warn!("{error}"),
                }
            }
        });
    }
}
