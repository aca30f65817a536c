//! What may stand as hostname, login name and alias.
//!
//! These words end up in the arguments of `ssh` and, through ssh_config, in commands such as ProxyCommand, so nothing is
//! taken that ends a word's being a name there: quotes, `;`, `&`, `|`, `<`, `>`, brackets, a dash in front (compare
//! CVE-2023-51385). Login names with other characters that a shell reads are kept away from commands (`is_plain_user`).

use std::net::{Ipv4Addr, Ipv6Addr};

/// What a login name may be.
pub(crate) const USER_RULE: &str = "letters, digits, `.` `_` `-` `@` `+` `:` `/` `=` `,` `~`, single blanks and `\\` inside, `$` at the end, not beginning with `-`, at most 128 bytes";

/// Longest hostname in bytes (RFC 1035, section 2.3.4, less the length octets).
const HOSTNAME_MAX: usize = 253;
/// Longest label of a hostname in bytes (the same section).
const LABEL_MAX: usize = 63;

/// Longest login name in bytes.
const USER_MAX: usize = 128;

/// True for a login name that ssh takes and that can be one word of a command line: `deploy`, `me@corp`, `CORP\me`,
/// `user:target`, `svc$`, also with letters beyond ASCII and single blanks inside.
pub(crate) fn is_user(user: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || "._-@+:/=,~".contains(c);
    let bytes = user.len();
    let ok = |(at, c): (usize, char)| match c {
        '$' => at > 0 && at + 1 == bytes,
        // A dash behind a blank would be an option to whoever splits the name.
        ' ' => at > 0 && user.get(at + 1..).and_then(|rest| rest.chars().next()).is_some_and(|n| n != ' ' && n != '-'),
        '\\' => at > 0 && at + 1 < bytes,
        c => inside(c),
    };
    !user.is_empty() && bytes <= USER_MAX && !user.starts_with(['-', '~']) && user.char_indices().all(ok)
}

/// True for a login name without any character that a shell or ssh_config reads as something else.
pub(crate) fn is_plain_user(user: &str) -> bool {
    is_user(user) && user.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-@+:/=,".contains(&b))
}

/// True for a name that only a ProxyCommand of ssh_config can reach, as those of systemd's own do: `machine/web`,
/// `vsock/3`, `unix/run/x.sock`, also with `%` behind the kind, and `.host`.
pub(crate) fn is_proxied(name: &str) -> bool {
    let rest = ["machine", "vsock", "unix"].iter().find_map(|kind| name.strip_prefix(kind)?.strip_prefix(['/', '%']));
    let word = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b));
    name == ".host" || rest.is_some_and(|rest| !rest.is_empty() && name.len() <= HOSTNAME_MAX && word(rest))
}

/// Checks a hostname: an address, or labels of letters, digits, `-` and `_` between dots. Letters of any script are taken, as
/// ssh takes them: what they stand for is the resolver's or ssh_config's business.
///
/// `_` is not a part of DNS hostnames, but is common in ssh_config aliases and container names and harmless in both. A dot
/// at the end keeps the resolver from appending domains. Names of [`is_proxied`] are taken too.
pub(crate) fn check_hostname(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("is empty");
    }
    if name.parse::<Ipv4Addr>().is_ok() || name.parse::<Ipv6Addr>().is_ok() {
        return Ok(());
    }
    if is_proxied(name) {
        return Ok(());
    }
    if name.starts_with('[') {
        return Err("has brackets; write an IPv6 address without them, and the port as `port`");
    }
    if name.contains('@') || name.contains("://") {
        return Err("is not a plain hostname; write the login name as `user` and the port as `port`");
    }
    if name.contains('%') {
        return Err("has an IPv6 zone; give the address as HostName in ssh_config and name its alias here");
    }
    if name.len() > HOSTNAME_MAX {
        return Err("is longer than 253 bytes");
    }
    let label_ok = |label: &str| {
        !label.is_empty()
            && label.len() <= LABEL_MAX
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    if !name.split('.').all(label_ok) {
        return Err(
            "is not a hostname: labels of letters (of any script), digits, `-` and `_` between dots, not beginning or ending with `-`",
        );
    }
    // The resolver reads `127.1` and `0x7f000001` as addresses, which no exact comparison would recognise.
    let last = name.rsplit('.').next().unwrap_or(name);
    let number = last.bytes().all(|b| b.is_ascii_digit())
        || last
            .strip_prefix("0x")
            .or_else(|| last.strip_prefix("0X"))
            .is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
    if number {
        return Err("ends in a number but is not a complete IPv4 address");
    }
    Ok(())
}

/// Checks an alias: one word that prints, not beginning with `-`.
pub(crate) fn check_alias(alias: &str) -> Result<(), &'static str> {
    if alias.is_empty() {
        return Err("is empty");
    }
    if alias.len() > HOSTNAME_MAX {
        return Err("is longer than 253 bytes");
    }
    if alias.starts_with('-') {
        return Err("begins with `-`");
    }
    if !alias.chars().all(|c| c.is_alphanumeric() || c.is_ascii_punctuation()) {
        return Err("holds a blank, a control character or a character that does not print");
    }
    Ok(())
}

/// True for an alias that can name its file of agent notes.
pub(crate) fn is_file_name(alias: &str) -> bool {
    !alias.is_empty() && alias.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// Why a text is not a fingerprint: `SHA256:` and at least 16 more characters of base64.
pub(crate) fn check_fingerprint(text: &str) -> Result<(), &'static str> {
    let Some(digest) = text.strip_prefix("SHA256:") else {
        return Err("does not begin with `SHA256:` (`ssh-add -l` shows it)");
    };
    if digest.len() < 16 {
        return Err("has fewer than 16 characters after `SHA256:`");
    }
    if !digest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')) {
        return Err("holds a character that is not base64");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostnames() {
        for good in [
            "web1",
            "web-1.example.com",
            "my_box",
            "10.0.0.1",
            "::1",
            "fe80::1",
            "2001:db8::2",
            "a.b.c",
            "1and1.de",
            "xn--bcher-kva.example",
            "bücher.example",
            "例え.テスト",
            "0x7g",
            "web.",
            "web.example.",
            "machine/box",
            "machine%box",
            "vsock/3",
            "unix/run/ssh-unix-local/socket",
            ".host",
        ] {
            assert_eq!(check_hostname(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "-oProxyCommand=id",
            "a b",
            "a;id",
            "a$(id)",
            "a`id`",
            "user@web",
            "ssh://web",
            "[::1]",
            "fe80::1%eth0",
            "127.1",
            "0x7f000001",
            "1.2.3.4.5",
            "256.1.1.1",
            "42",
            "web..",
            ".",
            ".web",
            "machine/",
            "machine/a;b",
            "machine/$(id)",
            "vsock/3 4",
            "unix/run/x`id`",
            "box/1",
            "-machine/box",
            "127.1.",
            "a..b",
            "web-",
            "bü cher",
            "bu\u{308}cher",
            "b\u{200d}c",
            "b\u{202e}c",
            "a\nb",
            "a\0b",
            "*.prod",
            "a/b",
            "a\\b",
            "10.0.0.0/8",
        ] {
            assert!(check_hostname(bad).is_err(), "{bad:?}");
        }
        assert!(check_hostname(&"a".repeat(64)).is_err());
        assert!(check_hostname(&["abcdefgh"; 29].join(".")).is_err());
    }

    #[test]
    fn users() {
        for good in ["root", "deploy.bot", "a_b-c", "_x", "9", "me@corp", "user:target", "me@asset@gate", "dom+me"] {
            assert!(is_user(good) && is_plain_user(good), "{good}");
        }
        for good in ["CORP\\me", "first last", "svc$", "ünï", "a~b"] {
            assert!(is_user(good) && !is_plain_user(good), "{good}");
        }
        for bad in [
            "",
            "-l",
            "a;b",
            "$USER",
            "a$b",
            "$",
            "a\n",
            "a\tb",
            " a",
            "a ",
            "a  b",
            "a -b",
            "\\a",
            "a\\",
            "~a",
            "a`id`",
            "a|b",
            "a&b",
            "a<b",
            "a(b)",
            "a{b}",
            "a\"b",
            "a'b",
            "a*b",
            "a?b",
            "a\0b",
            "a#b",
            "a!b",
            "a%h",
            "a\u{202e}b",
        ] {
            assert!(!is_user(bad), "{bad:?}");
        }
    }

    #[test]
    fn aliases() {
        for good in ["web", "web/1", "db:2", "büro", "a.b_c-d"] {
            assert_eq!(check_alias(good), Ok(()), "{good}");
        }
        for bad in ["", "-x", "a b", "a\tb", "a\u{202e}b", "a\u{200b}b", "a\0"] {
            assert!(check_alias(bad).is_err(), "{bad:?}");
        }
        assert!(is_file_name("web.1"));
        assert!(!is_file_name("a/b"));
    }

    #[test]
    fn fingerprints() {
        assert_eq!(check_fingerprint("SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDRqHQqoFmKdTuJVE0"), Ok(()));
        for bad in
            ["", "MD5:aa:bb", "SHA256:short", "SHA256:uNiVztksCsDhcc0u 9e8BgrJXVGDRqHQ", "sha256:uNiVztksCsDhcc0u9e8B"]
        {
            assert!(check_fingerprint(bad).is_err(), "{bad}");
        }
    }
}
