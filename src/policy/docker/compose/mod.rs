//! The judge of compose projects: what a rendering may ask of the engine.
//!
//! A compose file says little by itself: `include`, `extends`, merge keys and variables decide what it means. So
//! the rendering is judged (`docker compose config --format json`, or the YAML of docker-compose 1.29), by an
//! allow-list of keys, and what runs is the judged value, written anew as JSON, which is YAML for both
//! generations. Two readers can so never see two different projects.
//!
//! Files that rendering itself would read are judged before it happens: [`files`].

mod build;
pub(crate) mod files;
pub(crate) mod masks;
pub(crate) mod opening;
mod service;
pub(crate) mod sources;
pub(crate) mod variables;

use serde_json::{Map, Value};

use super::{Escalation, HostSource, Use, escalates, mounts, value_rules, yaml};
use crate::model::docker::{ContainerName, VolumeName};
use crate::model::error::ToolError;
use crate::model::remote_path::RemotePath;

/// A project that passed the rules.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedProject {
    /// What to hand to compose on its standard input.
    pub rendering: String,
    /// The project's name, where the rendering says it (compose v2).
    pub name: Option<String>,
    /// Names of the services.
    pub services: Vec<String>,
    /// How the services' containers are called.
    pub containers: Vec<Container>,
    /// Paths of the host that containers would see.
    pub mounts: Vec<HostSource>,
    /// Volumes of the engine that it names, which may be there already and may be folders of the host.
    pub volumes: Vec<Volume>,
    /// Paths that compose itself would read as the login user: build contexts, files of variables.
    pub reads: Vec<HostSource>,
}

/// The containers of a service, as podman-compose names them. It starts whatever has such a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    service: String,
    name: Option<String>,
    copies: u64,
}

impl JudgedProject {
    /// Every name that podman-compose gives to the project's containers.
    pub fn container_names(&self, project: &str) -> Result<Vec<String>, ToolError> {
        let mut names = Vec::new();
        for Container { service, name, copies } in &self.containers {
            if *copies > COPIES_MAX {
                return Err(ToolError::value(
                    format!("The service {service} has {copies} containers."),
                    format!("Give a service at most {COPIES_MAX} under podman-compose."),
                ));
            }
            names.extend(name.clone());
            let of = |separator: char, n: u64| format!("{project}{separator}{service}{separator}{n}");
            names.extend((1..=*copies).flat_map(|n| [of('_', n), of('-', n)]));
        }
        names.retain(|name| ContainerName::parse(name).is_ok());
        Ok(names)
    }
}

/// The name of a volume, as far as the rendering tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Volume {
    /// The whole name.
    Named(String),
    /// This alone, or the project's name, `_` and this.
    Ending(String),
}

/// Most containers of one service of podman-compose.
const COPIES_MAX: u64 = 100;

/// How a rendering is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Compose v2.
    Json,
    /// docker-compose 1.29.
    Yaml,
    /// podman-compose, which does not double the dollar signs that it renders.
    Undoubled,
}

/// What a judgement gathers while it walks a project.
struct Findings<'a> {
    dir: &'a RemotePath,
    mode: Escalation,
    mounts: Vec<HostSource>,
    reads: Vec<HostSource>,
    volumes: Vec<Volume>,
}

/// Judges a rendering made in the project folder `dir`.
pub(crate) fn judge(
    text: &str,
    format: Format,
    dir: &RemotePath,
    mode: Escalation,
) -> Result<JudgedProject, ToolError> {
    let unreadable = |why: String| {
        ToolError::value(
            format!("The rendering of the compose file cannot be judged: {why}."),
            "Check the file with `docker compose config` on the host.",
        )
    };
    let written: Value = match format {
        Format::Json if text.len() > yaml::TEXT_MAX => return Err(unreadable("it is too large".to_owned())),
        Format::Json => {
            serde_json::from_str(text).map_err(|e| unreadable(format!("it is not JSON (line {})", e.line())))?
        }
        Format::Yaml => yaml::parse(text).map_err(|e| unreadable(e.to_string()))?,
        Format::Undoubled => doubled(yaml::parse(text).map_err(|e| unreadable(e.to_string()))?),
    };
    let project = literal(&written)?;
    let Value::Object(project) = project else { return Err(unreadable("it is not a mapping".to_owned())) };
    let mut found = Findings { dir, mode, mounts: Vec::new(), reads: Vec::new(), volumes: Vec::new() };
    for (key, value) in &project {
        match key.as_str() {
            "name" | "version" => {}
            key if is_note(key) => {}
            "services" => {
                for (name, value) in table(value, "services")? {
                    service::judge(name, value, &mut found)?;
                }
            }
            "networks" => each(value, "networks", |name, body| found.network(name, body))?,
            "volumes" => each(value, "volumes", |name, body| found.volume(name, body))?,
            "configs" => each(value, "configs", |name, body| found.file_object("configs", name, body))?,
            "secrets" => each(value, "secrets", |name, body| found.file_object("secrets", name, body))?,
            other => found.unknown("the project", other, value)?,
        }
    }
    if mode == Escalation::Refused {
        for source in &found.mounts {
            super::check_host_source(source)?;
        }
    }
    let services = project.get("services").and_then(Value::as_object);
    Ok(JudgedProject {
        rendering: yaml::escaped(&written.to_string()),
        name: project.get("name").and_then(Value::as_str).filter(|n| project_name(n)).map(str::to_owned),
        services: services.map(|s| s.keys().cloned().collect()).unwrap_or_default(),
        containers: services.into_iter().flatten().map(|(name, body)| container(name, body)).collect(),
        mounts: found.mounts,
        volumes: found.volumes,
        reads: found.reads,
    })
}

/// The judged rendering with the copies of files of variables that podman-compose reads when it runs: their names below
/// `folder`.
pub(crate) fn with_copies(rendering: &str, folder: &str, has_copy: &dyn Fn(&str) -> bool) -> String {
    let Ok(Value::Object(mut project)) = serde_json::from_str::<Value>(rendering) else { return rendering.to_owned() };
    let copied = |value: &mut Value| {
        if let Value::String(path) = value
            && has_copy(path)
        {
            path.insert_str(0, folder);
        }
    };
    let services = project.get_mut("services").and_then(Value::as_object_mut);
    for service in services.into_iter().flat_map(|services| services.values_mut()) {
        match service.get_mut("env_file") {
            Some(Value::Array(entries)) => entries.iter_mut().for_each(|entry| match entry {
                Value::Object(body) => body.get_mut("path").into_iter().for_each(copied),
                entry => copied(entry),
            }),
            Some(one) => copied(one),
            None => {}
        }
    }
    Value::Object(project).to_string()
}

fn container(service: &str, body: &Value) -> Container {
    let copies = [body.get("scale"), body.get("deploy").and_then(|deploy| deploy.get("replicas"))];
    // What is not a number is one, as for podman-compose.
    let copies = copies.into_iter().flatten().filter_map(scalar).filter_map(|text| text.trim().parse().ok()).max();
    let name = body.get("container_name").and_then(scalar);
    Container { service: service.to_owned(), name, copies: copies.unwrap_or(1) }
}

/// The names that compose v2 accepts for projects.
fn project_name(name: &str) -> bool {
    name.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

/// The tree as compose will read it the second time: `$$` is a dollar, and a lone dollar would be a variable.
fn literal(value: &Value) -> Result<Value, ToolError> {
    let text = |text: &str| {
        let halves: Vec<&str> = text.split("$$").collect();
        if halves.iter().any(|h| h.contains('$')) {
            return Err(ToolError::value(
                "The rendering still holds a variable, which would be filled in after the judgement.",
                "Write dollar signs of commands as $$ in the compose file.",
            ));
        }
        Ok(halves.join("$"))
    };
    Ok(match value {
        Value::String(s) => Value::String(text(s)?),
        Value::Array(items) => Value::Array(items.iter().map(literal).collect::<Result<_, _>>()?),
        Value::Object(map) => {
            let mut out = Map::new();
            for (key, value) in map {
                out.insert(text(key)?, literal(value)?);
            }
            Value::Object(out)
        }
        other => other.clone(),
    })
}

/// The tree with every dollar sign as two, so that a second reading fills nothing in.
fn doubled(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace('$', "$$")),
        Value::Array(items) => Value::Array(items.into_iter().map(doubled).collect()),
        // podman-compose fills in no keys, so a key is read back as it stands; one with a dollar sign is refused below.
        Value::Object(map) => Value::Object(map.into_iter().map(|(key, value)| (key, doubled(value))).collect()),
        other => other,
    }
}

/// Whether a key is of the project's own, which no client reads. podman-compose takes options of podman from `x-podman`
/// and its kin, and a build takes some from `x-bake`.
fn is_note(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    lower.starts_with("x-") && !["x-podman", "x-bake"].iter().any(|start| lower.starts_with(start))
}

/// True for values that ask for nothing.
fn empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(s) => s.is_empty(),
        Value::Array(a) => a.is_empty(),
        Value::Object(o) => o.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// A scalar as the text that compose would make of it.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        Value::Null => Some(String::new()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn shape(place: &str) -> ToolError {
    ToolError::value(
        format!("{place} has a form that is not known here."),
        "Write it in the form of the compose specification.",
    )
}

fn table<'a>(value: &'a Value, place: &str) -> Result<&'a Map<String, Value>, ToolError> {
    value.as_object().ok_or_else(|| shape(place))
}

/// The entries of a mapping of objects; an object may be empty.
fn each(
    value: &Value,
    place: &str,
    mut body: impl FnMut(&str, &Map<String, Value>) -> Result<(), ToolError>,
) -> Result<(), ToolError> {
    if empty(value) {
        return Ok(());
    }
    let none = Map::new();
    for (name, object) in table(value, place)? {
        match object {
            Value::Null => body(name, &none)?,
            object => body(name, table(object, &format!("{place}.{name}"))?)?,
        }
    }
    Ok(())
}

/// `key=value` pairs, from a mapping or a list.
fn pairs(value: &Value, place: &str) -> Result<Vec<(String, String)>, ToolError> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Object(map) => {
            map.iter().map(|(k, v)| Ok((k.clone(), scalar(v).ok_or_else(|| shape(place))?))).collect()
        }
        Value::Array(items) => items
            .iter()
            .map(|item| {
                let text = item.as_str().ok_or_else(|| shape(place))?;
                let (k, v) = text.split_once('=').unwrap_or((text, ""));
                Ok((k.to_owned(), v.to_owned()))
            })
            .collect(),
        _ => Err(shape(place)),
    }
}

/// Texts, from a list or a single one.
fn texts(value: &Value, place: &str) -> Result<Vec<String>, ToolError> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => items.iter().map(|i| scalar(i).ok_or_else(|| shape(place))).collect(),
        other => Ok(vec![scalar(other).ok_or_else(|| shape(place))?]),
    }
}

impl Findings<'_> {
    /// A key that is not on the list: harmless only while it asks for nothing.
    fn unknown(&self, place: &str, key: &str, value: &Value) -> Result<(), ToolError> {
        if self.mode == Escalation::Allowed || empty(value) {
            return Ok(());
        }
        Err(escalates(format!("{place} has the key {key:?}, which is not known to be harmless.")))
    }

    /// A path of the host, absolute or below the project folder.
    fn host_path(&self, text: &str, place: &str) -> Result<RemotePath, ToolError> {
        let absolute = if text.starts_with('/') { text.to_owned() } else { format!("{}/{text}", self.dir) };
        let parsed = if text.starts_with('~') { RemotePath::parse(text) } else { RemotePath::parse(&absolute) };
        parsed.map_err(|why| {
            ToolError::value(format!("{place} names the host path {text:?}: {why}."), "Give an absolute path.")
        })
    }

    fn mount(&mut self, path: RemotePath, access: Use, place: &str) {
        self.mounts.push(HostSource { path, access, named_by: place.to_owned() });
    }

    fn read(&mut self, path: RemotePath, place: &str) {
        self.reads.push(HostSource { path, access: Use::Read, named_by: place.to_owned() });
    }

    fn network(&mut self, name: &str, body: &Map<String, Value>) -> Result<(), ToolError> {
        let place = format!("networks.{name}");
        if self.mode == Escalation::Allowed {
            return Ok(());
        }
        let external = body.get("external").and_then(|e| e.get("name")).and_then(Value::as_str);
        let real = body.get("name").and_then(Value::as_str).or(external).unwrap_or(name);
        if !value_rules::network(real) {
            return Err(escalates(format!("{place} is the network {real:?}, which is not the containers' own.")));
        }
        for (key, value) in body {
            match key.as_str() {
                "name" | "external" | "internal" | "attachable" | "enable_ipv4" | "enable_ipv6" | "labels" | "ipam" => {
                }
                key if is_note(key) => {}
                "driver" if matches!(scalar(value).as_deref(), Some("" | "default" | "bridge" | "overlay")) => {}
                "driver" => {
                    return Err(escalates(format!(
                        "{place} uses the driver {value}, which reaches the host's interfaces."
                    )));
                }
                "driver_opts" => {
                    if let Some((option, _)) = pairs(value, &place)?.iter().find(|(k, _)| !network_option(k)) {
                        return Err(escalates(format!(
                            "{place} has the driver option {option:?}, which is not known to be harmless."
                        )));
                    }
                }
                other => self.unknown(&place, other, value)?,
            }
        }
        Ok(())
    }

    fn volume(&mut self, name: &str, body: &Map<String, Value>) -> Result<(), ToolError> {
        let place = format!("volumes.{name}");
        let external = body.get("external").and_then(|e| e.get("name"));
        let real = body.get("name").or(external).and_then(scalar).filter(|n| !n.is_empty());
        let fits = |name: &str| {
            VolumeName::parse(name).map_err(|why| ToolError::value(format!("{place}: {why}."), "Give another name."))
        };
        self.volumes.push(match real {
            Some(real) => Volume::Named(fits(&real)?.as_str().to_owned()),
            None => Volume::Ending(fits(name)?.as_str().to_owned()),
        });
        let driver = body.get("driver").and_then(scalar).unwrap_or_default();
        let options = body.get("driver_opts").map(|o| pairs(o, &place)).transpose()?.unwrap_or_default();
        match mounts::local_volume(&driver, &options, &place) {
            Ok(Some(path)) => self.mount(path, Use::Write, &place),
            Ok(None) => {}
            Err(_) if self.mode == Escalation::Allowed => {}
            Err(refusal) => return Err(refusal),
        }
        for (key, value) in body {
            match key.as_str() {
                "name" | "external" | "labels" | "driver" | "driver_opts" => {}
                key if is_note(key) => {}
                other => self.unknown(&place, other, value)?,
            }
        }
        Ok(())
    }

    /// A config or secret: a file of the host becomes a mount.
    fn file_object(&mut self, kind: &str, name: &str, body: &Map<String, Value>) -> Result<(), ToolError> {
        let place = format!("{kind}.{name}");
        for (key, value) in body {
            match (key.as_str(), value) {
                ("name" | "external" | "labels" | "content" | "environment", _) => {}
                ("file", Value::String(file)) => {
                    mounts::unjoined(file, &place)?;
                    let path = self.host_path(file, &place)?;
                    self.mount(path, Use::Read, &place);
                }
                (key, _) if is_note(key) => {}
                (other, value) => self.unknown(&place, other, value)?,
            }
        }
        Ok(())
    }
}

/// Options of bridges and overlays that shape the network only.
fn network_option(key: &str) -> bool {
    matches!(
        key,
        "com.docker.network.driver.mtu"
            | "com.docker.network.bridge.enable_icc"
            | "com.docker.network.bridge.enable_ip_masquerade"
            | "com.docker.network.bridge.host_binding_ipv4"
            | "mtu"
    )
}

#[cfg(test)]
mod tests;
