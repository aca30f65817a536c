//! A private sshd on a free loopback port, with throw-away keys, for one test.
//!
//! Works as root and as a plain user (who can then log in only as themselves). Nothing of the machine's own
//! ssh set-up is read or changed. Dropping the value ends the daemon and everything that was started through it.

#![allow(dead_code)] // Each test area uses the part it needs.

use std::fmt::Write as _;
use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// What a session runs instead of what the client asked for.
#[derive(Debug, Clone, Default)]
pub enum Login {
    /// The account's own login shell runs the client's command.
    #[default]
    Own,
    /// As `Own`, and each command line is first appended, NUL-ended, to [`Sshd::recorded`].
    Recorded,
    /// The client's command is run by this program with `-c`, as sshd does with a login shell.
    Shell(PathBuf),
    /// This command line, whatever the client asked for.
    Forced(String),
}

/// How the daemon is set up; `Default` is a plain one.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub max_sessions: Option<u32>,
    /// `start:rate:full` or a number, as in sshd_config(5).
    pub max_startups: Option<String>,
    pub login: Login,
    /// `ssh-keygen -t` types; one ed25519 key when empty.
    pub host_key_types: Vec<&'static str>,
    /// Lines for sshd_config, in front of everything else (the first value of a keyword wins).
    pub extra: Vec<String>,
    /// No sftp subsystem.
    pub no_sftp: bool,
    /// Logins with [`PASSWORD`] too; only where [`can_check_passwords`].
    pub password: bool,
    /// This program is the host's `/bin/sh`; only where [`can_check_passwords`].
    pub sh: Option<PathBuf>,
    /// Programs that the host lacks; only where [`can_check_passwords`].
    pub hidden: Vec<&'static str>,
    /// Files and folders that the host has in place of others; only where [`can_check_passwords`].
    pub instead: Vec<(PathBuf, &'static str)>,
    /// The search path that a login gets.
    pub path: Option<String>,
}

/// The password of the account, with [`Options::password`].
pub const PASSWORD: &str = "open sesame";

/// `openssl passwd -6 -salt fixture 'open sesame'`.
const PASSWORD_HASH: &str =
    "$6$fixture$jnW6OgLksDPi5Itge3PddZCFe1Juk/FbuamGH8MEkm84vw7gpPEhwmk6I/Uj5nSWOS7MLp6FXaAssuX6GqhSw.";

/// sshd without PAM looks a password up in /etc/shadow. The fixture shows it another one, in a mount namespace of its
/// own, for which it has to be root and allowed to mount.
pub fn can_check_passwords() -> bool {
    nix::unistd::geteuid().is_root()
        && Path::new("/etc/shadow").exists()
        && Command::new("unshare")
            .args(["-m", "mount", "--bind", "/etc/hostname", "/etc/hostname"])
            .stdin(Stdio::null())
            .output()
            .is_ok_and(|done| done.status.success())
}

/// The running daemon.
pub struct Sshd {
    pub port: u16,
    /// The account that can log in: the one that runs the tests.
    pub user: String,
    dir: tempfile::TempDir,
    child: Child,
    mark: String,
    host_keys: Vec<PathBuf>,
    /// Processes of sessions that a restart left to themselves.
    kept: Vec<Pid>,
    sh: Option<PathBuf>,
}

static COUNT: AtomicU32 = AtomicU32::new(0);

/// Variable that every session of a fixture carries, so that what it left behind can be found and ended.
const MARK: &str = "SSHD_FIXTURE";

impl Sshd {
    pub fn start() -> Self {
        Self::with(&Options::default())
    }

    pub fn with(options: &Options) -> Self {
        let program = sshd_program();
        let dir = tempfile::Builder::new().prefix("sshd-").tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let types = if options.host_key_types.is_empty() { vec!["ed25519"] } else { options.host_key_types.clone() };
        let host_keys: Vec<PathBuf> = types.iter().map(|kind| at(&format!("host_{kind}"))).collect();
        for (kind, path) in types.iter().zip(&host_keys) {
            keygen(kind, path, "");
        }
        keygen("ed25519", &at("user_key"), "");
        std::fs::copy(at("user_key.pub"), at("authorized_keys")).unwrap();
        if nix::unistd::geteuid().is_root() {
            // sshd refuses to start as root without its privilege separation folder.
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let mark = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut config = String::new();
        for line in &options.extra {
            writeln!(config, "{line}").unwrap();
        }
        for key in &host_keys {
            writeln!(config, "HostKey {}", key.display()).unwrap();
        }
        writeln!(config, "AuthorizedKeysFile {}", at("authorized_keys").display()).unwrap();
        config.push_str("StrictModes no\nPidFile none\nPermitRootLogin yes\n");
        writeln!(config, "PasswordAuthentication {}", if options.password { "yes" } else { "no" }).unwrap();
        config.push_str("KbdInteractiveAuthentication no\nLogLevel DEBUG1\nPrintMotd no\nAcceptEnv LANG LC_*\n");
        config.push_str("UsePAM no\n");
        if has_penalties(&program) {
            // Refused logins of one test must not lock 127.0.0.1 out for the next connection.
            config.push_str("PerSourcePenalties no\n");
        }
        // A home of its own: the start-up files of whoever runs the tests may be slow, noisy or locked.
        std::fs::create_dir_all(at("home")).unwrap();
        let path = options.path.as_ref().map(|path| format!(" PATH={path}")).unwrap_or_default();
        writeln!(config, "SetEnv {MARK}={mark} HOME={}{path}", at("home").display()).unwrap();
        if !options.no_sftp {
            config.push_str("Subsystem sftp internal-sftp\n");
        }
        if let Some(n) = options.max_sessions {
            writeln!(config, "MaxSessions {n}").unwrap();
        }
        writeln!(config, "MaxStartups {}", options.max_startups.as_deref().unwrap_or("100")).unwrap();
        if let Some(line) = forced_command(&options.login, dir.path()) {
            writeln!(config, "ForceCommand {line}").unwrap();
        }
        std::fs::write(at("sshd_config"), &config).unwrap();

        let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
        let shadow = options.password.then(|| at("shadow"));
        if let Some(shadow) = &shadow {
            std::fs::write(shadow, format!("{user}:{PASSWORD_HASH}:19000:0:99999:7:::\nsshd:!:19000::::::\n")).unwrap();
            std::fs::set_permissions(shadow, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let nothing = at("nothing");
        std::fs::write(&nothing, "").unwrap();
        // Between choosing a free port and sshd's bind another process can take it: try again with a new one.
        for _ in 0..5 {
            let port = free_port();
            let mut child = {
                let mut shown = vec![(shadow.as_deref(), "/etc/shadow"), (options.sh.as_deref(), "/bin/sh")];
                shown.extend(options.instead.iter().map(|(file, place)| (Some(file.as_path()), *place)));
                shown.extend(options.hidden.iter().map(|hidden| (Some(nothing.as_path()), *hidden)));
                spawn_sshd(&program, &at("sshd_config"), port, &at("sshd.log"), &shown)
            };
            if wait_for_banner(port, &mut child) {
                return Sshd { port, user, dir, child, mark, host_keys, kept: Vec::new(), sh: options.sh.clone() };
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("sshd does not start; its log:\n{}", std::fs::read_to_string(at("sshd.log")).unwrap_or_default());
    }

    /// A file in the fixture's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The private key that may log in.
    pub fn user_key(&self) -> PathBuf {
        self.path("user_key")
    }

    /// Makes another key that may log in, protected when `passphrase` is not empty.
    pub fn add_user_key(&self, name: &str, passphrase: &str) -> PathBuf {
        let path = self.path(name);
        keygen("ed25519", &path, passphrase);
        self.authorize(&std::fs::read_to_string(path.with_extension("pub")).unwrap());
        path
    }

    /// Lets the holder of a public key (one authorized_keys line) log in.
    pub fn authorize(&self, public: &str) {
        let file = self.path("authorized_keys");
        let mut all = std::fs::read_to_string(&file).unwrap();
        all.push_str(public.trim_end());
        all.push('\n');
        std::fs::write(&file, all).unwrap();
    }

    /// Lines for a known_hosts file that pin this daemon's keys.
    pub fn known_hosts_text(&self) -> String {
        let mut text = String::new();
        for key in &self.host_keys {
            let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
            let words: Vec<&str> = public.split_whitespace().collect();
            writeln!(text, "[127.0.0.1]:{} {} {}", self.port, words[0], words[1]).unwrap();
        }
        text
    }

    /// [`Self::known_hosts_text`] in a file.
    pub fn known_hosts(&self) -> PathBuf {
        let file = self.path("known_hosts");
        if !file.exists() {
            std::fs::write(&file, self.known_hosts_text()).unwrap();
        }
        file
    }

    /// SHA256 fingerprints of the host keys, in the order of the options.
    pub fn host_fingerprints(&self) -> Vec<String> {
        self.host_keys.iter().map(|key| fingerprint(&key.with_extension("pub"))).collect()
    }

    /// A `Host` block for ssh_config with all that is needed to log in; `more` are further lines for it.
    pub fn ssh_config_block(&self, alias: &str, more: &[&str]) -> String {
        let mut text = format!("Host {alias}\n");
        for line in more {
            writeln!(text, "  {line}").unwrap();
        }
        write!(
            text,
            "  HostName 127.0.0.1\n  Port {}\n  User {}\n  IdentityFile {}\n  IdentitiesOnly yes\n  \
             UserKnownHostsFile {}\n  GlobalKnownHostsFile none\n",
            self.port,
            self.user,
            self.user_key().display(),
            self.known_hosts().display()
        )
        .unwrap();
        text
    }

    /// An ssh_config file that knows this daemon as `alias`.
    pub fn ssh_config(&self, alias: &str) -> PathBuf {
        let file = self.path("ssh_config");
        std::fs::write(&file, self.ssh_config_block(alias, &[])).unwrap();
        file
    }

    /// The command lines that clients asked for, with [`Login::Recorded`].
    pub fn recorded(&self) -> Vec<String> {
        let text = std::fs::read(self.path("recorded")).unwrap_or_default();
        text.split(|b| *b == 0)
            .filter(|one| !one.is_empty())
            .map(|one| String::from_utf8_lossy(one).into_owned())
            .collect()
    }

    /// The daemon's log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("sshd.log")).unwrap_or_default()
    }

    /// Ends all connections and sessions, and leaves the daemon listening.
    pub fn drop_connections(&self) {
        for pid in self.descendants() {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }

    /// Ends the daemon and every session, as a machine that goes down does.
    pub fn stop(&mut self) {
        let sessions = self.descendants();
        let _ = self.child.kill();
        for pid in sessions.into_iter().chain(self.kept.drain(..)) {
            let _ = kill(pid, Signal::SIGKILL);
        }
        let _ = self.child.wait();
        for (pid, _) in self.session_processes() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }

    /// Starts the daemon again, with the same keys on the same port. Sessions of before live on unless [`Self::stop`]
    /// ended them.
    pub fn restart(&mut self) {
        self.kept = self.descendants();
        let _ = self.child.kill();
        let _ = self.child.wait();
        let at = |name: &str| self.dir.path().join(name);
        let mut child = spawn_sshd(
            &sshd_program(),
            &at("sshd_config"),
            self.port,
            &at("sshd.log"),
            &[(self.sh.as_deref(), "/bin/sh")],
        );
        assert!(wait_for_banner(self.port, &mut child), "sshd does not start again: {}", self.log());
        self.child = child;
    }

    /// Kills the daemon's own processes of every connection, and not what they had started.
    pub fn kill_sessions(&self) {
        let name = |pid: &Pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        for pid in self.descendants().into_iter().filter(|pid| name(pid).starts_with("sshd")) {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }

    /// Processes on "the host" that belong to sessions of this daemon, with their command lines (Linux only).
    pub fn session_processes(&self) -> Vec<(i32, String)> {
        marked_processes(&self.mark, self.port)
    }

    fn descendants(&self) -> Vec<Pid> {
        let table = process_table();
        let mut found = Vec::new();
        let mut todo = vec![self.child.id() as i32];
        while let Some(parent) = todo.pop() {
            for (pid, _) in table.iter().filter(|(_, ppid)| *ppid == parent) {
                todo.push(*pid);
                found.push(Pid::from_raw(*pid));
            }
        }
        found
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A private ssh-agent.
pub struct Agent {
    dir: tempfile::TempDir,
    child: Child,
}

impl Agent {
    pub fn start() -> Self {
        let dir = tempfile::Builder::new().prefix("agent-").tempdir().unwrap();
        let socket = dir.path().join("s");
        let child = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(&socket)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ssh-agent does not start: install the Debian package openssh-client");
        let end = Instant::now() + Duration::from_secs(5);
        while !socket.exists() {
            assert!(Instant::now() < end, "ssh-agent made no socket");
            std::thread::sleep(Duration::from_millis(5));
        }
        Agent { dir, child }
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    /// Makes a key that only the agent holds; gives its public line and its fingerprint.
    pub fn add_new_key(&self, name: &str) -> (String, String) {
        let path = self.dir.path().join(name);
        keygen("ed25519", &path, "");
        let done = Command::new("ssh-add")
            .env("SSH_AUTH_SOCK", self.socket())
            .arg(&path)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        std::fs::remove_file(&path).unwrap();
        let public = path.with_extension("pub");
        (std::fs::read_to_string(&public).unwrap(), fingerprint(&public))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Generates a key pair at `path` and `path.pub`.
pub fn keygen(kind: &str, path: &Path, passphrase: &str) {
    let done = Command::new("ssh-keygen")
        .args(["-q", "-t", kind, "-C", "fixture", "-N", passphrase, "-f"])
        .arg(path)
        .stdin(Stdio::null())
        .output()
        .expect("ssh-keygen does not start: install the Debian package openssh-client");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// `SHA256:...` of a public key file.
pub fn fingerprint(public: &Path) -> String {
    let done = Command::new("ssh-keygen").arg("-lf").arg(public).stdin(Stdio::null()).output().unwrap();
    String::from_utf8_lossy(&done.stdout).split_whitespace().nth(1).unwrap().to_owned()
}

/// A loopback port that nothing listens on.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn sshd_program() -> PathBuf {
    // sshd re-executes itself, so it insists on an absolute path.
    let folders = ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/sbin", "/sbin"];
    folders
        .iter()
        .map(|folder| Path::new(folder).join("sshd"))
        .find(|path| path.exists())
        .expect("no sshd on this machine: install the Debian package openssh-server")
}

/// True when this sshd knows PerSourcePenalties (OpenSSH 9.8 and later).
fn has_penalties(program: &Path) -> bool {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    *KNOWN.get_or_init(|| {
        let done = Command::new(program)
            .args(["-t", "-f", "/dev/null", "-o", "PerSourcePenalties=no"])
            .stdin(Stdio::null())
            .output()
            .expect("sshd does not start: install the Debian package openssh-server");
        !String::from_utf8_lossy(&done.stderr).contains("Bad configuration option")
    })
}

fn forced_command(login: &Login, dir: &Path) -> Option<String> {
    let script = dir.join("login");
    let text = match login {
        Login::Own => return None,
        Login::Forced(line) => return Some(line.clone()),
        Login::Recorded => format!(
            "#!/bin/sh\nprintf '%s\\0' \"${{SSH_ORIGINAL_COMMAND-}}\" >>'{}'\n\
             [ -n \"${{SSH_ORIGINAL_COMMAND-}}\" ] || exec /bin/sh\nexec /bin/sh -c \"$SSH_ORIGINAL_COMMAND\"\n",
            dir.join("recorded").display()
        ),
        Login::Shell(shell) => format!(
            "#!/bin/sh\nSHELL='{0}'\nexport SHELL\n\
             [ -n \"${{SSH_ORIGINAL_COMMAND-}}\" ] || exec '{0}'\nexec '{0}' -c \"$SSH_ORIGINAL_COMMAND\"\n",
            shell.display()
        ),
    };
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    Some(script.display().to_string())
}

/// Starts the daemon. Each file of `shown` stands for the path beside it, in a mount namespace of the daemon's own.
fn spawn_sshd(program: &Path, config: &Path, port: u16, log: &Path, shown: &[(Option<&Path>, &str)]) -> Child {
    let shown: Vec<(&Path, &str)> = shown.iter().filter_map(|(file, place)| Some(((*file)?, *place))).collect();
    let mut command = if shown.is_empty() {
        Command::new(program)
    } else {
        let mut command = Command::new("unshare");
        let script =
            "while [ \"$1\" != -- ]; do mount --bind \"$1\" \"$2\" && shift 2 || exit; done; shift; exec \"$@\"";
        command.args(["-m", "bash", "-c", script, "bash"]);
        for (file, place) in shown {
            command.arg(file).arg(place);
        }
        command.arg("--").arg(program);
        command
    };
    command
        .arg("-D")
        .arg("-f")
        .arg(config)
        .arg("-E")
        .arg(log)
        .args(["-o", "ListenAddress=127.0.0.1", "-p", &port.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("sshd does not start: install the Debian package openssh-server")
}

fn wait_for_banner(port: u16, child: &mut Child) -> bool {
    let end = Instant::now() + Duration::from_secs(10);
    while Instant::now() < end {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let mut start = [0_u8; 4];
            if stream.read_exact(&mut start).is_ok() && &start == b"SSH-" {
                return child.try_wait().unwrap().is_none();
            }
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

/// Every process with its parent.
fn process_table() -> Vec<(i32, i32)> {
    let listed = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).stdin(Stdio::null()).output();
    if let Some(done) = listed.ok().filter(|done| done.status.success()) {
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        return text
            .lines()
            .filter_map(|line| {
                let mut words = line.split_whitespace();
                Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
            })
            .collect();
    }
    numbered_proc()
        .filter_map(|(pid, folder)| {
            let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
            // The name in parentheses may hold blanks and parentheses; the state and the parent follow the last one.
            let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect()
}

/// Processes that carry the mark, and those of waiting channels: they have a known environment, with the connection in it.
fn marked_processes(mark: &str, port: u16) -> Vec<(i32, String)> {
    let wanted = format!("{MARK}={mark}").into_bytes();
    let port = format!(" {port}");
    let ours = |one: &[u8]| one == wanted || one.starts_with(b"SSH_CONNECTION=") && one.ends_with(port.as_bytes());
    numbered_proc()
        .filter_map(|(pid, folder)| {
            let env = std::fs::read(folder.join("environ")).ok()?;
            env.split(|b| *b == 0).any(ours).then_some(())?;
            let line = std::fs::read(folder.join("cmdline")).ok()?;
            let words: Vec<String> = line
                .split(|b| *b == 0)
                .filter(|word| !word.is_empty())
                .map(|word| String::from_utf8_lossy(word).into_owned())
                .collect();
            Some((pid, words.join(" ")))
        })
        .collect()
}

fn numbered_proc() -> impl Iterator<Item = (i32, PathBuf)> {
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
}
