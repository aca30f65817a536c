//! All hooks of a server: what runs when, how many at once, and what became of them.

use super::command::CommandHook;
use super::event::{Context, Event, Hook, HookError, Verdict};
use crate::model::error::{ErrorName, ToolError};
use crate::telemetry::{Span, meters};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};

/// Observers that run at once; the others wait.
const AT_ONCE: usize = 16;

/// Observers running and waiting; what comes on top is dropped and counted.
const QUEUE_MAX: usize = 1000;

/// Observers running and waiting at which a warning is logged, once.
const BACKLOG: usize = 100;

/// Observers below which the warning is armed again.
const RELAXED: usize = 50;

/// The hooks of a server, in the order they were registered. Cheap to clone.
#[derive(Clone, Default)]
pub struct Hooks(Arc<Inner>);

#[derive(Default)]
struct Inner {
    hooks: Vec<Arc<dyn Hook>>,
    background: Arc<Background>,
    tally: Tally,
}

#[derive(Default)]
struct Tally {
    calls: AtomicU64,
    failures: AtomicU64,
    timeouts: AtomicU64,
    refusals: AtomicU64,
}

struct Background {
    slots: Semaphore,
    in_flight: AtomicUsize,
    warned: AtomicBool,
    dropped: AtomicU64,
    idle: Notify,
}

impl Default for Background {
    fn default() -> Self {
        Background {
            slots: Semaphore::new(AT_ONCE),
            in_flight: AtomicUsize::new(0),
            warned: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            idle: Notify::new(),
        }
    }
}

/// What became of the hooks since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Hooks that were run.
    pub calls: u64,
    /// Of these, how many failed otherwise than by time.
    pub failures: u64,
    /// Of these, how many reached their time limit.
    pub timeouts: u64,
    /// Calls that a gate refused, by verdict or by failing.
    pub refusals: u64,
    /// Observers that were not run because too many waited.
    pub dropped: u64,
    /// Observers running or waiting.
    pub in_flight: u64,
}

/// A gate's no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The gate, for the audit.
    pub gate: String,
    /// What the caller is told.
    pub error: ToolError,
}

impl Hooks {
    /// The programs of hooks.toml, then the hooks of the embedding program.
    pub fn new(commands: Vec<CommandHook>, embedded: Vec<Arc<dyn Hook>>) -> Self {
        let mut hooks: Vec<Arc<dyn Hook>> = Vec::new();
        for command in commands {
            hooks.push(Arc::new(command));
        }
        hooks.extend(embedded);
        Hooks(Arc::new(Inner { hooks, ..Inner::default() }))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.hooks.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.0.hooks.is_empty()
    }

    /// True when some hook runs at this event, so that a context is worth making.
    pub fn listen(&self, event: Event) -> bool {
        self.0.hooks.iter().any(|hook| hook.events().contains(&event))
    }

    /// True when some hook is told the arguments of calls, so that they are worth masking.
    pub fn want_arguments(&self) -> bool {
        self.0.hooks.iter().any(|hook| hook.wants_arguments())
    }

    /// The words of each program that is a hook, and the folder in which it runs.
    pub fn commands(&self) -> impl Iterator<Item = (&[String], &Path)> {
        self.0.hooks.iter().filter_map(|hook| hook.command())
    }

    /// What became of them so far.
    pub fn counts(&self) -> Counts {
        let (tally, background) = (&self.0.tally, &self.0.background);
        Counts {
            calls: tally.calls.load(Ordering::Relaxed),
            failures: tally.failures.load(Ordering::Relaxed),
            timeouts: tally.timeouts.load(Ordering::Relaxed),
            refusals: tally.refusals.load(Ordering::Relaxed),
            dropped: background.dropped.load(Ordering::Relaxed),
            in_flight: background.in_flight.load(Ordering::Relaxed) as u64,
        }
    }

    /// Asks the gates, one after the other; the first no ends it. The caller waits.
    pub async fn gates(&self, context: &Context) -> Result<(), Refusal> {
        for hook in self.concerned(context) {
            let context = Arc::new(told(hook, context));
            let span = Span::gate(hook.name());
            let (what, next) = match span.scope(self.run(hook.clone(), context.clone())).await {
                Ok(Verdict::Allow) => continue,
                Ok(Verdict::Refuse(reason)) => (
                    format!("the operator's gate `{}` refused this call: {reason}.", hook.name()),
                    "Do not retry it unchanged; the reason says what the operator asks for.",
                ),
                Err(error) => (
                    format!(
                        "the operator's gate `{}` gave no verdict, which counts as a refusal: {error}.",
                        hook.name()
                    ),
                    "An operator must fix the gate (hooks.toml); retrying helps only if it was overloaded.",
                ),
            };
            self.0.tally.refusals.fetch_add(1, Ordering::Relaxed);
            span.failed(ErrorName::GateRefused);
            return Err(Refusal {
                gate: hook.name().to_owned(),
                error: ToolError::new(ErrorName::GateRefused, what, next),
            });
        }
        Ok(())
    }

    /// Runs the hooks of `startup` or `shutdown`, one after the other. The caller waits; failures are logged.
    pub async fn announce(&self, context: Context) {
        let context = Arc::new(context);
        for hook in self.concerned(&context) {
            let _ = self.run(hook.clone(), context.clone()).await;
        }
    }

    /// Tells the observers in the background; nothing waits, nothing fails. Must be called within the runtime.
    pub fn observe(&self, context: &Context) {
        for hook in self.concerned(context) {
            let background = self.0.background.clone();
            if !background.enter() {
                meters::hook(hook.name(), "dropped");
                continue;
            }
            let context = Arc::new(told(hook, context));
            let (hooks, hook) = (self.clone(), hook.clone());
            let place = Place(background.clone());
            tokio::spawn(async move {
                let _place = place;
                let _slot = background.slots.acquire().await;
                let _ = hooks.run(hook, context).await;
            });
        }
    }

    /// Waits until no observer runs or waits, at most this long. For the end of the server.
    pub async fn settle(&self, limit: Duration) {
        let background = &self.0.background;
        let settled = async {
            loop {
                let idle = background.idle.notified();
                if background.in_flight.load(Ordering::Acquire) == 0 {
                    return;
                }
                idle.await;
            }
        };
        let _ = tokio::time::timeout(limit, settled).await;
    }

    fn concerned<'h>(&'h self, context: &'h Context) -> impl Iterator<Item = &'h Arc<dyn Hook>> {
        self.0.hooks.iter().filter(|hook| hook.events().contains(&context.event) && hook.wants(context))
    }

    /// Runs one hook within its time limit, apart from the caller, so that its panic ends only itself.
    async fn run(&self, hook: Arc<dyn Hook>, context: Arc<Context>) -> Result<Verdict, HookError> {
        let tally = &self.0.tally;
        tally.calls.fetch_add(1, Ordering::Relaxed);
        let name = hook.name().to_owned();
        let (event, limit) = (context.event, hook.timeout());
        let mut task = AbortOnDrop(tokio::spawn(async move { hook.call(&context).await }));
        let result = match tokio::time::timeout(limit, &mut task.0).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(HookError("it panicked".to_owned())),
            Err(_) => {
                tally.timeouts.fetch_add(1, Ordering::Relaxed);
                let error = HookError(format!("it did not end within {} s", limit.as_secs_f64()));
                tracing::warn!(hook = %name, %event, %error, "hook timeout");
                meters::hook(&name, "timeout");
                return Err(error);
            }
        };
        let outcome = match &result {
            Ok(Verdict::Refuse(_)) if event == Event::Gate => "refused",
            Ok(_) => "ok",
            Err(_) => "failed",
        };
        meters::hook(&name, outcome);
        if let Err(error) = &result {
            tally.failures.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(hook = %name, %event, %error, "hook error");
        }
        result
    }
}

/// What this hook is told: the arguments only where it asks for them.
fn told(hook: &Arc<dyn Hook>, context: &Context) -> Context {
    let mut context = context.clone();
    if !hook.wants_arguments() {
        context.arguments = None;
    }
    context
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.hooks.iter().map(|hook| hook.name())).finish()
    }
}

/// Stops the task when the caller stops waiting.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Background {
    /// Takes a place in the queue; false when it is full.
    fn enter(&self) -> bool {
        let taken =
            self.in_flight.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| (n < QUEUE_MAX).then_some(n + 1));
        let Ok(before) = taken else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return false;
        };
        if before + 1 >= BACKLOG && !self.warned.swap(true, Ordering::AcqRel) {
            tracing::warn!(in_flight = before + 1, "hook backlog: observers take longer than calls arrive");
        }
        true
    }
}

/// A place in the queue, given back however the observer ends.
struct Place(Arc<Background>);

impl Drop for Place {
    fn drop(&mut self) {
        let left = self.0.in_flight.fetch_sub(1, Ordering::AcqRel) - 1;
        if left < RELAXED {
            self.0.warned.store(false, Ordering::Release);
        }
        if left == 0 {
            self.0.idle.notify_waiters();
        }
    }
}
