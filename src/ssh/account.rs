//! What an account is for, by what its login says instead of starting a shell.

/// Why no script runs on an account that can log in. All but the last stay as they are until somebody changes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Its login shell is `nologin`.
    NoLogin,
    /// Its password has expired; the host wants a new one at a terminal.
    PasswordExpired,
    /// It is there for git.
    Git,
    /// It is there for the transfer of files.
    FileTransfer,
    /// Its shell is a restricted one.
    Restricted,
    /// Its login shell ends by itself, without a word.
    EndsAtOnce,
    /// The server grants no session on a connection of it.
    NoSessions,
    /// A terminal stands between, which changes what passes through it.
    Terminal,
    /// Its login starts nothing of ours, and does not end.
    Silent,
    /// Something else answered: a menu, another shell, a fault of the moment.
    Other,
}

impl Purpose {
    /// Judges by all that the login printed.
    pub fn of(said: &str) -> Self {
        let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
        if said.trim().is_empty() {
            Purpose::EndsAtOnce
        } else if has(&["account is currently not available", "account is not available"]) {
            Purpose::NoLogin
        } else if has(&["Password change required", "password has expired", "password is expired"]) {
            Purpose::PasswordExpired
        } else if has(&["git shell", "git-shell", "unrecognized command 'exec sh"]) {
            Purpose::Git
        } else if has(&["sftp connections only", "rrsync", "scponly", "This account is restricted to sftp"]) {
            Purpose::FileTransfer
        } else if has(&["exec: restricted", "rbash:"]) {
            Purpose::Restricted
        } else {
            Purpose::Other
        }
    }

    /// True where no later call can fare better with nothing changed.
    #[cfg(test)]
    pub(crate) const fn is_lasting(self) -> bool {
        !matches!(self, Purpose::Other | Purpose::Silent)
    }

    /// What is the matter, for the middle of a sentence.
    pub const fn what(self) -> &'static str {
        match self {
            Purpose::NoLogin => "the account may not run commands (its login shell is nologin)",
            Purpose::PasswordExpired => "the account's password has expired",
            Purpose::Git => "the account is for git alone",
            Purpose::FileTransfer => "the account is for file transfer alone",
            Purpose::Restricted => "the account has a restricted shell, which does not start `sh`",
            Purpose::EndsAtOnce => "the login shell ends by itself before it starts `sh`",
            Purpose::NoSessions => "the server refuses every session (MaxSessions 0?)",
            Purpose::Terminal => {
                "the account's commands run in a terminal that `stty` cannot make transparent (a session recorder, or a ForceCommand with `script`)"
            }
            Purpose::Silent => "the login did not start `sh` within 20 s",
            Purpose::Other => "the login shell did not start `sh`",
        }
    }

    /// What helps, as a sentence.
    pub const fn next(self) -> &'static str {
        match self {
            Purpose::NoLogin | Purpose::Restricted => {
                "Retrying does not help: an administrator of the host has to give the account a shell (`chsh -s /bin/sh USER`), or use another account. File tools work where its sftp does."
            }
            Purpose::PasswordExpired => {
                "Retrying does not help until a person sets a new password at a terminal (`ssh -t` to the host), or an administrator does (`chage -M -1 USER`)."
            }
            Purpose::Git => "Retrying does not help: use another account.",
            Purpose::FileTransfer => {
                "Retrying does not help: use the file tools, which work over SFTP, or another account for commands."
            }
            Purpose::EndsAtOnce => {
                "Retrying does not help: the account's shell ends at once (/bin/false), or one of its start-up files does (`exit`, or `exec` of another shell, in .bashrc or .profile). File tools still work if its SFTP does."
            }
            Purpose::NoSessions => {
                "Retrying does not help until an administrator of the host raises MaxSessions in sshd_config, or a limit of logins of the account ends."
            }
            Purpose::Terminal => {
                "Retrying does not help: use an account without it, or have the administrator exempt this one."
            }
            Purpose::Silent => {
                "If it says so again, a start-up file of the account (.bashrc, .profile, .zshenv) starts another shell or waits for something, and no command can run there: use another account, or correct that file."
            }
            Purpose::Other => {
                "If this happens again, a menu, another shell or a start-up file answers in place of a shell, and no command can run: use another account. File tools still work if its SFTP does."
            }
        }
    }
}

/// What a login said, as one line of at most 300 characters.
pub(crate) fn on_one_line(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" / ").trim_end_matches(['.', ' ']).chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_logins_say() {
        for (said, purpose) in [
            ("", Purpose::EndsAtOnce),
            ("This account is currently not available.\n", Purpose::NoLogin),
            (
                "WARNING: Your password has expired.\nPassword change required but no TTY available.\n",
                Purpose::PasswordExpired,
            ),
            ("fatal: Interactive git shell is not enabled.\nhint: ~/git-shell-commands should exist\n", Purpose::Git),
            ("This service allows sftp connections only.\n", Purpose::FileTransfer),
            ("rbash: line 1: exec: restricted\n", Purpose::Restricted),
            ("Welcome to the jump menu\n1) db\nbye\n", Purpose::Other),
            ("bash: fork: retry: Resource temporarily unavailable\n", Purpose::Other),
        ] {
            assert_eq!(Purpose::of(said), purpose, "{said}");
            assert!(!purpose.is_lasting() || !purpose.next().contains("Call again"));
        }
        assert_eq!(on_one_line("Welcome\n\n bye.\n"), "Welcome / bye");
    }
}
