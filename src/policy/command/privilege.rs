//! Programs that raise privileges. They are denied wherever the sudo tier is closed, whatever the allowlist says.

/// Sorted, lower case, without version numbers.
const PRIVILEGE: &[&str] =
    &["doas", "dzdo", "pfexec", "pkexec", "run0", "su", "su-rs", "sudo", "sudo-rs", "sudo.ws", "sudoedit"];

/// Suffixes that packages put behind a name for its variant.
const VARIANTS: &[&str] = &[".static", "-static", ".real", ".distrib"];

/// True for a program of the list, by the last component of its path, with its version and variant taken off:
/// `/usr/bin/sudo`, `SUDO`, `doas-6.8`.
pub fn is_privilege(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program).to_ascii_lowercase();
    let mut name = name.as_str();
    loop {
        if PRIVILEGE.contains(&name) {
            return true;
        }
        let mut shorter = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '_' | '+'));
        for variant in VARIANTS {
            shorter = shorter.strip_suffix(variant).unwrap_or(shorter);
        }
        if shorter.len() == name.len() || shorter.is_empty() {
            return false;
        }
        name = shorter;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_lower_case() {
        assert!(PRIVILEGE.windows(2).all(|pair| pair[0] < pair[1]), "sorted, each once");
        assert!(PRIVILEGE.iter().all(|name| *name == name.to_ascii_lowercase()));
    }

    #[test]
    fn versions_variants_and_folders_are_taken_off() {
        for name in ["sudo", "/usr/bin/sudo", "SUDO", "doas-6.8", "sudo.ws", "su.distrib", "sudo1.9"] {
            assert!(is_privilege(name), "{name}");
        }
        for name in ["sudoku", "resu", "", "/", "1", "uptime", "sudo/x", "susudo"] {
            assert!(!is_privilege(name), "{name}");
        }
    }
}
