//! Where the sudo password comes from: the OS keyring, a command, or nowhere. Asked per call, never kept.

use std::time::Duration;

use crate::local_program::run_for_secret;
use crate::model::secret::Secret;
use crate::toolkit::Host;

/// Limit of each source.
const LIMIT: Duration = Duration::from_secs(10);

/// Room for what a source prints, in bytes.
const CAP: usize = 4096;

/// The service name in the OS keyring.
const SERVICE: &str = "ssh-mcp-sudo";

/// The password for a host: keyring entry of its alias, `SSH_SUDO_PASSWORD_CMD`, keyring entry `default`.
pub(super) async fn find(host: &Host) -> Option<Secret> {
    if let Some(found) = keyring(host, host.alias()).await {
        return Some(found);
    }
    if let Some(command) = &host.call().settings().ssh_sudo_password_cmd {
        match ask(host, "sh", &["-c", command.as_str()]).await {
            Ok(Some(found)) => return Some(found),
            Ok(None) => {}
            Err(why) => tracing::warn!("SSH_SUDO_PASSWORD_CMD failed: {why}"),
        }
    }
    keyring(host, "default").await
}

/// The system's own keyring program, where there is one. Its failure is no more than "no entry".
async fn keyring(host: &Host, user: &str) -> Option<Secret> {
    let found = if cfg!(target_os = "macos") {
        ask(host, "security", &["find-generic-password", "-s", SERVICE, "-a", user, "-w"]).await
    } else {
        // Without a session bus there is no keyring to ask.
        std::env::var_os("DBUS_SESSION_BUS_ADDRESS")?;
        ask(host, "secret-tool", &["lookup", "service", SERVICE, "username", user]).await
    };
    match found {
        Ok(found) => found,
        Err(why) => {
            tracing::debug!("the keyring gave no entry for {user}: {why}");
            None
        }
    }
}

/// Runs a local program and takes the first line it prints.
async fn ask(host: &Host, program: &str, args: &[&str]) -> Result<Option<Secret>, String> {
    let mut command = host.call().state().pool.env().command(program);
    command.args(args);
    let done = run_for_secret(command, LIMIT, CAP, host.call().cancel()).await.map_err(|e| e.to_string())?;
    if !done.status.success() {
        return Err("it exited with a failure".to_owned());
    }
    let text = String::from_utf8_lossy(&done.stdout);
    let line = text.lines().next().unwrap_or_default();
    Ok(if line.is_empty() { None } else { Some(Secret::new(line.to_owned())) })
}
