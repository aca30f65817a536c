//! The tools that list: containers, images, volumes, statistics, disk use, events.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::client::{Client, Limits};
use super::rows::{self, Row};
use super::secrets;
use crate::model::docker::{ContainerName, DockerTime, EventFilter, LabelFilter, ReferenceFilter, VolumeName};
use crate::model::error::ToolError;
use crate::model::image_ref::ImageRef;
use crate::model::tier::Group;
use crate::toolkit::{Call, Output, Spec, Targets, Tool};
use crate::tools::exec::ExecReply;

/// One object a line, in the form of Go's templates.
const JSON: &str = "{{json .}}";

/// Past events that docker keeps.
const EVENTS_KEPT: usize = 256;

/// Most filters of one call.
const FILTERS_MAX: usize = 32;

/// An answer with rows: the run as data, and its objects under a name of their own.
macro_rules! listing {
    ($(#[$doc:meta])* $name:ident, $field:ident) => {
        $(#[$doc])*
        #[derive(Debug, Serialize, JsonSchema)]
        pub(crate) struct $name {
            #[serde(flatten)]
            run: ExecReply,
            $field: Vec<Row>,
            #[serde(skip_serializing_if = "Option::is_none")]
            left_out: Option<u64>,
        }

        impl $name {
            fn of(client: &Client, listed: Listed) -> Self {
                let left_out = listed.left_out;
                $name { run: ExecReply::of(&client.host, listed.output), $field: listed.rows, left_out }
            }
        }
    };
}

listing!(
    /// Containers.
    Containers,
    containers
);
listing!(
    /// Images.
    Images,
    images
);
listing!(
    /// Volumes.
    Volumes,
    volumes
);
listing!(
    /// Kinds of objects with their sizes.
    Categories,
    categories
);
listing!(
    /// Events.
    Events,
    events
);
listing!(
    /// Containers of a compose project.
    Services,
    services
);

/// A run whose standard output was rows.
pub(super) struct Listed {
    pub(super) output: Output,
    pub(super) rows: Vec<Row>,
    left_out: Option<u64>,
}

/// Runs a command line that lists, and reads its rows.
async fn list(client: &Client, words: Vec<String>, labels: Labels) -> Result<Listed, ToolError> {
    let (output, left_out) = client.list(&client.docker(words)?).await?;
    if let Some(left) = left_out {
        let call = client.host.call();
        call.left_out(format!("{left} further ones"), call.spec().more);
    }
    Ok(Listed { left_out, ..listed(client, output, labels)? })
}

impl Listed {
    /// Leaves out what does not run, and says so.
    pub(super) fn only_running(&mut self, call: &Call, brings: &str) {
        let all = self.rows.len();
        self.rows.retain(rows::runs);
        let left = all - self.rows.len();
        if left > 0 {
            self.output.stdout = rows::lines(&self.rows).into_bytes();
            call.left_out(format!("{left} of {all} containers, which do not run"), brings);
        }
    }
}

impl Services {
    pub(super) fn new(client: &Client, listed: Listed) -> Self {
        Self::of(client, listed)
    }
}

/// Whether rows keep their labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Labels {
    Keep,
    Strip,
}

/// Rows that hold all that the engine printed stand for its standard output.
pub(super) fn leave_to_rows(output: &mut Output, skipped: usize) {
    if skipped == 0 && output.exit_code() == 0 && !output.stdout_truncated {
        output.stdout.clear();
        output.stdout_bytes = 0;
    }
}

/// Reads rows; what does not parse was cut off and is told as a warning. Where labels go or a secret is redacted,
/// standard output is written anew from the rows.
pub(super) fn listed(client: &Client, mut output: Output, labels: Labels) -> Result<Listed, ToolError> {
    let (mut rows, skipped) = rows::objects(&output.stdout);
    if skipped > 0 && output.exit_code() == 0 {
        let what = format!("{skipped} lines of the engine's answer are not objects or were cut off, and are left out.");
        client.host.call().warn(what);
    }
    let strip = labels == Labels::Strip && rows.iter().any(|r| r.contains_key("Labels"));
    if strip {
        let labelled = rows::without_labels(&mut rows);
        if labelled > 0 {
            client.host.call().left_out(format!("the labels of {labelled} rows"), "`include_labels` brings them");
        }
    }
    let redactor = client.host.redactor()?;
    let redacted = secrets::in_rows(&mut rows, &redactor);
    if strip || redacted {
        output.stdout = rows::lines(&rows).into_bytes();
    }
    leave_to_rows(&mut output, skipped);
    Ok(Listed { output, rows, left_out: None })
}

fn filter(words: &mut Vec<String>, key: &str, value: Option<impl std::fmt::Display>) {
    if let Some(value) = value {
        words.extend(["--filter".to_owned(), format!("{key}={value}")]);
    }
}

/// `ssh_docker_ps`.
#[derive(Debug)]
pub(super) struct Ps;

/// Arguments of [`Ps`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PsArgs {
    /// host alias
    host: String,
    /// stopped ones too
    #[serde(default)]
    all_: bool,
    /// keep labels
    #[serde(default)]
    include_labels: bool,
    /// part of the name
    #[serde(default)]
    name: Option<ContainerName>,
    /// state
    #[serde(default)]
    status: Option<ContainerState>,
    /// key or key=value
    #[serde(default)]
    label: Option<LabelFilter>,
    /// image it was made from
    #[serde(default)]
    ancestor: Option<ImageRef>,
}

/// States of a container.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum ContainerState {
    Created,
    Running,
    Paused,
    Restarting,
    Exited,
    Dead,
}

impl std::fmt::Display for ContainerState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ContainerState::Created => "created",
            ContainerState::Running => "running",
            ContainerState::Paused => "paused",
            ContainerState::Restarting => "restarting",
            ContainerState::Exited => "exited",
            ContainerState::Dead => "dead",
        })
    }
}

impl Tool for Ps {
    type Args = PsArgs;
    type Reply = Containers;
    const SPEC: Spec = Spec::read("ssh_docker_ps", Group::Docker, "List containers")
        .found_as("Containers", "docker ps running containers status")
        .more("`name`, `status`, `label` and `ancestor` narrow the list");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: PsArgs) -> Result<Containers, ToolError> {
        let client = Client::observing(call, &args.host)?;
        let mut words: Vec<String> = ["ps", "--format", JSON, "--no-trunc"].map(str::to_owned).into();
        filter(&mut words, "name", args.name);
        filter(&mut words, "status", args.status);
        filter(&mut words, "label", args.label);
        filter(&mut words, "ancestor", args.ancestor);
        // All of them, so that those that are left out can be counted.
        let mut all = words.clone();
        all.push("-a".to_owned());
        let wants_all = args.all_ || args.status.is_some();
        let labels = if args.include_labels { Labels::Keep } else { Labels::Strip };
        let mut listed = list(&client, all, labels).await?;
        if !wants_all && listed.left_out.is_some() {
            // Those that run may be among those that were not sent.
            listed = list(&client, words, labels).await?;
            call.left_out("the containers that do not run", "`all_` brings them");
        } else if !wants_all {
            listed.only_running(call, "`all_` brings them");
        }
        Ok(Containers::of(&client, listed))
    }
}

/// `ssh_docker_images`.
#[derive(Debug)]
pub(super) struct ImagesTool;

/// Arguments of [`ImagesTool`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ImagesArgs {
    /// host alias
    host: String,
    /// keep labels
    #[serde(default)]
    include_labels: bool,
    /// name pattern, * and ?
    #[serde(default)]
    reference: Option<ReferenceFilter>,
    /// only untagged, or only tagged
    #[serde(default)]
    dangling: Option<bool>,
    /// key or key=value
    #[serde(default)]
    label: Option<LabelFilter>,
}

impl Tool for ImagesTool {
    type Args = ImagesArgs;
    type Reply = Images;
    const SPEC: Spec = Spec::read("ssh_docker_images", Group::Docker, "List local images")
        .found_as("Docker images", "list images tags size")
        .more("`reference`, `dangling` and `label` narrow the list");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: ImagesArgs) -> Result<Images, ToolError> {
        let client = Client::observing(call, &args.host)?;
        let mut words: Vec<String> = ["images", "--format", JSON].map(str::to_owned).into();
        filter(&mut words, "reference", args.reference);
        filter(&mut words, "dangling", args.dangling);
        filter(&mut words, "label", args.label);
        let labels = if args.include_labels { Labels::Keep } else { Labels::Strip };
        Ok(Images::of(&client, list(&client, words, labels).await?))
    }
}

/// `ssh_docker_volumes`.
#[derive(Debug)]
pub(super) struct VolumesTool;

/// Arguments of [`VolumesTool`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VolumesArgs {
    /// host alias
    host: String,
    /// inspect this one; without it, list
    #[serde(default)]
    name: Option<VolumeName>,
}

impl Tool for VolumesTool {
    type Args = VolumesArgs;
    type Reply = Volumes;
    const SPEC: Spec = Spec::read("ssh_docker_volumes", Group::Docker, "List volumes, or inspect one")
        .found_as("Docker volumes", "list inspect volume data");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: VolumesArgs) -> Result<Volumes, ToolError> {
        let client = Client::observing(call, &args.host)?;
        let Some(name) = &args.name else {
            let words = ["volume", "ls", "--format", JSON].map(str::to_owned).into();
            return Ok(Volumes::of(&client, list(&client, words, Labels::Keep).await?));
        };
        let words = client.docker(["volume", "inspect", "--", name.as_str()])?;
        let output = client.run(&words, Limits::default()).await?;
        Ok(Volumes::of(&client, listed(&client, output, Labels::Keep)?))
    }
}

/// Arguments of tools that take only a host.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HostArgs {
    /// host alias
    host: String,
}

/// `ssh_docker_stats`.
#[derive(Debug)]
pub(super) struct Stats;

impl Tool for Stats {
    type Args = HostArgs;
    type Reply = Containers;
    const SPEC: Spec = Spec::read("ssh_docker_stats", Group::Docker, "Resource use of running containers, once")
        .found_as("Container statistics", "docker stats cpu memory usage");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: HostArgs) -> Result<Containers, ToolError> {
        let client = Client::observing(call, &args.host)?;
        let words = client.docker(["stats", "--no-stream", "--format", JSON])?;
        let output = client.run(&words, Limits::default()).await?;
        Ok(Containers::of(&client, listed(&client, output, Labels::Keep)?))
    }
}

/// `ssh_docker_system_df`.
#[derive(Debug)]
pub(super) struct SystemDf;

impl Tool for SystemDf {
    type Args = HostArgs;
    type Reply = Categories;
    const SPEC: Spec = Spec::read("ssh_docker_system_df", Group::Docker, "Disk use by kind of docker object")
        .found_as("Docker disk use", "docker space images volumes cache");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: HostArgs) -> Result<Categories, ToolError> {
        let client = Client::observing(call, &args.host)?;
        let words = client.docker(["system", "df", "--format", JSON])?;
        let output = client.run(&words, Limits::default()).await?;
        Ok(Categories::of(&client, listed(&client, output, Labels::Keep)?))
    }
}

/// `ssh_docker_events`.
#[derive(Debug)]
pub(super) struct EventsTool;

/// Arguments of [`EventsTool`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsArgs {
    /// host alias
    host: String,
    /// 30m, epoch, ISO time
    #[serde(default = "DockerTime::an_hour_ago")]
    since: DockerTime,
    /// as since; now
    #[serde(default = "DockerTime::now")]
    until: DockerTime,
    /// key=value each
    #[serde(default)]
    filters: Option<Vec<EventFilter>>,
}

impl Tool for EventsTool {
    type Args = EventsArgs;
    type Reply = Events;
    const SPEC: Spec = Spec::read("ssh_docker_events", Group::Docker, "Engine events of a time window")
        .found_as("Docker events", "what happened container died oom restart history")
        .more("`since`, `until` and `filters` narrow the list");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: EventsArgs) -> Result<Events, ToolError> {
        let filters = args.filters.unwrap_or_default();
        if filters.len() > FILTERS_MAX {
            return Err(ToolError::value(
                format!("Argument `filters` has {} entries.", filters.len()),
                format!("Give at most {FILTERS_MAX}."),
            ));
        }
        let client = Client::observing(call, &args.host)?;
        let until = match args.until.engine() {
            // podman takes the present for a moment that is still to come, and tells nothing of the past.
            "0s" if client.is_podman().await? => "1s",
            until => until,
        };
        let mut words = vec![
            "events".to_owned(),
            format!("--since={}", args.since.engine()),
            format!("--until={until}"),
            "--format".to_owned(),
            JSON.to_owned(),
        ];
        for filter in &filters {
            words.extend(["--filter".to_owned(), filter.to_string()]);
        }
        let listed = list(&client, words, Labels::Keep).await?;
        if args.since.engine() == DockerTime::an_hour_ago().engine() {
            call.left_out("events from before the last hour", "`since` brings earlier ones");
        }
        if listed.rows.len() >= EVENTS_KEPT && !client.is_podman().await? {
            let what = format!("what docker itself has forgotten: it keeps its last {EVENTS_KEPT} events");
            call.left_out(what, "nothing brings those; `filters` does not go further back either");
        }
        Ok(Events::of(&client, listed))
    }
}
