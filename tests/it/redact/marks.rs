//! Marks in the input: those of this installation stay as they are and shield nothing, those that only look like ones
//! are ordinary text.

use ssh_mcp::internals::redact::engine::{MarkerKey, Options, Redactor};

use super::{SALT, chance, leaks, redactor};

/// Places of a secret that a mark could stand before, behind or around; `@@` is the secret, `MM` the mark.
const FORMS: [(&str, &str); 28] = [
    (".env", "DB_PASSWORD=MM@@\n"),
    (".env", "DB_PASSWORD=MM @@\n"),
    (".env", "DB_PASSWORD=\"MM @@\"\n"),
    (".env", "DB_PASSWORD='MM'@@\n"),
    (".env", "DB_PASSWORD=@@MM\n"),
    (".env", "DB_PASSWORD=@@ MM\n"),
    ("values.yaml", "password: MM @@\n"),
    ("values.yaml", "password: \"MM\n  @@\"\n"),
    ("values.yaml", "password: |\n  MM\n  @@\n"),
    ("values.yaml", "db: {user: a, password: MM @@}\n"),
    ("a.json", "{\"password\": \"MM@@\"}\n"),
    ("a.json", "{\"password\": \"MM, @@\"}\n"),
    ("a.ini", "[db]\npassword = MM;@@\n"),
    ("web.xml", "<password>MM@@</password>\n"),
    ("web.xml", "<password>MM @@</password>\n"),
    (".netrc", "machine example.com login app password MM@@\n"),
    (".pgpass", "db:5432:app:app:MM@@\n"),
    ("run.sh", "mysql -pMM@@ app\n"),
    ("run.sh", "app --password MM@@ -v\n"),
    ("run.sh", "curl -u app:MM@@ https://example.com/\n"),
    ("run.sh", "curl -H 'Authorization: Bearer MM@@' https://example.com/\n"),
    ("run.sh", "curl -H 'Authorization: MM @@' https://example.com/\n"),
    ("a.conf", "requirepass MM@@\n"),
    ("snmpd.conf", "rocommunity MM@@\n"),
    ("a.env", "DATABASE_URL=postgres://app:MM@@@db.example.com/app\n"),
    ("a.env", "REDIS_URL=redis://:MM:@@@cache:6379/0\n"),
    ("key.pem", "-----BEGIN PRIVATE KEY-----\nMM\n@@\n-----END PRIVATE KEY-----\n"),
    ("a.sql", "CREATE USER app PASSWORD 'MM@@';\n"),
];

fn secret() -> String {
    chance(0x0bad, 24, b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789")
}

#[test]
fn no_mark_shields_what_stands_beside_it() {
    let key = MarkerKey::from_salt(SALT);
    let genuine = [key.mark("hunter2", 0).unwrap().1, key.mark(&"x".repeat(30), 4).unwrap().1];
    let forged = ["<sha:0123456789ab>", "<sha:0123456789ab len:24>", "<sha:0123456789ab len:24 hint:abcd...efgh>"];
    let (mut count, mut leaked) = (0, Vec::new());
    for (name, form) in FORMS {
        for mark in forged.iter().map(|m| (*m).to_owned()).chain(genuine.clone()) {
            for secret in [secret(), ["Tr0ub4", "dor9x"].concat()] {
                count += 1;
                let template = form.replace("MM", &mark);
                let out = redactor().redact(template.replace("@@", &secret).as_bytes(), Some(name), None).unwrap();
                if leaks(&out.content, &template, &secret) {
                    leaked.push(format!("{name}: {}", out.content));
                }
                let twice = redactor().redact(out.content.as_bytes(), Some(name), None).unwrap();
                assert_eq!(twice.content, out.content, "{template}");
            }
        }
    }
    println!("{count} documents with marks, {} leak", leaked.len());
    assert!(leaked.is_empty(), "{} of {count} leak:\n{}", leaked.len(), leaked.join("\n"));
}

#[test]
fn what_looks_like_a_mark_is_ordinary_text() {
    let forged = "DB_PASSWORD=<sha:0123456789ab>\n";
    let once = redactor().redact(forged.as_bytes(), Some(".env"), None).unwrap();
    assert!(!once.content.contains("0123456789ab") && once.redactions.len() == 1, "{}", once.content);
    let twice = redactor().redact(once.content.as_bytes(), Some(".env"), None).unwrap();
    assert_eq!(twice.content, once.content);
    assert!(twice.redactions.is_empty(), "{:?}", twice.redactions);
    // Marks of another installation are text as well.
    let other = Redactor::new(Options::new(MarkerKey::from_salt("another salt")));
    let again = other.redact(once.content.as_bytes(), Some(".env"), None).unwrap();
    assert!(again.redactions.len() == 1 && again.content != once.content, "{}", again.content);
}

#[test]
fn records_quote_nothing_that_is_masked() {
    let secret = ["MyPass", "word1"].concat();
    let texts = [
        format!("-p{secret} hunter2swordfish\n"),
        format!("app --token-{secret} other-{secret}\n"),
        format!("command: [\"mysqladmin\", \"-p{secret}\", \"ping\"]\n"),
        format!("ExecStart=/bin/x -p{secret}\n"),
        format!("mysql -p{secret} = hunter2swordfish\n"),
        format!("password={secret}_password=hunter2swordfish\n"),
        format!("postgres://u:{secret}_token=hunter2@db/x\n"),
    ];
    for text in texts {
        let out = redactor().redact(text.as_bytes(), Some("a.conf"), None).unwrap();
        for record in &out.redactions {
            let Some(key) = &record.key else { continue };
            assert!(out.content.contains(key.as_str()), "{key:?} is told and is not in {}", out.content);
        }
    }
    let out = redactor().redact(format!("mysqladmin -p{secret} --password=x1y2z3q4\n").as_bytes(), None, None).unwrap();
    assert!(!serde_json::to_string(&out.redactions).unwrap().contains(&secret[..6]), "{:?}", out.redactions);
}
