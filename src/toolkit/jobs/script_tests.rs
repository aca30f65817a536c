//! The scripts themselves, on this machine, under each shell that may stand behind `sh`.

use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::record::{Record, State, one, take_record};
use super::start::{RUNNER, START};
use super::{FORGET, LIST, READ, STOP, Script};
use crate::ssh::wrapper::{COPY, End, Stopped};

/// A store of its own, and a shell that is `sh` there.
struct Store {
    dir: tempfile::TempDir,
    shell: PathBuf,
    /// Ends every id: a stop knows the processes of a job by it, and tests run beside each other.
    tag: String,
}

/// How a job is started.
struct Start<'a> {
    text: &'a str,
    input: Option<&'a str>,
    limit: u64,
    wait: u64,
    bound: u64,
    most: u64,
}

impl Default for Start<'_> {
    fn default() -> Self {
        Start { text: "true", input: None, limit: 100, wait: 30, bound: 1 << 28, most: 20 }
    }
}

/// dash, bash and BusyBox, as far as they are installed.
fn stores() -> Vec<Store> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let found: Vec<Store> = ["dash", "bash", "busybox"]
        .iter()
        .filter_map(|name| ["/bin", "/usr/bin"].iter().map(|at| Path::new(at).join(name)).find(|path| path.exists()))
        .map(|program| {
            let dir = tempfile::tempdir().unwrap();
            std::fs::create_dir(dir.path().join("bin")).unwrap();
            let shell = dir.path().join("bin/sh");
            symlink(program, &shell).unwrap();
            let tag = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            Store { dir, shell, tag }
        })
        .collect();
    assert!(!found.is_empty(), "no shell");
    found
}

impl Store {
    fn jobs(&self) -> PathBuf {
        self.dir.path().join("ssh-mcp/jobs")
    }

    fn id(&self, name: &str) -> String {
        format!("{name}-{}", self.tag)
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.jobs().join(self.id(name))
    }

    fn run(&self, script: &Script, words: &[&str], data: &[u8]) -> (Option<i32>, Vec<u8>, Vec<u8>) {
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.dir.path().join("bin").display());
        let mut child = Command::new(&self.shell)
            .args(["-c", &script.compact(), "sh"])
            .args(words)
            .env("PATH", &path)
            .env("XDG_STATE_HOME", self.dir.path())
            .envs([("ssh_mcp_P", path.as_str()), ("ssh_mcp_L", ""), ("ssh_mcp_f", ""), ("LC_ALL", "C")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // One that refuses reads none of it.
        let _ = child.stdin.take().unwrap().write_all(data);
        let done = child.wait_with_output().unwrap();
        (done.status.code(), done.stdout, done.stderr)
    }

    /// Starts one and takes the record off its answer.
    fn start(&self, id: &str, start: &Start<'_>) -> (Record, Vec<u8>, Vec<u8>) {
        let (code, mut out, err) = self.start_raw(id, start);
        assert_eq!(code, Some(0), "{}", String::from_utf8_lossy(&err));
        let record = take_record(&mut out);
        // Who waits hears of the end a little before it is on record.
        let recorded = || self.folder(id).join("status").exists();
        assert!(record.state() == State::Running || eventually(recorded), "its end comes on record");
        (record, out, err)
    }

    fn start_raw(&self, id: &str, start: &Start<'_>) -> (Option<i32>, Vec<u8>, Vec<u8>) {
        let word = start.text.len() < 60_000;
        let text = format!("{}#MARK", start.text);
        let input = start.input.map(|input| format!("{input}#MARK"));
        let data = format!("{}{}", if word { "" } else { &text }, input.as_deref().unwrap_or_default());
        let text_len = if word { "-".to_owned() } else { text.len().to_string() };
        let input_len = input.as_ref().map_or_else(|| "-".to_owned(), |input| input.len().to_string());
        let numbers = [start.limit, start.wait, start.bound, start.most].map(|n| n.to_string());
        let id = self.id(id);
        let runner = format!("{COPY}\n{}", RUNNER.compact());
        let words = [
            "login",
            &id,
            &numbers[0],
            &numbers[1],
            &numbers[2],
            &numbers[3],
            "20200101",
            &text_len,
            &input_len,
            "MARK",
            "{\"kind\":\"command\",\"text\":\"x\"}",
            "1000",
            &runner,
            "1000000",
            if word { start.text } else { "" },
        ];
        self.run(&START, &words, data.as_bytes())
    }

    fn read(&self, id: &str) -> (Record, Vec<u8>) {
        let (_, mut out, _) = self.run(&READ, &["login", &self.id(id), "-", "-", "100000", "0"], b"");
        (take_record(&mut out), out)
    }

    fn stop(&self, id: &str) -> Record {
        let (_, out, _) = self.run(&STOP, &["login", &self.id(id), "-"], b"");
        one(&String::from_utf8_lossy(&out))
    }

    fn number(&self, id: &str, file: &str) -> i32 {
        let text = std::fs::read_to_string(self.folder(id).join(file)).unwrap();
        text.split(' ').next().unwrap().parse().unwrap()
    }
}

fn alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn eventually(what: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(10) {
        if what() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

#[test]
fn every_end_and_every_byte_is_kept() {
    for store in stores() {
        let shell = std::fs::read_link(&store.shell).unwrap();
        let shell = shell.display();
        let ended =
            |id: &str, text: &str, input: Option<&str>| store.start(id, &Start { text, input, ..Start::default() });
        let (record, out, err) = ended("1-a", "echo out; echo err >&2; exit 3", None);
        assert_eq!((record.state(), record.end()), (State::Exited, Some(End::Exit(3))), "{shell}");
        assert_eq!((out, err), (b"out\n".to_vec(), b"err\n".to_vec()), "{shell}");
        let (record, ..) = ended("1-b", "kill -9 $$", None);
        assert_eq!(record.end(), Some(End::Signal(9)), "{shell}");
        let (record, ..) = ended("1-c", "exit 137", None);
        assert_eq!(record.end(), Some(End::Exit(137)), "{shell}");
        let (_, out, _) = ended("1-d", "cat; printf 'a\\000b'", Some("line one\nno end"));
        assert_eq!(out, b"line one\nno enda\0b", "{shell}");
        // More than an environment or a pipe holds.
        let long = format!("{}\necho long; exit 4", "#".repeat(200_000));
        let (record, out, _) = ended("1-e", &long, None);
        assert_eq!((record.end(), out.as_slice()), (Some(End::Exit(4)), b"long\n".as_slice()), "{shell}");
        // Nothing of ours is in the command's environment but the mark by which a stop knows it.
        let (_, out, _) = ended(
            "1-f",
            "env | grep -e '^ssh_mcp' -e '^mcp' -e '^SSH_MCP_JOB'; echo $0; for f in /proc/$$/fd/[3-9]; do [ ! -e $f ] || echo $f; done; read x || echo empty",
            None,
        );
        assert_eq!(
            String::from_utf8_lossy(&out),
            format!("SSH_MCP_JOB={}\nssh-mcp\nempty\n", store.id("1-f")),
            "{shell}"
        );
    }
}

#[test]
fn at_its_limit_a_job_is_stopped_whoever_looks() {
    for store in stores() {
        let start = Start { text: "trap '' TERM; echo a; sleep 300 & sleep 301", limit: 1, ..Start::default() };
        let (record, out, _) = store.start("1-a", &start);
        assert_eq!((record.state(), record.verdict), (State::TimedOut, Some(Stopped::Stopped)));
        assert_eq!(out, b"a\n");
        assert!(!alive(store.number("1-a", "work")));
    }
}

#[test]
fn a_stop_ends_what_hides_from_it_and_nothing_else() {
    for store in stores() {
        let text = "(setsid sh -c \"trap '' TERM; echo \\$\\$ >$HOME/forked; sleep 302\" &) ; sleep 303; echo after";
        let text = text.replace("$HOME", &store.dir.path().display().to_string());
        let (record, ..) = store.start("1-a", &Start { text: &text, wait: 0, ..Start::default() });
        assert_eq!(record.state(), State::Running);
        let file = store.dir.path().join("forked");
        assert!(eventually(|| std::fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n'))));
        let forked: i32 = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
        let record = store.stop("1-a");
        assert_eq!((record.state(), record.verdict), (State::Stopped, Some(Stopped::Stopped)));
        assert!(!alive(forked) && !alive(store.number("1-a", "work")));
        assert!(store.stop("1-a").before, "it has ended");
    }
}

/// A pid on record that belongs to somebody else by now.
#[test]
fn a_process_is_signalled_only_after_its_identity_was_checked() {
    for store in stores() {
        let mut other = Command::new("sleep").arg("304").spawn().unwrap();
        let pid = other.id();
        let _ = store.start("1-a", &Start::default());
        let folder = store.folder("1-a");
        std::fs::remove_file(folder.join("status")).unwrap();
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        std::fs::write(folder.join("who"), format!("{pid} 12345 {} 1000000\n", boot.trim())).unwrap();
        let stat = "S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 12345";
        std::fs::write(folder.join("work"), format!("{pid} {stat}\n")).unwrap();
        let (record, _) = store.read("1-a");
        assert_eq!((record.state(), record.reason.as_str()), (State::Lost, "runner"));
        let record = store.stop("1-a");
        assert_eq!(record.state(), State::Lost);
        assert!(alive(i32::try_from(pid).unwrap()), "another's process");
        // Another boot: whatever has the number now is not asked at all.
        std::fs::write(folder.join("who"), format!("{pid} 12345 another-boot 1000000\n")).unwrap();
        let (record, _) = store.read("1-a");
        assert_eq!(record.reason, "restarted");
        store.stop("1-a");
        assert!(alive(i32::try_from(pid).unwrap()));
        other.kill().unwrap();
        other.wait().unwrap();
    }
}

#[test]
fn a_killed_runner_loses_no_byte_and_its_work_is_stopped_all_the_same() {
    for store in stores() {
        let text = "i=0; while [ $i -lt 600 ]; do echo $i; i=$((i+1)); sleep 0.1; done";
        store.start("1-a", &Start { text, wait: 0, ..Start::default() });
        assert!(eventually(|| store.folder("1-a").join("work").exists()));
        let (runner, work) = (store.number("1-a", "who"), store.number("1-a", "work"));
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(runner), nix::sys::signal::Signal::SIGKILL).unwrap();
        assert!(eventually(|| store.read("1-a").0.state() == State::Lost));
        let (record, before) = store.read("1-a");
        assert_eq!(record.work, u32::try_from(work).ok(), "its command goes on");
        std::thread::sleep(Duration::from_millis(500));
        let (_, after) = store.read("1-a");
        assert!(after.len() > before.len() && after.starts_with(&before));
        assert_eq!(store.stop("1-a").verdict, Some(Stopped::Stopped));
        assert!(!alive(work));
        // What watched over limit and bound has nothing left to watch.
        let named = |entry: std::fs::DirEntry| {
            let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&words).contains(&store.id("1-a"))
        };
        let left = || std::fs::read_dir("/proc").unwrap().flatten().any(named);
        assert!(eventually(|| !left()), "a process of the job is left");
    }
}

#[test]
fn output_on_disk_is_bounded_and_the_lost_range_is_named() {
    for store in stores() {
        let text = "i=0; while [ $i -lt 30 ]; do head -c 100000 /dev/zero | tr '\\000' x; i=$((i+1)); sleep 0.05; done; echo last";
        let (record, out, _) = store.start("1-a", &Start { text, bound: 500_000, ..Start::default() });
        assert_eq!(record.out.size, 3_000_005, "the size is that of all that was written");
        assert!(record.out.lost > 1_000_000 && out.ends_with(b"last\n"), "{record:?}");
        let blocks =
            std::os::unix::fs::MetadataExt::blocks(&std::fs::metadata(store.folder("1-a").join("out")).unwrap());
        assert!(blocks * 512 < 2_000_000, "{blocks}");
    }
}

#[test]
fn a_store_that_is_not_ours_alone_is_refused() {
    for store in stores() {
        let refused = |why: &str| {
            let (code, _, err) = store.start_raw("1-z", &Start::default());
            let said = String::from_utf8_lossy(&err).into_owned();
            assert_eq!(code, Some(97), "{said}");
            assert!(said.contains(why), "{said}");
        };
        store.start("1-a", &Start::default());
        let mode = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(&store.jobs(), 0o755);
        refused("chmod 700");
        mode(&store.jobs(), 0o700);
        mode(store.jobs().parent().unwrap(), 0o777);
        refused("chmod 700");
        mode(store.jobs().parent().unwrap(), 0o700);
        let aside = store.dir.path().join("aside");
        std::fs::rename(store.jobs(), &aside).unwrap();
        symlink(&aside, store.jobs()).unwrap();
        refused("is not a folder of this account alone");
        std::fs::remove_file(store.jobs()).unwrap();
        std::fs::write(store.jobs(), "").unwrap();
        refused("is not a folder of this account alone");
        std::fs::remove_file(store.jobs()).unwrap();
        std::fs::rename(&aside, store.jobs()).unwrap();
        // A job that is a link, and files of a job that are no files.
        symlink(store.dir.path(), store.folder("1-b")).unwrap();
        let (code, ..) = store.run(&READ, &["login", &store.id("1-b"), "-", "-", "1000", "0"], b"");
        assert_eq!(code, Some(97));
        let (_, out, _) = store.run(&LIST, &["login", "200", "1"], b"");
        let (all, jobs) = super::record::list(&String::from_utf8_lossy(&out));
        assert_eq!((all, jobs.len(), jobs[1].state()), (2, 2, State::Lost));
        let (_, out, _) = store.run(&FORGET, &["login", "../../aside", "0"], b"");
        assert_eq!(one(&String::from_utf8_lossy(&out)).word, "none");
        std::fs::write(store.dir.path().join("secret"), "SECRET").unwrap();
        for file in ["out", "status", "asked"] {
            std::fs::remove_file(store.folder("1-a").join(file)).unwrap();
            symlink(store.dir.path().join("secret"), store.folder("1-a").join(file)).unwrap();
        }
        let (_, out, err) = store.run(&READ, &["login", &store.id("1-a"), "0", "0", "1000", "0"], b"");
        assert!(!String::from_utf8_lossy(&[out, err].concat()).contains("SECRET"));
    }
}

#[test]
fn only_so_many_run_and_old_ones_go() {
    for store in stores() {
        for id in ["1-a", "1-b"] {
            store.start(id, &Start { text: "sleep 305", wait: 0, most: 2, ..Start::default() });
        }
        let (code, _, err) = store.start_raw("1-c", &Start { most: 2, ..Start::default() });
        assert_eq!(code, Some(97));
        assert!(String::from_utf8_lossy(&err).contains("SSH_JOBS_MAX"));
        for id in ["1-a", "1-b"] {
            assert_eq!(store.stop(id).verdict, Some(Stopped::Stopped));
        }
        // By its name and by its end older than what is kept.
        let old = store.jobs().join("20190101-000000-a");
        std::fs::rename(store.folder("1-a"), &old).unwrap();
        let young = store.jobs().join("20190101-000000-b");
        std::fs::rename(store.folder("1-b"), &young).unwrap();
        let touched = Command::new("touch").args(["-d", "2019-01-01"]).arg(old.join("status")).status().unwrap();
        assert!(touched.success());
        store.start("1-d", &Start::default());
        assert!(!old.exists() && young.exists());
        let (_, out, _) = store.run(&FORGET, &["login", &store.id("1-d"), "1"], b"");
        assert_eq!(one(&String::from_utf8_lossy(&out)).word, "forgotten");
        assert!(!store.folder("1-d").exists());
    }
}
