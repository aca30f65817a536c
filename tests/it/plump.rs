//! A machine that has much of everything: 60 containers, 400 units, 3,000 packages, a folder of 1,000 files, logs of 10 MB.
//! What every tool that looks answers by default is within the budget, in both forms.

use serde_json::json;

use crate::containers::new_systemd_host;
use crate::registry::{arguments, fields};
use crate::server::Setup;

const BUDGET: usize = 32_768;

/// Stands in for docker: 60 rows with all that a list may hold, and 10 MB of log.
const DOCKER: &str = r##"#!/bin/sh
case " $* " in
*" logs "*) exec awk 'BEGIN { for (i = 0; i < 130000; i++) printf "2026-11-29T10:00:00Z request %d served in the usual time by worker\n", i }' ;;
*" version "*) echo 20.10.24; exit ;;
esac
exec awk 'BEGIN { for (i = 0; i < 60; i++) {
    id = sprintf("%064d", i)
    printf "{\"ID\":\"%s\",\"Container\":\"%s\",\"Names\":\"shop-worker-%d\",\"Name\":\"shop-worker-%d\",\"Image\":\"registry.example.com/shop/worker:1.%d\",", id, id, i, i, i
    printf "\"Repository\":\"registry.example.com/shop/worker\",\"Tag\":\"1.%d\",\"Labels\":\"com.docker.compose.project=shop,com.docker.compose.service=worker-%d,maintainer=ops@example.com\",", i, i
    printf "\"State\":\"running\",\"Status\":\"Up 3 days (healthy)\",\"Ports\":\"0.0.0.0:%d->8080/tcp, :::%d->8080/tcp\",\"Mounts\":\"shop_data_%d,shop_cache_%d\",", 8000 + i, 8000 + i, i, i
    printf "\"Command\":\"\\\"/usr/local/bin/worker --queue high --concurrency 8 --log-level info\\\"\",\"CPUPerc\":\"1.5%%\",\"MemUsage\":\"120MiB / 2GiB\",\"Size\":\"1.2GB (virtual 3.4GB)\"}\n"
} }'
"##;

const UNITS: &str = r##"#!/bin/sh
exec awk 'BEGIN { print "UNIT LOAD ACTIVE SUB DESCRIPTION"
    for (i = 0; i < 400; i++) printf "shop-worker-%03d.service loaded active running Worker number %d of the shop, which takes its orders from the queue\n", i, i
    print "\nLOAD = as it is\n400 loaded units listed." }'
"##;

/// Everything on the machine that is much.
const FILL: &str = r#"set -e
mkdir -p /srv/plump /srv/app; cd /srv/plump
i=0; while [ $i -lt 1000 ]; do echo needle >an-ordinary-name-of-a-file-$i.txt; i=$((i + 1)); done
awk 'BEGIN { for (i = 0; i < 130000; i++) printf "2026-11-29T10:00:00Z request %d served in the usual time by worker\n", i }' >/srv/plump.log
awk 'BEGIN { for (i = 0; i < 3000; i++) printf "\nPackage: plump-%d\nStatus: install ok installed\nPriority: optional\nSection: misc\nMaintainer: x <x@example.com>\nArchitecture: all\nVersion: 1.2.3-%d\nDescription: package number %d of many, with a summary of an ordinary length\n", i, i, i }' >>/var/lib/dpkg/status
awk 'BEGIN { for (i = 0; i < 3000; i++) printf "plump-%d hold\n", i }' | dpkg --set-selections
logger -t plump started || true
"#;

#[test]
fn default_answers_of_a_plump_machine_are_within_the_budget() {
    let Some(host) = new_systemd_host(&[]) else { return };
    for (name, text) in [("docker", DOCKER), ("systemctl", UNITS)] {
        let write = "printf %s \"$1\" >/usr/local/bin/$2 && chmod 755 /usr/local/bin/$2";
        host.says(&["sh", "-c", write, "sh", text, name]);
    }
    host.says(&["sh", "-c", FILL]);
    let entry = "[hosts.box]\nhostname = \"box\"\npath_allowlist = [\"/srv\"]\ncommand_allowlist = [\"*\"]\n";
    let setup = Setup::new().raw(&host.ssh_config_block("box", "agent", &[]), entry);
    let mut server = setup.env("ALLOW_SUDO", "true").start();
    let (mut answered, mut large) = (0, 0);
    for entry in ssh_mcp::internals::tools::all().iter().filter(|entry| entry.decl().read_only) {
        let tool = entry.spec.name;
        let mut args = arguments(entry);
        if fields(entry).contains_key("path") {
            let folder = ["ssh_sftp_list", "ssh_find", "ssh_host_disk_usage"].contains(&tool);
            args.insert("path".to_owned(), json!(if folder { "/srv/plump" } else { "/srv/plump.log" }));
        }
        if tool == "ssh_apt_show" || tool == "ssh_apt_search" {
            let name = if tool == "ssh_apt_show" { "package" } else { "pattern" };
            args.insert(name.to_owned(), json!("plump-7"));
        }
        let answer = server.call(tool, json!(args));
        if answer.error {
            println!("{tool}: {:.160}", answer.text);
            continue;
        }
        answered += 1;
        let (text, data) = (answer.text.len(), answer.data.to_string().len());
        large += usize::from(text.max(data) > BUDGET / 2);
        println!("{tool}: text {text}, structured {data}");
        assert!(text <= BUDGET && data <= BUDGET, "{tool}: text {text}, structured {data}");
    }
    assert!(answered >= 35 && large >= 5, "{answered} answered, {large} large");
}
