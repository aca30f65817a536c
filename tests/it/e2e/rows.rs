//! What each tool is called with, in the order of the calls.

use serde_json::{Value, json};

use crate::registry::looks_at_a_host;

/// What a row needs beyond a reachable host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// The run's private folder.
    Folder,
    Session,
    Docker,
    /// A container of the run's own.
    Container,
    Systemd,
    Packages,
    Sudo,
    /// Sudo, on a file in the private folder.
    SudoFolder,
    /// The private folder, and one on another host.
    OtherHost,
}

/// How a row's call has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// In success.
    Well,
    /// In a failure that is told: it names something that does not exist, so that nothing of the host's is changed.
    Failing,
    /// In an answer; whether it succeeds depends on the login's rights or on the network.
    Either,
    /// It is not called, for this reason.
    NotCalled(&'static str),
}

pub struct Row {
    pub tool: &'static str,
    pub needs: Needs,
    pub ends: Ends,
    pub arguments: fn(&Names) -> Value,
}

/// The names of this run, unique on every host.
pub struct Names {
    pub host: String,
    /// `ssh-mcp-e2e-` and random digits: the container, the unit, the compose project, and the last part of the folder.
    pub stem: String,
    /// The private folder.
    pub folder: String,
    pub session: String,
    pub image: String,
    /// A host that was driven before.
    pub other: Option<String>,
}

impl Names {
    /// The private folder on the other host, which may be the same machine.
    pub fn other_folder(&self) -> String {
        format!("{}-other", self.folder)
    }

    fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }
}

const fn row(tool: &'static str, needs: Needs, ends: Ends, arguments: fn(&Names) -> Value) -> Row {
    Row { tool, needs, ends, arguments }
}

use Ends::{Either, Failing, NotCalled, Well};
use Needs::{Container, Docker, Folder, Nothing, OtherHost, Packages, Session, Sudo, SudoFolder, Systemd};

const UNIT: &str = "systemd-journald.service";
const NO_PACKAGE: &str = "ssh-mcp-e2e-no-such-package";
const NO_IMAGE: &str = "ssh-mcp-e2e-no-such-image:1";

fn compose(n: &Names) -> Value {
    json!({"compose_file": n.at("compose.yml")})
}

fn project(n: &Names) -> String {
    format!("services:\n  web:\n    image: {}\n    command: sleep 300\n    stop_grace_period: 0s\n", n.image)
}

fn own_unit(n: &Names) -> Value {
    json!({"unit": format!("{}.service", n.stem)})
}

fn journald(_: &Names) -> Value {
    json!({"unit": UNIT})
}

fn none(_: &Names) -> Value {
    json!({})
}

/// A row for every tool: the named ones, and one for each other that looks at a host and takes nothing else.
pub fn rows() -> Vec<Row> {
    let mut rows = named();
    for entry in ssh_mcp::internals::tools::all() {
        if looks_at_a_host(&entry) && rows.iter().all(|row| row.tool != entry.spec.name) {
            rows.insert(0, row(entry.spec.name, Nothing, Well, none));
        }
    }
    rows
}

/// The named rows. `host` is added to the arguments where the tool has it.
#[rustfmt::skip]
fn named() -> Vec<Row> {
    vec![
        row("ssh_host_ping", Nothing, Well, none),
        row("ssh_host_list", Nothing, Well, none),
        row("ssh_server_info", Nothing, Well, none),
        row("ssh_host_reload", Nothing, Well, none),
        row("ssh_session_list", Nothing, Well, none),
        row("ssh_output_read", Nothing, Failing, |_| json!({"output_id": "0123456789abcdef"})),
        row("ssh_batch", Nothing, Well, |n| json!({"calls": [{"tool": "ssh_host_ping", "arguments": {"host": n.host}}]})),
        row("ssh_guide", Nothing, Well, |_| json!({"name": "ssh_find"})),
        row("ssh_known_hosts_verify", Nothing, Well, none),
        row("ssh_host_info", Nothing, Well, none),
        row("ssh_host_alerts", Nothing, Well, none),
        row("ssh_host_disk_usage", Nothing, Well, none),
        row("ssh_host_network", Nothing, Well, none),
        row("ssh_host_processes", Nothing, Well, |_| json!({"top": 5})),
        row("ssh_user_info", Nothing, Well, none),
        row("ssh_host_notes", Nothing, Well, none),
        row("ssh_host_notes_set", Nothing, Well, |n| json!({"content": n.stem})),
        row("ssh_host_notes_append", Nothing, Well, |n| json!({"entry": n.stem})),
        row("ssh_exec_run", Nothing, Well, |_| json!({"command": "true"})),
        row("ssh_exec_run_streaming", Nothing, Well, |_| json!({"command": "true"})),
        row("ssh_exec_script", Nothing, Well, |_| json!({"script": "true\n"})),
        row("ssh_job_list", Nothing, Well, none),
        row("ssh_job_read", Nothing, Failing, |_| json!({"job": "20260102-030405-0a1b2c3d4e"})),
        row(
            "ssh_job_input",
            Nothing,
            Failing,
            |_| json!({"job": "20260102-030405-0a1b2c3d4e", "line": "yes"}),
        ),
        row("ssh_job_stop", Nothing, Failing, |_| json!({"job": "20260102-030405-0a1b2c3d4e"})),
        row("ssh_job_forget", Nothing, Failing, |_| json!({"job": "20260102-030405-0a1b2c3d4e"})),
        row("ssh_broadcast", Nothing, Well, |n| json!({"hosts": [n.host], "command": "true"})),
        row("ssh_shell_open", Nothing, Well, none),
        row("ssh_shell_exec", Session, Well, |n| json!({"session_id": n.session, "command": "true"})),
        row("ssh_shell_list", Session, Well, none),
        row("ssh_shell_close", Session, Well, |n| json!({"session_id": n.session})),
        row("ssh_mkdir", Nothing, Well, |n| json!({"path": n.folder})),
        row("ssh_upload", Folder, Well, |n| json!({"path": n.at("a"), "content_text": "one\ntwo\n"})),
        row("ssh_deploy", Folder, Well, |n| json!({"path": n.at("compose.yml"), "content_text": project(n)})),
        row("ssh_edit", Folder, Well, |n| json!({"path": n.at("a"), "old_string": "two", "new_string": "three"})),
        row("ssh_patch", Folder, Well, |n| json!({"path": n.at("a"),
            "unified_diff": "--- a\n+++ a\n@@ -1,2 +1,2 @@\n-one\n+zero\n three\n"})),
        row("ssh_env_set", Folder, Well, |n| json!({"path": n.at("vars"), "key": "APP_SECRET", "generate": {}, "create": true})),
        row("ssh_sftp_stat", Folder, Well, |n| json!({"path": n.at("a")})),
        row("ssh_sftp_list", Folder, Well, |n| json!({"path": n.folder})),
        row("ssh_sftp_download", Folder, Well, |n| json!({"path": n.at("a")})),
        row("ssh_read_redacted", Folder, Well, |n| json!({"path": n.at("a")})),
        row("ssh_file_hash", Folder, Well, |n| json!({"path": n.at("a")})),
        row("ssh_find", Folder, Well, |n| json!({"path": n.folder, "name_pattern": "a"})),
        row("ssh_cp", Folder, Well, |n| json!({"src": n.at("a"), "dst": n.at("b")})),
        row("ssh_mv", Folder, Well, |n| json!({"src": n.at("b"), "dst": n.at("c")})),
        row("ssh_link", Folder, Well, |n| json!({"src": n.at("a"), "dst": n.at("l"), "symbolic": true})),
        row("ssh_transfer", OtherHost, Well, |n| json!({"src_host": n.host, "src_path": n.at("a"), "dst_host": n.other,
            "dst_path": format!("{}/t", n.other_folder())})),
        row("ssh_delete", Folder, Well, |n| json!({"path": n.at("c")})),
        row("ssh_sudo_exec", Sudo, Well, |_| json!({"command": "id -u"})),
        row("ssh_sudo_run_script", Sudo, Well, |_| json!({"script": "id -u\n"})),
        row("ssh_sudo_write", SudoFolder, Well, |n| json!({"path": n.at("r"), "content_text": "root\n"})),
        row("ssh_sudo_edit", SudoFolder, Well, |n| json!({"path": n.at("r"), "old_string": "root", "new_string": "still root"})),
        row("ssh_sudo_read", SudoFolder, Well, |n| json!({"path": n.at("r")})),
        row("ssh_sudo_read_redacted", SudoFolder, Well, |n| json!({"path": n.at("r")})),
        row("ssh_sudo_sftp_list", SudoFolder, Well, |n| json!({"path": n.folder})),
        row("ssh_docker_ps", Nothing, Well, none),
        row("ssh_docker_images", Docker, Well, none),
        row("ssh_docker_volumes", Docker, Well, none),
        row("ssh_docker_system_df", Docker, Well, none),
        row("ssh_docker_events", Docker, Well, |_| json!({"since": "1m"})),
        row("ssh_docker_pull", Docker, Failing, |_| json!({"image": NO_IMAGE, "timeout": 30})),
        row("ssh_docker_rmi", Docker, Failing, |_| json!({"image": NO_IMAGE})),
        row("ssh_docker_prune", Docker, NotCalled("it would remove objects that are not the run's own"), none),
        row("ssh_docker_run", Docker, Well, |n| json!({"image": n.image, "name": n.stem, "detached": true, "remove": false,
            "args": ["sleep", "300"]})),
        row("ssh_docker_inspect", Container, Well, |n| json!({"target": n.stem})),
        row("ssh_docker_logs", Container, Well, |n| json!({"container": n.stem})),
        row("ssh_docker_top", Container, Well, |n| json!({"container": n.stem})),
        row("ssh_docker_stats", Container, Well, none),
        row("ssh_docker_exec", Container, Well, |n| json!({"container": n.stem, "command": "true"})),
        row("ssh_docker_cp", Container, Well, |n| json!({"container": n.stem, "container_path": "/etc/hostname",
            "host_path": n.at("hostname"), "direction": "from_container"})),
        row("ssh_docker_stop", Container, Well, |n| json!({"container": n.stem, "grace": 0})),
        row("ssh_docker_start", Container, Well, |n| json!({"container": n.stem})),
        row("ssh_docker_restart", Container, Well, |n| json!({"container": n.stem, "grace": 0})),
        row("ssh_docker_rm", Container, Well, |n| json!({"container": n.stem, "force": true})),
        row("ssh_docker_compose_up", Container, Well, compose),
        row("ssh_docker_compose_ps", Container, Well, compose),
        row("ssh_docker_compose_logs", Container, Well, compose),
        row("ssh_docker_compose_stop", Container, Well, compose),
        row("ssh_docker_compose_start", Container, Well, compose),
        row("ssh_docker_compose_restart", Container, Well, compose),
        row("ssh_docker_compose_pull", Container, Either, compose),
        row("ssh_docker_compose_down", Container, Well, compose),
        row("ssh_systemctl_list_units", Nothing, Well, |_| json!({"pattern": "systemd-*"})),
        row("ssh_systemctl_status", Systemd, Well, journald),
        row("ssh_systemctl_is_active", Systemd, Well, journald),
        row("ssh_systemctl_is_enabled", Systemd, Well, journald),
        // Its exit status is the unit's state.
        row("ssh_systemctl_is_failed", Systemd, Either, journald),
        row("ssh_systemctl_show", Systemd, Well, journald),
        row("ssh_systemctl_cat", Systemd, Well, journald),
        row("ssh_journalctl", Systemd, Well, |_| json!({"unit": UNIT, "lines": 5})),
        row("ssh_systemctl_start", Systemd, Failing, own_unit),
        row("ssh_systemctl_stop", Systemd, Failing, own_unit),
        row("ssh_systemctl_restart", Systemd, Failing, own_unit),
        row("ssh_systemctl_reload", Systemd, Failing, own_unit),
        row("ssh_systemctl_enable", Systemd, Failing, own_unit),
        row("ssh_systemctl_disable", Systemd, Failing, own_unit),
        row("ssh_systemctl_reset_failed", Systemd, Failing, own_unit),
        // For root these two succeed: the second takes back what the first did.
        row("ssh_systemctl_mask", Systemd, Either, own_unit),
        row("ssh_systemctl_unmask", Systemd, Either, own_unit),
        row("ssh_apt_list", Nothing, Well, |_| json!({"mode": "installed"})),
        row("ssh_apt_search", Packages, Well, |_| json!({"pattern": "bash"})),
        row("ssh_apt_show", Packages, Well, |_| json!({"package": "bash"})),
        row("ssh_apt_show_holds", Packages, Well, none),
        row("ssh_apt_install", Packages, Failing, |_| json!({"packages": [NO_PACKAGE]})),
        row("ssh_apt_remove", Packages, Either, |_| json!({"packages": [NO_PACKAGE]})),
        row("ssh_apt_mark", Packages, Failing, |_| json!({"action": "hold", "packages": [NO_PACKAGE]})),
        row("ssh_apt_upgrade", Packages, NotCalled("it would change packages of the whole host"), none),
        row("ssh_apt_autoremove", Packages, NotCalled("it would remove packages of the whole host"), none),
        row("ssh_delete_folder", Folder, Well, |n| json!({"path": n.folder, "recursive": true})),
    ]
}
