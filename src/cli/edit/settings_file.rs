//! One setting in the file of settings: its line is replaced where it stands, and appended where it is not there.

/// The text with `NAME=VALUE`.
pub(crate) fn with_setting(text: &str, name: &str, value: &str) -> String {
    let sets = |line: &str| {
        let line = line.trim_start_matches('\u{feff}').trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        line.split_once('=').is_some_and(|(left, _)| left.trim() == name)
    };
    let assignment = format!("{name}={value}");
    if !text.lines().any(sets) {
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        return format!("{text}{end}{assignment}\n");
    }
    let replaced = |line: &str| {
        let (before, rest) = line.split_at(line.find(name).unwrap_or_default());
        let comment = rest.find(" #").and_then(|at| rest.get(at..)).map_or("", str::trim_end);
        let end = ["\r\n", "\n"].into_iter().find(|end| line.ends_with(end)).unwrap_or_default();
        format!("{before}{assignment}{comment}{end}")
    };
    text.split_inclusive('\n').map(|line| if sets(line) { replaced(line) } else { line.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_replaced_where_it_stands() {
        for (text, wanted) in [
            ("", "A=true\n"),
            ("# A=1\nB=2", "# A=1\nB=2\nA=true\n"),
            ("export A=false # for now\r\nB=2\r\n", "export A=true # for now\r\nB=2\r\n"),
            ("A=1\n A = 'x'\nAB=3\n", "A=true\n A=true\nAB=3\n"),
        ] {
            assert_eq!(with_setting(text, "A", "true"), wanted, "{text:?}");
        }
    }
}
