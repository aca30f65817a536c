//! Words of systemd: units, patterns for units, states, properties, and what is looked for in the journal.
//!
//! Every check is a full match over characters, so a trailing newline or a path never passes.

use super::word::checked_word;

/// Unit types of systemd.unit(5), the suffixes of full unit names.
const TYPES: [&str; 11] =
    ["service", "socket", "target", "timer", "path", "mount", "automount", "swap", "slice", "scope", "device"];

/// `VALID_CHARS` of systemd's `unit-name.c`.
fn is_unit_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b':' | b'-' | b'_' | b'.' | b'\\' | b'@')
}

fn is_unit(text: &str) -> bool {
    if !text.bytes().all(is_unit_byte) || text.starts_with('@') {
        return false;
    }
    match text.rsplit_once('.') {
        // systemctl reads a number, also a hexadecimal one, as a process or a job.
        None => !text.starts_with(|c: char| c.is_ascii_digit()),
        Some((name, kind)) => !name.is_empty() && TYPES.contains(&kind),
    }
}

checked_word!(
    /// Name of one unit; without a type it is a service. A leading dash is legal (`-.mount`).
    UnitName,
    "a systemd unit",
    "the name of one unit, of letters, digits and : - _ . @ \\, no pattern and no path; where it has a dot it ends in \
     a unit type (app.service, backup.timer), and one that begins with a digit needs one too",
    "^[A-Za-z0-9:_.@\\\\-]+$",
    255,
    is_unit
);

checked_word!(
    /// A pattern for units, only ever used to list them.
    UnitGlob,
    "a pattern for units",
    "letters, digits, : - _ . @ \\ and the wildcards * and ?",
    "^[A-Za-z0-9:_.@\\\\*?-]+$",
    255,
    |text| text.bytes().all(|b| is_unit_byte(b) || matches!(b, b'*' | b'?'))
);

checked_word!(
    /// Types of units, separated by commas, or `*`.
    UnitTypes,
    "a unit type",
    "one or more of service, socket, target, timer, path, mount, automount, swap, slice, scope and device, separated \
     by commas, or * for all",
    "^[a-z,*]+$",
    128,
    |text| text == "*" || text.split(',').all(|kind| TYPES.contains(&kind))
);

impl UnitTypes {
    /// Services.
    pub fn service() -> Self {
        UnitTypes("service".to_owned())
    }
}

checked_word!(
    /// A load, active or sub state to select units by.
    UnitState,
    "a unit state",
    "one load, active or sub state, such as failed, running or not-found: letters, digits and -",
    "^[A-Za-z0-9-]+$",
    64,
    |text| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
);

checked_word!(
    /// Name of a unit property.
    PropertyName,
    "a unit property",
    "a name such as ActiveState or NRestarts: a capital letter, then letters and digits",
    "^[A-Z][A-Za-z0-9]*$",
    128,
    |text| text.bytes().next().is_some_and(|b| b.is_ascii_uppercase())
        && text.bytes().all(|b| b.is_ascii_alphanumeric())
);

checked_word!(
    /// What `journalctl --grep` looks for: a regular expression of PCRE, as systemd takes it.
    JournalGrep,
    "a pattern to look for in the journal",
    "at most 200 characters without control characters",
    "^[^\\x00-\\x1f\\x7f]+$",
    200,
    |text| !text.chars().any(char::is_control)
);

checked_word!(
    /// One field that lines of the journal must have, with its value: `_COMM=sshd`.
    JournalMatch,
    "a field of the journal and its value",
    "a name in capitals, = and the value, such as _COMM=sshd or PRIORITY=3",
    "^[A-Z_][A-Z0-9_]*=[^\\x00-\\x1f\\x7f]*$",
    300,
    |text| text.split_once('=').is_some_and(|(name, value)| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
            && !value.chars().any(char::is_control)
    })
);

checked_word!(
    /// One boot of the journal: 0 is this one, -1 the one before, or an id.
    JournalBoot,
    "a boot of the journal",
    "0 for this boot, -1 for the one before, or the 32 digits of its id",
    "^(0|-[0-9]{1,3}|[0-9a-f]{32})$",
    32,
    |text| {
        let digits = |text: &str| !text.is_empty() && text.len() <= 3 && text.bytes().all(|b| b.is_ascii_digit());
        text == "0"
            || text.strip_prefix('-').is_some_and(digits)
            || (text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legal_units_pass_and_everything_else_is_refused() {
        for unit in [
            "nginx",
            "nginx.service",
            "getty@tty1.service",
            "user@1000.service",
            "-.mount",
            "dev-disk-by\\x2duuid-1.device",
            "a:b.socket",
            "ssh@10.0.0.1:22-10.0.0.2:4.service",
            "php8.2-fpm.service",
            "1.service",
            "0x147.service",
            "-H",
        ] {
            assert_eq!(UnitName::parse(unit).map(String::from), Ok(unit.to_owned()));
        }
        for unit in [
            "",
            "nginx*",
            "a?",
            "[ab].service",
            "/etc/x.service",
            "a b",
            "nginx\n",
            "nginx.service\n",
            "nginx;id",
            "a.conf",
            ".service",
            "@.service",
            "@x",
            "1234",
            "0x147",
            "0X147",
            "0o505",
            "0b101",
            "7zip",
            "ünit",
            "a\0",
            "php8.2-fpm",
            "nginx.",
            "..",
            ".",
        ] {
            assert!(UnitName::parse(unit).is_err(), "{unit:?}");
        }
        assert!(UnitName::parse(&"a".repeat(256)).is_err());
    }

    #[test]
    fn other_words() {
        assert!(UnitGlob::parse("nginx*").is_ok() && UnitGlob::parse("ssh@?.service").is_ok());
        assert!(UnitGlob::parse("a b").is_err() && UnitGlob::parse("*\n").is_err() && UnitGlob::parse("/x").is_err());
        assert!(UnitTypes::parse("service,timer").is_ok() && UnitTypes::parse("*").is_ok());
        assert!(UnitTypes::parse("services").is_err() && UnitTypes::parse("service,").is_err());
        assert!(UnitState::parse("not-found").is_ok() && UnitState::parse("a,b").is_err());
        assert!(PropertyName::parse("NRestarts").is_ok());
        assert!(PropertyName::parse("nRestarts").is_err() && PropertyName::parse("A,B").is_err());
        assert!(JournalGrep::parse("upstream timed out").is_ok() && JournalGrep::parse("-x").is_ok());
        assert!(JournalGrep::parse("Invalid user|Failed (password|key)").is_ok() && JournalGrep::parse("a\n").is_err());
        for good in ["_COMM=sshd", "PRIORITY=3", "__CURSOR=x y", "_EXE=/usr/sbin/sshd"] {
            assert!(JournalMatch::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "_COMM", "comm=x", "--file=/etc/passwd", "=x", "9A=x", "A=x\n", "+", "/dev/sda"] {
            assert!(JournalMatch::parse(bad).is_err(), "{bad}");
        }
        for (boot, good) in [("0", true), ("-1", true), ("--file=x", false), ("1", false), ("-", false), ("", false)] {
            assert_eq!(JournalBoot::parse(boot).is_ok(), good, "{boot}");
        }
    }
}
