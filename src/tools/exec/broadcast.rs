//! `ssh_broadcast`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::answer::{ExecReply, REST, user_job};
use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Account, Call, Host, RunsAs, Spec, Surroundings, Targets, Tool, Variables};

/// Runs one command on many hosts.
#[derive(Debug)]
pub(super) struct Broadcast;

/// Most hosts of one call.
const HOSTS_MAX: usize = 50;

/// Most bytes of output kept over all hosts: a whole answer has to fit a frame of the protocol (16 MiB).
const TOTAL_CAP: u64 = 8 * 1024 * 1024;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// 1 to 50 host aliases
    hosts: Vec<String>,
    /// shell command
    command: String,
    /// seconds, per host
    #[serde(default)]
    timeout: Option<u64>,
    /// hosts at once, 1 to 50
    #[serde(default)]
    concurrency: Option<usize>,
    /// folder to run in
    #[serde(default)]
    cwd: Option<String>,
    /// variables
    #[serde(default)]
    env: Option<Variables>,
    /// text to read, at most 1 MiB
    #[serde(default)]
    stdin: Option<String>,
}

/// What came of it, by host.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    command: String,
    results: BTreeMap<String, ExecReply>,
    succeeded: Vec<String>,
    failed: Vec<String>,
    errors: BTreeMap<String, String>,
    error_details: BTreeMap<String, String>,
    same_answer: Vec<Vec<String>>,
    elapsed_ms: u64,
    output_warnings: Vec<String>,
}

impl Tool for Broadcast {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec = Spec::dangerous("ssh_broadcast", Group::Exec, "Run one command on up to 50 hosts in parallel")
        .found_as("Run on many hosts", "all servers fleet parallel command everywhere")
        .more(REST);

    fn hosts(args: &Self::Args) -> Targets {
        Targets::hosts(&args.hosts)
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        if args.hosts.is_empty() || args.hosts.len() > HOSTS_MAX {
            return Err(ToolError::value(
                format!("Argument `hosts`: {} hosts.", args.hosts.len()),
                format!("Name 1 to {HOSTS_MAX} hosts."),
            ));
        }
        let at_once = args.concurrency.unwrap_or(HOSTS_MAX);
        if !(1..=HOSTS_MAX).contains(&at_once) {
            return Err(ToolError::value(
                format!("Argument `concurrency`: {at_once} is out of range."),
                format!("Give 1 to {HOSTS_MAX}, or leave it out."),
            ));
        }
        let around = Surroundings::new(args.cwd, args.env, args.stdin)?;
        let hosts = resolve(call, &args.hosts)?;
        call.journal().command(&args.command);
        let began = Instant::now();
        let slots = Arc::new(Semaphore::new(at_once));
        let share = TOTAL_CAP / hosts.len() as u64;
        let mut running = tokio::task::JoinSet::new();
        for (given, host) in &hosts {
            let (given, host, command, slots) = (given.clone(), host.clone(), args.command.clone(), slots.clone());
            let (timeout, around) = (args.timeout, around.clone());
            running.spawn(async move {
                let _slot = slots.acquire().await;
                let result = one(&host, &command, &around, timeout, share).await;
                let notes = host.call().journal().at(host.alias());
                match &result {
                    Ok(reply) => {
                        notes.exit_code(reply.exit_code);
                    }
                    Err(error) => {
                        notes.ended(Err(error.name));
                    }
                }
                (given, result)
            });
        }
        let mut reply = Reply {
            command: args.command,
            results: BTreeMap::new(),
            succeeded: Vec::new(),
            failed: Vec::new(),
            errors: BTreeMap::new(),
            error_details: BTreeMap::new(),
            same_answer: Vec::new(),
            elapsed_ms: 0,
            output_warnings: Vec::new(),
        };
        let mut done = 0;
        let total = hosts.len() as u64;
        while let Some(joined) = running.join_next().await {
            let Ok((given, result)) = joined else { continue };
            done += 1;
            call.progress_of(done, Some(total), &format!("{given} answered"));
            match result {
                Ok(one) => {
                    reply.results.insert(given, one);
                }
                Err(error) => {
                    reply.errors.insert(given.clone(), error.name.as_str().to_owned());
                    reply.error_details.insert(given, error.to_string());
                }
            }
        }
        call.alive()?;
        for (given, _) in &hosts {
            match reply.results.get(given) {
                Some(one) if one.succeeded() => reply.succeeded.push(given.clone()),
                _ => reply.failed.push(given.clone()),
            }
        }
        reply.same_answer = grouped(&reply.results);
        reply.elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(reply)
    }
}

/// Every host, each once and in order, or one error that names all that cannot be used.
fn resolve(call: &Call, given: &[String]) -> Result<Vec<(String, Host)>, ToolError> {
    let mut names: Vec<&str> = Vec::new();
    for name in given {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let faults: Vec<String> = names
        .iter()
        .filter_map(|name| call.snapshot().resolve(name).err().map(|error| format!("`{name}` ({})", error.name)))
        .collect();
    if !faults.is_empty() {
        return Err(ToolError::value(
            format!("Argument `hosts`: {}. Nothing was run anywhere.", faults.join(", ")),
            "Take these out or correct them; ssh_host_list shows the known aliases.",
        ));
    }
    let hosts = call.hosts(names.iter().copied())?;
    Ok(names.into_iter().map(str::to_owned).zip(hosts).collect())
}

async fn one(
    host: &Host,
    text: &str,
    around: &Surroundings,
    timeout: Option<u64>,
    share: u64,
) -> Result<ExecReply, ToolError> {
    host.posix("Leave this host out.")?;
    host.suggest_native_tool(RunsAs::LoginUser, text, around)?;
    let command = host.command(text)?;
    let settings = host.call().settings();
    let (out, err) = (settings.ssh_stdout_cap_bytes.min(share), settings.ssh_stderr_cap_bytes.min(share));
    let job = user_job(host, &command, timeout)?.caps(out, err);
    let output = Account::login(host.clone()).run_within(job, around).await?;
    Ok(ExecReply::of(host, output).of_text(text).with_place(host, text).await)
}

/// Hosts with equal exit status and output, largest group first.
fn grouped(results: &BTreeMap<String, ExecReply>) -> Vec<Vec<String>> {
    let mut groups: BTreeMap<(i32, &str, &str), Vec<String>> = BTreeMap::new();
    for (name, reply) in results {
        groups.entry(reply.same_answer_key()).or_default().push(name.clone());
    }
    let mut groups: Vec<Vec<String>> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    groups
}
