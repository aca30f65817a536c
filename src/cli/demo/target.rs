//! The host of the demonstration: an sshd of this user on a free loopback port, with throw-away keys and files.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use super::super::client::Start;

/// Where Debian, the BSDs and Homebrew put sshd; it re-executes itself, so it insists on an absolute path.
const SSHD_FOLDERS: [&str; 5] = ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/sbin", "/opt/homebrew/sbin"];

/// sshd's privilege separation folder on Debian; as root it does not start without it.
const RUN_SSHD: &str = "/run/sshd";

/// How long sshd may take to answer.
const START_LIMIT: Duration = Duration::from_secs(5);

/// The three names under which the one daemon is known.
pub(super) const ALIASES: [&str; 3] = ["web1", "web2", "web3"];

/// A value that only the redacted file holds.
pub(super) const SECRET: &str = "correct-horse-9f3b";

/// The running daemon with its folder. [`Target::stop`] ends it; dropping it removes the folder.
#[derive(Debug)]
pub(super) struct Target {
    dir: tempfile::TempDir,
    sshd: Child,
    made_run_sshd: bool,
    /// Loopback port.
    pub port: u16,
    /// `SHA256:...` of its host key.
    pub fingerprint: String,
}

impl Target {
    /// Makes keys, files and configuration, and starts the daemon.
    pub(super) async fn start() -> Result<Self, String> {
        let program = SSHD_FOLDERS
            .iter()
            .map(|folder| Path::new(folder).join("sshd"))
            .find(|path| path.is_file())
            .ok_or("there is no sshd on this machine: install it (Debian: apt-get install openssh-server)")?;
        // Short, because the path of a control socket has to fit.
        let dir = tempfile::Builder::new()
            .prefix("smd.")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in("/tmp")
            .map_err(|e| format!("/tmp: {e}"))?;
        let at = |name: &str| dir.path().join(name);
        for key in ["host_key", "user_key"] {
            keygen(&at(key)).await?;
        }
        let public = fs::read_to_string(at("host_key.pub")).map_err(|e| e.to_string())?;
        let fingerprint = crate::ssh::connect::public_key::PublicKey::parse(&public)
            .map(|key| key.fingerprint)
            .ok_or("ssh-keygen wrote no public key")?;
        fs::copy(at("user_key.pub"), at("authorized_keys")).map_err(|e| e.to_string())?;
        let made_run_sshd = nix::unistd::geteuid().is_root() && fs::create_dir(RUN_SSHD).is_ok();
        let mut last = String::new();
        // Between choosing a free port and sshd's bind another process can take it.
        for _ in 0..5 {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                .and_then(|listener| listener.local_addr())
                .map_err(|e| format!("no loopback port: {e}"))?
                .port();
            let mut sshd = spawn(&program, dir.path(), port)?;
            match banner(port, &mut sshd).await {
                Ok(()) => {
                    let target = Target { dir, sshd, made_run_sshd, port, fingerprint };
                    target.files(&public).map_err(|e| e.to_string())?;
                    return Ok(target);
                }
                Err(why) => {
                    let _ = sshd.kill().await;
                    let log = fs::read_to_string(at("sshd.log")).unwrap_or_default();
                    last = format!("sshd does not start: {why}\n{}", log.trim_end());
                }
            }
        }
        if made_run_sshd {
            let _ = fs::remove_dir(RUN_SSHD);
        }
        Err(last)
    }

    /// A path in the folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The same as an argument of a tool.
    pub(super) fn remote(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }

    /// The environment of the server: nothing of the user's own set-up reaches it.
    pub(super) fn server(&self) -> Result<Start, String> {
        let log = fs::File::create(self.path("server.log")).map_err(|e| e.to_string())?;
        let mut start = Start { clear: true, log: Some(log), ..Start::default() };
        start
            .set("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()))
            .set("HOME", self.path("home"))
            .set("XDG_CONFIG_HOME", self.path("config"))
            .set("XDG_DATA_HOME", self.path("data"))
            .set("XDG_RUNTIME_DIR", self.dir.path())
            .set("SSH_CONFIG_FILE", self.path("ssh_config"))
            .set("SSH_KNOWN_HOSTS", self.path("known_hosts"))
            .set("SSH_AUDIT_FILE", self.path("audit.jsonl"))
            .set("ALLOW_DANGEROUS_TOOLS", "true");
        Ok(start)
    }

    /// What the agent is to find, and the server's configuration.
    fn files(&self, host_key: &str) -> std::io::Result<()> {
        for folder in ["home", "config/ssh-mcp", "data", "srv/logs", "srv/private"] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(self.path(folder))?;
        }
        let write = |name: &str, text: &str| {
            let path = self.path(name);
            fs::write(&path, text)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
        };
        write("srv/site.conf", "server {\n    listen 8080;\n    root /srv/www;\n}\n")?;
        write("srv/.env", &format!("DB_HOST=db.internal\nDB_PASSWORD={SECRET}\nLOG_LEVEL=info\n"))?;
        write("srv/logs/access.log", "GET / 200\nGET /health 200\n")?;
        write("srv/logs/error.log", "upstream timed out\n")?;
        write("srv/private/notes.txt", "not for agents\n")?;

        let words: Vec<&str> = host_key.split_whitespace().take(2).collect();
        write("known_hosts", &format!("[127.0.0.1]:{} {}\n", self.port, words.join(" ")))?;
        let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten();
        let mut config = format!("Host {}\n  HostName 127.0.0.1\n  Port {}\n", ALIASES.join(" "), self.port);
        if let Some(user) = user {
            let _ = writeln!(config, "  User {}", user.name);
        }
        let _ =
            writeln!(config, "  IdentityFile {}\n  IdentitiesOnly yes\n  IdentityAgent none", self.remote("user_key"));
        write("ssh_config", &config)?;
        let mut hosts = format!(
            "[defaults]\npath_allowlist = [{:?}]\nrestricted_paths = [{:?}]\nredact_paths_globs = [\"**/.env\"]\n\
             command_allowlist = [\"hostname\", \"sleep\", \"pgrep\"]\n",
            self.remote("srv"),
            self.remote("srv/private")
        );
        for alias in ALIASES {
            let _ = write!(hosts, "\n[hosts.{alias}]\nhostname = \"{alias}\"\n");
        }
        write("config/ssh-mcp/hosts.toml", &hosts)
    }

    /// Ends the daemon and removes the folder; what is left of them, if anything, is the error.
    pub(super) async fn stop(mut self) -> Result<(), String> {
        let _ = self.sshd.kill().await;
        if self.made_run_sshd {
            let _ = fs::remove_dir(RUN_SSHD);
        }
        let folder = self.dir.path().to_owned();
        self.dir.close().map_err(|e| format!("{}: {e}", folder.display()))?;
        let folder = folder.to_string_lossy().into_owned();
        // Sessions of sshd end with their connection, a moment later.
        for _ in 0..40 {
            if processes(&folder).is_empty() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(format!("still running: {}", processes(&folder).join("; ")))
    }
}

/// Processes whose command line or environment names the folder (Linux; elsewhere none are seen).
fn processes(folder: &str) -> Vec<String> {
    let own = std::process::id().to_string();
    let Ok(all) = fs::read_dir("/proc") else { return Vec::new() };
    all.flatten()
        .filter(|entry| entry.file_name() != own.as_str())
        .filter_map(|entry| {
            let read = |name: &str| fs::read(entry.path().join(name)).unwrap_or_default();
            let (line, environ) = (read("cmdline"), read("environ"));
            let names = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(folder);
            (names(&line) || names(&environ)).then(|| String::from_utf8_lossy(&line).replace('\0', " "))
        })
        .filter(|line| !line.is_empty())
        .collect()
}

async fn keygen(path: &Path) -> Result<(), String> {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "ssh-mcp demo", "-f"]).arg(path).stdin(Stdio::null());
    let done = command
        .output()
        .await
        .map_err(|e| format!("ssh-keygen does not start ({e}): install it (Debian: apt-get install openssh-client)"))?;
    if done.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&done.stderr).into_owned()) }
}

fn spawn(program: &Path, dir: &Path, port: u16) -> Result<Child, String> {
    let at = |name: &str| dir.join(name).display().to_string();
    let config = format!(
        "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nPidFile none\nUsePAM no\n\
         PermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPrintMotd no\n\
         Subsystem sftp internal-sftp\nSetEnv HOME={}\n",
        at("host_key"),
        at("authorized_keys"),
        // Start-up files of the account's shell are not part of the demonstration.
        at("home")
    );
    fs::write(dir.join("sshd_config"), config).map_err(|e| e.to_string())?;
    Command::new(program)
        .arg("-D")
        .arg("-f")
        .arg(dir.join("sshd_config"))
        .arg("-E")
        .arg(dir.join("sshd.log"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| format!("{}: {e}", program.display()))
}

/// Waits until the daemon introduces itself.
async fn banner(port: u16, sshd: &mut Child) -> Result<(), String> {
    let ask = async {
        loop {
            if let Ok(mut stream) = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
                let mut first = [0_u8; 4];
                if stream.read_exact(&mut first).await.is_ok() && &first == b"SSH-" {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = ask => Ok(()),
        status = sshd.wait() => Err(status.map_or_else(|e| e.to_string(), |status| status.to_string())),
        () = tokio::time::sleep(START_LIMIT) => Err("no answer on its port".to_owned()),
    }
}
