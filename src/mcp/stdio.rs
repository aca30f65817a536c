//! The process's own standard streams.

use tokio::io::{AsyncRead, AsyncWrite};

/// Standard input and output. Pipes are read without a thread in between (Linux); other streams (sockets, files, a
/// terminal) go through a blocking thread, whose pending read nothing can cancel: end the process by
/// `Runtime::shutdown_background`, or the exit waits for one more line.
///
/// Call it once, inside of a runtime, and give the streams to nobody else: whatever is printed besides corrupts the
/// protocol.
pub(crate) fn open() -> (impl AsyncRead + Send + Unpin + 'static, impl AsyncWrite + Send + Unpin + 'static) {
    rmcp::transport::io::stdio_pipes()
}
