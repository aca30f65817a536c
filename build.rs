//! Embeds the trees `skills/` and `runbooks/`, so that one file is a whole installation, and makes the scripts of `src` ready
//! to travel (`src/model/shell_text.rs` says how).
//!
//! Writes a table of every folder that holds a `SKILL.md`, with all its files, in the order of their names. There is no
//! list to keep: what is in the folders is in the binary.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

#[path = "src/model/shell_text.rs"]
mod shell_text;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let root = env::var("CARGO_MANIFEST_DIR")?;
    let mut code = String::new();
    for (table, folder) in [("GUIDES", "skills"), ("RUNBOOKS", "runbooks")] {
        println!("cargo::rerun-if-changed={folder}");
        writeln!(code, "pub(super) static {table}: &[Embedded] = &[")?;
        let tree = Path::new(&root).join(folder);
        if tree.is_dir() {
            for name in names(&tree)? {
                if tree.join(&name).join("SKILL.md").is_file() {
                    skill(&mut code, folder, &name, &tree.join(&name))?;
                }
            }
        }
        writeln!(code, "];")?;
    }
    let out = env::var("OUT_DIR")?;
    write(&Path::new(&out).join("trees.rs"), &code)?;
    write(&Path::new(&out).join("scripts.rs"), &scripts(&Path::new(&root).join("src"))?)
}

/// Writes what is new, so that what includes an old one is not compiled again.
fn write(path: &Path, code: &str) -> Result<()> {
    if fs::read_to_string(path).ok().as_deref() != Some(code) {
        fs::write(path, code)?;
    }
    Ok(())
}

/// The table of `src/model/scripts.rs`.
fn scripts(src: &Path) -> Result<String> {
    println!("cargo::rerun-if-changed=src");
    let mut files = Vec::new();
    walk(src, "", &mut files)?;
    let mut code = "const SOURCES: &[Source] = &[\n".to_owned();
    for name in files.iter().filter(|name| name.ends_with(".sh")) {
        let from = src.join(name);
        let place = from.to_str().ok_or("the place of the sources is not UTF-8")?;
        let text = shell_text::prepare(&fs::read_to_string(&from)?).map_err(|why| format!("src/{name}: {why}"))?;
        writeln!(code, "    Source {{ name: {name:?}, source: include_str!({place:?}), text: {text:?} }},")?;
    }
    writeln!(code, "];")?;
    Ok(code)
}

fn skill(code: &mut String, folder: &str, name: &str, path: &Path) -> Result<()> {
    let mut files = Vec::new();
    walk(path, "", &mut files)?;
    writeln!(code, "    Embedded {{ name: {name:?}, files: &[")?;
    for file in files {
        let from = format!("/{folder}/{name}/{file}");
        writeln!(code, "        ({file:?}, include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {from:?}))),")?;
    }
    writeln!(code, "    ] }},")?;
    Ok(())
}

fn walk(folder: &Path, prefix: &str, files: &mut Vec<String>) -> Result<()> {
    for name in names(folder)? {
        let path = folder.join(&name);
        let kind = fs::symlink_metadata(&path)?.file_type();
        let inside = format!("{prefix}{name}");
        if kind.is_dir() {
            walk(&path, &format!("{inside}/"), files)?;
        } else if kind.is_file() {
            files.push(inside);
        } else {
            return Err(format!("{}: neither a file nor a folder", path.display()).into());
        }
    }
    Ok(())
}

/// The entries of a folder, sorted; hidden ones are left out.
fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().into_string().map_err(|name| format!("{}: not UTF-8", name.display()))?;
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
