//! JSON without ambiguity: one reading of every message, bounded in the number of its parts.
//!
//! A parser that takes the last of two equal keys and one that takes the first see two different calls; what was
//! judged and logged would not be what was meant. So a repeated key, at any depth, refuses the message.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Most values in one message. A number in a list costs two bytes on the wire and seventy in memory; content comes as
/// one string.
const MAX_VALUES: usize = 100_000;

/// Why a line is not a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// Not JSON, or not UTF-8.
    Syntax(String),
    /// JSON that is refused: a repeated key, too many values.
    Refused(String),
}

/// Parses one line.
pub(super) fn parse(line: &[u8]) -> Result<Value, Broken> {
    // RFC 8259 section 8.1 lets a parser skip a byte order mark; some clients on Windows write one.
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    let text = std::str::from_utf8(line).map_err(|error| {
        Broken::Syntax(format!("the line is not UTF-8: bad byte at offset {}", error.valid_up_to()))
    })?;
    let values = Cell::new(0);
    let mut parser = serde_json::Deserializer::from_str(text);
    let value = Strict { values: &values }.deserialize(&mut parser).and_then(|value| parser.end().map(|()| value));
    value.map_err(|error| match error.classify() {
        serde_json::error::Category::Data => Broken::Refused(error.to_string()),
        _ => Broken::Syntax(error.to_string()),
    })
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    values: &'a Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let values = self.values.get() + 1;
        if values > MAX_VALUES {
            return Err(D::Error::custom(format!("more than {MAX_VALUES} values in one message")));
        }
        self.values.set(values);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(self)? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(self)?;
            if object.contains_key(&key) {
                let shown: String = key.chars().take(64).collect();
                return Err(A::Error::custom(format!("the key {shown:?} appears twice in one object")));
            }
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn repeated_keys_are_refused_at_any_depth_and_in_any_spelling() {
        for line in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"params":{"arguments":{"host":"a","host":"b"}}}"#,
            r#"[{"x":[{"y":1,"y":2}]}]"#,
        ] {
            assert!(matches!(parse(line.as_bytes()), Err(Broken::Refused(why)) if why.contains("twice")), "{line}");
        }
        assert!(parse(br#"{"a":{"a":1},"b":{"a":1}}"#).is_ok());
    }

    #[test]
    fn what_is_not_json_is_syntax() {
        let deep = "[".repeat(500);
        for line in ["{", "{\"a\":}", "nul", "{} {}", "{\"a\":01}", "\"\\ud800\"", deep.as_str()] {
            assert!(matches!(parse(line.as_bytes()), Err(Broken::Syntax(_))), "{line}");
        }
        assert!(matches!(parse(b"{\"a\":\"\xff\"}"), Err(Broken::Syntax(why)) if why.contains("offset 6")));
    }

    #[test]
    fn a_small_line_cannot_become_a_large_tree() {
        let list = |n: usize| format!("[{}0]", "0,".repeat(n - 1));
        assert!(parse(list(MAX_VALUES - 1).as_bytes()).is_ok());
        assert!(matches!(parse(list(MAX_VALUES).as_bytes()), Err(Broken::Refused(_))));
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".{0,6}", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn everything_else_is_read_as_the_ordinary_parser_reads_it(value in json()) {
            prop_assert_eq!(parse(value.to_string().as_bytes()), Ok(value));
        }
    }
}
