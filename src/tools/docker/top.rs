//! `ssh_docker_top`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::client::{Client, Limits};
use super::secrets;
use crate::model::docker::{ContainerName, PsOptions};
use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Call, EngineKind, Spec, Targets, Tool};
use crate::tools::exec::ExecReply;

/// Processes of one container, as the host's `ps` shows them; secrets in their arguments are redacted.
#[derive(Debug)]
pub(super) struct Top;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// name or id
    container: ContainerName,
    /// such as aux or -o pid,args
    #[serde(default)]
    ps_options: Option<PsOptions>,
}

/// Columns of `ps` and what podman calls them. podman lists these itself; for anything else it runs the container's own `ps`,
/// which is whatever the container holds (podman-top(1)).
const COLUMNS: [(&str, &str); 24] = [
    ("args", "args"),
    ("cmd", "args"),
    ("command", "args"),
    ("comm", "comm"),
    ("etime", "etime"),
    ("group", "group"),
    ("egroup", "group"),
    ("label", "label"),
    ("ni", "nice"),
    ("nice", "nice"),
    ("%cpu", "pcpu"),
    ("pcpu", "pcpu"),
    ("pgid", "pgid"),
    ("pid", "pid"),
    ("ppid", "ppid"),
    ("rgroup", "rgroup"),
    ("ruser", "ruser"),
    ("state", "state"),
    ("stat", "state"),
    ("time", "time"),
    ("tty", "tty"),
    ("user", "user"),
    ("euser", "user"),
    ("vsz", "vsz"),
];

/// The columns that these options ask for, in podman's words; nothing where podman does not list them itself.
fn columns(options: &str) -> Option<Vec<String>> {
    let words: Vec<&str> = options.split(' ').filter(|word| !word.is_empty()).collect();
    let list = match words.as_slice() {
        ["aux"] => "user,pid,pcpu,vsz,tty,state,time,args",
        ["-ef" | "-efw" | "-efww" | "-f"] => "user,pid,ppid,pcpu,tty,time,args",
        ["-e" | "-A"] => "pid,tty,time,comm",
        ["-o" | "-eo" | "-Ao" | "o" | "axo", list] | ["-e" | "-A", "-o", list] => list,
        _ => return None,
    };
    list.split(',').map(|name| Some(COLUMNS.iter().find(|(ps, _)| *ps == name)?.1.to_owned())).collect()
}

fn unknown_to_podman(options: &str) -> ToolError {
    ToolError::value(
        format!("Argument `ps_options`: for {options:?} podman would run a program of the container."),
        format!("Give aux, -ef, -e, or -o with columns among {}; or nothing.", COLUMNS.map(|(ps, _)| ps).join(", ")),
    )
}

impl Tool for Top {
    type Args = Args;
    type Reply = ExecReply;
    const SPEC: Spec = Spec::read("ssh_docker_top", Group::Docker, "Processes inside a container")
        .found_as("Processes of a container", "docker top ps inside container");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<ExecReply, ToolError> {
        let client = Client::observing(call, &args.host)?;
        if client.engine_kind().await? == EngineKind::PodmanService {
            return Err(ToolError::value(
                "Docker's client speaks to podman here, which would run a program of the container for it.",
                "The operator sets `docker_cmd` to podman's own client.",
            ));
        }
        let mut words = vec!["top".to_owned(), "--".to_owned(), args.container.into()];
        if let Some(options) = &args.ps_options {
            let asked = options.as_str().split(' ').filter(|w| !w.is_empty());
            if client.is_podman().await? {
                words.extend(columns(options.as_str()).ok_or_else(|| unknown_to_podman(options.as_str()))?);
            } else {
                words.extend(asked.map(str::to_owned));
            }
        }
        let mut output = client.run(&client.docker(words)?, Limits::default()).await?;
        // Docker quotes what stands where it looks for a number: a word of some process of the whole host.
        if output.stderr_text().contains("Unexpected pid") {
            output.stderr = b"The engine found no numbers of processes in what ps printed.\n".to_vec();
        }
        Ok(ExecReply::of(&client.host, secrets::in_output(&client.host, output)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn podman_is_asked_only_for_columns_that_it_lists_itself() {
        let words = |options: &str| columns(options).map(|words| words.join(" "));
        assert_eq!(words("-o pid,args").as_deref(), Some("pid args"));
        assert_eq!(words("-eo user,stat,cmd").as_deref(), Some("user state args"));
        assert!(words("aux").is_some_and(|words| !words.contains('-')));
        for other in ["-o pid,wchan", "auxf", "--forest", "-l", "-o pid --sort=pid", "-ef -f"] {
            assert_eq!(words(other), None, "{other}");
        }
    }
}
