//! Imports go one way: what a module may name, and a read of every source file against it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Each module with all that it may name. `telemetry` stands below what does something and above `model`; the four of
/// one layer (ssh, redact, audit, hooks) do not know each other, and only `toolkit` joins them.
const MAY: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("local_program", &[]),
    ("config", &["model"]),
    ("policy", &["config", "model"]),
    ("telemetry", &["model"]),
    ("ssh", &["local_program", "policy", "config", "model", "telemetry"]),
    ("redact", &["policy", "config", "model", "telemetry"]),
    ("audit", &["policy", "config", "model", "telemetry"]),
    ("hooks", &["local_program", "policy", "config", "model", "telemetry"]),
    ("skills", &["model"]),
    (
        "toolkit",
        &["local_program", "ssh", "redact", "audit", "hooks", "skills", "policy", "config", "model", "telemetry"],
    ),
    ("tools", &["toolkit", "model"]),
    ("mcp", &["tools", "toolkit", "skills", "model"]),
    (
        "cli",
        &[
            "mcp",
            "tools",
            "toolkit",
            "skills",
            "ssh",
            "redact",
            "audit",
            "hooks",
            "local_program",
            "policy",
            "config",
            "model",
            "telemetry",
        ],
    ),
    // Not part of the program: what the tests and the fuzz targets look into.
    (
        "internals",
        &[
            "mcp",
            "tools",
            "toolkit",
            "skills",
            "ssh",
            "redact",
            "audit",
            "hooks",
            "policy",
            "config",
            "model",
            "telemetry",
        ],
    ),
];

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

pub fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The modules that a file of the library names outside of its tests.
fn names(path: &Path, text: &str) -> BTreeSet<String> {
    let is_test = path.file_name().is_some_and(|name| name == "tests.rs") || path.iter().any(|part| part == "tests");
    if is_test {
        return BTreeSet::new();
    }
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        // `use crate::{a::x, b}` names each of them.
        let heads = match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap().split(',').collect(),
            None => vec![rest],
        };
        for head in heads {
            let word: String = head.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            found.insert(word);
        }
    }
    found
}

#[test]
fn imports_go_one_way() {
    let may: BTreeMap<&str, &[&str]> = MAY.iter().copied().collect();
    let mut files = Vec::new();
    sources(&root(), &mut files);
    let (mut wrong, mut read, mut met) = (Vec::new(), 0, BTreeSet::new());
    for path in files {
        let inside = path.strip_prefix(root()).unwrap();
        let first = inside.iter().next().unwrap().to_str().unwrap();
        let module = first.trim_end_matches(".rs");
        if matches!(module, "lib" | "main") {
            continue;
        }
        let Some(allowed) = may.get(module) else {
            wrong.push(format!("{}: a module without a place in the table", inside.display()));
            continue;
        };
        read += 1;
        met.insert(module.to_owned());
        for name in names(&path, &std::fs::read_to_string(&path).unwrap()) {
            if name != module && may.contains_key(name.as_str()) && !allowed.contains(&name.as_str()) {
                wrong.push(format!("{}: names {name}", inside.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(read > 100, "{read} files read");
    assert_eq!(met.len(), MAY.len(), "modules that are in the table and not in the tree");
}

/// The shelves of `toolkit`: `state` below, `dispatch` above, and between them the files that are all a tool may touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shelf {
    State,
    Between,
    Dispatch,
}

/// The shelf that a path inside `toolkit` leads to, from its first word.
fn shelf(word: &str) -> Shelf {
    match word {
        "state" => Shelf::State,
        "dispatch" => Shelf::Dispatch,
        _ => Shelf::Between,
    }
}

/// The first words behind each `crate::toolkit::`, and in a file of `toolkit` behind the `super::`s that lead there.
fn toolkit_words(inside: &Path, text: &str) -> BTreeSet<String> {
    let depth = inside.iter().count() - if inside.ends_with("mod.rs") { 2 } else { 1 };
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let mut found = BTreeSet::new();
    for rest in code.split("crate::toolkit::").skip(1) {
        let list = match rest.strip_prefix('{') {
            Some(list) => list.split("};").next().unwrap().split(',').collect(),
            None => vec![rest],
        };
        found.extend(list.into_iter().map(first_word));
    }
    if inside.starts_with("toolkit") {
        let mut steps = 0;
        for rest in code.split("super::").skip(1) {
            steps += 1;
            if !rest.is_empty() {
                found.extend((steps == depth).then(|| first_word(rest)));
                steps = 0;
            }
        }
    }
    found
}

fn first_word(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn the_shelves_of_the_toolkit_hold() {
    let mut files = Vec::new();
    sources(&root(), &mut files);
    let (mut wrong, mut named) = (Vec::new(), BTreeSet::new());
    for path in files {
        let inside = path.strip_prefix(root()).unwrap();
        let parts: Vec<&str> = inside.iter().map(|part| part.to_str().unwrap()).collect();
        // Its own `mod.rs` holds the shelves together.
        let own = match parts.as_slice() {
            ["toolkit", "mod.rs"] => continue,
            ["toolkit", first, ..] => shelf(first.trim_end_matches(".rs")),
            ["tools", ..] => Shelf::Between,
            _ => continue,
        };
        let is_test = parts.iter().any(|part| matches!(*part, "tests.rs" | "tests"));
        for word in
            if is_test { BTreeSet::new() } else { toolkit_words(inside, &std::fs::read_to_string(&path).unwrap()) }
        {
            let leads = shelf(&word);
            named.insert((own, leads));
            // A tool is on no shelf: it sees what lies between, and that alone.
            let allowed = if parts[0] == "tools" { leads == Shelf::Between } else { leads <= own };
            if !allowed {
                wrong.push(format!("{}: names {word} of the toolkit", inside.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for pair in [(Shelf::Between, Shelf::State), (Shelf::Dispatch, Shelf::State), (Shelf::Dispatch, Shelf::Between)] {
        assert!(named.contains(&pair), "nothing names {pair:?}: is the reader blind?");
    }
}

#[test]
fn the_table_has_no_circle() {
    for (at, (module, allowed)) in MAY.iter().enumerate() {
        for name in *allowed {
            let below = MAY.iter().position(|(other, _)| other == name).unwrap();
            assert!(below < at, "{module} names {name}, which stands after it");
        }
    }
}

#[test]
fn the_reader_sees_imports_and_passes_over_comments_and_tests() {
    let text = "//! [`crate::mcp`]\nuse crate::model::x;\nuse crate::{ssh::a, redact};\nfn f() { crate::audit::g() }\n\
        #[cfg(test)]\nmod tests {\n    use crate::cli;\n}\n";
    let seen = names(Path::new("src/x.rs"), text);
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["audit", "model", "redact", "ssh"]);
    assert!(names(Path::new("src/mcp/tests/a.rs"), text).is_empty());
    let text =
        "use super::job::Job;\nuse super::super::dispatch::x;\nuse crate::toolkit::{Call, state::y};\n// super::z\n";
    let seen = |path: &str| toolkit_words(Path::new(path), text).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(seen("toolkit/a.rs"), "Call job state");
    assert_eq!(seen("toolkit/sudo/a.rs"), "Call dispatch state");
    assert_eq!(seen("toolkit/sudo/mod.rs"), "Call job state");
    assert_eq!(seen("tools/a/b.rs"), "Call state");
}
