//! Configuration files and command lines of many programs, written from what their documentation says: what is planted
//! in «» must not leave, what stands in ‹› must stay.
//!
//! Inside «» stands the form of the secret, made here so that no line of the corpus looks like a secret to a scanner.
//! The engine's marks are matched with the original by their digests, so every byte is known as masked or shown.

use ssh_mcp::internals::redact::engine::MarkerKey;

use super::{SALT, chance, redactor};

const FILES: [(&str, &str); 3] = [
    ("network", include_str!("../../cases/redact/programs/network.txt")),
    ("services", include_str!("../../cases/redact/programs/services.txt")),
    ("apart", include_str!("../../cases/redact/programs/apart.txt")),
];
const COMMANDS: &str = include_str!("../../cases/redact/programs/commands.txt");

const ALNUM: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const BASE64: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789+/";
const CRYPT: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789./";
const HEX: &[u8] = b"0123456789abcdef";
const UPPER_HEX: &[u8] = b"0123456789ABCDEF";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const DIGITS: &[u8] = b"123456789";

/// A file of the corpus with the secrets made, and where in it each planted and each harmless text lies.
struct Planted {
    program: String,
    name: String,
    text: String,
    secrets: Vec<(usize, usize)>,
    harmless: Vec<(usize, usize)>,
}

/// A secret of a form: people's words (w with digits, l plain, p with marks), or chance of a length and alphabet.
fn secret(form: &str, seed: u64) -> String {
    let pick = |words: &[[&str; 2]]| words[usize::try_from(seed).unwrap() % words.len()].concat();
    let made = |length: usize, set: &[u8]| chance(seed.wrapping_mul(0x9e37_79b9), length, set);
    match form {
        "w" => {
            return pick(&[
                ["Tr0ub4", "dor9x"],
                ["hunter2", "swordfish"],
                ["Som", "mer2024"],
                ["dr4gon", "fly77"],
                ["Zq7v", "B2mK9"],
                ["my12", "pass34word"],
                ["S3cr3t", "Sauce"],
                ["qwertz", "0815"],
            ]);
        }
        "l" => {
            return pick(&[
                ["kaffee", "kanne"],
                ["sword", "fish"],
                ["correct", "horse"],
                ["bluebird", "house"],
                ["sonnen", "blume"],
            ]);
        }
        "p" => {
            return pick(&[["Wint3r_is", "!Her3"], ["pX9!k", "Lm2%vQr"], ["Ka%tze.", "am_Herd1"], ["x!7Qm", "_2p.Lz"]]);
        }
        "uuid" => {
            let hex = made(32, HEX);
            return [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
        }
        "crypt" => return format!("$6${}${}", made(16, CRYPT), made(86, CRYPT)),
        "bcrypt" => return format!("$2y$10${}", made(53, CRYPT)),
        "phpass" => return format!("$P$B{}", made(30, CRYPT)),
        "c5" => return format!("$1${}${}", made(4, CRYPT), made(22, CRYPT)),
        "c7" => return format!("08{}", made(14, UPPER_HEX)),
        "c9" => return format!("$9${}${}", made(14, CRYPT), made(43, CRYPT)),
        "j9" => return format!("$9${}", made(22, CRYPT)),
        "jwt" => return ["eyJhbGciOi", &made(26, ALNUM), ".", &made(60, ALNUM), ".", &made(43, ALNUM)].concat(),
        _ => {}
    }
    let (kind, length) = form.split_at(1);
    let length: usize = length.parse().unwrap_or_else(|_| panic!("the corpus has an unknown form {form:?}"));
    match kind {
        "h" => made(length, HEX),
        "H" => made(length, UPPER_HEX),
        "a" => made(length, ALNUM),
        "b" if length.is_multiple_of(4) && length < 64 => format!("{}=", made(length - 1, BASE64)),
        "b" | "k" => made(length, BASE64),
        "u" => made(length, UPPER),
        "d" => made(length, DIGITS),
        _ => panic!("the corpus has an unknown form {form:?}"),
    }
}

fn plant(program: &str, name: &str, template: &str, seed: &mut u64) -> Planted {
    let mut planted = Planted {
        program: program.to_owned(),
        name: name.to_owned(),
        text: String::new(),
        secrets: Vec::new(),
        harmless: Vec::new(),
    };
    let mut rest = template;
    while let Some(at) = rest.find(['«', '‹']) {
        planted.text.push_str(&rest[..at]);
        let begin = planted.text.len();
        let hidden = rest[at..].starts_with('«');
        let close = if hidden { '»' } else { '›' };
        let open = if hidden { '«' } else { '‹' };
        let end = rest[at..].find(close).unwrap() + at;
        let inside = &rest[at + open.len_utf8()..end];
        if hidden {
            *seed += 1;
            planted.text.push_str(&secret(inside, *seed));
            planted.secrets.push((begin, planted.text.len()));
        } else {
            planted.text.push_str(inside);
            planted.harmless.push((begin, planted.text.len()));
        }
        rest = &rest[end + close.len_utf8()..];
    }
    planted.text.push_str(rest);
    planted
}

fn files(corpus: &str, seed: &mut u64) -> Vec<Planted> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in corpus.lines() {
        if let Some(head) = line.strip_prefix("=== ") {
            found.push((head.to_owned(), String::new()));
        } else {
            let text = &mut found.last_mut().unwrap().1;
            text.push_str(line);
            text.push('\n');
        }
    }
    let plant = |(head, text): (String, String)| {
        let (program, name) = head.split_once(' ').unwrap();
        plant(program, name, &text, seed)
    };
    found.into_iter().map(plant).collect()
}

/// The places of the original that marks stand for, found by the digest in each mark.
fn masked(original: &str, output: &str, key: &MarkerKey) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let (mut at, mut rest) = (0, output);
    while let Some(mark) = rest.find("<sha:") {
        assert_eq!(original[at..at + mark], rest[..mark], "what is kept is kept as it was");
        at += mark;
        let length = rest[mark..].find('>').unwrap() + 1;
        let shown = &rest[mark..mark + length];
        let digest = &shown[5..17];
        let mut ends = (at + 1..=original.len()).filter(|end| original.is_char_boundary(*end));
        let end = ends.find(|end| key.hash(&original[at..*end]).as_deref() == Some(digest));
        let end = end.unwrap_or_else(|| panic!("{shown} stands for nothing of {:?}", &original[at..]));
        found.push((at, end));
        at = end;
        rest = &rest[mark + length..];
    }
    assert_eq!(&original[at..], rest);
    found
}

#[derive(Default)]
struct Count {
    files: usize,
    secrets: usize,
    leaked: Vec<String>,
    harmless: usize,
    lost: Vec<String>,
}

impl Count {
    fn add(&mut self, planted: &Planted, output: &str) {
        let masked = masked(&planted.text, output, &MarkerKey::from_salt(SALT));
        let hidden = |at: usize| masked.iter().any(|(start, end)| (*start..*end).contains(&at));
        let line = |at: usize| {
            let begin = planted.text[..at].rfind('\n').map_or(0, |n| n + 1);
            planted.text[begin..].lines().next().unwrap_or("").trim().to_owned()
        };
        self.files += 1;
        self.secrets += planted.secrets.len();
        self.harmless += planted.harmless.len();
        for (start, end) in &planted.secrets {
            let shown = (*start..*end).filter(|at| !hidden(*at)).count();
            if shown > 3 || shown == end - start {
                let text = &planted.text[*start..*end];
                self.leaked.push(format!("{} {}: {text} in {}", planted.program, planted.name, line(*start)));
            }
        }
        for (start, end) in &planted.harmless {
            if (*start..*end).any(hidden) {
                let text = &planted.text[*start..*end];
                self.lost.push(format!("{} {}: {text} in {}", planted.program, planted.name, line(*start)));
            }
        }
    }

    /// Takes what another round found.
    fn merge(&mut self, other: Count) {
        self.leaked.extend(other.leaked);
        self.lost.extend(other.lost);
        self.secrets += other.secrets;
        self.harmless += other.harmless;
    }

    fn print(&self, name: &str) {
        println!(
            "{name}: {} texts, {} secrets, {} leak; {} harmless, {} lost",
            self.files,
            self.secrets,
            self.leaked.len(),
            self.harmless,
            self.lost.len()
        );
    }

    fn judge(&self) {
        assert!(self.leaked.is_empty(), "{} leak:\n{}", self.leaked.len(), self.leaked.join("\n"));
        assert!(self.lost.len() * 100 <= self.harmless, "{} lost:\n{}", self.lost.len(), self.lost.join("\n"));
    }
}

/// Every place gets each kind of word and other chance, in as many rounds.
const ROUNDS: u64 = if cfg!(feature = "deep") { 64 } else { 8 };

#[test]
fn files_of_programs_keep_what_is_harmless_and_nothing_else() {
    let redactor = redactor();
    let mut all = Count::default();
    let mut programs = std::collections::BTreeSet::new();
    for round in 0..ROUNDS {
        let (mut whole, mut seed) = (Count::default(), round);
        for (name, corpus) in FILES {
            let mut count = Count::default();
            for planted in files(corpus, &mut seed) {
                let out = redactor.redact(planted.text.as_bytes(), Some(&planted.name), None).unwrap();
                count.add(&planted, &out.content);
                whole.add(&planted, &out.content);
                let twice = redactor.redact(out.content.as_bytes(), Some(&planted.name), None).unwrap();
                assert_eq!(twice.content, out.content, "{} {} twice", planted.program, planted.name);
                programs.insert(planted.program);
            }
            count.print(name);
        }
        whole.print(&format!("{} programs", programs.len()));
        assert!(whole.files >= 120 && programs.len() >= 100);
        all.merge(whole);
    }
    all.judge();
}

#[test]
fn command_lines_keep_what_is_harmless_and_nothing_else() {
    let redactor = redactor();
    let mut all = Count::default();
    for round in 0..ROUNDS {
        let (mut count, mut seed) = (Count::default(), 5000 + round);
        for line in COMMANDS.lines() {
            let planted = plant(line.split(' ').next().unwrap(), "", line, &mut seed);
            let out = redactor.redact_text(&planted.text);
            assert_eq!(redactor.redact_text(&out), out, "twice");
            count.add(&planted, &out);
        }
        count.print("command lines");
        assert!(count.files >= 150);
        all.merge(count);
    }
    all.judge();
}
