//! One `tools/call`: a place in the queue, the context of the call, its progress, and the answer in the protocol's
//! shape.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rmcp::ErrorData as McpError;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, MetaObject, ProgressNotificationParam,
    ProgressToken, ProtocolVersion,
};
use rmcp::service::{RequestContext, RoleServer};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::arrivals::Arrivals;
use crate::model::lock::LockAlways as _;
use crate::toolkit::backend::{
    AnswerForm, Backend, CallContext, ClientName, ProgressSink, ToolAnswer, TraceParent, UnknownTool,
};

/// Most calls that run at once, over all hosts; the rest wait their turn. Several times what one connection carries
/// (sshd's MaxSessions is 10 by default), so that a slow host does not hold up the others.
const MAX_RUNNING: usize = 64;

/// Progress that waits for the client to read; what comes on top is dropped.
const MAX_WAITING_PROGRESS: usize = 64;

/// Longest name or version of a client that is passed on, in characters.
const MAX_NAME: usize = 128;

/// Longest silence of a call whose client asked for progress. Clients give up after 60 s without a sign; many begin
/// anew with each.
const HEARTBEAT: Duration = Duration::from_secs(9);

pub(super) struct Calls {
    backend: Arc<dyn Backend>,
    arrivals: Arc<Arrivals>,
    heartbeat: Duration,
    running: Arc<Semaphore>,
}

impl Calls {
    pub(super) fn new(backend: Arc<dyn Backend>, arrivals: Arc<Arrivals>) -> Self {
        Calls { backend, arrivals, heartbeat: HEARTBEAT, running: Arc::new(Semaphore::new(MAX_RUNNING)) }
    }

    pub(super) async fn call(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, McpError> {
        self.arrivals.begun(&context.id);
        let _turn = tokio::select! {
            biased;
            turn = Arc::clone(&self.running).acquire_owned() => turn,
            // The SDK sends no answer to a cancelled request; this one ends the wait.
            () = context.ct.cancelled() => {
                self.arrivals.cancelled(&request.name);
                return Err(McpError::internal_error("cancelled before it began", None));
            }
        };
        let (progress, steps) = match context.meta.get_progress_token() {
            None => (None, None),
            Some(token) => {
                let (sink, steps) = progress();
                (Some(sink.clone()), Some((token, steps, sink)))
            }
        };
        let client = client(&context);
        let form = form(self.backend.as_ref(), client.as_ref(), &context);
        // The SDK fires its token once more when the answer has left; for the backend it means that the call is to end.
        let cancel = CancellationToken::new();
        let cx = CallContext {
            cancel: cancel.clone(),
            progress: progress.clone().map(|sink| sink as Arc<dyn ProgressSink>),
            client,
            trace: trace(&context),
            ..CallContext::default()
        };

        // A task of its own, so that a panic is an answer and not a caller that waits for ever.
        let backend = Arc::clone(&self.backend);
        let tool = request.name.to_string();
        let args = request.arguments.unwrap_or_default();
        let mut call = tokio::spawn(async move {
            let answer = backend.call(&tool, args, cx).await;
            answer.map_err(|UnknownTool| tool)
        });
        // It is not dropped when it is cancelled: it stops the remote work and ends by itself.
        let call = async {
            let answer = tokio::select! {
                answer = &mut call => answer,
                () = context.ct.cancelled() => {
                    cancel.cancel();
                    call.await
                }
            };
            if let Some(sink) = progress {
                sink.close();
            }
            answer
        };
        let answer = match steps {
            // Both: what was reported before the end leaves before the answer, and nothing after it.
            Some((token, steps, sink)) => tokio::join!(call, forward(steps, &sink, token, &context, self.heartbeat)).0,
            None => call.await,
        };
        match answer {
            Ok(Ok(answer)) => Ok(result(answer, form).into()),
            Ok(Err(tool)) => Err(McpError::invalid_params(format!("Unknown tool: {}", name(&tool)), None)),
            Err(error) => {
                tracing::error!(panicked = error.is_panic(), "a call ended by a defect of this program");
                Err(McpError::internal_error("the call ended by a defect of this program; nothing was delivered", None))
            }
        }
    }
}

/// Who calls, as the request or the session names it.
fn client(context: &RequestContext<RoleServer>) -> Option<ClientName> {
    context.client_info().map(|client| ClientName { name: name(&client.name), version: name(&client.version) })
}

/// The form in which answers reach the one who asks.
pub(super) fn form_for(backend: &dyn Backend, context: &RequestContext<RoleServer>) -> AnswerForm {
    form(backend, client(context).as_ref(), context)
}

fn form(backend: &dyn Backend, client: Option<&ClientName>, context: &RequestContext<RoleServer>) -> AnswerForm {
    let revision = context.protocol_version();
    ClientName::answer_form(client, backend.answer_form(), revision.as_ref().map(ProtocolVersion::as_str))
}

/// Errors are text in every form: clients that show only one of the two take it from there.
fn result(answer: ToolAnswer, form: AnswerForm) -> CallToolResult {
    let structured = answer.structured.filter(|_| form != AnswerForm::Text);
    let content = match form {
        AnswerForm::Structured if structured.is_some() => Vec::new(),
        _ => vec![ContentBlock::text(answer.text)],
    };
    let mut result = if answer.is_error { CallToolResult::error(content) } else { CallToolResult::success(content) };
    result.structured_content = structured;
    result.meta = (!answer.meta.is_empty()).then(|| MetaObject(answer.meta));
    result
}

/// Text of the client's for a log line: short, and without characters that could forge one.
fn name(text: &str) -> String {
    text.chars().take(MAX_NAME).map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn trace(context: &RequestContext<RoleServer>) -> TraceParent {
    // Lengths: the W3C trace context gives 55 characters and 512, W3C baggage 8,192.
    let field = |value: Option<&str>, most: usize| value.filter(|value| value.len() <= most).map(str::to_owned);
    TraceParent {
        traceparent: field(context.meta.get_traceparent(), 128),
        tracestate: field(context.meta.get_tracestate(), 512),
        baggage: field(context.meta.get_baggage(), 8192),
    }
}

struct Step {
    progress: u64,
    total: Option<u64>,
    message: String,
}

struct Sink {
    open: Mutex<Option<Open>>,
    /// What was reported or printed last.
    latest: Mutex<String>,
}

struct Open {
    steps: mpsc::Sender<Step>,
    last: Option<u64>,
}

fn progress() -> (Arc<Sink>, mpsc::Receiver<Step>) {
    let (steps, receiver) = mpsc::channel(MAX_WAITING_PROGRESS);
    let open = Mutex::new(Some(Open { steps, last: None }));
    (Arc::new(Sink { open, latest: Mutex::default() }), receiver)
}

impl Sink {
    fn close(&self) {
        self.open.lock_always().take();
    }

    fn latest(&self) -> String {
        self.latest.lock_always().clone()
    }
}

impl ProgressSink for Sink {
    fn keep(&self, message: String) {
        *self.latest.lock_always() = message;
    }

    fn send(&self, progress: u64, total: Option<u64>, message: String) {
        self.keep(message.clone());
        let mut open = self.open.lock_always();
        let Some(open) = open.as_mut() else { return };
        // The protocol wants it to grow with every notification.
        if open.last.is_some_and(|last| progress <= last) {
            return;
        }
        if open.steps.try_send(Step { progress, total, message }).is_ok() {
            open.last = Some(progress);
        }
    }
}

/// Sends steps to the client until the sink is closed, or the call is cancelled. Where the tool is silent, a heartbeat
/// says how long the call has run and what was reported last.
async fn forward(
    mut steps: mpsc::Receiver<Step>,
    sink: &Sink,
    token: ProgressToken,
    context: &RequestContext<RoleServer>,
    heartbeat: Duration,
) {
    let began = Instant::now();
    let mut count = Count::default();
    loop {
        let note = match tokio::time::timeout(heartbeat, steps.recv()).await {
            Ok(None) => return,
            Ok(Some(step)) => match count.step(step.progress) {
                None => continue,
                Some(progress) => {
                    let note = ProgressNotificationParam::new(token.clone(), progress).with_message(step.message);
                    match step.total {
                        Some(total) => note.with_total(total as f64),
                        None => note,
                    }
                }
            },
            Err(_) => {
                let elapsed = format!("running for {} s", began.elapsed().as_secs());
                let latest = sink.latest();
                let message = if latest.is_empty() { elapsed } else { format!("{elapsed}; last: {latest}") };
                ProgressNotificationParam::new(token.clone(), count.beat()).with_message(message)
            }
        };
        let sent = tokio::select! {
            biased;
            () = context.ct.cancelled() => return,
            sent = context.peer.notify_progress(note) => sent,
        };
        if sent.is_err() {
            return;
        }
    }
}

/// The numbers of a call's progress. They grow with every notification, as the protocol asks: heartbeats count in
/// fractions between the tool's own whole numbers.
#[derive(Default)]
struct Count {
    last: f64,
    beats: u32,
    begun: bool,
}

impl Count {
    /// The number of a tool's step; nothing where a heartbeat has passed it.
    fn step(&mut self, progress: u64) -> Option<f64> {
        let progress = progress as f64;
        if self.begun && progress <= self.sent() {
            return None;
        }
        *self = Count { last: progress, beats: 0, begun: true };
        Some(progress)
    }

    fn beat(&mut self) -> f64 {
        self.beats += 1;
        self.begun = true;
        self.sent()
    }

    fn sent(&self) -> f64 {
        self.last + f64::from(self.beats) / f64::from(self.beats + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_grows_and_ends_with_the_call() {
        let (sink, mut steps) = progress();
        for n in [1, 3, 3, 2, 4] {
            sink.send(n, Some(9), String::new());
        }
        sink.close();
        sink.send(5, None, String::new());
        let mut seen = Vec::new();
        while let Ok(step) = steps.try_recv() {
            seen.push(step.progress);
        }
        assert_eq!(seen, [1, 3, 4]);
    }

    #[test]
    fn heartbeats_lie_between_the_steps_of_the_tool() {
        let mut count = Count::default();
        let mut sent = vec![count.beat(), count.beat()];
        assert_eq!(count.step(0), None);
        sent.extend(count.step(1));
        sent.extend((0..1000).map(|_| count.beat()));
        sent.extend(count.step(2));
        sent.push(count.beat());
        assert!(sent.windows(2).all(|pair| pair[0] < pair[1]), "{sent:?}");
        assert!(sent.last().is_some_and(|last| *last < 3.0));
    }

    #[test]
    fn progress_never_waits() {
        let (sink, mut steps) = progress();
        for n in 0..10_000 {
            sink.send(n, None, String::new());
        }
        sink.close();
        assert_eq!(std::iter::from_fn(|| steps.try_recv().ok()).count(), MAX_WAITING_PROGRESS);
    }

    #[test]
    fn a_client_cannot_write_into_a_log() {
        assert_eq!(name("a\nb\u{1b}[31m"), "a?b?[31m");
        assert_eq!(name(&"x".repeat(1000)).len(), MAX_NAME);
    }
}
