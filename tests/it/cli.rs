//! The command line of the real binary, against a private sshd.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::sshd::{Login, Options, Sshd};

/// A home of its own, whose ssh_config and hosts.toml know one daemon as `box`.
pub(crate) struct Home {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) sshd: Sshd,
}

impl Home {
    pub(crate) fn new(entry: &str) -> Self {
        Self::on(Sshd::start(), entry)
    }

    fn on(sshd: Sshd, entry: &str) -> Self {
        let home = Home { dir: tempfile::Builder::new().prefix("h").tempdir().unwrap(), sshd };
        home.hosts(&format!("[hosts.box]\n{entry}"));
        home
    }

    pub(crate) fn hosts(&self, text: &str) {
        let folder = self.dir.path().join("config/ssh-mcp");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("hosts.toml"), text).unwrap();
    }

    pub(crate) fn run(&self, words: &[&str], env: &[(&str, &str)]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_ssh-mcp"))
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.dir.path())
            .env("XDG_CONFIG_HOME", self.dir.path().join("config"))
            .env("XDG_RUNTIME_DIR", self.dir.path())
            .env("SSH_CONFIG_FILE", self.sshd.ssh_config("box"))
            .envs(env.iter().copied())
            .current_dir(self.dir.path())
            .output()
            .unwrap()
    }
}

pub(crate) fn shown(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn doctor_says_how_far_each_host_is_reached_and_what_mends_it() {
    let home = Home::new("");
    let (status, out, err) = shown(&home.run(&["doctor"], &[]));
    assert_eq!(status, 0, "{out}{err}");
    assert!(out.contains("reached, logged in with"), "{out}");
    assert!(out.contains(&home.sshd.host_fingerprints()[0]), "{out}");
    assert!(!out.contains('\x1b'), "colour goes to terminals only: {out}");
    // Nothing of the agent's or the configuration's is a reason to fail; a host that cannot be reached is.
    std::fs::write(home.sshd.known_hosts(), "").unwrap();
    let (status, out, _) = shown(&home.run(&["doctor", "box"], &[]));
    assert_eq!(status, 4, "{out}");
    assert!(out.contains("reached, host key refused: UnknownHost") && out.contains("ssh-keyscan"), "{out}");
    assert_eq!(shown(&home.run(&["doctor", "nobody"], &[])).0, 2);
    home.hosts("[hosts.box]\nprot = 1\n");
    let (status, out, _) = shown(&home.run(&["doctor"], &[]));
    assert!(status == 2 && out.contains("prot"), "{out}");
}

/// What an account is for shows only when something is tried on it.
#[test]
fn doctor_tries_what_tools_need() {
    let forced = |line: &str| Login::Forced(line.to_owned());
    let sftp_only = Options { extra: vec!["ForceCommand internal-sftp".to_owned()], ..Options::default() };
    let with = |login: Login| Options { login, ..Options::default() };
    // Options, exit status, mark of the line, what it says.
    let cases: Vec<(Options, i32, &str, &[&str])> = vec![
        (Options::default(), 0, "ok  ", &["commands run, sftp answers"]),
        (Options { no_sftp: true, ..Options::default() }, 0, "ok  ", &["commands run; no sftp"]),
        (sftp_only, 0, "warn", &["files over sftp only"]),
        (with(forced("/usr/sbin/nologin")), 4, "FAIL", &["nologin", "currently not available", "chsh"]),
        (with(forced("/bin/false")), 4, "FAIL", &["ends by itself", "/bin/false"]),
        (with(forced("echo Welcome to the jump menu; echo bye")), 4, "FAIL", &["Welcome to the jump menu / bye"]),
        (Options { max_sessions: Some(0), ..Options::default() }, 4, "FAIL", &["MaxSessions"]),
    ];
    for (options, wanted, mark, parts) in cases {
        let home = Home::on(Sshd::with(&options), "");
        let (status, out, err) = shown(&home.run(&["doctor", "box"], &[]));
        let line = out.lines().position(|line| line.contains(" box ")).expect(&out);
        let told = out.lines().skip(line).take(2).collect::<String>();
        assert!(told.starts_with(mark) && told.contains("reached, logged in with"), "{out}{err}");
        assert_eq!(status, wanted, "{out}{err}");
        for part in parts {
            assert!(told.contains(part), "{part}: {out}");
        }
        assert!(!told.contains("Call again"), "{out}");
    }
}

#[test]
fn doctor_names_a_proxy_command() {
    let home = Home::new("");
    let file = home.sshd.ssh_config("box");
    let mut text = std::fs::read_to_string(&file).unwrap();
    text.push_str("  ProxyCommand nc %h %p\n");
    let other = home.dir.path().join("ssh_config");
    std::fs::write(&other, text).unwrap();
    let (_, out, err) = shown(&home.run(&["check"], &[("SSH_CONFIG_FILE", other.to_str().unwrap())]));
    assert!(out.contains("reached by a ProxyCommand of ssh_config (`nc %h %p`)"), "{out}{err}");
}

#[test]
fn doctor_says_where_path_rules_lead() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    std::fs::create_dir(root.join("run")).unwrap();
    std::os::unix::fs::symlink("run", root.join("var")).unwrap();
    let root = root.display();
    let home = Home::new(&format!("path_allowlist = [\"{root}/var\"]\nrestricted_paths = [\"{root}/var/zone\"]\n"));
    let (_, out, err) = shown(&home.run(&["doctor"], &[]));
    for part in
        [format!("path_allowlist `{root}/var` is `{root}/run`"), format!("`{root}/var/zone` is `{root}/run/zone`")]
    {
        assert!(out.contains(&part), "{part}: {out}{err}");
    }
    let (_, out, _) = shown(&home.run(&["check"], &[]));
    assert!(out.contains("on the host"), "{out}");
}

#[test]
fn check_shows_the_policy_or_every_fault_in_one_line() {
    let home = Home::new("path_allowlist = [\"/srv\"]\ncommand_allowlist = [\"uptime\"]\n");
    let (status, out, err) = shown(&home.run(&["check"], &[("ALLOW_DANGEROUS_TOOLS", "true")]));
    assert_eq!(status, 0, "{err}");
    for part in ["dangerous", "open", "closed", "/srv", "uptime", "scripts", "refused", "sound"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    home.hosts("[hosts.box]\nprot = 1\nport = 0\n");
    let (status, out, err) = shown(&home.run(&["check"], &[("SSH_ENABLED_GROUPS", "dokcer")]));
    assert!(status == 2 && out.is_empty(), "{out}");
    assert!(err.lines().count() >= 3 && err.lines().all(|line| line.starts_with("ssh-mcp: ")), "{err}");
    assert!(err.contains("hosts.toml:2:") && err.contains("docker"), "{err}");
}

#[test]
fn check_prints_the_command_list_to_write() {
    let home = Home::new("command_allowlist = [\"uptime\", \"tee\", \"git status\"]\n");
    let variables = [("ALLOW_DANGEROUS_TOOLS", "true"), ("SSH_COMMAND_ALLOWLIST", "dd,id")];
    let (status, out, err) = shown(&home.run(&["check"], &variables));
    assert_eq!(status, 0, "{err}");
    assert!(out.contains("write `command_allowlist = [\"uptime\", \"tee *\", \"git status\"]`"), "{out}");
    assert!(out.contains("write `SSH_COMMAND_ALLOWLIST=dd *,id`"), "{out}");
    let (_, out, _) = shown(&home.run(&["check"], &[("ALLOW_DANGEROUS_TOOLS", "true")]));
    assert!(!out.contains("write `SSH_COMMAND_ALLOWLIST"), "{out}");
}

#[test]
fn check_and_doctor_name_hook_filters_that_match_nothing() {
    let home = Home::new("");
    let file = home.dir.path().join("some-hooks.toml");
    let hook = "[[hook]]\nname = 'g'\nevent = 'gate'\ncommand = ['true']\n";
    let text = format!("{hook}tool = ['ssh_exec_run', 'ssh_exce_*']\nhost = ['box', 'bxo']\n");
    std::fs::write(&file, text).unwrap();
    for command in ["check", "doctor"] {
        let (_, out, err) = shown(&home.run(&[command], &[("SSH_HOOKS_FILE", file.to_str().unwrap())]));
        for misspelt in ["tool = \"ssh_exce_*\"", "host = \"bxo\""] {
            assert!(out.contains(&format!("hook g: {misspelt} matches nothing")), "{command}: {out}{err}");
        }
        assert!(!out.contains("\"box\" matches nothing") && !out.contains("ssh_exec_run\" matches"), "{out}");
    }
}

#[test]
fn hosts_and_tools_are_listed() {
    let home = Home::new("user = \"me\"\n");
    let (status, out, _) = shown(&home.run(&["hosts", "--json"], &[]));
    let list: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((status, &list[0]["alias"], &list[0]["user"]), (0, &"box".into(), &"me".into()));
    let (status, out, err) = shown(&home.run(&["tools", "--check"], &[]));
    assert!(status == 0 && out.ends_with(" tools, 0 faults\n"), "{out}{err}");
    let tools = |words: &[&str]| -> Vec<Value> { serde_json::from_str(&shown(&home.run(words, &[])).1).unwrap() };
    let (seen, all) = (tools(&["tools", "--json"]), tools(&["tools", "--all", "--json"]));
    assert!(seen.iter().all(|tool| tool["tier"] == "read") && all.len() > seen.len());
    assert_eq!(all.len(), ssh_mcp::internals::tools::all().len());
}

#[test]
fn a_call_answers_in_json_and_its_status_says_who_has_to_act() {
    let home = Home::new("command_allowlist = [\"echo\", \"cat *\", \"sleep\"]\n");
    let open = [("ALLOW_DANGEROUS_TOOLS", "true")];
    let run = |words: &[&str]| shown(&home.run(&[&["call"], words].concat(), &open));
    let (status, out, err) = run(&["ssh_exec_run", "--arg", "host=box", "--arg", "command=echo hello"]);
    assert_eq!(status, 0, "{out}{err}");
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["stdout"], "hello\n");
    let file = home.dir.path().join("command");
    std::fs::write(&file, "echo from a file").unwrap();
    let given = format!("command={}", file.display());
    let (_, out, _) = run(&["ssh_exec_run", "--arg", "host=box", "--arg-file", &given]);
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["stdout"], "from a file\n");
    // 2: how it was called; 3: policy; 4: the host.
    assert_eq!(run(&["ssh_exec_run", "--arg", "host=box"]).0, 2);
    assert_eq!(run(&["no_such_tool"]).0, 2);
    let (status, _, err) = run(&["ssh_mkdir", "--arg", "host=box", "--arg", "path=/srv/x"]);
    assert!(status == 3 && err.contains("ALLOW_LOW_ACCESS_TOOLS"), "{status}: {err}");
    let (status, out, _) = run(&["ssh_exec_run", "--arg", "host=box", "--arg", "command=id"]);
    let error = serde_json::from_str::<Value>(&out).unwrap()["_meta"]["error"].clone();
    assert_eq!((status, error), (3, "CommandNotAllowed".into()));
    std::fs::write(home.sshd.known_hosts(), "").unwrap();
    assert_eq!(run(&["ssh_exec_run", "--arg", "host=box", "--arg", "command=echo x"]).0, 4);
}

/// What starts this program is not always a person's shell on a healthy machine.
#[test]
fn odd_surroundings_change_nothing() {
    let home = Home::new("command_allowlist = [\"echo\"]\n");
    let program = env!("CARGO_BIN_EXE_ssh-mcp");
    let call = "call ssh_exec_run --arg host=box --arg 'command=echo hello'";
    let by_sh = |line: &str| {
        let done = Command::new("sh")
            .args(["-c", line])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("XDG_CONFIG_HOME", home.dir.path().join("config"))
            .env("XDG_RUNTIME_DIR", home.dir.path())
            .env("XDG_DATA_HOME", home.dir.path().join("data"))
            .env("SSH_CONFIG_FILE", home.sshd.ssh_config("box"))
            .env("ALLOW_DANGEROUS_TOOLS", "true")
            .env("LOG_LEVEL", "ERROR")
            .env("LANG", "tlh_QO.NO-SUCH")
            .current_dir(home.dir.path())
            .output()
            .unwrap();
        shown(&done)
    };
    // No HOME and no USER in any of these.
    let mut lines = vec![
        format!("exec {program} {call}"),
        format!("umask 777; exec {program} {call}"),
        format!("exec {program} {call} 2>&-"),
        format!("SHELL=/usr/sbin/nologin exec {program} {call}"),
    ];
    if crate::sshd::can_check_passwords() {
        let folder = home.dir.path().join("runtime");
        std::fs::create_dir(&folder).unwrap();
        let mounted = |options: &str| {
            format!(
                "exec unshare -m sh -c 'mount -t tmpfs -o {options} none {0} && XDG_RUNTIME_DIR={0} exec {program} {1}'",
                folder.display(),
                call.replace('\'', "\"")
            )
        };
        lines.push(mounted("ro,mode=700"));
        lines.push(mounted("nr_inodes=1,mode=700"));
    }
    for line in lines {
        let (status, out, err) = by_sh(&line);
        assert_eq!(status, 0, "{line}: {out}{err}");
        assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["stdout"], "hello\n", "{line}: {err}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let home = Home::new("");
    for words in [&["call", "ssh_host_list"][..], &["call", "no_arguments_fit", "--json", "{}"], &["tools", "--json"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ssh-mcp"))
            .args(words)
            .env("XDG_CONFIG_HOME", home.dir.path().join("config"))
            .env("XDG_DATA_HOME", home.dir.path().join("data"))
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let done = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.code() != Some(101) && !said.contains("panicked"), "{words:?}: {said}");
    }
}

#[test]
fn a_command_over_its_limit_is_gone_from_the_host() {
    let home = Home::new("command_allowlist = [\"sleep\"]\n");
    let sleep = format!("sleep 305.{}", std::process::id());
    let words =
        ["call", "ssh_exec_run", "--arg", "host=box", "--arg", &format!("command={sleep}"), "--arg", "timeout=1"];
    let (status, out, err) = shown(&home.run(&words, &[("ALLOW_DANGEROUS_TOOLS", "true")]));
    assert_eq!(status, 0, "{out}{err}");
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&answer["timed_out"], &answer["stop"]), (&true.into(), &"stopped".into()), "{out}");
    let left = home.sshd.session_processes();
    assert!(left.iter().all(|(_, line)| !line.contains(&sleep)), "{left:?}");
}

#[test]
fn the_demonstration_checks_its_facts_and_leaves_nothing() {
    let program = Path::new(env!("CARGO_BIN_EXE_ssh-mcp"));
    let done = Command::new(program).arg("demo").output().unwrap();
    let (status, out, err) = shown(&done);
    assert_eq!(status, 0, "{out}{err}");
    for part in ["refused with CommandNotAllowed", "pgrep finds nothing", "all three answered", "nothing left behind"] {
        assert!(out.contains(part), "{part}: {out}");
    }
}
