//! From configuration to a running engine: the same for serving, for `call` and for tests.

use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::audit::{self, Audit, HashKey};
use crate::config::{self, Config, Env, LogFormat, LogLevel, Settings};
use crate::hooks::{self, Hooks};
use crate::redact::engine::MarkerKey;
use crate::skills::{Library, Sources};
use crate::ssh::connect::{ControlDir, SshEnv};
use crate::telemetry::logging;
use crate::toolkit::dispatch::{Parts, ToolBackend};
use crate::tools;
use tracing::level_filters::LevelFilter;

/// Everything that serving needs.
#[derive(Debug)]
pub(crate) struct Booted {
    /// The engine.
    pub backend: ToolBackend,
    /// Guides and runbooks.
    pub library: Arc<Library>,
    /// What to tell the operator.
    pub notes: Vec<config::Warning>,
}

/// Why the server does not start: one line per fault.
#[derive(Debug)]
pub(crate) struct Refused(pub Vec<String>);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Refused {}

/// Reads and checks the configuration.
pub(crate) fn configuration(env: &Env) -> Result<Config, Refused> {
    config::load(env).map_err(|faults| Refused(faults.iter().map(ToString::to_string).collect()))
}

/// Makes standard error the log, as configured.
pub(crate) fn log(settings: &Settings) {
    let level = match settings.log_level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Error | LogLevel::Critical => LevelFilter::ERROR,
    };
    let format = match settings.log_format {
        LogFormat::Text => logging::Format::Text,
        LogFormat::Json => logging::Format::Json,
    };
    logging::init(level, format, audit::TARGET);
}

/// Puts the server together. Opens no connection.
pub(crate) fn boot(env: &Env, config: Config) -> Result<Booted, Refused> {
    let settings = config.settings.clone();
    let mut notes = config.warnings.clone();
    let audit = Audit::open(audit_key(env, &mut notes)?, settings.ssh_audit_file.as_deref())
        .map_err(|e| Refused(vec![format!("SSH_AUDIT_FILE: {e}")]))?;
    let commands = match &config.hooks_file {
        Some(path) => hooks::read(path).map_err(|f| Refused(f.iter().map(ToString::to_string).collect()))?,
        None => Vec::new(),
    };
    let control = ControlDir::create().map_err(|e| Refused(vec![e.to_string()]))?;
    let ssh = ssh_env(&settings);
    let (library, said) = Library::open(&Sources {
        skills: settings.ssh_skills_dir.clone(),
        runbooks: settings.ssh_runbooks_dir.clone(),
        no_runbooks: !settings.ssh_enable_runbooks,
    });
    let library = Arc::new(library);
    let backend = ToolBackend::new(
        tools::all(),
        Parts { config, audit, hooks: Hooks::new(commands, Vec::new()), guides: library.clone(), ssh, control },
    )
    .map_err(Refused)?;
    let warning = |text: &String| config::Warning { level: config::Level::Warning, text: text.clone() };
    notes.extend(backend.state().snapshot().warnings.iter().map(warning));
    notes.extend(said.iter().map(warning));
    Ok(Booted { backend, library, notes })
}

/// How ssh is started under these settings.
pub fn ssh_env(settings: &Settings) -> SshEnv {
    SshEnv {
        config_file: settings.ssh_config_file.clone(),
        known_hosts: settings.ssh_known_hosts.clone(),
        connect_timeout: settings.ssh_connect_timeout,
        keepalive: settings.ssh_keepalive_interval,
        withheld: withheld(),
        own_program: own_program(),
        extra: Vec::new(),
    }
}

/// No child of ours gets our settings: names of every variable that is one.
fn withheld() -> Arc<[String]> {
    config::settings::DECLARED.iter().map(|declared| declared.name.to_owned()).collect()
}

/// This program's own file, which is also the askpass helper.
fn own_program() -> Option<PathBuf> {
    std::env::current_exe().ok()
}

/// The key of the audit's digests, from the key of this installation, so that digests of several runs compare.
fn audit_key(env: &Env, notes: &mut Vec<config::Warning>) -> Result<HashKey, Refused> {
    let kept = env.data_dir().ok_or_else(|| "there is no home folder".to_owned()).and_then(|folder| {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(|error| format!("{}: {error}", folder.display()))?;
        MarkerKey::load_or_create(&folder).map_err(|error| error.to_string())
    });
    let key = match kept {
        Ok(key) => key,
        Err(why) => {
            let text = format!("digests in the audit cannot be compared with those of other runs: {why}");
            notes.push(config::Warning { level: config::Level::Warning, text });
            MarkerKey::random().map_err(|error| Refused(vec![error.to_string()]))?
        }
    };
    Ok(HashKey::derive(&key.derived("audit digests")))
}
