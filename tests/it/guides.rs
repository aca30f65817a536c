//! The guides in `skills/`: one for each tool, each true, none repeating another. Their generated heads are compared by
//! the tests of `ssh-mcp docs`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;
use ssh_mcp::internals::config::settings::{DECLARED, REFUSED};
use ssh_mcp::internals::model::error::ErrorName;
use ssh_mcp::internals::toolkit::Entry;

use crate::server::Setup;

const SECTIONS: [&str; 5] = ["When to call", "When not to call", "Example", "Common failures", "Related"];

struct Guide {
    tool: Entry,
    folder: String,
    description: String,
    /// What somebody wrote: everything but the front matter, the title and the generated head.
    prose: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("skills")
}

fn guides() -> Vec<Guide> {
    ssh_mcp::internals::tools::all().into_iter().filter_map(guide).collect()
}

/// `None` where the tool has no guide yet.
fn guide(tool: Entry) -> Option<Guide> {
    let folder = tool.spec.name.replace('_', "-");
    let text = std::fs::read_to_string(root().join(&folder).join("SKILL.md")).ok()?;
    let start = format!("---\nname: {folder}\ndescription: >-\n  ");
    let rest = text.strip_prefix(&start).unwrap_or_else(|| panic!("{folder} has to begin with\n{start}"));
    let (description, rest) = rest.split_once("\n---\n\n").unwrap();
    let title = format!("# {}\n\n<!-- Written by", tool.spec.name);
    assert!(rest.starts_with(&title), "{folder}: the title or the head is not where it belongs");
    let (_, prose) = rest.split_once("<!-- End of the written part. -->\n\n").unwrap();
    Some(Guide { tool, folder, description: description.to_owned(), prose: prose.to_owned() })
}

impl Guide {
    /// A section of the prose without its heading.
    fn section(&self, name: &str) -> &str {
        let (_, rest) =
            self.prose.split_once(&format!("\n## {name}\n\n")).unwrap_or_else(|| panic!("{}: no {name}", self.folder));
        rest.split("\n## ").next().unwrap()
    }

    /// Code blocks of a kind: what follows the kind on the first line, and the block.
    fn blocks(&self, kind: &str) -> Vec<(String, String)> {
        let fenced = self.prose.split("```").skip(1).step_by(2);
        fenced
            .filter_map(|block| {
                let (info, body) = block.split_once('\n')?;
                Some((info.strip_prefix(kind)?.trim().to_owned(), body.to_owned()))
            })
            .collect()
    }
}

#[test]
fn every_tool_has_a_guide_and_nothing_else_is_there() {
    let tools: BTreeSet<String> =
        ssh_mcp::internals::tools::all().iter().map(|e| e.spec.name.replace('_', "-")).collect();
    let folders: BTreeSet<String> =
        std::fs::read_dir(root()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(folders, tools);
    for folder in folders {
        let files: Vec<_> = std::fs::read_dir(root().join(&folder)).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(files, ["SKILL.md"], "{folder}");
    }
}

#[test]
fn each_is_ascii_short_and_whole() {
    for guide in guides() {
        let text = std::fs::read_to_string(root().join(&guide.folder).join("SKILL.md")).unwrap();
        let (name, lines) = (&guide.folder, text.lines().count());
        assert!(text.is_ascii(), "{name} is not ASCII");
        assert!((40..=90).contains(&lines), "{name} has {lines} lines");
        assert!(text.ends_with('\n') && !text.ends_with("\n\n") && !text.contains("\n\n\n"), "{name}: blank lines");
        assert!((40..=400).contains(&guide.description.len()), "{name}: the description");
        assert!(!guide.description.contains('\n') && guide.description.contains("Use it"), "{name}: says no use");
        let headings: Vec<&str> = guide.prose.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(headings, SECTIONS, "{name}");
        for section in ["When to call", "When not to call", "Common failures"] {
            for line in guide.section(section).lines().filter(|line| !line.is_empty()) {
                assert!(line.starts_with("- "), "{name}, {section}: {line}");
            }
        }
        assert!(!guide.blocks("json call").is_empty() && !guide.blocks("json answer").is_empty(), "{name}: no example");
    }
}

/// A paragraph is a block between blank lines; each item of a list counts alone.
#[test]
fn no_two_say_the_same_paragraph() {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut compared = 0;
    for guide in guides() {
        let text = format!("{}\n\n{}", guide.description, guide.prose).replace("\n- ", "\n\n- ");
        let mut of_this = BTreeSet::new();
        for paragraph in text.split("\n\n").map(str::trim).filter(|p| !p.starts_with("## ") && !p.is_empty()) {
            // What is called alike is not a paragraph: the call of a tool that takes nothing but a host or a file.
            if paragraph.starts_with("```json call") || paragraph.starts_with('`') && !paragraph.contains(' ') {
                continue;
            }
            compared += 1;
            if of_this.insert(paragraph.to_owned())
                && let Some(other) = seen.insert(paragraph.to_owned(), guide.folder.clone())
            {
                panic!("{other} and {} both say: {paragraph}", guide.folder);
            }
        }
    }
    assert!(compared > 1000, "{compared}");
}

#[test]
fn every_name_that_is_mentioned_exists() {
    let tools: BTreeSet<&str> = ssh_mcp::internals::tools::all().iter().map(|entry| entry.spec.name).collect();
    let settings: BTreeSet<&str> = DECLARED.iter().map(|d| d.name).chain(REFUSED.iter().map(|r| r.name)).collect();
    let errors: BTreeSet<&str> = ErrorName::ALL.iter().map(|name| name.as_str()).collect();
    for guide in guides() {
        let name = &guide.folder;
        let text = format!("{} {}", guide.description, guide.prose);
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            if word.starts_with("ssh_") && !["ssh_config", "ssh_mcp", "ssh_sudo_"].contains(&word) {
                assert!(tools.contains(word), "{name} names {word}, which is not a tool");
            }
            if ["SSH_", "ALLOW_", "LOG_"].iter().any(|prefix| word.starts_with(prefix)) {
                assert!(settings.contains(word), "{name} names {word}, which is not a setting");
            }
            // Whatever looks like one of our errors has to be one.
            let ours =
                ["Error", "NotAllowed", "Blocked", "Restricted", "Mismatch", "Failed", "NotSupported", "Refused"];
            let camel = word.chars().filter(char::is_ascii_uppercase).count() > 1;
            if camel && !word.contains('_') && ours.iter().any(|end| word.ends_with(end)) {
                assert!(errors.contains(word), "{name} names {word}, which is not an error");
            }
        }
        let fields = |schema: &serde_json::Map<String, Value>| -> BTreeSet<String> {
            schema["properties"].as_object().unwrap().keys().cloned().collect()
        };
        let decl = guide.tool.decl();
        let fields: BTreeSet<String> = &fields(&decl.input_schema) | &fields(&decl.output_schema);
        // A failure is called by the error's name, or by the field of the answer that shows it.
        let mut named = 0;
        for line in guide.section("Common failures").lines() {
            if let Some((first, _)) = line.strip_prefix("- `").and_then(|rest| rest.split_once('`')) {
                assert!(
                    errors.contains(first) || fields.contains(first),
                    "{name}: {first} is not an error and no field"
                );
                named += 1;
            }
        }
        assert!(named > 0, "{name} names no failure");
        for related in guide.section("Related").split('`').skip(1).step_by(2) {
            assert!(tools.contains(related) && related != guide.tool.spec.name, "{name}: related {related}");
        }
    }
}

/// Each example is called on a server without hosts: its arguments are decoded and checked as in any call, and then the
/// host is missing. An argument of the wrong name, type or size is refused before that.
#[test]
fn the_arguments_of_every_example_are_accepted() {
    let mut server = Setup::new().env("ALLOW_SUDO", "true").start();
    let mut calls = 0;
    for guide in guides() {
        for (info, body) in guide.blocks("json call") {
            assert_eq!(info, "", "{}", guide.folder);
            let arguments: Value =
                serde_json::from_str(&body).unwrap_or_else(|e| panic!("{}: {e}: {body}", guide.folder));
            let answer = server.call(guide.tool.spec.name, arguments);
            let fine = ["HostNotAllowed", "There is no session", "No output is kept"]
                .iter()
                .any(|end| answer.text.contains(end));
            assert!(!answer.error || fine, "{}: {body}: {}", guide.folder, answer.text);
            calls += 1;
        }
    }
    assert!(calls >= guides().len());
}

/// Answers are shortened by `...`, so only the fields at their top can be compared.
#[test]
fn the_fields_of_every_answer_are_those_of_the_tool() {
    for guide in guides() {
        let decl = guide.tool.decl();
        let known = decl.output_schema["properties"].as_object().unwrap();
        for (_, body) in guide.blocks("json answer") {
            let names = top_fields(&body);
            assert!(!names.is_empty(), "{}: {body}", guide.folder);
            for name in names {
                assert!(known.contains_key(&name), "{}: {name} is not a field of the answer", guide.folder);
            }
        }
    }
}

fn top_fields(text: &str) -> Vec<String> {
    let (mut depth, mut found) = (0, Vec::new());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            '"' => {
                let mut word = String::new();
                while let Some(c) = chars.next() {
                    match c {
                        '"' => break,
                        '\\' => drop(chars.next()),
                        c => word.push(c),
                    }
                }
                if depth == 1 && chars.peek() == Some(&':') {
                    found.push(word);
                }
            }
            _ => {}
        }
    }
    assert_eq!(depth, 0, "brackets: {text}");
    found
}
