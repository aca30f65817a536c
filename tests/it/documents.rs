//! What the documents claim, compared with what is there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use regex::Regex;
use ssh_mcp::internals::config::settings::{DECLARED, REFUSED};
use ssh_mcp::internals::model::error::ErrorName;

/// Every document for readers: those at the top, and all of docs/. The changelog speaks of what was.
fn documents() -> Vec<String> {
    let mut all: Vec<String> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"].map(str::to_owned).to_vec();
    let folder = std::fs::read_dir(root().join("docs")).unwrap();
    all.extend(folder.map(|entry| format!("docs/{}", entry.unwrap().file_name().to_str().unwrap())));
    assert!(all.len() > 9, "{all:?}");
    all
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}

/// The texts in backticks, outside of code blocks.
fn quoted(text: &str) -> Vec<String> {
    let prose: String = text.split("```").step_by(2).collect();
    prose.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_error_name_has_its_row_of_troubleshooting() {
    let text = read("docs/troubleshooting.md");
    let rows: Vec<&str> = text.lines().skip_while(|l| !l.starts_with("| Error |")).skip(2).collect();
    let rows: Vec<&str> = rows.into_iter().take_while(|l| l.starts_with('|')).collect();
    assert_eq!(rows.len(), ErrorName::ALL.len());
    for (row, name) in rows.iter().zip(ErrorName::ALL) {
        let begin = format!("| `{name}` | {} | ", name.meaning());
        assert!(row.starts_with(&begin), "{row}\nhas to begin with\n{begin}");
        assert!(row.len() > begin.len() + 10, "{name}: no advice");
    }
}

#[test]
fn every_dependency_and_module_has_its_line() {
    let text = read("ARCHITECTURE.md");
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let (ours, tests) = text.split_once("For tests only:").unwrap();
    let names = |text: &str| -> BTreeSet<String> {
        let lines = text.lines().filter(|line| line.starts_with("- `"));
        lines.flat_map(|line| quoted(line.split_once(": ").unwrap().0)).collect()
    };
    let keys = |table: &str| -> BTreeSet<String> { manifest[table].as_table().unwrap().keys().cloned().collect() };
    assert_eq!(names(ours.split_once("## Dependencies").unwrap().1), keys("dependencies"));
    assert_eq!(names(tests.split("\n## ").next().unwrap()), keys("dev-dependencies"));
    for entry in std::fs::read_dir(root().join("src")).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            let row = format!("| `src/{}` |", entry.file_name().display());
            assert!(text.contains(&row), "no row {row}");
        }
    }
}

/// A test is cited as `module::tests::name`, or `it::area::name` for those of tests/it.
#[test]
fn every_cited_test_is_there() {
    let mut files = Vec::new();
    rust_files(&root().join("src"), &mut files);
    rust_files(&root().join("tests/it"), &mut files);
    let cited: Vec<String> = quoted(&read("SECURITY.md")).into_iter().filter(|text| text.contains("::")).collect();
    assert!(cited.len() > 40, "{} cited", cited.len());
    for test in cited {
        let (place, name) = test.rsplit_once("::").unwrap();
        let place = place.trim_end_matches("::tests");
        let stem = match place.strip_prefix("it::") {
            Some(area) => root().join("tests/it").join(area.replace("::", "/")),
            None => root().join("src").join(place.replace("::", "/")),
        };
        let there = files.iter().any(|file| {
            let near = file.with_extension("") == stem || file.starts_with(&stem);
            near && is_test(&std::fs::read_to_string(file).unwrap(), name)
        });
        assert!(there, "SECURITY.md cites {test}, which is not a test");
    }
}

/// True where the text has a test function of this name, also one that a property macro holds.
fn is_test(text: &str, name: &str) -> bool {
    let Some((before, _)) = text.split_once(&format!("fn {name}(")) else { return false };
    before.rsplit("fn ").next().is_some_and(|gap| gap.contains("test]"))
}

#[test]
fn tools_settings_and_files_that_are_named_exist() {
    let tools: BTreeSet<&str> = ssh_mcp::internals::tools::all().iter().map(|entry| entry.spec.name).collect();
    let settings: BTreeSet<&str> = DECLARED.iter().map(|d| d.name).chain(REFUSED.iter().map(|r| r.name)).collect();
    // Names of OpenSSH's, of others that look like ours, and of variables that only the tests read.
    let foreign = [
        "ssh_config",
        "ssh_mcp",
        "SSH_AUTH_SOCK",
        "SSH_ASKPASS_REQUIRE",
        "ssh_known_hosts",
        "SSH_E2E_SUDO_PASSWORD_CMD",
        "SSH_E2E_IMAGE",
        "SSH_MCP_SOAK_SECONDS",
        "SSH_MCP_SOAK_SEED",
        "SSH_MCP_WRITE_HOSTS",
    ];
    for document in documents() {
        let text = read(&document);
        // Names of tests are compared above.
        let text = quoted(&text).iter().filter(|q| q.contains("::")).fold(text, |text, test| text.replace(test, ""));
        for word in words(&text).filter(|word| !foreign.contains(word)) {
            if word.starts_with("ssh_") && word.len() > 4 {
                assert!(tools.contains(word), "{document} names {word}, which is not a tool");
            }
            if word.starts_with("SSH_") || word.starts_with("ALLOW_") || word.starts_with("LOG_") {
                assert!(settings.contains(word), "{document} names {word}, which is not a setting");
            }
        }
        for path in quoted(&text) {
            let ours = ["contrib/", "src/", "tests/", "./contrib/"].iter().any(|top| path.starts_with(top));
            if ours && !path.contains(['<', '*', ' ']) {
                assert!(root().join(&path).exists(), "{document} names {path}, which is not there");
            }
        }
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            let folder = root().join(&document).parent().unwrap().to_owned();
            assert!(link.starts_with("http") || folder.join(file).exists(), "{document} links to {link}");
        }
    }
}

#[test]
fn tools_that_errors_and_hints_name_exist() {
    let mut known: BTreeSet<String> = ssh_mcp::internals::tools::all().iter().map(|e| e.spec.name.to_owned()).collect();
    known.extend(DECLARED.iter().map(|setting| setting.name.to_ascii_lowercase()));
    // Files of OpenSSH's, and two variables of the code that stand between literals on one line.
    known.extend(["ssh_config", "ssh_known_hosts", "ssh_known_hosts2", "ssh_env", "ssh_names"].map(str::to_owned));
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let literal = Regex::new(r#""(?:[^"\\]|\\.)*""#).unwrap();
    let mut files = Vec::new();
    crate::layers::sources(&root().join("src"), &mut files);
    let (mut unknown, mut met) = (Vec::new(), 0);
    for file in files.iter().filter(|file| !file.iter().any(|part| part == "tests" || part == "tests.rs")) {
        let text = std::fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let code: String = code.lines().filter(|l| !l.trim_start().starts_with("//")).flat_map(|l| [l, "\n"]).collect();
        for text in literal.find_iter(&code) {
            for word in text.as_str().split(|c: char| !is_name(c)).filter(|word| word.starts_with("ssh_")) {
                met += 1;
                // A name in braces is a variable of the code, one that ends in a stroke is the beginning of several, and this
                // program has names of its own in shells.
                let of_code =
                    text.as_str().contains(&format!("{{{word}")) || word.ends_with('_') || word.starts_with("ssh_mcp");
                if !known.contains(word) && !of_code {
                    unknown.push(format!("{}: {word}", file.display()));
                }
            }
        }
    }
    assert!(met > 200, "{met} names met: is the reader blind?");
    assert!(unknown.is_empty(), "neither a tool nor a setting: {unknown:#?}");
}
