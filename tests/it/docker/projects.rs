//! Ordinary projects, live: each runs in every generation of compose that knows what it uses, and prints what it should.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::live::{unique, write};
use super::session::{Session, folder};
use crate::containers::{Container, new_others_host, nothing_pruned, sample_image, systemd_host};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    files: BTreeMap<String, String>,
    #[serde(default = "usual")]
    file: String,
    /// What some container prints.
    prints: String,
    /// Generations that do not know what it uses.
    #[serde(default)]
    not: Vec<String>,
    /// The project's name where it is not that of the folder.
    #[serde(default)]
    project: Option<String>,
}

fn usual() -> String {
    "c.yml".to_owned()
}

/// Each project in the long form, every fifth otherwise, in each generation others.
fn is_tried(n: usize, generation: &str) -> bool {
    cfg!(feature = "deep")
        || n % 5
            == match generation {
                "v1" => 0,
                "v2" => 1,
                _ => 2,
            }
}

/// How many of the projects that a generation knows have to run.
fn least(all: usize) -> usize {
    if cfg!(feature = "deep") { all } else { all / 6 }
}

fn runs_all(session: &mut Session, host: &Container, image: &str, generation: &str) -> usize {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../cases/docker/projects.json")).unwrap();
    assert!(cases.len() >= 40);
    let pid = std::process::id().to_string();
    let mut ran = 0;
    let root = format!("/srv/{}", unique("projects"));
    let known = |case: &Case| !case.not.iter().any(|not| not == generation);
    for (n, case) in cases.iter().enumerate().filter(|(n, case)| known(case) && is_tried(*n, generation)) {
        let dir = format!("{root}/{generation}{n}");
        for (name, text) in &case.files {
            write(host, &format!("{dir}/{name}"), &text.replace("IMAGE", &format!("\"{image}\"")).replace("PID", &pid));
        }
        let args = json!({"compose_file": format!("{dir}/{}", case.file), "compose_v1": generation != "v2"});
        let up = session.call("ssh_docker_compose_up", args.clone());
        assert!(!up.error && up.data["exit_code"] == 0, "{generation} {}: {} {}", case.name, up.text, up.data);
        let mut logs = Value::Null;
        for _ in 0..100 {
            logs = session.call("ssh_docker_compose_logs", args.clone()).data;
            if logs["stdout"].as_str().is_some_and(|text| text.contains(&case.prints)) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        assert!(
            logs["stdout"].as_str().unwrap_or_default().contains(&case.prints),
            "{generation} {}: {logs}",
            case.name
        );
        if let Some(project) = &case.project {
            let listed = session.call("ssh_docker_ps", json!({"all_": true, "include_labels": true})).data;
            let label = format!("com.docker.compose.project={}", project.replace("PID", &pid));
            let labels = listed["containers"].to_string();
            assert!(labels.contains(&label) || labels.contains(&label.replace('=', "\":\"")), "{generation}: {labels}");
        }
        let down = session.call("ssh_docker_compose_down", {
            let mut args = args.clone();
            args["volumes"] = json!(true);
            args
        });
        assert!(!down.error && down.data["exit_code"] == 0, "{generation} {}: {} {}", case.name, down.text, down.data);
        ran += 1;
    }
    println!("{generation}: {ran} ordinary projects ran");
    ran
}

fn run_on_docker(generation: &str) -> usize {
    let (Some(host), Some(image)) = (systemd_host(), sample_image()) else { return usize::MAX };
    let _kept = nothing_pruned();
    let root = format!("/srv/{}", unique("projects"));
    let hosts = host.host_entry("box", "dora", &[&format!("path_allowlist = [\"{root}\"]")]);
    let mut session = Session::start(folder(), &host.ssh_config_block("127.0.0.1", "dora", &[]), &hosts, &[]);
    runs_all(&mut session, host, &image, generation)
}

#[test]
fn ordinary_projects_run_in_compose_v2() {
    assert!(run_on_docker("v2") >= least(38));
}

#[test]
fn ordinary_projects_run_in_docker_compose_1() {
    assert!(run_on_docker("v1") >= least(30));
}

#[test]
fn ordinary_projects_run_under_podman_compose() {
    let Some(host) = new_others_host() else { return };
    let image = host.podman_image();
    let root = format!("/srv/{}", unique("projects"));
    let hosts = host.host_entry("box", "root", &[&format!("path_allowlist = [\"{root}\"]"), "docker_cmd = \"podman\""]);
    let mut session = Session::start(folder(), &host.ssh_config_block("127.0.0.1", "root", &[]), &hosts, &[]);
    assert!(runs_all(&mut session, &host, &image, "podman") >= least(24));
    // No other test uses this machine.
    assert_eq!(host.says(&["sh", "-c", "ls -d /tmp/ssh-mcp.* 2>/dev/null | wc -l"]).trim(), "0", "folders are left");
}
