//! The command grammar against a second reader of the POSIX rules, and the policy's words against both.

use ssh_mcp::internals::model::quote::sh_quote;
use ssh_mcp::internals::policy::cheatsheet;
use ssh_mcp::internals::policy::command::{CommandPolicy, grammar};

use super::feed::Feed;

pub fn check(data: &[u8]) {
    let mut feed = Feed::new(data);
    let text = if feed.roll(2) == 0 {
        String::from_utf8_lossy(feed.rest()).into_owned()
    } else {
        let parts = [
            "p", "q", "a", " ", " ", "  ", "\t", "'", "'", "\"", "\"", "\\", "\\", "$", "`", ";", "|", "&", "<", ">",
            "(", ")", "{", "}", "*", "?", "[", "]", "~", "!", "#", "^", "=", ":", "%", "-", "/", "\n", "\r", "é",
            "\u{a0}", "\u{2028}", "if", "time", "p=~", "''", "\"\"", "\\\\", "\u{1}", ".",
        ];
        feed.text(40, &parts)
    };
    let Ok(words) = grammar::parse(&text) else { return };
    // Advice reads any words, and finds no listed file where nothing is listed.
    let _ = cheatsheet::advise(&words, cheatsheet::RunsAs::LoginUser);
    assert_eq!(cheatsheet::redact_listed(&words, &|_| false), None);
    assert_eq!(Some(&words), second_reading(&text).as_ref(), "{text:?}");
    let quoted: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect();
    assert_eq!(grammar::parse(&quoted.join(" ")).as_ref(), Ok(&words), "quoted again it reads otherwise");
    // What is sent: our own quoting of the same words.
    let line: Vec<String> = words.iter().map(|word| sh_quote(word)).collect();
    assert_eq!(second_reading(&line.join(" ")).as_ref(), Some(&words), "sent otherwise: {line:?}");
    listed(&text, &words);
}

/// A list with this program allows exactly these words; a list with another one does not.
fn listed(text: &str, words: &[String]) {
    let Some((program, given)) = words.split_first() else { panic!("no words of {text:?}") };
    let entry = format!("{} *", sh_quote(program));
    if let Ok((policy, _)) = CommandPolicy::new(&[entry], false, "/usr/bin", true) {
        if let Ok(allowed) = policy.judge(text) {
            assert_eq!(allowed.argv().map(|argv| argv.words().to_vec()), Some(words.to_vec()), "{text:?}");
            assert!(allowed.shell_text().is_none());
        }
    }
    let (other, _) = CommandPolicy::new(&["zz *".to_owned()], false, "/usr/bin", true).expect("a plain entry");
    assert_eq!(other.judge(text).is_ok(), program == "zz" || program == "/usr/bin/zz", "{text:?}");
    // An entry of these very words allows no word more.
    let exact: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect();
    if let (false, Ok((policy, _))) =
        (given.is_empty(), CommandPolicy::new(&[exact.join(" ")], false, "/usr/bin", true))
    {
        let more = format!("{text} more");
        assert!(policy.judge(&more).is_err(), "{more:?} by the entry of {text:?}");
    }
}

/// Quotes and blanks by the rules of POSIX "Shell Command Language" 2.2 and 2.3, with one state per character. Nothing
/// for a text that holds anything which is not a word.
fn second_reading(text: &str) -> Option<Vec<String>> {
    #[derive(Clone, Copy, PartialEq)]
    enum In {
        Blank,
        Word,
        Escape,
        Single,
        Double,
        DoubleEscape,
    }
    let mut state = In::Blank;
    let mut words: Vec<String> = Vec::new();
    for c in text.chars() {
        if c == '\0' || c == '\n' {
            return None;
        }
        let word = |words: &mut Vec<String>, state: In| {
            if state == In::Blank {
                words.push(String::new());
            }
        };
        match (state, c) {
            (In::Blank | In::Word, ' ' | '\t') => state = In::Blank,
            (In::Blank | In::Word, '\'') => {
                word(&mut words, state);
                state = In::Single;
            }
            (In::Blank | In::Word, '"') => {
                word(&mut words, state);
                state = In::Double;
            }
            (In::Blank | In::Word, '\\') => {
                word(&mut words, state);
                state = In::Escape;
            }
            (In::Blank | In::Word, '|' | '&' | ';' | '<' | '>' | '(' | ')' | '$' | '`' | '*' | '?' | '[') => {
                return None;
            }
            (In::Blank, '#' | '~') => return None,
            (In::Blank | In::Word, c) => {
                word(&mut words, state);
                words.last_mut()?.push(c);
                state = In::Word;
            }
            (In::Escape, c) => {
                words.last_mut()?.push(c);
                state = In::Word;
            }
            (In::Single, '\'') | (In::Double, '"') => state = In::Word,
            (In::Single, c) => words.last_mut()?.push(c),
            (In::Double, '$' | '`') => return None,
            (In::Double, '\\') => state = In::DoubleEscape,
            (In::Double, c) => words.last_mut()?.push(c),
            (In::DoubleEscape, c) => {
                if !matches!(c, '$' | '`' | '"' | '\\') {
                    words.last_mut()?.push('\\');
                }
                words.last_mut()?.push(c);
                state = In::Double;
            }
        }
    }
    matches!(state, In::Blank | In::Word).then_some(words).filter(|words| !words.is_empty())
}
