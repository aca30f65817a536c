//! What existing containers and volumes show of the host, read from what the engine says of them.
//!
//! A mount is recorded by name and opened again at every start, and a copy goes through it as the engine. So the look
//! of `sources.sh` is read here, line by line, and comes out as the paths that have to be judged now.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::made::{Made, OwnLog};
use super::privileges::Privileges;
use super::{Escalation, HostSource, Use, escalates, host_zone, mounts};
use crate::model::error::ToolError;
use crate::model::remote_path::RemotePath;

/// What is about to be done with the containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The engine opens every mount anew.
    Start,
    /// The engine reads below any mount: links inside the container may lead from any path of it to any other.
    CopyOut,
    /// The engine writes below any mount that it mounts for writing, and what runs in the container may read the others.
    CopyIn,
}

/// What has to be judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Paths of the host, under the whole path policy and the rules for host sources.
    pub sources: Vec<HostSource>,
    /// Places that are the engine's own or public: only what the operator closed holds for them.
    pub storage: Vec<RemotePath>,
    /// Longest time that one of the containers may take to stop, in seconds, where it is more than usual.
    pub stop_seconds: u64,
}

#[derive(Deserialize)]
struct Line {
    of: String,
    #[serde(default)]
    mount: Option<Mount>,
    #[serde(default)]
    pid: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mount {
    #[serde(rename = "Type")]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    source: String,
    destination: String,
    #[serde(rename = "RW", default)]
    writable: bool,
    /// podman's; docker has none.
    #[serde(default)]
    options: Option<Vec<String>>,
}

impl Mount {
    /// What the engine, or what runs in the container, may do below the mount.
    fn access(&self, purpose: Purpose) -> Use {
        match purpose {
            Purpose::Start if self.writable => Use::Write,
            Purpose::CopyOut | Purpose::Start => Use::Read,
            // podman copies into the source itself, past the mount's own options.
            Purpose::CopyIn if self.writable || self.options.is_some() => Use::Write,
            // What is copied in may run there and read it.
            Purpose::CopyIn => Use::Read,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Volume {
    name: String,
    driver: String,
    #[serde(default)]
    mountpoint: String,
    #[serde(default)]
    options: Option<BTreeMap<String, String>>,
}

/// Reads what the engine said. `mode` opens what is not a path of the host; a copy needs paths and knows no such way.
pub(crate) fn read(facts: &str, purpose: Purpose, mode: Escalation) -> Result<Seen, ToolError> {
    let mut seen = Seen::default();
    let mut volumes: BTreeMap<String, (Volume, bool)> = BTreeMap::new();
    let mut mounted = Vec::new();
    for line in facts.lines() {
        match line.split_once(' ') {
            Some(("v", text)) => {
                let volume: Volume = json(text)?;
                volumes.insert(volume.name.clone(), (volume, false));
            }
            Some(("m", text)) => {
                let (_, text) = text.split_once(' ').ok_or_else(unreadable)?;
                let Line { of, mount, .. } = json(text)?;
                mounted.push((of, mount.ok_or_else(unreadable)?));
            }
            Some(("p", text)) => {
                let Line { of, pid, .. } = json(text)?;
                return Err(escalates(format!(
                    "The container `{}` shares processes ({}), and by these a copy could leave it.",
                    of.trim_start_matches('/'),
                    pid.unwrap_or_default()
                )));
            }
            Some(("r", text)) if !(purpose == Purpose::Start && mode == Escalation::Allowed) => {
                let Line { of, .. } = json(text)?;
                return Err(escalates(format!(
                    "The container `{}` has no image: it works in a folder of the host.",
                    of.trim_start_matches('/')
                )));
            }
            Some(("r", _)) => {}
            Some(("c", text)) => {
                let made: Made = json(text)?;
                if !(purpose == Purpose::Start && mode == Escalation::Allowed) {
                    made.check(purpose)?;
                }
            }
            Some(("l", text)) => {
                let (_, text) = text.split_once(' ').ok_or_else(unreadable)?;
                let log: OwnLog = json(text)?;
                if purpose != Purpose::CopyOut && mode != Escalation::Allowed {
                    return Err(log.refusal());
                }
            }
            None if line == "b" => {
                if !(purpose == Purpose::Start && mode == Escalation::Allowed) {
                    return Err(escalates(
                        "Docker's client speaks to podman here, and is not told by it what a container opens on the host. \
                         (The operator sets `docker_cmd` to podman's own client.)"
                            .to_owned(),
                    ));
                }
            }
            Some(("t", text)) => {
                let seconds: i64 = text.trim().parse().map_err(|_| unreadable())?;
                // Below zero the engine waits without end.
                seen.stop_seconds = seen.stop_seconds.max(u64::try_from(seconds).unwrap_or(u64::MAX));
            }
            Some(("h", text)) => {
                let privileges: Privileges = json(text)?;
                if purpose != Purpose::CopyOut {
                    privileges.check(mode)?;
                }
            }
            _ => return Err(unreadable()),
        }
    }
    let unmapped = purpose == Purpose::Start && mode == Escalation::Allowed;
    for (of, mount) in mounted {
        let place = format!("the mount at `{}` of the container `{}`", mount.destination, of.trim_start_matches('/'));
        match mount.kind.as_str() {
            "tmpfs" => {}
            "bind" => {
                let path = path(&mount.source, &place)?;
                if !mount.writable && host_zone::is_public(&path) {
                    seen.storage.push(path);
                } else {
                    seen.sources.push(HostSource { path, access: mount.access(purpose), named_by: place });
                }
            }
            "volume" => match volumes.get_mut(&mount.name) {
                Some((volume, used)) => {
                    *used = true;
                    seen.volume(volume, mount.access(purpose), &place, unmapped)?;
                }
                None if unmapped => {}
                None => return Err(no_path(&place, "its volume is not to be found")),
            },
            _ if unmapped => {}
            other => return Err(no_path(&place, &format!("its kind is {other:?}"))),
        }
    }
    for (volume, _) in volumes.values().filter(|(_, used)| !used) {
        seen.volume(volume, Use::Write, &format!("the volume `{}`", volume.name), unmapped)?;
    }
    Ok(seen)
}

impl Seen {
    /// A volume is the engine's own folder, or a folder of the host under another name.
    fn volume(&mut self, volume: &Volume, access: Use, place: &str, unmapped: bool) -> Result<(), ToolError> {
        let options: Vec<(String, String)> = volume.options.clone().unwrap_or_default().into_iter().collect();
        match mounts::local_volume(&volume.driver, &options, place) {
            Ok(Some(path)) => self.sources.push(HostSource { path, access, named_by: place.to_owned() }),
            Ok(None) => self.storage.extend(RemotePath::parse(&volume.mountpoint)),
            Err(_) if unmapped => {}
            Err(refusal) => return Err(refusal),
        }
        Ok(())
    }
}

fn json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, ToolError> {
    serde_json::from_str(text).map_err(|_| unreadable())
}

fn path(text: &str, place: &str) -> Result<RemotePath, ToolError> {
    RemotePath::parse(text)
        .map_err(|why| no_path(place, &format!("its source {text:?} is not a path of the host: {why}")))
}

fn no_path(place: &str, why: &str) -> ToolError {
    ToolError::value(
        format!("It cannot be determined which part of the host {place} shows: {why}."),
        "Use a container whose mounts are binds, volumes of the local driver or tmpfs.",
    )
}

fn unreadable() -> ToolError {
    ToolError::value(
        "What the engine says of the mounts cannot be read.",
        "Look with ssh_docker_inspect; the client may be of a kind that is not known here.",
    )
}

#[cfg(test)]
mod tests;
