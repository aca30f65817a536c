//! Walks that only look at a host: the health check and the incident response.

use serde_json::{Value, json};

use super::machine;
use super::walk::{Walk, root_sh, server, use_of};
use crate::server::Setup;
use crate::sshd::{free_port, keygen};

/// The verdict of the health check's step 4, over the mounts that belong to this test.
fn verdict(alerts: &Value, usage: &Value) -> &'static str {
    if alerts["breaches"] != json!([]) {
        "red"
    } else if alerts["configured"] == false
        || use_of(usage, "/srv/watched") >= 85
        || use_of(usage, "/srv/unwatched") >= 85
    {
        "yellow"
    } else {
        "green"
    }
}

#[test]
fn a_health_check_says_green_yellow_and_red() {
    let Some(host) = machine() else { return };
    let alerts =
        "alerts = { disk_use_percent_max = 80, disk_mounts = [\"/srv/watched\"], load_avg_1min_max = 10000.0 }";
    let server =
        server(host, "agent", alerts, &[("ALLOW_LOW_ACCESS_TOOLS", "false"), ("ALLOW_DANGEROUS_TOOLS", "false")]);
    let mut walk = Walk::begin("ssh-host-healthcheck", server, &[("HOST", "box")]);
    let round = |walk: &mut Walk| {
        walk.go_to("1.");
        let ping = walk.ok("ssh_host_ping");
        assert_eq!((&ping["reachable"], &ping["auth_ok"]), (&json!(true), &json!(true)), "{ping}");
        assert_eq!(walk.ok("ssh_known_hosts_verify")["matches_known_hosts"], true);
        let alerts = walk.ok("ssh_host_alerts");
        let info = walk.ok("ssh_host_info");
        assert!(info["uptime"].as_str().unwrap().contains("load average"), "{info}");
        let usage = walk.ok("ssh_host_disk_usage");
        let processes = walk.ok("ssh_host_processes");
        assert!(processes["entries"][0]["pcpu"].is_number(), "{processes}");
        (verdict(&alerts, &usage), alerts)
    };
    assert_eq!(round(&mut walk).0, "green");
    root_sh(host, "dd if=/dev/zero of=/srv/unwatched/data bs=1k count=3900 2>/dev/null");
    let (word, alerts) = round(&mut walk);
    assert_eq!((word, &alerts["breaches"]), ("yellow", &json!([])));
    root_sh(host, "dd if=/dev/zero of=/srv/watched/data bs=1k count=3900 2>/dev/null");
    let (word, alerts) = round(&mut walk);
    assert_eq!(word, "red");
    let breach = &alerts["breaches"][0];
    assert_eq!((&breach["metric"], &breach["detail"]), (&json!("disk_use_percent"), &json!("mount=/srv/watched")));
    walk.end();
}

#[test]
fn an_incident_is_a_dead_host_a_changed_key_or_a_full_disk() {
    let Some(host) = machine() else { return };
    let dir = tempfile::tempdir().unwrap();
    keygen("ed25519", &dir.path().join("other"), "");
    let other = std::fs::read_to_string(dir.path().join("other.pub")).unwrap();
    let known = dir.path().join("known_hosts");
    std::fs::write(&known, format!("[127.0.0.1]:{} {other}", host.port)).unwrap();
    let changed = format!("UserKnownHostsFile {}", known.display());
    let unknown = dir.path().join("empty");
    std::fs::write(&unknown, "").unwrap();
    let unknown = format!("UserKnownHostsFile {}", unknown.display());
    let dead = format!("Port {}", free_port());
    let mut ssh_config = host.ssh_config_block("box", "agent", &[]);
    let mut hosts =
        "[hosts.box]\nhostname = \"box\"\nalerts = { disk_use_percent_max = 80, disk_mounts = [\"/srv/incident\"] }\n"
            .to_owned();
    for (alias, more) in [("changed", &changed), ("unknown", &unknown), ("dead", &dead)] {
        ssh_config.push_str(&host.ssh_config_block(alias, "agent", &[more]));
        hosts.push_str(&format!("[hosts.{alias}]\nhostname = \"{alias}\"\n"));
    }
    let mut walk = Walk::begin("ssh-incident-response", Setup::new().raw(&ssh_config, &hosts).start(), &[]);
    // The table of step 1: each of these ends the runbook.
    for (alias, reachable, problem) in
        [("dead", false, "ConnectError"), ("changed", true, "HostKeyMismatch"), ("unknown", true, "UnknownHost")]
    {
        walk.value("HOST", alias);
        walk.go_to("1.");
        let ping = walk.ok("ssh_host_ping");
        assert_eq!((&ping["reachable"], &ping["auth_ok"]), (&json!(reachable), &json!(false)), "{ping}");
        assert_eq!(ping["problem"], problem, "{ping}");
    }
    walk.value("HOST", "changed");
    let report = walk.ok("ssh_known_hosts_verify");
    assert_eq!((&report["matches_known_hosts"], &report["outcome"]), (&json!(false), &json!("changed")), "{report}");
    assert_ne!(report["live_fingerprint"], report["pinned_fingerprints"][0], "{report}");

    root_sh(host, "dd if=/dev/zero of=/srv/incident/data bs=1k count=4000 2>/dev/null; :");
    walk.value("HOST", "box");
    walk.go_to("1.");
    assert_eq!(walk.ok("ssh_host_ping")["auth_ok"], true);
    assert_eq!(walk.ok("ssh_known_hosts_verify")["outcome"], "match");
    let info = walk.ok("ssh_host_info");
    assert_eq!(info["os_release"]["ID"], "debian", "{info}");
    let usage = walk.ok("ssh_host_disk_usage");
    assert!(use_of(&usage, "/srv/incident") >= 95, "hand over to the disk cleanup: {usage}");
    walk.ok("ssh_host_processes");
    assert_eq!(walk.ok("ssh_host_alerts")["breaches"][0]["metric"], "disk_use_percent");
    walk.end();
}
