//! Reads hosts.toml: the tables, the merge with `[defaults]` and the environment, and the rules between keys.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::document::{At, Document, Place};
use super::env::Env;
use super::fault::{Faults, Warning};
use super::hosts::{Alerts, Auth, AuthMethod, HostConfig, Hosts, Platform};
use super::jump;
use super::keys::{AlertKeys, AuthKeys, HostKeys, Merge};
use super::kind::given;
use super::name::{check_alias, check_hostname};
use super::remote::{check_glob, fits};
use super::settings::Settings;

/// The tables that stand inside a host and inside `[defaults]`.
const INNER: &[&str] = &["auth", "alerts"];

/// One host, or the defaults, as the file gives it.
#[derive(Default)]
struct Layer {
    keys: HostKeys,
    auth: AuthKeys,
    /// Replaced as a whole, so `None` differs from an empty table.
    alerts: Option<AlertKeys>,
}

/// Reads the text of a hosts file. `file` is only named in faults; `env` expands `~` and `$NAME`.
pub fn parse(file: &Path, text: &str, settings: &Settings, env: &Env) -> Result<(Hosts, Vec<Warning>), Faults> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut doc = Document::new(file, text);
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let line = doc.line(error.span().map_or(0, |s| s.start));
        // The message alone: the error's `Display` quotes the line, which may hold a secret.
        doc.fault_at(line, format!("is not TOML: {}", error.message()));
    }
    if !errors.is_empty() {
        return doc.finish(Hosts::default());
    }
    let root = root.get_ref();
    let mut defaults = Layer::default();
    let mut written: Vec<(&str, usize, Layer)> = Vec::new();
    for (key, value) in root {
        let line = doc.line(key.span().start);
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("defaults", DeValue::Table(table)) => {
                defaults = read_layer(&mut doc, table, &Place::table("defaults", line));
            }
            ("hosts", DeValue::Table(table)) => {
                let mut entries: Vec<_> = table.iter().collect();
                entries.sort_by_key(|(alias, _)| alias.span().start);
                for (alias, entry) in entries {
                    let line = doc.line(alias.span().start);
                    let place = Place::table(format!("hosts.{}", alias.get_ref()), line);
                    match entry.get_ref() {
                        DeValue::Table(table) => {
                            let layer = read_layer(&mut doc, table, &place);
                            written.push((alias.get_ref().as_ref(), line, layer));
                        }
                        _ => doc.fault(&place, "must be a table: [hosts.ALIAS]"),
                    }
                }
            }
            (name @ ("defaults" | "hosts"), _) => {
                let hint = if name == "hosts" { "[hosts.ALIAS]" } else { "[defaults]" };
                doc.fault(&Place::table(name, line), format!("must be a table: {hint}"));
            }
            (other, _) => {
                let near = super::nearest::nearest(other, ["defaults", "hosts"]);
                let what = match near {
                    Some(near) => format!("is not a known table; did you mean `{near}`?"),
                    None => "is not a known table; known: [defaults], [hosts.ALIAS]".to_owned(),
                };
                doc.fault(&Place::table(other, line), what);
            }
        }
    }
    let mut hosts = Vec::with_capacity(written.len());
    let mut places = Vec::with_capacity(written.len());
    for (alias, line, layer) in written {
        let place = Place::table(format!("hosts.{alias}"), line);
        if let Err(why) = check_alias(alias) {
            doc.fault(&place, format!("the alias {why}"));
        }
        let jump_at = layer.keys.proxy_jump.as_ref().or(defaults.keys.proxy_jump.as_ref()).map(|j| j.place.clone());
        hosts.push(merge(&mut doc, alias, &place, layer, &defaults, settings, env));
        places.push(jump_at.map_or(place.clone(), |j| Place { line: j.line, ..place }));
    }
    for (index, what) in jump::faults(&hosts) {
        if let Some(place) = places.get(index) {
            doc.fault(&place.key("proxy_jump", place.line), what);
        }
    }
    doc.finish(Hosts::checked(hosts))
}

fn read_layer(doc: &mut Document<'_>, table: &DeTable<'_>, at: &Place) -> Layer {
    let keys = HostKeys::read(doc, table, at, INNER);
    let mut inner = |name: &str| -> Option<(&DeTable<'_>, Place)> {
        let (key, value) = table.get_key_value(name)?;
        let place = at.key(name, doc.line(key.span().start));
        let found = value.get_ref().as_table();
        if found.is_none() {
            doc.fault(&place, format!("must be a table: [{}]", place.name));
        }
        found.map(|table| (table, place))
    };
    let (auth, alerts) = (inner("auth"), inner("alerts"));
    Layer {
        keys,
        auth: auth.map(|(table, place)| AuthKeys::read(doc, table, &place, &[])).unwrap_or_default(),
        alerts: alerts.map(|(table, place)| AlertKeys::read(doc, table, &place, &[])),
    }
}

fn merge(
    doc: &mut Document<'_>,
    alias: &str,
    place: &Place,
    layer: Layer,
    defaults: &Layer,
    settings: &Settings,
    env: &Env,
) -> HostConfig {
    let keys = layer.keys.over(&defaults.keys);
    let platform = keys.platform.as_ref().map_or(Platform::Posix, |p| p.value);
    fit(doc, &keys, platform);
    let hostname = take(keys.hostname).unwrap_or_else(|| {
        if let Err(why) = check_hostname(alias) {
            doc.fault(place, format!("needs `hostname`, since the alias `{alias}` {why}"));
        }
        alias.to_owned()
    });
    if let (Some(add), Some(replace)) = (&keys.redact_keys_add, &keys.redact_keys_replace)
        && !add.value.is_empty()
        && !replace.value.is_empty()
    {
        doc.fault(place, "has both `redact_keys_add` and `redact_keys_replace`; give one of them");
    }
    let alerts = layer.alerts.or_else(|| defaults.alerts.clone()).unwrap_or_default();
    let bare = HostConfig::bare(alias, settings);
    HostConfig {
        alias: alias.to_owned(),
        hostname,
        user: take(keys.user).or(bare.user),
        port: take(keys.port),
        platform,
        default_dir: take(keys.default_dir),
        sudo_mode: take(keys.sudo_mode).unwrap_or(bare.sudo_mode),
        path_allowlist: take(keys.path_allowlist).unwrap_or_default(),
        restricted_paths: take(keys.restricted_paths).unwrap_or_default(),
        restricted_globs: take(keys.restricted_globs).unwrap_or_default(),
        redact_paths_globs: take(keys.redact_paths_globs).unwrap_or_default(),
        redact_keys_add: take(keys.redact_keys_add).unwrap_or_default(),
        redact_keys_replace: take(keys.redact_keys_replace).unwrap_or_default(),
        redact_entropy_detection: take(keys.redact_entropy_detection),
        redact_bypass_policy: take(keys.redact_bypass_policy),
        redact_hint_chars: take(keys.redact_hint_chars),
        command_allowlist: take(keys.command_allowlist).unwrap_or_default(),
        cwd_allowlist: take(keys.cwd_allowlist).unwrap_or_default(),
        env_allowlist: take(keys.env_allowlist).unwrap_or_default(),
        login_environment: take(keys.login_environment).unwrap_or_default(),
        allow_scripts: take(keys.allow_scripts),
        proxy_jump: take(keys.proxy_jump).unwrap_or_default(),
        persistent_session: take(keys.persistent_session).unwrap_or(bare.persistent_session),
        docker_cmd: take(keys.docker_cmd).filter(|c| given(c).is_some()),
        docker_bind_allowlist: take(keys.docker_bind_allowlist).unwrap_or_default(),
        notes: take(keys.notes),
        auth: merge_auth(doc, place, layer.auth.over(&defaults.auth), settings, env),
        alerts: Alerts {
            disk_use_percent_max: take(alerts.disk_use_percent_max),
            load_avg_1min_max: take(alerts.load_avg_1min_max),
            mem_free_percent_min: take(alerts.mem_free_percent_min),
            disk_mounts: take(alerts.disk_mounts).unwrap_or_default(),
        },
    }
}

/// Looks at lists of paths and patterns again now that the platform is known.
fn fit(doc: &mut Document<'_>, keys: &HostKeys, platform: Platform) {
    for list in [&keys.path_allowlist, &keys.restricted_paths, &keys.docker_bind_allowlist].into_iter().flatten() {
        if let Some(entry) = list.value.iter().find(|entry| !fits(entry, platform)) {
            doc.warn(&list.place, format!("entry `{entry}` can match no path of a {platform} host"));
        }
    }
    for list in [&keys.restricted_globs, &keys.redact_paths_globs].into_iter().flatten() {
        let wrong = |glob: &String| check_glob(glob, platform).err().map(|why| format!("entry `{glob}` {why}"));
        if let Some(why) = list.value.iter().find_map(wrong) {
            doc.fault(&list.place, why);
        }
    }
}

fn take<T>(at: Option<At<T>>) -> Option<T> {
    at.map(|at| at.value)
}

fn merge_auth(doc: &mut Document<'_>, host: &Place, keys: AuthKeys, settings: &Settings, env: &Env) -> Auth {
    let environment = Auth::from_settings(settings);
    let at = host.key("auth", keys.method.as_ref().map_or(host.line, |m| m.place.line));
    if let (None, Some(key)) = (&keys.method, &keys.key)
        && environment.method == AuthMethod::Agent
    {
        doc.warn(&key.place, "is not used without `method = \"key\"`: the default method asks the agent");
    }
    let method = take(keys.method).unwrap_or(environment.method);
    let mut path = |given_path: Option<At<String>>| {
        let At { value, place } = given_path?;
        let text = given(&value)?;
        env.expanded(text).map_err(|why| doc.fault(&place, format!("`{text}` {why}"))).ok()
    };
    let identity_agent = path(keys.identity_agent);
    let key = path(keys.key);
    let auth = Auth {
        method,
        identity_agent,
        identity_fingerprint: take(keys.identity_fingerprint),
        identities_only: take(keys.identities_only).unwrap_or(false),
        // The key of the environment is for hosts that use a key; to one that asks the agent it means nothing.
        key: key.or(environment.key.filter(|_| method == AuthMethod::Key)),
        passphrase_cmd: take(keys.passphrase_cmd),
        password_cmd: take(keys.password_cmd),
    };
    let what = match method {
        AuthMethod::Key if auth.key.is_none() => Some("method `key` needs `key`, the private key file"),
        AuthMethod::Agent if auth.identities_only && auth.identity_fingerprint.is_none() => {
            Some("`identities_only` with method `agent` needs `identity_fingerprint` (`ssh-add -l` shows it)")
        }
        AuthMethod::Password if !settings.allow_password_auth => {
            Some("method `password` is refused unless ALLOW_PASSWORD_AUTH=true")
        }
        AuthMethod::Password if auth.password_cmd.is_none() => {
            Some("method `password` needs `password_cmd`, a local command that prints the password")
        }
        _ => None,
    };
    if let Some(what) = what {
        doc.fault(&at, what);
    }
    auth
}

#[cfg(test)]
mod tests;
