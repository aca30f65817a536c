//! In which folder a command may run, and which variables a caller may set for it.
//!
//! Where every command may run, so may it anywhere that is not closed, with any variables. Under a restricted list both can
//! change what a listed command does: `git status` runs what the folder's configuration says, and many programs take the
//! name of another program, of a library or of a file from a variable. So each is granted by name.

use super::{PolicyFault, listed};
use crate::config::Effective;
use crate::model::error::{ErrorName, ToolError};
use crate::model::remote_path::RemotePath;
use crate::policy::path::{Access, PathPolicy};

const ENV_LIST: &str = "env_allowlist";

/// Names that this program and the host's shells keep for themselves: what a caller set would be lost or would end the shell.
const SHELLS_OWN: &[&str] = &[
    "BASHOPTS",
    "BASH_VERSINFO",
    "EUID",
    "GROUPS",
    "IFS",
    "LINENO",
    "OLDPWD",
    "OPTIND",
    "PPID",
    "PWD",
    "SHELL",
    "SHELLOPTS",
    "SHLVL",
    "UID",
    "_",
];
const OURS: &[&str] = &["mcp_", "ssh_mcp_", "SSH_MCP_"];

/// Variables that name a program, a library, a configuration or a place to look for one; a listed program that reads such
/// a one does something else than its words say.
const LEADS: &[&str] = &[
    "BASH_ENV",
    "BROWSER",
    "CDPATH",
    "CLASSPATH",
    "COMPOSE_FILE",
    "CURL_HOME",
    "EDITOR",
    "ENV",
    "GCONV_PATH",
    "GLIBC_TUNABLES",
    "GLOBIGNORE",
    "GREP_OPTIONS",
    "HOME",
    "HOSTALIASES",
    "INPUTRC",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "KUBECONFIG",
    "LESS",
    "LESSCLOSE",
    "LESSOPEN",
    "LOCPATH",
    "MAKEFLAGS",
    "MANPAGER",
    "MANPATH",
    "NETRC",
    "NLSPATH",
    "OPENSSL_CONF",
    "PAGER",
    "PATH",
    "PHPRC",
    "PROMPT_COMMAND",
    "PS4",
    "RESOLV_HOST_CONF",
    "RSYNC_RSH",
    "SSH_ASKPASS",
    "SUDO_ASKPASS",
    "SUDO_EDITOR",
    "SYSTEMD_EDITOR",
    "SYSTEMD_PAGER",
    "TAR_OPTIONS",
    "TERMCAP",
    "TERMINFO",
    "TERMINFO_DIRS",
    "VISUAL",
    "WGETRC",
    "_JAVA_OPTIONS",
];
const LEAD_BEGINNINGS: &[&str] = &[
    "BASH_FUNC",
    "CARGO_",
    "DOCKER_",
    "DYLD_",
    "GIT_",
    "GO",
    "JAVA_",
    "LD_",
    "LUA_",
    "MALLOC_",
    "NODE_",
    "NPM_",
    "OPENSSL_",
    "PERL",
    "PHP_",
    "PYTHON",
    "RUBY",
    "RUST",
    "XDG_",
    "ZDOTDIR",
    "npm_",
];

/// The rules of one host.
#[derive(Debug, Clone)]
pub struct SurroundingsPolicy {
    restricted: bool,
    env: Vec<String>,
    cwd: Vec<RemotePath>,
    /// Folders that containers may be given for writing: somebody else's hand.
    binds: Vec<RemotePath>,
    bound_everywhere: bool,
}

/// Why a text is not a name of a variable that a caller may set, as a clause.
pub(crate) fn unusable_name(name: &str) -> Option<&'static str> {
    let mut chars = name.chars();
    let begins = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !begins || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Some("a name is letters, digits and `_`, and begins with no digit");
    }
    if SHELLS_OWN.contains(&name) || OURS.iter().any(|own| name.starts_with(own)) {
        return Some("the host's shell or this program keeps that name for itself");
    }
    None
}

/// True for a variable that leads a program elsewhere: to another program, library or configuration.
pub(crate) fn leads_elsewhere(name: &str) -> bool {
    LEADS.contains(&name) || LEAD_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

impl SurroundingsPolicy {
    /// Compiles the rules; `restricted` says whether the command list is.
    pub fn of(effective: &Effective, restricted: bool) -> Result<Self, PolicyFault> {
        for name in &effective.env_allowlist {
            if let Some(why) = unusable_name(name) {
                return Err(PolicyFault::new(ENV_LIST, name, format!("{why}; write whole names")));
            }
            if restricted && leads_elsewhere(name) {
                let why = "this variable can lead a listed program to another program, library or configuration, so it may be \
                           set only where command_allowlist is `*`; take it out";
                return Err(PolicyFault::new(ENV_LIST, name, why));
            }
        }
        let folders = |list: &[String]| list.iter().filter_map(|entry| RemotePath::parse(entry).ok()).collect();
        let binds = &effective.docker_bind_allowlist;
        Ok(SurroundingsPolicy {
            restricted,
            env: effective.env_allowlist.clone(),
            cwd: folders(&effective.cwd_allowlist),
            binds: folders(binds),
            bound_everywhere: binds.iter().any(|entry| matches!(entry.as_str(), "*" | "/")),
        })
    }

    /// True where callers choose folders and variables from lists only.
    pub fn is_restricted(&self) -> bool {
        self.restricted
    }

    /// Decides on the name of a variable.
    pub fn judge_name(&self, name: &str) -> Result<(), ToolError> {
        if let Some(why) = unusable_name(name) {
            return Err(ToolError::value(
                format!("Argument `env`: `{}` is refused: {why}.", name.escape_default()),
                "Give names such as `LANG` or `APP_MODE`.",
            ));
        }
        if !self.restricted || self.env.iter().any(|known| known == name) {
            return Ok(());
        }
        Err(ToolError::new(
            ErrorName::CommandNotAllowed,
            format!(
                "Argument `env`: `{name}` is refused: this host has a restricted command list, and its env_allowlist does not name it."
            ),
            if self.env.is_empty() {
                "Call without `env`; the operator can list names in env_allowlist (hosts.toml).".to_owned()
            } else {
                format!("Allowed: {}.", listed(&self.env))
            },
        ))
    }

    /// Decides on a folder by its real name on the host. That it is not closed was judged before.
    pub fn judge_cwd(&self, folder: &RemotePath, paths: &PathPolicy) -> Result<(), ToolError> {
        if !self.restricted {
            return Ok(());
        }
        let refuse = |why: String, next: String| Err(ToolError::new(ErrorName::CommandNotAllowed, why, next));
        if !self.cwd.iter().any(|root| folder.is_within(root)) {
            let known: Vec<&str> = self.cwd.iter().map(RemotePath::as_str).collect();
            return refuse(
                format!(
                    "Argument `cwd`: `{folder}` is refused: this host has a restricted command list, and the folder lies outside its cwd_allowlist. Nothing was run."
                ),
                if known.is_empty() {
                    "Call without `cwd`; the operator can list folders in cwd_allowlist (hosts.toml).".to_owned()
                } else {
                    format!("Use a folder at or below one of: {}.", listed(&known))
                },
            );
        }
        let inside = RemotePath::parse(&format!("{}/x", folder.as_str().trim_end_matches('/')));
        let written = |path: &RemotePath| {
            paths.judge(path, Access::Write).is_ok()
                || self.bound_everywhere
                || self.binds.iter().any(|root| path.is_within(root))
        };
        if written(folder) || inside.is_ok_and(|path| written(&path)) {
            return refuse(
                format!(
                    "Argument `cwd`: `{folder}` is refused: tools may write there (path_allowlist, docker_bind_allowlist), and a listed command could run what was written. Nothing was run."
                ),
                "Use a folder that no tool may write; the operator keeps cwd_allowlist apart from both lists."
                    .to_owned(),
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Env, load};

    fn effective(keys: &str) -> Effective {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().canonicalize().unwrap().join("hosts.toml");
        std::fs::write(&file, format!("[hosts.box]\nhostname = \"box\"\n{keys}")).unwrap();
        let config: Config = load(&Env::of([("SSH_HOSTS_FILE", file.to_str().unwrap())], "/")).unwrap();
        let host = config.hosts.iter().next().unwrap().clone();
        config.effective(&host)
    }

    fn cwd(keys: &str, folder: &str) -> Result<(), ToolError> {
        let effective = effective(keys);
        let paths = PathPolicy::of(&effective, crate::policy::path::Platform::Posix).unwrap();
        SurroundingsPolicy::of(&effective, true).unwrap().judge_cwd(&RemotePath::parse(folder).unwrap(), &paths)
    }

    #[test]
    fn names_are_whole_and_nobody_elses() {
        for good in ["A", "_x", "APP_MODE", "LD_PRELOAD", "PATH", "lower9"] {
            assert_eq!(unusable_name(good), None, "{good}");
        }
        for bad in [
            "",
            "9A",
            "A-B",
            "A=B",
            "A B",
            "\u{c4}",
            "A\n",
            "PWD",
            "IFS",
            "SHELL",
            "_",
            "mcp_p",
            "ssh_mcp_t",
            "SSH_MCP_EXEC",
        ] {
            assert!(unusable_name(bad).is_some(), "{bad:?}");
        }
    }

    #[test]
    fn a_restricted_list_takes_listed_names_only() {
        let rules = SurroundingsPolicy::of(&effective("env_allowlist = [\"APP_MODE\"]"), true).unwrap();
        assert!(rules.judge_name("APP_MODE").is_ok());
        let refused = rules.judge_name("LANG").unwrap_err();
        assert_eq!(refused.name, ErrorName::CommandNotAllowed);
        assert!(refused.next.contains("`APP_MODE`"), "{refused}");
        let free = SurroundingsPolicy::of(&effective(""), false).unwrap();
        assert!(free.judge_name("LD_PRELOAD").is_ok() && free.judge_name("PWD").is_err());
    }

    #[test]
    fn what_leads_elsewhere_is_no_entry_of_a_restricted_list() {
        for name in [
            "LD_PRELOAD",
            "PATH",
            "BASH_ENV",
            "ENV",
            "PYTHONPATH",
            "PERL5LIB",
            "GIT_SSH",
            "NODE_OPTIONS",
            "PAGER",
            "HOME",
        ] {
            let rules = effective(&format!("env_allowlist = [\"{name}\"]"));
            let fault = SurroundingsPolicy::of(&rules, true).unwrap_err();
            assert_eq!((fault.list, fault.entry.as_str()), ("env_allowlist", name));
            assert!(SurroundingsPolicy::of(&rules, false).is_ok(), "{name}");
        }
        for name in ["IFS", "mcp_x", "A*", "*"] {
            let rules = effective(&format!("env_allowlist = [\"{name}\"]"));
            assert!(SurroundingsPolicy::of(&rules, false).is_err(), "{name}");
        }
    }

    #[test]
    fn a_restricted_list_runs_only_in_listed_folders_that_no_tool_writes() {
        let keys = "cwd_allowlist = [\"/srv/app\", \"/data\"]\npath_allowlist = [\"/data/in\", \"/home\"]\n\
                    docker_bind_allowlist = [\"/data/vol\"]\nrestricted_paths = [\"/data/in/zone\"]";
        for (folder, allowed) in [
            ("/srv/app", true),
            ("/srv/app/sub", true),
            ("/srv/application", false),
            ("/srv", false),
            ("/home/ann", false),
            ("/data", true),
            ("/data/in", false),
            ("/data/in/deep", false),
            ("/data/vol/x", false),
        ] {
            assert_eq!(cwd(keys, folder).is_ok(), allowed, "{folder}");
        }
        assert!(cwd("", "/srv").unwrap_err().next.contains("cwd_allowlist"));
    }
}
