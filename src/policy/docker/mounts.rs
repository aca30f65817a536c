//! What `-v`, `--mount` and `--tmpfs` say, and how they are written back.

use super::{Escalation, HostSource, Use, csv, escalates, value_rules};
use crate::model::docker::VolumeName;
use crate::model::error::ToolError;
use crate::model::remote_path::RemotePath;

/// One judged mount: the value to hand on, and the path of the host that it shows, if any.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) value: String,
    pub(super) source: Option<HostSource>,
    /// The volume of the engine that it names, if any.
    pub(super) volume: Option<String>,
}

/// Where the source of a mount lies.
pub(super) enum Source {
    /// Made for this container.
    Anonymous,
    /// A volume of the engine.
    Volume,
    /// A path of the host.
    Host(RemotePath),
}

/// Tells a volume's name from a path of the host. Relative paths depend on where the command runs, so none pass.
pub(super) fn source(text: &str, named_by: &str) -> Result<Source, ToolError> {
    if text.is_empty() {
        return Ok(Source::Anonymous);
    }
    if text.starts_with('/') {
        // Engines take the text as it stands; in this program's form it would be another name.
        if RemotePath::argument(text) != RemotePath::parse(text) {
            return Err(ToolError::value(
                format!("{named_by} names the host path {text:?}, which reads as a name with escapes."),
                "Engines take no such form: mount a folder above it, or give it a name that is plain UTF-8.",
            ));
        }
        return RemotePath::parse(text).map(Source::Host).map_err(|why| {
            ToolError::value(format!("{named_by} names the host path {text:?}: {why}."), "Give an absolute path.")
        });
    }
    VolumeName::parse(text).map(|_| Source::Volume).map_err(|_| {
        ToolError::value(
            format!("{named_by} names {text:?}, which is neither an absolute path nor the name of a volume."),
            "Give an absolute path of the host or a volume's name.",
        )
    })
}

/// A folder inside the container. The engine checks it; here it only must not read as anything else.
pub(super) fn target(text: &str, named_by: &str) -> Result<(), ToolError> {
    if text.starts_with('/') && !text.contains(|c: char| c.is_control()) {
        return Ok(());
    }
    Err(ToolError::value(
        format!("{named_by} names {text:?} inside the container, which is not an absolute path."),
        "Give an absolute path inside the container.",
    ))
}

/// Refuses a name in which podman-compose's own joining of sources, targets and options could begin another part.
pub(super) fn unjoined(text: &str, named_by: &str) -> Result<(), ToolError> {
    if !text.contains([':', ',', '"']) && !text.contains(char::is_control) {
        return Ok(());
    }
    Err(ToolError::value(
        format!(
            "{named_by} has the name {text:?} with a colon, a comma or a quote, which a client could read as an option."
        ),
        "Use a name without these characters.",
    ))
}

/// The value of `-v`: `[source:]target[:options]` (engine, `volume/mounts/linux_parser.go`).
pub(super) fn volume(value: &str, named_by: &str, mode: Escalation) -> Result<Judged, ToolError> {
    let parts: Vec<&str> = value.split(':').collect();
    let (from, to, options) = match parts.as_slice() {
        [to] => ("", *to, ""),
        [from, to] => (*from, *to, ""),
        [from, to, options] => (*from, *to, *options),
        _ => {
            return Err(ToolError::value(
                format!("{named_by} {value:?} has more than three parts."),
                "Write [source:]target[:options]; use the long form for paths with a colon.",
            ));
        }
    };
    if parts.len() > 1 && from.is_empty() {
        return Err(ToolError::value(
            format!("{named_by} {value:?} names no source."),
            "Write source:target[:options].",
        ));
    }
    target(to, named_by)?;
    let mut access = Use::Write;
    for option in options.split(',').filter(|_| parts.len() == 3) {
        if mode == Escalation::Refused && !value_rules::volume_option(option) {
            return Err(escalates(format!(
                "{named_by} {value:?} has the option {option:?}, which is not known to be harmless."
            )));
        }
        if option == "ro" {
            access = Use::Read;
        }
    }
    let (source, volume) = match source(from, named_by)? {
        Source::Host(path) => (Some(HostSource { path, access, named_by: named_by.to_owned() }), None),
        Source::Volume => (None, Some(from.to_owned())),
        Source::Anonymous => (None, None),
    };
    let value = match (&source, parts.len()) {
        (Some(host), 3) => format!("{}:{to}:{options}", host.path),
        (Some(host), _) => format!("{}:{to}", host.path),
        (None, _) => value.to_owned(),
    };
    Ok(Judged { value, source, volume })
}

/// The value of `--mount`: fields of one CSV record (docker CLI, `opts/mount.go`).
pub(super) fn mount(value: &str, mode: Escalation) -> Result<Judged, ToolError> {
    let unreadable = || {
        ToolError::value(
            format!("--mount {value:?} is not one record of comma-separated fields."),
            "Write type=bind|volume|tmpfs,source=...,target=...[,readonly].",
        )
    };
    let fields = csv::record(value).ok_or_else(unreadable)?;
    let mut kind = "volume".to_owned();
    let mut from = String::new();
    let mut to = String::new();
    let mut access = Use::Write;
    let mut kept: Vec<String> = Vec::new();
    for field in &fields {
        let (key, text) = field.split_once('=').map_or((field.as_str(), None), |(k, v)| (k, Some(v)));
        let key = key.to_ascii_lowercase();
        let unknown = || escalates(format!("--mount has the field {field:?}, which is not known to be harmless."));
        let passes = match (key.as_str(), text) {
            ("type", Some(text)) => {
                text.clone_into(&mut kind);
                kind.make_ascii_lowercase();
                continue;
            }
            ("source" | "src", Some(text)) => {
                text.clone_into(&mut from);
                continue;
            }
            ("target" | "destination" | "dst", Some(text)) => {
                text.clone_into(&mut to);
                continue;
            }
            ("readonly" | "ro", None | Some("true" | "1")) => {
                access = Use::Read;
                continue;
            }
            ("readonly" | "ro", Some("false" | "0")) => {
                access = Use::Write;
                continue;
            }
            ("bind-propagation", Some(text)) => value_rules::propagation(text),
            ("bind-nonrecursive" | "volume-nocopy", None | Some("true" | "false" | "1" | "0")) => true,
            ("bind-recursive", Some(text)) => matches!(text, "enabled" | "disabled" | "writable" | "readonly"),
            ("consistency", Some(text)) => matches!(text, "default" | "consistent" | "cached" | "delegated"),
            ("volume-driver", Some(text)) => text == "local",
            ("volume-label", Some(_)) => true,
            ("tmpfs-size", Some(text)) => text.bytes().all(|b| b.is_ascii_alphanumeric()),
            ("tmpfs-mode", Some(text)) => text.bytes().all(|b| b.is_ascii_digit()),
            _ => false,
        };
        if !passes && (mode == Escalation::Refused || field.is_empty()) {
            return Err(unknown());
        }
        kept.push(field.clone());
    }
    target(&to, "--mount")?;
    // Older readers split at commas whatever is quoted.
    if let Some(text) = [&from, &to].into_iter().find(|text| text.contains([',', '"'])) {
        return Err(ToolError::value(
            format!("--mount has the name {text:?} with a comma or a quote, which a client could read as an option."),
            "Use a name without these characters.",
        ));
    }
    let source = match kind.as_str() {
        "bind" => match source(&from, "--mount")? {
            Source::Host(path) => Some(HostSource { path, access, named_by: "--mount".to_owned() }),
            Source::Volume | Source::Anonymous => {
                return Err(ToolError::value(
                    format!("--mount type=bind names the source {from:?}, which is not an absolute path."),
                    "Give an absolute path of the host.",
                ));
            }
        },
        "volume" => match source(&from, "--mount")? {
            Source::Host(_) => {
                return Err(escalates(format!(
                    "--mount type=volume names the source {from:?}, which is not a volume."
                )));
            }
            Source::Volume | Source::Anonymous => None,
        },
        "tmpfs" if from.is_empty() => None,
        _ if mode == Escalation::Allowed => None,
        other => return Err(escalates(format!("--mount type={other:?} is not known to be harmless."))),
    };
    let mut written = vec![format!("type={kind}")];
    match &source {
        Some(host) => written.push(format!("source={}", host.path)),
        None if from.is_empty() => {}
        None => written.push(format!("source={from}")),
    }
    written.push(format!("target={to}"));
    if access == Use::Read {
        written.push("readonly".to_owned());
    }
    written.extend(kept);
    let value = written.iter().map(|f| csv::field(f)).collect::<Vec<_>>().join(",");
    let volume = (kind == "volume" && !from.is_empty()).then_some(from);
    Ok(Judged { value, source, volume })
}

/// The value of `--tmpfs`: `target[:options]`.
pub(super) fn tmpfs(value: &str, named_by: &str, mode: Escalation) -> Result<(), ToolError> {
    let (to, options) = value.split_once(':').map_or((value, None), |(t, o)| (t, Some(o)));
    target(to, named_by)?;
    if mode == Escalation::Allowed {
        return Ok(());
    }
    match options.into_iter().flat_map(|o| o.split(',')).find(|o| !value_rules::tmpfs_option(o)) {
        Some(option) => Err(escalates(format!(
            "{named_by} {value:?} has the option {option:?}, which is not known to be harmless."
        ))),
        None => Ok(()),
    }
}

/// A volume of the local driver with options: a folder of the host under another name, or a tmpfs.
///
/// `options` are those of `docker volume create -o`. Network file systems and devices are mounted by the host's
/// kernel and refused.
pub(super) fn local_volume(
    driver: &str,
    options: &[(String, String)],
    named_by: &str,
) -> Result<Option<RemotePath>, ToolError> {
    if !matches!(driver, "" | "local" | "default") {
        return Err(escalates(format!(
            "{named_by} uses the volume driver {driver:?}, which works outside the container."
        )));
    }
    let get = |key: &str| options.iter().find(|(k, _)| k == key).map_or("", |(_, v)| v.as_str());
    if let Some((key, _)) = options.iter().find(|(k, _)| !matches!(k.as_str(), "type" | "o" | "device")) {
        return Err(escalates(format!("{named_by} has the driver option {key:?}, which is not known to be harmless.")));
    }
    let (kind, device) = (get("type"), get("device"));
    let flags: Vec<&str> = get("o").split(',').filter(|o| !o.is_empty()).collect();
    if options.is_empty() {
        return Ok(None);
    }
    if kind == "tmpfs" && !device.starts_with('/') && flags.iter().all(|o| value_rules::tmpfs_option(o)) {
        return Ok(None);
    }
    let bind = flags.iter().any(|o| matches!(*o, "bind" | "rbind"));
    let harmless = |o: &&str| matches!(*o, "bind" | "rbind" | "rw" | "ro" | "noexec" | "nosuid" | "nodev");
    if bind
        && matches!(kind, "" | "none" | "bind")
        && flags.iter().all(harmless)
        && let Source::Host(path) = source(device, named_by)?
    {
        return Ok(Some(path));
    }
    Err(escalates(format!("{named_by} mounts type={kind:?} device={device:?} o={:?} from the host.", get("o"))))
}
