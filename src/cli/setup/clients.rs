//! The clients that `ssh-mcp setup` knows: where each keeps its list of servers, and in which form.
//!
//! Places and forms are those that the clients document for a user's own configuration; docs/clients.md names them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::entry::{Form, Server};
use crate::config::Env;

/// One client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Client {
    /// As `--client` takes it.
    pub id: &'static str,
    /// As its makers write it.
    pub name: &'static str,
    /// Its files, when it seems to be installed; all of them, the one to make first, when `forced`.
    pub files: fn(&Places, bool) -> Vec<PathBuf>,
    /// How a server stands in them.
    pub form: Form,
}

/// Where programs keep the user's settings on this system.
#[derive(Debug)]
pub(super) struct Places {
    home: PathBuf,
    /// `~/.config` or what XDG_CONFIG_HOME says; `~/Library/Application Support` on macOS.
    config: PathBuf,
    /// The same, but as command line programs have it on every system.
    dot_config: PathBuf,
    codex: PathBuf,
}

impl Places {
    /// `None` without a home folder.
    pub(super) fn of(env: &Env) -> Option<Self> {
        let home = env.home()?.to_path_buf();
        let absolute = |name: &str| env.var(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let dot_config = absolute("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
        let config =
            if cfg!(target_os = "macos") { home.join("Library/Application Support") } else { dot_config.clone() };
        let codex = absolute("CODEX_HOME").unwrap_or_else(|| home.join(".codex"));
        Some(Places { home, config, dot_config, codex })
    }

    /// The user's home folder.
    pub(super) fn home(&self) -> &Path {
        &self.home
    }
}

/// The file, when the folder that says that the client is there exists.
fn one(file: PathBuf, sign: &Path, forced: bool) -> Vec<PathBuf> {
    if forced || sign.exists() { vec![file] } else { Vec::new() }
}

/// The file of VS Code's default profile, and of each other profile.
fn code_profiles(user: &Path, forced: bool) -> Vec<PathBuf> {
    let mut files = one(user.join("mcp.json"), user, forced);
    let profiles = std::fs::read_dir(user.join("profiles")).into_iter().flatten().flatten();
    let mut more: Vec<PathBuf> =
        profiles.map(|p| p.path()).filter(|p| p.is_dir()).map(|p| p.join("mcp.json")).collect();
    more.sort();
    files.extend(more);
    files
}

fn plain(server: &Server) -> Value {
    json!({"command": server.command, "args": server.args})
}

fn with_type(server: &Server) -> Value {
    json!({"type": "stdio", "command": server.command, "args": server.args})
}

fn opencode(server: &Server) -> Value {
    let words: Vec<&str> = std::iter::once(server.command.as_str()).chain(server.args.iter().copied()).collect();
    json!({"type": "local", "command": words, "enabled": true})
}

fn goose(server: &Server) -> Value {
    json!({
        "name": server.name, "type": "stdio", "enabled": true, "cmd": server.command, "args": server.args,
        "envs": {}, "timeout": 300,
    })
}

/// Every client, in the order in which they are shown.
pub(super) const CLIENTS: &[Client] = &[
    Client {
        id: "claude-code",
        name: "Claude Code",
        files: |at, forced| {
            let file = at.home.join(".claude.json");
            if file.exists() { vec![file] } else { one(file, &at.home.join(".claude"), forced) }
        },
        form: Form::Json { path: &["mcpServers"], entry: with_type },
    },
    Client {
        id: "claude-desktop",
        name: "Claude Desktop",
        files: |at, forced| one(at.config.join("Claude/claude_desktop_config.json"), &at.config.join("Claude"), forced),
        form: Form::Json { path: &["mcpServers"], entry: plain },
    },
    Client {
        id: "cursor",
        name: "Cursor",
        files: |at, forced| one(at.home.join(".cursor/mcp.json"), &at.home.join(".cursor"), forced),
        form: Form::Json { path: &["mcpServers"], entry: plain },
    },
    Client {
        id: "vscode",
        name: "VS Code",
        files: |at, forced| code_profiles(&at.config.join("Code/User"), forced),
        form: Form::Json { path: &["servers"], entry: with_type },
    },
    Client {
        id: "windsurf",
        name: "Windsurf",
        files: |at, forced| {
            one(at.home.join(".codeium/windsurf/mcp_config.json"), &at.home.join(".codeium/windsurf"), forced)
        },
        form: Form::Json { path: &["mcpServers"], entry: plain },
    },
    Client {
        id: "zed",
        name: "Zed",
        files: |at, forced| one(at.dot_config.join("zed/settings.json"), &at.dot_config.join("zed"), forced),
        form: Form::Json { path: &["context_servers"], entry: plain },
    },
    Client {
        id: "codex",
        name: "Codex",
        files: |at, forced| one(at.codex.join("config.toml"), &at.codex, forced),
        form: Form::Toml { table: "mcp_servers" },
    },
    Client {
        id: "gemini",
        name: "Gemini CLI",
        files: |at, forced| one(at.home.join(".gemini/settings.json"), &at.home.join(".gemini"), forced),
        form: Form::Json { path: &["mcpServers"], entry: plain },
    },
    Client {
        id: "opencode",
        name: "OpenCode",
        files: |at, forced| {
            let folder = at.dot_config.join("opencode");
            let commented = folder.join("opencode.jsonc");
            if commented.exists() { vec![commented] } else { one(folder.join("opencode.json"), &folder, forced) }
        },
        form: Form::Json { path: &["mcp"], entry: opencode },
    },
    Client {
        id: "goose",
        name: "Goose",
        files: |at, forced| one(at.dot_config.join("goose/config.yaml"), &at.dot_config.join("goose"), forced),
        form: Form::YamlMap { key: "extensions", entry: goose },
    },
    Client {
        id: "continue",
        name: "Continue",
        files: |at, forced| one(at.home.join(".continue/mcpServers/ssh.yaml"), &at.home.join(".continue"), forced),
        form: Form::OwnYaml,
    },
    Client {
        id: "cline",
        name: "Cline",
        files: |at, forced| {
            let folder = at.config.join("Code/User/globalStorage/saoudrizwan.claude-dev");
            one(folder.join("settings/cline_mcp_settings.json"), &folder, forced)
        },
        form: Form::Json { path: &["mcpServers"], entry: plain },
    },
    Client {
        id: "junie",
        name: "JetBrains Junie",
        files: |at, forced| one(at.home.join(".junie/mcp/mcp.json"), &at.home.join(".junie"), forced),
        form: Form::Json { path: &["mcpServers"], entry: plain },
    },
];
