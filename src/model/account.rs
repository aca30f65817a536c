//! Names of accounts and groups, as hosts and their domains have them.

/// Longest name, in bytes; a name of a domain holds the domain too.
const NAME_MAX: usize = 256;

/// What may be an account or group: letters and digits of any script, and what useradd(8), winbind and sssd put into names
/// (`svc@corp.example`, `CORP\it ops`, `dom+me`, `host$`). None begins with `-`, or begins or ends with a blank.
pub(crate) fn is_account_name(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || " ._-$@+\\".contains(c);
    !name.is_empty()
        && name.len() <= NAME_MAX
        && !name.starts_with('-')
        && name.trim() == name
        && name != "$"
        && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_hosts_and_of_domains() {
        let long = "a".repeat(256);
        for good in [
            "root",
            "_apt",
            "a-b",
            "machine$",
            "1000",
            "svc@corp.example.com",
            "CORP\\jane doe",
            "CORP\\it ops",
            "dom+me",
            "\u{fc}n\u{ef}",
            &long,
        ] {
            assert!(is_account_name(good), "{good}");
        }
        let longer = "a".repeat(257);
        for bad in ["", "-x", " a", "a ", "a:b", "a;b", "a/b", "a\nb", "a\tb", "a\"b", "$(id)", "$", &longer] {
            assert!(!is_account_name(bad), "{bad:?}");
        }
    }
}
