//! The engine over a corpus of documents: no secret leaves, nothing else is replaced, whatever is done to the file.

use ssh_mcp::internals::redact::engine::{Format, MarkerKey, Options, RedactError, Redactor};

mod marks;
mod programs;

const SALT: &str = "a salt of thirty-two characters.";

const SECRETS: &str = include_str!("../../cases/redact/secrets.txt");
const INNOCENT: &str = include_str!("../../cases/redact/innocent.txt");
const INNOCENT_FILES: &str = include_str!("../../cases/redact/innocent_files.txt");
const FORMATS: [Format; 5] = [Format::Env, Format::Yaml, Format::Json, Format::Ini, Format::Generic];

/// A window of this many bytes of a secret must not be seen.
const WINDOW: usize = 6;

struct Document {
    name: &'static str,
    rules: Vec<&'static str>,
    text: String,
}

fn documents(corpus: &'static str) -> Vec<Document> {
    let mut found: Vec<Document> = Vec::new();
    for line in corpus.lines() {
        if let Some(head) = line.strip_prefix("=== ") {
            let mut words = head.split(' ');
            found.push(Document { name: words.next().unwrap(), rules: words.collect(), text: String::new() });
        } else if let Some(document) = found.last_mut() {
            document.text.push_str(line);
            document.text.push('\n');
        }
    }
    found
}

fn redactor() -> Redactor {
    Redactor::new(Options::new(MarkerKey::from_salt(SALT)))
}

/// Planted secrets: a word with a number, marks, chance of 20 and of 40 characters. They are put together here, so that
/// no line of the tests looks like a secret to a scanner.
fn planted(document: &Document) -> Vec<String> {
    let chance: String = chance(0x5eed, 40, b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789");
    let long = vec![chance.clone(), chance[..24].to_owned()];
    if document.rules.contains(&"long") {
        return long;
    }
    let mut all = vec![["hunter2", "swordfish"].concat(), ["Zq7", "vB2mK9"].concat()];
    if !document.rules.contains(&"plain") {
        all.push(["pX9", "#kLm2", "$vQr!"].concat());
        all.push(["Wb3=", "tY+u7/", "eR0w=="].concat());
    }
    all.extend(long);
    all
}

/// Everyday the first two kinds of secret, in the long form all.
fn few(secrets: Vec<String>) -> Vec<String> {
    let count = if cfg!(feature = "deep") { secrets.len() } else { 2 };
    secrets.into_iter().take(count).collect()
}

fn chance(seed: u64, length: usize, set: &[u8]) -> String {
    let mut state = seed;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(set[(state >> 33) as usize % set.len()])
        })
        .collect()
}

/// The windows of the secret that show in the output and are not part of the document around it.
fn leaks(output: &str, template: &str, secret: &str) -> bool {
    secret.as_bytes().windows(WINDOW).any(|window| {
        let window = std::str::from_utf8(window).unwrap();
        output.contains(window) && !template.contains(window)
    })
}

/// What can happen to a file without its meaning changing, and some things that change it.
fn mutations(document: &Document) -> Vec<(&'static str, Vec<u8>)> {
    let text = &document.text;
    let indented: String = text.lines().map(|line| format!("    {line}\n")).collect();
    let nested: String = format!("config: |\n{}", text.lines().map(|line| format!("  {line}\n")).collect::<String>());
    let utf16 = |text: &str, big: bool| -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    let mut all = vec![
        ("as it is", text.clone().into_bytes()),
        ("CRLF", text.replace('\n', "\r\n").into_bytes()),
        ("CR", text.replace('\n', "\r").into_bytes()),
        ("BOM", format!("\u{feff}{text}").into_bytes()),
        ("UTF-16LE", utf16(text, false)),
        ("UTF-16BE", utf16(text, true)),
        ("behind other lines", format!("first: 1\n\n# a comment\n{text}\n").into_bytes()),
        ("without its last line end", text.trim_end().as_bytes().to_vec()),
        ("behind a form feed", format!("x=1\u{c}{text}").into_bytes()),
        ("tabs", text.replace("  ", "\t").into_bytes()),
    ];
    if !document.rules.contains(&"nocase") {
        all.push(("capitals", text.to_uppercase().into_bytes()));
    }
    if !document.name.contains("pgpass") && !document.name.contains("netrc") {
        all.push(("indented", indented.into_bytes()));
        all.push(("nested", nested.into_bytes()));
    }
    all
}

fn decoded(bytes: &[u8]) -> String {
    match bytes {
        [0xff, 0xfe, rest @ ..] => {
            char::decode_utf16(rest.chunks(2).map(|p| u16::from_le_bytes([p[0], p[1]]))).map(Result::unwrap).collect()
        }
        [0xfe, 0xff, rest @ ..] => {
            char::decode_utf16(rest.chunks(2).map(|p| u16::from_be_bytes([p[0], p[1]]))).map(Result::unwrap).collect()
        }
        _ => String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

fn encoded_like(original: &[u8], text: &str) -> Vec<u8> {
    match original {
        [0xff, 0xfe, ..] => std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect(),
        [0xfe, 0xff, ..] => std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect(),
        _ => text.as_bytes().to_vec(),
    }
}

#[test]
fn no_secret_leaves_in_any_form_of_the_document() {
    let redactor = redactor();
    let (mut count, mut leaked) = (0, Vec::new());
    for document in documents(SECRETS) {
        for (mutation, bytes) in mutations(&document) {
            let template = decoded(&bytes);
            for secret in few(planted(&document)) {
                let planted = encoded_like(&bytes, &template.replace("@@", &secret));
                count += 1;
                let out = redactor.redact(&planted, Some(document.name), None).unwrap();
                if leaks(&out.content, &template, &secret) {
                    leaked.push(format!("{} ({mutation}), {secret}:\n{}", document.name, out.content));
                }
                assert!(!out.redactions.is_empty() || leaks(&out.content, &template, &secret), "{}", document.text);
            }
        }
    }
    println!("{count} documents with secrets, {} leaks", leaked.len());
    assert!(count >= 300);
    assert!(leaked.is_empty(), "{} of {count} leak:\n{}", leaked.len(), leaked.join("\n---\n"));
}

#[test]
fn no_format_named_by_the_caller_opens_anything() {
    let redactor = redactor();
    let (mut count, mut leaked) = (0, Vec::new());
    for document in documents(SECRETS) {
        for secret in few(planted(&document)) {
            for format in FORMATS {
                count += 1;
                let planted = document.text.replace("@@", &secret);
                let out = redactor.redact(planted.as_bytes(), Some(document.name), Some(format)).unwrap();
                assert_eq!(out.format_detected, format);
                if leaks(&out.content, &document.text, &secret) {
                    leaked.push(format!("{} as {}, {secret}:\n{}", document.name, format.as_str(), out.content));
                }
            }
        }
    }
    println!("{count} documents under every format, {} leaks", leaked.len());
    assert!(leaked.is_empty(), "{} of {count} leak:\n{}", leaked.len(), leaked.join("\n---\n"));
}

#[test]
fn no_cut_lets_a_secret_out() {
    let redactor = redactor();
    let (mut count, mut leaked) = (0, Vec::new());
    for document in documents(SECRETS) {
        if document.rules.contains(&"nocut") {
            continue;
        }
        // Everyday every fourth byte of one secret's documents; the long form takes every byte and all secrets.
        let (secrets, step) =
            if cfg!(feature = "deep") { (planted(&document), 1) } else { (few(planted(&document)), 4) };
        for secret in secrets {
            let planted = document.text.replace("@@", &secret);
            for cut in (step / 2..planted.len()).step_by(step) {
                count += 1;
                let out = redactor.redact(&planted.as_bytes()[..cut], Some(document.name), None).unwrap();
                if leaks(&out.content, &document.text, &secret) {
                    leaked.push(format!("{} cut at {cut}, {secret}:\n{}", document.name, out.content));
                    break;
                }
            }
        }
    }
    println!("{count} cuts, {} leaks", leaked.len());
    assert!(leaked.is_empty(), "{} leak:\n{}", leaked.len(), leaked.join("\n---\n"));
}

#[test]
fn what_is_no_secret_stays() {
    let redactor = redactor();
    let (mut count, mut replaced) = (0, Vec::new());
    for document in documents(INNOCENT).into_iter().chain(documents(INNOCENT_FILES)) {
        count += 1;
        let out = redactor.redact(document.text.as_bytes(), Some(document.name), None).unwrap();
        if out.content != document.text || !out.redactions.is_empty() {
            replaced.push(format!("{}:\n{}", document.name, out.content));
        }
        let line_ends = document.text.replace('\n', "\r\n");
        let out = redactor.redact(line_ends.as_bytes(), Some(document.name), None).unwrap();
        if out.content != line_ends {
            replaced.push(format!("{} with CRLF:\n{}", document.name, out.content));
        }
    }
    println!("{count} innocent documents, {} over-redacted", replaced.len());
    assert!(count >= 179, "{count}");
    assert!(replaced.is_empty(), "{} of {count} over-redacted:\n{}", replaced.len(), replaced.join("\n---\n"));
}

/// Beginnings and bodies of provider tokens, put together at run time.
fn tokens() -> Vec<(&'static str, usize, String)> {
    let alnum = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let hex = b"0123456789abcdef";
    let upper = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let table: [(&str, &[&str], &[u8], usize); 44] = [
        ("aws", &["AK", "IA"], upper, 16),
        ("aws temporary", &["AS", "IA"], upper, 16),
        ("github", &["gh", "p_"], alnum, 36),
        ("github oauth", &["gh", "o_"], alnum, 36),
        ("github server", &["gh", "s_"], alnum, 36),
        ("github fine", &["github", "_pat_"], alnum, 60),
        ("gitlab", &["gl", "pat-"], alnum, 20),
        ("gitlab runner", &["gl", "rt-"], alnum, 20),
        ("slack bot", &["xo", "xb-"], b"0123456789-", 40),
        ("slack user", &["xo", "xp-"], b"0123456789-", 40),
        ("slack app", &["xa", "pp-"], alnum, 40),
        ("slack hook", &["https://hooks.sl", "ack.com/services/"], alnum, 40),
        ("discord hook", &["https://disc", "ord.com/api/webhooks/"], alnum, 60),
        ("telegram", &["1234567", "890:AA"], alnum, 33),
        ("stripe", &["sk_", "live_"], alnum, 24),
        ("stripe restricted", &["rk_", "live_"], alnum, 24),
        ("stripe test", &["sk_", "test_"], alnum, 24),
        ("stripe hook", &["wh", "sec_"], alnum, 32),
        ("npm", &["np", "m_"], alnum, 36),
        ("pypi", &["py", "pi-AgEI"], alnum, 60),
        ("docker", &["dckr", "_pat_"], alnum, 27),
        ("rubygems", &["ruby", "gems_"], hex, 48),
        ("google api", &["AI", "za"], alnum, 35),
        ("google oauth", &["ya", "29."], alnum, 60),
        ("google client", &["GOC", "SPX-"], alnum, 28),
        ("digitalocean", &["do", "p_v1_"], hex, 64),
        ("databricks", &["da", "pi"], hex, 32),
        ("vault", &["hv", "s."], alnum, 24),
        ("anthropic", &["sk-", "ant-api03-"], alnum, 60),
        ("openai", &["sk-", "proj-"], alnum, 40),
        ("hugging face", &["h", "f_"], alnum, 34),
        ("sendgrid", &["S", "G."], alnum, 60),
        ("mailgun", &["ke", "y-"], hex, 32),
        ("grafana", &["gl", "sa_"], alnum, 32),
        ("new relic", &["NR", "AK-"], upper, 27),
        ("sentry", &["sntr", "ys_"], alnum, 40),
        ("shopify", &["shp", "at_"], hex, 32),
        ("square", &["sq0", "atp-"], alnum, 22),
        ("linear", &["lin_", "api_"], alnum, 40),
        ("tailscale", &["ts", "key-auth-"], alnum, 30),
        ("supabase", &["sb", "p_"], hex, 40),
        ("pulumi", &["pu", "l-"], hex, 40),
        ("age", &["AGE-SECRET", "-KEY-1"], upper, 58),
        ("jwt", &["eyJhbGciOi", "JIUzI1NiJ9.eyJzdWIiOiIx"], alnum, 60),
    ];
    table
        .into_iter()
        .enumerate()
        .map(|(at, (name, begin, set, length))| {
            let begin = begin.concat();
            (name, begin.len(), format!("{begin}{}", chance(at as u64 + 7, length, set)))
        })
        .collect()
}

#[test]
fn tokens_are_known_by_their_shape_anywhere() {
    let redactor = redactor();
    let frames = [
        "# @@\n",
        "see @@.\n",
        "{\"x\": \"@@\"}\n",
        "x: @@\n",
        "X=@@\n",
        "<a>@@</a>\n",
        "curl https://h/?q=@@\n",
        "('@@')\n",
        "- @@\n",
        "a,@@,b\n",
        "`@@`\n",
        "x = '@@'; // y\n",
    ];
    let mut leaked = Vec::new();
    let mut count = 0;
    for (name, begin, token) in tokens() {
        let body = &token[begin..];
        for frame in frames {
            count += 1;
            let mut options = Options::new(MarkerKey::from_salt("salt"));
            options.entropy = false;
            let out = Redactor::new(options).redact(frame.replace("@@", &token).as_bytes(), None, None).unwrap();
            if leaks(&out.content, frame, body) {
                leaked.push(format!("{name}: {}", out.content));
            }
        }
        // Cut off, a token shows at most its beginning.
        let text = format!("password {token}");
        for cut in 0..text.len() {
            let out = redactor.redact_text(&text[..cut]);
            if leaks(&out, "password", body) {
                leaked.push(format!("{name} cut at {cut}: {out}"));
                break;
            }
        }
    }
    println!("{count} token documents, {} leaks", leaked.len());
    assert!(leaked.is_empty(), "{}", leaked.join("\n"));
}

#[test]
fn redacting_twice_changes_nothing() {
    let redactor = redactor();
    let (mut count, mut changed) = (0, Vec::new());
    for document in documents(SECRETS) {
        for secret in planted(&document) {
            count += 1;
            let text = document.text.replace("@@", &secret);
            let once = redactor.redact(text.as_bytes(), Some(document.name), None).unwrap().content;
            let twice = redactor.redact(once.as_bytes(), Some(document.name), None).unwrap().content;
            if once != twice {
                changed.push(format!("{}, {secret}:\n{once}\n{twice}", document.name));
            }
        }
    }
    println!("{count} documents twice, {} changed", changed.len());
    assert!(changed.is_empty(), "{} change:\n{}", changed.len(), changed.join("\n---\n"));
}

#[test]
fn records_name_key_line_and_kind() {
    let out = redactor().redact(b"A=1\r\nDB_PASSWORD=hunter2\r\nB=2\r\n", Some("/srv/.env"), None).unwrap();
    assert_eq!(out.format_detected, Format::Env);
    let [record] = out.redactions.as_slice() else { panic!("{:?}", out.redactions) };
    assert_eq!((record.key.as_deref(), record.line, record.kind.as_str()), (Some("DB_PASSWORD"), Some(2), "key_match"));
    assert_eq!(out.content, format!("A=1\r\nDB_PASSWORD=<sha:{}>\r\nB=2\r\n", record.hash));
    let again = redactor().redact(b"password: hunter2\n", Some("x.yaml"), None).unwrap();
    assert_eq!(again.redactions[0].hash, record.hash, "same value, same hash, whatever the format");
    let other = Redactor::new(Options::new(MarkerKey::from_salt("another salt")));
    assert!(!other.redact_text("password: hunter2").contains(&record.hash));
}

#[test]
fn binary_and_oversized_content_is_refused() {
    let redactor = redactor();
    assert_eq!(redactor.redact(b"PASSWORD=x\0\x01\x02\0\xff", None, None).unwrap_err(), RedactError::Binary);
    assert_eq!(redactor.redact(&[0x80; 100], None, None).unwrap_err(), RedactError::Binary);
    let mut options = Options::new(MarkerKey::from_salt("salt"));
    options.size_max = 10;
    let small = Redactor::new(options);
    assert_eq!(small.redact(b"PASSWORD=hunter2", None, None).unwrap_err(), RedactError::TooLarge(10));
    assert!(!small.redact_text("PASSWORD=hunter2").contains("hunter"));
}

#[test]
fn words_of_a_command_line_are_redacted_in_place() {
    let redactor = redactor();
    let secret = ["Zq7", "vB2mK9"].concat();
    let argv = ["mysql", "-u", "root", &format!("-p{secret}"), "--password", &secret].map(str::to_owned);
    let argv = redactor.redact_argv(&argv);
    assert!(!leaks(&argv.join(" "), "", &secret) && argv.len() == 6 && argv[2] == "root", "{argv:?}");
}

#[test]
fn rows_are_read_over_what_looks_like_another_list_of_columns() {
    let redactor = redactor();
    let secret = chance(0x5eed, 24, b"abcdefghijkmnpqrstuvwxyz23456789");
    let list = "INSERT INTO t (a, password) VALUES (";
    for text in [
        format!("{list}'{list}', '{secret}');\n"),
        format!("{list}'x\n{list}'y', '{secret}');\n"),
        format!("{}{list}'y', '{secret}');\n", format!("{list}\n").repeat(40)),
    ] {
        let out = redactor.redact(text.as_bytes(), None, None).unwrap().content;
        assert!(!leaks(&out, "", &secret), "{out}");
    }
}

/// A private key in base64, 18 lines, made here.
fn key_lines() -> Vec<String> {
    let set = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/";
    (0..18).map(|line| chance(line + 77, 64, set)).collect()
}

#[test]
fn a_public_block_is_exempt_only_with_its_own_end_line() {
    let key = key_lines();
    let (begin, end) = (["-----BEGIN ", "PRIVATE KEY-----"].concat(), ["-----END ", "PRIVATE KEY-----"].concat());
    let open = "-----BEGIN CERTIFICATE-----";
    let first = "MIIBszCCAVmgAwIBAgIUQZ7Zk0p9WfT3u8V1xJ2mYhQd5bAwCgYIKoZIzj0EAwIw";
    let texts = [
        format!("{open}\n{first}\nthe rest was lost\n{}\n{end}\n", key.join("\n")),
        format!("the log says {open} and goes on\n{}\n{end}\n", key.join("\n")),
        format!("{begin}\n{}\n{open}\n{}\n{end}\n", key[..8].join("\n"), key[8..].join("\n")),
        format!("{open}\n{}\n", key.join("\n")),
        format!("{}\n-----END CERTIFICATE-----\n", key.join("\n")),
        format!("{open}\n{}\n-----END PUBLIC KEY-----\n", key.join("\n")),
    ];
    let redactor = redactor();
    for text in texts {
        let out = redactor.redact(text.as_bytes(), Some("app.log"), None).unwrap().content;
        for line in &key {
            assert!(!leaks(&out, first, line), "{line} in {out}");
        }
        assert_eq!(redactor.redact(out.as_bytes(), Some("app.log"), None).unwrap().content, out);
    }
    let whole = format!("{open}\n{}\n-----END CERTIFICATE-----\n", key.join("\n"));
    assert_eq!(redactor.redact(whole.as_bytes(), Some("cert.pem"), None).unwrap().content, whole);
}
