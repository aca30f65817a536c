//! Programs that raise privileges. They are denied wherever the sudo tier is closed, whatever the allowlist says.

/// Sorted, lower case, without version numbers.
const PRIVILEGE: &[&str] =
    &["doas", "dzdo", "pfexec", "pkexec", "run0", "su", "su-rs", "sudo", "sudo-rs", "sudo.ws", "sudoedit"];

/// Suffixes that packages put behind a name for its variant.
const VARIANTS: &[&str] = &[".static", "-static", ".real", ".distrib"];

/// True for a program of the list, by the last component of its path, with its version and variant taken off:
/// `/usr/bin/sudo`, `SUDO`, `doas-6.8`.
pub(super) fn is_privilege(program: &str) -> bool {
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

/// Words after which a shell looks for a program.
const BEFORE: &[&str] = &[
    "!", "{", "command", "do", "elif", "else", "env", "exec", "if", "nice", "nohup", "then", "time", "until", "while",
];

/// The first program of a shell's text that raises privileges, as far as a plain reading finds it: what stands first, or
/// behind an operator, outside of quotes. Takes linear time.
pub(super) fn find_in_text(text: &str) -> Option<String> {
    let (mut word, mut quote, mut at_program) = (String::new(), None, true);
    for c in text.chars().chain(['\n']) {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (Some('\''), _) => word.push(c),
            (None, _) if ";|&(){}`\n \t<>".contains(c) => {
                let is_assignment = word.split_once('=').is_some_and(|(name, _)| !name.is_empty());
                if !word.is_empty() {
                    if at_program && is_privilege(&word) {
                        return Some(word);
                    }
                    at_program = at_program && (is_assignment || BEFORE.contains(&word.as_str()));
                    word.clear();
                }
                at_program |= ";|&(){}`\n".contains(c);
            }
            _ => word.push(c),
        }
    }
    None
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

    #[test]
    fn a_plain_reading_finds_programs_and_not_arguments() {
        for text in [
            "sudo id",
            "  sudo id",
            "true && /usr/bin/sudo id | wc",
            "A=1 sudo id",
            "if sudo true; then :; fi",
            "x=$(sudo id)",
            "echo `su`",
            "(doas id)",
            "uptime\nsudo id",
            "nohup sudo id &",
            "\"sudo\" id",
        ] {
            assert!(find_in_text(text).is_some(), "{text}");
        }
        for text in [
            "echo sudo",
            "echo 'x; sudo y'",
            "echo \"a && su\"",
            "grep su /etc/x",
            "cat /etc/sudoers",
            "",
            "sudoku",
            "A=sudo env",
        ] {
            assert_eq!(find_in_text(text), None, "{text}");
        }
    }
}
