use super::*;

fn words(text: &[&str]) -> Vec<String> {
    text.iter().map(|w| (*w).to_owned()).collect()
}

fn run(args: &[&str]) -> Result<(JudgedRun, Vec<String>), ToolError> {
    let line = parse(&words(args), Escalation::Refused)?;
    Ok((judge(&line.options, Escalation::Refused)?, line.command))
}

/// Spellings that reach the host, every one of which docker would understand.
const ESCAPES: &[&[&str]] = &[
    &["--privileged"],
    &["--privileged=true"],
    &["--privileged=1"],
    &["--privileged=T"],
    &["--rm", "--privileged"],
    &["-it", "--privileged"],
    &["--cap-add", "SYS_ADMIN"],
    &["--cap-add=ALL"],
    &["--cap-add=sys_ptrace"],
    &["--security-opt", "seccomp=unconfined"],
    &["--security-opt=apparmor=unconfined"],
    &["--security-opt=label=disable"],
    &["--security-opt", "label:disable"],
    &["--security-opt=systempaths=unconfined"],
    &["--security-opt", "no-new-privileges:false"],
    &["--device", "/dev/sda"],
    &["--device=/dev/sda:/dev/xvdc:rwm"],
    &["--device=/dev/mem"],
    &["--device", "vendor.com/class=gpu0"],
    &["--device-cgroup-rule=a *:* rwm"],
    &["--device-cgroup-rule", "b 8:* rwm"],
    &["--gpus", "all"],
    &["--gpus=all,capabilities=utility"],
    &["--group-add", "docker"],
    &["--group-add=999"],
    &["--pid=host"],
    &["--pid", "host"],
    &["--pid=container:db"],
    &["--ipc=host"],
    &["--ipc", "host"],
    &["--ipc=container:db"],
    &["--uts=host"],
    &["--uts", "host"],
    &["--userns=host"],
    &["--userns", "host"],
    &["--cgroupns=host"],
    &["--cgroupns", "host"],
    &["--network=host"],
    &["--network", "host"],
    &["--net=host"],
    &["--net", "host"],
    &["--network=container:db"],
    &["--net", "container:db"],
    &["--network", "name=host"],
    &["--network=name=host,alias=x"],
    &["--network=\"name=host\""],
    &["--network=ns:/proc/1/ns/net"],
    &["--network=slirp4netns:allow_host_loopback=true"],
    &["--cgroup-parent=/"],
    &["--cgroup-parent", "/system.slice"],
    &["-v", "/:/host"],
    &["-v=/:/h"],
    &["-v/:/h"],
    &["-itv", "/:/h"],
    &["-itv=/:/h"],
    &["-itv/:/h"],
    &["-divt", "/:/h"],
    &["-v", "//:/h"],
    &["-v", "/./:/h"],
    &["-v", "/srv/..:/h"],
    &["-v", "/:/h:ro"],
    &["--volume=/:/h"],
    &["--volume", "/etc:/h"],
    &["--volume=/etc/shadow:/h:ro"],
    &["-v/etc:/etc:ro"],
    &["-v", "/var/run/docker.sock:/var/run/docker.sock"],
    &["-v", "/run/docker.sock:/d"],
    &["-v", "/var/run:/d"],
    &["-v", "/run:/d:ro"],
    &["-v", "/var:/d"],
    &["-v", "/root:/r"],
    &["-v", "/root/.ssh/authorized_keys:/r"],
    &["-v", "/home/ops/.ssh:/r"],
    &["-v", "/proc:/p"],
    &["-v", "/sys:/s"],
    &["-v", "/sys/fs/cgroup:/s:rw"],
    &["-v", "/dev:/d"],
    &["-v", "/boot:/b"],
    &["-v", "/lib/modules:/m"],
    &["-v", "/usr/bin:/u"],
    &["-v", "/var/lib/docker:/d"],
    &["-v", "/var/spool/cron:/c"],
    &["-v", ".:/d"],
    &["-v", "..:/d"],
    &["-v", "./../..:/d"],
    &["-v", "~:/d"],
    &["-v", "/srv/data:/d:shared"],
    &["-v", "/srv/data:/d:rw,rshared"],
    &["-v", "/srv/data:/d:U"],
    &["-v", "/srv/data:/d:O,upperdir=/etc"],
    &["--mount", "type=bind,source=/,target=/h"],
    &["--mount=type=bind,src=/,dst=/h"],
    &["--mount", "type=bind,\"source=/\",target=/h"],
    &["--mount", "\"type=bind\",\"src=//\",destination=/h"],
    &["--mount", "TYPE=bind,SOURCE=/etc,Target=/h"],
    &["--mount", "target=/h,source=/etc,type=bind,readonly"],
    &["--mount", "type=bind,source=/srv/a,source=/etc,target=/h"],
    &["--mount", "type=bind,source=/srv/a,target=/h,bind-propagation=rshared"],
    &[
        "--mount",
        "type=volume,target=/h,volume-driver=local,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/",
    ],
    &["--mount", "type=volume,target=/h,\"volume-opt=o=bind,rw\",volume-opt=device=/etc"],
    &["--mount", "target=/h,volume-opt=device=/dev/sda1,volume-opt=type=ext4"],
    &["--mount", "type=volume,source=/etc,target=/h"],
    &["--mount", "type=npipe,source=x,target=/h"],
    &["--mount", "type=devpts,target=/h"],
    &["--mount", "type=glob,src=/etc/*,target=/h"],
    &["--mount", "type=bind,source=/srv/a,target=/h\ntype=bind,source=/,target=/g"],
    &["--tmpfs", "/t:rw,dev,suid"],
    &["--tmpfs=/t:exec,dev"],
    &["--volumes-from", "db"],
    &["--volumes-from=db:ro"],
    &["--volume-driver=rexray"],
    &["--volume-driver", "local"],
    &["--env-file", "/etc/shadow"],
    &["--env-file=/root/.env"],
    &["-e", "SSH_AUTH_SOCK"],
    &["-eHOME"],
    &["--label-file=/etc/shadow"],
    &["--cidfile", "/etc/cron.d/x"],
    &["--runtime=runc-unsafe"],
    &["--runtime", "nvidia"],
    &["--annotation", "run.oci.keep_original_groups=1"],
    &["--sysctl", "kernel.core_pattern=|/x"],
    &["--sysctl=kernel.msgmax=1"],
    &["--log-driver=syslog", "--log-opt", "syslog-address=unix:///run/docker.sock"],
    &["--log-opt=fluentd-address=unix:///run/x"],
    &["--storage-opt", "overlay2.basedir=/"],
    &["--link", "db:db"],
    &["--use-api-socket"],
    &["--oom-kill-disable"],
    &["--oom-score-adj=-1000"],
    &["--cpu-rt-runtime=950000"],
    &["--ulimit", "rtprio=99"],
    &["--ulimit=host"],
    &["--isolation=process"],
    &["--blkio-weight-device=/dev/sda:10"],
    &["--device-read-bps", "/dev/sda:1mb"],
    &["--disable-content-trust=true"],
    &["--systemd=always"],
    &["--secret", "id"],
    &["--rootfs"],
    &["--no-such-option", "x"],
    &["-z"],
    &["-ié"],
];

#[test]
fn every_escape_is_refused() {
    assert!(ESCAPES.len() >= 100, "{}", ESCAPES.len());
    for args in ESCAPES {
        let refusal = run(args).expect_err(&format!("{args:?} passed"));
        assert!(!refusal.what.is_empty() && !refusal.next.is_empty(), "{args:?}");
        // The same spelling hides behind harmless neighbours as well.
        let mut behind = vec!["--rm", "-i", "--env=A=B"];
        behind.extend(*args);
        behind.extend(["--", "sh"]);
        assert!(run(&behind).is_err(), "{behind:?}");
    }
}

/// Runs that people need, and what the host would be asked for.
const ORDINARY: &[(&[&str], &[&str], &[&str])] = &[
    (&[], &[], &[]),
    (&["sh", "-c", "id"], &[], &["sh", "-c", "id"]),
    (&["--", "--privileged"], &[], &["--privileged"]),
    (&["sh", "--privileged", "-v/:/h"], &[], &["sh", "--privileged", "-v/:/h"]),
    (&["-"], &[], &["-"]),
    (&["-it", "sh"], &["--interactive=true", "--tty=true"], &["sh"]),
    (&["-p", "8080:80"], &["--publish=8080:80"], &[]),
    (&["-p=127.0.0.1:8080:80/tcp"], &["--publish=127.0.0.1:8080:80/tcp"], &[]),
    (&["-dp8080:80"], &["--detach=true", "--publish=8080:80"], &[]),
    (&["-P"], &["--publish-all=true"], &[]),
    (&["-e", "A=b c"], &["--env=A=b c"], &[]),
    (&["-eA=1", "--env=B="], &["--env=A=1", "--env=B="], &[]),
    (&["-v", "/srv/app/data:/data"], &["--volume=/srv/app/data:/data"], &[]),
    (&["-v", "/srv//app/./data:/data:ro"], &["--volume=/srv/app/data:/data:ro"], &[]),
    (&["-v", "cache:/cache:rw"], &["--volume=cache:/cache:rw"], &[]),
    (&["-v", "/anonymous"], &["--volume=/anonymous"], &[]),
    (&["-v", "/etc/localtime:/etc/localtime:ro"], &["--volume=/etc/localtime:/etc/localtime:ro"], &[]),
    (
        &["--mount", "type=bind,source=/srv/app,target=/app,readonly"],
        &["--mount=type=bind,source=/srv/app,target=/app,readonly"],
        &[],
    ),
    (&["--mount=type=volume,src=db,dst=/db"], &["--mount=type=volume,source=db,target=/db"], &[]),
    (&["--mount", "type=tmpfs,target=/t,tmpfs-size=64m"], &["--mount=type=tmpfs,target=/t,tmpfs-size=64m"], &[]),
    (&["--tmpfs", "/run:rw,size=64m,mode=1777"], &["--tmpfs=/run:rw,size=64m,mode=1777"], &[]),
    (&["--network", "backend", "--network-alias", "web"], &["--network=backend", "--network-alias=web"], &[]),
    (&["--net=none"], &["--net=none"], &[]),
    (&["--restart=unless-stopped"], &["--restart=unless-stopped"], &[]),
    (&["--restart", "on-failure:3"], &["--restart=on-failure:3"], &[]),
    (&["-w", "/app", "-u", "1000:1000"], &["--workdir=/app", "--user=1000:1000"], &[]),
    (&["--entrypoint", "/bin/sh", "-c", "512"], &["--entrypoint=/bin/sh", "--cpu-shares=512"], &[]),
    (&["--memory=512m", "--cpus=1.5", "--pids-limit=100"], &["--memory=512m", "--cpus=1.5", "--pids-limit=100"], &[]),
    (&["--cap-drop=ALL", "--read-only"], &["--cap-drop=ALL", "--read-only=true"], &[]),
    (&["--security-opt", "no-new-privileges:true"], &["--security-opt=no-new-privileges:true"], &[]),
    (&["--health-cmd", "wget -q localhost || exit 1"], &["--health-cmd=wget -q localhost || exit 1"], &[]),
    (&["--health-interval=5s", "--health-retries=3"], &["--health-interval=5s", "--health-retries=3"], &[]),
    (&["-l", "tier=web", "-h", "web1"], &["--label=tier=web", "--hostname=web1"], &[]),
    (&["--add-host=db:10.0.0.5", "--dns=10.0.0.2"], &["--add-host=db:10.0.0.5", "--dns=10.0.0.2"], &[]),
    (&["--log-opt", "max-size=10m", "--log-driver=local"], &["--log-opt=max-size=10m", "--log-driver=local"], &[]),
    (&["--ulimit", "nofile=65536:65536", "--shm-size=1g"], &["--ulimit=nofile=65536:65536", "--shm-size=1g"], &[]),
    (&["--sysctl=net.core.somaxconn=1024", "--init"], &["--sysctl=net.core.somaxconn=1024", "--init=true"], &[]),
    (&["--pull=never", "--platform", "linux/amd64"], &["--pull=never", "--platform=linux/amd64"], &[]),
    (&["--stop-signal=SIGINT", "--stop-timeout=30"], &["--stop-signal=SIGINT", "--stop-timeout=30"], &[]),
    (&["--rm=false", "-i=false"], &["--rm=false", "--interactive=false"], &[]),
];

#[test]
fn ordinary_runs_pass_as_written() {
    assert!(ORDINARY.len() >= 30);
    for (args, options, command) in ORDINARY {
        let (judged, rest) = run(args).unwrap_or_else(|e| panic!("{args:?}: {e}"));
        assert_eq!(judged.options, words(options), "{args:?}");
        assert_eq!(rest, words(command), "{args:?}");
    }
}

#[test]
fn host_paths_come_out_for_the_path_policy() {
    let (judged, _) =
        run(&["-v", "/srv/a:/a:ro", "-v/srv/b:/b", "--mount", "type=bind,src=/srv/c,dst=/c,ro", "-v", "vol:/v"])
            .unwrap();
    let seen: Vec<_> = judged.sources.iter().map(|s| (s.path.as_str(), s.access)).collect();
    assert_eq!(
        seen,
        [
            ("/srv/a", super::super::Use::Read),
            ("/srv/b", super::super::Use::Write),
            ("/srv/c", super::super::Use::Read)
        ]
    );
}

#[test]
fn an_operator_may_open_escalation_but_not_the_paths() {
    let args = words(&["--privileged", "--cap-add=ALL", "-v", "/etc:/h", "--newer-than-this=1", "sh"]);
    let line = parse(&args, Escalation::Allowed).unwrap();
    let judged = judge(&line.options, Escalation::Allowed).unwrap();
    assert_eq!(judged.sources.len(), 1, "the path policy still hears of /etc");
    assert_eq!(line.command, ["sh"]);
    assert!(parse(&words(&["--newer-than-this", "1"]), Escalation::Allowed).is_err(), "its arity is unknown");
}

#[test]
fn grammar_edges_are_pflags() {
    let line = |args: &[&str]| parse(&words(args), Escalation::Refused);
    assert!(line(&["-v"]).is_err());
    assert!(line(&["--name"]).is_err());
    assert!(line(&["--=x"]).is_err());
    assert!(line(&["---x"]).is_err());
    assert!(line(&["--rm=perhaps"]).is_err());
    assert!(line(&["--RM"]).is_err());
    assert!(line(&["--priv"]).is_err(), "docker knows no abbreviations");
    // A lone `=` after the letter is the value itself.
    assert_eq!(line(&["-e="]).unwrap().options, [RunOption::new("env", "=")]);
    // The value may look like an option.
    assert_eq!(line(&["--name", "--rm"]).unwrap().options, [RunOption::new("name", "--rm")]);
    assert_eq!(line(&["--name", "--", "x"]).unwrap().command, ["x"]);
}

#[test]
fn every_option_of_the_table_has_one_spelling() {
    for (at, flag) in run_flags::RUN_FLAGS.iter().enumerate() {
        let twin = run_flags::RUN_FLAGS
            .iter()
            .skip(at + 1)
            .any(|f| f.long == flag.long || (f.short.is_some() && f.short == flag.short));
        assert!(!twin, "{}", flag.long);
    }
}
