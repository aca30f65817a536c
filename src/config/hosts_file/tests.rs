use std::path::PathBuf;

use super::super::hosts::BypassPolicy;
use super::super::load;
use super::*;

fn env(vars: &[(&str, &str)]) -> Env {
    let mut all = vec![("HOME", "/home/me"), ("SSH_MCP_DISABLE_DOTENV", "1")];
    all.extend_from_slice(vars);
    Env::of(all, "/")
}

fn settings(env: &Env) -> Settings {
    let config = load(env).unwrap();
    std::sync::Arc::unwrap_or_clone(config.settings)
}

fn read_with(vars: &[(&str, &str)], text: &str) -> Result<(Hosts, Vec<Warning>), Vec<String>> {
    let env = env(vars);
    parse(Path::new("/c/hosts.toml"), text, &settings(&env), &env)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

fn read(text: &str) -> Result<Hosts, Vec<String>> {
    read_with(&[], text).map(|(hosts, _)| hosts)
}

#[test]
fn an_empty_file_has_no_hosts() {
    assert!(read("").unwrap().is_empty());
    assert!(read("[defaults]\nuser = \"x\"\n").unwrap().is_empty());
}

#[test]
fn a_bare_host_leaves_user_and_port_to_ssh_config() {
    let hosts = read("[hosts.web]\n").unwrap();
    let web = hosts.get("web").unwrap();
    assert_eq!((web.hostname.as_str(), &web.user, web.port), ("web", &None, None));
    assert_eq!(web.auth.method, AuthMethod::Agent);
    assert!(web.persistent_session && web.path_allowlist.is_empty() && web.proxy_jump.is_empty());
}

#[test]
fn every_key_is_read() {
    let hosts = read(
        r#"
[hosts.web]
hostname = "10.0.0.5"
user = "deploy"
port = 2222
platform = "LINUX"
default_dir = "/srv"
sudo_mode = "persistent-su"
path_allowlist = ["/srv", "*", "/", 'C:\x']
restricted_paths = ["/srv/private"]
restricted_globs = ["**/*.key"]
redact_paths_globs = ["**/.env"]
redact_keys_add = ["PIN"]
redact_entropy_detection = false
redact_bypass_policy = "audit_only"
redact_hint_chars = 2
command_allowlist = ["uptime", "systemctl restart nginx"]
allow_scripts = true
proxy_jump = "gate"
persistent_session = false
docker_cmd = "podman"
notes = """two
lines"""

[hosts.web.auth]
method = "key"
key = "~/.ssh/web"
identity_agent = "$HOME/agent"
identity_fingerprint = "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDRqHQqoFmKdTuJVE0"
identities_only = true
passphrase_cmd = "pass show web"

[hosts.web.alerts]
disk_use_percent_max = 90
load_avg_1min_max = 4
mem_free_percent_min = 5
disk_mounts = ["/"]

[hosts.gate]
redact_keys_replace = ["ONLY"]
"#,
    )
    .unwrap();
    let web = hosts.get("web").unwrap();
    assert_eq!(web.hostname, "10.0.0.5");
    assert_eq!((web.user.as_deref(), web.port, web.platform), (Some("deploy"), Some(2222), Platform::Posix));
    assert_eq!(web.path_allowlist, ["/srv", "*", "/", "C:\\x"]);
    assert_eq!(web.redact_bypass_policy, Some(BypassPolicy::AuditOnly));
    assert_eq!((web.redact_entropy_detection, web.redact_hint_chars), (Some(false), Some(2)));
    assert_eq!((web.allow_scripts, web.persistent_session), (Some(true), false));
    assert_eq!(web.proxy_jump, ["gate"]);
    assert_eq!(web.notes.as_deref(), Some("two\nlines"));
    assert_eq!(web.auth.key, Some(PathBuf::from("/home/me/.ssh/web")));
    assert_eq!(web.auth.identity_agent, Some(PathBuf::from("/home/me/agent")));
    assert_eq!(web.auth.passphrase_cmd.as_ref().unwrap().as_str(), "pass show web");
    assert_eq!(web.alerts.load_avg_1min_max, Some(4.0));
    assert_eq!(web.alerts.disk_mounts, ["/"]);
    assert_eq!(hosts.get("gate").unwrap().redact_keys_replace, ["ONLY"]);
}

#[test]
fn hosts_keep_the_order_of_the_file() {
    let hosts = read("[hosts.z]\n[hosts.a]\nhostname=\"same\"\n[hosts.m]\nhostname=\"same\"\n").unwrap();
    assert_eq!(hosts.iter().map(|h| h.alias.as_str()).collect::<Vec<_>>(), ["z", "a", "m"]);
}

#[test]
fn defaults_are_replaced_and_not_joined() {
    let text = r#"
[defaults]
user = "ops"
path_allowlist = ["/srv"]
[defaults.auth]
method = "key"
key = "/k/default"
[defaults.alerts]
disk_use_percent_max = 80
mem_free_percent_min = 10
[hosts.a]
[hosts.b]
user = "root"
path_allowlist = ["/opt"]
[hosts.b.auth]
key = "/k/b"
[hosts.b.alerts]
disk_use_percent_max = 95
[hosts.c]
path_allowlist = []
auth = { method = "agent" }
"#;
    let hosts = read_with(&[("SSH_DEFAULT_USER", "env"), ("SSH_DEFAULT_KEY", "/k/env")], text).unwrap().0;
    let (a, b, c) = (hosts.get("a").unwrap(), hosts.get("b").unwrap(), hosts.get("c").unwrap());
    assert_eq!((a.user.as_deref(), b.user.as_deref()), (Some("ops"), Some("root")));
    assert_eq!((&a.path_allowlist[..], &b.path_allowlist[..]), (&["/srv".to_owned()][..], &["/opt".to_owned()][..]));
    assert!(c.path_allowlist.is_empty());
    assert_eq!(a.auth.key, Some(PathBuf::from("/k/default")));
    assert_eq!((b.auth.method, b.auth.key.clone()), (AuthMethod::Key, Some(PathBuf::from("/k/b"))));
    assert_eq!(c.auth.method, AuthMethod::Agent);
    assert_eq!((b.alerts.disk_use_percent_max, b.alerts.mem_free_percent_min), (Some(95), None));
}

#[test]
fn the_environment_stands_behind_the_file() {
    let vars = [("SSH_DEFAULT_USER", "env"), ("SSH_DEFAULT_KEY", "~/.ssh/env")];
    let hosts = read_with(&vars, "[hosts.a]\n[hosts.b.auth]\nmethod = \"agent\"\n").unwrap().0;
    let (a, b) = (hosts.get("a").unwrap(), hosts.get("b").unwrap());
    assert_eq!(a.user.as_deref(), Some("env"));
    assert_eq!((a.auth.method, a.auth.key.clone()), (AuthMethod::Key, Some(PathBuf::from("/home/me/.ssh/env"))));
    assert_eq!((b.auth.method, b.auth.key.clone()), (AuthMethod::Agent, None));
}

/// Text, and what the one line about it must begin with and hold.
const FAULTS: &[(&str, &str, &str)] = &[
    ("[hosts.web]\npath_alowlist = []", "/c/hosts.toml:2: hosts.web.path_alowlist: ", "did you mean `path_allowlist`?"),
    ("[hosts.web]\ncolour = 1", "/c/hosts.toml:2: hosts.web.colour: ", "known: hostname, user,"),
    ("[defaults]\nusr = 1", "/c/hosts.toml:2: defaults.usr: ", "did you mean `user`?"),
    ("[hosts.web.auth]\npassword = 'hunter2'", "/c/hosts.toml:2: hosts.web.auth.password: ", "known: method,"),
    ("[hosts.web.alert]\nx = 1", "/c/hosts.toml:1: hosts.web.alert: ", "did you mean `alerts`?"),
    ("[hosts.web.alerts]\ndisk_mount = []", "/c/hosts.toml:2: hosts.web.alerts.disk_mount: ", "`disk_mounts`"),
    ("[host.web]", "/c/hosts.toml:1: host: ", "did you mean `hosts`?"),
    ("[default]", "/c/hosts.toml:1: default: ", "did you mean `defaults`?"),
    ("x = 1", "/c/hosts.toml:1: x: ", "known: [defaults], [hosts.ALIAS]"),
    ("hosts = 1", "/c/hosts.toml:1: hosts: ", "must be a table"),
    ("[hosts]\nweb = 1", "/c/hosts.toml:2: hosts.web: ", "must be a table"),
    ("[hosts.web]\nauth = 1", "/c/hosts.toml:2: hosts.web.auth: ", "must be a table"),
    ("[[hosts.web]]", "/c/hosts.toml:1: hosts.web: ", "must be a table"),
    ("[hosts.web]\nport = 0", "/c/hosts.toml:2: hosts.web.port: ", "1 to 65535"),
    ("[hosts.web]\nport = 65536", "/c/hosts.toml:2: hosts.web.port: ", "1 to 65535"),
    ("[hosts.web]\nport = \"22\"", "/c/hosts.toml:2: hosts.web.port: ", "not a text"),
    ("[hosts.web]\nplatform = \"amiga\"", "/c/hosts.toml:2: hosts.web.platform: ", "posix, windows"),
    ("[hosts.web]\nplatform = \"posx\"", "/c/hosts.toml:2: hosts.web.platform: ", "did you mean `posix`?"),
    ("[hosts.web]\nsudo_mode = \"percall\"", "/c/hosts.toml:2: hosts.web.sudo_mode: ", "did you mean `per-call`?"),
    ("[hosts.web]\nredact_bypass_policy = \"BLOCK\"", "/c/hosts.toml:2: hosts.web.redact_bypass_policy: ", "`block`"),
    ("[hosts.web]\nredact_hint_chars = 5", "/c/hosts.toml:2: hosts.web.redact_hint_chars: ", "0 to 4"),
    ("[hosts.web]\nredact_hint_chars = -1", "/c/hosts.toml:2: hosts.web.redact_hint_chars: ", "0 to 4"),
    ("[hosts.web]\npath_allowlist = [\"srv\"]", "/c/hosts.toml:2: hosts.web.path_allowlist: ", "`srv`"),
    ("[hosts.web]\npath_allowlist = \"/srv\"", "/c/hosts.toml:2: hosts.web.path_allowlist: ", "must be a list"),
    ("[hosts.web]\nrestricted_paths = [\"*\"]", "/c/hosts.toml:2: hosts.web.restricted_paths: ", "`*`"),
    ("[hosts.web]\nrestricted_paths = [\"~/x\"]", "/c/hosts.toml:2: hosts.web.restricted_paths: ", "`~/x`"),
    (
        "[hosts.web]\nrestricted_paths = [\"/srv/*\"]",
        "/c/hosts.toml:2: hosts.web.restricted_paths: ",
        "restricted globs",
    ),
    (
        "[hosts.web]\nredact_paths_globs = [\"{a,b}\"]",
        "/c/hosts.toml:2: hosts.web.redact_paths_globs: ",
        "not a pattern",
    ),
    (
        "[hosts.web]\nplatform='windows'\nrestricted_globs = [\"a\\u0000\"]",
        "/c/hosts.toml:3: hosts.web.restr",
        "not a pattern",
    ),
    ("[hosts.web]\nrestricted_globs = [\"[a\"]", "/c/hosts.toml:2: hosts.web.restricted_globs: ", "not a pattern"),
    ("[hosts.web]\ncommand_allowlist = [\" \"]", "/c/hosts.toml:2: hosts.web.command_allowlist: ", "blank"),
    ("[hosts.web]\ncommand_allowlist = [\"a\\nb\"]", "/c/hosts.toml:2: hosts.web.command_allowlist: ", "control"),
    ("[hosts.web]\npersistent_session = \"no\"", "/c/hosts.toml:2: hosts.web.persistent_session: ", "without quotes"),
    ("[hosts.web]\nuser = \"-l\"", "/c/hosts.toml:2: hosts.web.user: ", "`-l`"),
    ("[hosts.web]\nuser = \"a;b\"", "/c/hosts.toml:2: hosts.web.user: ", "not accepted"),
    ("[hosts.web]\nhostname = \"-oProxyCommand=x\"", "/c/hosts.toml:2: hosts.web.hostname: ", "not a hostname"),
    ("[hosts.web]\nhostname = \"a;b\"", "/c/hosts.toml:2: hosts.web.hostname: ", "not a hostname"),
    ("[hosts.\"a/b\"]", "/c/hosts.toml:1: hosts.a/b: ", "needs `hostname`"),
    ("[hosts.\"a b\"]\nhostname = \"web\"", "/c/hosts.toml:1: hosts.a b: ", "the alias holds a blank"),
    ("[hosts.\"\"]\nhostname = \"web\"", "/c/hosts.toml:1: hosts.: ", "the alias is empty"),
    ("[hosts.\"-x\"]\nhostname = \"web\"", "/c/hosts.toml:1: hosts.-x: ", "begins with `-`"),
    (
        "[hosts.web]\nredact_keys_add = [\"a\"]\nredact_keys_replace = [\"b\"]",
        "/c/hosts.toml:1: hosts.web: ",
        "give one of them",
    ),
    ("[hosts.web.auth]\nmethod = \"key\"", "/c/hosts.toml:2: hosts.web.auth: ", "needs `key`"),
    ("[hosts.web.auth]\nmethod = \"keys\"", "/c/hosts.toml:2: hosts.web.auth.method: ", "did you mean `key`?"),
    ("[hosts.web.auth]\nidentities_only = true", "/c/hosts.toml:1: hosts.web.auth: ", "identity_fingerprint"),
    ("[hosts.web.auth]\nidentity_fingerprint = \"SHA256:x\"", "/c/hosts.toml:2: hosts.web.auth.ident", "fewer than 16"),
    ("[hosts.web.auth]\nidentity_fingerprint = \"MD5:x\"", "/c/hosts.toml:2: hosts.web.auth.ident", "SHA256:"),
    ("[hosts.web.auth]\nmethod = \"password\"", "/c/hosts.toml:2: hosts.web.auth: ", "ALLOW_PASSWORD_AUTH"),
    ("[hosts.web.auth]\nkey = \"$NO_SUCH/x\"\nmethod = \"key\"", "/c/hosts.toml:2: hosts.web.auth.key: ", "not set"),
    ("[hosts.web.auth]\npassword_cmd = \"\"", "/c/hosts.toml:2: hosts.web.auth.password_cmd: ", "blank"),
    ("[hosts.a]\nproxy_jump = \"a\"", "/c/hosts.toml:2: hosts.a.proxy_jump: ", "the host itself"),
    ("[hosts.a]\nproxy_jump = \"gat\"\n[hosts.gate]", "/c/hosts.toml:2: hosts.a.proxy_jump: ", "did you mean `gate`?"),
    ("[hosts.a]\nproxy_jump = [\"g\", \"g\"]\n[hosts.g]", "/c/hosts.toml:2: hosts.a.proxy_jump: ", "`g` twice"),
    ("[hosts.web]\n[hosts.web]", "/c/hosts.toml:2: ", "is not TOML"),
    ("[hosts.web]\nuser = \"a\"\nuser = \"b\"", "/c/hosts.toml:3: ", "is not TOML"),
    ("[hosts.web\n", "/c/hosts.toml:1: ", "is not TOML"),
];

#[test]
fn faults_name_file_line_and_key() {
    for (text, start, holds) in FAULTS {
        let faults = read(text).unwrap_err();
        let hit = faults.iter().any(|f| f.starts_with(start) && f.contains(holds) && f.lines().count() == 1);
        assert!(hit, "{text:?}: {faults:?}");
        assert!(faults.iter().all(|f| !f.contains("hunter2")), "{faults:?}");
    }
}

#[test]
fn all_faults_are_reported_at_once_in_order() {
    let text = "[hosts.a]\nport = 0\nusr = 1\n[hosts.b]\nproxy_jump = \"nope\"\n[hosts.b.auth]\nmethod = \"key\"\n";
    let lines: Vec<String> = read(text).unwrap_err();
    let starts = ["/c/hosts.toml:2:", "/c/hosts.toml:3:", "/c/hosts.toml:5:", "/c/hosts.toml:7:"];
    assert_eq!(lines.len(), starts.len(), "{lines:?}");
    assert!(lines.iter().zip(starts).all(|(line, start)| line.starts_with(start)), "{lines:?}");
}

#[test]
fn a_syntax_error_does_not_show_the_line() {
    let faults = read("[hosts.a.auth]\npassword_cmd = \"echo hunter2\n").unwrap_err();
    assert!(faults.iter().all(|f| !f.contains("hunter2")), "{faults:?}");
}

#[test]
fn a_file_cannot_forge_lines_in_a_report() {
    let faults = read("[hosts.web]\n\"x\\nINFO all is well\\u001b[2J\" = 1\n").unwrap_err();
    assert!(faults.iter().all(|f| !f.chars().any(char::is_control)), "{faults:?}");
}

#[test]
fn password_needs_both_its_switch_and_its_command() {
    let vars = [("ALLOW_PASSWORD_AUTH", "true")];
    let faults = read_with(&vars, "[hosts.web.auth]\nmethod = \"password\"").unwrap_err();
    assert!(faults[0].contains("password_cmd"), "{faults:?}");
    let text = "[hosts.web.auth]\nmethod = \"password\"\npassword_cmd = \"pass show hunter2\"";
    let hosts = read_with(&vars, text).unwrap().0;
    assert!(!format!("{hosts:?}").contains("hunter2"));
}

#[test]
fn a_key_without_its_method_is_pointed_out() {
    let warnings = read_with(&[], "[hosts.web.auth]\nkey = \"/k\"").unwrap().1;
    assert!(warnings[0].text.contains("hosts.web.auth.key"), "{warnings:?}");
    assert!(read_with(&[("SSH_DEFAULT_KEY", "/d")], "[hosts.web.auth]\nkey = \"/k\"").unwrap().1.is_empty());
}

#[test]
fn entries_for_another_platform_are_pointed_out() {
    let warnings = read_with(&[], "[hosts.web]\npath_allowlist = ['/srv', 'C:\\x']").unwrap().1;
    assert!(warnings[0].text.contains("`C:\\x` can match no path of a posix host"), "{warnings:?}");
    let text = "[hosts.win]\nplatform = 'windows'\npath_allowlist = ['C:\\x', '/']\nrestricted_paths = ['/etc']\n";
    let warnings = read_with(&[], text).unwrap().1;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].text.contains("hosts.win.restricted_paths"), "{warnings:?}");
}

#[test]
fn circles_of_any_length_are_named() {
    for (text, want) in [
        ("[hosts.a]\nproxy_jump='b'\n[hosts.b]\nproxy_jump='a'", "a via b via a"),
        ("[hosts.a]\nproxy_jump='b'\n[hosts.b]\nproxy_jump='c'\n[hosts.c]\nproxy_jump='a'", "a via b via c via a"),
        (
            "[hosts.x]\nproxy_jump='b'\n[hosts.b]\nproxy_jump=['g','c']\n[hosts.c]\nproxy_jump='b'\n[hosts.g]",
            "b via c via b",
        ),
    ] {
        let faults = read(text).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].ends_with(&format!("goes round in a circle: {want}")), "{faults:?}");
    }
}

#[test]
fn a_long_chain_neither_overflows_nor_hangs() {
    let text: String =
        (0..2_000).map(|i| format!("[hosts.h{i}]\nproxy_jump='h{}'\n", i + 1)).collect::<Vec<_>>().concat();
    let open = read(&format!("{text}[hosts.h2000]\n"));
    assert_eq!(open.unwrap().len(), 2_001);
    let closed = read(&format!("{text}[hosts.h2000]\nproxy_jump='h0'\n")).unwrap_err();
    assert_eq!(closed.len(), 1);
}

#[test]
fn a_diamond_is_fine_and_chains_run_in_order() {
    let text = "[hosts.a]\nproxy_jump=['b','c']\n[hosts.b]\nproxy_jump='d'\n[hosts.c]\nproxy_jump='b'\n[hosts.d]\n[hosts.e]\nproxy_jump='a'\n";
    let hosts = read(text).unwrap();
    let chain = |alias: &str| {
        hosts.chain(hosts.get(alias).unwrap()).iter().map(|h| h.alias.as_str()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(chain("d"), "");
    assert_eq!(chain("b"), "d");
    assert_eq!(chain("c"), "d b");
    assert_eq!(chain("a"), "d b c");
    assert_eq!(chain("e"), "d b c a");
}

/// Pieces of which hosts files are made, good and bad, so that most texts get past the TOML parser.
fn piece() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let key = prop::sample::select(vec![
        "hostname",
        "user",
        "port",
        "platform",
        "path_allowlist",
        "restricted_globs",
        "proxy_jump",
        "auth",
        "alerts",
        "method",
        "key",
        "identities_only",
        "notes",
        "usr",
        "\"\"",
        "\"a\\u001b[2J\"",
    ]);
    let value = prop_oneof![
        Just("1".to_owned()),
        Just("true".to_owned()),
        Just("1979-05-27".to_owned()),
        Just("[\"/a\", \"b\"]".to_owned()),
        Just("{ method = \"key\" }".to_owned()),
        "[a-c]{1,2}".prop_map(|s| format!("\"{s}\"")),
        "\\PC{0,6}".prop_map(|s| format!("'{}'", s.replace('\'', ""))),
    ];
    prop_oneof![
        2 => "[a-c]{1,2}".prop_map(|a| format!("[hosts.{a}]\n")),
        1 => "[a-c]{1,2}".prop_map(|a| format!("[hosts.{a}.auth]\n")),
        1 => Just("[defaults]\n".to_owned()),
        6 => (key, value).prop_map(|(k, v)| format!("{k} = {v}\n")),
        1 => "\\PC{0,12}\n",
    ]
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(if cfg!(feature = "deep") { 200_000 } else { 300 }))]

    #[test]
    fn any_text_is_read_or_refused_in_single_lines(pieces in proptest::collection::vec(piece(), 0..12)) {
        match read(&pieces.concat()) {
            Ok(hosts) => {
                for host in &hosts {
                    proptest::prop_assert!(check_hostname(&host.hostname).is_ok());
                    proptest::prop_assert!(hosts.chain(host).iter().all(|hop| hop.alias != host.alias));
                }
            }
            Err(faults) => {
                proptest::prop_assert!(!faults.is_empty());
                proptest::prop_assert!(faults.iter().all(|f| !f.chars().any(char::is_control)), "{faults:?}");
            }
        }
    }
}
