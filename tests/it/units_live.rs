//! Units and packages on a real machine: systemd as PID 1, a real apt with a repository of its own.

use std::time::Duration;

use serde_json::{Value, json};

use crate::containers::{Container, Sftp, busybox_host, new_systemd_host};
use crate::server::{Server, Setup, eventually};

/// A server that knows the container as `box`.
fn server(host: &Container, user: &str, env: &[(&str, &str)]) -> Server {
    let hosts = "[hosts.box]\nhostname = \"box\"\ncommand_allowlist = [\"*\"]\n";
    let setup = Setup::new().raw(&host.ssh_config_block("box", user, &[]), hosts);
    env.iter().fold(setup, |setup, (name, value)| setup.env(name, value)).start()
}

const SUDO: [(&str, &str); 1] = [("ALLOW_SUDO", "true")];

/// A service that ends at once and is started again until systemd gives up.
const CRASHER: &str = "[Unit]\nDescription=Crash loop\nStartLimitIntervalSec=60\nStartLimitBurst=3\n\n[Service]\n\
    Environment=DB_PASSWORD=Zq8-tiger-lemon-44\nExecStart=/bin/sh -c 'echo no configuration found >&2; exit 3'\n\
    Restart=always\nRestartSec=100ms\n\n[Install]\nWantedBy=multi-user.target\n";

#[test]
fn a_crash_loop_is_found_mended_and_kept() {
    let Some(host) = new_systemd_host(&[]) else { return };
    let write = "printf '%s' \"$1\" >/lib/systemd/system/crasher.service; systemctl daemon-reload";
    host.says(&["sh", "-c", write, "sh", CRASHER]);
    host.says(&["usermod", "-aG", "systemd-journal", "agent"]);
    let mut server = server(&host, "agent", &SUDO);
    let unit = json!({"host": "box", "unit": "crasher"});
    let as_root = json!({"host": "box", "unit": "crasher", "sudo": true});

    // Without rights nothing happens, and the answer says how to go on.
    let refused = server.ok("ssh_systemctl_start", unit.clone());
    assert_ne!(refused["exit_code"], 0, "{refused}");
    assert!(refused["hint"].as_str().unwrap().contains("sudo: true"), "{refused}");

    // The crash loop, as the read tools show it.
    server.ok("ssh_systemctl_start", as_root.clone());
    let gave_up = || host.inside(&["systemctl", "is-failed", "crasher"]).status.success();
    assert!(eventually(Duration::from_secs(30), gave_up), "systemd gives up");
    let failed = server.ok("ssh_systemctl_is_failed", unit.clone());
    assert_eq!((&failed["failed"], &failed["state"]), (&json!(true), &json!("failed")));
    let status = server.ok("ssh_systemctl_status", unit.clone());
    assert_eq!((&status["active_state"], &status["exit_code"]), (&json!("failed"), &json!(3)), "{status}");
    let listed = server.ok("ssh_systemctl_list_units", json!({"host": "box", "state": "failed"}));
    let row = listed["units"].as_array().unwrap().iter().find(|row| row["unit"] == "crasher.service").unwrap();
    assert_eq!(
        (&row["load"], &row["active"], &row["description"]),
        (&json!("loaded"), &json!("failed"), &json!("Crash loop"))
    );
    let missing = server
        .ok("ssh_systemctl_list_units", json!({"host": "box", "state": "not-found", "all_": true, "unit_type": "*"}));
    let rows = missing["units"].as_array().unwrap();
    assert!(
        !rows.is_empty() && rows.iter().all(|row| row["load"] == "not-found" && row["active"] == "inactive"),
        "{missing}"
    );
    let names = json!({"host": "box", "unit": "crasher", "properties": ["ActiveState", "NRestarts", "Environment"]});
    let shown = server.ok("ssh_systemctl_show", names);
    let properties = &shown["properties"];
    assert_eq!(properties["ActiveState"], "failed");
    assert!(properties["NRestarts"].as_str().unwrap().parse::<u32>().unwrap() >= 2, "{shown}");
    let cat = server.ok("ssh_systemctl_cat", unit.clone());
    assert!(cat["stdout"].as_str().unwrap().contains("ExecStart=/bin/sh"), "{cat}");
    for answer in [&status, &shown, &cat] {
        assert!(!answer.to_string().contains("tiger-lemon"), "a secret of the unit file left: {answer}");
    }
    for since in ["10m", "1 hour ago", "2020-01-01T00:00:00Z", "1577836800", "yesterday"] {
        let asked = json!({"host": "box", "unit": "crasher", "since": since, "grep": "no configuration", "lines": 50});
        let journal = server.ok("ssh_journalctl", asked);
        assert_eq!(journal["exit_code"], 0, "{since}: {journal}");
        assert!(journal["lines_returned"].as_u64().unwrap() >= 3, "{since}: {journal}");
    }
    let asked = |more: Value| {
        let mut all = json!({"host": "box", "unit": "crasher"});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let emergencies = server.ok("ssh_journalctl", asked(json!({"priority": "emerg"})));
    assert_eq!(emergencies["lines_returned"], 0, "{emergencies}");
    let few = server.ok("ssh_journalctl", asked(json!({"lines": 2})));
    assert_eq!(few["lines_returned"], 2, "{few}");
    for bad in ["15x", "soon", "--file=/etc/passwd", "yesterday\n"] {
        assert!(server.err("ssh_journalctl", asked(json!({"since": bad}))).contains("since"), "{bad}");
    }
    // Who may not read it is told so, in the words of journalctl and in ours.
    let blind = self::server(&host, "bob", &[]).ok("ssh_journalctl", asked(json!({})));
    assert!(blind["stderr"].as_str().unwrap().contains("messages from other users"), "{blind}");
    assert!(blind["hint"].as_str().unwrap().contains("systemd-journal"), "{blind}");
    let none = server.ok("ssh_journalctl", json!({"host": "box", "unit": "crasher", "since": "+1h"}));
    assert_eq!(none["lines_returned"], 0, "{none}");

    // The edit, which systemd has to be told of.
    let edit = "sed -i 's/^ExecStart=.*/ExecStart=\\/bin\\/sleep infinity/' /lib/systemd/system/crasher.service";
    host.says(&["sh", "-c", edit]);
    let stale = server.ok("ssh_systemctl_start", as_root.clone());
    assert!(stale["hint"].as_str().unwrap_or_default().contains("daemon-reload"), "{stale}");
    let reload = json!({"host": "box", "command": "systemctl daemon-reload"});
    assert_eq!(server.ok("ssh_sudo_exec", reload)["exit_code"], 0);
    assert_eq!(server.ok("ssh_systemctl_reset_failed", as_root.clone())["exit_code"], 0);
    let restarted = server.ok("ssh_systemctl_restart", as_root.clone());
    assert_eq!(restarted["exit_code"], 0, "{restarted}");
    assert_eq!(server.ok("ssh_systemctl_is_active", unit.clone())["state"], "active");

    // At boot, not at all, and back.
    for (verb, state) in [("enable", "enabled"), ("disable", "disabled"), ("mask", "masked"), ("unmask", "disabled")] {
        let done = server.ok(&format!("ssh_systemctl_{verb}"), as_root.clone());
        assert_eq!((&done["exit_code"], &done["action"]), (&json!(0), &json!(verb)), "{done}");
        assert_eq!(server.ok("ssh_systemctl_is_enabled", unit.clone())["state"], state);
        if verb == "mask" {
            let refused = server.ok("ssh_systemctl_restart", as_root.clone());
            assert!(refused["hint"].as_str().unwrap().contains("masked"), "{refused}");
        }
    }
    let missing = json!({"host": "box", "unit": "no-such-unit"});
    assert_eq!(server.ok("ssh_systemctl_is_enabled", missing.clone())["state"], "not-found");
    assert_eq!(server.ok("ssh_systemctl_status", missing)["exit_code"], 4);
    let refused = server.err("ssh_systemctl_stop", json!({"host": "box", "unit": "crash*"}));
    assert!(refused.contains("unit"), "{refused}");
}

/// Descriptions hold no secrets, and a closed folder is not read by way of systemd, nor behind a link out of an open one.
#[test]
fn the_files_of_units_obey_restricted_paths() {
    let Some(host) = new_systemd_host(&[]) else { return };
    let write = "mkdir -p /srv/closed/open.service.d; for n in closed linked template@ open; do \
        printf '[Unit]\\nDescription=x password=Zq8-tiger-lemon-44\\n[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/true\\n' \
        >/srv/closed/$n.service; done; cd /etc/systemd/system; \
        cp /srv/closed/open.service open.service; cp /srv/closed/open.service drop.service; \
        ln -s /srv/closed/linked.service linked.service; ln -s /srv/closed/template@.service template@.service; \
        mkdir drop.service.d; ln -s /srv/closed/open.service drop.service.d/a.conf; \
        systemctl daemon-reload; systemctl start open.service";
    host.says(&["sh", "-c", write]);
    let hosts = "[hosts.box]\nhostname = \"box\"\nrestricted_paths = [\"/srv/closed\"]\n\
                 [hosts.etc]\nhostname = \"box\"\nrestricted_paths = [\"/etc/systemd\"]\n";
    let mut server = Setup::new().raw(&host.ssh_config_block("box", "agent", &[]), hosts).start();
    for (alias, unit) in [
        ("box", "linked.service"),
        ("box", "template@.service"),
        ("box", "template@a.service"),
        ("box", "drop.service"),
        ("etc", "open.service"),
    ] {
        // Of a template there is nothing but its file.
        let tools = ["ssh_systemctl_cat", "ssh_systemctl_show", "ssh_systemctl_status"];
        for tool in tools.into_iter().take(if unit.contains("@.") { 1 } else { 3 }) {
            let text = server.err(tool, json!({"host": alias, "unit": unit}));
            assert!(text.starts_with("PathRestricted"), "{tool} {alias} {unit}: {text}");
        }
    }
    let open = json!({"host": "box", "unit": "open"});
    assert_eq!(server.ok("ssh_systemctl_status", open.clone())["active_state"], "active");
    assert_eq!(server.ok("ssh_systemctl_show", open)["properties"]["ActiveState"], "active");
    let cat = server.ok("ssh_systemctl_cat", json!({"host": "box", "unit": "open"}));
    let text = cat["stdout"].as_str().unwrap();
    assert!(text.starts_with("# /etc/systemd/system/open.service\n") && text.contains("ExecStart=/bin/true"), "{cat}");
    let missing = server.ok("ssh_systemctl_cat", json!({"host": "box", "unit": "is-not-there"}));
    assert_eq!((&missing["exit_code"], &missing["stdout"]), (&json!(1), &json!("")), "{missing}");
    let listed = server.ok("ssh_systemctl_list_units", json!({"host": "box", "pattern": "open*"}));
    assert_eq!(listed["units"][0]["unit"], "open.service", "{listed}");
    assert!(!listed.to_string().contains("tiger-lemon"), "{listed}");
    assert!(listed["units"][0]["description"].as_str().unwrap().starts_with("x password="), "{listed}");
}

/// Values of a closed or redact-listed file of variables stand in the arguments of what a unit runs.
#[test]
fn variables_of_closed_files_do_not_leave_by_way_of_processes() {
    let Some(host) = new_systemd_host(&[]) else { return };
    let write = r#"mkdir -p /srv/vars /srv/zone
        for f in /srv/vars/app.env /srv/zone/a.vars /srv/vars/open.vars; do echo WORD=kaffeekanne >"$f"; done
        cd /etc/systemd/system
        unit() { printf '[Service]\nEnvironmentFile=%s\nEnvironment=MODE=fast DB_PASSWORD=Zq8-tiger-lemon-44\nExecStart=/usr/bin/perl -e "sleep 300" ${WORD}\n' "$2" >"w-$1.service"; }
        unit listed /srv/vars/app.env; unit zoned '/srv/zone/*.vars'; unit open /srv/vars/open.vars
        systemctl daemon-reload; systemctl start w-listed w-zoned w-open"#;
    host.says(&["sh", "-c", write]);
    let hosts =
        "[hosts.box]\nhostname = \"box\"\nrestricted_paths = [\"/srv/zone\"]\nredact_paths_globs = [\"*.env\"]\n";
    let mut server = Setup::new().raw(&host.ssh_config_block("box", "agent", &[]), hosts).start();
    for (unit, closed) in [("w-listed", true), ("w-zoned", true), ("w-open", false)] {
        let status = server.ok("ssh_systemctl_status", json!({"host": "box", "unit": unit}));
        let text = status["stdout"].as_str().unwrap();
        assert!(text.contains("/usr/bin/perl"), "{unit}: {status}");
        assert_eq!(text.contains("kaffeekanne"), !closed, "{unit}: {status}");
        let warned = status["output_warnings"].to_string().contains("arguments of its processes");
        assert_eq!(warned, closed, "{unit}: {status}");
        let shown = server.ok("ssh_systemctl_show", json!({"host": "box", "unit": unit}));
        assert!(!shown.to_string().contains("kaffeekanne") && !shown.to_string().contains("tiger-lemon"), "{shown}");
        assert!(shown["properties"]["Environment"].as_str().unwrap().contains("MODE=fast"), "{shown}");
    }
}

/// A file that only a link brings into a unit, out of a folder which the tools may write.
#[test]
fn a_unit_shows_no_file_from_outside_of_the_allowed_roots() {
    let Some(host) = new_systemd_host(&[]) else { return };
    let write = "mkdir -p /srv/app/units/drop; printf '[Service]\\nType=oneshot\\nExecStart=/bin/true\\n' >/srv/app/units/plain.service; \
        printf 'CANARY of a file\\n' >/etc/app-secret.conf; ln -s /etc/app-secret.conf /srv/app/units/app.service; \
        ln -s /etc/app-secret.conf /srv/app/units/drop/a.conf; cd /etc/systemd/system; \
        ln -s /srv/app/units/app.service app.service; ln -s /srv/app/units/plain.service plain.service; \
        ln -s /srv/app/units/drop dropped.service.d; cp /srv/app/units/plain.service dropped.service; \
        mkdir -p /srv/app/env /srv/app/shared own.service.d; echo WORD=kaffeekanne >/srv/app/shared/.env; \
        ln -s ../shared/.env /srv/app/env/app.env; chown -R agent /srv/app/env; \
        unit() { printf '[Service]\\n%s\\nExecStart=/usr/bin/perl -e \"sleep 300\" ${WORD}\\n' \"$2\" >$1.service; }; \
        unit varied EnvironmentFile=/srv/app/env/app.env; unit globbed 'EnvironmentFile=/srv/app/shared/.en[v]'; unit own Type=exec; unit clear Environment=WORD=teekanne; \
        printf '[Service]\\nEnvironment=WORD=kaffeekanne\\n' >own.service.d/secret.conf; \
        systemctl daemon-reload; systemctl start varied globbed own clear";
    host.says(&["sh", "-c", write]);
    let hosts = "[hosts.box]\nhostname = \"box\"\npath_allowlist = [\"/srv/app\"]\n\
                 redact_paths_globs = [\"**/.env\", \"**/secret.conf\"]\n";
    let mut server = Setup::new().raw(&host.ssh_config_block("box", "agent", &[]), hosts).start();
    for unit in ["app", "dropped"] {
        for tool in ["ssh_systemctl_cat", "ssh_systemctl_show", "ssh_systemctl_status"] {
            let text = server.err(tool, json!({"host": "box", "unit": unit}));
            assert!(text.starts_with("PathNotAllowed") && !text.contains("CANARY"), "{tool} {unit}: {text}");
        }
    }
    // A process keeps what it read at its start, also when the file tools have put something else in the place of the file.
    let status = |server: &mut Server, unit: &str| {
        let status = server.ok("ssh_systemctl_status", json!({"host": "box", "unit": unit}));
        assert!(status["stdout"].as_str().unwrap().contains("/usr/bin/perl"), "{unit}: {status}");
        status.to_string()
    };
    for unit in ["varied", "globbed", "own"] {
        assert!(!status(&mut server, unit).contains("kaffeekanne"), "{unit}");
    }
    server.ok("ssh_mv", json!({"host": "box", "src": "/srv/app/env/app.env", "dst": "/srv/app/env/moved"}));
    assert!(!status(&mut server, "varied").contains("kaffeekanne"));
    assert!(status(&mut server, "clear").contains("teekanne"));
    // The list of processes tells no more than the status of their units.
    let listed = server.ok("ssh_host_processes", json!({"host": "box", "top": 200}));
    let perl = |row: &&Value| row["command"] == "perl";
    let arguments: Vec<&Value> =
        listed["entries"].as_array().unwrap().iter().filter(perl).map(|row| &row["arguments"]).collect();
    assert_eq!(arguments.len(), 4, "{listed}");
    assert_eq!(arguments.iter().filter(|text| text.is_null()).count(), 3, "{listed}");
    assert!(listed.to_string().contains("teekanne") && !listed.to_string().contains("kaffeekanne"), "{listed}");
    assert!(listed["output_warnings"].to_string().contains("redact-listed"), "{listed}");
    let asked = server.ok("ssh_host_processes", json!({"host": "box", "pattern": "kaffeekanne"}));
    assert_eq!(asked["entries"], json!([]), "{asked}");
    // systemctl takes a number in any base for a process, and shows its unit.
    let pid: u32 = host.says(&["systemctl", "show", "--value", "--property=MainPID", "varied"]).trim().parse().unwrap();
    for number in [pid.to_string(), format!("{pid:#x}"), format!("{pid:#o}"), format!("{pid:#b}"), format!("0X{pid:X}")]
    {
        for tool in ["ssh_systemctl_status", "ssh_systemctl_show", "ssh_systemctl_cat"] {
            let text = server.err(tool, json!({"host": "box", "unit": number}));
            assert!(text.starts_with("ValueError"), "{tool} {number}: {text}");
        }
    }
    // The neighbours: one in an allowed folder, and those of the system.
    for unit in ["plain", "nginx"] {
        let cat = server.ok("ssh_systemctl_cat", json!({"host": "box", "unit": unit}));
        assert!(cat["stdout"].as_str().unwrap().contains("ExecStart="), "{unit}: {cat}");
        server.ok("ssh_systemctl_show", json!({"host": "box", "unit": unit}));
    }
    // A manager that hangs keeps nobody from the list, and shows nothing by its silence.
    let hang = "printf '#!/bin/sh\\nexec sleep 60\\n' >/usr/local/bin/systemctl; chmod 755 /usr/local/bin/systemctl";
    host.says(&["sh", "-c", hang]);
    let began = std::time::Instant::now();
    let listed = server.ok("ssh_host_processes", json!({"host": "box", "top": 200}));
    assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
    let perl: Vec<&Value> =
        listed["entries"].as_array().unwrap().iter().filter(|row| row["command"] == "perl").collect();
    assert!(perl.len() == 4 && perl.iter().all(|row| row["arguments"].is_null()), "{listed}");
}

#[test]
fn the_web_server_restarts_with_the_sudo_tier_only() {
    let Some(host) = new_systemd_host(&[]) else { return };
    let restart = json!({"host": "box", "unit": "nginx.service", "sudo": true});
    let pid = || host.says(&["systemctl", "show", "--value", "--property=MainPID", "nginx"]);
    let before = pid();
    let refused = server(&host, "agent", &[]).err("ssh_systemctl_restart", restart.clone());
    assert!(refused.contains("TierNotAllowed"), "{refused}");
    assert_eq!(pid(), before);
    let mut open = server(&host, "agent", &SUDO);
    assert_eq!(open.ok("ssh_systemctl_restart", restart)["exit_code"], 0);
    assert_ne!(pid(), before);
    on_record(&open, "ssh_systemctl_restart");

    // The same way for packages.
    let hold = json!({"host": "box", "packages": ["sudo"], "action": "hold", "sudo": true});
    let refused = server(&host, "agent", &[]).err("ssh_apt_mark", hold.clone());
    assert!(refused.contains("TierNotAllowed"), "{refused}");
    assert_eq!(host.says(&["apt-mark", "showhold"]), "");
    assert_eq!(open.ok("ssh_apt_mark", hold)["exit_code"], 0);
    assert_eq!(host.says(&["apt-mark", "showhold"]), "sudo\n");
    on_record(&open, "ssh_apt_mark");
}

/// The audit names the tool, and that it went through sudo.
fn on_record(server: &Server, tool: &str) {
    let audited = || server.stderr().lines().any(|line| line.contains(tool) && line.contains("\"sudo\":true"));
    assert!(eventually(Duration::from_secs(5), audited), "{}", server.stderr());
}

fn version(host: &Container, package: &str) -> String {
    let asked = host.inside(&["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Version}", package]);
    String::from_utf8(asked.stdout).unwrap()
}

#[test]
fn a_package_from_search_to_purge() {
    let Some(host) = new_systemd_host(&[]) else { return };
    let mut server = server(&host, "agent", &SUDO);
    let on = |rest: Value| {
        let mut all = json!({"host": "box", "sudo": true});
        all.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        all
    };
    let done = |answer: &Value| assert_eq!(answer["exit_code"], 0, "{answer}");

    let found = server.ok("ssh_apt_search", json!({"host": "box", "pattern": "sample"}));
    assert_eq!(found["manager"], "apt");
    assert!(
        found["results"]
            .as_array()
            .unwrap()
            .contains(&json!({"name": "sample", "short_description": "sample command"}))
    );
    let shown = server.ok("ssh_apt_show", json!({"host": "box", "package": "sample"}));
    assert_eq!((&shown["installed_version"], &shown["candidate_version"]), (&Value::Null, &json!("2.0")), "{shown}");
    assert_eq!(shown["depends"], json!(["sample-data"]));

    // What would change, before it does; and not without rights.
    let wanted = json!({"packages": ["sample=1.0"]});
    let plan = server.ok("ssh_apt_install", json!({"host": "box", "packages": ["sample=1.0"], "simulate": true}));
    done(&plan);
    assert_eq!(
        plan["changes"],
        json!([
            {"step": "install", "name": "sample-data", "to": "1.0"},
            {"step": "install", "name": "sample", "to": "1.0"},
        ])
    );
    let refused = server.ok("ssh_apt_install", json!({"host": "box", "packages": ["sample=1.0"]}));
    assert!(refused["hint"].as_str().unwrap().contains("sudo: true"), "{refused}");
    assert_eq!(version(&host, "sample"), "");
    done(&server.ok("ssh_apt_install", on(wanted)));
    assert_eq!(version(&host, "sample"), "installed 1.0");
    let listed = server.ok("ssh_apt_list", json!({"host": "box", "mode": "upgradable", "pattern": "sample*"}));
    assert_eq!((&listed["packages"][0]["name"], &listed["packages"][0]["version"]), (&json!("sample"), &json!("2.0")));

    // A hold holds; an upgrade keeps a configuration file that was changed here, and asks nobody.
    let sample = json!({"packages": ["sample"]});
    done(&server.ok("ssh_apt_mark", on(json!({"action": "hold", "packages": ["sample"]}))));
    assert_eq!(server.ok("ssh_apt_show_holds", json!({"host": "box"}))["held"], json!(["sample"]));
    done(&server.ok("ssh_apt_upgrade", on(json!({}))));
    assert_eq!(version(&host, "sample"), "installed 1.0");
    done(&server.ok("ssh_apt_mark", on(json!({"action": "unhold", "packages": ["sample"]}))));
    host.says(&["sh", "-c", "echo changed here >>/etc/sample.conf"]);
    let plan = server.ok("ssh_apt_upgrade", json!({"host": "box", "simulate": true}));
    let upgrade = json!({"step": "upgrade", "name": "sample", "from": "1.0", "to": "2.0"});
    assert!(plan["changes"].as_array().unwrap().contains(&upgrade), "{plan}");
    done(&server.ok("ssh_apt_upgrade", on(json!({"update_first": true}))));
    assert_eq!(version(&host, "sample"), "installed 2.0");
    assert!(host.says(&["cat", "/etc/sample.conf"]).contains("changed here"));

    // Names that mean something else to apt.
    for name in ["sample-", "sample+", "./x.deb", "-o"] {
        let refused = server.err("ssh_apt_install", on(json!({"packages": [name]})));
        assert!(refused.contains("ValueError") && refused.contains("packages"), "{refused}");
    }
    let pattern = server.ok("ssh_apt_remove", on(json!({"packages": ["sam.le"]})));
    assert_ne!(pattern["exit_code"], 0, "{pattern}");
    assert_eq!(version(&host, "sample"), "installed 2.0");

    done(&server.ok("ssh_apt_remove", on(sample)));
    assert_eq!(version(&host, "sample"), "config-files 2.0");
    done(&server.ok("ssh_apt_remove", on(json!({"packages": ["sample"], "purge": true}))));
    assert!(!version(&host, "sample").starts_with("config-files"));
    assert_eq!(version(&host, "sample-data"), "installed 1.0");
    done(&server.ok("ssh_apt_autoremove", on(json!({}))));
    assert!(!version(&host, "sample-data").starts_with("installed"));
}

#[test]
fn another_apt_is_waited_for_and_named() {
    let Some(host) = new_systemd_host(&[]) else { return };
    let mut server = server(&host, "root", &[]);
    // The installation of this package takes six seconds, during which it holds the lock.
    host.says(&["sh", "-c", "DEBIAN_FRONTEND=noninteractive apt-get install -y sample-slow >/dev/null 2>&1 &"]);
    let holds = || host.inside(&["pgrep", "-f", "sample-slow.postinst"]).status.success();
    assert!(eventually(Duration::from_secs(20), holds), "the other apt is at work");
    let asked = json!({"host": "box", "packages": ["sample-data"], "lock_wait": 1});
    let refused = server.err("ssh_apt_install", asked);
    assert!(refused.starts_with("Timeout") && refused.contains("apt-get"), "{refused}");
    // With time it gets its turn.
    let waited = server.ok("ssh_apt_install", json!({"host": "box", "packages": ["sample-data"], "lock_wait": 40}));
    assert_eq!(waited["exit_code"], 0, "{waited}");
    let broken = server.ok("ssh_apt_install", json!({"host": "box", "packages": ["sample-broken"]}));
    assert_ne!(broken["exit_code"], 0, "a package that cannot be configured: {broken}");
}

#[test]
fn a_host_without_systemd_and_packages_says_so() {
    let Some(host) = busybox_host(Sftp::Missing) else { return };
    let mut server = server(host, "user", &[]);
    let refused = server.err("ssh_systemctl_is_active", json!({"host": "box", "unit": "nginx"}));
    assert!(refused.starts_with("PlatformNotSupported") && refused.contains("systemctl"), "{refused}");
    let refused = server.err("ssh_apt_list", json!({"host": "box", "mode": "installed"}));
    assert!(refused.starts_with("PlatformNotSupported") && refused.contains("no package manager"), "{refused}");
}

/// What plain ssh answers in one line: the whole journal, timers, arguments, open ports, load.
#[test]
fn the_questions_that_admins_ask_take_one_call() {
    let Some(host) = new_systemd_host(&[]) else { return };
    host.says(&["usermod", "-aG", "systemd-journal", "agent"]);
    let timer = "printf '[Timer]\\nOnCalendar=daily\\n' >/lib/systemd/system/nightly.timer; \
        printf '[Service]\\nExecStart=/bin/true\\n' >/lib/systemd/system/nightly.service; \
        systemctl daemon-reload; systemctl start nightly.timer; echo 'needle one|two' | systemd-cat -t needle -p err; journalctl --sync";
    host.says(&["sh", "-c", timer]);
    let mut server = server(&host, "agent", &[]);
    let mut journal = |more: Value| {
        let mut args = json!({"host": "box", "lines": 50});
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.ok("ssh_journalctl", args)
    };
    for more in [
        json!({"priority": "err", "boot": "0", "grep": "needle (one|three)"}),
        json!({"fields": ["SYSLOG_IDENTIFIER=needle"]}),
    ] {
        let found = journal(more.clone());
        assert!(found["stdout"].as_str().unwrap().contains("needle one|two"), "{more}: {found}");
    }
    let none = journal(json!({"fields": ["SYSLOG_IDENTIFIER=needle", "PRIORITY=7"]}));
    assert_eq!(none["lines_returned"], 0, "{none}");
    assert_eq!(journal(json!({"kernel": true}))["exit_code"], 0);

    let timers = server.ok("ssh_systemctl_list_units", json!({"host": "box", "unit_type": "timer", "all_": true}));
    let row = timers["units"].as_array().unwrap().iter().find(|row| row["unit"] == "nightly.timer").unwrap();
    assert!(row["next_run"].as_str().is_some_and(|at| at.contains("00:00:00")), "{row}");
    assert_eq!((&row["activates"], &row["last_run"]), (&json!("nightly.service"), &Value::Null));

    // The name is known, and a secret among the arguments is not shown, nor found by a pattern.
    let start =
        "(exec -a worker setsid sh -c 'while :; do sleep 1; done' x --password=tiger-lemon-99) >/dev/null 2>&1 &";
    host.says(&["bash", "-c", start]);
    let found = server.ok("ssh_host_processes", json!({"host": "box", "pattern": "password=", "sort": "memory"}));
    assert!(found["entries"].as_array().is_some_and(|rows| !rows.is_empty()), "{found}");
    assert!(!found.to_string().contains("tiger-lemon"), "{found}");
    let none = server.ok("ssh_host_processes", json!({"host": "box", "pattern": "tiger-lemon"}));
    assert!(none["entries"].as_array().is_none_or(Vec::is_empty), "{none}");
    let tree = server.ok("ssh_host_processes", json!({"host": "box", "tree": true, "top": 200}));
    let rows = tree["entries"].as_array().unwrap();
    assert!(
        rows[0]["pid"] == 1 && rows.iter().any(|row| row["depth"] == 2 && row["ppid"].as_u64() > Some(0)),
        "{tree}"
    );
    assert!(rows.iter().any(|row| row["arguments"].as_str().is_some_and(|text| text.contains("sshd"))), "{tree}");
    assert!(server.err("ssh_host_processes", json!({"host": "box", "pattern": "("})).contains("pattern"));

    let net = server.ok("ssh_host_network", json!({"host": "box", "listeners": true}));
    let said = net.to_string();
    let ports = net["listeners"].as_array().map_or(0, Vec::len);
    assert!(ports > 0 || said.contains("neither ss nor netstat"), "{said}");
    let info = server.ok("ssh_host_info", json!({"host": "box"}));
    assert_eq!(info["load_average"].as_array().map(Vec::len), Some(3), "{info}");
    assert!(info["memory_kb"]["MemTotal"].as_u64() > Some(1000), "{info}");
}

/// New lines are told while they come; the answer comes at the line that was waited for, or when the time is over, and nothing is
/// left running on the host.
#[test]
fn a_journal_is_followed_to_a_line_or_for_a_time() {
    let Some(host) = new_systemd_host(&[]) else { return };
    host.says(&["usermod", "-aG", "systemd-journal", "agent"]);
    let mut server = server(&host, "agent", &[]);
    host.says(&["logger", "-t", "followed", "old ready-1"]);
    let left = || host.inside(&["pgrep", "-x", "journalctl"]).status.success();
    let asked =
        json!({"host": "box", "follow": 50, "until_match": "ready-[0-9]", "fields": ["SYSLOG_IDENTIFIER=followed"]});
    let params = json!({"name": "ssh_journalctl", "arguments": asked, "_meta": {"progressToken": "j"}});
    let id = server.begin("tools/call", params);
    assert!(eventually(Duration::from_secs(20), left), "it looks on");
    std::thread::sleep(Duration::from_secs(1));
    host.says(&["logger", "-t", "followed", "one password=hunter2hunter2"]);
    std::thread::sleep(Duration::from_millis(500));
    host.says(&["logger", "-t", "followed", "now ready-2"]);
    let answer = server.wait(id, Duration::from_secs(30)).expect("the line ends it");
    let answer = &answer["result"]["structuredContent"];
    assert!(answer["matched"].as_str().unwrap().ends_with("now ready-2"), "{answer}");
    let text = answer["stdout"].as_str().unwrap();
    assert!(text.contains("one password=") && !text.contains("old") && !text.contains("hunter2"), "{text}");
    assert_eq!(answer["exit_code"], 0);
    assert!(!left(), "it is stopped when the answer is there");
    let told: Vec<String> = server.notes().iter().map(|note| note["params"]["message"].to_string()).collect();
    assert!(told.iter().any(|line| line.contains("one password=")) && !told.concat().contains("hunter2"), "{told:?}");
    let quiet =
        server.ok("ssh_journalctl", json!({"host": "box", "follow": 1, "fields": ["SYSLOG_IDENTIFIER=nobody"]}));
    assert_eq!((quiet["exit_code"].as_i64(), quiet.get("matched")), (Some(0), None), "{quiet}");
    assert!(!left());
    for wrong in [json!({"until_match": "x"}), json!({"follow": 0}), json!({"follow": 5, "until": "1m"})] {
        let mut asked = json!({"host": "box"});
        asked.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        assert!(server.err("ssh_journalctl", asked).starts_with("ValueError"), "{wrong}");
    }
}
