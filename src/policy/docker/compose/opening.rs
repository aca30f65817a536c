//! What compose is given in place of the files of a project that names files or has a file of variables. Pure.
//!
//! All of these files were judged and read; compose gets copies in a private folder, the variables by value, and the
//! project's own text on standard input. It opens no file of the project by itself while it renders.

use sha2::{Digest as _, Sha256};

use super::files::{self, Kind, Reference};
use super::masks::Masks;
use super::sources::{self, Includes};
use super::variables::{self, Dollar, Variables};
use super::yaml;
use crate::model::error::ToolError;
use crate::model::hex::hex;
use crate::model::quote::sh_quote;
use crate::model::remote_path::RemotePath;

/// A file that was read, or that is not there.
#[derive(Debug, Clone)]
pub struct File {
    /// What names it.
    pub reference: Reference,
    /// Its text.
    pub text: Option<String>,
    /// Whether the policy lists it for redaction.
    pub is_listed: bool,
}

/// Everything that a project's rendering reads.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The compose file.
    pub main: String,
    /// Where it lies.
    pub path: RemotePath,
    /// The folder from which names in it count.
    pub dir: RemotePath,
    /// The file of variables beside it.
    pub beside: Option<String>,
    /// Whether the policy lists that file for redaction.
    pub beside_is_listed: bool,
    /// The files that these name.
    pub files: Vec<File>,
}

/// What reads the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// podman-compose.
    pub is_podman: bool,
    /// podman-compose or the first generation, which read files of variables as Python's reader does.
    pub is_python: bool,
    /// It gets no environment (`sudo docker`), so that variables travel in a file.
    pub without_environment: bool,
}

/// A project ready for compose.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The files that it was made from, apart from the file of variables and the compose file.
    pub references: Vec<Reference>,
    /// SHA-256 over the digests of all of them, in hexadecimal; see `open.sh`.
    pub stamp: String,
    /// What stands for the private folder in texts; empty where none is needed.
    pub token: String,
    /// Lines of `sh` for the rendering. They end in the mark.
    pub code: String,
    /// A random word.
    pub mark: String,
    /// What must not be shown.
    pub masks: Masks,
    /// Names of variables that were not taken, for a warning.
    pub not_taken: Vec<String>,
    /// Lines of the file of variables that are not assignments.
    pub unread: usize,
    /// Whether the project may have compose run commands in its containers when it starts or stops them.
    pub may_run_hooks: bool,
    variables: Variables,
    client: Client,
    staged: Vec<(RemotePath, String)>,
}

impl Opening {
    /// Makes one. `mark` is a random word.
    pub fn new(from: Sources, mark: &str, client: Client) -> Result<Self, ToolError> {
        let dollar = if client.is_python { Dollar::Itself } else { Dollar::Variable };
        let includes = if client.is_podman { Includes::Names } else { Includes::Mappings };
        let variables = Variables::parse(from.beside.as_deref().unwrap_or_default(), dollar);
        // The first generation extends services of the same file only where that file has a name.
        let by_name = client.is_python && !client.is_podman && from.main.contains("extends");
        let token = if from.files.is_empty() && !by_name { String::new() } else { format!("/ssh-mcp-{mark}") };
        let place = |path: &RemotePath, kind| {
            let missing = !from.files.iter().any(|file| file.reference.path == *path && file.text.is_some());
            if kind == Kind::Beside && missing { "/dev/null".to_owned() } else { format!("{token}{path}") }
        };
        let placed = |text: &str, dir: &RemotePath| -> Result<String, ToolError> {
            // Written anew from what our reader found, so that compose can find nothing else in it.
            if files::may_name_files(text) || variables.may_be_passed_on_by(text) {
                sources::placed(text, dir, includes, &place, &|name| variables.defines(name))
            } else {
                Ok(text.to_owned())
            }
        };
        let mut written = Vec::new();
        let mut code = String::new();
        let mut staged = Vec::new();
        for File { reference, text, .. } in &from.files {
            let Some(text) = text else { continue };
            if let Some(c) = yaml::odd_character(text) {
                return Err(files::unreadable(&yaml::BadYaml::Character(c.into()).to_string()));
            }
            if reference.kind == Kind::Compose {
                let text = placed(text, &reference.base)?;
                code.push_str(&put(&reference.path, &variables.renamed(&text)));
                code.push_str(&contexts(&text, &reference.base));
                written.push(text);
            } else {
                code.push_str(&put(&reference.path, text));
                staged.push((reference.path.clone(), text.clone()));
            }
        }
        let composes: Vec<&str> = std::iter::once(from.main.as_str())
            .chain(from.files.iter().filter(|f| f.reference.kind == Kind::Compose).filter_map(|f| f.text.as_deref()))
            .collect();
        written.push(placed(&from.main, &from.dir)?);
        code.push_str(&given(&variables, &written.iter().map(String::as_str).collect::<Vec<_>>(), client)?);
        let main = written.last().map(|text| variables.renamed(text)).unwrap_or_default();
        if by_name {
            code.push_str(&format!("{}y=\"$w\"{}\n", put(&from.path, &main), sh_quote(from.path.as_str())));
        }
        code.push_str(&format!("t={}\n", sh_quote(&main)));
        let mut secret = if from.beside_is_listed { variables.values() } else { Vec::new() };
        for file in from.files.iter().filter(|file| file.is_listed && file.reference.kind != Kind::Compose) {
            secret.extend(Variables::parse(file.text.as_deref().unwrap_or_default(), dollar).values());
        }
        Ok(Opening {
            stamp: stamp(&from),
            masks: Masks::of(&secret, &composes),
            not_taken: variables.not_taken(&composes).into_iter().map(str::to_owned).collect(),
            unread: variables.unread(),
            may_run_hooks: composes.iter().any(|text| may_run_hooks(text)),
            references: from.files.into_iter().map(|file| file.reference).collect(),
            token,
            code: ended(code, mark),
            mark: mark.to_owned(),
            variables,
            client,
            staged,
        })
    }

    /// Lines of `sh` for running what was judged: variables that its text still names, and files of variables that it
    /// still names.
    pub fn run_code(&self, rendering: &str, mark: &str) -> Result<String, ToolError> {
        let mut code = String::new();
        if !self.token.is_empty() && rendering.contains(&self.token) {
            code.extend(self.staged.iter().map(|(path, text)| put(path, text)));
        }
        code.push_str(&given(&self.variables, &[rendering], self.client)?);
        Ok(ended(code, mark))
    }

    /// The project's name, where its file of variables gives one.
    pub fn project_name(&self) -> Option<String> {
        self.variables.project_name()
    }

    /// Whether compose finds a copy of this file.
    pub fn has_copy_of(&self, path: &str) -> bool {
        self.staged.iter().any(|(staged, _)| staged.as_str() == path)
    }

    /// A text of compose with the names that the project itself uses.
    pub fn as_named(&self, text: &str) -> String {
        let text = text.replace(variables::ALIAS, "");
        if self.token.is_empty() { text } else { text.replace(&self.token, "") }
    }
}

/// Whether a text may hold commands that compose runs in a container around its start or stop. `open.sh` looks for the same
/// words; where they could be spelled in another way, the keys are looked at.
fn may_run_hooks(text: &str) -> bool {
    fn is_hook(key: &str) -> bool {
        ["pre_start", "pre_stop", "post_start", "post_stop"].contains(&key)
    }
    fn in_tree(value: &serde_json::Value) -> bool {
        match value {
            serde_json::Value::Array(items) => items.iter().any(in_tree),
            serde_json::Value::Object(map) => map.iter().any(|(key, value)| is_hook(key) || in_tree(value)),
            _ => false,
        }
    }
    let plain = |c: char| matches!(c, ' '..='~' | '\t' | '\r' | '\n') && !matches!(c, '\\' | '!' | '%');
    if text.chars().all(plain) {
        return ["pre_st", "post_st"].iter().any(|word| text.contains(word));
    }
    yaml::parse(text).map_or(true, |tree| in_tree(&tree))
}

/// Lines of `sh` that give the client what these texts need of the variables.
fn given(variables: &Variables, texts: &[&str], client: Client) -> Result<String, ToolError> {
    if !client.without_environment {
        return variables.exports(texts);
    }
    let dollar = if client.is_python { Dollar::Itself } else { Dollar::Variable };
    Ok(format!("printf '%s' {} >\"$j\"\n", sh_quote(&variables.file_text(texts, dollar)?)))
}

/// Lays a text down in the private folder; see `receive.sh`.
fn put(path: &RemotePath, text: &str) -> String {
    format!("put {} {}\n", sh_quote(path.as_str()), sh_quote(text))
}

/// Lines that a truncated input does not have.
fn ended(code: String, mark: &str) -> String {
    if code.is_empty() { code } else { format!("{code}#{mark}") }
}

/// The first generation wants to see the build contexts of a file that another one extends.
fn contexts(text: &str, base: &RemotePath) -> String {
    let Ok(tree) = yaml::parse(text) else { return String::new() };
    let services = tree.get("services").and_then(serde_json::Value::as_object);
    let builds = services.into_iter().flatten().filter_map(|(_, service)| service.get("build"));
    let contexts = builds.filter_map(|build| build.as_str().or_else(|| build.get("context")?.as_str()));
    contexts
        .filter(|context| !context.starts_with('/') && !context.contains(['$', ':']))
        .filter_map(|context| RemotePath::parse(&format!("{base}/{context}")).ok())
        .map(|path| format!("mkdir -p \"$w\"{}\n", sh_quote(path.as_str())))
        .collect()
}

/// What `open.sh` makes of the same files.
fn stamp(from: &Sources) -> String {
    let line = |text: Option<&String>| {
        text.map_or_else(|| "none\n".to_owned(), |text| format!("{}  -\n", hex(&Sha256::digest(text))))
    };
    let mut all: String = from.files.iter().map(|file| line(file.text.as_ref())).collect();
    all.push_str(&line(from.beside.as_ref()));
    all.push_str(&line(Some(&from.main)));
    hex(&Sha256::digest(all))
}
