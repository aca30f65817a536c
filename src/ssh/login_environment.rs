//! The variables that an account has in an interactive login terminal: what its start-up files make of PATH and the like
//! (nvm, conda, brew). `pool/login_variables.rs` reads them.

/// Most bytes of all variables; they go along with every command.
const ALL_MAX: usize = 32 * 1024;

/// What belongs to one connection, one terminal or one shell.
const PASSING: &[&str] = &[
    "_",
    "COLUMNS",
    "IFS",
    "LINES",
    "OLDPWD",
    "OPTIND",
    "PPID",
    "PS1",
    "PS2",
    "PS4",
    "PWD",
    "SHELL",
    "SHLVL",
    "SSH_CLIENT",
    "SSH_CONNECTION",
    "SSH_TTY",
    "TERM",
    "TMOUT",
    "UID",
    "EUID",
    "GROUPS",
    "BASHOPTS",
    "SHELLOPTS",
    "XDG_SESSION_ID",
];

/// What was read of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginEnvironment {
    /// Name and value of each variable.
    Known(Vec<(String, String)>),
    /// Why there is none, as a clause.
    Unknown(String),
}

impl LoginEnvironment {
    /// One line for people.
    pub fn summary(&self) -> String {
        match self {
            LoginEnvironment::Unknown(why) => format!("login environment: not read: {why}"),
            LoginEnvironment::Known(variables) => {
                let path = variables.iter().find(|(name, _)| name == "PATH").map_or("not set", |(_, path)| path);
                format!("login environment: {} variables, PATH {path}", variables.len())
            }
        }
    }

    pub(super) fn parse(stdout: &[u8], mark: &str) -> Self {
        let unknown = |why: &str| LoginEnvironment::Unknown(why.to_owned());
        let (begin, end) = (format!("\n{mark}+\n"), format!("{mark}-"));
        let Some(at) = memchr::memmem::find(stdout, begin.as_bytes()) else {
            return unknown("the account's start-up files ended the shell, or put another in its place");
        };
        let rest = stdout.get(at + begin.len()..).unwrap_or_default();
        let Some(end) = memchr::memmem::rfind(rest, end.as_bytes()) else {
            return unknown("the answer did not come to its end");
        };
        let mut variables = Vec::new();
        for entry in rest.get(..end).unwrap_or_default().split(|byte| *byte == 0) {
            let Some((name, value)) = std::str::from_utf8(entry).ok().and_then(|entry| entry.split_once('=')) else {
                continue;
            };
            let mut chars = name.chars();
            let is_name = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
                && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
            if is_name && !PASSING.contains(&name) && !name.starts_with("mcp_") {
                variables.push((name.to_owned(), value.to_owned()));
            }
        }
        if variables.is_empty() {
            return unknown("this host offers neither /proc/self/environ nor `env -0` to read the variables");
        }
        let size: usize = variables.iter().map(|(name, value)| name.len() + value.len()).sum();
        if size > ALL_MAX {
            variables.retain(|(name, _)| name == "PATH");
        }
        LoginEnvironment::Known(variables)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_start_up_files_print_is_none_of_it() {
        let said = b"welcome\nPATH=/nowhere\0\nM+\nPATH=/home/a/.nvm/bin:/usr/bin\0LINES=3\nA=x\0PWD=/\0BASH_FUNC_f%%=() { :; }\0L=a\nb\0M-bye";
        let known =
            vec![("PATH".to_owned(), "/home/a/.nvm/bin:/usr/bin".to_owned()), ("L".to_owned(), "a\nb".to_owned())];
        assert_eq!(LoginEnvironment::parse(said, "M"), LoginEnvironment::Known(known));
        for none in [&b""[..], b"welcome", b"\nM+\nPATH=/x\0", b"\nM+\nM-"] {
            assert!(matches!(LoginEnvironment::parse(none, "M"), LoginEnvironment::Unknown(_)), "{none:?}");
        }
        let big = format!("\nM+\nPATH=/x\0A={}\0M-", "y".repeat(ALL_MAX));
        let path = vec![("PATH".to_owned(), "/x".to_owned())];
        assert_eq!(LoginEnvironment::parse(big.as_bytes(), "M"), LoginEnvironment::Known(path));
    }
}
