//! Large files on real hosts: up, down and from one to another, whole or not at all, in bounded memory.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::server::{Server, Setup};
use crate::sshd::Sshd;

/// Size of a large file, in bytes; odd, so that no block size divides it.
const LARGE: usize = if cfg!(feature = "deep") { (1 << 30) + 17 } else { (24 << 20) + 17 };

/// Most memory the server may have held, in kB.
const MEMORY: u64 = 64 << 10;

/// A file of bytes that do not repeat.
fn large(path: &Path) -> String {
    let mut file = std::fs::File::create(path).unwrap();
    let (mut digest, mut left, mut x) = (Sha256::new(), LARGE, 0x9e37_79b9_7f4a_7c15_u64);
    while left > 0 {
        let mut piece = Vec::with_capacity(1 << 20);
        while piece.len() < left.min(1 << 20) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            piece.extend_from_slice(&x.to_le_bytes());
        }
        piece.truncate(left);
        digest.update(&piece);
        file.write_all(&piece).unwrap();
        left -= piece.len();
    }
    digest.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

fn digest(path: &Path) -> String {
    let (mut digest, mut file) = (Sha256::new(), std::fs::File::open(path).unwrap());
    let mut piece = vec![0; 1 << 20];
    loop {
        let n = file.read(&mut piece).unwrap();
        if n == 0 {
            break;
        }
        digest.update(&piece[..n]);
    }
    digest.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

/// Names of ours in a folder.
pub fn temporaries(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().flatten().map(|e| e.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.contains(".ssh-mcp-tmp.")).collect()
}

/// One world with two hosts on one daemon each, and a local folder.
fn two(a: &Sshd, b: &Sshd) -> (Server, std::path::PathBuf) {
    let setup = Setup::new();
    let root = setup.root();
    for name in ["a", "b", "local", "a/closed"] {
        std::fs::create_dir_all(root.join(name)).unwrap();
    }
    let keys = |name: &str, policy: &str| {
        format!(
            "path_allowlist = [\"{0}/{name}\"]\nrestricted_paths = [\"{0}/{name}/closed\"]\n\
             redact_paths_globs = [\"*.env\"]\nredact_bypass_policy = \"{policy}\"",
            root.display()
        )
    };
    let setup = setup.host(a, "a", &keys("a", "warn")).host(b, "b", &keys("b", "block"));
    let local = root.join("local").display().to_string();
    let setup = setup.env("SSH_LOCAL_TRANSFER_ROOTS", &local);
    (setup.env("SSH_UPLOAD_MAX_FILE_BYTES", &(LARGE as u64 + 1).to_string()).start(), root)
}

#[test]
fn a_large_file_goes_up_and_down_in_little_memory() {
    let sshd = Sshd::start();
    let (mut server, root) = two(&sshd, &sshd);
    let (local, remote, back) = (root.join("local/file"), root.join("a/file"), root.join("local/back"));
    let sum = large(&local);
    let up = server.ok("ssh_upload", json!({"host": "a", "path": remote, "local_path": local}));
    assert_eq!((up["bytes_written"].as_u64(), up["sha256"].as_str()), (Some(LARGE as u64), Some(sum.as_str())));
    assert_eq!(digest(&remote), sum);
    assert_eq!(std::fs::metadata(&remote).unwrap().permissions().mode() & 0o777, 0o644);
    let down = server.ok("ssh_sftp_download", json!({"host": "a", "path": remote, "local_path": back}));
    assert_eq!(down["size"].as_u64(), Some(LARGE as u64));
    assert_eq!(digest(&back), sum);
    assert_eq!((temporaries(&root.join("a")), temporaries(&root.join("local"))), (vec![], vec![]));
    let most = server.most_memory();
    assert!(most < MEMORY, "{most} kB");
    // A link on the way costs another round; the file is sent once more from its start.
    std::os::unix::fs::symlink("file", root.join("a/link")).unwrap();
    server.ok("ssh_upload", json!({"host": "a", "path": root.join("a/link"), "local_path": back}));
    assert_eq!(digest(&remote), sum);
}

#[test]
fn a_file_goes_from_host_to_host() {
    let (one, other) = (Sshd::start(), Sshd::start());
    let (mut server, root) = two(&one, &other);
    let (src, dst) = (root.join("a/file"), root.join("b/file"));
    let args = json!({"src_host": "a", "src_path": src, "dst_host": "b", "dst_path": dst});
    let again = |server: &mut Server| {
        let mut args = args.clone();
        args["overwrite"] = json!(true);
        server.ok("ssh_transfer", args)
    };
    std::fs::write(&src, b"small\xff").unwrap();
    std::fs::set_permissions(&src, std::fs::Permissions::from_mode(0o4750)).unwrap();
    let done = server.ok("ssh_transfer", args.clone());
    assert_eq!((done["size"].as_u64(), done["dst_path"].as_str()), (Some(6), dst.to_str()));
    assert_eq!(std::fs::read(&dst).unwrap(), b"small\xff");
    assert_eq!(std::fs::metadata(&dst).unwrap().permissions().mode() & 0o7777, 0o750);
    let said = server.err("ssh_transfer", args.clone());
    assert!(said.contains("ValueError") && said.contains("overwrite"), "{said}");
    // Names of any bytes, on both sides.
    let named = |folder: &str| {
        root.join(folder).join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"caf\xe9"))
    };
    std::fs::write(named("a"), b"odd").unwrap();
    let odd = json!({"src_host": "a", "src_path": root.join("a/caf\\xe9"), "dst_host": "b", "dst_path": root.join("b/caf\\xe9")});
    assert_eq!(server.ok("ssh_transfer", odd)["dst_path"].as_str(), root.join("b/caf\\xe9").to_str());
    assert_eq!(std::fs::read(named("b")).unwrap(), b"odd");
    std::fs::write(&src, b"").unwrap();
    again(&mut server);
    assert_eq!(std::fs::read(&dst).unwrap(), b"");
    let sum = large(&src);
    let done = again(&mut server);
    assert_eq!((done["size"].as_u64(), done["sha256"].as_str()), (Some(LARGE as u64), Some(sum.as_str())));
    assert_eq!(digest(&dst), sum);
    let said = server.err("ssh_transfer", args.clone());
    assert!(said.contains("ValueError") && said.contains("overwrite"), "{said}");
    let mut same = args.clone();
    same["dst_host"] = json!("a");
    same["dst_path"] = json!(root.join("a/copy"));
    assert!(server.err("ssh_transfer", same).contains("ssh_cp"));
    let most = server.most_memory();
    assert!(most < MEMORY, "{most} kB");
    assert_eq!(temporaries(&root.join("b")), Vec::<String>::new());
}

#[test]
fn a_transfer_keeps_the_rules_of_both_hosts() {
    let (one, other) = (Sshd::start(), Sshd::start());
    let (mut server, root) = two(&one, &other);
    let audit = |server: &Server, tool: &str| {
        let text = server.stderr();
        text.lines()
            .filter(|line| line.contains(&format!("\"tool\":\"{tool}\"")))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    std::fs::write(root.join("a/a.env"), "PASSWORD=CANARY-1\n").unwrap();
    std::fs::write(root.join("b/a.env"), "PASSWORD=CANARY-2\n").unwrap();
    std::fs::write(root.join("a/closed/x"), "CANARY").unwrap();
    std::fs::write(root.join("a/plain"), "plain").unwrap();
    std::os::unix::fs::symlink(root.join("a/closed/x"), root.join("a/way")).unwrap();
    std::os::unix::fs::symlink(root.join("local"), root.join("b/out")).unwrap();
    let mut call = |from: &str, src: &str, to: &str, dst: &str| {
        let (src, dst) = (root.join(from).join(src), root.join(to).join(dst));
        server.call("ssh_transfer", json!({"src_host": from, "src_path": src, "dst_host": to, "dst_path": dst}))
    };
    for (from, src, to, dst, name) in [
        ("a", "closed/x", "b", "n", "PathRestricted"),
        ("a", "way", "b", "n", "PathRestricted"),
        ("a", "../local/x", "b", "n", "PathNotAllowed"),
        ("a", "plain", "b", "out/n", "PathNotAllowed"),
        ("a", "plain", "b", "closed/n", "PathRestricted"),
        ("a", "plain", "b", "n.env", "RedactBypassBlocked"),
        ("b", "a.env", "a", "n", "RedactBypassBlocked"),
        ("a", "none", "b", "n", "PathNotAllowed"),
    ] {
        let said = call(from, src, to, dst);
        assert!(said.error && said.text.contains(name), "{src} {dst}: {}", said.text);
        assert!(!said.text.contains("CANARY"), "{}", said.text);
    }
    let warned = call("a", "a.env", "b", "n");
    assert!(!warned.error, "{}", warned.text);
    assert!(warned.data["output_warnings"][0].as_str().unwrap().contains("redact-listed"), "{}", warned.data);
    let lines = audit(&server, "ssh_transfer");
    let (a, b) = (lines[lines.len() - 2].clone(), lines[lines.len() - 1].clone());
    assert!(a.contains("\"host\":\"a\"") && a.contains("\"redact_bypass\":true"), "{a}");
    assert!(b.contains("\"host\":\"b\"") && !b.contains("redact_bypass"), "{b}");
    let hash = |line: &str| line.split("\"path_hash\":\"").nth(1).map(|rest| rest[..16].to_owned());
    assert!(hash(&a).is_some() && hash(&a) != hash(&b), "{a} {b}");
    assert_eq!(lines.len(), 18);
}

#[test]
fn transfers_tell_bytes_and_rate() {
    let sshd = Sshd::start();
    let (mut server, root) = two(&sshd, &sshd);
    let (local, back, from, to) =
        (root.join("local/file"), root.join("local/back"), root.join("a/file"), root.join("b/file"));
    large(&local);
    for (tool, arguments, word) in [
        ("ssh_upload", json!({"host": "a", "path": from, "local_path": local}), "uploading"),
        ("ssh_transfer", json!({"src_host": "a", "src_path": from, "dst_host": "b", "dst_path": to}), "transferring"),
        ("ssh_sftp_download", json!({"host": "a", "path": from, "local_path": back}), "downloading"),
    ] {
        let asked = json!({"name": tool, "arguments": arguments, "_meta": {"progressToken": tool}});
        let id = server.begin("tools/call", asked);
        let answer = server.wait(id, Duration::from_secs(60)).unwrap();
        assert_ne!(answer["result"]["isError"], true, "{answer}");
        let said: Vec<String> = server
            .notes()
            .iter()
            .filter(|note| note["params"]["progressToken"] == tool)
            .map(|note| note["params"]["message"].as_str().unwrap_or_default().to_owned())
            .collect();
        let last = format!("{word}: {LARGE} of {LARGE} bytes, ");
        assert!(said.iter().any(|line| line.starts_with(&last) && line.ends_with(" MiB/s")), "{tool}: {said:?}");
    }
}
