//! The row for docker.

use serde_json::{Map, Value, json};

use super::{Call, Match, after_options, arguments, operands, text_of};
use crate::policy::shell::Word;

/// Where no single tool fits.
const FAMILY: &str = "ssh_docker_*";

/// What the first operand of a sub-command is for its tool.
#[derive(Clone, Copy)]
enum First {
    Nothing,
    Container,
    Image,
    Target,
}

/// Sub-command, tool, first operand, options that take a value.
const COMMANDS: &[(&str, &str, First, &str)] = &[
    ("ps", "ssh_docker_ps", First::Nothing, "fn"),
    ("images", "ssh_docker_images", First::Nothing, "f"),
    ("inspect", "ssh_docker_inspect", First::Target, "f"),
    ("logs", "ssh_docker_logs", First::Container, "n"),
    ("stats", "ssh_docker_stats", First::Nothing, ""),
    ("top", "ssh_docker_top", First::Container, ""),
    ("events", "ssh_docker_events", First::Nothing, "f"),
    ("volumes", "ssh_docker_volumes", First::Nothing, "f"),
    ("volume", "ssh_docker_volumes", First::Nothing, "f"),
    ("exec", "ssh_docker_exec", First::Container, "euw"),
    ("run", "ssh_docker_run", First::Image, "ehlmpuvwac"),
    ("stop", "ssh_docker_stop", First::Container, "ts"),
    ("start", "ssh_docker_start", First::Container, ""),
    ("restart", "ssh_docker_restart", First::Container, "ts"),
    ("kill", "ssh_docker_stop", First::Container, "s"),
    ("rm", "ssh_docker_rm", First::Container, ""),
    ("rmi", "ssh_docker_rmi", First::Image, ""),
    ("pull", "ssh_docker_pull", First::Image, ""),
    ("prune", "ssh_docker_prune", First::Nothing, ""),
    ("cp", "ssh_docker_cp", First::Nothing, ""),
];

const COMPOSE: &[(&str, &str)] = &[
    ("up", "ssh_docker_compose_up"),
    ("down", "ssh_docker_compose_down"),
    ("pull", "ssh_docker_compose_pull"),
    ("start", "ssh_docker_compose_start"),
    ("stop", "ssh_docker_compose_stop"),
    ("restart", "ssh_docker_compose_restart"),
    ("ps", "ssh_docker_compose_ps"),
    ("logs", "ssh_docker_compose_logs"),
];

/// Long options that take a value, over all sub-commands.
const LONG: &[&str] = &[
    "--add-host",
    "--cap-add",
    "--cpus",
    "--device",
    "--entrypoint",
    "--env",
    "--env-file",
    "--expose",
    "--filter",
    "--format",
    "--hostname",
    "--label",
    "--link",
    "--log-driver",
    "--memory",
    "--mount",
    "--name",
    "--net",
    "--network",
    "--platform",
    "--pull",
    "--restart",
    "--security-opt",
    "--shm-size",
    "--since",
    "--signal",
    "--tail",
    "--time",
    "--timeout",
    "--tmpfs",
    "--ulimit",
    "--until",
    "--user",
    "--volume",
    "--workdir",
];
const GLOBAL: &[&str] = &["--config", "--context", "--host", "--log-level", "--tlscacert", "--tlscert", "--tlskey"];

pub(super) fn docker(call: &Call<'_>) -> Option<Match> {
    if call.program != "docker" {
        return None;
    }
    let rest = after_options(call.args, "cHl", GLOBAL);
    let (name, args) = match rest.split_first() {
        Some((word, args)) => (word.text.as_str(), args),
        None => ("", rest),
    };
    // `docker container logs` is `docker logs`, `docker image ls` is `docker images`, and so on.
    let inner = args.first().map_or("", |w| w.text.as_str());
    let behind = args.get(1..).unwrap_or(&[]);
    let (name, args, scope) = match (name, inner) {
        ("compose", _) => return Some(compose(args)),
        ("container" | "image" | "volume" | "network" | "system" | "builder", "prune") => ("prune", behind, Some(name)),
        ("container", "ls" | "list" | "ps") => ("ps", behind, None),
        ("image", "ls" | "list") => ("images", behind, None),
        ("image", "rm") => ("rmi", behind, None),
        ("system", "df") => return Some(found("ssh_docker_system_df", Map::new())),
        ("system", "events") | ("container" | "image" | "volume" | "network", "inspect") | ("image", "pull") => {
            (inner, behind, (inner == "inspect").then_some(name))
        }
        ("container", other) if COMMANDS.iter().any(|(known, ..)| *known == other) => (inner, behind, None),
        _ => (name, args, None),
    };
    let Some((_, tool, first, short)) = COMMANDS.iter().find(|(known, ..)| *known == name) else {
        return Some(found(FAMILY, Map::new()));
    };
    let operands = operands(args, short, LONG);
    let operand = operands.first().map(|w| text_of(w));
    let flag = |letter: char, long: &str| {
        let is = |w: &&Word| {
            w.text == long || (w.text.starts_with('-') && !w.text.starts_with("--") && w.text.contains(letter))
        };
        args.iter().any(|w| is(&w)).then_some(json!(true))
    };
    let pairs = match (*tool, first) {
        ("ssh_docker_cp", _) => copy(&operands),
        ("ssh_docker_prune", _) => arguments([("scope", scope.map(|s| json!(s))), ("all_", flag('a', "--all"))]),
        ("ssh_docker_ps", _) => arguments([("all_", flag('a', "--all"))]),
        ("ssh_docker_rm" | "ssh_docker_rmi", _) => {
            let named = if name == "rm" { "container" } else { "image" };
            arguments([(named, operand), ("force", flag('f', "--force"))])
        }
        ("ssh_docker_exec" | "ssh_docker_run", _) => in_container(args, short, name),
        (_, First::Nothing) => Map::new(),
        (_, First::Container) => arguments([("container", operand)]),
        (_, First::Image) => arguments([("image", operand)]),
        (_, First::Target) => arguments([("target", operand), ("kind", scope.map(|s| json!(s)))]),
    };
    Some(found(tool, pairs))
}

/// `exec` and `run` stop at their first operand: what follows belongs to the container.
fn in_container(args: &[Word], short: &str, name: &str) -> Map<String, Value> {
    let rest = after_options(args, short, LONG);
    let Some((first, inner)) = rest.split_first() else { return Map::new() };
    let words: Vec<&str> = inner.iter().map(|w| w.text.as_str()).collect();
    let inner = (!words.is_empty()).then_some(words);
    if name == "exec" {
        let command =
            inner.map(|words| words.iter().map(|w| crate::model::quote::sh_quote(w)).collect::<Vec<_>>().join(" "));
        return arguments([("container", Some(text_of(first))), ("command", command.map(Value::String))]);
    }
    arguments([("image", Some(text_of(first))), ("args", inner.map(|words| json!(words)))])
}

fn copy(operands: &[&Word]) -> Map<String, Value> {
    let [from, to] = operands else { return Map::new() };
    let (container, host, direction) = match (from.text.split_once(':'), to.text.split_once(':')) {
        (Some(container), None) => (container, &to.text, "from_container"),
        (None, Some(container)) => (container, &from.text, "to_container"),
        _ => return Map::new(),
    };
    arguments([
        ("container", Some(json!(container.0))),
        ("container_path", Some(json!(container.1))),
        ("host_path", Some(json!(host))),
        ("direction", Some(json!(direction))),
    ])
}

fn compose(args: &[Word]) -> Match {
    let rest =
        after_options(args, "fp", &["--file", "--project-name", "--profile", "--env-file", "--project-directory"]);
    let verb = rest.first().map_or("", |w| w.text.as_str());
    let mut words = args.iter();
    let mut file = None;
    while let Some(word) = words.next() {
        match word.text.as_str() {
            "-f" | "--file" => file = words.next().map(|w| w.text.as_str()),
            other => file = other.strip_prefix("--file=").or(file),
        }
    }
    let tool = COMPOSE.iter().find(|(known, _)| *known == verb).map_or(FAMILY, |(_, tool)| tool);
    found(tool, arguments([("compose_file", file.map(|f| json!(f)))]))
}

fn found(tool: &'static str, pairs: Map<String, Value>) -> Match {
    Match::new("docker", tool, pairs, "Docker has tools of its own, which mind the path policy and secrets.")
}
