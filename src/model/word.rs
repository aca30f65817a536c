//! The frame of checked words: a text that passed one full-match check, ready for serde and JSON Schema.

/// Why a text is not the word that an argument takes: the value, shortened and escaped, and what is accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value} is not {what}: {accepted}")]
pub struct BadWord {
    value: String,
    what: &'static str,
    accepted: &'static str,
}

/// Characters of a refused value that the refusal repeats.
const SHOWN: usize = 80;

impl BadWord {
    /// Refuses `value` as `what`; `accepted` says what would pass.
    pub fn new(value: &str, what: &'static str, accepted: &'static str) -> Self {
        let mut shown: String = value.chars().take(SHOWN).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        BadWord { value: format!("{shown:?}"), what, accepted }
    }
}

/// Declares a checked word: a newtype over `String` with one constructor, `parse`, that applies `$check`.
///
/// `$what` names the kind with its article, `$accepted` is the sentence of the refusal, `$pattern` the JSON
/// Schema pattern and `$max` the longest text in bytes.
macro_rules! checked_word {
    ($(#[$doc:meta])* $name:ident, $what:literal, $accepted:literal, $pattern:literal, $max:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the text as a whole; nothing is trimmed.
            pub fn parse(text: &str) -> Result<Self, $crate::model::word::BadWord> {
                let check: fn(&str) -> bool = $check;
                if !text.is_empty() && text.len() <= $max && check(text) {
                    Ok($name(text.to_owned()))
                } else {
                    Err($crate::model::word::BadWord::new(text, $what, $accepted))
                }
            }

            /// The word as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::model::word::BadWord;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> String {
                word.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $pattern, "maxLength": $max })
            }
        }
    };
}

pub(crate) use checked_word;
