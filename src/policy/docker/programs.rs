//! The words that start the engine's client and compose on a host, as the operator wrote them.

use crate::model::error::{ErrorName, ToolError};
use crate::policy::command::grammar;

/// Which generation of compose a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generation {
    /// What the operator configured: `SSH_DOCKER_COMPOSE_CMD`, else the docker command and `compose`.
    Configured,
    /// The docker command with `-compose` on its last word.
    V1,
}

/// The words of the docker command (`docker_cmd`, else `SSH_DOCKER_CMD`): `docker`, `podman`, `sudo docker`.
pub(crate) fn docker_words(docker_cmd: &str) -> Result<Vec<String>, ToolError> {
    words(docker_cmd, "docker_cmd (SSH_DOCKER_CMD)")
}

/// The words of the compose command, from the docker command and `SSH_DOCKER_COMPOSE_CMD`.
pub(crate) fn compose_words(
    docker_cmd: &str,
    compose_cmd: Option<&str>,
    generation: Generation,
) -> Result<Vec<String>, ToolError> {
    if let (Generation::Configured, Some(text)) = (generation, compose_cmd) {
        return words(text, "SSH_DOCKER_COMPOSE_CMD");
    }
    let mut words = docker_words(docker_cmd)?;
    match (generation, words.last_mut()) {
        (Generation::V1, Some(last)) => last.push_str("-compose"),
        _ => words.push("compose".to_owned()),
    }
    Ok(words)
}

fn words(text: &str, setting: &str) -> Result<Vec<String>, ToolError> {
    let unfit = |why: String| {
        ToolError::new(
            ErrorName::HostsConfigError,
            format!("{setting} is {text:?}, which is not a plain command: {why}."),
            "The operator writes a program and its words, such as `docker`, `podman` or `sudo docker`.",
        )
    };
    let words = grammar::parse(text).map_err(|why| unfit(why.to_string()))?;
    match words.first() {
        Some(program) if !program.starts_with('-') => Ok(words),
        _ => Err(unfit("it names no program".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composes_the_compose_command() {
        for (docker, compose, generation, expected) in [
            ("docker", None, Generation::Configured, "docker compose"),
            ("podman", None, Generation::Configured, "podman compose"),
            ("sudo docker", None, Generation::V1, "sudo docker-compose"),
            ("podman", Some("podman-compose"), Generation::Configured, "podman-compose"),
            ("podman", Some("docker compose"), Generation::V1, "podman-compose"),
            ("docker --context prod", None, Generation::Configured, "docker --context prod compose"),
        ] {
            let words = compose_words(docker, compose, generation).unwrap();
            assert_eq!(words.join(" "), expected);
        }
        for bad in ["", "docker; id", "docker $(id)", "-x docker"] {
            assert!(docker_words(bad).is_err(), "{bad}");
        }
    }
}
