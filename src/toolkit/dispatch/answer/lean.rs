//! Takes out of an answer what says nothing: `null`, what is empty, counts that repeat what stands beside them, and flags
//! that are the ordinary case. What is false or zero and is an answer of its own stays.

use serde_json::{Map, Value};

use super::WARNINGS;

/// Flags that say something only where they are set.
const FLAGS: &[&str] = &["stdout_truncated", "stderr_truncated", "timed_out", "background"];

/// Counts of the list that stands beside them.
const COUNTS: &[&str] = &["count", "total"];

/// What a command printed.
const STDOUT: &str = "stdout";

/// Texts that are an answer where they are empty: the content of a file.
const CONTENT: &[&str] = &["content", "content_text"];

/// Lists beside the first one that are an answer where they are empty.
const LISTS: &[&str] = &["changes"];

/// Takes the properties that are `null` out of every object below `value`.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(drop_nulls);
            map.retain(|_, value| !value.is_null());
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// Takes out what is empty. The first list of an answer stays, since that it is empty is the answer; the fields of
/// `formed` hold answers of which that was taken out already.
pub(super) fn drop_empty(answer: &mut Value, formed: &[&str]) {
    drop_nulls(answer);
    let Value::Object(map) = answer else { return };
    let first = map.iter().find(|(name, value)| value.is_array() && *name != WARNINGS).map(|(name, _)| name.clone());
    map.iter_mut().filter(|(name, _)| !formed.contains(&name.as_str())).for_each(|(_, value)| drop_inner(value));
    let printed = prints(map);
    map.retain(|name, value| {
        let stays = printed && name == STDOUT
            || first.as_deref() == Some(name)
            || CONTENT.contains(&name.as_str())
            || LISTS.contains(&name.as_str());
        stays || !is_empty(value)
    });
    drop_flags(map);
}

/// The same below the first level, where every empty thing goes.
fn drop_inner(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(drop_inner);
            let printed = prints(map);
            map.retain(|name, value| printed && name == STDOUT || !is_empty(value));
            drop_flags(map);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_inner),
        _ => {}
    }
}

/// True for the answer of a command, where that it printed nothing is an answer too. Rows stand for what was printed.
fn prints(map: &Map<String, Value>) -> bool {
    map.contains_key("exit_code") && !map.iter().any(|(name, value)| value.is_array() && name != WARNINGS)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn drop_flags(map: &mut Map<String, Value>) {
    map.retain(|name, value| *value != Value::Bool(false) || !FLAGS.contains(&name.as_str()));
}

/// Takes out the sizes of streams that are there whole, and the counts of lists that are.
pub(super) fn drop_repeated(answer: &mut Value) {
    let Value::Object(map) = answer else { return };
    let lists: Vec<usize> =
        map.iter().filter(|(name, _)| *name != WARNINGS).filter_map(|(_, v)| Some(v.as_array()?.len())).collect();
    map.retain(|name, value| {
        !COUNTS.contains(&name.as_str())
            || value.as_u64().is_none_or(|n| !lists.contains(&usize::try_from(n).unwrap_or(usize::MAX)))
    });
    drop_sizes(map);
    for inner in map.values_mut() {
        if let Value::Object(of_hosts) = inner {
            of_hosts.values_mut().filter_map(Value::as_object_mut).for_each(drop_sizes);
        }
    }
}

fn drop_sizes(map: &mut Map<String, Value>) {
    for stream in ["stdout", "stderr"] {
        let size = format!("{stream}_bytes");
        let there = map.get(stream).and_then(Value::as_str).map_or(0, str::len);
        if map.get(&size).and_then(Value::as_u64) == Some(there as u64) {
            map.shift_remove(&size);
        }
    }
}
