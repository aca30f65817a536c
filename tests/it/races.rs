//! Names that change while a tool works on them: another account of the host flips a file, a folder or a folder deep in
//! a tree with a link out of the allowlist, as fast as it can. No byte outside is read, written, linked or counted.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use serde_json::{Value, json};

use crate::containers::{Container, Sftp, busybox_host, new_systemd_host};
use crate::files::Place as _;
use crate::server::{Answer, Server, Setup};
use crate::sshd::Sshd;

/// Rounds of each tool.
const ROUNDS: usize = if cfg!(feature = "deep") { 1000 } else { 50 };

/// Calls on their way at once.
const AT_ONCE: usize = 5;

/// Size of the file outside, in bytes: a number that no answer holds by chance.
const OUTSIDE_SIZE: usize = 7919;

/// What flips with a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Real {
    File,
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
        Real::Folder => {
            let _ = std::fs::create_dir_all(name.join("sub"));
            fill(&name.join("f"));
            fill(&name.join("sub/x"));
        }
    }
}

/// Puts the content back that edits and patches look for, through no link.
fn fill(file: &Path) {
    const CONTENT: &str = "fine line\n";
    if std::fs::read(file).ok().as_deref() != Some(CONTENT.as_bytes()) {
        let fresh = file.with_extension("fresh");
        let _ = std::fs::write(&fresh, CONTENT).and_then(|()| std::fs::rename(&fresh, file));
    }
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
            "ssh_upload",
            vec![
                |r, _| json!({"path": format!("{r}/leaf"), "content_text": "WRITTEN"}),
                |r, _| json!({"path": format!("{r}/dir/f"), "content_text": "WRITTEN"}),
                |r, n| json!({"path": format!("{r}/dir/new-{n}"), "content_text": "WRITTEN"}),
            ],
        ),
        (
            "ssh_deploy",
            vec![
                |r, _| json!({"path": format!("{r}/leaf"), "content_text": "WRITTEN"}),
                |r, _| json!({"path": format!("{r}/dir/f"), "content_text": "WRITTEN", "mode": 511}),
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
        std::fs::create_dir_all(root.join("tree")).unwrap();
        std::fs::create_dir_all(outside.join("dir/sub")).unwrap();
        let canary = format!("CANARY line {}", "x".repeat(OUTSIDE_SIZE - 12));
        for file in ["secret", "dir/f", "dir/sub/x", "dir/only-outside"] {
            std::fs::write(outside.join(file), &canary).unwrap();
        }
        World { root: root.canonicalize().unwrap(), outside: outside.canonicalize().unwrap() }
    }

    /// Runs every row while the names flip. `rounds` for each tool.
    fn race(&self, server: &mut Server, rows: Vec<Row>, rounds: usize) {
        let before = facts(&self.outside);
        let canary = std::fs::read(self.outside.join("secret")).unwrap();
        let digest: String = {
            use sha2::Digest as _;
            sha2::Sha256::digest(&canary).iter().map(|b| format!("{b:02x}")).collect()
        };
        let leaks = ["CANARY", "only-outside", &digest, &OUTSIDE_SIZE.to_string()];
        let root = self.root.to_str().unwrap().to_owned();
        let mut number = 0;
        let mut told: Vec<String> = Vec::new();
        for (tool, ways) in rows {
            let flippers = [
                Flipper::start(self.root.join("leaf"), Real::File, self.outside.join("secret")),
                Flipper::start(self.root.join("dir"), Real::Folder, self.outside.join("dir")),
                Flipper::start(self.root.join("tree/inner"), Real::Folder, self.outside.join("dir")),
            ];
            let (mut fine, mut left) = (0, rounds);
            while left > 0 {
                let mut begun: Vec<(Value, u64)> = Vec::new();
                for _ in 0..left.min(AT_ONCE) {
                    let mut arguments = ways[number % ways.len()](&root, number);
                    std::fs::write(self.root.join(format!("src-{number}")), "fine line\n").unwrap();
                    number += 1;
                    let text = arguments.to_string();
                    arguments["host"] = json!("box");
                    // What is asked for may stand in the answer.
                    let asked = leaks.iter().any(|leak| text.contains(leak));
                    begun.push((json!({"asked": asked, "arguments": text}), server.begin_call(tool, arguments)));
                }
                left -= begun.len();
                for (about, id) in begun {
                    let answer: Answer = server.answer(id, Duration::from_secs(120)).expect("an answer");
                    let shown = format!("{} {}", answer.text, answer.data);
                    // The text that was looked for is not taken for what was found.
                    let found = leaks.iter().find(|leak| shown.contains(**leak) && about["asked"] == false);
                    assert_eq!(found, None, "{tool} {about}: {shown}");
                    fine += usize::from(!answer.error);
                }
            }
            let flips: u64 = flippers.iter().map(|flipper| flipper.flips.load(Ordering::Relaxed)).sum();
            assert!(flips > 100, "nothing flipped: {flips}");
            drop(flippers);
            assert_eq!(facts(&self.outside), before, "{tool} changed what lies outside");
            let mut found = Vec::new();
            stolen(&self.root, &mut found);
            assert!(found.is_empty(), "{tool} brought content in: {found:?}");
            told.push(format!("{tool} {fine}"));
            self.tidy();
        }
        println!("of {rounds} rounds each, done and not refused: {}", told.join(", "));
    }

    /// Removes what the calls of a tool made.
    fn tidy(&self) {
        for entry in std::fs::read_dir(&self.root).unwrap().flatten() {
            remove(&entry.path());
        }
        let _ = std::fs::create_dir_all(self.root.join("tree"));
    }
}

#[test]
fn names_that_flip_give_no_way_out() {
    let sshd = Sshd::start();
    let setup = Setup::new();
    let world = World::new(&setup.path("race"));
    let keys = format!("path_allowlist = [\"{}\"]\n", world.root.display());
    let roots = world.root.display().to_string();
    let mut server = setup.host(&sshd, "box", &keys).env("SSH_LOCAL_TRANSFER_ROOTS", &roots).start();
    world.race(&mut server, rows(), ROUNDS);
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
    let mut server = host.add(setup, &keys).env("SSH_LOCAL_TRANSFER_ROOTS", &roots).start();
    world.race(&mut server, rows(), ROUNDS / 5);
}

fn as_agent(host: &Container, world: &World) -> Setup {
    let keys = format!("[hosts.box]\nhostname = \"box\"\npath_allowlist = [\"{}\"]\n", world.root.display());
    Setup::new().raw(&host.ssh_config_block("box", "agent", &[]), &keys).env("ALLOW_SUDO", "true")
}
