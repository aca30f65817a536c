//! Every registered tool against the hosts of a hosts.toml: the operator's own with `contrib/test --e2e`, and containers
//! in the everyday tests.
//!
//! Safe by default: a private folder and a container with names of this run, no root. What would change anything else of
//! a host is called for something that does not exist, or not at all. The settings of the operator stay; over them the
//! folder and all commands are opened, and the agents' notes go into a folder of the run.

mod rows;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::containers::{Sftp, busybox_host, sample_image, systemd_host};
use crate::server::Server;
use crate::sshd::free_port;
use rows::{Ends, Names, Needs, Row, rows};

/// Errors that say that a host lacks something.
const LACKS: [&str; 2] = ["PlatformNotSupported", "SFTPSubsystemUnavailable"];

/// Tools whose failure says that the login cannot use their group.
const PROBES: [&str; 3] = ["ssh_docker_ps", "ssh_systemctl_list_units", "ssh_apt_list"];

/// What the run may use beyond a login.
#[derive(Default)]
struct Optional {
    /// `SSH_E2E_SUDO_PASSWORD_CMD`: prints the sudo password; opts into sudo.
    sudo: Option<String>,
    /// `SSH_E2E_IMAGE`: an image that the hosts have already, with `sleep`; opts into containers.
    image: Option<String>,
}

/// How a row ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    Passed,
    Skipped(String),
    Failed(String),
}

/// What came of one host.
struct Report {
    host: String,
    outcomes: BTreeMap<&'static str, Outcome>,
    /// A declared platform that the live host contradicts.
    flag: Option<String>,
}

impl Report {
    fn passed(&self) -> usize {
        self.outcomes.values().filter(|outcome| **outcome == Outcome::Passed).count()
    }

    fn failures(&self) -> Vec<String> {
        let failed = self.outcomes.iter().filter_map(|(tool, outcome)| match outcome {
            Outcome::Failed(why) => Some(format!("{}: {tool}: {why}", self.host)),
            _ => None,
        });
        failed.chain(self.flag.iter().map(|flag| format!("{}: {flag}", self.host))).collect()
    }
}

/// One line of the report, as soon as it is known.
fn print(host: &str, tool: &str, outcome: &Outcome) {
    match outcome {
        Outcome::Passed => println!("e2e | {host} | {tool} | passed"),
        Outcome::Skipped(why) => println!("e2e | {host} | {tool} | skipped | {why}"),
        Outcome::Failed(why) => println!("e2e | {host} | {tool} | FAILED | {why}"),
    }
}

fn stem() -> String {
    let mut bytes = [0_u8; 6];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom").unwrap(), &mut bytes).unwrap();
    format!("ssh-mcp-e2e-{}", bytes.iter().map(|b| format!("{b:02x}")).collect::<String>())
}

/// Drives every tool on every host; `env` is set over the environment that this process has.
fn drive(optional: &Optional, env: &[(&str, String)]) -> Vec<Report> {
    let stem = stem();
    let folder = format!("/tmp/{stem}");
    let dir = tempfile::Builder::new().prefix("e2e-").tempdir().unwrap();
    let united = |name: &str, more: &str| match std::env::var(name) {
        Ok(own) if !own.trim().is_empty() => format!("{own},{more}"),
        _ => more.to_owned(),
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_ssh-mcp"));
    command
        .envs([("ALLOW_LOW_ACCESS_TOOLS", "true"), ("ALLOW_DANGEROUS_TOOLS", "true"), ("SSH_ALLOW_SCRIPTS", "true")])
        .env("ALLOW_SUDO", if optional.sudo.is_some() { "true" } else { "false" })
        .env("SSH_PATH_ALLOWLIST", united("SSH_PATH_ALLOWLIST", &format!("{folder},{folder}-other")))
        .env("SSH_COMMAND_ALLOWLIST", united("SSH_COMMAND_ALLOWLIST", "*"))
        .env("SSH_HOST_NOTES_DIR", dir.path().join("notes"))
        .env_remove("SSH_ENABLED_GROUPS")
        .env_remove("SSH_ENABLE_BM25")
        .env_remove("SSH_MCP_TEST_E2E")
        .env_remove("SSH_MCP_TEST_DOCKER")
        .env_remove("SSH_E2E_SUDO_PASSWORD_CMD")
        .env_remove("SSH_E2E_IMAGE")
        .envs(env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(dir.path().join("stderr")).unwrap());
    match &optional.sudo {
        Some(line) => command.env("SSH_SUDO_PASSWORD_CMD", line),
        None => command.env_remove("SSH_SUDO_PASSWORD_CMD"),
    };
    let mut server = Server::started(command, dir);
    let listed = server.ok("ssh_host_list", json!({}));
    let mut reports = Vec::new();
    let mut other = None;
    for host in listed["hosts"].as_array().unwrap() {
        let names = Names {
            host: host["alias"].as_str().unwrap().to_owned(),
            stem: stem.clone(),
            folder: folder.clone(),
            session: String::new(),
            image: optional.image.clone().unwrap_or_default(),
            other: other.clone(),
        };
        let alias = names.host.clone();
        let platform = host["platform"].as_str().unwrap_or_default();
        let report = one_host(&mut server, names, platform, optional);
        if platform != "windows" && report.outcomes.get("ssh_mkdir") == Some(&Outcome::Passed) {
            other = Some(alias);
        }
        reports.push(report);
    }
    reports
}

fn one_host(server: &mut Server, mut names: Names, platform: &str, optional: &Optional) -> Report {
    let mut report = Report { host: names.host.clone(), outcomes: BTreeMap::new(), flag: None };
    let ping = server.ok("ssh_host_ping", json!({"host": names.host}));
    if ping["auth_ok"] != true {
        let why = format!("the host is not reached: {}", ping["problem_detail"].as_str().unwrap_or("no reason given"));
        println!("e2e | {} | every tool | skipped | {why}", names.host);
        report.outcomes = rows().iter().map(|row| (row.tool, Outcome::Skipped(why.clone()))).collect();
        return report;
    }
    report.flag = contradicted(platform, ping["server_banner"].as_str().unwrap_or_default());
    if let Some(flag) = &report.flag {
        println!("e2e | {} | platform | FLAGGED | {flag}", names.host);
    }
    let takes_host: BTreeMap<String, bool> = {
        let listed = server.request("tools/list", json!({}));
        let tools = listed["result"]["tools"].as_array().unwrap();
        tools
            .iter()
            .map(|tool| {
                let with = tool["inputSchema"]["properties"]["host"].is_object();
                (tool["name"].as_str().unwrap().to_owned(), with)
            })
            .collect()
    };
    for row in rows() {
        let outcome = match missing(&row, &names, &report, optional) {
            Some(why) => Outcome::Skipped(why),
            None => match takes_host.get(row.tool) {
                None => Outcome::Skipped("the tool is not offered: a tier or SSH_DISABLED_TOOLS hides it".to_owned()),
                Some(with) => call(server, &row, &mut names, *with),
            },
        };
        print(&names.host, row.tool, &outcome);
        report.outcomes.insert(row.tool, outcome);
    }
    report
}

/// Why a row cannot be called here, where that is so.
fn missing(row: &Row, names: &Names, report: &Report, optional: &Optional) -> Option<String> {
    let after = |tool: &str| match report.outcomes.get(tool) {
        Some(Outcome::Passed) => None,
        Some(Outcome::Skipped(why)) => Some(why.clone()),
        _ => Some(format!("{tool} did not work")),
    };
    let sudo = || match optional.sudo {
        Some(_) => None,
        None => Some("SSH_E2E_SUDO_PASSWORD_CMD is not set".to_owned()),
    };
    let image = || match optional.image {
        Some(_) => None,
        None => Some("SSH_E2E_IMAGE names no image for a container of the run's own".to_owned()),
    };
    if let Ends::NotCalled(why) = row.ends {
        return Some(why.to_owned());
    }
    match row.needs {
        Needs::Nothing => None,
        Needs::Folder => after("ssh_mkdir"),
        Needs::OtherHost => match names.other {
            Some(_) => after("ssh_mkdir"),
            None => Some("no other host has been reached before this one".to_owned()),
        },
        Needs::Session => after("ssh_shell_open"),
        Needs::Docker if row.tool == "ssh_docker_run" => image().or_else(|| after("ssh_docker_ps")),
        Needs::Docker => after("ssh_docker_ps"),
        Needs::Container => image().or_else(|| after("ssh_docker_run")).or_else(|| after("ssh_mkdir")),
        Needs::Systemd => after("ssh_systemctl_list_units"),
        Needs::Packages => after("ssh_apt_list"),
        Needs::Sudo => sudo(),
        Needs::SudoFolder => sudo().or_else(|| after("ssh_mkdir")),
    }
}

fn call(server: &mut Server, row: &Row, names: &mut Names, with_host: bool) -> Outcome {
    let mut arguments = (row.arguments)(names);
    if with_host {
        arguments["host"] = json!(names.host);
    }
    if row.needs == Needs::OtherHost {
        server.call("ssh_mkdir", json!({"host": names.other, "path": names.other_folder()}));
    }
    let answer = server.call(row.tool, arguments);
    if row.needs == Needs::OtherHost {
        server.call("ssh_delete_folder", json!({"host": names.other, "path": names.other_folder(), "recursive": true}));
    }
    if row.tool == "ssh_shell_open" {
        names.session = answer.data["session_id"].as_str().unwrap_or_default().to_owned();
    }
    let first = answer.text.split(':').next().unwrap_or_default();
    let lacks = answer.error && LACKS.contains(&first);
    // Docker's and apt's own ends are data: an exit status beside what they printed.
    let failed = answer.error || answer.data["exit_code"].as_i64().is_some_and(|code| code != 0);
    let said = if answer.error { answer.text.clone() } else { answer.data.to_string() };
    let root = matches!(row.needs, Needs::Sudo | Needs::SudoFolder);
    let denied = ssh_mcp::internals::model::error::ErrorName::ALL
        .iter()
        .any(|name| name.as_str() == first && name.family() == ssh_mcp::internals::model::error::Family::Denied);
    match row.ends {
        // The first call of docker, of systemd and of packages tells whether this login has them at all.
        _ if failed && PROBES.contains(&row.tool) => Outcome::Skipped(said),
        _ if root && first == "AuthenticationFailed" => Outcome::Skipped(answer.text),
        _ if lacks => Outcome::Skipped(answer.text),
        _ if answer.error && denied => Outcome::Skipped(format!("the policy refuses: {}", answer.text)),
        _ if first == "InternalError" => Outcome::Failed(answer.text),
        Ends::Well if failed => Outcome::Failed(said),
        Ends::Failing if !failed => Outcome::Failed(format!("it was to fail: {said}")),
        _ => Outcome::Passed,
    }
}

/// What speaks against the declared platform: Windows' own sshd says that it is one.
fn contradicted(platform: &str, banner: &str) -> Option<String> {
    let windows = banner.contains("Windows");
    let told = !banner.is_empty();
    match platform {
        "windows" if told && !windows => Some(format!("hosts.toml says windows, but the host says {banner}")),
        other if other != "windows" && windows => Some(format!("hosts.toml says {other}, but the host says {banner}")),
        _ => None,
    }
}

#[test]
fn every_tool_has_a_row() {
    let rows: Vec<&str> = rows().iter().map(|row| row.tool).collect();
    for entry in ssh_mcp::internals::tools::all() {
        let count = rows.iter().filter(|tool| **tool == entry.spec.name).count();
        assert_eq!(count, 1, "{}: every tool has one row in tests/it/e2e/rows.rs", entry.spec.name);
    }
}

/// `contrib/test --e2e`.
#[test]
fn the_operators_hosts() {
    if std::env::var("SSH_MCP_TEST_E2E").as_deref() != Ok("1") {
        crate::skips::skip("the operator's hosts: contrib/test --e2e drives them");
        return;
    }
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let optional = Optional { sudo: set("SSH_E2E_SUDO_PASSWORD_CMD"), image: set("SSH_E2E_IMAGE") };
    let reports = drive(&optional, &[]);
    assert!(!reports.is_empty(), "hosts.toml has no host");
    let failures: Vec<String> = reports.iter().flat_map(Report::failures).collect();
    println!();
    for report in &reports {
        let failed = report.failures().len();
        let skipped = report.outcomes.values().filter(|outcome| matches!(outcome, Outcome::Skipped(_))).count();
        println!("e2e: {}: {} passed, {skipped} skipped, {failed} failed", report.host, report.passed());
    }
    for failure in &failures {
        println!("e2e: FAILED: {failure}");
    }
    assert!(failures.is_empty(), "{} of the hosts' checks failed; they are named above", failures.len());
}

#[test]
fn the_containers_as_an_operators_hosts() {
    let (Some(machine), Some(small), Some(image)) = (systemd_host(), busybox_host(Sftp::There), sample_image()) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        path.display().to_string()
    };
    let hosts = [
        machine.host_entry("full", "agent", &[]),
        machine.host_entry("docker", "dora", &[]),
        small.host_entry("small", "user", &[]),
        machine.host_entry("mistaken", "agent", &["platform = \"windows\""]),
        format!("[hosts.down]\nhostname = \"127.0.0.1\"\nport = {}\n", free_port()),
    ]
    .concat();
    let known = format!("{}{}", machine.known_hosts_text(), small.known_hosts_text());
    let env = [
        ("SSH_HOSTS_FILE", write("hosts.toml", &hosts)),
        ("SSH_KNOWN_HOSTS", write("known_hosts", &known)),
        ("SSH_CONFIG_FILE", write("ssh_config", "")),
        ("HOME", dir.path().display().to_string()),
    ];
    // The account `agent` asks for no password; the command is run all the same where sudo wants one.
    let optional = Optional { sudo: Some("echo none".to_owned()), image: Some(image) };
    let reports = drive(&optional, &env);
    let of = |host: &str| reports.iter().find(|report| report.host == host).unwrap();
    let why = |host: &str, tool: &str| match &of(host).outcomes[tool] {
        Outcome::Skipped(why) => why.clone(),
        other => panic!("{host} {tool}: {other:?}"),
    };

    let full = of("full");
    for report in reports.iter().filter(|report| report.host != "mistaken") {
        assert_eq!(report.failures(), Vec::<String>::new());
    }
    for tool in ["ssh_sudo_write", "ssh_systemctl_status", "ssh_apt_show", "ssh_patch", "ssh_delete_folder"] {
        assert_eq!(full.outcomes[tool], Outcome::Passed, "{tool}");
    }
    assert_eq!(of("small").outcomes["ssh_transfer"], Outcome::Passed);
    for tool in ["ssh_docker_run", "ssh_docker_rm", "ssh_docker_compose_up", "ssh_docker_compose_down"] {
        assert_eq!(of("docker").outcomes[tool], Outcome::Passed, "{tool}");
    }
    assert!(why("docker", "ssh_docker_prune").contains("not the run's own"));
    assert!(why("small", "ssh_systemctl_status").contains("systemd"), "{}", why("small", "ssh_systemctl_status"));
    assert_eq!(of("small").outcomes["ssh_upload"], Outcome::Passed);
    assert!(of("mistaken").flag.as_ref().is_some_and(|flag| flag.contains("windows")), "{:?}", of("mistaken").flag);
    assert!(why("down", "ssh_host_info").contains("not reached"));

    // Nothing of the run stays.
    for host in [machine, small] {
        let left = host.says(&["sh", "-c", "ls -d /tmp/ssh-mcp-e2e-* 2>/dev/null || true"]);
        assert_eq!(left, "", "{}", host.name);
    }
    let containers = crate::containers::engine(&["ps", "--all", "--format", "{{.Names}}"], "");
    assert!(!containers.contains("ssh-mcp-e2e-"), "{containers}");
}
