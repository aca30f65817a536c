//! Commands that hand their work to somebody else: an engine, systemd, another host, a session of its own. A stop ends the
//! session of the command and looks for it; what was handed on is not in it. Pure, and advice only: other spellings pass.

/// Programs that hand work on, whatever their arguments are.
const ALWAYS: &[&str] = &[
    "systemd-run",
    "service",
    "at",
    "batch",
    "screen",
    "tmux",
    "setsid",
    "daemonize",
    "start-stop-daemon",
    "ssh",
    "kubectl",
    "lxc",
    "lxc-attach",
    "machinectl",
    "virsh",
    "run0",
];
/// Programs that hand work on by certain verbs.
const BY_VERB: &[(&[&str], &[&str])] = &[
    (
        &["docker", "podman", "nerdctl", "docker-compose", "podman-compose"],
        &["exec", "run", "start", "stop", "restart", "compose", "build", "pull", "up", "down", "container"],
    ),
    (&["systemctl"], &["start", "stop", "restart", "reload", "try-restart", "reload-or-restart", "isolate"]),
];
/// Programs and words behind which the command stands.
const BEFORE: &[&str] = &[
    "sudo", "doas", "env", "nice", "ionice", "time", "exec", "command", "nohup", "timeout", "stdbuf", "sh", "bash",
    "dash", "if", "then", "else", "elif", "while", "until", "do", "!",
];
/// Most words between such a one and the command (options and their values).
const BETWEEN: usize = 6;

/// The commands in a text that hand their work on, each once: `docker exec`, `systemd-run`.
pub(super) fn handed_on(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for part in text.split(|c| ";|&\n(){}`".contains(c)) {
        let words: Vec<&str> = part.split_whitespace().map(|word| word.trim_matches(|c| "'\"$".contains(c))).collect();
        found.extend(in_words(&words).filter(|name| !found.contains(name)));
    }
    found
}

fn in_words(words: &[&str]) -> Option<String> {
    let mut room = 0;
    for (at, word) in words.iter().enumerate() {
        let name = word.rsplit('/').next().unwrap_or_default();
        if let Some(found) = hands_on(name, words.get(at + 1..).unwrap_or_default()) {
            return Some(found);
        }
        if BEFORE.contains(&name) {
            room = BETWEEN;
        } else if word.contains('=') || word.is_empty() {
            // An assignment in front of the command.
        } else if room == 0 {
            return None;
        } else {
            room -= 1;
        }
    }
    None
}

fn hands_on(name: &str, rest: &[&str]) -> Option<String> {
    if ALWAYS.contains(&name) {
        return Some(name.to_owned());
    }
    let (_, verbs) = BY_VERB.iter().find(|(names, _)| names.contains(&name))?;
    let verb = rest.iter().find(|word| verbs.contains(word))?;
    Some(format!("{name} {verb}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hands_its_work_on_is_known() {
        for (text, names) in [
            ("docker exec c sleep 301", &["docker exec"][..]),
            ("/usr/bin/podman --log-level debug run -d x", &["podman run"]),
            ("sudo -n systemd-run --wait sleep 9", &["systemd-run"]),
            ("sudo -u root /usr/bin/systemctl --no-block restart nginx", &["systemctl restart"]),
            ("setsid sleep 9 & wait", &["setsid"]),
            ("A=1 B=2 tmux new -d", &["tmux"]),
            ("timeout 5 docker exec c x", &["docker exec"]),
            ("echo x | at now + 1 hour; ssh other ls", &["at", "ssh"]),
            ("if true; then docker compose up; fi", &["docker compose"]),
            ("sh -c 'docker run x'", &["docker run"]),
            ("x=$(docker exec c date)\ndocker exec c sleep 9\n", &["docker exec"]),
        ] {
            assert_eq!(handed_on(text), names, "{text}");
        }
        for text in [
            "sleep 9",
            "echo look at this",
            "grep -r docker .",
            "docker ps",
            "systemctl status nginx",
            "cat ssh",
            "ls /run/tmux",
            "",
        ] {
            assert!(handed_on(text).is_empty(), "{text}");
        }
    }
}
