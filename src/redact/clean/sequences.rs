//! Removal of control sequences and control characters, by the state machine of ECMA-48 (5th edition, section 5)
//! as terminals run it (the parser of vt100.net).
//!
//! Every ESC and every C1 introducer is consumed where it stands, whether or not a sequence follows, so nothing
//! that is left can become a sequence again. A string sequence (OSC, DCS, APC, PM, SOS) is removed with its
//! content only when it is properly ended on its line: otherwise a host could hide everything behind it, so the
//! content stays as text. `\r` and backspace pass: the next pass shows what they would have covered.

use super::warnings::{Warning, Warnings};

const ESC: char = '\x1b';

/// True when [`strip`] would change the text.
pub(super) fn concerns(text: &str) -> bool {
    text.chars().any(|c| is_control(c) && !matches!(c, '\n' | '\t' | '\r' | '\x08'))
}

/// C0, DEL and C1.
fn is_control(c: char) -> bool {
    matches!(c, '\0'..='\x1f' | '\x7f'..='\u{9f}')
}

/// Where the machine stands between two characters.
#[derive(Clone, Copy)]
enum State {
    /// Plain text.
    Ground,
    /// Behind ESC.
    Escape,
    /// Behind ESC and an intermediate byte: a designation such as `ESC ( B`.
    Designation,
    /// Behind CSI, in parameters and intermediates.
    Parameters,
    /// Inside a string, ended by ST, for OSC also by BEL. `start` is where its content begins.
    Content { start: usize, bell_ends: bool },
    /// Behind an ESC inside a string: a backslash ends it.
    ContentEscape { start: usize },
}

/// The text without sequences and control characters, except `\n`, `\t`, `\r` and backspace.
pub(super) fn strip(text: &str, warnings: &mut Warnings) -> String {
    let mut out = String::with_capacity(text.len());
    walk(text, &mut |_, c| out.push(c), warnings);
    out
}

/// Hands on the characters that [`strip`] leaves, each with its place in the text.
pub(super) fn walk(text: &str, keep: &mut impl FnMut(usize, char), warnings: &mut Warnings) {
    let mut state = State::Ground;
    let mut at = 0;
    loop {
        let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) else {
            // The end inside a string: its content was text. Its content has no introducer, so this happens once.
            if let State::Content { start, .. } | State::ContentEscape { start } = state {
                at = start;
                state = State::Ground;
                continue;
            }
            return;
        };
        let next = at + c.len_utf8();
        match state {
            State::Ground => {
                state = ground(c, next, keep, warnings);
                at = next;
            }
            State::Escape => {
                (state, at) = match c {
                    '[' => (State::Parameters, next),
                    ']' => (State::Content { start: next, bell_ends: true }, next),
                    // DCS, SOS, PM, APC, and the title string of screen.
                    'P' | 'X' | '^' | '_' | 'k' => (State::Content { start: next, bell_ends: false }, next),
                    ' '..='/' => (State::Designation, next),
                    '0'..='~' => (State::Ground, next),
                    _ => interrupted(c, State::Escape, at, next),
                };
            }
            State::Designation => {
                (state, at) = match c {
                    ' '..='/' => (State::Designation, next),
                    '0'..='~' => (State::Ground, next),
                    _ => interrupted(c, State::Designation, at, next),
                };
            }
            State::Parameters => {
                (state, at) = match c {
                    ' '..='?' => (State::Parameters, next),
                    '@'..='~' => (State::Ground, next),
                    _ => interrupted(c, State::Parameters, at, next),
                };
            }
            State::Content { start, bell_ends } => {
                (state, at) = match c {
                    '\u{9c}' => (State::Ground, next),
                    '\x07' if bell_ends => (State::Ground, next),
                    ESC => (State::ContentEscape { start }, next),
                    // A line end, CAN, SUB or another C1 control breaks the string off.
                    '\n' | '\r' | '\x18' | '\x1a' | '\u{80}'..='\u{9f}' => (State::Ground, start),
                    _ => (State::Content { start, bell_ends }, next),
                };
            }
            State::ContentEscape { start } => {
                (state, at) = if c == '\\' { (State::Ground, next) } else { (State::Ground, start) };
            }
        }
    }
}

/// One character of plain text.
fn ground(c: char, next: usize, keep: &mut impl FnMut(usize, char), warnings: &mut Warnings) -> State {
    let introduced = match c {
        ESC => State::Escape,
        '\u{9b}' => State::Parameters,
        '\u{9d}' => State::Content { start: next, bell_ends: true },
        '\u{90}' | '\u{98}' | '\u{9e}' | '\u{9f}' => State::Content { start: next, bell_ends: false },
        '\n' | '\t' | '\r' | '\x08' => {
            keep(next - c.len_utf8(), c);
            return State::Ground;
        }
        '\0' => {
            warnings.add(Warning::Nul);
            return State::Ground;
        }
        c if is_control(c) => {
            warnings.add(Warning::Control);
            return State::Ground;
        }
        c => {
            keep(next - c.len_utf8(), c);
            return State::Ground;
        }
    };
    warnings.add(Warning::Escape);
    introduced
}

/// A character that is not a part of the sequence it stands in. Terminals carry out control characters inside a
/// sequence and go on with it; here they vanish with it. A line end, an introducer and anything printable end it.
fn interrupted(c: char, state: State, at: usize, next: usize) -> (State, usize) {
    match c {
        '\n' | '\r' | ESC | '\u{80}'..='\u{9f}' => (State::Ground, at),
        '\x18' | '\x1a' => (State::Ground, next),
        '\0'..='\x1f' | '\x7f' => (state, next),
        _ => (State::Ground, at),
    }
}
