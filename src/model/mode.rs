//! Permission bits as callers give them and as answers show them: octal text.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Most bits: read, write and execute for three, set-user-ID, set-group-ID and sticky.
const MOST: u64 = 0o7777;
/// Set-user-ID and set-group-ID (inode(7)).
const SET_ID: u32 = 0o6000;

/// Permission bits: octal text, or a number that cannot be meant as octal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mode(u32);

impl Mode {
    /// From bits.
    pub(crate) const fn of(bits: u32) -> Self {
        Mode(bits & 0o7777)
    }

    /// The bits.
    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    /// The set-id bits by name, where there are any.
    pub(crate) fn set_id(self) -> Option<&'static str> {
        match self.0 & SET_ID {
            0 => None,
            0o4000 => Some("set-user-ID"),
            0o2000 => Some("set-group-ID"),
            _ => Some("set-user-ID and set-group-ID"),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let octal = matches!(text.len(), 3 | 4) && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
        match u32::from_str_radix(text, 8) {
            Ok(bits) if octal => Ok(Mode(bits)),
            _ => Err(format!(
                "{text:?} is not an octal mode; give three or four digits of 0 to 7 as text, such as \"0644\""
            )),
        }
    }

    /// A number is taken as its value. Where its digits could be octal too, nobody knows which was meant.
    fn number(value: u64) -> Result<Self, String> {
        let digits = value.to_string();
        if matches!(digits.len(), 3 | 4) && digits.bytes().all(|b| b <= b'7') {
            let as_value = match u32::try_from(value) {
                Ok(bits) if value <= MOST => format!("\"{}\" (the number {value})", Mode(bits)),
                _ => "nothing (the number is out of range)".to_owned(),
            };
            return Err(format!(
                "the number {value} has two readings: \"{digits:0>4}\" (its digits as octal) and {as_value}; give the one that is meant \
                 as text"
            ));
        }
        match u32::try_from(value) {
            Ok(bits) if value <= MOST => Ok(Mode(bits)),
            _ => Err(format!("{value} is out of range; give octal text such as \"0644\"")),
        }
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Mode;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("octal text such as \"0644\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Mode, E> {
                Mode::parse(text).map_err(E::custom)
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Mode, E> {
                Mode::number(value).map_err(E::custom)
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Mode, E> {
                u64::try_from(value)
                    .map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))
                    .and_then(|v| self.visit_u64(v))
            }
        }
        from.deserialize_any(Either)
    }
}

impl Serialize for Mode {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl JsonSchema for Mode {
    fn schema_name() -> Cow<'static, str> {
        "Mode".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-7]{3,4}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(value: &Value) -> Result<u32, String> {
        serde_json::from_value::<Mode>(value.clone()).map(Mode::bits).map_err(|e| e.to_string())
    }

    #[test]
    fn octal_text_is_read_as_it_stands() {
        for (given, bits) in
            [("0644", 0o644), ("644", 0o644), ("0440", 0o440), ("4755", 0o4755), ("000", 0), ("1777", 0o1777)]
        {
            assert_eq!(read(&json!(given)), Ok(bits), "{given}");
            assert_eq!(Mode::of(bits).to_string(), format!("{given:0>4}"));
        }
        for bad in ["", "6", "64", "0o644", "00644", "888", "u=rw", " 644", "+644", "-644", "77777"] {
            assert!(read(&json!(bad)).unwrap_err().contains("octal"), "{bad}");
        }
    }

    #[test]
    fn every_number_that_can_be_octal_is_refused_with_both_readings() {
        for value in 0..=0o7777u64 {
            let digits = value.to_string();
            let two = matches!(digits.len(), 3 | 4) && !digits.contains(['8', '9']);
            match read(&json!(value)) {
                Ok(bits) => assert!(!two && u64::from(bits) == value, "{value}"),
                Err(said) => {
                    assert!(two, "{value}: {said}");
                    assert!(
                        said.contains(&format!("\"{digits:0>4}\"")) && said.contains(&format!("\"{value:04o}\"")),
                        "{said}"
                    );
                }
            }
        }
        // 0755 and 0600 written as their values.
        assert_eq!((read(&json!(493)), read(&json!(384))), (Ok(0o755), Ok(0o600)));
        assert!(read(&json!(7777)).unwrap_err().contains("out of range"));
        for bad in [json!(8192), json!(-1), json!(1.5), json!(true), json!([])] {
            assert!(read(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn set_id_bits_have_names() {
        let named = |bits| Mode::of(bits).set_id();
        assert_eq!((named(0o1777), named(0o4755), named(0o2755)), (None, Some("set-user-ID"), Some("set-group-ID")));
        assert_eq!(named(0o6755), Some("set-user-ID and set-group-ID"));
    }
}
