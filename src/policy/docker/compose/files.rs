//! The files that rendering a compose file makes compose read: `include`, `extends`, `env_file`, `label_file`.
//!
//! They are judged by the path policy before the rendering, because compose reads them as the login user and
//! repeats parts of them in its errors. The scan is generous: any key of these names counts, wherever it stands.

use serde_json::Value;

use super::yaml;
use crate::model::error::ToolError;
use crate::model::remote_path::RemotePath;

/// Words without which a compose file names no other file. A backslash can spell any of them.
///
/// The host looks for these before it renders; a file without them is rendered in the same round trip.
pub const NAMES_FILES: &str = "include|extends|env_file|label_file|\\\\";

/// What a referenced file is to compose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Another compose file, with references of its own.
    Compose,
    /// Variables or labels.
    Values,
}

/// A file that rendering would read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where it lies.
    pub path: RemotePath,
    /// What it is.
    pub kind: Kind,
}

/// Every file that the compose file `text`, which lies in `dir`, refers to.
///
/// Relative names count from the file's own folder and, for an included project, from its project folder.
pub fn references(text: &str, dir: &RemotePath) -> Result<Vec<Reference>, ToolError> {
    let tree = yaml::parse(text).map_err(|why| {
        ToolError::value(
            format!("The compose file refers to other files and cannot be judged: {why}."),
            "Mend the file, or write the project in one file without include, extends and env_file.",
        )
    })?;
    let mut found = Vec::new();
    collect(&tree, dir, &mut found)?;
    Ok(found)
}

fn collect(value: &Value, dir: &RemotePath, found: &mut Vec<Reference>) -> Result<(), ToolError> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| collect(item, dir, found)),
        Value::Object(map) => map.iter().try_for_each(|(key, value)| {
            match key.as_str() {
                "include" => include(value, dir, found)?,
                "extends" => {
                    if let Some(file) = value.get("file") {
                        files(file, dir, Kind::Compose, found)?;
                    }
                }
                "env_file" | "label_file" => files(value, dir, Kind::Values, found)?,
                _ => {}
            }
            collect(value, dir, found)
        }),
        _ => Ok(()),
    }
}

fn include(value: &Value, dir: &RemotePath, found: &mut Vec<Reference>) -> Result<(), ToolError> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| include(item, dir, found)),
        Value::Object(body) => {
            let project = match body.get("project_directory") {
                Some(Value::String(folder)) => resolve(folder, dir)?,
                _ => dir.clone(),
            };
            for (key, kind) in [("path", Kind::Compose), ("env_file", Kind::Values)] {
                if let Some(file) = body.get(key) {
                    files(file, dir, kind, found)?;
                    files(file, &project, kind, found)?;
                }
            }
            Ok(())
        }
        one => files(one, dir, Kind::Compose, found),
    }
}

/// A name, a list of names, or objects with a `path`.
fn files(value: &Value, dir: &RemotePath, kind: Kind, found: &mut Vec<Reference>) -> Result<(), ToolError> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| files(item, dir, kind, found)),
        Value::Object(body) => body.get("path").map_or(Ok(()), |path| files(path, dir, kind, found)),
        Value::String(name) => {
            let reference = Reference { path: resolve(name, dir)?, kind };
            if !found.contains(&reference) {
                found.push(reference);
            }
            Ok(())
        }
        Value::Null => Ok(()),
        Value::Bool(_) | Value::Number(_) => Err(unfit(&value.to_string(), "it is no file name")),
    }
}

fn resolve(name: &str, dir: &RemotePath) -> Result<RemotePath, ToolError> {
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
            ("/srv/app/sub/a.yml", Kind::Compose),
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
        assert!(!found.iter().any(|(p, _)| p.ends_with("/web")), "a service of the same file is no file");
    }

    #[test]
    fn escapes_and_flow_styles_hide_nothing() {
        for text in [
            "{\"services\": {\"w\": {\"\\x65xtends\": {\"file\": \"/etc/shadow\"}}}}",
            "services: {w: {? extends : {file: /etc/shadow}}}",
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
        ] {
            assert!(paths(text).is_err(), "{text}");
        }
    }
}
