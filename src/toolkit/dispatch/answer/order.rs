//! The order of an answer's fields: where it comes from, how it ended, what to know of it, what it is, and last the
//! streams. A client that cuts an answer takes away its end.

use serde_json::{Map, Value};

use super::{LEFT_OUT, OUTPUT_ID, WARNINGS};

/// What comes first, in this order.
const FIRST: &[&str] = &[
    "host",
    "address",
    "exit_code",
    "killed_by_signal",
    "timed_out",
    "stop",
    "background",
    "problem",
    "problem_detail",
    "reachable",
    "auth_ok",
    "hint",
    "running",
    "earlier_run",
    "interrupted",
    WARNINGS,
    OUTPUT_ID,
    LEFT_OUT,
];

/// What comes last, in this order.
const LAST: &[&str] = &["content_text", "content_base64", "content", "stdout", "stderr"];

/// Puts the fields of an answer into order, and those of each answer inside it.
pub(super) fn sort(answer: &mut Value) {
    let Value::Object(map) = answer else { return };
    sort_fields(map);
    for inner in map.values_mut() {
        if let Value::Object(of_hosts) = inner {
            let ended =
                of_hosts.values_mut().filter_map(Value::as_object_mut).filter(|one| one.contains_key("exit_code"));
            ended.for_each(sort_fields);
        }
    }
}

fn sort_fields(map: &mut Map<String, Value>) {
    let failed = map.get("exit_code").and_then(Value::as_i64).is_some_and(|code| code != 0);
    let mut rest = std::mem::take(map);
    let mut take = |name: &str, map: &mut Map<String, Value>| {
        if let Some(value) = rest.shift_remove(name) {
            map.insert(name.to_owned(), value);
        }
    };
    for name in FIRST {
        take(name, map);
    }
    let mut last = Map::new();
    for name in LAST {
        take(name, &mut last);
    }
    map.append(&mut rest);
    // What went wrong stands before what came until then.
    if failed && let Some(stdout) = last.shift_remove("stdout") {
        last.insert("stdout".to_owned(), stdout);
    }
    map.append(&mut last);
}
