//! What the host says of a package run: `key value` lines in front of what the manager said. Pure.

use schemars::JsonSchema;
use serde::Serialize;

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// No run of this call is there.
    #[default]
    None,
    /// It goes on.
    Running,
    /// It ended by itself.
    Ended,
    /// It was killed on the host.
    Cut,
    /// It was stopped before anything was unpacked.
    Stopped,
    /// Another run of this program has the host; nothing was begun.
    Busy,
    /// Nothing was to be changed.
    Simulated,
}

/// A run of a package manager on the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct HostRun {
    /// Process id of its leader.
    pid: u32,
    /// What was asked for, or the command line.
    what: String,
    /// Since when, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<u64>,
    /// Packages are being changed, so it cannot be stopped safely.
    changing: bool,
    /// It goes on.
    running: bool,
    /// Its exit status; absent while it runs and where it was killed.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    /// The last lines of its output.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    last_lines: Vec<String>,
}

impl std::fmt::Display for HostRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {} ({})", self.pid, self.what.trim())?;
        if let Some(seconds) = self.seconds {
            write!(f, ", for {seconds} s")?;
        }
        Ok(())
    }
}

/// A state that a cut run left, and what puts it right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Interrupted {
    /// What is unfinished.
    pub state: String,
    /// The command for root that finishes it.
    pub fix: String,
}

/// All that the host said.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// How the run of this call stands.
    pub state: State,
    /// That run; of another call where the state is busy.
    pub run: Option<HostRun>,
    /// Its exit status.
    pub status: Option<i32>,
    /// An earlier run whose end nobody was told, or that goes on beside a simulation.
    pub earlier: Option<HostRun>,
    /// The process that has the manager's lock.
    pub holder: Option<HostRun>,
    /// How old the lists are, in the words of the script.
    pub lists: String,
    /// What is unfinished on the host.
    pub interrupted: Option<Interrupted>,
}

/// Takes the record and the empty line behind it off an answer.
pub(super) fn take_record(stdout: &mut Vec<u8>) -> Record {
    let Some(end) = stdout.windows(2).position(|two| two == b"\n\n") else { return Record::default() };
    let text = String::from_utf8_lossy(stdout.get(..end).unwrap_or_default()).into_owned();
    stdout.drain(..end + 2);
    record(&text)
}

fn record(text: &str) -> Record {
    let mut all = Record::default();
    let (mut broken, mut fix) = (String::new(), None);
    for line in text.lines() {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        let value = value.trim_end();
        match key {
            "state" => all.state = state(value),
            "status" => all.status = value.parse().ok(),
            "broken" => value.clone_into(&mut broken),
            "lists" => value.clone_into(&mut all.lists),
            "fix" => fix = Some(value.to_owned()),
            "holder" => all.holder = holder(value),
            _ => match key.strip_prefix("earlier-") {
                Some(key) => fact(all.earlier.get_or_insert_default(), key, value),
                None => fact(all.run.get_or_insert_default(), key, value),
            },
        }
    }
    if let Some(run) = &mut all.run {
        run.running = matches!(all.state, State::Running | State::Busy);
    }
    all.interrupted = fix.map(|fix| Interrupted { state: broken, fix });
    all
}

fn state(word: &str) -> State {
    match word {
        "running" => State::Running,
        "ended" => State::Ended,
        "cut" => State::Cut,
        "stopped" => State::Stopped,
        "busy" => State::Busy,
        "simulated" => State::Simulated,
        _ => State::None,
    }
}

fn fact(run: &mut HostRun, key: &str, value: &str) {
    match key {
        "pid" => run.pid = value.parse().unwrap_or_default(),
        "for" => run.seconds = value.parse().ok(),
        "what" => value.clone_into(&mut run.what),
        "phase" => match value {
            "changing" => run.changing = true,
            "running" => run.running = true,
            _ => {}
        },
        "status" => run.exit_code = value.parse().ok(),
        "said" => run.last_lines.push(value.to_owned()),
        _ => {}
    }
}

/// `PID SECONDS COMMAND LINE`.
fn holder(text: &str) -> Option<HostRun> {
    let mut words = text.splitn(3, ' ');
    let pid = words.next()?.parse().ok()?;
    let seconds = words.next().and_then(|word| word.parse().ok());
    let what = words.next().unwrap_or_default().trim().to_owned();
    Some(HostRun { pid, what, seconds, running: true, ..HostRun::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_stands_in_front_of_what_the_manager_said() {
        let mut stdout =
            b"state running\npid 42\nfor 7\nwhat install nginx\nphase changing\n\nUnpacking\n\nx\n".to_vec();
        let record = take_record(&mut stdout);
        assert_eq!(stdout, b"Unpacking\n\nx\n");
        assert_eq!(record.state, State::Running);
        let run = record.run.unwrap();
        assert_eq!(run.to_string(), "process 42 (install nginx), for 7 s");
        assert!(run.running && run.changing && run.exit_code.is_none());
        assert_eq!(take_record(&mut b"no record".to_vec()).state, State::None);
    }

    #[test]
    fn earlier_runs_holders_and_unfinished_states_are_read() {
        let text = "earlier-pid 9\nearlier-for 60\nearlier-what remove a\nearlier-phase changing\nearlier-status 100\n\
                    earlier-said E: Sub-process\nstate ended\nstatus 100\nholder 242 12 apt-get install -y x \n\
                    broken iF sample\nfix dpkg --configure -a";
        let record = record(text);
        let earlier = record.earlier.unwrap();
        assert_eq!((earlier.exit_code, earlier.running), (Some(100), false));
        assert_eq!(earlier.last_lines, ["E: Sub-process"]);
        assert_eq!(record.holder.unwrap().to_string(), "process 242 (apt-get install -y x), for 12 s");
        assert_eq!(record.status, Some(100));
        let fix = Interrupted { state: "iF sample".to_owned(), fix: "dpkg --configure -a".to_owned() };
        assert_eq!(record.interrupted, Some(fix));
    }
}
