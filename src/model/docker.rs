//! Words of the container engine: object names, moments, filters and the options of `docker top`.
//!
//! Every check is a full match over characters, so a trailing newline or an option's dash never passes.

use super::word::checked_word;

fn is_object_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphanumeric())
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

checked_word!(
    /// Name or id of a container (`RestrictedNamePattern` of the engine).
    ContainerName,
    "a container",
    "letters, digits, `_`, `.` and `-`, beginning with a letter or digit",
    "^[A-Za-z0-9][A-Za-z0-9_.\\-]*$",
    255,
    is_object_name
);

checked_word!(
    /// Name of a volume.
    VolumeName,
    "a volume",
    "letters, digits, `_`, `.` and `-`, beginning with a letter or digit",
    "^[A-Za-z0-9][A-Za-z0-9_.\\-]*$",
    255,
    is_object_name
);

checked_word!(
    /// Name of a network.
    NetworkName,
    "a network",
    "the name of one network: letters, digits, `_`, `.` and `-`, beginning with a letter or digit",
    "^[A-Za-z0-9][A-Za-z0-9_.\\-]*$",
    255,
    is_object_name
);

checked_word!(
    /// Name of a service of a compose project.
    ServiceName,
    "a compose service",
    "letters, digits, `_`, `.` and `-`, beginning with a letter or digit",
    "^[A-Za-z0-9][A-Za-z0-9_.\\-]*$",
    255,
    is_object_name
);

fn is_time(text: &str) -> bool {
    text == "now" || is_epoch(text) || is_duration(text) || is_iso(text)
}

/// Digits, or digits with a fraction.
fn is_epoch(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    digits(whole) && digits(fraction)
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// One or more numbers, each with `s`, `m` or `h`.
fn is_duration(text: &str) -> bool {
    let mut number = false;
    for b in text.bytes() {
        match b {
            b'0'..=b'9' => number = true,
            b's' | b'm' | b'h' if number => number = false,
            _ => return false,
        }
    }
    !number && !text.is_empty()
}

/// `YYYY-MM-DD[Thh:mm[:ss[.fraction]]][Z|+hh:mm|-hh:mm]`.
fn is_iso(text: &str) -> bool {
    let (date, time) = text.split_once('T').map_or((text, None), |(d, t)| (d, Some(t)));
    let shape = |text: &str, like: &str| {
        text.len() == like.len()
            && text.bytes().zip(like.bytes()).all(|(b, l)| if l == b'0' { b.is_ascii_digit() } else { b == l })
    };
    if !shape(date, "0000-00-00") {
        return false;
    }
    let Some(time) = time else { return true };
    let clock = if let Some(clock) = time.strip_suffix('Z') {
        clock
    } else if let Some(at) = time.rfind(['+', '-']) {
        let (clock, zone) = time.split_at(at);
        if !zone.get(1..).is_some_and(|z| shape(z, "00:00")) {
            return false;
        }
        clock
    } else {
        time
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    (shape(clock, "00:00:00") && digits(fraction)) || (shape(clock, "00:00") && fraction == "0")
}

checked_word!(
    /// A moment as `docker logs --since` and `docker events --since` read it.
    DockerTime,
    "a docker time",
    "a Unix time, a time ago such as 30m or 1h30m, an ISO date or date-time, or now",
    "^[0-9A-Za-z:.+\\-]+$",
    64,
    is_time
);

impl DockerTime {
    /// An hour ago.
    pub fn an_hour_ago() -> Self {
        DockerTime("1h".to_owned())
    }

    /// The present.
    pub fn now() -> Self {
        DockerTime("now".to_owned())
    }

    /// The word as every engine reads it: none knows `now`, all know "no time ago".
    pub fn engine(&self) -> &str {
        if self.0 == "now" { "0s" } else { &self.0 }
    }
}

fn is_label_filter(text: &str) -> bool {
    let (key, value) = text.split_once('=').map_or((text, None), |(k, v)| (k, Some(v)));
    (1..=128).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'/' | b'-'))
        && value.is_none_or(|v| {
            (1..=256).contains(&v.len())
                && v.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'/' | b'=' | b'+' | b'-'))
        })
}

checked_word!(
    /// A label to filter by: `key` or `key=value`.
    LabelFilter,
    "a label filter",
    "key or key=value; keys hold letters, digits and . _ / -, values also : = +",
    "^[A-Za-z0-9._/\\-]{1,128}(=[A-Za-z0-9._:/=+\\-]{1,256})?$",
    385,
    is_label_filter
);

fn is_reference_filter(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'/' | b':' | b'*' | b'?' | b'@' | b'-'))
}

checked_word!(
    /// A pattern over image names, with `*` and `?`.
    ReferenceFilter,
    "an image pattern",
    "letters, digits and . _ / : * ? @ -",
    "^[A-Za-z0-9._/:*?@\\-]{1,256}$",
    256,
    is_reference_filter
);

fn is_event_filter(text: &str) -> bool {
    let Some((key, value)) = text.split_once('=') else { return false };
    let mut first = key.bytes();
    first.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && first.all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && (1..=256).contains(&value.len())
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b':' | b'/' | b' '))
}

checked_word!(
    /// A filter of `docker events`: `key=value`.
    EventFilter,
    "an event filter",
    "key=value; keys are words, values hold letters, digits, spaces and . _ - : /",
    "^[A-Za-z_][A-Za-z0-9_]*=[A-Za-z0-9._\\-:/ ]{1,256}$",
    385,
    is_event_filter
);

/// Columns of `ps` that show no environment (procps `ps(1)`, STANDARD FORMAT SPECIFIERS).
const PS_COLUMNS: [&str; 55] = [
    "pid",
    "ppid",
    "pgid",
    "sid",
    "user",
    "uid",
    "euser",
    "euid",
    "ruser",
    "ruid",
    "group",
    "gid",
    "egroup",
    "egid",
    "stat",
    "state",
    "s",
    "time",
    "cputime",
    "etime",
    "etimes",
    "start",
    "start_time",
    "lstart",
    "stime",
    "bsdtime",
    "tty",
    "tt",
    "tname",
    "comm",
    "ucmd",
    "args",
    "cmd",
    "command",
    "pcpu",
    "%cpu",
    "c",
    "cp",
    "pmem",
    "%mem",
    "rss",
    "rssize",
    "vsz",
    "vsize",
    "sz",
    "size",
    "ni",
    "nice",
    "pri",
    "psr",
    "nlwp",
    "wchan",
    "lwp",
    "tid",
    "cgroup",
];

fn columns(list: &str) -> bool {
    list.split(',').all(|c| PS_COLUMNS.contains(&c))
}

/// Columns that hold blanks: `ps` shortens them where others follow, and engines look for the number of a process behind them
/// in the wrong place, and tell what they find there.
const ARGUMENTS: [&str; 4] = ["args", "cmd", "command", "ucmd"];

/// Whether columns of arguments are only the last of all lists.
fn arguments_are_last(text: &str) -> bool {
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    let lists = words.iter().enumerate().filter_map(|(at, word)| {
        let behind =
            || at.checked_sub(1).and_then(|at| words.get(at)).is_some_and(|before| before.ends_with(['o', 't']));
        word.strip_prefix("--format=").or_else(|| (!word.starts_with('-') && behind()).then_some(*word))
    });
    let all: Vec<&str> = lists.flat_map(|list| list.split(',')).collect();
    all.iter().rev().skip(1).all(|column| !ARGUMENTS.contains(column))
}

/// Options of `ps` whose output holds no environment, whichever of its dialects `ps` falls back to.
///
/// procps reads `e` as "show the environment" in its BSD dialect and falls back to that dialect when anything
/// else in the line does not parse, so `e` passes only in spellings that cannot fail.
fn is_ps_options(text: &str) -> bool {
    arguments_are_last(text) && shows_no_environment(text)
}

fn shows_no_environment(text: &str) -> bool {
    const WITH_E: [&str; 8] = ["-e", "-ef", "-efw", "-efww", "-eF", "-el", "-elf", "-eo"];
    let words: Vec<&str> = text.split(' ').filter(|w| !w.is_empty()).collect();
    match words.as_slice() {
        [] => return false,
        [one] if WITH_E.contains(one) => return *one != "-eo",
        ["-eo", list] | ["-e", "-o" | "--format", list] => return columns(list),
        _ => {}
    }
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let cluster = word.strip_prefix('-').unwrap_or(word);
        let passes = if let Some(list) = word.strip_prefix("--sort=").or_else(|| word.strip_prefix("--format=")) {
            list.split(',').all(|c| columns(c.trim_start_matches(['+', '-'])))
        } else if *word == "--forest" {
            true
        } else if let Some(letters) = cluster.strip_suffix('o') {
            ps_letters(letters) && rest.next().is_some_and(|list| columns(list))
        } else {
            !cluster.is_empty() && ps_letters(cluster)
        };
        if !passes {
            return false;
        }
    }
    true
}

fn ps_letters(letters: &str) -> bool {
    letters.bytes().all(|b| b"AadfFljLTMZHwcuxvrsy".contains(&b))
}

checked_word!(
    /// Options of `ps` for `docker top`, words separated by spaces.
    PsOptions,
    "a list of ps options",
    "letters such as aux or -ef, -o with plain columns, arguments the last, --sort=COLUMN, --forest; nothing that shows environments",
    "^[A-Za-z0-9 %_,+=\\-]+$",
    256,
    is_ps_options
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_whole_words() {
        for good in ["web", "web_1", "a.b-c", "0af31c"] {
            assert!(ContainerName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-web", "web\n", "a b", "a/b", ".a", "a;id", "wéb", "a\0", "--help"] {
            assert!(ContainerName::parse(bad).is_err(), "{bad:?}");
        }
        assert!(ContainerName::parse(&"a".repeat(100_000)).is_err());
    }

    #[test]
    fn times() {
        for good in [
            "now",
            "1700000000",
            "1700000000.5",
            "30m",
            "1h30m",
            "90s",
            "2026-01-02",
            "2026-01-02T03:04",
            "2026-01-02T03:04:05",
            "2026-01-02T03:04:05.123Z",
            "2026-01-02T03:04:05+02:00",
            "2026-01-02T03:04:05-02:00",
        ] {
            assert!(DockerTime::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "1d",
            "m",
            "1h3",
            "-1h",
            "now ",
            "2026-1-2",
            "2026-01-02T",
            "2026-01-02T03",
            "1.",
            "tomorrow",
            "--help",
            "1h\n",
        ] {
            assert!(DockerTime::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn filters() {
        assert!(LabelFilter::parse("com.example/tier=web:1").is_ok());
        assert!(LabelFilter::parse("a").is_ok());
        for bad in ["=x", "a=", "a b", "a=b c", "a=$(id)", "a\n"] {
            assert!(LabelFilter::parse(bad).is_err(), "{bad:?}");
        }
        assert!(EventFilter::parse("type=container").is_ok());
        assert!(EventFilter::parse("event=health_status: unhealthy").is_ok());
        for bad in ["type", "1=x", "a=", "a=b\n", "a=b=c"] {
            assert!(EventFilter::parse(bad).is_err(), "{bad:?}");
        }
        assert!(ReferenceFilter::parse("registry.example:5000/a/*:1.?").is_ok());
        assert!(ReferenceFilter::parse("a b").is_err());
    }

    #[test]
    fn ps_options_never_show_environments() {
        for good in [
            "-ef",
            "aux",
            "-aux",
            "auxww",
            "-eo pid,comm",
            "-e -o pid,args",
            "axo pid,ppid,cmd",
            "aux --sort=-rss",
            "-A --forest",
        ] {
            assert!(PsOptions::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "e",
            "auxe",
            "-auxe",
            "axeww",
            "-ef e",
            "-ef -o bad",
            "eo pid",
            "-o environ",
            "-E",
            "--pid 1",
            "-o pid=x",
            "-eo",
            "-p 1",
            "-C x",
            "aux;id",
            "-",
            "",
            " ",
            "aux\n",
            "-o",
            "--help",
            "-e -f -e",
            // What is not the last column is shortened.
            "-o pid,args,ppid",
            "-o args,pid --sort=-rss",
            "-eo cmd,pid",
            "-o args -o pid",
            "-e -o pid,args,args",
            "-e --format=args,pid",
        ] {
            assert!(PsOptions::parse(bad).is_err(), "{bad:?}");
        }
    }
}
