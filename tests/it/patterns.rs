//! Our path patterns against those of bash with `globstar` and `dotglob`, over generated patterns and trees.
//!
//! A pattern that begins with `/` is bash's pattern from the root of the tree; one that does not is bash's behind `**/`.
//! What differs on purpose is not generated, or is added to what bash says:
//! - `/a/**` covers `/a` also where that is a file; bash wants a folder there;
//! - inside `[...]` a backslash is itself; in bash it escapes, and `[[:alpha:]]` and its kin are classes;
//! - braces, a bracket without its end and a range that is empty are refused; bash takes them as text;
//! - `.` and `..` are refused as components, for a path that is judged has none.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::dice::Dice;
use ssh_mcp::internals::model::glob::{Glob, Style};

const TREES: usize = if cfg!(feature = "deep") { 100 } else { 2 };
const PATTERNS: usize = 400;

/// Folders and files whose names hold what patterns are made of.
fn grow(root: &Path, dice: &mut Dice) {
    let mut folders = vec![root.to_owned()];
    for _ in 0..60 {
        let letters = ["a", "b", "c", "A", ".", "-", "!", "^", "[", "]", "*", "?", "\\", "é", "ab"];
        let name: String = (0..=dice.roll(3)).map(|_| dice.pick(&letters)).collect();
        if name == "." || name == ".." {
            continue;
        }
        let path = folders[dice.roll(folders.len())].join(name);
        if dice.roll(3) > 0 {
            if std::fs::create_dir(&path).is_ok() {
                folders.push(path);
            }
        } else {
            let _ = std::fs::write(&path, "");
        }
    }
}

/// Every path below a folder, as components.
fn walk(folder: &Path, above: &[String], found: &mut Vec<Vec<String>>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let mut path = above.to_vec();
        path.push(entry.file_name().into_string().unwrap());
        if entry.path().is_dir() {
            walk(&entry.path(), &path, found);
        }
        found.push(path);
    }
}

fn component(dice: &mut Dice) -> String {
    if dice.roll(4) == 0 {
        return "**".to_owned();
    }
    let atoms = [
        "a", "b", "c", "A", ".", "-", "é", "*", "*", "?", "[ab]", "[!a]", "[^b]", "[a-c]", "[]]", "[!]a]", "[a-]",
        "[[]", "[.]", "[*]", "[!-]", "[a-a]", "\\*", "\\[", "\\a", "\\\\", "\\?", "]", "^",
    ];
    let text: String = (0..=dice.roll(3)).map(|_| dice.pick(&atoms)).collect();
    // Three stars are two, and two in a longer name are one, to both; alone they are not.
    if matches!(text.as_str(), "**" | "." | "..") { "a*".to_owned() } else { text }
}

fn bash(root: &Path, patterns: &[String]) -> Vec<BTreeSet<String>> {
    let mut script = "shopt -s globstar dotglob nullglob; LC_ALL=C.UTF-8\n".to_owned();
    for pattern in patterns {
        // A word without a pattern stays as it is, whether or not there is such a file. Names begin with `./`, or one
        // with a dash would be an operand of `[`.
        script.push_str(&format!("for f in ./{pattern}; do [ ! -e \"$f\" ] || printf '%s\\n' \"$f\"; done; echo /\n"));
    }
    let output = Command::new("bash")
        .args(["--norc", "--noprofile", "-c", &script])
        .current_dir(root)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut all = vec![BTreeSet::new()];
    for line in text.lines() {
        if line == "/" {
            all.push(BTreeSet::new());
            continue;
        }
        // `x/` and `./x` are `x`; a pattern such as `.*` may also name `.` and `..`.
        let parts: Vec<&str> = line.split('/').filter(|part| !part.is_empty()).skip(1).collect();
        if !parts.is_empty() && !parts.iter().any(|part| matches!(*part, "." | "..")) {
            all.last_mut().unwrap().insert(parts.join("/"));
        }
    }
    all.pop();
    assert_eq!(all.len(), patterns.len());
    all
}

#[test]
fn patterns_match_as_those_of_bash() {
    let seed = 0x5EED_0006_u64;
    let mut dice = Dice(seed);
    let (mut compared, mut matched, mut refused) = (0, 0, 0);
    for _ in 0..TREES {
        let folder = tempfile::tempdir().unwrap();
        grow(folder.path(), &mut dice);
        let mut paths = Vec::new();
        walk(folder.path(), &[], &mut paths);
        let mut globs = Vec::new();
        let mut asked = Vec::new();
        while globs.len() < PATTERNS {
            let parts: Vec<String> = (0..=dice.roll(4)).map(|_| component(&mut dice)).collect();
            let anchored = dice.roll(2) == 0;
            let text = format!("{}{}", if anchored { "/" } else { "" }, parts.join("/"));
            let Ok(glob) = Glob::parse(&text, Style::Posix) else {
                refused += 1;
                continue;
            };
            let from = if anchored { "" } else { "**/" };
            asked.push(format!("{from}{}", parts.join("/")));
            // What `/**` at the end stands for besides: the path itself, whatever it is.
            let kept = parts.iter().rposition(|part| part != "**").map_or(0, |at| at + 1);
            let itself = if kept == 0 { "**".to_owned() } else { parts[..kept].join("/") };
            asked.push(format!("{from}{itself}"));
            globs.push((text, glob, kept < parts.len()));
        }
        let said = bash(folder.path(), &asked);
        for ((text, glob, open), said) in globs.iter().zip(said.chunks(2)) {
            let [below, itself] = said else { unreachable!() };
            for path in &paths {
                let joined = path.join("/");
                let theirs = below.contains(&joined) || (*open && itself.contains(&joined));
                assert_eq!(glob.matches(path), theirs, "{text:?} {joined:?} (seed {seed:#x})");
                compared += 1;
                matched += usize::from(theirs);
            }
        }
    }
    println!("{compared} pairs of pattern and path, {matched} of them match, as in bash; {refused} patterns refused");
    assert!(matched > 500 && refused < compared, "{matched} {refused}");
}
