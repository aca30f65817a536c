//! What goes wrong between a server and its hosts, with real parts: for each fault what the caller is told, in how long,
//! and that nothing is left. Each test prints its rows (`cargo test --test it faults -- --nocapture | grep '^fault |'`).

mod connection;
mod host;
mod link;
mod local;
mod long;
mod proxy;
#[cfg(feature = "deep")]
mod soak;

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{Answer, Server, Setup, eventually};
use crate::sshd::{Options, Sshd};
use proxy::Proxy;

/// A server that reaches `box` through a proxy.
struct World {
    sshd: Sshd,
    proxy: Proxy,
    server: Server,
}

/// Limits that make a dead link show soon.
const IMPATIENT: [(&str, &str); 2] = [("SSH_CONNECT_TIMEOUT", "3"), ("SSH_KEEPALIVE_INTERVAL", "1")];

impl World {
    fn new(options: &Options, env: &[(&str, &str)]) -> Self {
        let sshd = Sshd::with(options);
        let proxy = Proxy::to(sshd.port);
        let setup = env.iter().fold(Setup::new(), |setup, (name, value)| setup.env(name, value));
        let port = format!("Port {}", proxy.port);
        let pinned = format!("HostKeyAlias [127.0.0.1]:{}", sshd.port);
        let hosts = format!(
            "[hosts.box]\nhostname = \"box\"\ncommand_allowlist = [\"*\"]\npath_allowlist = [\"{}\"]\n",
            setup.root().display()
        );
        let server = setup.raw(&sshd.ssh_config_block("box", &[&port, &pinned]), &hosts).start();
        World { sshd, proxy, server }
    }

    /// Ends the server and says what is left of it.
    fn end(self) -> String {
        nothing_left(self.server, &[&self.sshd])
    }
}

/// One row of the table.
fn row(fault: &str, told: &str, took: Duration, left: &str) {
    let told: String = told.replace('\n', " ").chars().take(260).collect();
    println!("fault | {fault} | {told} | {:.1} s | {left}", took.as_secs_f64());
}

/// A call of `ssh_exec_run` on `box`, how it was answered, and after how long.
fn timed(server: &mut Server, command: &str, timeout: u64) -> (Answer, Duration) {
    let began = Instant::now();
    let answer = server.call("ssh_exec_run", json!({"host": "box", "command": command, "timeout": timeout}));
    (answer, began.elapsed())
}

/// What a caller reads: the error, or the answer.
fn told(answer: &Answer) -> String {
    if answer.error { answer.text.clone() } else { short(&answer.data) }
}

/// An answer without its long texts.
fn short(data: &Value) -> String {
    let mut data = data.clone();
    for name in ["stdout", "stderr"] {
        if let Some(text) = data.get(name).and_then(Value::as_str).filter(|text| text.len() > 40) {
            data[name] = json!(format!("{} bytes", text.len()));
        }
    }
    data.to_string()
}

/// Processes of `ssh` that a server started: their command lines name its folder of sockets.
fn ssh_of(server: u32) -> Vec<(i32, String)> {
    let folder = format!("/{server}-");
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            (line.starts_with("ssh") && line.contains("ssh-mcp") && line.contains(&folder)).then_some((pid, line))
        })
        .collect()
}

/// Ends a server as its client does, and looks for what it left: processes on both sides, sockets, temporary files.
fn nothing_left(mut server: Server, hosts: &[&Sshd]) -> String {
    server.close_stdin();
    let took = server.ended_within(Duration::from_secs(20)).expect("the server ends with its client");
    let (pid, dir) = (server.pid(), server.dir.path().to_owned());
    let look = || {
        let mut left: Vec<String> = server.runtime_files().iter().map(|file| file.display().to_string()).collect();
        left.extend(ssh_of(pid).into_iter().map(|(_, line)| line));
        left.extend(hosts.iter().flat_map(|host| host.session_processes()).map(|(_, line)| line));
        left.extend(temporaries(&dir.join("root")));
        left
    };
    eventually(Duration::from_secs(20), || look().is_empty());
    assert_eq!(look(), Vec::<String>::new(), "left behind");
    format!("nothing (server gone in {:.1} s)", took.as_secs_f64())
}

/// Files that a write leaves when nobody finishes it.
fn temporaries(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path().display().to_string()).filter(|path| path.contains("/.")).collect()
}

/// Resident memory of a process, in KiB, and its open descriptors.
fn figures(pid: u32) -> (u64, usize) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    let memory = memory.trim().trim_end_matches(" kB").parse().unwrap_or(0);
    (memory, std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count))
}
