//! The generated head of a tool's guide: what the registry knows, between two marks in `skills/NAME/SKILL.md`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::docs::{hints, kind};
use crate::toolkit::Entry;

const BEGIN: &str = "<!-- Written by `ssh-mcp docs` from the registry of tools. Edit the tool, not these lines. -->\n";
const END: &str = "<!-- End of the written part. -->\n";

/// The folder of a tool's guide: its name with dashes.
pub(super) fn folder(tool: &str) -> String {
    tool.replace('_', "-")
}

/// Every tool's guide below `root`, with the text that it should have; `Err` says why there is none.
pub(super) fn guides(root: &Path) -> Vec<(PathBuf, Result<String, String>)> {
    crate::tools::all()
        .iter()
        .map(|entry| {
            let file = root.join("skills").join(folder(entry.spec.name)).join("SKILL.md");
            let text = std::fs::read_to_string(&file).map_err(|error| error.to_string());
            let text = text.and_then(|text| {
                renewed(&text, entry).ok_or_else(|| format!("the marks of the written part are missing: {BEGIN}{END}"))
            });
            (file, text)
        })
        .collect()
}

/// The guide with the head that the registry gives it now.
fn renewed(text: &str, entry: &Entry) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{}{END}{after}", head(entry)))
}

fn head(entry: &Entry) -> String {
    let (spec, decl) = (&entry.spec, entry.decl());
    let mut out = format!("Tier: {}. Group: {}. Hints: {}.\n\n", spec.tier, spec.group, hints(decl));
    let none = Map::new();
    let fields = |schema: &Map<String, Value>| {
        schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_else(|| none.clone())
    };
    let inputs = fields(&decl.input_schema);
    if inputs.is_empty() {
        out.push_str("Inputs: none.\n\n");
    } else {
        out.push_str("| Input | Type | Default | Meaning |\n|---|---|---|---|\n");
        let required = decl.input_schema.get("required").and_then(Value::as_array);
        for (name, field) in &inputs {
            let default = match field.get("default") {
                _ if required.is_some_and(|names| names.iter().any(|one| one == name)) => "required".to_owned(),
                Some(default) if !default.is_null() => format!("`{default}`"),
                _ => "-".to_owned(),
            };
            let meaning = field.get("description").and_then(Value::as_str).unwrap_or_default().replace('|', "\\|");
            let _ = writeln!(out, "| `{name}` | {} | {default} | {meaning} |", kind(field));
        }
        out.push('\n');
    }
    let outputs: Vec<String> = fields(&decl.output_schema).keys().map(|name| format!("`{name}`")).collect();
    let _ = writeln!(out, "Returns: {}.", outputs.join(", "));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_DOCS=1 cargo test cli::` rewrites the heads.
    #[test]
    fn the_heads_of_the_guides_are_those_of_the_registry() {
        let guides = guides(Path::new(env!("CARGO_MANIFEST_DIR")));
        for (file, text) in guides {
            let text = text.unwrap_or_else(|why| panic!("{}: {why}", file.display()));
            if std::env::var_os("UPDATE_DOCS").is_some_and(|v| v == "1") {
                std::fs::write(&file, &text).unwrap();
            }
            let is = std::fs::read_to_string(&file).unwrap();
            assert!(is == text, "{} is stale: run `ssh-mcp docs`", file.display());
        }
    }

    #[test]
    fn only_the_head_changes() {
        let tools = crate::tools::all();
        let entry = tools.iter().find(|entry| entry.spec.name == "ssh_host_processes").unwrap();
        let text = format!("---\na\n---\n\n# t\n\n{BEGIN}old\n{END}\nprose\n");
        let new = renewed(&text, entry).unwrap();
        assert!(new.starts_with("---\na\n---\n\n# t\n\n<!--") && new.ends_with("-->\n\nprose\n"), "{new}");
        assert!(new.contains("Tier: read. Group: host. Hints: read-only, idempotent.\n"), "{new}");
        assert!(new.contains("| `host` | string | required | host alias |\n| `top` | integer | `20` |"), "{new}");
        assert!(new.contains("Returns: `host`, `entries`, `output_warnings`.\n"), "{new}");
        assert_eq!(renewed("no marks", entry), None);
    }
}
