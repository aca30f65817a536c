//! The arguments of a call as the operator's hooks see them.

use serde_json::{Map, Value};

use crate::audit::mask_secrets;
use crate::model::remote_path::RemotePath;
use crate::redact::engine::{MarkerKey, Options, Redactor};
use crate::toolkit::state::ServerState;

/// Bytes from which a text that reads as base64 is taken for encoded content.
const CONTENT_MIN: usize = 12;

/// Words of a command that are looked at one by one.
const WORDS_MAX: usize = 1000;

/// Arguments that are paths, as every tool names them.
const PATHS: [&str; 10] =
    ["path", "src", "dst", "src_path", "dst_path", "host_path", "compose_file", "container_path", "local_path", "cwd"];

/// Arguments that are text of a file.
const TEXTS: [&str; 5] = ["old_string", "new_string", "unified_diff", "content_text", "content_base64"];

/// The arguments of a call for the operator's hooks: every text with its secrets masked, as the audit masks commands and
/// as files are redacted. `None` where nothing can be redacted; then a hook is told no arguments at all. Of a call on a
/// redact-listed file no text is told that stands in it, or is about to.
pub(super) fn mask_arguments(
    state: &ServerState,
    mut args: Map<String, Value>,
    listed: bool,
) -> Option<Map<String, Value>> {
    for (_, text) in args.iter_mut().filter(|(name, text)| listed && TEXTS.contains(&name.as_str()) && text.is_string())
    {
        *text = "[text]".into();
    }
    let key = match &state.snapshot().config.settings.ssh_redact_salt {
        Some(salt) => MarkerKey::from_salt(salt.expose_secret()),
        None => state.installed_key().ok()?,
    };
    let redactor = Redactor::new(Options::new(key));
    let mut args = Value::Object(args);
    mask_value(&redactor, &mut args);
    match args {
        Value::Object(args) => Some(args),
        _ => None,
    }
}

fn mask_value(redactor: &Redactor, value: &mut Value) {
    match value {
        Value::String(text) => *text = mask_text(redactor, text),
        Value::Array(items) => items.iter_mut().for_each(|item| mask_value(redactor, item)),
        Value::Object(fields) => fields.iter_mut().for_each(|(name, field)| match (name.as_str(), field) {
            (name, Value::String(path)) if PATHS.contains(&name) => *path = mask_path(redactor, path),
            // What a caller sets for a command may be anything.
            ("value", value @ Value::String(_)) => *value = "[value]".into(),
            ("env", Value::Object(variables)) => variables.iter_mut().for_each(|(_, value)| *value = "[value]".into()),
            (_, other) => mask_value(redactor, other),
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A path as it is judged, without detours, each of its names masked by itself: a name that looks like a secret hides
/// nothing of what follows.
fn mask_path(redactor: &Redactor, path: &str) -> String {
    let judged = RemotePath::argument(path).map_or_else(|_| path.to_owned(), |judged| judged.as_str().to_owned());
    let masked = |name: &str| if name.is_empty() { String::new() } else { redactor.redact_text(name) };
    judged.split('/').map(masked).collect::<Vec<_>>().join("/")
}

fn mask_text(redactor: &Redactor, text: &str) -> String {
    // Content that travels in base64 is looked into: it is shown as it is only if nothing in it is secret.
    if let Ok(bytes) = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text)
        && bytes.len() >= CONTENT_MIN
    {
        let content = String::from_utf8_lossy(&bytes);
        return if redactor.redact_text(&content) == content { text.to_owned() } else { "[secret]".to_owned() };
    }
    let masked = mask_secrets(text);
    // A line of words is a command: a secret in it ends with its word. Text of several lines is read like a file.
    if masked.contains('\n') || masked.split(' ').count() > WORDS_MAX {
        return redactor.redact_text(&masked);
    }
    masked.split(' ').map(|word| redactor.redact_text(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_sees_the_path_that_is_judged_whatever_is_on_the_way() {
        let redactor = Redactor::new(Options::new(MarkerKey::from_salt("salt")));
        let shown = |value: Value| {
            let mut value = value;
            mask_value(&redactor, &mut value);
            value
        };
        for detour in ["token=x", "password=y z", "api_key=abc", "secret_key=\"q\""] {
            let path = format!("/srv/app/{detour}/../prod/compose.yml");
            let all = shown(serde_json::json!({"path": path, "deep": [{"compose_file": path}]}));
            assert_eq!(all["path"], "/srv/app/prod/compose.yml", "{detour}");
            assert_eq!(all["deep"][0]["compose_file"], "/srv/app/prod/compose.yml", "{detour}");
            let kept = shown(serde_json::json!({"path": format!("/srv/{detour}/prod/compose.yml")}));
            let kept = kept["path"].as_str().unwrap();
            assert!(kept.starts_with("/srv/") && kept.ends_with("/prod/compose.yml"), "{kept}");
        }
        assert_eq!(shown(serde_json::json!({"path": "C:\\x"}))["path"], "C:\\x");
        let secret = shown(serde_json::json!({"path": "/srv/token=hunter2hunter2", "content": "token=hunter2hunter2"}));
        assert!(!secret.to_string().contains("hunter2"), "{secret}");
    }
}
