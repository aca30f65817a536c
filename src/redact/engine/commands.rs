//! Programs whose options of one letter, or whose plain words, are secrets: `mysql -pX`, `lftp -u u,x`,
//! `rabbitmqctl add_user u x`. Lines of a shell, unit files, crontabs, lists of words and lists over lines are read
//! alike: word by word, and only what stands behind a known program.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::formats::context::lines_in;
use super::values::{is_path, is_reference, is_words};
use super::{Doc, Kind, RedactError, Spans};

/// Which words of a program are secrets.
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// `-pX` only: with a space it asks.
    Joined(&'static str),
    /// `-p X` only.
    Next(&'static str),
    /// `-pX` or `-p X`.
    Either(&'static str),
    /// `-u user:X` or `-uuser:X`, with the character between.
    Login(&'static str, char),
    /// The n-th plain word.
    Plain(usize),
    /// The n-th plain word behind this one.
    After(&'static str, usize),
    /// The first plain word behind this one, when it is not a word of a sentence.
    Token(&'static str),
    /// The last plain word behind this one; empty: of all.
    Last(&'static str),
    /// `--uri user:X@host`.
    LoginNext(&'static str, char),
    /// A plain word `user:X@`, with the character between.
    LoginWord(char),
    /// `NAME X`, where the name announces a secret.
    Named,
    /// `<<< X`.
    HereString,
    /// Another rule that holds behind this word.
    With(&'static str, &'static Rule),
}

use Rule::{After, Either, HereString, Joined, Last, Login, LoginNext, LoginWord, Named, Next, Plain, Token, With};

/// Names of programs, split by spaces, and their rules.
const PROGRAMS: &[(&str, &[Rule])] = &[
    (
        "mysql mysqldump mysqladmin mysqlimport mysqlshow mysqlcheck mysqlslap mysqlbinlog mariadb mariadb-dump \
         mariadb-admin mariadb-import mariadb-check mariadb-backup xtrabackup innobackupex mycli mytop mydumper \
         pt-query-digest pt-table-checksum",
        &[Joined("-p")],
    ),
    ("mysqlsh", &[Joined("-p"), LoginWord(':'), LoginNext("--uri", ':')]),
    ("sshpass", &[Either("-p")]),
    ("redis-cli valkey-cli keydb-cli", &[Next("-a"), Named, Last("auth")]),
    ("ldapsearch ldapadd ldapmodify ldapdelete ldapwhoami ldapcompare ldapmodrdn ldapexop", &[Either("-w")]),
    ("ldappasswd", &[Either("-w"), Either("-s"), Either("-a")]),
    ("sqlcmd bcp tsql", &[Either("-P")]),
    ("mongo mongosh mongodump mongorestore mongoexport mongoimport mongostat mongotop", &[Either("-p")]),
    ("docker podman helm skopeo buildah oc az cf nerdctl crane", &[With("login", &Either("-p"))]),
    ("zip unzip zipcloak", &[Either("-P")]),
    ("7z 7za 7zr", &[Joined("-p")]),
    ("rar unrar", &[Joined("-p"), Joined("-hp")]),
    (
        "snmpget snmpwalk snmpset snmpbulkwalk snmpbulkget snmpgetnext snmptrap snmpinform snmptable snmpstatus \
         snmpdf snmptranslate trapsess",
        &[Either("-c"), Next("-A"), Next("-X"), Next("-a-pass")],
    ),
    ("openssl", &[Next("-k"), Next("-K"), Next("-iv"), Next("-psk"), Last("passwd")]),
    ("curl", &[Login("-E", ':'), Login("--cert", ':')]),
    ("http https xh xhs", &[Login("-a", ':')]),
    ("lftp open", &[Login("-u", ',')]),
    ("ncftp ncftpput ncftpget ncftpls cqlsh cypher-shell elasticsearch-users", &[Either("-p")]),
    ("plink pscp psftp putty addprinc cpw ktadd", &[Next("-pw")]),
    ("net winexe smbclient smbget rpcclient smbmap smbcacls smbtree smbspool", &[Login("-U", '%')]),
    ("xfreerdp xfreerdp3 wlfreerdp sdl-freerdp", &[Joined("/p:")]),
    (
        "rdesktop evil-winrm racadm rabbitmqadmin crackmapexec nxc netexec check_mysql check_mysql_query check_pgsql \
         check_ldap check_oracle check_vmware useradd usermod",
        &[Next("-p")],
    ),
    ("kinit vncpasswd gh cryptsetup", &[HereString]),
    ("rabbitmqctl", &[After("add_user", 2), After("change_password", 2), After("authenticate_user", 2)]),
    ("mosquitto_pub mosquitto_sub mosquitto_rr", &[Either("-P")]),
    ("mosquitto_passwd", &[Plain(3)]),
    ("check_snmp check_snmp_load check_snmp_int check_snmp_storage check_snmp_mem", &[Next("-C"), Next("-A")]),
    ("check_http check_curl", &[Login("-a", ':')]),
    ("ab", &[Login("-A", ':'), Login("-P", ':')]),
    ("ipmitool", &[Next("-P"), After("password", 2)]),
    ("wpa_passphrase", &[Plain(2)]),
    ("nmcli aws openvpn", &[Named]),
    ("rclone", &[After("obscure", 1)]),
    ("mc mcli", &[With("alias", &After("set", 3)), With("alias", &After("set", 4))]),
    ("digest.sh tomcat-digest.sh", &[Last("")]),
    ("ssh-keygen", &[Next("-N"), Next("-P")]),
    ("swaks", &[Next("-ap")]),
    ("sendemail", &[Next("-xp")]),
    ("ejabberdctl prosodyctl", &[After("register", 3), After("change_password", 3)]),
    ("samba-tool", &[With("user", &After("create", 2)), With("user", &After("add", 2))]),
    ("neo4j-admin", &[After("set-initial-password", 1)]),
    ("vault", &[Token("login"), Token("unseal"), Next("-dev-root-token-id")]),
    // Of snmpd.conf(5).
    ("proxy", &[With("1", &Next("-c")), With("2c", &Next("-c")), With("3", &Next("-A")), With("3", &Next("-X"))]),
    ("gitlab-runner", &[With("register", &Next("-r"))]),
    ("sqlplus impdp expdp exp imp sqlldr rman", &[LoginWord('/')]),
    ("isql", &[Plain(3)]),
    ("basic_ldap_auth squid_ldap_auth squid_ldap_group ext_ldap_group_acl", &[Either("-w")]),
];

static TABLE: LazyLock<HashMap<&'static str, &'static [Rule]>> = LazyLock::new(|| {
    PROGRAMS.iter().flat_map(|(names, rules)| names.split_whitespace().map(move |name| (name, *rules))).collect()
});

/// The names of all programs, wherever they stand.
static NAMES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let names: Vec<String> = TABLE.keys().map(|name| regex::escape(name)).collect();
    super::values::pattern(&names.join("|"))
});

/// True for a program of the list.
pub(super) fn is_program(name: &str) -> bool {
    TABLE.contains_key(name)
}

/// The program whose words are being read.
struct Command {
    rules: &'static [Rule],
    /// Plain words so far, in order.
    plain: Vec<(usize, usize)>,
    /// What the next word is to be.
    next: Option<Wanted>,
}

#[derive(Clone, Copy)]
enum Wanted {
    Secret,
    Login(char),
    LoginWord(char),
}

/// How deep commands may stand in words of others.
const NESTED_MAX: usize = 3;

/// Most plain words of one command that are remembered.
const WORDS_MAX: usize = 40;

/// Adds the secrets of such commands.
pub(super) fn find(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    let mut reader = Reader { doc, spans, command: None };
    let mut start = 0;
    let mut goes_on = None;
    for whole in lines_in(doc.text) {
        doc.in_time()?;
        let line = whole.trim_end_matches(['\n', '\r']);
        let bare = line.trim_start();
        let item = bare.starts_with("- ").then(|| line.len() - bare.len());
        // A line that ends in a backslash goes on; items of one list are the words of one command.
        let joined = match goes_on {
            Some(None) => true,
            Some(indent) => indent == item,
            None => false,
        };
        if !joined {
            reader.end();
        }
        let skip = if item.is_some() { line.len() - bare.len() + 2 } else { 0 };
        // Where no command goes on, only the name of one begins it.
        if reader.command.is_some() || NAMES.as_ref().is_none_or(|names| names.is_match(line)) {
            reader.line(start + skip, start + line.len());
        }
        goes_on = if line.ends_with('\\') { Some(None) } else { item.map(Some) };
        start += whole.len();
    }
    reader.end();
    Ok(())
}

struct Reader<'d, 't, 's> {
    doc: &'d Doc<'t>,
    spans: &'s mut Spans,
    command: Option<Command>,
}

impl Reader<'_, '_, '_> {
    fn text(&self, start: usize, end: usize) -> &str {
        self.doc.part(start..end)
    }

    /// Reads the words of a line, and those inside a word that is a command of its own.
    fn line(&mut self, from: usize, end: usize) {
        let list = flow_list(self.text(from, end)).map_or(end, |at| from + at);
        let mut at = from;
        while let Some(mut word) = next_word(self.doc.text, at, end) {
            // An item of a flow list ends with its comma.
            let bare = self.doc.byte(word.start.wrapping_sub(1));
            let item = self.text(word.start, word.end).find([',', ']']);
            if let Some(item) = item.filter(|_| word.start >= list && !matches!(bare, b'"' | b'\'')) {
                word.end = word.start + item;
                word.next = word.end + 1;
                word.ends = false;
            }
            at = word.next;
            self.word(word.start, word.end);
            self.inside(word.start, word.end, NESTED_MAX);
            if word.ends {
                self.end();
            }
        }
    }

    /// The words of a word that is a command of its own, and of those in it: `sh -c "su -c 'x'"`.
    fn inside(&mut self, start: usize, end: usize, depth: usize) {
        if depth == 0 || !self.text(start, end).contains(' ') {
            return;
        }
        let outer = self.command.take();
        let mut at = start;
        while let Some(inner) = next_word(self.doc.text, at, end) {
            at = inner.next;
            self.word(inner.start, inner.end);
            // A word that is all of the outer one would be read again and again.
            if inner.end - inner.start < end - start {
                self.inside(inner.start, inner.end, depth - 1);
            }
            if inner.ends {
                self.end();
            }
        }
        self.end();
        self.command = outer;
    }

    fn word(&mut self, start: usize, end: usize) {
        let doc = self.doc;
        let text = doc.part(start..end);
        if let Some(command) = self.command.as_mut() {
            match command.next.take() {
                Some(Wanted::Secret) if !text.starts_with("--") => return self.take(start, end),
                Some(Wanted::Login(between)) => return self.login(start, end, between),
                Some(Wanted::LoginWord(between)) => return self.login_word(start, end, between),
                _ => {}
            }
        }
        if self.command.is_none() && !text.ends_with(|c: char| c.is_ascii_alphanumeric()) {
            return;
        }
        let program = text.rsplit(['/', '=', '(', '`', '@', '"', '\'']).next().unwrap_or("");
        if let Some(rules) = TABLE.get(program).copied().filter(|_| !text.starts_with("--")) {
            let argument = self.command.is_some() && text.starts_with('/');
            // `mysql mysql` names the database; a program behind another one is the one that runs.
            if !argument && self.command.as_ref().is_none_or(|c| !std::ptr::eq(c.rules, rules)) {
                self.end();
                self.command = Some(Command { rules, plain: Vec::new(), next: None });
                return;
            }
        }
        let Some(command) = self.command.as_mut() else { return };
        if text == "<<<" {
            if command.rules.iter().any(|rule| matches!(rule, HereString)) {
                command.next = Some(Wanted::Secret);
            }
            return;
        }
        if !text.starts_with('-') && command.plain.len() < WORDS_MAX {
            command.plain.push((start, end));
        }
        let rules = command.rules;
        for rule in rules {
            self.apply(*rule, start, end);
        }
    }

    /// What one rule says of a word.
    fn apply(&mut self, rule: Rule, start: usize, end: usize) {
        let doc = self.doc;
        let text = doc.part(start..end);
        let Some(command) = self.command.as_mut() else { return };
        let count = command.plain.len();
        let is_plain = !text.starts_with('-');
        let position = |word: &str| {
            command.plain.iter().position(|(s, e)| doc.text.get(*s..*e).is_some_and(|t| t.eq_ignore_ascii_case(word)))
        };
        match rule {
            Next(option) | Either(option) if text == option => command.next = Some(Wanted::Secret),
            Joined(option) | Either(option) => {
                if let Some(rest) = text.strip_prefix(option).filter(|rest| !rest.is_empty()) {
                    let value = if option.len() == 2 { rest.trim_start_matches('=') } else { rest };
                    self.take(end - value.len(), end);
                }
            }
            LoginNext(option, between) if text == option => command.next = Some(Wanted::LoginWord(between)),
            Login(option, between) if text == option => command.next = Some(Wanted::Login(between)),
            Login(option, between) => {
                if let Some(rest) = text.strip_prefix(option).filter(|rest| !rest.is_empty()) {
                    self.login(end - rest.len(), end, between);
                }
            }
            Plain(wanted) if is_plain && count == wanted => self.take(start, end),
            After(word, wanted) if is_plain => {
                let behind = position(word).map(|at| count.saturating_sub(at + 1));
                if behind == Some(wanted) && !text.contains('=') {
                    self.take(start, end);
                }
            }
            Token(word) if is_plain && position(word).is_some_and(|at| count == at + 2) && is_token(text) => {
                self.take(start, end);
            }
            LoginWord(between) if is_plain => self.login_word(start, end, between),
            Named if is_plain => {
                let name = text.rsplit('.').next().unwrap_or(text);
                let strong = doc.rules.judge(name).is_some_and(super::keys::Sensitive::is_certain);
                if strong && !text.contains(['=', ':', '<']) {
                    command.next = Some(Wanted::Secret);
                }
            }
            With(word, inner) if position(word).is_some() => self.apply(*inner, start, end),
            _ => {}
        }
    }

    /// A command is over: its last plain word may be the secret.
    fn end(&mut self) {
        let Some(command) = self.command.take() else { return };
        let last = command.plain.last().copied();
        for rule in command.rules {
            let word = match rule {
                Last(word) | With(_, Last(word)) => *word,
                _ => continue,
            };
            let seen = |(start, end): &(usize, usize)| self.text(*start, *end).eq_ignore_ascii_case(word);
            let at = command.plain.iter().position(seen);
            let behind = word.is_empty() || at.is_some_and(|at| at + 1 < command.plain.len());
            if let Some((start, end)) = last.filter(|_| behind) {
                self.take(start, end);
            }
        }
    }

    /// Adds a word or the part of one, out of its quotes.
    fn take(&mut self, start: usize, end: usize) {
        let text = self.text(start, end);
        let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (start, end) = match quote {
            Some(quote) if text.len() > 1 => {
                let inner = text.strip_suffix(quote).map_or(end, |_| end - 1);
                (start + 1, inner)
            }
            _ => (start, end),
        };
        let value = self.text(start, end);
        let elsewhere = is_reference(value) || value.starts_with("$(") || value.starts_with("${");
        if !value.is_empty() && !elsewhere {
            self.spans.add(start, end, Kind::KeyMatch, None);
        }
    }

    fn login(&mut self, start: usize, end: usize, between: char) {
        let text = self.text(start, end);
        let Some(at) = text.find(between) else { return };
        let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
        let end = if quote.is_some_and(|quote| text.ends_with(quote)) { end - 1 } else { end };
        self.take(start + at + 1, end);
    }

    /// `user:x@host` or `user/x@db`, or `user/x` alone.
    fn login_word(&mut self, start: usize, end: usize, between: char) {
        let text = self.text(start, end);
        let Some(at) = text.find(between).filter(|at| *at > 0) else { return };
        let value = text.get(at + 1..).unwrap_or("");
        let host = value.rfind('@');
        let whole = is_path(text) && text.matches('/').count() > 1;
        if value.contains("//") || whole || (host.is_none() && between == ':') || text.contains('=') {
            return;
        }
        self.take(start + at + 1, start + at + 1 + host.unwrap_or(value.len()));
    }
}

/// Where a flow list of bare words begins on a line: `command: [a, b]`, `- [a, b]`.
fn flow_list(line: &str) -> Option<usize> {
    let at = line.find('[')?;
    let before = line.get(..at)?.trim_end();
    let opens = before.is_empty() || before.ends_with([':', '=', '-']);
    let inside = line.get(at + 1..)?;
    (opens && inside.trim_start().starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/') && inside.contains(','))
        .then_some(at)
}

/// No word of a sentence, and no setting.
fn is_token(text: &str) -> bool {
    !is_words(text) && !text.contains('=')
}

/// A word, and where the next may begin.
struct Word {
    start: usize,
    end: usize,
    next: usize,
    /// The command ends behind it.
    ends: bool,
}

/// The next word of a line: in quotes, bare, or bare with quotes inside. The brackets, commas and colons of lists are
/// none of it.
fn next_word(text: &str, from: usize, end: usize) -> Option<Word> {
    let bytes = text.as_bytes().get(..end)?;
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let mut at = from;
    while at < end && (byte(at).is_ascii_whitespace() || matches!(byte(at), b'[' | b']' | b',' | b'(' | b'{' | b'}')) {
        at += 1;
    }
    if at >= end {
        return None;
    }
    let start = at;
    if matches!(byte(at), b'|' | b';' | b'&' | b')') {
        return Some(Word { start, end: start, next: at + 1, ends: true });
    }
    let quoted = matches!(byte(at), b'"' | b'\'' | b'`').then(|| closing(bytes, at + 1, byte(at))).flatten();
    if let Some(close) = quoted {
        let behind = byte(close + 1);
        if behind == 0 || behind.is_ascii_whitespace() || b",])};|&:".contains(&behind) {
            return Some(Word { start: start + 1, end: close, next: close + 1, ends: b";|&".contains(&behind) });
        }
    }
    while at < end && !byte(at).is_ascii_whitespace() {
        match byte(at) {
            b'\\' => at += 1,
            quote @ (b'"' | b'\'') => match closing(bytes, at + 1, quote) {
                Some(close) => at = close,
                // The quote that ends what this command stands in.
                None if at > start => break,
                None => {}
            },
            b'|' if at > start => break,
            b';' if at + 1 >= end || byte(at + 1).is_ascii_whitespace() => break,
            _ => {}
        }
        at += 1;
    }
    let stop = at.min(end);
    let ends = matches!(byte(stop), b'|' | b';');
    let next = if stop < end { stop + usize::from(!byte(stop).is_ascii_whitespace()) } else { end };
    Some(Word { start, end: stop.max(start), next: next.max(start + 1), ends })
}

/// Longest quoted word, in bytes; what goes on for longer is not a word of a command.
const QUOTED_MAX: usize = 4096;

fn closing(bytes: &[u8], from: usize, quote: u8) -> Option<usize> {
    let mut escaped = false;
    let found = bytes.get(from..)?.iter().take(QUOTED_MAX).position(|b| {
        let closes = *b == quote && !escaped;
        escaped = *b == b'\\' && !escaped && quote != b'\'';
        closes
    })?;
    Some(from + found)
}
