//! The JSON that the engine's clients print: one object a line, or one array. Pure.

use serde_json::{Map, Value};

/// One object as the engine prints it.
pub(crate) type Row = Map<String, Value>;

/// The objects of an output, and how many lines were none (cut off at a cap, or a client's remark).
pub(crate) fn objects(stdout: &[u8]) -> (Vec<Row>, usize) {
    let text = String::from_utf8_lossy(stdout);
    let text = text.trim();
    // One array, or one object over several lines: compose before 2.21, inspect, podman.
    if let Ok(whole) = serde_json::from_str::<Value>(text) {
        let mut rows = Vec::new();
        let skipped = collect(whole, &mut rows);
        return (rows, skipped);
    }
    let (mut rows, mut skipped) = (Vec::new(), 0);
    for line in text.lines().filter(|l| !l.trim().is_empty()) {
        match serde_json::from_str::<Value>(line) {
            Ok(value) => skipped += collect(value, &mut rows),
            Err(_) => skipped += 1,
        }
    }
    (rows, skipped)
}

/// Takes objects out of a value, arrays flattened; counts what is none.
fn collect(value: Value, rows: &mut Vec<Row>) -> usize {
    match value {
        Value::Object(row) => {
            rows.push(row);
            0
        }
        Value::Array(items) => items.into_iter().map(|item| collect(item, rows)).sum(),
        Value::Null => 0,
        _ => 1,
    }
}

/// Takes `Labels` off every row; they are long and rarely what is asked for. Answers how many rows had some.
pub(crate) fn without_labels(rows: &mut [Row]) -> usize {
    // Keeps the order of the other keys.
    let taken = rows.iter_mut().filter_map(|row| row.shift_remove("Labels"));
    taken
        .filter(|labels| !matches!(labels, Value::Null) && labels != "" && labels != &Value::Object(Map::new()))
        .count()
}

/// True for a container that an engine lists without being asked for all: one that runs, is paused or starts again.
pub(crate) fn runs(row: &Row) -> bool {
    let word = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default().to_lowercase();
    match word("State") {
        // Engines before 20.10 only tell it in words.
        state if state.is_empty() => {
            let status = word("Status");
            status.is_empty() || status.starts_with("up") || status.starts_with("restarting")
        }
        state => matches!(state.as_str(), "running" | "paused" | "restarting"),
    }
}

/// The rows as one compact object a line.
pub(crate) fn lines(rows: &[Row]) -> String {
    let mut out = String::new();
    for row in rows {
        out.push_str(&serde_json::to_string(row).unwrap_or_default());
        out.push('\n');
    }
    out
}

/// Gives rows of `docker ps` the fields by which compose v2 names a container's place in its project, from the
/// labels that every generation of compose sets.
pub(crate) fn as_services(rows: &mut [Row]) {
    for row in rows {
        // docker writes them in one line, podman as a mapping.
        let labels = row.get("Labels").cloned().unwrap_or(Value::Null);
        let label = |name: &str| {
            let found = match &labels {
                Value::String(line) => line.split(',').find_map(|l| l.strip_prefix(name)?.strip_prefix('=')),
                labels => labels.get(name).and_then(Value::as_str),
            };
            Value::String(found.unwrap_or_default().to_owned())
        };
        let (service, project) = (label("com.docker.compose.service"), label("com.docker.compose.project"));
        let name = match row.get("Names") {
            Some(Value::Array(names)) => names.first().cloned().unwrap_or(Value::Null),
            name => name.cloned().unwrap_or(Value::Null),
        };
        let status = row.get("Status").and_then(Value::as_str).unwrap_or_default();
        let health = ["unhealthy", "healthy", "starting"]
            .iter()
            .find(|h| status.ends_with(&format!("({h})")) || status.ends_with(&format!("(health: {h})")));
        let health = Value::String(health.map_or(String::new(), |h| (*h).to_owned()));
        row.insert("Name".to_owned(), name);
        row.insert("Service".to_owned(), service);
        row.insert("Project".to_owned(), project);
        row.insert("Health".to_owned(), health);
    }
}

#[cfg(test)]
mod tests;
