//! `ssh-mcp docs`: the documents that are written from tables of the program.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Map, Value};

use super::heads;
use super::terminal::print;
use crate::config::docs::configuration_md;
use crate::model::tier::{Group, Tier};
use crate::toolkit::Entry;
use crate::toolkit::backend::ToolDecl;

/// Arguments of `docs`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Writes docs/tools.md and the heads of the guides in skills/ (from the registry of tools) and \
    docs/configuration.md (from the tables of settings). Exit status with --check: 0 the files are up to date, 1 one is not.\n\nExamples:\n  ssh-mcp docs\n  \
    ssh-mcp docs --check")]
pub(super) struct Args {
    /// The folder of the documents
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    into: PathBuf,
    /// Write nothing; compare
    #[arg(long)]
    check: bool,
}

/// Writes or compares the documents.
pub(super) fn docs(args: &Args) -> ExitCode {
    let mut stale = 0;
    let mut files = vec![
        (args.into.join("docs/tools.md"), tools_md()),
        (args.into.join("docs/configuration.md"), configuration_md()),
    ];
    for (file, text) in heads::guides(&args.into) {
        match text {
            Ok(text) => files.push((file, text)),
            Err(why) => {
                stale += 1;
                print(&format!("{}: {why}\n", file.display()));
            }
        }
    }
    for (file, text) in files {
        if args.check {
            if std::fs::read_to_string(&file).ok().as_deref() != Some(&text) {
                stale += 1;
                print(&format!("{} is stale: run `ssh-mcp docs`\n", file.display()));
            }
        } else if let Err(error) = write(&file, &text) {
            eprintln!("ssh-mcp: {}: {error}", file.display());
            return ExitCode::from(2);
        }
    }
    if stale == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn write(file: &Path, text: &str) -> std::io::Result<()> {
    if std::fs::read_to_string(file).is_ok_and(|old| old == text) {
        return Ok(());
    }
    std::fs::write(file, text)?;
    print(&format!("{} written\n", file.display()));
    Ok(())
}

/// The whole of docs/tools.md.
pub(super) fn tools_md() -> String {
    let entries = crate::tools::all();
    let mut out = String::from(
        "# Tools\n\n<!-- Written by `ssh-mcp docs` from the registry of tools. Edit the tool, not this file. -->\n\n\
         A tool is offered when its tier and its group are open; a call of one that is not is refused and audited. The \
         read tier is always open; ALLOW_LOW_ACCESS_TOOLS, ALLOW_DANGEROUS_TOOLS and ALLOW_SUDO open the others (sudo \
         needs dangerous too), SSH_ENABLED_GROUPS narrows the groups. `ssh-mcp tools` shows what the present \
         configuration offers.\n\nIn the lists below an input is required unless a default is given; a type that ends \
         in `?` may be null.\n\nAn answer holds the fields that say something: what is null, empty, or repeats another field \
         is left out. The text and the structured form hold the same. An answer longer than SSH_ANSWER_MAX_BYTES is \
         shortened: `left_out` says what is missing and where to go on, `output_id` names what `ssh_output_read` reads.\n\n",
    );
    let count = |tier| entries.iter().filter(|e| e.spec.tier == tier).count();
    out.push_str("| Tier | Tools |\n|---|---|\n");
    for tier in Tier::ALL {
        let _ = writeln!(out, "| {tier} | {} |", count(tier));
    }
    let _ = writeln!(out, "| all | {} |\n", entries.len());
    for group in Group::ALL {
        let of: Vec<&Entry> = entries.iter().filter(|entry| entry.spec.group == group).collect();
        if of.is_empty() {
            continue;
        }
        let _ = write!(out, "## {group}\n\n| Tool | Tier | Hints | What it does |\n|---|---|---|---|\n");
        for entry in &of {
            let spec = &entry.spec;
            let summary = spec.summary.replace('|', "\\|");
            let _ = writeln!(out, "| `{}` | {} | {} | {summary} |", spec.name, spec.tier, hints(entry.decl()));
        }
        out.push('\n');
        for entry in of {
            let decl = entry.decl();
            let _ = write!(out, "### {}\n\n", decl.name);
            fields(&mut out, "Inputs", &decl.input_schema, true);
            fields(&mut out, "Outputs", &decl.output_schema, false);
        }
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

pub(super) fn hints(decl: &ToolDecl) -> String {
    let words = [
        (decl.read_only, "read-only"),
        (decl.destructive, "destructive"),
        (decl.idempotent, "idempotent"),
        (!decl.open_world, "local"),
    ];
    let set: Vec<&str> = words.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect();
    if set.is_empty() { "-".to_owned() } else { set.join(", ") }
}

fn fields(out: &mut String, title: &str, schema: &Map<String, Value>, input: bool) {
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    if properties.is_empty() {
        let _ = write!(out, "{title}: none.\n\n");
        return;
    }
    let required = schema.get("required").and_then(Value::as_array);
    let _ = write!(out, "{title}:\n\n");
    for (name, field) in properties {
        let needed = required.is_some_and(|names| names.iter().any(|one| one == name));
        let mut line = format!("- `{name}`: {}", kind(field));
        if input && !needed {
            match field.get("default") {
                Some(default) if !default.is_null() => {
                    let _ = write!(line, ", default `{default}`");
                }
                _ => line.push_str(", optional"),
            }
        }
        if let Some(text) = field.get("description").and_then(Value::as_str) {
            let _ = write!(line, ". {}", text.replace('\n', " "));
        }
        let _ = writeln!(out, "{line}");
    }
    out.push('\n');
}

/// The type of a schema in a few words.
pub(super) fn kind(schema: &Value) -> String {
    let nested = |key: &str| schema.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let words = nested("enum");
    if !words.is_empty() {
        return words
            .iter()
            .map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(" \\| ");
    }
    if let Some(fixed) = schema.get("const") {
        return fixed.as_str().map_or_else(|| fixed.to_string(), str::to_owned);
    }
    let either = [nested("anyOf"), nested("oneOf")].concat();
    if !either.is_empty() {
        let null = either.iter().any(is_null);
        let kinds: Vec<String> = either.iter().filter(|one| !is_null(one)).map(kind).collect();
        return format!("{}{}", kinds.join(" \\| "), if null { "?" } else { "" });
    }
    match schema.get("type") {
        Some(Value::Array(kinds)) => {
            let names: Vec<&str> = kinds.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect();
            let shown = match names.as_slice() {
                [name] => one_kind(name, schema),
                many => many.join(" \\| "),
            };
            format!("{shown}{}", if names.len() < kinds.len() { "?" } else { "" })
        }
        Some(Value::String(name)) => one_kind(name, schema),
        _ => "any".to_owned(),
    }
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "null")
}

fn one_kind(name: &str, schema: &Value) -> String {
    match name {
        "array" => format!("list of {}", schema.get("items").map_or_else(|| "any".to_owned(), kind)),
        "object" => match (schema.get("properties").and_then(Value::as_object), schema.get("additionalProperties")) {
            (Some(of), _) if !of.is_empty() => {
                let names: Vec<&str> = of.keys().map(String::as_str).collect();
                format!("object ({})", names.join(", "))
            }
            (_, Some(of @ Value::Object(_))) => format!("map to {}", kind(of)),
            _ => "object".to_owned(),
        },
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_DOCS=1 cargo test cli::docs` rewrites the file.
    #[test]
    fn tools_md_is_the_committed_file() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tools.md");
        let text = tools_md();
        if std::env::var_os("UPDATE_DOCS").is_some_and(|v| v == "1") {
            std::fs::write(&file, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(committed == text, "docs/tools.md is stale: run `cargo run -- docs`");
    }

    #[test]
    fn types_read_as_words() {
        let of = |text: &str| kind(&serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(of(r#"{"type":["integer","null"]}"#), "integer?");
        assert_eq!(of(r#"{"type":"array","items":{"type":"string"}}"#), "list of string");
        assert_eq!(of(r#"{"enum":["a","b"]}"#), "a \\| b");
        assert_eq!(of(r#"{"anyOf":[{"type":"object","properties":{"x":{}}},{"type":"null"}]}"#), "object (x)?");
        assert_eq!(of(r#"{"type":"object","additionalProperties":{"type":"integer"}}"#), "map to integer");
        assert_eq!(of("true"), "any");
    }
}
