//! Walks about containers: one that restarts for ever, a rollout and its way back, a deployment and its way back.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::walk::{Walk, root_sh, server, use_of};
use super::{machine, shared_folder};
use crate::containers::{Container, engine, nothing_pruned, prune_turn, sample_image};
use crate::server::eventually;
use crate::sshd::free_port;

fn unique(stem: &str) -> String {
    format!("{stem}-{}", std::process::id())
}

/// Removes a container at the end, also of a walk that failed.
struct Gone(String);

impl Drop for Gone {
    fn drop(&mut self) {
        engine(&["rm", "--force", "--volumes", &self.0], "");
    }
}

/// `docker inspect --format`.
fn fact(container: &str, format: &str) -> String {
    engine(&["inspect", "--format", format, container], "").trim().to_owned()
}

/// A folder under one name on the machine and for the engine, with these files.
fn project(name: &str, files: &[(&str, &str)]) -> String {
    let folder = shared_folder().unwrap().join(unique(name));
    std::fs::create_dir_all(&folder).unwrap();
    for (file, text) in files {
        std::fs::write(folder.join(file), text).unwrap();
    }
    folder.display().to_string()
}

#[test]
fn a_container_that_restarts_for_ever_is_diagnosed_and_stopped() {
    let (Some(host), Some(image)) = (machine(), sample_image()) else { return };
    let kept = nothing_pruned();
    let (looping, hungry) = (unique("loop"), unique("hungry"));
    let start = |name: &str, options: &[&str], line: &str| {
        engine(&[&["run", "--detach", "--name", name], options, &[image.as_str(), "sh", "-c", line]].concat(), "");
        Gone(name.to_owned())
    };
    let _gone = [
        start(&looping, &["--restart=always"], "echo 'fatal: DB_URL is not set' >&2; exit 3"),
        start(&hungry, &["--memory=16m", "--memory-swap=16m"], "x=xxxxxxxx; while :; do x=$x$x; done"),
    ];
    let compose = format!(
        "services:\n  web:\n    image: {image}\n    command: [sh, -c, \"echo db is not healthy; trap 'exit 0' TERM; sleep 600 & wait\"]\n    \
         volumes: [\"./data:/data:ro\"]\n"
    );
    let folder = project("incident", &[("compose.yml", &compose)]);
    std::fs::create_dir_all(format!("{folder}/data")).unwrap();
    let file = format!("{folder}/compose.yml");
    let keys = format!(
        "path_allowlist = [\"{folder}\"]\ncommand_allowlist = [\"ss\"]\nalerts = {{ disk_use_percent_max = 100 }}"
    );
    let values = [
        ("HOST", "box"),
        ("CONTAINER", &*looping),
        ("NETWORK", "bridge"),
        ("COMPOSE_FILE", &*file),
        ("SERVICE", "web"),
        ("SOURCE", &*format!("{folder}/data")),
    ];
    let mut walk = Walk::begin("ssh-docker-incident-response", server(host, "root", &keys, &[]), &values);
    assert!(eventually(Duration::from_secs(60), || fact(&looping, "{{.RestartCount}}").parse::<u32>().unwrap() >= 2));

    // The loop: status, events, exit status, and the reason in the log.
    let listed = walk.done("ssh_docker_ps");
    let state = listed["containers"][0]["State"].as_str().unwrap();
    assert!(["restarting", "running", "exited"].contains(&state), "{listed}");
    walk.ok("ssh_host_disk_usage");
    walk.ok("ssh_host_alerts");
    walk.done("ssh_docker_stats");
    let events = walk.done("ssh_docker_events");
    let died = events["events"].as_array().unwrap().iter().filter(|event| event["Action"] == "die").count();
    assert!(died >= 1, "{events}");
    let seen = walk.done("ssh_docker_inspect")["objects"][0].clone();
    assert!(seen["RestartCount"].as_u64().unwrap() >= 2, "{seen}");
    assert_eq!(seen["HostConfig"]["RestartPolicy"]["Name"], "always");
    let logs = walk.done("ssh_docker_logs");
    assert!(
        logs["stderr"].as_str().unwrap().lines().filter(|line| *line == "fatal: DB_URL is not set").count() >= 2,
        "{logs}"
    );
    walk.go_to("7.");
    walk.done("ssh_docker_stop");
    walk.go_to("1.");
    assert_eq!(walk.done("ssh_docker_ps")["containers"][0]["State"], "exited");
    walk.go_to("3.");
    let state = walk.done("ssh_docker_inspect")["objects"][0]["State"].clone();
    assert_eq!((&state["ExitCode"], &state["OOMKilled"], &state["Running"]), (&json!(3), &json!(false), &json!(false)));

    // The one over its memory limit.
    walk.value("CONTAINER", &*hungry);
    walk.go_to("3.");
    let ended = walk.until("ssh_docker_inspect", |answer| answer["objects"][0]["State"]["Status"] == "exited");
    let state = &ended["objects"][0]["State"];
    // Engines on cgroup v1 do not all notice that it was the memory: then a bare inspect says no more than ours.
    let noticed = fact(&hungry, "{{.State.OOMKilled}}") == "true";
    assert_eq!((&state["ExitCode"], &state["OOMKilled"]), (&json!(137), &json!(noticed)), "{state}");
    let unified = std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    assert!(noticed || !unified, "on cgroup v2 the engine notices: {state}");

    // The project: anew, looked into, restarted, down.
    walk.go_to("7.");
    walk.skip(&["ssh_docker_stop", "ssh_docker_start", "ssh_docker_restart", "ssh_docker_compose_restart"]);
    walk.done("ssh_docker_compose_up");
    let web =
        engine(&["ps", "--quiet", "--filter", &format!("label=com.docker.compose.project.working_dir={folder}")], "");
    walk.value("CONTAINER", web.trim());
    let network = fact(web.trim(), "{{range $name, $net := .NetworkSettings.Networks}}{{$name}}{{end}}");
    walk.value("NETWORK", &*network);
    walk.go_to("4.");
    let top = walk.done("ssh_docker_top");
    assert!(top["stdout"].as_str().unwrap().contains("sleep 600"), "{top}");
    let members = walk.done("ssh_docker_inspect")["objects"][0]["Containers"].clone();
    assert_eq!(members.as_object().unwrap().len(), 1, "{members}");
    let services = walk.done("ssh_docker_compose_ps");
    assert_eq!(
        (&services["services"][0]["Service"], &services["services"][0]["State"]),
        (&json!("web"), &json!("running"))
    );
    let logs = walk.done("ssh_docker_compose_logs");
    assert!(logs["stdout"].as_str().unwrap().contains("db is not healthy"), "{logs}");
    assert_eq!(walk.ok("ssh_sftp_stat")["kind"], "dir");
    assert!(walk.done("ssh_exec_run")["stdout"].as_str().unwrap().contains(":22"));
    walk.go_to("7.");
    walk.done("ssh_docker_stop");
    walk.done("ssh_docker_start");
    walk.done("ssh_docker_restart");
    walk.done("ssh_docker_compose_restart");
    walk.skip(&["ssh_docker_compose_up"]);
    walk.done("ssh_docker_compose_down");

    // The engine's disk: the stopped containers go, and nothing that runs.
    drop(kept);
    let _turn = prune_turn();
    walk.go_to("6.");
    assert!(!walk.done("ssh_docker_system_df")["categories"].as_array().unwrap().is_empty());
    walk.done("ssh_docker_images");
    walk.done("ssh_docker_volumes");
    let pruned = walk.done("ssh_docker_prune");
    assert!(pruned["stdout"].as_str().unwrap().contains("Deleted Containers"), "{pruned}");
    walk.done("ssh_docker_prune");
    walk.done("ssh_docker_prune");
    walk.value("CONTAINER", &*looping);
    walk.go_to("1.");
    assert_eq!(walk.done("ssh_docker_ps")["containers"], json!([]));
    assert!(fact(&host.name, "{{.State.Running}}") == "true");
    walk.end();
}

/// Three images of a small web service in a registry on the machine; the third one does not start.
fn released(host: &Container, image: &str) -> String {
    let config = "version: 0.1\nstorage: {filesystem: {rootdirectory: /srv/registry}}\nhttp: {addr: \":5000\"}\n";
    let serve = "printf '%s' \"$1\" >/srv/registry.yml; systemd-run --quiet --unit=registry docker-registry serve /srv/registry.yml";
    host.says(&["sh", "-c", serve, "sh", config]);
    let port = engine(&["port", &host.name, "5000/tcp"], "");
    let name = format!("{}/{}", port.trim(), unique("app"));
    let up = || host.inside(&["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/5000"]).status.success();
    assert!(eventually(Duration::from_secs(30), up), "the registry listens");
    for version in 1..=3 {
        // The first process of a container gets no default for TERM.
        let starts = "trap 'exit 0' TERM; httpd -f -p 8080 -h /srv & wait";
        let line = if version < 3 { starts } else { "echo 'cannot read /etc/app.conf' >&2; exit 1" };
        let file = format!(
            "FROM {image}\nRUN mkdir -p /srv && echo version {version} >/srv/index.html\nENTRYPOINT []\nCMD [\"sh\", \"-c\", \"{line}\"]\n\
             HEALTHCHECK --interval=1s --timeout=5s --retries=5 CMD wget -q -O /dev/null http://127.0.0.1:8080/index.html || exit 1\n"
        );
        let tag = format!("{name}:{version}");
        engine(&["build", "--quiet", "--tag", &tag, "-"], &file);
        engine(&["push", "--quiet", &tag], "");
        engine(&["rmi", &tag], "");
    }
    name
}

/// The answer of the service to a client outside.
fn served(port: u16) -> String {
    let mut text = String::new();
    if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let _ = stream.write_all(b"GET /index.html HTTP/1.0\r\n\r\n");
        let _ = stream.read_to_string(&mut text);
    }
    text.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn a_rollout_goes_forward_and_back() {
    let (Some(host), Some(image)) = (machine(), sample_image()) else { return };
    let _kept = nothing_pruned();
    let released = released(host, &image);
    let [first, second, third] = [1, 2, 3].map(|version| format!("{released}:{version}"));
    let (name, network, port) = (unique("rollout"), unique("net"), free_port());
    let (ports, volume) = (format!("127.0.0.1:{port}:8080"), format!("{name}:/data"));
    engine(&["network", "create", &network], "");
    let _gone = Gone(name.clone());
    engine(
        &[
            "run",
            "--detach",
            "--name",
            &name,
            "--publish",
            &ports,
            "--volume",
            &volume,
            "--env",
            "GREETING=hello",
            "--network",
            &network,
            "--restart",
            "unless-stopped",
            "--label",
            "tier=web",
            &first,
        ],
        "",
    );
    let values = [
        ("HOST", "box"),
        ("CONTAINER", &*name),
        ("NAME", "GREETING"),
        ("VALUE", "hello"),
        ("RESTART", "unless-stopped"),
    ];
    let mut walk = Walk::begin("ssh-container-rollout", server(host, "root", "", &[]), &values);
    walk.value("NETWORK", &*network);
    walk.value("PORTS", json!([ports]));
    walk.value("VOLUMES", json!([volume]));
    walk.value("ARGS", json!(["--label", "tier=web"]));

    for (previous, next) in [(&first, &second), (&second, &third)] {
        walk.value("IMAGE", &**next);
        walk.value("PREVIOUS", &**previous);
        walk.go_to("1.");
        let recorded = walk.done("ssh_docker_inspect")["objects"][0].clone();
        let config = &recorded["HostConfig"];
        assert_eq!(recorded["Config"]["Image"], **previous, "{recorded}");
        let bound = json!([{"HostIp": "127.0.0.1", "HostPort": port.to_string()}]);
        assert_eq!(config["PortBindings"]["8080/tcp"], bound);
        assert_eq!((&config["Binds"], &config["RestartPolicy"]["Name"]), (&json!([volume]), &json!("unless-stopped")));
        assert!(recorded["Config"]["Env"].as_array().unwrap().contains(&json!("GREETING=hello")));
        assert!(recorded["NetworkSettings"]["Networks"][&network].is_object());
        let row = walk.done("ssh_docker_ps")["containers"][0].clone();
        assert!(row["Labels"].as_str().unwrap().contains("tier=web"), "{row}");
        walk.done("ssh_docker_pull");
        let pulled = walk.done("ssh_docker_inspect")["objects"][0].clone();
        assert!(pulled["RepoDigests"][0].as_str().unwrap().contains("@sha256:"), "{pulled}");
        walk.done("ssh_docker_stop");
        walk.done("ssh_docker_rm");
        walk.done("ssh_docker_run");
        if next == &second {
            walk.until("ssh_docker_inspect", |answer| answer["objects"][0]["State"]["Health"]["Status"] == "healthy");
            walk.done("ssh_docker_logs");
            assert!(walk.done("ssh_docker_top")["stdout"].as_str().unwrap().contains("httpd"));
            assert_eq!(served(port), "version 2");
        } else {
            walk.until("ssh_docker_inspect", |answer| answer["objects"][0]["RestartCount"].as_u64().unwrap_or(0) >= 1);
            let logs = walk.done("ssh_docker_logs");
            assert!(logs["stderr"].as_str().unwrap().contains("cannot read /etc/app.conf"), "{logs}");
        }
    }
    walk.go_to("6.");
    walk.done("ssh_docker_stop");
    walk.done("ssh_docker_rm");
    walk.done("ssh_docker_run");
    let back =
        walk.until("ssh_docker_inspect", |answer| answer["objects"][0]["State"]["Health"]["Status"] == "healthy");
    let config = &back["objects"][0];
    assert_eq!((&config["Config"]["Image"], &config["Config"]["Labels"]["tier"]), (&json!(second), &json!("web")));
    assert_eq!(served(port), "version 2");
    walk.end();
    engine(&["rm", "--force", &name], "");
    engine(&["network", "rm", &network], "");
    engine(&["volume", "rm", &name], "");
    for used in [&first, &second, &third] {
        engine(&["rmi", "--force", used], "");
    }
    // For the end of `_gone`.
    engine(&["create", "--name", &name, &image], "");
}

fn sha256(text: &str) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_deployment_is_verified_and_taken_back() {
    let (Some(host), Some(image)) = (machine(), sample_image()) else { return };
    let _kept = nothing_pruned();
    let local = tempfile::tempdir().unwrap();
    let new_file = local.path().join("new");
    let app = format!(
        "services:\n  app:\n    image: {image}\n    command: [sh, -c, \"grep -q mode=good /etc/app.conf || {{ echo error: bad mode >&2; exit 1; }}; echo up; \
         trap 'exit 0' TERM; sleep 600 & wait\"]\n    restart: always\n    volumes: [\"./app.conf:/etc/app.conf:ro\"]\n"
    );
    let folder = project("deploy", &[("compose.yml", "services: {}\n"), ("app.conf", "mode=good\n")]);
    let (compose_file, app_conf) = (format!("{folder}/compose.yml"), format!("{folder}/app.conf"));
    let keys =
        format!("path_allowlist = [\"{folder}\", \"/etc/nginx/conf.d\"]\nalerts = {{ disk_use_percent_max = 100 }}");
    let server = server(host, "root", &keys, &[("SSH_LOCAL_TRANSFER_ROOTS", local.path().to_str().unwrap())]);
    let values = [
        ("HOST", "box"),
        ("UNIT", "nginx.service"),
        ("LOCAL", new_file.to_str().unwrap()),
        ("COMPOSE_FILE", &*compose_file),
    ];
    let mut walk = Walk::begin("ssh-deploy-verify", server, &values);

    // Steps 1 to 3 with text, and with a local file.
    let inline = |walk: &mut Walk, path: &str, content: &str| -> Value {
        walk.value("PATH", path);
        walk.value("CONTENT", content);
        walk.go_to("1.");
        assert_eq!(walk.ok("ssh_known_hosts_verify")["matches_known_hosts"], true);
        assert_eq!(walk.ok("ssh_host_alerts")["breaches"], json!([]));
        use_of(&walk.ok("ssh_host_disk_usage"), "/");
        let placed = walk.ok("ssh_deploy");
        walk.skip(&["ssh_deploy"]);
        assert_eq!(walk.ok("ssh_file_hash")["digest"], sha256(content));
        placed["backup_path"].clone()
    };
    let from_file = |walk: &mut Walk, path: &str, content: &str| -> Value {
        std::fs::write(&new_file, content).unwrap();
        walk.value("PATH", path);
        walk.go_to("2.");
        walk.skip(&["ssh_deploy"]);
        let placed = walk.ok("ssh_deploy");
        assert_eq!(walk.ok("ssh_file_hash")["digest"], sha256(content));
        placed["backup_path"].clone()
    };

    // A unit: good, then broken, then back.
    let (site, good) = ("/etc/nginx/conf.d/app.conf", "server { listen 127.0.0.1:8081; return 200 good; }\n");
    root_sh(host, "systemctl start nginx");
    assert_eq!(inline(&mut walk, site, good), Value::Null, "there was no file");
    walk.done("ssh_systemctl_reload");
    walk.go_to("5.");
    assert_eq!(walk.ok("ssh_systemctl_is_active")["state"], "active");
    walk.ok("ssh_journalctl");
    let backup = from_file(&mut walk, site, "server { listen 127.0.0.1:8081; return 200 }\n");
    let failed = walk.ok("ssh_systemctl_reload");
    assert_ne!(failed["exit_code"], 0, "{failed}");
    walk.go_to("5.");
    assert_eq!(walk.ok("ssh_systemctl_is_active")["state"], "active", "the old configuration runs on");
    walk.value("BACKUP", backup);
    walk.go_to("6.");
    assert_eq!(walk.ok("ssh_mv")["success"], true);
    walk.go_to("3.");
    assert_eq!(walk.ok("ssh_file_hash")["digest"], sha256(good));
    walk.done("ssh_systemctl_reload");
    walk.done("ssh_systemctl_restart");
    walk.go_to("5.");
    assert_eq!(walk.ok("ssh_systemctl_is_active")["state"], "active");

    // A compose file, then a file that is mounted into its service: good, broken, back.
    inline(&mut walk, &compose_file, &app);
    walk.skip(&["ssh_systemctl_reload", "ssh_systemctl_restart"]);
    walk.done("ssh_docker_compose_up");
    let id =
        engine(&["ps", "--quiet", "--filter", &format!("label=com.docker.compose.project.working_dir={folder}")], "");
    let _gone = Gone(id.trim().to_owned());
    walk.value("CONTAINER", id.trim());
    let healthy = |walk: &mut Walk| {
        walk.go_to("5.");
        walk.skip(&["ssh_systemctl_is_active", "ssh_journalctl"]);
        let services = walk.until("ssh_docker_compose_ps", |answer| answer["services"][0]["State"].is_string());
        let logs = walk.done("ssh_docker_compose_logs");
        let seen = walk.done("ssh_docker_inspect")["objects"][0].clone();
        (services["services"][0]["State"] == "running", logs.to_string(), seen["RestartCount"].as_u64().unwrap())
    };
    let (running, logs, restarts) = healthy(&mut walk);
    assert!(running && logs.contains("up") && restarts == 0, "{logs}");
    let backup = from_file(&mut walk, &app_conf, "mode=broken\n");
    walk.skip(&["ssh_systemctl_reload", "ssh_systemctl_restart", "ssh_docker_compose_up"]);
    walk.done("ssh_docker_compose_restart");
    assert!(eventually(Duration::from_secs(60), || fact(id.trim(), "{{.RestartCount}}") != "0"), "it crashes");
    let (_, logs, restarts) = healthy(&mut walk);
    assert!(logs.contains("error: bad mode") && restarts >= 1, "{logs}");
    walk.value("BACKUP", backup);
    walk.go_to("6.");
    walk.ok("ssh_mv");
    walk.done("ssh_docker_compose_restart");
    walk.go_to("3.");
    assert_eq!(walk.ok("ssh_file_hash")["digest"], sha256("mode=good\n"));
    let (running, logs, restarts) = healthy(&mut walk);
    assert!(running && restarts == 0, "{logs}");
    walk.end();
}
