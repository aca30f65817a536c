//! `ssh-mcp setup`, `hosts add`, `remove`, `import`, `open` and `close`: the real binary on files as their users have them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::{Home, shown};

/// Every client's file below a home, with what its user wrote: comments, a byte order mark, other servers, line ends.
const FILES: &[(&str, &str)] = &[
    (
        ".claude.json",
        "{\n  \"numStartups\": 7,\n  \"mcpServers\": {\"other\": {\"command\": \"x\"}},\n  \"projects\": {}\n}\n",
    ),
    ("config/Claude/claude_desktop_config.json", "\u{feff}{\r\n\t\"globalShortcut\": \"\"\r\n}"),
    (".cursor/mcp.json", "{}"),
    ("config/Code/User/mcp.json", "{\n\t// mine\n\t\"servers\": {},\n\t\"inputs\": [],\n}\n"),
    ("config/Code/User/profiles/1a2b/mcp.json", ""),
    (".codeium/windsurf/mcp_config.json", "{ \"mcpServers\": { } }\n"),
    (
        "config/zed/settings.json",
        "// Zed\n{\n  \"theme\": \"One Dark\", // dark\n  /* none */\n  \"context_servers\": {}\n}\n",
    ),
    (".codex/config.toml", "model = \"o\" # the best\n\n[mcp_servers.other]\ncommand = \"x\"\n"),
    (".gemini/settings.json", "{\n    \"ui\": {\"theme\": \"x\"}\n}"),
    (
        "config/opencode/opencode.jsonc",
        "{\n  \"$schema\": \"https://opencode.ai/config.json\",\n  // servers\n  \"mcp\": {},\n}\n",
    ),
    (
        "config/goose/config.yaml",
        "# goose\nextensions:\n  developer:\n    enabled: true # on\n    type: builtin\nGOOSE_MODE: auto\n",
    ),
    ("config/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json", "{\"mcpServers\":{}}"),
    (".junie/mcp/mcp.json", "{\n  \"mcpServers\": {}\n}\n"),
];

fn write(home: &Home, name: &str, text: &str) -> PathBuf {
    let file = home.dir.path().join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, text).unwrap();
    file
}

/// Every file below the home but this program's own.
fn tree(home: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn walk(folder: &Path, home: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                walk(&path, home, found);
            } else if entry.file_type().unwrap().is_file() && !path.to_string_lossy().contains("ssh-mcp") {
                found.insert(path.strip_prefix(home).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(home, home, &mut found);
    found
}

#[test]
fn every_client_is_registered_and_undo_gives_each_file_back_byte_by_byte() {
    let home = Home::new("");
    for (name, text) in FILES {
        write(&home, name, text);
    }
    // Continue keeps a file for each server.
    fs::create_dir_all(home.dir.path().join(".continue")).unwrap();
    let before = tree(home.dir.path());

    let (status, out, err) = shown(&home.run(&["setup", "--yes"], &[]));
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    assert_eq!(out.matches(": registered in ").count(), FILES.len() + 1, "{out}");
    let after = tree(home.dir.path());
    for (name, _) in FILES {
        assert_ne!(before[Path::new(name)], after[Path::new(name)], "{name}");
        assert!(String::from_utf8_lossy(&after[Path::new(name)]).contains(env!("CARGO_BIN_EXE_ssh-mcp")), "{name}");
    }
    let (_, out, _) = shown(&home.run(&["setup", "--check"], &[]));
    assert_eq!(out.matches(" registered (").count(), FILES.len() + 1, "{out}");
    // Again: there is nothing left to do.
    let (status, out, _) = shown(&home.run(&["setup", "--yes"], &[]));
    assert_eq!((status, out.matches("has it already").count()), (0, FILES.len() + 1), "{out}");
    assert_eq!(tree(home.dir.path()), after);

    let (status, out, err) = shown(&home.run(&["setup", "--undo"], &[]));
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    assert_eq!(tree(home.dir.path()), before);
    assert!(shown(&home.run(&["setup", "--undo"], &[])).1.contains("Nothing is left to undo"));
}

#[test]
fn a_file_that_was_changed_since_loses_the_server_alone() {
    let home = Home::new("");
    let file = write(&home, ".cursor/mcp.json", "{\n  // mine\n  \"mcpServers\": {}\n}\n");
    assert_eq!(shown(&home.run(&["setup", "--yes"], &[])).0, 0);
    let text = fs::read_to_string(&file).unwrap().replace("// mine", "// mine, later");
    fs::write(&file, &text).unwrap();
    let (status, out, _) = shown(&home.run(&["setup", "--undo"], &[]));
    assert!(status == 0 && out.contains("was changed since"), "{out}");
    let left = fs::read_to_string(&file).unwrap();
    assert!(left.contains("// mine, later") && !left.contains("ssh-mcp"), "{left}");
}

#[test]
fn what_cannot_be_edited_is_left_and_named_and_the_others_are_done() {
    let home = Home::new("");
    let read_only = write(&home, ".cursor/mcp.json", "{}");
    fs::set_permissions(&read_only, fs::Permissions::from_mode(0o444)).unwrap();
    write(&home, ".gemini/settings.json", "{ broken");
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("mcp.json"), "{}").unwrap();
    fs::create_dir_all(home.dir.path().join(".junie/mcp")).unwrap();
    symlink(outside.path().join("mcp.json"), home.dir.path().join(".junie/mcp/mcp.json")).unwrap();
    fs::create_dir_all(home.dir.path().join(".codeium/windsurf")).unwrap();

    let (status, out, err) = shown(&home.run(&["setup", "--yes"], &[]));
    assert_eq!(status, 2, "{out}{err}");
    for part in
        ["Cursor: ", "is read-only (mode 0444)", "Gemini CLI: ", "is not JSON", "Junie: ", "lies outside of the home"]
    {
        assert!(err.contains(part), "{part}: {err}");
    }
    assert!(out.contains("Windsurf: registered in "), "{out}");
    assert_eq!(fs::read_to_string(outside.path().join("mcp.json")).unwrap(), "{}");
    assert_eq!(fs::read_to_string(&read_only).unwrap(), "{}");
}

#[test]
fn without_a_terminal_nothing_is_written_unless_it_is_told_to() {
    let home = Home::new("");
    fs::create_dir_all(home.dir.path().join(".cursor")).unwrap();
    let before = tree(home.dir.path());
    let (status, _, err) = shown(&home.run(&["setup"], &[]));
    assert_eq!(status, 2);
    assert!(err.contains("--yes makes the changes"), "{err}");
    let (status, out, _) = shown(&home.run(&["setup", "--dry-run"], &[]));
    assert!(status == 0 && out.contains("+    \"ssh\": {"), "{out}");
    assert_eq!(tree(home.dir.path()), before);
}

/// The stranger's minute in one command: a host of ssh_config, rights, a client, and the first call.
#[test]
fn one_command_leads_from_ssh_config_to_the_first_call_of_a_client() {
    let home = Home::new("");
    let file = home.dir.path().join("config/ssh-mcp/hosts.toml");
    fs::remove_file(&file).unwrap();
    fs::create_dir_all(home.dir.path().join(".cursor")).unwrap();
    let (status, out, err) = shown(&home.run(&["setup", "--host", "box", "--yes"], &[]));
    assert_eq!(status, 0, "{out}{err}");
    assert!(out.contains("reached, logged in with"), "{out}");
    assert!(out.contains("A client asked ssh_host_ping of box and got:") && out.contains("reachable"), "{out}");
    let written = fs::read_to_string(&file).unwrap();
    let wanted = "[hosts.box]\npath_allowlist = [\"/var/log\", \"/etc\"]\nredact_paths_globs = [\"/etc/**\"]\n";
    assert_eq!(written, wanted);
    let client: Value = serde_json::from_slice(&fs::read(home.dir.path().join(".cursor/mcp.json")).unwrap()).unwrap();
    assert_eq!(client["mcpServers"]["ssh"]["command"], env!("CARGO_BIN_EXE_ssh-mcp"));
    // What was decided since is not widened by the second run.
    home.hosts("[hosts.box]\npath_allowlist = [\"/srv\"] # alone\n");
    assert_eq!(shown(&home.run(&["setup", "--host", "box", "--yes"], &[])).0, 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), "[hosts.box]\npath_allowlist = [\"/srv\"] # alone\n");
}

#[test]
fn hosts_are_added_imported_and_removed_with_the_file_checked_first() {
    let home = Home::new("# mine\n");
    let file = home.dir.path().join("config/ssh-mcp/hosts.toml");
    let add = ["hosts", "add", "db", "--hostname", "db.example", "--read", "/srv", "--command", "systemctl status *"];
    let (status, out, err) = shown(&home.run(&add, &[]));
    assert_eq!(status, 0, "{err}");
    assert!(out.contains("+[hosts.db]\n") && out.contains("hosts.toml.bak"), "{out}");
    let added = "[hosts.box]\n# mine\n\n[hosts.db]\nhostname = \"db.example\"\npath_allowlist = [\"/srv\"]\ncommand_allowlist = [\"systemctl status *\"]\n";
    assert_eq!(fs::read_to_string(&file).unwrap(), added);
    assert!(shown(&home.run(&add, &[])).1.contains("has all of it already"));

    // Refused as the server would refuse it, with the file's own name, and nothing is written.
    let (status, _, err) = shown(&home.run(&["hosts", "add", "x", "--read", "relative"], &[]));
    assert_eq!(status, 2);
    assert!(err.contains("hosts.toml:") && err.contains("path_allowlist") && !err.contains(".ssh-mcp-"), "{err}");
    assert_eq!(fs::read_to_string(&file).unwrap(), added);
    for bad in [&["hosts", "add", "-x"][..], &["hosts", "remove", "nope"]] {
        assert_eq!(shown(&home.run(bad, &[])).0, 2, "{bad:?}");
    }

    let (_, out, _) = shown(&home.run(&["hosts", "remove", "db", "--dry-run"], &[]));
    assert!(out.contains("-[hosts.db]"), "{out}");
    assert_eq!(fs::read_to_string(&file).unwrap(), added);
    assert_eq!(shown(&home.run(&["hosts", "remove", "db"], &[])).0, 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), "[hosts.box]\n# mine\n");

    fs::create_dir_all(home.dir.path().join(".ssh")).unwrap();
    let config = home.dir.path().join("named");
    fs::write(&config, "Host prod-1 prod-* box\nHost prod-2 test\n").unwrap();
    fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
    let named = [("SSH_CONFIG_FILE", config.to_str().unwrap())];
    assert_eq!(shown(&home.run(&["hosts", "import", "prod-*"], &named)).0, 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), "[hosts.box]\n# mine\n\n[hosts.prod-1]\n\n[hosts.prod-2]\n");
}

#[test]
fn tiers_are_opened_and_closed_in_the_file_of_settings() {
    let home = Home::new("");
    let file = home.dir.path().join("config/ssh-mcp/.env");
    let (status, out, err) = shown(&home.run(&["open", "low-access"], &[]));
    assert_eq!(status, 0, "{err}");
    assert!(out.contains("+ALLOW_LOW_ACCESS_TOOLS=true"), "{out}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(shown(&home.run(&["check"], &[])).1.contains("low-access  open"));
    fs::write(&file, "# tiers\nALLOW_LOW_ACCESS_TOOLS=true # for now\n").unwrap();
    let (_, out, _) = shown(&home.run(&["close", "low-access"], &[("ALLOW_LOW_ACCESS_TOOLS", "true")]));
    assert!(out.contains("is set in this environment too"), "{out}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "# tiers\nALLOW_LOW_ACCESS_TOOLS=false # for now\n");
    assert!(shown(&home.run(&["close", "sudo"], &[])).1.contains("is closed in"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "# tiers\nALLOW_LOW_ACCESS_TOOLS=false # for now\n");
    assert_eq!(shown(&home.run(&["open", "read"], &[])).0, 2);
}

#[test]
fn completions_know_the_commands() {
    let home = Home::new("");
    for shell in ["bash", "zsh", "fish"] {
        let (status, out, _) = shown(&home.run(&["completions", shell], &[]));
        assert!(status == 0 && out.contains("doctor") && out.contains("setup"), "{shell}: {out}");
    }
}

#[test]
fn a_key_is_pinned_only_when_its_fingerprint_was_compared() {
    let home = Home::new("");
    let known = home.sshd.known_hosts();
    let before = fs::read_to_string(&known).unwrap();
    assert!(shown(&home.run(&["trust", "box"], &[])).1.contains("Pinned already"));
    assert_eq!(fs::read_to_string(&known).unwrap(), before);

    fs::write(&known, "other.example ssh-ed25519 AAAA").unwrap();
    let refused = shown(&home.run(&["doctor", "box"], &[])).1;
    assert!(refused.contains("ssh-mcp trust box"), "{refused}");
    let print = home.sshd.host_fingerprints()[0].clone();
    let (status, out, err) = shown(&home.run(&["trust", "box"], &[]));
    assert!(status == 2 && out.contains(&print) && out.contains("new") && err.contains("no terminal"), "{out}{err}");
    let (status, _, err) = shown(&home.run(&["trust", "box", "--fingerprint", "SHA256:nothing"], &[]));
    assert!(status == 3 && err.contains("no key with that fingerprint"), "{err}");
    assert_eq!(fs::read_to_string(&known).unwrap(), "other.example ssh-ed25519 AAAA", "nothing was written");
    let (status, _, err) = shown(&home.run(&["trust", "box", "--fingerprint", &print], &[]));
    assert_eq!(status, 0, "{err}");
    assert!(fs::read_to_string(&known).unwrap().starts_with("other.example ssh-ed25519 AAAA\n["));
    assert_eq!(shown(&home.run(&["doctor", "box"], &[])).0, 0);

    // Another key is pinned: it is named, and goes when the new one was compared.
    let other = home.sshd.path("other_key");
    crate::sshd::keygen("ed25519", &other, "");
    let line = fs::read_to_string(other.with_extension("pub")).unwrap();
    fs::write(&known, format!("[127.0.0.1]:{} {line}", home.sshd.port)).unwrap();
    let (status, out, err) = shown(&home.run(&["trust", "box", "--fingerprint", &print], &[]));
    assert!(status == 0 && out.contains("PINNED, BUT NOT SHOWN"), "{out}{err}");
    assert!(!fs::read_to_string(&known).unwrap().contains(line.split(' ').nth(1).unwrap()));
    assert_eq!(shown(&home.run(&["doctor", "box"], &[])).0, 0);

    let revoked = format!("@revoked {}", home.sshd.known_hosts_text());
    fs::write(&known, &revoked).unwrap();
    let (status, out, _) = shown(&home.run(&["trust", "box", "--fingerprint", &print], &[]));
    assert!(status == 3 && out.contains("REVOKED"), "{out}");
    assert_eq!(fs::read_to_string(&known).unwrap(), revoked);
}
