//! Scripts of the caller's, under each shell that may stand behind `/bin/sh`: no program that a script starts meets the
//! rest of the script, and a script of which a part is missing is not run.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::server::{Server, Setup};
use crate::sshd::{Options, Sshd, can_check_passwords};

/// The shells that Debian packages, each as `/bin/sh`.
pub const SHELLS: [&str; 9] = ["dash", "bash", "busybox", "ksh93", "mksh", "lksh", "yash", "posh", "zsh"];

/// The program of this name, where it is installed.
pub fn program(name: &str) -> Option<PathBuf> {
    ["/bin", "/usr/bin", "/usr/local/bin"].iter().map(|at| Path::new(at).join(name)).find(|path| path.exists())
}

/// A daemon on a host whose `/bin/sh` is this shell. What cannot be tried here is said.
pub fn with_sh(name: &str) -> Option<Sshd> {
    match program(name) {
        Some(sh) if can_check_passwords() => Some(Sshd::with(&Options { sh: Some(sh), ..Options::default() })),
        _ => {
            println!("skipped: {name} as /bin/sh: it is not installed, or this account may not mount");
            None
        }
    }
}

fn script(server: &mut Server, text: &str) -> Value {
    server.ok("ssh_exec_script", json!({"host": "box", "script": text, "timeout": 30}))
}

/// `head`, then a comment that puts the end of `kept` on byte `at`, with `rest` behind it.
fn cut_at(at: usize, head: &str, kept: &str, rest: &str) -> String {
    let filler = at - head.len() - kept.len() - "#\n".len();
    format!("{head}#{}\n{kept}{rest}\necho end\n", "x".repeat(filler))
}

#[test]
fn a_script_is_not_the_input_of_what_it_starts() {
    for name in SHELLS {
        let Some(sshd) = with_sh(name) else { continue };
        let setup = Setup::open_box(&sshd);
        let root = setup.root();
        let root = root.to_str().unwrap();
        let mut server = setup.start();
        // The sizes of the pieces in which shells read what they run.
        for at in [1023, 1024, 4096, 8191, 8192, 65_536] {
            let (kept, cut) = (format!("{root}/app"), format!("{root}/app/tmp-old"));
            std::fs::create_dir_all(&cut).unwrap();
            std::fs::write(format!("{kept}/precious"), "keep").unwrap();
            let text = cut_at(at, "cat >/dev/null\n", &format!("rm -rf {kept}"), "/tmp-old");
            let done = script(&mut server, &text);
            assert_eq!(
                (done["exit_code"].as_i64(), done["stdout"].as_str()),
                (Some(0), Some("end\n")),
                "{name}: {done}"
            );
            assert!(Path::new(&format!("{kept}/precious")).exists(), "{name}: byte {at}");
            assert!(!Path::new(&cut).exists(), "{name}: byte {at}");
        }
        let done = script(&mut server, "read x; echo \"x=[$x]\"\necho after\n");
        assert_eq!(done["stdout"], "x=[]\nafter\n", "{name}: {done}");
        let lines = "echo line >>f\n".repeat(2000);
        let done = script(&mut server, &format!("cd {root}\ncat >x\n{lines}wc -l <f\n"));
        assert_eq!(done["stdout"].as_str().map(str::trim), Some("2000"), "{name}: {done}");
    }
}

#[test]
fn a_script_runs_as_a_script_does() {
    for name in SHELLS {
        let Some(sshd) = with_sh(name) else { continue };
        let mut server = Setup::open_box(&sshd).start();
        let rows = [
            ("echo \"$# [$*]\"; exit 4", "0 []\n", 4),
            ("set -e\necho a\nfalse\necho never\n", "a\n", 1),
            ("set -u\necho \"[${n-}${d-}${s-}${m-}${q-}${p-}${w-}]\"\n", "[]\n", 0),
            ("if true; then\n  echo 'a\nb'\nfi\n", "a\nb\n", 0),
            ("cat <<'END'\none $two\nEND\necho three", "one $two\nthree\n", 0),
            ("f() { return 3; }\nf\n", "", 3),
            ("printf 'no newline'", "no newline", 0),
            ("trap 'echo bye' EXIT\necho hi\nexit 6\n", "hi\nbye\n", 6),
            ("# only a comment", "", 0),
            ("", "", 0),
            ("exec echo other", "other\n", 0),
        ];
        for (text, printed, status) in rows {
            let done = script(&mut server, text);
            assert_eq!(
                (done["stdout"].as_str(), done["exit_code"].as_i64()),
                (Some(printed), Some(status)),
                "{name}: {text}: {done}"
            );
        }
        let big = format!("x='{}'\necho ${{#x}}\n", "y".repeat(1_000_000));
        assert_eq!(script(&mut server, &big)["stdout"], "1000000\n", "{name}");
        let said = server.err("ssh_exec_script", json!({"host": "box", "script": "echo a\u{0}b"}));
        assert!(said.contains("NUL"), "{said}");
    }
}
