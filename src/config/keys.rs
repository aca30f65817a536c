//! Every key of hosts.toml, declared once: its kind, its default and its meaning.
//!
//! Reading, refusals of unknown keys and docs/configuration.md all come from these tables.

use toml::de::{DeTable, DeValue};

use super::document::{At, Document, Place};
use super::hosts::{AuthMethod, BypassPolicy, Platform};
use super::kind::{LocalCommand, SudoMode, given};
use super::name::{USER_RULE, check_fingerprint, check_hostname, is_user};
use super::remote::{check_allowed, check_any_glob, check_restricted};

/// One row of a table, without its type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    /// The key.
    pub name: &'static str,
    /// The name of its kind.
    pub kind: &'static str,
    /// What applies without it; empty is none.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

/// How one kind of key is named and read. The error is a clause that fits after the key's name.
pub(super) struct TomlKind<T> {
    label: &'static str,
    read: fn(&DeValue<'_>) -> Result<T, String>,
}

/// Tables that merge key by key.
pub(super) trait Merge {
    /// These values, and for keys that are not given those of `defaults`.
    fn over(self, defaults: &Self) -> Self;
}

/// Declares the keys of one table and the values that a file gives for them.
macro_rules! keys {
    ($(#[$meta:meta])* $name:ident $table:ident { $(
        $field:ident: $ty:ty = $kind:ident $default:literal, $meaning:literal;
    )* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default)]
        pub(super) struct $name { $( pub(super) $field: Option<At<$ty>>, )* }

        /// The keys, in the order of the documents.
        pub(crate) const $table: &[Key] = &[$(
            Key { name: stringify!($field), kind: $kind.label, default: $default, meaning: $meaning },
        )*];

        impl $name {
            /// Reads a table; every fault goes to the document. Keys of `tables` are left to the caller.
            pub(super) fn read(doc: &mut Document<'_>, table: &DeTable<'_>, at: &Place, tables: &[&str]) -> Self {
                let mut read = Self::default();
                for (key, value) in table.iter() {
                    match key.get_ref().as_ref() {
                        $( stringify!($field) => {
                            let place = at.key(stringify!($field), doc.line(value.span().start));
                            match ($kind.read)(value.get_ref()) {
                                Ok(value) => read.$field = Some(At { value, place }),
                                Err(why) => doc.fault(&place, why),
                            }
                        } )*
                        other if tables.contains(&other) => {}
                        other => {
                            let line = doc.line(key.span().start);
                            doc.unknown_key(at, other, line, $table.iter().map(|k| k.name).chain(tables.iter().copied()));
                        }
                    }
                }
                read
            }
        }

        impl Merge for $name {
            fn over(self, defaults: &Self) -> Self {
                Self { $( $field: self.$field.or_else(|| defaults.$field.clone()), )* }
            }
        }
    };
}

keys! {
    /// What one host, or `[defaults]`, gives.
    HostKeys HOST_KEYS {
        hostname: String = HOSTNAME "the alias",
            "What ssh connects to: a name, an address, or an alias of ssh_config. Allow and block rules compare it exactly";
        user: String = USER "SSH_DEFAULT_USER",
            "Login name. Without it and SSH_DEFAULT_USER, ssh_config decides";
        port: u16 = PORT "",
            "1 to 65535. Without it ssh_config decides, which is 22 where it says nothing";
        platform: Platform = PLATFORM "posix",
            "`posix` or `windows`; `linux`, `macos`, `bsd` and `darwin` mean `posix`";
        default_dir: String = TEXT "",
            "Accepted, without effect";
        sudo_mode: SudoMode = SUDO_MODE "per-call",
            "Accepted, without effect";
        path_allowlist: Vec<String> = ALLOWED_PATHS "[]",
            "Roots that path tools may touch: absolute paths, or `*` or `/` for everything";
        restricted_paths: Vec<String> = PATHS "[]",
            "Zones that stay closed whatever is allowed: absolute paths";
        restricted_globs: Vec<String> = GLOBS "[]",
            "The same by pattern";
        redact_paths_globs: Vec<String> = GLOBS "[]",
            "Paths whose content is only read redacted";
        redact_keys_add: Vec<String> = TEXTS "[]",
            "Key names added to the built-in list; not together with `redact_keys_replace`";
        redact_keys_replace: Vec<String> = TEXTS "[]",
            "Key names in place of the built-in list";
        redact_entropy_detection: bool = BOOL "SSH_REDACT_ENTROPY_DETECTION",
            "Looks for secrets by shape, in addition to key names";
        redact_bypass_policy: BypassPolicy = BYPASS "SSH_REDACT_BYPASS_POLICY",
            "`block`, `warn` or `audit_only`";
        redact_hint_chars: u8 = HINT "SSH_REDACT_HINT_CHARS",
            "Characters shown at each end of a redacted value, 0 to 4";
        command_allowlist: Vec<String> = COMMANDS "[]",
            "Commands that may run: whole commands, `PROGRAM *`, a harmless program alone, or `*` for everything";
        cwd_allowlist: Vec<String> = FOLDERS "[]",
            "Folders in or below which a restricted command list may run by `cwd`: absolute paths without links. One that tools may write is refused when called";
        env_allowlist: Vec<String> = TEXTS "[]",
            "Names of variables that calls may set by `env` under a restricted command list";
        login_environment: bool = BOOL "false",
            "Commands get the variables that the account has in an interactive login terminal (nvm, conda, brew); read once for each connection";
        allow_scripts: bool = BOOL "SSH_ALLOW_SCRIPTS",
            "Whether scripts may run under a restricted command list";
        proxy_jump: Vec<String> = JUMP "[]",
            "Alias or aliases of this file through which the host is reached, the nearest first";
        persistent_session: bool = BOOL "true",
            "false: ssh_shell_open is refused";
        docker_cmd: String = TEXT "SSH_DOCKER_CMD",
            "The docker command of this host";
        docker_bind_allowlist: Vec<String> = ALLOWED_PATHS "[]",
            "Folders that containers may be given for writing, at or below them: absolute paths without links, or `*`. Who writes there is trusted with everything below";
        notes: String = TEXT "",
            "What agents should know about the host; they cannot change it";
    }
}

keys! {
    /// What one `auth` table gives.
    AuthKeys AUTH_KEYS {
        method: AuthMethod = METHOD "agent (key when SSH_DEFAULT_KEY is set)",
            "`agent`, `key` or `password`";
        identity_agent: String = TEXT "",
            "Socket of the agent; `~` and `$NAME` are expanded. Without it, what ssh_config or SSH_AUTH_SOCK says";
        identity_fingerprint: String = FINGERPRINT "",
            "`SHA256:...` of the only agent key to offer";
        identities_only: bool = BOOL "false",
            "Offer nothing but that key; needs `identity_fingerprint` with method `agent`";
        key: String = TEXT "SSH_DEFAULT_KEY",
            "Private key file; `~` and `$NAME` are expanded. Required by method `key`, which offers nothing else";
        passphrase_cmd: LocalCommand = COMMAND "",
            "Local shell command that prints the passphrase of `key`, within 10 s";
        password_cmd: LocalCommand = COMMAND "",
            "Local shell command that prints the password. Required by method `password`";
    }
}

keys! {
    /// What one `alerts` table gives.
    AlertKeys ALERT_KEYS {
        disk_use_percent_max: i64 = INTEGER "",
            "Highest use of a file system, in percent";
        load_avg_1min_max: f64 = NUMBER "",
            "Highest load average over one minute";
        mem_free_percent_min: i64 = INTEGER "",
            "Least free memory, in percent";
        disk_mounts: Vec<String> = TEXTS "[]",
            "Mount points to look at; none means all";
    }
}

fn text<'a>(value: &'a DeValue<'_>) -> Result<&'a str, String> {
    value.as_str().ok_or_else(|| format!("must be a text in quotes, not {}", named(value)))
}

fn named(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn texts(value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let Some(items) = value.as_array() else {
        return Err(format!("must be a list of texts, not {}", named(value)));
    };
    items.iter().map(|item| text(item.get_ref()).map(str::to_owned).map_err(|e| format!("each entry {e}"))).collect()
}

/// A list whose entries pass a check; the first that does not is named.
fn checked(value: &DeValue<'_>, check: fn(&str) -> Result<(), String>) -> Result<Vec<String>, String> {
    let items = texts(value)?;
    match items.iter().find_map(|item| check(item).err().map(|why| format!("entry `{item}` {why}"))) {
        Some(why) => Err(why),
        None => Ok(items),
    }
}

fn integer(value: &DeValue<'_>) -> Result<i64, String> {
    let number = value.as_integer().ok_or_else(|| format!("must be a whole number, not {}", named(value)))?;
    i64::from_str_radix(number.as_str(), number.radix()).map_err(|_| "is too large".to_owned())
}

fn one_of<T>(value: &DeValue<'_>, read: fn(&str) -> Option<T>, words: &[&str]) -> Result<T, String> {
    let word = text(value)?;
    read(word).ok_or_else(|| {
        let known = words.join(", ");
        match super::nearest::nearest(word, words.iter().copied()) {
            Some(near) => format!("`{word}` is not accepted; did you mean `{near}`? accepted: {known}"),
            None => format!("`{word}` is not accepted; accepted: {known}"),
        }
    })
}

fn plain(item: &str) -> Result<(), String> {
    if given(item).is_none() {
        return Err("is blank".to_owned());
    }
    if item.chars().any(char::is_control) { Err("holds a control character".to_owned()) } else { Ok(()) }
}

const TEXT: TomlKind<String> = TomlKind { label: "string", read: |v| text(v).map(str::to_owned) };
const TEXTS: TomlKind<Vec<String>> = TomlKind { label: "string[]", read: |v| checked(v, plain) };
const COMMANDS: TomlKind<Vec<String>> = TomlKind { label: "string[]", read: |v| checked(v, plain) };
const PATHS: TomlKind<Vec<String>> = TomlKind { label: "string[]", read: |v| checked(v, check_restricted) };
const ALLOWED_PATHS: TomlKind<Vec<String>> = TomlKind { label: "string[]", read: |v| checked(v, check_allowed) };
const FOLDERS: TomlKind<Vec<String>> = TomlKind {
    label: "string[]",
    read: |v| {
        checked(v, |entry| {
            crate::model::remote_path::RemotePath::parse(entry)
                .map(drop)
                .map_err(|why| format!("is not an absolute folder: {why}"))
        })
    },
};
const GLOBS: TomlKind<Vec<String>> = TomlKind { label: "string[]", read: |v| checked(v, check_any_glob) };
const INTEGER: TomlKind<i64> = TomlKind { label: "int", read: integer };
const NUMBER: TomlKind<f64> = TomlKind {
    label: "float",
    read: |v| match v {
        DeValue::Float(f) => {
            f.as_str().parse::<f64>().ok().filter(|n| n.is_finite()).ok_or_else(|| "must be a finite number".to_owned())
        }
        _ => integer(v).map(|n| n as f64).map_err(|_| format!("must be a number, not {}", named(v))),
    },
};
const BOOL: TomlKind<bool> = TomlKind {
    label: "bool",
    read: |v| v.as_bool().ok_or_else(|| format!("must be true or false without quotes, not {}", named(v))),
};
const HOSTNAME: TomlKind<String> = TomlKind {
    label: "string",
    read: |v| {
        let name = text(v)?;
        check_hostname(name).map_err(|why| format!("`{name}` {why}"))?;
        Ok(name.to_owned())
    },
};
const USER: TomlKind<String> = TomlKind {
    label: "string",
    read: |v| {
        let name = text(v)?;
        if is_user(name) {
            Ok(name.to_owned())
        } else {
            Err(format!("`{name}` is not accepted; accepted: {USER_RULE}"))
        }
    },
};
const PORT: TomlKind<u16> = TomlKind {
    label: "int",
    read: |v| {
        let number = integer(v)?;
        u16::try_from(number)
            .ok()
            .filter(|p| *p > 0)
            .ok_or_else(|| format!("{number} is not a port; accepted: 1 to 65535"))
    },
};
const HINT: TomlKind<u8> = TomlKind {
    label: "int",
    read: |v| {
        let number = integer(v)?;
        u8::try_from(number).ok().filter(|n| *n <= 4).ok_or_else(|| format!("{number} is outside 0 to 4"))
    },
};
const PLATFORM: TomlKind<Platform> = TomlKind {
    label: "posix, windows",
    read: |v| {
        let read = |word: &str| match word.to_ascii_lowercase().as_str() {
            "linux" | "macos" | "bsd" | "darwin" => Some(Platform::Posix),
            other => Platform::from_word(other),
        };
        one_of(v, read, &["posix", "windows", "linux", "macos", "bsd", "darwin"])
    },
};
const SUDO_MODE: TomlKind<SudoMode> =
    TomlKind { label: "per-call, persistent-su", read: |v| one_of(v, SudoMode::from_word, SudoMode::WORDS) };
const BYPASS: TomlKind<BypassPolicy> =
    TomlKind { label: "block, warn, audit_only", read: |v| one_of(v, BypassPolicy::from_word, BypassPolicy::WORDS) };
const METHOD: TomlKind<AuthMethod> =
    TomlKind { label: "agent, key, password", read: |v| one_of(v, AuthMethod::from_word, AuthMethod::WORDS) };
const JUMP: TomlKind<Vec<String>> = TomlKind {
    label: "string or string[]",
    read: |v| match v {
        DeValue::String(alias) => Ok(given(alias).map(str::to_owned).into_iter().collect()),
        _ => checked(v, plain),
    },
};
const FINGERPRINT: TomlKind<String> = TomlKind {
    label: "string",
    read: |v| {
        let print = text(v)?;
        check_fingerprint(print).map_err(|why| format!("`{print}` {why}"))?;
        Ok(print.to_owned())
    },
};
const COMMAND: TomlKind<LocalCommand> = TomlKind {
    label: "string",
    read: |v| LocalCommand::new(text(v)?).ok_or_else(|| "is blank; leave the key out instead".to_owned()),
};
