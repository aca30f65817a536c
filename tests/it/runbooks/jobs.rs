//! Walks whose result outlives a call: a snapshot that is pulled, and a job that goes on without this server.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::machine;
use super::walk::{Walk, root_sh, server};
use crate::server::{Server, eventually};

#[test]
fn a_snapshot_is_taken_pulled_and_proved() {
    let Some(host) = machine() else { return };
    let local = tempfile::tempdir().unwrap();
    let (name, bundle) = ("box-pre-trixie-20260131-101500-SECRETS", local.path().join("bundle.tar.gz"));
    let keys = "path_allowlist = [\"/root/snapshots\"]\ncommand_allowlist = [\"*\"]";
    let env = [("ALLOW_SUDO", "true"), ("SSH_LOCAL_TRANSFER_ROOTS", local.path().to_str().unwrap())];
    let values = [("HOST", "box"), ("NAME", name), ("DIR", "/root/snapshots"), ("LOCAL", bundle.to_str().unwrap())];
    let mut walk = Walk::begin("ssh-host-snapshot", server(host, "root", keys, &env), &values);
    assert_eq!(walk.ok("ssh_host_info")["os_release"]["VERSION_CODENAME"], "bookworm");
    assert!(!walk.ok("ssh_host_disk_usage")["entries"].as_array().unwrap().is_empty());
    assert!(walk.ok("ssh_host_network")["interfaces"].to_string().contains("eth0"));
    assert!(!walk.ok("ssh_host_processes")["entries"].as_array().unwrap().is_empty());
    let packages = walk.ok("ssh_apt_list");
    assert!(
        packages["packages"].as_array().unwrap().iter().any(|package| package["name"] == "openssh-server"),
        "{packages}"
    );
    let units = walk.ok("ssh_systemctl_list_units");
    assert!(units["units"].as_array().unwrap().iter().any(|unit| unit["unit"] == "ssh.service"), "{units}");

    let made = walk.done("ssh_sudo_run_script");
    let sum = made["stdout"].as_str().unwrap().split(' ').next().unwrap().to_owned();
    assert_eq!(sum.len(), 64, "{made}");
    assert_eq!(walk.ok("ssh_sftp_download")["content_text"], format!("{sum}  {name}.tar.gz\n"));
    let pulled = walk.ok("ssh_sftp_download");
    assert_eq!(pulled["local_path_written"], bundle.to_str().unwrap(), "{pulled}");
    assert_eq!(walk.ok("ssh_file_hash")["digest"], sum);
    assert!(said(Command::new("sha256sum").arg(&bundle)).starts_with(&sum));
    let mode = std::fs::metadata(&bundle).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "the copy is as private as the bundle: {mode:o}");
    assert_eq!(root_sh(host, "stat -c '%a %U' /root/snapshots /root/snapshots/*.tar.gz"), "700 root\n600 root\n");

    // What the bundle holds is true of the machine.
    said(Command::new("tar").arg("-xzf").arg(&bundle).arg("-C").arg(local.path()));
    let read = |file: &str| std::fs::read_to_string(local.path().join(name).join(file)).unwrap();
    assert!(read("packages").lines().any(|line| line.starts_with("openssh-server ")), "{}", read("packages"));
    assert!(read("units.enabled").contains("nginx.service") && read("ports").contains(":22"));
    assert!(read("users").contains("agent:") && read("MANIFEST").contains("etc.tar.gz"));
    let etc = said(Command::new("tar").arg("-tzf").arg(local.path().join(name).join("etc.tar.gz")));
    assert!(etc.lines().any(|line| line == "etc/ssh/sshd_config"));
    walk.end();
}

fn said(command: &mut Command) -> String {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn a_job_outlives_the_server_and_is_found_again() {
    let Some(host) = machine() else { return };
    let notes = tempfile::tempdir().unwrap();
    let start = || -> Server {
        let keys = "path_allowlist = [\"/home/agent\"]\ncommand_allowlist = [\"tmux *\"]";
        server(host, "agent", keys, &[("SSH_HOST_NOTES_DIR", notes.path().to_str().unwrap())])
    };
    let values = [
        ("HOST", "box"),
        ("JOB", "copy-20260131-a"),
        ("FOLDER", "/home/agent/jobs"),
        ("COMMAND", "echo begun; while [ ! -e /home/agent/go ]; do sleep 0.2; done; echo finished; exit 24"),
        ("STARTED", "2026-01-31T10:15Z"),
        ("ENDS", "2026-01-31T14:00Z"),
        ("STATUS", "24"),
        ("CONTENT", ""),
    ];
    let mut walk = Walk::begin("ssh-long-running-job", start(), &values);
    assert_eq!(walk.ok("ssh_host_notes")["agent_notes"], json!(null));
    assert!(walk.done("ssh_exec_run")["stdout"].as_str().unwrap().starts_with("tmux "));
    let none = walk.ok("ssh_exec_run");
    assert_eq!(none["exit_code"], 1, "no session yet: {none}");
    walk.ok("ssh_host_disk_usage");
    walk.ok("ssh_mkdir");
    walk.done("ssh_exec_run");
    walk.ok("ssh_host_notes_append");
    let running = |walk: &mut Walk| {
        walk.go_to("4.");
        walk.ok("ssh_exec_run")["exit_code"] == 0
    };
    assert!(running(&mut walk));
    walk.until("ssh_sftp_download", |log| log["content_text"] == "begun\n");

    // The server ends, with everything that it started on the host. The job goes on.
    let pane = root_sh(host, "runuser -u agent -- tmux list-panes -t =copy-20260131-a -F '#{pane_pid}'");
    walk.server.close_stdin();
    assert!(walk.server.ended_within(Duration::from_secs(30)).is_some());
    walk.server = start();
    walk.go_to("5.");
    let ping = walk.ok("ssh_host_ping");
    assert!(ping["agent_notes"].as_str().unwrap().contains("[long-run] copy-20260131-a: tmux session"), "{ping}");
    assert!(running(&mut walk));
    walk.go_to("7.");
    let panes = walk.done("ssh_exec_run");
    assert!(panes["stdout"].as_str().unwrap().starts_with(pane.trim()), "the same process as before: {panes}");

    root_sh(host, "runuser -u agent -- touch /home/agent/go");
    assert!(eventually(Duration::from_secs(30), || host
        .inside(&["test", "-s", "/home/agent/jobs/copy-20260131-a.rc"])
        .status
        .success()));
    assert!(!running(&mut walk));
    assert_eq!(walk.ok("ssh_sftp_download")["content_text"], "begun\nfinished\n");
    walk.go_to("6.");
    assert_eq!(walk.ok("ssh_sftp_download")["content_text"], "24\n");
    walk.ok("ssh_host_notes_append");
    walk.go_to("1.");
    let notes = walk.ok("ssh_host_notes");
    assert!(notes["agent_notes"].as_str().unwrap().contains("copy-20260131-a: ended with status 24"), "{notes}");
    walk.go_to("6.");
    walk.skip(&["ssh_sftp_download", "ssh_host_notes_append"]);
    walk.ok("ssh_host_notes_set");
    walk.go_to("1.");
    assert_eq!(walk.ok("ssh_host_notes")["agent_notes"], json!(null));

    // One that has to be ended.
    walk.value("JOB", "stuck-20260131-b");
    walk.value("COMMAND", "sleep 3600");
    walk.go_to("2.");
    walk.ok("ssh_mkdir");
    walk.done("ssh_exec_run");
    walk.go_to("7.");
    walk.done("ssh_exec_run");
    walk.done("ssh_exec_run");
    assert!(!running(&mut walk));
    walk.end();
}
