//! What may stand as hostname, login name and alias.
//!
//! These words end up in the arguments of `ssh` and, through ssh_config, in commands such as ProxyCommand, so only
//! characters that mean nothing to any of them are taken (compare CVE-2023-51385).

use std::net::{Ipv4Addr, Ipv6Addr};

/// What a login name may be.
pub const USER_RULE: &str = "letters, digits and `.`, `_`, `-`, not beginning with `-`, at most 64 characters";

/// Longest hostname in bytes (RFC 1035, section 2.3.4, less the length octets).
const HOSTNAME_MAX: usize = 253;
/// Longest label of a hostname in bytes (the same section).
const LABEL_MAX: usize = 63;

/// True for a login name that can stand anywhere.
pub fn is_user(user: &str) -> bool {
    !user.is_empty()
        && user.len() <= 64
        && !user.starts_with('-')
        && user.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// Checks a hostname: an address, or labels of letters, digits, `-` and `_` between dots.
///
/// `_` is no part of DNS hostnames, but is common in ssh_config aliases and container names and harmless in both.
pub fn check_hostname(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("is empty");
    }
    if name.parse::<Ipv4Addr>().is_ok() || name.parse::<Ipv6Addr>().is_ok() {
        return Ok(());
    }
    if name.starts_with('[') {
        return Err("has brackets; write an IPv6 address without them, and the port as `port`");
    }
    if name.contains('@') || name.contains("://") {
        return Err("is no plain hostname; write the login name as `user` and the port as `port`");
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
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    if !name.split('.').all(label_ok) {
        return Err(
            "is no hostname: labels of letters, digits, `-` and `_` between dots, not beginning or ending with `-`",
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
        return Err("ends in a number but is no complete IPv4 address");
    }
    Ok(())
}

/// Checks an alias: one word that prints, not beginning with `-`.
pub fn check_alias(alias: &str) -> Result<(), &'static str> {
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
pub fn is_file_name(alias: &str) -> bool {
    !alias.is_empty() && alias.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// Why a text is no fingerprint: `SHA256:` and at least 16 more characters of base64.
pub fn check_fingerprint(text: &str) -> Result<(), &'static str> {
    let Some(digest) = text.strip_prefix("SHA256:") else {
        return Err("does not begin with `SHA256:` (`ssh-add -l` shows it)");
    };
    if digest.len() < 16 {
        return Err("has fewer than 16 characters after `SHA256:`");
    }
    if !digest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')) {
        return Err("holds a character that is no base64");
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
            "0x7g",
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
            "web.",
            ".web",
            "a..b",
            "web-",
            "bücher",
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
        for good in ["root", "deploy.bot", "a_b-c", "_x", "9"] {
            assert!(is_user(good), "{good}");
        }
        for bad in ["", "-l", "a b", "a@b", "a;b", "$USER", "a\\b", "ü", "a\n"] {
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
