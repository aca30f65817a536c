use super::*;

fn dir() -> RemotePath {
    RemotePath::parse("/srv/app").unwrap()
}

fn judged(yaml: &str) -> Result<JudgedProject, ToolError> {
    judge(yaml, Format::Yaml, &dir(), Escalation::Refused)
}

/// A project of one service with these lines below it.
fn service(lines: &str) -> String {
    let body: String = lines.lines().map(|l| format!("    {l}\n")).collect();
    format!("services:\n  web:\n    image: app:1\n{body}")
}

/// Renderings that reach the host.
const SERVICE_ESCAPES: &[&str] = &[
    "privileged: true",
    "privileged: \"true\"",
    "privileged: 1",
    "cap_add: [SYS_ADMIN]",
    "cap_add: ALL",
    "security_opt: [\"seccomp:unconfined\"]",
    "security_opt: [apparmor=unconfined, no-new-privileges]",
    "security_opt: [label=disable]",
    "devices: [/dev/sda]",
    "devices: [{source: /dev/mem, target: /dev/mem, permissions: rwm}]",
    "device_cgroup_rules: [\"a *:* rwm\"]",
    "gpus: all",
    "deploy: {resources: {reservations: {devices: [{driver: nvidia, count: 1, capabilities: [gpu]}]}}}",
    "deploy: {resources: {reservations: {generic_resources: [{x: 1}]}}}",
    "group_add: [docker]",
    "pid: host",
    "pid: \"container:db\"",
    "ipc: host",
    "ipc: container:db",
    "uts: host",
    "userns_mode: host",
    "cgroup: host",
    "cgroup_parent: /",
    "network_mode: host",
    "network_mode: Host",
    "network_mode: container:db",
    "network_mode: ns:/proc/1/ns/net",
    "networks: [host]",
    "networks: {host: null}",
    "networks: {back: {driver_opts: {parent: eth0}}}",
    "runtime: runc-unsafe",
    "annotations: {run.oci.keep_original_groups: \"1\"}",
    "sysctls: {kernel.core_pattern: \"|/x\"}",
    "sysctls: [kernel.msgmax=1]",
    "ulimits: {rtprio: 99}",
    "oom_kill_disable: true",
    "oom_score_adj: -1000",
    "cpu_rt_runtime: 95000",
    "storage_opt: {overlay2.basedir: /}",
    "isolation: process",
    "volumes: [\"/:/host\"]",
    "volumes: [\"//:/host:ro\"]",
    "volumes: [\"/etc:/e\"]",
    "volumes: [\"/var/run/docker.sock:/var/run/docker.sock\"]",
    "volumes: [\"/run:/r\"]",
    "volumes: [\"../../:/h\"]",
    "volumes: [\"../../etc:/h\"]",
    "volumes: [\"~/x:/h\"]",
    "volumes: [\"/srv/x:/h:shared\"]",
    "volumes: [{type: bind, source: /, target: /h}]",
    "volumes: [{type: bind, source: /srv/../etc, target: /h, read_only: true}]",
    "volumes: [{type: bind, source: ../../root, target: /h}]",
    "volumes: [{type: bind, source: /srv/x, target: /h, bind: {propagation: rshared}}]",
    "volumes: [{type: bind, source: /srv/x, target: /h, bind: {new_option: 1}}]",
    "volumes: [{type: volume, source: /etc, target: /h}]",
    "volumes: [{type: npipe, source: x, target: /h}]",
    "volumes: [{type: cluster, source: x, target: /h}]",
    "volumes: [{type: image, source: x, target: /h}]",
    "volumes: [5]",
    "volumes_from: [\"container:db\"]",
    "volume_driver: rexray",
    "tmpfs: \"/t:dev,suid\"",
    "external_links: [db]",
    "logging: {driver: syslog, options: {syslog-address: \"unix:///run/docker.sock\"}}",
    "logging: {driver: json-file, options: {env-file: /x}}",
    "credential_spec: {file: x}",
    "use_api_socket: true",
    "provider: {type: sh}",
    "models: [m]",
    "label_file: /etc/shadow",
    "extends: {file: /srv/other.yml, service: x}",
    "post_start: [{command: id, privileged: true}]",
    "pre_stop: [{command: id, privileged: true}]",
    "blkio_config: {device_read_bps: [{path: /dev/sda, rate: 1mb}]}",
    "build: {context: ., privileged: true}",
    "build: {context: ., network: host}",
    "build: {context: ., entitlements: [security.insecure]}",
    "build: {context: ., ssh: [default]}",
    "build: {context: ., cache_from: [\"type=local,src=/etc\"]}",
    "build: {context: ., cache_to: [\"type=local,dest=/etc/cron.d\"]}",
    "build: {context: ., additional_contexts: {x: \"https://example.com/x.git\"}}",
    "build: https://example.com/x.git",
    "some_key_of_tomorrow: 1",
    "command: echo $HOME",
    "image: ${IMAGE}",
    "<<: {privileged: true}",
];

const PROJECT_ESCAPES: &[&str] = &[
    "services: {w: {image: a}}\nnetworks: {n: {external: true, name: host}}",
    "services: {w: {image: a}}\nnetworks: {host: {external: true}}",
    "services: {w: {image: a}}\nnetworks: {n: {external: {name: host}}}",
    "services: {w: {image: a}}\nnetworks: {n: {driver: host}}",
    "services: {w: {image: a}}\nnetworks: {n: {driver: macvlan, driver_opts: {parent: eth0}}}",
    "services: {w: {image: a}}\nnetworks: {n: {driver_opts: {com.docker.network.bridge.name: docker0}}}",
    "services: {w: {image: a}}\nvolumes: {v: {driver_opts: {type: none, o: bind, device: /}}}",
    "services: {w: {image: a}}\nvolumes: {v: {driver_opts: {type: none, o: \"bind,rw\", device: /etc}}}",
    "services: {w: {image: a}}\nvolumes: {v: {driver_opts: {type: ext4, device: /dev/sda1}}}",
    "services: {w: {image: a}}\nvolumes: {v: {driver_opts: {type: overlay, o: \"lowerdir=/,upperdir=/x,workdir=/y\", device: overlay}}}",
    "services: {w: {image: a}}\nvolumes: {v: {driver_opts: {type: nfs, o: \"addr=10.0.0.1\", device: \":/x\"}}}",
    "services: {w: {image: a}}\nvolumes: {v: {driver: rexray}}",
    "services: {w: {image: a}}\nvolumes: {v: {driver_opts: {mountpoint: /}}}",
    "services: {w: {image: a, configs: [c]}}\nconfigs: {c: {file: /etc/shadow}}",
    "services: {w: {image: a, secrets: [c]}}\nsecrets: {c: {file: ../../root/.ssh/id_rsa}}",
    "services: {w: {image: a, secrets: [c]}}\nsecrets: {c: {driver: x}}",
    "services: {w: {image: a}}\ninclude: [other.yml]",
    "services: {w: {image: a}}\nmodels: {m: {model: x}}",
    "services: {w: {image: a}}\nkey_of_tomorrow: {a: 1}",
    "services: [w]",
    "w: {image: a, privileged: true}",
    "[]",
    "services: {w: {image: a, image: b}}",
];

#[test]
fn every_escape_is_refused() {
    assert!(SERVICE_ESCAPES.len() + PROJECT_ESCAPES.len() >= 100);
    for lines in SERVICE_ESCAPES {
        let refusal = judged(&service(lines)).expect_err(lines);
        assert!(!refusal.next.is_empty());
    }
    for project in PROJECT_ESCAPES {
        assert!(judged(project).is_err(), "{project}");
    }
}

const ORDINARY: &[&str] = &[
    "privileged: false",
    "cap_add: []",
    "cap_drop: [ALL]",
    "command: [sh, -c, \"echo $$HOME\"]",
    "environment: {A: \"1\", B: null}",
    "ports: [\"127.0.0.1:8080:80\", {target: 80, published: \"8080\", mode: ingress, protocol: tcp}]",
    "volumes: [\"/srv/app/data:/data:rw\", \"named:/n\", \"/anonymous\", \"./rel:/r:ro\"]",
    "volumes: [{type: bind, source: /srv/app/x, target: /x, bind: {create_host_path: true}}]",
    "volumes: [{type: volume, source: named, target: /n, volume: {nocopy: true}}]",
    "volumes: [{type: tmpfs, target: /t, tmpfs: {size: 64000000}}]",
    "volumes: [\"/etc/localtime:/etc/localtime:ro\"]",
    "networks: {default: null, back: {aliases: [web], ipv4_address: 10.0.0.5}}",
    "network_mode: none",
    "network_mode: \"service:db\"",
    "pid: \"service:db\"",
    "restart: unless-stopped",
    "healthcheck: {test: [CMD, \"true\"], interval: 1s, retries: 3}",
    "depends_on: {db: {condition: service_healthy, required: true}}",
    "deploy: {replicas: 2, resources: {limits: {cpus: \"0.5\", memory: 512m, pids: 100}}}",
    "security_opt: [\"no-new-privileges:true\"]",
    "sysctls: {net.core.somaxconn: 1024}",
    "ulimits: {nofile: {soft: 1024, hard: 2048}}",
    "tmpfs: [/run, \"/tmp:size=64m\"]",
    "logging: {driver: json-file, options: {max-size: 10m, max-file: \"3\"}}",
    "build: {context: /srv/app/web, dockerfile: Dockerfile, args: {A: \"1\"}}",
    "build: ./web",
    "volumes_from: [\"db:ro\"]",
    "env_file: [{path: /srv/app/.env, required: true}]",
    "labels: {a: b}\nuser: \"1000\"\nworking_dir: /app\ninit: true\nread_only: true\nshm_size: 64m",
    "x-note: {privileged: true}",
    "ipc: shareable",
    "oom_score_adj: 500",
    "post_start: [{command: [id], user: root}]",
];

#[test]
fn ordinary_projects_pass() {
    assert!(ORDINARY.len() >= 30);
    for lines in ORDINARY {
        if let Err(refusal) = judged(&service(lines)) {
            panic!("{lines}: {refusal}");
        }
    }
}

#[test]
fn what_runs_is_what_was_judged() {
    let project = judged(&service("command: echo $$HOME\nlabels: {\"a\\u2028b\": 'yes'}\ncpus: 0.5")).unwrap();
    let again: Value = serde_json::from_str(&project.rendering).unwrap();
    assert_eq!(again["services"]["web"]["command"], "echo $$HOME", "the escape stays for the second reading");
    assert_eq!(again, yaml::parse(&project.rendering).unwrap(), "JSON is YAML with the same meaning");
}

#[test]
fn host_paths_come_out() {
    let text = "
name: shop
services:
  web:
    image: a
    build: {context: /srv/app/web, dockerfile: ../x/Dockerfile}
    env_file: .env
    volumes: [\"/srv/app/data:/d:ro\", \"./rel:/r\"]
    configs: [c]
volumes:
  v: {driver: local, driver_opts: {type: none, o: bind, device: /srv/vol}}
configs: {c: {file: ./c.txt}}
";
    let project = judged(text).unwrap();
    let seen = |list: &[HostSource]| list.iter().map(|s| (s.path.as_str().to_owned(), s.access)).collect::<Vec<_>>();
    assert_eq!(project.name.as_deref(), Some("shop"));
    assert_eq!(project.services, ["web"]);
    let mounts = seen(&project.mounts);
    for wanted in [
        ("/srv/app/data", Use::Read),
        ("/srv/app/rel", Use::Write),
        ("/srv/vol", Use::Write),
        ("/srv/app/c.txt", Use::Read),
    ] {
        assert!(mounts.contains(&(wanted.0.to_owned(), wanted.1)), "{wanted:?} in {mounts:?}");
    }
    let reads = seen(&project.reads);
    for wanted in ["/srv/app/web", "/srv/app/x/Dockerfile", "/srv/app/.env"] {
        assert!(reads.contains(&(wanted.to_owned(), Use::Read)), "{wanted} in {reads:?}");
    }
}

#[test]
fn an_operator_may_open_escalation_but_not_the_paths() {
    let text = "services: {w: {image: a, privileged: true, pid: host, volumes: [\"/etc:/e\"], key_of_tomorrow: 1}}";
    let project = judge(text, Format::Yaml, &dir(), Escalation::Allowed).unwrap();
    assert_eq!(project.mounts.len(), 1);
}

/// `docker-compose config` of docker-compose 1.29.2, as captured.
#[test]
fn a_rendering_of_docker_compose_1_29() {
    let text = include_str!("cases/config-1.29.2.yml");
    let project = judged(text).unwrap();
    assert_eq!(project.services, ["db", "web"]);
    assert_eq!(project.name, None);
    assert!(project.mounts.iter().any(|m| m.path.as_str() == "/srv/x"));
    assert!(project.reads.iter().any(|m| m.path.as_str().ends_with("/app/b")));
}

/// `docker compose config --format json` of compose 2.26.1, as captured.
#[test]
fn a_rendering_of_compose_v2() {
    let text = include_str!("cases/config-v2.json");
    let project = judge(text, Format::Json, &dir(), Escalation::Refused).unwrap();
    assert_eq!(project.name.as_deref(), Some("app"));
    assert_eq!(project.services, ["db", "web"]);
    let escape = text.replacen("\"image\":", "\"privileged\": true, \"image\":", 1);
    assert!(judge(&escape, Format::Json, &dir(), Escalation::Refused).is_err());
}
