//! Exporters, as the standard variables of OpenTelemetry configure them.
//!
//! Endpoint and protocol are read here; timeouts, headers, compression, sampling, batching and resource attributes
//! by the OpenTelemetry crates themselves, from the process's environment. TLS is left to a collector beside the
//! server: an `https` endpoint is reported and nothing is exported.

use super::meters::Meters;
use super::{ACTIVE, Active};
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{MetricExporter, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tokio::runtime::Handle;

/// Time limit of one export, unless `OTEL_EXPORTER_OTLP_TIMEOUT` is lower: that of the OTLP exporter specification.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the last export may hold up the end of the server.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// Why something is not exported. The server runs all the same; the text goes to the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {what}")]
pub struct Fault {
    /// The variable to look at.
    pub variable: String,
    /// What is wrong.
    pub what: String,
}

/// Running exporters.
#[derive(Debug, Default)]
pub struct Telemetry {
    tracers: Option<SdkTracerProvider>,
    meters: Option<SdkMeterProvider>,
}

/// One signal's exporter, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Plan {
    endpoint: String,
    grpc: bool,
}

/// Starts what the variables ask for; `variable` looks one up. Without an endpoint nothing is started: no thread,
/// no memory. Must be called within the runtime, once a process; later calls start nothing.
pub fn start(variable: &dyn Fn(&str) -> Option<String>) -> (Telemetry, Vec<Fault>) {
    let mut faults = Vec::new();
    let mut telemetry = Telemetry::default();
    let (traces, metrics) = (plan(variable, "TRACES", &mut faults), plan(variable, "METRICS", &mut faults));
    if ACTIVE.get().is_some() || (traces.is_none() && metrics.is_none()) {
        return (telemetry, faults);
    }
    let resource = resource(variable);
    if let Some(plan) = traces {
        match span_exporter(&plan) {
            Ok(exporter) => {
                let provider =
                    SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.clone()).build();
                telemetry.tracers = Some(provider);
            }
            Err(what) => faults.push(Fault { variable: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT".to_owned(), what }),
        }
    }
    if let Some(plan) = metrics {
        match metric_exporter(&plan) {
            Ok(exporter) => {
                let provider =
                    SdkMeterProvider::builder().with_periodic_exporter(exporter).with_resource(resource).build();
                telemetry.meters = Some(provider);
            }
            Err(what) => faults.push(Fault { variable: "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT".to_owned(), what }),
        }
    }
    let _ = ACTIVE.set(Active {
        tracer: telemetry.tracers.as_ref().map(|provider| provider.tracer("ssh-mcp")),
        meters: telemetry.meters.as_ref().map(|provider| Meters::new(&provider.meter("ssh-mcp"))),
    });
    (telemetry, faults)
}

impl Telemetry {
    /// True when something is exported.
    pub fn is_active(&self) -> bool {
        self.tracers.is_some() || self.meters.is_some()
    }

    /// Sends what is left and stops. Takes at most a few seconds, also when nobody answers.
    pub async fn stop(self) {
        if !self.is_active() {
            return;
        }
        let flushed = tokio::task::spawn_blocking(move || {
            // The exporters themselves say on the log what they could not send.
            if let Some(tracers) = self.tracers {
                let _ = tracers.shutdown_with_timeout(FLUSH_TIMEOUT);
            }
            if let Some(meters) = self.meters {
                let _ = meters.shutdown_with_timeout(FLUSH_TIMEOUT);
            }
        });
        let _ = tokio::time::timeout(FLUSH_TIMEOUT, flushed).await;
    }
}

/// What the variables say about one signal; `None` when it is not exported.
fn plan(variable: &dyn Fn(&str) -> Option<String>, signal: &str, faults: &mut Vec<Fault>) -> Option<Plan> {
    let get = |name: &str| variable(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
    let is = |name: &str, want: &str| get(name).is_some_and(|v| v.eq_ignore_ascii_case(want));
    if is("OTEL_ENABLED", "false") || is("OTEL_SDK_DISABLED", "true") {
        return None;
    }
    let mut fault = |variable: String, what: String| {
        faults.push(Fault { variable, what });
        None
    };
    let exporter = format!("OTEL_{signal}_EXPORTER");
    match get(&exporter).as_deref() {
        None | Some("otlp") => {}
        Some("none") => return None,
        Some(other) => return fault(exporter, format!("`{other}` is not known; accepted: otlp, none")),
    }
    let (own_endpoint, own_protocol) =
        (format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"), format!("OTEL_EXPORTER_OTLP_{signal}_PROTOCOL"));
    let protocol_variable =
        if get(&own_protocol).is_some() { own_protocol } else { "OTEL_EXPORTER_OTLP_PROTOCOL".to_owned() };
    let grpc = match get(&protocol_variable).as_deref() {
        None | Some("http/protobuf") => false,
        Some("grpc") => true,
        Some(other) => {
            return fault(protocol_variable, format!("`{other}` is not known; accepted: http/protobuf, grpc"));
        }
    };
    // The signal's own endpoint is used as it is; below the common one each signal has its path over HTTP.
    let (variable, endpoint) = match (get(&own_endpoint), get("OTEL_EXPORTER_OTLP_ENDPOINT")) {
        (Some(own), _) => (own_endpoint, own),
        (None, Some(common)) if grpc => ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), common),
        (None, Some(common)) => {
            let path = format!("{}/v1/{}", common.trim_end_matches('/'), signal.to_ascii_lowercase());
            ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), path)
        }
        // An exporter that is asked for by name goes to the default endpoint of the specification.
        (None, None) if get(&exporter).is_some() && grpc => (exporter, "http://localhost:4317".to_owned()),
        (None, None) if get(&exporter).is_some() => {
            (exporter, format!("http://localhost:4318/v1/{}", signal.to_ascii_lowercase()))
        }
        (None, None) => return None,
    };
    if endpoint.starts_with("https:") {
        return fault(
            variable,
            "TLS is not built in; name a collector on this machine, which can speak TLS".to_owned(),
        );
    }
    if !endpoint.starts_with("http://") {
        return fault(variable, format!("`{endpoint}` is not an http:// address"));
    }
    Some(Plan { endpoint, grpc })
}

/// Service name and version; `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` win.
fn resource(variable: &dyn Fn(&str) -> Option<String>) -> Resource {
    let mut own = vec![KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))];
    let named = variable("OTEL_SERVICE_NAME").is_some_and(|name| !name.trim().is_empty())
        || variable("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|list| list.contains("service.name="));
    if !named {
        own.push(KeyValue::new("service.name", "ssh-mcp"));
    }
    Resource::builder().with_attributes(own).build()
}

fn span_exporter(plan: &Plan) -> Result<SpanExporter, String> {
    let built = if plan.grpc {
        SpanExporter::builder().with_tonic().with_endpoint(&plan.endpoint).build()
    } else {
        let builder = SpanExporter::builder().with_http().with_http_client(OnRuntime::new());
        builder.with_protocol(Protocol::HttpBinary).with_endpoint(&plan.endpoint).build()
    };
    built.map_err(|error| error.to_string())
}

fn metric_exporter(plan: &Plan) -> Result<MetricExporter, String> {
    let built = if plan.grpc {
        MetricExporter::builder().with_tonic().with_endpoint(&plan.endpoint).build()
    } else {
        let builder = MetricExporter::builder().with_http().with_http_client(OnRuntime::new());
        builder.with_protocol(Protocol::HttpBinary).with_endpoint(&plan.endpoint).build()
    };
    built.map_err(|error| error.to_string())
}

/// Sends on the server's runtime: the exporters run on threads of their own, where no socket can be driven.
#[derive(Debug)]
struct OnRuntime {
    runtime: Handle,
    client: HyperClient,
}

impl OnRuntime {
    fn new() -> Self {
        OnRuntime { runtime: Handle::current(), client: HyperClient::with_default_connector(EXPORT_TIMEOUT, None) }
    }
}

impl HttpClient for OnRuntime {
    fn send_bytes<'s, 'f>(
        &'s self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move { client.send_bytes(request).await });
        Box::pin(async move { sent.await? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(variables: &[(&str, &str)], signal: &str) -> (Option<Plan>, Vec<Fault>) {
        let mut faults = Vec::new();
        let get = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        (plan(&get, signal, &mut faults), faults)
    }

    #[test]
    fn the_variables_say_what_is_exported() {
        let http = |endpoint: &str| Some(Plan { endpoint: endpoint.to_owned(), grpc: false });
        let grpc = |endpoint: &str| Some(Plan { endpoint: endpoint.to_owned(), grpc: true });
        let common = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/");
        for (variables, want) in [
            (&[][..], None),
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")], None),
            (&[common], http("http://c:4318/v1/traces")),
            (&[common, ("OTEL_ENABLED", "false")], None),
            (&[common, ("OTEL_SDK_DISABLED", "true")], None),
            (&[common, ("OTEL_TRACES_EXPORTER", "none")], None),
            (&[common, ("OTEL_METRICS_EXPORTER", "none")], http("http://c:4318/v1/traces")),
            (&[common, ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t/x")], http("http://t/x")),
            (&[common, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")], grpc("http://c:4318/")),
            (
                &[
                    common,
                    ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
                    ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
                ],
                http("http://c:4318/v1/traces"),
            ),
            (&[("OTEL_TRACES_EXPORTER", "otlp")], http("http://localhost:4318/v1/traces")),
            (
                &[("OTEL_TRACES_EXPORTER", "otlp"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
                grpc("http://localhost:4317"),
            ),
        ] {
            assert_eq!(planned(variables, "TRACES"), (want, Vec::new()), "{variables:?}");
        }
        for (name, value, says) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c", "TLS is not built in"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "c:4317", "not an http:// address"),
            ("OTEL_TRACES_EXPORTER", "zipkin", "otlp, none"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "http/protobuf, grpc"),
        ] {
            let (plan, faults) = planned(&[common, (name, value)][usize::from(name == common.0)..], "TRACES");
            assert_eq!((plan, faults.len()), (None, 1), "{name}={value}");
            assert!(faults[0].variable == name && faults[0].what.contains(says), "{}", faults[0]);
        }
    }
}
