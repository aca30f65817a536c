//! Hosts that are not Debian: other programs, other spellings, other places. What they have is learnt once, and shown.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::containers::{Sftp, busybox_host, new_busybox_host, new_odd_host, systemd_host};
use crate::files::{Place, SCENARIOS};
use crate::kinds;
use crate::server::{Server, Setup};
use crate::sshd::{Login, Options, Sshd, can_check_passwords};

/// A folder with stand-ins that take only the spelling of a BSD, and the programs that they need.
struct Stands {
    dir: tempfile::TempDir,
}

const BSD: [&str; 18] = [
    "stat", "mv", "ln", "cp", "readlink", "dd", "df", "date", "ps", "sed", "find", "tar", "sysctl", "md5", "sha1",
    "sha256", "sha512", "uptime",
];

/// What a BSD has not.
const GNU_ONLY: [&str; 14] = [
    "/usr/bin/setsid",
    "/usr/bin/perl",
    "/usr/bin/nproc",
    "/usr/bin/getent",
    "/usr/bin/flock",
    "/usr/bin/md5sum",
    "/usr/bin/sha1sum",
    "/usr/bin/sha256sum",
    "/usr/bin/sha512sum",
    "/usr/bin/openssl",
    "/usr/bin/shasum",
    "/usr/bin/ip",
    "/usr/sbin/ip",
    "/usr/bin/busybox",
];

fn executable(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

impl Stands {
    fn bsd() -> Self {
        let dir = tempfile::Builder::new().prefix("bsd-").tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for folder in ["real", "bin", "nothing", "proc"] {
            std::fs::create_dir(at(folder)).unwrap();
        }
        let text = include_str!("platforms/bsd.sh").replace("r=REAL", &format!("r={}", at("real").display()));
        for name in &BSD {
            executable(&at("bin").join(name), &text);
            let real = ["md5", "sha1", "sha256", "sha512"].contains(name);
            let program = if real { format!("{name}sum") } else { (*name).to_owned() };
            if let Ok(found) = Path::new("/usr/bin").join(&program).canonicalize() {
                std::fs::copy(found, at("real").join(&program)).unwrap();
            }
        }
        std::fs::copy("/usr/bin/nproc", at("real/nproc")).unwrap();
        Stands { dir }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What stands where, with or without a /proc.
    fn options(&self, proc: bool) -> Options {
        let mut shown = vec![(self.at("bin"), "/usr/local/bin")];
        if !proc {
            // Kept for what stands in for ps, which knows of sessions as that of FreeBSD does.
            shown.push((PathBuf::from("/proc"), self.at("proc").display().to_string().leak()));
            shown.push((self.at("nothing"), "/proc"));
        }
        let hidden = GNU_ONLY.into_iter().filter(|path| Path::new(path).exists()).collect();
        Options { instead: shown, hidden, ..Options::default() }
    }
}

/// False, and said, where the fixture may not mount.
fn can_stand_in() -> bool {
    let can = can_check_passwords();
    if !can {
        crate::skips::skip("this account may not mount");
    }
    can
}

/// Every scenario of the file suite, at once.
fn files_work(place: &(dyn Place + Sync)) {
    std::thread::scope(|scope| {
        for scenario in SCENARIOS {
            scope.spawn(move || scenario(place));
        }
    });
}

fn told(kind: &str, server: &mut Server) {
    let (exec, shell, host) = (kinds::exec(server), kinds::shell(server), kinds::host(server));
    kinds::tell(kind, &[("exec", &exec), ("shell", &shell), ("host", &host)]);
}

#[test]
fn bsd_spellings_alone() {
    if !can_stand_in() {
        return;
    }
    let stands = Stands::bsd();
    let sshd = Sshd::with(&stands.options(false));
    let mut server = Setup::open_box(&sshd).start();
    told("BSD spellings, no /proc", &mut server);
    let info = server.ok("ssh_host_info", json!({"host": "box"}));
    let known = &info["capabilities"];
    assert_eq!(
        (known["stat"].as_str(), known["mv"].as_str(), known["ln"].as_str()),
        (Some("bsd"), Some("h"), Some("n")),
        "{info}"
    );
    assert_eq!((known["setsid"].as_bool(), known["proc"].as_bool()), (Some(false), Some(false)), "{info}");
    files_work(&Patient(&sshd));
    kinds::tell("BSD spellings, no /proc", &[("sftp-read", "works"), ("file-ops", "works")]);
}

#[test]
fn folders_that_others_can_change_are_not_searched() {
    if !can_stand_in() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // Root's alone, down from the root of the file system: not in a folder of temporary files, which all may write to.
    let kept = tempfile::Builder::new().prefix("ssh-mcp-path-").tempdir_in("/opt").unwrap();
    let ran = dir.path().join("ran");
    let of = |name: &str, mode: u32, owner: u32| {
        let folder = kept.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        // The wrapper itself looks for this one, which the host does not have otherwise.
        executable(&folder.join("setsid"), &format!("#!/bin/sh\necho {name} >>{}\nexec \"$@\"\n", ran.display()));
        executable(&folder.join("ip"), &format!("#!/bin/sh\necho {name} >>{}\necho '[]'\n", ran.display()));
        nix::unistd::chown(&folder, Some(owner.into()), None).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(mode)).unwrap();
        folder
    };
    std::fs::set_permissions(kept.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let (open, sticky, others) = (of("open", 0o777, 0), of("sticky", 0o1777, 0), of("others", 0o755, 65534));
    let group = of("group", 0o775, 0);
    let below = open.join("below");
    std::fs::create_dir(&below).unwrap();
    let good = kept.path().join("good");
    std::fs::create_dir(&good).unwrap();
    executable(&good.join("opkg"), "#!/bin/sh\necho good\n");
    let link = kept.path().join("link");
    symlink(&good, &link).unwrap();
    let path: Vec<String> =
        [&open, &sticky, &others, &group, &below, &link].iter().map(|p| p.display().to_string()).collect();
    let path = format!("{}:.:relative:/usr/bin:/bin", path.join(":"));
    let hidden =
        ["/usr/bin/setsid", "/usr/bin/ip", "/usr/sbin/ip"].into_iter().filter(|p| Path::new(p).exists()).collect();
    let sshd = Sshd::with(&Options { hidden, path: Some(path), ..Options::default() });
    let setup = Setup::open_box(&sshd);
    let root = setup.root();
    let mut server = setup.start();
    let info = server.ok("ssh_host_info", json!({"host": "box"}));
    server.err("ssh_host_network", json!({"host": "box"}));
    server.ok("ssh_sftp_list", json!({"host": "box", "path": root}));
    assert!(!ran.exists(), "{}", std::fs::read_to_string(&ran).unwrap());
    let known = &info["capabilities"];
    let used: Vec<&str> = known["path"].as_array().unwrap().iter().filter_map(|p| p.as_str()).collect();
    assert!(used.contains(&good.to_str().unwrap()), "{info}");
    for folder in [&open, &sticky, &others, &group, &below] {
        let name = folder.to_str().unwrap();
        assert!(!used.contains(&name), "{info}");
        let unused = known["unused_path"].as_array().unwrap().iter().find(|row| row["folder"] == name);
        assert!(unused.is_some(), "{name}: {info}");
    }
    let doctor = crate::terminals::doctor(&server);
    for folder in [&open, &sticky, &others, &group, &below] {
        let line = format!("programs in {} are not used: ", folder.display());
        assert!(doctor.contains(&line), "{doctor}");
    }
    // Bare words of a command list mean a program where only root puts programs, and in no other folder.
    drop(server);
    let list = "command_allowlist = [\"opkg *\", \"setsid *\"]";
    let mut server = Setup::new().host(&sshd, "box", list).start();
    assert_eq!(server.exec("opkg list")["stdout"], "good\n");
    // It is hidden by a file that nobody can run.
    let code = server.exec("setsid true")["exit_code"].clone();
    assert!(code == 126 || code == 127, "{code}");
    assert!(!ran.exists(), "{}", std::fs::read_to_string(&ran).unwrap());
}

/// A machine that has much to do: ten servers log in at once.
struct Patient<'a>(&'a (dyn Place + Sync));

impl Place for Patient<'_> {
    fn add(&self, setup: Setup, keys: &str) -> Setup {
        self.0.add(setup.env("SSH_CONNECT_TIMEOUT", "90"), keys)
    }

    fn knows_only_utf8(&self) -> bool {
        self.0.knows_only_utf8()
    }
}

/// A host whose `stat` refuses names that are not UTF-8.
struct OnlyUtf8<'a>(&'a (dyn Place + Sync));

impl Place for OnlyUtf8<'_> {
    fn add(&self, setup: Setup, keys: &str) -> Setup {
        self.0.add(setup, keys)
    }

    fn knows_only_utf8(&self) -> bool {
        true
    }
}

/// All groups but sudo, as the account that owns the files of the tests.
fn on(kind: &str, host: &(dyn Place + Sync)) {
    let mut server = Patient(host).add(Setup::new(), "command_allowlist = [\"*\"]").start();
    told(kind, &mut server);
    files_work(&Patient(host));
    let read =
        if host.knows_only_utf8() { "works; names that are not UTF-8 are counted and not shown" } else { "works" };
    kinds::tell(kind, &[("sftp-read", read), ("file-ops", "works")]);
}

#[test]
fn debian_as_it_comes() {
    if let Some(host) = systemd_host() {
        told("Debian 12", &mut host.add(Setup::new(), "command_allowlist = [\"*\"]").start());
    }
    if let Some(host) = new_odd_host() {
        on("Debian 13", &host);
    }
}

#[test]
fn a_hardened_host_with_bash_as_sh() {
    if !can_stand_in() {
        return;
    }
    let sshd = Sshd::with(&Options { sh: crate::scripts::program("bash"), ..Options::default() });
    let start = "readonly TMOUT=5; export TMOUT; umask 077; set -o noclobber; alias rm='rm -i'\n";
    for file in [".bashrc", ".profile"] {
        std::fs::write(sshd.path("home").join(file), start).unwrap();
    }
    on("RHEL-like: bash as sh, read-only TMOUT, umask 077", &sshd);
}

#[test]
fn one_session_a_connection() {
    let sshd = Sshd::with(&Options { max_sessions: Some(1), ..Options::default() });
    let mut server = Setup::open_box(&sshd).start();
    let (exec, shell, host) = (kinds::exec(&mut server), kinds::shell(&mut server), kinds::host(&mut server));
    kinds::tell("MaxSessions 1", &[("exec", &exec), ("shell", &shell), ("host", &host)]);
}

#[test]
fn login_shells_and_shells_behind_sh() {
    std::thread::scope(|scope| {
        for name in ["tcsh", "fish", "ksh93", "mksh", "yash", "zsh"] {
            scope.spawn(move || {
                let Some(shell) = crate::scripts::program(name) else {
                    crate::skips::skip(&format!("{name} is not installed"));
                    return;
                };
                let login = Login::Shell(shell);
                let sshd = Sshd::with(&Options { login, ..Options::default() });
                let mut server = Setup::open_box(&sshd).start();
                let (exec, shell) = (kinds::exec(&mut server), kinds::shell(&mut server));
                kinds::tell(&format!("Login shell {name}"), &[("exec", &exec), ("shell", &shell)]);
            });
        }
        for name in ["ksh93", "mksh", "yash", "zsh"] {
            scope.spawn(move || {
                let Some(sshd) = crate::scripts::with_sh(name) else { return };
                let mut server = Setup::open_box(&sshd).start();
                let (exec, shell, host) =
                    (kinds::exec(&mut server), kinds::shell(&mut server), kinds::host(&mut server));
                kinds::tell(&format!("{name} as sh"), &[("exec", &exec), ("shell", &shell), ("host", &host)]);
                let info = server.ok("ssh_host_info", json!({"host": "box"}));
                assert_eq!(info["capabilities"]["sh"], name, "{info}");
            });
        }
    });
}

#[test]
fn busybox_and_dropbear() {
    let Some(host) = busybox_host(Sftp::There) else { return };
    told("BusyBox and Dropbear", &mut host.add(Setup::new(), "command_allowlist = [\"*\"]").start());
}

#[test]
fn a_layout_as_of_nixos() {
    let Some(host) = new_odd_host() else { return };
    host.set_sshd("SetEnv PATH=/run/wrappers/bin:/run/current-system/sw/bin\n");
    let made = "set -e; sed -i 's#^root:\\(.*\\):/bin/bash#root:\\1:/bin/sh#' /etc/passwd; mkdir -p /nix/sw/bin /run/current-system\n\
        ln -s /nix/sw /run/current-system/sw; cp -a /usr/bin/. /usr/sbin/. /nix/sw/bin/; PATH=/nix/sw/bin; hash -r\n\
        cd /usr/bin; for f in * ../sbin/*; do case $f in sh|env|*/sshd|*/unix_chkpwd) ;; *) rm -f \"$f\";; esac; done; rm sh; ln -s /nix/sw/bin/dash sh; ln -sf mawk /nix/sw/bin/awk";
    host.says(&["sh", "-c", made]);
    on("NixOS-like layout", &host);
    // Bare words of a command list mean the programs there, unless the operator has named the folders.
    let listed = || host.add(Setup::new(), "command_allowlist = [\"uptime\", \"id\"]");
    let mut server = listed().start();
    for _ in 0..2 {
        let done = server.exec("uptime");
        assert_eq!(
            (&done["exit_code"], done["stdout"].as_str().is_some_and(|out| out.contains("load"))),
            (&json!(0), true),
            "{done}"
        );
    }
    let id = server.ok("ssh_shell_open", json!({"host": "box"}))["session_id"].clone();
    let done = server.ok("ssh_shell_exec", json!({"session_id": id, "command": "id -u"}));
    assert_eq!(done["exit_code"], 0, "{done}");
    let mut server = listed().env("SSH_COMMAND_PATH", "/usr/bin:/bin").start();
    assert_eq!(server.exec("uptime")["exit_code"], 127);
}

#[test]
fn uutils_core_programs() {
    let Some(host) = new_odd_host() else { return };
    host.says(&["sh", "-c", "ln -s /usr/lib/cargo/bin/coreutils/* /usr/local/bin/ && stat --version"]);
    on("uutils coreutils", &OnlyUtf8(&host));
}

#[test]
fn toybox() {
    let Some(host) = new_odd_host() else { return };
    let made = "set -e; for n in $(toybox); do case $n in sh|toysh|bash|login|su) ;; *) ln -s /usr/bin/toybox /usr/local/bin/$n;; esac; done";
    host.says(&["sh", "-c", made]);
    on("toybox", &host);
}

#[test]
fn as_openwrt_without_stat_and_setsid() {
    let Some(host) = new_busybox_host() else { return };
    let gone = "stat setsid timeout nproc sha1sum sha512sum getent";
    host.says(&["sh", "-c", &format!("for n in {gone}; do rm -f /bin/$n /usr/bin/$n /usr/sbin/$n; done")]);
    on("OpenWrt-like: BusyBox without stat and setsid, Dropbear", &host);
}

/// Where stat is spelled otherwise, it is asked in no way that is not foreseen.
#[test]
fn every_question_to_stat_is_spelled_for_all() {
    let spelled = include_str!("../../src/ssh/wrapper/spelled.sh");
    let mut asked = 0;
    for folder in ["src/tools/file_ops", "src/tools/sftp_read", "src/tools/host", "src/tools/sudo"] {
        for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap().flatten() {
            if file.path().extension().is_none_or(|end| end != "sh") {
                continue;
            }
            let text = std::fs::read_to_string(file.path()).unwrap();
            for rest in text.split("stat -c ").skip(1).chain(text.split("stat -L -c ").skip(1)) {
                let format = match rest.split_once(['"', '\'']) {
                    Some(("", rest)) => rest.split(['"', '\'']).next().unwrap(),
                    _ => rest.split_ascii_whitespace().next().unwrap().trim_end_matches([')', ';']),
                };
                // What follows a question about the kind of stat.
                let own = ["%f %s %Y %N", "%f %s %Y %n", "%f %s %Y"].contains(&format)
                    || (file.path().ends_with("usage.sh")
                        && text.contains("command stat -c %b . ")
                        && format.contains("%b"));
                let foreseen = spelled.matches(&format!("\"{format}\")")).count()
                    + spelled.matches(&format!("{format})")).count()
                    + spelled.matches(&format!("{format}|")).count();
                let asked_for = spelled.matches(&format!("\"{format}\"")).count();
                assert!(own || foreseen >= 2 || asked_for >= 2, "{}: {format}", file.path().display());
                asked += 1;
            }
        }
    }
    assert!(asked > 10);
}
