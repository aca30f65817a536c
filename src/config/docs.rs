//! docs/configuration.md, written from the same tables that are read.

use std::fmt::Write;

use super::differences::DIFFERENCES;
use super::keys::{ALERT_KEYS, AUTH_KEYS, HOST_KEYS, Key};
use super::settings::{DECLARED, REFUSED};

/// The text before the tables.
const INTRODUCTION: &str = include_str!("docs/introduction.md");
/// The text between the tables of hosts.toml and the differences.
const RULES: &str = include_str!("docs/rules.md");

/// The whole document.
pub(crate) fn configuration_md() -> String {
    let mut out = String::from(INTRODUCTION);
    out.push_str("\n## Environment variables\n");
    let mut section = "";
    for row in DECLARED {
        if row.section != section {
            section = row.section;
            heading(&mut out, section, "Name | Type | Default | Meaning");
        }
        line(&mut out, &[row.name, row.kind, &shown(row.default), row.meaning]);
    }
    out.push_str("\n### Refused when set\n\n| Name | Instead |\n|---|---|\n");
    for row in REFUSED {
        line(&mut out, &[row.name, row.instead]);
    }
    out.push_str("\n## hosts.toml\n\n`contrib/hosts.toml.example` explains every key in place.\n");
    for (title, keys) in [
        ("`[hosts.ALIAS]` and `[defaults]`", HOST_KEYS),
        ("`[hosts.ALIAS.auth]` and `[defaults.auth]`", AUTH_KEYS),
        ("`[hosts.ALIAS.alerts]` and `[defaults.alerts]`", ALERT_KEYS),
    ] {
        keys_table(&mut out, title, keys);
    }
    out.push('\n');
    out.push_str(RULES);
    out.push_str(
        "\n## Differences\n\nNames, types, units and defaults are those of the interface that this server succeeds. \
         Where its behaviour was known to be bad, this is what changed.\n",
    );
    for (area, rows) in DIFFERENCES {
        heading(&mut out, area, "Before | Here");
        for row in *rows {
            line(&mut out, &[row.before, row.here]);
        }
    }
    out
}

fn keys_table(out: &mut String, title: &str, keys: &[Key]) {
    heading(out, title, "Key | Type | Default | Meaning");
    for key in keys {
        line(out, &[&format!("`{}`", key.name), key.kind, &shown(key.default), key.meaning]);
    }
}

fn heading(out: &mut String, title: &str, columns: &str) {
    let rule = "---|".repeat(columns.split('|').count());
    // Writing to a String cannot fail.
    let _ = write!(out, "\n### {title}\n\n| {columns} |\n|{rule}\n");
}

fn line(out: &mut String, cells: &[&str]) {
    let cells: Vec<String> = cells.iter().map(|c| c.replace('|', "\\|")).collect();
    let _ = writeln!(out, "| {} |", cells.join(" | "));
}

/// A default in the form of a value where it is one, and in words where it is told in words.
fn shown(default: &str) -> String {
    match default {
        "" => "-".to_owned(),
        words if words.contains(' ') && !words.contains(',') => words.to_owned(),
        value => format!("`{value}`"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Env, hosts_file, load};
    use super::*;

    fn at_root(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
    }

    /// `UPDATE_DOCS=1 cargo test config::docs` rewrites the file.
    #[test]
    fn configuration_md_is_the_committed_file() {
        let file = at_root("docs/configuration.md");
        let text = configuration_md();
        if std::env::var_os("UPDATE_DOCS").is_some_and(|v| v == "1") {
            std::fs::write(&file, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&file).unwrap();
        assert!(committed == text, "docs/configuration.md is stale: run `cargo run -- docs`");
    }

    #[test]
    fn every_row_of_a_table_has_the_columns_of_its_heading() {
        let text = configuration_md();
        let columns = |row: &str| row.replace("\\|", "").matches('|').count();
        let mut tables = 0;
        for table in text.split("\n\n").filter(|block| block.starts_with('|')) {
            tables += 1;
            let heading = table.lines().next().unwrap();
            for row in table.lines() {
                assert_eq!(columns(row), columns(heading), "{row}");
            }
        }
        assert!(tables > 20, "{tables} tables");
    }

    #[test]
    fn the_example_loads_as_it_is_and_with_every_key_taken_in() {
        let text = std::fs::read_to_string(at_root("contrib/hosts.toml.example")).unwrap();
        let env = Env::of([("HOME", "/home/me"), ("SSH_MCP_DISABLE_DOTENV", "1"), ("ALLOW_PASSWORD_AUTH", "1")], "/");
        let settings = load(&env).unwrap().settings;
        let read = |text: &str| hosts_file::parse(Path::new("/example"), text, &settings, &env);
        let (hosts, warnings) = read(&text).unwrap();
        assert_eq!(hosts.iter().map(|h| h.alias.as_str()).collect::<Vec<_>>(), ["box", "web", "gate"]);
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            hosts.get("box").unwrap().redact_paths_globs,
            ["**/.env", "**/.env.*", "**/secrets/*", "**/private*", "**/credentials*"]
        );
        // `#key` is an example to take in; `##key` is one that excludes another.
        let open: String = text
            .lines()
            .map(|l| l.strip_prefix('#').filter(|r| !r.starts_with([' ', '#'])).unwrap_or(l).to_owned() + "\n")
            .collect();
        read(&open).unwrap();
        let keys = [HOST_KEYS, AUTH_KEYS, ALERT_KEYS].concat();
        for key in keys {
            let there = text.lines().any(|l| l.trim_start_matches('#').starts_with(&format!("{} = ", key.name)));
            assert!(there, "the example lacks {}", key.name);
        }
    }
}
