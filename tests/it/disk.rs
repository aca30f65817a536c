//! What fills a disk: folders below a path, as far as the path policy shows them, and deleted files that are still open.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::containers::{Sftp, busybox_host};
use crate::server::Setup;
use crate::sshd::Sshd;

const MIB: u64 = 1 << 20;

/// A file of so many MiB that are really on the disk.
fn fill(path: &Path, mib: usize) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = File::create(path).unwrap();
    file.write_all(&vec![7; mib << 20]).unwrap();
    file.sync_all().unwrap();
}

fn rows(answer: &Value) -> Vec<(String, u64)> {
    let rows = answer["folders"].as_array().unwrap_or_else(|| panic!("{answer}"));
    rows.iter().map(|row| (row["path"].as_str().unwrap().to_owned(), row["bytes"].as_u64().unwrap() / MIB)).collect()
}

#[test]
fn the_biggest_folders_are_told_without_what_is_closed() {
    let sshd = Sshd::start();
    let setup = Setup::new();
    let root = setup.root();
    let keys = format!(
        "path_allowlist = [\"{0}\"]\nrestricted_paths = [\"{0}/zone\"]\nrestricted_globs = [\"**/vault*\"]\n",
        root.display()
    );
    fill(&root.join("big/file"), 4);
    fill(&root.join("some/er/deep/file"), 2);
    fill(&root.join("zone/secret-name/file"), 16);
    fill(&root.join("some/vault-7/inner/file"), 16);
    fill(&setup.path("outside/file"), 16);
    std::fs::hard_link(root.join("big/file"), root.join("big/again")).unwrap();
    symlink(setup.path("outside"), root.join("some/link")).unwrap();
    let mut server = setup.host(&sshd, "box", &keys).start();
    let at = |name: &str| root.join(name).display().to_string();

    let plain = server.ok("ssh_host_disk_usage", json!({"host": "box"}));
    assert_eq!((&plain["folders"], &plain["deleted_open"]), (&Value::Null, &Value::Null), "{plain}");
    let with_inodes = plain["entries"].as_array().unwrap().iter().filter(|row| row["inodes"].is_u64()).count();
    assert!(with_inodes > 0, "{plain}");

    let found = server.ok("ssh_host_disk_usage", json!({"host": "box", "path": root}));
    let expected = [(at("").trim_end_matches('/').to_owned(), 6), (at("big"), 4), (at("some"), 2), (at("some/er"), 2)];
    assert_eq!(rows(&found), expected, "{found}");
    assert_eq!(found["stopped_by"], Value::Null);
    // The folder, big, its two names, some, er, deep, its file and the link; nothing of what is closed.
    assert_eq!(found["entries_seen"], 9, "{found}");
    assert!(found["output_warnings"].to_string().contains("closed to this tool below it is not counted"), "{found}");
    for closed in ["zone", "vault", "secret-name", "outside"] {
        assert!(!found.to_string().contains(closed), "{closed}: {found}");
    }
    let deeper = server.ok("ssh_host_disk_usage", json!({"host": "box", "path": root, "max_depth": 3}));
    assert!(rows(&deeper).contains(&(at("some/er/deep"), 2)), "{deeper}");

    for (path, name) in [
        (at("zone"), "PathRestrictedError"),
        (at("some/vault-7"), "PathRestrictedError"),
        (setup_outside(&root), "PathNotAllowed"),
        (at("some/link"), "PathNotAllowed"),
    ] {
        let text = server.err("ssh_host_disk_usage", json!({"host": "box", "path": path}));
        assert!(text.starts_with(name.trim_end_matches("Error")), "{path}: {text}");
    }
    assert!(server.err("ssh_host_disk_usage", json!({"host": "box", "max_depth": 2})).contains("`path`"));
    assert!(server.err("ssh_host_disk_usage", json!({"host": "box", "path": root, "max_depth": 9})).contains("1 to 8"));
}

fn setup_outside(root: &Path) -> String {
    root.parent().unwrap().join("outside").display().to_string()
}

#[test]
fn deleted_files_that_are_open_are_told_with_size_and_process() {
    let sshd = Sshd::start();
    let setup = Setup::new();
    let root = setup.root();
    let outside = setup.path("elsewhere-secret");
    let held: Vec<File> = [(root.join("a log.txt"), 3), (outside, 2)]
        .into_iter()
        .map(|(path, mib)| {
            fill(&path, mib);
            let file = File::open(&path).unwrap();
            std::fs::remove_file(&path).unwrap();
            file
        })
        .collect();
    let keys = format!("path_allowlist = [\"{}\"]\n", root.display());
    let mut server = setup.host(&sshd, "box", &keys).start();
    let answer = server.ok("ssh_host_disk_usage", json!({"host": "box", "deleted": true}));
    let me = std::process::id();
    let mine: Vec<&Value> = answer["deleted_open"].as_array().unwrap().iter().filter(|row| row["pid"] == me).collect();
    let seen = |mib: u64| mine.iter().find(|row| row["size"] == mib * MIB).unwrap_or_else(|| panic!("{mib}: {answer}"));
    assert_eq!(seen(3)["path"], root.join("a log.txt").display().to_string(), "{answer}");
    assert_eq!(seen(2)["path"], Value::Null, "{answer}");
    assert!(seen(3)["bytes"].as_u64().unwrap() >= 3 * MIB, "{answer}");
    let program = std::fs::read_to_string("/proc/self/comm").unwrap();
    assert_eq!(seen(3)["program"], program.trim());
    assert!(!answer.to_string().contains("elsewhere-secret"), "{answer}");
    drop(held);
    let answer = server.ok("ssh_host_disk_usage", json!({"host": "box", "deleted": true}));
    assert!(!answer.to_string().contains("a log.txt"), "{answer}");
    let mut closed = Setup::new().host(&sshd, "box", "").env("SSH_SUDO_ENABLED", "false").start();
    closed.err("ssh_host_disk_usage", json!({"host": "box", "deleted": true, "sudo": true}));
}

/// What has no row is told.
#[test]
fn names_with_a_line_end_and_the_smaller_folders_are_counted() {
    let sshd = Sshd::start();
    let setup = Setup::new();
    let root = setup.root();
    fill(&root.join("two\nlines/file"), 1);
    for n in 0..1100 {
        std::fs::create_dir(root.join(format!("n{n}"))).unwrap();
    }
    let keys = format!("path_allowlist = [\"{}\"]\n", root.display());
    let mut holder = Command::new("sh")
        .args(["-c", "exec 9>\"$1\"; echo 1 >&9; rm \"$1\"; exec sleep 60", "sh"])
        .arg(root.join("gone\nname"))
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    let mut server = setup.host(&sshd, "box", &keys).start();
    let found = server.ok("ssh_host_disk_usage", json!({"host": "box", "path": root, "deleted": true}));
    let _ = holder.kill();
    holder.wait().unwrap();
    let told = found["output_warnings"].to_string();
    assert!(told.contains("1 names with a line end have no row"), "{told}");
    assert!(told.contains("deleted files whose name has a line end"), "{told}");
    // The root, the one of two lines and 1,100 more, of which 30 rows are shown at most.
    let shown = found["folders"].as_array().unwrap().len();
    assert!(told.contains(&format!("{} smaller folders", 1102 - shown)), "{shown}: {told}");
    // The file below the name of two lines counts in the one above, beside what the folders take themselves.
    assert!((1..=6).contains(&rows(&found)[0].1), "{found}");
}

#[test]
fn busybox_measures_and_says_what_it_could_not_see() {
    for host in [Sftp::There, Sftp::Missing].into_iter().filter_map(busybox_host) {
        let hosts = "[hosts.box]\nhostname = \"box\"\npath_allowlist = [\"/tmp/fill\"]\nrestricted_paths = [\"/tmp/fill/zone\"]\nrestricted_globs = [\"**/vault*\"]\n";
        host.says(&[
            "sh",
            "-c",
            "umask 022; for d in big some/er/deep zone/secret-name some/vault-7; do mkdir -p /tmp/fill/$d; \
             dd if=/dev/zero of=/tmp/fill/$d/file bs=1048576 count=3 2>/dev/null; done; mkdir -p /tmp/fill/shut; chmod 700 /tmp/fill/shut; \
             ( exec 9>/tmp/fill/held; dd if=/dev/zero bs=1048576 count=2 >&9 2>/dev/null; rm /tmp/fill/held; exec sleep 20 ) >/dev/null 2>&1 & sleep 1",
        ]);
        let mut server = Setup::new().raw(&host.ssh_config_block("box", "user", &[]), hosts).start();
        let asked = json!({"host": "box", "path": "/tmp/fill", "deleted": true});
        let found = server.ok("ssh_host_disk_usage", asked.clone());
        let mut names: Vec<(String, u64)> = rows(&found);
        names.sort();
        let expected = [("", 6), ("/big", 3), ("/shut", 0), ("/some", 3), ("/some/er", 3)];
        let expected: Vec<_> = expected.iter().map(|(name, mib)| (format!("/tmp/fill{name}"), *mib)).collect();
        assert_eq!(names, expected, "{found}");
        assert!(!found.to_string().contains("zone") && !found.to_string().contains("vault"), "{found}");
        let told = found["output_warnings"].to_string();
        assert!(told.contains("Not everything could be searched, in 1 places"), "{told}");
        // It is root's, so the login account cannot see it, and says so.
        assert!(told.contains("of other accounts were not seen"), "{told}");
        assert!(!found["deleted_open"].to_string().contains("held"), "{found}");
        let mut root = Setup::new().raw(&host.ssh_config_block("box", "root", &[]), hosts).start();
        let seen = root.ok("ssh_host_disk_usage", asked);
        let row = seen["deleted_open"].as_array().unwrap().iter().find(|row| row["path"] == "/tmp/fill/held");
        let row = row.unwrap_or_else(|| panic!("{seen}"));
        assert_eq!((row["size"].as_u64(), row["program"].as_str()), (Some(2 * MIB), Some("sleep")), "{row}");
        host.says(&["rm", "-rf", "/tmp/fill"]);
    }
}

/// The script's own functions over a tree, with smaller limits.
fn measured(tree: &Path, path: &str, change: &[(&str, &str)]) -> String {
    let source =
        |name: &str| std::fs::read_to_string(format!("{}/src/tools/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mut text =
        [source("host/within.sh"), source("host/df.sh"), source("dead.sh"), source("host/usage.sh")].concat();
    for (old, new) in change {
        assert!(text.contains(old), "{old}");
        text = text.replace(old, new);
    }
    let mut command = Command::new("sh");
    command.args(["-c", &text, "sh", tree.to_str().unwrap(), "2", ""]).current_dir(tree).env("PATH", path);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_once("\0folders\0").unwrap_or_else(|| panic!("{text}")).1.to_owned()
}

#[test]
fn a_measuring_that_stops_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().canonicalize().unwrap().join("tree");
    for n in 0..20 {
        fill(&tree.join(format!("d{n}/file")), 0);
    }
    let path = std::env::var("PATH").unwrap();
    let whole = measured(&tree, &path, &[]);
    assert!(whole.contains("entries 41\n") && !whole.contains("stopped"), "{whole}");
    let few = measured(&tree, &path, &[("most=1000000", "most=5")]);
    assert!(few.contains("entries 5\n") && few.contains("stopped entries\n"), "{few}");
    // A find that goes on for ever.
    let slow = dir.path().join("slow");
    std::fs::create_dir(&slow).unwrap();
    let text = "#!/bin/sh\ncase \"$*\" in *maxdepth*) exit 0 ;; esac\nprintf '8 1 1 1 d .\\0'\nexec sleep 60\n";
    std::fs::write(slow.join("find"), text).unwrap();
    std::fs::set_permissions(slow.join("find"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let cut = measured(&tree, &format!("{}:{path}", slow.display()), &[("within 200 find", "within 5 find")]);
    assert!(cut.contains("entries 1\n") && cut.contains("stopped time\n") && cut.contains("4096 1 .\n"), "{cut}");
    // The walk of BusyBox, which sees that its time is over.
    let walk = [("program=$(command -v find)", "program=busybox")];
    assert!(measured(&tree, &path, &walk).contains("entries 41\n"));
    let none = measured(&tree, &path, &[walk[0], ("+ 20))", "- 1))")]);
    assert!(none.contains("stopped time\n"), "{none}");
}
