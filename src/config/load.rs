//! Finds the files, reads them in order and puts the configuration together.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::env::Env;
use super::env_file::{self, Entry};
use super::fault::{Fault, Faults, Warning};
use super::hosts::{Hosts, Platform};
use super::settings::Settings;
use super::trusted::{self, TrustedFile};
use super::{Config, hosts_file, remote, startup, variables};

/// What a reload of the hosts file changed, each list in file order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Diff {
    /// Aliases that are new.
    pub added: Vec<String>,
    /// Aliases that are gone.
    pub removed: Vec<String>,
    /// Aliases that are still there with other values.
    pub changed: Vec<String>,
    /// What to tell the operator about the new set.
    pub warnings: Vec<Warning>,
}

/// A file that may be named by a setting and otherwise lies in the configuration folder.
struct Wanted {
    path: PathBuf,
    /// The setting that named it.
    by: Option<&'static str>,
}

impl Wanted {
    /// `named` as the setting gives it, or `leaf` in the configuration folder.
    fn of(setting: &'static str, named: Option<PathBuf>, leaf: &str, env: &Env) -> Option<Self> {
        match named {
            Some(path) => Some(Wanted { path, by: Some(setting) }),
            None => env.config_dir().map(|dir| Wanted { path: dir.join(leaf), by: None }),
        }
    }

    /// The file. `None` when it may be missing and is.
    fn read(&self, env: &Env) -> Result<Option<TrustedFile>, Fault> {
        match (trusted::read(&self.path, env.uid()), self.by) {
            (Ok(Some(file)), _) => Ok(Some(file)),
            (Ok(None), None) => Ok(None),
            (Ok(None), Some(setting)) => Err(self.fault(format!("is missing, but {setting} names it"))),
            (Err(why), _) => Err(self.fault(why)),
        }
    }

    fn fault(&self, what: String) -> Fault {
        Fault::file(&self.path, what)
    }
}

/// Reads and checks the whole configuration, and reports everything wrong with it at once. With nothing configured
/// it succeeds with an empty set of hosts.
pub fn load(env: &Env) -> Result<Config, Faults> {
    let mut faults = Vec::new();
    let mut warnings = Vec::new();

    let (env_file, entries) = read_env_file(env, &mut faults);
    let Some(mut settings) = variables::read(env, &entries, &mut faults, &mut warnings) else {
        // Only a default that its own kind refuses leads here, and a test reads every default.
        faults.push(Fault::variable("environment", "a default cannot be read"));
        return Err(Faults::of(faults)
            .err()
            .unwrap_or_else(|| Fault::variable("environment", "cannot be read").into()));
    };
    if !settings.ssh_redact_keys_add.is_empty() && !settings.ssh_redact_keys_replace.is_empty() {
        let what = "is set together with SSH_REDACT_KEYS_ADD; set one of them";
        faults.push(Fault::variable("SSH_REDACT_KEYS_REPLACE", what));
    }
    ssh_config(&mut settings, env, &mut faults, &mut warnings);

    let hosts_file = read_optional(wanted_hosts(&settings, env).as_ref(), env, &mut faults);
    let hooks = Wanted::of("SSH_HOOKS_FILE", settings.ssh_hooks_file.clone(), "hooks.toml", env);
    let hooks_file = read_optional(hooks.as_ref(), env, &mut faults);

    let mut hosts = Hosts::default();
    if let Some((path, file)) = &hosts_file {
        match hosts_file::parse(path, &file.text, &settings, env) {
            Ok((read, noted)) => {
                hosts = read;
                warnings.extend(noted);
            }
            Err(wrong) => faults.extend(wrong.iter().cloned()),
        }
    } else if let Some(wanted) = wanted_hosts(&settings, env) {
        let text =
            format!("no hosts file: {} is not there; hosts come from SSH_HOSTS_ALLOWLIST alone", wanted.path.display());
        warnings.push(Warning::info(text));
    }
    windows_globs(&settings, &hosts, &mut faults);
    strays(&settings, env, env_file.as_deref(), &mut warnings);
    Faults::of(faults)?;

    startup::of_settings(&settings, env, &mut warnings);
    let mut config = Config {
        settings: Arc::new(settings),
        hosts: Arc::new(hosts),
        warnings: Vec::new(),
        hosts_file: hosts_file.map(|(path, _)| path),
        hooks_file: hooks_file.map(|(path, _)| path),
        env_file,
        env: Arc::new(env.clone()),
    };
    startup::of_hosts(&config, &config.hosts, &mut warnings);
    config.warnings = warnings;
    Ok(config)
}

/// Reads the hosts file again under the same settings. On a fault nothing changes: the caller keeps the old set.
///
/// A file that was there at start and is not there any more is a fault, not an empty set: editors replace files in
/// two steps.
pub(crate) fn reload_hosts(config: &Config) -> Result<(Hosts, Diff), Faults> {
    let env = &*config.env;
    let settings = &*config.settings;
    let mut diff = Diff::default();
    let mut hosts = Hosts::default();
    if let Some(wanted) = wanted_hosts(settings, env) {
        match wanted.read(env)? {
            Some(file) => {
                let (read, warnings) = hosts_file::parse(&wanted.path, &file.text, settings, env)?;
                hosts = read;
                diff.warnings = warnings;
            }
            None if config.hosts_file.is_some() => return Err(wanted.fault("is not there any more".to_owned()).into()),
            None => {}
        }
    }
    let old = &config.hosts;
    for host in &hosts {
        match old.get(&host.alias) {
            None => diff.added.push(host.alias.clone()),
            Some(before) if before != host => diff.changed.push(host.alias.clone()),
            Some(_) => {}
        }
    }
    diff.removed = old.iter().filter(|h| hosts.get(&h.alias).is_none()).map(|h| h.alias.clone()).collect();
    startup::of_hosts(config, &hosts, &mut diff.warnings);
    Ok((hosts, diff))
}

/// Where the hosts file is, or belongs, as the environment and the file of settings say. `None` without a home folder.
pub(crate) fn hosts_path(env: &Env) -> Result<Option<PathBuf>, Faults> {
    let mut faults = Vec::new();
    let (_, entries) = read_env_file(env, &mut faults);
    let settings = variables::read(env, &entries, &mut faults, &mut Vec::new());
    Faults::of(faults)?;
    Ok(settings.and_then(|settings| wanted_hosts(&settings, env)).map(|wanted| wanted.path))
}

/// Where the file of settings is, or belongs. `None` where it is switched off, or without a home folder.
pub(crate) fn settings_path(env: &Env) -> Option<PathBuf> {
    wanted_env_file(env).map(|wanted| wanted.path)
}

fn wanted_hosts(settings: &Settings, env: &Env) -> Option<Wanted> {
    Wanted::of("SSH_HOSTS_FILE", settings.ssh_hosts_file.clone(), "hosts.toml", env)
}

fn read_optional(wanted: Option<&Wanted>, env: &Env, faults: &mut Vec<Fault>) -> Option<(PathBuf, TrustedFile)> {
    let wanted = wanted?;
    match wanted.read(env) {
        Ok(file) => file.map(|file| (wanted.path.clone(), file)),
        Err(fault) => {
            faults.push(fault);
            None
        }
    }
}

/// The file of settings, which the environment alone decides on.
fn wanted_env_file(env: &Env) -> Option<Wanted> {
    if variables::value_of(env, "SSH_MCP_DISABLE_DOTENV").is_some() {
        return None;
    }
    let named = variables::value_of(env, "SSH_ENV_FILE")
        .and_then(|v| v.to_str())
        .and_then(super::kind::given)
        .map(|path| env.absolute(path));
    Wanted::of("SSH_ENV_FILE", named, ".env", env)
}

fn read_env_file(env: &Env, faults: &mut Vec<Fault>) -> (Option<PathBuf>, Vec<Entry>) {
    let wanted = wanted_env_file(env);
    match read_optional(wanted.as_ref(), env, faults) {
        Some((path, file)) => {
            let entries = env_file::parse(&path, &file.text, faults);
            (Some(path), entries)
        }
        None => (None, Vec::new()),
    }
}

/// A missing SSH_CONFIG_FILE is ignored with a warning; one that is there can name commands, so it must be trusted.
fn ssh_config(settings: &mut Settings, env: &Env, faults: &mut Vec<Fault>, warnings: &mut Vec<Warning>) {
    let Some(path) = settings.ssh_config_file.clone() else { return };
    match trusted::locate(&path, env.uid()) {
        Ok(Some(real)) => {
            let text = format!("SSH_CONFIG_FILE: ssh reads {} in place of your own ssh_config", real.display());
            warnings.push(Warning::info(text));
        }
        Ok(None) => {
            let text = format!("SSH_CONFIG_FILE: {} is missing and ignored", path.display());
            warnings.push(Warning::warn(text));
            settings.ssh_config_file = None;
        }
        Err(why) => faults.push(Fault::file(&path, format!("(SSH_CONFIG_FILE) {why}"))),
    }
}

/// Patterns of the environment hold on every host, so where there are Windows hosts they must be good for them too.
fn windows_globs(settings: &Settings, hosts: &Hosts, faults: &mut Vec<Fault>) {
    let Some(host) = hosts.iter().find(|h| h.platform == Platform::Windows) else { return };
    for (name, globs) in [
        ("SSH_RESTRICTED_GLOBS", &settings.ssh_restricted_globs),
        ("SSH_REDACT_PATHS_GLOBS", &settings.ssh_redact_paths_globs),
    ] {
        for glob in globs {
            if let Err(why) = remote::check_glob(glob, Platform::Windows) {
                let what = format!("`{glob}` {why}, on Windows hosts such as {}", host.alias);
                faults.push(Fault::variable(name, what));
            }
        }
    }
}

/// Says that files of our names lie in the working directory, where they are not read.
fn strays(settings: &Settings, env: &Env, env_file: Option<&Path>, warnings: &mut Vec<Warning>) {
    let no_env_file = env_file.is_some() || variables::value_of(env, "SSH_MCP_DISABLE_DOTENV").is_some();
    for (leaf, setting, settled) in [
        ("hosts.toml", "SSH_HOSTS_FILE", settings.ssh_hosts_file.is_some()),
        ("hooks.toml", "SSH_HOOKS_FILE", settings.ssh_hooks_file.is_some()),
        (".env", "SSH_ENV_FILE", no_env_file),
    ] {
        let stray = env.cwd().join(leaf);
        let read = env.config_dir().is_some_and(|dir| dir == env.cwd());
        if !settled && !read && stray.symlink_metadata().is_ok() {
            let at = stray.display();
            warnings.push(Warning::warn(format!(
                "{at} is not read, since it lies in the working directory; to use it, set {setting}={at}"
            )));
        }
    }
}

#[cfg(test)]
mod tests;
