//! What a stop may say where the host lacks programs, or shows less than all of its processes.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;
use ssh_mcp::internals::ssh::wrapper::{self, Stopped};

use crate::server::{Setup, eventually};
use crate::sshd::{Options, Sshd, can_check_passwords};

#[test]
fn without_setsid_and_perl_the_children_are_ended_too() {
    if !can_check_passwords() {
        println!("skipped: a host without setsid and perl: this account may not mount");
        return;
    }
    let here = |path: &&&str| std::path::Path::new(path).exists();
    let hidden = ["/usr/bin/setsid", "/bin/setsid", "/usr/bin/perl"].iter().filter(here).copied().collect();
    let sshd = Sshd::with(&Options { hidden, ..Options::default() });
    let mut server = Setup::open_box(&sshd).start();
    let found = server.exec("sh -c 'command -v setsid; command -v perl; echo'");
    assert_eq!(found["stdout"], "\n", "the host has neither");
    let running = |word: &str| sshd.session_processes().iter().any(|(_, line)| line.contains(word));
    for command in [
        "sleep 9501 & sleep 9502; true",
        "(sleep 9503 & sleep 9504) & wait",
        "sh -c 'sleep 9505 & sleep 9506; :'; :",
        "trap '' TERM; sh -c 'trap \"\" TERM; sleep 9507; :'; :",
        // An orphan before the stop: only the channel's session tells whose it is.
        "sh -c 'sleep 9508 & :'; sleep 9509; :",
    ] {
        let late = server.ok("ssh_exec_run", json!({"host": "box", "command": command, "timeout": 1}));
        assert_eq!(
            (late["timed_out"].as_bool(), late["stop"].as_str()),
            (Some(true), Some("stopped")),
            "{command}: {late}"
        );
        assert!(
            eventually(Duration::from_secs(3), || !running("sleep 95")),
            "{command}: {:?}",
            sshd.session_processes()
        );
    }
    // What else the account runs is left alone.
    let begun = server.begin_call("ssh_exec_run", json!({"host": "box", "command": "sleep 4; echo whole"}));
    assert!(eventually(Duration::from_secs(5), || running("sleep 4")));
    server.ok("ssh_exec_run", json!({"host": "box", "command": "sleep 9510", "timeout": 1}));
    assert_eq!(server.answer(begun, Duration::from_secs(20)).unwrap().data["stdout"], "whole\n");
}

/// Runs `sleep` in the wrapper itself, by a shell line that ends in what it is given, ends its input, and gives the verdict.
fn stopped_by(line: &str) -> Option<Stopped> {
    stop_of("sleep 20 & sleep 21; :", line)
}

/// The same of a command.
fn stop_of(command: &str, line: &str) -> Option<Stopped> {
    const MARK: &str = "0123456789abcdef0123456789abcdef";
    let mut shell = Command::new("unshare")
        .args(["-m", "-p", "-f", "--mount-proc", "--kill-child", "sh", "-c", line, "sh", &wrapper::command_line()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = shell.stdin.take().unwrap();
    input.write_all(&[wrapper::FIRST_WORD, &wrapper::preamble()].concat()).unwrap();
    input.write_all(&wrapper::header(MARK, command, "-", 0)).unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    drop(input);
    let mut said = String::new();
    let mut stderr = shell.stderr.take().unwrap();
    let mut buffer = [0u8; 4096];
    // Not to its end: what stands around the wrapper may live on.
    while !said.rsplit_once(&format!("<{MARK}")).is_some_and(|(_, record)| record.contains(';')) {
        let n = stderr.read(&mut buffer).unwrap();
        assert!(n > 0, "no closing record: {said}");
        said.push_str(&String::from_utf8_lossy(&buffer[..n]));
    }
    shell.kill().unwrap();
    shell.wait().unwrap();
    let closing = said.rsplit(&format!("<{MARK}")).next().unwrap().split(';').next().unwrap();
    wrapper::parse_closing(closing).unwrap_or_else(|| panic!("no closing record: {said}")).stopped
}

#[test]
fn a_proc_that_hides_processes_makes_the_verdict_unknown() {
    if !can_check_passwords() {
        println!("skipped: hidepid: this account may not mount");
        return;
    }
    // Process 1 stays root's.
    let other = "setpriv --reuid 65534 --regid 65534 --clear-groups sh -c \"$1\"; :";
    assert_eq!(stopped_by(other), Some(Stopped::Stopped));
    for hide in ["1", "2"] {
        let line = format!("mount -t proc -o hidepid={hide} proc /proc && {other}");
        assert_eq!(stopped_by(&line), Some(Stopped::Unknown), "hidepid={hide}");
    }
    assert_eq!(stopped_by("mount -t tmpfs tmpfs /proc && sh -c \"$1\"; :"), Some(Stopped::Unknown), "no /proc");
}

/// Neither /proc nor setsid nor perl, as on FreeBSD: `ps` tells who belongs to the command, where it knows of sessions.
#[test]
fn without_a_proc_the_processes_are_found_by_ps() {
    if !can_check_passwords() {
        println!("skipped: a host without /proc: this account may not mount");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    for folder in ["proc", "nothing"] {
        std::fs::create_dir(at(folder)).unwrap();
    }
    // Takes what the ps of a BSD takes, and leaves out the columns whose words it does not know.
    let ps = r##"#!/bin/sh
[ "$1" = -A ] || exit 1
shift; want=; while [ "$1" = -o ]; do want="$want ${2%=}"; shift 2; done
for f in PROC/[0-9]*/stat; do
    read -r line <$f || continue; f=${f%/stat}; line=${line##*') '}; set -- $line; row=
    for word in $want; do
        case $word in pid) row="$row ${f##*/}" ;; ppid) row="$row $2" ;; pgid) row="$row $3" ;; stat) row="$row $1+" ;; sid) row="$row SID" ;; esac
    done
    echo "$row"
done 2>/dev/null
"##;
    std::fs::copy("/usr/bin/setsid", at("leader")).unwrap();
    let gone: String = ["/usr/bin/setsid", "/bin/setsid", "/usr/bin/perl"]
        .iter()
        .filter(|path| std::path::Path::new(path).exists())
        .fold(String::new(), |all, path| format!("{all} mount --bind {} {path} &&", at("empty")));
    std::fs::write(at("empty"), "").unwrap();
    for (sid, verdict) in [("$4", Stopped::Stopped), ("", Stopped::Unknown)] {
        let text = ps.replace("PROC", &at("proc")).replace("SID", sid);
        std::fs::write(at("ps"), text).unwrap();
        std::fs::set_permissions(at("ps"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let line = format!(
            "mount -t proc proc {proc} && mount --bind {ps} /usr/bin/ps && {gone} mount --bind {nothing} /proc && \
             {leader} -w sh -c \"$1\"; :",
            proc = at("proc"),
            ps = at("ps"),
            nothing = at("nothing"),
            leader = at("leader"),
        );
        let ended = at("ended");
        let child = format!("sh -c \"trap 'echo ended >>{ended}; exit' TERM; sleep 20 & wait\" & sleep 21; :");
        assert_eq!(stop_of(&child, &line), Some(verdict), "{sid}");
        assert!(std::fs::read_to_string(&ended).is_ok_and(|text| text == "ended\n"), "{sid}");
        std::fs::remove_file(&ended).unwrap();
    }
}

#[test]
fn who_is_dead_and_not_reaped_does_not_run() {
    if !can_check_passwords() {
        println!("skipped: a host that reaps nobody: this account may not make namespaces");
        return;
    }
    // Process 1 of this host waits for nobody.
    let line = "sh -c \"$1\" <&7 7<&- & exec tail -f /dev/null >/dev/null 2>&1 7<&-";
    assert_eq!(stopped_by(&format!("exec 7<&0; {line}")), Some(Stopped::Stopped));
}
