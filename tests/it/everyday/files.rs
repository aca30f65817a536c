//! Jobs about files: releases, drift, logs, edits, and what goes from one host to another.

use base64::Engine as _;
use serde_json::{Value, json};

use super::{Job, text};
use crate::server::{Server, Setup};
use crate::sshd::Sshd;

/// Two hosts, each with a folder of its own.
struct Hosts {
    server: Server,
    one: std::path::PathBuf,
    two: std::path::PathBuf,
    _daemons: [Sshd; 2],
}

fn hosts() -> Hosts {
    let daemons = [Sshd::start(), Sshd::start()];
    let setup = Setup::new();
    let (one, two) = (setup.root().join("one"), setup.root().join("two"));
    for folder in [&one, &two] {
        std::fs::create_dir(folder).unwrap();
    }
    let keys = |folder: &std::path::Path| {
        format!(
            "command_allowlist = [\"*\"]\npath_allowlist = [\"{}\"]\nredact_paths_globs = [\"**/.env\"]",
            folder.display()
        )
    };
    let setup = setup.host(&daemons[0], "web1", &keys(&one)).host(&daemons[1], "web2", &keys(&two));
    Hosts { server: setup.start(), one, two, _daemons: daemons }
}

fn at(host: &str, path: &std::path::Path) -> Value {
    json!({"host": host, "path": path})
}

fn with(mut args: Value, more: Value) -> Value {
    args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    args
}

#[test]
fn a_release_goes_out_and_back() {
    let Hosts { mut server, one, _daemons, .. } = hosts();
    let server = &mut server;
    let made = std::process::Command::new("tar")
        .args(["czf", "-", "-C"])
        .arg(env!("CARGO_MANIFEST_DIR"))
        .args(["Cargo.toml", "CONTRIBUTING.md"])
        .output()
        .unwrap();
    let archive = base64::engine::general_purpose::STANDARD.encode(made.stdout);
    std::fs::create_dir_all(one.join("releases/1")).unwrap();
    std::fs::write(one.join("releases/1/version"), "1\n").unwrap();
    std::os::unix::fs::symlink("releases/1", one.join("current")).unwrap();
    let mut job = Job::new("3 deploy and rollback", 11, 3);
    job.ok(server, "ssh_upload", with(at("web1", &one.join("r2.tar.gz")), json!({"content_base64": archive})));
    let switch = |to: &str| format!("ln -sfn releases/{to} next && mv -T next current && readlink current");
    let script = format!(
        "set -e; cd {}; mkdir -p releases/2; tar xzf r2.tar.gz -C releases/2; echo 2 >releases/2/version; {}; ls current/",
        one.display(),
        switch("2")
    );
    let said = job.run(server, "ssh_exec_script", json!({"host": "web1", "script": script}));
    assert!(said.starts_with("releases/2\n") && said.contains("Cargo.toml"), "{said}");
    let script = format!("cd {} && {} && cat current/version", one.display(), switch("1"));
    assert_eq!(job.run(server, "ssh_exec_script", json!({"host": "web1", "script": script})), "releases/1\n1\n");
    job.done();
}

#[test]
fn two_hosts_that_drifted_apart_are_aligned() {
    let Hosts { mut server, one, two, _daemons } = hosts();
    let server = &mut server;
    let conf = |workers: u32, level: &str| {
        let rest: String = (0..60).map(|n| format!("option_{n} = value {n}\n")).collect();
        format!("workers = {workers}\n{rest}log = {level}\n")
    };
    std::fs::write(one.join("app.conf"), conf(8, "info")).unwrap();
    std::fs::write(two.join("app.conf"), conf(2, "debug")).unwrap();
    std::fs::write(two.join("local.conf"), "name = web2\n").unwrap();
    let mut job = Job::new("4 drift between two hosts", 17, 4);
    let looks = [
        ("ssh_find", at("web1", &one)),
        ("ssh_find", at("web2", &two)),
        ("ssh_sftp_download", at("web1", &one.join("app.conf"))),
        ("ssh_sftp_download", at("web2", &two.join("app.conf"))),
    ];
    let seen = job.batch(server, &looks);
    assert_ne!(seen[2]["content_text"], seen[3]["content_text"]);
    job.ok(
        server,
        "ssh_transfer",
        json!({"src_host": "web1", "src_path": one.join("app.conf"), "dst_host": "web2", "dst_path": two.join("app.conf"), "overwrite": true}),
    );
    let sums = job.batch(
        server,
        &[("ssh_file_hash", at("web1", &one.join("app.conf"))), ("ssh_file_hash", at("web2", &two.join("app.conf")))],
    );
    assert_eq!(sums[0]["hash"], sums[1]["hash"], "{sums:?}");
    job.done();
    assert_eq!(std::fs::read_to_string(two.join("app.conf")).unwrap(), conf(8, "info"));
}

#[test]
fn a_timeline_comes_out_of_many_megabytes_of_logs() {
    let Hosts { mut server, one, _daemons, .. } = hosts();
    let server = &mut server;
    let mut errors = 0;
    for file in 0..5 {
        let mut log = String::new();
        for n in 0..60_000_u32 {
            let (hour, minute) = (10 + file, n / 1000);
            let failed = file == 3 && n % 60 == 0;
            errors += u32::from(failed);
            let level = if failed { "ERROR upstream timed out" } else { "INFO request served in time" };
            log += &format!("2026-11-29T{hour}:{minute:02}:{:02}Z shop {level} id={n}\n", n % 60);
        }
        std::fs::write(one.join(format!("app.log.{file}")), log).unwrap();
    }
    let mut job = Job::new("7 a timeline of large logs", 5, 1);
    let search = with(at("web1", &one), json!({"contains": "ERROR", "max_lines": 3}));
    let seen = job.batch(
        server,
        &[
            ("ssh_find", search),
            (
                "ssh_sftp_download",
                with(at("web1", &one.join("app.log.3")), json!({"grep": "ERROR", "count_only": true})),
            ),
        ],
    );
    assert!(seen[0].to_string().contains("app.log.3") && !seen[0].to_string().contains("app.log.2"), "{}", seen[0]);
    assert_eq!(seen[1]["matches"], errors, "{}", seen[1]);
    let command = format!("grep -h ERROR {}/app.log.* | cut -c 1-16 | uniq -c", one.display());
    let timeline = job.run(server, "ssh_exec_run", json!({"host": "web1", "command": command}));
    assert_eq!(timeline.lines().count(), 60, "{timeline}");
    job.done();
}

#[test]
fn a_certificate_is_checked_and_renewed() {
    let Hosts { mut server, one, _daemons, .. } = hosts();
    let server = &mut server;
    let make = |days: u32| {
        format!(
            "cd {} && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem \
             -subj /CN=shop.example -days {days} 2>/dev/null && chmod 600 key.pem",
            one.display()
        )
    };
    assert!(std::process::Command::new("sh").args(["-c", &make(3)]).status().unwrap().success());
    let check = format!("openssl x509 -in {}/cert.pem -noout -subject -enddate -checkend 2592000", one.display());
    let mut job = Job::new("11 a certificate is renewed", 4, 2);
    let before = job.ok(server, "ssh_exec_run", json!({"host": "web1", "command": check}));
    assert_eq!(before["exit_code"], 1, "{before}");
    job.run(server, "ssh_exec_script", json!({"host": "web1", "script": make(365)}));
    let after = job.run(server, "ssh_exec_run", json!({"host": "web1", "command": check}));
    assert!(after.contains("Certificate will not expire"), "{after}");
    job.done();
}

#[test]
fn a_dump_of_a_database_goes_to_another_host() {
    let Hosts { mut server, one, two, _daemons } = hosts();
    let server = &mut server;
    let python = |code: &str| format!("python3 -c '{code}'");
    let make = "import sqlite3; db = sqlite3.connect(\"shop.db\"); db.execute(\"create table t (n)\"); \
                db.executemany(\"insert into t values (?)\", [(n,) for n in range(500)]); db.commit()";
    let made = std::process::Command::new("sh").args(["-c", &python(make)]).current_dir(&one).status().unwrap();
    assert!(made.success());
    let mut job = Job::new("12 a database dump to another host", 5, 1);
    let dump = python("import sqlite3; print(*sqlite3.connect(\"shop.db\").iterdump(), sep=\"\\n\")");
    let script = format!("cd {} && {dump} | gzip >dump.gz", one.display());
    job.run(server, "ssh_exec_script", json!({"host": "web1", "script": script}));
    job.ok(
        server,
        "ssh_transfer",
        json!({"src_host": "web1", "src_path": one.join("dump.gz"), "dst_host": "web2", "dst_path": two.join("dump.gz")}),
    );
    let check = format!("zcat {}/dump.gz | grep -c '^INSERT'", two.display());
    assert_eq!(job.run(server, "ssh_exec_run", json!({"host": "web2", "command": check})), "500\n");
    job.done();
}

#[test]
fn one_value_in_two_thousand_lines_is_changed() {
    let Hosts { mut server, one, _daemons, .. } = hosts();
    let server = &mut server;
    let section = |n: u32| format!("[pool {n}]\nmax = {}\nmin = 1\nname = pool{n}\n", n % 7);
    let file = one.join("pools.ini");
    std::fs::write(&file, (0..500).map(section).collect::<String>()).unwrap();
    let mut job = Job::new("15 an edit in 2000 lines", 8, 1);
    let found =
        job.ok(server, "ssh_sftp_download", with(at("web1", &file), json!({"grep": "^name = pool367$", "context": 3})));
    assert!(text(&found["content_text"]).contains("1470-max = 3"), "{found}");
    let edited = job.ok(
        server,
        "ssh_edit",
        with(at("web1", &file), json!({"old_string": "[pool 367]\nmax = 3", "new_string": "[pool 367]\nmax = 30"})),
    );
    assert!(text(&edited["diff"]).contains("+max = 30"), "{edited}");
    job.done();
    assert!(std::fs::read_to_string(&file).unwrap().contains("[pool 367]\nmax = 30\nmin"));
}

#[test]
fn two_hundred_files_go_to_another_host() {
    let Hosts { mut server, one, two, _daemons } = hosts();
    let server = &mut server;
    std::fs::create_dir(one.join("site")).unwrap();
    for n in 0..200 {
        std::fs::write(one.join(format!("site/page-{n}.html")), format!("<h1>{n}</h1>\n")).unwrap();
    }
    let mut job = Job::new("16 two hundred files to another host", 5, 1);
    let pack = format!("cd {} && tar czf site.tgz site && tar tzf site.tgz | wc -l", one.display());
    job.run(server, "ssh_exec_script", json!({"host": "web1", "script": pack}));
    job.ok(
        server,
        "ssh_transfer",
        json!({"src_host": "web1", "src_path": one.join("site.tgz"), "dst_host": "web2", "dst_path": two.join("site.tgz")}),
    );
    let unpack = format!("cd {} && tar xzf site.tgz && find site -type f | wc -l", two.display());
    assert_eq!(job.run(server, "ssh_exec_script", json!({"host": "web2", "script": unpack})).trim(), "200");
    job.done();
    assert_eq!(std::fs::read_to_string(two.join("site/page-7.html")).unwrap(), "<h1>7</h1>\n");
}
