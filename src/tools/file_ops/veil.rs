//! A redact-listed file as it may be seen: every secret in it is one character that stands for it. Changes are made on that
//! text, so that what a change answers, and whether it fits, depends on nothing but what the redacting reader shows.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use super::replace::{NOTHING, diff, refused};
use crate::model::error::ToolError;
use crate::toolkit::redaction::{Place, RedactError, Redactor, marks_in};

/// What stands for the secrets of the old text, one for each value, and for those of the new text.
const OLD: Range<u32> = 0xf_0000..0xf_fff0;
const NEW: Range<u32> = 0x10_0000..0x10_fff0;

/// What a diff shows in a secret's place: neither its length nor a digest.
const HIDDEN: &str = "<redacted>";

/// The old text with its secrets veiled.
pub(super) struct Veil<'a> {
    redactor: &'a Redactor,
    path: &'a str,
    text: &'a str,
    places: Vec<Place>,
    /// By the mark that the redacting reader shows: what stands for it here.
    tokens: HashMap<String, char>,
    values: HashMap<char, &'a str>,
    view: String,
}

/// The new text, and where in it secrets of the old one stand.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(crate) text: String,
    /// With what stands for each, where it is a whole one.
    pub(crate) kept: Vec<(Range<usize>, Option<char>)>,
    /// New values, which are hidden whatever their name is.
    pub(crate) hidden: Vec<Range<usize>>,
}

impl<'a> Veil<'a> {
    /// Veils a file. Places in `also` are secrets whatever redaction finds.
    pub(crate) fn of(
        redactor: &'a Redactor,
        path: &'a str,
        bytes: &'a [u8],
        also: &[Range<usize>],
    ) -> Result<Self, ToolError> {
        let mut places = redactor.secret_places(bytes, Some(path)).map_err(|why| unusable(path, why))?;
        let text = std::str::from_utf8(bytes).map_err(|_| unusable(path, RedactError::Binary))?;
        if text.chars().any(is_token) {
            let what = format!("`{path}` holds characters of private use, which stand for secrets here. {NOTHING}");
            return Err(refused(what, "The operator edits this file."));
        }
        for range in also {
            add(redactor, text, &mut places, range).ok_or_else(|| unusable(path, RedactError::Internal))?;
        }
        let mut veil =
            Veil { redactor, path, text, places, tokens: HashMap::new(), values: HashMap::new(), view: String::new() };
        let mut copied = 0;
        for place in &veil.places {
            let value = text.get(place.range.clone()).unwrap_or_default();
            let next = char::from_u32(OLD.start + u32::try_from(veil.tokens.len()).unwrap_or(u32::MAX));
            let next = next.filter(|token| OLD.contains(&u32::from(*token)));
            let next = next.ok_or_else(|| unusable(path, RedactError::Internal))?;
            let token = *veil.tokens.entry(place.mark.clone()).or_insert(next);
            if *veil.values.entry(token).or_insert(value) != value {
                return Err(unusable(path, RedactError::Internal));
            }
            veil.view.push_str(text.get(copied..place.range.start).unwrap_or_default());
            veil.view.push(token);
            copied = place.range.end;
        }
        veil.view.push_str(text.get(copied..).unwrap_or_default());
        if marks_in(&veil.view).any(|at| veil.view.get(at).is_some_and(|mark| veil.tokens.contains_key(mark))) {
            let what = format!("`{path}` holds the mark of one of its own secrets as text. {NOTHING}");
            return Err(refused(what, "The operator edits this file."));
        }
        Ok(veil)
    }

    /// The text to be changed.
    pub(crate) fn view(&self) -> &str {
        &self.view
    }

    /// The secrets, with their marks.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (&'a str, &str)> {
        self.places.iter().map(|place| (self.text.get(place.range.clone()).unwrap_or_default(), place.mark.as_str()))
    }

    /// The same without those that stand exactly in these ranges.
    pub(crate) fn secrets_beside(&self, ranges: &[Range<usize>]) -> impl Iterator<Item = (&'a str, &str)> {
        let places = self.places.iter().filter(|place| !ranges.contains(&place.range));
        places.map(|place| (self.text.get(place.range.clone()).unwrap_or_default(), place.mark.as_str()))
    }

    /// A text of the caller's, in which marks of this file mean its secrets.
    pub(crate) fn encode<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, ToolError> {
        if text.chars().any(is_token) {
            return Err(ToolError::value("The text holds characters of private use.", "Leave them out."));
        }
        let mut out = String::new();
        let mut copied = 0;
        for at in marks_in(text) {
            let mark = text.get(at.clone()).unwrap_or_default();
            if let Some(token) = self.tokens.get(mark) {
                out.push_str(text.get(copied..at.start).unwrap_or_default());
                out.push(*token);
                copied = at.end;
            } else if self.redactor.made(mark) && !self.view.contains(mark) {
                let what = format!("`{mark}` stands for no secret of `{}`. {NOTHING}", self.path);
                return Err(refused(what, "Use the marks that ssh_read_redacted shows of this file without `format`."));
            }
        }
        if copied == 0 {
            return Ok(Cow::Borrowed(text));
        }
        out.push_str(text.get(copied..).unwrap_or_default());
        Ok(Cow::Owned(out))
    }

    /// A text of this program's, such as a message, as the redacting reader shows it.
    pub(crate) fn decode(&self, text: &str) -> String {
        // Quoted lines show them escaped.
        let escaped =
            |text: String, (mark, token): (&String, &char)| text.replace(&token.escape_unicode().to_string(), mark);
        let text =
            &if text.contains("\\u{") { self.tokens.iter().fold(text.to_owned(), escaped) } else { text.to_owned() };
        if !text.chars().any(is_token) {
            return text.clone();
        }
        let marks: HashMap<char, &str> = self.tokens.iter().map(|(mark, token)| (*token, mark.as_str())).collect();
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            match marks.get(&c) {
                Some(mark) => out.push_str(mark),
                None => out.push(c),
            }
        }
        out
    }

    /// A text with neither marks of this installation nor what stands for secrets here.
    pub(crate) fn without_marks(redactor: &Redactor, text: &str) -> String {
        let (mut out, mut copied) = (String::new(), 0);
        for at in marks_in(text).filter(|at| text.get(at.clone()).is_some_and(|mark| redactor.made(mark))) {
            out.push_str(text.get(copied..at.start).unwrap_or_default());
            out.push_str(HIDDEN);
            copied = at.end;
        }
        out.push_str(text.get(copied..).unwrap_or_default());
        hide_tokens(&out)
    }

    /// Puts the secrets back into a changed view.
    pub(crate) fn lift(&self, view: &str) -> Change {
        let mut change = Change::default();
        for c in view.chars() {
            match self.values.get(&c) {
                Some(value) => {
                    let start = change.text.len();
                    change.text.push_str(value);
                    change.kept.push((start..change.text.len(), Some(c)));
                }
                None => change.text.push(c),
            }
        }
        change
    }

    /// The new text where each of the ranges, which are in order, is this value.
    pub(crate) fn with_value(&self, ranges: &[Range<usize>], value: &str) -> Change {
        let mut change = Change::default();
        let mut places = self.places.iter().peekable();
        let mut copied = 0;
        for end in ranges.iter().map(Some).chain([None]) {
            let until = end.map_or(self.text.len(), |range| range.start);
            // What is left of the old text up to here, with its secrets or what is left of those.
            while let Some(place) = places.next_if(|place| place.range.start < until) {
                let (from, to) = (place.range.start.max(copied), place.range.end.min(until));
                let rest = self.text.get(from..to.max(from)).unwrap_or_default();
                if rest.chars().any(|c| !c.is_whitespace() && !matches!(c, '"' | '\'')) {
                    let start = from - copied + change.text.len();
                    let whole = (from..to) == place.range;
                    let token = self.tokens.get(&place.mark).copied().filter(|_| whole);
                    change.kept.push((start..start + rest.len(), token));
                }
            }
            change.text.push_str(self.text.get(copied..until).unwrap_or_default());
            if let Some(range) = end {
                let start = change.text.len();
                change.text.push_str(value);
                change.hidden.push(start..change.text.len());
                copied = range.end;
            }
        }
        change
    }

    /// Makes sure that redaction covers each old secret in the new text as it did, and shows what changed.
    pub(crate) fn checked_diff(&self, change: &Change) -> Result<String, ToolError> {
        let path = self.path;
        let found =
            self.redactor.secret_places(change.text.as_bytes(), Some(path)).map_err(|why| unusable(path, why))?;
        for (kept, _) in &change.kept {
            let at = found.partition_point(|place| place.range.end < kept.end);
            if found.get(at).is_none_or(|place| place.range.start > kept.start) {
                let line = change.text.get(..kept.start).unwrap_or_default().matches('\n').count() + 1;
                let what = format!(
                    "`{path}`: after this change the redacting reader would show a secret, in line {line} of the new text. {NOTHING}"
                );
                return Err(refused(what, "Keep in front of it what says that it is a secret, such as its name."));
            }
        }
        let mut places = found;
        for range in &change.hidden {
            add(self.redactor, &change.text, &mut places, range)
                .ok_or_else(|| unusable(path, RedactError::Internal))?;
        }
        let whole: HashMap<(usize, usize), char> =
            change.kept.iter().filter_map(|(at, token)| Some(((at.start, at.end), (*token)?))).collect();
        let (mut after, mut copied) = (String::new(), 0);
        for (n, place) in places.iter().enumerate() {
            // One for each place: whether a new value equals an old one is not told.
            let fresh = NEW.start + u32::try_from(n).unwrap_or(u32::MAX) % (NEW.end - NEW.start);
            let token = whole.get(&(place.range.start, place.range.end)).copied().or(char::from_u32(fresh));
            after.push_str(change.text.get(copied..place.range.start).unwrap_or_default());
            after.extend(token);
            copied = place.range.end;
        }
        after.push_str(change.text.get(copied..).unwrap_or_default());
        let shown = diff(path, self.view.as_bytes(), after.as_bytes());
        let shown = hide_tokens(&shown);
        // Of a long diff, what reads the rest.
        let cut = shown.strip_suffix("ssh_sftp_download reads the file]\n");
        Ok(cut.map(|cut| format!("{cut}ssh_read_redacted reads the file]\n")).unwrap_or(shown))
    }

    /// True where redaction would cover the new values.
    pub(crate) fn covers_new(&self, change: &Change) -> bool {
        let found = self.redactor.secret_places(change.text.as_bytes(), Some(self.path)).unwrap_or_default();
        change.hidden.iter().all(|new| {
            let written = change.text.get(new.clone()).unwrap_or_default();
            let quotes = usize::from(written.len() > 1 && written.starts_with(['"', '\'']));
            found.iter().any(|place| place.range.start <= new.start + quotes && new.end - quotes <= place.range.end)
        })
    }
}

fn hide_tokens(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_token(c) { out.push_str(HIDDEN) } else { out.push(c) }
    }
    out
}

fn is_token(c: char) -> bool {
    OLD.contains(&u32::from(c)) || NEW.contains(&u32::from(c))
}

/// Makes one more place of a text, joined with those that it overlaps.
fn add(redactor: &Redactor, text: &str, places: &mut Vec<Place>, range: &Range<usize>) -> Option<()> {
    if range.is_empty() {
        return Some(());
    }
    let first = places.partition_point(|place| place.range.end <= range.start);
    let last = places.partition_point(|place| place.range.start < range.end);
    let over = places.get(first..last.max(first))?;
    let start = over.first().map_or(range.start, |place| place.range.start.min(range.start));
    let end = over.last().map_or(range.end, |place| place.range.end.max(range.end));
    let mark = redactor.mark_of(text.get(start..end)?)?;
    places.splice(first..last.max(first), [Place { range: start..end, mark }]);
    Some(())
}

fn unusable(path: &str, why: RedactError) -> ToolError {
    let what = match why {
        RedactError::Binary => {
            format!("`{path}` is redact-listed and not plain UTF-8, so its secrets cannot be told from the rest.")
        }
        why => format!("`{path}` is redact-listed, and its secrets cannot be told from the rest: {why}."),
    };
    refused(format!("{what} {NOTHING}"), "The operator edits this file.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolkit::redaction::{MarkerKey, Options};

    const FILE: &str = "# all of it\nDB_PASSWORD=hunter2\nPORT=80\nAPI_TOKEN=\"hunter2\"\nNAME=app\n";

    fn redactor() -> Redactor {
        Redactor::new(Options::new(MarkerKey::from_salt("salt")))
    }

    fn edited(from: &str, old: &str, new: &str) -> Result<(String, String), ToolError> {
        let redactor = redactor();
        let veil = Veil::of(&redactor, "/srv/.env", from.as_bytes(), &[])?;
        let (old, new) = (veil.encode(old)?, veil.encode(new)?);
        if !veil.view().contains(old.as_ref()) {
            return Err(refused("no match".to_owned(), "."));
        }
        let change = veil.lift(&veil.view().replace(old.as_ref(), &new));
        let shown = veil.checked_diff(&change)?;
        Ok((change.text, shown))
    }

    #[test]
    fn what_is_seen_is_what_is_edited() {
        let shown = redactor().redact(FILE.as_bytes(), Some("/srv/.env"), None).unwrap().content;
        assert!(!shown.contains("hunter2"));
        let mark = &shown[shown.find("<sha:").unwrap()..=shown.find('>').unwrap()];
        let (text, diff) = edited(FILE, "PORT=80", "PORT=81").unwrap();
        assert_eq!(text, FILE.replace("80", "81"));
        assert!(diff.contains("-PORT=80\n+PORT=81\n") && diff.contains(" DB_PASSWORD=<redacted>\n"), "{diff}");
        let (text, diff) = edited(FILE, &format!("DB_PASSWORD={mark}\n"), "DB_PASSWORD=swordfish\n").unwrap();
        assert_eq!(text, FILE.replacen("hunter2", "swordfish", 1));
        assert!(diff.contains("-DB_PASSWORD=<redacted>\n+DB_PASSWORD=<redacted>\n"), "{diff}");
        for secret in ["hunter2", "swordfish", "sha:", "len:"] {
            assert!(!diff.contains(secret), "{secret}: {diff}");
        }
        // A line with its secret may move, and the secret goes with its mark.
        let moved = edited(FILE, &format!("DB_PASSWORD={mark}\nPORT=80\n"), &format!("PORT=80\nDB_PASSWORD={mark}\n"));
        assert_eq!(moved.unwrap().0, FILE.replace("DB_PASSWORD=hunter2\nPORT=80\n", "PORT=80\nDB_PASSWORD=hunter2\n"));
    }

    #[test]
    fn a_guess_is_told_nothing() {
        for guess in
            ["hunter2", "DB_PASSWORD=hunter2", "DB_PASSWORD=h", "=hunter2\nPORT", "sha:", "<sha:", "PASSWORD=swordfish"]
        {
            assert!(edited(FILE, guess, "x").unwrap_err().what.contains("no match"), "{guess}");
        }
        // The same value again looks like another one.
        let mark = redactor().mark_of("hunter2").unwrap();
        let of = |new: &str| edited(FILE, &format!("DB_PASSWORD={mark}\n"), &format!("DB_PASSWORD={new}\n")).unwrap().1;
        assert_eq!(of("hunter2"), of("swordfish"));
    }

    #[test]
    fn no_edit_brings_a_secret_to_light() {
        let mark = redactor().mark_of("hunter2").unwrap();
        for (old, new) in [
            ("DB_PASSWORD=".to_owned(), "GREETING=".to_owned()),
            ("NAME=app".to_owned(), format!("NAME={mark}")),
            ("# all of it".to_owned(), format!("# {mark}")),
        ] {
            let error = edited(FILE, &old, &new).unwrap_err();
            assert!(error.what.contains("would show a secret") && !error.what.contains("hunter2"), "{old}: {error:?}");
        }
        let other = redactor().mark_of("another value").unwrap();
        assert!(edited(FILE, "NAME=app", &format!("NAME={other}")).unwrap_err().what.contains("no secret of"));
        assert!(edited("a\u{f0001}b", "a", "b").is_err() && edited(FILE, "NAME", "\u{f0000}").is_err());
        assert!(edited(&format!("{FILE}X={mark}\n"), "NAME", "N").unwrap_err().what.contains("as text"));
    }

    #[test]
    fn a_value_is_set_and_hidden_whatever_it_is_called() {
        let redactor = redactor();
        let at = FILE.find("80").unwrap();
        let port = [(at, at + 2)].map(|(from, to)| from..to);
        let veil = Veil::of(&redactor, "/srv/.env", FILE.as_bytes(), &port).unwrap();
        let change = veil.with_value(&port, "9000");
        assert_eq!(change.text, FILE.replace("80", "9000"));
        let diff = veil.checked_diff(&change).unwrap();
        assert!(diff.contains("-PORT=<redacted>\n+PORT=<redacted>\n"), "{diff}");
        assert!(!veil.covers_new(&change));
        let at = FILE.find("hunter2").unwrap();
        let password = [(at, at + 7)].map(|(from, to)| from..to);
        let veil = Veil::of(&redactor, "/srv/.env", FILE.as_bytes(), &password).unwrap();
        let change = veil.with_value(&password, "hunter2");
        assert!(veil.covers_new(&change) && veil.checked_diff(&change).unwrap().contains("-DB_PASSWORD=<redacted>\n+"));
    }
}
