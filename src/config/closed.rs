//! Files and folders of this machine that decide what this program does or whom it can log in as. `local_path` reaches
//! none of them, for reading or for writing, whatever lies below a transfer root.

use std::collections::HashSet;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::env::Env;
use super::settings::Settings;
use super::{Config, LocalCommand};

/// Most files looked at for one file that has several names. Beyond, the file counts as closed.
const LINKS_LOOKED_AT: usize = 50_000;

/// Files of ssh_config followed by `Include`.
const INCLUDES: usize = 100;

/// Device and inode: a file whatever its name.
type Identity = (u64, u64);

/// What is closed.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClosedPlaces {
    /// Closed with all that lies below.
    places: Vec<PathBuf>,
    /// Folders that commands name or start in: closed, unless a transfer root is such a folder or lies in it.
    beside: Vec<PathBuf>,
    /// Files whose rotated siblings are closed too.
    rotated: Vec<PathBuf>,
    roots: Vec<PathBuf>,
}

impl ClosedPlaces {
    /// What the configuration names. Commands of hooks are added by [`Self::add_command`].
    pub(crate) fn of(config: &Config) -> Self {
        let (env, settings) = (&*config.env, &*config.settings);
        let roots = &settings.ssh_local_transfer_roots;
        let mut closed = ClosedPlaces {
            places: folders(env),
            roots: roots.iter().filter_map(|root| root.canonicalize().ok()).collect(),
            ..ClosedPlaces::default()
        };
        let named = [
            &config.hosts_file,
            &config.hooks_file,
            &config.env_file,
            &settings.ssh_hosts_file,
            &settings.ssh_hooks_file,
            &settings.ssh_env_file,
            &settings.ssh_audit_file,
            &settings.ssh_config_file,
            &settings.ssh_known_hosts,
            &settings.ssh_default_key,
            &settings.ssh_skills_dir,
            &settings.ssh_runbooks_dir,
            &settings.ssh_host_notes_dir,
        ];
        closed.places.extend(named.into_iter().flatten().cloned());
        closed.places.extend(std::env::current_exe());
        if let Some(audit) = &settings.ssh_audit_file {
            closed.places.push(with_suffix(audit, ".head"));
            closed.rotated.push(audit.clone());
        }
        closed.add_key(settings.ssh_default_key.as_deref());
        closed.add_line(settings.ssh_sudo_password_cmd.as_ref(), env);
        for host in config.hosts.iter() {
            closed.add_key(host.auth.key.as_deref());
            closed.places.extend(host.auth.identity_agent.clone());
            closed.add_line(host.auth.passphrase_cmd.as_ref(), env);
            closed.add_line(host.auth.password_cmd.as_ref(), env);
        }
        let own = env.home().map(|home| home.join(".ssh/config"));
        closed.add_ssh_config(settings.ssh_config_file.clone().or(own), env);
        closed
    }

    /// A key, its public half and its certificate.
    fn add_key(&mut self, key: Option<&Path>) {
        let Some(key) = key else { return };
        self.places.extend(["", ".pub", "-cert.pub", "-cert"].map(|end| with_suffix(key, end)));
    }

    fn add_line(&mut self, line: Option<&LocalCommand>, env: &Env) {
        let Some(line) = line else { return };
        self.add_words(line.as_str(), env.cwd(), env.home());
    }

    /// A program that this server starts in `folder`: the files that its words name, the folders of those, from which
    /// programs load more, and `folder` itself.
    pub(crate) fn add_command(&mut self, words: &[String], folder: &Path, env: &Env) {
        self.beside.push(folder.to_owned());
        if let Some(program) = words.first().filter(|word| !word.contains('/')) {
            let search = env.var("PATH").map(std::env::split_paths).into_iter().flatten();
            self.places.extend(search.map(|place| place.join(program)).filter(|place| place.is_file()));
        }
        for word in words {
            let file = folder.join(word);
            if file.is_file() {
                self.beside.extend(file.parent().map(Path::to_owned));
                self.beside.extend(file.canonicalize().ok().and_then(|real| real.parent().map(Path::to_owned)));
            }
            self.add_words(word, folder, env.home());
        }
    }

    /// The paths in a text, which may be a line of shell: absolute ones, those of the home folder, and names of what is in
    /// `folder`.
    fn add_words(&mut self, text: &str, folder: &Path, home: Option<&Path>) {
        let splits = |c: char| c.is_whitespace() || "'\"`;|&<>()=,:{}".contains(c);
        for word in std::iter::once(text).chain(text.split(splits)).filter(|word| !word.is_empty()) {
            let below_home = ["~/", "%d/", "$HOME/"].iter().find_map(|start| word.strip_prefix(start));
            let path = match (below_home, home) {
                (Some(rest), Some(home)) => home.join(rest),
                _ => folder.join(word),
            };
            if path.is_dir() {
                self.beside.push(path);
            } else if word.starts_with('/') || below_home.is_some() || path.exists() {
                self.places.push(path);
            }
        }
    }

    /// A client configuration, what it includes, and what its lines name: keys, known_hosts files, programs.
    fn add_ssh_config(&mut self, file: Option<PathBuf>, env: &Env) {
        let folder = env.home().map_or_else(|| PathBuf::from("/etc/ssh"), |home| home.join(".ssh"));
        let (mut ahead, mut seen) = (Vec::from_iter(file), HashSet::new());
        while let Some(file) = ahead.pop() {
            if seen.len() >= INCLUDES || !seen.insert(file.clone()) {
                continue;
            }
            self.places.push(file.clone());
            let Ok(text) = std::fs::read_to_string(&file) else { continue };
            for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
                let (key, rest) = line.split_once(|c: char| c.is_whitespace() || c == '=').unwrap_or((line, ""));
                if !key.eq_ignore_ascii_case("include") {
                    self.add_words(rest, &folder, env.home());
                    continue;
                }
                for pattern in rest.split_whitespace().map(|word| word.trim_matches(['"', '='])) {
                    let path = folder.join(super::env::expand_home(pattern, env.home()));
                    if path.to_string_lossy().contains(['*', '?', '[']) {
                        let Some(above) = path.parent() else { continue };
                        self.beside.push(above.to_owned());
                        ahead.extend(std::fs::read_dir(above).into_iter().flatten().flatten().map(|e| e.path()));
                    } else {
                        ahead.push(path);
                    }
                }
            }
        }
    }

    /// Everything closed, by the names that were given and where links lead from there.
    fn all(&self) -> Vec<PathBuf> {
        let beside = self.beside.iter().filter_map(|place| place.canonicalize().ok());
        let beside = beside.filter(|place| !self.roots.iter().any(|root| root.starts_with(place)));
        self.places.iter().flat_map(|place| real_names(place)).chain(beside).collect()
    }

    /// True when a path without links is closed: by its name, by what a folder on its way is (a bind mount), or as another
    /// name of a closed file (a hard link).
    pub(crate) fn hold(&self, real: &Path) -> bool {
        let all = self.all();
        if all.iter().any(|place| real.starts_with(place)) || self.rotated.iter().any(|log| is_sibling(real, log)) {
            return true;
        }
        let known: HashSet<Identity> =
            all.iter().filter_map(|place| place.metadata().ok()).map(|m| identity(&m)).collect();
        let named = |path: &Path| path.symlink_metadata().is_ok_and(|m| known.contains(&identity(&m)));
        if real.ancestors().any(named) {
            return true;
        }
        match real.symlink_metadata() {
            Ok(meta) if meta.is_file() && meta.nlink() > 1 => self.link_below(&all, identity(&meta)),
            _ => false,
        }
    }

    /// True when a file of a closed folder, or a rotated sibling, is this one.
    fn link_below(&self, all: &[PathBuf], wanted: Identity) -> bool {
        let mut ahead: Vec<PathBuf> = all.iter().filter(|place| place.is_dir()).cloned().collect();
        let logs = self.rotated.iter().filter_map(|log| log.parent()?.read_dir().ok()).flatten().flatten();
        let siblings =
            logs.map(|entry| entry.path()).filter(|path| self.rotated.iter().any(|log| is_sibling(path, log)));
        if siblings.filter_map(|path| path.metadata().ok()).any(|meta| identity(&meta) == wanted) {
            return true;
        }
        let mut looked_at = 0;
        while let Some(folder) = ahead.pop() {
            for entry in folder.read_dir().into_iter().flatten().flatten() {
                looked_at += 1;
                // `DirEntry::metadata` follows no link.
                let Ok(meta) = entry.metadata() else { continue };
                if identity(&meta) == wanted || looked_at > LINKS_LOOKED_AT {
                    return true;
                }
                if meta.is_dir() {
                    ahead.push(entry.path());
                }
            }
        }
        false
    }

    /// What is there of it below each transfer root, for the operator: root and places.
    pub(crate) fn below_roots(&self) -> Vec<(PathBuf, Vec<PathBuf>)> {
        let mut all: Vec<PathBuf> = self.all().into_iter().filter(|place| place.exists()).collect();
        all.sort();
        all.dedup();
        let below = |root: &PathBuf| {
            let found: Vec<PathBuf> = all.iter().filter(|place| place.starts_with(root)).cloned().collect();
            (!found.is_empty()).then(|| (root.clone(), found))
        };
        self.roots.iter().filter_map(below).collect()
    }
}

/// The folders that are closed whatever is configured: this program's own and ssh's of the user.
pub(super) fn folders(env: &Env) -> Vec<PathBuf> {
    // ssh takes the home folder of the list of accounts, whatever `HOME` says.
    let account = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(env.uid())).ok().flatten();
    let homes = env.home().map(Path::to_owned).into_iter().chain(account.map(|account| account.dir));
    env.own_dirs().into_iter().chain(homes.map(|home| home.join(".ssh"))).collect()
}

/// The transfer roots that lie in a folder that is closed, with that folder.
pub(super) fn roots_inside(settings: &Settings, env: &Env) -> Vec<(PathBuf, PathBuf)> {
    let folders: Vec<PathBuf> = folders(env).iter().flat_map(|folder| real_names(folder)).collect();
    let inside = |root: &PathBuf| {
        let real = root.canonicalize().unwrap_or_else(|_| root.clone());
        folders.iter().find(|folder| real.starts_with(folder)).map(|folder| (root.clone(), folder.clone()))
    };
    settings.ssh_local_transfer_roots.iter().filter_map(inside).collect()
}

fn identity(meta: &Metadata) -> Identity {
    (meta.dev(), meta.ino())
}

fn with_suffix(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Where a name lies once the links of its folder are followed, and where the name itself leads. What is not there yet is
/// known by the folder above it.
fn real_names(place: &Path) -> Vec<PathBuf> {
    let named = place.parent().and_then(|above| above.canonicalize().ok()).zip(place.file_name());
    let named = named.map(|(above, name)| above.join(name));
    named.into_iter().chain(place.canonicalize().ok()).collect()
}

/// True for what rotation makes of a log, in the log's folder: `audit.jsonl.1.gz`, `audit-20260101.jsonl`.
fn is_sibling(real: &Path, log: &Path) -> bool {
    let folders = (real.parent(), log.parent().and_then(|above| above.canonicalize().ok()));
    let (Some(own), Some(of_log)) = folders else { return false };
    let text = |name: Option<&std::ffi::OsStr>| name.unwrap_or_default().to_string_lossy().into_owned();
    let (name, whole) = (text(real.file_name()), text(log.file_name()));
    let (stem, end) = (text(log.file_stem()), text(log.extension()));
    let dated = !end.is_empty() && name.starts_with(&stem) && name.contains(&format!(".{end}"));
    own == of_log && (name.starts_with(&whole) || dated)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::load;

    fn config(dir: &Path, vars: &[(&str, String)]) -> Config {
        let home = dir.join("home");
        fs::create_dir_all(home.join(".ssh")).unwrap();
        let text = |path: &Path| path.display().to_string();
        let mut all = vec![("HOME", text(&home)), ("SSH_LOCAL_TRANSFER_ROOTS", text(dir))];
        all.extend(vars.iter().map(|(name, value)| (*name, value.clone())));
        load(&Env::of(all, "/")).unwrap()
    }

    #[test]
    fn what_decides_things_is_closed_and_its_neighbours_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        for folder in ["skills", "runbooks", "home/.ssh", "keys", "cfg", "log"] {
            fs::create_dir_all(dir.join(folder)).unwrap();
        }
        for (name, text) in [
            ("home/.ssh/id", "key"),
            ("home/.ssh/config", "Include ../more\nUserKnownHostsFile ~/pins\n"),
            ("home/more", "Host x\n  IdentityFile=\"/keys-elsewhere/id\"\n"),
            ("keys/k", "key"),
            ("keys/neighbour", "n"),
            ("log/audit.jsonl", ""),
            ("kh", ""),
            ("plain", "p"),
        ] {
            fs::write(dir.join(name), text).unwrap();
        }
        fs::hard_link(dir.join("home/.ssh/id"), dir.join("by-hard-link")).unwrap();
        fs::hard_link(dir.join("plain"), dir.join("plain-too")).unwrap();
        let at = |name: &str| dir.join(name).display().to_string();
        let vars = [
            ("SSH_AUDIT_FILE", at("log/audit.jsonl")),
            ("SSH_KNOWN_HOSTS", at("kh")),
            ("SSH_DEFAULT_KEY", at("keys/k")),
            ("SSH_SKILLS_DIR", at("skills")),
            ("SSH_RUNBOOKS_DIR", at("runbooks")),
            ("SSH_SUDO_PASSWORD_CMD", format!("cat {} | head -n1", at("pw"))),
        ];
        let closed = ClosedPlaces::of(&config(&dir, &vars));
        for name in [
            "log/audit.jsonl",
            "log/audit.jsonl.head",
            "log/audit.jsonl.1",
            "log/audit.jsonl.2.gz",
            "log/audit-20260101.jsonl",
            "kh",
            "keys/k",
            "keys/k-cert.pub",
            "skills/x/SKILL.md",
            "runbooks/x.md",
            "pw",
            "home/.ssh/authorized_keys",
            "home/pins",
            "home/more",
            "by-hard-link",
        ] {
            assert!(closed.hold(&dir.join(name)), "{name}");
        }
        for name in ["plain", "plain-too", "keys/neighbour", "log/report", "kh2", "home/file", "skills2", "pw2"] {
            assert!(!closed.hold(&dir.join(name)), "{name}");
        }
        let below = closed.below_roots();
        assert!(below.len() == 1 && below[0].1.contains(&dir.join("keys/k")), "{below:?}");
    }

    #[test]
    fn the_files_of_a_hook_and_what_lies_beside_them_are_closed() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        fs::create_dir_all(dir.join("hk")).unwrap();
        fs::create_dir_all(dir.join("cfg")).unwrap();
        for name in ["hk/gate.sh", "top.sh", "cfg/own.sh", "inner.sh"] {
            fs::write(dir.join(name), "").unwrap();
        }
        let settled = config(&dir, &[]);
        let command = |words: &[&str]| {
            let mut closed = ClosedPlaces::of(&settled);
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            closed.add_command(&words, &dir.join("cfg"), &settled.env);
            let dir = dir.clone();
            move |name: &str| closed.hold(&dir.join(name))
        };
        let holds = command(&["sh", &dir.join("hk/gate.sh").display().to_string()]);
        assert!(holds("hk/gate.sh") && holds("hk/json.py") && holds("cfg/new") && !holds("top.sh"));
        // In a transfer root itself only the file is closed.
        let holds = command(&["sh", &dir.join("top.sh").display().to_string()]);
        assert!(holds("top.sh") && !holds("neighbour"));
        let holds = command(&["sh", "-c", &format!(". {}; echo", dir.join("inner.sh").display())]);
        assert!(holds("inner.sh") && !holds("neighbour"));
    }
}
