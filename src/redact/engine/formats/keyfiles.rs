//! Files that are lists of keys, known by their names: ipsec.secrets, chap-secrets and its kin, psk.txt, wpa_psk,
//! ntp.keys, chrony.keys, passwd.client.

use super::super::{Doc, Kind, RedactError, Spans};
use super::context::lines_in;

/// Which field of a line is the secret.
#[derive(Clone, Copy)]
enum Layout {
    /// `client server secret addresses`.
    Third,
    /// `id secret`, `id:secret`, `keyid=x 00:11:22:33:44:55 secret`.
    BehindId,
    /// `1 MD5 secret`, `1 secret`, `1 SHA1 HEX:secret`.
    Numbered,
    /// `host:user:secret`.
    BehindColons,
}

fn layout(name: &str) -> Option<Layout> {
    let has = |part: &str| name.contains(part);
    if has("chap-secrets") || has("pap-secrets") || has("l2tp-secrets") {
        Some(Layout::Third)
    } else if has("psk.txt") || has("wpa_psk") || has("psk.conf") || has("psk.secrets") || name == "psk" {
        Some(Layout::BehindId)
    } else if has("ntp.keys") || has("chrony.keys") || has("ntpkeys") {
        Some(Layout::Numbered)
    } else if has("passwd.client") {
        Some(Layout::BehindColons)
    } else {
        None
    }
}

/// Adds the secret of every line of such a file.
pub(crate) fn find(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    let Some(layout) = layout(&doc.file_name) else { return Ok(()) };
    let mut start = 0;
    for whole in lines_in(doc.text) {
        doc.in_time()?;
        let line = whole.trim_end();
        let found = if line.trim_start().starts_with('#') { None } else { secret(layout, line) };
        if let Some((from, to)) = found.filter(|(from, to)| from < to) {
            spans.add(start + from, start + to, Kind::KeyMatch, None);
        }
        start += whole.len();
    }
    Ok(())
}

fn secret(layout: Layout, line: &str) -> Option<(usize, usize)> {
    let fields = fields(line);
    let first = fields.first()?;
    match layout {
        Layout::Third => {
            let third = fields.get(2).copied()?;
            (line.get(third.0..third.1) != Some("*")).then_some(third)
        }
        Layout::BehindId if fields.len() == 1 => {
            let colon = line.get(first.0..first.1)?.find(':')?;
            Some((first.0 + colon + 1, first.1))
        }
        Layout::BehindId => {
            let mac = |field: &&(usize, usize)| {
                line.get(field.0..field.1).is_some_and(|text| text.len() == 17 && text.matches(':').count() == 5)
            };
            let id = fields.iter().find(mac).unwrap_or(first);
            let rest = line.get(id.1..)?;
            Some((id.1 + rest.len() - rest.trim_start().len(), line.len()))
        }
        Layout::Numbered => {
            let named = fields.len() > 2;
            let value = fields.get(if named { 2 } else { 1 }).copied()?;
            let text = line.get(value.0..value.1)?;
            let skip = ["HEX:", "ASCII:"].into_iter().find(|kind| text.starts_with(kind)).map_or(0, str::len);
            Some((value.0 + skip, value.1))
        }
        Layout::BehindColons => {
            let user = line.find(':')?;
            let colon = line.get(user + 1..)?.find(':')?;
            Some((user + 1 + colon + 1, line.len()))
        }
    }
}

/// The fields between spaces, out of their quotes.
fn fields(line: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(skip) = line.get(at..).and_then(|rest| rest.find(|c: char| !c.is_whitespace())) {
        let start = at + skip;
        let rest = line.get(start..).unwrap_or("");
        if let Some(inner) = rest.strip_prefix('"') {
            let length = inner.find('"').unwrap_or(inner.len());
            found.push((start + 1, start + 1 + length));
            at = (start + length + 2).min(line.len());
        } else {
            let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
            found.push((start, start + length));
            at = start + length;
        }
        if found.len() > 60 {
            break;
        }
    }
    found
}
