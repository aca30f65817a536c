//! The stdio transport in front of the SDK: one JSON-RPC message a line, both ways.
//!
//! The SDK's own transport drops what it cannot read and merges repeated keys. This one answers every line that somebody
//! may wait for, keeps the session alive, and bounds what a client can make it hold: the length of a line, the number
//! of requests in flight and their bytes, and the answers that the client has not read. It must not know any tool.

mod decode;
mod flight;
mod lines;
mod peek;
mod strict;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rmcp::model::{
    ClientJsonRpcMessage, ClientRequest, ErrorCode, ErrorData, GetMeta, JsonRpcMessage, ProtocolVersion, RequestId,
    ServerJsonRpcMessage,
};
use rmcp::service::RoleServer;
use rmcp::transport::Transport;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::arrivals::Arrivals;

use self::decode::{Incoming, Refusal};
use self::flight::Flight;
use self::lines::{Line, Lines};
use self::peek::{Found, Peek, RefusedCall};
use self::strict::Broken;

pub(crate) use self::lines::MAX_LINE_BYTES;

/// While this much has been answered and not been read by the client, nothing more is read from it, in bytes.
const MAX_UNREAD_BYTES: usize = 32 * 1024 * 1024;

/// How long the last answers may take to leave once the session is over.
const LAST_WORDS: Duration = Duration::from_millis(500);

struct Outgoing {
    line: Vec<u8>,
    written: oneshot::Sender<io::Result<()>>,
}

#[derive(Default)]
struct Unread {
    bytes: AtomicUsize,
    less: Notify,
}

/// The transport. `ended` is cancelled when the client's stream ends or its other end takes no more answers.
pub(super) struct Wire<R> {
    lines: Lines<R>,
    out: Option<mpsc::UnboundedSender<Outgoing>>,
    writer: Option<JoinHandle<()>>,
    unread: Arc<Unread>,
    flight: Flight,
    refusals: VecDeque<Refusal>,
    arrivals: Arc<Arrivals>,
    /// A request has opened the session, so that the SDK takes notifications.
    open: bool,
    ended: CancellationToken,
}

impl<R: AsyncRead + Send + Unpin + 'static> Wire<R> {
    pub(super) fn new<W>(read: R, write: W, arrivals: Arc<Arrivals>, ended: CancellationToken) -> Self
    where
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let (out, queue) = mpsc::unbounded_channel();
        let unread = Arc::new(Unread::default());
        let writer = tokio::spawn(write_lines(write, queue, Arc::clone(&unread), ended.clone()));
        Wire {
            lines: Lines::new(read),
            out: Some(out),
            writer: Some(writer),
            unread,
            flight: Flight::default(),
            refusals: VecDeque::new(),
            arrivals,
            open: false,
            ended,
        }
    }

    /// Puts one line into the queue at once, so that lines leave in the order of these calls.
    fn enqueue(&self, message: &ServerJsonRpcMessage) -> Result<oneshot::Receiver<io::Result<()>>, io::Error> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        let (written, done) = oneshot::channel();
        self.unread.bytes.fetch_add(line.len(), Ordering::Relaxed);
        let Some(out) = &self.out else { return Err(closed()) };
        out.send(Outgoing { line, written }).map_err(|_| closed())?;
        Ok(done)
    }

    /// Answers what was refused. Returns at once: the writer does the rest.
    fn answer_refusals(&mut self) {
        while let Some(Refusal { mut id, error }) = self.refusals.pop_front() {
            // Under the id of a request in flight it would be taken for that request's answer.
            id.take_if(|id| self.flight.holds(id));
            tracing::debug!(code = error.code.0, "refused a message");
            if self.enqueue(&JsonRpcMessage::error(error, id)).is_err() {
                return;
            }
        }
    }

    /// What the line in the buffer holds, if it is for the SDK.
    fn take_line(&mut self) -> Option<ClientJsonRpcMessage> {
        let line = self.lines.line();
        if line.iter().all(u8::is_ascii_whitespace) {
            return None;
        }
        let size = line.len();
        let (calls, incoming) = match strict::parse(line) {
            Ok(value) => (decode::calls(&value), decode::decode(value)),
            Err(broken) => {
                let (code, why) = match broken {
                    Broken::Syntax(why) => (ErrorCode::PARSE_ERROR, format!("not a JSON message: {why}")),
                    Broken::Refused(why) => (ErrorCode::INVALID_REQUEST, format!("refused: {why}")),
                };
                let Found { id, call } = Peek::of(line);
                (call.into_iter().collect(), Incoming::Refused(vec![Refusal::new(id, code, why)]))
            }
        };
        let message = match incoming {
            Incoming::Message(message) => self.admit(*message, size),
            Incoming::Ignored => None,
            Incoming::Refused(refusals) => {
                self.refusals.extend(refusals);
                None
            }
        };
        match &message {
            Some(JsonRpcMessage::Request(request)) => {
                if let ClientRequest::CallToolRequest(call) = &request.request {
                    self.arrivals.arrived(&request.id, &call.params.name);
                }
            }
            _ => self.record(calls),
        }
        message
    }

    /// An answer of the SDK's leaves under this id.
    fn end(&mut self, id: &RequestId) {
        self.flight.end(id);
        self.arrivals.answered(id);
    }

    fn record(&self, calls: impl IntoIterator<Item = RefusedCall>) {
        for RefusedCall(tool) in calls {
            self.arrivals.refused(tool.as_deref());
        }
    }

    /// Lets a message through to the SDK, or answers it here.
    fn admit(&mut self, message: ClientJsonRpcMessage, size: usize) -> Option<ClientJsonRpcMessage> {
        match &message {
            JsonRpcMessage::Request(request) => {
                if let Err(error) = self.admit_request(&request.request) {
                    self.refusals.push_back(Refusal { id: Some(request.id.clone()), error });
                    return None;
                }
                match self.flight.start(&request.id, size) {
                    Ok(()) => Some(message),
                    Err(refusal) => {
                        self.refusals.push_back(*refusal);
                        None
                    }
                }
            }
            // Before a session is open the SDK takes anything but a request for the end of it.
            _ if !self.open => None,
            JsonRpcMessage::Notification(note) => {
                if let rmcp::model::ClientNotification::CancelledNotification(cancelled) = &note.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    self.flight.cancel(id);
                }
                Some(message)
            }
            _ => Some(message),
        }
    }

    fn admit_request(&mut self, request: &ClientRequest) -> Result<(), ErrorData> {
        let meta = request.get_meta();
        let version = meta.protocol_version();
        match request {
            ClientRequest::InitializeRequest(_) => self.open = true,
            // The SDK answers a ping of any era before the session is open.
            ClientRequest::PingRequest(_) if version.as_ref().is_some_and(|version| !version.has_initialize()) => {
                return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, "Method not found: ping", None));
            }
            ClientRequest::PingRequest(_) | ClientRequest::DiscoverRequest(_) => {}
            _ => {
                // The rule by which the SDK opens a session without a handshake.
                let complete = meta.missing_required_keys(&ProtocolVersion::V_2026_07_28).is_empty();
                if complete && version.is_some_and(|version| ProtocolVersion::KNOWN_VERSIONS.contains(&version)) {
                    self.open = true;
                }
            }
        }
        Ok(())
    }
}

/// Reads one line as the transport does; the error says why it is refused.
pub(crate) fn strict(line: &[u8]) -> Result<serde_json::Value, String> {
    strict::parse(line).map_err(|broken| match broken {
        Broken::Syntax(why) | Broken::Refused(why) => why,
    })
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the session is over")
}

impl<R: AsyncRead + Send + Unpin + 'static> Transport<RoleServer> for Wire<R> {
    type Error = io::Error;

    fn send(&mut self, item: ServerJsonRpcMessage) -> impl Future<Output = Result<(), io::Error>> + Send + 'static {
        match &item {
            JsonRpcMessage::Response(response) => self.end(&response.id),
            JsonRpcMessage::Error(error) => error.id.iter().for_each(|id| self.end(id)),
            _ => {}
        }
        let queued = self.enqueue(&item);
        async move { queued?.await.map_err(|_| closed())? }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            self.answer_refusals();
            loop {
                let less = self.unread.less.notified();
                if self.unread.bytes.load(Ordering::Relaxed) <= MAX_UNREAD_BYTES || self.ended.is_cancelled() {
                    break;
                }
                tokio::select! {
                    () = less => {}
                    () = self.ended.cancelled() => {}
                }
            }
            let message = tokio::select! {
                biased;
                () = self.ended.cancelled() => return None,
                line = self.lines.next() => match line {
                    Line::Whole => self.take_line(),
                    Line::TooLong(Found { id, call }) => {
                        self.record(call);
                        let why = format!("a line is at most {MAX_LINE_BYTES} bytes; larger content goes by local_path");
                        self.refusals.push_back(Refusal::new(id, ErrorCode::INVALID_REQUEST, why));
                        None
                    }
                    Line::End => {
                        self.ended.cancel();
                        return None;
                    }
                },
            };
            if message.is_some() {
                return message;
            }
        }
    }

    async fn close(&mut self) -> Result<(), io::Error> {
        self.ended.cancel();
        self.out = None;
        if let Some(writer) = self.writer.take() {
            let abort = writer.abort_handle();
            if tokio::time::timeout(LAST_WORDS, writer).await.is_err() {
                abort.abort();
            }
        }
        Ok(())
    }
}

/// Writes what is queued, in order; flushes when there is nothing more to write.
async fn write_lines<W: AsyncWrite + Unpin>(
    mut write: W,
    mut queue: mpsc::UnboundedReceiver<Outgoing>,
    unread: Arc<Unread>,
    ended: CancellationToken,
) {
    while let Some(Outgoing { line, written }) = queue.recv().await {
        let mut result = write.write_all(&line).await;
        if result.is_ok() && queue.is_empty() {
            result = write.flush().await;
        }
        unread.bytes.fetch_sub(line.len(), Ordering::Relaxed);
        unread.less.notify_waiters();
        let failed = result.is_err();
        if let Err(error) = &result {
            tracing::warn!(%error, "standard output failed");
        }
        let _ = written.send(result);
        if failed {
            // Nobody listens any more: the calls in flight end as if the client had closed its stream.
            ended.cancel();
            return;
        }
    }
    let _ = write.shutdown().await;
}
