//! hosts.toml: what is read is what TOML says, faults name a line of the file, and no value with a secret is shown.

use std::path::Path;
use std::sync::OnceLock;

use ssh_mcp::internals::config::{Env, Settings, hosts_file};

use super::feed::Feed;

/// Stands where a password may stand.
const SECRET: &str = "Zq7vB2mK9xR4";

fn settings() -> &'static (Settings, Env) {
    static MADE: OnceLock<(Settings, Env)> = OnceLock::new();
    MADE.get_or_init(|| {
        let env = Env::of([("HOME", "/home/a")], "/");
        let config = ssh_mcp::internals::config::load(&env).expect("nothing is configured");
        ((*config.settings).clone(), env)
    })
}

pub fn check(data: &[u8]) {
    let mut feed = Feed::new(data);
    let text = if feed.roll(4) == 0 {
        String::from_utf8_lossy(feed.rest()).into_owned()
    } else {
        let parts = [
            "[hosts.web]\n",
            "[hosts.db]\n",
            "[defaults]\n",
            "hostname = \"web\"\n",
            "hostname = \"-x\"\n",
            "user = \"deploy\"\n",
            "port = 22\n",
            "port = 0\n",
            "path_allowlist = [\"/srv\"]\n",
            "path_allowlist = [\"*\"]\n",
            "command_allowlist = [\"uptime\", \"git status\"]\n",
            "command_allowlist = \"x\"\n",
            "restricted_paths = [\"/srv/keys\"]\n",
            "restricted_globs = [\"[\"]\n",
            "proxy_jump = \"web\"\n",
            "proxy_jump = \"db\"\n",
            "[hosts.web.auth]\n",
            "method = \"password\"\n",
            "password_cmd = \"echo Zq7vB2mK9xR4\"\n",
            "passphrase_cmd = [\"echo\", \"Zq7vB2mK9xR4\"]\n",
            "password = \"Zq7vB2mK9xR4\"\n",
            "[hosts.web.alerts]\n",
            "disk_use_percent_max = 200\n",
            "platform = \"windows\"\n",
            "persistent = maybe\n",
            "# comment\n",
            "\u{feff}",
            "[hosts.\"a b\"]\n",
            "[hosts.web]\n",
            "hosts = 1\n",
            "x = [\n",
            "]\n",
            "\"\"\"\n",
            "'",
            "\n",
            "=",
            "é",
            "hostname = \"Zq7vB2mK9xR4 x\"\n",
            "redact_bypass_policy = \"warn\"\n",
            "allow_scripts = true\n",
        ];
        feed.text(14, &parts)
    };
    let (settings, env) = settings();
    let bare = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let plain = bare.parse::<toml::Table>();
    match hosts_file::parse(Path::new("/hosts.toml"), &text, settings, env) {
        Ok((hosts, _)) => {
            let table = plain.unwrap_or_else(|error| panic!("taken, and no TOML ({error}): {text}"));
            let written = table.get("hosts").and_then(toml::Value::as_table);
            let mut aliases: Vec<&String> = written.into_iter().flat_map(|hosts| hosts.keys()).collect();
            let mut ours: Vec<&String> = hosts.iter().map(|host| &host.alias).collect();
            aliases.sort();
            ours.sort();
            assert_eq!(ours, aliases, "{text}");
            for host in &hosts {
                assert!(!host.hostname.starts_with('-') && !host.hostname.is_empty(), "{text}");
                assert!(!host.alias.chars().any(|c| c.is_whitespace() || c.is_control()), "{text}");
            }
        }
        Err(faults) => {
            let told = faults.to_string();
            assert!(!told.trim().is_empty());
            let secret = ["password", "passphrase"].iter().any(|name| text.contains(name));
            let elsewhere = text.contains("hostname = \"Zq7vB2mK9xR4");
            assert!(!secret || elsewhere || !told.contains(SECRET), "{told}\n{text}");
        }
    }
}
