//! Mounts of real containers: copies that would go through them, sources that were exchanged, volumes that are folders
//! of the host. The machine that is logged in to and the engine see one folder under one name.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::session::{Session, folder};
use crate::containers::{Container, engine, new_systemd_host, nothing_pruned, sample_image};

/// What nobody may see, in a folder outside of the allowed one.
const OUTSIDE: &str = "outside-of-all-roots";

pub(super) struct Bench {
    pub host: Container,
    pub image: String,
    shared: tempfile::TempDir,
    pub stem: String,
}

impl Bench {
    pub fn start(stem: &str) -> Option<Self> {
        let image = sample_image()?;
        let shared = tempfile::Builder::new().prefix("mounts-").tempdir().unwrap();
        let volume = format!("--volume={0}:{0}", shared.path().display());
        let host = new_systemd_host(&[&volume])?;
        for name in ["root/in", "root/rw", "outside"] {
            std::fs::create_dir_all(shared.path().join(name)).unwrap();
        }
        std::fs::write(shared.path().join("outside/f"), OUTSIDE).unwrap();
        std::fs::write(shared.path().join("root/in/f"), "kept").unwrap();
        host.says(&["chown", "-R", "dora", &shared.path().join("root").display().to_string()]);
        Some(Bench { host, image, shared, stem: format!("{stem}-{}", std::process::id()) })
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.shared.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.at(name).display().to_string()
    }

    pub fn session(&self, keys: &[&str]) -> Session {
        self.session_with(keys, &[])
    }

    pub fn session_with(&self, keys: &[&str], env: &[(&str, &str)]) -> Session {
        let allowed = format!("path_allowlist = [\"{}\"]", self.text("root"));
        let written = format!("docker_bind_allowlist = [\"{}\"]", self.text("root/rw"));
        let keys: Vec<&str> = [allowed.as_str(), written.as_str()].iter().chain(keys).copied().collect();
        let hosts = self.host.host_entry("box", "dora", &keys);
        Session::start(folder(), &self.host.ssh_config_block("127.0.0.1", "dora", &[]), &hosts, env)
    }

    /// A container that somebody else made, asleep.
    pub fn container(&self, name: &str, options: &[&str]) -> Made {
        let name = format!("{}-{name}", self.stem);
        let words = [&["run", "--detach", "--name", &name], options, &[&self.image, "sleep", "900"]].concat();
        engine(&words, "");
        Made("container", name)
    }

    fn volume(&self, name: &str, device: &str) -> Made {
        let name = format!("{}-{name}", self.stem);
        let device = format!("device={device}");
        engine(&["volume", "create", "-o", "type=none", "-o", "o=bind", "-o", &device, &name], "");
        Made("volume", name)
    }
}

/// Removed when the test is over.
pub(super) struct Made(pub &'static str, pub String);

impl Drop for Made {
    fn drop(&mut self) {
        let words: &[&str] = if self.0 == "volume" { &["volume", "rm", "-f"] } else { &["rm", "-fv"] };
        let _ = std::process::Command::new("docker").args(words).arg(&self.1).output();
    }
}

pub(super) fn copy(container: &str, inside: &str, host_path: &Path, direction: &str) -> Value {
    json!({"container": container, "container_path": inside, "host_path": host_path, "direction": direction})
}

#[test]
fn no_copy_goes_through_a_mount_that_is_closed() {
    let Some(bench) = Bench::start("cp") else { return };
    let _kept = nothing_pruned();
    let mut docker = bench.session(&[]);
    let outside = bench.text("outside");
    let bind = format!("{outside}:/m");
    let device = bench.volume("dev", &outside);
    let volume = format!("{}:/m", device.1);
    let nested = format!("{outside}:/own/deep/m");
    let below = bench.text("root/in");
    let link = bench.text("root/rw/link");
    symlink(&outside, &link).unwrap();
    let by_link = format!("{link}:/m");
    let both = format!("{below}:/over");
    let inner = format!("{outside}:/over/m");
    let table: &[(&str, Vec<&str>, &[&str])] = &[
        ("bind", vec!["-v", &bind], &["/m/f", "/m", "/m/.", "/tmp/../m/f", "/link/f", "/tmp/way"]),
        ("volume", vec!["-v", &volume], &["/m/f", "/m"]),
        ("nested", vec!["-v", &nested], &["/own", "/own/deep/m/f", "/"]),
        ("linked", vec!["-v", &by_link], &["/m/f"]),
        ("within", vec!["-v", &both, "-v", &inner], &["/over/m/f", "/over"]),
    ];
    for (name, options, paths) in table {
        let made = bench.container(name, options);
        engine(&["exec", &made.1, "sh", "-c", "mkdir -p /tmp; ln -s /m /link; ln -s /m/f /tmp/way"], "");
        for running in [true, false] {
            if !running {
                engine(&["stop", "-t", "0", &made.1], "");
            }
            for inside in *paths {
                let out = bench.at("root/out");
                let refused = docker.refused("ssh_docker_cp", copy(&made.1, inside, &out, "from_container"));
                assert!(refused.contains("PathNotAllowed"), "{name} {inside}: {refused}");
                assert!(!out.exists(), "{name} {inside}");
                let put = bench.at("root/in/f");
                let refused = docker.refused("ssh_docker_cp", copy(&made.1, inside, &put, "to_container"));
                assert!(refused.contains("PathNotAllowed"), "{name} {inside}: {refused}");
            }
        }
    }
    let names: Vec<_> = std::fs::read_dir(bench.at("outside")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["f"]);
    assert_eq!(std::fs::read_to_string(bench.at("outside/f")).unwrap(), OUTSIDE);
    std::fs::remove_file(link).unwrap();

    // Into a folder that may be read and is not listed for writing.
    let read = format!("{below}:/m");
    let made = bench.container("read", &["-v", &read]);
    let refused = docker.refused("ssh_docker_cp", copy(&made.1, "/m/g", &bench.at("root/in/f"), "to_container"));
    assert!(refused.contains("docker_bind_allowlist"), "{refused}");
    assert!(!bench.at("root/in/g").exists());
    docker.done("ssh_docker_cp", copy(&made.1, "/m/f", &bench.at("root/out"), "from_container"));
    assert_eq!(std::fs::read_to_string(bench.at("root/out")).unwrap(), "kept");
    for kernel in ["/proc/1/root/etc/passwd", "/etc/../proc/self/environ", "/dev/null", "sys"] {
        docker.refused("ssh_docker_cp", copy(&made.1, kernel, &bench.at("root/kernel"), "from_container"));
    }
}

/// What is copied in may run there: it reads what the container reads and has the container's rights.
#[test]
fn nothing_is_laid_into_a_container_that_sees_or_may_more() {
    let Some(bench) = Bench::start("into") else { return };
    let _kept = nothing_pruned();
    let mut docker = bench.session(&[]);
    let ro = format!("{}:/m:ro", bench.text("outside"));
    let made = bench.container("ro", &["-v", &ro]);
    let put = bench.at("root/in/f");
    let refused = docker.refused("ssh_docker_cp", copy(&made.1, "/put", &put, "to_container"));
    assert!(refused.contains("PathNotAllowed"), "{refused}");
    let outside = format!("{}:/m:ro", bench.text("outside"));
    let (plain, sees) = (bench.container("plain", &[]), bench.container("sees", &["-v", &outside]));
    let (may, joined) = (format!("{}-may0", bench.stem), |of: &str| format!("container:{of}"));
    let (network, pid, with_plain, with_sees) = (joined(&may), joined(&may), joined(&plain.1), joined(&sees.1));
    let table: &[(&[&str], &str)] = &[
        (&["--cap-add", "SYS_ADMIN"], "CapAdd"),
        // What joins another container has its rights.
        (&["--network", &network], "CapAdd"),
        (&["--pid", &pid], "CapAdd"),
        (&["--pid", &with_sees], "PathNotAllowed"),
    ];
    let mut all = Vec::new();
    for (n, (options, named)) in table.iter().enumerate() {
        let made = bench.container(&format!("may{n}"), options);
        let refused = docker.refused("ssh_docker_cp", copy(&made.1, "/put", &put, "to_container"));
        assert!(refused.contains(named) || refused.contains("shares processes"), "{options:?}: {refused}");
        for verb in ["start", "restart"] {
            let refused = docker.refused(&format!("ssh_docker_{verb}"), json!({"container": made.1}));
            assert!(refused.contains(named), "{verb} {options:?}: {refused}");
        }
        all.push(made);
    }
    for option in ["--network", "--pid"] {
        let made = bench.container("fine", &[option, &with_plain]);
        docker.done("ssh_docker_restart", json!({"container": made.1, "grace": 0}));
    }
}

#[test]
fn copies_of_what_is_the_containers_own_go_on() {
    let Some(bench) = Bench::start("own") else { return };
    let _kept = nothing_pruned();
    let mut docker = bench.session(&[]);
    let conf = format!("{}:/conf:ro", bench.text("root/in"));
    let data = format!("{}:/data", bench.text("root/rw"));
    let plain = Made("volume", format!("{}-plain", bench.stem));
    let volume = format!("{}:/vol", plain.1);
    let clock = "/etc/localtime:/etc/localtime:ro";
    let options = ["-v", &conf, "-v", &data, "-v", &volume, "-v", "/anon", "--tmpfs", "/t", "-v", clock];
    let made = bench.container("all", &options);
    engine(
        &["exec", &made.1, "sh", "-c", "echo own >/tmp-f; echo vol >/vol/f; mkdir /tree; echo leaf >/tree/leaf"],
        "",
    );
    for running in [true, false] {
        if !running {
            engine(&["stop", "-t", "0", &made.1], "");
        }
        for (inside, text) in [("/tmp-f", "own\n"), ("/vol/f", "vol\n"), ("/conf/f", "kept")] {
            let out = bench.at("root/out");
            docker.done("ssh_docker_cp", copy(&made.1, inside, &out, "from_container"));
            assert_eq!(std::fs::read_to_string(&out).unwrap(), text, "{inside}");
        }
        for inside in ["/put", "/vol/put", "/data/put"] {
            docker.done("ssh_docker_cp", copy(&made.1, inside, &bench.at("root/in/f"), "to_container"));
        }
        let ro = docker.call("ssh_docker_cp", copy(&made.1, "/conf/put", &bench.at("root/in/f"), "to_container"));
        assert!(ro.error || ro.data["exit_code"] != 0, "the engine itself keeps from it: {}", ro.data);
        assert!(!bench.at("root/in/put").exists());
    }
    assert_eq!(std::fs::read_to_string(bench.at("root/rw/put")).unwrap(), "kept");
    // What the operator closed of the engine's own place stays closed.
    let mut closed = bench.session(&["restricted_globs = [\"**/volumes/*\"]"]);
    let refused = closed.refused("ssh_docker_cp", copy(&made.1, "/vol/f", &bench.at("root/out"), "from_container"));
    assert!(refused.contains("PathRestricted"), "{refused}");
}

#[test]
fn a_source_that_was_exchanged_is_not_opened_again() {
    let Some(bench) = Bench::start("again") else { return };
    let _kept = nothing_pruned();
    let mut docker = bench.session(&[]);
    let (name, folder) = (format!("{}-c", bench.stem), bench.text("root/in"));
    let volumes = [format!("{folder}:/m:ro")];
    let command = ["sh", "-c", "cat /m/f; sleep 900"];
    let run = json!({"image": bench.image, "name": name, "detached": true, "remove": false, "volumes": volumes, "command": command});
    docker.done("ssh_docker_run", run);
    let made = Made("container", name);
    let one = json!({"container": made.1, "grace": 0});
    docker.done("ssh_docker_restart", one.clone());
    std::fs::rename(&folder, bench.at("root/aside")).unwrap();
    symlink(bench.at("outside"), &folder).unwrap();
    let refused = docker.refused("ssh_docker_restart", one.clone());
    assert!(refused.contains("PathNotAllowed"), "{refused}");
    docker.done("ssh_docker_stop", one.clone());
    let refused = docker.refused("ssh_docker_start", json!({"container": made.1}));
    assert!(refused.contains("PathNotAllowed"), "{refused}");
    assert!(!engine(&["logs", &made.1], "").contains(OUTSIDE));
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(bench.at("root/aside"), &folder).unwrap();
    docker.done("ssh_docker_start", json!({"container": made.1}));
    docker.done("ssh_docker_restart", one);

    // A container that somebody made with more than these tools would give.
    for options in
        [vec!["-v".to_owned(), format!("{}:/m", bench.text("outside"))], vec!["-v".to_owned(), format!("{folder}:/m")]]
    {
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let made = bench.container("more", &options);
        docker.refused("ssh_docker_restart", json!({"container": made.1, "grace": 0}));
        engine(&["stop", "-t", "0", &made.1], "");
        docker.refused("ssh_docker_start", json!({"container": made.1}));
    }
    let gone = docker.call("ssh_docker_start", json!({"container": "nothing-of-this-name"}));
    assert!(!gone.error && gone.data["exit_code"] == 1, "a missing container is data: {}", gone.data);
}

#[test]
fn volumes_are_judged_as_the_folders_that_they_may_be() {
    let Some(bench) = Bench::start("vol") else { return };
    let _kept = nothing_pruned();
    let mut docker = bench.session(&[]);
    let run = |volume: &str, more: Value| {
        let mut args = json!({"image": bench.image, "volumes": [volume], "command": ["cat", "/m/f"]});
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        args
    };
    let outside = bench.volume("out", &bench.text("outside"));
    let etc = bench.volume("etc", "/etc");
    let read = bench.volume("read", &bench.text("root/in"));
    let listed = bench.volume("rw", &bench.text("root/rw"));
    std::fs::write(bench.at("root/rw/f"), "written").unwrap();
    for (volume, why) in [
        (format!("{}:/m", outside.1), "PathNotAllowed"),
        (format!("{}:/m:ro", outside.1), "PathNotAllowed"),
        (format!("{}:/m", etc.1), "PathNotAllowed"),
        (format!("{}:/m", read.1), "docker_bind_allowlist"),
        (format!("{}:/m", bench.text("root/in")), "docker_bind_allowlist"),
    ] {
        let refused = docker.refused("ssh_docker_run", run(&volume, json!({})));
        assert!(refused.contains(why), "{volume}: {refused}");
    }
    let mount = format!("type=volume,source={},target=/m", outside.1);
    docker.refused("ssh_docker_run", json!({"image": bench.image, "args": ["--mount", mount, "cat", "/m/f"]}));
    assert_eq!(docker.done("ssh_docker_run", run(&format!("{}:/m", listed.1), json!({})))["stdout"], "written");
    assert_eq!(
        docker.done("ssh_docker_run", run(&format!("{}:/m", bench.text("root/rw")), json!({})))["stdout"],
        "written"
    );
    assert_eq!(
        docker.done("ssh_docker_run", run(&format!("{}:/m:ro", bench.text("root/in")), json!({})))["stdout"],
        "kept"
    );
    let plain = Made("volume", format!("{}-plain", bench.stem));
    for text in ["new", "again"] {
        let command = json!({"command": ["sh", "-c", format!("echo {text} >/m/f; cat /m/f")]});
        assert_eq!(
            docker.done("ssh_docker_run", run(&format!("{}:/m", plain.1), command))["stdout"],
            format!("{text}\n")
        );
    }
}

#[test]
fn projects_start_no_container_and_no_volume_unseen() {
    let Some(bench) = Bench::start("proj") else { return };
    let _kept = nothing_pruned();
    let mut docker = bench.session(&[]);
    for v1 in [false, true] {
        let generation = if v1 { "one" } else { "two" };
        let project = format!("{}{generation}", bench.stem.replace('-', ""));
        let dir = format!("root/{project}");
        std::fs::create_dir_all(bench.at(&format!("{dir}/conf"))).unwrap();
        std::fs::write(bench.at(&format!("{dir}/conf/f")), "kept").unwrap();
        let file = bench.text(&format!("{dir}/compose.yml"));
        let version = if v1 { "version: \"3.7\"\n" } else { "" };
        let write = |volumes: &str, more: &str| {
            let text = format!(
                "{version}services:\n  web:\n    image: {}\n    command: [sh, -c, \"cat /m/f; sleep 900\"]\n    network_mode: none\n    \
                 stop_grace_period: 0s\n    volumes: [{volumes}]\n{more}",
                bench.image
            );
            std::fs::write(&file, text).unwrap();
        };
        let call = json!({"compose_file": file, "compose_v1": v1});
        let outside = bench.volume(&format!("{generation}-ext"), &bench.text("outside"));
        // The name that the engine would give the project's own volume, taken by somebody before.
        let own = format!("{project}_taken");
        let device = format!("device={}", bench.text("outside"));
        engine(&["volume", "create", "-o", "type=none", "-o", "o=bind", "-o", &device, &own], "");
        let _own = Made("volume", own);
        let external = format!("volumes: {{ext: {{external: true, name: {}}}}}\n", outside.1);
        let by_options =
            format!("volumes: {{vol: {{driver_opts: {{type: none, o: bind, device: {}}}}}}}\n", bench.text("outside"));
        let listed =
            format!("volumes: {{vol: {{driver_opts: {{type: none, o: bind, device: {}}}}}}}\n", bench.text("root/in"));
        for (volumes, more, why) in [
            ("'ext:/m'", external.as_str(), "PathNotAllowed"),
            ("'taken:/m'", "volumes: {taken: {}}\n", "PathNotAllowed"),
            ("'vol:/m'", by_options.as_str(), "PathNotAllowed"),
            ("'vol:/m'", listed.as_str(), "docker_bind_allowlist"),
            ("'./conf:/m'", "", "docker_bind_allowlist"),
        ] {
            write(volumes, more);
            for verb in ["up", "start", "restart"] {
                let refused = docker.refused(&format!("ssh_docker_compose_{verb}"), call.clone());
                assert!(refused.contains(why), "v1 {v1} {verb} {volumes}: {refused}");
            }
        }
        // A read-only bind below the root, a named volume and a listed folder work, again and again.
        std::fs::write(bench.at("root/rw/f"), "written").unwrap();
        let ordinary = format!("'./conf:/m:ro', 'data:/data', '{}:/rw'", bench.text("root/rw"));
        write(&ordinary, "volumes: {data: {}}\n");
        for verb in ["up", "restart", "stop", "start", "up"] {
            docker.done(&format!("ssh_docker_compose_{verb}"), call.clone());
        }
        // What its containers see is judged as it is now.
        let conf = bench.at(&format!("{dir}/conf"));
        std::fs::rename(&conf, bench.at(&format!("{dir}/aside"))).unwrap();
        symlink(bench.at("outside"), &conf).unwrap();
        for verb in ["restart", "start", "up"] {
            let refused = docker.refused(&format!("ssh_docker_compose_{verb}"), call.clone());
            assert!(refused.contains("PathNotAllowed"), "v1 {v1} {verb}: {refused}");
        }
        // So is a container that was made from another text of the same project.
        write("'data:/data'", "volumes: {data: {}}\n");
        for verb in ["restart", "start"] {
            let refused = docker.refused(&format!("ssh_docker_compose_{verb}"), call.clone());
            assert!(refused.contains("PathNotAllowed"), "v1 {v1} {verb}: {refused}");
        }
        docker.done("ssh_docker_compose_down", json!({"compose_file": file, "compose_v1": v1, "volumes": true}));
        assert_eq!(std::fs::read_to_string(bench.at("outside/f")).unwrap(), OUTSIDE);
    }
}

#[test]
fn links_and_devices_are_laid_down_only_where_a_link_could_be_made() {
    let Some(bench) = Bench::start("links") else { return };
    let _kept = nothing_pruned();
    let mut docker = bench.session(&[]);
    let made = bench.container("c", &[]);
    let inside = |line: &str| engine(&["exec", &made.1, "sh", "-c", line], "");
    inside(
        "mkdir -p /out /dev2/d /fifo/d /fine/sub; ln -s /etc/shadow /out/l; ln -s ../../../outside /out/up; ln -s /etc /alone",
    );
    inside(
        "mknod /dev2/d/null c 1 3; mkfifo /fifo/d/p; echo x >/fine/f; ln -s f /fine/l; ln -s ../f /fine/sub/l; ln /fine/f /fine/h; chmod 4755 /fine/f",
    );
    for (from, names) in
        [("/out", vec!["out/l", "out/up"]), ("/dev2", vec!["null"]), ("/fifo/.", vec!["d/p"]), ("/alone", vec!["/etc"])]
    {
        let to = bench.at("root/new");
        let refused = docker.refused("ssh_docker_cp", copy(&made.1, from, &to, "from_container"));
        assert!(names.iter().all(|name| refused.contains(name)), "{from}: {refused}");
        assert!(!to.exists() && std::fs::symlink_metadata(&to).is_err(), "{from}");
    }
    let to = bench.at("root/fine");
    docker.done("ssh_docker_cp", copy(&made.1, "/fine", &to, "from_container"));
    let text = |name: &str| std::fs::read_to_string(to.join(name)).unwrap();
    assert_eq!(
        (text("f"), text("l"), text("sub/l"), text("h")),
        ("x\n".into(), "x\n".into(), "x\n".into(), "x\n".into())
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(&to.join("f").metadata().unwrap().permissions());
    assert_eq!(mode & 0o7777, 0o755, "no set-id bit comes out");
    // Once more into what is there: its content is filled, and beside it as a folder of its own name.
    inside("echo y >/fine/f; rm /fine/h; echo z >/fine/sub/z");
    docker.done("ssh_docker_cp", copy(&made.1, "/fine/.", &to, "from_container"));
    assert_eq!((text("f"), text("sub/z")), ("y\n".into(), "z\n".into()));
    docker.done("ssh_docker_cp", copy(&made.1, "/fine", &to, "from_container"));
    assert_eq!(text("fine/sub/z"), "z\n");
    // A link of the host is no way out of the folder, and no folder is replaced by a file.
    std::fs::remove_dir_all(to.join("sub")).unwrap();
    symlink(bench.at("outside"), to.join("sub")).unwrap();
    let stopped = docker.call("ssh_docker_cp", copy(&made.1, "/fine/.", &to, "from_container"));
    assert!(stopped.data["exit_code"] != 0, "{}", stopped.data);
    assert!(!bench.at("outside/z").exists());
    std::fs::remove_file(to.join("sub")).unwrap();
    let names = |folder: &Path| -> Vec<String> {
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    };
    let left: Vec<String> =
        names(&to).into_iter().chain(names(&bench.at("root"))).filter(|n| n.starts_with(".ssh-mcp")).collect();
    assert!(left.is_empty(), "{left:?}");
    let missing = docker.call("ssh_docker_cp", copy(&made.1, "/no/such", &bench.at("root/x"), "from_container"));
    assert!(!missing.error && missing.data["exit_code"] == 1, "{}", missing.data);
}

#[test]
fn a_tree_is_closed_by_what_it_holds_and_not_by_what_it_could() {
    let Some(bench) = Bench::start("look") else { return };
    let _kept = nothing_pruned();
    let globs = ["redact_paths_globs = [\"**/.env\"]", "restricted_globs = [\"**/*.pem\"]"];
    let mut docker = bench.session(&globs);
    let made = bench.container("c", &[]);
    let volume = format!("{}:/m:ro", bench.text("root/in"));
    let run = json!({"image": bench.image, "volumes": [volume], "command": ["cat", "/m/f"]});
    let put = copy(&made.1, "/tree", &bench.at("root/in"), "to_container");
    let cp = json!({"src": bench.at("root/in"), "dst": bench.at("root/cp")});
    let project = format!("root/{}", bench.stem);
    std::fs::create_dir_all(bench.at(&project)).unwrap();
    let file = bench.text(&format!("{project}/compose.yml"));
    let _service = Made("container", format!("{}-web-1", bench.stem));
    let text = format!(
        "services:\n  web:\n    image: {}\n    volumes: ['../in:/m:ro']\n    network_mode: none\n",
        bench.image
    );
    std::fs::write(&file, text).unwrap();
    let up = json!({"compose_file": file});
    std::fs::create_dir_all(bench.at("root/in/deep/er")).unwrap();
    assert_eq!(docker.done("ssh_docker_run", run.clone())["stdout"], "kept");
    docker.done("ssh_docker_cp", put.clone());
    docker.done("ssh_docker_compose_up", up.clone());
    let mut files = bench.session(&globs);
    let copied = files.call("ssh_cp", cp.clone());
    assert!(!copied.error && bench.at("root/cp/f").exists(), "{}", copied.text);
    std::fs::remove_dir_all(bench.at("root/cp")).unwrap();
    // What comes out of a container is looked at before it is laid down, under the names that it gets.
    let inside = "mkdir -p /o/a/b /p/a /q; echo 1 >/o/a/b/f; echo 1 >/p/a/x.pem; echo 1 >/q/x.pem; echo 1 >/o.pem";
    engine(&["exec", &made.1, "sh", "-c", inside], "");
    let out = |inside: &str, to: &str| copy(&made.1, inside, &bench.at(to), "from_container");
    docker.done("ssh_docker_cp", out("/o", "root/out"));
    docker.done("ssh_docker_cp", out("/o", "root/out"));
    assert!(bench.at("root/out/a/b/f").exists() && bench.at("root/out/o/a/b/f").exists());
    docker.done("ssh_docker_cp", out("/o.pem", "root/out/plain"));
    for (inside, to) in [("/p", "root/out2"), ("/p", "root/out"), ("/q/.", "root/out"), ("/o.pem", "root/out")] {
        let refused = docker.refused("ssh_docker_cp", out(inside, to));
        assert!(refused.contains("PathRestricted"), "{inside}: {refused}");
    }
    assert!(
        !bench.at("root/out2").exists() && !bench.at("root/out/x.pem").exists() && !bench.at("root/out/o.pem").exists()
    );
    std::fs::remove_dir_all(bench.at("root/out")).unwrap();
    for (name, why) in
        [("deep/er/.env", "RedactBypassBlocked"), ("deep/x.pem", "PathRestricted"), ("y.pem", "PathRestricted")]
    {
        let held = bench.at("root/in").join(name);
        std::fs::write(&held, "API_TOKEN=hunter2hunter2").unwrap();
        for (tool, args) in [("ssh_docker_run", &run), ("ssh_docker_cp", &put), ("ssh_docker_compose_up", &up)] {
            let refused = docker.refused(tool, args.clone());
            // What listings hide is not told by name.
            let told = refused.contains(name);
            assert!(refused.contains(why) && told == (why != "PathRestricted"), "{tool} {name}: {refused}");
        }
        let refused = files.refused("ssh_cp", cp.clone());
        assert!(refused.contains(why) && refused.contains(name) == (why != "PathRestricted"), "{name}: {refused}");
        std::fs::remove_file(held).unwrap();
    }
    // What the account cannot look into.
    bench.host.says(&["sh", "-c", "chown root \"$1\"; chmod 700 \"$1\"", "sh", &bench.text("root/in/deep")]);
    for (tool, args) in [("ssh_docker_run", &run), ("ssh_docker_cp", &put), ("ssh_cp", &cp)] {
        let refused = files.refused(tool, args.clone());
        assert!(refused.contains("cannot be"), "{tool}: {refused}");
    }
    docker.done("ssh_docker_compose_down", up);
}
