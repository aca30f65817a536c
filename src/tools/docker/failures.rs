//! What the clients of the engine say when they could not do their work, told apart from what the work itself said.
//! Pure.

use crate::model::error::{ErrorName, ToolError};

/// How the generic script names a program that is not on the host.
pub(super) const NO_PROGRAM: &str = "ssh-mcp: no program ";

/// Why nothing could be asked of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The client is not installed.
    NoProgram(String),
    /// The client is there and no engine answers.
    EngineDown(String),
    /// The engine is there and the account may not use it.
    NoRights(String),
    /// The docker client has no compose plug-in.
    NoCompose(String),
    /// Compose is there and cannot render a project, so that none can be judged.
    NoRendering(String),
}

/// Beginnings of lines by which docker, podman, docker-compose and sudo say so. Only a run that failed is searched,
/// and only beginnings of lines count, because a container writes to the same stream.
const DOWN: &[&str] = &[
    "Cannot connect to the Docker daemon",
    "docker: Cannot connect to the Docker daemon",
    "error during connect:",
    "failed to connect to the docker API",
    "docker: failed to connect to the docker API",
    "Cannot connect to Podman",
    "Error: unable to connect to Podman",
    "ERROR: Couldn't connect to Docker daemon",
    "docker.errors.DockerException: Error while fetching server API version",
];
const RIGHTS: &[&str] = &[
    "permission denied while trying to connect to the",
    "docker: permission denied while trying to connect to the",
    "Got permission denied while trying to connect to the",
    "docker: Got permission denied while trying to connect to the",
    "sudo: a password is required",
    "sudo: a terminal is required",
    "PermissionError: [Errno 13] Permission denied",
];
const COMPOSE: &[&str] = &[
    "docker: 'compose' is not a docker command",
    "docker: unknown command: docker compose",
    "unknown shorthand flag: 'f' in -f",
    "unknown docker command: \"compose",
    // podman before 4.7.
    "Error: unrecognized command `podman compose`",
    "Error: unknown shorthand flag: 'f' in -f",
];
/// podman-compose before 1.0.4.
const RENDERING: &[&str] = &["podman-compose: error: argument command: invalid choice: 'config'"];

/// Finds out whether a failed run failed before the engine was asked.
pub(super) fn of(exit_code: i32, stderr: &str) -> Option<Failure> {
    if exit_code == 0 {
        return None;
    }
    let begins = |line: &str, list: &[&str]| list.iter().any(|start| line.starts_with(start));
    for line in stderr.lines().map(str::trim) {
        let text = || line.chars().take(300).collect::<String>();
        if let Some(program) = line.strip_prefix(NO_PROGRAM) {
            return Some(Failure::NoProgram(program.to_owned()));
        }
        if let Some(program) = line.strip_prefix("sudo: ").and_then(|l| l.strip_suffix(": command not found")) {
            return Some(Failure::NoProgram(program.to_owned()));
        }
        if begins(line, RIGHTS) || (begins(line, DOWN) && line.contains("ermission")) {
            return Some(Failure::NoRights(text()));
        }
        if begins(line, DOWN) {
            return Some(Failure::EngineDown(text()));
        }
        if begins(line, COMPOSE) {
            return Some(Failure::NoCompose(text()));
        }
        if begins(line, RENDERING) {
            return Some(Failure::NoRendering(text()));
        }
    }
    None
}

impl Failure {
    /// The error for a host; `takes_sudo` when the tool has that input and it was not used.
    pub(super) fn error(self, alias: &str, takes_sudo: bool) -> ToolError {
        let (what, next) = match self {
            Failure::NoProgram(program) => (
                format!("`{alias}` has no program `{program}` in the system's folders."),
                "Install the engine's client, or let the operator name the command with docker_cmd (SSH_DOCKER_CMD) or \
                 SSH_DOCKER_COMPOSE_CMD.",
            ),
            Failure::EngineDown(line) => (
                format!("The container engine on `{alias}` does not answer: {line}"),
                "Look at it with ssh_systemctl_status (docker.service) and ssh_journalctl, and start it.",
            ),
            Failure::NoRights(line) if takes_sudo => (
                format!("The login account on `{alias}` may not use the container engine: {line}"),
                "Call again with sudo: true (it needs the sudo tier), or let the operator add the account to the docker group.",
            ),
            Failure::NoRights(line) => (
                format!("The login account on `{alias}` may not use the container engine: {line}"),
                "The operator adds the account to the docker group or sets docker_cmd = \"sudo docker\".",
            ),
            Failure::NoCompose(line) => (
                format!("The container client on `{alias}` has no compose: {line}"),
                "Call again with compose_v1: true if docker-compose (podman-compose) is there, or let the operator set \
                 SSH_DOCKER_COMPOSE_CMD.",
            ),
            Failure::NoRendering(line) => (
                format!("compose on `{alias}` cannot render a project, so it cannot be judged: {line}"),
                "Update podman-compose to 1.0.4 or later; looking at a project, stopping it and taking it down work without.",
            ),
        };
        ToolError::new(ErrorName::PlatformNotSupported, what, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_captured_failures_apart() {
        let down = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?";
        let v1 = "Traceback (most recent call last):\n  File \"x\", line 1, in y\n\
                  docker.errors.DockerException: Error while fetching server API version: ('Connection aborted.', \
                  FileNotFoundError(2, 'No such file or directory'))\n";
        let v1_rights =
            v1.replace("FileNotFoundError(2, 'No such file or directory')", "PermissionError(13, 'Permission denied')");
        let rights = "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: \
                      Get \"http://%2Fvar%2Frun%2Fdocker.sock/v1.24/containers/json\": dial unix /var/run/docker.sock: connect: permission denied";
        assert!(matches!(of(1, down), Some(Failure::EngineDown(_))));
        assert!(matches!(of(125, &format!("docker: {down}\n")), Some(Failure::EngineDown(_))));
        assert!(matches!(of(1, v1), Some(Failure::EngineDown(_))));
        assert!(matches!(of(1, &v1_rights), Some(Failure::NoRights(_))));
        assert!(matches!(of(1, rights), Some(Failure::NoRights(_))));
        assert!(matches!(of(1, "sudo: a password is required\n"), Some(Failure::NoRights(_))));
        assert_eq!(of(1, "sudo: docker: command not found\n"), Some(Failure::NoProgram("docker".into())));
        assert_eq!(of(127, "ssh-mcp: no program podman\n"), Some(Failure::NoProgram("podman".into())));
        for compose in [
            "docker: 'compose' is not a docker command.\nSee 'docker --help'",
            "docker: unknown command: docker compose\n\nRun 'docker --help' for more information",
            "unknown shorthand flag: 'f' in -f\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]",
            "Error: unrecognized command `podman compose`\nTry 'podman --help' for more information\n",
            "Error: unknown shorthand flag: 'f' in -f\nSee 'podman --help'\n",
        ] {
            assert!(matches!(of(125, compose), Some(Failure::NoCompose(_))), "{compose}");
        }
        let old = "usage: podman-compose [-h] [-v] [-f file]\npodman-compose: error: argument command: invalid choice: \
                   'config' (choose from 'help', 'version', 'pull')\n";
        assert!(matches!(of(2, old), Some(Failure::NoRendering(_))));
    }

    #[test]
    fn ordinary_failures_stay_data() {
        for stderr in [
            "Error response from daemon: No such container: x\n",
            "log: Cannot connect to the Docker daemon\n",
            "docker: Error response from daemon: pull access denied\n",
            "",
        ] {
            assert_eq!(of(1, stderr), None, "{stderr}");
        }
        assert_eq!(of(0, "Cannot connect to the Docker daemon"), None);
    }

    #[test]
    fn every_failure_says_what_to_do() {
        for failure in [
            Failure::NoProgram("docker".into()),
            Failure::EngineDown("x".into()),
            Failure::NoRights("x".into()),
            Failure::NoCompose("x".into()),
            Failure::NoRendering("x".into()),
        ] {
            assert!(!failure.clone().error("web", true).next.is_empty());
            let named = failure.error("web", true);
            assert_eq!(named.name, ErrorName::PlatformNotSupported);
        }
        assert!(Failure::NoRights("x".into()).error("web", true).next.contains("sudo: true"));
    }
}
