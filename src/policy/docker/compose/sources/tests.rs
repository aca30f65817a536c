use super::*;

fn written(text: &str, includes: Includes) -> Result<String, ToolError> {
    let dir = RemotePath::parse("/srv/app").unwrap();
    let place = |path: &RemotePath, kind| match kind {
        Kind::Beside => "/dev/null".to_owned(),
        _ => format!("/W{path}"),
    };
    placed(text, &dir, includes, &place, &|name| name.starts_with("MINE") && !name.contains('='))
}

/// What the text means, as data, with merge keys and tags left as they are.
fn data(text: &str) -> Value {
    yaml::parse(text).unwrap()
}

#[test]
fn names_of_files_change_and_nothing_else_does() {
    let text = "
include:
  - other.yml
  - path: [a.yml, /srv/b.yml]
    env_file: a.env
    project_directory: sub
x-files: &files [l.env, {path: m.env, required: false}]
x-base: &base
  env_file: ../common.env
  mode: 0440
  cpus: 1.10
  start: 2001-12-14
  on: yes
  quoted: '0440'
  folded: >
    two
    words
services:
  web:
    <<: *base
    image: \"a:${TAG:-1}\"
    ports: ['8080:80', 22:22]
    command: [\"sh\", -c, \"echo 'x' \\\"$$HOME\\\" \\u00e9\"]
    extends: {file: base.yml, service: web}
    reset: !reset null
  db:
    extends: web
    env_file: *files
    nothing:
";
    let out = written(text, Includes::Mappings).unwrap();
    let (before, after) = (data(text), data(&out));
    assert_eq!(after["include"][0]["path"][0], "/W/srv/app/other.yml", "{out}");
    assert_eq!(after["include"][0]["project_directory"], "/srv/app");
    assert_eq!(after["include"][0]["env_file"][0], "/dev/null");
    assert_eq!(after["include"][1]["path"], serde_json::json!(["/W/srv/app/a.yml", "/W/srv/b.yml"]));
    assert_eq!(after["include"][1]["project_directory"], "/srv/app/sub");
    assert_eq!(after["include"][1]["env_file"][0], "/W/srv/app/a.env");
    assert_eq!(after["x-base"]["env_file"], "/W/srv/common.env");
    assert_eq!(after["services"]["web"]["<<"]["env_file"], "/W/srv/common.env");
    assert_eq!(after["services"]["web"]["extends"]["file"], "/W/srv/app/base.yml");
    assert_eq!(after["services"]["db"]["env_file"][0], "/W/srv/app/l.env");
    assert_eq!(after["services"]["db"]["env_file"][1]["path"], "/W/srv/app/m.env");
    assert_eq!(after["services"]["db"]["extends"], "web", "a service of the same file is not a file");
    for place in ["mode", "cpus", "start", "on", "quoted", "folded"] {
        assert_eq!(after["x-base"][place], before["x-base"][place], "{place}");
    }
    for plain in ["0440", "1.10", "2001-12-14", "yes", "22:22", "!reset null", "<<: *a"] {
        assert!(out.contains(plain), "{plain} stays plain in {out}");
    }
    assert!(out.contains("\"quoted\": \"0440\""), "{out}");
    assert_eq!(after["services"]["web"]["command"], before["services"]["web"]["command"]);
    assert_eq!(after["services"]["db"]["nothing"], Value::Null);
}

#[test]
fn includes_stay_names_where_only_names_are_known() {
    let out = written("include: [a.yml, b/c.yml]\nservices: {}\n", Includes::Names).unwrap();
    assert_eq!(data(&out)["include"], serde_json::json!(["/W/srv/app/a.yml", "/W/srv/app/b/c.yml"]));
}

#[test]
fn what_references_refuses_is_refused_here_too() {
    for text in [
        "services: {v: {labels: &a {env_file: /etc/shadow}}, w: {<<: *a}}",
        "services: {w: {extends: {<<: {file: /etc/shadow}, service: x}}}",
        "services: {w: {env_file: [{<<: {path: /etc/shadow}}]}}",
        "include: [{<<: {path: /etc/shadow}}]",
        "include: ${FILE}",
        "a: [",
    ] {
        assert!(written(text, Includes::Mappings).is_err(), "{text}");
    }
}

#[test]
fn bare_names_get_their_values_wherever_they_are_passed_on() {
    let text = "
x-list: &list [MINE_A, OTHER]
x-table: &table {MINE_B: , OTHER: }
services:
  a:
    environment: [MINE_A, MINE_B=own, OTHER, 'MINE_C']
    image: MINE_A
    labels: [MINE_A]
  b:
    environment: *list
    build: {context: ., args: [MINE_A]}
  c:
    environment:
      <<: *table
      MINE_A: ~
      MINE_D: given
      MINE_E:
  d:
    environment: {<<: [*table, {MINE_F: null}]}
";
    let after = data(&written(text, Includes::Mappings).unwrap());
    let of = |service: &str| after["services"][service]["environment"].clone();
    assert_eq!(of("a"), serde_json::json!(["MINE_A=${MINE_A}", "MINE_B=own", "OTHER", "MINE_C=${MINE_C}"]));
    assert_eq!(of("b"), serde_json::json!(["MINE_A=${MINE_A}", "OTHER"]));
    assert_eq!(after["services"]["b"]["build"]["args"], serde_json::json!(["MINE_A=${MINE_A}"]));
    let values = |service: &str| of(service).to_string();
    for (service, name) in [("c", "MINE_A"), ("c", "MINE_B"), ("c", "MINE_E"), ("d", "MINE_B"), ("d", "MINE_F")] {
        assert!(values(service).contains(&format!("\"{name}\":\"${{{name}}}\"")), "{service} {name}: {after}");
    }
    assert!(values("c").contains("\"MINE_D\":\"given\"") && values("c").contains("\"OTHER\":null"), "{after}");
    assert_eq!(after["services"]["a"]["image"], "MINE_A");
    assert_eq!(after["services"]["a"]["labels"], serde_json::json!(["MINE_A"]));
    assert_eq!(after["x-list"], serde_json::json!(["MINE_A", "OTHER"]));
}
