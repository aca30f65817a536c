//! What podman's inspection does not tell of a container before it runs, read from the words by which it was made.
//!
//! Overlays over folders of the host are mounts that podman knows only once the container runs; programs and files of the
//! host that it opens at a start, and some rights, it never tells.

use serde::Deserialize;

use super::escalates;
use super::seen::Purpose;
use crate::model::error::ToolError;

/// One `c` line of `sources.sh`. No words where the container was not made by a command.
#[derive(Debug, Deserialize)]
pub(super) struct Made {
    of: String,
    made: Option<Vec<String>>,
    /// When it was last started; year 1 where it never was.
    #[serde(default)]
    ran: String,
}

/// One `l` line of `sources.sh`: a log that lies elsewhere than among the engine's own files.
#[derive(Deserialize)]
pub(super) struct OwnLog {
    of: String,
    log: String,
}

impl OwnLog {
    /// The engine appends to whatever has that name at each start.
    pub(super) fn refusal(&self) -> ToolError {
        escalates(format!(
            "The log of the container `{}` lies at `{}`, where its engine opens whatever has that name.",
            self.of.trim_start_matches('/'),
            self.log
        ))
    }
}

/// Options whose mere presence opens a file of the host or gives a right that podman does not tell.
const OPENING: [&str; 6] =
    ["--init-path", "--device-cgroup-rule", "--cgroup-conf", "--unmask", "--hooks-dir", "--chrootdirs"];

impl Made {
    /// Refuses the container by what its words would open. Mounts count for every purpose, rights not for a copy out.
    pub(super) fn check(&self, purpose: Purpose) -> Result<(), ToolError> {
        let words = self.made.as_deref().unwrap_or_default();
        // Made by podman's service, or by a file of Kubernetes: what it mounts is told from its first start on.
        let by_api = words.is_empty() || words.windows(2).any(|two| two == ["system", "service"]);
        if by_api && self.ran.starts_with("0001-") {
            return Err(escalates(format!(
                "The container `{}` was made by an interface of its engine and never ran: until then its engine does not tell \
                 what it opens on the host.",
                self.of.trim_start_matches('/')
            )));
        }
        for (at, word) in words.iter().enumerate() {
            let (option, value) = match word.split_once('=') {
                Some((option, value)) => (option, value),
                None => (word.as_str(), words.get(at + 1).map_or("", String::as_str)),
            };
            // Short options may stand together in one word (`-itv SRC:DST:O`, `-dv/SRC:/DST:O`), so the form of the value counts.
            let is_overlay = is_overlay(word)
                || (option == "--mount"
                    && value.split(',').any(|part| matches!(part, "O" | "overlay" | "type=overlay")));
            // podman reads some values as lists of CSV, and some names in any case.
            let mut parts = value.split(',').map(|part| part.trim_matches(['"', ' ']).to_ascii_lowercase());
            let is_right = match option {
                "--ipc" => value == "host" || value.starts_with("ns:"),
                "--group-add" => parts.any(|part| part == "keep-groups"),
                "--log-opt" => parts.any(|part| part.starts_with("path=")),
                // Switches of the runtime, such as the one that keeps the groups of whoever starts the container.
                "--annotation" => parts.any(|part| part.starts_with("run.oci.")),
                "--security-opt" => value.starts_with("unmask") || value.starts_with("systempaths"),
                // Pods have further ones, such as `--infra-conmon-pidfile`.
                option => option.ends_with("pidfile") || OPENING.contains(&option),
            };
            if is_overlay || (is_right && purpose != Purpose::CopyOut) {
                // A value that stands alone is named with the option before it.
                let before = at.checked_sub(1).and_then(|at| words.get(at)).filter(|_| !word.starts_with('-'));
                let (option, value) = before.map_or((option, value), |before| (before.as_str(), word.as_str()));
                return Err(escalates(format!(
                    "The container `{}` was made with `{option}`: its engine does not tell before a start what that opens on the \
                     host (`{}`).",
                    self.of.trim_start_matches('/'),
                    value.chars().take(200).collect::<String>()
                )));
            }
        }
        Ok(())
    }
}

/// True for `SOURCE:TARGET:OPTIONS` with the option `O`.
fn is_overlay(word: &str) -> bool {
    let mut parts = word.rsplit(':');
    let options = parts.next().unwrap_or_default();
    parts.count() >= 2 && options.split(',').any(|option| option == "O")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(words: &[&str], purpose: Purpose) -> bool {
        let made = words.iter().map(|word| (*word).to_owned()).collect();
        Made { of: "c".to_owned(), made: Some(made), ran: String::new() }.check(purpose).is_err()
    }

    #[test]
    fn what_podman_does_not_tell_is_known_by_how_the_container_was_made() {
        for words in [
            ["-v", "/srv/closed:/d:O"].as_slice(),
            &["--volume=/srv/closed:/d:ro,O"],
            &["-v/srv/closed:/d:O"],
            &["-itv", "/srv/closed:/d:O"],
            &["-dv/srv/closed:/d:U,O"],
            &["-dv=/srv/closed:/d:O"],
            &["--mount", "type=bind,source=/srv/closed,target=/d,O"],
        ] {
            for purpose in [Purpose::Start, Purpose::CopyIn, Purpose::CopyOut] {
                assert!(refused(words, purpose), "{words:?}");
            }
        }
        for words in [
            ["--init-path", "/srv/x"].as_slice(),
            &["--init-path=/srv/x"],
            &["--pidfile", "/etc/x"],
            &["--device-cgroup-rule", "a *:* rwm"],
            &["--ipc=host"],
            &["--group-add", "keep-groups"],
            &["--log-opt", "path=/etc/x"],
            &["--security-opt", "unmask=ALL"],
        ] {
            assert!(refused(words, Purpose::Start) && refused(words, Purpose::CopyIn), "{words:?}");
            assert!(!refused(words, Purpose::CopyOut), "{words:?}");
        }
        for words in [
            ["podman", "create", "-v", "/srv/app:/d:ro", "--name", "O", "image", "sh"].as_slice(),
            &["podman", "run", "--ipc", "private", "--group-add", "7", "--log-opt", "max-size=1m"],
            &["podman", "run", "--security-opt", "no-new-privileges", "-v", "Other:/O"],
            &["podman", "create", "--mount", "type=tmpfs,target=/overlay"],
        ] {
            assert!(!refused(words, Purpose::Start), "{words:?}");
        }
        // By an interface, and before it ran.
        for (made, ran, passes) in [
            (None, "2026-11-30T01:00:00Z", true),
            (None, "0001-01-01T00:00:00Z", false),
            (
                Some(["podman", "system", "service", "-t", "0"].map(str::to_owned).to_vec()),
                "0001-01-01T00:00:00Z",
                false,
            ),
            (Some(["podman", "create", "image"].map(str::to_owned).to_vec()), "0001-01-01T00:00:00Z", true),
        ] {
            let made = Made { of: String::new(), made, ran: ran.to_owned() };
            assert_eq!(made.check(Purpose::Start).is_ok(), passes, "{made:?}");
        }
    }
}
