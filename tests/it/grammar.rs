//! The command grammar and the quoting against the shells that will read them.
//!
//! Whatever the grammar accepts, dash, bash and BusyBox sh must start exactly one process for, with exactly our
//! words: once from the text itself, once from the line that is sent in its place. The programs are recorders in
//! the only folder of the search path; a builtin, a second process or a redirection leaves another trace.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::dice::Dice;
use ssh_mcp::internals::model::quote::sh_quote;
use ssh_mcp::internals::policy::command::{CommandPolicy, grammar};

/// Commands in one script: large enough to make the start of the shell free, small enough to read when it fails.
const BATCH: usize = 1000;

const SHELLS: [(&str, &[&str]); 3] = [("dash", &[]), ("bash", &["--norc", "--noprofile"]), ("busybox", &["sh"])];

fn on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The shells that are here; says which are not.
fn shells() -> Vec<(&'static str, PathBuf, &'static [&'static str])> {
    let found: Vec<_> = SHELLS.iter().filter_map(|(name, args)| Some((*name, on_path(name)?, *args))).collect();
    for (name, _) in SHELLS.iter().filter(|(name, _)| found.iter().all(|(known, ..)| known != name)) {
        println!("skipped: {name} is not installed, so nothing was compared with it");
    }
    assert!(!found.is_empty(), "none of dash, bash and busybox is installed");
    found
}

/// A folder of recorders and an empty one to run in.
struct Bench {
    folder: tempfile::TempDir,
}

/// One started process: its program's name and its arguments.
type Record = Vec<Vec<u8>>;

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        fs::create_dir(folder.path().join("cwd")).unwrap();
        let recorder = folder.path().join("recorder");
        // A count before the words, so that no word can pose as the end of a record.
        fs::write(&recorder, "#!/bin/sh\nprintf '%s\\0' \"$#\" \"${0##*/}\" \"$@\"\n").unwrap();
        fs::set_permissions(&recorder, fs::Permissions::from_mode(0o755)).unwrap();
        Bench { folder }
    }

    fn bin(&self) -> PathBuf {
        self.folder.path().join("bin")
    }

    fn install(&self, programs: &BTreeSet<Vec<u8>>) {
        for program in programs {
            let link = self.bin().join(OsStr::from_bytes(program));
            if fs::symlink_metadata(&link).is_err() {
                symlink(self.folder.path().join("recorder"), link).unwrap();
            }
        }
    }

    /// Runs lines as one script; gives what was started and what was said besides.
    fn run(&self, shell: &Path, args: &[&str], lines: &[String]) -> (Vec<Record>, String) {
        let script = tempfile::NamedTempFile::new_in(self.folder.path()).unwrap();
        fs::write(script.path(), format!("{}\n", lines.join("\n"))).unwrap();
        let output = Command::new(shell)
            .args(args)
            .arg(script.path())
            .current_dir(self.folder.path().join("cwd"))
            .env_clear()
            .env("PATH", self.bin())
            .env("HOME", "/home/nobody")
            .env("LC_ALL", "C.UTF-8")
            .env("p", "expanded")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let left: Vec<_> =
            fs::read_dir(self.folder.path().join("cwd")).unwrap().flatten().map(|f| f.file_name()).collect();
        assert!(left.is_empty(), "a line wrote files: {left:?}");
        (records(&output.stdout), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn records(bytes: &[u8]) -> Vec<Record> {
    let mut fields = bytes.split(|b| *b == 0);
    let mut records = Vec::new();
    while let Some(count) = fields.next().filter(|f| !f.is_empty()) {
        let count: usize = std::str::from_utf8(count).unwrap().parse().unwrap();
        records.push(fields.by_ref().take(count + 1).map(<[u8]>::to_vec).collect());
    }
    records
}

/// Letters that form no builtin, so that a bare word is a program of ours.
const PLAIN: [&str; 12] = ["p", "q", "xq", "-p", "p=q", "7", "/", ".", "%", "@p", "ü", "--p"];
/// What shells give a meaning to.
const SYNTAX: [&str; 40] = [
    "$p", "${p}", "$(p)", "`p`", "$((1+1))", "$'p'", "$", ";", "|", "||", "&", "&&", "\n", ">", ">>", "<", "2>&1",
    "<<p", "(", ")", "{", "}", "{p,q}", "*", "?", "[p]", "~", "~p", "!", "!!", "#", "^", "p=~", "p:~", "=", "\r",
    "\u{a0}", "\u{3000}", "\u{1}", "\\\n",
];
/// What is a word only because it is quoted, or could undo a quote.
const TRICKY: [&str; 14] =
    ["'", "\"", "\\", "''", "\"\"", "\\'", "\\\"", "\\\\", "'\\''", "'$p'", "\"\\$p\"", "'\"'", "\"'\"", "\\ "];
/// Names of programs; no name of a BusyBox applet, which its shell runs itself (`time`), whatever the search path.
const PROGRAMS: [&str; 14] =
    ["p", "q", "xq", "p.q", "'if'", "\"select\"", "p\\ q", "'p'q", "\\p", "'!'", "'{'", "'p=q'", "\"p;q\"", "if"];

/// A command text, weighted towards quotes, expansions and operators.
fn command(dice: &mut Dice) -> String {
    let mut text = String::new();
    if dice.roll(20) == 0 {
        text.push_str(dice.pick(&[" ", "\t", "p=q ", "! ", "#"]));
    }
    text.push_str(dice.pick(&PROGRAMS));
    for _ in 0..dice.roll(5) {
        text.push_str(dice.pick(&[" ", " ", " ", "\t", "  ", ""]));
        for _ in 0..=dice.roll(3) {
            match dice.roll(16) {
                0..6 => text.push_str(dice.pick(&PLAIN)),
                6 => text.push_str(dice.pick(&SYNTAX)),
                7 | 8 => text.push_str(dice.pick(&TRICKY)),
                kind => {
                    let inner = [dice.pick(&SYNTAX), dice.pick(&PLAIN), dice.pick(&TRICKY)];
                    let inner = inner[dice.roll(3)];
                    match kind {
                        9..12 => text.push_str(&format!("'{inner}'")),
                        12..14 => text.push_str(&format!("\"{inner}\"")),
                        _ => inner.chars().for_each(|c| text.extend(['\\', c])),
                    }
                }
            }
        }
    }
    text
}

/// A name that a file of the recorders' folder can have, and that no shell takes for a builtin of its own.
fn is_program(name: &str) -> bool {
    !name.is_empty()
        && !name.contains('/')
        && name.len() < 200
        && !matches!(name, "." | ".." | ":")
        && !name.starts_with('-')
}

/// Compares `total` commands; gives how many of them the grammar accepted.
fn compare(total: usize, seed: u64) -> usize {
    let bench = Bench::new();
    let shells = shells();
    let bin = bench.bin().display().to_string();
    let mut dice = Dice(seed);
    let mut accepted = 0;
    let mut left = total;
    while left > 0 {
        let (mut expected, mut texts, mut lines, mut programs) = (Vec::new(), Vec::new(), Vec::new(), BTreeSet::new());
        for _ in 0..left.min(BATCH) {
            left -= 1;
            let text = command(&mut dice);
            let Ok(words) = grammar::parse(&text) else { continue };
            if !is_program(&words[0]) {
                continue;
            }
            let entry = format!("'{}' *", words[0].replace('\'', "'\\''"));
            let (policy, _) = CommandPolicy::new(&[entry], false, &bin, false).unwrap();
            let allowed = policy.judge(&text).unwrap();
            assert_eq!(allowed.argv().unwrap().words(), words);
            programs.insert(words[0].clone().into_bytes());
            expected.push(words.into_iter().map(String::into_bytes).collect::<Record>());
            lines.push(format!("({})", allowed.to_sh_line()));
            texts.push(text);
        }
        bench.install(&programs);
        accepted += texts.len();
        std::thread::scope(|scope| {
            for (name, shell, args) in &shells {
                let (bench, texts, lines, expected) = (&bench, &texts, &lines, &expected);
                scope.spawn(move || {
                    for (form, script) in [("text", texts), ("line", lines)] {
                        let (started, said) = bench.run(shell, args, script);
                        for (at, own) in expected.iter().enumerate() {
                            assert_eq!(
                                started.get(at).map(|r| shown(r)),
                                Some(shown(own)),
                                "{name} reads the {form} {:?} otherwise (seed {seed:#x}); it says {said}",
                                script[at]
                            );
                        }
                        assert_eq!(started.len(), expected.len(), "{name} started more than was accepted: {said}");
                        assert_eq!(said, "", "{name} had something to say");
                    }
                });
            }
        });
    }
    accepted
}

fn shown(record: &Record) -> Vec<String> {
    record.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

#[test]
fn the_bench_sees_what_must_not_happen() {
    let bench = Bench::new();
    bench.install(&["p", "q"].map(|p| p.as_bytes().to_vec()).into());
    let run = |line: &str| {
        let found = shells();
        let (_, shell, args) = &found[0];
        let (started, said) = bench.run(shell, args, &[line.to_owned()]);
        (started.iter().map(shown).collect::<Vec<_>>(), said)
    };
    let one = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    assert_eq!(run("p 'a\nb' ''").0, [one(&["p", "a\nb", ""])]);
    assert_eq!(run("p a; q").0.len(), 2, "two processes");
    assert_eq!(run("p $p").0, [one(&["p", "expanded"])], "an expansion");
    assert_eq!(run("cd .").0.len(), 0, "a builtin records nothing");
    assert!(!run("nothing").1.is_empty(), "a missing program is heard of");
}

#[test]
fn accepted_commands_start_one_process_with_our_words() {
    let accepted = compare(2_000, 0x5EED_0001);
    assert!(accepted > 300, "only {accepted} commands were compared");
}

#[test]
fn quoted_words_come_back_unchanged() {
    quoting(600, 0x5EED_0002);
}

/// Random words, quoted, through every shell and back.
fn quoting(total: usize, seed: u64) {
    let bench = Bench::new();
    bench.install(&[b"p".to_vec()].into());
    let mut dice = Dice(seed);
    let mut expected: Vec<Record> = Vec::new();
    let mut lines = Vec::new();
    for _ in 0..total {
        let words: Vec<String> = (0..dice.roll(5))
            .map(|_| {
                (0..dice.roll(6))
                    .map(|_| match dice.roll(4) {
                        0 => dice.pick(&PLAIN).to_owned(),
                        1 => dice.pick(&SYNTAX).to_owned(),
                        2 => dice.pick(&TRICKY).to_owned(),
                        _ => char::from_u32(1 + dice.roll(0x2FF) as u32).unwrap_or('p').to_string(),
                    })
                    .collect()
            })
            .collect();
        lines.push(
            std::iter::once("p".to_owned()).chain(words.iter().map(|w| sh_quote(w))).collect::<Vec<_>>().join(" "),
        );
        expected.push(std::iter::once(b"p".to_vec()).chain(words.into_iter().map(String::into_bytes)).collect());
    }
    for (name, shell, args) in shells() {
        let (started, said) = bench.run(&shell, args, &lines);
        for (at, own) in expected.iter().enumerate() {
            assert_eq!(started.get(at), Some(own), "{name} reads {:?} otherwise; it says {said}", lines[at]);
        }
        assert_eq!((started.len(), said.as_str()), (expected.len(), ""), "{name}");
    }
}

/// The long forms, with seeds of the day.
#[cfg(feature = "deep")]
mod deep {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    fn seed() -> u64 {
        let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
        println!("seed {seed:#x}");
        seed
    }

    #[test]
    fn a_hundred_thousand_commands() {
        let accepted = compare(100_000, seed());
        println!("{accepted} of 100000 commands were accepted and compared");
    }

    #[test]
    fn fifty_thousand_quoted_words() {
        quoting(50_000, seed());
    }

    /// Ten million texts through the parser alone: no panic, and what it accepts reads back as itself.
    #[test]
    fn ten_million_texts() {
        let mut dice = Dice(seed());
        let mut accepted = 0u64;
        for _ in 0..10_000_000u64 {
            if let Ok(words) = grammar::parse(&command(&mut dice)) {
                accepted += 1;
                let line: Vec<String> = words.iter().map(|w| format!("'{}'", w.replace('\'', "'\\''"))).collect();
                assert_eq!(grammar::parse(&line.join(" ")), Ok(words));
            }
        }
        println!("{accepted} of 10000000 texts were accepted");
    }
}
