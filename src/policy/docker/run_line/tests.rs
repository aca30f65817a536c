use super::*;

fn words(text: &[&str]) -> Vec<String> {
    text.iter().map(|w| (*w).to_owned()).collect()
}

fn run(args: &[&str]) -> Result<(JudgedRun, Vec<String>), ToolError> {
    let line = parse(&words(args), Escalation::Refused)?;
    Ok((judge(&line.options, Escalation::Refused)?, line.command))
}

/// Spellings that reach the host, every one of which docker would understand.
const ESCAPES: &str = include_str!("../../../../tests/cases/docker/run-escapes.json");

#[test]
fn every_escape_is_refused() {
    let escapes: Vec<Vec<String>> = serde_json::from_str(ESCAPES).unwrap();
    assert!(escapes.len() >= 100, "{}", escapes.len());
    for args in &escapes {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let refusal = run(&args).expect_err(&format!("{args:?} passed"));
        assert!(!refusal.what.is_empty() && !refusal.next.is_empty(), "{args:?}");
        // The same spelling hides behind harmless neighbours as well.
        let mut behind = vec!["--rm", "-i", "--env=A=B"];
        behind.extend(&args);
        behind.extend(["--", "sh"]);
        assert!(run(&behind).is_err(), "{behind:?}");
    }
}

/// Runs that people need, and what the host would be asked for.
const ORDINARY: &str = include_str!("../../../../tests/cases/docker/run-ordinary.json");

#[derive(serde::Deserialize)]
struct Ordinary {
    args: Vec<String>,
    options: Vec<String>,
    command: Vec<String>,
}

#[test]
fn ordinary_runs_pass_as_written() {
    let ordinary: Vec<Ordinary> = serde_json::from_str(ORDINARY).unwrap();
    assert!(ordinary.len() >= 30);
    for case in ordinary {
        let args: Vec<&str> = case.args.iter().map(String::as_str).collect();
        let (judged, rest) = run(&args).unwrap_or_else(|e| panic!("{args:?}: {e}"));
        assert_eq!(judged.options, case.options, "{args:?}");
        assert_eq!(rest, case.command, "{args:?}");
    }
}

#[test]
fn host_paths_come_out_for_the_path_policy() {
    let (judged, _) =
        run(&["-v", "/srv/a:/a:ro", "-v/srv/b:/b", "--mount", "type=bind,src=/srv/c,dst=/c,ro", "-v", "vol:/v"])
            .unwrap();
    let seen: Vec<_> = judged.sources.iter().map(|s| (s.path.as_str(), s.access)).collect();
    assert_eq!(
        seen,
        [
            ("/srv/a", super::super::Use::Read),
            ("/srv/b", super::super::Use::Write),
            ("/srv/c", super::super::Use::Read)
        ]
    );
}

#[test]
fn an_operator_may_open_escalation_but_not_the_paths() {
    let args = words(&["--privileged", "--cap-add=ALL", "-v", "/etc:/h", "--newer-than-this=1", "sh"]);
    let line = parse(&args, Escalation::Allowed).unwrap();
    let judged = judge(&line.options, Escalation::Allowed).unwrap();
    assert_eq!(judged.sources.len(), 1, "the path policy still hears of /etc");
    assert_eq!(line.command, ["sh"]);
    assert!(parse(&words(&["--newer-than-this", "1"]), Escalation::Allowed).is_err(), "its arity is unknown");
}

#[test]
fn grammar_edges_are_pflags() {
    let line = |args: &[&str]| parse(&words(args), Escalation::Refused);
    assert!(line(&["-v"]).is_err());
    assert!(line(&["--name"]).is_err());
    assert!(line(&["--=x"]).is_err());
    assert!(line(&["---x"]).is_err());
    assert!(line(&["--rm=perhaps"]).is_err());
    assert!(line(&["--RM"]).is_err());
    assert!(line(&["--priv"]).is_err(), "docker knows no abbreviations");
    // A lone `=` after the letter is the value itself.
    assert_eq!(line(&["-e="]).unwrap().options, [RunOption::new("args", "env", "=")]);
    // The value may look like an option.
    assert_eq!(line(&["--name", "--rm"]).unwrap().options, [RunOption::new("args", "name", "--rm")]);
    assert_eq!(line(&["--name", "--", "x"]).unwrap().command, ["x"]);
}

#[test]
fn every_option_of_the_table_has_one_spelling() {
    for (at, flag) in run_flags::RUN_FLAGS.iter().enumerate() {
        let twin = run_flags::RUN_FLAGS
            .iter()
            .skip(at + 1)
            .any(|f| f.long == flag.long || (f.short.is_some() && f.short == flag.short));
        assert!(!twin, "{}", flag.long);
    }
}
