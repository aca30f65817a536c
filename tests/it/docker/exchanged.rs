//! Names that somebody would exchange: while an engine is about to open what was judged, and while a copy is laid down.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::mounts::{Bench, Made, copy};
use crate::containers::{engine, nothing_pruned};

/// Between the judging of a source and its opening by the engine nothing else comes to lie under its name, whichever
/// session of the agent asks for it.
#[test]
fn no_name_is_exchanged_while_an_engine_is_about_to_open_it() {
    let Some(bench) = Bench::start("turn") else { return };
    let _kept = nothing_pruned();
    let data = tempfile::tempdir().unwrap();
    let data = [("XDG_DATA_HOME", data.path().to_str().unwrap())];
    let (mut docker, mut second) = (bench.session_with(&[], &data), bench.session_with(&[], &data));
    let stat = json!({"path": bench.at("root/in/f")});
    for session in [&mut docker, &mut second] {
        assert!(!session.call("ssh_sftp_stat", stat.clone()).error);
    }
    let (name, source) = (format!("{}-c", bench.stem), format!("{}:/m:ro", bench.text("root/in")));
    let command = "trap 'echo term' TERM; echo $(cat /m/f); while :; do sleep 900 & wait; done";
    engine(&["run", "-d", "--name", &name, "-v", &source, &bench.image, "sh", "-c", command], "");
    let made = Made("container", name);
    let said = |text: &str| {
        let logs = || engine(&["logs", &made.1], "");
        let is_said = (0..100).any(|_| {
            logs() == text || {
                std::thread::sleep(Duration::from_millis(100));
                false
            }
        });
        assert!(is_said, "{:?} is not {text:?}", logs());
    };
    said("kept\n");
    let (away, back) = (("root/in", "root/aside"), ("root/aside", "root/in"));
    let pair = |(from, to): (&str, &str)| json!({"src": bench.at(from), "dst": bench.at(to)});
    // The engine waits for three seconds before it opens the source again.
    let restart = json!({"container": made.1, "grace": 3});
    docker.begin("ssh_docker_restart", restart.clone());
    said("kept\nterm\n");
    docker.begin("ssh_mv", pair(away));
    docker.begin("ssh_docker_top", json!({"container": made.1}));
    let ended: Vec<String> = (0..3)
        .map(|_| {
            let (tool, answer) = docker.ended();
            assert!(!answer.error, "{tool}: {}", answer.text);
            tool
        })
        .collect();
    assert_eq!(ended, ["ssh_docker_top", "ssh_docker_restart", "ssh_mv"]);
    // Another server of the same user.
    let moved = second.call("ssh_mv", pair(back));
    assert!(!moved.error, "{}", moved.text);
    docker.begin("ssh_docker_restart", restart);
    said("kept\nterm\nkept\nterm\n");
    let began = Instant::now();
    let moved = second.call("ssh_mv", pair(away));
    assert!(!moved.error && began.elapsed() > Duration::from_secs(1), "{:?} {}", began.elapsed(), moved.text);
    assert_eq!(docker.ended().1.data["exit_code"], 0);
    said("kept\nterm\nkept\nterm\nkept\n");
}

/// A container that runs has opened what it mounts: the names are free again.
#[test]
fn a_run_holds_names_only_until_its_container_runs() {
    let Some(bench) = Bench::start("run") else { return };
    let _kept = nothing_pruned();
    let mut docker = bench.session(&[]);
    let volumes = [format!("{}:/m:ro", bench.text("root/in"))];
    let command = ["sh", "-c", "until [ -e /m/go ]; do sleep 0.2; done; cat /m/f"];
    docker.begin("ssh_docker_run", json!({"image": bench.image, "volumes": volumes, "command": command}));
    std::thread::sleep(Duration::from_millis(300));
    docker.begin("ssh_mv", json!({"src": bench.at("root/in"), "dst": bench.at("root/aside")}));
    let (first, moved) = docker.ended();
    assert!(first == "ssh_mv" && !moved.error, "{first}: {}", moved.text);
    std::fs::write(bench.at("root/aside/go"), "").unwrap();
    let (_, ran) = docker.ended();
    assert_eq!(ran.data["stdout"], "kept");
}

/// Somebody who may write in the folder of a copy exchanges whatever appears there, as fast as it goes.
#[test]
fn a_copy_is_laid_down_in_the_folder_that_was_judged_whoever_else_may_write_there() {
    let Some(bench) = Bench::start("shared") else { return };
    let _kept = nothing_pruned();
    let mut docker = bench.session(&[]);
    let made = bench.container("c", &[]);
    engine(&["exec", &made.1, "sh", "-c", "mkdir -p /tree/sub; echo leaf >/tree/sub/leaf; echo top >/tree/top"], "");
    let (group, open, evil) = (bench.text("root/group"), bench.text("root/open"), bench.text("evil"));
    let make = "mkdir -p \"$1\" \"$2\" \"$3\"; chown dora:dora \"$1\"; chmod 775 \"$1\"; chown root:root \"$2\"; chmod 777 \"$2\" \"$3\"";
    bench.host.says(&["sh", "-c", make, "sh", &group, &open, &evil]);
    for folder in [&group, &open] {
        docker.done("ssh_docker_cp", copy(&made.1, "/tree", &Path::new(folder).join("new"), "from_container"));
        assert_eq!(std::fs::read_to_string(Path::new(folder).join("new/sub/leaf")).unwrap(), "leaf\n");
    }
    let flip = "i=0; while [ ! -e \"$2/stop\" ]; do for d in .ssh-mcp-cp.*; do [ -d \"$d\" ] || continue; i=$((i+1)); mv \"$d\" \"$d.$i\" 2>/dev/null \
        && ln -s \"$2\" \"$d\" && echo $i >\"$2/flips\"; done; [ -L copy ] || { mv copy aside.$i 2>/dev/null && ln -s \"$2\" copy; }; rm -f copy; done";
    let ends = std::thread::scope(|scope| {
        let flipping = scope.spawn(|| {
            bench.host.says(&[
                "runuser",
                "-u",
                "bob",
                "--",
                "sh",
                "-c",
                "cd \"$1\" && eval \"$3\"",
                "sh",
                &open,
                &evil,
                flip,
            ])
        });
        let ends: Vec<bool> = (0..12)
            .map(|_| {
                let answer = docker
                    .call("ssh_docker_cp", copy(&made.1, "/tree", &Path::new(&open).join("copy"), "from_container"));
                !answer.error && answer.data["exit_code"] == 0
            })
            .collect();
        bench.host.says(&["touch", &format!("{evil}/stop")]);
        flipping.join().unwrap();
        ends
    });
    let left: Vec<_> = std::fs::read_dir(&evil).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "stop" || name == "flips"), "{left:?} {ends:?}");
    println!("{ends:?} with {} exchanges", std::fs::read_to_string(format!("{evil}/flips")).unwrap_or_default().trim());
}
