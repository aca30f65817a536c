//! The life of a container and of a compose project on a real engine, through a host that has docker's clients.

use serde_json::{Value, json};

use super::session::{Session, folder};
use crate::containers::{Container, nothing_pruned, prune_turn, sample_image, systemd_host};

/// A session on the container host, as an account that may use docker; nothing without an engine.
fn session() -> Option<(Session, &'static Container, String)> {
    let (Some(host), Some(image)) = (systemd_host(), sample_image()) else {
        println!("docker live: not run, SSH_MCP_TEST_DOCKER=1 is not set (contrib/test sets it)");
        return None;
    };
    host.says(&["sh", "-c", "mkdir -p /srv/live/data && chown -R dora /srv/live"]);
    let hosts = host.host_entry("box", "dora", &["path_allowlist = [\"/srv/live\"]", "command_allowlist = [\"*\"]"]);
    let session = Session::start(folder(), &host.ssh_config_block("127.0.0.1", "dora", &[]), &hosts, &[]);
    Some((session, host, image))
}

pub(super) fn unique(stem: &str) -> String {
    format!("{stem}-{}", std::process::id())
}

#[test]
fn a_containers_life() {
    let Some((mut docker, host, image)) = session() else { return };
    let name = unique("life");
    let kept = nothing_pruned();
    // The engine runs beside the host, so paths of binds are the engine's; copies are the host's.
    let run = json!({
        "image": image, "name": name, "detached": true, "remove": false, "env": {"API_TOKEN": "hunter2hunter2"},
        "args": ["--label", "tier=web", "sh", "-c", "echo begun; echo db_password=hunter2hunter2; echo trouble >&2; sleep 600"],
    });
    docker.done("ssh_docker_run", run);
    let listed = docker.done("ssh_docker_ps", json!({"name": name}));
    assert_eq!(listed["containers"][0]["Names"], name.as_str());
    assert!(listed["containers"][0].get("Labels").is_none());
    assert!(!listed.to_string().contains("hunter2hunter2"), "{listed}");
    let labelled = docker.done("ssh_docker_ps", json!({"label": "tier=web", "include_labels": true, "name": name}));
    assert!(labelled["containers"][0]["Labels"].as_str().unwrap().contains("tier=web"));

    let logs = docker.done("ssh_docker_logs", json!({"container": name}));
    let (stdout, stderr) = (logs["stdout"].as_str().unwrap(), logs["stderr"].as_str());
    assert!(stdout.starts_with("begun\ndb_password=") && !stdout.contains("hunter2"), "{logs}");
    assert_eq!(stderr, Some("trouble\n"));
    let exec =
        docker.done("ssh_docker_exec", json!({"container": name, "command": "echo kept >/tmp/note; cat /tmp/note"}));
    assert_eq!(exec["stdout"], "kept\n");
    let around = json!({
        "container": name, "command": "pwd; echo \"$APP_VALUE|$PATH\"; cat", "cwd": "/tmp", "stdin": "x\ny",
        "env": {"APP_VALUE": "a 'b' #c $HOME =", "PATH": "/bin:/usr/bin"},
    });
    let exec = docker.done("ssh_docker_exec", around);
    assert_eq!(exec["stdout"], "/tmp\na 'b' #c $HOME =|/bin:/usr/bin\nx\ny");
    for more in [json!({"env": {"A": "x\ny"}}), json!({"cwd": "tmp"})] {
        let mut args = json!({"container": name, "command": "true"});
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let refused = docker.call("ssh_docker_exec", args);
        assert!(
            refused.error && refused.text.contains("InvalidValue") || refused.text.contains("Argument"),
            "{}",
            refused.text
        );
    }
    let top = docker.done("ssh_docker_top", json!({"container": name, "ps_options": "-eo pid,comm"}));
    assert!(top["stdout"].as_str().unwrap().contains("sleep"), "{top}");
    let stats = docker.done("ssh_docker_stats", json!({}));
    assert!(stats["containers"].as_array().unwrap().iter().any(|c| c["Name"] == name.as_str()));
    let inspect = docker.done("ssh_docker_inspect", json!({"target": name}));
    assert_eq!(inspect["objects"][0]["State"]["Status"], "running");
    let chosen = json!({"target": name, "fields": ["State.Status", "Config.Env"]});
    let chosen = docker.done("ssh_docker_inspect", chosen);
    assert_eq!(chosen["objects"][0].as_object().unwrap().len(), 2, "{chosen}");
    assert!(
        chosen["objects"][0]["State.Status"] == "running" && !chosen.to_string().contains("hunter2hunter2"),
        "{chosen}"
    );
    assert!(!inspect.to_string().contains("hunter2hunter2"), "{inspect}");
    docker.done("ssh_docker_inspect", json!({"target": image, "kind": "image"}));

    let copy = |direction: &str, host_path: &str| json!({"container": name, "container_path": "/tmp/note", "host_path": host_path, "direction": direction});
    docker.done("ssh_docker_cp", copy("from_container", "/srv/live/data/note"));
    assert_eq!(host.says(&["cat", "/srv/live/data/note"]).trim(), "kept");
    docker.done("ssh_docker_cp", copy("to_container", "/srv/live/data/note"));
    assert!(docker.refused("ssh_docker_cp", copy("to_container", "/etc/passwd")).contains("PathNotAllowed"));

    docker.done("ssh_docker_stop", json!({"container": name, "grace": 0}));
    docker.done("ssh_docker_start", json!({"container": name}));
    docker.done("ssh_docker_restart", json!({"container": name, "grace": 0}));
    // The engine reads moments in whole seconds, so the present second is not told yet.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let events = docker.done("ssh_docker_events", json!({"since": "10m", "filters": [format!("container={name}")]}));
    let seen: Vec<&str> = events["events"].as_array().unwrap().iter().filter_map(|e| e["Action"].as_str()).collect();
    // The engine remembers its last 256 events, and other tests keep it busy: only what just happened is surely there.
    for action in ["start", "die", "restart"] {
        assert!(seen.contains(&action), "{action} in {seen:?}");
    }
    docker.done("ssh_docker_rm", json!({"container": name, "force": true}));
    let gone = docker.call("ssh_docker_inspect", json!({"target": name}));
    assert_eq!((gone.error, &gone.data["objects"]), (false, &json!([])), "a missing object is data");
    drop(kept);
    let alone = prune_turn();
    docker.done("ssh_docker_prune", json!({"scope": "network"}));
    drop(alone);
    docker.done("ssh_docker_system_df", json!({}));
    docker.done("ssh_docker_volumes", json!({}));
    let images = docker.done("ssh_docker_images", json!({}));
    assert!(!images["images"].as_array().unwrap().is_empty());
    let refused = docker.refused("ssh_docker_run", json!({"image": image, "args": ["--privileged", "id"]}));
    assert!(refused.contains("ALLOW_DOCKER_PRIVILEGED"), "{refused}");
}

fn project(image: &str) -> String {
    format!(
        "services:\n  web:\n    image: {image}\n    command: [sh, -c, \"echo $$0 begun; sleep 600\"]\n    stop_grace_period: 0s\n    environment: \
         {{DB_PASSWORD: hunter2hunter2}}\n    healthcheck: {{test: [CMD, \"false\"], interval: 1s, timeout: 1s, retries: 1}}\n  \
         db:\n    image: {image}\n    command: sleep 600\n    stop_grace_period: 0s\n"
    )
}

pub(super) fn write(host: &Container, path: &str, text: &str) {
    host.says(&["sh", "-c", "mkdir -p \"${1%/*}\" && printf '%s' \"$2\" >\"$1\"", "sh", path, text]);
}

fn services(answer: &Value) -> Vec<(String, String, String)> {
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let rows = answer["services"].as_array().unwrap();
    let mut all: Vec<_> = rows.iter().map(|r| (text(r, "Service"), text(r, "State"), text(r, "Health"))).collect();
    all.sort();
    all
}

#[test]
fn logs_are_bounded() {
    let Some((mut docker, _, image)) = session() else { return };
    let _kept = nothing_pruned();
    let name = unique("flood");
    let command = json!(["sh", "-c", "yes 0123456789abcdef | head -n 100000; echo end >&2"]);
    docker.done(
        "ssh_docker_run",
        json!({"image": image, "name": name, "remove": false, "detached": true, "command": command}),
    );
    let mut ended = Value::Null;
    for _ in 0..100 {
        ended = docker.done("ssh_docker_ps", json!({"name": name, "status": "exited"}))["containers"].clone();
        if ended != json!([]) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert_ne!(ended, json!([]), "the flood has an end");
    let logs = docker.done("ssh_docker_logs", json!({"container": name, "tail": 10000, "max_bytes": 4096}));
    let kept = logs["stdout"].as_str().unwrap().len();
    assert!((4096..4300).contains(&kept) && logs["stdout_truncated"] == true, "{kept}");
    assert!(logs["stdout_bytes"].as_u64().unwrap() > 100_000, "the true size is told: {}", logs["stdout_bytes"]);
    let few = docker.done("ssh_docker_logs", json!({"container": name, "tail": 3}));
    assert!(few["stdout"].as_str().unwrap().lines().count() <= 3, "{few}");
    docker.done("ssh_docker_rm", json!({"container": name}));
}

#[test]
fn a_log_is_followed_to_a_line_or_for_a_time() {
    let Some((mut docker, _host, image)) = session() else { return };
    let _kept = nothing_pruned();
    let name = unique("followed");
    let says = "i=0; echo token=hunter2hunter2; while :; do i=$((i+1)); echo line $i.; sleep 0.2; done";
    let run = json!({"image": image, "name": name, "detached": true, "remove": false, "command": ["sh", "-c", says]});
    docker.done("ssh_docker_run", run);
    let asked = json!({"container": name, "follow": 40, "until_match": "line [0-9]*5[.]"});
    let logs = docker.done("ssh_docker_logs", asked);
    let (text, matched) = (logs["stdout"].as_str().unwrap(), logs["matched"].as_str().unwrap());
    assert!(text.contains(matched) && matched.ends_with("5."), "{logs}");
    let all = json!({"container": name, "follow": 2, "since": "10m", "tail": 10000});
    let logs = docker.done("ssh_docker_logs", all);
    let text = logs["stdout"].as_str().unwrap();
    assert!(text.contains("line 1.") && text.lines().count() > 5 && !text.contains("hunter2"), "{logs}");
    assert_eq!((logs["exit_code"].as_i64(), logs["timed_out"].as_bool()), (Some(0), None), "{logs}");
    docker.done("ssh_docker_rm", json!({"container": name, "force": true}));
}

#[test]
fn an_account_without_rights_goes_through_sudo() {
    let Some((mut dora, host, image)) = session() else { return };
    let _kept = nothing_pruned();
    let name = unique("sudo");
    let run = json!({"image": image, "name": name, "detached": true, "remove": false, "command": ["sleep", "600"]});
    dora.done("ssh_docker_run", run);
    let as_user = |user: &str, keys: &[&str], env: &[(&str, &str)]| {
        let config = host.ssh_config_block("127.0.0.1", user, &[]);
        Session::start(folder(), &config, &host.host_entry("box", user, keys), env)
    };
    let stop = json!({"container": name, "grace": 0});
    let with_sudo = json!({"container": name, "grace": 0, "sudo": true});
    let running = |dora: &mut Session| dora.done("ssh_docker_ps", json!({"name": name}))["containers"] != json!([]);

    // Not in the docker group: a refusal that names the input, which needs the tier, which goes on record.
    let mut closed = as_user("agent", &[], &[]);
    let refused = closed.refused("ssh_docker_stop", stop.clone());
    assert!(refused.contains("PlatformNotSupported") && refused.contains("sudo: true"), "{refused}");
    assert!(closed.refused("ssh_docker_stop", with_sudo.clone()).contains("TierNotAllowed"));
    assert!(running(&mut dora));
    let mut open = as_user("agent", &[], &[("ALLOW_SUDO", "true")]);
    open.done("ssh_docker_stop", with_sudo.clone());
    assert!(!running(&mut dora));
    let on_record = || open.stderr().lines().any(|l| l.contains("ssh_docker_stop") && l.contains("\"sudo\":true"));
    assert!(crate::server::eventually(std::time::Duration::from_secs(5), on_record), "{}", open.stderr());

    // The operator's own way: sudo in the command itself, for the read tools as well.
    let mut prefixed = as_user("agent", &["docker_cmd = \"sudo docker\""], &[]);
    prefixed.done("ssh_docker_start", json!({"container": name}));
    let listed = prefixed.done("ssh_docker_ps", json!({"name": name}));
    assert_eq!(listed["containers"][0]["State"], "running");
    let mut bob = as_user("bob", &["docker_cmd = \"sudo docker\""], &[("ALLOW_SUDO", "true")]);
    for (tool, args) in [("ssh_docker_ps", json!({})), ("ssh_docker_stop", stop), ("ssh_docker_stop", with_sudo)] {
        let refused = bob.refused(tool, args);
        assert!(refused.contains("sudo"), "{refused}");
    }
    assert!(running(&mut dora));
    dora.done("ssh_docker_rm", json!({"container": name, "force": true}));
}

#[test]
fn an_engine_that_is_stopped_or_deaf_is_told_in_time() {
    let Some((_, host, image)) = session() else { return };
    let deaf =
        "import socket,time; s=socket.socket(socket.AF_UNIX); s.bind('/run/deaf.sock'); s.listen(9); time.sleep(600)";
    host.says(&[
        "sh",
        "-c",
        "python3 -c \"$1\" >/dev/null 2>&1 & until chmod 777 /run/deaf.sock 2>/dev/null; do sleep 0.1; done",
        "sh",
        deaf,
    ]);
    for (socket, limit) in [("/run/none.sock", "30"), ("/run/deaf.sock", "3")] {
        let keys = [&format!("docker_cmd = \"docker -H unix://{socket}\"") as &str, "path_allowlist = [\"/srv/live\"]"];
        let hosts = host.host_entry("box", "dora", &keys);
        let config = host.ssh_config_block("127.0.0.1", "dora", &[]);
        let mut docker = Session::start(folder(), &config, &hosts, &[("SSH_COMMAND_TIMEOUT", limit)]);
        let file = format!("/srv/live/{}.yml", unique("down"));
        write(host, &file, &project(&image));
        for (tool, args) in [
            ("ssh_docker_ps", json!({})),
            ("ssh_docker_events", json!({})),
            ("ssh_docker_run", json!({"image": image})),
            ("ssh_docker_compose_ps", json!({"compose_file": file})),
            ("ssh_docker_compose_up", json!({"compose_file": file})),
        ] {
            let began = std::time::Instant::now();
            let answer = docker.call(tool, args);
            // The limit, the stop, and for `up` the rendering before it; a loaded machine takes its time.
            assert!(began.elapsed().as_secs() < 60, "{tool} took {:?}", began.elapsed());
            if socket.contains("none") {
                let named = answer.text.contains("PlatformNotSupported") && answer.text.contains("does not answer");
                assert!(answer.error && named, "{tool}: {} {}", answer.text, answer.data);
            } else {
                assert!(answer.data["timed_out"] == true || answer.error, "{tool}: {} {}", answer.text, answer.data);
            }
        }
    }
}

#[test]
fn a_projects_life_in_both_generations() {
    let Some((mut docker, host, image)) = session() else { return };
    let _kept = nothing_pruned();
    for v1 in [false, true] {
        let dir = format!("/srv/live/{}", unique(if v1 { "one" } else { "two" }));
        let file = format!("{dir}/compose.yml");
        let body = project(&image);
        write(host, &file, &if v1 { format!("version: \"3.7\"\n{body}") } else { body });
        let of = |more: Value| {
            let mut args = json!({"compose_file": file, "compose_v1": v1});
            args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            args
        };
        docker.done("ssh_docker_compose_up", of(json!({})));
        let mut last = Vec::new();
        for _ in 0..30 {
            last = services(&docker.done("ssh_docker_compose_ps", of(json!({}))));
            if last.iter().any(|(service, _, health)| service == "web" && health == "unhealthy") {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
        let row = |s: &str, state: &str, health: &str| (s.to_owned(), state.to_owned(), health.to_owned());
        assert_eq!(last, [row("db", "running", ""), row("web", "running", "unhealthy")], "v1 {v1}");
        let logs = docker.done("ssh_docker_compose_logs", of(json!({"service": "web"})));
        assert!(logs["stdout"].as_str().unwrap().contains("sh begun"), "{logs}");
        docker.done("ssh_docker_compose_restart", of(json!({})));
        docker.done("ssh_docker_compose_stop", of(json!({})));
        let stopped = services(&docker.done("ssh_docker_compose_ps", of(json!({"status": "exited"}))));
        assert_eq!(stopped.len(), 2, "{stopped:?}");
        docker.done("ssh_docker_compose_start", of(json!({})));
        docker.done("ssh_docker_compose_down", of(json!({"volumes": true})));
        assert_eq!(services(&docker.done("ssh_docker_compose_ps", of(json!({})))), []);

        // Escapes by way of another file, a merge, a variable and plain words; nothing is created.
        write(host, &format!("{dir}/base.yml"), &format!("services: {{x: {{image: \"{image}\", pid: host}}}}\n"));
        write(host, &format!("{dir}/inc.yml"), &format!("services: {{x: {{image: \"{image}\", ipc: host}}}}\n"));
        write(host, &format!("{dir}/.env"), "WHERE=/\nYES=true\nSPACE=host\n");
        let version = if v1 { "version: \"3.7\"\n" } else { "" };
        for (n, text) in [
            "services: {w: {extends: {file: base.yml, service: x}}}".to_owned(),
            "services: {w: {extends: {file: /etc/passwd, service: x}}}".to_owned(),
            format!("x-a: &a {{privileged: true}}\nservices: {{w: {{<<: *a, image: \"{image}\"}}}}"),
            format!("services: {{w: {{image: \"{image}\", volumes: [\"${{WHERE}}:/h\"]}}}}"),
            format!("services: {{w: {{image: \"{image}\", volumes: [\"/var/run/docker.sock:/s\"]}}}}"),
            format!("services: {{w: {{image: \"{image}\", cap_add: [ALL]}}}}"),
            // What only the second generation knows.
            "include: [inc.yml]\nservices: {}".to_owned(),
            "include: [{path: [inc.yml], project_directory: /}]\nservices: {}".to_owned(),
            format!("services: {{w: {{image: \"{image}\", privileged: \"${{YES}}\"}}}}"),
            format!("services: {{w: {{image: \"{image}\", pid: \"${{SPACE}}\"}}}}"),
            format!("x-a: &a {{uts: host}}\nx-b: &b {{<<: *a}}\nservices: {{w: {{<<: [*b], image: \"{image}\"}}}}"),
            format!("services: {{w: {{image: \"{image}\", network_mode: \"${{NONE:-host}}\"}}}}"),
            format!("services: {{w: {{image: \"{image}\", env_file: [/etc/shadow]}}}}"),
            format!("services: {{w: {{image: \"{image}\", env_file: [{{path: ../../../etc/shadow, required: false}}]}}}}"),
            format!("services: {{w: {{image: \"{image}\", configs: [c]}}}}\nconfigs: {{c: {{file: /etc/shadow}}}}"),
            format!("services: {{w: {{image: \"{image}\", secrets: [c]}}}}\nsecrets: {{c: {{file: \"${{WHERE}}etc/shadow\"}}}}"),
            format!("services: {{w: {{image: \"{image}\", volumes: [vol:/h]}}}}\nvolumes: {{vol: {{driver_opts: {{type: none, o: bind, device: \"${{WHERE}}\"}}}}}}"),
            format!("services: {{w: {{image: \"{image}\", volumes: [{{type: bind, source: \"${{WHERE}}\", target: /h}}]}}}}"),
            "services: {w: {build: {context: /etc}}}".to_owned(),
            "services: {w: {build: {context: ., additional_contexts: {x: /root}}}}".to_owned(),
            format!("services: {{w: {{image: \"{image}\", cgroup_parent: \"${{WHERE}}\"}}}}"),
            format!("services: {{w: {{image: \"{image}\", networks: [n]}}}}\nnetworks: {{n: {{external: true, name: \"${{SPACE}}\"}}}}"),
        ]
        .into_iter()
        .take(if v1 { 6 } else { usize::MAX })
        .enumerate()
        {
            let bad = format!("{dir}/bad{n}.yml");
            // docker-compose 1.29 knows extends in files of version 2 only.
            let version = if v1 && n < 2 { "version: \"2.4\"\n" } else { version };
            write(host, &bad, &format!("{version}{text}\n"));
            docker.refused("ssh_docker_compose_up", json!({"compose_file": bad, "compose_v1": v1}));
        }
        assert_eq!(services(&docker.done("ssh_docker_compose_ps", of(json!({})))), []);
    }
}

#[test]
fn what_a_stopped_client_had_started_is_stopped_and_looked_for() {
    let Some((mut docker, host, image)) = session() else { return };
    let kept = nothing_pruned();
    let cut_off = |docker: &mut Session, tool: &str, args: Value| {
        let answer = docker.call(tool, args);
        assert!(!answer.error, "{tool}: {}", answer.text);
        answer.data
    };
    let name = unique("inner");
    let run = json!({"image": image, "name": name, "detached": true, "remove": false, "command": ["sleep", "600"]});
    docker.done("ssh_docker_run", run);
    let inside = || host.says(&["docker", "top", &name, "-eo", "pid,args"]);
    // An exec: the process in the container, its children too, and one that does not want to end.
    for command in ["sleep 301", "sleep 302 & sleep 303", "trap '' TERM; while :; do sleep 304; done"] {
        let cut = cut_off(&mut docker, "ssh_docker_exec", json!({"container": name, "command": command, "timeout": 2}));
        assert_eq!((&cut["timed_out"], &cut["stop"]), (&json!(true), &json!("stopped")), "{command}: {cut}");
        assert!(!inside().contains("sleep 30"), "{command}: {}", inside());
        assert!(inside().contains("sleep 600"), "{command}: the container itself lives");
    }
    // A run: its container.
    let one = unique("inner-run");
    let run = json!({"image": image, "name": one, "detached": false, "command": ["sleep", "305"], "timeout": 4});
    let cut = cut_off(&mut docker, "ssh_docker_run", run);
    assert_eq!((&cut["timed_out"], &cut["stop"]), (&json!(true), &json!("stopped")), "{cut}");
    let running = host.says(&["docker", "ps", "--quiet", "--filter", &format!("name={one}")]);
    assert_eq!(running, "", "{cut}");
    // Through the exec tools nobody looks, and the answer says so.
    for command in [format!("docker exec {name} sleep 306"), "setsid sleep 307 & wait".to_owned()] {
        let cut = cut_off(&mut docker, "ssh_exec_run", json!({"command": command, "timeout": 2}));
        assert_eq!((&cut["timed_out"], &cut["stop"]), (&json!(true), &json!("unknown")), "{command}: {cut}");
    }
    let plain = cut_off(&mut docker, "ssh_exec_run", json!({"command": "sleep 308", "timeout": 2}));
    assert_eq!(plain["stop"], "stopped", "{plain}");
    host.inside(&["pkill", "-f", "sleep 307"]);
    host.says(&["docker", "rm", "--force", &name]);
    drop(kept);
}
