//! A unified diff, applied to the old text by the definition, gives the new one.

use super::feed::Feed;

pub fn check(data: &[u8]) {
    let mut feed = Feed::new(data);
    let lines =
        ["a\n", "b\n", "c\n", "\n", "-a\n", "+b\n", " c\n", "@@ -1 +1 @@\n", "--- x\n", "é\n", "\\ No newline\n"];
    let old = feed.text(30, &lines);
    let mut new = String::new();
    for line in old.split_inclusive('\n') {
        match feed.roll(8) {
            0 => {}
            1 => new.push_str(feed.pick(&lines)),
            2 => new.push_str(&format!("{line}{}", feed.pick(&lines))),
            _ => new.push_str(line),
        }
    }
    let cut = |text: String, feed: &mut Feed| match feed.roll(4) {
        0 => text.trim_end_matches('\n').to_owned(),
        _ => text,
    };
    let (old, new) = (cut(old, &mut feed), cut(new, &mut feed));
    let diff = ssh_mcp::internals::parsers::diff("/f", old.as_bytes(), new.as_bytes());
    assert_eq!(diff.is_empty(), old == new, "{diff}");
    assert_eq!(applied(&old, &diff), Some(new.clone()), "{old:?} to {new:?}:\n{diff}");
    // The tool's own reading agrees, and refuses or does whole what it cannot know to be a diff.
    if !diff.is_empty() {
        let patched = ssh_mcp::internals::parsers::patched(&diff, old.as_bytes());
        assert_eq!(patched.as_deref(), Some(new.as_bytes()), "{diff}");
    }
    let forged =
        feed.text(12, &["--- a\n", "+++ b\n", "@@ -1 +1 @@\n", "@@ -1,2 +1,2 @@\n", "-a\n", "+b\n", " a\n", " b\n"]);
    if let (Some(ours), Some(plain)) =
        (ssh_mcp::internals::parsers::patched(&forged, old.as_bytes()), applied(&old, &forged))
    {
        assert_eq!(String::from_utf8_lossy(&ours), plain, "{forged}");
    }
    // Bytes that are not text never reach the reader of a diff as controls.
    let shown = ssh_mcp::internals::parsers::diff("/f", feed.bytes(60), feed.bytes(60));
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{shown:?}");
}

/// Applies hunks strictly: every line of context and every removed line is compared.
fn applied(old: &str, diff: &str) -> Option<String> {
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let mut out = String::new();
    let mut at = 0;
    let mut lines = diff.split_inclusive('\n').skip(2).peekable();
    while let Some(head) = lines.next() {
        let range = head.strip_prefix("@@ -")?.split(' ').next()?;
        let (start, count) = match range.split_once(',') {
            Some((start, count)) => (start.parse::<usize>().ok()?, count.parse::<usize>().ok()?),
            None => (range.parse().ok()?, 1),
        };
        // A range without lines names the line before it.
        let start = if count == 0 { start } else { start.checked_sub(1)? };
        old.get(at..start)?.iter().for_each(|line| out.push_str(line));
        at = start;
        let end = start + count;
        let added: usize = head
            .split('+')
            .nth(1)?
            .split(' ')
            .next()
            .map_or(Some(1), |range| range.split_once(',').map_or(Some(1), |(_, count)| count.parse().ok()))?;
        let mut left = added;
        while at < end || left > 0 {
            let line = lines.next()?;
            let bare = lines.next_if(|next| next.starts_with("\\ No newline at end of file")).is_some();
            let text = if bare { line.trim_end_matches('\n') } else { line };
            let (sign, text) = text.split_at(1);
            match sign {
                " " | "-" => {
                    (*old.get(at)? == text).then_some(())?;
                    at += 1;
                }
                "+" => {}
                _ => return None,
            }
            if sign != "-" {
                out.push_str(text);
                left = left.checked_sub(1)?;
            }
        }
    }
    old.get(at..)?.iter().for_each(|line| out.push_str(line));
    Some(out)
}
