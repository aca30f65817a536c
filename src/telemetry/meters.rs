//! The metrics of a server.

use super::ACTIVE;
use crate::model::error::{ErrorName, Family};
use crate::model::tier::Tier;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter, UpDownCounter};
use std::time::Duration;

/// What a metric measures, as far as its name elsewhere depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Grows and shrinks.
    Gauge,
    /// Times in seconds.
    Seconds,
}

impl Kind {
    /// What the name gets behind it in Prometheus.
    pub const fn prometheus_suffix(self) -> &'static str {
        match self {
            Kind::Counter => "_total",
            Kind::Gauge => "",
            Kind::Seconds => "_seconds_bucket",
        }
    }
}

/// Every metric.
pub const NAMES: [(&str, Kind); 7] = [
    ("ssh_mcp.bytes", Kind::Counter),
    ("ssh_mcp.call.duration", Kind::Seconds),
    ("ssh_mcp.calls", Kind::Counter),
    ("ssh_mcp.connections", Kind::Gauge),
    ("ssh_mcp.hooks", Kind::Counter),
    ("ssh_mcp.refusals", Kind::Counter),
    ("ssh_mcp.slots", Kind::Gauge),
];

pub(super) struct Meters {
    calls: Counter<u64>,
    duration: Histogram<f64>,
    refusals: Counter<u64>,
    connections: UpDownCounter<i64>,
    slots: UpDownCounter<i64>,
    bytes: Counter<u64>,
    hooks: Counter<u64>,
}

impl Meters {
    pub(super) fn new(meter: &Meter) -> Self {
        Meters {
            calls: meter
                .u64_counter("ssh_mcp.calls")
                .with_unit("{call}")
                .with_description("Tool calls that ended")
                .build(),
            duration: meter
                .f64_histogram("ssh_mcp.call.duration")
                .with_unit("s")
                .with_description("How long tool calls took")
                // A warm call takes milliseconds, an upgrade of packages an hour.
                .with_boundaries(vec![
                    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0,
                ])
                .build(),
            refusals: meter
                .u64_counter("ssh_mcp.refusals")
                .with_unit("{call}")
                .with_description("Tool calls that the operator's policy refused")
                .build(),
            connections: meter
                .i64_up_down_counter("ssh_mcp.connections")
                .with_unit("{connection}")
                .with_description("Open ssh connections")
                .build(),
            slots: meter
                .i64_up_down_counter("ssh_mcp.slots")
                .with_unit("{channel}")
                .with_description("Session channels in use")
                .build(),
            bytes: meter
                .u64_counter("ssh_mcp.bytes")
                .with_unit("By")
                .with_description("Bytes sent to and received from hosts")
                .build(),
            hooks: meter
                .u64_counter("ssh_mcp.hooks")
                .with_unit("{run}")
                .with_description("Hooks by what became of them")
                .build(),
        }
    }
}

fn meters() -> Option<&'static Meters> {
    ACTIVE.get().and_then(|active| active.meters.as_ref())
}

/// A call ended: counts it, its time, and its refusal if it was one.
pub fn call_ended(tool: &str, tier: Tier, error: Option<ErrorName>, took: Duration) {
    let Some(m) = meters() else {
        return;
    };
    let result = if error.is_some() { "error" } else { "ok" };
    let mut attributes = vec![
        KeyValue::new("tool", tool.to_owned()),
        KeyValue::new("tier", tier.as_str()),
        KeyValue::new("result", result),
    ];
    m.duration.record(took.as_secs_f64(), &attributes);
    if let Some(error) = error {
        attributes.push(KeyValue::new("error.type", error.as_str()));
        if error.family() == Family::Denied {
            let why = [KeyValue::new("tool", tool.to_owned()), KeyValue::new("error.type", error.as_str())];
            m.refusals.add(1, &why);
        }
    }
    m.calls.add(1, &attributes);
}

/// Which way bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the host.
    Sent,
    /// From the host.
    Received,
}

/// Bytes went to or came from a host.
pub fn bytes(host: &str, direction: Direction, count: u64) {
    if let Some(meters) = meters() {
        let direction = match direction {
            Direction::Sent => "sent",
            Direction::Received => "received",
        };
        meters.bytes.add(count, &[KeyValue::new("host", host.to_owned()), KeyValue::new("direction", direction)]);
    }
}

/// A hook ran, or was dropped: `outcome` is `ok`, `refused`, `failed`, `timeout` or `dropped`.
pub fn hook(name: &str, outcome: &'static str) {
    if let Some(meters) = meters() {
        meters.hooks.add(1, &[KeyValue::new("hook", name.to_owned()), KeyValue::new("outcome", outcome)]);
    }
}

/// Counts one thing for as long as it lives.
#[derive(Debug)]
#[must_use = "it counts until it is dropped"]
pub struct Gauge(Option<(&'static UpDownCounter<i64>, [KeyValue; 1])>);

impl Gauge {
    fn of(pick: impl FnOnce(&'static Meters) -> &'static UpDownCounter<i64>, host: &str) -> Self {
        Gauge(meters().map(|meters| {
            let (counter, attributes) = (pick(meters), [KeyValue::new("host", host.to_owned())]);
            counter.add(1, &attributes);
            (counter, attributes)
        }))
    }

    /// An open connection to a host.
    pub fn connection(host: &str) -> Self {
        Gauge::of(|meters| &meters.connections, host)
    }

    /// A session channel in use on a host.
    pub fn slot(host: &str) -> Self {
        Gauge::of(|meters| &meters.slots, host)
    }
}

impl Drop for Gauge {
    fn drop(&mut self) {
        if let Some((counter, attributes)) = &self.0 {
            counter.add(-1, attributes);
        }
    }
}
