//! Jobs on a machine with systemd, nginx and an engine of containers.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Job, text};
use crate::containers::{Container, engine, new_systemd_host, nothing_pruned, sample_image};
use crate::server::{Server, Setup};

/// `web1` is the machine as `agent`, who may use sudo; `dock` the same as `dora`, who may use the engine.
fn server(host: &Container) -> Server {
    let keys = "command_allowlist = [\"*\"]\npath_allowlist = [\"/etc\", \"/srv\", \"/var\", \"/home\", \"/tmp\"]\n\
                redact_paths_globs = [\"**/.env\"]\n";
    let entries = format!("[hosts.web1]\nhostname = \"web1\"\n{keys}[hosts.dock]\nhostname = \"dock\"\n{keys}");
    let blocks = host.ssh_config_block("web1", "agent", &[]) + &host.ssh_config_block("dock", "dora", &[]);
    Setup::new().raw(&blocks, &entries).env("ALLOW_SUDO", "true").start()
}

fn sh(host: &Container, line: &str) -> String {
    host.says(&["sh", "-c", line]).trim().to_owned()
}

fn unit(name: &str) -> Value {
    json!({"host": "web1", "unit": name})
}

fn root(server: &mut Server, job: &mut Job, script: &str) -> String {
    job.run(server, "ssh_sudo_run_script", json!({"host": "web1", "script": script}))
}

#[test]
fn jobs_on_a_machine() {
    let rights = ["--cap-add=NET_ADMIN", "--security-opt=systempaths=unconfined"];
    let Some(host) = new_systemd_host(&rights) else { return };
    sh(&host, "usermod -aG systemd-journal,adm agent; mkdir -p /srv/data; chmod 755 /srv/data");
    let mut server = server(&host);
    let server = &mut server;
    full_disk(&host, server);
    bad_gateway(&host, server);
    secret(&host, server);
    new_account(&host, server);
    runaway(&host, server);
    silent_timer(&host, server);
    audit(server);
    lockout(server);
    sysctl(&host, server);
    tail_and_request(server);
}

/// A log that grew, and a file that is deleted and still open.
fn full_disk(host: &Container, server: &mut Server) {
    sh(
        host,
        "head -c 40M /dev/zero >/srv/data/app.log; systemd-run --quiet --unit=leaky sh -c \
         'exec 3>/srv/data/cache.tmp; rm /srv/data/cache.tmp; head -c 20M /dev/zero >&3; exec sleep 600'",
    );
    let mut job = Job::new("1 a full disk", 22, 4);
    let seen = job.batch(
        server,
        &[
            ("ssh_host_disk_usage", json!({"host": "web1"})),
            ("ssh_find", json!({"host": "web1", "path": "/srv", "kind": "f", "min_size": 10_000_000, "sort": "size"})),
        ],
    );
    assert!(seen[1].to_string().contains("/srv/data/app.log"), "{}", seen[1]);
    let open = root(
        server,
        &mut job,
        "for f in /proc/[0-9]*/fd/*; do t=$(readlink \"$f\") || continue; case $t in /srv*'(deleted)') \
         stat -Lc \"%s $f $t\" \"$f\"; esac; done | sort -rn | head; systemctl status --no-pager leaky | head -3",
    );
    assert!(open.contains("cache.tmp (deleted)") && open.contains("20971520"), "{open}");
    root(server, &mut job, "systemctl stop leaky; truncate -s 0 /srv/data/app.log; df -h /srv");
    job.done();
    assert_eq!(sh(host, "stat -c %s /srv/data/app.log; ls /proc/[0-9]*/fd -l | grep -c cache.tmp; true"), "0\n0");
}

/// nginx asks at a port where nothing listens.
fn bad_gateway(host: &Container, server: &mut Server) {
    sh(
        host,
        "printf 'server { listen 80; location / { proxy_pass http://127.0.0.1:8001; } }\\n' >/etc/nginx/sites-available/shop; \
         rm -f /etc/nginx/sites-enabled/*; ln -s ../sites-available/shop /etc/nginx/sites-enabled/shop; mkdir -p /srv/shop; \
         echo welcome >/srv/shop/index.html; \
         systemd-run --quiet --unit=shop python3 -m http.server 8000 --bind 127.0.0.1 --directory /srv/shop; \
         systemctl restart nginx; sleep 1; python3 -c 'import urllib.request as u; u.urlopen(\"http://127.0.0.1/\")' 2>&1 | tail -1",
    );
    let mut job = Job::new("2 nginx says 502", 15, 2);
    let seen = job.batch(
        server,
        &[
            ("ssh_systemctl_status", unit("nginx")),
            ("ssh_systemctl_status", unit("shop")),
            ("ssh_sftp_download", json!({"host": "web1", "path": "/var/log/nginx/error.log", "tail_lines": 5})),
            ("ssh_find", json!({"host": "web1", "path": "/etc/nginx", "contains": "proxy_pass"})),
        ],
    );
    assert!(text(&seen[2]["content_text"]).contains("127.0.0.1:8001"), "{}", seen[2]);
    assert!(seen[3].to_string().contains("sites-available/shop"), "{}", seen[3]);
    let listening = root(server, &mut job, "ss -ltnp | grep -E ':80|:8000'");
    assert!(listening.contains(":8000"), "{listening}");
    let edit = json!({"host": "web1", "path": "/etc/nginx/sites-available/shop", "old_string": ":8001", "new_string": ":8000"});
    job.ok(server, "ssh_sudo_edit", edit);
    let check = "nginx -t 2>&1 && systemctl reload nginx && sleep 0.5 && \
                 python3 -c 'import urllib.request as u; print(u.urlopen(\"http://127.0.0.1/\").read().decode())'";
    assert!(root(server, &mut job, check).contains("welcome"));
    job.done();
}

/// A secret is replaced, and neither the old nor the new one is seen.
fn secret(host: &Container, server: &mut Server) {
    let old = "Zq8-tiger-lemon-44-violet";
    sh(
        host,
        &format!("mkdir -p /srv/api; printf 'LOG=info\\nDB_PASSWORD={old}\\n' >/srv/api/.env; chmod 600 /srv/api/.env"),
    );
    let mut job = Job::new("5 a secret is rotated unseen", 6, 2);
    let file = json!({"host": "web1", "path": "/srv/api/.env"});
    let before = job.ok(server, "ssh_sudo_read_redacted", file.clone());
    let mut set = file.clone();
    set["key"] = json!("DB_PASSWORD");
    set["generate"] = json!({"bytes": 24, "alphabet": "hex"});
    set["sudo"] = json!(true);
    let said = job.ok(server, "ssh_env_set", set).to_string();
    let after = job.ok(server, "ssh_sudo_read_redacted", file);
    job.done();
    let new = sh(host, "sed -n 's/^DB_PASSWORD=//p' /srv/api/.env");
    assert_eq!((new.len(), sh(host, "stat -c '%a %U' /srv/api/.env").as_str()), (48, "600 root"));
    assert_ne!(before["content"], after["content"]);
    for answer in [before.to_string(), after.to_string(), said] {
        assert!(!answer.contains(old) && !answer.contains(&new), "{answer}");
    }
}

fn new_account(host: &Container, server: &mut Server) {
    let mut job = Job::new("9 an account with a key and a sudo rule", 9, 1);
    let script = "set -e; useradd -m -s /bin/sh deploy; install -d -m 700 -o deploy -g deploy /home/deploy/.ssh; \
                  echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB5 deploy' >/home/deploy/.ssh/authorized_keys; \
                  chmod 600 /home/deploy/.ssh/authorized_keys; chown deploy: /home/deploy/.ssh/authorized_keys; \
                  printf 'deploy ALL=(root) NOPASSWD: /bin/systemctl restart shop\\n' >/etc/sudoers.d/deploy; \
                  chmod 440 /etc/sudoers.d/deploy; visudo -cf /etc/sudoers.d/deploy; sudo -l -U deploy | tail -1";
    assert!(root(server, &mut job, script).contains("restart shop"));
    let seen = job.ok(server, "ssh_user_info", json!({"host": "web1", "username": "deploy"}));
    assert!(seen.to_string().contains("/home/deploy"), "{seen}");
    job.done();
    assert_eq!(sh(host, "stat -c %a /etc/sudoers.d/deploy /home/deploy/.ssh"), "440\n700");
}

fn runaway(host: &Container, server: &mut Server) {
    sh(host, "systemd-run --quiet --unit=report --nice=19 sh -c 'while :; do :; done'; sleep 1");
    let mut job = Job::new("10 a runaway process", 3, 2);
    let seen = job.ok(server, "ssh_host_processes", json!({"host": "web1", "top": 5}));
    let pid = sh(host, "systemctl show -p MainPID --value report");
    assert!(seen.to_string().contains(&pid), "{pid} in {seen}");
    let stopped = format!("systemctl status --no-pager {pid} | head -3; systemctl stop report; ps -p {pid} | wc -l");
    let said = root(server, &mut job, &stopped);
    assert!(said.contains("report.service") && said.ends_with("1\n"), "{said}");
    job.done();
}

/// A timer whose script lost its execute bit.
fn silent_timer(host: &Container, server: &mut Server) {
    sh(
        host,
        "printf '#!/bin/sh\\ndate >/srv/data/backup.stamp\\n' >/srv/data/backup.sh; \
         printf '[Service]\\nType=oneshot\\nExecStart=/srv/data/backup.sh\\n' >/etc/systemd/system/backup.service; \
         printf '[Timer]\\nOnCalendar=daily\\n[Install]\\nWantedBy=timers.target\\n' >/etc/systemd/system/backup.timer; \
         systemctl daemon-reload; systemctl enable --now --quiet backup.timer; systemctl start backup.service || true",
    );
    let mut job = Job::new("13 a silent timer", 12, 3);
    let seen = job.batch(
        server,
        &[
            ("ssh_systemctl_list_units", json!({"host": "web1", "unit_type": "timer"})),
            ("ssh_systemctl_status", unit("backup.service")),
            ("ssh_systemctl_cat", unit("backup.service")),
            ("ssh_journalctl", json!({"host": "web1", "unit": "backup.service", "lines": 10})),
            ("ssh_sftp_stat", json!({"host": "web1", "path": "/srv/data/backup.sh"})),
        ],
    );
    assert!(seen[0].to_string().contains("backup.timer"), "{}", seen[0]);
    assert!(seen[3].to_string().contains("Permission denied"), "{}", seen[3]);
    root(server, &mut job, "chmod 755 /srv/data/backup.sh; systemctl start backup.service");
    let seen = job.batch(
        server,
        &[
            ("ssh_systemctl_is_failed", unit("backup.service")),
            ("ssh_sftp_stat", json!({"host": "web1", "path": "/srv/data/backup.stamp"})),
        ],
    );
    assert_eq!(seen[0]["failed"], false, "{}", seen[0]);
    job.done();
}

fn audit(server: &mut Server) {
    let mut job = Job::new("14 an audit of ports, SUID and logins", 7, 1);
    let seen = job.batch(
        server,
        &[
            ("ssh_find", json!({"host": "web1", "path": "/var", "permission": "4000", "kind": "f"})),
            ("ssh_journalctl", json!({"host": "web1", "unit": "ssh", "lines": 20})),
            ("ssh_host_network", json!({"host": "web1"})),
        ],
    );
    assert!(seen[1]["exit_code"] == 0, "{}", seen[1]);
    let script = "ss -ltnup | cut -c 1-120; find / -xdev -type f -perm -4000 2>/dev/null; last -n 5 2>/dev/null; \
                  awk -F: '$3 == 0 { print $1 }' /etc/passwd";
    let said = root(server, &mut job, script);
    assert!(said.contains("sshd") && said.contains("/bin/su") && said.contains("root"), "{said}");
    job.done();
}

/// A change that locks everybody out takes itself back.
fn lockout(server: &mut Server) {
    let mut job = Job::new("17 a lockout that ends by itself", 8, 3);
    let script = "systemd-run --quiet --on-active=4 --timer-property=AccuracySec=100ms systemctl start ssh; systemctl stop ssh; \
                  systemctl is-active ssh; true";
    root(server, &mut job, script);
    let ping = json!({"host": "web1", "fresh": true});
    let out = job.ok(server, "ssh_host_ping", ping.clone());
    assert_eq!(out["reachable"], false, "{out}");
    std::thread::sleep(Duration::from_secs(4));
    let began = Instant::now();
    loop {
        let back = job.ok(server, "ssh_host_ping", ping.clone());
        if back["auth_ok"] == true {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{back}");
        std::thread::sleep(Duration::from_secs(3));
    }
    job.done();
}

fn sysctl(host: &Container, server: &mut Server) {
    let mut job = Job::new("18 a sysctl that stays", 4, 1);
    let script = "set -e; echo 'net.ipv4.tcp_fin_timeout = 33' >/etc/sysctl.d/60-shop.conf; sysctl -p /etc/sysctl.d/60-shop.conf; \
                  cat /proc/sys/net/ipv4/tcp_fin_timeout";
    assert!(root(server, &mut job, script).ends_with("33\n"));
    job.done();
    assert_eq!(
        sh(host, "cat /proc/sys/net/ipv4/tcp_fin_timeout /etc/sysctl.d/60-shop.conf"),
        "33\nnet.ipv4.tcp_fin_timeout = 33"
    );
}

/// A log is followed while requests are made.
fn tail_and_request(server: &mut Server) {
    let mut job = Job::new("19 a log is followed while requests are made", 3, 1);
    let follow = json!({"host": "web1", "command": "timeout 3 tail -n 0 -F /var/log/nginx/access.log"});
    let id = server.begin_call("ssh_exec_run_streaming", follow);
    std::thread::sleep(Duration::from_millis(800));
    let ask = "for n in 1 2 3; do python3 -c 'import urllib.request as u; u.urlopen(\"http://127.0.0.1/\")'; done";
    job.run(server, "ssh_exec_run", json!({"host": "web1", "command": ask}));
    let followed = server.answer(id, Duration::from_secs(20)).unwrap();
    job.count(&followed);
    assert_eq!(text(&followed.data["stdout"]).matches("GET / HTTP").count(), 3, "{}", followed.text);
    job.done();
}

/// A job that is longer than the server that began it.
#[test]
fn a_long_job_outlives_the_server() {
    let Some(host) = new_systemd_host(&[]) else { return };
    let mut job = Job::new("8 a long job over the end of the server", 14, 4);
    let mut first = server(&host);
    let begin = json!({"host": "web1", "command":
        "tmux new-session -d -s report 'sleep 3; echo all 5 parts done >/tmp/report.out; echo 0 >/tmp/report.rc'"});
    job.run(&mut first, "ssh_exec_run", begin);
    first.kill();
    let mut second = server(&host);
    let look = json!({"host": "web1", "command": "tmux ls; cat /tmp/report.rc 2>/dev/null || echo running"});
    assert!(job.run(&mut second, "ssh_exec_run", look.clone()).contains("running"));
    std::thread::sleep(Duration::from_secs(4));
    assert!(job.run(&mut second, "ssh_exec_run", look).ends_with("0\n"));
    let said = job.ok(&mut second, "ssh_sftp_download", json!({"host": "web1", "path": "/tmp/report.out"}));
    assert_eq!(said["content_text"], "all 5 parts done\n");
    job.done();
}

/// A project whose service ends at once, because a variable is missing.
#[test]
fn a_compose_project_that_does_not_come_up() {
    let (Some(host), Some(image)) = (new_systemd_host(&[]), sample_image()) else { return };
    let _kept = nothing_pruned();
    let project = format!("everyday{}", std::process::id());
    let (folder, file) = (format!("/srv/{project}"), format!("/srv/{project}/compose.yml"));
    let compose = format!(
        "services:\n  app:\n    image: {image}\n    environment:\n      MODE: live\n    \
         command: [sh, -c, 'test -n \"$$DB_HOST\" || {{ echo DB_HOST is not set >&2; exit 1; }}; exec sleep 300']\n"
    );
    host.says(&[
        "sh",
        "-c",
        "mkdir -p $1; printf '%s' \"$2\" >$1/compose.yml; chown -R dora $1",
        "sh",
        &folder,
        &compose,
    ]);
    let mut server = server(&host);
    let server = &mut server;
    let mut job = Job::new("6 a compose project does not come up", 17, 6);
    let of = json!({"host": "dock", "compose_file": file});
    job.ok(server, "ssh_docker_compose_up", of.clone());
    std::thread::sleep(Duration::from_secs(1));
    let seen = job.batch(server, &[("ssh_docker_compose_ps", of.clone()), ("ssh_docker_compose_logs", of.clone())]);
    assert!(seen[1].to_string().contains("DB_HOST is not set"), "{seen:?}");
    let edit = json!({"host": "dock", "path": file, "old_string": "      MODE: live\n",
        "new_string": "      MODE: live\n      DB_HOST: db1\n"});
    job.ok(server, "ssh_edit", edit);
    let up = job.any(server, "ssh_docker_compose_up", of.clone());
    let seen = job.ok(server, "ssh_docker_compose_ps", of);
    let down =
        engine(&["ps", "--all", "--quiet", "--filter", &format!("label=com.docker.compose.project={project}")], "");
    for id in down.lines() {
        engine(&["rm", "--force", "--volumes", id], "");
    }
    assert!(!up.error, "{}", up.text);
    assert!(seen.to_string().to_lowercase().contains("running"), "{seen}");
    job.done();
}
