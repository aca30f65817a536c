//! Figures, the table that shows them, and the comparison of two runs.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

/// The unit of the rows of tools.
pub const TRIPS: &str = "round trips";

/// One figure and what it is held against.
#[derive(Debug, Clone)]
pub struct Row {
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
    /// What the figure is made of, or why there is none.
    pub note: String,
    /// The most or the least that it should be.
    pub budget: Option<Budget>,
}

#[derive(Debug, Clone, Copy)]
pub enum Budget {
    AtMost(f64),
    AtLeast(f64),
}

impl Row {
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Row { name: name.into(), value, unit, note: String::new(), budget: None }
    }

    pub fn at_most(mut self, most: f64) -> Self {
        self.budget = Some(Budget::AtMost(most));
        self
    }

    pub fn at_least(mut self, least: f64) -> Self {
        self.budget = Some(Budget::AtLeast(least));
        self
    }

    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    fn holds(&self) -> &'static str {
        match self.budget {
            None => "",
            Some(_) if self.value.is_nan() => "-",
            Some(Budget::AtMost(most)) if self.value <= most => "yes",
            Some(Budget::AtLeast(least)) if self.value >= least => "yes",
            Some(_) => "NO",
        }
    }

    fn wanted(&self) -> String {
        match self.budget {
            None => String::new(),
            Some(Budget::AtMost(most)) => format!("<= {most}"),
            Some(Budget::AtLeast(least)) => format!(">= {least}"),
        }
    }

    fn shown(&self) -> String {
        if self.value.is_nan() { "not here".to_owned() } else { number(self.value) }
    }

    pub fn print(&self) {
        let (shown, wanted) = (self.shown(), self.wanted());
        println!("{:<42} {shown:>10} {:<12} {wanted:>8} {:<3}  {}", self.name, self.unit, self.holds(), self.note);
    }

    fn json(&self) -> Value {
        let value = if self.value.is_nan() { Value::Null } else { json!(self.value) };
        let wanted = self.budget.map(|_| self.wanted());
        json!({"name": self.name, "value": value, "unit": self.unit, "budget": wanted, "holds": self.holds(), "note": self.note})
    }
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e9 {
        format!("{value}")
    } else if value.abs() >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

pub fn heading() {
    println!("{:<42} {:>10} {:<12} {:>8} {:<3}  of it", "figure", "value", "unit", "budget", "ok");
}

/// Which budgets hold, in a few lines.
pub fn summary(rows: &[Row]) -> String {
    let of = |word: &str| rows.iter().filter(|row| row.budget.is_some() && row.holds() == word).collect::<Vec<_>>();
    let (held, missed, unmeasured) = (of("yes"), of("NO"), of("-"));
    let mut text =
        format!("{} budgets hold, {} are missed, {} were not measured\n", held.len(), missed.len(), unmeasured.len());
    // A row that says what share something is stands below the row that says of what.
    let under = |row: &Row| {
        let at = rows.iter().position(|other| std::ptr::eq(other, row)).unwrap_or_default();
        let above = rows[..=at].iter().rev().find(|other| !other.name.starts_with(' '));
        match above {
            Some(above) if row.name.starts_with(' ') => format!("{}: {}", above.name, row.name.trim()),
            _ => row.name.clone(),
        }
    };
    for row in missed {
        let _ = writeln!(text, "  missed: {}, {} {} ({})", under(row), row.shown(), row.unit, row.wanted());
    }
    for row in unmeasured {
        let _ = writeln!(text, "  not measured: {} ({}): {}", under(row), row.wanted(), row.note);
    }
    text
}

pub fn json(rows: &[Row]) -> Value {
    json!({"program": format!("ssh-mcp {}", env!("CARGO_PKG_VERSION")), "figures": rows.iter().map(Row::json).collect::<Vec<_>>()})
}

/// Markers in a document between which the figures stand.
const MARKS: (&str, &str) = ("<!-- measured -->\n", "<!-- /measured -->\n");

/// Writes the figures into a document, in place of those that stand there. Tools are summed up by their budget.
pub fn document(path: &str, command: &str, rows: &[Row]) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?;
    let (before, rest) = text.split_once(MARKS.0).ok_or_else(|| format!("{path}: no {}", MARKS.0.trim()))?;
    let (_, after) = rest.split_once(MARKS.1).ok_or_else(|| format!("{path}: no {}", MARKS.1.trim()))?;
    let mut table = format!("By `{command}`:\n\n| Figure | Value | Budget | Of it |\n|---|---|---|---|\n");
    let tools = |row: &&Row| row.unit == TRIPS;
    for row in rows.iter().filter(|row| !tools(row) && row.unit != "tools" && !row.value.is_nan()) {
        let (name, wanted) = (row.name.trim(), row.wanted());
        let indent = if row.name.starts_with(' ') { "&nbsp;&nbsp;" } else { "" };
        let miss = if row.holds() == "NO" { " (missed)" } else { "" };
        let _ =
            writeln!(table, "| {indent}{name} | {} {} | {wanted}{miss} | {} |", number(row.value), row.unit, row.note);
    }
    let mut budgets: Vec<String> = rows.iter().filter(tools).map(Row::wanted).filter(|text| !text.is_empty()).collect();
    budgets.sort();
    budgets.dedup();
    for wanted in budgets {
        let mut all: Vec<&Row> =
            rows.iter().filter(tools).filter(|row| row.wanted() == wanted && !row.value.is_nan()).collect();
        all.sort_by(|a, b| a.value.total_cmp(&b.value));
        let (Some(least), Some(most)) = (all.first(), all.last()) else { continue };
        let missed: Vec<&str> = all.iter().filter(|row| row.holds() == "NO").map(|row| row.name.as_str()).collect();
        let missed = if missed.is_empty() { String::new() } else { format!("; missed by {}", missed.join(", ")) };
        let _ = writeln!(
            table,
            "| {} rows of tools | {} to {} {TRIPS} | {wanted} | most: {}{missed} |",
            all.len(),
            number(least.value),
            number(most.value),
            most.name
        );
    }
    std::fs::write(path, format!("{before}{}{table}\n{}{after}", MARKS.0, MARKS.1)).map_err(|e| format!("{path}: {e}"))
}

/// The figures of one file. Rows that say what share something is have names like others: `under` is the row above.
fn read(path: &str) -> Result<Vec<(String, Value)>, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?;
    let value: Value = serde_json::from_str(&text).map_err(|e| format!("{path}: {e}"))?;
    let figures = value["figures"].as_array().ok_or_else(|| format!("{path}: no figures"))?;
    let mut under = String::new();
    let named = figures.iter().map(|row| {
        let name = row["name"].as_str().unwrap_or_default();
        if !name.starts_with(' ') {
            under = name.to_owned();
        }
        (format!("{under}/{name}"), row.clone())
    });
    Ok(named.collect())
}

/// Prints the figures of two files side by side, also those that only one of them has.
pub fn compare(a: &str, b: &str) -> Result<(), String> {
    if a.is_empty() || b.is_empty() {
        return Err("--compare takes two files, as --json writes them: first the old one, then the new one".to_owned());
    }
    let (a, b) = (read(a)?, read(b)?);
    println!("{:<42} {:>10} {:>10} {:<12} {:>5}  budget", "figure", "A", "B", "unit", "B/A");
    let gone = a.iter().filter(|(key, _)| !b.iter().any(|(other, _)| other == key));
    let shown = |value: &Value| value.as_f64().map_or_else(|| "-".to_owned(), number);
    for (key, row) in b.iter().chain(gone) {
        let of = |rows: &[(String, Value)], field: &str| {
            rows.iter().find(|(other, _)| other == key).map_or(Value::Null, |(_, row)| row[field].clone())
        };
        let (before, after) = (of(&a, "value"), of(&b, "value"));
        let ratio = match (before.as_f64(), after.as_f64()) {
            (Some(a), Some(b)) if a != 0.0 => format!("{:.2}", b / a),
            _ => String::new(),
        };
        let (name, unit) = (row["name"].as_str().unwrap_or_default(), row["unit"].as_str().unwrap_or_default());
        let held = |rows: &[(String, Value)]| of(rows, "holds").as_str().unwrap_or_default().to_owned();
        let (was, is) = (held(&a), held(&b));
        let told = if was == is { is } else { format!("{was} -> {is}") };
        println!("{name:<42} {:>10} {:>10} {unit:<12} {ratio:>5}  {told}", shown(&before), shown(&after));
    }
    Ok(())
}

/// The value below which this part of the samples lies.
pub fn quantile(samples: &[Duration], part: f64) -> Duration {
    let mut sorted = samples.to_vec();
    sorted.sort();
    let at = ((sorted.len() as f64 * part).ceil() as usize).clamp(1, sorted.len().max(1));
    sorted.get(at - 1).copied().unwrap_or_default()
}

pub fn median(samples: &[Duration]) -> Duration {
    quantile(samples, 0.5)
}

pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
