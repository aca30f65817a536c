//! Moments as systemd.time(7) and people write them, said so that every journalctl understands them.
//!
//! journalctl wants a sign for spans and an `@` for Unix times, and versions before 247 refuse `T` and zones. So spans
//! become `-SPAN`, and whatever names a zone becomes a Unix time.

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::word::BadWord;

const WHAT: &str = "a journal time";
const ACCEPTED: &str = "a span ago (15m, 2h, 1d12h, 2 hours ago; units s m h d w M y), a Unix time, a date, \
    a date-time with or without a zone (2026-04-16 12:00, 2026-04-16T12:00:00Z), yesterday, today, now or tomorrow";

/// Longest text, in bytes.
const MAX: usize = 64;

/// Units of a span: all spellings of systemd.time(7) from seconds up, and the one that is sent.
const UNITS: [(&[&str], &str); 7] = [
    (&["s", "sec", "second", "seconds"], "s"),
    (&["m", "min", "minute", "minutes"], "min"),
    (&["h", "hr", "hour", "hours"], "h"),
    (&["d", "day", "days"], "d"),
    (&["w", "week", "weeks"], "w"),
    (&["M", "month", "months"], "month"),
    (&["y", "year", "years"], "y"),
];

/// A moment for `journalctl --since` and `--until`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct JournalTime(String);

impl JournalTime {
    /// Reads the text as a whole.
    pub(crate) fn parse(text: &str) -> Result<Self, BadWord> {
        let said = if text.len() <= MAX { said(text) } else { None };
        said.map(JournalTime).ok_or_else(|| BadWord::new(text, WHAT, ACCEPTED))
    }

    /// The moment as journalctl reads it, one word.
    pub(crate) fn anchor(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for JournalTime {
    type Error = BadWord;
    fn try_from(text: String) -> Result<Self, BadWord> {
        Self::parse(&text)
    }
}

impl schemars::JsonSchema for JournalTime {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "JournalTime".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "maxLength": MAX })
    }
}

fn said(text: &str) -> Option<String> {
    if ["yesterday", "today", "now", "tomorrow"].contains(&text) {
        return Some(text.to_owned());
    }
    unix(text.strip_prefix('@').unwrap_or(text)).or_else(|| moment(text)).or_else(|| span(text))
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// `1710000000` or `1710000000.25`.
fn unix(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    // As far as systemd can print a year.
    let fits = digits(whole) && digits(fraction) && fraction.len() <= 9 && whole.parse::<u64>().ok()? < 253_402_300_800;
    fits.then(|| format!("@{text}"))
}

/// `15m`, `1d12h`, `2 hours ago`, `-15min`, `+1h`.
fn span(text: &str) -> Option<String> {
    let (sign, rest) = match (text.strip_suffix(" ago"), text.strip_prefix('+')) {
        (Some(rest), None) => ('-', rest),
        (None, Some(rest)) => ('+', rest),
        (None, None) => ('-', text.strip_prefix('-').unwrap_or(text)),
        (Some(_), Some(_)) => return None,
    };
    let (mut out, mut rest) = (String::from(sign), rest);
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(unit_at);
        let tail = tail.strip_prefix(' ').unwrap_or(tail);
        let end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (word, tail) = tail.split_at(end);
        let (_, unit) = UNITS.iter().find(|(words, _)| words.contains(&word))?;
        // Nine digits of years are more than systemd counts, but far from an overflow of its arithmetic.
        if !digits(number) || number.len() > 9 {
            return None;
        }
        out.push_str(number);
        out.push_str(unit);
        rest = match tail.strip_prefix(' ') {
            Some(next) if !next.is_empty() => next,
            Some(_) => return None,
            None => tail,
        };
    }
    (out.len() > 1).then_some(out)
}

/// A date, or a date-time with or without a zone.
fn moment(text: &str) -> Option<String> {
    // jiff reads far more than this; the shape keeps what is accepted to what is said.
    let date = text.get(..10)?;
    let shaped = date.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
    if !shaped {
        return None;
    }
    let Some(clock) = text.get(11..) else {
        let date: jiff::civil::Date = date.parse().ok()?;
        return (text.len() == 10).then(|| date.to_string());
    };
    if !matches!(text.as_bytes().get(10), Some(b'T' | b' ')) {
        return None;
    }
    let (clock, zone) = match clock.find(['Z', '+', '-', ' ']) {
        Some(at) => clock.split_at(at),
        None => (clock, ""),
    };
    if !clock.bytes().all(|b| b.is_ascii_digit() || matches!(b, b':' | b'.')) || !clock.contains(':') {
        return None;
    }
    let clock = if clock.len() == 5 { format!("{clock}:00") } else { clock.to_owned() };
    let local: DateTime = format!("{date}T{clock}").parse().ok()?;
    if zone.is_empty() {
        return Some(format!("{date} {clock}"));
    }
    let zone = if zone == " UTC" { "Z" } else { zone };
    if zone.contains(' ') {
        return None;
    }
    let at: Timestamp = format!("{local}{zone}").parse().ok()?;
    let seconds = u64::try_from(at.as_second()).ok()?;
    match at.subsec_nanosecond() {
        0 => Some(format!("@{seconds}")),
        nanos => Some(format!("@{seconds}.{nanos:09}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_anchor_is_said_so_that_journalctl_understands_it() {
        for (text, said) in [
            ("15m", "-15min"),
            ("1d12h", "-1d12h"),
            ("3M", "-3month"),
            ("2h ago", "-2h"),
            ("2 hours ago", "-2h"),
            ("1 day 3 hours ago", "-1d3h"),
            ("-90s", "-90s"),
            ("+1h", "+1h"),
            ("1710000000", "@1710000000"),
            ("@1710000000", "@1710000000"),
            ("1710000000.5", "@1710000000.5"),
            ("2026-04-16", "2026-04-16"),
            ("2026-04-16 12:00", "2026-04-16 12:00:00"),
            ("2026-04-16T12:00:30", "2026-04-16 12:00:30"),
            ("2026-04-16T12:00:00.25", "2026-04-16 12:00:00.25"),
            ("2026-04-16T12:00:00Z", "@1776340800"),
            ("2026-04-16T12:00:00+02:00", "@1776333600"),
            ("2026-04-16 12:00:00 UTC", "@1776340800"),
            ("2026-04-16T12:00:00.5Z", "@1776340800.500000000"),
            ("yesterday", "yesterday"),
            ("now", "now"),
        ] {
            assert_eq!(JournalTime::parse(text).map(|t| t.anchor().to_owned()), Ok(said.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "m",
            "15",
            "15x",
            "15m\n",
            "15m ",
            " 15m",
            "--file=/etc/shadow",
            "2026-13-01",
            "2026-02-30",
            "2026-04-16T25:00:00Z",
            "2026-04-16T12",
            "2026-04-16X12:00",
            "now\n",
            "+1h ago",
            "ago",
            "-",
            "@",
            "2026-04-16 12:00 Mars",
            "99999999999999999999",
            "1h--vacuum",
            "２h",
        ] {
            let refused = JournalTime::parse(text).is_err();
            // Digits alone are a Unix time.
            assert_eq!(refused, text != "15", "{text:?}");
        }
        assert!(JournalTime::parse(&"1h".repeat(100)).is_err());
    }
}
