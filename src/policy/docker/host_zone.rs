//! Folders and files of the host that no container is shown, whatever the path allowlist says.
//!
//! Whoever writes them, or reads the secrets in them, is root on the host or one step from it; the engine's own
//! socket is root itself. The path policy is about files that tools may touch as the login user, a container
//! works as root.

use super::{HostSource, Use, escalates};
use crate::model::error::ToolError;
use crate::model::remote_path::RemotePath;

/// Refused as they are, with everything below them and with every folder above them.
const ZONES: [&str; 33] = [
    "/etc",
    "/proc",
    "/sys",
    "/dev",
    "/boot",
    "/root",
    "/run",
    "/var/run",
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix",
    "/snap",
    "/var/lib/cloud",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/docker",
    "/var/lib/dpkg",
    "/var/lib/incus",
    "/var/lib/kubelet",
    "/var/lib/lxc",
    "/var/lib/lxd",
    "/var/lib/private",
    "/var/lib/rancher",
    "/var/lib/rpm",
    "/var/lib/sudo",
    "/var/lib/systemd",
    "/var/spool/at",
    "/var/spool/cron",
];

/// Harmless to read although they lie in a zone: what ordinary images mount for time zones and certificates.
const READABLE: [&str; 5] =
    ["/etc/localtime", "/etc/timezone", "/etc/ssl/certs", "/usr/share/zoneinfo", "/usr/share/ca-certificates"];

/// Folders of any user that hold the keys to other places.
const KEY_FOLDERS: [&str; 5] = [".ssh", ".gnupg", ".aws", ".kube", ".docker"];

/// Refuses a host source that lies in a zone, holds one, or is a socket by its name.
///
/// The caller repeats this with the path that the host reports once links are resolved.
pub(crate) fn check_host_source(source: &HostSource) -> Result<(), ToolError> {
    let path = &source.path;
    let refuse = |why: &str| Err(escalates(format!("{} shows {path} to the container: {why}.", source.named_by)));
    let zone = |text: &str| RemotePath::parse(text).ok();
    if source.access == Use::Read && is_public(path) {
        return Ok(());
    }
    for zone in ZONES.iter().filter_map(|z| zone(z)) {
        if path.is_within(&zone) {
            return refuse(&format!("{zone} belongs to the host alone"));
        }
        if zone.is_within(path) {
            return refuse(&format!("it holds {zone}, which belongs to the host alone"));
        }
    }
    let parts: Vec<&str> = path.as_str().split('/').filter(|p| !p.is_empty()).collect();
    if parts.iter().any(|p| KEY_FOLDERS.contains(p)) {
        return refuse("it holds the keys of a user");
    }
    if matches!(parts.as_slice(), ["home"] | ["home", _]) {
        return refuse("a home holds its user's keys; name a folder below it");
    }
    if is_socket_name(path.leaf()) {
        return refuse("a socket gives its server's rights");
    }
    Ok(())
}

/// Whether everybody may read it anyway: time zones and certificates.
pub(super) fn is_public(path: &RemotePath) -> bool {
    READABLE.iter().filter_map(|zone| RemotePath::parse(zone).ok()).any(|zone| path.is_within(&zone))
}

fn is_socket_name(leaf: &str) -> bool {
    let lower = leaf.to_ascii_lowercase();
    [".sock", ".socket"].iter().any(|end| lower.ends_with(end)) || lower.contains(".sock.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, access: Use) -> bool {
        let path = RemotePath::parse(path).unwrap();
        check_host_source(&HostSource { path, access, named_by: "--volume".into() }).is_ok()
    }

    #[test]
    fn zones_their_insides_and_their_ancestors() {
        for bad in [
            "/",
            "//",
            "/srv/..",
            "/etc",
            "/etc/cron.d",
            "/var",
            "/var/lib",
            "/var/run/docker.sock",
            "/run/user/1000",
            "/proc/1/root",
            "/sys/fs/cgroup",
            "/dev/sda",
            "/root/.ssh",
            "/home",
            "/home/ops",
            "/home/ops/.ssh",
            "/srv/app/.ssh/id",
            "/srv/app/agent.sock",
            "/srv/app/x.SOCK",
            "/usr/local/bin",
            "/var/lib/docker/volumes/x/_data",
        ] {
            assert!(!check(bad, Use::Read), "{bad}");
        }
        for good in [
            "/srv",
            "/srv/app",
            "/home/ops/app",
            "/opt/data",
            "/var/www",
            "/var/log/app",
            "/mnt/x",
            "/etcetera",
            "/data",
        ] {
            assert!(check(good, Use::Write), "{good}");
        }
    }

    #[test]
    fn the_clock_may_be_read_but_not_set() {
        assert!(check("/etc/localtime", Use::Read));
        assert!(!check("/etc/localtime", Use::Write));
        assert!(check("/etc/ssl/certs/ca.pem", Use::Read));
        assert!(!check("/etc/ssl", Use::Read));
    }
}
