//! What a service's `build` may name. A build runs in a sandbox of its own; its context is read from the host.

use serde_json::Value;

use super::{Escalation, Findings, escalates, is_note, pairs, scalar, shape, table, texts};
use crate::model::error::ToolError;

pub(super) fn judge(value: &Value, place: &str, found: &mut Findings<'_>) -> Result<(), ToolError> {
    let place = format!("{place}.build");
    if let Value::String(context) = value {
        context_path(context, &place, found)?;
        return beside(context, &place, &DOCKERFILES, found);
    }
    let body = table(value, &place)?;
    let context = body.get("context").and_then(scalar).unwrap_or_else(|| ".".to_owned());
    context_path(&context, &place, found)?;
    let names = if body.contains_key("dockerfile") { &[][..] } else { &DOCKERFILES[..] };
    beside(&context, &place, names, found)?;
    for (key, value) in body {
        match key.as_str() {
            "context" | "args" | "dockerfile_inline" | "extra_hosts" | "labels" | "no_cache" | "platforms" | "pull"
            | "provenance" | "sbom" | "secrets" | "shm_size" | "tags" | "target" | "ulimits" => {}
            key if is_note(key) => {}
            "dockerfile" => {
                let file = scalar(value).ok_or_else(|| shape(&place))?;
                let full = if file.starts_with('/') { file } else { format!("{context}/{file}") };
                let path = found.host_path(&full, &place)?;
                found.read(path, &place);
            }
            "additional_contexts" => {
                for (_, context) in pairs(value, &place)? {
                    if !context.starts_with("service:") && !context.starts_with("docker-image://") {
                        context_path(&context, &place, found)?;
                    }
                }
            }
            "cache_from" | "cache_to" => {
                for cache in texts(value, &place)? {
                    let keeps_to_engine =
                        !cache.contains("type=") || cache.contains("type=inline") || cache.contains("type=registry");
                    if found.mode == Escalation::Refused && (!keeps_to_engine || cache.contains("type=local")) {
                        return Err(escalates(format!("{place}.{key} {cache:?} reads or writes the host.")));
                    }
                }
            }
            "network" if matches!(scalar(value).as_deref(), Some("" | "none" | "default" | "bridge")) => {}
            "isolation" if scalar(value).as_deref() == Some("default") => {}
            other => found.unknown(&place, other, value)?,
        }
    }
    Ok(())
}

/// Files of a context that clients read by name without being told: a link there leads out of what was judged.
const DOCKERFILES: [&str; 6] =
    ["Dockerfile", "Containerfile", "ContainerFile", "containerfile", "DockerFile", "dockerfile"];
const IGNORED: [&str; 2] = [".dockerignore", ".containerignore"];

fn beside(context: &str, place: &str, names: &[&str], found: &mut Findings<'_>) -> Result<(), ToolError> {
    if context.contains("://") || context.starts_with("git@") {
        return Ok(());
    }
    for name in names.iter().chain(&IGNORED) {
        let path = found.host_path(&format!("{}/{name}", context.trim_end_matches('/')), place)?;
        found.read(path, place);
    }
    Ok(())
}

fn context_path(context: &str, place: &str, found: &mut Findings<'_>) -> Result<(), ToolError> {
    if context.contains("://") || context.starts_with("git@") {
        if found.mode == Escalation::Allowed {
            return Ok(());
        }
        return Err(escalates(format!("{place} takes its context from {context:?}, which cannot be judged here.")));
    }
    let path = found.host_path(context, place)?;
    found.read(path, place);
    Ok(())
}
