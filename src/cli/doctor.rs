//! `ssh-mcp doctor`: what works, what does not, and the command that fixes it. Connects to the hosts.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::account::{self, Ran, Unable};
use super::boot::ssh_env;
use super::check::{compiled, proxy_commands, sources, unmatched_hooks};
use super::terminal::{Paint, Progress, one_line, print};
use crate::config::{Env, Level, Settings};
use crate::local_program;
use crate::model::quote::sh_quote;
use crate::ssh::connect::identity::{AgentFault, agent_keys};
use crate::ssh::connect::public_key::PublicKey;
use crate::ssh::connect::{ConnectFailure, ControlDir, FailureKind, SshEnv, plan};
use crate::ssh::login_environment::LoginEnvironment;
use crate::ssh::pool::{Link, Pool, RunFailure};
use crate::toolkit::snapshot::{HostEntry, Snapshot};

/// Hosts tried at once.
const AT_ONCE: usize = 8;

/// How long `ssh -V` may take.
const VERSION_LIMIT: Duration = Duration::from_secs(5);

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Each host is connected to and logged in to once; an empty script and the sftp subsystem are tried there, and it is \
    asked where the folders of its path rules lead. Exit status: 0 all is \
    well, 2 the configuration is at fault, 4 something on this machine or on a host is.\n\nExamples:\n  ssh-mcp \
    doctor\n  ssh-mcp doctor web db      # these hosts only, for instance after changing a key"
)]
pub(super) struct Args {
    /// Only these hosts
    #[arg(value_name = "HOST")]
    hosts: Vec<String>,
}

impl Args {
    /// These hosts.
    pub(super) fn of(hosts: Vec<String>) -> Self {
        Args { hosts }
    }
}

/// How a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Good,
    Warning,
    Bad,
}

/// One line of the report.
#[derive(Debug)]
struct Finding {
    weight: Weight,
    subject: String,
    text: String,
    /// The command or edit that mends it.
    mend: Option<String>,
}

impl Finding {
    fn good(subject: &str, text: impl Into<String>) -> Self {
        Finding { weight: Weight::Good, subject: subject.to_owned(), text: text.into(), mend: None }
    }

    fn warning(subject: &str, text: impl Into<String>, mend: impl Into<String>) -> Self {
        Finding { weight: Weight::Warning, subject: subject.to_owned(), text: text.into(), mend: Some(mend.into()) }
    }

    fn bad(subject: &str, text: impl Into<String>, mend: impl Into<String>) -> Self {
        Finding { weight: Weight::Bad, ..Finding::warning(subject, text, mend) }
    }

    fn shown(&self, paint: Paint) -> String {
        let mark = match self.weight {
            Weight::Good => paint.good("ok  "),
            Weight::Warning => paint.warn("warn"),
            Weight::Bad => paint.bad("FAIL"),
        };
        let mut out = format!("{mark}  {:<13} {}\n", self.subject, one_line(&self.text));
        if let Some(mend) = self.mend.as_ref().filter(|mend| !mend.is_empty()) {
            let _ = writeln!(out, "      {:<13} to fix it: {}", "", one_line(mend));
        }
        out
    }
}

/// Examines this machine, then each host.
pub(super) async fn doctor(env: &Env, args: &Args) -> ExitCode {
    let (paint, progress, cancel) = (Paint::stdout(), Progress::new(), CancellationToken::new());
    let mut tally = Tally::default();
    let compiled = compiled(env);
    let settings = match &compiled {
        Ok(snapshot) => (*snapshot.config.settings).clone(),
        // ssh itself can be looked at with a broken configuration too.
        Err(_) => match crate::config::load(&Env::of([("SSH_MCP_DISABLE_DOTENV", "1")], "/")) {
            Ok(config) => (*config.settings).clone(),
            Err(faults) => {
                eprintln!("ssh-mcp: {faults}");
                return ExitCode::from(2);
            }
        },
    };
    let ssh = ssh_env(&settings);
    progress.show("looking at ssh and its agent");
    for finding in this_machine(env, &settings, &ssh, &cancel).await {
        tally.take(&finding, paint);
    }
    let control = ControlDir::create();
    tally.take(
        &match &control {
            Ok(dir) => Finding::good("control dir", dir.path().display().to_string()),
            Err(fault) => Finding::bad("control dir", fault.to_string(), "export XDG_RUNTIME_DIR=/run/user/$(id -u)"),
        },
        paint,
    );
    let snapshot = match compiled {
        Ok(snapshot) => snapshot,
        Err(refused) => {
            for line in &refused.0 {
                tally.take(&Finding::bad("configuration", line, ""), paint);
            }
            tally.end();
            return ExitCode::from(2);
        }
    };
    configuration(env, &snapshot, &mut tally, paint);
    let hosts = match wanted(&snapshot, &args.hosts) {
        Ok(hosts) => hosts,
        Err(why) => {
            eprintln!("ssh-mcp: {why}");
            return ExitCode::from(2);
        }
    };
    if let Ok(control) = control {
        let pool = Pool::new(
            Arc::new(ssh),
            control,
            snapshot.blocklist.clone(),
            1,
            settings.ssh_idle_timeout,
            CancellationToken::new(),
        );
        let (slots, snapshot) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(snapshot));
        let tasks: Vec<_> = hosts
            .into_iter()
            .map(|host| {
                let (pool, slots, snapshot, host_of_task) =
                    (pool.clone(), slots.clone(), snapshot.clone(), host.clone());
                let task = tokio::spawn(async move {
                    let _slot = slots.acquire().await;
                    examine(&pool, &snapshot, &host_of_task).await
                });
                (host, task)
            })
            .collect();
        for (host, task) in tasks {
            progress.show(&format!("connecting to {}", host.config.alias));
            let findings = task.await.unwrap_or_else(|e| {
                vec![Finding::bad(&host.config.alias, e.to_string(), "this is a defect of ssh-mcp; report it")]
            });
            progress.show("");
            for finding in findings {
                tally.take(&finding, paint);
            }
        }
        pool.close().await;
        pool.remove_control_folder();
    }
    drop(progress);
    tally.end()
}

/// What was found so far.
#[derive(Debug, Default)]
struct Tally {
    warnings: usize,
    bad: usize,
}

impl Tally {
    fn take(&mut self, finding: &Finding, paint: Paint) {
        match finding.weight {
            Weight::Good => {}
            Weight::Warning => self.warnings += 1,
            Weight::Bad => self.bad += 1,
        }
        print(&finding.shown(paint));
    }

    fn end(&self) -> ExitCode {
        print(&format!("problems: {}, warnings: {}\n", self.bad, self.warnings));
        if self.bad == 0 { ExitCode::SUCCESS } else { ExitCode::from(4) }
    }
}

/// `mkdir ... && ` where the folder of a file is not there yet.
pub(super) fn make_folder_of(file: &Path) -> String {
    match file.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        Some(folder) => format!("mkdir -p -m 700 {} && ", sh_quote(&folder.to_string_lossy())),
        None => String::new(),
    }
}

async fn this_machine(env: &Env, settings: &Settings, ssh: &SshEnv, cancel: &CancellationToken) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut version = ssh.command("ssh");
    version.arg("-V");
    found.push(match local_program::run(version, None, VERSION_LIMIT, 4096, cancel).await {
        // ssh writes its version to standard error.
        Ok(done) if done.status.success() => Finding::good("ssh", done.stderr.text().trim()),
        Ok(done) => Finding::bad("ssh", done.stderr.text(), "apt-get install --reinstall openssh-client"),
        Err(fault) => Finding::bad("ssh", format!("ssh does not run: {fault}"), "apt-get install openssh-client"),
    });
    found.push(match env.var("SSH_AUTH_SOCK").map(PathBuf::from) {
        // No fault by itself: a host that needs a key from an agent says so.
        None => Finding::good(
            "agent",
            "none (SSH_AUTH_SOCK is not set): key files are used, and the agents that hosts.toml or ssh_config name",
        ),
        Some(socket) => match agent_keys(ssh, &socket, cancel).await {
            Ok(keys) if keys.is_empty() => Finding::warning("agent", "the agent holds no key", "ssh-add"),
            Ok(keys) => {
                let names: Vec<String> = keys.iter().map(PublicKey::short).collect();
                Finding::good("agent", format!("{} keys: {}", keys.len(), names.join(", ")))
            }
            Err(AgentFault::NoAgent(why)) => Finding::warning(
                "agent",
                format!("nothing answers at SSH_AUTH_SOCK ({}): {why}", socket.display()),
                "eval \"$(ssh-agent)\" && ssh-add",
            ),
            Err(AgentFault::Local(fault)) => {
                Finding::bad("agent", format!("ssh-add does not run: {fault}"), "apt-get install openssh-client")
            }
        },
    });
    let own = settings.ssh_known_hosts.clone().or_else(|| env.home().map(|home| home.join(".ssh/known_hosts")));
    found.push(match own {
        None => Finding::warning("known_hosts", "HOME is not set", "export HOME"),
        Some(file) => match std::fs::read_to_string(&file) {
            Ok(text) => {
                let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).count();
                Finding::good("known_hosts", format!("{}: {lines} entries", file.display()))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Finding::warning(
                "known_hosts",
                format!("{}: {error}", file.display()),
                format!(
                    "{}ssh-keyscan HOST >> {}, after comparing fingerprints with the host's administrator",
                    make_folder_of(&file),
                    sh_quote(&file.to_string_lossy())
                ),
            ),
            Err(error) => Finding::warning(
                "known_hosts",
                format!("{}: {error}", file.display()),
                format!("chmod u+r {}", sh_quote(&file.to_string_lossy())),
            ),
        },
    });
    found
}

fn configuration(env: &Env, snapshot: &Snapshot, tally: &mut Tally, paint: Paint) {
    let config = &snapshot.config;
    for line in sources(env, config).lines() {
        let (what, file) = line.split_once(' ').unwrap_or((line, ""));
        tally.take(&Finding::good(what, file.trim()), paint);
    }
    // known_hosts was looked at above.
    let told = |text: &str| text.contains("known_hosts");
    let loaded = config.warnings.iter().filter(|w| w.level == Level::Warning && !told(&w.text)).map(|w| &w.text);
    let hooks = unmatched_hooks(snapshot);
    for warning in loaded.chain(&snapshot.warnings).chain(&hooks) {
        tally.take(&Finding::warning("configuration", warning, ""), paint);
    }
    if snapshot.hosts().is_empty() && config.settings.ssh_hosts_allowlist.is_empty() {
        let file = env.config_dir().map_or_else(|| "hosts.toml".into(), |dir| dir.join("hosts.toml"));
        let mend = format!(
            "{}printf '[hosts.web]\\nhostname = \"web\"\\n' >> {}",
            make_folder_of(&file),
            sh_quote(&file.to_string_lossy())
        );
        tally.take(&Finding::warning("hosts", "no host is configured", mend), paint);
    }
}

fn wanted(snapshot: &Snapshot, named: &[String]) -> Result<Vec<Arc<HostEntry>>, String> {
    let all = snapshot.hosts().iter().map(|host| host.config.alias.clone());
    let chosen: Vec<String> = if named.is_empty() {
        all.chain(snapshot.config.settings.ssh_hosts_allowlist.iter().cloned()).collect()
    } else {
        named.to_vec()
    };
    let known = |name: &String| snapshot.hosts().iter().find(|host| host.config.alias == *name).cloned();
    chosen
        .iter()
        .map(|name| known(name).map_or_else(|| snapshot.resolve(name).map_err(|error| error.to_string()), Ok))
        .collect()
}

/// The way to a host, its key, the login, and what the account can do there.
async fn examine(pool: &Pool, snapshot: &Snapshot, host: &HostEntry) -> Vec<Finding> {
    let (alias, cancel) = (host.config.alias.as_str(), CancellationToken::new());
    if let Err(refusal) = snapshot.blocklist.check(&host.config.hostname, None) {
        return vec![Finding::warning(alias, refusal.what, "take it out of SSH_HOSTS_BLOCKLIST, or out of hosts.toml")];
    }
    let hops = match plan(pool.env(), &host.target, &cancel).await {
        Ok(hops) => hops,
        Err(failure) => return vec![of_failure(alias, &host.config.hostname, &failure)],
    };
    let mut found: Vec<Finding> =
        proxy_commands(alias, &hops).map(|text| Finding::warning(alias, text, "use ProxyJump instead")).collect();
    let way: Vec<String> = hops.iter().rev().skip(1).rev().map(|hop| hop.target.hostname.to_string()).collect();
    let link = pool.link(&host.target);
    let finding = match link.ready(&cancel).await {
        Ok(up) => {
            let via = if way.is_empty() { String::new() } else { format!(" via {}", way.join(", ")) };
            let key = up.host_key.map(|(kind, print)| format!("; host key {kind} {print} is pinned"));
            let took = up.opened_in.as_millis();
            let text = format!(
                "{}@{}:{}{via}: reached, logged in with {} in {took} ms{}",
                up.user,
                up.hostname,
                up.port,
                host.target.login.describe(),
                key.unwrap_or_default()
            );
            let shell = if host.target.shell { Some(account::try_shell(&link).await) } else { None };
            of_account(alias, &text, shell, account::try_sftp(&link).await)
        }
        Err(failure) => of_run(alias, &host.config.hostname, failure),
    };
    let shell_works = host.target.shell && finding.weight == Weight::Good;
    found.insert(0, finding);
    if shell_works {
        found.extend(capabilities(alias, &link).await);
        if host.config.login_environment {
            found.extend(login_environment(alias, &link, &cancel).await);
        }
        found.extend(names(pool, host, &cancel).await);
    }
    found
}

/// The login worked; what is it good for. `shell`: what an empty script came to, where one is expected to run.
fn of_account(alias: &str, text: &str, shell: Option<Result<Ran, Unable>>, sftp: Result<(), String>) -> Finding {
    let run = match shell {
        Some(Ok(Ran::InTerminal)) => "commands run, in a terminal that was forced on them and made transparent",
        _ => "commands run",
    };
    match (shell, sftp) {
        (Some(Ok(_)), Ok(())) => Finding::good(alias, format!("{text}; {run}, sftp answers")),
        (Some(Ok(_)), Err(why)) => {
            Finding::good(alias, format!("{text}; {run}; no sftp ({why}), which tools can do without here"))
        }
        (None, Ok(())) => Finding::good(alias, format!("{text}; sftp answers")),
        (Some(Err(unable)), Ok(())) => {
            let what = format!("{text}; files over sftp only, no command can run: {}", unable.what);
            Finding::warning(alias, what, unable.next)
        }
        (Some(Err(unable)), Err(why)) => {
            Finding::bad(alias, format!("{text}, but no tool can work: {}; sftp: {why}", unable.what), unable.next)
        }
        (None, Err(why)) => Finding::bad(
            alias,
            format!("{text}, but no tool can work: sftp: {why}"),
            "install the sftp subsystem of the host's SSH server",
        ),
    }
}

fn of_run(alias: &str, hostname: &str, failure: RunFailure) -> Finding {
    let again = format!("ssh-mcp doctor {alias}");
    match failure {
        RunFailure::Connect(failure) => of_failure(alias, hostname, &failure),
        RunFailure::Lost { reason, .. } => Finding::bad(alias, format!("the connection broke: {reason}"), again),
        RunFailure::Account(purpose, said) => {
            Finding::bad(alias, format!("{}; it said: {said}", purpose.what()), again)
        }
        RunFailure::NotStarted(_) => Finding::bad(alias, "cancelled", again),
    }
}

/// Longest wait for what the connection learns of its host.
const LEARNING: Duration = Duration::from_secs(10);

/// What the host has, and the folders of programs that are left out.
async fn capabilities(alias: &str, link: &Link) -> Vec<Finding> {
    let Some(known) = link.capabilities(LEARNING).await else {
        let text = "the host did not report its programs in time; each call looks for what it needs";
        return vec![Finding::warning(alias, text, "")];
    };
    let unused = known.unused_path.iter().map(|one| {
        let text = format!("programs in {} are not used: {}", one.folder, one.because);
        Finding::good(alias, text)
    });
    std::iter::once(Finding::good(alias, known.summary())).chain(unused).collect()
}

/// What the account has in a login terminal.
async fn login_environment(alias: &str, link: &Arc<Link>, cancel: &CancellationToken) -> Option<Finding> {
    let read = link.login_environment(cancel).await.ok()?;
    Some(match &*read {
        LoginEnvironment::Known(_) => Finding::good(alias, read.summary()),
        LoginEnvironment::Unknown(_) => {
            let mend = format!("see what `ssh -t {alias}` starts, or take login_environment out of its entry");
            Finding::warning(alias, read.summary(), mend)
        }
    })
}

/// Where the entries of the path rules lead on the host.
async fn names(pool: &Pool, host: &HostEntry, cancel: &CancellationToken) -> Vec<Finding> {
    let alias = host.config.alias.as_str();
    let asked = host.paths.written().fixed().len();
    if asked == 0 {
        return Vec::new();
    }
    let mend = format!("write the path that `readlink -f` shows on {alias} into hosts.toml");
    match host.paths.ask(&pool.link(&host.target), cancel).await {
        Ok(told) if told.is_empty() => {
            vec![Finding::good(alias, format!("the {asked} entries of its path rules are their own names there"))]
        }
        Ok(told) => told.into_iter().map(|text| Finding::warning(alias, text, "")).collect(),
        Err(why) => vec![Finding::warning(alias, format!("where its path rules lead is unknown: {why}"), mend)],
    }
}

fn of_failure(alias: &str, hostname: &str, failure: &ConnectFailure) -> Finding {
    let stage = match failure.kind {
        FailureKind::UnknownHost | FailureKind::HostKeyChanged | FailureKind::HostKeyRevoked => {
            "reached, host key refused"
        }
        FailureKind::Authentication | FailureKind::AgentKeyMissing if failure.reached => {
            "reached, host key good, no login"
        }
        FailureKind::Authentication | FailureKind::AgentKeyMissing => "no login",
        _ if failure.reached => "reached, then lost",
        _ => "not reached",
    };
    let mut mend = failure.next.clone();
    if matches!(failure.kind, FailureKind::Unreachable) {
        let _ = write!(mend, " `ssh -v {hostname}` shows the attempt.");
    }
    Finding::bad(alias, format!("{stage}: {}: {}", failure.kind.name(), failure.what), mend)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_how_far_it_came_and_how_to_mend_it() {
        let mut failure = ConnectFailure::new(FailureKind::Authentication, "It refused the login.", "ssh-add");
        failure.reached = true;
        let text = of_failure("web", "web.example", &failure).shown(Paint::stdout());
        for part in ["FAIL", "web", "host key good, no login", "AuthenticationFailed", "to fix it: ssh-add"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let far = of_failure("web", "web.example", &ConnectFailure::new(FailureKind::Unreachable, "x\x1b[2J", "y"));
        assert!(far.text.starts_with("not reached: ConnectError"), "{}", far.text);
        assert!(!far.shown(Paint::stdout()).contains("\x1b[2J"));
    }
}
