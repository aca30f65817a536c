use proptest::prelude::*;

use super::grammar::{self, NotPlain, TEXT_MAX, WORDS_MAX};
use super::*;

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

fn policy(entries: &[&str]) -> CommandPolicy {
    let entries: Vec<String> = entries.iter().map(|e| (*e).to_owned()).collect();
    CommandPolicy::new(&entries, false, PATH, false).unwrap().0
}

fn warnings(entries: &[&str]) -> Vec<String> {
    let entries: Vec<String> = entries.iter().map(|e| (*e).to_owned()).collect();
    CommandPolicy::new(&entries, false, PATH, false).unwrap().1
}

fn words(policy: &CommandPolicy, text: &str) -> Option<Vec<String>> {
    policy.judge(text).ok().map(|c| c.argv().unwrap().words().to_vec())
}

#[test]
fn plain_words_are_read_as_every_shell_reads_them() {
    for (text, expected) in [
        ("uptime", vec!["uptime"]),
        ("  ls\t-l  ", vec!["ls", "-l"]),
        ("echo 'a b'\"c d\"e\\ f", vec!["echo", "a bc de f"]),
        ("echo ''", vec!["echo", ""]),
        ("echo \"\" x", vec!["echo", "", "x"]),
        (r#"echo "a\"b\\c\$d\`e\f""#, vec!["echo", r#"a"b\c$d`e\f"#]),
        (r"echo '\'", vec!["echo", "\\"]),
        (r"echo \'\$\*\~\#", vec!["echo", "'$*~#"]),
        ("echo a#b a~b x=y '#' '~' a=b=c", vec!["echo", "a#b", "a~b", "x=y", "#", "~", "a=b=c"]),
        ("echo '$HOME' '`x`' '*' ';' '|' '>' '('", vec!["echo", "$HOME", "`x`", "*", ";", "|", ">", "("]),
        ("'if' then", vec!["if", "then"]),
        ("git show 'HEAD^' HEAD~1 \"a b\"", vec!["git", "show", "HEAD^", "HEAD~1", "a b"]),
        ("echo ü '日本' ]", vec!["echo", "ü", "日本", "]"]),
    ] {
        assert_eq!(grammar::parse(text), Ok(expected.iter().map(|w| (*w).to_owned()).collect()), "{text}");
    }
}

#[test]
fn everything_else_is_refused_by_its_name() {
    use NotPlain as N;
    for (text, why) in [
        ("", N::Empty),
        ("  \t", N::Empty),
        ("a; b", N::Operator(';', 1)),
        ("a|b", N::Operator('|', 1)),
        ("a && b", N::Operator('&', 2)),
        ("a &", N::Operator('&', 2)),
        ("a\nb", N::Newline(1)),
        ("a '\n'", N::Newline(3)),
        ("a\\\nb", N::Newline(2)),
        ("a\rb", N::Control('\r', 1)),
        ("a\0", N::Control('\0', 1)),
        ("a 'x\u{1b}'", N::Control('\u{1b}', 4)),
        ("a\u{85}b", N::Control('\u{85}', 1)),
        ("a\u{2028}b", N::Control('\u{2028}', 1)),
        ("a\u{a0}b", N::Blank('\u{a0}', 1)),
        ("a\u{3000}b", N::Blank('\u{3000}', 1)),
        ("a > b", N::Redirect('>', 2)),
        ("a 2>&1", N::Redirect('>', 3)),
        ("a << b", N::Redirect('<', 2)),
        ("(a)", N::Group('(', 0)),
        ("a {b,c}", N::Group('{', 2)),
        ("{ a", N::Group('{', 0)),
        ("a $b", N::Expansion(2)),
        ("a \"$b\"", N::Expansion(3)),
        ("$'a'", N::Expansion(0)),
        ("a $", N::Expansion(2)),
        ("a `b`", N::Backquote(2)),
        ("a \"`b`\"", N::Backquote(3)),
        ("a *.c", N::Pattern('*', 2)),
        ("a b?", N::Pattern('?', 3)),
        ("a [b]", N::Pattern('[', 2)),
        ("a ~", N::Tilde(2)),
        ("a x=~/b", N::Tilde(4)),
        ("a x:~b", N::Tilde(4)),
        ("! a", N::History('!', 0)),
        ("a !b", N::History('!', 2)),
        ("a b^", N::History('^', 3)),
        ("a # b", N::Comment(2)),
        ("#", N::Comment(0)),
        ("A=1 b", N::Assignment("A=1".to_owned())),
        ("A= b", N::Assignment("A=".to_owned())),
        ("a =b", N::Equals(2)),
        ("if a", N::Keyword("if".to_owned())),
        ("time a", N::Keyword("time".to_owned())),
        ("]] a", N::Keyword("]]".to_owned())),
        ("%1", N::Keyword("%1".to_owned())),
        ("a 'b", N::Unclosed('\'', 2)),
        ("a \"b", N::Unclosed('"', 2)),
        ("a \"b\\", N::Unclosed('"', 2)),
        ("a \\", N::Dangling),
    ] {
        assert_eq!(grammar::parse(text), Err(why.clone()), "{text:?}");
        let refusal = policy(&["a", "b"]).judge(text).unwrap_err();
        assert_eq!(refusal.name, ErrorName::CommandNotAllowed);
        assert!(refusal.what.contains(&why.to_string()), "{refusal}");
    }
}

#[test]
fn limits() {
    assert_eq!(grammar::parse(&"a".repeat(TEXT_MAX)).map(|w| w.len()), Ok(1));
    assert_eq!(grammar::parse(&"a".repeat(TEXT_MAX + 1)), Err(NotPlain::TooLong));
    assert_eq!(grammar::parse(&"a ".repeat(WORDS_MAX)).map(|w| w.len()), Ok(WORDS_MAX));
    assert_eq!(grammar::parse(&"a ".repeat(WORDS_MAX + 1)), Err(NotPlain::TooManyWords));
}

#[test]
fn one_word_is_a_program_in_the_fixed_folders() {
    let policy = policy(&["uptime", "/opt/bin/tool *"]);
    for allowed in ["uptime", "uptime -p", "/usr/bin/uptime", "/bin/uptime -s", "'uptime'", "/opt/bin/tool -x"] {
        assert!(policy.judge(allowed).is_ok(), "{allowed}");
    }
    for refused in [
        "Uptime",
        "uptime2",
        "./uptime",
        "../bin/uptime",
        "/srv/app/uptime",
        "/usr/bin/../bin/uptime",
        "/usr/bin//uptime",
        "//bin/uptime",
        "/usr/bin/x/uptime",
        "/usr/bin/uptime/",
        "/sbin/uptime",
        "tool",
        "/opt/bin/tool2",
        "opt/bin/tool",
        "/opt/bin/./tool",
        "\"uptime \"",
    ] {
        let refusal = policy.judge(refused).unwrap_err();
        assert_eq!(refusal.name, ErrorName::CommandNotAllowed, "{refused}");
        assert!(refusal.next.contains("`uptime`") && refusal.next.contains("`/opt/bin/tool *`"), "{refusal}");
    }
}

#[test]
fn more_words_match_word_for_word() {
    let policy = policy(&["git status", "systemctl restart nginx", "journalctl -u *", "tail -n '10 0' /var/log/x"]);
    for allowed in [
        "git status",
        "git 'status'",
        "/usr/bin/git status",
        "systemctl restart nginx",
        "journalctl -u",
        "journalctl -u x -f",
        "tail -n 10\\ 0 /var/log/x",
    ] {
        assert!(policy.judge(allowed).is_ok(), "{allowed}");
    }
    for refused in [
        "git",
        "git status -s",
        "git -c a=b status",
        "git statusx",
        "systemctl restart nginx sshd",
        "systemctl restart",
        "journalctl",
        "journalctl -ux",
        "tail -n 10 0 /var/log/x",
        "/opt/git status",
    ] {
        assert!(policy.judge(refused).is_err(), "{refused}");
    }
}

#[test]
fn a_bare_word_grants_only_what_is_known_to_be_harmless() {
    for name in super::harmless::tests::WITHHELD {
        assert_eq!(warnings(&[name]).len(), 1, "{name}");
        assert!(warnings(&[name])[0].contains(&format!("`{name} *`")), "{name}");
        assert!(warnings(&[&format!("{name} *"), &format!("{name} x")]).is_empty());
        let call = |rest: &str| format!("'{name}'{rest}");
        for line in [call(""), call(" x"), call(" --version"), format!("/usr/bin/{name} x")] {
            let refusal = policy(&[name]).judge(&line).unwrap_err();
            assert_eq!(refusal.name, ErrorName::CommandNotAllowed);
            assert!(refusal.next.contains(&format!("`{name} *`")), "{refusal}");
        }
        assert!(policy(&[&format!("{name} *")]).judge(&call(" x")).is_ok());
        assert!(policy(&[name, &format!("{name} y")]).judge(&call(" y")).is_ok());
        assert!(policy(&[name, &format!("{name} y")]).judge(&call(" x")).is_err());
    }
}

#[test]
fn a_harmless_program_is_granted_with_harmless_arguments() {
    let listed = policy(&["date", "/usr/bin/ss", "uname"]);
    assert_eq!(warnings(&["date", "/usr/bin/ss", "uname", "uptime -p"]), Vec::<String>::new());
    for line in ["date", "date -u +%F", "/bin/date -u", "/usr/bin/ss -tln", "uname -a", "uname /x"] {
        assert!(listed.judge(line).is_ok(), "{line}");
    }
    for line in ["ss -tln", "/bin/ss -tln", "date -s 12:00", "/usr/bin/date -f /x", "/usr/bin/ss -K"] {
        assert!(listed.judge(line).is_err(), "{line}");
    }
    let refusal = listed.judge("date -u -s '12:00 x'").unwrap_err();
    assert!(refusal.what.contains("`-s`"), "{refusal}");
    assert!(refusal.next.contains("`date *`") && refusal.next.contains("`date -u -s '12:00 x'`"), "{refusal}");
    // The line that the refusal names is taken and grants the call.
    assert!(policy(&["date", "date -u -s '12:00 x'"]).judge("date -u -s '12:00 x'").is_ok());
    assert!(policy(&["date", "date *"]).judge("date -u -s '12:00 x'").is_ok());
}

#[test]
fn an_absolute_entry_is_known_only_in_the_fixed_folders() {
    assert_eq!(warnings(&["/usr/bin/uptime"]), Vec::<String>::new());
    assert!(policy(&["/usr/bin/uptime"]).judge("/usr/bin/uptime").is_ok());
    for name in ["/opt/bin/uptime", "/usr/bin/x/uptime", "/srv/uptime", "/usr/bin/tee"] {
        assert_eq!(warnings(&[name]).len(), 1, "{name}");
        let refusal = policy(&[name]).judge(name).unwrap_err();
        assert!(refusal.next.contains(&format!("`{name} *`")), "{refusal}");
        assert!(policy(&[&format!("{name} *")]).judge(name).is_ok());
    }
}

#[test]
fn a_list_is_rewritten_where_an_entry_grants_nothing() {
    let list: Vec<String> = ["uptime", " tee", "git status", "find *"].map(str::to_owned).to_vec();
    let policy = |list: &[String]| CommandPolicy::new(list, false, PATH, false).unwrap().0;
    let rewritten = policy(&list).rewrite_withheld(&list).unwrap();
    assert_eq!(rewritten, ["uptime", "tee *", "git status", "find *"]);
    assert_eq!(policy(&rewritten).rewrite_withheld(&rewritten), None);
    let wide = ["*".to_owned(), "tee".to_owned()];
    assert_eq!(policy(&wide).rewrite_withheld(&wide), None);
}

#[test]
fn a_keyword_in_the_list_is_a_program_and_in_a_command_a_keyword() {
    assert_eq!(warnings(&["time"]).len(), 1);
    let granted = policy(&["time *", "if *"]);
    assert!(granted.judge("'time' x").is_ok() && granted.judge("\\if").is_ok());
    assert!(granted.judge("time x").is_err() && granted.judge("if").is_err());
}

#[test]
fn privilege_needs_the_sudo_tier_even_when_listed() {
    for name in ["sudo", "su", "doas", "run0", "pkexec"] {
        for entry in [format!("{name} *"), format!("{name} id")] {
            let closed = policy(&[&entry]);
            let text = format!("{name} id");
            assert!(closed.judge(&text).unwrap_err().next.contains("ALLOW_SUDO"), "{entry}");
            assert!(closed.judge(&format!("/usr/bin/{text}")).is_err());
            assert!(closed.with_sudo_tier(true).judge(&text).is_ok());
        }
        let anything = policy(&["*"]);
        assert!(anything.judge(&format!("{name} id")).is_err());
        assert!(anything.judge(&format!("true && /usr/bin/{name} id | wc")).is_err());
        assert!(anything.judge(&format!("echo {name}")).is_ok());
        assert!(anything.with_sudo_tier(true).judge(&format!("{name} id")).is_ok());
    }
}

#[test]
fn a_star_hands_the_text_to_the_shell_and_an_empty_list_refuses() {
    let text = "for x in 1 2; do echo $x; done | sort > /tmp/f\n";
    let star = policy(&["uptime", "*"]);
    assert!(star.allows_anything());
    let command = star.judge(text).unwrap();
    assert_eq!((command.argv(), command.shell_text()), (None, Some(text)));
    assert_eq!(command.to_sh_line(), text);
    let any = CommandPolicy::new(&[], true, PATH, false).unwrap().0;
    assert!(any.judge(text).is_ok());
    assert!(any.judge(" \n").is_err() && any.judge("a\0b").is_err() && any.judge("a\u{1b}[0m").is_err());
    assert!(any.judge(&"a".repeat(TEXT_MAX)).is_ok() && any.judge(&"a".repeat(TEXT_MAX + 1)).is_err());
    let none = policy(&[]);
    assert!(none.judge("uptime").unwrap_err().next.contains("SSH_COMMAND_ALLOWLIST"));
    // The switch is consulted only where there is no list.
    let listed = CommandPolicy::new(&["uptime".to_owned()], true, PATH, false).unwrap().0;
    assert!(!listed.allows_anything() && listed.judge("id").is_err());
}

#[test]
fn scripts_need_everything_or_their_own_permission() {
    let uptime = ["uptime".to_owned()];
    for (entries, any, scripts, expected) in [
        (&uptime[..], false, false, false),
        (&uptime[..], true, false, false),
        (&uptime[..], false, true, true),
        (&[], false, false, false),
        (&[], true, false, true),
    ] {
        let policy = CommandPolicy::new(entries, any, PATH, scripts).unwrap().0;
        assert_eq!(policy.judge_script().is_ok(), expected, "{entries:?} {any} {scripts}");
    }
    assert!(policy(&["*"]).judge_script().is_ok());
    assert!(policy(&["ls"]).judge_script().unwrap_err().next.contains("SSH_ALLOW_SCRIPTS"));
}

#[test]
fn lines_start_one_program_in_the_fixed_folders() {
    let command = policy(&["echo"]).judge("echo 'it'\\''s' \"a b\"").unwrap();
    assert_eq!(command.to_sh_line(), format!("PATH={PATH}; export PATH; exec echo 'it'\\''s' 'a b'"));
    // Where the operator has named no folders, the host's own follow, which the shell is told.
    let command =
        CommandPolicy::new(&["echo".to_owned()], false, DEFAULT_PATH, false).unwrap().0.judge("echo a").unwrap();
    assert_eq!(command.to_sh_line(), format!("PATH={DEFAULT_PATH}${{1:+:$1}}; export PATH; exec echo a"));
}

#[test]
fn entries_that_cannot_hold_are_faults() {
    for bad in [
        "",
        " ",
        "a;b",
        "-x",
        "'' a",
        "git * status",
        "find*",
        "a $x",
        "bin/x",
        "./x",
        "/bin/../x",
        "/bin//x",
        "/bin/",
        "A=1 x",
        "a 'b",
        "** x",
        "ls *.c",
        "~/x",
    ] {
        let fault = CommandPolicy::new(&[bad.to_owned()], false, PATH, false).unwrap_err();
        assert_eq!((fault.list, fault.entry.as_str()), ("command_allowlist", bad));
        assert!(!fault.why.is_empty());
    }
    for bad in ["", ":/bin", "/bin:", ".", "/bin:bin", "/bin:\n"] {
        assert!(CommandPolicy::new(&[], false, bad, false).is_err(), "{bad:?}");
    }
}

fn entry_text() -> impl Strategy<Value = String> {
    let program = prop::sample::select(vec!["uptime", "git", "find", "ls", "/usr/bin/ls", "sudo"]);
    let rest = prop::sample::select(vec!["", " *", " a", " a b", " a *", " status"]);
    (program, rest).prop_map(|(p, r)| format!("{p}{r}"))
}

fn command_text() -> impl Strategy<Value = String> {
    let program =
        prop::sample::select(vec!["uptime", "git", "find", "ls", "/usr/bin/ls", "/bin/git", "/tmp/ls", "sudo", "id"]);
    let rest = prop::sample::select(vec!["", " a", " a b", " status", " 'a' b", " a; b", " $x", " a b c"]);
    (program, rest).prop_map(|(p, r)| format!("{p}{r}"))
}

proptest! {
    #[test]
    fn taking_an_entry_away_never_allows_more(
        entries in prop::collection::vec(entry_text(), 1..6), text in command_text(), at in 0usize..6, sudo in any::<bool>()
    ) {
        let judge = |entries: &[String]| CommandPolicy::new(entries, false, PATH, false).unwrap().0.with_sudo_tier(sudo).judge(&text).is_ok();
        let mut fewer = entries.clone();
        fewer.remove(at % entries.len());
        prop_assert!(!judge(&fewer) || judge(&entries));
    }

    #[test]
    fn closing_the_sudo_tier_never_allows_more(entries in prop::collection::vec(entry_text(), 1..6), text in command_text()) {
        let policy = CommandPolicy::new(&entries, false, PATH, false).unwrap().0;
        prop_assert!(policy.judge(&text).is_err() || policy.with_sudo_tier(true).judge(&text).is_ok());
    }

    #[test]
    fn spellings_of_the_same_words_decide_alike(entries in prop::collection::vec(entry_text(), 1..6), text in command_text()) {
        let policy = CommandPolicy::new(&entries, false, PATH, false).unwrap().0;
        if let Ok(parsed) = grammar::parse(&text) {
            let single: Vec<String> = parsed.iter().map(|w| format!("'{w}'")).collect();
            let escaped: Vec<String> = parsed.iter().map(|w| w.chars().flat_map(|c| ['\\', c]).collect()).collect();
            prop_assert_eq!(words(&policy, &text), words(&policy, &single.join("  ")));
            prop_assert_eq!(words(&policy, &text), words(&policy, &escaped.join("\t")));
        }
    }

    #[test]
    fn what_is_allowed_reads_back_as_itself(text in "[ -~]{0,40}") {
        if let Ok(parsed) = grammar::parse(&text) {
            let argv = Argv::from_words(parsed.clone()).unwrap();
            // Quoted again, the words are plain once more, but for keywords, which stand behind `exec`.
            let line = format!("exec {}", argv.to_shell());
            let again = grammar::parse(&line).unwrap();
            prop_assert_eq!(&again[1..], &parsed[..]);
        }
    }

    #[test]
    fn any_text_is_judged(text in any::<String>()) {
        let _ = grammar::parse(&text);
        let _ = policy(&["*"]).judge(&text);
    }
}
