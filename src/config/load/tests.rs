use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::super::{AuthMethod, BypassPolicy, Level, RedactKeys};
use super::*;
use crate::config::HostConfig;
use crate::config::settings::{DECLARED, REFUSED};

/// A home, a working directory and nothing else.
struct World {
    root: tempfile::TempDir,
    vars: Vec<(String, String)>,
}

impl World {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["home/.config/ssh-mcp", "home/.ssh", "project"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        World { root, vars: Vec::new() }
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    fn path(&self, at: &str) -> PathBuf {
        self.root.path().join(at)
    }

    /// A file that only its owner can write.
    fn file(self, at: &str, text: &str) -> Self {
        fs::write(self.path(at), text).unwrap();
        fs::set_permissions(self.path(at), fs::Permissions::from_mode(0o600)).unwrap();
        self
    }

    fn env(&self) -> Env {
        let home = self.path("home").to_string_lossy().into_owned();
        let vars = std::iter::once(("HOME".to_owned(), home)).chain(self.vars.iter().cloned());
        Env::of(vars, self.path("project"))
    }

    fn load(&self) -> Result<Config, Faults> {
        load(&self.env())
    }

    fn faults(&self) -> Vec<String> {
        self.load().unwrap_err().iter().map(ToString::to_string).collect()
    }

    fn warnings(&self) -> Vec<Warning> {
        self.load().unwrap().warnings
    }

    fn warned(&self, text: &str) -> bool {
        self.warnings().iter().any(|w| w.level == Level::Warning && w.text.contains(text))
    }
}

const HOSTS: &str = "home/.config/ssh-mcp/hosts.toml";
const DOTENV: &str = "home/.config/ssh-mcp/.env";

#[test]
fn nothing_configured_loads_with_an_empty_set() {
    let world = World::new();
    let config = world.load().unwrap();
    assert!(config.hosts.is_empty() && config.hosts_file.is_none() && config.hooks_file.is_none());
    assert!(config.warnings.iter().any(|w| w.level == Level::Info && w.text.contains("no hosts file")));
    let bare = load(&Env::of::<&str, &str>([], "/")).unwrap();
    assert!(bare.hosts.is_empty() && bare.settings.ssh_host_notes_dir.is_none());
}

#[test]
fn defaults_are_those_of_the_contract() {
    let world = World::new();
    let s = world.load().unwrap().settings;
    assert_eq!((s.ssh_connect_timeout.as_secs(), s.ssh_command_timeout.as_secs()), (10, 60));
    assert_eq!((s.ssh_idle_timeout.as_secs(), s.ssh_keepalive_interval.as_secs()), (300, 30));
    assert_eq!(s.ssh_max_connections_per_host, 4);
    assert_eq!(
        (s.ssh_default_user.as_ref(), s.ssh_known_hosts.as_ref(), s.ssh_skills_dir.as_ref()),
        (None, None, None)
    );
    assert_eq!(s.ssh_host_notes_dir, Some(world.path("home/.local/share/ssh-mcp/notes")));
    assert_eq!(s.ssh_host_notes_max_bytes, 262_144);
    assert!(s.ssh_enable_runbooks && s.ssh_ping_includes_notes && s.ssh_ping_includes_agent_notes);
    assert!(!s.allow_low_access_tools && !s.allow_dangerous_tools && !s.allow_sudo && s.allow_persistent_sessions);
    assert!(s.ssh_enabled_groups.is_empty() && !s.ssh_enable_bm25);
    assert_eq!(s.ssh_bm25_max_results, 8);
    assert_eq!(s.ssh_bm25_always_visible, ["ssh_host_ping", "ssh_host_info", "ssh_session_list", "ssh_shell_list"]);
    assert!(!s.allow_any_command && !s.ssh_allow_scripts && s.ssh_exec_allow_cheatsheet_patterns);
    assert_eq!(s.ssh_local_transfer_max_bytes, 2_147_483_648);
    assert_eq!(s.ssh_redact_bypass_policy, BypassPolicy::Block);
    assert!(s.ssh_redact_entropy_detection && s.ssh_redact_salt.is_none() && s.ssh_redact_hint_chars == 0);
    assert_eq!((s.ssh_stdout_cap_bytes, s.ssh_stderr_cap_bytes), (1_048_576, 1_048_576));
    assert_eq!((s.ssh_edit_max_file_bytes, s.ssh_upload_max_file_bytes), (10_485_760, 268_435_456));
    assert_eq!((s.ssh_find_max_depth, s.ssh_find_max_results, s.ssh_delete_folder_max_entries), (10, 10_000, 10_000));
    assert_eq!((s.ssh_docker_cmd.as_str(), s.ssh_docker_compose_cmd.as_deref()), ("docker", None));
    assert_eq!(s.ssh_command_path, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    assert_eq!(s.ssh_command_path, crate::policy::command::DEFAULT_PATH);
    assert!(s.otel_enabled && !s.allow_docker_privileged && s.ssh_audit_file.is_none());
}

#[test]
fn names_are_known_in_any_case() {
    let s = World::new().set("ssh_command_Timeout", "7").load().unwrap().settings;
    assert_eq!(s.ssh_command_timeout.as_secs(), 7);
    let faults = World::new().set("ssh_command_timeout", "7").set("SSH_COMMAND_TIMEOUT", "8").faults();
    assert!(faults[0].starts_with("SSH_COMMAND_TIMEOUT: is set twice"), "{faults:?}");
    assert!(World::new().set("log_level", "debug").set("LOG_LEVEL", "debug").load().is_ok());
}

#[test]
fn switches_read_every_word() {
    for (words, want) in [
        (["true", "TRUE", "1", "yes", "On", "t", "Y", " true "], true),
        (["false", "False", "0", "no", "OFF", "f", "n", "N"], false),
    ] {
        for word in words {
            assert_eq!(World::new().set("ALLOW_SUDO", word).load().unwrap().settings.allow_sudo, want, "{word}");
        }
    }
}

/// A variable, a value that is refused, and what the line about it must hold.
const REFUSALS: &[(&str, &str, &str)] = &[
    ("ALLOW_SUDO", "maybe", "true or false"),
    ("ALLOW_SUDO", "", "true or false"),
    ("SSH_COMMAND_TIMEOUT", "ten", "whole number"),
    ("SSH_COMMAND_TIMEOUT", "0", "from 1"),
    ("SSH_COMMAND_TIMEOUT", "-1", "whole number"),
    ("SSH_COMMAND_TIMEOUT", "1.5", "whole number"),
    ("SSH_COMMAND_TIMEOUT", "99999999999999999999", "whole number"),
    ("SSH_STDOUT_CAP_BYTES", "1M", "bytes"),
    ("SSH_PATH_ALLOWLIST", "[\"/a\"", "JSON"),
    ("SSH_PATH_ALLOWLIST", "[1]", "JSON"),
    ("SSH_ENABLED_GROUPS", "host,sytemctl", "did you mean `systemctl`?"),
    ("SSH_ENABLED_GROUPS", "everything", "no group is called `everything`"),
    ("SSH_REDACT_BYPASS_POLICY", "allow", "block, warn or audit_only"),
    ("SSH_REDACT_HINT_CHARS", "5", "0 to 4"),
    ("SSH_REDACT_SALT", "hunter2", "32 characters"),
    ("SSH_SUDO_MODE", "always", "per-call"),
    ("LOG_LEVEL", "LOUD", "DEBUG"),
    ("MCP_TRANSPORT", "http", "does not offer"),
    ("MCP_TRANSPORT", "streamable-http", "does not offer"),
    ("MCP_TRANSPORT", "sse", "does not offer"),
    ("MCP_TRANSPORT", "carrier-pigeon", "stdio"),
    ("MCP_HTTP_PORT", "0", "65535"),
    ("SSH_DEFAULT_USER", "-oProxyCommand=x", "letters"),
    ("SSH_HOSTS_ALLOWLIST", "web,-oProxyCommand=x", "`-oProxyCommand=x`"),
    ("SSH_HOSTS_BLOCKLIST", "10.0.0.0/8", "`10.0.0.0/8`"),
    ("SSH_RESTRICTED_PATHS", "etc", "`etc`"),
    ("SSH_RESTRICTED_GLOBS", "[a,b", "JSON"),
    ("SSH_REDACT_PATHS_GLOBS", "{a", "not a pattern"),
    ("SSH_COMMAND_PATH", "/bin:", "absolute"),
    ("SSH_COMMAND_PATH", "bin", "absolute"),
    ("SSH_DOCKER_CMD", " ", "not blank"),
    ("SSH_HOOKS_MODULE", "my.hooks", "SSH_HOOKS_FILE"),
    ("SSH_HOSTS_FILE", "/no/such/hosts.toml", "SSH_HOSTS_FILE names it"),
    ("SSH_HOOKS_FILE", "/no/such/hooks.toml", "SSH_HOOKS_FILE names it"),
    ("SSH_ENV_FILE", "/no/such/.env", "SSH_ENV_FILE names it"),
];

#[test]
fn refusals_name_the_variable_in_one_line() {
    for (name, value, holds) in REFUSALS {
        let faults = World::new().set(name, value).faults();
        assert_eq!(faults.len(), 1, "{name}={value}: {faults:?}");
        assert!(faults[0].contains(name) && faults[0].contains(holds), "{name}={value}: {faults:?}");
        assert!(!faults[0].contains("hunter2") && faults[0].lines().count() == 1, "{faults:?}");
    }
}

#[test]
fn all_faults_of_all_files_come_at_once() {
    let faults = World::new()
        .set("ALLOW_SUDO", "maybe")
        .set("LOG_LEVEL", "LOUD")
        .file(DOTENV, "SSH_FIND_MAX_DEPTH=deep\nnonsense\n")
        .file(HOSTS, "[hosts.web]\nport = 0\n")
        .faults();
    assert_eq!(faults.len(), 5, "{faults:?}");
    assert!(faults.iter().any(|f| f.contains("/.env:1: SSH_FIND_MAX_DEPTH: `deep`")), "{faults:?}");
    assert!(faults.iter().any(|f| f.contains("/.env:2: the line is no")), "{faults:?}");
}

#[test]
fn every_declared_row_reads_its_default_and_is_unique() {
    let world = World::new();
    for row in DECLARED {
        assert!(!row.meaning.is_empty() && !row.accepts.is_empty(), "{}", row.name);
        assert_eq!(DECLARED.iter().filter(|r| r.name == row.name).count(), 1, "{}", row.name);
        // The default means the same when it is written out.
        if !row.default.is_empty() {
            let written = World::new().set(row.name, row.default).load();
            assert!(written.is_ok(), "{}: {:?}", row.name, written.err());
        }
    }
    assert!(REFUSED.iter().all(|r| DECLARED.iter().all(|d| d.name != r.name)));
    assert!(world.load().is_ok());
}

#[test]
fn blank_paths_are_unset() {
    let mut world = World::new();
    for row in DECLARED.iter().filter(|r| r.kind.contains("none")) {
        world = world.set(row.name, "  ");
    }
    let s = world.load().unwrap().settings;
    assert!(s.ssh_hosts_file.is_none() && s.ssh_skills_dir.is_none() && s.ssh_runbooks_dir.is_none());
    assert!(s.ssh_default_key.is_none() && s.ssh_config_file.is_none() && s.ssh_sudo_password_cmd.is_none());
    assert!(s.ssh_host_notes_dir.is_none(), "blank switches notes off");
}

#[test]
fn paths_expand_and_become_absolute() {
    let world = World::new().set("SSH_DEFAULT_KEY", "~/.ssh/k").set("SSH_LOCAL_TRANSFER_ROOTS", "out, /tmp,~/x");
    let s = world.load().unwrap().settings;
    assert_eq!(s.ssh_default_key, Some(world.path("home/.ssh/k")));
    let roots = [world.path("project/out"), PathBuf::from("/tmp"), world.path("home/x")];
    assert_eq!(s.ssh_local_transfer_roots, roots);
}

#[test]
fn lists_read_commas_and_json() {
    for (text, want) in [
        ("a, b,,c ", vec!["a", "b", "c"]),
        ("[\"a,b\", \"c\"]", vec!["a,b", "c"]),
        (" [] ", vec![]),
        ("", vec![]),
        (" , ", vec![]),
    ] {
        let s = World::new().set("SSH_COMMAND_ALLOWLIST", text).load().unwrap().settings;
        assert_eq!(s.ssh_command_allowlist, want, "{text}");
    }
}

#[test]
fn sudo_password_in_the_environment() {
    let faults = World::new().set("SSH_SUDO_PASSWORD", "hunter2").set("ALLOW_SUDO", "1").faults();
    assert!(faults[0].contains("SSH_SUDO_PASSWORD_CMD") && !faults[0].contains("hunter2"), "{faults:?}");
    assert!(World::new().set("SSH_SUDO_PASSWORD", "x").load().is_ok());
    assert!(World::new().set("SSH_SUDO_PASSWORD", "").set("ALLOW_SUDO", "1").load().is_ok());
    let file = World::new().file(DOTENV, "SSH_SUDO_PASSWORD=hunter2\nALLOW_SUDO=1\n").faults();
    assert!(file[0].contains(".env:1: SSH_SUDO_PASSWORD") && !file[0].contains("hunter2"), "{file:?}");
}

#[test]
fn nothing_secret_is_shown() {
    let world = World::new()
        .set("SSH_REDACT_SALT", "hunter2-hunter2-hunter2-hunter2-hunter2")
        .set("SSH_SUDO_PASSWORD_CMD", "echo hunter2")
        .set("OTHER_SECRET", "hunter2");
    let config = world.load().unwrap();
    assert!(config.settings.ssh_redact_salt.is_some() && config.settings.ssh_sudo_password_cmd.is_some());
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn misspelt_names_are_pointed_out() {
    for (name, near) in [
        ("SSH_COMAND_TIMEOUT", "SSH_COMMAND_TIMEOUT"),
        ("SSH_RESTRICTED_PATH", "SSH_RESTRICTED_PATHS"),
        ("ALLOW_DANGEROUS_TOOL", "ALLOW_DANGEROUS_TOOLS"),
        ("ssh_path_alowlist", "SSH_PATH_ALLOWLIST"),
        ("SSH_ALLOW_SUDO", "ALLOW_SUDO"),
        ("ALLOW_SCRIPTS", "SSH_ALLOW_SCRIPTS"),
        ("SSH_WHATEVER_ELSE", ""),
    ] {
        let warnings = World::new().set(name, "1").warnings();
        let hit = warnings.iter().find(|w| w.text.starts_with(&format!("{name} is not a setting")));
        assert_eq!(hit.is_some_and(|w| w.text.contains(near)), !near.is_empty(), "{name}: {warnings:?}");
    }
    for name in ["SSH_AUTH_SOCK", "SSH_CLIENT", "SSH_ASKPASS", "PATH", "VERSION", "LANG", "LOGLEVEL", "PATH_ALLOWLIST"]
    {
        let warnings = World::new().set(name, "1").warnings();
        assert!(warnings.iter().all(|w| !w.text.contains("is not a setting")), "{name}: {warnings:?}");
    }
    assert!(World::new().file(DOTENV, "SSH_ALLOW_SUDO=1\n").warned("/.env:1: SSH_ALLOW_SUDO is not a setting"));
}

#[test]
fn the_file_of_settings_lies_below_the_environment() {
    let world = World::new().set("SSH_FIND_MAX_DEPTH", "3");
    let world = world.file(DOTENV, "SSH_FIND_MAX_DEPTH=4\nexport ssh_find_max_results='5' # five\nUNKNOWN=1\n");
    let config = world.load().unwrap();
    assert_eq!((config.settings.ssh_find_max_depth, config.settings.ssh_find_max_results), (3, 5));
    assert_eq!(config.env_file, Some(world.path(DOTENV)));
    let off = world.set("SSH_MCP_DISABLE_DOTENV", "no").load().unwrap();
    assert_eq!((off.settings.ssh_find_max_results, off.env_file), (10_000, None));
    let twice = World::new().file(DOTENV, "LOG_LEVEL=INFO\nLOG_LEVEL=DEBUG\n").faults();
    assert!(twice[0].contains(".env:2: LOG_LEVEL: is set to another value than in line 1"), "{twice:?}");
}

#[test]
fn a_named_file_of_settings_replaces_the_default_one() {
    let world = World::new().file(DOTENV, "LOG_LEVEL=DEBUG\n").file("project/.env", "SSH_FIND_MAX_DEPTH=2\n");
    let config = world.set("SSH_ENV_FILE", ".env").load().unwrap();
    assert_eq!((config.settings.ssh_find_max_depth, config.settings.log_level.as_str()), (2, "INFO"));
    let world = World::new().file(DOTENV, "SSH_ENV_FILE=/x\nSSH_MCP_DISABLE_DOTENV=1\n");
    assert!(world.warned("SSH_ENV_FILE has no effect in this file"));
}

#[test]
fn a_hostile_project_folder_changes_nothing() {
    let hostile = "[hosts.evil]\nhostname = \"203.0.113.9\"\nauth = { method = \"key\", key = \"/k\", passphrase_cmd = \"id\" }\n";
    let world = World::new()
        .file("project/hosts.toml", hostile)
        .file("project/hooks.toml", "[[hook]]\ncommand = [\"id\"]\n")
        .file("project/.env", "ALLOW_SUDO=1\nSSH_SUDO_PASSWORD_CMD=id\nSSH_HOSTS_FILE=hosts.toml\n");
    let config = world.load().unwrap();
    assert!(config.hosts.is_empty() && !config.settings.allow_sudo && config.settings.ssh_sudo_password_cmd.is_none());
    assert_eq!((config.hosts_file.as_ref(), config.hooks_file.as_ref(), config.env_file.as_ref()), (None, None, None));
    for setting in ["SSH_HOSTS_FILE=", "SSH_HOOKS_FILE=", "SSH_ENV_FILE="] {
        assert!(world.warned(&format!("working directory; to use it, set {setting}")), "{setting}");
    }
}

#[test]
fn files_that_others_can_write_are_refused() {
    for leaf in ["hosts.toml", "hooks.toml", ".env"] {
        let at = format!("home/.config/ssh-mcp/{leaf}");
        let world = World::new().file(&at, "");
        assert!(world.load().is_ok(), "{leaf}");
        fs::set_permissions(world.path(&at), fs::Permissions::from_mode(0o666)).unwrap();
        assert!(world.faults()[0].contains("others can write"), "{leaf}");
        fs::set_permissions(world.path(&at), fs::Permissions::from_mode(0o600)).unwrap();
        let folder = world.path("home/.config/ssh-mcp");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(world.faults()[0].contains("others can write"), "{leaf}");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let world = World::new().file("home/ssh_config", "Host x\n");
    let named = world.path("home/ssh_config").to_string_lossy().into_owned();
    let world = world.set("SSH_CONFIG_FILE", &named);
    assert_eq!(world.load().unwrap().settings.ssh_config_file, Some(PathBuf::from(&named)));
    fs::set_permissions(&named, fs::Permissions::from_mode(0o662)).unwrap();
    assert!(world.faults()[0].contains("SSH_CONFIG_FILE"));
}

#[test]
fn a_missing_ssh_config_is_ignored_with_a_warning() {
    let world = World::new().set("SSH_CONFIG_FILE", "/no/such/config");
    assert!(world.warned("SSH_CONFIG_FILE: /no/such/config is missing"));
    assert_eq!(world.load().unwrap().settings.ssh_config_file, None);
}

#[test]
fn effective_lists_unite_with_the_host_first() {
    let world = World::new()
        .set("SSH_PATH_ALLOWLIST", "/opt,/srv/")
        .set("SSH_RESTRICTED_PATHS", "/srv/env")
        .set("SSH_COMMAND_ALLOWLIST", "id,uptime")
        .set("SSH_REDACT_KEYS_ADD", "ENV_KEY")
        .set("SSH_REDACT_HINT_CHARS", "3")
        .set("SSH_ALLOW_SCRIPTS", "1")
        .file(
            HOSTS,
            "[hosts.a]\npath_allowlist=['/srv']\nrestricted_paths=['/srv/own']\ncommand_allowlist=['uptime','df']\n\
             redact_keys_add=['OWN']\nredact_hint_chars=0\nallow_scripts=false\ndocker_cmd='podman'\n\
             [hosts.b]\nredact_keys_replace=['ONLY']\nredact_bypass_policy='warn'\n",
        );
    let config = world.load().unwrap();
    let a = config.effective(config.hosts.get("a").unwrap());
    assert_eq!(a.path_allowlist, ["/srv", "/opt"]);
    assert_eq!(a.restricted_paths, ["/srv/own", "/srv/env"]);
    assert_eq!(a.command_allowlist, ["uptime", "df", "id"]);
    assert_eq!(a.redact_keys, RedactKeys::Add(vec!["ENV_KEY".to_owned(), "OWN".to_owned()]));
    assert_eq!((a.redact_hint_chars, a.allow_scripts, a.docker_cmd.as_str()), (0, false, "podman"));
    assert_eq!(a.bypass_policy, BypassPolicy::Block);
    let b = config.effective(config.hosts.get("b").unwrap());
    assert_eq!(b.redact_keys, RedactKeys::Replace(vec!["ONLY".to_owned()]));
    assert_eq!((b.bypass_policy, b.redact_hint_chars, b.allow_scripts), (BypassPolicy::Warn, 3, true));
    let bare = config.effective(&HostConfig::bare("x", &config.settings));
    assert_eq!(bare.path_allowlist, ["/opt", "/srv/"]);
    let both = World::new().set("SSH_REDACT_KEYS_ADD", "a").set("SSH_REDACT_KEYS_REPLACE", "b").faults();
    assert!(both[0].starts_with("SSH_REDACT_KEYS_REPLACE: "), "{both:?}");
}

#[test]
fn a_host_of_the_allowlist_takes_the_environment() {
    let config = World::new().set("SSH_DEFAULT_USER", "ops").set("SSH_DEFAULT_KEY", "/k").load().unwrap();
    let host = HostConfig::bare("10.0.0.9", &config.settings);
    assert_eq!((host.user.as_deref(), host.port, host.auth.method), (Some("ops"), None, AuthMethod::Key));
}

#[test]
fn wide_lists_are_pointed_out_wherever_they_come_from() {
    let own =
        World::new().file(HOSTS, "[hosts.web]\npath_allowlist=['*']\nrestricted_paths=['/etc/ssh','/etc/sudoers.d']\n");
    assert!(own.warned("host web: path_allowlist has `*`"));
    assert!(own.warned("no restricted path covers /etc/shadow, /etc/sudoers,"));
    let env = World::new().set("SSH_PATH_ALLOWLIST", "/").file(HOSTS, "[hosts.web]\nrestricted_globs=['/etc/**']\n");
    assert!(env.warned("host web: SSH_PATH_ALLOWLIST has `/`") && !env.warned("no restricted path"));
    let unnamed = World::new().set("SSH_PATH_ALLOWLIST", "*").set("SSH_HOSTS_ALLOWLIST", "web");
    assert!(unnamed.warned("hosts of SSH_HOSTS_ALLOWLIST: SSH_PATH_ALLOWLIST has `*`"));
    let narrow = World::new().file(HOSTS, "[hosts.web]\npath_allowlist=['/srv']\n");
    assert!(!narrow.warned("path_allowlist"));

    let commands = World::new().file(HOSTS, "[hosts.web]\ncommand_allowlist=['*']\n");
    assert!(!commands.warned("allows every command"));
    let commands = commands.set("ALLOW_DANGEROUS_TOOLS", "1");
    assert!(commands.warned("host web: command_allowlist has `*`"));
    let any = World::new().set("ALLOW_DANGEROUS_TOOLS", "1").set("ALLOW_ANY_COMMAND", "1").file(HOSTS, "[hosts.web]\n");
    assert!(any.warned("ALLOW_ANY_COMMAND"));
    assert!(!any.set("SSH_COMMAND_ALLOWLIST", "id").warned("ALLOW_ANY_COMMAND"));
}

#[test]
fn patterns_of_the_environment_must_be_good_for_windows_hosts_too() {
    let glob = "a/\\../b";
    assert!(World::new().set("SSH_RESTRICTED_GLOBS", glob).load().is_ok());
    let faults =
        World::new().set("SSH_RESTRICTED_GLOBS", glob).file(HOSTS, "[hosts.win]\nplatform='windows'\n").faults();
    assert!(faults[0].starts_with("SSH_RESTRICTED_GLOBS: ") && faults[0].contains("such as win"), "{faults:?}");
}

#[test]
fn other_start_up_warnings() {
    assert!(World::new().set("ALLOW_SUDO", "1").warned("ALLOW_SUDO has no effect"));
    let su = World::new().set("ALLOW_SUDO", "1").set("SSH_SUDO_MODE", "persistent-su");
    assert!(su.warned("persistent-su behaves as per-call"));
    assert!(!World::new().set("SSH_SUDO_MODE", "persistent-su").warned("persistent-su"));
    assert!(World::new().set("SSH_KNOWN_HOSTS", "/no/such/file").warned("SSH_KNOWN_HOSTS: /no/such/file is missing"));
    assert!(World::new().set("MCP_HTTP_PORT", "8000").warned("MCP_HTTP_PORT has no effect"));
    assert!(World::new().set("SSH_PATH_ALLOWLIST", "srv").warned("entry `srv` cannot match"));
    let quiet = World::new().set("SSH_SKILLS_DIR", "/no/such").set("SSH_ENABLE_RUNBOOKS", "no").warnings();
    for text in ["SSH_SKILLS_DIR: /no/such is not a folder", "runbooks are not published"] {
        assert!(quiet.iter().any(|w| w.level == Level::Info && w.text.contains(text)), "{text}");
    }
}

#[test]
fn reload_tells_what_changed_and_keeps_the_old_set_on_a_fault() {
    let world = World::new().file(HOSTS, "[hosts.a]\n[hosts.b]\n[hosts.c]\n");
    let config = world.load().unwrap();
    let (same, diff) = reload_hosts(&config).unwrap();
    assert_eq!((same.len(), diff), (3, Diff::default()));

    let world = world.file(HOSTS, "[hosts.d]\n[hosts.b]\nport = 2222\n[hosts.c]\n");
    let (hosts, diff) = reload_hosts(&config).unwrap();
    assert_eq!(hosts.len(), 3);
    assert_eq!((diff.added, diff.removed, diff.changed), (vec!["d".into()], vec!["a".into()], vec!["b".into()]));

    let world = world.file(HOSTS, "[hosts.d]\nport = 0\n");
    assert!(reload_hosts(&config).unwrap_err().to_string().contains("hosts.d.port"));
    fs::remove_file(world.path(HOSTS)).unwrap();
    assert!(reload_hosts(&config).unwrap_err().to_string().contains("not there any more"));
    assert_eq!(config.hosts.len(), 3);
}

#[test]
fn reload_finds_a_file_that_came_later() {
    let world = World::new();
    let config = world.load().unwrap();
    assert_eq!(reload_hosts(&config).unwrap().1, Diff::default());
    let world = world.file(HOSTS, "[hosts.a]\npath_allowlist=['*']\n");
    let (_, diff) = reload_hosts(&config).unwrap();
    assert_eq!(diff.added, ["a"]);
    assert!(diff.warnings.iter().any(|w| w.text.contains("allows every path")));
    drop(world);
}

#[test]
fn ours_is_told_from_foreign() {
    use std::ffi::OsStr;
    for (name, ours) in [
        ("SSH_REDACT_SALT", true),
        ("ssh_sudo_password", true),
        ("OTEL_EXPORTER_OTLP_HEADERS", true),
        ("SSH_AUTH_SOCK", false),
        ("PATH", false),
    ] {
        assert_eq!(super::super::is_setting(OsStr::new(name)), ours, "{name}");
    }
}
