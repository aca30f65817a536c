//! What can be read: the server's own facts, and the skills in the three ways that clients know: as plain resources,
//! by template, and by the skills extension.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rmcp::ErrorData as McpError;
use rmcp::model::{
    DIRECTORY_MIME_TYPE, ReadResourceResult, Resource, ResourceContents, ResourceTemplate, Skill as WireSkill,
    SkillFrontmatter, SkillResource, SkillResources, sha256_digest,
};
use serde_json::json;

use crate::skills::{self, FrontMatter, Kind, Library, MANIFEST, SKILL_MD, Skill, SkillError};
use crate::toolkit::backend::Backend;
use crate::toolkit::clean;

/// The facts about this server, the same as the tool `ssh_server_info` answers.
pub(super) const SERVER_INFO: &str = "mcp://ssh-mcp/server-info";

const SCHEME: &str = "skill://";
const MARKDOWN: &str = "text/markdown";
const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";

/// `resources/list`: the server's facts, then the text of each listed skill. The list of a skill's files can be read,
/// but is not listed: it would double the list.
pub(super) fn list(skills: &[&Skill]) -> Vec<Resource> {
    let about = Resource::new(SERVER_INFO, "server-info")
        .with_description("Name, version, and the tiers and groups that are open")
        .with_mime_type(JSON);
    let mut resources = vec![about];
    for skill in skills {
        let head = skill.text().ok().map(|(head, _)| head);
        resources.push(text_of(skill, head.as_ref()));
    }
    resources
}

fn text_of(skill: &Skill, head: Option<&FrontMatter>) -> Resource {
    let text =
        Resource::new(uri(skill.name(), SKILL_MD), skill.name()).with_title(title(skill)).with_mime_type(MARKDOWN);
    match head {
        Some(head) => text.with_description(clean(&head.description)),
        None => text,
    }
}

/// What a person calls a skill: its name in words.
pub(super) fn title(skill: &Skill) -> String {
    let words = skill.name().replace('-', " ");
    match skill.kind() {
        Kind::Runbook => format!("Runbook: {words}"),
        Kind::Guide => format!("Guide: {words}"),
    }
}

/// `resources/templates/list`: one for each skill.
pub(super) fn templates(library: &Library) -> Vec<ResourceTemplate> {
    let template = |skill: &Skill| {
        ResourceTemplate::new(format!("{SCHEME}{}/{{path*}}", skill.name()), skill.name())
            .with_description(format!("A file of {}", skill.name()))
            .with_mime_type(BYTES)
    };
    library.skills().iter().map(template).collect()
}

/// `resources/read`.
pub(super) fn read(uri: &str, library: &Library, backend: &dyn Backend) -> Result<ReadResourceResult, McpError> {
    if uri == SERVER_INFO {
        let text = serde_json::to_string_pretty(&backend.server_info())
            .map_err(|error| McpError::internal_error(error.to_string(), None))?;
        return Ok(ReadResourceResult::new(vec![ResourceContents::text(text, uri).with_mime_type(JSON)]));
    }
    let absent = || McpError::resource_not_found("Resource not found", Some(json!({"uri": uri})));
    let (skill, path) = locate(uri, library).ok_or_else(absent)?;
    if path == MANIFEST {
        let text = manifest(skill).map_err(|error| unreadable(&error))?;
        return Ok(ReadResourceResult::new(vec![ResourceContents::text(text, uri).with_mime_type(JSON)]));
    }
    let bytes = skill.file(&path).map_err(|error| unreadable(&error))?.ok_or_else(absent)?;
    // A text that holds what no text may is delivered in a form that nobody shows, so that its digest still holds.
    let contents = match std::str::from_utf8(&bytes) {
        Ok(text) if clean(text) == text.replace("\r\n", "\n") => ResourceContents::text(text, uri),
        _ => ResourceContents::blob(BASE64.encode(&bytes), uri),
    };
    Ok(ReadResourceResult::new(vec![contents.with_mime_type(mime(&path))]))
}

fn manifest(skill: &Skill) -> Result<String, SkillError> {
    let files: Vec<_> = skill
        .files()?
        .iter()
        .map(|file| json!({"path": file.path, "size": file.bytes.len(), "hash": sha256_digest(&file.bytes)}))
        .collect();
    Ok(format!("{:#}", json!({"skill": skill.name(), "files": files})))
}

/// `skills/list`. A skill that breaks a rule of the extension is left out, and the log says why.
pub(super) fn skills(listed: &[&Skill]) -> Vec<WireSkill> {
    let whole = |skill: &Skill| match wire(skill) {
        Ok(wire) => Some(wire),
        Err(why) => {
            tracing::warn!(skill = skill.name(), why, "left out of skills/list");
            None
        }
    };
    listed.iter().copied().filter_map(whole).collect()
}

/// `skills/get`.
pub(super) fn skill(uri: &str, library: &Library) -> Result<WireSkill, McpError> {
    let absent = || McpError::invalid_params("there is no such skill", Some(json!({"uri": uri})));
    let (skill, path) = locate(uri, library).ok_or_else(absent)?;
    if path != SKILL_MD {
        return Err(absent());
    }
    wire(skill).map_err(|why| McpError::invalid_params(why, Some(json!({"uri": uri}))))
}

fn wire(skill: &Skill) -> Result<WireSkill, String> {
    let (head, _) = skill.text().map_err(|error| error.to_string())?;
    let files = skill.files().map_err(|error| error.to_string())?;
    let resources =
        files.iter().map(|file| SkillResource::from_bytes(uri(skill.name(), &file.path), &file.bytes)).collect();
    let mut front = SkillFrontmatter::new(head.name, clean(&head.description).into_owned());
    for (key, value) in head.extra {
        front = front.with_field(key, value);
    }
    let wire = WireSkill::new(uri(skill.name(), SKILL_MD), front, SkillResources::Files(resources));
    wire.validate().map_err(|error| error.to_string())?;
    Ok(wire)
}

/// `resources/directory/read`: the direct children of a folder of a skill.
pub(super) fn directory(uri: &str, library: &Library) -> Result<Vec<Resource>, McpError> {
    let absent = || McpError::invalid_params("there is no such directory", Some(json!({"uri": uri})));
    let (skill, path) = match uri.strip_prefix(SCHEME) {
        Some(name) if !name.contains('/') => (library.get(&decode(name).ok_or_else(absent)?), String::new()),
        _ => match locate(uri, library) {
            Some((skill, path)) => (Some(skill), path + "/"),
            None => (None, String::new()),
        },
    };
    let skill = skill.ok_or_else(absent)?;
    let mut children: Vec<Resource> = Vec::new();
    for file in skill.files().map_err(|error| unreadable(&error))? {
        let Some(below) = file.path.strip_prefix(&path) else { continue };
        if let Some((folder, _)) = below.split_once('/') {
            let uri = self::uri(skill.name(), &format!("{path}{folder}"));
            if children.last().is_none_or(|last| last.uri != uri) {
                children.push(Resource::new(uri, folder).with_mime_type(DIRECTORY_MIME_TYPE));
            }
        } else if file.path == SKILL_MD {
            let head = skill.text().ok().map(|(head, _)| head);
            children.push(text_of(skill, head.as_ref()).with_size(file.bytes.len() as u64));
        } else {
            let uri = self::uri(skill.name(), &file.path);
            children
                .push(Resource::new(uri, below).with_mime_type(mime(&file.path)).with_size(file.bytes.len() as u64));
        }
    }
    if children.is_empty() { Err(absent()) } else { Ok(children) }
}

/// The paths of a skill's files that begin with `prefix`, for the completion of its template.
pub(super) fn paths(template: &str, prefix: &str, library: &Library) -> Option<Vec<String>> {
    let name = template.strip_prefix(SCHEME)?.strip_suffix("/{path*}")?;
    let files = library.get(name)?.files().ok()?;
    Some(files.into_iter().map(|file| file.path).filter(|path| path.starts_with(prefix)).collect())
}

fn unreadable(error: &SkillError) -> McpError {
    McpError::internal_error(format!("the skill cannot be served: {error}"), None)
}

/// The skill and the path inside of it that a URI names. Dot segments lead nowhere.
fn locate<'a>(uri: &str, library: &'a Library) -> Option<(&'a Skill, String)> {
    let (name, path) = uri.strip_prefix(SCHEME)?.split_once('/')?;
    let skill = library.get(&decode(name)?)?;
    let parts: Option<Vec<String>> = path.split('/').map(decode).collect();
    let parts = parts?;
    let bad = |part: &String| part.is_empty() || part == "." || part == ".." || part.contains('/');
    (!parts.iter().any(bad)).then(|| (skill, parts.join("/")))
}

/// The URI of a file of a skill. Everything but RFC 3986's unreserved characters is escaped.
fn uri(skill: &str, path: &str) -> String {
    let mut uri = format!("{SCHEME}{skill}/");
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

fn decode(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                u8::try_from(high * 16 + low).ok()?
            }
            // Neither belongs to a path.
            b'?' | b'#' => return None,
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn mime(path: &str) -> &'static str {
    if path == skills::SKILL_MD {
        return MARKDOWN;
    }
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("md") => MARKDOWN,
        Some("json") => JSON,
        Some("txt" | "sh" | "py" | "conf" | "log" | "csv") => "text/plain",
        Some("yaml" | "yml") => "application/yaml",
        Some("toml") => "application/toml",
        _ => BYTES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_survives_its_uri() {
        for path in ["SKILL.md", "a b/ü.txt", "100%/x?#[]", "~/.-_"] {
            let uri = uri("s", path);
            assert!(uri.is_ascii());
            let parts: Option<Vec<_>> = uri.strip_prefix("skill://s/").unwrap().split('/').map(decode).collect();
            assert_eq!(parts.unwrap().join("/"), path);
        }
    }

    #[test]
    fn broken_escapes_are_no_path() {
        for part in ["%", "%1", "%zz", "%ff", "a?b", "a#b"] {
            assert_eq!(decode(part), None, "{part}");
        }
    }
}
