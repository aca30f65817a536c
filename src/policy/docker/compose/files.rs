//! The files that rendering a compose file makes compose read: `include`, `extends`, `env_file`, `label_file`.
//!
//! They are judged by the path policy and read before the rendering, because compose reads them as the login user and
//! repeats parts of them in its errors. Compose then gets copies: `sources` writes their names into the text.

use serde_json::Value;

use super::yaml;
use crate::model::error::ToolError;
use crate::model::remote_path::RemotePath;

/// What a referenced file is to compose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Another compose file, with references of its own.
    Compose,
    /// Variables or labels.
    Values,
    /// The variables beside an included project, which compose looks for by itself.
    Beside,
}

/// A file that rendering would read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where it lies.
    pub path: RemotePath,
    /// What it is.
    pub kind: Kind,
    /// The folder from which names in it count.
    pub base: RemotePath,
}

/// Keys below which names are the project's own, so that nothing there names a file to compose.
pub(super) const FREE_FORM: [&str; 9] =
    ["environment", "labels", "args", "annotations", "driver_opts", "options", "sysctls", "extra_hosts", "storage_opt"];

/// Whether compose may find the name of a file in `text`, or something else than our reader does. A backslash, a tag or a
/// directive can spell any word. `open.sh` looks for the same.
pub(crate) fn may_name_files(text: &str) -> bool {
    ["include", "extends", "env_file", "label_file"].iter().any(|word| text.contains(word))
        || text.contains(|c: char| matches!(c, '\\' | '!' | '%') || !matches!(c, ' '..='~' | '\t' | '\r' | '\n'))
}

/// Every file that the compose file `text`, in which names count from `dir`, refers to.
///
/// The scan is generous: any key of these names counts, wherever it stands, since anchors carry mappings to other places.
pub(crate) fn references(text: &str, dir: &RemotePath) -> Result<Vec<Reference>, ToolError> {
    let tree = yaml::parse(text).map_err(|why| unreadable(&why.to_string()))?;
    let mut found = Vec::new();
    collect(&tree, dir, false, &mut found)?;
    Ok(found)
}

/// A text that names other files and cannot be read.
pub(super) fn unreadable(why: &str) -> ToolError {
    ToolError::value(
        format!("The compose file, or one that it names, cannot be judged: {why}."),
        "Correct the file: plain YAML in UTF-8, best without include, extends and env_file.",
    )
}

/// A key that is meant to name a file and stands where names are the project's own.
pub(super) fn free_form(key: &str) -> ToolError {
    ToolError::value(
        format!(
            "The compose file has the key {key:?} below environment, labels or the like, where it could be an anchor for another place."
        ),
        "Write the entry as a list item (`- name=value`), or name it otherwise.",
    )
}

/// A file's entry that is put together by a merge key.
pub(super) fn merged() -> ToolError {
    ToolError::value(
        "The compose file names a file by a merge key (`<<`) below include, extends or env_file, which cannot be judged.",
        "Write the file's name out.",
    )
}

fn collect(value: &Value, dir: &RemotePath, free: bool, found: &mut Vec<Reference>) -> Result<(), ToolError> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| collect(item, dir, free, found)),
        Value::Object(map) => map.iter().try_for_each(|(key, value)| match key.as_str() {
            "include" | "extends" | "env_file" | "label_file" if free => Err(free_form(key)),
            "include" => include(value, dir, found),
            "extends" if value.get("<<").is_some() => Err(merged()),
            "extends" => {
                value.get("file").map_or(Ok(()), |file| files(file, dir, Kind::Compose, found))?;
                // An anchor in here would carry these keys to a place where they name files.
                collect(value, dir, true, found)
            }
            "env_file" | "label_file" => {
                files(value, dir, Kind::Values, found)?;
                collect(value, dir, true, found)
            }
            key => collect(value, dir, free || FREE_FORM.contains(&key), found),
        }),
        _ => Ok(()),
    }
}

/// One entry of `include`, resolved.
pub(super) struct Included {
    pub(super) paths: Vec<RemotePath>,
    /// The included project's folder.
    pub(super) folder: RemotePath,
    /// Its files of variables.
    pub(super) variables: Vec<RemotePath>,
    pub(super) variables_kind: Kind,
}

/// What one entry of `include` means: a name, or a mapping of names.
pub(super) fn included(entry: &Value, dir: &RemotePath) -> Result<Included, ToolError> {
    let names = |value: Option<&Value>| -> Result<Vec<RemotePath>, ToolError> {
        let mut found = Vec::new();
        value.map_or(Ok(()), |value| files(value, dir, Kind::Values, &mut found))?;
        Ok(found.into_iter().map(|reference| reference.path).collect())
    };
    let (paths, folder, named) = match entry {
        Value::Object(body) if body.contains_key("<<") => return Err(merged()),
        Value::Object(body)
            if body.keys().any(|key| !matches!(key.as_str(), "path" | "project_directory" | "env_file")) =>
        {
            return Err(unreadable("an entry of include has a key that is not path, project_directory or env_file"));
        }
        Value::Object(body) => (names(body.get("path"))?, body.get("project_directory"), names(body.get("env_file"))?),
        one => (names(Some(one))?, None, Vec::new()),
    };
    let first = paths.first().ok_or_else(|| unreadable("an entry of include names no file"))?;
    let folder = match folder {
        None | Some(Value::Null) => parent(first)?,
        Some(Value::String(folder)) => resolve(folder, dir)?,
        Some(other) => return Err(unfit(&other.to_string(), "it is not a folder's name")),
    };
    let (variables, variables_kind) =
        if named.is_empty() { (vec![resolve(".env", &folder)?], Kind::Beside) } else { (named, Kind::Values) };
    Ok(Included { paths, folder, variables, variables_kind })
}

fn include(value: &Value, dir: &RemotePath, found: &mut Vec<Reference>) -> Result<(), ToolError> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| include(item, dir, found)),
        Value::Null => Ok(()),
        one => {
            let Included { paths, folder, variables, variables_kind } = included(one, dir)?;
            paths.into_iter().try_for_each(|path| add(path, Kind::Compose, folder.clone(), found))?;
            variables.into_iter().try_for_each(|path| add(path, variables_kind, folder.clone(), found))
        }
    }
}

/// A name, a list of names, or objects with a `path`.
fn files(value: &Value, dir: &RemotePath, kind: Kind, found: &mut Vec<Reference>) -> Result<(), ToolError> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| files(item, dir, kind, found)),
        Value::Object(body) if body.contains_key("<<") => Err(merged()),
        Value::Object(body) => body.get("path").map_or(Ok(()), |path| files(path, dir, kind, found)),
        Value::String(name) => {
            let path = resolve(name, dir)?;
            let base = parent(&path)?;
            add(path, kind, base, found)
        }
        Value::Null => Ok(()),
        Value::Bool(_) | Value::Number(_) => Err(unfit(&value.to_string(), "it is not a file name")),
    }
}

fn add(path: RemotePath, kind: Kind, base: RemotePath, found: &mut Vec<Reference>) -> Result<(), ToolError> {
    match found.iter().find(|known| known.path == path) {
        None => {
            found.push(Reference { path, kind, base });
            Ok(())
        }
        Some(known) if kind == Kind::Compose && known.kind == kind && known.base != base => {
            Err(unfit(path.as_str(), "it is read from two project folders"))
        }
        Some(known) if (kind == Kind::Compose) != (known.kind == Kind::Compose) => {
            Err(unfit(path.as_str(), "it is both a compose file and a file of variables"))
        }
        Some(_) => Ok(()),
    }
}

fn parent(path: &RemotePath) -> Result<RemotePath, ToolError> {
    RemotePath::parse(path.parent()).map_err(|why| unfit(path.as_str(), &why.to_string()))
}

pub(super) fn resolve(name: &str, dir: &RemotePath) -> Result<RemotePath, ToolError> {
    if name.contains('$') {
        return Err(unfit(name, "a variable decides which file it is"));
    }
    if name.contains("://") || name.starts_with("git@") || name.starts_with("oci:") {
        return Err(unfit(name, "it lies on another host"));
    }
    let absolute = if name.starts_with(['/', '~']) { name.to_owned() } else { format!("{dir}/{name}") };
    RemotePath::parse(&absolute).map_err(|why| unfit(name, &why.to_string()))
}

fn unfit(name: &str, why: &str) -> ToolError {
    ToolError::value(
        format!("The compose file refers to the file {name:?}, which cannot be judged: {why}."),
        "Name files of the host as they are, absolute or relative to the compose file.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Result<Vec<(String, Kind)>, ToolError> {
        let dir = RemotePath::parse("/srv/app").unwrap();
        Ok(references(text, &dir)?.into_iter().map(|r| (r.path.as_str().to_owned(), r.kind)).collect())
    }

    #[test]
    fn finds_every_form() {
        let text = "
include:
  - other.yml
  - path: [a.yml, /srv/b.yml]
    env_file: a.env
    project_directory: sub
x-base: &base
  env_file: ../common.env
services:
  web:
    <<: *base
    extends: {file: base.yml, service: web}
  db:
    extends: web
    env_file:
      - db.env
      - path: opt.env
        required: false
    label_file: [l1]
";
        let found = paths(text).unwrap();
        for (path, kind) in [
            ("/srv/app/other.yml", Kind::Compose),
            ("/srv/app/a.yml", Kind::Compose),
            ("/srv/b.yml", Kind::Compose),
            ("/srv/app/a.env", Kind::Values),
            ("/srv/common.env", Kind::Values),
            ("/srv/app/base.yml", Kind::Compose),
            ("/srv/app/db.env", Kind::Values),
            ("/srv/app/opt.env", Kind::Values),
            ("/srv/app/l1", Kind::Values),
        ] {
            assert!(found.contains(&(path.to_owned(), kind)), "{path} in {found:?}");
        }
        assert!(found.contains(&("/srv/app/.env".to_owned(), Kind::Beside)), "{found:?}");
        assert!(!found.iter().any(|(p, _)| p.ends_with("/web")), "a service of the same file is not a file");
    }

    #[test]
    fn escapes_and_flow_styles_hide_nothing() {
        for text in [
            "{\"services\": {\"w\": {\"\\x65xtends\": {\"file\": \"/etc/shadow\"}}}}",
            "services: {w: {extends: &x {file: /etc/shadow}}}",
            "services: {w: {'env_file': ['/etc/shadow']}}",
            "include: /etc/shadow",
        ] {
            let found = paths(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(found.first().map(|f| f.0.as_str()), Some("/etc/shadow"), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_resolved_is_refused() {
        for text in [
            "include: ${FILE}",
            "include: [https://example.com/x.yml]",
            "include: [oci://example.com/x]",
            "include: git@example.com:x.git",
            "services: {w: {env_file: ~/.env}}",
            "services: {w: {env_file: 5}}",
            "include: [",
            // Other readers of YAML find another key, or another line.
            "services: {w: {? extends : {file: /etc/shadow}}}",
            "!!binary aW5jbHVkZQ==: [/etc/shadow]",
            "%TAG !e! tag:yaml.org,2002:\n---\n!e!binary aW5jbHVkZQ==: [/etc/shadow]",
            "#\u{85}include: [/etc/shadow]",
            "#\u{2028}include: [/etc/shadow]",
            "#\u{2029}include: [/etc/shadow]",
            "#\u{feff}include: [/etc/shadow]",
            // A merge key or an anchor would bring a name to a place where nobody looked.
            "services: {w: {extends: {<<: {file: /etc/shadow}, service: x}}}",
            "include: [{<<: {path: /etc/shadow}}]",
            "services: {w: {env_file: [{<<: {path: /etc/shadow}}]}}",
            "services: {v: {labels: &a {env_file: /etc/shadow}}, w: {<<: *a}}",
            "services: {v: {extends: {service: w, x: &a {env_file: /etc/shadow}}}, w: {<<: *a}}",
            "include: [{path: a.yml, x: &a {env_file: /etc/shadow}}]\nservices: {w: {<<: *a}}",
        ] {
            assert!(paths(text).is_err(), "{text}");
        }
    }
}
