//! What a host has: which programs, how they are spelled, and the folders in which they may be looked for.
//!
//! It is learnt once for each connection, by the wrapper of a channel that stands by (`wrapper/probe.sh`), so that no call
//! waits for it. Until it is known, each channel looks for what its own scripts need. Channels that are opened later are
//! told what was found: nothing where the host is like most, otherwise where its programs are and how they are called
//! (`wrapper/spelled.sh`). Scripts are written for GNU's programs and work everywhere by that.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{Notify, OnceCell};

use super::login_environment::LoginEnvironment;

/// Search path of every fixed script and program, where the host has not said better: the system's folders and nothing of
/// the account's.
pub(crate) const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What stands in front of the report.
const BEGIN: &[u8] = b"[ssh-mcp-has ";

/// Most bytes of a report that are waited for.
pub(crate) const REPORT_MAX: usize = 16 * 1024;

/// A folder of programs that is not used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Unused {
    /// Its real name.
    pub folder: String,
    /// Why: who else can change it.
    pub because: String,
}

/// What one host has. A word that the host did not say is empty.
#[allow(clippy::struct_excessive_bools)] // Each is a program that is there or not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Capabilities {
    /// Kernel, release and machine, with slashes between.
    pub uname: String,
    /// What stands behind `sh`.
    pub sh: String,
    /// Folders in which tools look for programs, in order.
    pub path: Vec<String>,
    /// Folders of programs that are left out.
    pub unused_path: Vec<Unused>,
    /// `gnu`, `quoting` (GNU's options, names in quotes of its own: uutils, toybox), `bsd` or `none`.
    pub stat: String,
    /// How a name is replaced: `T` or `h` (the option of mv), `perl` or `none`.
    pub mv: String,
    /// `T` where ln has that option, else `n`.
    pub ln: String,
    /// The same of cp.
    pub cp: String,
    /// `f` where readlink has that option, else `none`.
    pub readlink: String,
    /// A program starts sessions; without it, and without perl, what a command starts is found by its parents.
    pub setsid: bool,
    /// perl is there.
    pub perl: bool,
    /// Locks on files can be taken.
    pub flock: bool,
    /// dd has iflag=fullblock.
    pub fullblock: bool,
    /// /proc shows open files.
    pub proc: bool,
    /// Programs that make digests.
    pub digest: Vec<String>,
    /// Ways to root, best first: `sudo`, `sudo-rs`, `doas`, `run0`.
    pub sudo: Vec<String>,
    /// Package managers.
    pub packages: Vec<String>,
    /// Init system.
    pub init: String,
    /// Container engines.
    pub engine: Vec<String>,
    /// A terminal is forced on commands.
    pub terminal: bool,
    #[serde(skip)]
    words: String,
}

fn words_of(list: &str) -> Vec<String> {
    list.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

impl Capabilities {
    /// Finds the report in what a channel printed.
    pub fn find(printed: &[u8], terminal: bool) -> Option<Self> {
        let at = memchr::memmem::rfind(printed, BEGIN)?;
        let rest = printed.get(at + BEGIN.len()..)?;
        let end = rest.iter().position(|byte| *byte == b']')?;
        let text = std::str::from_utf8(rest.get(..end)?).ok()?;
        Some(Capabilities { terminal, ..Self::read(text) })
    }

    fn read(text: &str) -> Self {
        let mut found = Capabilities::default();
        let mut words = Vec::new();
        for (name, value) in text.split_ascii_whitespace().filter_map(|word| word.split_once('=')) {
            let own = || value.to_owned();
            match name {
                "uname" => found.uname = own(),
                "sh" => found.sh = own(),
                "path" => found.path = value.split(':').filter(|d| d.starts_with('/')).map(str::to_owned).collect(),
                "unused" => found.unused_path = value.split(',').filter_map(unused).collect(),
                "stat" => found.stat = own(),
                "mv" => found.mv = own(),
                "ln" => found.ln = own(),
                "cp" => found.cp = own(),
                "readlink" => found.readlink = own(),
                "setsid" => found.setsid = value == "yes",
                "perl" => found.perl = value == "yes",
                "flock" => found.flock = value == "yes",
                "fullblock" => found.fullblock = value == "yes",
                "proc" => found.proc = value == "yes",
                "digest" => found.digest = words_of(value),
                "sudo" => found.sudo = words_of(value),
                "packages" => found.packages = words_of(value),
                "init" => found.init = own(),
                "engine" => found.engine = words_of(value),
                _ => {}
            }
            if matches!(name, "stat" | "mv" | "ln" | "cp" | "readlink") {
                words.push(format!("{name}={value}"));
            }
        }
        found.words = words.join(" ");
        found
    }

    /// True where every program is called as the scripts call it.
    fn is_spelled_as_usual(&self) -> bool {
        self.words == "stat=gnu mv=T ln=T cp=T readlink=f"
    }

    /// What a channel is told in place of looking for it, as a line of `sh`. Empty for most hosts.
    pub fn opening(&self) -> Opening {
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"=_./+@-: ".contains(&b));
        let path = self.path.join(":");
        // What is not a report of ours is not sent back.
        if path.is_empty() || !plain(&path) || !plain(&self.words) {
            return Opening::Look { all: false };
        }
        let mut line = String::new();
        if path != SYSTEM_PATH || !self.unused_path.is_empty() {
            line = format!("PATH={path};");
        }
        let words = (!self.is_spelled_as_usual()).then(|| self.words.clone());
        Opening::Known { line, words, sudo_rs: self.sudo.first().is_some_and(|first| first == "sudo-rs") }
    }

    /// One line for people.
    pub fn summary(&self) -> String {
        let list = |words: &[String]| if words.is_empty() { "none".to_owned() } else { words.join(", ") };
        let word = |word: &str| if word.is_empty() { "unknown" } else { word }.to_owned();
        let session = match (self.setsid, self.perl) {
            (true, _) => "setsid",
            (false, true) => "perl",
            (false, false) => "none",
        };
        let terminal = if self.terminal { "; a terminal is forced on commands" } else { "" };
        format!(
            "{}; sh is {}, stat {}, mv {}, sessions by {session}, /proc {}; root by {}; packages {}; init {}; containers \
             {}; programs in {}{terminal}",
            self.uname.replace('/', " ").trim(),
            word(&self.sh),
            word(&self.stat),
            word(&self.mv),
            if self.proc { "yes" } else { "no" },
            list(&self.sudo),
            list(&self.packages),
            word(&self.init),
            list(&self.engine),
            self.path.join(":"),
        )
    }
}

/// `FOLDER:WHY`.
fn unused(text: &str) -> Option<Unused> {
    let (folder, why) = text.rsplit_once(':')?;
    let because = match why {
        "open" => "every account can write to it, or to a folder above it",
        "group" => "a group can write to it, or to a folder above it",
        "own" => "it belongs to the login account, not to root",
        "other" => "it belongs to another account",
        _ => "who can write to it is unknown",
    };
    Some(Unused { folder: folder.to_owned(), because: because.to_owned() })
}

/// How a channel comes to know its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// It looks itself.
    Look {
        /// For people too, and reports what it found.
        all: bool,
    },
    /// It is told.
    Known {
        /// Where programs are, as `sh` reads it.
        line: String,
        /// How they are spelled, where that is not as usual.
        words: Option<String>,
        /// sudo is sudo-rs.
        sudo_rs: bool,
    },
}

/// What the connections of one host have learnt.
#[derive(Debug, Default)]
pub(crate) struct Learnt {
    found: OnceLock<Arc<Capabilities>>,
    told: Notify,
    /// The account's variables in a login terminal.
    pub(super) login: OnceCell<Arc<LoginEnvironment>>,
}

impl Learnt {
    /// What is known by now.
    pub(crate) fn get(&self) -> Option<Arc<Capabilities>> {
        self.found.get().cloned()
    }

    /// Keeps the first report.
    pub(super) fn set(&self, found: Capabilities) {
        let _ = self.found.set(Arc::new(found));
        self.told.notify_waiters();
    }

    /// The same, waiting for it.
    pub(crate) async fn within(&self, limit: Duration) -> Option<Arc<Capabilities>> {
        let told = self.told.notified();
        if let Some(found) = self.get() {
            return Some(found);
        }
        let _ = tokio::time::timeout(limit, told).await;
        self.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: &str = "[ssh-mcp-has path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin stat=gnu mv=T ln=T cp=T readlink=f \
        setsid=yes perl=no flock=yes proc=yes fullblock=yes sh=dash uname=Linux/6.1.0/x86_64 sudo=sudo-rs,doas, packages=apt-get, \
        engine= digest=sha256sum, init=systemd]\n";

    #[test]
    fn a_usual_host_is_told_nothing() {
        let found = Capabilities::find(format!("noise\n{USUAL}").as_bytes(), false).unwrap();
        assert_eq!(found.opening(), Opening::Known { line: String::new(), words: None, sudo_rs: true });
        assert_eq!((found.sudo, found.engine), (vec!["sudo-rs".to_owned(), "doas".to_owned()], vec![]));
        assert!(found.setsid && !found.perl && found.proc);
        assert_eq!(Capabilities::find(&USUAL.as_bytes()[..80], false), None, "half a report");
    }

    #[test]
    fn an_odd_host_is_told_where_and_how() {
        let text = "path=/usr/bin:/nix/sw unused=/tmp/x:open,/srv/y:other stat=bsd mv=h ln=n cp=n readlink=f";
        let found = Capabilities::read(text);
        let words = Some("stat=bsd mv=h ln=n cp=n readlink=f".to_owned());
        assert_eq!(
            found.opening(),
            Opening::Known { line: "PATH=/usr/bin:/nix/sw;".to_owned(), words, sudo_rs: false }
        );
        assert_eq!(found.unused_path.len(), 2);
        assert_eq!(found.unused_path[0].folder, "/tmp/x");
    }

    #[test]
    fn what_is_no_report_of_ours_is_not_sent_back() {
        for text in ["path=/bin;id stat=gnu", "path=/bin stat=$(id)", "path=bin", ""] {
            assert_eq!(Capabilities::read(text).opening(), Opening::Look { all: false }, "{text}");
        }
    }
}
