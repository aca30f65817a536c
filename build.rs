//! Embeds the trees `skills/` and `runbooks/`, so that one file is a whole installation.
//!
//! Writes a table of every folder that holds a `SKILL.md`, with all its files, in the order of their names. There is no
//! list to keep: what is in the folders is in the binary.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

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
    fs::write(Path::new(&env::var("OUT_DIR")?).join("trees.rs"), code)?;
    Ok(())
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
            return Err(format!("{}: a skill holds plain files only", path.display()).into());
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
