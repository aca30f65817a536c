//! Secrets in what the engine tells of an object, and in what containers say.

use serde_json::Value;

use super::rows::Row;
use crate::model::error::ToolError;
use crate::toolkit::{Host, Output};

/// Redacts both streams: log lines, and the arguments of processes.
pub fn in_output(host: &Host, mut output: Output) -> Result<Output, ToolError> {
    let redactor = host.redactor()?;
    output.stdout = redactor.redact_text(&output.stdout_text()).into_bytes();
    output.stderr = redactor.redact_text(&output.stderr_text()).into_bytes();
    Ok(output)
}

/// Columns of lists and events that hold what an image, a project or a caller wrote: command lines and labels.
const WRITTEN: [&str; 6] = ["Command", "Labels", "Action", "status", "Status", "Attributes"];

/// Redacts the columns of rows that may hold secrets; names and identifiers stay. True where something changed.
pub fn in_rows(rows: &mut [Row], redacted: &impl Fn(&str) -> String) -> bool {
    let mut changed = false;
    let mut redact_column = |key: &str, value: &mut Value| {
        let before = value.clone();
        inside(key, value, redacted);
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
pub fn redact(rows: &mut [Row], redacted: &impl Fn(&str) -> String) {
    for row in rows {
        for (key, value) in row.iter_mut() {
            inside(key, value, redacted);
        }
    }
}

/// Where the engine writes ids and digests. Elsewhere the same shape may be a secret.
const IDENTIFIERS: [&str; 10] =
    ["Id", "ID", "Image", "Parent", "NetworkID", "EndpointID", "SandboxID", "Digest", "container", "execID"];

fn inside(key: &str, value: &mut Value, redacted: &impl Fn(&str) -> String) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| match item {
            Value::String(text) => *text = redacted(text),
            other => inside(key, other, redacted),
        }),
        Value::Object(map) => map.iter_mut().for_each(|(key, value)| inside(key, value, redacted)),
        Value::String(text) if IDENTIFIERS.contains(&key) && is_identifier(text) => {}
        Value::String(text) => *text = named(key, text, redacted),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A value whose name counts: redacted as an assignment, and taken off again.
fn named(key: &str, text: &str, redacted: &impl Fn(&str) -> String) -> String {
    let name: String = key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let line = format!("{name}={text}");
    let after = redacted(&line);
    if after == line {
        return text.to_owned();
    }
    match after.split_once('=') {
        Some((kept, value)) if kept == name => value.to_owned(),
        _ => redacted(text),
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
    use crate::toolkit::redaction::{MarkerKey, Options, Redactor};

    #[test]
    fn values_go_and_facts_stay() {
        let (mut objects, _) = super::super::rows::objects(include_bytes!("cases/inspect.json"));
        let redactor = Redactor::new(Options::new(MarkerKey::from_salt("salt")));
        redact(&mut objects, &|text| redactor.redact_text(text));
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
