//! A recorder in the place of docker: what the host was asked for, word by word.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::session::{Session, folder};
use crate::sshd::{Login, Options, Sshd};

/// What is asked about mounts before a run is not a part of the record: this engine has neither containers nor volumes.
const NOTHING_THERE: &str = "case \"$*\" in *'{{range .Mounts}}'*|'volume ls -q'|'ps -aq --no-trunc --filter label='*|'ps --quiet --filter label=ssh-mcp.call='*) exit 0;; \
    'volume inspect -f '*) echo no such volume >&2; exit 1;; esac\n";

struct Recorder {
    _sshd: Sshd,
    session: Session,
    log: PathBuf,
    root: PathBuf,
}

impl Recorder {
    /// A host whose docker writes its words down, NUL-ended, an empty one after each line, and prints `prints`.
    fn start(prints: &str, status: i32, keys: &str) -> Self {
        Self::with(&format!("printf '%s\\n' '{prints}' >&2\nexit {status}\n"), keys)
    }

    /// A host whose docker writes its words down and then does what these lines of sh say.
    fn with(does: &str, keys: &str) -> Self {
        let sshd = Sshd::with(&Options { login: Login::Shell("/bin/sh".into()), ..Options::default() });
        let dir = folder();
        let root = dir.path().canonicalize().unwrap().join("root");
        std::fs::create_dir_all(root.join("data")).unwrap();
        let (log, program) = (dir.path().join("log"), dir.path().join("docker"));
        let script = format!("#!/bin/sh\n{NOTHING_THERE}printf '%s\\0' \"$@\" '' >>{}\n{does}", log.display());
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let hosts = format!(
            "[hosts.box]\nhostname = \"box\"\ndocker_cmd = \"{}\"\npath_allowlist = [\"{}\", \"/srv\", \"/etc/localtime\", \"/usr/share/zoneinfo\"]\ndocker_bind_allowlist = [\"{}\"]\n{keys}\n",
            program.display(),
            root.display(),
            root.display()
        );
        let session = Session::start(dir, &sshd.ssh_config_block("box", &[]), &hosts, &[]);
        Recorder { _sshd: sshd, session, log, root }
    }

    /// Every command line that docker got since the last look, without the marks of our own that differ with each call.
    fn lines(&self) -> Vec<Vec<String>> {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let _ = std::fs::remove_file(&self.log);
        let mut lines = vec![Vec::new()];
        for word in text.split_terminator('\0') {
            match word {
                "" => lines.push(Vec::new()),
                word if word.starts_with("--label=ssh-mcp.call=") || word.starts_with("--env=SSH_MCP_EXEC=") => {}
                word => lines.last_mut().unwrap().push(word.to_owned()),
            }
        }
        lines.pop();
        lines
    }
}

fn cases(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

#[test]
fn escapes_are_refused_before_the_engine_hears_of_them() {
    let mut host = Recorder::start("", 0, "");
    let escapes = cases(include_str!("../../cases/docker/run-escapes.json"));
    assert!(escapes.len() >= 100);
    for args in escapes {
        let text = host.session.refused("ssh_docker_run", json!({"image": "app:1", "args": args}));
        assert!(text.contains("ValueError") || text.contains("PathNotAllowed"), "{args}: {text}");
        assert_eq!(host.lines(), Vec::<Vec<String>>::new(), "{args}");
    }
    // What only the host knows: a link that leads out, and a socket.
    std::os::unix::fs::symlink("/etc", host.root.join("link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(host.root.join("plain")).unwrap();
    for name in ["link", "plain"] {
        let volume = format!("{}:/x", host.root.join(name).display());
        host.session.refused("ssh_docker_run", json!({"image": "app:1", "volumes": [volume]}));
        assert_eq!(host.lines(), Vec::<Vec<String>>::new(), "{name}");
    }
}

/// Renders a compose file to itself, as compose does with one that holds nothing to resolve.
const RENDERS: &str = "while [ $# -gt 0 ]; do case $1 in -f) f=$2;; config) c=1;; esac; shift; done\n\
    [ -z \"$c\" ] || cat \"$f\"\n";

#[test]
fn projects_are_judged_before_the_engine_hears_of_them() {
    let mut host = Recorder::with(RENDERS, "");
    let file = host.root.join("compose.yml");
    let cases: Value = serde_json::from_str(include_str!("../../cases/docker/compose.json")).unwrap();
    let texts = |key: &str| cases[key].as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect::<Vec<_>>();
    let below = |lines: &str| {
        let body: String = lines.lines().map(|line| format!("    {line}\n")).collect();
        format!("services:\n  web:\n    image: app:1\n{body}")
    };
    let escapes = texts("service").into_iter().map(below).chain(texts("project").into_iter().map(str::to_owned));
    let mut refused = 0;
    for (text, verb) in escapes.zip(["up", "start", "restart", "pull"].into_iter().cycle()) {
        std::fs::write(&file, &text).unwrap();
        let answer = host.session.call(&format!("ssh_docker_compose_{verb}"), json!({"compose_file": file}));
        // A rendering that compose itself refuses would be an answer with its status.
        assert!(answer.error, "{verb} {text}: {}", answer.data);
        for line in host.lines() {
            assert!(line.contains(&"config".to_owned()), "{verb} {text}: {line:?}");
        }
        refused += 1;
    }
    assert!(refused >= 100);
    let mut ran = 0;
    for lines in texts("ordinary") {
        // Paths that this machine does not have are covered by the table of the policy.
        if lines.contains("/srv/") || lines.contains("./") || lines.contains("db:ro") {
            continue;
        }
        std::fs::write(&file, below(lines)).unwrap();
        host.session.done("ssh_docker_compose_up", json!({"compose_file": file}));
        let last = host.lines().pop().unwrap().join(" ");
        let expected = format!("compose -f - --env-file /dev/null --project-directory {} up -d", host.root.display());
        assert_eq!(last, expected, "{lines}");
        ran += 1;
    }
    assert!(ran >= 20, "{ran}");
}

/// Stopping needs no judgement, unless compose would run commands of the project in its containers before.
#[test]
fn a_stop_that_would_run_commands_of_the_project_is_judged() {
    let mut host = Recorder::with(RENDERS, "");
    let file = host.root.join("compose.yml");
    let call = json!({"compose_file": file});
    let text = |lines: &str| format!("services:\n  web:\n    image: app:1\n{lines}");
    for (lines, beside) in [
        ("    pre_stop: [{command: id, privileged: true}]\n", None),
        ("    pre_stop: [{command: id, privileged: true}]\n", Some("A=1\n")),
        ("    \"pre\\u005fstop\": [{command: id, privileged: true}]\n", None),
        ("    privileged: true\n    pre_stop: [{command: id}]\n", None),
        ("    privileged: true\n    post_start: [{command: id}]\n", None),
    ] {
        std::fs::write(&file, text(lines)).unwrap();
        let variables = host.root.join(".env");
        match beside {
            Some(beside) => std::fs::write(&variables, beside).unwrap(),
            None => drop(std::fs::remove_file(&variables)),
        }
        for verb in ["stop", "down"] {
            for _ in 0..2 {
                let refused = host.session.refused(&format!("ssh_docker_compose_{verb}"), call.clone());
                assert!(refused.contains("privileged"), "{verb} {lines}: {refused}");
                let lines = host.lines();
                assert!(lines.iter().all(|line| line.contains(&"config".to_owned())), "{verb}: {lines:?}");
            }
        }
    }
    let _ = std::fs::remove_file(host.root.join(".env"));
    for (lines, looks) in [("    privileged: true\n", false), ("    pre_stop: [{command: id, user: www}]\n", true)] {
        std::fs::write(&file, text(lines)).unwrap();
        for verb in ["stop", "down"] {
            host.session.done(&format!("ssh_docker_compose_{verb}"), call.clone());
            let ran = host.lines();
            assert_eq!(ran.last().and_then(|line| line.last()).map(String::as_str), Some(verb), "{ran:?}");
            assert_eq!(ran.iter().any(|line| line.contains(&"config".to_owned())), looks, "{lines} {ran:?}");
        }
    }
}

/// A pipe or a device is refused at once; whoever opens it would wait.
#[test]
fn a_compose_file_that_is_no_file_is_not_waited_for() {
    let mut host = Recorder::with(RENDERS, "");
    let pipe = host.root.join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let began = std::time::Instant::now();
    for place in [&pipe, &host.root.join("data")] {
        for verb in ["ps", "up", "stop", "logs"] {
            let refused = host.session.refused(&format!("ssh_docker_compose_{verb}"), json!({"compose_file": place}));
            assert!(refused.contains("not a plain file"), "{verb}: {refused}");
        }
    }
    assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(host.lines(), Vec::<Vec<String>>::new());
}

#[test]
fn ordinary_runs_reach_the_engine_as_they_were_judged() {
    let mut host = Recorder::start("", 0, "");
    let ordinary = cases(include_str!("../../cases/docker/run-ordinary.json"));
    assert!(ordinary.len() >= 30);
    let words =
        |value: &Value| value.as_array().unwrap().iter().map(|w| w.as_str().unwrap().to_owned()).collect::<Vec<_>>();
    for case in ordinary {
        // Paths of the table that this machine does not have are covered by the table of the policy.
        if case["args"].to_string().contains("/srv/") {
            continue;
        }
        let args = json!({"image": "registry.example:5000/team/app:1", "args": case["args"], "remove": false});
        host.session.done("ssh_docker_run", args);
        let mut expected = vec!["run".to_owned()];
        expected.extend(words(&case["options"]));
        expected.extend(["--".to_owned(), "registry.example:5000/team/app:1".to_owned()]);
        expected.extend(words(&case["command"]));
        assert_eq!(host.lines(), [expected], "{case}");
    }
    let data = host.root.join("data");
    let typed = json!({
        "image": "app", "name": "web", "detached": true, "ports": ["8080:80"], "env": {"A": "b c"},
        "volumes": [format!("{}:/data:ro", data.display())], "network": "back", "restart": "unless-stopped",
        "workdir": "/app", "user": "1000", "entrypoint": "/run", "command": ["serve", "--loud"],
    });
    host.session.done("ssh_docker_run", typed);
    let expected = format!(
        "run --detach=true --name=web --publish=8080:80 --volume={}:/data:ro --env=A=b c --network=back \
         --restart=unless-stopped --workdir=/app --user=1000 --entrypoint=/run -- app serve --loud",
        data.display()
    );
    assert_eq!(host.lines().concat().join(" "), expected);
}

/// Values that try to be something else than one operand.
const HOSTILE: &[&str] =
    &["--privileged", "-x", "a b", "a\nb", "*", "$(id)", "`id`", "'", "\"", "a;id", "a\u{0}b", "", "~", "../x"];

#[test]
fn every_name_is_one_operand_or_refused() {
    let mut host = Recorder::start("", 0, "");
    let long = "a".repeat(100_000);
    let values = HOSTILE.iter().copied().chain([long.as_str()]);
    for value in values {
        for (tool, field) in [
            ("ssh_docker_start", "container"),
            ("ssh_docker_stop", "container"),
            ("ssh_docker_restart", "container"),
            ("ssh_docker_rm", "container"),
            ("ssh_docker_rmi", "image"),
            ("ssh_docker_pull", "image"),
            ("ssh_docker_run", "image"),
            ("ssh_docker_run", "name"),
            ("ssh_docker_run", "network"),
            ("ssh_docker_logs", "container"),
            ("ssh_docker_logs", "since"),
            ("ssh_docker_top", "container"),
            ("ssh_docker_top", "ps_options"),
            ("ssh_docker_inspect", "target"),
            ("ssh_docker_ps", "name"),
            ("ssh_docker_ps", "ancestor"),
            ("ssh_docker_ps", "label"),
            ("ssh_docker_images", "label"),
            ("ssh_docker_events", "since"),
            ("ssh_docker_events", "until"),
            ("ssh_docker_volumes", "name"),
            ("ssh_docker_cp", "container"),
            ("ssh_docker_compose_ps", "service"),
            ("ssh_docker_compose_logs", "service"),
        ] {
            let mut args = json!({field: value});
            for (needed, with) in [("container", "web"), ("image", "app")] {
                if args.get(needed).is_none() && matches!(tool, "ssh_docker_logs" | "ssh_docker_top" | "ssh_docker_run")
                {
                    if (needed == "image") == (tool == "ssh_docker_run") {
                        args[needed] = json!(with);
                    }
                }
            }
            if tool == "ssh_docker_cp" {
                args["container_path"] = json!("/x");
                args["host_path"] = json!(host.root.join("data"));
                args["direction"] = json!("to_container");
            }
            if tool.contains("compose") {
                args["compose_file"] = json!(host.root.join("compose.yml"));
            }
            let answer = host.session.call(tool, args);
            let lines = host.lines();
            if answer.error {
                assert!(answer.text.contains(field), "{tool} {field} {value:.40}: {}", answer.text);
                assert_eq!(lines, Vec::<Vec<String>>::new(), "{tool} {field} {value:.40}");
            } else {
                // A label may look like an option, and ps has options of its own; each stays the tail of one word.
                let words = lines.concat();
                assert_eq!(words.iter().filter(|w| w.ends_with(value)).count(), 1, "{tool} {field} {words:?}");
                assert!(words.contains(&format!("label={value}")) || field == "ps_options", "{tool} {field} {words:?}");
            }
        }
    }
    // A container's command may be anything; it stays one word.
    for word in ["--privileged", "a b", "a\nb", "$(id)", "'", "*"] {
        host.session.done("ssh_docker_run", json!({"image": "app", "command": ["echo", word]}));
        assert_eq!(host.lines().concat().last().map(String::as_str), Some(word));
    }
}

#[test]
fn a_stopped_engine_is_a_clear_error() {
    let down = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?";
    let mut host = Recorder::start(down, 1, "");
    for (tool, args) in [
        ("ssh_docker_ps", json!({})),
        ("ssh_docker_run", json!({"image": "app"})),
        ("ssh_docker_stop", json!({"container": "web"})),
    ] {
        let text = host.session.refused(tool, args);
        assert!(text.contains("PlatformNotSupported") && text.contains("does not answer"), "{tool}: {text}");
    }
    drop(host);
    let rights = "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock";
    let mut host = Recorder::start(rights, 1, "");
    assert!(host.session.refused("ssh_docker_stop", json!({"container": "web"})).contains("sudo: true"));
    let closed = host.session.refused("ssh_docker_stop", json!({"container": "web", "sudo": true}));
    assert!(closed.contains("TierNotAllowed"), "{closed}");
}

/// Statuses of a container that the path check uses itself: they are told as they are, and nothing runs twice.
#[test]
fn a_containers_own_status_is_told_and_it_runs_once() {
    for status in (83..=99).chain([0]) {
        let mut host = Recorder::start("", status, "");
        let volume = format!("{}:/data", host.root.join("data").display());
        let answer = host.session.call("ssh_docker_run", json!({"image": "app:1", "volumes": [volume]}));
        assert_eq!((answer.error, &answer.data["exit_code"]), (false, &json!(status)), "{}", answer.text);
        assert_eq!(host.lines().len(), 1, "{status}");
        std::fs::write(host.root.join("compose.yml"), "services: {}\n").unwrap();
        let down = json!({"compose_file": host.root.join("compose.yml")});
        let answer = host.session.call("ssh_docker_compose_down", down);
        assert_eq!((answer.error, &answer.data["exit_code"]), (false, &json!(status)), "{}", answer.text);
        assert_eq!(host.lines().len(), 1, "{status}");
    }
}

#[test]
fn a_missing_client_is_a_clear_error() {
    let mut host = Recorder::start("", 0, "");
    std::fs::remove_file(host.session.dir.path().join("docker")).unwrap();
    let text = host.session.refused("ssh_docker_ps", json!({}));
    assert!(text.contains("PlatformNotSupported") && text.contains("has no program"), "{text}");
}

/// As [`RENDERS`]; notes the remote session of each line, and keeps what it was given to run.
const KEEPS: &str = "case $* in *' config'*) c=1;; esac; while [ $# -gt 0 ]; do case $1 in -f) f=$2;; esac; shift; done\n\
    read -r s </proc/self/stat; s=${s##*) }; set -- $s; echo $4 >>SESSIONS\n\
    if [ -n \"$c\" ]; then cat \"$f\"; else cat >RAN; fi\n";

#[test]
fn a_project_that_was_judged_runs_again_in_one_script_until_it_changes() {
    let home = folder();
    let at = |name: &str| home.path().join(name).display().to_string();
    let mut host = Recorder::with(&KEEPS.replace("SESSIONS", &at("sessions")).replace("RAN", &at("ran")), "");
    let file = host.root.join("compose.yml");
    let args = json!({"compose_file": file});
    let text = |extra: &str| format!("services:\n  web:\n    image: app:1\n{extra}");
    let ran = || std::fs::read_to_string(home.path().join("ran")).unwrap_or_default();
    let scripts = || {
        let sessions = std::fs::read_to_string(home.path().join("sessions")).unwrap();
        std::fs::remove_file(home.path().join("sessions")).unwrap();
        let mut all: Vec<&str> = sessions.lines().collect();
        // It renders twice, because this one knows no JSON, and runs once.
        assert_eq!(all.len(), 3);
        all.dedup();
        all.len()
    };
    let last = |host: &Recorder| host.lines().pop().unwrap().join(" ");
    std::fs::write(&file, text("")).unwrap();
    host.session.done("ssh_docker_compose_start", args.clone());
    assert_eq!(scripts(), 2);
    let first = ran();
    assert!(first.contains("app:1"), "{first}");
    // Another verb on the same file runs the same value.
    for verb in ["start", "restart"] {
        std::fs::write(home.path().join("ran"), "").unwrap();
        host.session.done(&format!("ssh_docker_compose_{verb}"), args.clone());
        assert_eq!(scripts(), 1, "{verb}");
        assert_eq!(ran(), first);
        assert_eq!(
            last(&host),
            format!("compose -f - --env-file /dev/null --project-directory {} {verb}", host.root.display())
        );
    }
    // What changed is judged before it runs, and then the new value is the one that runs.
    std::fs::write(&file, text("    labels: [a=b]\n")).unwrap();
    host.session.done("ssh_docker_compose_start", args.clone());
    assert_eq!(scripts(), 2);
    assert!(ran().contains("a=b"), "{}", ran());
    host.session.done("ssh_docker_compose_start", args.clone());
    assert_eq!(scripts(), 1);
    for (extra, why) in [("    privileged: true\n", "privileged"), ("    env_file: /etc/shadow\n", "PathNotAllowed")] {
        std::fs::write(home.path().join("ran"), "").unwrap();
        std::fs::write(&file, text(extra)).unwrap();
        let refused = host.session.refused("ssh_docker_compose_start", args.clone());
        assert!(refused.contains(why), "{refused}");
        assert_eq!(ran(), "", "{extra}");
    }
    // A mount that was judged is looked at each time.
    let mount = host.root.join("data");
    std::fs::write(&file, text(&format!("    volumes: ['{}:/x']\n", mount.display()))).unwrap();
    host.session.done("ssh_docker_compose_start", args.clone());
    std::fs::remove_dir(&mount).unwrap();
    std::os::unix::fs::symlink("/etc", &mount).unwrap();
    std::fs::write(home.path().join("ran"), "").unwrap();
    host.session.refused("ssh_docker_compose_start", args);
    assert_eq!(ran(), "");
}
