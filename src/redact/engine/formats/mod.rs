//! How formats write a name and its value. Every reader looks at every text: files are cut, mixed and misnamed.

pub(super) mod accounts;
pub(super) mod arrows;
pub(super) mod assignment;
pub(super) mod context;
pub(super) mod daemons;
pub(super) mod devices;
pub(super) mod dialogues;
pub(super) mod directives;
pub(super) mod escaped;
pub(super) mod heredocs;
pub(super) mod keyfiles;
pub(super) mod nested;
pub(super) mod pairs;
pub(super) mod place;
pub(super) mod sections;
pub(super) mod shell;
pub(super) mod table;
pub(super) mod value;
pub(super) mod xml;
pub(super) mod yaml;

use serde::{Deserialize, Serialize};

use super::{Doc, RedactError, Spans};

/// The formats of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `NAME=value` lines.
    Env,
    /// YAML.
    Yaml,
    /// JSON.
    Json,
    /// Sections and `name = value`.
    Ini,
    /// Anything else.
    Generic,
}

impl Format {
    /// The name in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Format::Env => "env",
            Format::Yaml => "yaml",
            Format::Json => "json",
            Format::Ini => "ini",
            Format::Generic => "generic",
        }
    }

    /// The format that a file's name tells.
    pub fn of_path(path: Option<&str>) -> Self {
        if path.is_none() {
            return Format::Generic;
        }
        let name = file_name(path);
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        if ends(&[".env"]) || name.starts_with(".env.") {
            Format::Env
        } else if ends(&[".yml", ".yaml"]) {
            Format::Yaml
        } else if ends(&[".json"]) {
            Format::Json
        } else if ends(&[".ini", ".cfg", ".conf"]) {
            Format::Ini
        } else if name.contains('.') {
            Format::Generic
        } else {
            Format::Env
        }
    }
}

/// The last component of a path, in lower case.
pub(super) fn file_name(path: Option<&str>) -> String {
    path.and_then(|path| path.rsplit(['/', '\\']).next()).unwrap_or("").to_lowercase()
}

/// Runs all readers.
pub(super) fn find(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    let mut pairs = pairs::Pairs::default();
    assignment::find(doc, spans, &mut pairs)?;
    xml::find(doc, spans, &mut pairs)?;
    pairs.find(doc, spans);
    yaml::find(doc, spans)?;
    heredocs::find(doc, spans)?;
    directives::find(doc, spans)?;
    accounts::find(doc, spans)?;
    daemons::find(doc, spans)?;
    devices::find(doc, spans)?;
    keyfiles::find(doc, spans)?;
    sections::find(doc, spans)?;
    arrows::find(doc, spans)?;
    dialogues::find(doc, spans)?;
    table::find(doc, spans)
}
