//! The protocol front end: the only place that knows the SDK.
//!
//! It serves a [`Backend`] over one pair of streams, for clients of the session era (`initialize`, 2024-11-05 to
//! 2025-11-25) and of the stateless era (2026-07-28, every request complete in itself). It decides nothing about tools:
//! what is visible, what a call may do and what its answer says comes from the backend.
//!
//! Two seams are left for what is not declared: a call that has to ask the user would answer with
//! `CallToolResponse::InputRequired`, one that goes on in the background with `CallToolResponse::Task`, both in
//! [`call`].

mod arrivals;
mod call;
mod prompts;
mod resources;
pub(crate) mod search;
mod server;
mod signed;
pub(crate) mod stdio;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use rmcp::service::{QuitReason, ServerInitializeError, serve_server_with_ct};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use crate::skills::Library;
use crate::toolkit::backend::Backend;

use self::arrivals::Arrivals;
pub(crate) use self::wire::strict;

/// How long calls in flight may take to end and their last answers to leave, once the client has gone or the server
/// was told to stop. The caller has what is left of the two seconds to close the connections.
pub(crate) const WIND_DOWN: Duration = Duration::from_millis(1200);

/// Why serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The client closed its stream, or takes no more answers.
    ClientGone,
    /// The shutdown token fired.
    Stopped,
    /// The SDK's own loop failed, which is a defect.
    Failed,
}

/// Serves until the client's stream ends or `shutdown` fires. Calls in flight are cancelled then; this returns when
/// they have ended, or after [`WIND_DOWN`].
pub async fn serve<R, W>(
    backend: Arc<dyn Backend>,
    library: Arc<Library>,
    read: R,
    write: W,
    shutdown: CancellationToken,
) -> End
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let session = shutdown.child_token();
    let arrivals = Arc::new(Arrivals::new(Arc::clone(&backend)));
    let wire = wire::Wire::new(read, write, Arc::clone(&arrivals), session.clone());
    let server = signed::Signed::new(server::Server::new(backend, library, Arc::clone(&arrivals)));
    let started = serve_server_with_ct(server, wire, session.clone()).await;
    let end = match started {
        Ok(running) => {
            let mut waiting = std::pin::pin!(running.waiting());
            let finished = tokio::select! {
                finished = &mut waiting => Ok(finished),
                () = session.cancelled() => tokio::time::timeout(WIND_DOWN, waiting).await,
            };
            match finished {
                Ok(Ok(QuitReason::JoinError(_)) | Err(_)) => End::Failed,
                Ok(Ok(_)) => End::ClientGone,
                Err(_) => {
                    tracing::warn!("calls were still ending when the time to wait for them was over");
                    End::ClientGone
                }
            }
        }
        Err(
            ServerInitializeError::ConnectionClosed(_)
            | ServerInitializeError::Cancelled
            | ServerInitializeError::TransportError { .. },
        ) => End::ClientGone,
        Err(error) => {
            tracing::error!(%error, "the session could not be opened");
            End::Failed
        }
    };
    session.cancel();
    arrivals.over();
    if shutdown.is_cancelled() && end != End::Failed { End::Stopped } else { end }
}

#[cfg(test)]
mod tests;
