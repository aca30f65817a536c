//! Hosts as fleets have them: shares with blanks in their names, mounts that do not answer, slow name services, domain
//! accounts and groups, very many accounts.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::containers::{Container, new_systemd_host};
use crate::server::{Server, Setup};

const MOUNTS: [&str; 3] =
    ["--cap-add=SYS_ADMIN", "--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined"];

fn server(host: &Container, user: &str, more: &str) -> Server {
    let hosts =
        format!("[hosts.box]\nhostname = \"box\"\npath_allowlist = [\"/\"]\ncommand_allowlist = [\"*\"]\n{more}");
    Setup::new()
        .raw(&host.ssh_config_block("box", user, &[]), &hosts)
        .env("ALLOW_SUDO", "true")
        .env("ALLOW_DANGEROUS_TOOLS", "true")
        .start()
}

fn shell(host: &Container, script: &str) -> String {
    host.says(&["sh", "-c", script])
}

/// A program that stands in front of another one: it never answers for what the pattern fits, otherwise it is the other.
fn stand_in(host: &Container, program: &str, pattern: &str) {
    let text = format!("#!/bin/sh\ncase \"$*\" in {pattern}) exec sleep 300;; esac\nexec /bin/{program} \"$@\"\n");
    host.says(&[
        "sh",
        "-c",
        "printf '%s' \"$1\" >\"$2\" && chmod 755 \"$2\"",
        "sh",
        &text,
        &format!("/usr/local/bin/{program}"),
    ]);
}

fn row<'a>(answer: &'a Value, list: &str, mount: &str) -> Option<&'a Value> {
    let rows = if list.is_empty() { &answer["entries"] } else { &answer["metrics"][list] };
    rows.as_array().unwrap().iter().find(|row| row["mount"] == mount)
}

#[test]
fn shares_with_blanks_and_dead_mounts_are_told_as_they_are() {
    let Some(host) = new_systemd_host(&MOUNTS) else { return };
    shell(
        &host,
        "mkdir -p '/mnt/my share' /mnt/dead && mount -t tmpfs -o size=10m '//nas/my share' '/mnt/my share' && \
                  mount -t tmpfs -o size=5m gone /mnt/dead && head -c 9437184 /dev/zero >'/mnt/my share/full'",
    );
    let alerts = "[hosts.box.alerts]\ndisk_use_percent_max = 50\ndisk_mounts = [\"/mnt/my share\", \"/mnt/dead\"]\n";
    let mut server = server(&host, "agent", alerts);
    let ask = json!({"host": "box"});
    let full = |server: &mut Server| {
        let usage = server.ok("ssh_host_disk_usage", json!({"host": "box"}));
        let share = row(&usage, "", "/mnt/my share").unwrap_or_else(|| panic!("{usage}"));
        assert_eq!((&share["filesystem"], &share["type"]), (&json!("//nas/my share"), &json!("tmpfs")), "{usage}");
        assert_eq!((&share["size"], &share["use_percent"]), (&json!("10M"), &json!("90%")), "{usage}");
        let alerts = server.ok("ssh_host_alerts", json!({"host": "box"}));
        let found = alerts["breaches"].as_array().unwrap();
        assert_eq!(found.len(), 1, "{alerts}");
        assert_eq!(
            (&found[0]["current"], &found[0]["detail"]),
            (&json!(90.0), &json!("mount=/mnt/my share")),
            "{alerts}"
        );
        (usage, alerts)
    };
    let (usage, alerts) = full(&mut server);
    assert!(usage["output_warnings"].is_null(), "{usage}");
    assert_eq!(alerts["not_measured"], Value::Null, "{alerts}");
    // df never answers for one mount, and so never for all.
    stand_in(&host, "df", "-PTh | -PT | *dead*");
    let began = Instant::now();
    let (usage, alerts) = full(&mut server);
    assert!(began.elapsed() < Duration::from_secs(10), "two calls, 5 s each: {:?}", began.elapsed());
    for answer in [&usage, &alerts] {
        assert!(answer["output_warnings"].to_string().contains("/mnt/dead"), "{answer}");
    }
    assert!(row(&usage, "", "/").is_some() && row(&usage, "", "/mnt/dead").is_none(), "{usage}");
    assert_eq!(alerts["not_measured"], json!(["disk_use_percent"]), "{alerts}");
    assert!(alerts["metrics"]["load_avg_1min"].is_number() && alerts["metrics"]["mem_free_percent"].is_number());
    assert_eq!(server.call("ssh_host_info", ask).data["uname"].as_str().map(|u| u.contains("Linux")), Some(true));
    // A /proc that shows each account its own: what is missing is said, and nothing is called gone that could not be seen.
    let hides = |answer: &Value| answer["output_warnings"].to_string().contains("hides the processes");
    let shown = server.ok("ssh_host_processes", json!({"host": "box", "top": 200}));
    assert!(!hides(&shown) && shown["entries"].as_array().unwrap().iter().any(|row| row["user"] == "root"), "{shown}");
    shell(&host, "mount -o remount,hidepid=2 /proc");
    let hidden = server.ok("ssh_host_processes", json!({"host": "box", "top": 200}));
    assert!(
        hides(&hidden) && hidden["entries"].as_array().unwrap().iter().all(|row| row["user"] == "agent"),
        "{hidden}"
    );
    let command = "sudo -n sh -c \"trap '' TERM; sleep 77; sleep 78\"";
    let late = server.ok("ssh_exec_run", json!({"host": "box", "command": command, "timeout": 2}));
    assert_eq!((&late["timed_out"], &late["stop"]), (&json!(true), &json!("unknown")), "{late}");
}

#[test]
fn domain_names_and_slow_name_services() {
    let Some(host) = new_systemd_host(&[]) else { return };
    let groups = r"printf '%s\n' 'CORP\it ops:x:5001:agent' 'domain users:x:5002:agent,svc@corp.example' >>/etc/group";
    shell(&host, groups);
    let rows = r"printf '%s\n' 'svc@corp.example:x:6001:5002:Service:/srv:/bin/sh' 'CORP\jane doe:x:6002:5001:Jane:/home/j:/bin/sh' \
        >>/etc/passwd";
    shell(&host, rows);
    let mut server = server(&host, "agent", "");
    let who = |server: &mut Server, name: Option<&str>| {
        let mut args = json!({"host": "box"});
        if let Some(name) = name {
            args["username"] = json!(name);
        }
        server.ok("ssh_user_info", args)
    };
    let agent = who(&mut server, None);
    let groups = agent["groups"].as_array().unwrap();
    assert!(groups.contains(&json!("CORP\\it ops")) && groups.contains(&json!("domain users")), "{agent}");
    assert_eq!(groups.len(), 3, "{agent}");
    for (name, uid, primary) in [("svc@corp.example", 6001, "domain users"), ("CORP\\jane doe", 6002, "CORP\\it ops")] {
        let found = who(&mut server, Some(name));
        assert_eq!((&found["uid"], &found["primary_group"]), (&json!(uid), &json!(primary)), "{found}");
        let written = json!({"host": "box", "path": "/srv/owned", "content_text": "x", "chown_user": name, "chown_group": primary});
        server.ok("ssh_sudo_write", written);
        assert_eq!(host.says(&["stat", "-c", "%u %U:%G", "/srv/owned"]), format!("{uid} {name}:{primary}\n"));
    }
    // A hundred thousand accounts.
    shell(&host, "seq 100000 200000 | sed 's/.*/u&:x:&:100::\\/:\\/bin\\/sh/' >>/etc/passwd");
    let began = Instant::now();
    assert_eq!(who(&mut server, Some("u199999"))["uid"], 199_999);
    assert_eq!(who(&mut server, None)["username"], "agent");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    // A resolver that does not answer costs two seconds, and only its own fact.
    stand_in(&host, "hostname", "-f");
    let began = Instant::now();
    let info = server.ok("ssh_host_info", json!({"host": "box"}));
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    assert_eq!(info["hostname_fqdn"], "box", "{info}");
    // A sudo that looks a name up for ever has handed nothing on, and that is said.
    stand_in(&host, "sudo", "*");
    let restart = json!({"host": "box", "unit": "cron", "sudo": true, "timeout": 3});
    let said = server.err("ssh_systemctl_restart", restart);
    assert!(said.contains("had not begun") && said.contains("Nothing was changed"), "{said}");
    assert!(!said.contains("goes on"), "{said}");
    let late = server.ok("ssh_sudo_exec", json!({"host": "box", "command": "id", "timeout": 3}));
    assert!(late["hint"].as_str().is_some_and(|hint| hint.contains("before the command had begun")), "{late}");
}
