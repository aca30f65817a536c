//! What the process was started with, taken once, so that loading reads nothing global.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Variables, working directory and user of the process. `Debug` shows the names of variables only, since their
/// values may be secrets.
#[derive(Clone)]
pub struct Env {
    vars: BTreeMap<OsString, OsString>,
    cwd: PathBuf,
    uid: u32,
}

impl Env {
    /// The environment of this process.
    pub fn of_process() -> Self {
        let mut vars: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
        if !vars.get(OsStr::new("HOME")).is_some_and(|home| Path::new(home).is_absolute()) {
            // As ssh has it, which asks the list of accounts.
            let account = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
            vars.extend(account.map(|account| ("HOME".into(), account.dir.into_os_string())));
        }
        Env {
            vars,
            cwd: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            uid: nix::unistd::geteuid().as_raw(),
        }
    }

    /// An environment of the given variables, for tests and for `check`; the user is the one who runs.
    pub fn of<K, V>(vars: impl IntoIterator<Item = (K, V)>, cwd: impl Into<PathBuf>) -> Self
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        Env {
            vars: vars.into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
            cwd: cwd.into(),
            uid: nix::unistd::geteuid().as_raw(),
        }
    }

    /// The same environment with one variable set.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.vars.insert(name.into(), value.into());
        self
    }

    /// A variable by its exact name, unless it is empty.
    pub fn var(&self, name: &str) -> Option<&OsStr> {
        self.vars.get(OsStr::new(name)).map(OsString::as_os_str).filter(|v| !v.is_empty())
    }

    /// All variables, sorted by name.
    pub fn vars(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.vars.iter().map(|(k, v)| (k.as_os_str(), v.as_os_str()))
    }

    /// The working directory.
    pub fn cwd(&self) -> &Path {
        &self.cwd
    }

    /// The effective user.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// The home folder, as `HOME` says, or where that is not set the list of accounts.
    pub fn home(&self) -> Option<&Path> {
        self.var("HOME").map(Path::new).filter(|p| p.is_absolute())
    }

    /// Where this program's configuration lies: `$XDG_CONFIG_HOME/ssh-mcp`, by default `~/.config/ssh-mcp`.
    pub fn config_dir(&self) -> Option<PathBuf> {
        self.xdg("XDG_CONFIG_HOME", ".config")
    }

    /// Where this program keeps what it writes: `$XDG_DATA_HOME/ssh-mcp`, by default `~/.local/share/ssh-mcp`.
    pub fn data_dir(&self) -> Option<PathBuf> {
        self.xdg("XDG_DATA_HOME", ".local/share")
    }

    /// Where this program remembers what it did: `$XDG_STATE_HOME/ssh-mcp`, by default `~/.local/state/ssh-mcp`.
    pub fn state_dir(&self) -> Option<PathBuf> {
        self.xdg("XDG_STATE_HOME", ".local/state")
    }

    /// The folders in which this program keeps anything on this machine: configuration, data, state and sockets.
    pub fn own_dirs(&self) -> Vec<PathBuf> {
        let runtime = self.var("XDG_RUNTIME_DIR").map(|dir| Path::new(dir).join("ssh-mcp"));
        let shared = PathBuf::from(format!("/tmp/ssh-mcp-{}", self.uid));
        [self.config_dir(), self.data_dir(), self.state_dir(), runtime, Some(shared)].into_iter().flatten().collect()
    }

    /// The XDG base directory specification has relative values ignored.
    fn xdg(&self, name: &str, below_home: &str) -> Option<PathBuf> {
        let base = match self.var(name).map(Path::new).filter(|p| p.is_absolute()) {
            Some(base) => base.to_path_buf(),
            None => self.home()?.join(below_home),
        };
        Some(base.join("ssh-mcp"))
    }

    /// A path with `~` expanded, relative ones taken from the working directory.
    pub fn absolute(&self, path: &str) -> PathBuf {
        self.cwd.join(expand_home(path, self.home()))
    }

    /// The same with `$NAME` and `${NAME}` expanded first; the error names a variable that is not set.
    pub fn expanded(&self, path: &str) -> Result<PathBuf, String> {
        let mut out = String::with_capacity(path.len());
        let mut rest = path;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            let (name, tail) = if let Some(braced) = after.strip_prefix('{') {
                braced.split_once('}').ok_or_else(|| "has `${` without `}`".to_owned())?
            } else {
                let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
                after.split_at(end)
            };
            let value = self.var(name).ok_or_else(|| format!("names `${name}`, which is not set"))?;
            out.push_str(value.to_str().ok_or_else(|| format!("names `${name}`, which is not UTF-8"))?);
            rest = tail;
        }
        out.push_str(rest);
        Ok(self.absolute(&out))
    }
}

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Env").field("names", &self.vars.keys()).field("cwd", &self.cwd).field("uid", &self.uid).finish()
    }
}

/// `~` and `~/x` in terms of the home folder; anything else is unchanged.
pub(crate) fn expand_home(path: &str, home: Option<&Path>) -> PathBuf {
    match (path, home) {
        ("~", Some(home)) => home.to_path_buf(),
        (p, Some(home)) => p.strip_prefix("~/").map_or_else(|| PathBuf::from(p), |rest| home.join(rest)),
        (p, None) => PathBuf::from(p),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_follow_xdg() {
        let env = Env::of([("HOME", "/h"), ("XDG_CONFIG_HOME", "/c")], "/w");
        assert_eq!(env.config_dir(), Some(PathBuf::from("/c/ssh-mcp")));
        assert_eq!(env.data_dir(), Some(PathBuf::from("/h/.local/share/ssh-mcp")));
        let relative = Env::of([("HOME", "/h"), ("XDG_CONFIG_HOME", "c")], "/w");
        assert_eq!(relative.config_dir(), Some(PathBuf::from("/h/.config/ssh-mcp")));
        assert_eq!(Env::of([("A", "b")], "/w").config_dir(), None);
    }

    #[test]
    fn paths_expand() {
        let env = Env::of([("HOME", "/h"), ("RUN", "/run/u"), ("SECRET", "hunter2")], "/w");
        for (text, want) in
            [("~/k", "/h/k"), ("~", "/h"), ("$RUN/s", "/run/u/s"), ("${RUN}x", "/run/ux"), ("k", "/w/k"), ("/k", "/k")]
        {
            assert_eq!(env.expanded(text), Ok(PathBuf::from(want)), "{text}");
        }
        assert!(env.expanded("$NOPE/x").is_err());
        assert!(env.expanded("${RUN").is_err());
        assert!(!format!("{env:?}").contains("hunter2"));
    }
}
