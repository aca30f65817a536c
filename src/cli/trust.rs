//! `ssh-mcp trust`: a person looks at the keys of a host beside what is pinned, and pins them.

use std::fmt::Write as _;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{IsTerminal as _, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::boot::ssh_env;
use super::check::compiled;
use super::terminal::{one_line, print};
use crate::config::Env;
use crate::local_program;
use crate::ssh::connect::options::{Args as SshArgs, config_word};
use crate::ssh::connect::public_key::PublicKey;
use crate::ssh::connect::target::{HostWord, Target};
use crate::ssh::connect::{Hop, SshEnv, plan};
use crate::ssh::known_hosts::{Pinned, Role, pinned};

/// A handshake shows one key, so each family is asked for by itself.
const FAMILIES: [&str; 3] =
    ["ssh-ed25519", "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521", "rsa-sha2-512,rsa-sha2-256"];

/// What ssh may take beyond its own limit for the connection.
const SPARE: Duration = Duration::from_secs(5);

/// Room for what ssh says, in bytes.
const SAID_CAP: usize = 64 * 1024;

/// Arguments of `trust`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The keys are fetched by the way that ssh_config and hosts.toml give (jump hosts, ProxyCommand, HostKeyAlias, \
    port). Compare a fingerprint with the host's administrator, or with what `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` \
    prints on the host's own console. Exit status: 0 pinned, 2 wrong use, 3 not agreed, 4 no key came.\n\nExamples:\n  ssh-mcp \
    trust web\n  ssh-mcp trust web --fingerprint SHA256:yd9ICBMFXqZmGh7gzRuWK5lsaP8Hsj3P4LwmKy7T77I"
)]
pub(super) struct Args {
    /// A host of hosts.toml, or any name that ssh connects to
    host: String,
    /// Pin the key with this fingerprint, and ask nothing
    #[arg(long, value_name = "SHA256:...")]
    fingerprint: Option<String>,
}

/// A key that the host shows.
struct Shown {
    /// As a line of known_hosts.
    line: String,
    kind: String,
    fingerprint: String,
}

/// Why nothing was pinned.
struct Refused(u8, String);

/// Shows, asks, pins.
pub(super) async fn trust(env: &Env, args: &Args) -> ExitCode {
    match pin(env, args).await {
        Ok(text) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Err(Refused(code, why)) => {
            eprintln!("ssh-mcp: {}", one_line(&why));
            ExitCode::from(code)
        }
    }
}

async fn pin(env: &Env, args: &Args) -> Result<String, Refused> {
    let snapshot = compiled(env).map_err(|refused| Refused(2, refused.0.join("; ")))?;
    let target = match snapshot.hosts().iter().find(|host| host.config.alias == args.host) {
        Some(host) => host.target.clone(),
        None => {
            let word = HostWord::parse(&args.host).map_err(|why| Refused(2, format!("`{}` {why}", args.host)))?;
            std::sync::Arc::new(Target::new(args.host.clone(), word))
        }
    };
    let (ssh, cancel) = (ssh_env(&snapshot.config.settings), CancellationToken::new());
    let failed =
        |failure: crate::ssh::connect::ConnectFailure| Refused(4, format!("{} {}", failure.what, failure.next));
    let hops = plan(&ssh, &target, &cancel).await.map_err(failed)?;
    let Some((hop, way)) = hops.split_last() else { return Err(Refused(4, "there is no way to the host".to_owned())) };
    let file = hop.resolved.known_hosts_files().into_iter().next().filter(|file| file != Path::new("/dev/null"));
    let file = file.ok_or_else(|| {
        Refused(2, format!("ssh_config gives `{}` no file of known hosts; SSH_KNOWN_HOSTS names one", args.host))
    })?;
    let pins = pinned(&ssh, &hop.resolved, &cancel).await.map_err(failed)?;
    let (shown, said) = fetch(&ssh, hop, way, &cancel).await?;
    print(&report(&hop.resolved.known_hosts_name(), &shown, &pins, &said));
    if let Some(revoked) = shown.iter().find(|key| pins.iter().any(|pin| is(pin, key) && pin.role == Role::Revoked)) {
        let why =
            format!("{} is marked as revoked; nothing is pinned. Ask the host's administrator", revoked.fingerprint);
        return Err(Refused(3, why));
    }
    let chosen: Vec<&Shown> = match &args.fingerprint {
        None => shown.iter().collect(),
        Some(wanted) => shown.iter().filter(|key| key.fingerprint == wanted.trim_end_matches('=')).collect(),
    };
    if chosen.is_empty() {
        return Err(Refused(3, "the host shows no key with that fingerprint; nothing is pinned".to_owned()));
    }
    let known = |key: &&Shown| pins.iter().any(|pin| is(pin, key) && pin.role == Role::Key);
    let gone: Vec<&Pinned> =
        pins.iter().filter(|pin| pin.role == Role::Key && !shown.iter().any(|key| is(pin, key))).collect();
    if gone.is_empty() && chosen.iter().all(known) {
        return Ok("Pinned already; nothing was changed.\n".to_owned());
    }
    if args.fingerprint.is_none() && !agreed()? {
        return Err(Refused(3, "not agreed; nothing was changed".to_owned()));
    }
    if !gone.is_empty() {
        forget(&ssh, &hop.resolved.known_hosts_name(), &gone, &cancel).await?;
    }
    let new: Vec<&Shown> =
        if gone.is_empty() { chosen.into_iter().filter(|key| !known(key)).collect() } else { chosen };
    append(&file, &new).map_err(|error| Refused(4, format!("{}: {error}", file.display())))?;
    Ok(format!("Pinned in {}. `ssh-mcp doctor {}` tries the login.\n", file.display(), args.host))
}

fn is(pin: &Pinned, key: &Shown) -> bool {
    pin.fingerprint == key.fingerprint
}

/// The keys that the host shows now, and what ssh said.
async fn fetch(
    env: &SshEnv,
    hop: &Hop,
    way: &[Hop],
    cancel: &CancellationToken,
) -> Result<(Vec<Shown>, String), Refused> {
    let local = |error: std::io::Error| Refused(4, format!("a temporary file: {error}"));
    let folder = tempfile::tempdir().map_err(local)?;
    let (mut shown, mut said) = (Vec::new(), String::new());
    for (at, family) in FAMILIES.into_iter().enumerate() {
        let file = folder.path().join(at.to_string());
        let mut args = SshArgs::default();
        args.configuration(env.config_file.as_deref());
        args.word("-N").word("-T").option("ControlMaster", "no").option("ControlPath", "none");
        args.option("PreferredAuthentications", "none").option("PubkeyAuthentication", "no");
        args.option("StrictHostKeyChecking", "accept-new").option("HostKeyAlgorithms", family);
        args.option("UserKnownHostsFile", config_word(&file.to_string_lossy()));
        args.option("GlobalKnownHostsFile", "/dev/null").option("KnownHostsCommand", "none");
        args.option("HashKnownHosts", "no").option("UpdateHostKeys", "no").option("CheckHostIP", "no");
        args.option("VerifyHostKeyDNS", "ask").option("PermitLocalCommand", "no").option("ClearAllForwardings", "yes");
        args.option("ConnectTimeout", env.connect_timeout.as_secs().max(1).to_string()).option("LogLevel", "DEBUG1");
        if !way.is_empty() {
            args.option("ProxyJump", way.iter().map(jump).collect::<Vec<_>>().join(","));
        }
        args.destination(&hop.target);
        let mut command = env.command("ssh");
        command.args(args.as_slice());
        let limit = env.connect_timeout + SPARE;
        match local_program::run(command, None, limit, SAID_CAP, cancel).await {
            Ok(done) => said.push_str(&done.stderr.text()),
            Err(fault) => return Err(Refused(4, format!("ssh: {fault}"))),
        }
        let lines = std::fs::read_to_string(&file).unwrap_or_default();
        shown.extend(lines.lines().filter_map(|line| {
            let key = PublicKey::parse(line.split_once(' ')?.1)?;
            let kind = key.line.split(' ').next()?.to_owned();
            Some(Shown { line: line.to_owned(), kind, fingerprint: key.fingerprint })
        }));
    }
    if shown.is_empty() {
        let last =
            said.lines().rfind(|line| !line.starts_with("debug") && !line.trim().is_empty()).unwrap_or("nothing");
        return Err(Refused(4, format!("no key of `{}` came; ssh said: {last}", hop.target.alias)));
    }
    Ok((shown, said))
}

fn jump(hop: &Hop) -> String {
    let target = &hop.target;
    let user = target.user.as_ref().map(|user| format!("{}@", user.as_str())).unwrap_or_default();
    let port = target.port.map(|port| format!(":{port}")).unwrap_or_default();
    format!("{user}{}{port}", target.hostname)
}

/// The keys beside what is pinned, and what DNS says.
fn report(name: &str, shown: &[Shown], pins: &[Pinned], said: &str) -> String {
    let mut out = format!("{name} shows:\n");
    for key in shown {
        let role = pins.iter().find(|pin| is(pin, key)).map(|pin| pin.role);
        let state = match role {
            Some(Role::Key) => "pinned",
            Some(Role::Authority) => "the key of an authority",
            Some(Role::Revoked) => "REVOKED",
            None => "new",
        };
        let _ = writeln!(out, "  {:<20} {}  {state}", key.kind, key.fingerprint);
    }
    for pin in pins.iter().filter(|pin| !shown.iter().any(|key| is(pin, key))) {
        let changed = std::fs::metadata(&pin.file).and_then(|meta| meta.modified()).ok();
        let changed = changed.and_then(|time| jiff::Timestamp::try_from(time).ok());
        let changed =
            changed.map(|time| format!(", a file last changed on {}", time.strftime("%F"))).unwrap_or_default();
        let what = match pin.role {
            Role::Key => "PINNED, BUT NOT SHOWN: the host was changed, or this is an attack",
            Role::Authority => "an authority that is trusted to certify its keys",
            Role::Revoked => "revoked",
        };
        let place = format!("{} line {}{changed}", pin.file.display(), pin.line);
        let _ = writeln!(out, "  {:<20} {}  {what} ({place})", pin.kind, pin.fingerprint);
    }
    // ssh looks SSHFP records up; without validated DNSSEC anybody on the way could have sent them.
    if said.contains("mismatching host key fingerprint found in DNS") {
        out.push_str("DNS has SSHFP records, and they DISAGREE.\n");
    } else if said.contains("matching host key fingerprint found in DNS") {
        let secure = said.contains("secure fingerprints in DNS") && !said.contains("insecure fingerprints in DNS");
        out.push_str(if secure {
            "DNS has SSHFP records that agree, validated by DNSSEC.\n"
        } else {
            "DNS has SSHFP records with the same fingerprint; not validated, so they prove nothing.\n"
        });
    }
    out
}

fn agreed() -> Result<bool, Refused> {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        let why = "there is no terminal to ask at; `--fingerprint SHA256:...` pins the key that was compared";
        return Err(Refused(2, why.to_owned()));
    }
    let question = dialoguer::Confirm::new()
        .with_prompt("Did the host's administrator confirm a fingerprint, and shall these keys be pinned?")
        .default(false);
    let answer = question.interact_opt().map_err(|error| Refused(2, format!("the terminal: {error}")))?;
    Ok(answer == Some(true))
}

/// Takes every key of the name out of the files that hold one which the host no longer shows. ssh-keygen keeps a copy.
async fn forget(env: &SshEnv, name: &str, gone: &[&Pinned], cancel: &CancellationToken) -> Result<(), Refused> {
    let mut files: Vec<&PathBuf> = gone.iter().map(|pin| &pin.file).collect();
    files.dedup();
    for file in files {
        let mut command = env.command("ssh-keygen");
        command.args(["-R", name, "-f"]).arg(file);
        let done = local_program::run(command, None, SPARE, SAID_CAP, cancel).await;
        match done {
            Ok(done) if done.status.success() => {}
            Ok(done) => return Err(Refused(4, format!("{}: {}", file.display(), done.stderr.text().trim()))),
            Err(fault) => return Err(Refused(4, format!("ssh-keygen: {fault}"))),
        }
    }
    Ok(())
}

fn append(file: &Path, keys: &[&Shown]) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut open = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(file)?;
    let mut text = String::new();
    if open.seek(SeekFrom::End(-1)).is_ok() {
        let mut last = [0];
        open.read_exact(&mut last)?;
        if last != *b"\n" {
            text.push('\n');
        }
    }
    for key in keys {
        text.push_str(&key.line);
        text.push('\n');
    }
    open.write_all(text.as_bytes())?;
    open.sync_all()
}
