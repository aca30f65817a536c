//! Hooks: gates that refuse and that fail, observers that hang, and the shipped examples themselves.

use serde_json::Value;
use ssh_mcp::internals::hooks::{self, Context, Event, Hook, HookError, HookFuture, Hooks, Verdict};
use ssh_mcp::internals::model::error::ErrorName;
use ssh_mcp::internals::model::tier::{Group, Tier};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn load(toml: &str, folder: &Path) -> Hooks {
    Hooks::new(hooks::parse(toml, Path::new("hooks.toml"), folder).unwrap(), Vec::new())
}

/// One hook that runs a shell script.
fn scripted(event: &str, script: &str, rest: &str) -> Hooks {
    let script = toml_string(script);
    let toml = format!("[[hook]]\nname = 'tried'\nevent = '{event}'\ncommand = ['sh', '-c', {script}]\n{rest}\n");
    load(&toml, Path::new("/"))
}

fn toml_string(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn gate_context() -> Context {
    call_context("ssh_upload", Tier::LowAccess, "prod-web1")
}

fn call_context(tool: &str, tier: Tier, host: &str) -> Context {
    Context::of_call(Event::Gate, tool, Group::FileOps, tier, "0123456789abcdef").on([[host, host, "10.0.0.9"]])
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/hooks")
}

fn gone(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

#[tokio::test]
async fn a_gate_allows_only_by_a_clear_yes() {
    for (script, allowed, says) in [
        (r#"echo '{"allow": true}'"#, true, ""),
        (r#"printf '{"allow": true, "reason": "fine"}'"#, true, ""),
        (r#"cat >/dev/null; echo '{"allow": true}'"#, true, ""),
        // What it leaves running holds the pipe; the verdict stands all the same.
        (r#"sleep 30 & echo '{"allow": true}'"#, true, ""),
        (r#"echo '{"allow": false, "reason": "not on Fridays"}'"#, false, "not on Fridays"),
        (r#"echo '{"allow": false, "reason": "no"}'; exit 1"#, false, "no"),
        (r#"echo '{"allow": false}'"#, false, "no reason"),
        (r#"echo '{"allow": true}'; exit 1"#, false, "exit status: 1"),
        (r#"echo '{"allow": true}'; kill -9 $$"#, false, "signal: 9"),
        (r#"echo '{"allow": "true"}'"#, false, "no JSON"),
        (r#"echo '{"allow": true, "allow": true}'"#, false, "no JSON"),
        (r#"echo '{"allow": true, "alow": false}'"#, false, "no JSON"),
        (r#"echo '{"allow": true}{"allow": true}'"#, false, "no JSON"),
        (r#"echo '[true]'"#, false, "no JSON"),
        ("echo yes", false, "no JSON"),
        ("true", false, "no JSON"),
        ("head -c 100000 /dev/zero", false, "more than 65536 bytes"),
        ("echo 'cannot reach the calendar' >&2; exit 3", false, "cannot reach the calendar"),
    ] {
        let hooks = scripted("gate", script, "");
        match hooks.gates(&gate_context()).await {
            Ok(()) => assert!(allowed, "allowed by {script}"),
            Err(refusal) => {
                assert!(!allowed, "{script}: {}", refusal.error);
                assert_eq!(refusal.gate, "tried");
                assert_eq!(refusal.error.name, ErrorName::GateRefused);
                assert!(refusal.error.what.contains("`tried`"));
                assert!(refusal.error.what.contains(says), "{script}: {}", refusal.error.what);
            }
        }
        assert_eq!(hooks.counts().refusals, u64::from(!allowed));
    }
}

#[tokio::test]
async fn a_gate_that_is_missing_refuses() {
    let hooks = load("[[hook]]\nname='g'\nevent='gate'\ncommand=['./is-not-there']", Path::new("/"));
    let refusal = hooks.gates(&gate_context()).await.unwrap_err();
    assert!(refusal.error.what.contains("cannot be started"), "{}", refusal.error.what);
}

#[tokio::test]
async fn a_gate_that_hangs_refuses_and_ends_with_all_it_started() {
    let dir = tempfile::tempdir().unwrap();
    let pids = dir.path().join("pids");
    let script = format!("sleep 600 & echo $! > {0}; echo $$ >> {0}; wait", pids.display());
    let hooks = scripted("gate", &script, "timeout = 0.5");
    let start = Instant::now();
    let refusal = hooks.gates(&gate_context()).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(3));
    assert!(refusal.error.what.contains("did not end within 0.5 s"), "{}", refusal.error.what);
    assert_eq!(hooks.counts().timeouts, 1);
    let pids = std::fs::read_to_string(pids).unwrap();
    for pid in pids.lines() {
        for _ in 0..100 {
            if gone(pid) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(gone(pid), "process {pid} is left");
    }
    assert_eq!(pids.lines().count(), 2);
}

#[tokio::test]
async fn filters_choose_and_every_name_of_a_host_counts() {
    let toml = "[[hook]]\nname='g'\nevent='gate'\ncommand=['false']\n\
                tier=['dangerous','sudo']\ntool='ssh_sudo_*'\nhost='prod-{web,db}*'";
    let hooks = load(toml, Path::new("/"));
    let asked = |context: Context| {
        let hooks = hooks.clone();
        async move { hooks.gates(&context).await.is_err() }
    };
    assert!(asked(call_context("ssh_sudo_exec", Tier::Sudo, "prod-web1")).await);
    assert!(!asked(call_context("ssh_sudo_exec", Tier::LowAccess, "prod-web1")).await);
    assert!(!asked(call_context("ssh_exec", Tier::Sudo, "prod-web1")).await);
    assert!(!asked(call_context("ssh_sudo_exec", Tier::Sudo, "prod-mail")).await);
    let by_address = Context::of_call(Event::Gate, "ssh_sudo_exec", Group::Sudo, Tier::Sudo, "id");
    assert!(asked(by_address.clone().on([["10.0.0.1", "prod-db1"]])).await);
    assert!(asked(by_address.clone().on([["stage"], ["prod-db1"]])).await);
    // What a call does not have matches for a gate.
    assert!(asked(by_address).await);
    let as_root = Context::of_call(Event::Gate, "ssh_sudo_exec", Group::Sudo, Tier::LowAccess, "id").on([["prod-db1"]]);
    assert!(!asked(as_root.clone()).await && asked(as_root.as_root(true)).await);
}

#[tokio::test]
async fn an_observer_gets_the_context_and_never_our_streams() {
    let dir = tempfile::tempdir().unwrap();
    let script = "cat > context; env > environment; pwd > folder; [ ! -t 1 ] && ls -l /proc/self/fd > streams";
    let toml = format!(
        "[[hook]]\nname='o'\nevent=['pre_tool_call','post_tool_call']\nresult='error'\ncommand=['true']\n\
         [[hook]]\nname='p'\nevent='post_tool_call'\nresult='error'\ncommand=['sh','-c',{}]",
        toml_string(script)
    );
    // `result` is not known before the call, so the first hook would be broken.
    let fault = hooks::parse(&toml, Path::new("hooks.toml"), dir.path()).unwrap_err();
    assert!(fault[0].to_string().contains("post_tool_call only"), "{}", fault[0]);
    let hooks = load(&toml[toml.rfind("[[hook]]").unwrap()..], dir.path());
    let mut context = gate_context();
    context.payload.insert("note".into(), "x".into());
    hooks.observe(&context.clone().ended(None, 1));
    hooks.observe(&context.ended(Some(ErrorName::PathRestricted), 12));
    hooks.settle(Duration::from_secs(5)).await;
    assert_eq!(hooks.counts().calls, 1);
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    let told: Value = serde_json::from_str(&read("context")).unwrap();
    for (key, want) in [
        ("event", "post_tool_call".into()),
        ("tool", "ssh_upload".into()),
        ("tier", "low-access".into()),
        ("group", "file-ops".into()),
        ("host", "prod-web1".into()),
        ("correlation_id", "0123456789abcdef".into()),
        ("result", "error".into()),
        ("error", "PathRestricted".into()),
        ("duration_ms", 12.into()),
        ("payload", serde_json::json!({"note": "x"})),
    ] {
        assert_eq!(told[key], want, "{key}");
    }
    assert!(told["timestamp"].as_f64().unwrap() > 1.7e9);
    assert_eq!(Path::new(read("folder").trim()), dir.path().canonicalize().unwrap());
    let streams = read("streams");
    for end in ["0 -> pipe:", "2 -> pipe:"] {
        assert!(streams.contains(end), "{streams}");
    }
}

#[tokio::test]
async fn observers_that_hang_delay_nothing_and_are_bounded() {
    let hooks = scripted("post_tool_call", "sleep 600", "timeout = 0.3");
    let context = gate_context().ended(None, 1);
    let start = Instant::now();
    for _ in 0..1100 {
        hooks.observe(&context);
    }
    let took = start.elapsed();
    assert!(took < Duration::from_millis(500), "1,100 events took {took:?}");
    let counts = hooks.counts();
    assert_eq!((counts.in_flight, counts.dropped), (1000, 100));
}

struct Embedded {
    asked: AtomicBool,
    panics: bool,
}

impl Hook for Embedded {
    fn name(&self) -> &str {
        "embedded"
    }

    fn events(&self) -> &[Event] {
        &[Event::Gate, Event::Startup]
    }

    fn call<'a>(&'a self, context: &'a Context) -> HookFuture<'a> {
        Box::pin(async move {
            self.asked.store(true, Ordering::SeqCst);
            assert!(!self.panics, "a defect of the embedding program");
            match context.host.as_deref() {
                Some("prod-web1") => Ok(Verdict::Refuse("not this one".into())),
                Some(_) => Ok(Verdict::Allow),
                None => Err(HookError("nothing to judge".into())),
            }
        })
    }
}

#[tokio::test]
async fn embedded_hooks_come_after_those_of_the_file_and_fail_closed_too() {
    for (panics, says) in [(false, "not this one"), (true, "panicked")] {
        let embedded = Arc::new(Embedded { asked: false.into(), panics });
        let file = hooks::parse(
            "[[hook]]\nname='first'\nevent='gate'\nhost='b'\ncommand=['false']",
            Path::new("hooks.toml"),
            Path::new("/"),
        );
        let hooks = Hooks::new(file.unwrap(), vec![embedded.clone()]);
        assert_eq!((hooks.len(), hooks.listen(Event::Gate), hooks.listen(Event::Shutdown)), (2, true, false));
        assert_eq!(hooks.gates(&call_context("t", Tier::Read, "b")).await.unwrap_err().gate, "first");
        assert!(!embedded.asked.load(Ordering::SeqCst));
        let refusal = hooks.gates(&gate_context()).await.unwrap_err();
        assert_eq!(refusal.gate, "embedded");
        assert!(refusal.error.what.contains(says), "{}", refusal.error.what);
        hooks.announce(Context::of_server(Event::Startup)).await;
        assert_eq!(hooks.counts().failures, if panics { 3 } else { 2 });
    }
}

#[test]
fn broken_files_are_named_by_line_and_key() {
    for (toml, says) in [
        ("[[hook]]\nname='a'\nevent='gate'\ncommand='x'", "hooks.toml:4"),
        ("[[hook]]\nname='a'\nevent='gates'\ncommand=['x']", "hooks.toml:3"),
        ("[[hook]]\nname='a'\nevent='gate'\ncommand=['x']\nhots='b'", "hots"),
        ("[[hooks]]\nname='a'", "hooks"),
        ("[[hook]]\nname='a'\nevent='gate'\ncommand=[]", "program first"),
        ("[[hook]]\nname='a b'\nevent='gate'\ncommand=['x']", "letters, digits"),
        (
            "\n[[hook]]\nname='a'\nevent='gate'\ncommand=['x']\ntier='dangerus'",
            "hooks.toml:2: hook `a`, tier: `dangerus`",
        ),
        ("[[hook]]\nname='a'\nevent='gate'\ncommand=['x']\ngroup='file_ops'", "file_ops"),
        ("[[hook]]\nname='a'\nevent='gate'\ncommand=['x']\ntool=[]", "empty list"),
        ("[[hook]]\nname='a'\nevent='gate'\ncommand=['x']\ntool='['", "not a pattern"),
        ("[[hook]]\nname='a'\nevent='startup'\ncommand=['x']\nhost='h'", "about no call"),
        ("[[hook]]\nname='a'\nevent='gate'\ncommand=['x']\ntimeout=61", "at most 60"),
        ("[[hook]]\nname='a'\nevent='gate'\ncommand=['x']\ntimeout=nan", "at most 60"),
        ("[[hook]]\nname='a'\nevent='gate'\ncommand=['x']\n[[hook]]\nname='a'\nevent='gate'\ncommand=['x']", "twice"),
        ("[[hook]]\nname='a'\nevent=[]\ncommand=['x']", "names no event"),
    ] {
        let faults = hooks::parse(toml, Path::new("hooks.toml"), Path::new("/")).unwrap_err();
        let text = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(text.contains(says), "{toml}\n-> {text}");
    }
    let idle = hooks::parse(
        "[[hook]]\nname='a'\nevent='gate'\ncommand=['x']\ntool=['ssh_exec','ssh_exce']\nhost='prod-*'",
        Path::new("hooks.toml"),
        Path::new("/"),
    );
    let found = idle.unwrap()[0].unmatched_patterns(&["ssh_exec"], &["stage"]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("ssh_exce\"") && found[1].contains("prod-*"));
}

#[test]
fn a_file_that_others_can_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hooks.toml");
    assert!(hooks::read(&file).unwrap_err()[0].to_string().contains("cannot be read"));
    std::fs::write(&file, "").unwrap();
    assert!(hooks::read(&file).unwrap().is_empty());
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o664)).unwrap();
    assert!(hooks::read(&file).unwrap_err()[0].to_string().contains("other users"));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    assert!(hooks::read(&file).unwrap_err()[0].to_string().contains("other users"));
}

#[test]
fn the_shipped_file_loads() {
    let hooks = hooks::read(&examples().join("hooks.toml")).unwrap();
    let names: Vec<&str> = hooks.iter().map(Hook::name).collect();
    assert_eq!(names, ["office-hours", "ticket-check", "chat", "metrics"]);
}

/// One shipped example, run with these variables and arguments.
fn example(event: &str, name: &str, variables: &[&str], arguments: &[&str]) -> Hooks {
    let mut command = vec!["env"];
    command.extend(variables);
    let program = format!("./{name}");
    command.push(&program);
    command.extend(arguments);
    let command = serde_json::to_string(&command).unwrap();
    load(&format!("[[hook]]\nname='{name}'\nevent='{event}'\ncommand={command}"), &examples())
}

#[tokio::test]
async fn example_office_hours() {
    for (now, allowed) in [
        ("1 08", true),
        ("5 17", true),
        ("1 07", false),
        ("3 18", false),
        ("6 12", false),
        ("7 09", false),
        ("x y", false),
    ] {
        let hooks = example("gate", "office-hours", &[&format!("OFFICE_NOW={now}")], &[]);
        let result = hooks.gates(&gate_context()).await;
        assert_eq!(result.is_ok(), allowed, "{now}: {result:?}");
        if now == "3 18" {
            assert!(result.unwrap_err().error.what.contains("office hours only, 8:00 to 18:00"));
        }
    }
    let hooks = example("gate", "office-hours", &["OFFICE_NOW=6 22", "OFFICE_DAYS=6 7", "OFFICE_UNTIL=23"], &[]);
    hooks.gates(&gate_context()).await.unwrap();
}

#[tokio::test]
async fn example_ticket_check() {
    let dir = tempfile::tempdir().unwrap();
    let tickets = dir.path().join("tickets");
    std::fs::write(&tickets, "# open changes\nCHG-1 prod-web* 2030-05-31\nCHG-2 prod-db1 2029-01-01\n").unwrap();
    let tickets = tickets.to_str().unwrap();
    let hooks = example("gate", "ticket-check", &["TICKET_TODAY=2030-05-31"], &[tickets]);
    hooks.gates(&gate_context()).await.unwrap();
    for host in ["prod-db1", "stage", "x\nprod-web1", "*"] {
        let refusal = hooks.gates(&call_context("t", Tier::Sudo, host)).await.unwrap_err();
        assert!(refusal.error.what.contains("no open change ticket"), "{host}: {}", refusal.error.what);
    }
    let call = Context::of_call(Event::Gate, "ssh_broadcast", Group::Exec, Tier::Dangerous, "id");
    hooks.gates(&call.clone().on([["prod-web1"], ["prod-web2"]])).await.unwrap();
    hooks.gates(&call.on([["prod-web1"], ["prod-db1"]])).await.unwrap_err();
    let missing = example("gate", "ticket-check", &[], &["/is/not/there"]);
    assert!(missing.gates(&gate_context()).await.is_err());
}

#[tokio::test]
async fn example_notify_chat() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("CHAT_WEBHOOK_URL=http://{}/hook/s3cret", listener.local_addr().unwrap());
    let hooks = example("post_tool_call", "notify-chat", &[&url, "no_proxy=*"], &[]);
    hooks.observe(&gate_context().ended(Some(ErrorName::WriteError), 40));
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.ends_with(b"\"}") {
        let read = stream.read(&mut buffer).await.unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&request));
        request.extend_from_slice(&buffer[..read]);
    }
    stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await.unwrap();
    hooks.settle(Duration::from_secs(5)).await;
    let request = String::from_utf8(request).unwrap();
    assert!(request.starts_with("POST /hook/s3cret HTTP/1.1"), "{request}");
    let body: Value = serde_json::from_str(request.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(body["text"], "ssh_upload (low-access) on prod-web1: WriteError in 40 ms, call 0123456789abcdef");
    assert_eq!(hooks.counts().failures, 0);
    let unset = example("post_tool_call", "notify-chat", &["CHAT_WEBHOOK_URL="], &[]);
    unset.observe(&gate_context().ended(None, 1));
    unset.settle(Duration::from_secs(5)).await;
    assert_eq!(unset.counts().failures, 1);
}

#[tokio::test]
async fn example_metrics_to_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hooks.prom");
    let hooks = example("post_tool_call", "metrics-to-file", &[], &[file.to_str().unwrap()]);
    for _ in 0..12 {
        hooks.observe(&gate_context().ended(None, 1));
    }
    hooks.observe(&gate_context().ended(Some(ErrorName::Timeout), 1));
    hooks.settle(Duration::from_secs(20)).await;
    assert_eq!(hooks.counts().failures, 0);
    let text = std::fs::read_to_string(file).unwrap();
    for line in [
        "ssh_mcp_hook_calls_total{tool=\"ssh_upload\",tier=\"low-access\",result=\"ok\",error=\"\"} 12",
        "ssh_mcp_hook_calls_total{tool=\"ssh_upload\",tier=\"low-access\",result=\"error\",error=\"Timeout\"} 1",
    ] {
        assert!(text.lines().any(|l| l == line), "{text}");
    }
}
