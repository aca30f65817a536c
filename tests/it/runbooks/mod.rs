//! The runbooks: what is true of their texts, and a walk of each one on a live target.

mod docker;
mod files;
mod hosts;
mod jobs;
mod machines;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::{Map, Value};
use ssh_mcp::internals::skills::{Library, Skill, Sources};

use walk::{calls, placeholders, text_of};

use crate::containers::{Container, new_systemd_host, run_folder};

/// The machine of the walks that keep to their own files, containers and units. Small file systems can be filled.
fn machine() -> Option<&'static Container> {
    static MACHINE: OnceLock<Option<Container>> = OnceLock::new();
    let small = ["watched", "unwatched", "incident"].map(|name| format!("--tmpfs=/srv/{name}:size=4m"));
    let mut options: Vec<&str> = small.iter().map(String::as_str).collect();
    options.push("--tmpfs=/var/log/app:size=16m");
    // Where a registry listens on the machine, for the engine.
    options.push("--publish=127.0.0.1::5000");
    // The engine opens the paths of mounts itself, so this folder has one name on both sides.
    let shared = format!("--volume={0}:{0}", shared_folder()?.display());
    options.push(&shared);
    MACHINE.get_or_init(|| new_systemd_host(&options)).as_ref()
}

fn shared_folder() -> Option<PathBuf> {
    let folder = run_folder()?.join("shared");
    std::fs::create_dir_all(&folder).unwrap();
    Some(folder)
}

const NAMES: [&str; 12] = [
    "ssh-container-rollout",
    "ssh-deploy-verify",
    "ssh-disk-cleanup",
    "ssh-docker-incident-response",
    "ssh-host-healthcheck",
    "ssh-host-snapshot",
    "ssh-incident-response",
    "ssh-integrity-audit",
    "ssh-long-running-job",
    "ssh-os-upgrade",
    "ssh-systemd-diagnostics",
    "ssh-verify-signature",
];

fn each(check: impl Fn(&Skill, &str)) {
    let (library, _) = Library::open(&Sources::default());
    for skill in library.runbooks() {
        check(skill, &text_of(skill.name()));
    }
}

fn metadata(skill: &Skill, field: &str) -> String {
    let (head, _) = skill.text().unwrap();
    head.extra["metadata"][field].as_str().unwrap_or_else(|| panic!("{}: no {field}", skill.name())).to_owned()
}

#[test]
fn the_twelve_are_embedded_and_each_has_a_walk() {
    let (library, notes) = Library::open(&Sources::default());
    assert_eq!(notes, [""; 0]);
    assert_eq!(library.runbooks().map(Skill::name).collect::<Vec<_>>(), NAMES);
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/runbooks");
    let walks: String =
        std::fs::read_dir(here).unwrap().map(|e| std::fs::read_to_string(e.unwrap().path()).unwrap()).collect();
    for name in NAMES {
        assert!(walks.contains(&format!("Walk::begin(\"{name}\"")), "{name} has no walk");
    }
}

#[test]
fn texts_are_plain_and_say_nothing_twice() {
    let seen = std::cell::RefCell::new(BTreeMap::<String, String>::new());
    each(|skill, text| {
        assert!(text.is_ascii(), "{} is not ASCII", skill.name());
        assert!(text.lines().count() < 180, "{} is too long for somebody under pressure", skill.name());
        for part in ["Goal:", "## Stop", "## Report"] {
            assert!(text.contains(part), "{} has no {part}", skill.name());
        }
        let prose: String = text.split("```").step_by(2).collect();
        let pieces = prose.split("\n\n").chain(prose.lines()).map(str::trim).filter(|piece| piece.len() > 60);
        for piece in pieces.collect::<BTreeSet<_>>() {
            if let Some(other) = seen.borrow_mut().insert(piece.to_owned(), skill.name().to_owned()) {
                panic!("{} repeats {other}: {piece}", skill.name());
            }
        }
    });
}

/// What a value is to a schema. A placeholder alone stands for a text.
fn fits(value: &Value, schema: &Value) -> bool {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let kinds = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => return true,
    };
    let words = schema["enum"].as_array();
    kinds.contains(&kind)
        && words.is_none_or(|words| words.contains(value))
        && value.as_array().is_none_or(|items| items.iter().all(|item| fits(item, &schema["items"])))
        && value.as_object().is_none_or(|map| map.values().all(|item| fits(item, &schema["additionalProperties"])))
}

#[test]
fn every_call_fits_its_tool_and_every_tool_exists() {
    let all = ssh_mcp::internals::tools::all();
    let tools: BTreeMap<&str, _> = all.iter().map(|entry| (entry.spec.name, entry)).collect();
    each(|skill, text| {
        let name = skill.name();
        let mut tiers = BTreeSet::new();
        for call in calls(text) {
            let entry = tools.get(call.tool.as_str()).unwrap_or_else(|| panic!("{name}: {} is not a tool", call.tool));
            tiers.insert(entry.spec.tier.as_str());
            let schema: &Map<String, Value> = &entry.decl().input_schema;
            let given = call.arguments.as_object().unwrap();
            for (argument, value) in given {
                let declared = &schema["properties"][argument];
                assert!(declared.is_object(), "{name}: {} has no argument {argument}", call.tool);
                assert!(fits(value, declared), "{name}: {}: {argument} = {value} is not {declared}", call.tool);
            }
            for needed in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
                assert!(given.contains_key(needed.as_str().unwrap()), "{name}: {} needs {needed}", call.tool);
            }
        }
        assert_eq!(tiers, metadata(skill, "tiers").split(' ').collect(), "{name}: its tiers");
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-');
        for word in words.filter(|word| word.starts_with("ssh_") && word.len() > 4) {
            assert!(tools.contains_key(word), "{name} names {word}, which is not a tool");
        }
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        for word in words.filter(|word| word.starts_with("ssh-") && *word != "ssh-mcp") {
            assert!(NAMES.contains(&word), "{name} names {word}, which is not a runbook");
        }
        for argument in metadata(skill, "arguments").split(' ') {
            let placeholder = argument.trim_end_matches('?').to_uppercase();
            assert!(placeholders(text).contains(&placeholder.as_str()), "{name} never uses {placeholder}");
        }
    });
}
