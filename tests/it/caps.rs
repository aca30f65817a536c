//! Nothing is skipped in silence: for every tool of the registry and every cap that it has, a case is planted, and the
//! answer has to say that something is left out, how much, and what brings it.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::registry::{arguments, looks_at_a_host};
use crate::server::{Server, Setup};
use crate::sshd::{Options, Sshd, can_check_passwords};

/// The caps of every tool, by the case that is planted for each. `output` is the cap of what the host prints; a tool that
/// takes nothing but a host and is not named has it alone.
#[rustfmt::skip]
const CAPS: &[(&str, &[&str])] = &[
    ("ssh_host_ping", &["notes"]), ("ssh_host_info", &["output"]), ("ssh_host_disk_usage", &["output"]),
    ("ssh_host_processes", &["top", "output"]), // One that is too long to be read is an error.
    ("ssh_host_network", &[]), ("ssh_host_alerts", &["output"]),
    ("ssh_user_info", &["output"]), ("ssh_known_hosts_verify", &[]), ("ssh_host_list", &[]), ("ssh_host_notes", &["notes"]),
    ("ssh_host_notes_append", &[]), ("ssh_host_notes_set", &[]), ("ssh_host_reload", &[]), ("ssh_server_info", &[]),
    // What it does not show it names by the next line.
    ("ssh_session_list", &[]), ("ssh_output_read", &[]), ("ssh_batch", &[]), ("ssh_guide", &[]),
    ("ssh_sftp_list", &["page"]), ("ssh_sftp_stat", &[]), ("ssh_sftp_download", &["part", "whole"]), ("ssh_file_hash", &[]),
    ("ssh_find", &["depth", "results", "lines", "line_bytes", "file_bytes"]), ("ssh_read_redacted", &["whole"]),
    // Of a file that is written nothing is left out; of an edit the diff may be long.
    ("ssh_upload", &[]), ("ssh_deploy", &[]), ("ssh_edit", &["diff"]), ("ssh_patch", &["diff"]), ("ssh_env_set", &["diff"]), ("ssh_transfer", &[]),
    ("ssh_mkdir", &[]), ("ssh_delete", &[]), ("ssh_delete_folder", &[]), ("ssh_mv", &[]), ("ssh_cp", &["odd"]), ("ssh_link", &[]),
    ("ssh_exec_run", &["output"]), ("ssh_exec_run_streaming", &["output"]), ("ssh_exec_script", &["output"]),
    ("ssh_broadcast", &["output"]),
    ("ssh_sudo_exec", &["output"]), ("ssh_sudo_run_script", &["output"]), ("ssh_sudo_read", &["whole"]),
    ("ssh_sudo_read_redacted", &["whole"]), ("ssh_sudo_write", &[]), ("ssh_sudo_edit", &["diff"]),
    ("ssh_sudo_sftp_list", &["page"]),
    ("ssh_shell_open", &[]), ("ssh_shell_exec", &["output"]), ("ssh_shell_list", &[]), ("ssh_shell_close", &[]),
    ("ssh_docker_ps", &["stopped", "labels", "output"]), ("ssh_docker_images", &["labels", "output"]),
    ("ssh_docker_inspect", &["output"]), ("ssh_docker_logs", &["tail", "output"]), ("ssh_docker_stats", &["output"]),
    ("ssh_docker_top", &["output"]), ("ssh_docker_events", &["since", "kept", "output"]), ("ssh_docker_volumes", &["output"]),
    ("ssh_docker_system_df", &["output"]), ("ssh_docker_exec", &["output"]), ("ssh_docker_run", &["output"]),
    ("ssh_docker_start", &["output"]), ("ssh_docker_stop", &["output"]), ("ssh_docker_restart", &["output"]),
    ("ssh_docker_rm", &["output"]), ("ssh_docker_rmi", &["output"]), ("ssh_docker_pull", &[]),
    ("ssh_docker_prune", &["output"]),
    // What it copies is whole, or the copy fails.
    ("ssh_docker_cp", &[]),
    ("ssh_docker_compose_ps", &["stopped", "labels", "output"]), ("ssh_docker_compose_logs", &["tail", "output"]),
    ("ssh_docker_compose_up", &["output"]), ("ssh_docker_compose_down", &["output"]), ("ssh_docker_compose_pull", &["output"]),
    ("ssh_docker_compose_start", &["output"]), ("ssh_docker_compose_stop", &["output"]),
    ("ssh_docker_compose_restart", &["output"]),
    // A state is one word.
    ("ssh_systemctl_is_active", &[]), ("ssh_systemctl_is_enabled", &[]), ("ssh_systemctl_is_failed", &[]),
    ("ssh_systemctl_status", &["log", "output"]), ("ssh_systemctl_show", &["output"]), ("ssh_systemctl_cat", &["output"]),
    ("ssh_systemctl_list_units", &["inactive", "types", "output"]), ("ssh_journalctl", &["lines", "output"]),
    ("ssh_systemctl_start", &["output"]), ("ssh_systemctl_stop", &["output"]), ("ssh_systemctl_restart", &["output"]),
    ("ssh_systemctl_reload", &["output"]), ("ssh_systemctl_enable", &["output"]), ("ssh_systemctl_disable", &["output"]),
    ("ssh_systemctl_mask", &["output"]), ("ssh_systemctl_unmask", &["output"]), ("ssh_systemctl_reset_failed", &["output"]),
    ("ssh_apt_list", &["output"]), ("ssh_apt_search", &["output"]), ("ssh_apt_show", &["output"]),
    ("ssh_apt_show_holds", &["output"]), ("ssh_apt_install", &["output"]), ("ssh_apt_upgrade", &["output"]),
    // What it does not show it names by its cursor.
    ("ssh_job_list", &[]), ("ssh_job_read", &[]), ("ssh_job_input", &[]), ("ssh_job_stop", &[]), ("ssh_job_forget", &[]),
    ("ssh_apt_remove", &["output"]), ("ssh_apt_autoremove", &["output"]), ("ssh_apt_mark", &["output"]),
];

#[test]
fn the_caps_of_every_tool_are_declared() {
    let all = ssh_mcp::internals::tools::all();
    let mut missing: BTreeSet<&str> = all.iter().filter(|entry| !looks_at_a_host(entry)).map(|e| e.spec.name).collect();
    for (tool, _) in CAPS {
        assert!(all.iter().any(|entry| entry.spec.name == *tool), "tests/it/caps.rs, CAPS: there is no tool {tool}");
        missing.remove(tool);
    }
    assert!(missing.is_empty(), "tests/it/caps.rs: name the caps of {missing:?} in CAPS, and plant a case for each");
}

/// Tools whose answer is cut at 4 MiB only, by one rule for all of them: planted in the long form; `ssh_host_processes` stands
/// for them in the everyday one.
const WIDE: &[&str] = &[
    "ssh_host_info",
    "ssh_host_disk_usage",
    "ssh_host_alerts",
    "ssh_user_info",
    "ssh_apt_list",
    "ssh_apt_search",
    "ssh_apt_show",
    "ssh_apt_show_holds",
    "ssh_apt_mark",
];

/// True where the cases of [`WIDE`] tools are planted too.
const ALL: bool = cfg!(feature = "deep");

/// Programs of the host, in place of its own: what they print is long, and of a shape that the tools can read.
const PROGRAMS: &[(&str, &str)] = &[
    (
        "sudo",
        "while [ $# -gt 0 ]; do case $1 in -n|-k|-S) shift;; -p) shift 2;; -v) exit 0;; --) shift; break;; *) break;; esac; done; exec \"$@\"",
    ),
    (
        "ps",
        "case $* in *%cpu*) ;; *) exec /bin/ps \"$@\";; esac; echo '  PID  PPID USER %CPU %MEM RSS COMMAND'; seq 1 130000 | sed 's/$/ 1 root 0.1 0.1 100 a-program-that-sleeps/'",
    ),
    (
        "df",
        "echo 'Filesystem Type Size Used Avail Use% Mounted on'; seq 1 ROWS | sed 's|.*|a-file-system-& tmpfs 1G 1G 1G 50% /m&|'",
    ),
    ("ip", "printf '['; seq 1 ROWS | sed 's/.*/{\"ifname\":\"a-long-name-of-one-&\",\"addr_info\":[]},/'; echo '{}]'"),
    ("uptime", "seq 1 ROWS | sed 's/$/ is a line that is not short/'"),
    (
        "getent",
        "case $1 in passwd) echo \"$2:x:0:0::/root:/bin/sh\"; seq 1 ROWS | sed 's/$/ is a line that is not short/';; *) echo g:x:0:;; esac",
    ),
    (
        "journalctl",
        "for a; do case $a in --lines=*) n=${a#*=};; esac; done; seq 1 \"$n\" | sed 's/^/2026-01-01T00:00:00+0000 box unit: /'",
    ),
    (
        "systemctl",
        "case $* in *--no-legend*list-units*) seq 1 340; exit;; *list-units*) echo 'UNIT LOAD ACTIVE SUB DESCRIPTION'; seq 1 UNITS | sed 's/.*/u&.service loaded active running U/'; exit;; *' show '*) seq 1 500 | sed 's/.*/P&=value/'; exit;; *' status '*) printf 'x\\n Active: active\\n\\n'; seq 1 UNITS | sed 's/^/ Jan 1 log /'; exit;; *' cat '*) echo '# /etc/x.service'; seq 1 UNITS; exit;; esac; seq 1 500",
    ),
    ("apt-get", "case $* in *' -s '*|*simulate*) echo done;; *) seq 1 500;; esac"),
    ("apt", "seq 1 ROWS | sed 's|.*|name-of-a-package-&/stable-and-more 1.0 amd64 [installed]|'"),
    ("apt-mark", "case $1 in showhold) n=ROWS;; *) n=500;; esac; seq 1 $n | sed 's/$/-is-a-name-that-is-not-short/'"),
    ("apt-cache", "seq 1 ROWS | sed 's/.*/name-& - what it is for, in some words/'"),
    ("docker", include_str!("caps/docker.sh")),
];

/// A host of stand-ins below `dir`: `rows` lines of what has a cap of 4 MiB, `units` of what has a smaller one.
fn stand_ins(dir: &Path, rows: u32, units: u32) -> Sshd {
    let (programs, run) = (dir.join("programs"), dir.join("run"));
    std::fs::create_dir_all(&programs).unwrap();
    for folder in ["systemd/system", "sshd"] {
        std::fs::create_dir_all(run.join(folder)).unwrap();
    }
    for (name, text) in PROGRAMS {
        let text = text.replace("ROWS", &rows.to_string()).replace("UNITS", &units.to_string());
        std::fs::write(programs.join(name), format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(programs.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let instead: Vec<(PathBuf, &'static str)> = vec![(programs, "/usr/local/bin"), (run, "/run")];
    Sshd::with(&Options { instead, ..Options::default() })
}

/// Answers that were asked for, and which cap each has met.
struct Planted {
    server: Server,
    root: PathBuf,
    met: BTreeSet<(&'static str, &'static str)>,
    wrong: Vec<String>,
}

impl Planted {
    /// A server with small limits for a host.
    fn on(sshd: &Sshd, printed: u32) -> Self {
        let setup = Setup::new()
            .env("ALLOW_SUDO", "true")
            .env("SSH_STDOUT_CAP_BYTES", &printed.to_string())
            .env("SSH_FIND_MAX_RESULTS", "3")
            .env("SSH_UPLOAD_MAX_FILE_BYTES", "500000")
            .env("SSH_HOST_NOTES_MAX_BYTES", "20")
            .env("SSH_PING_INCLUDES_NOTES", "false");
        let root = setup.root();
        let keys = format!(
            "command_allowlist = [\"*\"]\npath_allowlist = [\"{0}\", \"/etc/x.service\"]\n\
             docker_bind_allowlist = [\"{0}\"]\nnotes = \"n\"\n[hosts.box.alerts]\nload_avg_1min_max = 1000",
            root.display()
        );
        Planted { server: setup.host(sshd, "box", &keys).start(), root, met: BTreeSet::new(), wrong: Vec::new() }
    }

    /// Makes a call that meets a cap: the answer has to hold each of `says`, of which one is the amount and one the argument.
    fn says(&mut self, tool: &'static str, cap: &'static str, args: Value, says: &[&str]) {
        let mut args = args;
        if tool != "ssh_broadcast" && tool != "ssh_shell_exec" {
            args["host"] = json!("box");
        }
        let shown = args.to_string();
        let answer = self.server.call(tool, args);
        let told = format!("{} {} {}", answer.data["output_warnings"], answer.data["diff"], answer.data["agent_notes"]);
        for part in says {
            if answer.error || !told.contains(part) {
                self.wrong
                    .push(format!("{tool} {cap} {shown:.200}: no {part:?} in {told:.900} ({:.300})", answer.text));
            }
        }
        self.met.insert((tool, cap));
    }

    /// Everything that was declared for these tools was planted, and every answer said it.
    fn end(self, mine: impl Fn(&str, &str) -> bool) {
        let declared: BTreeSet<(&str, &str)> = CAPS
            .iter()
            .flat_map(|(tool, caps)| caps.iter().map(|cap| (*tool, *cap)))
            .filter(|(tool, cap)| mine(tool, cap) && (ALL || *cap != "output" || !WIDE.contains(tool)))
            .collect();
        let met: BTreeSet<(&str, &str)> = self.met.iter().copied().collect();
        println!("{} caps of {} tools", met.len(), met.iter().map(|(tool, _)| tool).collect::<BTreeSet<_>>().len());
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
        assert_eq!(met, declared, "planted, and declared");
    }
}

const FILE_TOOLS: &[&str] = &[
    "ssh_sftp_list",
    "ssh_sftp_download",
    "ssh_find",
    "ssh_read_redacted",
    "ssh_edit",
    "ssh_patch",
    "ssh_env_set",
    "ssh_cp",
    "ssh_host_ping",
    "ssh_host_notes",
    "ssh_exec_run",
    "ssh_exec_run_streaming",
    "ssh_exec_script",
    "ssh_broadcast",
    "ssh_shell_exec",
];

#[test]
fn files_and_commands_say_what_they_leave_out() {
    let sshd = Sshd::start();
    let mut on = Planted::on(&sshd, 1000);
    let at = |name: &str| on.root.join(name);
    let (many, deep, large, long) = (at("many"), at("deep"), at("large"), at("long"));
    std::fs::create_dir_all(&many).unwrap();
    for n in 0..7 {
        std::fs::write(many.join(format!("n{n}")), "x").unwrap();
    }
    std::fs::create_dir_all(deep.join("1/2/3/4/5/6/7/8/9/10/11")).unwrap();
    std::fs::create_dir_all(deep.join("1/2/3/4/5/6/7/8/9/ten/11")).unwrap();
    std::fs::write(deep.join("f"), "x").unwrap();
    std::fs::write(&large, vec![b'a'; 600_000]).unwrap();
    let lines: String = (0..4000).map(|n| format!("{n} long {}\n", "l".repeat(20))).collect();
    std::fs::write(&long, &lines).unwrap();
    std::fs::create_dir_all(at("tree/in")).unwrap();
    nix::unistd::mkfifo(&at("tree/in/pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let (copy, tree) = (at("copy"), at("tree"));

    on.says("ssh_sftp_list", "page", json!({"path": many, "limit": 3}), &["4 of 7 names", "`offset` 3"]);
    on.says(
        "ssh_sftp_download",
        "part",
        json!({"path": long, "max_bytes": 10, "offset": 5}),
        &[&format!("{} of {} bytes", lines.len() - 15, lines.len()), "`offset`"],
    );
    on.says("ssh_sftp_download", "whole", json!({"path": large}), &[" of 600000 bytes", "`offset`", "`local_path`"]);
    on.says("ssh_read_redacted", "whole", json!({"path": large}), &["all 600000 bytes", "SSH_UPLOAD_MAX_FILE_BYTES"]);
    on.says(
        "ssh_find",
        "depth",
        json!({"path": deep}),
        &["2 folders that are 10 levels", "`path`", "SSH_FIND_MAX_DEPTH"],
    );
    on.says("ssh_find", "results", json!({"path": many}), &["4 files", "`name_pattern`", "SSH_FIND_MAX_RESULTS"]);
    let find = |more: Value| {
        let mut args = json!({"path": long.parent().unwrap(), "contains": "long", "name_pattern": "l*"});
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        args
    };
    on.says("ssh_find", "lines", find(json!({})), &["4000 lines", "`max_lines`"]);
    on.says(
        "ssh_find",
        "line_bytes",
        find(json!({"max_line_bytes": 3, "max_lines": 5})),
        &["5 lines are cut", "`max_line_bytes`"],
    );
    on.says(
        "ssh_find",
        "file_bytes",
        find(json!({"max_file_bytes": 500_000})),
        &["large", "500000 bytes", "`max_file_bytes`"],
    );
    on.says("ssh_cp", "odd", json!({"src": tree, "dst": copy}), &["pipe"]);
    let all = json!({"path": long, "old_string": "long", "new_string": "short", "occurrence": "all"});
    on.says("ssh_edit", "diff", all, &["characters", "ssh_sftp_download"]);
    let removed: String = lines.lines().map(|line| format!("-{}\n", line.replace("long", "short"))).collect();
    let patch = format!("--- a\n+++ b\n@@ -1,4000 +0,0 @@\n{removed}");
    on.says("ssh_patch", "diff", json!({"path": long, "unified_diff": patch}), &["characters", "ssh_sftp_download"]);
    std::fs::write(&long, "APPLICATION=1\n".repeat(6000)).unwrap();
    let set = json!({"path": long, "key": "APPLICATION", "value": "2"});
    on.says("ssh_env_set", "diff", set, &["characters", "ssh_read_redacted"]);
    on.says("ssh_host_ping", "notes", json!({}), &["ssh_host_notes"]);
    let notes = on.server.dir.path().join(".local/state");
    let path = on.server.ok("ssh_host_notes", json!({"host": "box"}))["agent_notes_path"].as_str().unwrap().to_owned();
    assert!(Path::new(&path).starts_with(on.server.dir.path()), "{path} {}", notes.display());
    std::fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
    std::fs::write(&path, "y".repeat(50)).unwrap();
    on.says("ssh_host_notes", "notes", json!({}), &["10 bytes left out", "SSH_HOST_NOTES_MAX_BYTES"]);
    let loud = "seq 1 1000";
    let said = ["of 3893 bytes of standard output of `box`", "ssh_sftp_download (`offset`"];
    for tool in ["ssh_exec_run", "ssh_exec_run_streaming"] {
        on.says(tool, "output", json!({"command": loud}), &said);
    }
    on.says("ssh_exec_script", "output", json!({"script": loud}), &said);
    on.says("ssh_broadcast", "output", json!({"hosts": ["box"], "command": loud}), &said);
    let session = on.server.ok("ssh_shell_open", json!({"host": "box"}))["session_id"].clone();
    let louder = json!({"session_id": session, "command": "seq 1 200000"});
    on.says("ssh_shell_exec", "output", louder, &[" bytes of standard output of `box`", said[1]]);
    on.end(|tool, _| FILE_TOOLS.contains(&tool));
}

#[test]
fn what_hosts_print_is_left_out_with_a_word() {
    if !can_check_passwords() {
        crate::skips::skip("needs root and mounts of its own");
        return;
    }
    let dir = tempfile::Builder::new().prefix("caps-").tempdir().unwrap();
    let sshd = stand_ins(dir.path(), if ALL { 130_000 } else { 5 }, 300);
    let mut on = Planted::on(&sshd, 1000);
    let file = on.root.join("compose.yml");
    std::fs::write(&file, "services:\n  web:\n    image: app:1\n").unwrap();
    let (large, many) = (on.root.join("large"), on.root.join("many"));
    std::fs::write(&large, "a 1\n".repeat(150_000)).unwrap();
    std::fs::create_dir(&many).unwrap();
    for n in 0..7 {
        std::fs::write(many.join(format!("n{n}")), "x").unwrap();
    }
    on.says("ssh_host_processes", "top", json!({"top": 3}), &[" of ", "`top` brings"]);
    on.says("ssh_sudo_sftp_list", "page", json!({"path": many, "limit": 3}), &["4 of 7 names", "`offset` 3"]);
    on.says("ssh_sudo_read", "whole", json!({"path": large}), &[" of 600000 bytes", "`offset`"]);
    let whole = ["all 600000 bytes", "SSH_UPLOAD_MAX_FILE_BYTES"];
    on.says("ssh_sudo_read_redacted", "whole", json!({"path": large}), &whole);
    std::fs::write(&large, "a 1\n".repeat(20_000)).unwrap();
    let all = json!({"path": large, "old_string": "a", "new_string": "b", "occurrence": "all"});
    on.says("ssh_sudo_edit", "diff", all, &["characters", "ssh_sftp_download"]);
    let loud = "seq 1 1000";
    let said = ["of 3893 bytes", "ssh_sftp_download (`offset`"];
    on.says("ssh_sudo_exec", "output", json!({"command": loud}), &said);
    on.says("ssh_sudo_run_script", "output", json!({"script": loud}), &said);
    on.says("ssh_docker_ps", "stopped", json!({"name": "few"}), &["2 of 3 containers", "`all_`"]);
    on.says("ssh_docker_ps", "labels", json!({"name": "few", "all_": true}), &["labels of 3 rows", "`include_labels`"]);
    on.says("ssh_docker_images", "labels", json!({"reference": "few"}), &["labels of 2 rows", "`include_labels`"]);
    on.says("ssh_docker_logs", "tail", json!({"container": "few", "tail": 3}), &["last 3 lines", "`tail`"]);
    on.says("ssh_docker_events", "since", json!({"filters": ["container=few"]}), &["the last hour", "`since`"]);
    let project = json!({"compose_file": file, "service": "few"});
    on.says("ssh_docker_compose_ps", "stopped", project.clone(), &["2 of 3 containers", "`status`"]);
    on.says("ssh_docker_compose_ps", "labels", project, &["labels of 3 rows", "`include_labels`"]);
    let logs = json!({"compose_file": file, "service": "few", "tail": 3});
    on.says("ssh_docker_compose_logs", "tail", logs, &["last 3 lines", "`tail`"]);
    let unit = json!({"unit": "u1"});
    on.says("ssh_systemctl_status", "log", unit.clone(), &["last 10 lines", "ssh_journalctl", "`lines`"]);
    on.says("ssh_journalctl", "lines", json!({"unit": "u1", "lines": 5}), &["last 5 lines", "`lines`", "`since`"]);
    for entry in ssh_mcp::internals::tools::all() {
        let Some((tool, caps)) = CAPS.iter().find(|(tool, _)| *tool == entry.spec.name) else {
            assert!(looks_at_a_host(&entry), "tests/it/caps.rs: name the caps of {} in CAPS", entry.spec.name);
            continue;
        };
        if !ALL && WIDE.contains(tool) {
            continue;
        }
        if !caps.contains(&"output") || FILE_TOOLS.contains(tool) || on.met.contains(&(tool, "output")) {
            continue;
        }
        let mut args = Value::Object(arguments(&entry));
        if args.get("compose_file").is_some() {
            args["compose_file"] = json!(file);
        }
        // Lists of objects end with a whole one, on the host.
        let lists = ["ssh_docker_ps", "ssh_docker_images", "ssh_docker_volumes", "ssh_docker_events"];
        let what = if lists.contains(tool) { " further ones" } else { " bytes of standard output of `box`" };
        on.says(tool, "output", args, &[what, entry.spec.more]);
    }
    if ALL {
        let long = on.server.err("ssh_host_network", json!({"host": "box"}));
        assert!(long.contains("too long"), "{long}");
    }
    // Few units and more room, so that the lists are whole.
    let few = stand_ins(&dir.path().join("few"), 5, 12);
    on.server = Planted::on(&few, 1 << 20).server;
    on.says("ssh_systemctl_list_units", "inactive", json!({}), &["328 of 340 units", "`all_`", "`unit_type`"]);
    on.says("ssh_systemctl_list_units", "types", json!({"all_": true}), &["328 of 340 units", "`unit_type`"]);
    on.says(
        "ssh_docker_events",
        "kept",
        json!({"since": "2h", "filters": ["container=kept"]}),
        &["256 events", "`filters`"],
    );
    on.end(|tool, _| !FILE_TOOLS.contains(&tool));
}
