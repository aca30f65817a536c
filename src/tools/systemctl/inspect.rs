//! The tools that show one unit: `status`, `show` and `cat`. What they print may hold secrets and is redacted.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::states::UnitArgs;
use super::systemd;
use crate::model::error::{ErrorName, ToolError};
use crate::model::quote::Argv;
use crate::model::systemd::{PropertyName, UnitName};
use crate::model::tier::Group;
use crate::toolkit::{Call, Host, Output, Script, Side, Spec, Targets, Tool, turns};
use crate::tools::host::services::{File, closes_arguments};

/// Shows a unit below the list of where its files lie.
const UNIT_FILES: Script =
    Script::new(concat!(include_str!("unit_files.sh"), include_str!("systemctl.sh"), include_str!("go_on.sh")));

/// Most properties of one call.
const PROPERTIES_MAX: usize = 64;

/// `ssh_systemctl_status`.
#[derive(Debug)]
pub(super) struct Status;

/// The status text.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct StatusReply {
    host: String,
    unit: UnitName,
    stdout: String,
    stderr: String,
    exit_code: i32,
    active_state: Option<String>,
    output_warnings: Vec<String>,
}

impl Tool for Status {
    type Args = UnitArgs;
    type Reply = StatusReply;
    const SPEC: Spec = Spec::read("ssh_systemctl_status", Group::Systemctl, "Full status text of a unit")
        .found_as("Unit status", "service status why failed")
        .more("ssh_journalctl with `unit` and `lines` brings its log");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: UnitArgs) -> Result<StatusReply, ToolError> {
        let host = systemd::host(call, &args.host, Some(&args.unit))?;
        let redactor = host.redactor()?;
        let command = Argv::new("systemctl").args(["--no-pager", "--full", "status", "--", args.unit.as_str()]);
        let output = look(&host, &command).await?;
        let text = output.stdout_text();
        let open = open_files(&text, &host)?;
        let text = if open.closed_variables {
            call.warn(
                "The arguments of its processes are left out: a file that gives this unit its variables is restricted, \
                 redact-listed or could be exchanged by the file tools, and its values may stand in them.",
            );
            without_arguments(open.text)
        } else if holds_other_units(open.text) {
            // Only the files of this unit were judged, not those of the units below it.
            call.warn(
                "The arguments of processes are left out: they belong to units below this one. Ask for the status of one \
                 of those.",
            );
            without_arguments(open.text)
        } else {
            open.text.to_owned()
        };
        if log_lines(&text) >= LOG_LINES {
            let what = format!("what the unit logged before its last {LOG_LINES} lines, if there is more");
            call.left_out(what, "ssh_journalctl with `unit` and `lines` brings it");
        }
        Ok(StatusReply {
            host: host.alias().to_owned(),
            unit: args.unit,
            active_state: active_state(&text),
            stdout: redactor.redact_text(&text),
            stderr: redactor.redact_text(&output.stderr_text()),
            exit_code: output.exit_code(),
            output_warnings: Vec::new(),
        })
    }
}

/// Lines of the log that `systemctl status` shows.
const LOG_LINES: usize = 10;

/// The lines behind the blank one, which are those of the log.
fn log_lines(text: &str) -> usize {
    text.lines().skip_while(|line| !line.trim().is_empty()).filter(|line| !line.trim().is_empty()).count()
}

/// The first word behind `Active:`.
fn active_state(text: &str) -> Option<String> {
    let rest = text.lines().find_map(|line| line.trim_start().strip_prefix("Active:"))?;
    rest.split_whitespace().next().map(str::to_owned)
}

/// `ssh_systemctl_cat`.
#[derive(Debug)]
pub(super) struct Cat;

/// The unit's files.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CatReply {
    host: String,
    unit: UnitName,
    stdout: String,
    stderr: String,
    exit_code: i32,
    output_warnings: Vec<String>,
}

impl Tool for Cat {
    type Args = UnitArgs;
    type Reply = CatReply;
    const SPEC: Spec = Spec::read("ssh_systemctl_cat", Group::Systemctl, "Unit file with its drop-ins")
        .found_as("Unit file", "show service file drop-in ExecStart");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: UnitArgs) -> Result<CatReply, ToolError> {
        let host = systemd::host(call, &args.host, Some(&args.unit))?;
        let redactor = host.redactor()?;
        let command = Argv::new("systemctl").args(["--no-pager", "cat", "--", args.unit.as_str()]);
        let output = look(&host, &command).await?;
        let text = output.stdout_text();
        Ok(CatReply {
            host: host.alias().to_owned(),
            unit: args.unit,
            stdout: redactor.redact_text(open_files(&text, &host)?.text),
            stderr: redactor.redact_text(&output.stderr_text()),
            exit_code: output.exit_code(),
            output_warnings: Vec::new(),
        })
    }
}

/// Shows a unit. Its files are judged by where they lie, and opened by systemctl a moment later, so no tool exchanges a name
/// meanwhile.
async fn look(host: &Host, command: &Argv) -> Result<Output, ToolError> {
    let turn = host.turn(Side::Mounts).await?;
    let done = systemd::look_by(&UNIT_FILES, host, command).await;
    if !turns::may_go_on(&done) {
        turn.over();
    }
    done
}

/// Folders in which only root puts units. What lies elsewhere, or is reached by a link to elsewhere, is a path like any other.
const UNIT_FOLDERS: [&str; 8] = [
    "/etc/systemd",
    "/etc/xdg/systemd",
    "/run/systemd",
    "/usr/lib/systemd",
    "/lib/systemd",
    "/usr/local/lib/systemd",
    "/nix/store",
    "/gnu/store",
];

/// What the script's list of places ends with.
const FILES_END: &str = "ssh-mcp: files\n";

/// What may be shown of a unit.
struct Open<'t> {
    /// The text behind the list of places.
    text: &'t str,
    /// A file of its variables is restricted or redact-listed, or may have been when its processes read it.
    closed_variables: bool,
}

/// The text behind the list of places, where none of the unit's files is restricted under either of its names.
fn open_files<'t>(text: &'t str, host: &Host) -> Result<Open<'t>, ToolError> {
    let listed = text.split_once(FILES_END).filter(|(places, _)| places.is_empty() || places.ends_with('\n'));
    let Some((places, text)) = listed else {
        return Err(ToolError::new(
            ErrorName::PathRestricted,
            "The host did not say where the files of the unit lie, so nothing of it is shown.",
            "See its state with ssh_systemctl_is_active and ssh_systemctl_is_failed.",
        ));
    };
    let mut closed_variables = false;
    for place in places.lines() {
        match place.strip_prefix('E') {
            // A process keeps what it read at its start, whatever the tools put in the place of the file since.
            Some(file) => {
                closed_variables |= closes_arguments(host, File::Variables, file);
            }
            None => {
                let file = place.strip_prefix('R');
                match file {
                    Some(file) => may_be_shown(file, host)?,
                    None => host.guard_closed(place)?,
                }
                closed_variables |= closes_arguments(host, File::Unit, file.unwrap_or(place));
            }
        }
    }
    Ok(Open { text, closed_variables })
}

/// A file of the unit, under its real name.
fn may_be_shown(file: &str, host: &Host) -> Result<(), ToolError> {
    host.guard_closed(file)?;
    let own = |folder: &&str| file.strip_prefix(*folder).is_some_and(|rest| rest.starts_with('/'));
    if UNIT_FOLDERS.iter().any(own) {
        return Ok(());
    }
    host.guard_read(file).map_err(|error| ToolError {
        what: format!("A file of the unit is outside systemd's folders. {}", error.what),
        ..error
    })
}

/// What stands in front of a node of the tree below `CGroup:`.
fn is_branch(c: char) -> bool {
    c.is_whitespace() || matches!(c, '├' | '└' | '│' | '─' | '|' | '`' | '-')
}

/// True where the tree of control groups has a node that is not a process: a slice, or a unit that hands out groups.
fn holds_other_units(status: &str) -> bool {
    let tree = status.lines().skip_while(|line| !line.trim_start().starts_with("CGroup:")).skip(1);
    tree.take_while(|line| !line.trim().is_empty()).any(|line| {
        let node = line.trim_start_matches(is_branch);
        let branch = line.get(..line.len() - node.len()).unwrap_or("").contains(['-', '─']);
        let id = node.split(' ').next().unwrap_or("");
        branch && !id.is_empty() && !id.bytes().all(|b| b.is_ascii_digit())
    })
}

/// A status without what stands behind the programs of its processes.
fn without_arguments(status: &str) -> String {
    let cut = |line: &str| -> String {
        let process = line.trim_start_matches(is_branch);
        let indent = line.get(..line.len() - process.len()).unwrap_or("");
        let mut words = process.split(' ');
        match (words.next(), words.next(), words.next()) {
            (Some(id), Some(program), Some(_))
                if indent.contains(['-', '─']) && !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()) =>
            {
                format!("{indent}{id} {program} ...")
            }
            _ => line.to_owned(),
        }
    };
    status.split('\n').map(cut).collect::<Vec<_>>().join("\n")
}

/// `ssh_systemctl_show`.
#[derive(Debug)]
pub(super) struct Show;

/// Arguments of [`Show`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ShowArgs {
    /// host alias
    host: String,
    /// one unit, no glob
    unit: UnitName,
    /// names; without, all
    #[serde(default)]
    properties: Option<Vec<PropertyName>>,
}

/// The properties.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ShowReply {
    host: String,
    unit: UnitName,
    properties: BTreeMap<String, String>,
    stderr: String,
    exit_code: i32,
    output_warnings: Vec<String>,
}

impl Tool for Show {
    type Args = ShowArgs;
    type Reply = ShowReply;
    const SPEC: Spec = Spec::read("ssh_systemctl_show", Group::Systemctl, "Properties of a unit as key/value")
        .found_as("Unit properties", "service pid restarts exit status memory")
        .more("`properties` names those that are wanted");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: ShowArgs) -> Result<ShowReply, ToolError> {
        let names = args.properties.unwrap_or_default();
        if names.len() > PROPERTIES_MAX {
            return Err(ToolError::value(
                format!("Argument `properties` has {} entries.", names.len()),
                format!("Give at most {PROPERTIES_MAX}, or none for all."),
            ));
        }
        let host = systemd::host(call, &args.host, Some(&args.unit))?;
        let redactor = host.redactor()?;
        let mut command = Argv::new("systemctl").args(["--no-pager", "show"]);
        for name in &names {
            command = command.arg(format!("--property={name}"));
        }
        let output = look(&host, &command.args(["--", args.unit.as_str()])).await?;
        let text = output.stdout_text();
        let mut properties = properties(open_files(&text, &host)?.text);
        for (name, value) in &mut properties {
            *value = redacted(name, value, &|text| redactor.redact_text(text));
        }
        Ok(ShowReply {
            host: host.alias().to_owned(),
            unit: args.unit,
            properties,
            stderr: redactor.redact_text(&output.stderr_text()),
            exit_code: output.exit_code(),
            output_warnings: Vec::new(),
        })
    }
}

/// Names that systemd itself gives to a run; they look like chance and open nothing.
const IDS: [&str; 2] = ["InvocationID", "ControlGroupId"];

/// A property without its secrets. What announces a secret may be the property's own name, so it is read with it.
fn redacted(name: &str, value: &str, redact: &dyn Fn(&str) -> String) -> String {
    if IDS.contains(&name) || value.is_empty() {
        return value.to_owned();
    }
    // Each variable as a file of variables would hold it, so that what stands beside it says nothing of it.
    let words = (name == "Environment").then(|| variables(value).into_iter().map(redact).collect::<String>());
    let line = format!("{name}={}", words.as_deref().unwrap_or(value));
    let redacted = redact(&line);
    match redacted.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
        Some(value) => value.to_owned(),
        None => redacted,
    }
}

/// The words of a list of variables with what stands between them, in order.
fn variables(value: &str) -> Vec<&str> {
    let (mut found, mut from, mut quote, mut escaped) = (Vec::new(), 0, None, false);
    for (at, c) in value.char_indices() {
        match (c, quote) {
            _ if escaped => escaped = false,
            ('\\', _) => escaped = true,
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => quote = Some(c),
            (' ', None) => {
                found.extend(value.get(from..at));
                found.extend(value.get(at..=at));
                from = at + 1;
            }
            _ => {}
        }
    }
    found.extend(value.get(from..));
    found
}

/// `Name=value` lines; a line that begins no property belongs to the value above it.
fn properties(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut last: Option<String> = None;
    for line in text.lines() {
        match line.split_once('=').filter(|(name, _)| PropertyName::parse(name).is_ok()) {
            Some((name, value)) => {
                found.insert(name.to_owned(), value.to_owned());
                last = Some(name.to_owned());
            }
            None => {
                if let Some(value) = last.as_ref().and_then(|name| found.get_mut(name)) {
                    value.push('\n');
                    value.push_str(line);
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_active_state_is_the_first_word() {
        let captured = "x bad.service\n     Loaded: loaded (/run/systemd/system/bad.service; static)\n     \
                        Active: failed (Result: exit-code) since Mon 2026-11-23 10:16:54 UTC; 530ms ago\n";
        assert_eq!(active_state(captured).as_deref(), Some("failed"));
        assert_eq!(active_state(""), None);
    }

    #[test]
    fn properties_are_split_at_the_first_sign() {
        let text = "Id=nginx.service\nExecStart={ path=/usr/sbin/nginx ; argv[]=/usr/sbin/nginx -g a=b ; }\nNRestarts=0\nDescription=\nEnvironment=A=1\nB=2 next\nsecond line\n";
        let found = properties(text);
        let get = |name: &str| found.get(name).map(String::as_str);
        assert_eq!(get("Id"), Some("nginx.service"));
        assert_eq!(get("ExecStart"), Some("{ path=/usr/sbin/nginx ; argv[]=/usr/sbin/nginx -g a=b ; }"));
        assert_eq!(get("Description"), Some(""));
        assert_eq!(get("B"), Some("2 next\nsecond line"));
        assert_eq!(properties("Id=a\nId=b\n").get("Id").map(String::as_str), Some("b"));
        assert!(properties("noise\n").is_empty());
    }

    #[test]
    fn arguments_of_processes_are_cut_and_nothing_else() {
        let status = "     CGroup: /system.slice/app.service\n             |-12 /usr/bin/app --pw x y\n             \
                      `-13 sleep 5\n             ├─14 nginx: master\nNov 29 a[1]: - 12 b c\n";
        let cut = without_arguments(status);
        assert_eq!(
            cut,
            "     CGroup: /system.slice/app.service\n             |-12 /usr/bin/app ...\n             `-13 sleep ...\n             \
             ├─14 nginx: ...\nNov 29 a[1]: - 12 b c\n"
        );
    }

    #[test]
    fn a_status_of_several_units_is_known_by_its_tree() {
        let one = "* app.service - App\n     CGroup: /system.slice/app.service\n             |-12 /usr/bin/app --pw x\n             \
                   `-13 sleep 5\n\nNov 29 a[1]: - word\n";
        assert!(!holds_other_units(one));
        let slice = "● system.slice - System Slice\n     CGroup: /system.slice\n             ├─app.service\n             │ \
                     └─12 /usr/bin/app --pw x\n             └─ssh.service\n               └─13 sshd: x\n\nNov 29 log\n";
        assert!(holds_other_units(slice));
        assert!(holds_other_units(&slice.replace('├', "|").replace('└', "`").replace('─', "-").replace('│', "|")));
        let user = "● user@0.service\n     CGroup: /user.slice/user@0.service\n             └─init.scope\n               ├─9 systemd\n";
        assert!(holds_other_units(user));
        assert!(without_arguments(slice).contains("12 /usr/bin/app ...") && !without_arguments(slice).contains("--pw"));
    }

    #[test]
    fn variables_are_told_apart() {
        assert_eq!(variables("A=1 \"B=x y\" C='d \\' e'").concat(), "A=1 \"B=x y\" C='d \\' e'");
        assert_eq!(variables("A=1 \"B=x y\" C=d"), ["A=1", " ", "\"B=x y\"", " ", "C=d"]);
    }

    #[test]
    fn a_value_is_redacted_with_its_name_before_it() {
        let redact = |text: &str| text.replace("PASSWORD=x", "PASSWORD=<gone>");
        assert_eq!(redacted("Environment", "A=1 PASSWORD=x", &redact), "A=1 PASSWORD=<gone>");
        assert_eq!(redacted("Environment", "A", &|_| "<withheld>".to_owned()), "<withheld>");
        assert_eq!(redacted("InvocationID", "00ff", &|_| String::new()), "00ff");
    }
}
