use proptest::prelude::*;
use similar::TextDiff;

use super::*;

fn apply(diff: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let patch = Patch::parse(diff).map_err(|e| e.to_string())?;
    patch.for_crlf(bytes).unwrap_or(patch).apply(bytes).map_err(|e| e.explain(str::to_owned))
}

/// What the numbered lines of a file are after a patch, told without looking for anything: the byte-level model.
fn model(patch: &Patch, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    for hunk in patch.hunks.iter().rev() {
        let range = hunk.at..hunk.at + hunk.old.len();
        if lines.get(range.clone())? != hunk.old {
            return None;
        }
        lines.splice(range, hunk.new.clone());
    }
    Some(lines.concat())
}

#[test]
fn hunks_change_what_they_name() {
    let file = b"one\ntwo\nthree\nfour\nfive\n";
    let diff = "--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n@@ -4,2 +4,3 @@ fn\n four\n+4.5\n five\n";
    assert_eq!(apply(diff, file).unwrap(), b"one\n2\nthree\nfour\n4.5\nfive\n");
    // Without headers, without the last newline, with the blank of an empty context line taken away.
    assert_eq!(apply("@@ -1,2 +1,2 @@\n\n-a\n+b", b"\na\n").unwrap(), b"\nb\n");
    assert_eq!(apply("@@ -1 +0,0 @@\n-a\n", b"a\n").unwrap(), b"");
    assert_eq!(apply("@@ -1,0 +2 @@\n+b\n", b"a\n").unwrap(), b"a\nb\n");
}

#[test]
fn an_empty_file_gets_content() {
    let diff = "--- /dev/null\n+++ b/f\n@@ -0,0 +1,2 @@\n+a\n+b\n\\ No newline at end of file\n";
    assert_eq!(apply(diff, b"").unwrap(), b"a\nb");
    assert!(apply(diff, b"x\n").unwrap_err().contains("has content"));
}

#[test]
fn line_ends_are_part_of_a_line() {
    let open = "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n";
    assert_eq!(apply(open, b"a\nb").unwrap(), b"a\nc\n");
    assert!(apply(open, b"a\nb\n").unwrap_err().contains("newline at the end"));
    let closed = "@@ -1,2 +1,2 @@\n a\n-b\n+c\n\\ No newline at end of file\n";
    assert_eq!(apply(closed, b"a\nb\n").unwrap(), b"a\nc");
    assert!(apply(closed, b"a\nb").unwrap_err().contains("No newline at end of file"));
    // A line without an end stays the last one.
    assert!(apply("@@ -2,0 +3 @@\n+c\n", b"a\nb").unwrap_err().contains("without newline"));
    assert!(apply(closed, b"a\nb\nc\n").unwrap_err().contains("without newline"));
    // Only a line feed ends a line, and bytes that are not UTF-8 stay.
    assert_eq!(apply("@@ -2 +2 @@\n-b\n+c\n", b"\xff\x0c\r\x85\nb\n\xfe").unwrap(), b"\xff\x0c\r\x85\nc\n\xfe");
}

#[test]
fn carriage_returns() {
    let diff = "@@ -1,2 +1,2 @@\n a\n-b\n+c\n";
    assert_eq!(apply(diff, b"a\r\nb\r\nd").unwrap(), b"a\r\nc\r\nd");
    assert!(apply(diff, b"a\r\nb\nd\r\n").unwrap_err().contains("white space"));
    assert_eq!(apply("@@ -1,2 +1,2 @@\n a\r\n-b\r\n+c\n", b"a\r\nb\r\n").unwrap(), b"a\r\nc\n");
    // The diff itself was written with CRLF.
    let carried = diff.replace('\n', "\r\n");
    assert_eq!(apply(&carried, b"a\nb\n").unwrap(), b"a\nc\n");
    assert_eq!(apply(&carried, b"a\r\nb\r\n").unwrap(), b"a\r\nc\r\n");
}

#[test]
fn a_refusal_says_where_and_what() {
    let diff = "@@ -1,2 +1,2 @@\n x\n-b\n+c\n";
    let said = apply(diff, b"1\n2\nx\nb\n").unwrap_err();
    assert!(said.contains("Hunk 1 does not apply at line 1: expected \"x\\n\", found \"1\\n\"."), "{said}");
    assert!(said.ends_with("It would fit at line 3."), "{said}");
    assert!(apply(diff, b"x\nc\n").unwrap_err().contains("there already"));
    assert!(apply(diff, b"x\n").unwrap_err().contains("found the end of the file. It fits nowhere"));
    assert!(apply("@@ -9,0 +10 @@\n+a\n", b"x\n").unwrap_err().contains("line 2"));
    let twice = "@@ -2 +2 @@\n-b\n+c\n@@ -2 +2 @@\n-b\n+d\n";
    assert!(apply(twice, b"a\nb\n").unwrap_err().contains("Hunk 2"));
}

#[test]
fn what_is_no_diff_of_one_file_is_refused() {
    let line = |diff: &str| Patch::parse(diff).unwrap_err().line;
    assert_eq!(line(""), 1);
    assert_eq!(line("hello\n"), 1);
    assert_eq!(line("@@ -1,2 +1 @@\n a\n"), 3);
    assert_eq!(line("@@ -1 +1 @@\n a\n b\n"), 3);
    assert_eq!(line("@@ -1 +1 @@\n*a\n"), 2);
    assert_eq!(line("@@ -0 +1 @@\n a\n"), 1);
    assert_eq!(line("@@ -a +1 @@\n a\n"), 1);
    assert_eq!(line("--- a\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n"), 1);
    assert_eq!(line("@@ -1 +1 @@\n a\n--- b\n+++ b\n@@ -1 +1 @@\n a\n"), 3);
    assert_eq!(line("@@ -1 +1 @@\n a\ndiff --git a/x b/x\n"), 3);
    assert!(Patch::parse("@@ -1 +1 @@\n-a\n+b\n-- \n2.39.5\n").is_ok());
    assert!(Patch::parse(&format!("@@ -{0},{0} +1 @@\n", u64::MAX)).is_err());
}

/// Lines of few letters, so that runs repeat; some with CR, some that are not UTF-8.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![Just(b"a\n".to_vec()), Just(b"b\n".to_vec()), Just(b"\n".to_vec()), Just(b"c\r\n".to_vec())];
    (prop::collection::vec(line, 0..24), any::<bool>()).prop_map(|(lines, open)| {
        let mut bytes = lines.concat();
        // The differ takes a CR at the end of the file for a line end.
        if open && bytes.pop().is_some() && bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        bytes
    })
}

fn diff_of(old: &[u8], new: &[u8], context: usize) -> String {
    let (old, new) = (std::str::from_utf8(old).unwrap(), std::str::from_utf8(new).unwrap());
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let diff = TextDiff::configure().newline_terminated(true).diff_slices(&old, &new);
    diff.unified_diff().context_radius(context).header("a", "b").to_string()
}

proptest! {
    #[test]
    fn a_diff_turns_the_old_bytes_into_the_new_ones(old in text(), new in text(), context in 0usize..4) {
        prop_assume!(old != new);
        let diff = diff_of(&old, &new, context);
        prop_assert_eq!(Patch::parse(&diff).unwrap().apply(&old), Ok(new), "{}", diff);
    }

    #[test]
    fn another_file_is_patched_as_the_model_says_or_not_at_all(old in text(), new in text(), other in text(), context in 0usize..4) {
        prop_assume!(old != new);
        let patch = Patch::parse(&diff_of(&old, &new, context)).unwrap();
        let open = |bytes: &[u8]| bytes.split_inclusive(|b| *b == b'\n').rev().skip(1).any(|l| !l.ends_with(b"\n"));
        match (patch.apply(&other), model(&patch, &other)) {
            (Ok(done), Some(expected)) => prop_assert_eq!(done, expected),
            (Ok(done), None) => prop_assert!(false, "applied to {:?}", done),
            (Err(why), Some(expected)) => {
                // The model glues lines, and does not look at where nothing is removed.
                let end = other.split_inclusive(|b| *b == b'\n').count();
                let beyond = patch.hunks.iter().any(|hunk| hunk.at > end);
                prop_assert!(why.remark == Remark::OpenLine || beyond || open(&expected), "{:?}", why);
            }
            (Err(why), None) => prop_assert!(why.hunk >= 1 && why.line >= 1),
        }
    }

    #[test]
    fn the_place_of_a_misfit_is_true(old in text(), new in text(), other in text()) {
        prop_assume!(old != new);
        let patch = Patch::parse(&diff_of(&old, &new, 1)).unwrap();
        if let Err(why) = patch.apply(&other) {
            let lines: Vec<&[u8]> = other.split_inclusive(|b| *b == b'\n').collect();
            prop_assert_eq!(why.found.as_deref(), lines.get(why.line - 1).copied());
            if let Remark::FitsAt(at) = why.remark {
                let hunk = &patch.hunks[why.hunk - 1];
                prop_assert_eq!(&lines[at - 1..at - 1 + hunk.old.len()].concat(), &hunk.old.concat());
            }
        }
    }

    #[test]
    fn no_text_stops_the_reader(text in "(@@ -[0-9]{1,3}(,[0-9]{1,2})? \\+[0-9](,[0-9])? @@\n|[-+ ][ab]?\n|\\\\ No\n|\r|--- a\n|\\+\\+\\+ b\n){0,12}", bytes in text()) {
        let _ = apply(&text, &bytes);
    }
}
