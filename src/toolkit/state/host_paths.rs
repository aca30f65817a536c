//! The path rules of one host, as the host's own names of their entries make them.
//!
//! Each script that acts on paths first resolves the fixed parts of the entries and compares what it finds with what the
//! rules assumed (`held` in settle.sh). As long as that is the same it goes on; otherwise it has done nothing and answers
//! what it found, which is learnt here, and the call is judged anew. A host without links costs no further round trip.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::effective::Effective;
use crate::config::hosts::HostConfig;
use crate::model::error::ToolError;
use crate::model::file_name;
use crate::model::lock::LockAlways as _;
use crate::model::quote::sh_quote;
use crate::model::remote_path::RemotePath;
use crate::policy::PolicyFault;
use crate::policy::path::{Access, AllowedPath, Entry, HostPath, OwnFolder, PathPolicy, Real, View};
use crate::ssh::channel::Request;
use crate::ssh::pool::{Link, RunFailure};
use crate::ssh::wrapper::script_line;

/// Exit status of a script that found other names than were assumed. It did nothing.
pub(in crate::toolkit) const OTHER_NAMES: i32 = 89;

/// What it prints first.
const OTHER_NAMES_MARK: &[u8] = b"held/./";

/// Longest wait for the answer of a host that is asked beside any call.
const ASKING: Duration = Duration::from_secs(15);

/// Folder of this program's state below a home.
pub(in crate::toolkit) const STATE: &str = ".local/state/ssh-mcp";

/// Whose view of a host counts: folders that are closed to one are open to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewer {
    /// The login account.
    Login,
    /// Root, through sudo.
    Root,
}

/// The rules of one host.
#[derive(Debug)]
pub struct HostPaths {
    written: PathPolicy,
    /// What is resolved, each path once.
    asked: Vec<RemotePath>,
    views: Mutex<Views>,
}

#[derive(Debug)]
struct Views {
    login: Seen,
    root: Seen,
}

/// What one account sees.
#[derive(Debug, Clone)]
struct Seen {
    /// What the script is to find: for each path that was asked, then for the own folders, a letter and a path.
    assumed: Vec<String>,
    own: Vec<OwnFolder>,
    /// Every name that was learnt, so that what was closed once stays closed.
    before: Vec<(RemotePath, Real)>,
    rules: Arc<PathPolicy>,
}

/// The rules for one round of a call, and what has to hold on the host for them.
#[derive(Debug, Clone)]
pub struct Ruling {
    /// The rules.
    pub rules: Arc<PathPolicy>,
    /// A line of `sh` that ends the script where something else is found.
    pub held: String,
}

/// The own folders as `held` takes them: that of the acting account by its environment; as root also that of the login
/// account; and where root's is on Linux.
fn own_words(viewer: Viewer) -> &'static [&'static str] {
    match viewer {
        Viewer::Login => &["~", "~/root/.local/state/ssh-mcp"],
        Viewer::Root => &["~", "~@", "~/root/.local/state/ssh-mcp"],
    }
}

impl HostPaths {
    /// Compiles the rules of a host.
    pub fn of(effective: &Effective, host: &HostConfig) -> Result<Self, PolicyFault> {
        let written = PathPolicy::of(effective, host.platform)?;
        let mut asked: Vec<RemotePath> = Vec::new();
        for fixed in written.fixed() {
            if !asked.contains(&fixed.path) {
                asked.push(fixed.path);
            }
        }
        // Nothing is known yet: no links, homes where they usually are, and nothing kept there. What is right costs
        // nothing, and what is not is learnt by the first call.
        let home = match host.user.as_ref().map(ToString::to_string).as_deref() {
            None | Some("root") => "/root".to_owned(),
            Some(user) => format!("/home/{user}"),
        };
        let of_root = "n/root/.local/state/ssh-mcp".to_owned();
        let of_login = format!("n{home}/{STATE}");
        let seen = |own: Vec<String>| Seen {
            assumed: asked.iter().map(|path| format!("r{}", path.as_str())).chain(own).collect(),
            own: Vec::new(),
            before: Vec::new(),
            rules: Arc::new(written.clone()),
        };
        let others = if home == "/root" { of_root.clone() } else { format!("u{}", of_root.trim_start_matches('n')) };
        let mut views =
            Views { login: seen(vec![of_login.clone(), others]), root: seen(vec![of_root.clone(), of_login, of_root]) };
        for (viewer, seen) in [(Viewer::Login, &mut views.login), (Viewer::Root, &mut views.root)] {
            let _ = seen.take(&written, &asked, viewer, seen.assumed.clone(), None, &[]);
        }
        Ok(HostPaths { written, asked, views: Mutex::new(views) })
    }

    fn seen<T>(&self, viewer: Viewer, look: impl FnOnce(&Seen) -> T) -> T {
        let views = self.views.lock_always();
        look(match viewer {
            Viewer::Login => &views.login,
            Viewer::Root => &views.root,
        })
    }

    /// The rules as far as the host is known.
    pub fn rules(&self, viewer: Viewer) -> Arc<PathPolicy> {
        self.seen(viewer, |seen| seen.rules.clone())
    }

    /// The same, with the line that makes sure of it on the host.
    pub fn ruling(&self, viewer: Viewer) -> Ruling {
        self.seen(viewer, |seen| {
            let names = self.asked.iter().map(RemotePath::as_str).chain(own_words(viewer).iter().copied());
            let mut held = "held".to_owned();
            for (name, assumed) in names.zip(&seen.assumed) {
                let same = assumed.strip_prefix('r') == Some(name);
                held.push_str(&format!(
                    " {} {}",
                    sh_quote(name),
                    if same { "=".to_owned() } else { sh_quote(assumed) }
                ));
            }
            Ruling { rules: seen.rules.clone(), held }
        })
    }

    /// Takes in what a script found, and says what the operator should know of it. `None` where the output is not that
    /// of `held`.
    pub fn learn(&self, viewer: Viewer, stdout: &[u8]) -> Option<Vec<String>> {
        let text = file_name::carried(stdout.strip_prefix(OTHER_NAMES_MARK)?);
        let (mut assumed, mut reals, mut through) = (Vec::new(), HashMap::new(), Vec::new());
        let mut names = self.asked.iter();
        for word in text.strip_suffix("/./")?.split("/./") {
            let path = word.get(1..).and_then(|path| RemotePath::of_carried(path).ok());
            match (word.chars().next()?, path) {
                ('h', Some(link)) => through.push(link),
                ('h', None) => {}
                (letter, path) => {
                    let through = std::mem::take(&mut through);
                    if let (Some(name), Some(path)) = (names.next(), path) {
                        reals.insert(name.clone(), Real { path, through, closed: letter == 'u' });
                    }
                    assumed.push(word.to_owned());
                }
            }
        }
        if assumed.len() != self.asked.len() + own_words(viewer).len() {
            return None;
        }
        Some(self.replace(viewer, assumed, &reals))
    }

    /// Takes in what was found without a script: a real name for each path that could be resolved, and the own folders.
    pub(in crate::toolkit) fn learn_names(&self, reals: &HashMap<RemotePath, Real>, own: &[OwnFolder]) -> Vec<String> {
        let name = |path: &RemotePath| {
            reals.get(path).map_or_else(|| "x".to_owned(), |real| format!("r{}", real.path.as_str()))
        };
        let folders = own.iter().map(|own| format!("{}{}", if own.there { 'e' } else { 'n' }, own.path.as_str()));
        let mut assumed: Vec<String> = self.asked.iter().map(name).chain(folders).collect();
        assumed.resize(self.asked.len() + own_words(Viewer::Login).len(), "x".to_owned());
        self.replace(Viewer::Login, assumed, reals)
    }

    /// Takes over what an earlier set of rules learnt of the same host.
    pub fn remember(&self, earlier: &HostPaths) {
        let old = earlier.views.lock_always();
        let learnt = (old.login.before.clone(), old.root.before.clone());
        drop(old);
        let mut views = self.views.lock_always();
        let views = &mut *views;
        for (viewer, seen, before) in
            [(Viewer::Login, &mut views.login, learnt.0), (Viewer::Root, &mut views.root, learnt.1)]
        {
            seen.before = before;
            let assumed = seen.assumed.clone();
            let _ = seen.take(&self.written, &self.asked, viewer, assumed, None, &[]);
        }
    }

    fn replace(&self, viewer: Viewer, assumed: Vec<String>, reals: &HashMap<RemotePath, Real>) -> Vec<String> {
        let mut views = self.views.lock_always();
        let views = &mut *views;
        let (seen, other) = match viewer {
            Viewer::Login => (&mut views.login, &views.root),
            Viewer::Root => (&mut views.root, &views.login),
        };
        seen.take(&self.written, &self.asked, viewer, assumed, Some(reals), &other.own)
    }

    /// Asks a host as its login account, beside any call: what the operator should know.
    pub async fn ask(&self, link: &Arc<Link>, cancel: &CancellationToken) -> Result<Vec<String>, String> {
        // Nothing is assumed, so that the answer is whole.
        let names = self.asked.iter().map(RemotePath::as_str).chain(own_words(Viewer::Login).iter().copied());
        let words: Vec<String> = names.map(|name| format!("{} -", sh_quote(name))).collect();
        let request = Request {
            script: script_line(&format!("held {}", words.join(" ")), [""; 0]),
            data: None,
            timeout: ASKING,
            stdout_cap: 1 << 20,
            stderr_cap: 4096,
            cancel: cancel.clone(),
            on_chunk: None,
            sink: None,
        };
        match Box::pin(link.run(&request, true)).await {
            Ok(done) => self
                .learn(Viewer::Login, &done.ended.stdout.bytes)
                .ok_or_else(|| "the account's shell did not answer".to_owned()),
            Err(RunFailure::Connect(failure)) => Err(failure.what.clone()),
            Err(RunFailure::Lost { reason, .. }) => Err(reason),
            Err(RunFailure::Account(purpose, _)) => Err(purpose.what().to_string()),
            Err(RunFailure::NotStarted(_)) => Err("no session was opened in time".to_owned()),
        }
    }

    /// What has to be resolved.
    pub(in crate::toolkit) fn asked(&self) -> &[RemotePath] {
        &self.asked
    }

    /// Decides on one access as the login account sees the host. See [`PathPolicy::judge`].
    pub fn judge<P: HostPath>(&self, path: &P, access: Access) -> Result<AllowedPath<P>, ToolError> {
        self.rules(Viewer::Login).judge(path, access)
    }

    /// See [`PathPolicy::judge_followed`].
    pub fn judge_followed<P: HostPath>(&self, path: &P, access: Access) -> Result<AllowedPath<P>, ToolError> {
        self.rules(Viewer::Login).judge_followed(path, access)
    }

    /// See [`PathPolicy::entry`].
    pub fn entry<P: HostPath>(&self, path: &P) -> Entry {
        self.rules(Viewer::Login).entry(path)
    }

    /// See [`PathPolicy::shows`].
    pub fn shows<P: HostPath>(&self, path: &P) -> bool {
        self.rules(Viewer::Login).shows(path)
    }

    /// See [`PathPolicy::prune`].
    pub fn prune<P: HostPath>(&self, below: &P) -> Vec<String> {
        self.rules(Viewer::Login).prune(below)
    }

    /// See [`PathPolicy::redact_lists`].
    pub fn redact_lists(&self, text: &str) -> bool {
        self.rules(Viewer::Login).redact_lists(text)
    }

    /// What has to be resolved, with its lists, for `check`.
    pub fn written(&self) -> &PathPolicy {
        &self.written
    }
}

impl Seen {
    fn take(
        &mut self,
        written: &PathPolicy,
        asked: &[RemotePath],
        viewer: Viewer,
        assumed: Vec<String>,
        reals: Option<&HashMap<RemotePath, Real>>,
        others: &[OwnFolder],
    ) -> Vec<String> {
        self.own.clear();
        for word in assumed.iter().skip(asked.len()).take(own_words(viewer).len()) {
            let Some(path) = word.get(1..).and_then(|path| RemotePath::of_carried(path).ok()) else { continue };
            let there = word.starts_with('e');
            match self.own.iter_mut().find(|own| own.path == path) {
                Some(own) => own.there |= there,
                None => self.own.push(OwnFolder { path, there }),
            }
        }
        let mut view = View { real: HashMap::new(), own: self.own.clone(), before: self.before.clone() };
        for own in others {
            if !view.own.iter().any(|known| known.path == own.path) {
                view.own.push(own.clone());
            }
        }
        for path in asked {
            let same = Real { path: path.clone(), through: Vec::new(), closed: false };
            if let Some(real) = reals.map_or(Some(&same), |reals| reals.get(path)) {
                view.real.insert(path.clone(), real.clone());
            }
        }
        for (path, real) in view.real.iter().filter(|_| reals.is_some()) {
            let known = |(asked, known): &(RemotePath, Real)| asked == path && known == real;
            if (real.path != *path || !real.through.is_empty()) && !self.before.iter().any(known) {
                self.before.push((path.clone(), real.clone()));
            }
        }
        let (rules, told) = written.on_host(&view);
        self.assumed = assumed;
        self.rules = Arc::new(rules);
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(lists: &str) -> HostPaths {
        let text = format!("[hosts.box]\nhostname = \"box\"\nuser = \"ann\"\n{lists}");
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().canonicalize().unwrap().join("hosts.toml");
        std::fs::write(&file, text).unwrap();
        let config =
            crate::config::load(&crate::config::Env::of([("SSH_HOSTS_FILE", file.to_str().unwrap())], "/")).unwrap();
        let host = config.hosts.iter().next().unwrap().clone();
        HostPaths::of(&config.effective(&host), &host).unwrap()
    }

    fn access(paths: &HostPaths, path: &str, access: Access) -> bool {
        paths.judge(&RemotePath::parse(path).unwrap(), access).is_ok()
    }

    #[test]
    fn what_a_host_says_holds_under_both_names() {
        let paths = paths(
            "path_allowlist = [\"/opt/link\", \"/run\", \"/srv\"]\nrestricted_paths = [\"/var/run/x\"]\n\
             restricted_globs = [\"/srv/current/*.key\", \"**/z\"]\nredact_paths_globs = [\"/srv/current/.env\"]\n\
             redact_bypass_policy = \"block\"",
        );
        let asked: Vec<&str> = paths.asked().iter().map(RemotePath::as_str).collect();
        assert_eq!(asked, ["/opt/link", "/run", "/srv", "/var/run/x", "/srv/current", "/srv/current/.env"]);
        assert_eq!(
            paths.ruling(Viewer::Login).held,
            "held /opt/link = /run = /srv = /var/run/x = /srv/current = /srv/current/.env = '~' \
             n/home/ann/.local/state/ssh-mcp '~/root/.local/state/ssh-mcp' u/root/.local/state/ssh-mcp"
        );
        assert!(access(&paths, "/run/x/a", Access::Read), "nothing is known of the host yet");
        let said = b"held/./h/opt/link/./r/opt/data/./r/run/./r/srv/./h/var/run/./r/run/x/./h/srv/current/./\
                     r/srv/releases/7/./h/srv/current/./r/srv/releases/7/.env/./e/home/ann/s/./u/root/.local/state/ssh-mcp/./";
        let told = paths.learn(Viewer::Login, said).unwrap();
        assert_eq!(told.len(), 4, "{told:?}");
        for (path, what, allowed) in [
            ("/opt/data/a", Access::Read, true),
            ("/opt/dat", Access::Read, false),
            ("/run/x/a", Access::Read, false),
            ("/run/y", Access::Read, true),
            ("/run", Access::RemoveTree, false),
            ("/srv/releases/7/a.key", Access::Read, false),
            ("/srv/releases/8/a.key", Access::Read, true),
            ("/srv/releases/7/.env", Access::Read, false),
            ("/srv/releases/7/.env", Access::ReadRedacted, true),
            ("/srv/current/.env", Access::Read, false),
        ] {
            assert_eq!(access(&paths, path, what), allowed, "{path} {what:?}");
        }
        assert!(paths.ruling(Viewer::Login).held.contains("/var/run/x r/run/x"));
        // The other view is its own.
        assert!(paths.rules(Viewer::Root).judge(&RemotePath::parse("/run/x").unwrap(), Access::Read).is_ok());
        for noise in [&b""[..], b"held/./", b"held/./r/opt/link/./", b"x", b"held/./\xff/./"] {
            assert!(paths.learn(Viewer::Login, noise).is_none(), "{noise:?}");
        }
    }

    #[test]
    fn an_allowed_link_that_a_tool_could_replace_is_not_followed() {
        let paths = paths("path_allowlist = [\"/srv\", \"/srv/current\", \"/opt/a\"]");
        let said = b"held/./r/srv/./h/srv/current/./r/etc/./h/opt/a/./h/srv/b/./r/etc/./n/home/ann/s/./n/root/s/./";
        let told = paths.learn(Viewer::Login, said).unwrap();
        assert!(told.iter().any(|t| t.contains("/srv/current") && t.contains("not followed")), "{told:?}");
        assert!(!access(&paths, "/etc/passwd", Access::Read));
    }

    #[test]
    fn own_folders_are_closed_under_everything() {
        let paths = paths("path_allowlist = [\"*\"]");
        let own = "/home/ann/.local/state/ssh-mcp";
        assert!(!access(&paths, own, Access::List) && !access(&paths, &format!("{own}/jobs/1"), Access::Read));
        assert!(access(&paths, "/home/ann", Access::RemoveTree), "nothing is kept there yet");
        assert!(!paths.shows(&RemotePath::parse(own).unwrap()));
        paths.learn(Viewer::Login, b"held/./e/srv/state/ssh-mcp/./u/root/.local/state/ssh-mcp/./").unwrap();
        assert!(!access(&paths, "/srv/state/ssh-mcp", Access::Metadata) && !access(&paths, "/srv", Access::ReadTree));
        assert!(access(&paths, "/srv", Access::List) && !access(&paths, "/root/.local/state/ssh-mcp/x", Access::Write));
    }
}
