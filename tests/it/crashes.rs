//! Writers that die and disks that are full: a file is the old one or the new one, whole, and nothing else stays.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::server::{Server, Setup, eventually};
use crate::sshd::Sshd;
use crate::transfers::temporaries;

/// Longest wait for the host to notice that its client is gone.
const NOTICED: Duration = Duration::from_secs(60);

/// Size of the file whose upload is broken off, in bytes.
const LARGE: usize = if cfg!(feature = "deep") { 200 << 20 } else { 32 << 20 };

/// A small file system of its own; `None` where this account may not mount one.
pub struct Disk(PathBuf);

impl Disk {
    pub fn new(folder: PathBuf, size: &str) -> Option<Self> {
        std::fs::create_dir_all(&folder).unwrap();
        let option = format!("size={size}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &option, "tmpfs"]).arg(&folder).stdin(Stdio::null());
        mount.output().is_ok_and(|done| done.status.success()).then_some(Disk(folder))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).stdin(Stdio::null()).status();
    }
}

fn world(sshd: &Sshd) -> (Setup, PathBuf) {
    let setup = Setup::new();
    let root = setup.root();
    std::fs::create_dir_all(root.join("local")).unwrap();
    let keys = format!("path_allowlist = [\"{}\"]\ncommand_allowlist = [\"*\"]", root.display());
    let local = root.join("local").display().to_string();
    (setup.host(sshd, "box", &keys).env("SSH_LOCAL_TRANSFER_ROOTS", &local), root)
}

#[test]
fn a_full_disk_keeps_the_old_file() {
    let (sshd, other) = (Sshd::start(), Sshd::start());
    let (setup, root) = world(&sshd);
    let Some(disk) = Disk::new(root.join("disk"), "512k") else {
        println!("this account may not mount a tmpfs");
        return;
    };
    let keys = format!("path_allowlist = [\"{}\"]", root.display());
    let mut server = setup.host(&other, "other", &keys).start();
    let old = disk.0.join("old");
    std::fs::write(&old, "old text\n").unwrap();
    std::fs::write(disk.0.join("ballast"), vec![b'x'; 300 << 10]).unwrap();
    let (large, larger) = ("y".repeat(400 << 10), root.join("local/larger"));
    std::fs::write(&larger, vec![b'z'; 3 << 20]).unwrap();
    std::fs::write(root.join("small"), &large).unwrap();
    let diff = format!("@@ -1 +1 @@\n-old text\n+{large}\n");
    for (tool, args) in [
        ("ssh_upload", json!({"host": "box", "path": old, "content_text": large})),
        ("ssh_upload", json!({"host": "box", "path": old, "local_path": larger})),
        ("ssh_deploy", json!({"host": "box", "path": old, "content_text": large})),
        ("ssh_deploy", json!({"host": "box", "path": old, "local_path": larger})),
        ("ssh_edit", json!({"host": "box", "path": old, "old_string": "text", "new_string": large})),
        ("ssh_patch", json!({"host": "box", "path": old, "unified_diff": diff})),
        ("ssh_cp", json!({"host": "box", "src": root.join("small"), "dst": old})),
        ("ssh_mv", json!({"host": "box", "src": root.join("small"), "dst": old})),
        ("ssh_transfer", between(&root.join("small"), &old)),
        ("ssh_transfer", between(&larger, &old)),
    ] {
        let said = server.err(tool, args);
        assert!(said.contains("No space left on device"), "{tool}: {said}");
        assert_eq!(std::fs::read(&old).unwrap(), b"old text\n", "{tool}");
        let left = std::fs::read_dir(&disk.0).unwrap().flatten().count();
        assert_eq!(left, 2, "{tool} left something behind: {:?}", temporaries(&disk.0));
    }
    assert!(root.join("small").exists());
    // Before the folder that it is mounted in.
    drop(disk);
}

fn between(src: &Path, dst: &Path) -> Value {
    json!({"src_host": "other", "src_path": src, "dst_host": "box", "dst_path": dst, "overwrite": true})
}

#[derive(Debug, Clone, Copy)]
enum Victim {
    Server,
    Master,
    Sshd,
}

impl Victim {
    fn strike(self, server: &Server, sshd: &Sshd) {
        match self {
            Victim::Server => server.signal(Signal::SIGKILL),
            Victim::Sshd => sshd.kill_sessions(),
            Victim::Master => {
                let mark = server.dir.path().join("r").display().to_string();
                for pid in ssh_of(&mark) {
                    let _ = kill(pid, Signal::SIGKILL);
                }
            }
        }
    }
}

/// The `ssh` programs whose command lines name this folder.
fn ssh_of(mark: &str) -> Vec<Pid> {
    let named = |pid: i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        let program = line.split('\0').next().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
        program.starts_with("ssh") && !program.contains("mcp") && line.contains(mark)
    };
    let pids = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| named(*pid)).map(Pid::from_raw).collect()
}

#[test]
fn a_broken_upload_leaves_the_old_file_or_the_new_one() {
    let sshd = Sshd::start();
    for victim in [Victim::Server, Victim::Master, Victim::Sshd] {
        for stage in [0, LARGE as u64 / 4, LARGE as u64] {
            let (setup, root) = world(&sshd);
            let (local, remote) = (root.join("local/new"), root.join("file"));
            std::fs::write(&local, vec![b'n'; LARGE]).unwrap();
            std::fs::write(&remote, "old").unwrap();
            let mut server = setup.start();
            server.exec("true");
            server.begin_call("ssh_upload", json!({"host": "box", "path": remote, "local_path": local}));
            let is_new = || std::fs::metadata(&remote).unwrap().len() == LARGE as u64;
            let reached = || {
                let sizes = std::fs::read_dir(&root).unwrap().flatten();
                let mut sizes = sizes.filter(|e| e.file_name().to_string_lossy().contains(".ssh-mcp-tmp."));
                is_new() || sizes.any(|e| e.metadata().is_ok_and(|m| m.len() >= stage))
            };
            assert!(eventually(NOTICED, reached), "{victim:?} at {stage}: nothing was written");
            victim.strike(&server, &sshd);
            assert!(eventually(NOTICED, || temporaries(&root).is_empty()), "{victim:?} at {stage}: a temporary stays");
            let now = std::fs::read(&remote).unwrap();
            assert!(now == b"old" || now == vec![b'n'; LARGE], "{victim:?} at {stage}: {} bytes", now.len());
        }
    }
}

#[test]
fn a_broken_edit_leaves_the_old_file_or_the_new_one() {
    let sshd = Sshd::start();
    let (old, new) = (format!("{}\nport=1\n", "x".repeat(400_000)), format!("{}\nport=2\n", "x".repeat(400_000)));
    for victim in [Victim::Server, Victim::Master, Victim::Sshd] {
        for pause in [0, 10, 40] {
            let (setup, root) = world(&sshd);
            let file = root.join("file");
            std::fs::write(&file, &old).unwrap();
            let mut server = setup.start();
            server.exec("true");
            let args = json!({"host": "box", "path": file, "old_string": "port=1", "new_string": "port=2"});
            server.begin_call("ssh_edit", args);
            // Stages of something that takes a few milliseconds: any of them may be met.
            std::thread::sleep(Duration::from_millis(pause));
            victim.strike(&server, &sshd);
            assert!(eventually(NOTICED, || temporaries(&root).is_empty()), "{victim:?}: a temporary stays");
            let now = std::fs::read_to_string(&file).unwrap();
            assert!(now == old || now == new, "{victim:?} after {pause} ms: {} bytes", now.len());
        }
    }
}

#[test]
fn the_next_write_sweeps_what_a_dead_writer_left() {
    let sshd = Sshd::start();
    let (setup, root) = world(&sshd);
    let mut server = setup.start();
    let make = |name: &str, age: &str| {
        let path = root.join(format!(".ssh-mcp-tmp.{name}"));
        std::fs::write(&path, "half").unwrap();
        let done = Command::new("touch").args(["-d", age]).arg(&path).status().unwrap();
        assert!(done.success());
        path
    };
    let (dead, young) = (make("00000000000000aa", "-2 days"), make("00000000000000bb", "-2 minutes"));
    let living = make("00000000000000cc", "-20 minutes");
    let odd = root.join("keep");
    std::fs::write(&odd, "").unwrap();
    // A name with a line end in it names no other file.
    make("00000000000000dd\nkeep", "-2 days");
    let mut holder = Command::new("flock").arg(&living).args(["sleep", "60"]).process_group(0).spawn().unwrap();
    assert!(eventually(NOTICED, || Command::new("flock")
        .arg("-n")
        .arg(&living)
        .arg("true")
        .status()
        .is_ok_and(|s| !s.success())));
    server.ok("ssh_upload", json!({"host": "box", "path": root.join("f"), "content_text": "f"}));
    assert!(!dead.exists(), "an old one whose lock is free goes");
    assert!(young.exists(), "a young one stays");
    assert!(living.exists(), "one whose writer lives stays");
    assert!(odd.exists());
    let _ = kill(Pid::from_raw(-(holder.id() as i32)), Signal::SIGKILL);
    holder.wait().unwrap();
    server.ok("ssh_upload", json!({"host": "box", "path": root.join("f"), "content_text": "g"}));
    assert!(!living.exists(), "and goes when that writer is dead");
}

/// Numbers that repeat from run to run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % n as u64).unwrap()
    }

    fn text(&mut self) -> Vec<u8> {
        let lines = [&b"a\n"[..], b"b\n", b"\n", b"c\r\n", b"\xff\n", b"longer line\n"];
        let mut text: Vec<u8> = (0..=self.below(14)).flat_map(|_| lines[self.below(lines.len())].to_vec()).collect();
        if self.below(3) == 0 {
            text.pop();
        }
        text
    }

    fn changed(&mut self, text: &[u8]) -> Vec<u8> {
        let mut lines: Vec<Vec<u8>> = text.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
        for _ in 0..=self.below(2) {
            let at = self.below(lines.len() + 1);
            match self.below(3) {
                0 if at < lines.len() => drop(lines.remove(at)),
                1 if at < lines.len() && lines[at].ends_with(b"\n") => lines[at] = b"changed\n".to_vec(),
                _ if at < lines.len() => lines.insert(at, b"new\n".to_vec()),
                _ => {}
            }
        }
        lines.concat()
    }
}

/// What the system's `patch` makes of it, at the lines that the diff names and nowhere else.
fn reference(folder: &Path, file: &[u8], diff: &str) -> Option<Vec<u8>> {
    let (input, patch, output) = (folder.join("in"), folder.join("diff"), folder.join("out"));
    std::fs::write(&input, file).unwrap();
    std::fs::write(&patch, diff).unwrap();
    let _ = std::fs::remove_file(&output);
    let mut command = Command::new("patch");
    command.args(["--binary", "--fuzz=0", "--forward", "--batch", "--verbose", "-r", "-", "-o"]).arg(&output);
    let done = command.arg(&input).arg(&patch).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    (done.status.success() && !said.contains("offset")).then(|| std::fs::read(&output).unwrap())
}

#[test]
fn patches_and_edits_agree_with_patch_and_with_a_model() {
    if Command::new("patch").arg("--version").output().is_err() {
        println!("there is no patch program");
        return;
    }
    let rounds = if cfg!(feature = "deep") { 1000 } else { 24 };
    let sshd = Sshd::start();
    let (setup, root) = world(&sshd);
    let mut server = setup.start();
    let (file, beside) = (root.join("f"), tempfile::tempdir().unwrap());
    let mut chance = Chance(0x1234_5678_9abc_def1);
    let (mut applied, mut refused) = (0, 0);
    for round in 0..rounds {
        let old = chance.text();
        let new = chance.changed(&old);
        let other = if chance.below(2) == 0 { old.clone() } else { chance.changed(&old) };
        let (a, b) = (beside.path().join("a"), beside.path().join("b"));
        std::fs::write(&a, &old).unwrap();
        std::fs::write(&b, &new).unwrap();
        let context = format!("-U{}", 1 + chance.below(3));
        let diff = Command::new("diff").args(["-a", &context]).arg(&a).arg(&b).output().unwrap().stdout;
        // A diff travels as text: one that quotes other bytes cannot be given at all.
        if let Some(diff) = String::from_utf8(diff).ok().filter(|diff| !diff.is_empty()) {
            let expected = reference(beside.path(), &other, &diff);
            std::fs::write(&file, &other).unwrap();
            let answer = server.call("ssh_patch", json!({"host": "box", "path": file, "unified_diff": diff}));
            let now = std::fs::read(&file).unwrap();
            assert_eq!(answer.error, expected.is_none(), "round {round}\n{diff}\n{other:?}\n{}", answer.text);
            assert_eq!(now, expected.clone().unwrap_or(other), "round {round}\n{diff}");
            if expected.is_some() { applied += 1 } else { refused += 1 }
        }
        let text = chance.text();
        let (from, to) = (["a\n", "b", "c\r\n", "longer"][chance.below(4)], ["", "x\r\n", "é"][chance.below(3)]);
        let all = chance.below(2) == 0;
        let places = (0..text.len()).filter(|at| text[*at..].starts_with(from.as_bytes())).count();
        std::fs::write(&file, &text).unwrap();
        let answer = server.call(
            "ssh_edit",
            json!({"host": "box", "path": file, "old_string": from, "new_string": to,
                   "occurrence": if all { "all" } else { "single" }}),
        );
        let (mut model, mut rest) = (Vec::new(), text.as_slice());
        while let Some((first, after)) = rest.split_first() {
            match rest.strip_prefix(from.as_bytes()) {
                Some(after) => {
                    model.extend_from_slice(to.as_bytes());
                    rest = after;
                }
                None => {
                    model.push(*first);
                    rest = after;
                }
            }
        }
        let fits = places == 1 || (all && places > 0);
        assert_eq!(answer.error, !fits, "round {round}: {text:?} {from:?} {}", answer.text);
        assert_eq!(std::fs::read(&file).unwrap(), if fits { model } else { text }, "round {round}");
    }
    assert!(applied > rounds / 5 && refused > 0, "{applied} applied, {refused} refused");
}
