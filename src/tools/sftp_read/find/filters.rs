//! Which of the found entries are wanted by their facts, and in which order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Args;
use crate::model::error::ToolError;
use crate::model::remote_path::RemotePath;

/// The order of what is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Sort {
    /// By path.
    Name,
    /// The largest first.
    Size,
    /// The newest first.
    Time,
}

/// An entry with its facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Row {
    pub(super) path: String,
    size: u64,
    modified: String,
    mode: String,
    owner: String,
    /// The path itself.
    #[serde(skip)]
    #[schemars(skip)]
    pub(super) place: RemotePath,
    /// Seconds since 1970.
    #[serde(skip)]
    mtime: i64,
}

/// What is asked of the facts.
#[derive(Debug, Clone, Default)]
pub(super) struct Filters {
    min_size: Option<u64>,
    max_size: Option<u64>,
    newer_than: Option<i64>,
    older_than: Option<i64>,
    owner: Option<String>,
    permission: Option<u32>,
    sort: Option<Sort>,
}

impl Filters {
    /// The filters of a call; nothing where it asks for no facts.
    pub(super) fn of(args: &Args) -> Result<Option<Self>, ToolError> {
        let filters = Filters {
            min_size: args.min_size,
            max_size: args.max_size,
            newer_than: args.newer_than.as_deref().map(|text| age("newer_than", text)).transpose()?,
            older_than: args.older_than.as_deref().map(|text| age("older_than", text)).transpose()?,
            owner: args.owner.clone(),
            permission: args.permission.as_deref().map(bits).transpose()?,
            sort: args.sort.filter(|sort| *sort != Sort::Name),
        };
        let asks = filters.min_size.or(filters.max_size).is_some()
            || filters.newer_than.or(filters.older_than).is_some()
            || filters.owner.is_some()
            || filters.permission.is_some()
            || filters.sort.is_some();
        if asks && args.contains.is_some() {
            return Err(ToolError::value(
                "Argument `contains` does not go with filters of size, age, owner and permission, and with `sort`.",
                "Find the files first, then search in them by `path` and `name_pattern`.",
            ));
        }
        Ok(asks.then_some(filters))
    }

    /// Takes what is wanted, in order; `now` is the time of the host.
    pub(super) fn choose(&self, mut rows: Vec<Row>, now: i64) -> Vec<Row> {
        let aged = |row: &Row| now.saturating_sub(row.mtime);
        rows.retain(|row| {
            self.min_size.is_none_or(|min| row.size >= min)
                && self.max_size.is_none_or(|max| row.size <= max)
                && self.newer_than.is_none_or(|most| aged(row) <= most)
                && self.older_than.is_none_or(|least| aged(row) >= least)
                && self.owner.as_ref().is_none_or(|owner| row.owner == *owner)
                && self
                    .permission
                    .is_none_or(|bits| u32::from_str_radix(&row.mode, 8).is_ok_and(|mode| mode & bits == bits))
        });
        rows.sort_by(|a, b| a.path.cmp(&b.path));
        match self.sort {
            Some(Sort::Size) => rows.sort_by_key(|row| std::cmp::Reverse(row.size)),
            Some(Sort::Time) => rows.sort_by_key(|row| std::cmp::Reverse(row.mtime)),
            Some(Sort::Name) | None => {}
        }
        rows
    }
}

impl Row {
    /// Reads `SIZE MTIME MODE OWNER NAME` of the script; `full` makes the path out of the name.
    pub(super) fn read(line: &[u8], full: impl Fn(&[u8]) -> Option<RemotePath>) -> Option<Self> {
        let mut parts = line.splitn(5, |byte| *byte == b' ');
        let mut text = || std::str::from_utf8(parts.next()?).ok();
        let (size, time, mode, owner) = (text()?, text()?, text()?, text()?);
        let mtime: i64 = time.split('.').next()?.parse().ok()?;
        let modified = jiff::Timestamp::from_second(mtime).ok()?.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let mode = format!("{:04o}", u32::from_str_radix(mode, 8).ok()?);
        let place = full(parts.next()?)?;
        Some(Row {
            path: place.to_string(),
            place,
            size: size.parse().ok()?,
            modified,
            mode,
            owner: owner.to_owned(),
            mtime,
        })
    }
}

/// Seconds of `90s`, `30m`, `12h`, `7d`.
fn age(name: &str, text: &str) -> Result<i64, ToolError> {
    let refused = || {
        ToolError::value(
            format!("Argument `{name}`: {:?} is not an age.", text.chars().take(40).collect::<String>()),
            "Give a number with s, m, h or d, such as 30m or 7d.",
        )
    };
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 86_400,
        _ => return Err(refused()),
    };
    let number =
        text.get(..text.len() - 1).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()) && digits.len() < 10);
    let number: i64 = number.and_then(|digits| digits.parse().ok()).ok_or_else(refused)?;
    Ok(number * unit)
}

/// Permission bits, as octal text.
fn bits(text: &str) -> Result<u32, ToolError> {
    let octal = text.bytes().all(|b| (b'0'..=b'7').contains(&b)) && (1..=5).contains(&text.len());
    u32::from_str_radix(text, 8).ok().filter(|bits| octal && *bits <= 0o7777 && *bits > 0).ok_or_else(|| {
        ToolError::value(
            format!("Argument `permission`: {:?} is not a set of bits.", text.chars().take(40).collect::<String>()),
            "Give the bits that have to be set, as octal text: 4000 for set-user-id, 0002 for writable by all.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: &str) -> Row {
        Row::read(line.as_bytes(), |name| RemotePath::of_host(&[b"/", name].concat()).ok()).unwrap()
    }

    fn paths(rows: &[Row]) -> Vec<&str> {
        rows.iter().map(|row| row.path.as_str()).collect()
    }

    #[test]
    fn facts_are_read_and_compared() {
        let rows = vec![row("5 1000.25 4755 root ./b c"), row("900 2000 644 app ./a"), row("70 3000 666 app ./z")];
        assert_eq!((rows[0].mode.as_str(), rows[0].modified.as_str()), ("4755", "1970-01-01T00:16:40Z"));
        let chosen = |filters: Filters| paths(&filters.choose(rows.clone(), 3600)).join(" ");
        assert_eq!(chosen(Filters::default()), "/a /b c /z");
        assert_eq!(chosen(Filters { min_size: Some(70), sort: Some(Sort::Size), ..Filters::default() }), "/a /z");
        assert_eq!(chosen(Filters { sort: Some(Sort::Time), ..Filters::default() }), "/z /a /b c");
        assert_eq!(chosen(Filters { older_than: Some(1600), ..Filters::default() }), "/a /b c");
        assert_eq!(chosen(Filters { newer_than: Some(600), ..Filters::default() }), "/z");
        assert_eq!(chosen(Filters { owner: Some("root".to_owned()), ..Filters::default() }), "/b c");
        assert_eq!(chosen(Filters { permission: Some(0o4000), ..Filters::default() }), "/b c");
        assert_eq!(chosen(Filters { permission: Some(0o022), ..Filters::default() }), "/z");
    }

    #[test]
    fn ages_and_bits_are_words_of_their_own() {
        assert_eq!((age("a", "7d").ok(), age("a", "90s").ok()), (Some(604_800), Some(90)));
        for wrong in ["", "7", "d", "-1d", "1.5h", "7 d", "99999999999d", "1w"] {
            assert!(age("a", wrong).is_err(), "{wrong}");
        }
        assert_eq!((bits("4000").ok(), bits("0002").ok()), (Some(0o4000), Some(2)));
        for wrong in ["", "8", "0", "17777", "777777", "u+s"] {
            assert!(bits(wrong).is_err(), "{wrong}");
        }
    }
}
