//! No circle of imports is larger than a pair: every `crate::` and `super::` path of `src` is read, re-exports are followed
//! to where a name is defined, and the strongly connected components are counted.
//!
//! A file below a module's folder is a part of that module, so what it names of the module itself is not an edge.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex::Regex;

use crate::layers::{root, sources};

/// Most modules of one circle. Two that cannot do without each other (a call and its host) are a natural pair.
const LARGEST: usize = 2;

/// Where a name of a module leads: the absolute path behind a re-export.
type ReExports = BTreeMap<(String, String), Vec<String>>;

/// The modules of the library with their code, without comments and tests.
struct Modules(BTreeMap<String, String>);

impl Modules {
    fn read() -> Self {
        let mut files = Vec::new();
        sources(&root(), &mut files);
        let module = |path: &Path| {
            let inside = path.strip_prefix(root()).unwrap().with_extension("");
            let mut parts: Vec<&str> = inside.iter().map(|part| part.to_str().unwrap()).collect();
            if parts.last() == Some(&"mod") {
                parts.pop();
            }
            let left_out = matches!(parts.as_slice(), ["lib" | "main" | "internals"]) || parts.contains(&"tests");
            (!left_out).then(|| (parts.join("::"), code(&std::fs::read_to_string(path).unwrap())))
        };
        Modules(files.iter().filter_map(|path| module(path)).collect())
    }

    /// The absolute path that `path` means inside `module`; nothing for one that leads out of the library.
    fn absolute(&self, module: &str, path: &[String]) -> Option<Vec<String>> {
        let mut place: Vec<String> = module.split("::").map(str::to_owned).collect();
        let ups = path.iter().take_while(|word| *word == "super").count();
        let rest = match path.first()?.as_str() {
            "crate" => return Some(path[1..].to_vec()),
            "self" => &path[1..],
            _ if ups > 0 => {
                place.truncate(place.len().saturating_sub(ups));
                &path[ups..]
            }
            first if self.0.contains_key(&format!("{module}::{first}")) => path,
            _ => return None,
        };
        place.extend_from_slice(rest);
        Some(place)
    }

    /// The module in which an absolute path ends, re-exports followed.
    fn defined_in(&self, path: &[String], re_exports: &ReExports, steps: usize) -> Option<String> {
        let (at, module) = (1..=path.len())
            .rev()
            .map(|n| (n, path[..n].join("::")))
            .find(|(_, module)| self.0.contains_key(module))?;
        match path.get(at).and_then(|name| re_exports.get(&(module.clone(), name.clone()))) {
            Some(leads) if steps < 8 => {
                let on: Vec<String> = leads.iter().chain(&path[at + 1..]).cloned().collect();
                self.defined_in(&on, re_exports, steps + 1)
            }
            _ => Some(module),
        }
    }

    /// Each module with those that it names.
    fn edges(&self) -> BTreeMap<&str, BTreeSet<String>> {
        let uses = Regex::new(r"(?m)^[ \t]*(pub(?:\([^)]*\))? )?use ([^;]+);").unwrap();
        let inline = Regex::new(r"\b(?:crate|super)(?:::\w+)+").unwrap();
        let mut re_exports = ReExports::new();
        let mut named: BTreeMap<&str, Vec<Vec<String>>> = BTreeMap::new();
        for (module, text) in &self.0 {
            let found = named.entry(module).or_default();
            for import in uses.captures_iter(text) {
                for (path, alias) in leaves(&[], &import[2]) {
                    let Some(path) = self.absolute(module, &path) else { continue };
                    if import.get(1).is_some() {
                        re_exports.insert((module.clone(), alias), path);
                    } else {
                        found.push(path);
                    }
                }
            }
            for path in inline.find_iter(&uses.replace_all(text, "")) {
                let path: Vec<String> = path.as_str().split("::").map(str::to_owned).collect();
                found.extend(self.absolute(module, &path));
            }
        }
        let leads = |module: &str, paths: Vec<Vec<String>>| -> BTreeSet<String> {
            let ends = paths.iter().filter_map(|path| self.defined_in(path, &re_exports, 0));
            ends.filter(|end| end != module && !module.starts_with(&format!("{end}::"))).collect()
        };
        named.into_iter().map(|(module, paths)| (module, leads(module, paths))).collect()
    }
}

/// Code without comment lines and the tests at its end.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The paths of a `use` tree, each with the name that it has afterwards.
fn leaves(above: &[String], tree: &str) -> Vec<(Vec<String>, String)> {
    let tree = tree.trim();
    let words = |text: &str| -> Vec<String> {
        let words = text.split("::").map(str::trim).filter(|word| !word.is_empty());
        above.iter().cloned().chain(words.map(str::to_owned)).collect()
    };
    let Some((head, list)) = tree.split_once('{') else {
        let (path, alias) = tree.split_once(" as ").unwrap_or((tree, ""));
        let mut path = words(path);
        if path.len() > 1 && path.last().is_some_and(|word| word == "self") {
            path.pop();
        }
        let alias = if alias.is_empty() { path.last().cloned().unwrap_or_default() } else { alias.trim().to_owned() };
        return vec![(path, alias)];
    };
    let head = words(head);
    let (mut found, mut depth, mut start) = (Vec::new(), 0, 0);
    let list = list.trim_end().strip_suffix('}').unwrap();
    for (at, c) in list.char_indices().chain([(list.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !list[start..at].trim().is_empty() {
                    found.extend(leaves(&head, &list[start..at]));
                }
                start = (at + 1).min(list.len());
            }
            _ => {}
        }
    }
    found
}

/// The circles: sets of modules, each of which leads to each other. Tarjan's way would be faster; a few hundred are quick.
fn circles(edges: &BTreeMap<&str, BTreeSet<String>>) -> Vec<BTreeSet<String>> {
    let reached = |from: &str| {
        let (mut seen, mut waiting) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(module) = waiting.pop() {
            for next in edges.get(module.as_str()).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    waiting.push(next.clone());
                }
            }
        }
        seen
    };
    let reach: BTreeMap<&str, BTreeSet<String>> = edges.keys().map(|module| (*module, reached(module))).collect();
    let mut found = BTreeSet::new();
    for (module, leads) in &reach {
        if leads.contains(*module) {
            found.insert(leads.iter().filter(|other| reach[other.as_str()].contains(*module)).cloned().collect());
        }
    }
    found.into_iter().collect()
}

#[test]
fn no_circle_of_imports_is_larger_than_a_pair() {
    let modules = Modules::read();
    let edges = modules.edges();
    let arrows: usize = edges.values().map(BTreeSet::len).sum();
    assert!(
        modules.0.len() > 300 && arrows > 1000,
        "{} modules, {arrows} arrows: is the reader blind?",
        modules.0.len()
    );
    let large: Vec<String> = circles(&edges)
        .into_iter()
        .filter(|circle| circle.len() > LARGEST)
        .map(|circle| {
            let inner = |module: &String| {
                let leads: Vec<&String> = edges[module.as_str()].intersection(&circle).collect();
                format!("  {module} names {leads:?}")
            };
            circle.iter().map(inner).collect::<Vec<_>>().join("\n")
        })
        .collect();
    assert!(large.is_empty(), "circles of more than {LARGEST} modules:\n{}", large.join("\n\n"));
}

#[test]
fn the_reader_follows_re_exports_and_sees_circles() {
    let of = |files: &[(&str, &str)]| {
        let modules = Modules(files.iter().map(|(name, text)| ((*name).to_owned(), code(text))).collect());
        circles(&modules.edges()).into_iter().map(|circle| circle.into_iter().collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    let hub = ("a", "pub(crate) use b::B;\npub use c::{C, D as E};");
    let b = ("a::b", "use crate::a::E;\n// use crate::a::d\n");
    assert!(of(&[hub, b, ("a::c", "")]).is_empty());
    assert_eq!(
        of(&[hub, b, ("a::c", "use super::{\n    d::{self, F},\n};"), ("a::d", "fn f() { super::b::g() }")]),
        [["a::b", "a::c", "a::d"]]
    );
    // A part of a module may name the module.
    assert!(of(&[("a", "use b::B;\nstruct A;"), ("a::b", "use super::A;")]).is_empty());
}
