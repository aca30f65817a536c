//! Resources, skills, prompts and completion.

use std::fs;
use std::path::Path;

use rmcp::model::sha256_digest;

use super::*;

fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &[u8]| {
        let path: &Path = &dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("skills/echo/SKILL.md", b"---\nname: echo\ndescription: Finds files\nlicense: MIT\n---\n# Find\n");
    write("skills/echo/refs/a b.txt", b"text");
    write("skills/echo/refs/deep/blob.bin", b"\xff\x00");
    write("skills/broken/SKILL.md", b"# no head\n");
    write(
        "runbooks/ssh-disk-cleanup/SKILL.md",
        b"---\nname: ssh-disk-cleanup\ndescription: Frees space\nmetadata:\n  arguments: host mount?\n---\nStep 1.\n",
    );
    dir
}

fn library(dir: &Path) -> Library {
    let sources =
        Sources { skills: Some(dir.join("skills")), runbooks: Some(dir.join("runbooks")), no_runbooks: false };
    Library::open(&sources).0
}

async fn client(dir: &Path) -> Client {
    let mut client = Client::over(library(dir));
    client.initialize("2025-11-25").await;
    client
}

#[tokio::test]
async fn resources_are_listed_and_read() {
    let dir = tree();
    let mut client = client(dir.path()).await;
    let list = client.ask(json!(1), "resources/list", json!({})).await["result"]["resources"].clone();
    let uris: Vec<_> = list.as_array().unwrap().iter().map(|r| r["uri"].as_str().unwrap()).collect();
    assert_eq!(
        uris,
        [
            "mcp://ssh-mcp/server-info",
            "skill://ssh-disk-cleanup/SKILL.md",
            "skill://echo/SKILL.md",
            "skill://broken/SKILL.md",
        ]
    );
    assert_eq!((&list[2]["name"], &list[2]["description"]), (&json!("echo"), &json!("Finds files")));
    assert_eq!(list[2]["title"], "Guide: echo");
    assert_eq!(list[2]["mimeType"], "text/markdown");

    for uri in uris.clone() {
        let read = client.ask(json!(uri), "resources/read", json!({"uri": uri})).await;
        assert_eq!(read["result"]["contents"][0]["uri"], uri, "{read}");
    }
    let info = client.ask(json!(2), "resources/read", json!({"uri": uris[0]})).await["result"]["contents"][0].clone();
    assert_eq!(info["mimeType"], "application/json");
    assert_eq!(info["text"], "{\n  \"name\": \"ssh-mcp\",\n  \"total_tools\": 8\n}");

    let manifest = client.ask(json!(3), "resources/read", json!({"uri": "skill://echo/_manifest"})).await;
    let manifest: Value = serde_json::from_str(manifest["result"]["contents"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(manifest["skill"], "echo");
    assert_eq!(manifest["files"][1], json!({"path": "refs/a b.txt", "size": 4, "hash": sha256_digest(b"text")}));

    let templates =
        client.ask(json!(4), "resources/templates/list", json!({})).await["result"]["resourceTemplates"].clone();
    assert_eq!(templates.as_array().unwrap().len(), 3);
    assert_eq!(templates[1]["uriTemplate"], "skill://echo/{path*}");
    assert_eq!(templates[1]["mimeType"], "application/octet-stream");

    let text = client.ask(json!(5), "resources/read", json!({"uri": "skill://echo/refs/a%20b.txt"})).await;
    assert_eq!(text["result"]["contents"][0]["text"], "text");
    let blob = client.ask(json!(6), "resources/read", json!({"uri": "skill://echo/refs/deep/blob.bin"})).await;
    assert_eq!(blob["result"]["contents"][0]["blob"], "/wA=");
}

#[tokio::test]
async fn what_is_not_there_has_the_code_of_its_era() {
    let dir = tree();
    let mut client = client(dir.path()).await;
    for (n, uri) in [
        "skill://echo/absent",
        "skill://echo/refs",
        "skill://echo/",
        "skill://echo",
        "skill://echo/../ssh-disk-cleanup/SKILL.md",
        "skill://echo/%2e%2e/broken/SKILL.md",
        "skill://echo/refs%2Fa%20b.txt",
        "skill://absent/SKILL.md",
        "file:///etc/passwd",
        "mcp://ssh-mcp/other",
        "",
    ]
    .iter()
    .enumerate()
    {
        let old = client.ask(json!(n), "resources/read", json!({"uri": uri})).await;
        assert_eq!(old["error"]["code"], -32002, "{uri}: {old}");
        let new = client.ask(json!(n), "resources/read", with_meta(json!({"uri": uri}))).await;
        assert_eq!(new["error"]["code"], -32602, "{uri}: {new}");
    }
}

#[tokio::test]
async fn skills_carry_digests_of_what_is_read() {
    let dir = tree();
    let mut client = client(dir.path()).await;
    let result = client.ask(json!(1), "skills/list", with_meta(json!({}))).await["result"].clone();
    assert_eq!(result["resultType"], "complete");
    assert_eq!((&result["ttlMs"], &result["cacheScope"]), (&json!(0), &json!("private")));
    let skills = result["skills"].as_array().unwrap();
    assert_eq!(skills.len(), 2, "the broken one is left out");
    assert_eq!(skills[0]["frontmatter"]["name"], "ssh-disk-cleanup", "runbooks come first");
    assert_eq!(skills[1]["frontmatter"], json!({"name": "echo", "description": "Finds files", "license": "MIT"}));
    for skill in skills {
        for file in skill["resources"].as_array().unwrap() {
            let read = client.ask(json!("r"), "resources/read", json!({"uri": file["uri"]})).await;
            let contents = &read["result"]["contents"][0];
            let bytes = match contents["text"].as_str() {
                Some(text) => text.as_bytes().to_vec(),
                None => b"\xff\x00".to_vec(),
            };
            assert_eq!(file["digest"], sha256_digest(&bytes));
            assert_eq!(file["size"], bytes.len());
        }
        let one = client.ask(json!("g"), "skills/get", with_meta(json!({"uri": skill["uri"]}))).await;
        assert_eq!(&one["result"]["skill"], skill);
        assert_eq!(one["result"]["resultType"], "complete");
    }
    for uri in ["skill://absent/SKILL.md", "skill://broken/SKILL.md", "skill://echo/refs/a%20b.txt", "x"] {
        let answer = client.ask(json!("x"), "skills/get", with_meta(json!({"uri": uri}))).await;
        assert_eq!(answer["error"]["code"], -32602, "{uri}: {answer}");
    }
}

#[tokio::test]
async fn directories_list_their_direct_children() {
    let dir = tree();
    let mut client = client(dir.path()).await;
    let mut children = async |uri: &str| {
        let answer = client.ask(json!(uri), "resources/directory/read", with_meta(json!({"uri": uri}))).await;
        match answer["result"]["resources"].as_array() {
            Some(list) => list
                .iter()
                .map(|r| format!("{} {}", r["uri"].as_str().unwrap(), r["mimeType"].as_str().unwrap()))
                .collect(),
            None => vec![answer["error"]["code"].to_string()],
        }
    };
    assert_eq!(
        children("skill://echo").await,
        ["skill://echo/SKILL.md text/markdown", "skill://echo/refs inode/directory"]
    );
    assert_eq!(
        children("skill://echo/refs").await,
        ["skill://echo/refs/a%20b.txt text/plain", "skill://echo/refs/deep inode/directory"]
    );
    for uri in ["skill://echo/SKILL.md", "skill://echo/refs/", "skill://echo/ref", "skill://absent", "skill://", "x"] {
        assert_eq!(children(uri).await, ["-32602"], "{uri}");
    }
}

#[tokio::test]
async fn runbooks_are_prompts() {
    let dir = tree();
    let mut client = client(dir.path()).await;
    let prompts = client.ask(json!(1), "prompts/list", json!({})).await["result"]["prompts"].clone();
    assert_eq!(
        prompts,
        json!([{
            "name": "ssh-disk-cleanup", "title": "Runbook: ssh disk cleanup", "description": "Frees space",
            "arguments": [
                {"name": "host", "description": "Alias of the host", "required": true},
                {"name": "mount", "description": "Mount point, such as /var", "required": false},
            ],
        }])
    );
    let get = |arguments: Value| json!({"name": "ssh-disk-cleanup", "arguments": arguments});
    let prompt = client.ask(json!(2), "prompts/get", get(json!({"host": "web-1"}))).await["result"].clone();
    assert_eq!(prompt["messages"][0]["role"], "user");
    let text = prompt["messages"][0]["content"]["text"].as_str().unwrap();
    assert!(text.contains("- host: web-1\n") && text.ends_with("Step 1.\n") && !text.contains("---"), "{text}");
    for bad in [
        json!({}),
        json!({"host": ""}),
        json!({"host": 1}),
        json!({"host": "a\nb"}),
        json!({"host": "a", "other": "b"}),
        json!({"host": "x".repeat(2000)}),
    ] {
        assert_eq!(client.ask(json!(3), "prompts/get", get(bad.clone())).await["error"]["code"], -32602, "{bad}");
    }
    for name in ["absent", "echo"] {
        assert_eq!(client.ask(json!(4), "prompts/get", json!({"name": name})).await["error"]["code"], -32602);
    }
}

/// What a folder of skills hides is in no text that leaves: not in lists, not in prompts, not in resources.
#[tokio::test]
async fn nothing_hidden_in_a_skill_leaves_as_text() {
    let dir = tree();
    let head = "---\nname: NAME\ndescription: Frees \u{202e}space\u{e0041}\nmetadata:\n  arguments: host\n---\n";
    let body = "a\u{1b}[2Jb\u{9b}1m\u{200b}c\u{7}\r\n";
    for (folder, name) in [("skills", "echo"), ("runbooks", "ssh-disk-cleanup")] {
        let text = format!("{}{body}", head.replace("NAME", name));
        fs::write(dir.path().join(folder).join(name).join("SKILL.md"), text).unwrap();
    }
    fs::write(dir.path().join("skills/echo/refs/crlf.txt"), "a\r\nb\r\n").unwrap();
    let mut client = client(dir.path()).await;
    let uri = |path: &str| json!({"uri": format!("skill://echo/{path}")});
    let prompt = json!({"name": "ssh-disk-cleanup", "arguments": {"host": "we\u{202e}b"}});
    let complete = json!({
        "ref": {"type": "ref/prompt", "name": "ssh-disk-cleanup"}, "argument": {"name": "host", "value": "w"},
    });
    for (at, (method, params)) in [
        ("resources/list", json!({})),
        ("resources/templates/list", json!({})),
        ("resources/read", uri("SKILL.md")),
        ("prompts/list", json!({})),
        ("prompts/get", prompt),
        ("completion/complete", complete),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = client.ask(json!(at), method, params).await;
        assert!(answer["error"].is_null(), "{method}: {answer}");
        let mut once = answer.clone();
        let found = crate::redact::clean::clean_json(&mut once, &crate::redact::clean::Limits::default());
        assert!(once == answer && found.is_empty(), "{method}: {answer}");
    }
    let read = client.ask(json!("r"), "resources/read", uri("SKILL.md")).await["result"]["contents"][0].clone();
    assert!(read["text"].is_null() && read["blob"].is_string(), "its digest is of these bytes: {read}");
    let read = client.ask(json!("c"), "resources/read", uri("refs/crlf.txt")).await["result"]["contents"][0].clone();
    assert_eq!(read["text"], "a\r\nb\r\n");
}

#[tokio::test]
async fn arguments_are_completed_from_the_backend() {
    let dir = tree();
    let mut client = client(dir.path()).await;
    let mut complete = async |reference: Value, name: &str, value: &str| {
        let params = json!({"ref": reference, "argument": {"name": name, "value": value}});
        let answer = client.ask(json!(name), "completion/complete", params).await;
        if answer["error"].is_object() {
            answer["error"]["code"].clone()
        } else {
            answer["result"]["completion"].clone()
        }
    };
    let prompt = json!({"type": "ref/prompt", "name": "ssh-disk-cleanup"});
    assert_eq!(complete(prompt.clone(), "host", "db").await, json!({"values": ["db-1"], "total": 1, "hasMore": false}));
    let many = complete(prompt.clone(), "host", "web").await;
    assert_eq!(
        (many["values"].as_array().unwrap().len(), &many["total"], &many["hasMore"]),
        (100, &json!(150), &json!(true))
    );
    assert_eq!(complete(prompt, "unheard-of", "").await["values"], json!([]));
    let template = json!({"type": "ref/resource", "uri": "skill://echo/{path*}"});
    assert_eq!(complete(template, "path", "refs/a").await["values"], json!(["refs/a b.txt"]));
    assert_eq!(complete(json!({"type": "ref/prompt", "name": "absent"}), "host", "").await, -32602);
    assert_eq!(complete(json!({"type": "ref/resource", "uri": "skill://x"}), "path", "").await, -32602);
}
