//! Fits the answers of several calls into one: each gets a fair share of the room, and what one does not need goes to the
//! others. What does not fit is kept under the id of its own call.

use serde_json::{Map, Value, json};

use super::fit::{share, size};
use super::{LEFT_OUT, OUTPUT_ID, arrange, render};
use crate::toolkit::other_tools::Whole;
use crate::toolkit::state::kept_outputs::Cut;

/// Least share in which an answer is shortened field by field, in bytes; below it only its verdict is shown.
const SHORTENED_MIN: usize = 900;

/// Largest field that counts as a part of the verdict, in bytes of JSON.
const VERDICT_FIELD: usize = 120;

/// Times that the room is shared out anew because the whole was still too long.
const ROUNDS: usize = 8;

/// The answers as they leave, each with what was cut from it. Together they take at most `room` bytes in either form,
/// unless not even the verdicts fit.
pub(in crate::toolkit) fn fit(inner: &[Whole], room: usize) -> Vec<(Value, Vec<Cut>)> {
    let all = || inner.iter().map(|one| (one.answer.clone(), Vec::new())).collect::<Vec<_>>();
    let mut shown = all();
    let mut left = room;
    for _ in 0..ROUNDS {
        let taken = taken(&shown);
        if taken <= room {
            break;
        }
        if shown.iter().any(|(_, cuts)| !cuts.is_empty()) {
            left = left.saturating_mul(room) / taken / 16 * 15;
        }
        shown = shared(inner, left);
    }
    shown
}

/// The larger of the two forms, in bytes.
fn taken(shown: &[(Value, Vec<Cut>)]) -> usize {
    shown.iter().map(|(answer, _)| taken_by(answer)).sum()
}

fn taken_by(answer: &Value) -> usize {
    // As it stands in the text of a list of answers, indented.
    let text = render(&json!({"r": [{"r": answer}]})).len();
    text.max(size(answer))
}

fn shared(inner: &[Whole], room: usize) -> Vec<(Value, Vec<Cut>)> {
    let sizes: Vec<usize> = inner.iter().map(|one| taken_by(&one.answer)).collect();
    // Content was bounded by its tool and is never cut inside; where it leaves a third to the others, it stays.
    let content: usize = inner.iter().zip(&sizes).filter(|(one, _)| has_content(one)).map(|(_, size)| size).sum();
    let stays = |one: &Whole| has_content(one) && content <= room / 3 * 2;
    let mut others: Vec<usize> =
        inner.iter().zip(&sizes).filter(|(one, _)| !stays(one)).map(|(_, size)| *size).collect();
    let kept = if content <= room / 3 * 2 { content } else { 0 };
    let share = share(&mut others, room - kept);
    let fitted = |(one, size): (&Whole, usize)| {
        if size <= share || stays(one) { (one.answer.clone(), Vec::new()) } else { shortened(one, share) }
    };
    inner.iter().zip(sizes).map(fitted).collect()
}

/// True where an answer has fields that are never cut.
fn has_content(one: &Whole) -> bool {
    one.shape.whole.iter().any(|name| one.answer.get(*name).is_some())
}

/// One answer in `room` bytes.
fn shortened(one: &Whole, room: usize) -> (Value, Vec<Cut>) {
    if room >= SHORTENED_MIN {
        let mut answer = one.answer.clone();
        let cuts = arrange(&mut answer, room, one.shape, &one.id);
        if !cuts.is_empty() && size(&answer) <= room {
            return (answer, cuts);
        }
    }
    verdict(one, room)
}

/// The small fields of an answer in `room` bytes; all of it is kept as one stream.
fn verdict(one: &Whole, room: usize) -> (Value, Vec<Cut>) {
    let text = render(&one.answer);
    let note = format!("all but this: {} bytes; ssh_output_read with stream answer, from_line 1", text.len());
    let mut shown = Map::new();
    let mut used = note.len() + one.id.len() + 40;
    for (name, value) in one.answer.as_object().into_iter().flatten() {
        let bytes = name.len() + size(value) + 3;
        // Where content goes, what says how to read on behind it would be wrong.
        let about_content = has_content(one) && ["next_from_line", "next_offset", "truncated"].contains(&name.as_str());
        let small = !value.is_array() && !value.is_object() && bytes <= VERDICT_FIELD && !about_content;
        if small && used + bytes <= room {
            used += bytes;
            shown.insert(name.clone(), value.clone());
        }
    }
    shown.insert(OUTPUT_ID.to_owned(), Value::from(one.id.as_str()));
    shown.insert(LEFT_OUT.to_owned(), json!([note]));
    (Value::Object(shown), vec![Cut { stream: "answer".to_owned(), text: text + "\n", gap: false }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolkit::decl::Shape;

    fn inner(n: usize, answer: Value) -> Whole {
        Whole { id: format!("{n:016x}"), answer, shape: Shape { whole: &["content_text"], formed: &[] } }
    }

    fn lines(count: usize) -> String {
        (0..count).map(|n| format!("line {n}\n")).collect()
    }

    #[test]
    fn what_one_does_not_need_goes_to_the_others() {
        // Long lines: those of an answer among others are indented in the text.
        let log: String = (0..10_000).map(|n| format!("{n:0100}\n")).collect();
        let calls = [
            inner(1, json!({"host": "a", "exit_code": 0, "stdout": "small\n"})),
            inner(2, json!({"host": "a", "exit_code": 1, "stdout": log})),
            inner(3, json!({"host": "b", "reachable": false})),
        ];
        let shown = fit(&calls, 30_000);
        assert_eq!((&shown[0].0, &shown[2].0), (&calls[0].answer, &calls[2].answer));
        let large = size(&shown[1].0);
        assert!((25_000..30_000).contains(&large), "{large}");
        assert_eq!((shown[1].0["output_id"].as_str(), shown[1].1.len()), (Some("0000000000000002"), 1));
        assert_eq!(shown[1].1[0].text, log);
    }

    #[test]
    fn many_large_ones_keep_their_verdict_and_the_rest_is_kept() {
        let calls: Vec<Whole> = (0..20)
            .map(|n| inner(n, json!({"host": "a", "exit_code": n, "stdout": lines(2000), "rows": [1, 2]})))
            .collect();
        for room in [9000, 30_000, 100_000] {
            let shown = fit(&calls, room);
            assert!(taken(&shown) <= room, "{} of {room}", taken(&shown));
            for (n, (answer, cuts)) in shown.iter().enumerate() {
                assert_eq!((&answer["exit_code"], answer["left_out"].is_array()), (&json!(n), true), "{answer:.200}");
                let kept: usize = cuts.iter().map(|cut| cut.text.len()).sum();
                assert!(kept >= lines(2000).len(), "{kept}");
            }
        }
    }

    #[test]
    fn content_is_never_cut_inside() {
        let calls = [
            inner(1, json!({"path": "/a", "content_text": lines(1500)})),
            inner(2, json!({"exit_code": 0, "stdout": lines(5000)})),
        ];
        let shown = fit(&calls, 30_000);
        for (answer, cuts) in &shown {
            match answer.get("content_text") {
                Some(content) => assert_eq!(content, &json!(lines(1500))),
                None => assert!(!cuts.is_empty()),
            }
        }
        assert!(taken(&shown) <= 30_000);
    }

    #[test]
    fn nothing_is_said_of_content_that_is_not_there() {
        let one = || json!({"path": "/a", "content_text": lines(1500), "next_from_line": 1501, "truncated": true});
        let calls: Vec<Whole> = (0..4).map(|n| inner(n, one())).collect();
        for (answer, _) in fit(&calls, 20_000) {
            assert_eq!(answer.get("content_text").is_some(), answer.get("next_from_line").is_some(), "{answer:.300}");
            assert!(answer.get("content_text").is_some() || answer["left_out"].to_string().contains("all but this"));
        }
    }

    #[test]
    fn what_fits_is_as_it_was() {
        let calls = [inner(1, json!({"matches": []})), inner(2, json!({"content_text": ""}))];
        let shown = fit(&calls, 1000);
        assert!(shown.iter().zip(&calls).all(|((answer, cuts), one)| *answer == one.answer && cuts.is_empty()));
    }
}
