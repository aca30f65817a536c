use super::*;

fn server() -> Server {
    Server { name: "ssh".to_owned(), command: "/opt/bin/ssh-mcp".to_owned(), args: vec!["serve"] }
}

fn plain(server: &Server) -> Value {
    serde_json::json!({"command": server.command, "args": server.args})
}

fn goose(server: &Server) -> Value {
    serde_json::json!({"name": server.name, "cmd": server.command, "args": server.args})
}

const SERVERS: Form = Form::Json { path: &["mcpServers"], entry: plain };
const MCP: Form = Form::Json { path: &["mcp"], entry: plain };
const CODEX: Form = Form::Toml { table: "mcp_servers" };
const GOOSE: Form = Form::YamlMap { key: "extensions", entry: goose };

/// Put in, found, put in again without a change, taken out; the value is the file with the server.
fn round(form: Form, text: &str) -> String {
    assert_eq!(registered(form, text, "ssh"), Ok(None), "{text}");
    let with = with_server(form, text, &server()).unwrap();
    assert_eq!(registered(form, &with, "ssh").unwrap().as_deref(), Some("/opt/bin/ssh-mcp"), "{with}");
    assert_eq!(with_server(form, &with, &server()).unwrap(), with, "the second time");
    let without = without_server(form, &with, "ssh").unwrap().unwrap();
    assert_eq!(registered(form, &without, "ssh"), Ok(None), "{without}");
    assert_eq!(without_server(form, &without, "ssh"), Ok(None));
    with
}

#[test]
fn json_keeps_comments_order_indents_and_the_mark_at_its_beginning() {
    let text = "\u{feff}{\n    // mine\n    \"theme\": \"dark\", /* odd */\n    \"mcpServers\": {\n        \"other\": {\"command\": \"x\"}, // keep\n    },\n}\n";
    let with = round(SERVERS, text);
    for part in
        ["\u{feff}{\n    // mine", "/* odd */", "\"other\": {\"command\": \"x\"}, // keep", "        \"ssh\": {"]
    {
        assert!(with.contains(part), "{part:?}: {with}");
    }
    let fresh = round(SERVERS, "");
    let value: Value = serde_json::from_str(&fresh).unwrap();
    assert_eq!(value["mcpServers"]["ssh"]["args"][0], "serve");
    assert!(round(SERVERS, "{}").contains("mcpServers"));
}

#[test]
fn an_entry_with_another_program_is_replaced_in_its_place() {
    let text = "{\"mcpServers\": {\"ssh\": {\"command\": \"old\"}, \"z\": 1}}";
    assert_eq!(registered(SERVERS, text, "ssh").unwrap().as_deref(), Some("old"));
    let with = with_server(SERVERS, text, &server()).unwrap();
    assert!(with.find("ssh-mcp").unwrap() < with.find("\"z\"").unwrap() && !with.contains("old"), "{with}");
}

#[test]
fn what_cannot_be_edited_is_refused_with_the_reason() {
    for (form, text, why) in [
        (SERVERS, "{\"mcpServers\": [", "is not JSON"),
        (SERVERS, "[1]", "no object at its top"),
        (SERVERS, "{\"mcpServers\": 3}", "something else than an object under `mcpServers`"),
        (CODEX, "[", "is not TOML"),
        (CODEX, "mcp_servers = 3\n", "`mcp_servers` is not a table"),
        (GOOSE, "a: [", "is not YAML"),
        (GOOSE, "a: 1\n---\nb: 2\n", "more than one YAML document"),
        (GOOSE, "extensions: {a: {cmd: x}}\n", "add this below it"),
    ] {
        let refused = with_server(form, text, &server()).unwrap_err();
        assert!(refused.contains(why), "{text}: {refused}");
    }
}

#[test]
fn open_code_gets_the_level_that_its_file_has() {
    assert!(round(MCP, "{\"mcp\": {\"x\": {\"type\": \"local\"}}}").contains("\"ssh\""));
    let second = round(MCP, "{\"mcp\": {\"servers\": {\"x\": {\"type\": \"local\"}}}}");
    let value: Value = serde_json::from_str(&second).unwrap();
    assert!(value["mcp"]["servers"]["ssh"].is_object() && value["mcp"]["ssh"].is_null(), "{second}");
}

#[test]
fn toml_keeps_what_is_around_it() {
    let text = "# mine\nmodel = \"x\" # y\n\n[mcp_servers.other]\ncommand = \"o\"\n";
    let with = round(CODEX, text);
    assert_eq!(with, format!("{text}\n[mcp_servers.ssh]\ncommand = \"/opt/bin/ssh-mcp\"\nargs = [\"serve\"]\n"));
    assert_eq!(without_server(CODEX, &with, "ssh").unwrap().unwrap(), text);
}

#[test]
fn yaml_is_only_written_where_it_reads_back_as_the_old_file_with_the_entry() {
    let text = "# mine\nGOOSE_MODE: auto\nextensions:\n  # built in\n  developer:\n    enabled: true # on\n    timeout: 300\nlast: 1\n";
    let with = round(GOOSE, text);
    assert_eq!(without_server(GOOSE, &with, "ssh").unwrap().unwrap(), text);
    assert!(with.contains("extensions:\n  ssh:\n    name: \"ssh\"\n"), "{with}");
    assert!(round(GOOSE, "GOOSE_MODE: auto").starts_with("GOOSE_MODE: auto\nextensions:\n  ssh:\n"));
    round(GOOSE, "");
    assert!(round(Form::OwnYaml, "").contains("- name: \"ssh\""));
}
