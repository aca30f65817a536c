//! `ssh_systemctl_list_units`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::systemd;
use crate::model::error::ToolError;
use crate::model::quote::Argv;
use crate::model::systemd::{UnitGlob, UnitState, UnitTypes};
use crate::model::tier::Group;
use crate::toolkit::{Call, Script, Spec, Targets, Tool};

const LISTED: Script = Script::function("listing", include_str!("systemctl.sh")).then(include_str!("list_units.sh"));

/// The units that systemd has loaded.
#[derive(Debug)]
pub(crate) struct ListUnits;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// host alias
    host: String,
    /// glob, such as nginx*
    #[serde(default)]
    pattern: Option<UnitGlob>,
    /// load, active or sub state
    #[serde(default)]
    state: Option<UnitState>,
    /// types by comma, * for all
    #[serde(default = "UnitTypes::service")]
    unit_type: UnitTypes,
    /// inactive ones too
    #[serde(default)]
    all_: bool,
}

/// One unit.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Unit {
    #[serde(rename = "unit")]
    name: String,
    load: String,
    active: String,
    sub: String,
    description: String,
    /// Of a timer: when it runs next, and when it ran last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_run: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    activates: Option<String>,
}

/// The units.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Reply {
    host: String,
    units: Vec<Unit>,
    exit_code: i32,
    stderr: String,
    output_warnings: Vec<String>,
}

impl Tool for ListUnits {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec =
        Spec::read("ssh_systemctl_list_units", Group::Systemctl, "Loaded units, filtered by glob, state or type")
            .found_as("Units", "services timers list failed units cron")
            .more("`pattern`, `state` and `unit_type` narrow the list");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        let host = systemd::host(call, &args.host, None)?;
        let redactor = host.redactor()?;
        let state = args.state.as_ref().map(ToString::to_string).unwrap_or_default();
        let pattern = args.pattern.as_ref().map(|pattern| pattern.as_str().to_owned()).unwrap_or_default();
        let command = command(&args);
        let timers = if args.unit_type.as_str() == "timer" { "1" } else { "" };
        let words = [state, pattern, timers.to_owned()].into_iter().chain(command.words().iter().cloned());
        let output = systemd::look_with(&LISTED, &host, "systemctl", words).await?;
        let text = output.stdout_text();
        let mut parts = text.split('\0');
        let (listed, loaded) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let mut units = rows(listed);
        add_times(&mut units, parts.next().unwrap_or_default());
        let all = listed.lines().find_map(|line| line.strip_prefix("ssh-mcp: rows ")?.parse::<usize>().ok());
        if let Some(all) = all {
            let what = format!("{} of {all} units, the last ones", all.saturating_sub(units.len()));
            call.left_out(what, "`pattern`, `state` and `unit_type` narrow the list");
        } else if let Ok(loaded) = loaded.trim().parse::<usize>()
            && loaded > units.len()
            && !output.stdout_truncated
        {
            let what = format!("{} of {loaded} units that systemd has loaded", loaded - units.len());
            call.left_out(what, brings(&args));
        }
        Ok(Reply {
            host: host.alias().to_owned(),
            units: units
                .into_iter()
                .map(|unit| Unit { description: redactor.redact_text(&unit.description), ..unit })
                .collect(),
            exit_code: output.exit_code(),
            stderr: redactor.redact_text(&output.stderr_text()),
            output_warnings: Vec::new(),
        })
    }
}

/// The arguments that bring what a listing leaves out.
fn brings(args: &Args) -> &'static str {
    match (args.all_ || args.state.is_some(), args.unit_type.as_str() == "*") {
        (false, false) => "`all_` brings those that are inactive, and `unit_type` \"*\" the other types",
        (false, true) => "`all_` brings those that are inactive",
        (true, _) => "`unit_type` \"*\" brings the other types",
    }
}

fn command(args: &Args) -> Argv {
    let mut command = Argv::new("systemctl").args(["--no-pager", "--plain", "--full", "list-units"]);
    if args.unit_type.as_str() != "*" {
        command = command.arg(format!("--type={}", args.unit_type));
    }
    if let Some(state) = &args.state {
        command = command.arg(format!("--state={state}"));
    }
    if args.all_ {
        command = command.arg("--all");
    }
    match &args.pattern {
        Some(pattern) => command.args(["--", pattern.as_str()]),
        None => command,
    }
}

/// Rows below the heading, up to the blank line before the legend. The heading is asked for because it alone tells
/// whether there is a column JOB, which is blank in most rows, before the description.
pub(crate) fn rows(text: &str) -> Vec<Unit> {
    let mut lines = text.lines().skip_while(|line| !line.trim_start().starts_with("UNIT "));
    let Some(at) = lines.next().and_then(|heading| heading.find("DESCRIPTION")) else { return Vec::new() };
    lines.take_while(|line| !line.trim().is_empty()).filter_map(|line| row(line, at)).collect()
}

fn row(line: &str, description_at: usize) -> Option<Unit> {
    let mut words = line.split_whitespace();
    let mut name = words.next()?;
    // Versions before 230 mark rows although asked for plain ones.
    if matches!(name, "*" | "\u{25cf}" | "\u{25cb}" | "\u{21bb}" | "\u{d7}" | "x") {
        name = words.next()?;
    }
    // Full names end in a type; the sentence "0 loaded units listed." has no such word.
    if !name.contains('.') {
        return None;
    }
    let (load, active, sub) = (words.next()?, words.next()?, words.next()?);
    let description = line.char_indices().nth(description_at).and_then(|(at, _)| line.get(at..)).unwrap_or_default();
    Some(Unit {
        name: name.to_owned(),
        load: load.to_owned(),
        active: active.to_owned(),
        sub: sub.to_owned(),
        description: description.trim().to_owned(),
        next_run: None,
        last_run: None,
        activates: None,
    })
}

/// Adds to timers what `list-timers` says of them. Its columns stand under their headings; a blank or `-` or `n/a` is not a time.
fn add_times(units: &mut [Unit], text: &str) {
    let mut lines = text.lines().skip_while(|line| !line.starts_with("NEXT"));
    let Some(heading) = lines.next() else { return };
    let at = |name: &str| heading.find(name);
    let (Some(left), Some(last), Some(passed), Some(unit), Some(activates)) =
        (at("LEFT"), at("LAST"), at("PASSED"), at("UNIT"), at("ACTIVATES"))
    else {
        return;
    };
    for line in lines.take_while(|line| !line.trim().is_empty()) {
        let part = |from: usize, to: usize| {
            let text = line.get(from..to.min(line.len())).unwrap_or_default().trim();
            (!matches!(text, "" | "-" | "n/a")).then(|| text.to_owned())
        };
        let Some(name) = part(unit, activates) else { continue };
        if let Some(one) = units.iter_mut().find(|one| one.name == name) {
            one.next_run = part(0, left);
            one.last_run = part(last, passed);
            one.activates = part(activates, usize::MAX);
        }
    }
}

#[cfg(test)]
mod tests;
