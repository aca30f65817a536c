//! `ssh-mcp setup`: from an installed program to the first call in a client. Hosts of ssh_config are chosen, get rights to
//! read, are tried, and the server is registered in the clients that are there; every change is shown before it is made.

mod clients;
mod entry;
mod record;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use serde_json::{Value, json};

use self::clients::{CLIENTS, Client, Places};
use self::entry::{Server, registered, with_server, without_server};
use self::record::{Change, Record};
use super::change_hosts::{finish, wanted_names};
use super::client;
use super::doctor;
use super::edit::Draft;
use super::edit::hosts_toml::{Wish, with_host};
use super::terminal::{columns, one_line, print};
use crate::config::Env;
use crate::config::name::check_alias;

/// The name that clients show.
const NAME: &str = "ssh";

/// What hosts are proposed to give to an agent that reads: logs, and configuration with its secrets masked.
const READ: [&str; 2] = ["/var/log", "/etc"];
const MASKED: &str = "/etc/**";

/// Arguments of `setup`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without a terminal nothing is asked: hosts are those of --host, and --yes makes the changes.\n\nExamples:\n  \
    ssh-mcp setup\n  ssh-mcp setup --host web --host db --yes\n  ssh-mcp setup --check        # which client has it\n  ssh-mcp \
    setup --undo         # the clients' files as they were"
)]
pub(super) struct Args {
    /// A host of ssh_config that agents may use
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
    /// What can be read on these hosts, in place of /var/log and, with secrets masked, /etc
    #[arg(long = "read", value_name = "PATH")]
    paths: Vec<String>,
    /// Only these clients, found or not
    #[arg(long = "client", value_name = "ID", value_parser = PossibleValuesParser::new(CLIENTS.iter().map(|client| client.id)))]
    clients: Vec<String>,
    /// Make the changes without asking
    #[arg(long, short)]
    yes: bool,
    /// Show the changes and make none
    #[arg(long, conflicts_with_all = ["yes", "check"])]
    dry_run: bool,
    /// Show which client has this server, and change nothing
    #[arg(long, conflicts_with_all = ["hosts", "paths", "undo"])]
    check: bool,
    /// Take the server out of the clients; a file that nobody changed since is as it was, byte by byte
    #[arg(long, conflicts_with_all = ["hosts", "paths"])]
    undo: bool,
}

/// Runs it. The exit status is 0, 2 for a refusal, 4 when a host does not answer.
pub(super) async fn setup(env: &Env, args: &Args) -> ExitCode {
    let done = if args.check {
        check(env, args)
    } else if args.undo {
        undo(env, args)
    } else {
        set_up(env, args).await
    };
    done.unwrap_or_else(|faults| {
        for fault in &faults {
            eprintln!("ssh-mcp: {}", one_line(fault));
        }
        ExitCode::from(2)
    })
}

async fn set_up(env: &Env, args: &Args) -> Result<ExitCode, Vec<String>> {
    let chosen = chosen_hosts(env, args)?;
    if !chosen.is_empty() {
        print(&add_hosts(env, args, &chosen)?);
    }
    // A client's file that cannot be edited is told by the exit status, after everything else is done.
    let registered = if register(env, args)? { ExitCode::SUCCESS } else { ExitCode::from(2) };
    if args.dry_run {
        return Ok(registered);
    }
    let Some(first) = chosen.first() else {
        print("No host was chosen; `ssh-mcp hosts add NAME` adds one.\n");
        return Ok(registered);
    };
    print("\nThe hosts:\n");
    let tried = doctor::doctor(env, &doctor::Args::of(chosen.clone())).await;
    let answer = first_call(first).await.map_err(|why| vec![format!("the first call: {why}")])?;
    print(&format!("\nA client asked ssh_host_ping of {first} and got:\n{answer}\n"));
    Ok(if tried == ExitCode::SUCCESS { registered } else { tried })
}

/// The hosts that are named, or picked at the terminal.
fn chosen_hosts(env: &Env, args: &Args) -> Result<Vec<String>, Vec<String>> {
    for host in &args.hosts {
        check_alias(host).map_err(|why| vec![format!("`{host}` {why}")])?;
    }
    if !args.hosts.is_empty() || !at_terminal() || args.yes {
        return Ok(args.hosts.clone());
    }
    let configured =
        crate::config::load(env).map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let names = wanted_names(env, "*").map_err(|why| vec![why])?;
    let names: Vec<String> = names.into_iter().filter(|name| configured.hosts.get(name).is_none()).collect();
    if names.is_empty() {
        print("ssh_config names no host that is not set up already.\n");
        return Ok(Vec::new());
    }
    let picked = dialoguer::MultiSelect::new()
        .with_prompt("Hosts that agents may use (space picks, enter goes on)")
        .items(&names)
        .interact_opt()
        .map_err(|error| vec![format!("the terminal: {error}")])?;
    Ok(picked.unwrap_or_default().into_iter().filter_map(|at| names.get(at).cloned()).collect())
}

fn add_hosts(env: &Env, args: &Args, hosts: &[String]) -> Result<String, Vec<String>> {
    let path = crate::config::hosts_path(env)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?
        .ok_or_else(|| vec!["there is no home folder; SSH_HOSTS_FILE names the file of hosts".to_owned()])?;
    let mut draft = Draft::open(&path, env).map_err(|why| vec![why])?;
    let configured = crate::config::load(env).ok();
    for host in hosts {
        let known = configured.as_ref().is_some_and(|config| config.hosts.get(host).is_some());
        let (paths, redacted) = match (known, args.paths.is_empty()) {
            // What somebody decided for a host is not widened by a proposal.
            (true, true) => (Vec::new(), Vec::new()),
            (false, true) => (READ.map(str::to_owned).to_vec(), vec![MASKED.to_owned()]),
            (_, false) => (args.paths.clone(), Vec::new()),
        };
        let wish = Wish { alias: host.clone(), paths, redacted, ..Wish::default() };
        let new = with_host(draft.text(), &wish).map_err(|why| vec![format!("{}: {why}", path.display())])?;
        draft.set(new);
    }
    let agreed = !draft.changes() || args.dry_run || asked(args, &draft.diff(), "Write this?")?;
    if !agreed {
        return Ok("The file of hosts stays as it is.\n".to_owned());
    }
    finish(
        env,
        draft,
        args.dry_run,
        "Agents may read there; `ssh-mcp open` opens more.",
        "The hosts are set up already.",
    )
}

/// Puts the server into the clients' files. False where one could not be edited.
fn register(env: &Env, args: &Args) -> Result<bool, Vec<String>> {
    let (places, server) = (places(env)?, this_server().map_err(|why| vec![why])?);
    let mut record = Record::load(env)?;
    let (mut found, mut whole) = (0, true);
    for (client, file) in files(&places, args) {
        found += 1;
        match registered_in(env, &places, args, client, &file, &server, &mut record) {
            Ok(text) => print(&text),
            Err(why) => {
                whole = false;
                eprintln!("ssh-mcp: {}: {}", client.name, one_line(&why));
            }
        }
    }
    if found == 0 {
        print("No client was found; docs/clients.md says what to write where, and `--client ID` makes the file.\n");
    }
    Ok(whole)
}

fn registered_in(
    env: &Env,
    places: &Places,
    args: &Args,
    client: &Client,
    file: &Path,
    server: &Server,
    record: &mut Record,
) -> Result<String, String> {
    let mut draft = inside_home(Draft::open(file, env)?, places)?;
    let named = |why: String| format!("{} {why}", file.display());
    let before = draft.before().map(str::to_owned);
    draft.set(with_server(client.form, draft.text(), server).map_err(named)?);
    if !draft.changes() {
        return Ok(format!("{}: has it already ({})\n", client.name, file.display()));
    }
    let diff = draft.diff();
    if args.dry_run {
        return Ok(format!("{diff}Nothing was written (--dry-run).\n"));
    }
    let question = format!("Register in {}?", client.name);
    if !asked(args, &diff, &question).map_err(|why| why.join("; "))? {
        return Ok(format!("{}: left as it is\n", client.name));
    }
    // First the record, so that nothing is changed that cannot be taken back.
    record.remember(Change::new(file, before, draft.text()))?;
    draft.stand_alone(env)?;
    Ok(format!("{}: registered in {}\n", client.name, file.display()))
}

/// Shows a change and asks. Without a terminal only `--yes` agrees.
fn asked(args: &Args, diff: &str, question: &str) -> Result<bool, Vec<String>> {
    if args.yes {
        print(diff);
        return Ok(true);
    }
    print(diff);
    if !at_terminal() {
        return Err(vec!["there is no terminal to ask at; --yes makes the changes, --dry-run shows them".to_owned()]);
    }
    let answer = dialoguer::Confirm::new().with_prompt(question).default(true).interact_opt();
    answer.map(|answer| answer == Some(true)).map_err(|error| vec![format!("the terminal: {error}")])
}

fn at_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

fn places(env: &Env) -> Result<Places, Vec<String>> {
    Places::of(env).ok_or_else(|| vec!["there is no home folder, so no client's file can be found".to_owned()])
}

fn files<'a>(places: &'a Places, args: &'a Args) -> impl Iterator<Item = (&'static Client, PathBuf)> + 'a {
    let wanted = |client: &&Client| args.clients.is_empty() || args.clients.iter().any(|id| id == client.id);
    CLIENTS
        .iter()
        .filter(wanted)
        .flat_map(|client| (client.files)(places, !args.clients.is_empty()).into_iter().map(move |file| (client, file)))
}

/// A file whose real place is in another tree than the home (a link that leads out) is somebody else's to change.
fn inside_home(draft: Draft, places: &Places) -> Result<Draft, String> {
    let home = std::fs::canonicalize(places.home()).map_err(|error| format!("{}: {error}", places.home().display()))?;
    // A file that is to be made: the nearest folder that is there says where it will lie.
    let there = draft.real().ancestors().find_map(|path| std::fs::canonicalize(path).ok()).unwrap_or_default();
    if there.starts_with(&home) {
        return Ok(draft);
    }
    Err(format!("{} lies outside of the home, in {}; it is not edited", draft.path().display(), there.display()))
}

fn this_server() -> Result<Server, String> {
    let program = std::env::current_exe().map_err(|error| format!("this program's own file: {error}"))?;
    let command = program.to_str().ok_or("this program's own path is not UTF-8, which clients cannot write down")?;
    Ok(Server { name: NAME.to_owned(), command: command.to_owned(), args: vec!["serve"] })
}

/// One call, through the same door as a client's.
async fn first_call(host: &str) -> Result<String, String> {
    let mut session = client::Client::start(client::Start::default()).await?;
    let arguments = json!({"name": "ssh_host_ping", "arguments": {"host": host}});
    let answer = session.ask("tools/call", arguments).await;
    session.finish().await?;
    let answer = answer?;
    let text = answer.pointer("/content/0/text").and_then(Value::as_str).unwrap_or_default();
    Ok(text.lines().map(|line| format!("  {}\n", one_line(line))).collect())
}

fn check(env: &Env, args: &Args) -> Result<ExitCode, Vec<String>> {
    let (places, server) = (places(env)?, this_server().map_err(|why| vec![why])?);
    let mut rows = Vec::new();
    for client in
        CLIENTS.iter().filter(|client| args.clients.is_empty() || args.clients.iter().any(|id| id == client.id))
    {
        let found = (client.files)(&places, false);
        if found.is_empty() {
            rows.push(vec![client.name.to_owned(), "not found".to_owned()]);
        }
        for file in found {
            let state = Draft::open(&file, env).and_then(|draft| registered(client.form, draft.text(), NAME));
            let state = match state {
                Ok(Some(command)) if command == server.command => "registered".to_owned(),
                Ok(Some(command)) => format!("another program: {command}"),
                Ok(None) => "not registered".to_owned(),
                Err(why) => why,
            };
            rows.push(vec![client.name.to_owned(), format!("{} ({})", one_line(&state), file.display())]);
        }
    }
    print(&columns(&rows));
    Ok(ExitCode::SUCCESS)
}

fn undo(env: &Env, args: &Args) -> Result<ExitCode, Vec<String>> {
    let places = places(env)?;
    let mut record = Record::load(env)?;
    let mut faults = Vec::new();
    for change in record.changes() {
        let client = CLIENTS.iter().find(|client| (client.files)(&places, true).contains(&change.file));
        if !args.clients.is_empty() && !client.is_some_and(|client| args.clients.iter().any(|id| id == client.id)) {
            continue;
        }
        match undone(env, args, client, &change) {
            Ok(text) => {
                print(&text);
                if !args.dry_run {
                    record.forget(&change.file).map_err(|why| vec![why])?;
                }
            }
            Err(why) => faults.push(format!("{}: {why}", change.file.display())),
        }
    }
    if record.is_empty() && faults.is_empty() {
        print("Nothing is left to undo.\n");
    }
    if faults.is_empty() { Ok(ExitCode::SUCCESS) } else { Err(faults) }
}

fn undone(env: &Env, args: &Args, client: Option<&Client>, change: &Change) -> Result<String, String> {
    let mut draft = Draft::open(&change.file, env)?;
    let Some(now) = draft.before().map(str::to_owned) else {
        return Ok(format!("{} is not there any more\n", change.file.display()));
    };
    let untouched = change.left(&now);
    match (untouched, &change.before) {
        (true, None) if args.dry_run => return Ok(format!("{} would be removed\n", change.file.display())),
        (true, None) => {
            std::fs::remove_file(draft.real()).map_err(|error| error.to_string())?;
            return Ok(format!("{} is removed, as it was not there before\n", change.file.display()));
        }
        (true, Some(before)) => draft.set(before.clone()),
        (false, _) => {
            let client = client.ok_or("it belongs to no client that is known")?;
            let Some(rest) = without_server(client.form, &now, NAME)? else {
                return Ok(format!("{} has it no more\n", change.file.display()));
            };
            draft.set(rest);
        }
    }
    let diff = draft.diff();
    if args.dry_run {
        return Ok(diff);
    }
    draft.stand_alone(env)?;
    let how = if untouched { "is as it was" } else { "was changed since; only the server was taken out" };
    Ok(format!("{} {how}\n", change.file.display()))
}
