//! The remote side of a channel: one fixed wrapper that waits for its one script, runs it in a session of its
//! own, reports its true end, and stops all of it when the channel's input ends.
//!
//! The command line of a channel is short and fixed (`start.sh`): it greets, and then reads the wrapper itself from the
//! channel, ahead of need. So nothing of ours fills the host's process list, and no word of a caller's is in it. What
//! goes to a channel before its greeting is one word that ends a shell. Where the greeting never comes (the account has
//! no shell, or its start-up files start another one), no text of ours was read by anybody, and that nothing was run is
//! known.
//!
//! The wrapper then starts again in a known environment (`clean.sh`), whatever the account's start-up files exported, and
//! keeps what they did for the caller's own commands. Three small shells stand ready on the host. The innermost
//! (`inner.sh`) reads one header line (and, where the header says so, exactly that many bytes of script and of data:
//! `dd iflag=fullblock` takes no byte more, which `read` in blocks and BusyBox `head -c` do not promise). It becomes the
//! command. The others (`outer.sh`) wait for it and pass its status, and the shell's own word for a death by signal, and
//! watch the channel's input: when that ends before the command does, every process of the command's session is stopped,
//! TERM twice, 0.6 s apart (a shell that is just starting a process misses the first one until that process ends), KILL
//! 0.6 s later, and it is looked whether any is left. Looking reads all of `/proc`, which takes a loaded machine a second,
//! so in between it is only asked whether the processes that were found are still there.
//!
//! Large input may be read by the command from the channel itself (`@`): then nothing watches the channel, and the
//! end of the input belongs to the command, which has to see by the length whether it is whole.
//!
//! A random mark, fresh for each call, frames both output streams: what comes before it is start-up noise of the
//! login shell, what follows is the command's. The mark is never exported and never in an argument list, so the
//! command cannot forge the end of its own output.

use super::capabilities::{Opening, SYSTEM_PATH};
use crate::model::hex::random_hex;
use crate::model::quote::sh_quote;
use crate::model::scripts::ScriptFile;

const START: &str = ScriptFile::of(include_str!("start.sh")).text();
const CLEAN: &str = ScriptFile::of(include_str!("clean.sh")).text();
const OUTER: &str = ScriptFile::of(include_str!("outer.sh")).text();
const INNER: &str = ScriptFile::of(include_str!("inner.sh")).text();
/// The shell function `copy LENGTH`: exactly so many bytes of the input, and no byte more.
pub(crate) const COPY: &str = ScriptFile::of(include_str!("copy.sh")).text();
const PROBE: &str = ScriptFile::of(include_str!("probe.sh")).text();
const SPELLED: &str = ScriptFile::of(include_str!("spelled.sh")).text();
const SUDO_RS: &str = ScriptFile::of(include_str!("sudo_rs.sh")).text();

/// The shell function `settle MODE PATH ...`: proves that each path is its own canonical name before anything is
/// done, and enters the last one's folder.
///
/// Modes: `f` follows a link at the end and wants the object to exist, `w` follows one where there is one, `n` takes
/// the name itself. Where every path is canonical it returns with the folder of the last one as working directory
/// and its name in `$L`. Otherwise it has done nothing, prints the canonical names, each closed by `/./` (which no
/// canonical name contains), and exits 90. Exits 91, 92 and 93 name a path that is missing, closed, or no folder.
/// It is part of the wrapper, so that it costs nothing per call; scripts run as root get it as text.
pub const SETTLE: &str = ScriptFile::of(include_str!("settle.sh")).text();

/// Every fixed script and program is looked for where the wrapper found that only root puts programs.
pub(crate) const OUR_PATH: &str = "PATH=$mcp_p LC_ALL=C; export PATH LC_ALL;";

/// Keeps the same for a command of the caller's, past the account's environment, as the shell's first parameter.
pub(crate) const FOUND_PATH: &str = "set -- \"$mcp_p\";";

/// Exit status of `settle` when a path is not its own canonical name.
pub(crate) const SETTLE_MOVED: i32 = 90;

/// Longest script that travels on the header line, in bytes. A shell reads that line a byte at a time, about a
/// microsecond each; beyond this, starting `dd` is cheaper.
const INLINE_SCRIPT: usize = 1200;

/// Joins the lines of a script into the one that `read` takes.
fn one_line(script: &str) -> String {
    script.lines().collect::<Vec<_>>().join(" ")
}

/// The line of a fixed script: where its programs are, its positional parameters, its text.
pub(crate) fn script_line<S: AsRef<str>>(text: &str, args: impl IntoIterator<Item = S>) -> String {
    let mut line = format!("{OUR_PATH} set --");
    for arg in args {
        line.push(' ');
        line.push_str(&sh_quote(arg.as_ref()));
    }
    line.push('\n');
    line.push_str(text);
    line
}

/// The line that a shell reads which is to take a text of a certain length from its input: `copy LENGTH`, then `script`.
pub(crate) fn copying_line(script: &str) -> String {
    format!("{} {}", one_line(COPY), one_line(script))
}

/// The command line that a login shell is asked to run for each channel. At most 200 bytes, in which any login shell
/// (csh and fish as well) reads one quoted word.
pub fn command_line() -> String {
    let lines = START.lines();
    format!("exec sh -c '{}' ssh-mcp", lines.collect::<String>())
}

/// What goes to a channel before its greeting: it ends any shell that reads it, and ours leaves it alone.
pub const FIRST_WORD: &[u8] = b"exit\n";

/// What follows the greeting on a host of which nothing is known: see [`preamble_for`].
pub fn preamble() -> Vec<u8> {
    preamble_for(&Opening::Look { all: false }, false)
}

/// What follows the greeting: the wrapper, as lines that `start.sh` and `clean.sh` read, and last what is known of the host,
/// or how it is learnt. With `lingers` the wrapper does not exit before the channel's input ends.
pub(crate) fn preamble_for(opening: &Opening, lingers: bool) -> Vec<u8> {
    let host = match opening {
        Opening::Look { all } => {
            let all = if *all { "mcp_q=1;" } else { "" };
            format!("mcp_s={SYSTEM_PATH};{all} {} {} {}", one_line(PROBE), one_line(SPELLED), one_line(SUDO_RS))
        }
        Opening::Known { line, words, sudo_rs } => {
            let spelled = words.as_ref().map(|words| format!("mcp_c=\"{words}\"; {}", one_line(SPELLED)));
            let sudo = if *sudo_rs { one_line(SUDO_RS) } else { String::new() };
            format!("{line} {} {sudo}", spelled.unwrap_or_default()).trim().to_owned()
        }
    };
    let lines = [
        one_line(CLEAN),
        one_line(OUTER),
        format!("{} {} {}", one_line(SETTLE), one_line(COPY), one_line(INNER)),
        format!("{}{host}", if lingers { "mcp_w=1; " } else { "" }),
    ];
    format!("{}\n", lines.join("\n")).into_bytes()
}

/// Puts the environment of the account in place of the known one, with the functions that it exported. In front of what a
/// caller wrote.
pub(crate) const ACCOUNT: &str = "account; unset -f account copy fullblock settle lost real walk held straight;";

/// The same without the functions, for programs of ours that run what the caller wrote.
pub(crate) const ACCOUNT_PLAIN: &str = "account plain;";

/// Behind that, for scripts of ours that start a client of an engine: what the account exports configures it, and fills in the
/// variables of a compose file. What would change the shell or the other programs of such a script is taken out.
pub(crate) const CLIENT_UNSETS: &str = "unset -v BASH_ENV CDPATH ENV GREP_OPTIONS TAR_OPTIONS TMOUT \
    a b c d e f g h i j k l m n o p q r s t u v w x y z A B C D E F G H I J K L M N O P Q R S T U V W X Y Z;";

/// How the terminal of a channel stands that was asked for without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Terminal {
    /// There is none.
    None,
    /// There is one, and it passes every byte as it is.
    Transparent,
    /// There is one, which changes what passes through it.
    Opaque,
}

/// Finds the greeting of `start.sh` in what a channel printed: where it ends, and what it says of the terminal.
pub(crate) fn find_greeting(printed: &[u8]) -> Option<(usize, Terminal)> {
    const BEGIN: &[u8] = b"[ssh-mcp ";
    let mut from = 0;
    while let Some(at) = memchr::memmem::find(printed.get(from..)?, BEGIN) {
        from += at + BEGIN.len();
        let rest = printed.get(from..)?;
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let terminal = match rest.get(digits..)? {
            [b']', ..] => Some((1, Terminal::None)),
            [b't', b']', ..] => Some((2, Terminal::Transparent)),
            [b'x', b']', ..] => Some((2, Terminal::Opaque)),
            _ => None,
        };
        // The command line itself, echoed by something, has no digits there.
        if let (1.., Some((close, terminal))) = (digits, terminal) {
            return Some((from + digits + close, terminal));
        }
    }
    None
}

/// A fresh mark: 128 random bits in hexadecimal.
pub(crate) fn new_mark() -> Result<String, getrandom::Error> {
    random_hex::<16>()
}

/// What is written to the channel in front of the data: header and script.
///
/// `length` is that of the script's standard input: a number of bytes, `-` for `/dev/null`, `t` and a number for a text that
/// ends in `#` and the mark, or `@` for the channel itself up to its end. `room` is how much more the caller is going to append. A script ends in
/// the end of its line or in the mark, so that one of which only the beginning arrived is never run.
pub fn header(mark: &str, script: &str, length: &str, room: usize) -> Vec<u8> {
    let inline = script.len() <= INLINE_SCRIPT && !script.contains('\n') && !script.ends_with(' ');
    let mut out = Vec::with_capacity(script.len() + room + 120);
    if inline {
        out.extend_from_slice(format!("{mark} 0 {length} {script}\n").as_bytes());
    } else {
        let len = script.len() + 1 + mark.len();
        out.extend_from_slice(format!("{mark} {len} {length}\n{script}#{mark}").as_bytes());
    }
    out
}

/// How the remote process ended, as the host reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It exited with this status.
    Exit(i32),
    /// A signal of this number killed it.
    Signal(i32),
}

/// What the host found when it looked after a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// No process of the command's session is left.
    Stopped,
    /// Processes are left that even KILL did not end.
    StillRunning,
    /// The host could not be asked, or cannot tell.
    Unknown,
}

/// The closing record of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closing {
    /// How the main process ended.
    pub end: End,
    /// Set when the wrapper carried out a stop.
    pub stopped: Option<Stopped>,
    /// Background children of the command live on.
    pub background: bool,
}

/// Reads ` e=3 z= q=143 b=0`, the text between the closing mark and `;` on standard error.
pub fn parse_closing(text: &str) -> Option<Closing> {
    let (mut status, mut said_signal, mut stop, mut background) = (None, false, None, false);
    for field in text.split_ascii_whitespace() {
        let (key, value) = field.split_once('=')?;
        match key {
            "e" => status = value.parse::<i32>().ok(),
            "z" => said_signal = !value.is_empty(),
            "q" => {
                stop = match value {
                    "10" => Some(Stopped::Stopped),
                    "11" => Some(Stopped::StillRunning),
                    "12" => Some(Stopped::Unknown),
                    _ => None,
                }
            }
            "b" => background = value == "1",
            _ => return None,
        }
    }
    // ksh93 adds 256 to the number of the signal, yash 384. Shells say nothing of SIGINT (2) and SIGPIPE (13); for every
    // other signal their message tells a death by signal from an exit status that looks like one.
    let end = match status? {
        s @ 257..=320 => End::Signal(s - 256),
        s @ 385..=448 => End::Signal(s - 384),
        s @ (130 | 141) => End::Signal(s - 128),
        s if s > 128 && said_signal => End::Signal(s - 128),
        s => End::Exit(s),
    };
    Some(Closing { end, stopped: stop, background })
}

/// The script for a second channel that stops a session whose own channel no longer answers, and then looks. Where /proc
/// hides the processes of others, that none is seen says nothing.
pub(crate) fn stop_script(session: u32) -> String {
    format!(
        "p={session}; case $(command -v kill) in kill) group=;; *) group=--;; esac; n=1; i=0; while [ -n \"$n\" ] && [ $i -lt 20 ]; do i=$((i+1)); s=TERM; [ $i -gt 5 ] && s=KILL; \
         kill -$s $group -$p 2>/dev/null; n=; for f in /proc/[0-9]*/stat; do read -r t <$f || continue; t=${{t##*\")\" }}; set -- $t; \
         [ \"$4\" = $p ] || continue; case $1 in Z|X|x) ;; *) f=${{f#/proc/}}; n=1; kill -$s ${{f%/stat}};; esac; done 2>/dev/null; \
         [ -z \"$n\" ] || sleep 0.1; done; [ -z \"$n\" ] || exit 11; read -r t 2>/dev/null </proc/1/stat || exit 12; exit 10"
    )
}

/// The name of a signal without its `SIG` prefix, as the interface shows it; the number where it has none.
pub(crate) fn signal_name(number: i32) -> String {
    nix::sys::signal::Signal::try_from(number)
        .map_or_else(|_| number.to_string(), |s| s.as_str().trim_start_matches("SIG").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_short_and_any_login_shell_can_read_it() {
        let line = command_line();
        assert!(line.len() <= 200, "{} bytes", line.len());
        assert!(line.contains("ssh-mcp"));
        let inside = line.strip_prefix("exec sh -c '").and_then(|rest| rest.strip_suffix("' ssh-mcp")).unwrap();
        assert!(!inside.contains('\''), "a quote would end the word");
        assert!(!inside.contains('!'), "csh expands it even inside quotes");
        assert!(!inside.contains('\\'), "fish reads it inside quotes");
        assert!(!line.contains('\n'));
        assert_eq!(find_greeting(line.as_bytes()), None, "who prints our command does not greet");
        assert_eq!(preamble().split(|byte| *byte == b'\n').count(), 5, "four lines");
    }

    #[test]
    fn greetings() {
        assert_eq!(find_greeting(b"hi\n[ssh-mcp 12]\n"), Some((15, Terminal::None)));
        assert_eq!(find_greeting(b"[ssh-mcp x [ssh-mcp 3t]\r\n"), Some((23, Terminal::Transparent)));
        assert_eq!(find_greeting(b"[ssh-mcp 3x]"), Some((12, Terminal::Opaque)));
        for none in [b"[ssh-mcp 12".as_slice(), b"[ssh-mcp ]", b"[ssh-mcp $$$t]", b""] {
            assert_eq!(find_greeting(none), None);
        }
    }

    /// The kill of procps takes `kill -TERM -12345` for pid -1: every process of the account, or of the host for root.
    #[test]
    fn a_kill_that_is_a_program_is_given_a_group_behind_two_dashes() {
        let folder = tempfile::tempdir().unwrap();
        let (program, told) = (folder.path().join("kill"), folder.path().join("told"));
        std::fs::write(&program, format!("#!/bin/sh\necho \"$@\" >>'{}'\n", told.display())).unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let send = OUTER.split_once("\nsend() {").unwrap().1.split_once("};").unwrap().0;
        // Of the shells that are everywhere, bash can be told to forget its own kill.
        let script = format!("enable -n kill; session=12345; send() {{{send}}}\nsend TERM");
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        let bash = |script: &str| {
            let done = std::process::Command::new("bash").args(["-c", script]).env("PATH", &path).output().unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        };
        bash(&script);
        assert_eq!(std::fs::read_to_string(&told).unwrap(), "-TERM -- -12345\n");
        std::fs::remove_file(&told).unwrap();
        bash(&script.replacen(
            "enable -n kill;",
            "kill() { command echo builtin \"$@\" >>told; }; cd \"${PATH%%:*}\";",
            1,
        ));
        assert_eq!(std::fs::read_to_string(&told).unwrap(), "builtin -TERM -12345\n");
    }

    /// The same of every other text that runs on a host.
    #[test]
    fn no_script_signals_a_group_without_asking_which_kill_it_has() {
        fn files(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    files(&path, found);
                } else if path.extension().is_some_and(|end| end == "sh" || end == "rs") {
                    found.push(path);
                }
            }
        }
        let mut found = Vec::new();
        files(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        let group = regex::Regex::new(r#"\bkill -[^\s;|]+ ("?-|-- )\S*\$"#).unwrap();
        let asked = regex::Regex::new(r"\bkill -[^\s;|]+ \$group ").unwrap();
        let mut places = 0;
        for path in found {
            let text = std::fs::read_to_string(&path).unwrap();
            for line in text.lines().filter(|line| !line.trim_start().starts_with(['#', '/'])) {
                assert!(!group.is_match(line), "{}: {line}", path.display());
            }
            if asked.is_match(&text) {
                places += 1;
                assert!(text.contains("case $(command -v kill) in kill) group="), "{}", path.display());
            }
        }
        assert!(places >= 4, "{places}");
    }

    #[test]
    fn closing_record() {
        let c = parse_closing(" e=3 z= q=143 b=0").unwrap();
        assert_eq!(c, Closing { end: End::Exit(3), stopped: None, background: false });
        let c = parse_closing(" e=137 z=1 q=10 b=1").unwrap();
        assert_eq!(c, Closing { end: End::Signal(9), stopped: Some(Stopped::Stopped), background: true });
        assert_eq!(parse_closing(" e=137 z= q=143 b=0").unwrap().end, End::Exit(137));
        assert_eq!(parse_closing(" e=265 z= q= b=0").unwrap().end, End::Signal(9), "ksh93");
        assert_eq!(parse_closing(" e=393 z= q= b=0").unwrap().end, End::Signal(9), "yash");
        assert_eq!(parse_closing("nonsense"), None);
        assert_eq!(parse_closing(" e= z= q= b="), None);
    }

    #[test]
    fn short_scripts_travel_on_the_header_line() {
        assert_eq!(header("m", "exec true", "-", 0), b"m 0 - exec true\n");
        assert_eq!(header("m", "a\nb", "2", 2), b"m 5 2\na\nb#m");
    }
}
