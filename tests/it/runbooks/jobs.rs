//! Walks whose result outlives a call: a snapshot that is pulled, and a job that goes on without this server.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use super::machine;
use super::walk::{Walk, root_sh, server};
use crate::server::Server;

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
    let start = || -> Server { server(host, "agent", "command_allowlist = [\"*\"]", &[]) };
    let values = [
        ("HOST", "box"),
        ("JOB_LABEL", "copy of srv"),
        ("COMMAND", "echo begun; while [ ! -e /home/agent/go ]; do sleep 0.2; done; echo finished; exit 24"),
    ];
    let mut walk = Walk::begin("ssh-long-running-job", start(), &values);
    let none = walk.ok("ssh_job_list");
    assert_eq!(none["running"].as_u64().unwrap_or(0), 0, "{none}");
    walk.ok("ssh_host_disk_usage");
    let begun = walk.ok("ssh_exec_run");
    assert_eq!(begun["stdout"], "begun\n", "{begun}");
    walk.value("JOB", begun["job"]["id"].clone());
    walk.value("AFTER", begun["job"]["after"].clone());

    // The server ends, with everything that it started on the host. The job goes on.
    walk.server.close_stdin();
    assert!(walk.server.ended_within(Duration::from_secs(30)).is_some());
    walk.server = start();
    walk.go_to("1.");
    let list = walk.ok("ssh_job_list");
    assert_eq!((list["running"].as_u64(), list["jobs"][0]["label"].as_str()), (Some(1), Some("copy of srv")), "{list}");
    root_sh(host, "runuser -u agent -- touch /home/agent/go");
    walk.go_to("3.");
    let ended = walk.ok("ssh_job_read");
    assert_eq!((ended["state"].as_str(), ended["exit_code"].as_i64()), (Some("exited"), Some(24)), "{ended}");
    assert_eq!(ended["stdout"], "finished\n", "{ended}");
    assert_eq!(walk.ok("ssh_job_read")["content"], "begun\nfinished\n");
    walk.ok("ssh_job_read");
    assert_eq!(walk.ok("ssh_job_forget")["forgotten"], true);

    // One that has to be ended.
    walk.value("COMMAND", "sleep 3600");
    walk.go_to("2.");
    let stuck = walk.ok("ssh_exec_run");
    walk.value("JOB", stuck["job"]["id"].clone());
    walk.go_to("5.");
    assert_eq!(walk.ok("ssh_job_stop")["stop"], "stopped");
    walk.end();
}
