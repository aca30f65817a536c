//! The hosts of the bench: a private sshd on loopback and, where asked for, a container with systemd; each reached
//! directly and through the delay, under several names, so that calls follow one another on different connections.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cases::{self, Part};
use crate::containers::{self, Container};
use crate::delay;
use crate::server::{Answer, Server, Setup};
use crate::sshd::{Options, Sshd};

/// One way: half of a round trip of 100 ms.
pub const EACH_WAY: Duration = Duration::from_millis(50);

/// Names for each host and distance. Calls start an eighth of a second apart, so each has one a second.
const NAMES: usize = 8;

/// Names for first calls.
pub const COLD: usize = 12;

/// Names for a broadcast.
pub const CROWD: usize = 50;

/// One account on one host, near and far.
pub struct Site {
    pub near: Vec<String>,
    pub far: Vec<String>,
    /// For preparations.
    pub hand: String,
    pub root: String,
    pub parts: Vec<Part>,
    image: String,
}

pub struct World {
    pub sshd: Sshd,
    pub sites: Vec<Site>,
    /// Why a part is measured nowhere.
    pub missing: Vec<(Part, String)>,
    pub ssh_config: String,
    pub hosts: String,
    /// Kept running.
    #[allow(dead_code)]
    container: Option<Container>,
}

impl World {
    pub fn new(with_container: bool) -> Result<Self, String> {
        // MaxSessions is raised so that the floor may have 50 sessions on one connection.
        let extra = vec!["LogLevel ERROR".to_owned(), "MaxSessions 200".to_owned()];
        let sshd = Sshd::with(&Options { extra, max_startups: Some("500".into()), ..Options::default() });
        let root = sshd.path("root").display().to_string();
        let mut world = World {
            sites: Vec::new(),
            missing: Vec::new(),
            ssh_config: String::new(),
            hosts: String::new(),
            container: None,
            sshd,
        };
        let far = delay::start(world.sshd.port, EACH_WAY);
        let alias = format!("HostKeyAlias [127.0.0.1]:{}", world.sshd.port);
        let block = |sshd: &Sshd, name: &str, port: u16| {
            sshd.ssh_config_block(name, &[&format!("Port {port}"), &alias, "IdentityAgent none"])
        };
        let names = |kind: &str, n: usize| (0..n).map(|i| format!("{kind}{i}")).collect::<Vec<_>>();
        let mut site = Site {
            near: names("near", NAMES),
            far: names("far", NAMES),
            hand: "hand".into(),
            root: root.clone(),
            parts: vec![Part::Shell],
            image: String::new(),
        };
        if !with_container {
            world.look_around(&mut site.parts);
        }
        let direct: Vec<String> = [&site.near[..], &names("cold-near", COLD), &["hand".to_owned()]].concat();
        for name in &direct {
            world.ssh_config += &block(&world.sshd, name, world.sshd.port);
            world.hosts += &entry(name, &root);
        }
        for name in [&site.far[..], &names("cold-far", COLD), &names("crowd", CROWD)].concat() {
            world.ssh_config += &block(&world.sshd, &name, far);
            world.hosts += &entry(&name, &root);
        }
        world.sites.push(site);
        if with_container {
            world.add_container()?;
        }
        Ok(world)
    }

    /// What this machine has beside a login.
    fn look_around(&mut self, parts: &mut Vec<Part>) {
        let probes = [
            (Part::Sudo, "sudo", &["-n", "true"][..], "no sudo without a password"),
            (Part::Docker, "docker", &["info"], "no docker engine for this account"),
            (Part::Systemd, "systemctl", &["is-active", "nginx"], "no systemd with an nginx unit"),
            (Part::Apt, "apt-cache", &["policy", "openssh-server"], "no apt"),
        ];
        for (part, program, words, why) in probes {
            let done = std::process::Command::new(program).args(words).stdin(std::process::Stdio::null()).output();
            // The docker rows start containers: that is done only on an engine that belongs to the run.
            if part != Part::Docker && done.is_ok_and(|done| done.status.success()) {
                parts.push(part);
            } else {
                self.missing.push((part, format!("{why}; contrib/bench --containers measures it as root")));
            }
        }
    }

    fn add_container(&mut self) -> Result<(), String> {
        let host = containers::new_systemd_host(&[]).ok_or("SSH_MCP_TEST_DOCKER is not 1: there is no engine")?;
        let far = delay::start(host.port, EACH_WAY);
        let alias = format!("HostKeyAlias [127.0.0.1]:{}", host.port);
        let image = containers::sample_image().unwrap_or_default();
        for (user, parts) in [("root", vec![Part::Docker, Part::Systemd, Part::Apt]), ("agent", vec![Part::Sudo])] {
            let names = |kind: &str| (0..NAMES).map(|i| format!("{user}-{kind}{i}")).collect::<Vec<_>>();
            let site = Site {
                near: names("near"),
                far: names("far"),
                hand: format!("{user}-hand"),
                root: format!("/tmp/bench-{user}"),
                parts,
                image: image.clone(),
            };
            for (name, port) in site
                .near
                .iter()
                .map(|n| (n, host.port))
                .chain(site.far.iter().map(|n| (n, far)))
                .chain([(&site.hand, host.port)])
            {
                self.ssh_config +=
                    &host.ssh_config_block(name, user, &[&format!("Port {port}"), &alias, "IdentityAgent none"]);
                self.hosts += &entry(name, &site.root);
            }
            self.sites.push(site);
        }
        // Units start in their own time; nginx is the last that is asked for.
        let end = Instant::now() + Duration::from_secs(60);
        while !host.inside(&["systemctl", "is-active", "nginx"]).status.success() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(200));
        }
        self.container = Some(host);
        Ok(())
    }

    /// A server that knows every name, with everything open.
    pub fn server(&self, more: &[(&str, &str)]) -> Server {
        // The preparations write files by commands.
        let setup = Setup::new()
            .raw(&self.ssh_config, &self.hosts)
            .env("ALLOW_SUDO", "true")
            .env("SSH_EXEC_ALLOW_CHEATSHEET_PATTERNS", "true");
        more.iter().fold(setup, |setup, (name, value)| setup.env(name, value)).start()
    }
}

fn entry(name: &str, root: &str) -> String {
    format!("[hosts.{name}]\nhostname = \"{name}\"\ncommand_allowlist = [\"*\"]\npath_allowlist = [\"{root}\"]\n")
}

/// Fills in the placeholders of a row.
pub struct Filler<'a> {
    pub site: &'a Site,
    pub sessions: HashMap<String, String>,
    pub count: u64,
    text: String,
}

impl<'a> Filler<'a> {
    pub fn new(site: &'a Site) -> Self {
        Filler { site, sessions: HashMap::new(), count: 0, text: "x".repeat(256 * 1024) }
    }

    pub fn fill(&self, text: &str, host: &str, other: &str) -> String {
        text.replace("{host}", host)
            .replace("{other}", other)
            .replace("{root}", &self.site.root)
            .replace("{image}", &self.site.image)
            .replace("{n}", &self.count.to_string())
            .replace("{session}", self.sessions.get(host).map_or("", String::as_str))
            .replace("{256k}", &self.text)
    }

    /// Runs a preparation on the host.
    pub fn by_hand(&self, server: &mut Server, line: &str) -> Answer {
        let line = self.fill(line, "", "");
        server.call("ssh_exec_run", json!({"host": self.site.hand, "command": line}))
    }

    /// Makes the folder and whatever the parts of this site need; the value says what failed.
    pub fn set_up(&self, server: &mut Server) -> Vec<(Part, String)> {
        let mut failed = Vec::new();
        for (part, line) in [(Part::Shell, cases::SETUP), (Part::Docker, cases::DOCKER_SETUP)] {
            if part == Part::Docker && !self.site.parts.contains(&part) {
                continue;
            }
            let answer = self.by_hand(server, line);
            if answer.error || answer.data["exit_code"] != 0 {
                failed.push((part, format!("{}{}", answer.text, answer.data["stderr"])));
            }
        }
        failed
    }

    /// Opens a shell session for a name, once.
    pub fn session(&mut self, server: &mut Server, host: &str) {
        if !self.sessions.contains_key(host) {
            let answer = server.call("ssh_shell_open", json!({"host": host}));
            let id = answer.data["session_id"].as_str().unwrap_or_default().to_owned();
            self.sessions.insert(host.to_owned(), id);
        }
    }
}

/// The bytes that a client receives for `tools/list`, and how many tools there are.
pub fn list_size(server: &mut Server) -> (usize, usize) {
    let answer = server.request("tools/list", json!({}));
    let count = answer["result"]["tools"].as_array().map_or(0, Vec::len);
    (answer.to_string().len(), count)
}

/// Resident memory of a process in MiB.
pub fn resident(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}

/// The names of the tools that a client is offered.
pub fn tools(server: &mut Server) -> Vec<String> {
    let answer = server.request("tools/list", json!({}));
    let named = |tool: &Value| tool["name"].as_str().unwrap_or_default().to_owned();
    answer["result"]["tools"].as_array().map(|tools| tools.iter().map(named).collect()).unwrap_or_default()
}
