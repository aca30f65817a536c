//! The verbs of a container's and an image's life: one table, one way to run them.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::client::{Client, ENGINE, Limits};
use super::mounting::{self, Existing};
use crate::model::docker::ContainerName;
use crate::model::error::ToolError;
use crate::model::image_ref::ImageRef;
use crate::model::quote::Argv;
use crate::model::tier::Group;
use crate::toolkit::docker::seen::Purpose;
use crate::toolkit::jobs::Wanted;
use crate::toolkit::{Call, Spec, Stopped, Targets, Tool, turns};
use crate::tools::exec::ExecReply;
use crate::tools::jobs::ExecOrJob;

/// Longest grace before a container is killed, in seconds.
const GRACE_MAX: u32 = 3600;
/// What the engine itself may take beside the grace, in seconds.
const GRACE_ROOM: u64 = 30;

/// Runs `docker WORDS -- OPERAND` for a tool of this file. A start opens the container's mounts anew, so they are judged.
async fn run(client: &Client, words: &[&str], operand: &str, timeout: Option<u64>) -> Result<ExecReply, ToolError> {
    let starts = matches!(words.first(), Some(&("start" | "restart")));
    let words = client.docker(words.iter().copied().chain(["--", operand]))?;
    let limits = Limits { timeout, max_bytes: None };
    let output = if starts {
        client.host.call().journal().words(&words);
        // The engine goes on without its client: it waits for the grace, and starts the container then.
        let goes_on = turns::CUT_FOR + Duration::from_secs(timeout.unwrap_or_default());
        let existing = Existing { goes_on, ..Existing::container(operand, Purpose::Start) };
        let output = mounting::run(client, &existing, &[], &[], &mounting::RUN, &words, None, limits).await?;
        client.finished(mounting::restored(output))?
    } else {
        client.run(&words, limits).await?
    };
    Ok(ExecReply::of(&client.host, output).elsewhere(Stopped::Unknown, ENGINE))
}

/// Declares a tool of one verb: its arguments' type, its declaration, and the words for its arguments.
macro_rules! verb {
    ($(#[$doc:meta])* $name:ident, $args:ty, $spec:expr, |$a:ident| $words:expr, $operand:expr, $timeout:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(super) struct $name;

        impl Tool for $name {
            type Args = $args;
            type Reply = ExecReply;
            const SPEC: Spec = $spec;

            fn hosts(args: &Self::Args) -> Targets {
                Targets::host(&args.host).sudo(args.sudo)
            }

            async fn run(call: &Call, $a: $args) -> Result<ExecReply, ToolError> {
                let words: Vec<String> = $words?;
                let client = Client::changing(call, &$a.host, $a.sudo).await?;
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                run(&client, &words, $operand, $timeout).await
            }
        }
    };
}

/// Arguments of `start`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ContainerArgs {
    /// host alias
    host: String,
    /// name or id
    container: ContainerName,
    /// as root on the host, for docker
    #[serde(default)]
    sudo: bool,
}

/// Arguments of `stop` and `restart`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StopArgs {
    /// host alias
    host: String,
    /// name or id
    container: ContainerName,
    /// seconds before it is killed
    #[serde(default)]
    grace: Option<u32>,
    /// as root on the host, for docker
    #[serde(default)]
    sudo: bool,
}

impl StopArgs {
    fn words(&self, verb: &str) -> Result<Vec<String>, ToolError> {
        match self.grace {
            None => Ok(vec![verb.to_owned()]),
            // The short form: the long one was renamed between docker 27 and 28.
            Some(grace) if grace <= GRACE_MAX => Ok(vec![verb.to_owned(), "-t".to_owned(), grace.to_string()]),
            Some(grace) => Err(ToolError::value(
                format!("Argument `grace`: {grace} is out of range."),
                format!("Give 0 to {GRACE_MAX} seconds."),
            )),
        }
    }

    /// A time limit that the grace fits into.
    fn timeout(&self) -> Option<u64> {
        self.grace.filter(|g| *g > 10).map(|g| u64::from(g) + GRACE_ROOM)
    }
}

/// Arguments of `rm`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RemoveArgs {
    /// host alias
    host: String,
    /// name or id
    container: ContainerName,
    /// a running one too
    #[serde(default)]
    force: bool,
    /// as root on the host, for docker
    #[serde(default)]
    sudo: bool,
}

/// Arguments of `rmi`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RemoveImageArgs {
    /// host alias
    host: String,
    /// [registry/]name[:tag][@digest] or id
    image: ImageRef,
    /// although it is used or tagged twice
    #[serde(default)]
    force: bool,
    /// as root on the host, for docker
    #[serde(default)]
    sudo: bool,
}

/// Arguments of `pull`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PullArgs {
    /// host alias
    host: String,
    /// [registry/]name[:tag][@digest]
    image: ImageRef,
    /// seconds, default 600
    #[serde(default)]
    timeout: Option<u64>,
    /// seconds, default 50; then a job
    #[serde(default)]
    wait: Option<u64>,
    /// its name
    #[serde(default)]
    job_label: Option<String>,
    /// as root on the host, for docker
    #[serde(default)]
    sudo: bool,
}

fn forced(verb: &str, force: bool) -> Result<Vec<String>, ToolError> {
    let mut words = vec![verb.to_owned()];
    if force {
        words.push("-f".to_owned());
    }
    Ok(words)
}

verb!(
    /// `ssh_docker_start`.
    Start,
    ContainerArgs,
    Spec::low_access("ssh_docker_start", Group::Docker, "Start a container").found_as("Start a container", "docker start").idempotent(),
    |args| forced("start", false),
    args.container.as_str(),
    None
);

verb!(
    /// `ssh_docker_stop`.
    Stop,
    StopArgs,
    Spec::low_access("ssh_docker_stop", Group::Docker, "Stop a container").found_as("Stop a container", "docker stop kill container").idempotent(),
    |args| args.words("stop"),
    args.container.as_str(),
    args.timeout()
);

verb!(
    /// `ssh_docker_restart`.
    Restart,
    StopArgs,
    Spec::low_access("ssh_docker_restart", Group::Docker, "Restart a container").found_as("Restart a container", "docker restart"),
    |args| args.words("restart"),
    args.container.as_str(),
    args.timeout()
);

verb!(
    /// `ssh_docker_rm`.
    Remove,
    RemoveArgs,
    Spec::dangerous("ssh_docker_rm", Group::Docker, "Remove a container").found_as("Remove a container", "docker rm delete container"),
    |args| forced("rm", args.force),
    args.container.as_str(),
    None
);

verb!(
    /// `ssh_docker_rmi`.
    RemoveImage,
    RemoveImageArgs,
    Spec::dangerous("ssh_docker_rmi", Group::Docker, "Remove an image").found_as("Remove an image", "docker rmi delete image"),
    |args| forced("rmi", args.force),
    args.image.as_str(),
    None
);

/// `ssh_docker_pull`.
#[derive(Debug)]
pub(super) struct Pull;

/// Seconds that a pull has, and that its call waits for it, where the caller does not say.
const PULL_LIMIT: u64 = 600;
const PULL_WAIT: u64 = 50;

impl Tool for Pull {
    type Args = PullArgs;
    type Reply = ExecOrJob;
    const SPEC: Spec = Spec::dangerous("ssh_docker_pull", Group::Docker, "Pull an image")
        .found_as("Docker pull", "download update image");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host).sudo(args.sudo)
    }

    async fn run(call: &Call, args: PullArgs) -> Result<ExecOrJob, ToolError> {
        let client = Client::changing(call, &args.host, args.sudo).await?;
        let words = client.docker(["pull", "--", args.image.as_str()])?;
        let limits = Limits { timeout: Some(args.timeout.unwrap_or(PULL_LIMIT)), max_bytes: None };
        let text = Argv::from_words(words.clone()).map(|argv| argv.to_shell()).unwrap_or_default();
        let wanted = Wanted {
            wait: args.wait.unwrap_or(PULL_WAIT),
            label: args.job_label.as_deref(),
            timeout: limits.timeout,
            command: Some(&text),
            stdin_open: false,
            run: None,
        };
        client.run_as_job(&words, limits, &wanted, args.wait.is_none()).await
    }
}

/// `ssh_docker_prune`.
#[derive(Debug)]
pub(super) struct Prune;

/// Kinds of objects that can be pruned.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Scope {
    #[default]
    Container,
    Image,
    Volume,
    Network,
    System,
}

/// Arguments of [`Prune`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PruneArgs {
    /// host alias
    host: String,
    /// kind of object
    #[serde(default)]
    scope: Scope,
    /// tagged images too (image, system)
    #[serde(default)]
    all_: bool,
    /// as root on the host, for docker
    #[serde(default)]
    sudo: bool,
}

impl Tool for Prune {
    type Args = PruneArgs;
    type Reply = ExecReply;
    const SPEC: Spec = Spec::dangerous("ssh_docker_prune", Group::Docker, "Remove unused docker objects of one kind")
        .found_as("Docker prune", "clean up free space unused images containers");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host).sudo(args.sudo)
    }

    async fn run(call: &Call, args: PruneArgs) -> Result<ExecReply, ToolError> {
        let (scope, takes_all) = match args.scope {
            Scope::Container => ("container", false),
            Scope::Image => ("image", true),
            Scope::Volume => ("volume", false),
            Scope::Network => ("network", false),
            Scope::System => ("system", true),
        };
        let client = Client::changing(call, &args.host, args.sudo).await?;
        let mut words = vec![scope, "prune", "-f"];
        if args.all_ && takes_all {
            words.push("--all");
        }
        let output = client.run(&client.docker(words)?, Limits::default()).await?;
        Ok(ExecReply::of(&client.host, output).elsewhere(Stopped::Unknown, ENGINE))
    }
}
