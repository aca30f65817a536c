//! Finds lines of a trail.

use super::chain::{AuditError, open_to_read};
use globset::{Glob, GlobMatcher};
use serde_json::{Map, Value};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

/// Which lines to show. What is absent matches everything; what is given must all match.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// Lines from this time on, Unix seconds.
    pub since: Option<f64>,
    /// Lines before this time, Unix seconds.
    pub until: Option<f64>,
    /// Pattern on the tool.
    pub tool: Option<GlobMatcher>,
    /// Pattern on the host.
    pub host: Option<GlobMatcher>,
    /// `ok`, `error`, or the name of an error.
    pub result: Option<String>,
    /// The call.
    pub correlation_id: Option<String>,
}

impl Filter {
    /// True for a line to show. Lines about the trail itself are shown only if nothing but a time is asked for.
    pub(crate) fn matches(&self, line: &Map<String, Value>) -> bool {
        let text = |key: &str| line.get(key).and_then(Value::as_str);
        let ts = line.get("ts").and_then(Value::as_f64);
        let glob = |matcher: &Option<GlobMatcher>, key: &str| {
            matcher.as_ref().is_none_or(|matcher| text(key).is_some_and(|text| matcher.is_match(text)))
        };
        self.since.is_none_or(|since| ts.is_some_and(|ts| ts >= since))
            && self.until.is_none_or(|until| ts.is_some_and(|ts| ts < until))
            && glob(&self.tool, "tool")
            && glob(&self.host, "host")
            && self.result.as_deref().is_none_or(|want| text("result") == Some(want) || text("error") == Some(want))
            && self.correlation_id.as_deref().is_none_or(|want| text("correlation_id") == Some(want))
    }
}

/// Compiles a pattern of the kind hooks.toml has: `*` and `?` match any characters.
pub(crate) fn pattern(text: &str) -> Result<GlobMatcher, String> {
    Glob::new(text).map(|glob| glob.compile_matcher()).map_err(|error| format!("`{text}`: {}", error.kind()))
}

/// Reads a point in time: RFC 3339, a date (midnight UTC), Unix seconds, or how long before `now` (`90s`, `15m`,
/// `2h`, `7d`, `4w`).
pub(crate) fn time(text: &str, now: f64) -> Result<f64, String> {
    let text = text.trim();
    if let Some((count, unit)) = text.split_at_checked(text.len().saturating_sub(1)) {
        let unit = match unit {
            "s" => Some(1.0),
            "m" => Some(60.0),
            "h" => Some(3600.0),
            "d" => Some(86_400.0),
            "w" => Some(604_800.0),
            _ => None,
        };
        if let (Some(unit), Ok(count)) = (unit, count.parse::<u32>()) {
            return Ok(now - f64::from(count) * unit);
        }
    }
    if let Some(seconds) = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite()) {
        return Ok(seconds);
    }
    if let Ok(stamp) = text.parse::<jiff::Timestamp>() {
        return Ok(stamp.as_microsecond() as f64 / 1e6);
    }
    let midnight = text
        .parse::<jiff::civil::Date>()
        .ok()
        .and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_second() as f64));
    midnight.ok_or_else(|| {
        format!(
            "`{text}` is not a time; accepted: 2030-05-31, 2030-05-31T12:00:00Z, Unix seconds, or 90s, 15m, 2h, 7d ago"
        )
    })
}

/// Calls `each` with every line that matches, read and as written, in order, the oldest file first. Lines that are not JSON are passed
/// over; `verify` names them.
pub(crate) fn query(
    files: &[PathBuf],
    filter: &Filter,
    mut each: impl FnMut(&Map<String, Value>, &[u8]) -> std::io::Result<()>,
) -> Result<(), AuditError> {
    for path in files {
        let at = |source| AuditError::Io { path: path.clone(), source };
        for line in BufReader::new(open_to_read(path)?).split(b'\n') {
            let line = line.map_err(at)?;
            if let Ok(read) = serde_json::from_slice::<Map<String, Value>>(&line)
                && filter.matches(&read)
            {
                each(&read, &line).map_err(at)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let now = 1_900_000_000.0;
        for (text, want) in [
            ("90s", now - 90.0),
            ("15m", now - 900.0),
            ("2h", now - 7200.0),
            ("1d", now - 86_400.0),
            ("1w", now - 604_800.0),
            ("1700000000.5", 1_700_000_000.5),
            ("1970-01-02", 86_400.0),
            ("1970-01-01T00:01:00+00:00", 60.0),
            ("1970-01-01T01:00:00+01:00", 0.0),
        ] {
            assert_eq!(time(text, now), Ok(want), "{text}");
        }
        for text in ["", "h", "yesterday", "2h30", "nan", "2030-13-01"] {
            assert!(time(text, now).is_err(), "{text}");
        }
    }

    #[test]
    fn filters() {
        let line = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap();
        let call = line(
            r#"{"ts":100.5,"tool":"ssh_exec","host":"prod-web1","result":"error","error":"Timeout","correlation_id":"ab"}"#,
        );
        let event = line(r#"{"ts":100.5,"event":"startup"}"#);
        let glob = |text: &str| Some(pattern(text).unwrap());
        let all = Filter::default;
        for (filter, matches) in [
            (all(), true),
            (Filter { since: Some(100.5), until: Some(100.6), ..all() }, true),
            (Filter { since: Some(100.6), ..all() }, false),
            (Filter { until: Some(100.5), ..all() }, false),
            (Filter { tool: glob("ssh_*"), host: glob("prod-*"), ..all() }, true),
            (Filter { host: glob("prod"), ..all() }, false),
            (Filter { result: Some("error".into()), ..all() }, true),
            (Filter { result: Some("Timeout".into()), ..all() }, true),
            (Filter { result: Some("ok".into()), ..all() }, false),
            (Filter { correlation_id: Some("ab".into()), ..all() }, true),
            (Filter { correlation_id: Some("a".into()), ..all() }, false),
        ] {
            assert_eq!(filter.matches(&call), matches, "{filter:?}");
        }
        assert!(all().matches(&event));
        assert!(!Filter { tool: glob("*"), ..all() }.matches(&event));
    }
}
