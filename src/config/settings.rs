//! Every environment variable, declared once: its name, its kind, its default and its meaning.
//!
//! Reading, `check`, hints for misspelt names and docs/configuration.md all come from this table.

use std::path::PathBuf;
use std::time::Duration;

use super::choices::BypassPolicy;
pub(crate) use super::choices::Transport;
use super::kind::{self, AnswerForm, Kind, LocalCommand, LogFormat, LogLevel, SudoMode, ToolProfile};
use crate::model::secret::Secret;
use crate::model::tier::Group;

/// One row of the table, without its type.
#[derive(Debug, Clone, Copy)]
pub struct Declared {
    /// The heading it stands under.
    pub section: &'static str,
    /// The variable's name.
    pub name: &'static str,
    /// The name of its kind.
    pub kind: &'static str,
    /// What it accepts.
    pub accepts: &'static str,
    /// The text that applies when it is not set; empty is none.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// True when its value must not be shown.
    pub secret: bool,
}

/// A variable that must not be set.
#[derive(Debug, Clone, Copy)]
pub struct Refused {
    /// Its name.
    pub name: &'static str,
    /// When it is refused, and what to do instead.
    pub instead: &'static str,
}

/// Variables of older set-ups that are refused when set.
pub const REFUSED: &[Refused] = &[
    Refused {
        name: "SSH_HOOKS_MODULE",
        instead: "hooks are commands declared in a file: name it with SSH_HOOKS_FILE and unset this one",
    },
    Refused {
        name: "SSH_SUDO_PASSWORD",
        instead: "a password in the environment can be read by every child process: with ALLOW_SUDO it is refused; \
                  use SSH_SUDO_PASSWORD_CMD or the keychain",
    },
];

/// Reads one setting. `text` is what was given; the default is read by the same rule.
pub(super) trait Source {
    /// The value of one row, or its default together with a fault.
    fn value<T>(&mut self, row: &Declared, kind: &Kind<T>) -> Option<T>;
}

macro_rules! settings {
    ($($section:literal { $(
        $name:ident $field:ident: $ty:ty = $kind:ident $default:literal, $meaning:literal;
    )* })*) => {
        /// The value of every variable. Lists hold the environment's own entries only.
        #[derive(Debug, Clone)]
        pub struct Settings { $($(
            #[doc = concat!("`", stringify!($name), "`: ", $meaning)]
            pub $field: $ty,
        )*)* }

        /// The table, in the order of the documents.
        pub const DECLARED: &[Declared] = &[$($(
            Declared {
                section: $section,
                name: stringify!($name),
                kind: kind::$kind.label,
                accepts: kind::$kind.accepts,
                default: $default,
                meaning: $meaning,
                secret: kind::$kind.secret,
            },
        )*)*];

        impl Settings {
            /// Reads every row. `None` when one had neither a readable value nor a readable default.
            pub(super) fn read(source: &mut impl Source) -> Option<Self> {
                let mut rows = DECLARED.iter();
                $($( let $field = rows.next().and_then(|row| source.value(row, &kind::$kind)); )*)*
                Some(Settings { $($( $field: $field?, )*)* })
            }
        }
    };
}

settings! {
    "SSH" {
        SSH_CONFIG_FILE ssh_config_file: Option<PathBuf> = PATH "",
            "Client configuration that `ssh` reads in place of the user's own. Missing: a warning, then ignored";
        SSH_KNOWN_HOSTS ssh_known_hosts: Option<PathBuf> = PATH "",
            "The only file of pinned host keys. Unset: what ssh_config says, by default `~/.ssh/known_hosts`. Missing: a warning, and every host counts as unknown";
        SSH_DEFAULT_USER ssh_default_user: Option<String> = USER "",
            "Login name where hosts.toml gives none. Unset: ssh_config decides";
        SSH_DEFAULT_KEY ssh_default_key: Option<PathBuf> = PATH "",
            "When set, hosts without an `auth` table use method `key` with this file";
        SSH_HOSTS_FILE ssh_hosts_file: Option<PathBuf> = PATH "",
            "The host registry. Unset: `hosts.toml` in the configuration folder, if it is there. Named and missing: refused";
        ALLOW_PASSWORD_AUTH allow_password_auth: bool = BOOL "false",
            "Without it, a host with method `password` is refused";
        SSH_CONNECT_TIMEOUT ssh_connect_timeout: Duration = SECONDS "10",
            "Limit for reaching and greeting one hop";
        SSH_COMMAND_TIMEOUT ssh_command_timeout: Duration = SECONDS "60",
            "Limit of a remote command where the call gives none";
        SSH_IDLE_TIMEOUT ssh_idle_timeout: Duration = SECONDS "300",
            "A connection that nothing has used for so long is closed; one in use never is";
        SSH_KEEPALIVE_INTERVAL ssh_keepalive_interval: Duration = INTERVAL "30",
            "Keep-alive period; three answers missed end the connection. 0: none";
        SSH_MAX_CONNECTIONS_PER_HOST ssh_max_connections_per_host: u64 = COUNT "4",
            "Connections that may be open to one host when its session limit is reached";
    }
    "Notes, skills, runbooks" {
        SSH_SKILLS_DIR ssh_skills_dir: Option<PathBuf> = PATH "",
            "Folder that replaces the built-in tool guides";
        SSH_RUNBOOKS_DIR ssh_runbooks_dir: Option<PathBuf> = PATH "",
            "Folder that replaces the built-in runbooks";
        SSH_ENABLE_RUNBOOKS ssh_enable_runbooks: bool = BOOL "true",
            "false: runbooks are not published. Tool guides are unaffected";
        SSH_HOST_NOTES_DIR ssh_host_notes_dir: Option<PathBuf> = NOTES "$XDG_DATA_HOME/ssh-mcp/notes",
            "Folder of the agents' notes, one ALIAS.md a host. Unset: `notes` in the data folder. Set but blank: no agent notes, and the tools that write them refuse";
        SSH_HOST_NOTES_MAX_BYTES ssh_host_notes_max_bytes: u64 = BYTES "262144",
            "Largest notes file";
        SSH_PING_INCLUDES_NOTES ssh_ping_includes_notes: bool = BOOL "true",
            "ssh_host_ping carries the operator's notes";
        SSH_PING_INCLUDES_AGENT_NOTES ssh_ping_includes_agent_notes: bool = BOOL "true",
            "ssh_host_ping carries the agents' notes";
    }
    "Tiers and catalogue" {
        ALLOW_LOW_ACCESS_TOOLS allow_low_access_tools: bool = BOOL "false",
            "Opens the low-access tier";
        ALLOW_DANGEROUS_TOOLS allow_dangerous_tools: bool = BOOL "false",
            "Opens the dangerous tier";
        ALLOW_SUDO allow_sudo: bool = BOOL "false",
            "Opens the sudo tier, only together with ALLOW_DANGEROUS_TOOLS";
        ALLOW_PERSISTENT_SESSIONS allow_persistent_sessions: bool = BOOL "true",
            "false hides ssh_shell_open and ssh_shell_exec";
        SSH_ENABLED_GROUPS ssh_enabled_groups: Vec<Group> = GROUPS "",
            "Groups to show; empty is all: host, session, sftp-read, file-ops, exec, sudo, shell, docker, keys, systemctl, pkg. An unknown name is refused";
        SSH_TOOL_PROFILE ssh_tool_profile: ToolProfile = PROFILE "full",
            "`core` shows 38 tools that do most work, for clients that stop at 40 (Cursor, Trae). Tiers and groups narrow it further";
        SSH_ENABLE_BM25 ssh_enable_bm25: bool = BOOL "false",
            "Search mode: the list shows a few tools and a search";
        SSH_BM25_MAX_RESULTS ssh_bm25_max_results: u64 = COUNT "8",
            "Tools returned by one search";
        SSH_BM25_ALWAYS_VISIBLE ssh_bm25_always_visible: Vec<String> = LIST "ssh_host_ping, ssh_host_info, ssh_session_list, ssh_shell_list",
            "Tools that stay listed in search mode";
    }
    "Commands" {
        ALLOW_ANY_COMMAND allow_any_command: bool = BOOL "false",
            "Asked only where a host's command list, united with SSH_COMMAND_ALLOWLIST, is empty: true allows every command, false none";
        SSH_COMMAND_ALLOWLIST ssh_command_allowlist: Vec<String> = LIST "",
            "Commands allowed on every host, united with each host's `command_allowlist`";
        SSH_EXEC_ALLOW_CHEATSHEET_PATTERNS ssh_exec_allow_cheatsheet_patterns: bool = BOOL "true",
            "false: a command that a tool covers exactly is refused; otherwise it runs and the answer names the call";
        SSH_ALLOW_SCRIPTS ssh_allow_scripts: bool = BOOL "false",
            "Allows ssh_exec_script and ssh_sudo_run_script where the command list is restricted; a script cannot be judged by such a list. A host's `allow_scripts` wins";
        SSH_COMMAND_PATH ssh_command_path: String = SEARCH_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "Folders, between colons, in which a bare program name is found on the host. Where none are named here, the folders follow in which the host was found to have programs that only root can change (NixOS, Guix, Entware, snap)";
    }
    "Hosts and paths" {
        SSH_HOSTS_ALLOWLIST ssh_hosts_allowlist: Vec<String> = HOSTNAMES "",
            "Hostnames that can be reached without an entry in hosts.toml, compared exactly";
        SSH_HOSTS_BLOCKLIST ssh_hosts_blocklist: Vec<String> = HOSTNAMES "",
            "Hostnames that can never be reached; wins over everything";
        SSH_PATH_ALLOWLIST ssh_path_allowlist: Vec<String> = LIST "",
            "Remote roots allowed on every host, united with each host's `path_allowlist`";
        SSH_RESTRICTED_PATHS ssh_restricted_paths: Vec<String> = ABSOLUTE "",
            "Remote zones closed on every host, united with each host's `restricted_paths`";
        SSH_RESTRICTED_GLOBS ssh_restricted_globs: Vec<String> = GLOBS "",
            "The same by pattern, united with each host's `restricted_globs`";
        SSH_LOCAL_TRANSFER_ROOTS ssh_local_transfer_roots: Vec<PathBuf> = FOLDERS "",
            "Local folders that `local_path` may name; empty switches `local_path` off";
        SSH_LOCAL_TRANSFER_MAX_BYTES ssh_local_transfer_max_bytes: u64 = BYTES "2147483648",
            "Largest transfer with `local_path`";
    }
    "Redaction" {
        SSH_REDACT_PATHS_GLOBS ssh_redact_paths_globs: Vec<String> = GLOBS "",
            "Paths whose content is only read redacted, united with each host's `redact_paths_globs`";
        SSH_REDACT_BYPASS_POLICY ssh_redact_bypass_policy: BypassPolicy = BYPASS "block",
            "What a raw read of such a path does: `block` refuses, `warn` delivers with a warning, `audit_only` delivers silently";
        SSH_REDACT_KEYS_ADD ssh_redact_keys_add: Vec<String> = LIST "",
            "Key names added to the built-in list";
        SSH_REDACT_KEYS_REPLACE ssh_redact_keys_replace: Vec<String> = LIST "",
            "Key names in place of the built-in list. Both set: refused";
        SSH_REDACT_SALT ssh_redact_salt: Option<Secret> = SALT "",
            "Key of the marks that stand for redacted values, 32 characters or more. Unset: a random key of this installation";
        SSH_REDACT_ENTROPY_DETECTION ssh_redact_entropy_detection: bool = BOOL "true",
            "Looks for secrets by shape, in addition to key names";
        SSH_REDACT_HINT_CHARS ssh_redact_hint_chars: u8 = HINT "0",
            "Characters shown at each end of a redacted value, 0 to 4";
    }
    "Answers" {
        SSH_ANSWER_MAX_BYTES ssh_answer_max_bytes: u64 = ANSWER_BYTES "32768",
            "Largest answer, as text and as structured data. What does not fit is kept for an hour and read with ssh_output_read. Clients that are known to show less get less (Codex: 9000)";
        SSH_ANSWER_FORM ssh_answer_form: Option<AnswerForm> = ANSWER_FORM "",
            "`both`, `text` or `structured`. Unset: what the client is known to show its model, else both. Clients of the revisions 2024-11-05 and 2025-03-26 always get text";
    }
    "Caps" {
        SSH_STDOUT_CAP_BYTES ssh_stdout_cap_bytes: u64 = BYTES "1048576",
            "Standard output kept of a command";
        SSH_STDERR_CAP_BYTES ssh_stderr_cap_bytes: u64 = BYTES "1048576",
            "Standard error kept of a command";
        SSH_EDIT_MAX_FILE_BYTES ssh_edit_max_file_bytes: u64 = BYTES "10485760",
            "Largest file of ssh_edit, ssh_patch and ssh_sudo_edit";
        SSH_UPLOAD_MAX_FILE_BYTES ssh_upload_max_file_bytes: u64 = BYTES "268435456",
            "Largest inline upload or download, redacted read, sudo read or write, and ssh_transfer";
        SSH_FIND_MAX_DEPTH ssh_find_max_depth: u64 = COUNT "10",
            "Deepest level of ssh_find";
        SSH_FIND_MAX_RESULTS ssh_find_max_results: u64 = COUNT "10000",
            "Most results of ssh_find";
        SSH_DELETE_FOLDER_MAX_ENTRIES ssh_delete_folder_max_entries: u64 = COUNT "10000",
            "Most entries that a recursive ssh_delete_folder removes";
    }
    "Jobs" {
        SSH_JOBS_MAX ssh_jobs_max: u64 = COUNT "20",
            "Jobs of an account that may run at once on a host; root's are counted by themselves";
        SSH_JOB_OUTPUT_MAX_BYTES ssh_job_output_max_bytes: u64 = BYTES "268435456",
            "Output kept of a job on its host, for each stream. Above it the oldest half is let go of, and answers name the range";
    }
    "Sudo and docker" {
        SSH_SUDO_PASSWORD_CMD ssh_sudo_password_cmd: Option<LocalCommand> = COMMAND "",
            "Local shell command that prints the sudo password, within 10 s";
        SSH_SUDO_MODE ssh_sudo_mode: SudoMode = SUDO_MODE "per-call",
            "`persistent-su` is accepted with a warning and behaves as `per-call`";
        SSH_DOCKER_CMD ssh_docker_cmd: String = WORDS "docker",
            "The docker command, split like a shell does (`podman`, `sudo docker`)";
        SSH_DOCKER_COMPOSE_CMD ssh_docker_compose_cmd: Option<String> = TEXT "",
            "The compose command. Unset: the docker command and `compose`";
        ALLOW_DOCKER_PRIVILEGED allow_docker_privileged: bool = BOOL "false",
            "true: ssh_docker_run does not look for ways out of the container";
    }
    "Hooks, transport, observability" {
        SSH_HOOKS_FILE ssh_hooks_file: Option<PathBuf> = PATH "",
            "Hook commands. Unset: `hooks.toml` in the configuration folder, if it is there. Named and missing, or broken: refused";
        SSH_AUDIT_FILE ssh_audit_file: Option<PathBuf> = PATH "",
            "File to which audit lines are appended, in addition to standard error, created with mode 0600. While it cannot be written, calls that change something are refused";
        SSH_ENV_FILE ssh_env_file: Option<PathBuf> = PATH "",
            "File of settings, read below the environment. Unset: `.env` in the configuration folder, if it is there. Named and missing: refused. Only read from the environment itself";
        SSH_MCP_DISABLE_DOTENV ssh_mcp_disable_dotenv: bool = ANY "",
            "Set to anything: no file of settings is read. Only read from the environment itself";
        MCP_TRANSPORT mcp_transport: Transport = TRANSPORT "stdio",
            "Only `stdio` is offered";
        MCP_HTTP_HOST mcp_http_host: Option<String> = TEXT "",
            "Accepted for older configurations; has no effect, and a warning says so";
        MCP_HTTP_PORT mcp_http_port: Option<u16> = PORT "",
            "Accepted for older configurations; has no effect, and a warning says so";
        LOG_LEVEL log_level: LogLevel = LEVEL "INFO",
            "Least urgent line that is logged to standard error. Does not silence the audit";
        LOG_FORMAT log_format: LogFormat = LOG_FORMAT "text",
            "How log lines look: `text`, or `json` for one object a line";
        OTEL_ENABLED otel_enabled: bool = BOOL "true",
            "false: no telemetry at all";
    }
}
