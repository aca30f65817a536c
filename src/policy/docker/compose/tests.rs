use super::*;

fn dir() -> RemotePath {
    RemotePath::parse("/srv/app").unwrap()
}

fn judged(yaml: &str) -> Result<JudgedProject, ToolError> {
    judge(yaml, Format::Yaml, &dir(), Escalation::Refused)
}

/// A project of one service with these lines below it.
fn service(lines: &str) -> String {
    let body: String = lines.lines().map(|l| format!("    {l}\n")).collect();
    format!("services:\n  web:\n    image: app:1\n{body}")
}

/// Renderings that reach the host, below a service and of a whole project, and ordinary services.
#[derive(serde::Deserialize)]
struct Cases {
    service: Vec<String>,
    project: Vec<String>,
    ordinary: Vec<String>,
}

fn cases() -> Cases {
    serde_json::from_str(include_str!("../../../../tests/cases/docker/compose.json")).unwrap()
}

#[test]
fn every_escape_is_refused() {
    let cases = cases();
    assert!(cases.service.len() + cases.project.len() >= 100);
    for lines in &cases.service {
        let refusal = judged(&service(lines)).expect_err(lines);
        assert!(!refusal.next.is_empty());
    }
    for project in &cases.project {
        assert!(judged(project).is_err(), "{project}");
    }
}

#[test]
fn ordinary_projects_pass() {
    let cases = cases();
    assert!(cases.ordinary.len() >= 30);
    for lines in &cases.ordinary {
        if let Err(refusal) = judged(&service(lines)) {
            panic!("{lines}: {refusal}");
        }
    }
}

#[test]
fn what_runs_is_what_was_judged() {
    let project = judged(&service("command: echo $$HOME\nlabels: {\"a\\u2028b\": 'yes'}\ncpus: 0.5")).unwrap();
    let again: Value = serde_json::from_str(&project.rendering).unwrap();
    assert_eq!(again["services"]["web"]["command"], "echo $$HOME", "the escape stays for the second reading");
    assert_eq!(again, yaml::parse(&project.rendering).unwrap(), "JSON is YAML with the same meaning");
}

/// podman-compose renders a dollar sign as one, and reads it as a variable when it runs.
#[test]
fn dollar_signs_that_are_not_doubled_are() {
    let text = service("command: echo $HOME\nhostname: a$b");
    assert!(judged(&text).is_err());
    let project = judge(&text, Format::Undoubled, &dir(), Escalation::Refused).unwrap();
    assert!(project.rendering.contains("echo $$HOME") && project.rendering.contains("a$$b"), "{}", project.rendering);
    let escape = service("volumes: [\"/etc:/x$y\"]");
    assert!(judge(&escape, Format::Undoubled, &dir(), Escalation::Refused).is_err());
}

#[test]
fn copies_of_variable_files_are_named_where_they_lie() {
    let project = judged(&service("env_file: [/srv/app/a.env, {path: /srv/app/b.env}, /srv/app/c.env]")).unwrap();
    let text = with_copies(&project.rendering, "/W", &|path| path != "/srv/app/c.env");
    let value: Value = serde_json::from_str(&text).unwrap();
    let files = serde_json::json!(["/W/srv/app/a.env", {"path": "/W/srv/app/b.env"}, "/srv/app/c.env"]);
    assert_eq!(value["services"]["web"]["env_file"], files);
    let text = with_copies(&judged(&service("env_file: /srv/app/a.env")).unwrap().rendering, "/W", &|_| true);
    assert!(text.contains("\"env_file\":\"/W/srv/app/a.env\""), "{text}");
}

#[test]
fn host_paths_come_out() {
    let text = "
name: shop
services:
  web:
    image: a
    build: {context: /srv/app/web, dockerfile: ../x/Dockerfile}
    env_file: .env
    volumes: [\"/srv/app/data:/d:ro\", \"./rel:/r\"]
    configs: [c]
volumes:
  v: {driver: local, driver_opts: {type: none, o: bind, device: /srv/vol}}
configs: {c: {file: ./c.txt}}
";
    let project = judged(text).unwrap();
    let seen = |list: &[HostSource]| list.iter().map(|s| (s.path.as_str().to_owned(), s.access)).collect::<Vec<_>>();
    assert_eq!(project.name.as_deref(), Some("shop"));
    assert_eq!(project.services, ["web"]);
    let mounts = seen(&project.mounts);
    for wanted in [
        ("/srv/app/data", Use::Read),
        ("/srv/app/rel", Use::Write),
        ("/srv/vol", Use::Write),
        ("/srv/app/c.txt", Use::Read),
    ] {
        assert!(mounts.contains(&(wanted.0.to_owned(), wanted.1)), "{wanted:?} in {mounts:?}");
    }
    let reads = seen(&project.reads);
    for wanted in ["/srv/app/web", "/srv/app/x/Dockerfile", "/srv/app/.env"] {
        assert!(reads.contains(&(wanted.to_owned(), Use::Read)), "{wanted} in {reads:?}");
    }
}

#[test]
fn every_name_that_podman_compose_gives_a_container_is_known() {
    let text = "services: {w: {image: a, container_name: own, deploy: {replicas: 2}}, v: {image: a, scale: \"1\"}}";
    let names = judged(text).unwrap().container_names("shop").unwrap();
    assert_eq!(names, ["own", "shop_w_1", "shop-w-1", "shop_w_2", "shop-w-2", "shop_v_1", "shop-v-1"]);
    let many = judged("services: {w: {image: a, deploy: {replicas: 101}}}").unwrap();
    assert!(many.container_names("shop").is_err());
}

#[test]
fn files_that_a_build_reads_by_itself_are_named() {
    let reads = |build: &str| {
        let project = judged(&format!("services: {{w: {{image: a, build: {build}}}}}")).unwrap();
        project.reads.into_iter().map(|read| read.path.as_str().to_owned()).collect::<Vec<_>>()
    };
    for build in ["./x", "{context: x}"] {
        let reads = reads(build);
        for name in ["Dockerfile", "Containerfile", "dockerfile", ".dockerignore", ".containerignore"] {
            assert!(reads.contains(&format!("/srv/app/x/{name}")), "{build}: {reads:?}");
        }
    }
    assert!(!reads("{context: x, dockerfile: D}").contains(&"/srv/app/x/Dockerfile".to_owned()));
}

#[test]
fn an_operator_may_open_escalation_but_not_the_paths() {
    let text = "services: {w: {image: a, privileged: true, pid: host, volumes: [\"/etc:/e\"], key_of_tomorrow: 1}}";
    let project = judge(text, Format::Yaml, &dir(), Escalation::Allowed).unwrap();
    assert_eq!(project.mounts.len(), 1);
}

/// `docker-compose config` of docker-compose 1.29.2, as captured.
#[test]
fn a_rendering_of_docker_compose_1_29() {
    let text = include_str!("cases/config-1.29.2.yml");
    let project = judged(text).unwrap();
    assert_eq!(project.services, ["db", "web"]);
    assert_eq!(project.name, None);
    assert!(project.mounts.iter().any(|m| m.path.as_str() == "/srv/x"));
    assert!(project.reads.iter().any(|m| m.path.as_str().ends_with("/app/b")));
}

/// `docker compose config --format json` of compose 2.26.1, as captured.
#[test]
fn a_rendering_of_compose_v2() {
    let text = include_str!("cases/config-v2.json");
    let project = judge(text, Format::Json, &dir(), Escalation::Refused).unwrap();
    assert_eq!(project.name.as_deref(), Some("app"));
    assert_eq!(project.services, ["db", "web"]);
    let escape = text.replacen("\"image\":", "\"privileged\": true, \"image\":", 1);
    assert!(judge(&escape, Format::Json, &dir(), Escalation::Refused).is_err());
}
