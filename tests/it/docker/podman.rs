//! The same tools with podman and podman-compose as the commands, on a real podman.

use serde_json::{Value, json};

use super::session::{Session, folder};
use crate::containers::new_others_host;

#[test]
fn a_life_under_podman() {
    let Some(host) = new_others_host() else { return };
    let image = host.podman_image();
    host.says(&["sh", "-c", "mkdir -p /srv/live/data"]);
    let keys = ["path_allowlist = [\"/srv/live\"]", "command_allowlist = [\"*\"]", "docker_cmd = \"podman\""];
    let hosts = host.host_entry("box", "root", &keys);
    let mut podman = Session::start(folder(), &host.ssh_config_block("127.0.0.1", "root", &[]), &hosts, &[]);

    let run = json!({
        "image": image, "name": "life", "detached": true, "remove": false, "env": {"API_TOKEN": "hunter2hunter2"},
        "volumes": ["/srv/live/data:/data"], "command": ["sh", "-c", "echo begun; echo kept >/data/note; sleep 600"],
    });
    podman.done("ssh_docker_run", run);
    let listed = podman.done("ssh_docker_ps", json!({"name": "life"}));
    assert_eq!(
        (&listed["containers"][0]["Names"], &listed["containers"][0]["State"]),
        (&json!(["life"]), &json!("running"))
    );
    assert!(listed["containers"][0].get("Labels").is_none());
    let mut logs = Value::Null;
    for _ in 0..50 {
        logs = podman.done("ssh_docker_logs", json!({"container": "life"}));
        if logs["stdout"] == "begun\n" {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert_eq!(logs["stdout"], "begun\n");
    assert_eq!(host.says(&["cat", "/srv/live/data/note"]), "kept\n");
    let exec = podman.done("ssh_docker_exec", json!({"container": "life", "command": "cat /data/note"}));
    assert_eq!(exec["stdout"], "kept\n");
    let inspect = podman.done("ssh_docker_inspect", json!({"target": "life"}));
    assert_eq!(inspect["objects"][0]["State"]["Status"], "running");
    assert!(!inspect.to_string().contains("hunter2hunter2"), "{inspect}");
    let copy = json!({
        "container": "life", "container_path": "/data/note", "host_path": "/srv/live/copy", "direction": "from_container",
    });
    podman.done("ssh_docker_cp", copy);
    assert_eq!(host.says(&["cat", "/srv/live/copy"]), "kept\n");
    podman.done("ssh_docker_stop", json!({"container": "life", "grace": 0}));
    podman.done("ssh_docker_start", json!({"container": "life"}));
    podman.done("ssh_docker_restart", json!({"container": "life", "grace": 0}));
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let events = podman.done("ssh_docker_events", json!({"since": "10m", "filters": ["container=life"]}));
    let seen: Vec<&str> = events["events"].as_array().unwrap().iter().filter_map(|e| e["Status"].as_str()).collect();
    assert!(seen.contains(&"start") && seen.contains(&"died"), "{seen:?}");
    podman.done("ssh_docker_rm", json!({"container": "life", "force": true}));
    assert_eq!(podman.call("ssh_docker_inspect", json!({"target": "life"})).data["objects"], json!([]));
    assert!(!podman.done("ssh_docker_images", json!({}))["images"].as_array().unwrap().is_empty());
    podman.done("ssh_docker_volumes", json!({}));
    podman.done("ssh_docker_system_df", json!({}));
    podman.done("ssh_docker_prune", json!({}));
    for args in [json!(["--privileged"]), json!(["--pid=host"]), json!(["-v", "/:/h"]), json!(["--systemd=always"])] {
        podman.refused("ssh_docker_run", json!({"image": image, "args": args}));
    }

    // podman before 4.7 has no `compose` of its own; podman-compose is the first generation's name.
    let file = "/srv/live/shop/compose.yml";
    let body = format!(
        "services:\n  web:\n    image: {image}\n    command: [sh, -c, \"echo begun; sleep 600\"]\n    network_mode: none\n    \
         stop_grace_period: 0s\n    environment: {{DB_PASSWORD: hunter2hunter2}}\n"
    );
    let write =
        |text: &str| host.says(&["sh", "-c", "mkdir -p \"${1%/*}\"; printf '%s' \"$2\" >\"$1\"", "sh", file, text]);
    write(&body);
    let refused = podman.refused("ssh_docker_compose_ps", json!({"compose_file": file}));
    assert!(refused.contains("PlatformNotSupported") && refused.contains("compose_v1"), "{refused}");
    let of = |more: Value| {
        let mut args = json!({"compose_file": file, "compose_v1": true});
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        args
    };
    podman.done("ssh_docker_compose_up", of(json!({})));
    let listed = podman.done("ssh_docker_compose_ps", of(json!({})));
    let row = &listed["services"][0];
    assert_eq!((&row["Service"], &row["State"]), (&json!("web"), &json!("running")), "{listed}");
    let logs = podman.done("ssh_docker_compose_logs", of(json!({"service": "web"})));
    assert!(logs["stdout"].as_str().unwrap().contains("begun"), "{logs}");
    podman.done("ssh_docker_compose_stop", of(json!({})));
    podman.done("ssh_docker_compose_start", of(json!({})));
    podman.done("ssh_docker_compose_restart", of(json!({})));
    podman.done("ssh_docker_compose_down", of(json!({})));
    assert_eq!(podman.done("ssh_docker_compose_ps", of(json!({})))["services"], json!([]));
    for escape in ["privileged: true", "pid: host", "volumes: [\"/:/h\"]", "network_mode: ${N:-host}"] {
        write(&format!("services:\n  web:\n    image: {image}\n    {escape}\n"));
        podman.refused("ssh_docker_compose_up", of(json!({})));
    }
    assert_eq!(podman.done("ssh_docker_ps", json!({"all_": true}))["containers"], json!([]));
}
