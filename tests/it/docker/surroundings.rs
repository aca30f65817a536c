//! What lies beside a compose file: variables that configure programs, files that the project names, and the values of
//! redact-listed files. Live, in every generation of compose.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::live::{unique, write};
use super::session::{Session, folder};
use crate::containers::{Container, new_others_host, nothing_pruned, sample_image, systemd_host};

/// What must never be seen: it lies where the tools may not read, or in a redact-listed file.
const SECRET: &str = "harmless-looking-7731";

/// A machine with compose, and which of its generations are tried.
struct Machine<'a> {
    session: Session,
    host: &'a Container,
    image: String,
    root: String,
    v1: bool,
    podman: bool,
}

impl Machine<'_> {
    fn call(&mut self, verb: &str, file: &str) -> super::session::Answer {
        let file = format!("{}/{file}", self.root);
        self.session.call(&format!("ssh_docker_compose_{verb}"), json!({"compose_file": file, "compose_v1": self.v1}))
    }

    fn write(&self, name: &str, text: &str) {
        write(self.host, &format!("{}/{name}", self.root), text);
    }

    fn service(&self, lines: &str) -> String {
        format!("services:\n  w:\n    image: {}\n    command: \"true\"\n    network_mode: none\n{lines}", self.image)
    }

    /// Whatever was answered, nothing of it shows the secret.
    fn never_shows(&mut self, file: &str, verbs: &[&str]) -> Vec<Value> {
        let mut answers = Vec::new();
        for verb in verbs {
            let answer = self.call(verb, file);
            let shown = format!("{} {}", answer.text, answer.data);
            assert!(!shown.contains(SECRET), "{file} {verb} v1 {}: {shown}", self.v1);
            assert!(!shown.to_ascii_lowercase().contains("zhunt"), "{file} {verb} v1 {}: {shown}", self.v1);
            // Nor do counts tell of complaints that are not shown. Of what is shown they are those before its cleaning.
            let (bytes, text) = (&answer.data["stderr_bytes"], answer.data["stderr"].as_str().unwrap_or_default());
            let counts = bytes.is_null() || *bytes == text.len() || answer.data["exit_code"] == 0;
            assert!(counts, "{file} {verb} v1 {}: {shown}", self.v1);
            answers.push(json!({"verb": verb, "text": answer.text, "data": answer.data, "error": answer.error}));
        }
        answers
    }
}

/// How many folders there are: the tests share the machine, and compose names a project after its folder.
static NEXT: AtomicUsize = AtomicUsize::new(0);

fn docker(v1: bool, keys: &[&str]) -> Option<Machine<'static>> {
    let (Some(host), Some(image)) = (systemd_host(), sample_image()) else {
        println!("docker surroundings: not run, SSH_MCP_TEST_DOCKER=1 is not set (contrib/test sets it)");
        return None;
    };
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let root = format!("/srv/{}", unique(&format!("beside{}-{n}", if v1 { 1 } else { 2 })));
    host.says(&["sh", "-c", "mkdir -p \"$1\" && chown -R dora \"$1\"", "sh", &root]);
    let mut all = vec![format!("path_allowlist = [\"{root}\"]")];
    all.extend(keys.iter().map(ToString::to_string));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let hosts = host.host_entry("box", "dora", &all);
    let session = Session::start(folder(), &host.ssh_config_block("127.0.0.1", "dora", &[]), &hosts, &[]);
    Some(Machine { session, host, image, root, v1, podman: false })
}

fn podman<'a>(host: &'a Container, keys: &[&str]) -> Machine<'a> {
    let image = host.podman_image();
    let root = format!("/srv/{}", unique("beside"));
    host.says(&["mkdir", "-p", &root]);
    let mut all = vec![format!("path_allowlist = [\"{root}\"]"), "docker_cmd = \"podman\"".to_owned()];
    all.extend(keys.iter().map(ToString::to_string));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let hosts = host.host_entry("box", "root", &all);
    let session = Session::start(folder(), &host.ssh_config_block("127.0.0.1", "root", &[]), &hosts, &[]);
    Machine { session, host, image, root, v1: true, podman: true }
}

/// The client works and runs nothing that the project's folder names, although its variables say otherwise.
fn variables_configure_nothing(mut on: Machine<'_>) {
    let root = on.root.clone();
    on.write("compose.yml", &on.service(""));
    on.write("evil/config.json", "{\"credsStore\": \"evil\"}");
    for program in ["docker-credential-evil", "docker", "podman", "git", "ssh", "sh", "sha256sum", "cat"] {
        on.write(&format!("evil/{program}"), &format!("#!/bin/sh\necho $0 >>{root}/ran\nexit 1\n"));
    }
    on.host.says(&["sh", "-c", "chmod 755 \"$1\"/evil/*; chmod -R a+rwX \"$1\"", "sh", &root]);
    let variables = [
        "DOCKER_HOST=unix:///srv/none.sock".to_owned(),
        format!("DOCKER_CONFIG={root}/evil\nPATH={root}/evil:/usr/local/bin:/usr/bin:/bin"),
        "DOCKER_CONTEXT=none".to_owned(),
        "LD_PRELOAD=/srv/none.so\nHOME=/srv/none".to_owned(),
        "PODMAN_USERNS=none-such\nCONTAINER_HOST=unix:///srv/none.sock\nPODMAN_COMPOSE_PROVIDER=/srv/none".to_owned(),
        format!("COMPOSE_FILE={root}/none.yml\nCOMPOSE_PROJECT_DIR=/srv\nCOMPOSE_ENV_FILES=/etc/shadow"),
        "A='x'\nexport DOCKER_HOST=unix:///srv/none.sock\rDOCKER_TLS_VERIFY=1".to_owned(),
        "DOCKER_API_VERSION=1.0\nCOMPOSE_API_VERSION=1.0\nCOMPOSE_HTTP_TIMEOUT=x\nCOMPOSE_PARALLEL_LIMIT=x".to_owned(),
        "BUILDX_CONFIG=/srv/none\nBASH_ENV=/srv/none\nIFS=o\nn=9\nt=x\nPS4=$(touch /srv/none)".to_owned(),
    ];
    for (n, text) in variables.iter().enumerate() {
        on.write(".env", &format!("{text}\n"));
        // Each verb meets some of them, and one meets every verb.
        for verb in if n == 0 {
            ["up", "ps", "logs", "stop", "start", "restart", "down"].as_slice()
        } else {
            &["up", "ps", "down"]
        } {
            let answer = on.call(verb, "compose.yml");
            let done = !answer.error && answer.data["exit_code"] == 0;
            assert!(done, "{n} {verb} v1 {}: {} {}", on.v1, answer.text, answer.data);
            let warned = answer.data["output_warnings"].to_string();
            assert!(warned.contains("not taken from a file"), "{n} {verb}: {}", answer.data);
        }
    }
    // A credential helper runs when something is pulled.
    on.write(".env", &format!("{}\n", variables[1]));
    on.write("pull.yml", "services:\n  w:\n    image: 127.0.0.1:1/none:1\n");
    let answer = on.call("pull", "pull.yml");
    // podman-compose calls that a success.
    assert!(!answer.error && answer.data.to_string().contains("127.0.0.1:1"), "{}", answer.data);
    assert_eq!(on.host.says(&["sh", "-c", "cat \"$1\"/ran 2>/dev/null || true", "sh", &root]), "");
    // What the text fills in arrives all the same.
    on.write(".env", "NODE_ENV=production\nHTTP_PROXY=http://p:1\nPLAIN=7\n");
    on.write(
        "seen.yml",
        &on.service("    environment: {A: \"${NODE_ENV}\", B: \"$HTTP_PROXY\", C: \"${PLAIN:-8}\"}\n")
            .replace("\"true\"", "env"),
    );
    let answer = on.call("up", "seen.yml");
    assert!(answer.data["exit_code"] == 0, "{} {}", answer.text, answer.data);
    let mut logs = Value::Null;
    for _ in 0..50 {
        logs = on.call("logs", "seen.yml").data;
        if logs["stdout"].as_str().is_some_and(|text| text.contains("C=7")) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let text = logs["stdout"].as_str().unwrap();
    assert!(text.contains("A=production") && text.contains("B=http://p:1") && text.contains("C=7"), "{logs}");
    on.call("down", "seen.yml");
}

#[test]
fn variables_beside_a_project_configure_no_program_in_either_generation() {
    let _kept = nothing_pruned();
    for v1 in [false, true] {
        let Some(on) = docker(v1, &[]) else { return };
        variables_configure_nothing(on);
    }
}

#[test]
fn variables_beside_a_project_configure_no_program_under_podman() {
    let Some(host) = new_others_host() else { return };
    variables_configure_nothing(podman(&host, &[]));
}

const LISTED: &str = "redact_paths_globs = [\"**/.env\", \"**/secret.env\"]\nredact_bypass_policy = \"block\"";

/// Values of redact-listed files do not come out, by complaints, refusals, names or states.
fn values_stay(mut on: Machine<'_>) {
    on.write(".env", &format!("TAG={SECRET}\nPORT=\"{SECRET}:x\"\nCUT=4Zhunter8Zhunting\nFILLED='a$Zhunter2'\n"));
    on.write("secret.env", &format!("HARMLESS={SECRET}\n"));
    let image = on.image.clone();
    let texts = [
        on.service("    container_name: \"${TAG}\"\n"),
        on.service("    ports: [\"${PORT}\"]\n"),
        on.service("    hostname: \"${TAG}\"\n    cap_add: [\"${TAG}\"]\n"),
        on.service("    pid: \"${TAG}\"\n"),
        on.service("    restart: \"${TAG}\"\n"),
        on.service("    healthcheck: {test: [CMD, \"true\"], interval: \"${TAG}\"}\n"),
        on.service("    depends_on: [\"${TAG}\"]\n"),
        on.service("    networks: [\"${TAG}\"]\n"),
        on.service("    volumes: [\"/etc/${TAG}:/x\"]\n"),
        on.service("    mem_limit: \"${TAG}\"\n"),
        on.service("    mem_limit: \"${CUT}\"\n    ports: [\"80${CUT}:80\", \"${CUT}/80\"]\n"),
        on.service("    shm_size: \"${CUT}\"\n    dns: [\"10.0.0.${CUT}\"]\n"),
        on.service("    stop_grace_period: \"${CUT}\"\n    labels: [\"a=${FILLED}\"]\n"),
        on.service("    env_file: [secret.env]\n    labels: [\"x=${NONE:?${TAG}}\"]\n"),
        on.service("    env_file: [\"${TAG}\"]\n"),
        on.service("    env_file: [secret.env]\n").replace("\"true\"", "env"),
        format!("name: \"${{TAG}}!\"\nservices: {{w: {{image: \"{image}\"}}}}\n"),
        format!("services: {{w: {{image: \"{image} ${{TAG}}\"}}}}\n"),
        format!("services: {{w: {{image: \"{image}\", extends: {{file: secret.env, service: w}}}}}}\n"),
    ];
    for (n, text) in texts.iter().enumerate() {
        let file = format!("v{n}.yml");
        on.write(&file, text);
        let all = ["up", "ps", "logs", "down"];
        if cfg!(feature = "deep") {
            on.never_shows(&file, &all);
        } else {
            on.never_shows(&file, &["up", all[1 + n % 3]]);
        }
    }
}

#[test]
fn values_of_redact_listed_files_stay_in_either_generation() {
    let _kept = nothing_pruned();
    for v1 in [false, true] {
        let Some(on) = docker(v1, &[LISTED]) else { return };
        values_stay(on);
    }
}

#[test]
fn values_of_redact_listed_files_stay_under_podman() {
    let Some(host) = new_others_host() else { return };
    values_stay(podman(&host, &[LISTED]));
}

/// The values stay also in what the other tools show of the project's containers. A variable that the text passes on by its
/// bare name arrives there.
#[test]
fn values_of_redact_listed_files_stay_in_what_containers_say() {
    let _kept = nothing_pruned();
    for v1 in [false, true] {
        let Some(mut on) = docker(v1, &[LISTED, "command_allowlist = [\"*\"]"]) else { return };
        on.write(".env", &format!("HARMLESS={SECRET}\nDOCKER_HOST={SECRET}\n"));
        let command = "[sh, -c, \"echo said $$HARMLESS $$DOCKER_HOST; sleep 900\"]";
        let more = format!(
            "    container_name: {}\n    stop_grace_period: 0s\n    environment: [HARMLESS, DOCKER_HOST]\n",
            unique("says")
        );
        on.write("compose.yml", &on.service(&more).replace("\"true\"", command));
        assert_eq!(on.call("up", "compose.yml").data["exit_code"], 0);
        let name = unique("says");
        let logs = (0..50).map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(100));
            on.session.call("ssh_docker_logs", json!({"container": name}))
        });
        let logs = logs.into_iter().find(|logs| logs.data["stdout"] != "").map(|logs| logs.data).unwrap_or_default();
        assert_eq!(logs["stdout"], "said [REDACTED] [REDACTED]\n", "v1 {v1}");
        let exec = on.session.call("ssh_docker_exec", json!({"container": name, "command": "env; echo $HARMLESS >&2"}));
        assert!(exec.data["stdout"].to_string().contains("HARMLESS=[REDACTED]"), "{}", exec.data);
        let inspect = on.session.call("ssh_docker_inspect", json!({"target": name}));
        let top = on.session.call("ssh_docker_top", json!({"container": name, "ps_options": "aux"}));
        for answer in [&exec, &inspect, &top] {
            let shown = format!("{} {}", answer.text, answer.data);
            assert!(!answer.error && !shown.contains(SECRET), "v1 {v1}: {shown}");
        }
        assert_eq!(inspect.data["objects"][0]["Name"], format!("/{name}"), "rows stay rows");
        on.call("down", "compose.yml");
    }
}

/// Every verb.
const ALL: [&str; 8] = ["ps", "logs", "up", "start", "restart", "pull", "stop", "down"];

/// Every verb in the long form, two of them for each text otherwise: a rendering costs a second of the processor.
fn verbs(n: usize) -> Vec<&'static str> {
    if cfg!(feature = "deep") { ALL.to_vec() } else { vec![ALL[n % 8], ALL[(n + 3) % 8]] }
}

/// Files outside of the allowlist are not opened by compose, whichever key names them.
fn files_outside_stay_closed(mut on: Machine<'_>) {
    let outside = format!("/srv/{}", unique("outside"));
    write(on.host, &format!("{outside}/.env"), &format!("LEAK={SECRET}\n"));
    write(on.host, &format!("{outside}/x.yml"), &format!("services: {{w: {{image: \"{SECRET}\", {SECRET}: 1}}}}\n"));
    write(on.host, &format!("{outside}/broken.env"), &format!("{SECRET} {SECRET}='\n"));
    on.write("inner.yml", &on.service("    hostname: \"${LEAK}\"\n    pid: \"${LEAK}\"\n"));
    let web = on.service("");
    let lone = |lines: &str| format!("{lines}\n{web}");
    let texts = [
        lone(&format!("include: [{{path: inner.yml, project_directory: {outside}}}]")),
        lone(&format!("include: [{{path: inner.yml, env_file: {outside}/.env}}]")),
        lone(&format!("include: [{outside}/x.yml]")),
        lone(&format!("include: [{{path: [inner.yml, {outside}/x.yml]}}]")),
        lone(&format!("include: [../{}/x.yml]", outside.rsplit('/').next().unwrap())),
        on.service(&format!("    env_file: [{outside}/broken.env]\n")),
        on.service(&format!("    env_file: {outside}/.env\n    pid: \"${{LEAK}}\"\n")),
        on.service(&format!("    \"\\x65nv_file\": {outside}/.env\n")),
        on.service(&format!("    extends: {{file: {outside}/x.yml, service: w}}\n")),
        on.service(&format!("    extends: {{<<: {{file: {outside}/x.yml}}, service: w}}\n")),
        on.service(&format!("    labels: &a {{env_file: {outside}/.env}}\n  v:\n    <<: *a\n    image: a\n")),
        on.service(&format!("    label_file: {outside}/broken.env\n")),
    ];
    for (n, text) in texts.iter().enumerate() {
        let file = format!("o{n}.yml");
        on.write(&file, text);
        for answer in on.never_shows(&file, &verbs(n)) {
            assert_eq!(answer["error"], true, "{file} v1 {} podman {}: {answer} {text}", on.v1, on.podman);
        }
    }
    // A link in the folder leads nowhere either.
    on.host.says(&["ln", "-s", &format!("{outside}/.env"), &format!("{}/.env", on.root)]);
    on.write("plain.yml", &on.service("    pid: \"${LEAK}\"\n"));
    for answer in on.never_shows("plain.yml", &verbs(2)) {
        assert!(answer["text"].as_str().unwrap().contains("PathNotAllowed"), "{answer}");
    }
}

#[test]
fn files_outside_stay_closed_in_every_generation() {
    let _kept = nothing_pruned();
    for v1 in [false, true] {
        let Some(on) = docker(v1, &[]) else { return };
        files_outside_stay_closed(on);
    }
    let Some(host) = new_others_host() else { return };
    files_outside_stay_closed(podman(&host, &[]));
}

/// Keys and lines that compose's reader of YAML finds and other readers bring nothing out of a closed file.
fn spellings_bring_nothing_out(mut on: Machine<'_>) {
    let outside = format!("/srv/{}", unique("spelled"));
    write(on.host, &format!("{outside}/secret.conf"), &format!("{SECRET} {SECRET}='\n"));
    write(on.host, &format!("{outside}/x.yml"), &format!("services: {{w: {{image: \"{SECRET}\", {SECRET}: 1}}}}\n"));
    let web = on.service("");
    let mut texts = vec![
        format!("!!binary aW5jbHVkZQ==: [{{path: inner.yml, env_file: {outside}/secret.conf}}]\n{web}"),
        format!("!<tag:yaml.org,2002:binary> aW5jbHVkZQ==: [{outside}/x.yml]\n{web}"),
        format!("%TAG !e! tag:yaml.org,2002:\n---\n!e!binary aW5jbHVkZQ==: [{outside}/x.yml]\n{web}"),
        format!("\u{feff}include: [{outside}/x.yml]\n{web}"),
        on.service(&format!("    !!binary ZXh0ZW5kcw==: {{file: {outside}/x.yml, service: w}}\n")),
        on.service(&format!("    !!binary ZW52X2ZpbGU=: {outside}/secret.conf\n")),
        on.service(&format!("    ? env_file\n    : {outside}/secret.conf\n")),
        on.service("    env_file: odd.env\n"),
    ];
    for end in ['\u{85}', '\u{2028}', '\u{2029}'] {
        texts.push(format!("#{end}include: [{{path: inner.yml, env_file: {outside}/secret.conf}}]\n{web}"));
        texts.push(on.service(&format!("    #{end}    env_file: {outside}/secret.conf\n")));
        texts.push(on.service(&format!("    #{end}    privileged: true\n")));
    }
    for (n, text) in texts.iter().enumerate() {
        for beside in [false, true] {
            let file = format!("s{beside}/p{n}.yml");
            for (name, text) in [("inner.yml", web.as_str()), ("odd.env", "A=1\u{85}B=2\n")] {
                on.write(&format!("s{beside}/{name}"), text);
            }
            if beside {
                on.write("strue/.env", "A=1\n");
            }
            on.write(&file, text);
            let verbs: &[&str] = if n % 4 == 0 { &["ps", "up"] } else { &["ps"] };
            for answer in on.never_shows(&file, verbs) {
                assert_eq!(answer["error"], true, "{file} v1 {} podman {}: {answer} {text}", on.v1, on.podman);
            }
        }
    }
    // What readers agree on goes on.
    on.write("fine.yml", &on.service("    labels: [\"a=é!%\\u2028\"]\n    hostname: !!str ab\n"));
    let fine = on.call("ps", "fine.yml");
    assert!(!fine.error, "v1 {} podman {}: {}", on.v1, on.podman, fine.text);
}

#[test]
fn no_spelling_of_yaml_brings_a_closed_file_out() {
    let _kept = nothing_pruned();
    for v1 in [false, true] {
        let Some(on) = docker(v1, &[]) else { return };
        spellings_bring_nothing_out(on);
    }
    let Some(host) = new_others_host() else { return };
    spellings_bring_nothing_out(podman(&host, &[]));
}

/// A project that was refused is judged anew after it was corrected.
#[test]
fn a_refused_project_is_judged_anew_after_its_correction() {
    let _kept = nothing_pruned();
    for v1 in [false, true] {
        let Some(mut on) = docker(v1, &[LISTED]) else { return };
        let root = on.root.clone();
        let good = on.service("");
        on.write("compose.yml", &good);
        assert_eq!(on.call("up", "compose.yml").data["exit_code"], 0);
        for bad in [
            on.service(&format!("    volumes: [\"{root}/.env:/x:ro\"]\n")),
            on.service("    volumes: [\"/etc:/x:ro\"]\n"),
            on.service("    env_file: [/etc/shadow]\n"),
            on.service("    privileged: true\n"),
        ] {
            on.write(".env", "A=1\n");
            on.write("compose.yml", &bad);
            for _ in 0..2 {
                assert!(on.call("up", "compose.yml").error, "{bad}");
            }
            on.write("compose.yml", &good);
            let answer = on.call("up", "compose.yml");
            assert_eq!(answer.data["exit_code"], 0, "v1 {v1} after {bad}: {}", answer.text);
        }
        on.call("down", "compose.yml");
    }
}
