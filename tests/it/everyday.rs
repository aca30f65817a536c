//! Everyday jobs, call by call, on live hosts: what an administrator does with a few commands over plain ssh takes at most
//! three times as many calls here, in answers that a model reads whole. The faults are planted; each job ends with a look at
//! the host itself. Prints a row for each (`cargo test --test it everyday:: -- --nocapture | grep '^job |'`).

mod files;
mod machine;

use serde_json::{Value, json};

use crate::server::{Answer, Server};

/// Most bytes of a job's answers, in each form.
const JOB_BYTES: usize = 20_000;

/// One job, while it is done.
struct Job {
    name: &'static str,
    /// Most calls.
    most: usize,
    calls: usize,
    text: usize,
    data: usize,
}

impl Job {
    /// A job that takes up to `plain` calls of plain ssh, and took `needed` calls before there were batches.
    fn new(name: &'static str, needed: usize, plain: usize) -> Self {
        Job { name, most: needed.min(3 * plain), calls: 0, text: 0, data: 0 }
    }

    /// Makes a call, however it ends.
    fn any(&mut self, server: &mut Server, tool: &str, args: Value) -> Answer {
        let answer = server.call(tool, args);
        self.count(&answer);
        assert!(!answer.text.contains("CommandIsCheatsheetMatch"), "{}: {}", self.name, answer.text);
        answer
    }

    fn count(&mut self, answer: &Answer) {
        self.calls += 1;
        self.text += answer.text.len();
        self.data += if answer.data.is_null() { answer.text.len() } else { answer.data.to_string().len() };
    }

    /// Makes a call that must succeed.
    fn ok(&mut self, server: &mut Server, tool: &str, args: Value) -> Value {
        let answer = self.any(server, tool, args);
        assert!(!answer.error, "{}: {tool}: {}", self.name, answer.text);
        answer.data
    }

    /// Runs a command or script that must end with status 0; the value is its standard output.
    fn run(&mut self, server: &mut Server, tool: &str, args: Value) -> String {
        let done = self.ok(server, tool, args);
        assert_eq!(done["exit_code"], 0, "{}: {done}", self.name);
        done["stdout"].as_str().unwrap_or_default().to_owned()
    }

    /// Makes read-only calls in one; all must succeed. The values are their answers.
    fn batch(&mut self, server: &mut Server, calls: &[(&str, Value)]) -> Vec<Value> {
        let calls: Vec<Value> = calls.iter().map(|(tool, args)| json!({"tool": tool, "arguments": args})).collect();
        let done = self.ok(server, "ssh_batch", json!({"calls": calls, "parallel": true}));
        assert_eq!(done["failed"], 0, "{}: {done}", self.name);
        done["results"].as_array().unwrap().iter().map(|one| one["result"].clone()).collect()
    }

    fn done(self) {
        let Job { name, most, calls, text, data } = self;
        println!("job | {name} | {calls} of at most {most} calls | text {text} | structured {data}");
        assert!(calls <= most, "{name}: {calls} calls, at most {most}");
        assert!(text <= JOB_BYTES && data <= JOB_BYTES, "{name}: text {text}, structured {data}");
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
