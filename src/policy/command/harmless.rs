//! Programs that a bare word of the allowlist grants, and the arguments that it grants with them.
//!
//! A program is on this list when no argument that it is granted with can make it run another program, write a file, or
//! read a file or folder of the caller's choice. Where a program has other options too, only those named here are
//! granted, spelled in full: an abbreviated long option could mean another one. A program that is not here may be
//! harmless all the same; the operator then says so with `word *`.

/// One program of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Harmless {
    name: &'static str,
    takes: Takes,
}

/// What it may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// Any words: nothing it can be told does harm.
    Anything,
    /// These options, and words of this kind.
    Only(Options),
    /// What one of these grants by itself.
    Either(Options, Options),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Options {
    /// Letters without a value. They may be joined, as in `-tlnp`.
    flags: &'static str,
    /// Letters whose value may follow in the same word only, as in `-Iseconds`.
    optional: &'static str,
    /// Letters whose value is the rest of the word or the next word.
    valued: &'static str,
    /// Long options that need no value; `--name=value` is granted too.
    long: &'static [&'static str],
    /// Long options whose value may be the next word.
    long_valued: &'static [&'static str],
    /// Which values.
    value: Kind,
    /// Which words that are neither options nor values.
    operand: Kind,
}

/// A kind of word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    None,
    Any,
    /// No slash: no name of a file outside the folder in which the command runs.
    NoSlash,
    Number,
    /// The root folder.
    Root,
    /// `+%F`: what `date` prints. Without the plus sign it would set the clock.
    DateFormat,
    /// A date that names no file of time zones.
    Date,
    /// Old-style letters of `ps`, or process ids; not `e`, which shows environments.
    PsLetters,
    /// A column or selection of `ps`; no column that shows environments.
    PsValue,
    /// `FIELD=value`, `+` or a number. Another word would be a path.
    JournalMatch,
}

impl Kind {
    fn takes(self, word: &str) -> bool {
        let all = |allowed: fn(char) -> bool| !word.is_empty() && word.chars().all(allowed);
        match self {
            Kind::None => false,
            Kind::Any => true,
            Kind::NoSlash => !word.contains('/'),
            Kind::Number => all(|c| c.is_ascii_digit() || c == '.'),
            Kind::Root => word == "/",
            Kind::DateFormat => word.starts_with('+'),
            Kind::Date => !word.contains("TZ"),
            Kind::PsLetters => all(|c| "acfghjlmnrsuvwxHLSTXZ".contains(c)) || all(|c| c.is_ascii_digit() || c == ','),
            Kind::PsValue => !word.contains('/') && !word.to_ascii_lowercase().contains("env"),
            Kind::JournalMatch => {
                let field = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
                word == "+" || Kind::Number.takes(word) || word.split_once('=').is_some_and(|(name, _)| field(name))
            }
        }
    }
}

const NOTHING: Options = Options {
    flags: "",
    optional: "",
    valued: "",
    long: &[],
    long_valued: &[],
    value: Kind::NoSlash,
    operand: Kind::None,
};

const PS: Options = Options {
    flags: "",
    optional: "",
    valued: "opqU",
    long: &["forest", "no-headers", "no-heading", "headers", "deselect", "cumulative"],
    long_valued: &[
        "sort",
        "format",
        "pid",
        "ppid",
        "quick-pid",
        "user",
        "User",
        "group",
        "Group",
        "tty",
        "sid",
        "cols",
        "columns",
        "width",
        "rows",
        "lines",
    ],
    value: Kind::PsValue,
    operand: Kind::None,
};

const fn free(name: &'static str) -> Harmless {
    Harmless { name, takes: Takes::Anything }
}

const fn only(name: &'static str, options: Options) -> Harmless {
    Harmless { name, takes: Takes::Only(options) }
}

/// Sorted by name. Left out on purpose, of the options that the programs have: `date -f`, `-r`, `-s`; `dmesg -F`, `-c`,
/// `-H` (a pager); `findmnt -F`, `-T`; `hostname -F` and any name; `journalctl --file`, `-D`, `--root`, `--cursor-file`,
/// `--vacuum-*`; `last -f`; `lsblk` and `lscpu --sysroot`; `lspci -i`, `-p`, `-q`; `lsusb -D`; `pgrep -F`; `ps e`, `n`, `N`;
/// `ss -D`, `-F`, `-K`, `-N`; `who FILE`.
#[rustfmt::skip]
const PROGRAMS: &[Harmless] = &[
    free("arch"),
    free("basename"),
    only("date", Options {
        flags: "uR", optional: "I", valued: "d", value: Kind::Date, operand: Kind::DateFormat,
        long: &["utc", "universal", "rfc-email", "rfc-2822", "iso-8601", "rfc-3339"], long_valued: &["date"],
    }),
    only("df", Options {
        flags: "aHhiklmPT", valued: "Btx", operand: Kind::Root,
        long: &["all", "human-readable", "si", "inodes", "local", "portability", "print-type", "total", "output"],
        long_valued: &["block-size", "type", "exclude-type"], ..NOTHING
    }),
    free("dirname"),
    only("dmesg", Options {
        flags: "kruTtxedJPpwW", valued: "lfs", value: Kind::Any,
        long: &["kernel", "userspace", "raw", "ctime", "notime", "decode", "reltime", "show-delta", "json", "nopager",
            "follow", "follow-new", "force-prefix"],
        long_valued: &["level", "facility", "since", "until", "time-format", "buffer-size"], ..NOTHING
    }),
    free("echo"),
    free("false"),
    only("findmnt", Options {
        flags: "AaCDfiJlnPRrsUuv", valued: "otO", operand: Kind::Root,
        long: &["all", "ascii", "df", "first-only", "json", "list", "noheadings", "pairs", "submounts", "raw", "bytes",
            "fstab", "kernel", "mtab", "real", "pseudo", "output-all"],
        long_valued: &["output", "types", "options"], ..NOTHING
    }),
    only("free", Options {
        flags: "bkmghltwvL", valued: "sc",
        long: &["bytes", "kibi", "mebi", "gibi", "tebi", "kilo", "mega", "giga", "tera", "human", "si", "lohi", "line",
            "total", "wide", "committed"],
        long_valued: &["seconds", "count"], ..NOTHING
    }),
    free("groups"),
    free("hostid"),
    only("hostname", Options {
        flags: "sfdiIAa",
        long: &["short", "fqdn", "long", "domain", "ip-address", "all-ip-addresses", "all-fqdns", "alias"], ..NOTHING
    }),
    free("id"),
    only("iostat", Options { flags: "cdhkmNstxyz", operand: Kind::Number, ..NOTHING }),
    only("journalctl", Options {
        flags: "aefklmqrxN0123456789", optional: "nb", valued: "uptogSUF", value: Kind::Any,
        operand: Kind::JournalMatch,
        long: &["all", "follow", "full", "no-full", "quiet", "reverse", "catalog", "no-pager", "no-tail", "dmesg", "utc",
            "no-hostname", "disk-usage", "list-boots", "fields", "system", "user", "merge", "pager-end", "lines", "boot",
            "show-cursor"],
        long_valued: &["unit", "user-unit", "identifier", "priority", "facility", "output", "output-fields", "grep",
            "case-sensitive", "since", "until", "field", "cursor", "after-cursor"],
    }),
    only("last", Options {
        flags: "adFiRwx0123456789", valued: "npts", operand: Kind::NoSlash,
        long: &["hostlast", "dns", "fulltimes", "ip", "nohostname", "fullnames", "system"],
        long_valued: &["limit", "present", "since", "until", "time-format"], ..NOTHING
    }),
    free("logname"),
    only("lsblk", Options {
        flags: "AabDdfilJmnOPprSstz", valued: "eEIoxw",
        long: &["all", "bytes", "discard", "nodeps", "fs", "ascii", "list", "json", "perms", "noheadings", "output-all",
            "pairs", "paths", "raw", "scsi", "inverse", "topology", "tree", "zoned"],
        long_valued: &["exclude", "include", "output", "sort", "width"], ..NOTHING
    }),
    only("lscpu", Options {
        flags: "abcBJxy", optional: "epC",
        long: &["all", "online", "offline", "bytes", "caches", "json", "extended", "parse", "hex", "physical",
            "output-all"],
        ..NOTHING
    }),
    only("lsmod", NOTHING),
    only("lspci", Options { flags: "vkntmbDxP", valued: "ds", ..NOTHING }),
    only("lsusb", Options { flags: "vt", valued: "ds", long: &["verbose", "tree"], ..NOTHING }),
    only("mpstat", Options { flags: "Aun", valued: "PI", operand: Kind::Number, ..NOTHING }),
    only("netstat", Options { flags: "tuxwrlnapiseogWv46", long: &["tcp", "udp", "unix", "raw", "route", "listening",
        "numeric", "all", "program", "programs", "interfaces", "statistics", "extend", "timers", "wide"], ..NOTHING }),
    free("nproc"),
    only("pgrep", Options {
        flags: "aAcfilnovwx", valued: "dgGOPrstuU", operand: Kind::Any,
        long: &["list-full", "list-name", "count", "full", "ignore-case", "newest", "oldest", "inverse", "exact",
            "lightweight", "ignore-ancestors"],
        long_valued: &["delimiter", "pgroup", "group", "older", "parent", "runstates", "session", "terminal", "euid",
            "uid"], ..NOTHING
    }),
    only("pidof", Options { flags: "scqxz", valued: "oS", operand: Kind::NoSlash, ..NOTHING }),
    only("ping", Options { flags: "46nqDOv", valued: "cWwist", operand: Kind::NoSlash, ..NOTHING }),
    free("printf"),
    // Behind a dash `e` means every process, among old-style letters the environment. Where ps cannot make sense of its
    // options together, it reads them all as old-style letters (`ps -eTH --headers`, `ps -e -u x`). So with `e` only
    // options are granted that go together in every order, and without it none whose value could pass for letters.
    Harmless { name: "ps", takes: Takes::Either(
        Options {
            flags: "efF", valued: "o", long: &["no-headers"], long_valued: &["sort"], operand: Kind::None, ..PS
        },
        Options { flags: "AadfFlyjHTLwZNc", operand: Kind::PsLetters, ..PS },
    ) },
    free("pwd"),
    free("seq"),
    free("sleep"),
    only("ss", Options {
        flags: "hnraloempiTsEZzbtudwxSM046HOQB", valued: "fA", operand: Kind::NoSlash,
        long: &["numeric", "resolve", "all", "listening", "options", "extended", "memory", "processes", "threads",
            "info", "summary", "events", "context", "contexts", "bpf", "ipv4", "ipv6", "packet", "tcp", "udp", "dccp",
            "raw", "unix", "sctp", "mptcp", "vsock", "no-header", "oneline", "no-queues", "tos", "cgroup"],
        long_valued: &["family", "query", "socket"], ..NOTHING
    }),
    free("true"),
    free("tty"),
    free("uname"),
    only("uptime", Options { flags: "ps", long: &["pretty", "since"], ..NOTHING }),
    only("users", NOTHING),
    only("vmstat", Options {
        flags: "afmnsdDwty", valued: "S", operand: Kind::Number,
        long: &["active", "forks", "slabs", "one-header", "stats", "disk", "disk-sum", "wide", "timestamp", "no-first"],
        long_valued: &["unit"], ..NOTHING
    }),
    only("w", Options {
        flags: "hsfoiup", operand: Kind::NoSlash,
        long: &["no-header", "short", "from", "old-style", "ip-addr", "no-current", "pids"], ..NOTHING
    }),
    only("which", Options { flags: "a", operand: Kind::NoSlash, ..NOTHING }),
    only("who", Options {
        flags: "abdHlmpqrsTtuw",
        long: &["all", "boot", "dead", "heading", "login", "process", "count", "runlevel", "short", "time", "users",
            "mesg", "message", "writable"], ..NOTHING
    }),
    free("whoami"),
];

impl Harmless {
    /// The program of this name, without a folder.
    pub(super) fn named(name: &str) -> Option<Self> {
        PROGRAMS.iter().find(|program| program.name == name).copied()
    }

    /// The first word that is not granted with this program, if there is one.
    pub(super) fn objection<'w>(&self, words: &'w [String]) -> Option<&'w str> {
        match self.takes {
            Takes::Anything => None,
            Takes::Only(options) => options.objection(words),
            Takes::Either(one, other) => one.objection(words).and(other.objection(words)),
        }
    }
}

impl Options {
    fn objection<'w>(&self, words: &'w [String]) -> Option<&'w str> {
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            if word == "--" {
                return words.find(|word| !self.operand.takes(word));
            }
            let next_is_value = match word.strip_prefix("--") {
                Some(long) => self.judge_long(long),
                None => match word.strip_prefix('-') {
                    Some(letters) => self.judge_letters(letters),
                    None => self.operand.takes(word).then_some(false),
                },
            };
            match next_is_value {
                None => return Some(word),
                Some(false) => {}
                // A value that looks like an option is refused: another build of the program may take it for one.
                Some(true) => match words.next() {
                    Some(value) if !value.starts_with('-') && self.value.takes(value) => {}
                    Some(value) => return Some(value),
                    None => return Some(word),
                },
            }
        }
        None
    }

    /// `Some(true)` when the next word is its value, `None` when it is not granted.
    fn judge_long(&self, text: &str) -> Option<bool> {
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        if let Some(value) = value {
            let known = self.long.contains(&name) || self.long_valued.contains(&name);
            return (known && self.value.takes(value)).then_some(false);
        }
        if self.long_valued.contains(&name) {
            return Some(true);
        }
        (self.long.contains(&name) || matches!(name, "help" | "version")).then_some(false)
    }

    /// The same for the letters behind one dash.
    fn judge_letters(&self, letters: &str) -> Option<bool> {
        for (at, letter) in letters.char_indices() {
            if self.flags.contains(letter) {
                continue;
            }
            let rest = letters.get(at + letter.len_utf8()..)?;
            if self.optional.contains(letter) {
                return (rest.is_empty() || self.value.takes(rest)).then_some(false);
            }
            if self.valued.contains(letter) {
                return if rest.is_empty() { Some(true) } else { self.value.takes(rest).then_some(false) };
            }
            return None;
        }
        // A dash alone names standard input.
        (!letters.is_empty()).then_some(false)
    }
}

#[cfg(test)]
pub(super) mod tests;
