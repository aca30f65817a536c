//! What a bare word of the command list grants, with the real programs of the host.

use serde_json::json;

use crate::server::Setup;
use crate::sshd::Sshd;

/// A program, and arguments with which it starts a program, writes a file or reads one. `OUT` is a file that must not
/// come into being, `RUN` a program that would make it, `KEPT` a file whose text must not come out.
const ATTACKS: &[(&str, &str)] = &[
    ("apt-mark", "-o Dir::Bin::dpkg=RUN hold x"),
    ("apt-cache", "-o APT::Update::Pre-Invoke::=RUN -c KEPT show x"),
    ("install", "-s --strip-program=RUN /bin/true OUT"),
    ("diff3", "--diff-program=RUN KEPT KEPT KEPT"),
    ("sdiff", "--diff-program=RUN KEPT KEPT"),
    ("diff", "KEPT /dev/null"),
    ("choom", "-n 0 RUN"),
    ("linux64", "RUN"),
    ("setarch", "RUN"),
    ("slogin", "-o ProxyCommand=RUN x"),
    ("pydoc3", "RUN"),
    ("ld", "-plugin RUN -o OUT"),
    ("cpp", "KEPT"),
    ("x86_64-linux-gnu-gcc", "-wrapper RUN -E KEPT"),
    ("groff", "-U KEPT"),
    ("tee", "OUT"),
    ("dd", "if=KEPT of=OUT"),
    ("cp", "KEPT OUT"),
    ("mv", "KEPT OUT"),
    ("ln", "-s KEPT OUT"),
    ("touch", "OUT"),
    ("mkdir", "OUT"),
    ("curl", "-o OUT file://KEPT"),
    ("iconv", "-o OUT KEPT"),
    ("cat", "KEPT"),
    ("head", "KEPT"),
    ("tail", "KEPT"),
    ("grep", "canary KEPT"),
    ("base64", "KEPT"),
    ("od", "-c KEPT"),
    ("xargs", "-a KEPT echo"),
    ("find", "KEPT -exec RUN ;"),
    ("env", "RUN"),
    ("timeout", "9 RUN"),
    ("sort", "-o OUT KEPT"),
    ("split", "--filter=RUN KEPT"),
    ("tar", "-cf OUT KEPT"),
    ("sh", "-c RUN"),
    ("bash", "RUN"),
    ("python3", "RUN"),
    ("perl", "RUN"),
    ("truncate", "-s 0 KEPT"),
    ("rm", "KEPT"),
    ("getent", "-s RUN passwd"),
    ("openssl", "enc -in KEPT"),
    ("busybox", "cat KEPT"),
    ("date", "-f KEPT"),
    ("date", "-r KEPT"),
    ("date", "--file=KEPT"),
    ("df", "KEPT"),
    ("dmesg", "-F KEPT"),
    ("findmnt", "-F KEPT"),
    ("hostname", "-F KEPT"),
    ("journalctl", "--file=KEPT"),
    ("journalctl", "--cursor-file=OUT"),
    ("last", "-f KEPT"),
    ("lsblk", "--sysroot KEPT"),
    ("pgrep", "-F KEPT"),
    ("ps", "auxe"),
    ("ps", "-auxe"),
    ("ss", "-D OUT"),
    ("ss", "-F KEPT"),
    ("who", "KEPT"),
    ("uptime", "KEPT"),
];

/// What the same bare words grant. Each ends well on any Linux machine that has the program.
const INNOCENT: &[&str] = &[
    "date -u +%F",
    "date -d yesterday",
    "df -h /",
    "findmnt -t nosuch -J /",
    "hostname",
    "pgrep -c sshd",
    "ps -ef",
    "ps auxww",
    "ps -eo pid,args --sort=-rss",
    "ss -tln",
    "uptime -p",
    "free -m",
    "id -u",
    "uname -a",
    "echo 'a b'",
    "printf '%s' x",
    "who -b",
    "lscpu",
    "nproc",
];

#[test]
fn a_bare_word_starts_nothing_writes_nothing_and_reads_no_file() {
    let sshd = Sshd::start();
    let folder = tempfile::tempdir().unwrap();
    let (out, run, kept) = (folder.path().join("out"), folder.path().join("run"), folder.path().join("kept"));
    std::fs::write(&kept, "canary-of-bare-words\n").unwrap();
    std::fs::write(&run, format!("#!/bin/sh\necho > {}\n", out.display())).unwrap();
    std::fs::set_permissions(&run, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut words: Vec<&str> =
        ATTACKS.iter().map(|(name, _)| *name).chain(INNOCENT.iter().filter_map(|l| l.split(' ').next())).collect();
    words.sort_unstable();
    words.dedup();
    let keys = format!("command_allowlist = {}\n", json!(words));
    let mut server = Setup::new().host(&sshd, "box", &keys).start();
    for (name, arguments) in ATTACKS {
        let place = |text: &str, path: &std::path::Path, word| text.replace(word, path.to_str().unwrap());
        let arguments = place(&place(&place(arguments, &out, "OUT"), &run, "RUN"), &kept, "KEPT").replace(';', "\\;");
        for program in [(*name).to_owned(), format!("/usr/bin/{name}")] {
            let command = format!("{program} {arguments}");
            let text = server.err("ssh_exec_run", json!({"host": "box", "command": command}));
            assert!(text.starts_with("CommandNotAllowed"), "{command}: {text}");
            assert!(text.contains(&format!("`{name} *`")), "{command}: {text}");
        }
    }
    assert!(!out.exists() && std::fs::read_to_string(&kept).unwrap().contains("canary"));
    for command in INNOCENT {
        let done = server.ok("ssh_exec_run", json!({"host": "box", "command": command}));
        if done["exit_code"] == 127 {
            assert!(done["stderr"].as_str().unwrap().contains("not found"), "{command}: {done}");
        }
        assert_ne!(done["exit_code"], 126, "{command}: {done}");
    }
}
