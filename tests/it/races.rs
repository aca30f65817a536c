//! Names that change while a tool works on them: another account of the host flips a file, a folder or a folder deep in
//! a tree with a link out of the allowlist, as fast as it can. No byte outside is read, written, linked or counted.
//!
//! `RACE_TOOLS` names the tools of a run, with commas, where not all are wanted again.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use serde_json::{Value, json};

use crate::containers::{Container, Sftp, busybox_host, new_systemd_host};
use crate::crashes::Disk;
use crate::files::{Place as _, account};
use crate::registry::path_arguments;
use crate::server::{Answer, Server, Setup};
use crate::sshd::Sshd;

/// Rounds of each tool.
const ROUNDS: usize = if cfg!(feature = "deep") { 1000 } else { 50 };

/// Calls on their way at once.
const AT_ONCE: usize = 5;

/// Size of the file outside, in bytes: a number that no answer holds by chance.
const OUTSIDE_SIZE: usize = 7919;

/// Size of a large file, in bytes: `ssh_transfer` sends it in pieces.
const LARGE: u64 = 1_500_000;

/// What flips with a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Real {
    File,
    /// A file that does not go over in one piece.
    Large,
    Folder,
}

/// Exchanges `name` with a link to `target`, until it is dropped.
struct Flipper {
    stop: Arc<AtomicBool>,
    flips: Arc<AtomicU64>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Flipper {
    fn start(name: PathBuf, real: Real, target: PathBuf) -> Self {
        let (stop, flips) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (seen, counted) = (stop.clone(), flips.clone());
        repair(&name, real, &target);
        let thread = std::thread::spawn(move || {
            let link = link_of(&name);
            while !seen.load(Ordering::Relaxed) {
                // An even number, so that it ends as it began.
                for _ in 0..16 {
                    if renameat2(AT_FDCWD, &name, AT_FDCWD, &link, RenameFlags::RENAME_EXCHANGE).is_err() {
                        break;
                    }
                    counted.fetch_add(1, Ordering::Relaxed);
                }
                repair(&name, real, &target);
            }
        });
        Flipper { stop, flips, thread: Some(thread) }
    }
}

impl Drop for Flipper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

/// The name that is exchanged with this one.
fn link_of(name: &Path) -> PathBuf {
    name.with_extension("link")
}

/// Puts back what a tool moved, replaced or deleted.
fn repair(name: &Path, real: Real, target: &Path) {
    let is_link = |path: &Path| std::fs::symlink_metadata(path).map(|facts| facts.is_symlink());
    let link = link_of(name);
    if !matches!(is_link(&link), Ok(true)) {
        remove(&link);
        let _ = symlink(target, &link);
    }
    if !matches!(is_link(name), Ok(false)) {
        remove(name);
    }
    match real {
        Real::File => fill(name),
        Real::Large => {
            if !std::fs::metadata(name).is_ok_and(|facts| facts.len() == LARGE) {
                put(name, &"fine line\n".repeat(LARGE as usize / 10));
            }
        }
        Real::Folder => {
            let _ = std::fs::create_dir_all(name.join("sub"));
            fill(&name.join("f"));
            fill(&name.join("sub/x"));
        }
    }
}

/// Puts the content back that edits and patches look for, through no link.
fn fill(file: &Path) {
    const CONTENT: &str = "fine line\nA=1\n";
    if std::fs::read(file).ok().as_deref() != Some(CONTENT.as_bytes()) {
        put(file, CONTENT);
    }
}

fn put(file: &Path, content: &str) {
    let fresh = file.with_extension("fresh");
    let _ = std::fs::write(&fresh, content).and_then(|()| std::fs::rename(&fresh, file));
}

fn remove(path: &Path) {
    let _ = std::fs::remove_file(path);
    let _ = std::fs::remove_dir_all(path);
}

/// What lies outside: content, mode, owner, number of names of everything.
fn facts(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, u32, u32, u64)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let (path, meta) = (entry.path(), entry.metadata().unwrap());
        let content = if meta.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
        if meta.is_dir() {
            found.extend(facts(&path));
        }
        found.insert(path, (content, meta.mode(), meta.uid(), meta.nlink()));
    }
    found
}

/// Files below a folder, links left alone, that hold a canary.
fn stolen(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            stolen(&entry.path(), found);
        } else if kind.is_file()
            && std::fs::read(entry.path()).is_ok_and(|bytes| bytes.windows(6).any(|window| window == b"CANARY"))
        {
            found.push(entry.path());
        }
    }
}

/// A change that fits the files that flip.
const PATCH: &str = "--- a\n+++ b\n@@ -1 +1 @@\n-fine line\n+fine WRITTEN\n";

/// A tool and the ways to call it: arguments without the host, from the folder and the number of the call.
type Row = (&'static str, Vec<fn(&str, usize) -> Value>);

/// `leaf` flips as a file, `dir` as a folder, `tree/inner` deep in a folder; `src-N` is new for each call.
fn rows() -> Vec<Row> {
    vec![
        (
            "ssh_sftp_stat",
            vec![|r, _| json!({"path": format!("{r}/leaf")}), |r, _| json!({"path": format!("{r}/dir/f")})],
        ),
        (
            "ssh_sftp_list",
            vec![|r, _| json!({"path": format!("{r}/dir")}), |r, _| json!({"path": format!("{r}/tree/inner")})],
        ),
        (
            "ssh_sftp_download",
            vec![
                |r, _| json!({"path": format!("{r}/leaf"), "as_text": true}),
                |r, _| json!({"path": format!("{r}/dir/f"), "as_text": true}),
                |r, n| json!({"path": format!("{r}/dir/f"), "local_path": format!("{r}/local-{n}")}),
                |r, n| json!({"path": format!("{r}/src-{n}"), "local_path": format!("{r}/dir/local-{n}")}),
            ],
        ),
        (
            "ssh_read_redacted",
            vec![|r, _| json!({"path": format!("{r}/leaf")}), |r, _| json!({"path": format!("{r}/dir/f")})],
        ),
        (
            "ssh_file_hash",
            vec![|r, _| json!({"path": format!("{r}/leaf")}), |r, _| json!({"path": format!("{r}/dir/f")})],
        ),
        (
            "ssh_find",
            vec![
                |r, _| json!({"path": format!("{r}/dir"), "contains": "ine"}),
                |r, _| json!({"path": format!("{r}/tree"), "contains": "CANARY"}),
                |r, _| json!({"path": format!("{r}/tree")}),
            ],
        ),
        (
            "ssh_host_disk_usage",
            vec![
                |r, _| json!({"path": format!("{r}/dir"), "max_depth": 8}),
                |r, _| json!({"path": format!("{r}/tree"), "max_depth": 8, "deleted": true}),
            ],
        ),
        (
            "ssh_upload",
            vec![
                |r, _| json!({"path": format!("{r}/leaf"), "content_text": "WRITTEN"}),
                |r, _| json!({"path": format!("{r}/dir/f"), "content_text": "WRITTEN"}),
                |r, n| json!({"path": format!("{r}/dir/new-{n}"), "content_text": "WRITTEN"}),
                |r, n| json!({"path": format!("{r}/up-{n}"), "local_path": format!("{r}/leaf")}),
                |r, n| json!({"path": format!("{r}/up-{n}"), "local_path": format!("{r}/dir/f")}),
            ],
        ),
        (
            "ssh_deploy",
            vec![
                |r, _| json!({"path": format!("{r}/leaf"), "content_text": "WRITTEN"}),
                |r, _| json!({"path": format!("{r}/dir/f"), "content_text": "WRITTEN", "mode": "0777"}),
                |r, n| json!({"path": format!("{r}/up-{n}"), "local_path": format!("{r}/dir/f")}),
            ],
        ),
        (
            "ssh_edit",
            vec![
                |r, _| json!({"path": format!("{r}/leaf"), "old_string": "line", "new_string": "WRITTEN"}),
                |r, _| json!({"path": format!("{r}/dir/f"), "old_string": "line", "new_string": "WRITTEN"}),
            ],
        ),
        (
            "ssh_patch",
            vec![
                |r, _| json!({"path": format!("{r}/leaf"), "unified_diff": PATCH}),
                |r, _| json!({"path": format!("{r}/dir/f"), "unified_diff": PATCH}),
            ],
        ),
        (
            "ssh_env_set",
            vec![
                |r, _| json!({"path": format!("{r}/leaf"), "key": "WRITTEN", "value": "1"}),
                |r, _| json!({"path": format!("{r}/dir/f"), "key": "WRITTEN", "value": "1"}),
            ],
        ),
        ("ssh_mkdir", vec![|r, n| json!({"path": format!("{r}/dir/made-{n}/deep"), "parents": true})]),
        ("ssh_delete", vec![|r, _| json!({"path": format!("{r}/leaf")}), |r, _| json!({"path": format!("{r}/dir/f")})]),
        (
            "ssh_delete_folder",
            vec![
                |r, _| json!({"path": format!("{r}/dir/sub"), "recursive": true}),
                |r, _| json!({"path": format!("{r}/tree"), "recursive": true}),
                |r, _| json!({"path": format!("{r}/dir"), "recursive": true, "dry_run": true}),
            ],
        ),
        (
            "ssh_mv",
            vec![
                |r, n| json!({"src": format!("{r}/dir/f"), "dst": format!("{r}/moved-{n}")}),
                |r, n| json!({"src": format!("{r}/src-{n}"), "dst": format!("{r}/dir/in-{n}")}),
                |r, n| json!({"src": format!("{r}/src-{n}"), "dst": format!("{r}/leaf")}),
                |r, n| json!({"src": format!("{r}/tree"), "dst": format!("{r}/tree-{n}")}),
                |r, n| json!({"src": format!("{r}/leaf"), "dst": format!("{r}/far/moved-{n}")}),
                |r, n| json!({"src": format!("{r}/dir/f"), "dst": format!("{r}/far/moved-{n}")}),
                |r, n| json!({"src": format!("{r}/tree"), "dst": format!("{r}/far/tree-{n}")}),
            ],
        ),
        (
            "ssh_cp",
            vec![
                |r, n| json!({"src": format!("{r}/leaf"), "dst": format!("{r}/copied-{n}")}),
                |r, n| json!({"src": format!("{r}/dir/f"), "dst": format!("{r}/copied-{n}")}),
                |r, n| json!({"src": format!("{r}/src-{n}"), "dst": format!("{r}/leaf")}),
                |r, n| json!({"src": format!("{r}/src-{n}"), "dst": format!("{r}/dir/in-{n}")}),
                |r, n| json!({"src": format!("{r}/tree"), "dst": format!("{r}/copied-{n}")}),
            ],
        ),
        (
            "ssh_transfer",
            vec![
                |r, n| send(format!("{r}/leaf"), format!("{r}/sent-{n}"), false),
                |r, n| send(format!("{r}/dir/f"), format!("{r}/sent-{n}"), false),
                |r, n| send(format!("{r}/large"), format!("{r}/sent"), n % 2 == 0),
                |r, n| send(format!("{r}/src-{n}"), format!("{r}/leaf"), true),
                |r, n| send(format!("{r}/src-{n}"), format!("{r}/dir/in-{n}"), false),
                |r, _| send(format!("{r}/still"), format!("{r}/dir/large"), true),
            ],
        ),
        (
            "ssh_link",
            vec![
                |r, n| json!({"src": format!("{r}/leaf"), "dst": format!("{r}/linked-{n}")}),
                |r, n| json!({"src": format!("{r}/dir/f"), "dst": format!("{r}/linked-{n}")}),
                |r, n| json!({"src": format!("{r}/src-{n}"), "dst": format!("{r}/dir/linked-{n}")}),
                |r, n| json!({"src": format!("{r}/src-{n}"), "dst": format!("{r}/dir/soft-{n}"), "symbolic": true}),
            ],
        ),
    ]
}

fn send(from: String, to: String, overwrite: bool) -> Value {
    json!({"src_host": "box", "src_path": from, "dst_host": "other", "dst_path": to, "overwrite": overwrite})
}

/// Tools with paths that are in no table, and why.
const NOT_RACED: [(&str, &str); 10] = [
    ("ssh_docker_run", ENGINE),
    ("ssh_docker_cp", CLIENT),
    ("ssh_docker_compose_ps", COMPOSE),
    ("ssh_docker_compose_logs", COMPOSE),
    ("ssh_docker_compose_up", ENGINE),
    ("ssh_docker_compose_down", COMPOSE),
    ("ssh_docker_compose_pull", COMPOSE),
    ("ssh_docker_compose_start", ENGINE),
    ("ssh_docker_compose_stop", COMPOSE),
    ("ssh_docker_compose_restart", ENGINE),
];
const ENGINE: &str = "the engine opens what it mounts by its name, after the check: N11 of SECURITY.md";
const CLIENT: &str = "the engine's client opens the last name of the path itself, after the check: N11 of SECURITY.md";
const COMPOSE: &str = "what a project names is read by name, after the check: N11 of SECURITY.md";

/// The same for root.
fn sudo_rows() -> Vec<Row> {
    vec![
        (
            "ssh_sudo_read",
            vec![
                |r, _| json!({"path": format!("{r}/leaf"), "as_text": true}),
                |r, _| json!({"path": format!("{r}/dir/f"), "as_text": true}),
            ],
        ),
        (
            "ssh_sudo_read_redacted",
            vec![|r, _| json!({"path": format!("{r}/leaf")}), |r, _| json!({"path": format!("{r}/dir/f")})],
        ),
        ("ssh_sudo_sftp_list", vec![|r, _| json!({"path": format!("{r}/dir")})]),
        (
            "ssh_sudo_write",
            vec![
                |r, _| json!({"path": format!("{r}/leaf"), "content_text": "WRITTEN", "chown_user": "bob"}),
                |r, n| json!({"path": format!("{r}/dir/new-{n}"), "content_text": "WRITTEN", "chown_user": "bob"}),
            ],
        ),
        (
            "ssh_sudo_edit",
            vec![
                |r, _| json!({"path": format!("{r}/leaf"), "old_string": "line", "new_string": "WRITTEN"}),
                |r, _| json!({"path": format!("{r}/dir/f"), "old_string": "line", "new_string": "WRITTEN"}),
            ],
        ),
    ]
}

/// The folders of a race: what is allowed, and what lies outside.
struct World {
    root: PathBuf,
    outside: PathBuf,
}

impl World {
    fn new(folder: &Path) -> Self {
        let (root, outside) = (folder.join("root"), folder.join("outside"));
        for folder in ["tree", "far"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        std::fs::create_dir_all(outside.join("dir/sub")).unwrap();
        let canary = format!("CANARY line {}", "x".repeat(OUTSIDE_SIZE - 12));
        for file in ["secret", "dir/f", "dir/sub/x", "dir/only-outside"] {
            std::fs::write(outside.join(file), &canary).unwrap();
        }
        World { root: root.canonicalize().unwrap(), outside: outside.canonicalize().unwrap() }
    }

    /// Runs every row while the names flip. `rounds` for each tool.
    fn race(&self, server: &mut Server, mut rows: Vec<Row>, rounds: usize) {
        if let Ok(wanted) = std::env::var("RACE_TOOLS") {
            rows.retain(|(tool, _)| wanted.split(',').any(|name| name == *tool));
        }
        let canary = std::fs::read(self.outside.join("secret")).unwrap();
        let digest: String = {
            use sha2::Digest as _;
            sha2::Sha256::digest(&canary).iter().map(|b| format!("{b:02x}")).collect()
        };
        let leaks = ["CANARY", "only-outside", &digest, &OUTSIDE_SIZE.to_string()];
        let root = self.root.to_str().unwrap().to_owned();
        let (mut number, mut wrong) = (0, Vec::new());
        for (tool, ways) in rows {
            let before = facts(&self.outside);
            put(&self.root.join("still"), &"fine line\n".repeat(LARGE as usize / 10));
            let mut flippers = vec![
                Flipper::start(self.root.join("leaf"), Real::File, self.outside.join("secret")),
                Flipper::start(self.root.join("dir"), Real::Folder, self.outside.join("dir")),
                Flipper::start(self.root.join("tree/inner"), Real::Folder, self.outside.join("dir")),
            ];
            if tool == "ssh_transfer" {
                flippers.push(Flipper::start(self.root.join("large"), Real::Large, self.outside.join("secret")));
            }
            let (mut fine, mut refused, mut left) = (vec![0; ways.len()], 0, rounds);
            while left > 0 {
                let mut begun: Vec<(Value, usize, u64)> = Vec::new();
                for _ in 0..left.min(AT_ONCE) {
                    let way = number % ways.len();
                    let mut arguments = ways[way](&root, number);
                    std::fs::write(self.root.join(format!("src-{number}")), "fine line\n").unwrap();
                    number += 1;
                    let text = arguments.to_string();
                    if arguments["src_host"].is_null() {
                        arguments["host"] = json!("box");
                    }
                    // What is asked for may stand in the answer.
                    let asked = leaks.iter().any(|leak| text.contains(leak));
                    let about = json!({"asked": asked, "arguments": text});
                    begun.push((about, way, server.begin_call(tool, arguments)));
                }
                left -= begun.len();
                for (about, way, id) in begun {
                    let answer: Answer = server.answer(id, Duration::from_secs(120)).expect("an answer");
                    let shown = format!("{} {}", answer.text, answer.data);
                    // The text that was looked for is not taken for what was found.
                    if about["asked"] == false && leaks.iter().any(|leak| shown.contains(leak)) {
                        wrong.push(format!("{tool} {about}: {}", shown.chars().take(400).collect::<String>()));
                    }
                    fine[way] += usize::from(!answer.error);
                    refused += usize::from(answer.error);
                }
            }
            let flips: u64 = flippers.iter().map(|flipper| flipper.flips.load(Ordering::Relaxed)).sum();
            assert!(flips > 100, "nothing flipped: {flips}");
            drop(flippers);
            if facts(&self.outside) != before {
                wrong.push(format!("{tool} changed what lies outside"));
            }
            let mut found = Vec::new();
            stolen(&self.root, &mut found);
            if !found.is_empty() {
                wrong.push(format!("{tool} brought content in: {found:?}"));
            }
            // A tool that refuses everything would leak nothing either.
            assert!(rounds < 50 || fine.iter().sum::<usize>() > 0, "{tool} never did what it was asked");
            println!("{tool}: {rounds} rounds, {flips} flips, done {fine:?} by its ways, {refused} refused");
            self.tidy();
        }
        assert!(wrong.is_empty(), "{} leaks: {}", wrong.len(), wrong[..wrong.len().min(5)].join("\n"));
    }

    /// Removes what the calls of a tool made.
    fn tidy(&self) {
        for entry in std::fs::read_dir(&self.root).unwrap().flatten() {
            remove(&entry.path());
        }
        for folder in ["tree", "far"] {
            let _ = std::fs::create_dir_all(self.root.join(folder));
        }
    }
}

#[test]
fn names_that_flip_give_no_way_out() {
    let sshd = Sshd::start();
    let setup = Setup::new();
    let world = World::new(&setup.path("race"));
    let keys = format!("path_allowlist = [\"{}\"]\n", world.root.display());
    let roots = world.root.display().to_string();
    let setup = setup.host(&sshd, "box", &keys).host(&sshd, "other", &keys);
    let mut server = setup.env("SSH_LOCAL_TRANSFER_ROOTS", &roots).start();
    // Where this account may mount one, another file system: what is moved there is copied. It goes before the server,
    // which takes the folder along.
    let _disk = Disk::new(world.root.join("far"), "64m");
    world.race(&mut server, rows(), ROUNDS);
}

/// A tool that gets a path argument comes into a table, or says here why not.
#[test]
fn every_tool_with_a_path_is_raced() {
    let raced: Vec<&str> = rows().into_iter().chain(sudo_rows()).map(|(tool, _)| tool).collect();
    let with_paths: Vec<&str> = ssh_mcp::internals::tools::all()
        .iter()
        .filter(|entry| !path_arguments(entry).is_empty())
        .map(|entry| entry.spec.name)
        .collect();
    let excused = |tool: &str| NOT_RACED.iter().any(|(name, _)| *name == tool);
    let missing: Vec<&&str> = with_paths.iter().filter(|tool| !raced.contains(tool) && !excused(tool)).collect();
    assert!(missing.is_empty(), "raced nowhere: {missing:?}");
    for (tool, why) in NOT_RACED {
        assert!(with_paths.contains(&tool) && !raced.contains(&tool), "{tool} needs no excuse: {why}");
    }
}

#[test]
fn names_that_flip_give_root_no_way_out() {
    let folder = tempfile::Builder::new().prefix("race-").tempdir().unwrap();
    let world = World::new(folder.path());
    let volume = format!("--volume={0}:{0}", folder.path().display());
    let Some(host) = new_systemd_host(&[&volume]) else { return };
    let mut server = as_agent(&host, &world).start();
    world.race(&mut server, sudo_rows(), ROUNDS);
}

#[test]
fn names_that_flip_give_no_way_out_on_busybox() {
    let Some(host) = busybox_host(Sftp::Missing) else { return };
    let setup = Setup::new();
    let world = World::new(&setup.path("race"));
    let keys = format!("path_allowlist = [\"{}\"]\n", world.root.display());
    let roots = world.root.display().to_string();
    let other = format!("[hosts.other]\nhostname = \"other\"\n{keys}");
    let setup = host.add(setup, &keys).raw(&host.ssh_config_block("other", account(), &[]), &other);
    let mut server = setup.env("SSH_LOCAL_TRANSFER_ROOTS", &roots).start();
    // Every process of this machine is BusyBox, and its daemon takes few at once: the everyday run has fewer rounds.
    world.race(&mut server, rows(), if cfg!(feature = "deep") { ROUNDS } else { ROUNDS / 5 });
}

fn as_agent(host: &Container, world: &World) -> Setup {
    let keys = format!("[hosts.box]\nhostname = \"box\"\npath_allowlist = [\"{}\"]\n", world.root.display());
    Setup::new().raw(&host.ssh_config_block("box", "agent", &[]), &keys).env("ALLOW_SUDO", "true")
}
