//! Containers to test against: a machine with systemd, one with only BusyBox and Dropbear, and the SSH server of
//! `tests/integration/docker-compose.yml`.
//!
//! They need a Docker engine that may be used freely, so they are there only when `SSH_MCP_TEST_DOCKER=1`
//! (`contrib/test` starts an engine of its own and sets it). Without it the functions give `None`, and a test returns.
//! Images come from `tests/images/build`; nothing is pulled. The shared containers start when first asked for and are
//! removed when the test process ends, however it ends.

#![allow(dead_code)] // Each test area uses the part it needs.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};

use crate::skips::skip;
use crate::sshd::keygen;

/// What every container's name starts with; the process id of the run follows.
const PREFIX: &str = "ssh-mcp-test-";
/// The lowest port that is tried; the compose file's own. Each test process begins somewhere above it: those of several
/// checkouts, each with an engine of its own, do not meet.
const FIRST_PORT: u16 = 2222;

/// Password with which `alice` may use sudo on [`systemd_host`].
pub const ALICE_PASSWORD: &str = "alice-sudo-password";

/// A running container with an SSH server. Dropping it removes it.
#[derive(Debug)]
pub struct Container {
    /// What docker calls it.
    pub name: String,
    /// Where its SSH server listens, on 127.0.0.1.
    pub port: u16,
    /// Host key as `type base64`.
    host_key: String,
}

/// The machine with systemd, sudo, nginx, apt with a local repository (`sample` 1.0 and 2.0, `sample-data`,
/// `sample-slow`, `sample-broken`, `sample-serve`), and the docker client with both generations of compose on the
/// engine that runs it. Users, all with the key: `root`; `agent` (sudo without a password), `alice` (sudo with
/// [`ALICE_PASSWORD`] and a lecture), `bob` (no sudo), `carol` (sudo that asks for a terminal), `dora` (in the docker
/// group).
///
/// Shared by the tests of a process. A test that leaves the machine changed takes [`new_systemd_host`].
pub fn systemd_host() -> Option<&'static Container> {
    static HOST: OnceLock<Container> = OnceLock::new();
    run()?;
    Some(HOST.get_or_init(|| new_systemd_host(&[]).unwrap()))
}

/// A machine as [`systemd_host`] for one test; `more` are further options of `docker run`.
pub fn new_systemd_host(more: &[&str]) -> Option<Container> {
    let run = run()?;
    let engine = format!("{}:/run/docker.sock", engine_socket());
    let mut options = vec!["--hostname=box", "--cgroupns=host", "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw"];
    options.extend(["--tmpfs=/run", "--tmpfs=/run/lock", "--tmpfs=/tmp:exec", "--volume", &engine]);
    options.extend(more);
    Some(run.start("systemd", &options))
}

/// A Debian 13 with OpenSSH 10 as its first process, for one test. Users, all with the key: `root`, `agent` (sudo without a
/// password) and `bob`.
pub fn new_trixie_host() -> Option<Container> {
    Some(run()?.start("trixie", &["--hostname=box13"]))
}

/// The same, which sees the folder of temporary files of this machine under the same name, for a test that makes another
/// kind of machine of it. Beside what Debian has, sudo-rs, doas, uutils' core programs and toybox are installed.
pub fn new_odd_host() -> Option<Container> {
    let run = run()?;
    if !nix::unistd::geteuid().is_root() {
        skip("its files have to be root's");
        return None;
    }
    let folder = std::env::temp_dir().canonicalize().unwrap();
    Some(run.start("trixie", &["--hostname=odd", &format!("--volume={0}:{0}", folder.display())]))
}

/// A machine as [`busybox_host`] for one test that changes it.
pub fn new_busybox_host() -> Option<Container> {
    let folder = std::env::temp_dir().canonicalize().unwrap();
    Some(run()?.start("busybox", &[&format!("--volume={0}:{0}", folder.display())]))
}

/// Whether a [`busybox_host`] has an SFTP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sftp {
    There,
    Missing,
}

/// The machine with only BusyBox and Dropbear; `root` and `user` have `ash` as their login shell. It sees the folder of
/// temporary files of this machine under the same name.
pub fn busybox_host(sftp: Sftp) -> Option<&'static Container> {
    static WITH: OnceLock<Container> = OnceLock::new();
    static WITHOUT: OnceLock<Container> = OnceLock::new();
    let run = run()?;
    let folder = std::env::temp_dir().canonicalize().unwrap();
    let volume = format!("--volume={0}:{0}", folder.display());
    Some(match sftp {
        Sftp::There => WITH.get_or_init(|| run.start("busybox", &[&volume])),
        Sftp::Missing => WITHOUT.get_or_init(|| run.start("busybox", &["--env=SFTP=no", &volume])),
    })
}

/// A machine for one test with dnf, zypper and pacman (`sample` 1.0 and 2.0 and `sample-data` for each), podman and
/// podman-compose. Users, all with the key: `root` and `agent` (sudo without a password).
pub fn new_others_host() -> Option<Container> {
    // What podman needs to mount and to make namespaces of its own.
    let mut rights = vec!["--cap-add=SYS_ADMIN", "--cap-add=NET_ADMIN"];
    rights.extend(["--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined"]);
    Some(run()?.start("others", &rights))
}

/// The SSH server of the compose file: `agent`, with sudo without a password.
pub fn stand_in() -> Option<&'static Container> {
    static HOST: OnceLock<Container> = OnceLock::new();
    let run = run()?;
    Some(HOST.get_or_init(|| run.start_composed()))
}

/// Image that `docker run` can start on the engine of these containers: BusyBox, any applet as command.
pub fn sample_image() -> Option<String> {
    run().map(|_| image("busybox"))
}

/// While it lives, no test removes stopped containers, unused networks and untagged images of the engine.
pub fn nothing_pruned() -> Flock<File> {
    prune_lock(FlockArg::LockShared)
}

/// While it lives, no other test has what a prune would remove. Other test processes on the same engine wait as well.
pub fn prune_turn() -> Flock<File> {
    prune_lock(FlockArg::LockExclusive)
}

fn prune_lock(how: FlockArg) -> Flock<File> {
    let name = engine_socket().replace('/', "-");
    let file = File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{PREFIX}prune{name}"))).unwrap();
    Flock::lock(file, how).unwrap_or_else(|(_, why)| panic!("the lock of the engine: {why}"))
}

/// A folder of this process, removed at its end.
pub fn run_folder() -> Option<PathBuf> {
    run().map(|run| run.dir.clone())
}

/// Runs docker's client against the engine; it has to succeed.
pub fn engine(words: &[&str], input: &str) -> String {
    checked(docker(words, input.as_bytes()), &format!("docker {words:?}"))
}

impl Container {
    /// The private key that every user of every container accepts.
    pub fn key(&self) -> PathBuf {
        the_run().dir.join("id_ed25519")
    }

    /// Lines for a known_hosts file that pin this container's key.
    pub fn known_hosts_text(&self) -> String {
        format!("[127.0.0.1]:{} {}\n", self.port, self.host_key)
    }

    /// [`Self::known_hosts_text`] in a file.
    pub fn known_hosts(&self) -> PathBuf {
        the_run().dir.join(format!("{}.known_hosts", self.name))
    }

    /// A `[hosts.ALIAS]` table for hosts.toml, without the keys of the policy; `more` are further lines for it.
    pub fn host_entry(&self, alias: &str, user: &str, more: &[&str]) -> String {
        let mut text = format!("[hosts.{alias}]\nhostname = \"127.0.0.1\"\nport = {}\nuser = \"{user}\"\n", self.port);
        for line in more {
            writeln!(text, "{line}").unwrap();
        }
        writeln!(text, "auth = {{ method = \"key\", key = \"{}\" }}", self.key().display()).unwrap();
        text
    }

    /// A `Host` block for ssh_config with all that is needed to log in as `user`; `more` are further lines for it.
    pub fn ssh_config_block(&self, alias: &str, user: &str, more: &[&str]) -> String {
        let mut text = format!("Host {alias}\n");
        for line in more {
            writeln!(text, "  {line}").unwrap();
        }
        write!(
            text,
            "  HostName 127.0.0.1\n  Port {}\n  User {user}\n  IdentityFile {}\n  IdentitiesOnly yes\n  \
             UserKnownHostsFile {}\n  GlobalKnownHostsFile none\n",
            self.port,
            self.key().display(),
            self.known_hosts().display()
        )
        .unwrap();
        text
    }

    /// Stops the machine and starts it again: a new boot on the same disk.
    pub fn restart(&self) {
        checked(docker(&["restart", "--time", "3", &self.name], b""), "docker restart");
        wait_for_banner(self.port);
    }

    /// Gives podman inside the image of [`sample_image`]; the name that it has there.
    pub fn podman_image(&self) -> String {
        let image = image("busybox");
        let saved = docker(&["save", &image], b"");
        let loaded = docker(&["exec", "--interactive", &self.name, "podman", "load"], &saved.stdout);
        let said = checked(loaded, "podman load");
        // Engines since 25 save in a form from which podman takes the tag for the name.
        let (name, loaded) = (format!("localhost/{image}"), said.trim_end().rsplit(' ').next().unwrap_or_default());
        if loaded != name {
            self.says(&["podman", "tag", loaded, &name]);
        }
        name
    }

    /// Puts lines in front of the configuration of [`new_trixie_host`]'s sshd, and has it read them.
    pub fn set_sshd(&self, lines: &str) {
        let done =
            docker(&["exec", "--interactive", &self.name, "tee", "/etc/ssh/sshd_config.d/0.conf"], lines.as_bytes());
        checked(done, "sshd_config");
        self.says(&["/usr/sbin/sshd", "-t"]);
        self.says(&["kill", "-HUP", "1"]);
        std::thread::sleep(Duration::from_millis(500));
        wait_for_banner(self.port);
    }

    /// Runs a program inside as root, past SSH: what the machine itself says.
    pub fn inside(&self, argv: &[&str]) -> Output {
        docker(&[&["exec", &self.name], argv].concat(), b"")
    }

    /// Standard output of [`Self::inside`]; the program must succeed.
    pub fn says(&self, argv: &[&str]) -> String {
        checked(self.inside(argv), &format!("{argv:?} in {}", self.name))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        docker(&["rm", "--force", "--volumes", &self.name], b"");
    }
}

/// What the containers of this process have in common.
struct Run {
    /// `ssh-mcp-test-PID`.
    name: String,
    /// Keys and known_hosts files.
    dir: PathBuf,
    public_key: Vec<u8>,
    count: AtomicU32,
    /// Its end tells the sweeper that this process is gone.
    _alive: std::process::ChildStdin,
}

fn run() -> Option<&'static Run> {
    static RUN: OnceLock<Option<Run>> = OnceLock::new();
    let run = RUN.get_or_init(|| match std::env::var("SSH_MCP_TEST_DOCKER").as_deref() {
        Ok("1") => Some(Run::begin()),
        _ => None,
    });
    if run.is_none() {
        skip("it needs containers (SSH_MCP_TEST_DOCKER=1)");
    }
    run.as_ref()
}

fn the_run() -> &'static Run {
    run().expect("a container without a run")
}

impl Run {
    fn begin() -> Self {
        sweep_dead_runs();
        let name = format!("{PREFIX}{}", std::process::id());
        let dir = tempfile::Builder::new().prefix(PREFIX).tempdir().unwrap().keep();
        keygen("ed25519", &dir.join("id_ed25519"), "");
        let public_key = std::fs::read(dir.join("id_ed25519.pub")).unwrap();
        // A process of its own, since nothing runs in a test program after its last test. It waits for the end of its
        // stdin, which comes even if this process is killed. Its own process group keeps Ctrl-C from it.
        let sweeper = "cat >/dev/null; docker ps --all --quiet --filter \"name=$1\" | xargs -r docker rm --force --volumes; \
                       docker network ls --quiet --filter \"name=$1\" | xargs -r docker network rm; rm -rf \"$2\"";
        let mut sweeper = Command::new("sh")
            .args(["-c", sweeper, "sh", &format!("{name}[-_]")])
            .arg(&dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let alive = sweeper.stdin.take().unwrap();
        Run { name, dir, public_key, count: AtomicU32::new(0), _alive: alive }
    }

    /// Starts a container of an image whose `enrol` takes the public key and gives the host's.
    fn start(&self, recipe: &str, options: &[&str]) -> Container {
        let image = image(recipe);
        let name = format!("{}-{recipe}-{}", self.name, self.count.fetch_add(1, Ordering::Relaxed));
        // Between its creation and its start a container looks like one that can be pruned.
        let _kept = nothing_pruned();
        let port = on_free_port(|port| {
            let publish = format!("--publish=127.0.0.1:{port}:22");
            let done =
                docker(&[&["run", "--detach", "--name", &name, &publish], options, &[image.as_str()]].concat(), b"");
            if !done.status.success() {
                docker(&["rm", "--force", &name], b"");
            }
            done
        });
        let enrolled = docker(&["exec", "--interactive", &name, "enrol"], &self.public_key);
        self.reached(name, port, &checked(enrolled, "enrol"))
    }

    fn start_composed(&self) -> Container {
        // For the name that the compose file uses.
        image("openssh-server");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/docker-compose.yml");
        let compose = |port: u16, words: &[&str]| {
            let mut command = compose_command();
            command.args(["--project-name", &self.name, "--file"]).arg(&file).args(words);
            command.env("SSH_MCP_TEST_KEYS", &self.dir).env("SSH_MCP_TEST_PORT", port.to_string());
            finish(&mut command, b"")
        };
        let port = on_free_port(|port| {
            let done = compose(port, &["up", "--detach"]);
            if !done.status.success() {
                compose(port, &["down"]);
            }
            done
        });
        let name = checked(compose(port, &["ps", "--quiet", "openssh-server"]), "compose ps").trim().to_owned();
        wait_for_banner(port);
        let key = docker(&["exec", &name, "cat", "/config/ssh_host_keys/ssh_host_ed25519_key.pub"], b"");
        self.reached(name, port, &checked(key, "host key"))
    }

    fn reached(&self, name: String, port: u16, host_key: &str) -> Container {
        let words: Vec<&str> = host_key.split_whitespace().take(2).collect();
        assert!(words.first() == Some(&"ssh-ed25519"), "{name} gave no host key: {host_key}");
        wait_for_banner(port);
        let container = Container { name, port, host_key: words.join(" ") };
        std::fs::write(self.dir.join(format!("{}.known_hosts", container.name)), container.known_hosts_text()).unwrap();
        container
    }
}

/// Removes what test processes left that are no more, when their sweepers were killed too.
fn sweep_dead_runs() {
    let listed = docker(&["ps", "--all", "--filter", &format!("name={PREFIX}"), "--format", "{{.Names}}"], b"");
    for name in checked(listed, "docker ps").lines() {
        let pid: String = name.trim_start_matches(PREFIX).chars().take_while(char::is_ascii_digit).collect();
        if !pid.is_empty() && !Path::new("/proc").join(&pid).exists() {
            docker(&["rm", "--force", "--volumes", name], b"");
        }
    }
}

/// The tag of an image, built and in the engine.
fn image(recipe: &str) -> String {
    let builder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images/build");
    checked(finish(Command::new(&builder).arg(recipe), b""), "tests/images/build");
    checked(finish(Command::new(&builder).args(["--tag", recipe]), b""), "tests/images/build --tag").trim().to_owned()
}

/// Lets `start` have a port that is free; tries the next one when another process took it in between.
fn on_free_port(mut start: impl FnMut(u16) -> Output) -> u16 {
    // Two tests that start containers at once look at the ports one after the other.
    static LOOKING: Mutex<()> = Mutex::new(());
    let _looking = LOOKING.lock().unwrap_or_else(PoisonError::into_inner);
    let first = FIRST_PORT + (std::process::id() % 100) as u16 * 100;
    let mut ports = (first..first + 100).filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    loop {
        let port = ports.next().expect("no free port of a hundred");
        let done = start(port);
        if done.status.success() {
            return port;
        }
        let why = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(why.contains("already allocated") || why.contains("already in use"), "docker: {why}");
    }
}

fn wait_for_banner(port: u16) {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        // The engine's proxy accepts before the container listens; only sshd's own words count.
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let mut start = [0_u8; 4];
            if stream.read_exact(&mut start).is_ok() && &start == b"SSH-" {
                return;
            }
        }
        assert!(Instant::now() < end, "no SSH server on 127.0.0.1:{port} after 30 s");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Path of the socket on which the engine listens.
pub fn engine_socket() -> String {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock").to_owned()
}

fn compose_command() -> Command {
    static PLUGIN: OnceLock<bool> = OnceLock::new();
    if *PLUGIN.get_or_init(|| docker(&["compose", "version"], b"").status.success()) {
        let mut command = Command::new("docker");
        command.arg("compose");
        command
    } else {
        Command::new("docker-compose")
    }
}

fn docker(words: &[&str], input: &[u8]) -> Output {
    finish(Command::new("docker").args(words), input)
}

fn finish(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|why| panic!("{command:?} does not start: {why}"));
    // A program that does not read its input closes it.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn checked(done: Output, what: &str) -> String {
    assert!(done.status.success(), "{what}: {}\n{}", done.status, String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// Runs a command over SSH with the system's own client and this container's keys.
fn over_ssh(host: &Container, user: &str, line: &str) -> Output {
    let mut command = Command::new("ssh");
    command.args(["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-i"]).arg(host.key());
    command.arg("-o").arg(format!("UserKnownHostsFile={}", host.known_hosts().display()));
    command.args(["-p", &host.port.to_string(), &format!("{user}@127.0.0.1"), line]);
    finish(&mut command, b"")
}

#[test]
fn the_systemd_machine_is_as_described() {
    let Some(host) = systemd_host() else { return };
    let says = |user: &str, line: &str| checked(over_ssh(host, user, line), line);
    assert_eq!(says("root", "ps -o comm= -p 1; systemctl is-active nginx"), "systemd\nactive\n");
    assert_eq!(says("agent", "sudo -n id -u"), "0\n");
    for user in ["alice", "bob", "carol"] {
        assert!(!over_ssh(host, user, "sudo -n true").status.success(), "{user} must not get sudo this way");
    }
    assert_eq!(says("alice", &format!("echo {ALICE_PASSWORD} | sudo -S -p '' id -u")), "0\n");
    assert!(says("root", "apt-cache policy sample").contains("Candidate: 2.0"));
    let id = says("dora", "docker ps --no-trunc --format '{{.Names}}'; docker compose version; docker-compose version");
    assert!(id.contains(&host.name) && id.contains(" 2.") && id.contains(" 1.29"), "{id}");
}

#[test]
fn the_busybox_machines_have_no_more_than_they_say() {
    let (Some(with), Some(without)) = (busybox_host(Sftp::There), busybox_host(Sftp::Missing)) else { return };
    for host in [with, without] {
        assert_eq!(checked(over_ssh(host, "user", "id -un; readlink /bin/ls"), "id"), "user\n/bin/busybox\n");
        assert!(!over_ssh(host, "root", "command -v bash || command -v sudo").status.success());
    }
    assert!(with.inside(&["test", "-e", "/usr/lib/sftp-server"]).status.success());
    assert!(!without.inside(&["test", "-e", "/usr/lib/sftp-server"]).status.success());
}

#[test]
fn the_composed_server_accepts_only_the_key_of_the_run() {
    let Some(host) = stand_in() else { return };
    assert_eq!(checked(over_ssh(host, "agent", "sudo -n id -u; pwd"), "sudo"), "0\n/config\n");
    let stranger = tempfile::tempdir().unwrap();
    keygen("ed25519", &stranger.path().join("key"), "");
    let mut command = Command::new("ssh");
    command.args([
        "-F",
        "none",
        "-o",
        "BatchMode=yes",
        "-o",
        "StrictHostKeyChecking=yes",
        "-o",
        "IdentitiesOnly=yes",
        "-i",
    ]);
    command.arg(stranger.path().join("key")).arg("-o");
    command.arg(format!("UserKnownHostsFile={}", host.known_hosts().display()));
    command.args(["-p", &host.port.to_string(), "agent@127.0.0.1", "true"]);
    let refused = finish(&mut command, b"");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("Permission denied"), "{refused:?}");
}
