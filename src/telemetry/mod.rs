//! What an operator sees of a running server: OpenTelemetry spans and metrics, and the log on stderr.
//!
//! Stands below all layers that do something and knows none of them; they call its functions, which fix the names
//! and attributes, so that no command, path or secret can be attached by mistake. Until [`start`] finds an exporter
//! configured, every function here is a look at one static and nothing more.

mod export;
pub(crate) mod logging;
pub(crate) mod meters;
pub(crate) mod span;

use std::sync::OnceLock;

pub(crate) use export::Telemetry;
pub use export::start;
pub use span::{Parent, Span, carry};

/// What is exported, once it is.
struct Active {
    tracer: Option<opentelemetry_sdk::trace::SdkTracer>,
    meters: Option<meters::Meters>,
}

static ACTIVE: OnceLock<Active> = OnceLock::new();
