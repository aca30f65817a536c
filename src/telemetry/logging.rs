//! The log on stderr, as text or JSON lines.
//!
//! The audit's target stays on whatever the level is: the log may be silenced, the audit may not.

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Format {
    /// Time, level, target, message.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Makes stderr the log of this process. `audit` is the target of audit lines. Later calls change nothing.
pub(crate) fn init(level: LevelFilter, format: Format, audit: &'static str) {
    let _ = subscriber(level, format, audit, std::io::stderr).try_init();
}

/// The same to any writer.
pub(crate) fn subscriber<W>(
    level: LevelFilter,
    format: Format,
    audit: &'static str,
    writer: W,
) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = Targets::new()
        // What the libraries below have to say in passing is of no use to an operator.
        .with_default(level.min(LevelFilter::WARN))
        .with_target(env!("CARGO_CRATE_NAME"), level)
        // It logs whole requests and answers, which hold commands and file content, from INFO downwards.
        .with_target("rmcp", level.min(LevelFilter::ERROR))
        .with_target(audit, level.max(LevelFilter::INFO));
    // A log that cannot be written must not end the server: the layer would report it to stderr, and panic.
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer).log_internal_errors(false);
    let lines = match format {
        Format::Text => lines.boxed(),
        Format::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(filter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: LevelFilter, format: Format) -> Vec<String> {
        let kept = Kept::default();
        let writer = kept.clone();
        tracing::subscriber::with_default(subscriber(level, format, "ssh_mcp.audit", move || writer.clone()), || {
            tracing::info!(target: "ssh_mcp.audit", "{}", r#"{"tool":"t"}"#);
            tracing::debug!(target: "ssh_mcp.audit", "detail");
            tracing::debug!("debugging");
            tracing::info!("ordinary");
            tracing::error!("broken \u{1b}[31m");
            tracing::info!(target: "h2::codec", "frame");
            tracing::warn!(target: "h2::codec", "wrong frame");
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_level_silences_everything_but_the_audit() {
        for (level, want) in [
            (LevelFilter::OFF, &["tool"][..]),
            (LevelFilter::ERROR, &["tool", "broken"]),
            (LevelFilter::INFO, &["tool", "ordinary", "broken", "wrong frame"]),
            (LevelFilter::DEBUG, &["tool", "detail", "debugging", "ordinary", "broken", "wrong frame"]),
        ] {
            let lines = logged(level, Format::Text);
            assert_eq!(lines.len(), want.len(), "{level}: {lines:?}");
            for (line, want) in lines.iter().zip(want) {
                assert!(line.contains(want) && !line.contains('\u{1b}'), "{level}: {line:?}");
            }
        }
        let line = logged(LevelFilter::INFO, Format::Text).remove(0);
        assert!(line.ends_with(r#" INFO ssh_mcp.audit: {"tool":"t"}"#), "{line}");
    }

    #[test]
    fn json_lines_are_json() {
        for line in logged(LevelFilter::DEBUG, Format::Json) {
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            for key in ["timestamp", "level", "target", "message"] {
                assert!(value[key].is_string(), "{key}: {line}");
            }
        }
    }
}
