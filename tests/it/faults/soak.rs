//! Mixed calls from several clients while faults come at random: every answer is right or says why there is none, each
//! is in the audit, nothing runs twice, and nothing grows.
//!
//! A long form: it needs the feature `deep`. `SSH_MCP_SOAK_SECONDS` sets the length (half an hour), and
//! `SSH_MCP_SOAK_SEED` repeats a run's dice.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::{Proxy, figures, nothing_left, row, ssh_of};
use crate::server::{Server, Setup, eventually};
use crate::sshd::Sshd;

/// Clients at once. The first one lives as long as the soak: its server is the one whose figures are watched.
const CLIENTS: u64 = 3;

/// An answer may come this much after its call's own limit: connecting, stopping, and looking have limits of theirs,
/// and the machine may be busy.
const SLACK: Duration = Duration::from_secs(60);

/// SplitMix64: good enough dice from any seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

/// The hosts and what all threads share.
struct Field {
    root: tempfile::TempDir,
    faulty: Mutex<Sshd>,
    steady: Sshd,
    proxy: Proxy,
    block: String,
    over: AtomicBool,
    watched: AtomicU32,
    calls: AtomicU64,
    errors: AtomicU64,
    slowest: AtomicU64,
    /// The servers that live now, for faults that strike at one.
    servers: Mutex<Vec<u32>>,
}

/// What the answers said, to be held against the audit and the host.
#[derive(Default)]
struct Record {
    /// Correlation id, whether it was a broadcast, and the error's name or nothing.
    answers: Vec<(String, bool, Option<String>)>,
    /// Words that were to be written on the host, and what was said of it.
    words: Vec<(String, Said)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Done,
    NothingRan,
    Perhaps,
}

struct Client<'a> {
    field: &'a Field,
    dice: Dice,
    server: Server,
    record: Record,
    number: u64,
    words: u64,
    shell: Option<Value>,
}

fn start(field: &Field) -> Server {
    let root = field.root.path().canonicalize().unwrap();
    let policy = format!("command_allowlist = [\"*\"]\npath_allowlist = [\"{}\"]\n", root.join("root").display());
    let hosts = format!("[hosts.box]\nhostname = \"box\"\n{policy}[hosts.steady]\nhostname = \"steady\"\n{policy}");
    let server = Setup::new()
        .raw(&field.block, &hosts)
        .env("SSH_CONNECT_TIMEOUT", "8")
        .env("SSH_KEEPALIVE_INTERVAL", "1")
        .env("SSH_COMMAND_TIMEOUT", "10")
        .env("SSH_AUDIT_FILE", &root.join("audit.jsonl").display().to_string())
        .start();
    field.servers.lock().unwrap().push(server.pid());
    server
}

impl Client<'_> {
    /// One call with everything that has to hold for any answer. The value is the structured answer of a success.
    fn call(&mut self, tool: &str, arguments: Value, limit: u64) -> Result<Value, String> {
        let id = self.server.begin_call(tool, arguments);
        self.finish(id, tool, limit)
    }

    fn finish(&mut self, id: u64, tool: &str, limit: u64) -> Result<Value, String> {
        let began = Instant::now();
        let allowed = Duration::from_secs(limit) + SLACK;
        let Some(message) = self.server.wait(id, allowed) else {
            panic!("{tool} was not answered within {allowed:?}: {}", self.server.stderr());
        };
        self.field.calls.fetch_add(1, Ordering::Relaxed);
        self.field.slowest.fetch_max(began.elapsed().as_millis() as u64, Ordering::Relaxed);
        let result = &message["result"];
        let meta = &result["_meta"];
        let correlation = meta["correlation_id"].as_str().unwrap_or_else(|| panic!("{tool}: {message}")).to_owned();
        let error = meta["error"].as_str().map(str::to_owned);
        assert_eq!(result["isError"] == true, error.is_some(), "{message}");
        self.record.answers.push((correlation, tool == "ssh_broadcast", error.clone()));
        if error.is_none() {
            return Ok(result["structuredContent"].clone());
        }
        self.field.errors.fetch_add(1, Ordering::Relaxed);
        let text = result["content"][0]["text"].as_str().unwrap().to_owned();
        let expected = ["ConnectError", "Timeout", "SFTPError", "HostNotAllowed", "WriteError", "SftpDownloadError"];
        assert!(expected.iter().any(|name| text.starts_with(name)), "{tool}: {text}");
        Err(text)
    }

    fn host(&mut self) -> &'static str {
        if self.dice.roll(3) == 0 { "steady" } else { "box" }
    }

    fn word(&mut self) -> String {
        self.words += 1;
        format!("w{}-{}", self.number, self.words)
    }

    fn exec(&mut self, command: &str, timeout: u64) -> Result<Value, String> {
        let host = self.host();
        self.call("ssh_exec_run", json!({"host": host, "command": command, "timeout": timeout}), timeout)
    }

    fn path(&self, name: &str) -> String {
        self.field.root.path().canonicalize().unwrap().join("root").join(name).display().to_string()
    }

    fn one(&mut self) {
        match self.dice.roll(15) {
            0..=2 => {
                let word = self.word();
                if let Ok(done) = self.exec(&format!("echo {word}"), 10) {
                    assert!(done["timed_out"] == true || done["stdout"] == format!("{word}\n"), "{done}");
                }
            }
            3..=4 => {
                // Whether it was done must be known, or be said to be unknown.
                let word = self.word();
                let command = format!("echo {word} >>{}", self.path("journal"));
                let said = match self.exec(&command, 10) {
                    Ok(done) if done["timed_out"] == true => Said::Perhaps,
                    Ok(_) => Said::Done,
                    Err(text) if text.contains("may have run") => Said::Perhaps,
                    Err(_) => Said::NothingRan,
                };
                self.record.words.push((word, said));
            }
            5 => {
                // A fault may end the sleep and leave the `cat`, which then ends well.
                if let Ok(done) = self.exec("sleep 9171 && echo slept | cat", 1) {
                    assert!(done["timed_out"] == true || done["stdout"] == "", "{done}");
                }
            }
            6 => {
                let host = self.host();
                let path = self.path("fixed");
                if let Ok(done) =
                    self.call("ssh_sftp_download", json!({"host": host, "path": path, "as_text": true}), 10)
                {
                    assert_eq!(done["content_text"], "fixed content\n", "{done}");
                }
            }
            7 => {
                let (host, word) = (self.host(), self.word());
                let path = self.path(&format!("up-{}", self.number));
                let args = json!({"host": host, "path": path, "content_text": word.repeat(2000)});
                if self.call("ssh_upload", args, 10).is_ok() {
                    let there = std::fs::read_to_string(&path).unwrap();
                    assert!(there == word.repeat(2000), "an upload that was answered is there");
                }
            }
            8 => {
                let (host, path) = (self.host(), self.path(""));
                let tools = [
                    ("ssh_sftp_stat", json!({"host": host, "path": self.path("fixed")})),
                    ("ssh_sftp_list", json!({"host": host, "path": path})),
                    ("ssh_host_info", json!({"host": host})),
                    ("ssh_host_processes", json!({"host": host, "top": 5})),
                ];
                let (tool, args) = tools[self.dice.roll(4) as usize].clone();
                let _ = self.call(tool, args, 10);
            }
            9 => {
                let id = self.server.begin_call("ssh_host_ping", json!({"host": "box"}));
                let _ = self.finish(id, "ssh_host_ping", 10);
                let _ = self.call("ssh_session_list", json!({}), 10);
            }
            10 => self.shell(),
            11 => {
                let args = json!({"hosts": ["box", "steady"], "command": "echo same", "timeout": 10});
                if let Ok(done) = self.call("ssh_broadcast", args, 10) {
                    // A master that is killed, and a busy machine, can cost even the steady host its answer; never silently.
                    let answered = |host: &str| {
                        done["results"][host]["stdout"] == "same\n"
                            || done["results"][host]["timed_out"] == true
                            || done["errors"][host].is_string()
                    };
                    assert!(answered("box") && answered("steady"), "{done}");
                }
            }
            12 => {
                let refused = self.call("ssh_exec_run", json!({"host": "nowhere", "command": "true"}), 5);
                assert!(refused.unwrap_err().starts_with("HostNotAllowed"));
            }
            13 => {
                let host = self.host();
                let args = json!({"host": host, "command": "sleep 9172", "timeout": 20});
                let id = self.server.begin_call("ssh_exec_run", args);
                std::thread::sleep(Duration::from_millis(self.dice.roll(400)));
                self.server.cancel(id);
            }
            _ => {
                let ids: Vec<u64> = (0..12)
                    .map(|n| {
                        let host = self.host();
                        let args = json!({"host": host, "command": format!("echo {n}"), "timeout": 10});
                        self.server.begin_call("ssh_exec_run", args)
                    })
                    .collect();
                for (n, id) in ids.into_iter().enumerate() {
                    if let Ok(done) = self.finish(id, "ssh_exec_run", 10) {
                        assert!(done["timed_out"] == true || done["stdout"] == format!("{n}\n"), "{done}");
                    }
                }
            }
        }
    }

    fn shell(&mut self) {
        let Some(session) = self.shell.take() else {
            let host = self.host();
            self.shell = self.call("ssh_shell_open", json!({"host": host}), 10).ok().map(|s| s["session_id"].clone());
            return;
        };
        let args = json!({"session_id": session, "command": "cd /tmp && pwd", "timeout": 10});
        if let Ok(done) = self.call("ssh_shell_exec", args, 10) {
            assert!(done["timed_out"] == true || done["stdout"] == "/tmp\n", "{done}");
        }
        if self.dice.roll(2) == 0 {
            self.call("ssh_shell_close", json!({"session_id": session}), 10).unwrap();
        } else {
            self.shell = Some(session);
        }
    }

    /// The client goes away in the middle of its calls, and another one comes.
    fn die(&mut self) {
        for _ in 0..self.dice.roll(4) {
            let host = self.host();
            self.server.begin_call("ssh_exec_run", json!({"host": host, "command": "sleep 9173", "timeout": 20}));
        }
        std::thread::sleep(Duration::from_millis(self.dice.roll(300)));
        let pid = self.server.pid();
        self.field.servers.lock().unwrap().retain(|other| *other != pid);
        let mut old = std::mem::replace(&mut self.server, start(self.field));
        self.shell = None;
        nothing_left(
            {
                old.close_stdin();
                old
            },
            &[],
        );
    }

    fn run(mut self) -> Record {
        while !self.field.over.load(Ordering::Relaxed) {
            if self.number > 0 && self.dice.roll(60) == 0 {
                self.die();
            }
            self.one();
        }
        nothing_left(self.server, &[]);
        self.record
    }
}

/// One fault, chosen by the dice; its name.
fn strike(field: &Field, dice: &mut Dice) -> &'static str {
    match dice.roll(7) {
        0 | 1 => {
            let servers = field.servers.lock().unwrap().clone();
            let masters: Vec<i32> = servers.into_iter().flat_map(ssh_of).map(|(pid, _)| pid).collect();
            if !masters.is_empty() {
                let _ = kill(Pid::from_raw(masters[dice.roll(masters.len() as u64) as usize]), Signal::SIGKILL);
            }
            "master killed"
        }
        2 => {
            field.faulty.lock().unwrap().drop_connections();
            "sessions of sshd killed"
        }
        3 => {
            field.faulty.lock().unwrap().restart();
            "sshd restarted"
        }
        4 => {
            let mut sshd = field.faulty.lock().unwrap();
            sshd.stop();
            std::thread::sleep(Duration::from_millis(dice.roll(2000)));
            sshd.restart();
            "sshd down and up"
        }
        _ => {
            field.proxy.hold();
            std::thread::sleep(Duration::from_millis(200 + dice.roll(5000)));
            field.proxy.release();
            "link black-holed"
        }
    }
}

/// Mean of a part of the samples.
fn mean(samples: &[(u64, usize)], part: std::ops::Range<usize>) -> (u64, u64) {
    let part = &samples[part];
    let count = part.len().max(1) as u64;
    (part.iter().map(|s| s.0).sum::<u64>() / count, part.iter().map(|s| s.1 as u64).sum::<u64>() / count)
}

#[test]
fn a_soak() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seconds = number("SSH_MCP_SOAK_SECONDS").unwrap_or(1800);
    let seed = number("SSH_MCP_SOAK_SEED").unwrap_or_else(|| {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos().into()
    });
    println!("soak: {seconds} s, SSH_MCP_SOAK_SEED={seed}");
    let faulty = Sshd::start();
    let steady = Sshd::start();
    let proxy = Proxy::to(faulty.port);
    let pinned = format!("HostKeyAlias [127.0.0.1]:{}", faulty.port);
    let mut block = faulty.ssh_config_block("box", &[&format!("Port {}", proxy.port), &pinned]);
    block.push_str(&steady.ssh_config_block("steady", &[]));
    let root = tempfile::Builder::new().prefix("soak-").tempdir().unwrap();
    std::fs::create_dir(root.path().join("root")).unwrap();
    std::fs::write(root.path().join("root/fixed"), "fixed content\n").unwrap();
    let field = Field {
        root,
        faulty: Mutex::new(faulty),
        steady,
        proxy,
        block,
        over: AtomicBool::new(false),
        watched: AtomicU32::new(0),
        calls: AtomicU64::new(0),
        errors: AtomicU64::new(0),
        slowest: AtomicU64::new(0),
        servers: Mutex::default(),
    };
    let began = Instant::now();
    let mut faults: HashMap<&str, u32> = HashMap::new();
    let mut samples: Vec<(u64, usize)> = Vec::new();
    let mut most_remote = 0;
    let records: Vec<Record> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let server = start(&field);
                if number == 0 {
                    field.watched.store(server.pid(), Ordering::Relaxed);
                }
                let dice = Dice(seed.wrapping_mul(CLIENTS + 1).wrapping_add(number + 1));
                let (record, field) = (Record::default(), &field);
                scope.spawn(move || Client { field, dice, server, record, number, words: 0, shell: None }.run())
            })
            .collect();
        let mut dice = Dice(seed);
        let mut last = Instant::now();
        while began.elapsed() < Duration::from_secs(seconds) && !clients.iter().any(|client| client.is_finished()) {
            std::thread::sleep(Duration::from_millis(500 + dice.roll(3000)));
            *faults.entry(strike(&field, &mut dice)).or_default() += 1;
            if last.elapsed() > Duration::from_secs(5) || samples.is_empty() {
                samples.push(figures(field.watched.load(Ordering::Relaxed)));
                let remote =
                    field.steady.session_processes().len() + field.faulty.lock().unwrap().session_processes().len();
                most_remote = most_remote.max(remote);
                last = Instant::now();
            }
        }
        field.over.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().expect("a client of the soak")).collect()
    });
    let took = began.elapsed();

    // Nothing stays on the hosts.
    let remote = || {
        let mut left = field.steady.session_processes();
        left.extend(field.faulty.lock().unwrap().session_processes());
        left
    };
    eventually(Duration::from_secs(30), || remote().is_empty());
    assert_eq!(remote(), Vec::new(), "left on the hosts; seed {seed}");

    // Every answer is in the audit, with the same outcome.
    let file = field.root.path().join("audit.jsonl");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut audited: HashMap<String, Vec<Option<String>>> = HashMap::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if let (Some(id), true) = (line["correlation_id"].as_str(), line["tool"].is_string()) {
            audited.entry(id.to_owned()).or_default().push(line["error"].as_str().map(str::to_owned));
        }
    }
    let answers: Vec<_> = records.iter().flat_map(|record| &record.answers).collect();
    for (id, broadcast, error) in &answers {
        let lines = audited.get(id).map(Vec::as_slice).unwrap_or_default();
        // A broadcast has a line for each of its two hosts, with that host's outcome.
        let right = if *broadcast { lines.len() == 2 } else { lines == [error.clone()] };
        assert!(right, "answer {id} ({error:?}) has {lines:?} in the audit; seed {seed}");
    }
    let verified = std::process::Command::new(env!("CARGO_BIN_EXE_ssh-mcp"))
        .args(["audit", "verify"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(verified.status.success(), "{verified:?}; seed {seed}");

    // What was to be written once was, as was said.
    let journal = std::fs::read_to_string(field.root.path().join("root/journal")).unwrap_or_default();
    let mut times: HashMap<&str, u32> = HashMap::new();
    for word in journal.lines() {
        *times.entry(word).or_default() += 1;
    }
    let words: Vec<_> = records.iter().flat_map(|record| &record.words).collect();
    for (word, said) in &words {
        let runs = times.get(word.as_str()).copied().unwrap_or(0);
        let right = match said {
            Said::Done => runs == 1,
            Said::NothingRan => runs == 0,
            Said::Perhaps => runs <= 1,
        };
        assert!(right, "{word} ran {runs} times, and the answer was {said:?}; seed {seed}");
    }

    // Nothing grows: the last quarter beside the second one, which is past the warm-up.
    let quarter = samples.len() / 4;
    let (early, late) = (mean(&samples, quarter..2 * quarter.max(1)), mean(&samples, 3 * quarter..samples.len()));
    let fault = format!(
        "soak of {seconds} s, seed {seed}: {} answers, {} of them errors, slowest {} ms, faults {faults:?}, memory {} to {} KiB, \
         descriptors {} to {}, at most {most_remote} processes on the hosts, {} words written as told",
        field.calls.load(Ordering::Relaxed),
        field.errors.load(Ordering::Relaxed),
        field.slowest.load(Ordering::Relaxed),
        early.0,
        late.0,
        early.1,
        late.1,
        words.len(),
    );
    row(&fault, "-", took, "nothing");
    if quarter >= 4 {
        assert!(late.0 < early.0 + 8 * 1024, "memory grows from {} to {} KiB; seed {seed}", early.0, late.0);
        assert!(late.1 < early.1 + 24, "descriptors grow from {} to {}; seed {seed}", early.1, late.1);
    }
}
