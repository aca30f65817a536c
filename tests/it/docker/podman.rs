//! The same tools with podman and podman-compose as the commands, on a real podman.

use serde_json::{Value, json};

use super::session::{Session, folder};
use crate::containers::{Container, new_others_host};

#[test]
fn a_life_under_podman() {
    let Some(host) = new_others_host() else { return };
    let image = host.podman_image();
    host.says(&["sh", "-c", "mkdir -p /srv/live/data"]);
    let keys = [
        "path_allowlist = [\"/srv/live\"]",
        "command_allowlist = [\"*\"]",
        "docker_cmd = \"podman\"",
        "docker_bind_allowlist = [\"/srv/live/data\"]",
    ];
    let hosts = host.host_entry("box", "root", &keys);
    let mut podman = Session::start(folder(), &host.ssh_config_block("127.0.0.1", "root", &[]), &hosts, &[]);

    // The host's containers.conf gives containers its own network, with which none is started again.
    let run = json!({
        "image": image, "name": "life", "network": "none", "detached": true, "remove": false, "env": {"API_TOKEN": "hunter2hunter2"},
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

    mounts_of_podman(&mut podman, &host, &image);
    podman_under_another_name(&host, &image);

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
    // Containers are named after the folder in which podman-compose runs, whatever link led there.
    write(&format!("services:\n  web:\n    image: {image}\n    network_mode: none\n    command: [sleep, \"9\"]\n"));
    host.says(&["ln", "-s", "shop", "/srv/live/linked"]);
    let linked = |verb: &str| {
        (
            format!("ssh_docker_compose_{verb}"),
            json!({"compose_file": "/srv/live/linked/compose.yml", "compose_v1": true}),
        )
    };
    for verb in ["up", "ps", "down"] {
        let (tool, args) = linked(verb);
        let done = podman.done(&tool, args);
        assert!(verb != "ps" || done["services"].to_string().contains("shop_web_1"), "{done}");
    }
    assert_eq!(podman.done("ssh_docker_ps", json!({"all_": true}))["containers"], json!([]));
    // A container of somebody else that has the name which podman-compose would start.
    host.says(&["podman", "create", "--network", "host", "--name", "foreign", &image, "sleep", "9"]);
    for (name, service) in
        [("foreign", "container_name: foreign\n    network_mode: none"), ("shop_web_1", "network_mode: none")]
    {
        if name != "foreign" {
            host.says(&["podman", "rename", "foreign", name]);
        }
        write(&format!("services:\n  web:\n    image: {image}\n    {service}\n"));
        for verb in ["start", "restart", "up"] {
            let refused = podman.refused(&format!("ssh_docker_compose_{verb}"), of(json!({})));
            assert!(refused.contains("NetworkMode=host"), "{verb}: {refused}");
        }
    }
    host.says(&["podman", "rm", "-f", "shop_web_1"]);
    // What podman-compose reads beyond the specification, and what it would join to options.
    for (lines, beside) in [
        ("x-podman.rootfs: /srv/closed", ""),
        ("x-podman.uidmaps: [\"0:0:9\"]", ""),
        (
            "volumes: [{type: volume, source: v, target: \"/m:O,upperdir=/srv/closed,workdir=/srv/live\"}]",
            "volumes: {v: {}}",
        ),
        ("volumes: [{type: volume, source: v, target: \"/m,source=/etc\"}]", "volumes: {v: {}}"),
    ] {
        write(&format!("services:\n  web:\n    image: {image}\n    network_mode: none\n    {lines}\n{beside}\n"));
        podman.refused("ssh_docker_compose_up", of(json!({})));
    }
    write("services:\n  web:\n    image: --rootfs\n    network_mode: none\n    command: [/, cat, /etc/shadow]\n");
    podman.refused("ssh_docker_compose_up", of(json!({})));
    for escape in ["privileged: true", "pid: host", "volumes: [\"/:/h\"]", "network_mode: ${N:-host}"] {
        write(&format!("services:\n  web:\n    image: {image}\n    {escape}\n"));
        podman.refused("ssh_docker_compose_up", of(json!({})));
    }
    assert_eq!(podman.done("ssh_docker_ps", json!({"all_": true}))["containers"], json!([]));
}

/// Copies through mounts, volumes that are folders of the host, and sources that were exchanged.
fn mounts_of_podman(podman: &mut Session, host: &Container, image: &str) {
    let setup = "mkdir -p /srv/closed /srv/live/conf; echo closed >/srv/closed/f; echo kept >/srv/live/conf/f; \
                 podman volume create -o type=none -o o=bind -o device=/srv/closed shut; \
                 podman run -d --network none --name closed -v /srv/closed:/m:ro \"$1\" sleep 900; \
                 podman run -d --network none --name own -v /srv/live/conf:/m:ro -v plain:/p \"$1\" sh -c 'mkdir /t; ln -s /etc/shadow /t/l; echo own >/f; sleep 900'";
    host.says(&["sh", "-c", setup, "sh", image]);
    let copy = |container: &str, inside: &str, host_path: &str, direction: &str| json!({"container": container, "container_path": inside, "host_path": host_path, "direction": direction});
    for running in [true, false] {
        if !running {
            host.says(&["podman", "stop", "-t", "0", "closed", "own"]);
        }
        for inside in ["/m/f", "/m", "/"] {
            let out = podman.refused("ssh_docker_cp", copy("closed", inside, "/srv/live/out", "from_container"));
            assert!(out.contains("PathNotAllowed"), "{inside}: {out}");
        }
        // podman writes past `ro` into the source of a container that is stopped.
        let put = podman.refused("ssh_docker_cp", copy("closed", "/m/g", "/srv/live/conf/f", "to_container"));
        assert!(put.contains("PathNotAllowed"), "{put}");
        let put = podman.refused("ssh_docker_cp", copy("own", "/m/g", "/srv/live/conf/f", "to_container"));
        assert!(put.contains("docker_bind_allowlist"), "{put}");
        for (inside, text) in [("/m/f", "kept\n"), ("/f", "own\n")] {
            podman.done("ssh_docker_cp", copy("own", inside, "/srv/live/out", "from_container"));
            assert_eq!(host.says(&["cat", "/srv/live/out"]), text, "{inside}");
        }
        podman.done("ssh_docker_cp", copy("own", "/m", "/srv/live/tree", "from_container"));
        assert_eq!(host.says(&["sh", "-c", "cat /srv/live/tree/f; rm -r /srv/live/tree"]), "kept\n");
        let link = podman.refused("ssh_docker_cp", copy("own", "/t", "/srv/live/tree", "from_container"));
        assert!(link.contains("PathNotAllowed") && link.contains("/etc/shadow"), "{link}");
    }
    // A container that podman would start along with another one.
    let setup = "podman create --name may --network none --cap-add SYS_ADMIN \"$1\" true; \
                 podman create --name needs --network none --requires may \"$1\" true";
    host.says(&["sh", "-c", setup, "sh", image]);
    let needs = podman.refused("ssh_docker_start", json!({"container": "needs"}));
    assert!(needs.contains("CapAdd"), "{needs}");
    host.says(&["sh", "-c", "podman rm needs && podman rm may"]);
    let file = "/srv/live/logs/compose.yml";
    let write =
        |text: &str| host.says(&["sh", "-c", "mkdir -p \"${1%/*}\"; printf '%s' \"$2\" >\"$1\"", "sh", file, text]);
    // What podman does not tell before a container has run: overlays over folders of the host, programs and files that it
    // opens at a start, some rights.
    for (option, value) in [
        ("--volume", "/srv/closed:/data:O"),
        ("--init-path", "/srv/closed/f"),
        ("--ipc", "host"),
        ("--group-add", "keep-groups"),
        ("--device-cgroup-rule", "c 1:3 r"),
        ("--log-opt", "path=/srv/closed/log"),
        ("--log-opt", "max-size=1m,Path=/srv/closed/log"),
        ("--log-opt", "\"path=/srv/closed/log\""),
        ("--annotation", "run.oci.keep_original_groups=1"),
        ("--pidfile", "/srv/closed/pid"),
    ] {
        host.says(&["podman", "create", "--name", "untold", "--network", "none", option, value, image, "true"]);
        let put = podman.refused("ssh_docker_cp", copy("untold", "/f", "/srv/live/conf/f", "to_container"));
        assert!(put.contains(option), "{option}: {put}");
        for tool in ["ssh_docker_start", "ssh_docker_restart"] {
            let refused = podman.refused(tool, json!({"container": "untold"}));
            assert!(refused.contains(option), "{tool} {option}: {refused}");
        }
        if option == "--log-opt" {
            let logs = podman.refused("ssh_docker_logs", json!({"container": "untold"}));
            assert!(logs.contains("PathRestricted"), "{logs}");
            write(&format!(
                "services:\n  web:\n    image: {image}\n    container_name: untold\n    network_mode: none\n"
            ));
            let logs = podman.refused("ssh_docker_compose_logs", json!({"compose_file": file, "compose_v1": true}));
            assert!(logs.contains("PathRestricted"), "{logs}");
        }
        host.says(&["podman", "rm", "untold"]);
    }
    assert_eq!(host.says(&["sh", "-c", "ls /srv/closed"]), "f\n");
    // A container that has a folder of the host for its root.
    host.says(&[
        "sh",
        "-c",
        "mkdir -p /srv/closed/tmp; podman create --name bare --rootfs --network none /srv/closed true",
    ]);
    let bare = podman.refused("ssh_docker_start", json!({"container": "bare"}));
    assert!(bare.contains("no image"), "{bare}");
    podman.refused("ssh_docker_cp", copy("bare", "/f", "/srv/live/out", "from_container"));
    podman.refused("ssh_docker_run", json!({"image": image, "args": ["--rootfs", "/srv/closed", "cat", "/f"]}));
    let shut = json!({"image": image, "volumes": ["shut:/m"], "command": ["cat", "/m/f"]});
    assert!(podman.refused("ssh_docker_run", shut).contains("PathNotAllowed"));
    podman.refused("ssh_docker_start", json!({"container": "closed"}));
    podman.done("ssh_docker_start", json!({"container": "own"}));
    host.says(&["sh", "-c", "mv /srv/live/conf /srv/live/aside; ln -s /srv/closed /srv/live/conf"]);
    let again = podman.refused("ssh_docker_restart", json!({"container": "own", "grace": 0}));
    assert!(again.contains("PathNotAllowed"), "{again}");
    host.says(&["podman", "rm", "-fa", "-t", "0"]);
}

/// `podman-docker` of the distributions calls podman `docker`: what an engine is, it is asked itself.
fn podman_under_another_name(host: &Container, image: &str) {
    let shim = "printf '#!/bin/sh\\nexec podman \"$@\"\\n' >/usr/bin/docker; chmod 755 /usr/bin/docker; \
                podman run -d --network none --name shown \"$1\" sleep 900; \
                podman create --network none --name untold -v /srv/closed:/data:O \"$1\" true; \
                podman create --network none --name logged --log-opt path=/srv/closed/log \"$1\" true; \
                podman create --network none --name plain \"$1\" true";
    host.says(&["sh", "-c", shim, "sh", image]);
    let keys = ["path_allowlist = [\"/srv/live\"]"];
    let hosts = host.host_entry("box", "root", &keys);
    let mut docker = Session::start(folder(), &host.ssh_config_block("127.0.0.1", "root", &[]), &hosts, &[]);
    assert!(docker.refused("ssh_docker_start", json!({"container": "untold"})).contains("/srv/closed:/data:O"));
    assert!(docker.refused("ssh_docker_start", json!({"container": "logged"})).contains("--log-opt"));
    assert!(docker.refused("ssh_docker_logs", json!({"container": "logged"})).contains("PathRestricted"));
    docker.done("ssh_docker_start", json!({"container": "plain"}));
    docker.done("ssh_docker_logs", json!({"container": "plain"}));
    // podman runs the container's own ps for what it does not list itself.
    for options in ["-o pid,wchan", "auxf", "-l"] {
        let top = docker.refused("ssh_docker_top", json!({"container": "shown", "ps_options": options}));
        assert!(top.contains("a program of the container"), "{options}: {top}");
    }
    for options in [json!(null), json!("aux"), json!("-o pid,args")] {
        // podman inside of a container may have no cgroups of its own, without which it lists none.
        let top = docker.call("ssh_docker_top", json!({"container": "shown", "ps_options": options})).data;
        let told = [&top["stdout"], &top["stderr"]].map(|text| text.as_str().unwrap_or_default().to_owned());
        assert!(told[0].contains("sleep 900") || told[1].contains("did not create a cgroup"), "{options}: {top}");
    }
    host.says(&["sh", "-c", "podman rm -fa -t 0; rm /usr/bin/docker"]);
}
