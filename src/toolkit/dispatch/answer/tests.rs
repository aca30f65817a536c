use serde_json::json;

use super::*;

const BUDGET: usize = 32_768;

fn arranged(mut answer: Value, budget: usize) -> (Value, Vec<Cut>) {
    let cuts = arrange(&mut answer, budget, Shape::default(), "0123456789abcdef");
    (answer, cuts)
}

fn names(answer: &Value) -> Vec<&str> {
    answer.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn what_says_nothing_is_left_out_and_verdicts_stay() {
    let (answer, cuts) = arranged(
        json!({"host": "box", "reachable": false, "exit_code": 0, "stdout": "", "stderr": "", "stdout_bytes": 0,
            "stdout_truncated": false, "timed_out": false, "hint": null, "matches": [], "lines": [], "count": 0,
            "rows": {"a": "", "b": []}, "latency_ms": 0, "content_text": ""}),
        BUDGET,
    );
    assert_eq!(
        answer,
        json!({"host": "box", "reachable": false, "exit_code": 0, "matches": [], "latency_ms": 0, "content_text": ""})
    );
    assert_eq!(cuts, []);
}

#[test]
fn that_a_command_printed_nothing_is_an_answer() {
    let run = json!({"host": "box", "exit_code": 0, "stdout": "", "stderr": "", "output_warnings": []});
    assert_eq!(arranged(run.clone(), BUDGET).0, json!({"host": "box", "exit_code": 0, "stdout": ""}));
    let mut listed = run;
    listed["containers"] = json!([]);
    assert_eq!(arranged(listed, BUDGET).0, json!({"host": "box", "exit_code": 0, "containers": []}));
}

#[test]
fn the_verdict_comes_first_and_the_streams_last() {
    let run = json!({"host": "box", "stdout": "out\n", "stderr": "err\n", "exit_code": 3, "rows": [1],
        "output_warnings": ["w"], "hint": "h", "duration_ms": 5});
    let (failed, _) = arranged(run.clone(), BUDGET);
    let expected = ["host", "exit_code", "hint", "output_warnings", "rows", "duration_ms", "stderr", "stdout"];
    assert_eq!(names(&failed), expected);
    let mut fine = run;
    fine["exit_code"] = json!(0);
    let (fine, _) = arranged(fine, BUDGET);
    assert_eq!(names(&fine)[6..], ["stdout", "stderr"]);
    let hosts = json!({"results": {"web": {"stdout": "a", "host": "web", "exit_code": 0}}});
    assert_eq!(names(&arranged(hosts, BUDGET).0["results"]["web"]), ["host", "exit_code", "stdout"]);
}

#[test]
fn the_text_says_all_and_how_much() {
    let answer = json!({"host": "box", "ok": false, "n": 0, "stdout": "a: b\n\nc\n", "stderr": "x\ny",
        "words": ["a", "b"], "none": [], "rows": [{"id": 1, "name": "a | b"}, {"id": 2, "state": "-"}],
        "deep": {"at": {"x": "one\ntwo\n"}}, "items": [{"a": 1, "b": ["x"]}, {"a": 2}]});
    assert_eq!(
        render(&answer),
        "host: box\nok: false\nn: 0\nstdout (3 lines):\na: b\n\nc\nstderr (2 lines, no newline at its end):\nx\ny\n\
         words (2): a, b\nnone (0): none\nrows (2 rows): id | name | state\n1 | \"a | b\" | -\n2 | - | \"-\"\n\
         deep:\n  at:\n    x (2 lines):\n      one\n      two\nitems (2):\n* a: 1\n  b (1): x\n* a: 2"
    );
}

#[test]
fn a_long_stream_keeps_its_ends_and_the_message_comes_first() {
    let stdout: String = (1..=200_000).fold(String::new(), |text, n| text + &n.to_string() + "\n");
    let all = stdout.len();
    let (answer, cuts) = arranged(
        json!({"host": "box", "exit_code": 3, "stdout": stdout, "stderr": "the disk is full\n", "stdout_bytes": all}),
        BUDGET,
    );
    let (text, data) = (render(&answer), answer.to_string());
    assert!(
        text.len() <= BUDGET && data.len() <= BUDGET && data.len() > BUDGET - 2000,
        "{} {}",
        text.len(),
        data.len()
    );
    for form in [&text, &data] {
        assert!(form.find("the disk is full").unwrap() < 1024, "{}", &form[..1500]);
    }
    let shown = answer["stdout"].as_str().unwrap();
    let (head, tail) = shown.split_once("[... ").unwrap();
    assert!(head.starts_with("1\n2\n") && head.ends_with('\n') && tail.ends_with("199999\n200000\n"));
    let next = head.lines().count() + 1;
    let note = answer["left_out"][0].as_str().unwrap();
    assert!(note.starts_with("stdout: ") && note.ends_with(&format!("from_line {next}")), "{note}");
    assert_eq!(
        (answer["output_id"].as_str(), answer["stdout_bytes"].as_u64()),
        (Some("0123456789abcdef"), Some(all as u64))
    );
    assert_eq!(cuts.len(), 1);
    assert_eq!((cuts[0].stream.as_str(), cuts[0].text.len()), ("stdout", all));
}

#[test]
fn lists_keep_their_first_entries_and_every_entry_is_kept() {
    let rows: Vec<Value> = (0..3000).map(|n| json!({"name": format!("package-{n}"), "version": "1.2.3-4"})).collect();
    let (answer, cuts) = arranged(json!({"host": "box", "packages": rows, "total": 3000}), BUDGET);
    let shown = answer["packages"].as_array().unwrap().len();
    assert!(shown > 300 && answer["packages"][0]["name"] == "package-0", "{shown}");
    assert_eq!(answer["total"], 3000);
    assert_eq!(cuts[0].text.lines().count(), 3000);
    let line = cuts[0].text.lines().nth(shown).unwrap();
    assert!(line.contains(&format!("\"package-{shown}\"")), "{line}");
    assert!(answer["left_out"][0].as_str().unwrap().ends_with(&format!("from_line {}", shown + 1)));
}

#[test]
fn what_is_whole_by_its_tool_is_never_cut() {
    let content = "x".repeat(50_000);
    let mut answer = json!({"host": "box", "notes": "y".repeat(50_000), "content_text": content});
    let cuts = arrange(&mut answer, BUDGET, Shape { whole: &["content_text"], formed: &[] }, "id");
    assert_eq!(answer["content_text"], content);
    assert_eq!(cuts.iter().map(|cut| cut.stream.as_str()).collect::<Vec<_>>(), ["notes"]);
}

/// Draws answers from numbers that only look like chance.
struct Draw(u64);

impl Draw {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }

    fn text(&mut self) -> String {
        let words = ["a", " ", "\n", "\u{e4}", "|", "\"", "\t", "\u{1f600}", "-", "line\n"];
        let piece = (0..=self.below(12)).fold(String::new(), |text, _| text + words[self.below(words.len())]);
        let times = if self.below(8) == 0 { self.below(600) } else { 1 };
        piece.repeat(times)
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 4 } else { 7 }) {
            0 => json!(self.below(1_000_000)),
            1 => json!(self.below(2) == 0),
            2 | 3 => Value::from(self.text()),
            4 => (0..self.below(12)).map(|_| self.value(depth - 1)).collect(),
            _ => self.object(depth - 1),
        }
    }

    fn object(&mut self, depth: usize) -> Value {
        let fields = (0..=self.below(14)).map(|n| (format!("field_{n}"), self.value(depth)));
        Value::Object(fields.collect())
    }
}

#[test]
fn every_answer_fits_in_both_forms_and_what_is_missing_is_kept() {
    let mut cut = 0;
    for seed in 0..100 {
        let mut draw = Draw(seed);
        let budget = 9000 + draw.below(30_000);
        let before = draw.object(3);
        let (answer, cuts) = arranged(before.clone(), budget);
        let (text, data) = (render(&answer).len(), answer.to_string().len());
        assert!(text <= budget && data <= budget, "{seed}: text {text}, data {data}, budget {budget}");
        let (whole, none) = arranged(before, usize::MAX);
        assert!(none.is_empty(), "{seed}");
        assert_eq!(cuts.is_empty(), whole.to_string().len() <= budget && render(&whole).len() <= budget, "{seed}");
        assert_eq!(answer.get("output_id").is_some(), !cuts.is_empty(), "{seed}");
        cut += usize::from(!cuts.is_empty());
    }
    assert!((20..95).contains(&cut), "{cut}");
}
