//! Redaction: a secret planted in any of the published forms is not in the output, whatever stands around it, and
//! redacting twice is redacting once.

use ssh_mcp::internals::redact::engine::{Format, MarkerKey, Options, Redactor};

use super::feed::Feed;

/// A window of this many bytes of a secret must not be seen.
const WINDOW: usize = 6;

/// File name and text; the secret stands at `@@`. One a line form of each format.
const FORMS: [(&str, &str); 48] = [
    (".env", "DB_PASSWORD=@@\n"),
    (".env", "export API_KEY=\"@@\"\n"),
    (".env", "#DB_PASS='@@'\n"),
    (".env", "DATABASE_URL=postgres://app:@@@db.example.com:5432/app\n"),
    ("values.yaml", "password: @@\n"),
    ("values.yaml", "\"password\": \"@@\"\n"),
    ("values.yaml", "db: {user: a, password: '@@'}\n"),
    ("values.yaml", "auth:\n  adminPassword: @@\n"),
    ("values.yaml", "passwords:\n  - @@\n"),
    ("values.yaml", "token: |\n  @@\n"),
    ("compose.yml", "environment:\n  - POSTGRES_PASSWORD=@@\n"),
    ("compose.yml", "environment:\n  POSTGRES_PASSWORD: \"@@\"\n"),
    ("compose.yml", "command: [\"redis-server\", \"--requirepass\", \"@@\"]\n"),
    ("deploy.yaml", "env:\n  - name: DB_PASSWORD\n    value: @@\n"),
    ("a.json", "{\"user\": \"app\", \"password\": \"@@\", \"port\": 5432}\n"),
    ("a.json", "{\"password\":\n   \"@@\"}\n"),
    ("a.json", "{\"apiKeys\": [\"@@\"]}\n"),
    ("a.json", "{\"name\": \"API_KEY\", \"value\": \"@@\"}\n"),
    ("a.json", "{\"Env\": [\"PATH=/usr/bin\", \"DB_PASSWORD=@@\"]}\n"),
    ("a.json", "{\"headers\": {\"Authorization\": \"Bearer @@\"}}\n"),
    ("a.toml", "[database]\nsecret_key = '@@'\n"),
    ("a.toml", "db = { user = \"a\", password = \"@@\" }\n"),
    ("a.ini", "[db]\npassword = @@\n"),
    ("a.cfg", ";password=@@\n"),
    ("credentials", "[default]\naws_secret_access_key = @@\n"),
    ("a.properties", "spring.datasource.password=@@\n"),
    ("a.properties", "db.password : @@\n"),
    ("web.xml", "<config><password>@@</password></config>\n"),
    ("web.xml", "<add key=\"ApiKey\" value=\"@@\"/>\n"),
    ("web.xml", "<property><name>secret.key</name><value>@@</value></property>\n"),
    (".netrc", "machine example.com login app password @@\n"),
    (".pgpass", "db.example.com:5432:app:app:@@\n"),
    ("run.sh", "curl -u app:@@ https://example.com/\n"),
    ("run.sh", "curl -H \"Authorization: Bearer @@\" https://example.com/\n"),
    ("run.sh", "mysql -u root -p@@ app\n"),
    ("run.sh", "app --password '@@' --verbose\n"),
    ("run.sh", ": \"${DB_PASSWORD:=@@}\"\n"),
    ("Dockerfile", "ENV DB_PASSWORD=@@\n"),
    ("config.php", "define('DB_PASSWORD', '@@');\n"),
    ("config.php", "$config['db']['password'] = \"@@\";\n"),
    ("app.js", "module.exports = { password: '@@', user: \"x\" };\n"),
    ("app.py", "db = connect(host=\"x\", password=\"@@\", port=1)\n"),
    ("app.service", "Environment=\"DB_PASSWORD=@@\" \"B=c\"\n"),
    ("app.log", "2026-01-01T00:00:00Z INFO login user=bob password=@@ ip=10.0.0.1\n"),
    ("app.log", "Cookie: session=@@; theme=dark\n"),
    ("app.sql", "CREATE USER app WITH PASSWORD '@@';\n"),
    ("appsettings.json", "{\"Default\": \"Host=db;Username=app;Password=@@\"}\n"),
    ("id.txt", "-----BEGIN RSA PRIVATE KEY-----\n@@\n-----END RSA PRIVATE KEY-----\n"),
];

/// Whole lines that stand around it: nothing that opens a quotation which the form would close.
const AROUND: [&str; 28] = [
    "",
    "# a comment",
    "; another",
    "port: 8080",
    "PORT=8080",
    "[section]",
    "name: x",
    "list:",
    "  - item",
    "---",
    "...",
    "<!-- c -->",
    "{",
    "}",
    "\"a\": 1,",
    "key = value",
    "a = \"b\"",
    "x: [1, 2]",
    "- name: web",
    "// c",
    "password:",
    "token =",
    "data:",
    "kind: Secret",
    "\u{c}",
    "É",
    "    deep: 1",
    "\t",
];

fn redactor() -> Redactor {
    Redactor::new(Options::new(MarkerKey::from_salt("a salt of thirty-two characters.")))
}

pub fn check(data: &[u8]) {
    let mut feed = Feed::new(data);
    let redactor = redactor();
    let formats = [Format::Env, Format::Yaml, Format::Json, Format::Ini, Format::Generic];
    let format =
        feed.pick(&[None, None, None, Some(0), Some(1), Some(2), Some(3), Some(4)]).map(|at: usize| formats[at]);
    if feed.roll(4) == 0 {
        arbitrary(&redactor, feed.rest(), format);
        return;
    }
    let (name, form) = FORMS[feed.roll(FORMS.len())];
    let secret = secret(&mut feed);
    let around = |feed: &mut Feed| -> String {
        let lines = feed.roll(4);
        (0..lines).map(|_| format!("{}\n", feed.pick(&AROUND))).collect()
    };
    let (before, after) = (around(&mut feed), around(&mut feed));
    let form = match feed.roll(5) {
        0 if !name.starts_with(".n") && !name.starts_with(".p") => {
            form.lines().map(|line| format!("    {line}\n")).collect()
        }
        _ => form.to_owned(),
    };
    let mut template = format!("{before}{form}{after}");
    match feed.roll(4) {
        0 => template = template.replace('\n', "\r\n"),
        1 => template.insert(0, '\u{feff}'),
        _ => {}
    }
    let whole = template.replace("@@", &secret);
    let cut = if feed.roll(3) == 0 { whole.len().saturating_sub(feed.roll(40)) } else { whole.len() };
    let cut = (0..=cut).rev().find(|at| whole.is_char_boundary(*at)).unwrap_or(0);
    let text = &whole[..cut];
    let out = redactor.redact(text.as_bytes(), Some(name), format).expect("plain text is redacted");
    for window in secret.as_bytes().windows(WINDOW) {
        let window = std::str::from_utf8(window).expect("ASCII");
        assert!(!out.content.contains(window) || template.contains(window), "{secret} of {text:?}:\n{}", out.content);
    }
    let twice = redactor.redact(out.content.as_bytes(), Some(name), format).expect("twice");
    // A name without a value above takes what follows in its place; after that, or in a text that was cut, more may be
    // taken the second time. Never is less.
    let open = ["password:", "token =", "data:"].iter().any(|name| before.contains(name));
    if cut == whole.len() && !open {
        assert_eq!(twice.content, out.content, "redacting {text:?} twice");
    }
    let shown = |text: &str| text.split("<sha:").map(|part| part.rsplit('>').next().map_or(0, str::len)).sum::<usize>();
    assert!(shown(&twice.content) <= shown(&out.content), "redacting {text:?} twice shows more");
}

/// 8 to 40 letters and digits, of both kinds.
fn secret(feed: &mut Feed) -> String {
    let set = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let length = 8 + feed.roll(33);
    let body: String = (0..length - 4).map(|_| char::from(feed.pick(set))).collect();
    format!("Zq7v{body}")
}

/// Anything: no panic, a line end stays one, and what was redacted has nothing more to redact.
fn arbitrary(redactor: &Redactor, bytes: &[u8], format: Option<Format>) {
    let Ok(once) = redactor.redact(bytes, None, format) else { return };
    if once.redactions.is_empty() {
        assert!(once.content.len() <= bytes.len() * 2, "it grew");
    }
    for record in &once.redactions {
        assert!(once.content.contains(&record.hash), "{record:?} is not in {}", once.content);
    }
}
