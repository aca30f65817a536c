use super::*;

/// `docker ps --format {{json .}} --no-trunc`, docker 28.2.2 on engine 20.10.24.
const PS: &[u8] = include_bytes!("../cases/ps.jsonl");
/// `docker compose ps --format json`, compose 2.26.1.
const COMPOSE_PS: &[u8] = include_bytes!("../cases/compose-ps-2.26.1.jsonl");
/// `docker ps` of a project that docker-compose 1.29.2 started.
const COMPOSE_V1: &[u8] = include_bytes!("../cases/compose-ps-1.29.2.jsonl");
/// `docker system df --format {{json .}}`.
const SYSTEM_DF: &[u8] = include_bytes!("../cases/system-df.jsonl");
/// `docker stats --no-stream --format {{json .}}`.
const STATS: &[u8] = include_bytes!("../cases/stats.jsonl");
/// `docker events --format {{json .}}`.
const EVENTS: &[u8] = include_bytes!("../cases/events.jsonl");
/// `docker images --format {{json .}}`.
const IMAGES: &[u8] = include_bytes!("../cases/images.jsonl");
/// `docker volume inspect -- v1`.
const VOLUME_INSPECT: &[u8] = include_bytes!("../cases/volume-inspect.json");

fn texts<'a>(rows: &'a [Row], key: &str) -> Vec<&'a str> {
    rows.iter().map(|r| r.get(key).and_then(Value::as_str).unwrap_or("-")).collect()
}

#[test]
fn reads_what_docker_prints() {
    let (rows, skipped) = objects(PS);
    assert_eq!((texts(&rows, "Names"), skipped), (vec!["dkcap"], 0));
    assert_eq!(texts(&rows, "Ports"), ["127.0.0.1:18080->80/tcp"]);
    assert_eq!(texts(&objects(SYSTEM_DF).0, "Type"), ["Images", "Containers", "Local Volumes", "Build Cache"]);
    assert_eq!(texts(&objects(STATS).0, "CPUPerc"), ["0.63%"]);
    assert_eq!(texts(&objects(EVENTS).0, "Action"), ["create", "connect", "start"]);
    assert_eq!(objects(IMAGES).0.len(), 2);
    assert_eq!(texts(&objects(VOLUME_INSPECT).0, "Name"), ["v1"]);
}

#[test]
fn reads_both_forms_of_compose() {
    let (rows, _) = objects(COMPOSE_PS);
    assert_eq!(texts(&rows, "Service"), ["db", "web"]);
    assert_eq!(texts(&rows, "Health"), ["", "unhealthy"]);
    // Before 2.21 the same objects came as one array.
    let array = serde_json::to_vec(&rows).unwrap();
    assert_eq!(objects(&array), (rows, 0));
}

#[test]
fn rows_of_the_first_generation_get_the_same_fields() {
    let (mut rows, _) = objects(COMPOSE_V1);
    as_services(&mut rows);
    without_labels(&mut rows);
    assert_eq!(texts(&rows, "Service"), ["db", "web"]);
    assert_eq!(texts(&rows, "Project"), ["proj", "proj"]);
    assert_eq!(texts(&rows, "Name"), ["proj_db_1", "proj_web_1"]);
    assert_eq!(texts(&rows, "Health"), ["", "unhealthy"]);
    assert!(rows.iter().all(|r| !r.contains_key("Labels")));
}

/// `podman-compose ps --format json`, podman-compose 1.3.0 on podman 4.3.1.
#[test]
fn rows_of_podman_get_the_same_fields() {
    let (mut rows, skipped) = objects(include_bytes!("../cases/podman-ps-4.3.1.json"));
    as_services(&mut rows);
    assert_eq!((texts(&rows, "Service"), skipped), (vec!["web"], 0));
    assert_eq!(texts(&rows, "Project"), ["p"]);
    assert_eq!(texts(&rows, "Name"), ["p_web_1"]);
    assert_eq!(texts(&rows, "State"), ["running"]);
}

#[test]
fn what_is_cut_off_is_counted() {
    let cut = PS.get(..PS.len() / 2).unwrap();
    assert_eq!(objects(cut), (vec![], 1));
    let mut two = PS.to_vec();
    two.extend_from_slice(b"WARNING: something\n");
    two.extend_from_slice(PS);
    let (rows, skipped) = objects(&two);
    assert_eq!((rows.len(), skipped), (2, 1));
    assert_eq!(objects(b""), (vec![], 0));
    assert_eq!(objects(b"[]\n"), (vec![], 0));
    assert_eq!(objects(b"null"), (vec![], 0));
    assert_eq!(objects(b"7"), (vec![], 1));
    assert_eq!(objects(&[0xff, 0xfe]), (vec![], 1));
}

#[test]
fn lines_are_compact() {
    let (mut rows, _) = objects(b"[{\"a\": 1, \"Labels\": \"x=y\"}, {\"b\": \"c d\"}]");
    without_labels(&mut rows);
    assert_eq!(lines(&rows), "{\"a\":1}\n{\"b\":\"c d\"}\n");
}
