//! Changes of packages that nothing cuts: not the time limit, a lost connection, a cancelled call or the end of the server.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::containers::{Container, Sftp, busybox_host, new_systemd_host};
use crate::dice::Dice;
use crate::server::{Server, Setup, eventually};

const PACKAGES: usize = 15;
const MOMENTS: usize = if cfg!(feature = "deep") { 20 } else { 1 };

/// Adds packages `run-1` to `run-15` to the repository of a machine. Unpacking and configuring each takes a while.
const REPOSITORY: &str = r#"
set -e
cd /srv/packages
for i in $(seq 1 15); do
    w=$(mktemp -d)
    mkdir -p "$w/DEBIAN" "$w/usr/share/run-$i"
    echo "$i" >"$w/usr/share/run-$i/data"
    printf '#!/bin/sh\nsleep 0.1\n' >"$w/DEBIAN/preinst"
    printf '#!/bin/sh\nsleep 0.2\n' >"$w/DEBIAN/postinst"
    chmod 755 "$w/DEBIAN/preinst" "$w/DEBIAN/postinst"
    printf 'Package: run-%s\nVersion: 1.0\nArchitecture: all\nMaintainer: tests <tests@example.invalid>\nDescription: sample %s\n' \
        "$i" "$i" >"$w/DEBIAN/control"
    dpkg-deb --root-owner-group --build "$w" "run-${i}_1.0_all.deb" >/dev/null
    deb=run-${i}_1.0_all.deb
    { dpkg-deb -f "$deb"; printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$deb" "$(stat -c %s "$deb")" \
        "$(sha256sum <"$deb" | cut -d' ' -f1)"; } >>Packages
done
apt-get -qq update
"#;

/// Adds a package whose configuration waits for the file /srv/go.
const HELD: &str = r#"
set -e
cd /srv/packages
w=$(mktemp -d)
mkdir -p "$w/DEBIAN"
printf '#!/bin/sh\nwhile [ ! -e /srv/go ]; do sleep 0.2; done\n' >"$w/DEBIAN/postinst"
chmod 755 "$w/DEBIAN/postinst"
printf 'Package: held\nVersion: 1.0\nArchitecture: all\nMaintainer: tests <tests@example.invalid>\nDescription: waits\n' >"$w/DEBIAN/control"
dpkg-deb --root-owner-group --build "$w" held_1.0_all.deb >/dev/null
{ dpkg-deb -f held_1.0_all.deb; printf 'Filename: ./held_1.0_all.deb\nSize: %s\nSHA256: %s\n\n' "$(stat -c %s held_1.0_all.deb)" \
    "$(sha256sum <held_1.0_all.deb | cut -d' ' -f1)"; } >>Packages
apt-get -qq update
"#;

fn server(host: &Container, user: &str) -> Server {
    let hosts = "[hosts.box]\nhostname = \"box\"\ncommand_allowlist = [\"*\"]\n";
    Setup::new().raw(&host.ssh_config_block("box", user, &[]), hosts).env("ALLOW_SUDO", "true").start()
}

fn on(rest: &Value) -> Value {
    let mut all = json!({"host": "box", "sudo": true});
    all.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    all
}

fn all_packages() -> Value {
    json!({"packages": (1..=PACKAGES).map(|at| format!("run-{at}")).collect::<Vec<_>>()})
}

/// How many of the packages are installed whole.
fn installed(host: &Container) -> usize {
    let asked = host.inside(&["dpkg-query", "-W", "-f", "${db:Status-Abbrev}\n", "run-*"]);
    String::from_utf8_lossy(&asked.stdout).lines().filter(|line| line.starts_with("ii")).count()
}

fn nothing_runs(host: &Container) {
    let idle = || !host.inside(&["pgrep", "-x", "apt-get|dpkg|apt"]).status.success();
    assert!(eventually(Duration::from_secs(60), idle), "the package manager ends by itself");
}

/// `dpkg --audit` has nothing to say.
fn whole(host: &Container, when: &str) {
    assert_eq!(host.says(&["dpkg", "--audit"]), "", "{when}");
    let updates = host.says(&["sh", "-c", "ls /var/lib/dpkg/updates"]);
    assert_eq!(updates, "", "{when}");
}

/// The master that a server has to its only host.
fn master(of: &Server) -> i32 {
    let folder = format!("/{}-", of.pid());
    let found = std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        (line.starts_with("ssh") && line.contains(" -M ") && line.contains(&folder)).then_some(pid)
    });
    found.expect("a master")
}

#[test]
fn nothing_cuts_a_run_at_any_moment() {
    let Some(host) = new_systemd_host(&[]) else { return };
    host.says(&["sh", "-c", REPOSITORY]);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let began = Instant::now();
    let first = server(&host, "agent").ok("ssh_apt_install", on(&all_packages()));
    assert_eq!((&first["exit_code"], installed(&host)), (&json!(0), PACKAGES), "{first}");
    let whole_run = began.elapsed();
    for round in 0..MOMENTS {
        for way in ["kill", "cancel", "drop", "limit"] {
            host.says(&["sh", "-c", "dpkg --purge $(dpkg-query -W -f '${Package} ' 'run-*') >/dev/null"]);
            let millis = u64::try_from(whole_run.as_millis()).unwrap();
            let moment = Duration::from_millis(u64::try_from(dice.roll(1000)).unwrap() * millis / 1000);
            let when = format!("{way} after {moment:?} of {whole_run:?}, round {round}");
            let mut server = server(&host, "agent");
            server.exec("true");
            let done = interfere(&mut server, way, moment);
            nothing_runs(&host);
            whole(&host, &when);
            let count = installed(&host);
            match (way, &done) {
                // Cancelled before anything was unpacked, or after.
                ("cancel", _) => assert!(count == 0 || count == PACKAGES, "{when}: {count}"),
                ("drop", Some(answer)) => {
                    assert_eq!((&answer["exit_code"], count), (&json!(0), PACKAGES), "{when}: {answer}");
                }
                ("limit", Some(answer)) => {
                    let told = answer["exit_code"] == 0 || answer["running"]["running"] == true;
                    assert!(told && count == PACKAGES, "{when}: {count} {answer}");
                }
                // The call may have been on its way.
                _ => assert!(count == PACKAGES || (count == 0 && moment < Duration::from_secs(1)), "{when}: {count}"),
            }
            println!("package run | {when} | {count} installed, audit empty");
        }
    }
}

/// Begins the installation and interferes at a moment; gives what was answered, where that comes.
fn interfere(server: &mut Server, way: &str, moment: Duration) -> Option<Value> {
    let mut asked = on(&all_packages());
    if way == "limit" {
        asked["timeout"] = json!(moment.as_secs().max(1));
    }
    let id = server.begin_call("ssh_apt_install", asked);
    if way != "limit" {
        std::thread::sleep(moment);
    }
    match way {
        "kill" => server.signal(Signal::SIGKILL),
        "cancel" => server.cancel(id),
        "drop" => kill(Pid::from_raw(master(server)), Signal::SIGKILL).unwrap(),
        _ => {}
    }
    if way == "drop" || way == "limit" {
        let answer = server.answer(id, Duration::from_secs(90)).expect("an answer");
        assert!(!answer.error, "{way}: {}", answer.text);
        return Some(answer.data);
    }
    if way == "cancel" {
        // It is never answered; the server serves on when the host was asked.
        assert_eq!(server.exec("true")["exit_code"], 0);
    }
    None
}

#[test]
fn a_run_that_goes_on_is_told_and_found_again() {
    let Some(host) = new_systemd_host(&[]) else { return };
    let mut server = server(&host, "agent");
    host.says(&["sh", "-c", HELD]);
    let slow = json!({"packages": ["held"], "timeout": 15});
    let told = server.ok("ssh_apt_install", on(&slow));
    assert_eq!((&told["exit_code"], &told["running"]["changing"]), (&json!(-1), &json!(true)), "{told}");
    assert_eq!(told["running"]["what"], "install held");
    assert!(told["stdout"].as_str().unwrap().contains("Setting up held"), "how far it is: {told}");
    assert!(told["hint"].as_str().unwrap().contains("simulate"), "how to look again: {told}");
    // A job follows it, which no stop cuts while packages are being changed.
    let job = json!({"host": "box", "job": told["job"]["id"]});
    let mut looked = job.clone();
    looked["wait"] = json!(20);
    looked["until_match"] = json!("Setting up held");
    assert_eq!(server.ok("ssh_job_read", looked)["state"], "running");
    let refused = server.ok("ssh_job_stop", job.clone());
    assert_eq!((&refused["stop"], &refused["state"]), (&json!("still_running"), &json!("running")), "{refused}");
    assert!(refused["hint"].as_str().unwrap().contains("install held"), "{refused}");
    let pid = told["running"]["pid"].as_u64().unwrap().to_string();
    assert!(host.inside(&["kill", "-0", &pid]).status.success());
    // A second call, also of another server, says who holds the packages.
    let mut other = self::server(&host, "root");
    let held = other.err("ssh_apt_install", json!({"host": "box", "packages": ["sample-data"], "lock_wait": 0}));
    assert!(held.starts_with("Timeout") && held.contains(&pid) && held.contains("install held"), "{held}");
    let look = on(&json!({"packages": ["held"], "simulate": true}));
    let seen = server.ok("ssh_apt_install", look.clone());
    assert_eq!((&seen["earlier_run"]["running"], &seen["earlier_run"]["pid"]), (&json!(true), &told["running"]["pid"]));
    host.says(&["touch", "/srv/go"]);
    nothing_runs(&host);
    let over = server.ok("ssh_apt_install", look.clone());
    assert_eq!(
        (&over["earlier_run"]["running"], &over["earlier_run"]["exit_code"]),
        (&json!(false), &json!(0)),
        "{over}"
    );
    assert!(over["earlier_run"]["last_lines"].to_string().contains("Setting up held"), "{over}");
    let mut waited = job.clone();
    waited["wait"] = json!(30);
    let ended = server.ok("ssh_job_read", waited);
    assert_eq!((&ended["state"], &ended["exit_code"]), (&json!("exited"), &json!(0)), "{ended}");
    assert!(ended["stdout"].as_str().unwrap().contains("Setting up held"), "{ended}");
    // Once is enough.
    assert!(server.ok("ssh_apt_install", look).get("earlier_run").is_none());
    whole(&host, "after its end");
}

#[test]
fn a_state_that_was_cut_is_named_with_its_cure() {
    let Some(host) = new_systemd_host(&[]) else { return };
    let mut server = server(&host, "agent");
    // By the run itself.
    let broken = server.ok("ssh_apt_install", on(&json!({"packages": ["sample-broken"]})));
    assert_eq!(broken["interrupted"]["fix"], "dpkg --configure -a", "{broken}");
    assert!(broken["interrupted"]["state"].as_str().unwrap().contains("sample-broken"), "{broken}");
    host.says(&["dpkg", "--purge", "sample-broken"]);
    // By somebody who kills it on the host.
    let id = server.begin_call("ssh_apt_install", on(&json!({"packages": ["sample-slow"]})));
    let configures = || host.inside(&["pgrep", "-f", "sample-slow.postinst"]).status.success();
    assert!(eventually(Duration::from_secs(30), configures));
    host.says(&["pkill", "-KILL", "-x", "apt-get|dpkg"]);
    let cut = server.answer(id, Duration::from_secs(60)).unwrap().data;
    assert_ne!(cut["exit_code"], 0, "{cut}");
    assert_eq!(cut["interrupted"]["fix"], "dpkg --configure -a", "{cut}");
    assert!(cut["hint"].as_str().unwrap().contains("dpkg --configure -a"), "{cut}");
    // A later call that changes nothing names it too, and what is named puts it right.
    let plan = server.ok("ssh_apt_upgrade", on(&json!({"simulate": true})));
    assert_eq!(plan["interrupted"], cut["interrupted"], "{plan}");
    host.says(&["sh", "-c", "dpkg --configure -a"]);
    whole(&host, "after the named command");
    assert!(server.ok("ssh_apt_upgrade", on(&json!({"simulate": true}))).get("interrupted").is_none());
}

#[test]
fn every_lock_of_apt_is_waited_for_and_a_wait_can_be_cancelled() {
    let Some(host) = new_systemd_host(&[]) else { return };
    let mut server = server(&host, "agent");
    // Holds one of the locks for some seconds, as another apt would.
    let hold = |lock: &str, seconds: u32| {
        let script = "use Fcntl; open F, '>>', $ARGV[0] or die; \
            my $l = pack('ssx4qqlx4', F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $l) or die; $0 = 'the-holder'; sleep $ARGV[1]";
        let line = format!("perl -e \"$1\" {lock} {seconds} >/dev/null 2>&1 &");
        host.says(&["sh", "-c", &line, "sh", script]);
        let holds = || host.inside(&["pgrep", "-f", "the-holder"]).status.success();
        assert!(eventually(Duration::from_secs(10), holds), "{lock} is held");
    };
    let asked = |wait: u32| on(&json!({"packages": ["sample-data"], "update_first": true, "lock_wait": wait}));
    for lock in
        ["/var/lib/apt/lists/lock", "/var/cache/apt/archives/lock", "/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock"]
    {
        hold(lock, 6);
        let began = Instant::now();
        let refused = server.err("ssh_apt_install", asked(1));
        assert!(refused.starts_with("Timeout") && refused.contains("the-holder"), "{lock}: {refused}");
        assert!(began.elapsed() < Duration::from_secs(6), "{lock}: {:?}", began.elapsed());
        let waited = server.ok("ssh_apt_install", asked(40));
        assert_eq!(waited["exit_code"], 0, "{lock}: {waited}");
        assert!(!waited["stdout"].as_str().unwrap().contains("Waiting for cache lock"), "{waited}");
        host.says(&["dpkg", "--purge", "sample-data"]);
    }
    // So is a job that follows it, before anything is unpacked.
    hold("/var/lib/apt/lists/lock", 12);
    let mut waits = asked(40);
    waits["wait"] = json!(1);
    waits["job_label"] = json!("behind a lock");
    let begun = server.ok("ssh_apt_install", waits);
    let job = json!({"host": "box", "job": begun["job"]["id"]});
    let listed = server.ok("ssh_job_list", json!({"host": "box", "sudo": true}));
    assert_eq!(
        (&listed["jobs"][0]["job"], &listed["jobs"][0]["label"]),
        (&begun["job"]["id"], &json!("behind a lock"))
    );
    let stopped = server.ok("ssh_job_stop", job.clone());
    assert_eq!(stopped["stop"], "stopped", "{stopped}");
    let said = server.ok("ssh_job_read", job);
    assert_ne!(said["state"], "running", "{said}");
    let free = || !host.inside(&["pgrep", "-f", "the-holder"]).status.success();
    assert!(eventually(Duration::from_secs(20), free));
    nothing_runs(&host);
    assert!(!host.inside(&["dpkg-query", "-s", "sample-data"]).status.success(), "nothing came of it");
    // A cancelled call that waits leaves nothing behind, and nothing comes of it.
    hold("/var/lib/apt/lists/lock", 8);
    let id = server.begin_call("ssh_apt_install", asked(40));
    let waits = || host.inside(&["test", "-e", "/run/ssh-mcp-packages/now/stoppable"]).status.success();
    assert!(eventually(Duration::from_secs(10), waits), "it waits");
    server.cancel(id);
    let stopped = || host.inside(&["test", "-e", "/run/ssh-mcp-packages/now/stopped"]).status.success();
    assert!(eventually(Duration::from_secs(10), stopped), "it was stopped");
    let gone = || !host.inside(&["pgrep", "-f", "the-holder"]).status.success();
    assert!(eventually(Duration::from_secs(15), gone));
    std::thread::sleep(Duration::from_secs(2));
    nothing_runs(&host);
    assert!(!host.inside(&["dpkg-query", "-s", "sample-data"]).status.success(), "nothing came of it");
    whole(&host, "after the cancelled wait");
}

/// A manager that takes four seconds, where the only shell is BusyBox and there is no systemd.
const APK: &str =
    "#!/bin/sh\ncase $2 in add) echo \"(1/1) Installing $4\"; sleep 4; echo done >>/tmp/apk-was-here;; esac\necho OK\n";

#[test]
fn a_run_goes_on_under_busybox_too() {
    let Some(host) = busybox_host(Sftp::There) else { return };
    host.says(&[
        "sh",
        "-c",
        "mkdir -p /usr/local/bin; printf '%s' \"$1\" >/usr/local/bin/apk; chmod 755 /usr/local/bin/apk",
        "sh",
        APK,
    ]);
    let mark = || host.inside(&["cat", "/tmp/apk-was-here"]).stdout;
    for way in ["limit", "kill"] {
        host.inside(&["rm", "-f", "/tmp/apk-was-here"]);
        let hosts = "[hosts.box]\nhostname = \"box\"\ncommand_allowlist = [\"*\"]\n";
        let mut server = Setup::new().raw(&host.ssh_config_block("box", "root", &[]), hosts).start();
        let mut asked = json!({"host": "box", "packages": ["sample"]});
        if way == "limit" {
            asked["timeout"] = json!(2);
            let told = server.ok("ssh_apt_install", asked);
            assert_eq!((&told["manager"], &told["running"]["changing"]), (&json!("apk"), &json!(true)), "{told}");
            assert!(told["stdout"].as_str().unwrap().contains("Installing sample"), "{told}");
        } else {
            server.begin_call("ssh_apt_install", asked);
            std::thread::sleep(Duration::from_secs(3));
            server.signal(Signal::SIGKILL);
        }
        assert!(mark().is_empty());
        assert!(eventually(Duration::from_secs(15), || mark() == b"done\n"), "{way}: it ran to its end");
    }
    host.says(&["rm", "-f", "/usr/local/bin/apk", "/tmp/apk-was-here"]);
}

#[test]
fn a_package_manager_that_fails_is_never_an_empty_answer() {
    let Some(host) = new_systemd_host(&[]) else { return };
    let mut server = server(&host, "agent");
    let show = json!({"host": "box", "package": "bash"});
    let list = |mode: &str| json!({"host": "box", "mode": mode});
    host.says(&["sh", "-c", "apt-get install -y sample=1.0 sample-data >/dev/null 2>&1; apt-mark hold sample"]);
    let row = |answer: &Value| {
        answer["packages"].as_array().unwrap().iter().find(|p| p["name"] == "sample").cloned().unwrap()
    };
    for mode in ["upgradable", "installed"] {
        let listed = server.ok("ssh_apt_list", list(mode));
        assert_eq!(row(&listed)["held"], true, "{listed}");
        let others = listed["packages"].as_array().unwrap().iter().filter(|p| p["held"] == true).count();
        assert_eq!(others, 1, "{listed}");
        assert!(listed["output_warnings"].is_null(), "fresh lists: {listed}");
    }
    // Each way to break it: how, how it is put right, and what the answer must quote.
    let ways = [
        ("echo dep nonsense >/etc/apt/sources.list.d/bad.list", "rm /etc/apt/sources.list.d/bad.list", "bad.list"),
        (
            "cp /var/lib/dpkg/status /root/kept; echo garbage >>/var/lib/dpkg/status",
            "cp /root/kept /var/lib/dpkg/status",
            "status",
        ),
        ("chmod 600 /var/lib/dpkg/status", "chmod 644 /var/lib/dpkg/status", "status"),
    ];
    for (fault, cure, quoted) in ways {
        host.says(&["sh", "-c", fault]);
        for (tool, args) in [
            ("ssh_apt_show", show.clone()),
            ("ssh_apt_list", list("upgradable")),
            ("ssh_apt_search", json!({"host": "box", "pattern": "sample"})),
        ] {
            let answer = server.call(tool, args);
            let told = if answer.error { &answer.text } else { &answer.data["output_warnings"].to_string() };
            assert!(told.contains(quoted), "{fault}: {tool}: {}", answer.text);
            assert!(answer.error || answer.text.contains("sample") || answer.text.contains("bash"), "{fault}: {tool}");
        }
        host.says(&["sh", "-c", cure]);
    }
    // No lists, and old ones.
    host.says(&["sh", "-c", "touch -d '-20 days' /var/lib/apt/lists/partial /var/lib/apt/lists"]);
    let old = server.ok("ssh_apt_list", list("upgradable"));
    assert!(old["output_warnings"].to_string().contains("20 days"), "{old}");
    host.says(&["sh", "-c", "rm -rf /var/lib/apt/lists/*"]);
    let simulated = json!({"host": "box", "simulate": true});
    for (tool, args) in
        [("ssh_apt_list", list("upgradable")), ("ssh_apt_list", list("all")), ("ssh_apt_upgrade", simulated)]
    {
        let answer = server.ok(tool, args);
        assert!(answer["output_warnings"].to_string().contains("no package lists"), "{tool}: {answer}");
    }
    let unknown = server.ok("ssh_apt_show", json!({"host": "box", "package": "postgresql"}));
    assert!(unknown["output_warnings"].to_string().contains("no package lists"), "{unknown}");
}
