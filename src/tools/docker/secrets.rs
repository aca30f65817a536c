//! Secrets in what the engine tells of an object, and in what containers say.

use serde_json::Value;

use super::rows::Row;
use crate::model::error::ToolError;
use crate::toolkit::redaction::Redactor;
use crate::toolkit::{Host, Output};

/// Redacts both streams: log lines, and the arguments of processes.
pub(super) fn in_output(host: &Host, mut output: Output) -> Result<Output, ToolError> {
    let redactor = host.redactor()?;
    output.stdout = redactor.redact_text(&output.stdout_text()).into_bytes();
    output.stderr = redactor.redact_text(&output.stderr_text()).into_bytes();
    Ok(output)
}

/// The same for log lines behind something that is not a part of them; `source` as in [`Redactor::redact_log`].
pub(super) fn in_log(
    host: &Host,
    mut output: Output,
    source: impl for<'t> Fn(&'t str) -> Option<(usize, &'t str)>,
) -> Result<Output, ToolError> {
    let redactor = host.redactor()?;
    output.stdout = redactor.redact_log(&output.stdout_text(), &source).into_bytes();
    output.stderr = redactor.redact_log(&output.stderr_text(), &source).into_bytes();
    Ok(output)
}

/// Columns of lists and events that hold what an image, a project or a caller wrote: command lines and labels.
const WRITTEN: [&str; 6] = ["Command", "Labels", "Action", "status", "Status", "Attributes"];

/// Redacts the columns of rows that may hold secrets; names and identifiers stay. True where something changed.
pub(super) fn in_rows(rows: &mut [Row], redactor: &Redactor) -> bool {
    let mut changed = false;
    let mut redact_column = |key: &str, value: &mut Value| {
        let before = value.clone();
        inside(key, value, redactor);
        changed |= *value != before;
    };
    for row in rows {
        for (key, value) in row.iter_mut() {
            match value {
                Value::Object(actor) if key == "Actor" => {
                    actor.get_mut("Attributes").into_iter().for_each(|all| redact_column("Attributes", all));
                }
                value if WRITTEN.contains(&key.as_str()) => redact_column(key, value),
                _ => {}
            }
        }
    }
    changed
}

/// Redacts every text of the objects in its place: `NAME=value` in lists as such, values in mappings with their
/// names, everything else on its own. Identifiers of the engine keep their form.
pub(super) fn redact(rows: &mut [Row], redactor: &Redactor) {
    for row in rows {
        for (key, value) in row.iter_mut() {
            inside(key, value, redactor);
        }
    }
}

/// Where the engine writes ids and digests. Elsewhere the same shape may be a secret.
const IDENTIFIERS: [&str; 10] =
    ["Id", "ID", "Image", "Parent", "NetworkID", "EndpointID", "SandboxID", "Digest", "container", "execID"];

fn inside(key: &str, value: &mut Value, redactor: &Redactor) {
    match value {
        // The words of a command line are read together: an option tells what the next word is.
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let words: Vec<String> = items.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            *items = redactor.redact_argv(&words).into_iter().map(Value::String).collect();
        }
        Value::Array(items) => items.iter_mut().for_each(|item| match item {
            Value::String(text) => *text = redactor.redact_text(text),
            other => inside(key, other, redactor),
        }),
        Value::Object(map) => map.iter_mut().for_each(|(key, value)| inside(key, value, redactor)),
        Value::String(text) if IDENTIFIERS.contains(&key) && is_identifier(text) => {}
        Value::String(text) => *text = named(key, text, redactor),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A value whose name counts: redacted as an assignment, and taken off again.
fn named(key: &str, text: &str, redactor: &Redactor) -> String {
    let name: String = key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let line = format!("{name}={text}");
    let after = redactor.redact_text(&line);
    if after == line {
        return text.to_owned();
    }
    match after.split_once('=') {
        Some((kept, value)) if kept == name => value.to_owned(),
        _ => redactor.redact_text(text),
    }
}

/// Digests and ids of objects: hex, alone or behind `sha256:`.
fn is_identifier(text: &str) -> bool {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolkit::redaction::{MarkerKey, Options};

    #[test]
    fn words_of_a_command_are_read_together() {
        let redactor = Redactor::new(Options::new(MarkerKey::from_salt("salt")));
        let health = serde_json::json!({"Test": ["CMD", "mysqladmin", "ping", "-h", "localhost", "-pTr0ub4dor9x"]});
        let config = serde_json::json!({
            "Cmd": ["redis-cli", "-a", "Tr0ub4dor9x", "ping"],
            "Entrypoint": ["lftp", "-u", "jane,Tr0ub4dor9x", "ftp.example.com"],
            "Env": ["DB_PASSWORD=Tr0ub4dor9x", "PORT=80"],
            "Healthcheck": health,
        });
        let Value::Object(row) = serde_json::json!({"Path": "sh", "Config": config}) else { panic!("no object") };
        let mut rows = vec![row];
        redact(&mut rows, &redactor);
        let text = serde_json::to_string(&rows).unwrap();
        assert!(!text.contains("Tr0ub4"), "{text}");
        for kept in ["\"localhost\"", "\"ping\"", "\"-a\"", "PORT=80", "jane,<sha:", "\"-p<sha:", "ftp.example.com"] {
            assert!(text.contains(kept), "{kept}: {text}");
        }
    }

    #[test]
    fn values_go_and_facts_stay() {
        let (mut objects, _) = super::super::rows::objects(include_bytes!("cases/inspect.json"));
        let redactor = Redactor::new(Options::new(MarkerKey::from_salt("salt")));
        redact(&mut objects, &redactor);
        let text = serde_json::to_string(&objects).unwrap();
        for secret in ["hunter2hunter2", "s3cr3t-l4bel", "pgpass99", "ghp_0123456789abcdefghijABCDEFGHIJ012345"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        let Some(object) = objects.first() else { panic!("no object") };
        for (pointer, fact) in [
            ("/Id", "b9df781d47e4bd1144a73e1cb1ce06f2ed8f05e8790a160e4e11b4cc22dc4b2a"),
            ("/State/Status", "running"),
            ("/Name", "/dkcap"),
            ("/Image", "sha256:85c7353b651c83055555546c57710db76dd2bd8c48d2b794761367231fc1c992"),
            ("/Config/Env/1", "PATH=/usr/local/bin:/usr/bin:/bin"),
            ("/Mounts/0/Source", "/srv/app/data"),
            ("/Config/Labels/com.docker.compose.project", "shop"),
        ] {
            let value = Value::Object(object.clone());
            assert_eq!(value.pointer(pointer).and_then(Value::as_str), Some(fact), "{pointer}");
        }
    }
}
