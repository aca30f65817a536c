//! A compose file written anew with other names for the files that it names.
//!
//! Compose opens the files of `include`, `extends`, `env_file` and `label_file` by the names that stand in the text. Those
//! that were judged lie in a private folder while compose runs, so the text has to name them there and nowhere else.
//! Everything but these names keeps its meaning: quoting, tags, anchors and merge keys stay as they are.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::Value;
use yaml_rust2::parser::{Event, Parser, Tag};
use yaml_rust2::scanner::TScalarStyle;

use super::files::{self, FREE_FORM, Kind};
use super::yaml;
use crate::model::error::ToolError;
use crate::model::remote_path::RemotePath;

/// Where compose finds a file that a text names: the file, and what it is.
pub(crate) type Place<'a> = &'a dyn Fn(&RemotePath, Kind) -> String;

/// Whether the file of variables beside the project gives this name a value.
pub(crate) type Defines<'a> = &'a dyn Fn(&str) -> bool;

#[derive(Debug, Clone)]
struct Node {
    anchor: usize,
    tag: Option<Tag>,
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    Scalar(String, bool),
    Alias(usize),
    List(Vec<Node>),
    Table(Vec<(Node, Node)>),
}

/// Whether compose takes `include` as mappings (compose v2), or as names only (podman-compose).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Includes {
    /// A mapping with the project folder and the file of variables.
    Mappings,
    /// Names.
    Names,
}

/// The text of a compose file in the folder `dir`, with the names of the files that it names replaced by `place`, and each
/// variable that it passes on by its bare name written with its value: `NAME=${NAME}`.
pub(crate) fn placed(
    text: &str,
    dir: &RemotePath,
    includes: Includes,
    place: Place<'_>,
    defines: Defines<'_>,
) -> Result<String, ToolError> {
    // Its bounds hold for the tree as well.
    yaml::parse(text).map_err(|why| files::unreadable(&why.to_string()))?;
    let mut root = read(yaml::unmarked(text)).ok_or_else(|| files::unreadable("it is not YAML"))?;
    let mut anchors = HashMap::new();
    gather(&root, &mut anchors);
    let placing = Placing { dir, includes, place, defines, anchors };
    placing.table(&mut root, false)?;
    let mut out = String::with_capacity(text.len() * 2);
    write_node(&root, &mut out);
    out.push('\n');
    Ok(out)
}

fn read(text: &str) -> Option<Node> {
    let mut parser = Parser::new_from_str(text);
    let mut open: Vec<(Node, Option<Node>)> = Vec::new();
    loop {
        let (event, _) = parser.next_token().ok()?;
        let done = match event {
            Event::StreamEnd => return None,
            Event::DocumentStart | Event::DocumentEnd | Event::Nothing | Event::StreamStart => continue,
            Event::SequenceStart(anchor, tag) => {
                open.push((Node { anchor, tag, body: Body::List(Vec::new()) }, None));
                continue;
            }
            Event::MappingStart(anchor, tag) => {
                open.push((Node { anchor, tag, body: Body::Table(Vec::new()) }, None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop()?.0,
            Event::Scalar(text, style, anchor, tag) => {
                Node { anchor, tag, body: Body::Scalar(text, style == TScalarStyle::Plain) }
            }
            Event::Alias(of) => Node { anchor: 0, tag: None, body: Body::Alias(of) },
        };
        match open.last_mut() {
            None => return Some(done),
            Some((Node { body: Body::List(items), .. }, _)) => items.push(done),
            Some((Node { body: Body::Table(entries), .. }, key)) => match key.take() {
                None => *key = Some(done),
                Some(name) => entries.push((name, done)),
            },
            Some(_) => return None,
        }
    }
}

fn gather(node: &Node, anchors: &mut HashMap<usize, Node>) {
    if node.anchor != 0 {
        anchors.insert(node.anchor, Node { anchor: 0, ..node.clone() });
    }
    match &node.body {
        Body::List(items) => items.iter().for_each(|item| gather(item, anchors)),
        Body::Table(entries) => entries.iter().for_each(|(key, value)| {
            gather(key, anchors);
            gather(value, anchors);
        }),
        Body::Scalar(..) | Body::Alias(_) => {}
    }
}

struct Placing<'a> {
    dir: &'a RemotePath,
    includes: Includes,
    place: Place<'a>,
    defines: Defines<'a>,
    anchors: HashMap<usize, Node>,
}

impl Placing<'_> {
    /// Walks through a tree; the same walk as that of `files::references`.
    fn table(&self, node: &mut Node, free: bool) -> Result<(), ToolError> {
        match &mut node.body {
            Body::List(items) => items.iter_mut().try_for_each(|item| self.table(item, free)),
            Body::Table(entries) => entries.iter_mut().try_for_each(|(key, value)| {
                let name = self.text(key).unwrap_or_default();
                match name.as_str() {
                    "include" | "extends" | "env_file" | "label_file" if free => return Err(files::free_form(&name)),
                    "include" => self.include(value)?,
                    "extends" => {
                        self.unfold(value);
                        self.file_of(value, "file", Kind::Compose)?;
                    }
                    "env_file" | "label_file" => self.files(value, Kind::Values)?,
                    "environment" | "args" => {
                        self.passed_on(value);
                        self.table(value, true)?;
                    }
                    _ => self.table(value, free || FREE_FORM.contains(&name.as_str()))?,
                }
                Ok(())
            }),
            Body::Scalar(..) | Body::Alias(_) => Ok(()),
        }
    }

    fn text(&self, node: &Node) -> Option<String> {
        match &node.body {
            Body::Scalar(text, _) => Some(text.clone()),
            Body::Alias(of) => self.anchors.get(of).and_then(|node| self.text(node)),
            Body::List(_) | Body::Table(_) => None,
        }
    }

    /// Puts what an alias stands for in its place: the names below it are replaced here and nowhere else.
    fn unfold(&self, node: &mut Node) {
        if let Body::Alias(of) = node.body
            && let Some(target) = self.anchors.get(&of)
        {
            *node = bare(target.clone());
        }
    }

    /// Writes the value behind each bare name, in a list or a mapping and in what a merge key brings there.
    fn passed_on(&self, node: &mut Node) {
        self.unfold(node);
        match &mut node.body {
            Body::List(items) => {
                for item in items {
                    match self.text(item).filter(|name| (self.defines)(name)) {
                        Some(name) => *item = string(format!("{name}=${{{name}}}")),
                        None if matches!(item.body, Body::Alias(_) | Body::Table(_)) => self.passed_on(item),
                        None => {}
                    }
                }
            }
            Body::Table(entries) => {
                for (key, value) in entries {
                    match self.text(key) {
                        Some(key) if key == "<<" => self.passed_on(value),
                        Some(name) if (self.defines)(&name) && self.is_nothing(value) => {
                            *value = string(format!("${{{name}}}"));
                        }
                        _ => {}
                    }
                }
            }
            Body::Scalar(..) | Body::Alias(_) => {}
        }
    }

    fn is_nothing(&self, node: &Node) -> bool {
        match &node.body {
            Body::Scalar(text, true) => {
                matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") && node.tag.is_none()
            }
            Body::Alias(of) => self.anchors.get(of).is_some_and(|node| self.is_nothing(node)),
            _ => false,
        }
    }

    fn file_of(&self, node: &mut Node, key: &str, kind: Kind) -> Result<(), ToolError> {
        let Body::Table(entries) = &mut node.body else { return Ok(()) };
        for (name, value) in entries {
            match self.text(name).as_deref() {
                Some("<<") => return Err(files::merged()),
                Some(name) if name == key => self.files(value, kind)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// A name, a list of names, or mappings with a `path`.
    fn files(&self, node: &mut Node, kind: Kind) -> Result<(), ToolError> {
        self.unfold(node);
        match &mut node.body {
            Body::List(items) => items.iter_mut().try_for_each(|item| self.files(item, kind)),
            Body::Table(_) => self.file_of(node, "path", kind),
            Body::Scalar(text, true) if matches!(text.as_str(), "" | "~" | "null") => Ok(()),
            Body::Scalar(text, plain) => {
                *text = (self.place)(&files::resolve(text, self.dir)?, kind);
                *plain = false;
                Ok(())
            }
            Body::Alias(_) => Err(files::merged()),
        }
    }

    /// Names and mappings become mappings that say all that compose would look for by itself.
    fn include(&self, node: &mut Node) -> Result<(), ToolError> {
        self.unfold(node);
        if let Body::List(items) = &mut node.body {
            return items.iter_mut().try_for_each(|item| self.include(item));
        }
        let body = self.value(node)?;
        if body.is_null() {
            return Ok(());
        }
        let included = files::included(&body, self.dir)?;
        let place = |path: &RemotePath, kind| string((self.place)(path, kind));
        let list = |paths: &[RemotePath], kind| Node {
            anchor: 0,
            tag: None,
            body: Body::List(paths.iter().map(|path| place(path, kind)).collect()),
        };
        *node = match (self.includes, included.paths.as_slice()) {
            (Includes::Names, [one]) => place(one, Kind::Compose),
            (Includes::Names, _) => return Err(files::unreadable("it includes several files in one entry")),
            (Includes::Mappings, paths) => Node {
                anchor: 0,
                tag: None,
                body: Body::Table(vec![
                    (string("path".to_owned()), list(paths, Kind::Compose)),
                    (string("project_directory".to_owned()), string(included.folder.as_str().to_owned())),
                    (string("env_file".to_owned()), list(&included.variables, included.variables_kind)),
                ]),
            },
        };
        Ok(())
    }

    /// A node as data.
    fn value(&self, node: &Node) -> Result<Value, ToolError> {
        Ok(match &node.body {
            Body::Scalar(text, true) if matches!(text.as_str(), "" | "~" | "null") => Value::Null,
            Body::Scalar(text, _) => Value::String(text.clone()),
            Body::Alias(of) => self.anchors.get(of).map_or(Ok(Value::Null), |target| self.value(target))?,
            Body::List(items) => Value::Array(items.iter().map(|item| self.value(item)).collect::<Result<_, _>>()?),
            Body::Table(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, value)| Ok((self.text(key).unwrap_or_default(), self.value(value)?)))
                    .collect::<Result<_, ToolError>>()?,
            ),
        })
    }
}

fn string(text: String) -> Node {
    Node { anchor: 0, tag: None, body: Body::Scalar(text, false) }
}

/// Without anchors, which stay where they were.
fn bare(mut node: Node) -> Node {
    node.anchor = 0;
    node.body = match node.body {
        Body::List(items) => Body::List(items.into_iter().map(bare).collect()),
        Body::Table(entries) => Body::Table(entries.into_iter().map(|(k, v)| (bare(k), bare(v))).collect()),
        other => other,
    };
    node
}

/// Writes a node in flow style.
fn write_node(node: &Node, out: &mut String) {
    if node.anchor != 0 {
        let _ = write!(out, "&a{} ", node.anchor);
    }
    if let Some(Tag { handle, suffix }) = &node.tag {
        let _ = match handle.as_str() {
            "tag:yaml.org,2002:" => write!(out, "!!{suffix} "),
            "!" => write!(out, "!{suffix} "),
            other => write!(out, "!<{other}{suffix}> "),
        };
    }
    match &node.body {
        Body::Alias(of) => {
            let _ = write!(out, "*a{of} ");
        }
        Body::Scalar(text, true) if text.is_empty() => out.push_str("null"),
        Body::Scalar(text, true) if is_more_than_text(text) => out.push_str(text),
        Body::Scalar(text, _) => out.push_str(&yaml::escaped(&Value::String(text.clone()).to_string())),
        Body::List(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                out.push_str(if n == 0 { "" } else { ", " });
                write_node(item, out);
            }
            out.push(']');
        }
        Body::Table(entries) => {
            out.push('{');
            for (n, (key, value)) in entries.iter().enumerate() {
                out.push_str(if n == 0 { "" } else { ",\n" });
                write_node(key, out);
                out.push_str(": ");
                write_node(value, out);
            }
            out.push('}');
        }
    }
}

/// Whether some reader of YAML takes a plain scalar for something else than a text: a number, a moment, a switch, nothing,
/// or a merge key. Such a scalar stays plain.
fn is_more_than_text(text: &str) -> bool {
    let numeric = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.' | b'_' | b':');
    let number = text.bytes().next().is_some_and(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.'))
        && text.bytes().all(numeric)
        && !matches!(text, "-" | ".");
    let words = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "<<"];
    number || words.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests;
